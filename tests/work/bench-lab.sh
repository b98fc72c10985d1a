# SPDX-License-Identifier: GPL-2.0-only
# In the lab, one CPU, whose clock counts instructions: a VM of vhctl's and two of QEMU's, with the same guest and disks
insmod ./vh.ko kvm_alias=1 || exit 2
modprobe brd rd_nr=1 rd_size=16384 || exit 2
truncate -s 16M a
cmdline="console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests rodata=off panic=-1 tsc_early_khz=100000 vhtest=vmm"
ticks() { cut -d' ' -f1 /proc/uptime | tr -d .; } # millions
vhctl() {
	./vhctl run --kernel vmlinux --initrd initrd --memory 160M --cmdline "$cmdline" --disk a \
		--disk /dev/ram0,cache=none </dev/null >said 2>&1 &
}
qemu() { # MACHINE DEVICE OPTIONS...
	local machine=$1 device=$2
	shift 2
	./qemu.bin -L rom -machine $machine,accel=kvm -cpu host -m 160 -nodefaults -vga none -display none -no-reboot -nic none \
		-kernel vmlinux -initrd initrd -append "$cmdline" -serial file:said \
		-drive if=none,id=a,file=a,format=raw,aio=io_uring,cache=writeback,discard=unmap \
		-drive if=none,id=b,file=/dev/ram0,format=raw,aio=io_uring,cache=none,discard=unmap \
		-device $device,drive=a -device $device,drive=b "$@" </dev/null >errors 2>&1 &
}
says() { # PATTERN
	local n=0
	until grep -q "$1" said 2>/dev/null; do
		n=$((n + 1))
		[ $n -lt 6000 ] && [ -e /proc/$vm ] || return 1
		usleep 5000
	done
}
# NAME COMMAND...: rows "NAME ROW FIGURE"
one() {
	local name=$1 began
	shift
	rm -f said
	began=$(ticks)
	"$@"
	vm=$!
	if ! says "guest: userspace"; then cat said errors; echo "not ok - $name starts"; exit 1; fi
	echo "$name start $(($(ticks) - began))"
	# in hundredths of a second: the guest's, and what is not, of its user and system time
	awk -v n=$name '{ print n, "guest", $43; print n, "host", $14 + $15 - $43 }' /proc/$vm/stat
	if ! says "guest: rest"; then cat said errors; echo "not ok - $name works"; exit 1; fi
	# what is resident beyond the guest's memory: the largest mapping
	awk -v n=$name '/^[0-9a-f]+-/ { size = 0 } /^Size:/ { size = $2 } /^Pss:/ { if (size < 150000) sum += $2; } END { print n, "resident", sum }' /proc/$vm/smaps
	sed -n "s/^guest: \(file\|device\) \([a-z0-9-]* [0-9]*\).*/$name \1-\2/p" said
	wait $vm
}
one vhctl vhctl
one microvm qemu microvm,pit=off,pic=off,rtc=off virtio-blk-device
one q35 qemu q35 virtio-blk-pci
