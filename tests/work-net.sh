#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# work-net.sh: stock Debian guests at work on networks of vhctl's, in the lab
#
#   work-net.sh [--kvm] [--module vh.ko] [--only "options|tap|bridge|user..."] [LAB OPTIONS...]
#
# Taps by vhost_net and vsock by vhost_vsock, two VMs on a bridge, a user's network by passt with published
# ports: contents on both sides, several queues, drivers that go, come back and err, VMMs that are killed.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib/vm-options.sh
make -s -C tests/work
make -s -C tests/vmm
kernel=$(tests/lab/lab kernel 6.1)
work=$PWD/build/work
mkdir -p "$work"
tests/vmm/initrd --guest tests/lib/until.sh --guest tests/work/steps.sh --guest tests/work/net-guest.sh --with build/tests/work/net --with build/tests/vmm/vsock \
	"$work/initrd-net" "$kernel" virtio_pci virtio_net vmw_vsock_virtio_transport
{
	echo "device=$device only='$only'"
	cat tests/lib/{lab-check,until}.sh tests/work/{outside,vms,net-lab}.sh
} >"$work/net.sh"
# the program that this processor has, if the emulator's has it too, and the one for all
for program in /usr/bin/passt /usr/bin/passt.avx2; do
	[ ! -e $program ] || load+=(--file "$program:$program")
done
tests/lab/lab run --timeout 900 --modules tun,vhost_net,vhost_vsock,bridge,veth "${load[@]}" --file build/vhctl/vhctl \
	--file build/tests/work/net --file build/tests/vmm/vsock --file "$(command -v ip):ip" --file "$kernel/vmlinux" \
	--file "$work/initrd-net:initrd" "$@" "$work/net.sh"
