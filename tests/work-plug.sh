#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# work-plug.sh: networks that come and go while a stock Debian guest runs, in the lab
#
#   work-plug.sh [--module vh.ko] [--param NAME=VALUE]... [--only "refused|tap|bridge|user|load..."] [LAB OPTIONS...]
#
# Taps, bridges and users' networks, of VMs of root's and a user's, confined and not: what goes by them, twenty times
# over and under load; guests that do not answer, or eject what they like; VMMs that are killed; what is refused.
# load, which is run when it is named: two disks and two networks at work for three minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib/vm-options.sh
make -s -C tests/work
kernel=$(tests/lab/lab kernel 6.1)
work=$PWD/build/work
mkdir -p "$work"
tests/vmm/initrd --guest tests/lib/until.sh --guest tests/work/steps.sh --guest tests/work/load-guest.sh --guest tests/work/plug-guest.sh --guest tests/work/obey.sh \
	--with build/tests/work/net --with build/tests/work/disk "$work/plug-initrd" "$kernel" virtio_pci virtio_net virtio_blk
{
	echo "params='$params' only='$only'"
	cat tests/lib/{lab-check,until}.sh tests/work/{outside,vms,talk,plug-lab}.sh
} >"$work/plug.sh"
# the program that this processor has, if the emulator's has it too, and the one for all
for program in /usr/bin/passt /usr/bin/passt.avx2; do
	[ ! -e $program ] || load+=(--file "$program:$program")
done
tests/lab/lab run --timeout 1800 --modules tun,vhost_net,bridge,veth "${load[@]}" --file build/vhctl/vhctl \
	--file build/tests/work/net --file build/tests/work/disk --file "$(command -v ip):ip" --file "$kernel/vmlinux" \
	--file "$work/plug-initrd:initrd" "$@" "$work/plug.sh"
