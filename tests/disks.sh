#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# disks.sh: Debian from disks of its own, and on images, in vhctl's VMM in the lab
#
#   disks.sh [--kvm] [--only boot|images] [--module vh.ko] [LAB OPTIONS...]
#
# boot: a disk with GRUB in its MBR, Debian's kernel and an ext4 file system, by SeaBIOS, with two vCPUs: as a
# raw file, also not confined, and as an unprivileged user from a qcow2 image on top of it. images: qcow2 on a
# chain, and vmdk, at work: contents, discarding, another size, limits, files that are none or in use, and a VMM
# that is killed.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib/vm-options.sh
only=${only:-boot images}
make -s -C tests/work
kernel=$(tests/lab/lab kernel 6.1)
work=$PWD/build/work/disks
mkdir -p "$work"
tests/vmm/initrd --guest tests/lib/until.sh --guest tests/work/steps.sh --guest tests/work/disks-guest.sh --with build/tests/work/disk "$work/initrd" "$kernel" \
	virtio_pci virtio_blk ext4 crc32c_generic
quick="nokaslr mitigations=off cryptomgr.notests rodata=off panic=-1 tsc_early_khz=100000 vhtest=vmm"
{
	echo "device=$device only='$only' cmdline='console=ttyS0 quiet $quick'"
	cat tests/lib/lab-check.sh tests/work/vms.sh tests/work/disks-lab.sh
} >"$work/script.sh"
files=(--file build/vhctl/vhctl --file build/tests/work/disk)
for program in qemu-storage-daemon qemu-img; do files+=(--file "$(command -v $program):/usr/bin/$program"); done
case $only in *boot*)
	# shellcheck disable=SC2086
	tests/work/mkdisk "$work/system" 40 "$kernel/vmlinuz" "$work/initrd" console=ttyS0 quiet $quick step=boot
	files+=(--file "$work/system" --file /usr/share/seabios/bios-256k.bin:/usr/share/seabios/bios-256k.bin) ;;
esac
case $only in *images*) files+=(--file "$kernel/vmlinux" --file "$work/initrd") ;; esac
tests/lab/lab run --timeout 900 --mem 1024 --modules loop,ext4,crc32c_generic "${load[@]}" "${files[@]}" "$@" "$work/script.sh"
