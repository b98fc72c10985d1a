# SPDX-License-Identifier: GPL-2.0-only
# In a guest of tests/disks.sh: what it does with its disks, step= by step, and what it says of it.
mkdir -p /m
size() { [ "$(blockdev --getsize64 /dev/$1)" = "$2" ]; }
pattern() { # FROM COUNT TO: 64-KiB pieces of this machine's busybox onto the first disk
	dd if=/bin/busybox of=/dev/vda bs=64k skip=$1 count=$2 seek=$3 conv=notrunc,fsync
}
same() { # FROM COUNT AT: so they are there
	[ "$(dd if=/bin/busybox bs=64k skip=$1 count=$2 | md5sum)" = "$(dd if=/dev/vda bs=64k skip=$3 count=$2 | md5sum)" ]
}
zeroes() { # AT COUNT
	[ "$(dd if=/dev/vda bs=64k skip=$1 count=$2 | md5sum)" = "$(dd if=/dev/zero bs=64k count=$2 | md5sum)" ]
}
loads() { # SECONDS: two at a time on each of two disks
	local pids= d
	for d in vda vdb; do
		/disk load /dev/$d 512 128 $1 7 >/tmp/load.$d.1 2>&1 & pids="$pids $!"
		/disk load /dev/$d 640 256 $1 8 >/tmp/load.$d.2 2>&1 & pids="$pids $!"
	done
	for d in $pids; do wait $d || { cat /tmp/load.*; return 1; }; done
	cat /tmp/load.* >/dev/ttyS0
}
slow() { # 60 reads at 30 a second
	t=$(/disk reads /dev/vdc 60)
	[ "$t" -ge 1600 ] && [ "$t" -lt 6000 ]
}
refuses() { ! dd if=/dev/zero of=/dev/vdc bs=4k count=1 conv=fsync; }
found() { [ -s /m/kept ] && cmp /m/kept /bin/busybox; }
keep() { cp /bin/busybox /m/kept && sync; }
modules() {
	modprobe virtio_pci && modprobe virtio_blk && modprobe crc32c_generic && modprobe ext4 &&
		until_ 10 [ -b /dev/vda ]
}
tells modules modules
case $step in
boot)
	rsdp=$(dmesg | sed -n 's/.*ACPI: RSDP \(0x[0-9A-F]*\).*/\1/p')
	echo "guest: ACPI by $rsdp, cpus $(grep -c ^processor /proc/cpuinfo)"
	tells "a root of its own" mount -t ext4 /dev/vda1 /m
	if [ -e /m/kept ]; then
		tells "what was kept" found
		echo again >/m/again
		umount /m
		poweroff -n -f
	else
		tells "keeping a file" keep
		umount /m
		reboot -n -f
	fi
	;;
images)
	tells "a size that is another" size vda 33554432
	tells "size of a vmdk image" size vdb 12582912
	tells "read-only" [ "$(cat /sys/block/vdc/ro)" = 1 ]
	tells "no write" refuses
	tells "what is in the base" same 0 8 16
	tells "what is in the middle" same 2 2 64
	tells "writing" pattern 0 8 0
	tells "behind the old end" pattern 0 1 400
	tells "over the base" pattern 8 1 16
	tells "filling" dd if=/dev/urandom of=/dev/vda bs=64k count=64 seek=256 conv=notrunc,fsync
	tells "discarding" blkdiscard -o 16777216 -l 4194304 /dev/vda
	tells "discarding what is in the base" blkdiscard -o 1114112 -l 65536 /dev/vda
	tells "zeroes" /disk zero /dev/vda 1179648 65536
	tells "zeroes over the base" zeroes 18 1
	tells "load" loads 3
	tells "a limit" slow
	tells "writing stays" same 0 8 0
	poweroff -n -f
	;;
kill)
	tells pattern pattern 0 8 0
	tells "a file system" mke2fs /dev/vdb
	tells "a mount" mount -t ext4 /dev/vdb /m
	tells "a file" keep
	echo "guest: flushed"
	/disk load /dev/vda 512 128 1000 3
	;;
lost)
	echo "guest: works"
	/disk load /dev/vda 512 128 1000 3
	echo "guest: requests fail"
	poweroff -n -f
	;;
esac
