#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# work-devices.sh: the small devices of vhctl's VMs, with a stock Debian guest's own drivers, in the lab
#
#   work-devices.sh [--module vh.ko] [--param NAME=VALUE]... [--only PART]... [LAB OPTIONS...]
#
# PART: balloon, generation, panic, clock, watchdog, console, pmem, hotplug, memory, cpus, share.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib/vm-options.sh
make -s -C tests/work
kernel=$(tests/lab/lab kernel 6.1)
work=$PWD/build/work
mkdir -p "$work"
tests/vmm/initrd --guest tests/lib/until.sh --guest tests/work/steps.sh --guest tests/work/load-guest.sh --guest tests/work/devices-guest.sh --guest tests/work/obey.sh --with build/tests/work/disk "$work/devices-initrd" "$kernel" \
	virtio_pci virtio_balloon virtio_console pvpanic-mmio wdat_wdt \
	virtio_blk virtio_pmem nd_pmem virtio_mem vmw_vsock_virtio_transport virtiofs ext4 crc32c_generic
rm -rf "$work/root" "$work/root.img"
mkdir "$work/root"
cp /bin/busybox "$work/root/"
truncate -s 5M "$work/root.img"
mke2fs -q -t ext4 -O ^has_journal -b 4096 -d "$work/root" "$work/root.img"
{
	echo "params='$params' parts='$only'"
	cat tests/lib/{lab-check,until}.sh tests/work/{vms,talk,devices-lab}.sh
} >"$work/devices-script.sh"
tests/lab/lab run --timeout 900 --mem 1024 --modules vhost_vsock "${load[@]}" --file build/vhctl/vhctl --file /usr/lib/qemu/virtiofsd:/usr/lib/qemu/virtiofsd --file build/tests/work/ask --file build/tests/work/term --file "$kernel/vmlinux" --file "$work/root.img" \
	--file "$work/devices-initrd:initrd" "$@" "$work/devices-script.sh"
