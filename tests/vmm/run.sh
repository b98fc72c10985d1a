#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh: QEMU as distributions package it does on vh, or KVM, in the lab, what its users do with it
#
#   run.sh [--suite host|trixie|sid] [--kvm] [--only REGEX] [--update] [LAB OPTIONS...]
#
# --suite: this machine's QEMU (host), or that of another Debian, unpacked under build/vmm. Rows, of which
# --only takes those that match: boot-MACHINE-IRQCHIP-VCPUS; gdb: a debugger's breakpoints and steps while a
# kernel boots, by QEMU's stub; virtio, vhost: devices in use; mem: virtio-mem; hotplug; stopcont, savevm, reset,
# reboot; migrate-file, -live, -ring: to a file, to another QEMU, the same with a dirty ring; models: named
# processors with "enforce", at least those that start on KVM; two: VMs, and vhctl on both;
# stop: vhctl stop and the power button of a guest of QEMU; hyperv: enlightenments, which are refused. --update: what
# they did into docs/vmms.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
suite=host device=vh only=. update=
while [ $# -gt 0 ]; do
	case $1 in
	--suite) suite=$2; shift 2 ;;
	--kvm) device=kvm; shift ;;
	--only) only=$2; shift 2 ;;
	--update) update=yes; shift ;;
	--help) sed -n '3,14s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) break ;;
	esac
done
out=build/vmm/run-$suite
rm -rf "$out"
mkdir -p "$out/rom"
make -s -C tests/vmm
if [ "$suite" = host ]; then
	root=
	cp -L /usr/bin/qemu-system-x86_64 "$out/qemu.bin"
	libraries=(--file "$out/qemu.bin")
else
	root=$(tests/vmm/root "$suite" qemu-system-x86) || exit 1
	# with the loader and the libraries of its own: in one file, for the host has others
	mkdir -p "$out/tree/lib"
	dir=$root/usr/lib/x86_64-linux-gnu
	loader=$dir/ld-linux-x86-64.so.2
	"$loader" --library-path "$dir:$dir/pulseaudio" --list "$root/usr/bin/qemu-system-x86_64" |
		grep -oE "$root[^ ]+" | grep -vx "$loader" | xargs cp -Lt "$out/tree/lib" "$loader"
	cp -L "$root/usr/bin/qemu-system-x86_64" "$out/tree/qemu.bin"
	tar -C "$out" -cf "$out/qemu.tar" tree
	libraries=(--file "$out/qemu.tar")
fi
cp -L "$root"/usr/share/seabios/{bios-256k,bios-microvm,vgabios-stdvga}.bin \
	"$root"/usr/share/qemu/{kvmvapic,linuxboot_dma,pvh}.bin "$out/rom"
kernel=$(tests/lab/lab kernel 6.1)
tests/vmm/initrd --with build/tests/vmm/vsock "$PWD/$out/initrd.vmm" "$kernel" virtio_pci virtio_blk virtio_net virtio-rng virtio_balloon virtio_mem \
	9pnet_virtio 9p vmw_vsock_virtio_transport
entry=$(readelf -h "$kernel/vmlinux" | awk '/Entry point/ { print $4 }')

# QEMU from version 9 on has no LAPIC of its own beside KVM; with it 7.2 starts one vCPU, not two, on KVM either
irqchips="on split off"
[ "$suite" = host ] || irqchips="on split"
rows=()
for machine in pc q35; do
	for irqchip in $irqchips; do
		for cpus in 1 2; do
			[ "$irqchip-$cpus" = off-2 ] || rows+=("boot-$machine-$irqchip-$cpus")
		done
	done
done
# its irqchip is split, if it is not told otherwise
rows+=(boot-microvm-default-1 boot-microvm-default-2 gdb virtio vhost mem hotplug stopcont savevm reset reboot)
rows+=(migrate-file migrate-live migrate-ring models)
[ $device = kvm ] || rows+=(two stop hyperv)
mapfile -t rows < <(printf '%s\n' "${rows[@]}" | grep -E -- "$only") || true
[ ${#rows[@]} != 0 ] || { echo "no row matches $only" >&2; exit 2; }

{
	echo "device=$device entry=$entry rows='${rows[*]}'"
	cat tests/vmm/{rows,lab}.sh
} >"$out/script.sh"
tests/lab/lab run --modules tun,vhost_net,vhost_vsock --file kmod/vh.ko "${libraries[@]}" --file "$out/rom" \
	--file "$kernel/vmlinuz" --file "$kernel/vmlinux" --file build/guest/initrd --file "$out/initrd.vmm" --file build/tests/vmm/gdb \
	--file build/tests/vmm/vsock --file build/vhctl/vhctl --mem 1536 --timeout 3600 "$@" "$out/script.sh" | tee "$out/log" && status=0 || status=$?
if [ -n "$update" ]; then
	version=$(sed -n 's/^QEMU emulator version \([0-9]*\.[0-9]*\).*/\1/p' "$out/log")
	tests/vmm/table QEMU "$version" "$(echo $device | sed s/kvm/KVM/)" <"$out/log"
fi
exit $status
