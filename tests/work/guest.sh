# SPDX-License-Identifier: GPL-2.0-only
# In a guest of tests/work.sh: what it does with its disks, step= by step, and what it says of it.
size() { [ "$(blockdev --getsize64 /dev/$1)" = "$2" ]; }
pattern() { # FROM COUNT TO: 64-KiB pieces of this machine's busybox onto the first disk
	dd if=/bin/busybox of=/dev/vda bs=64k skip=$1 count=$2 seek=$3 conv=notrunc,fsync
}
# Two at a time on each of these disks, in parts of their own
loads() { # SECONDS DISK...
	local seconds=$1 pids= d
	shift
	for d in "$@"; do
		/disk load /dev/$d 512 128 $seconds 7 >/tmp/load.$d.1 2>&1 & pids="$pids $!"
		/disk load /dev/$d 640 256 $seconds 8 >/tmp/load.$d.2 2>&1 & pids="$pids $!"
	done
	for d in $pids; do wait $d || { cat /tmp/load.*; return 1; }; done
	cat /tmp/load.* >/dev/ttyS0
}
device() { basename "$(readlink -f "/sys/block/$1/device")"; } # virtioN
slot() { basename "$(dirname "$(readlink -f "/sys/block/$1/device")")"; } # 0000:00:NN.0
msix() { [ "$(grep -c 'PCI-MSI.*virtio.*req' /proc/interrupts)" -ge 4 ]; }
refuses() { ! dd if=/dev/zero of=/dev/vdb bs=4k count=1 conv=fsync; }
random() { # 2000 bytes that do not pack
	[ "$(cat /sys/class/misc/hw_random/rng_current)" = virtio_rng.0 ] &&
		[ "$(dd if=/dev/hwrng bs=100 count=20 | gzip | wc -c)" -ge 2000 ]
}
slow() { # 100 reads at 50 a second
	t=$(/disk reads /dev/vdc 100)
	echo "guest: 100 reads took $t ms"
	[ "$t" -ge 1800 ] && [ "$t" -lt 6000 ]
}
# The driver goes, under load, and comes back.
rebind() {
	local d
	d=$(device vda)
	/disk load /dev/vda 512 128 20 9 >/tmp/out.load 2>&1 &
	usleep 500000
	echo $d >/sys/bus/virtio/drivers/virtio_blk/unbind || return 1
	wait
	[ ! -e /dev/vda ] || return 1
	echo $d >/sys/bus/virtio/drivers/virtio_blk/bind && until_ 10 [ -b /dev/vda ] && /disk load /dev/vda 512 128 1 10
}
wreck() { # a bad driver, and the good one again
	local d at
	d=$(device vdc) at=$(slot vdc)
	echo $at >/sys/bus/pci/drivers/virtio-pci/unbind && /disk wreck $at || return 1
	echo $at >/sys/bus/pci/drivers/virtio-pci/bind && until_ 10 [ -b /dev/vdc ] && /disk reads /dev/vdc 5
}
replug() { # PCI finds it anew, and its BAR
	local at
	at=$(slot vdb)
	echo 1 >/sys/bus/pci/devices/$at/remove && [ ! -e /dev/vdb ] && echo 1 >/sys/bus/pci/rescan &&
		until_ 10 [ -b /dev/vdb ] && /disk reads /dev/vdb 5
}
behind() { # the device is reset while requests are in flight, and its driver does not know
	local at
	at=$(slot vdd)
	/disk load /dev/vdd 1024 128 20 11 >/dev/null 2>&1 &
	/disk load /dev/vdd 1152 128 20 12 >/dev/null 2>&1 &
	usleep 300000
	/disk reset $at
}
files() { # a file system, and a file there
	modprobe crc32c_generic && modprobe ext4 && mke2fs /dev/vdb && mkdir -p /m && mount -t ext4 /dev/vdb /m &&
		cp /bin/busybox /m/file && sync
}
alarm() { # the clock's
	local at=/sys/class/rtc/rtc0/wakealarm
	echo 0 >$at; echo +2 >$at && until_ 20 sh -c "[ -z \"\$(cat $at)\" ]" && grep -q " [1-9].*rtc0" /proc/interrupts
}
slots() { [ -n "$(ls /sys/bus/pci/slots)" ]; } # where devices come and go
modules() { modprobe virtio_pci && modprobe virtio_blk && modprobe virtio-rng && until_ 10 [ -b /dev/vda ]; }
tells modules modules
case $step in
all)
	tells "size of a" size vda 16777216
	tells "size of b" size vdb 8388608
	tells serial [ "$(cat /sys/block/vda/serial)" = "one,two" ]
	tells "no serial" [ -z "$(cat /sys/block/vdb/serial)" ]
	tells queues [ "$(ls /sys/block/vda/mq | wc -l)" = 2 ]
	tells messages msix
	tells "an alarm" alarm
	tells "slots" slots
	tells "read-only" [ "$(cat /sys/block/vdb/ro)" = 1 ]
	tells "no write" refuses
	tells random random
	tells pattern pattern 0 8 0
	# 4 MiB at 8 MiB are written and given back, 64 KiB at 14 MiB are zeroed
	tells "fill" dd if=/dev/urandom of=/dev/vda bs=64k count=64 seek=128 conv=notrunc,fsync
	tells "discard" blkdiscard -o 8388608 -l 4194304 /dev/vda
	tells "more" pattern 0 2 224
	tells "zeroes" /disk zero /dev/vda 14680064 65536
	tells "a limit" slow; grep "guest:" /tmp/out
	tells "load" loads 3 vda vdd
	tells "zeroes on a device" /disk zero /dev/vdd 0 65536
	tells "discard on a device" blkdiscard -o 65536 -l 65536 /dev/vdd
	echo "guest: larger, please"
	tells "another size" until_ 30 size vda 25165824
	tells "a place that was not there" pattern 0 1 256
	tells "a driver that goes" rebind
	tells "a driver that is wrong" wreck
	tells "a device that goes" replug
	tells "a reset" behind
	echo "guest: done"
	poweroff -n -f
	;;
kill)
	tells pattern pattern 0 8 0
	tells "a file system" files
	echo "guest: flushed"
	/disk load /dev/vda 512 128 1000 3
	;;
esac
