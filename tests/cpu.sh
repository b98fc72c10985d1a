#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# cpu.sh: models of processors, in the lab: what 'vhctl cpu' says of a host, and what a Debian guest finds of a processor
#
#   cpu.sh [--kvm] [--module vh.ko] [LAB OPTIONS...]
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib/vm-options.sh
kernel=$(tests/lab/lab kernel 6.1)
work=$PWD/build/work/cpu
mkdir -p "$work"
cat >"$work/guest.sh" <<'END'
again() { # what all vCPUs say, once if it is the same
	sed -n "s/^$1[[:space:]]*: */$2 /p" /proc/cpuinfo | sort -u
}
n=0
until [ "$(grep -c ^processor /proc/cpuinfo)" = 2 ] || [ $n = 100 ]; do
	for c in /sys/devices/system/cpu/cpu[0-9]*/online; do [ "$(cat $c)" = 1 ] || echo 1 >$c; done
	usleep 200000; n=$((n + 1))
done
echo "cpus $(grep -c ^processor /proc/cpuinfo)"
again flags flags; again "address sizes" sizes; again "model name" model
echo "clock $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
poweroff -n -f
END
tests/vmm/initrd --guest "$work/guest.sh" "$work/initrd" "$kernel"
{
	echo "device=$device cmdline='console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests rodata=off panic=-1 vhtest=vmm'"
	cat tests/lib/lab-check.sh tests/work/cpu-lab.sh
} >"$work/script.sh"
tests/lab/lab run --timeout 600 "${load[@]}" --file build/vhctl/vhctl --file "$kernel/vmlinux" --file "$work/initrd" "$@" "$work/script.sh"
