#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# crash.sh [--module vh.ko] [LAB OPTIONS...]: the host dies with a VM running on each of 2 CPUs
#
# Panic with a crash kernel loaded, which then looks whether VMX was left on both CPUs
# (mitigations/payload.S); NMIs while guests run; emergency reboot, forced reboot and panic without
# a crash kernel, each of which has to reset the machine.
set -eu
cd "$(dirname "$0")/.."
module=kmod/vh.ko
if [ "${1-}" = --module ]; then module=$2; shift 2; fi
make -s -C tests/mitigations
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0
# What both scripts begin with.
cat >"$work/common" <<'END2'
# spin: a VM on each CPU, in the guest nearly always; returns when both have begun to count
spin() {
	./spin 2 >/tmp/counts & spinner=$!
	n=0
	while ! tail -n 1 /tmp/counts | grep -q '^[1-9][0-9]* [1-9]'; do
		n=$((n + 1)); [ $n -lt 100 ] || { echo "not ok - guests spin"; exit 1; }
		usleep 50000
	done
}
END2

# --- NMIs, then kdump ---
cat "$work/common" - >"$work/kdump.sh" <<'END2'
check() { name=$1; shift; if "$@"; then echo "ok - $name"; else echo "not ok - $name"; exit 1; fi; }
insmod ./vh.ko || exit 1
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
tests/lab/lab run --cpus 2 --trim --serial --append crashkernel=64M --timeout 500 \
	--allow 'sysrq triggered crash|NMI backtrace' \
	--file "$module:vh.ko" --file build/tests/mitigations/spin --file build/tests/mitigations/crash \
	"$@" "$work/kdump.sh" >"$work/kdump" 2>&1 || failed=$((failed + 1))
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
# On PREEMPT_RT a thread prints, which comes no more; what the crash kernel found has to do.
if grep -q "^# PREEMPT_RT" "$work/kdump"; then
	skipped=1
else
	expect "the panic left VMX on both CPUs" "$work/kdump" 1 '^serial: .*vh: VMX is off on 2 of 2 CPUs'
fi

# --- resets: firmware starts again, and either stumbles over the keyboard or starts the boot sector ---
reset() { # NAME COMMAND
	{
		cat "$work/common"
		printf 'insmod ./vh.ko || exit 1\nspin\n%s\nsleep 100\n' "$2"
	} >"$work/$1.sh"
	tests/lab/lab run --cpus 2 --trim --serial --timeout 600 --append reboot=p --allow 'sysrq triggered crash' \
		--file "$module:vh.ko" --file build/tests/mitigations/spin $lab "$work/$1.sh" >"$work/$1" 2>&1 || true
	expect "$1: the machine is reset" "$work/$1" 1 '^ .*(\[BIOS *\] >>PANIC<< Keyboard error|boot: this machine was reset)'
}
lab=$*
reset emergency 'echo b >/proc/sysrq-trigger'
expect "emergency: VMX was left on both CPUs" "$work/emergency" 1 '^serial: .*vh: VMX is off on 2 of 2 CPUs'
reset panic 'echo 1 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger'
expect "panic: VMX was left on both CPUs" "$work/panic" 1 '^serial: .*vh: VMX is off on 2 of 2 CPUs'
reset forced 'reboot -f'
[ $failed = 0 ] || tail -n 25 "$work"/{kdump,emergency,panic,forced}
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
