# SPDX-License-Identifier: GPL-2.0-only
# In a guest of tests/work-devices.sh: what its console may ask for.
modules() { for m in "$@"; do modprobe $m || return 1; done; }
fill() { mkdir -p /m && { grep -q " /m " /proc/mounts || mount -t tmpfs -o size=95% m /m; } && dd if=/dev/zero of=/m/file bs=1M count=$1; } # MiB
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
writes() { dd if=/bin/busybox of=/dev/$1 bs=64k count=8 conv=fsync; }
slot() { basename "$(dirname "$(readlink -f "/sys/block/$1/device")")" | cut -d: -f3 | cut -d. -f1; }

total() { # MIN MAX: MiB that the guest has, in all
	local n
	n=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
	[ $n -ge $1 ] && [ $n -le $2 ] || { echo "$n MiB"; return 1; }
}
store() { # TIMES: this machine's busybox, and where it is, so often
	mkdir -p /m && grep -q " /m " /proc/mounts || mount -t tmpfs -o size=95% m /m || return 1
	for i in $(seq $1); do { echo $i; cat /bin/busybox; } >>/m/kept || return 1; done
	md5sum </m/kept >/tmp/stored
}
stored() { [ "$(md5sum </m/kept)" = "$(cat /tmp/stored)" ]; }
churn() { # memory is taken and given back, until /tmp/churn goes
	touch /tmp/churn
	mkdir -p /n && mount -t tmpfs -o size=40% n /n
	(while [ -e /tmp/churn ]; do dd if=/dev/zero of=/n/file bs=1M count=${1-40}; rm -f /n/file; done >/dev/null 2>&1; echo "guest: churned" >/dev/ttyS0) &
}

processors() { [ "$(nproc)" = $1 ] || { nproc; return 1; }; }
online() { # NUMBER: so many are there, and used
	local c
	for c in /sys/devices/system/cpu/cpu[0-9]*/online; do [ "$(cat $c)" = 1 ] || echo 1 >$c; done
	processors $1
}
spins() { # NUMBER: each of the first ones does something
	local n=0
	while [ $n -lt $1 ]; do
		taskset $(printf %x $((1 << n))) sh -c 'i=0; while [ $i -lt 500 ]; do i=$((i + 1)); done; grep -q "^processor" /proc/cpuinfo' || return 1
		n=$((n + 1))
	done
}
hog() { # NUMBER: so many that want a processor, for ever
	local n=0
	while [ $n -lt $1 ]; do
		(while :; do :; done) &
		n=$((n + 1))
	done
}
poke() { /disk port $1 $2 1; } # PORT VALUE: 32 bits there
