#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# libvirt.sh: libvirtd as Debian packages it, with its QEMU on vh or KVM, in the lab
#
#   libvirt.sh [--suite bookworm|trixie] [--kvm] [--only REGEX] [--update] [LAB OPTIONS...]
#
# A domain's life as virsh leads it, in rows; --only takes those that match, of which most need "start" before them. vh is
# /dev/kvm by its parameter kvm_alias; behind "end" by vhctl exec (exec), and by the drop-in of the package's examples in a
# systemd (dropin, slice). The packages are unpacked under build/vmm; nothing is installed. --update: what the rows did
# into docs/vmms.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
suite=bookworm device=vh only=. update=
while [ $# -gt 0 ]; do
	case $1 in
	--suite) suite=$2; shift 2 ;;
	--kvm) device=kvm; shift ;;
	--only) only=$2; shift 2 ;;
	--update) update=yes; shift ;;
	--help) sed -n '3,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) break ;;
	esac
done
packages="libvirt-daemon-system libvirt-daemon-driver-qemu libvirt-clients qemu-system-x86 qemu-utils ovmf dnsmasq-base
	iptables ipxe-qemu systemd systemd-container dbus bsdutils util-linux seabios"
# shellcheck disable=SC2086
root=$(tests/vmm/root "$suite" $packages)
place=$PWD/build/vmm/libvirt-$suite
mkdir -p "$place"
exec 9>"$place/.lock"
flock 9
# What of it they need, with their libraries, where they look for it
tree=$place/tree
lib=usr/lib/x86_64-linux-gnu
rm -rf "$tree"
mkdir -p "$tree"/lib "$tree"/lib64
(cd "$root" && cp -L --parents -t "$tree" usr/sbin/libvirtd usr/bin/{virsh,qemu-img,qemu-system-x86_64,script} \
	usr/lib/libvirt/libvirt_{iohelper,leaseshelper} \
	$lib/libvirt/connection-driver/libvirt_driver_{network,qemu,storage}.so $lib/libvirt/storage-backend/libvirt_storage_backend_fs.so \
	usr/sbin/{dnsmasq,xtables-nft-multi} \
	$lib/xtables/libxt_{standard,tcp,udp,MASQUERADE,conntrack,CHECKSUM,comment}.so $lib/xtables/libipt_{REJECT,icmp}.so \
	$lib/xtables/libip6t_{REJECT,icmp6}.so usr/share/seabios/bios-256k.bin usr/share/qemu/{kvmvapic,linuxboot_dma,pvh}.bin \
	usr/share/OVMF/*4M* usr/bin/{systemctl,dbus-daemon,unshare,nsenter} \
	usr/lib/systemd/systemd-machined
# not in both suites
for f in $lib/qemu/accel-tcg-x86_64.so $lib/libvirt/storage-file/libvirt_storage_file_fs.so \
	usr/{lib/ipxe,share}/qemu/efi-virtio.rom usr/lib/systemd/systemd{,-executor}; do
	[ ! -e $f ] || cp -L --parents -t "$tree" $f
done)
(cd "$root" && cp -r --parents -t "$tree" usr/share/{libvirt/cpu_map,qemu/firmware,dbus-1} usr/lib/systemd/system)
rm -r "$tree"/usr/lib/systemd/system/*.wants	# what a host has beside
ln -s ../usr/lib/systemd "$tree/lib/systemd"
ln -s xtables-nft-multi "$tree/usr/sbin/iptables"
ln -s xtables-nft-multi "$tree/usr/sbin/ip6tables"
loader=$root/$lib/ld-linux-x86-64.so.2
find "$tree"/usr/{sbin,bin,lib} -type f ! -name '*.rom' ! -path '*/systemd/system/*' \
	-exec "$loader" --library-path "$root/$lib:$root/$lib/systemd:$root/$lib/pulseaudio" --list {} \; >"$place/libraries"
! grep "not found" "$place/libraries" || exit 1
grep -oE "$root[^ ]+" "$place/libraries" | sort -u | xargs cp -Lt "$tree/$lib"
cp -L "$loader" "$tree/lib64"
tar -C "$tree" -cf "$place/libvirt.tar" .

kernel=$(tests/lab/lab kernel 6.1)
make -s -C tests/vmm
tests/vmm/initrd --with build/tests/vmm/vsock "$place/initrd" "$kernel" virtio_pci virtio_blk virtio_balloon virtio_net
rows=(daemon capabilities domcapabilities start)
[ $device = kvm ] || rows+=(vhctl)
rows+=(domstats suspend save managedsave snapshot blockcommit dump console balloon memory setvcpus attach pool network autostart)
[ $device = kvm ] || rows+=(limit)
rows+=(reset destroy firmware end)
[ $device = kvm ] || rows+=(exec dropin slice)
mapfile -t rows < <(printf '%s\n' "${rows[@]}" | grep -E -- "$only") || true
[ ${#rows[@]} != 0 ] || { echo "no row matches $only" >&2; exit 2; }
{
	echo "device=$device rows='${rows[*]}'"
	cat tests/vmm/{rows,libvirt-ways,libvirt-lab}.sh
} >"$place/script.sh"
files=(--file "$place/libvirt.tar" --file "$place/initrd" --file "$kernel/vmlinux" --file "$kernel/vmlinuz")
[ $device = kvm ] || files+=(--file kmod/vh.ko --file build/vhctl/vhctl --file packaging/kvm-is-vh.conf)
tests/lab/lab run --modules tun,bridge,crc32c_generic,nf_tables,nft_compat,nft_chain_nat,xt_MASQUERADE,xt_conntrack,xt_tcpudp,ipt_REJECT,ip6t_REJECT,xt_CHECKSUM \
	"${files[@]}" --mem 1536 --timeout 3600 "$@" "$place/script.sh" | tee "$place/log" && status=0 || status=$?
if [ -n "$update" ]; then
	version=$("$loader" --library-path "$root/$lib" "$root/usr/bin/virsh" --version | cut -d. -f1-2)
	tests/vmm/table libvirt "$version" "$(echo $device | sed s/kvm/KVM/)" <"$place/log"
fi
exit $status
