# SPDX-License-Identifier: GPL-2.0-only
# In the lab, one CPU, whose clock counts instructions: networks of a VM of vhctl's and of two of QEMU's, with the same guest
insmod ./vh.ko kvm_alias=1 && modprobe tun && modprobe vhost_net && modprobe veth || exit 2
echo nobody:x:65534:65534::/:/bin/sh >>/etc/passwd
cmdline="console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests rodata=off panic=-1 tsc_early_khz=100000 vhtest=vmm"
./ip tuntap add tap0 mode tap vnet_hdr && ip addr add 192.168.9.1/24 dev tap0 && ip link set tap0 up || exit 2
./netspeed serve 7000 &
# what a user's network reaches is another host
outside
on_outside ./netspeed serve 7000 &
vhctl() {
	./vhctl run --kernel vmlinux --initrd initrd --memory 160M --cmdline "$cmdline" --net tap=tap0,mac=02:00:00:00:00:01 \
		--net user,mac=02:00:00:00:00:02 </dev/null >said 2>&1
}
qemu() { # MACHINE DEVICE
	./qemu.bin -L rom -machine $1,accel=kvm -cpu host -m 160 -nodefaults -vga none -display none -no-reboot \
		-kernel vmlinux -initrd initrd -append "$cmdline" -chardev stdio,id=c,signal=off -serial chardev:c \
		-netdev tap,id=t,ifname=tap0,script=no,downscript=no,vhost=on -device $2,netdev=t,mac=02:00:00:00:00:01$3 \
		-netdev user,id=u -device $2,netdev=u,mac=02:00:00:00:00:02$3 </dev/null >said 2>errors
}
# NAME COMMAND...: rows "NAME ROW FIGURE". Nobody polls: that would be counted.
one() {
	local name=$1 state=
	shift
	rm -f said errors
	mkfifo said
	"$@" &
	while read -r line; do
		case $line in
		*"guest: rest"*) state=done ;;
		*"guest: tap "* | *"guest: user "*) line=${line#*guest: }; echo "$name ${line%% *}-${line#* }" | tr -d '\r' ;;
		*) echo "$name: $line" ;;
		esac
	done <said
	wait $!
	[ "$state" = done ] || { cat errors; echo "not ok - $name works"; exit 1; }
}
one vhctl vhctl
one microvm qemu microvm,pit=off,pic=off,rtc=off virtio-net-device
one q35 qemu q35 virtio-net-pci ,romfile=
