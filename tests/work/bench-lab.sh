# SPDX-License-Identifier: GPL-2.0-only
# In the lab, one CPU, whose clock counts instructions: a VM of vhctl's and two of QEMU's, with the same guest and disks
insmod ./vh.ko kvm_alias=1 || exit 2
modprobe brd rd_nr=1 rd_size=16384 || exit 2
for disk in a /dev/ram0; do dd if=/dev/zero of=$disk bs=1M count=16 2>/dev/null; done # their pages are there
cmdline="console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests rodata=off panic=-1 tsc_early_khz=100000 vhtest=vmm"
clock() { eval $(awk '{ print "now=" int($1 * 100 + .5), "idle=" int($2 * 100 + .5) }' /proc/uptime); } # millions
vhctl() {
	./vhctl run --kernel vmlinux --initrd initrd --memory 160M --cmdline "$cmdline" --disk a \
		--disk /dev/ram0,cache=none </dev/null >said 2>&1
}
qemu() { # MACHINE DEVICE
	./qemu.bin -L rom -machine $1,accel=kvm -cpu host -m 160 -nodefaults -vga none -display none -no-reboot -nic none \
		-kernel vmlinux -initrd initrd -append "$cmdline" -chardev stdio,id=c,signal=off -serial chardev:c \
		-drive if=none,id=a,file=a,format=raw,aio=io_uring,cache=writeback,discard=unmap \
		-drive if=none,id=b,file=/dev/ram0,format=raw,aio=io_uring,cache=none,discard=unmap \
		-device $2,drive=a -device $2,drive=b </dev/null >said 2>errors
}
of_each() { for p in $(pidof vhctl qemu.bin); do echo /proc/$p/$1; done; } # FILE: of each process of a VMM
# NAME COMMAND...: rows "NAME ROW FIGURE". Nobody polls: that would be counted.
one() {
	local name=$1 now idle began idled guest state=
	shift
	rm -f said errors
	mkfifo said
	clock
	began=$now idled=$idle
	"$@" &
	while read -r line; do
		case $line in
		*"guest: userspace"*)
			clock
			guest=$(./vhctl stats | awk 'NR == 2 { print int($6 * 100) }')
			echo "$name start $((now - began))"
			echo "$name guest $guest"
			echo "$name host $((now - began - (idle - idled) - guest))"
			# sampled by the timer
			cat $(of_each stat) | awk -v n=$name '{ sum += $14 - $43 } END { print n, "vmm", sum }'
			;;
		*"guest: rest"*)
			# what is resident beyond the guest's memory, which is the largest mapping
			cat $(of_each smaps) | awk -v n=$name '/^[0-9a-f]+-/ { size = 0 } /^Size:/ { size = $2 } /^Pss:/ { if (size < 150000) sum += $2; }
				END { print n, "resident", sum }'
			state=done
			;;
		*"guest: file "* | *"guest: device "*) line=${line#*guest: }; echo "$name ${line%% *}-${line#* }" | tr -d '\r' ;;
		esac
	done <said
	wait $!
	[ "$state" = done ] || { cat errors; echo "not ok - $name works"; exit 1; }
}
one vhctl vhctl
one microvm qemu microvm,pit=off,pic=off,rtc=off virtio-blk-device
one q35 qemu q35 virtio-blk-pci
