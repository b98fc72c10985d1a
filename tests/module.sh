#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# module.sh: loading and unloading, also while VMs are made over netlink; suspend, hosts without VMX.
set -eu
cd "$(dirname "$0")/.."
make -s -C tests/bench
make -s -C tests/guests
make -s -C tests/netlink
script=$(mktemp) refused=$(mktemp)
trap 'rm -f "$script" "$refused"' EXIT
cat tests/lib/lab-check.sh - >"$script" <<'END'
run_vm() { ./bench --device $1 --only create >/dev/null 2>/tmp/err; }

fifty() { n=0; while [ $n -lt 50 ]; do insmod ./vh.ko && rmmod vh || return 1; n=$((n + 1)); done; }
check "loads and unloads 50 times" fifty
insmod ./vh.ko
check "the device is there, mode 0660" [ "$(stat -c %a /dev/vh)" = 660 ]
check "a VM is created" run_vm /dev/vh
check "nothing is left in use" [ "$(cat /sys/module/vh/refcnt)" = 0 ]

# Suspend to RAM: the processor is reset, and VMX comes back under a VM.
./hold /dev/vh & holder=$!
./guests --only mmio /dev/vh >/tmp/during 2>&1 & guests=$!
suspend() { echo mem >/sys/power/state; }
check "the host suspends and resumes with VMs" suspend
check "guests ran through it" wait $guests
check "and run afterwards" ./guests --only cpuid /dev/vh
kill $holder; wait $holder 2>/dev/null
check "the module unloads" rmmod vh

# For VMMs that know one name only.
alias_runs() { [ "$(stat -c %t:%T /dev/kvm)" = a:e8 ] && ./guests --only cpuid /dev/kvm; }
check "it loads as /dev/kvm as well" insmod ./vh.ko kvm_alias=1
check "VMs run on /dev/kvm" alias_runs
check "and on /dev/vh" ./guests --only cpuid /dev/vh
# busybox tries twice, by file and by memory; the second time was a BUG() of 6.1's
kept_out() { ! modprobe kvm-intel && ! modprobe kvm-intel && dmesg | grep -q "vh: kvm_alias: /dev/kvm is vh's" && alias_runs; }
check "KVM does not load beside it, however often" kept_out
check "it unloads" rmmod vh
check "/dev/kvm goes with it" [ ! -e /dev/kvm ]
modprobe kvm-intel
taken() { ! insmod ./vh.ko kvm_alias=1 && dmesg | grep -q "vh: kvm_alias: /dev/kvm is KVM's" && [ ! -e /dev/vh ]; }
check "where KVM is, it says so and does not load" taken
check "nor is KVM disturbed" ./guests --only cpuid /dev/kvm
rmmod kvm-intel kvm
echo "$passed passed, $failed failed"
[ $failed = 0 ]
END
# Where vh cannot run: a clear line in the log, no device. $1: what the line says.
refusal() {
	cat <<END
if insmod ./vh.ko 2>/tmp/err; then echo "vh loads"; exit 1; fi
dmesg | grep "vh: " | tail -n 3
grep -q "Operation not supported\|Not supported" /tmp/err && dmesg | grep -q "vh: .*$1" && [ ! -e /dev/vh ]
END
}
mkdir -p build/tests
gcc -O2 -static tests/beside/hold.c -o build/tests/hold
status=0
tests/lab/lab run --file kmod/vh.ko --file build/tests/bench/bench --file build/tests/hold \
	--file build/tests/guests/guests "$script" || status=$?
echo "insmod ./vh.ko && ./unload ./vh.ko && rmmod vh" >"$refused"
if tests/lab/lab run --cpus 2 --file kmod/vh.ko --file build/tests/netlink/unload "$refused"; then
	echo "ok - VMs made over netlink and unloading"
else
	echo "not ok - VMs made over netlink and unloading"
	status=1
fi
refuses() {	# NAME, LINE, LAB OPTIONS...
	local name=$1
	refusal "$2" >"$refused"
	shift 2
	if tests/lab/lab run --file kmod/vh.ko "$@" "$refused"; then
		echo "ok - $name"
	else
		echo "not ok - $name"
		status=1
	fi
}
refuses "no VMX" "has no VMX" --cpu p4_prescott_celeron_336
refuses "VMX disabled" "disabled by the kernel's command line" --append clearcpuid=133
exit $status
