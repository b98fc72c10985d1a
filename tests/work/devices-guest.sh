# SPDX-License-Identifier: GPL-2.0-only
# In a guest of tests/work-devices.sh: what its console may ask for.
modules() { for m in "$@"; do modprobe $m || return 1; done; }
fill() { mkdir -p /m && mount -t tmpfs -o size=95% m /m && dd if=/dev/zero of=/m/file bs=1M count=$1; } # MiB
spill() { rm -f /m/file && umount /m; }
on_hvc0() { # the console from now on
	modules virtio_pci virtio_console && until_ 10 [ -c /dev/hvc0 ] && exec </dev/hvc0 >/dev/hvc0 2>&1 || return 1
	stty -echo
	echo "guest: on hvc0"
}
size() { [ "$(stty size)" = "$1 $2" ]; }
fails() { ! "$@"; }
mounted() { # from pmem, without a copy in the guest
	mkdir -p /p && mount -t ext4 -o ro,dax /dev/pmem0 /p && grep -q "/p ext4 ro.*dax" /proc/mounts && cmp /p/busybox /bin/busybox
}
loads() { # DISK COUNT SECONDS: in the background
	/disk load /dev/$1 0 $2 $3 7 >/tmp/load.$1 2>&1 &
	echo $! >/tmp/pid.$1
}
loaded() { # DISK: and it read what it wrote
	local pid
	pid=$(cat /tmp/pid.$1)
	while [ -e /proc/$pid ] && ! grep -q "^State:.*zombie" /proc/$pid/status; do usleep 100000; done
	cat /tmp/load.$1
	grep -q "disk: load on /dev/$1" /tmp/load.$1
}
writes() { dd if=/bin/busybox of=/dev/$1 bs=64k count=8 conv=fsync; }
slot() { basename "$(dirname "$(readlink -f "/sys/block/$1/device")")" | cut -d: -f3 | cut -d. -f1; }
