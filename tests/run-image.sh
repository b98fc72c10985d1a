#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run-image.sh: VMs of images of vhctl's store, in the lab: what is written is gone, or stays, or is cloud-init's
#
#   run-image.sh [--kvm] [--module vh.ko] [LAB OPTIONS...]
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib/vm-options.sh
kernel=$(tests/lab/lab kernel 6.1)
work=$PWD/build/work/image
mkdir -p "$work"
tests/vmm/initrd --guest tests/work/image-guest.sh "$work/initrd" "$kernel" virtio_pci virtio_blk vfat nls_cp437 nls_ascii
{
	echo "device=$device cmdline='console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests rodata=off panic=-1 tsc_early_khz=100000 vhtest=vmm'"
	cat tests/lib/lab-check.sh tests/work/image-lab.sh
} >"$work/script.sh"
files=(--file build/vhctl/vhctl --file "$kernel/vmlinux" --file "$work/initrd")
for program in qemu-storage-daemon qemu-img mformat mcopy mlabel; do files+=(--file "$(readlink -f "$(command -v $program)"):/usr/bin/$program"); done
# the names of FAT are in a code page
for file in gconv-modules.cache IBM850.so; do
	file=/usr/lib/x86_64-linux-gnu/gconv/$file
	files+=(--file "$file:$file")
done
tests/lab/lab run --timeout 900 --mem 1024 "${load[@]}" "${files[@]}" "$@" "$work/script.sh"
