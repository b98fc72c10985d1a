#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# work.sh: a stock Debian guest at work on disks of vhctl's, in the lab
#
#   work.sh [--kvm] [--no-confine] [--module vh.ko] [--param NAME=VALUE]... [LAB OPTIONS...]
#
# Two vCPUs, files and a block device: sizes, contents on both sides, discarding, limits, load that
# verifies what it reads, drivers that come, go and err, a VMM that is killed, a file that is in use. --no-confine: with a VMM that is not confined.
set -euo pipefail
cd "$(dirname "$0")/.."
confine=
option() { [ "$1" = --no-confine ] && confine=$1; }
. tests/lib/vm-options.sh
make -s -C tests/work
kernel=$(tests/lab/lab kernel 6.1)
work=$PWD/build/work
mkdir -p "$work"
tests/vmm/initrd --guest tests/lib/until.sh --guest tests/work/steps.sh --guest tests/work/guest.sh --with build/tests/work/disk "$work/initrd" "$kernel" \
	virtio_pci virtio_blk virtio-rng ext4 crc32c_generic
{
	echo "device=$device params='$params' confine=$confine"
	cat tests/lib/lab-check.sh tests/work/vms.sh tests/work/lab.sh
} >"$work/script.sh"
tests/lab/lab run --timeout 900 --modules brd,loop,ext4,crc32c_generic "${load[@]}" --file build/vhctl/vhctl --file build/tests/work/disk \
	--file "$kernel/vmlinux" --file "$work/initrd" "$@" "$work/script.sh"
