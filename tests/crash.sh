#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# crash.sh [--kvm] [--module vh.ko] [LAB OPTIONS...]: the host dies with a VM running on each of 2 CPUs
#
# Panic with a crash kernel loaded, which then looks whether VMX was left on both CPUs
# (mitigations/payload.S); NMIs while guests run; emergency reboot, forced reboot and panic without
# a crash kernel, each of which has to reset the machine. --kvm: with KVM loaded, whose VMX it may be.
set -eu
cd "$(dirname "$0")/.."
module=kmod/vh.ko kvm=:
if [ "${1-}" = --kvm ]; then kvm='modprobe kvm-intel'; shift; fi
if [ "${1-}" = --module ]; then module=$2; shift 2; fi
make -s -C tests/mitigations
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0
# What all scripts begin with.
echo "$kvm || exit 1; insmod ./vh.ko || exit 1" >"$work/common"
cat >>"$work/common" <<'END2'
# spin: a VM on each CPU, in the guest nearly always; returns when both have begun to count
spin() {
	./spin 2 >/tmp/counts & spinner=$!
	n=0
	while ! tail -n 1 /tmp/counts | grep -q '^[1-9][0-9]* [1-9]'; do
		n=$((n + 1)); [ $n -lt 100 ] || { echo "not ok - guests spin"; exit 1; }
		usleep 50000
	done
	# By whom VMX was turned on: only who did it can say on how many CPUs it left.
	echo "# VMX: $(cat /sys/module/vh/parameters/vmx_root)"
}
END2

# --- NMIs, then kdump ---
cat "$work/common" - >"$work/kdump.sh" <<'END2'
check() { name=$1; shift; if "$@"; then echo "ok - $name"; else echo "not ok - $name"; exit 1; fi; }
[ ! -e /sys/kernel/realtime ] || echo "# PREEMPT_RT"
spin
# An NMI to the other CPU, whose guest runs: the host's handler sees it, and where it was.
nmis() { awk '/NMI:/ { print $2 + $3 }' /proc/interrupts; }
before=$(nmis)
n=0
# Not all of it over the serial line, which takes its time.
echo 1 >/proc/sys/kernel/printk
seen() { dmesg | grep -qE 'RIP: 0010:.*\[vh\]'; }
# Whether the guest or something else runs there at that moment is chance.
while [ $n -lt 30 ] && ! seen; do echo l >/proc/sysrq-trigger; n=$((n + 1)); usleep 20000; done
check "NMIs reach the host" [ $(nmis) -ge $((before + n)) ]
check "one came while a guest ran" seen
count() { tail -n 1 /tmp/counts; }
on() { a=$(count); usleep 400000; b=$(count); [ "${a% * }" != "${b% * }" ] && [ "$a" != "$b" ]; }
check "the guests go on" on
./crash || exit 1
echo 1 >/proc/sys/kernel/sysrq
taskset 1 sh -c 'echo c >/proc/sysrq-trigger'
sleep 100
END2
# A CPU that is stopped while it prints keeps the console, and the last line to itself: then once more.
for try in 1 2 3; do
	result=0
	tests/lab/lab run --cpus 2 --trim --serial --append crashkernel=64M --timeout 500 \
		--allow 'sysrq triggered crash|NMI backtrace' \
		--file "$module:vh.ko" --file build/tests/mitigations/spin --file build/tests/mitigations/crash \
		"$@" "$work/kdump.sh" >"$work/kdump" 2>&1 || result=1
	[ $result = 0 ] && ! grep -q "VMX is off on" "$work/kdump" && [ $try != 3 ] || break
done
failed=$((failed + result))
grep -v '^serial:' "$work/kdump"
for want in "NMIs reach the host" "one came while a guest ran" "the guests go on" \
	"a crash kernel starts" "it can turn VMX on" "the other CPU obeys INIT"; do
	if grep -q "^ok - $want" "$work/kdump"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1)); echo "not ok - $want: not heard of"
	fi
done
expect() { # NAME FILE COUNT PATTERN
	if [ "$(grep -cE "$4" "$2")" = "$3" ]; then
		passed=$((passed + 1)); echo "ok - $1"
	else
		failed=$((failed + 1)); echo "not ok - $1"
	fi
}
# left NAME FILE: does the last line of vh's say that it left VMX? Where it is KVM's to leave, there
# is no such line. On PREEMPT_RT a thread prints, which comes no more once another kernel starts:
# what that found has to do.
left() {
	if grep -q "^# VMX: kvm" "$work/kdump" || { [ "$2" = "$work/kdump" ] && grep -q "^# PREEMPT_RT" "$2"; }; then
		skipped=$((skipped + 1)); echo "ok - $1 # skip nobody says so here"
	else
		expect "$1" "$2" 1 '^serial: .*vh: VMX is off on 2 of 2 CPUs'
	fi
}
left "the panic left VMX on both CPUs" "$work/kdump"

# --- resets: firmware starts again, and either stumbles over the keyboard or starts the boot sector ---
reset() { # NAME COMMAND
	{
		cat "$work/common"
		printf 'spin\n%s\nsleep 100\n' "$2"
	} >"$work/$1.sh"
	tests/lab/lab run --cpus 2 --trim --serial --timeout 600 --append reboot=p --allow 'sysrq triggered crash' \
		--file "$module:vh.ko" --file build/tests/mitigations/spin $lab "$work/$1.sh" >"$work/$1" 2>&1 || true
	expect "$1: the machine is reset" "$work/$1" 1 '^ .*(\[BIOS *\] >>PANIC<< Keyboard error|boot: this machine was reset)'
}
lab=$*
reset emergency 'echo b >/proc/sysrq-trigger'
left "emergency: VMX was left on both CPUs" "$work/emergency"
reset panic 'echo 1 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger'
left "panic: VMX was left on both CPUs" "$work/panic"
reset forced 'reboot -f'
[ $failed = 0 ] || tail -n 25 "$work"/{kdump,emergency,panic,forced}
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
