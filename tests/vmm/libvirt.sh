#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# libvirt.sh: libvirtd of Debian 12 with its QEMU on vh, which is /dev/kvm, or on KVM, in the lab
#
#   libvirt.sh [--kvm] [--only REGEX] [--update] [LAB OPTIONS...]
#
# A domain's life as virsh leads it, in rows; --only takes those that match, of which most need "start" before them.
# The packages that this machine does not have are fetched by its apt and unpacked under build/vmm/libvirt; nothing is
# installed. --update: what they did into docs/vmms.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
device=vh only=. update=
while [ $# -gt 0 ]; do
	case $1 in
	--kvm) device=kvm; shift ;;
	--only) only=$2; shift 2 ;;
	--update) update=yes; shift ;;
	--help) sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) break ;;
	esac
done
place=$PWD/build/vmm/libvirt
root=$place/root
mkdir -p "$place"
exec 9>"$place/.lock"
flock 9
if [ ! -e "$root/.complete" ]; then
	echo "vmm: fetching libvirt" >&2
	rm -rf "$place/archives" "$root"
	mkdir -p "$place/archives/partial"
	# again, if it is installed: for the sake of the files
	apt-get install -y -qq --no-install-recommends --download-only --reinstall -o Debug::NoLocking=1 \
		-o Dir::Cache::archives="$place/archives" libvirt0 libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients \
		qemu-utils >"$place/log" 2>&1 || { tail -n 20 "$place/log" >&2; exit 1; }
	for package in "$place"/archives/*.deb; do
		dpkg-deb -x "$package" "$root"
	done
	touch "$root/.complete"
fi
# What of it libvirtd, virsh and QEMU need, with their libraries, where they look for it
tree=$place/tree
lib=usr/lib/x86_64-linux-gnu
rm -rf "$tree"
mkdir -p "$tree"/{lib64,usr/share/{qemu,seabios,libvirt}} "$tree/$lib/qemu" "$tree/$lib/libvirt/connection-driver"
(cd "$root" && cp -L --parents -t "$tree" usr/sbin/libvirtd usr/bin/{virsh,qemu-img} usr/lib/libvirt/libvirt_iohelper \
	$lib/libvirt/connection-driver/libvirt_driver_qemu.so)
cp -r "$root/usr/share/libvirt/cpu_map" "$tree/usr/share/libvirt"
cp -L /usr/bin/qemu-system-x86_64 "$tree/usr/bin"
cp -L /$lib/qemu/accel-tcg-x86_64.so "$tree/$lib/qemu"
cp -L /usr/share/seabios/bios-256k.bin "$tree/usr/share/seabios"
cp -L /usr/share/qemu/{kvmvapic,linuxboot_dma}.bin "$tree/usr/share/qemu"
LD_LIBRARY_PATH=$root/$lib:$root/lib/x86_64-linux-gnu ldd "$tree"/usr/{sbin/libvirtd,bin/*,lib/libvirt/*} \
	"$tree"/$lib/{libvirt/connection-driver,qemu}/*.so >"$place/libraries"
! grep "not found" "$place/libraries" || exit 1
sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' "$place/libraries" | sort -u | xargs cp -Lt "$tree/$lib"
cp -L /lib64/ld-linux-x86-64.so.2 "$tree/lib64"
tar -C "$tree" -cf "$place/libvirt.tar" .

kernel=$(tests/lab/lab kernel 6.1)
# the guest that writes and reads its memory without end, and has a disk: tests/vmm/guest.sh
guest=$place/guest
modules=$guest/lib/modules/$(cat "$kernel/release")
rm -rf "$guest"
mkdir -p build/guest "$modules"
tests/guest/mk-initramfs build/guest/initrd
cp tests/vmm/guest.sh "$guest/vmm"
{ cat build/guest/initrd; (cd "$guest" && find . | cpio -o -H newc --quiet -R 0:0); } >"$place/initrd"
rows=(daemon capabilities domcapabilities start)
[ $device = kvm ] || rows+=(vhctl)
rows+=(domstats suspend save managedsave snapshot dump setvcpus attach)
[ $device = kvm ] || rows+=(limit)
rows+=(reset destroy end)
mapfile -t rows < <(printf '%s\n' "${rows[@]}" | grep -E -- "$only") || true
[ ${#rows[@]} != 0 ] || { echo "no row matches $only" >&2; exit 2; }
{
	echo "device=$device rows='${rows[*]}'"
	cat tests/vmm/{rows,libvirt-lab}.sh
} >"$place/script.sh"
files=(--file "$place/libvirt.tar" --file "$place/initrd" --file "$kernel/vmlinuz")
[ $device = kvm ] || files+=(--file kmod/vh.ko --file build/vhctl/vhctl)
tests/lab/lab run "${files[@]}" --mem 1536 --timeout 3600 "$@" "$place/script.sh" | tee "$place/log.run" && status=0 || status=$?
[ -z "$update" ] || tests/vmm/table libvirt 9.0 "$(echo $device | sed s/kvm/KVM/)" <"$place/log.run"
exit $status
