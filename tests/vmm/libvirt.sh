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
packages="libvirt0 libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients qemu-utils dnsmasq-base iptables ipxe-qemu"
if [ "$(cat "$root/.complete" 2>/dev/null)" != "$packages" ]; then
	echo "vmm: fetching libvirt" >&2
	rm -rf "$place/archives" "$root"
	mkdir -p "$place/archives/partial"
	# again, if it is installed: for the sake of the files
	# shellcheck disable=SC2086
	apt-get install -y -qq --no-install-recommends --download-only --reinstall -o Debug::NoLocking=1 \
		-o Dir::Cache::archives="$place/archives" $packages >"$place/log" 2>&1 || { tail -n 20 "$place/log" >&2; exit 1; }
	for package in "$place"/archives/*.deb; do
		dpkg-deb -x "$package" "$root"
	done
	echo "$packages" >"$root/.complete"
fi
# What of it libvirtd, virsh and QEMU need, with their libraries, where they look for it
tree=$place/tree
lib=usr/lib/x86_64-linux-gnu
rm -rf "$tree"
mkdir -p "$tree"/{lib64,usr/share/{qemu,seabios,libvirt}} "$tree/$lib/qemu" "$tree/$lib"/libvirt/{connection-driver,storage-backend}
(cd "$root" && cp -L --parents -t "$tree" usr/sbin/libvirtd usr/bin/{virsh,qemu-img} usr/lib/libvirt/libvirt_iohelper \
	$lib/libvirt/connection-driver/libvirt_driver_{network,qemu,storage}.so $lib/libvirt/storage-backend/libvirt_storage_backend_fs.so \
	$lib/libvirt/storage-file/libvirt_storage_file_fs.so usr/lib/libvirt/libvirt_leaseshelper usr/lib/ipxe/qemu/efi-virtio.rom \
	usr/sbin/{dnsmasq,xtables-nft-multi} \
	$lib/xtables/libxt_{standard,tcp,udp,MASQUERADE,conntrack,CHECKSUM,comment}.so $lib/xtables/libipt_{REJECT,icmp}.so \
	$lib/xtables/libip6t_{REJECT,icmp6}.so)
ln -sf xtables-nft-multi "$tree/usr/sbin/iptables"
ln -sf xtables-nft-multi "$tree/usr/sbin/ip6tables"
cp -r "$root/usr/share/libvirt/cpu_map" "$tree/usr/share/libvirt"
cp -L /usr/bin/{qemu-system-x86_64,script} "$tree/usr/bin"
cp -L /$lib/qemu/accel-tcg-x86_64.so "$tree/$lib/qemu"
cp -L /usr/share/seabios/bios-256k.bin "$tree/usr/share/seabios"
cp -L /usr/share/qemu/{kvmvapic,linuxboot_dma,pvh}.bin "$tree/usr/share/qemu"
LD_LIBRARY_PATH=$root/$lib:$root/lib/x86_64-linux-gnu ldd "$tree"/usr/{sbin/*,bin/*,lib/libvirt/*} \
	"$tree"/$lib/{libvirt/*,qemu}/*.so >"$place/libraries"
! grep "not found" "$place/libraries" || exit 1
sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' "$place/libraries" | sort -u | xargs cp -Lt "$tree/$lib"
cp -L /lib64/ld-linux-x86-64.so.2 "$tree/lib64"
tar -C "$tree" -cf "$place/libvirt.tar" .

kernel=$(tests/lab/lab kernel 6.1)
make -s -C tests/vmm
tests/vmm/initrd --with build/tests/vmm/vsock "$place/initrd" "$kernel" virtio_pci virtio_blk virtio_balloon virtio_net
rows=(daemon capabilities domcapabilities start)
[ $device = kvm ] || rows+=(vhctl)
rows+=(domstats suspend save managedsave snapshot blockcommit dump console balloon memory setvcpus attach pool network autostart)
[ $device = kvm ] || rows+=(limit)
rows+=(reset destroy end)
mapfile -t rows < <(printf '%s\n' "${rows[@]}" | grep -E -- "$only") || true
[ ${#rows[@]} != 0 ] || { echo "no row matches $only" >&2; exit 2; }
{
	echo "device=$device rows='${rows[*]}'"
	cat tests/vmm/{rows,libvirt-lab}.sh
} >"$place/script.sh"
files=(--file "$place/libvirt.tar" --file "$place/initrd" --file "$kernel/vmlinux")
[ $device = kvm ] || files+=(--file kmod/vh.ko --file build/vhctl/vhctl)
tests/lab/lab run --modules tun,bridge,crc32c_generic,nf_tables,nft_compat,nft_chain_nat,xt_MASQUERADE,xt_conntrack,xt_tcpudp,ipt_REJECT,ip6t_REJECT,xt_CHECKSUM \
	"${files[@]}" --mem 1536 --timeout 3600 "$@" "$place/script.sh" | tee "$place/log.run" && status=0 || status=$?
[ -z "$update" ] || tests/vmm/table libvirt 9.0 "$(echo $device | sed s/kvm/KVM/)" <"$place/log.run"
exit $status
