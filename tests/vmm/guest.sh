# SPDX-License-Identifier: GPL-2.0-only
# In a guest of QEMU's (vhtest=vmm): what it does in the row that row= names, and what it says of it.
for word in $(cat /proc/cmdline); do
	case $word in row=*) row=${word#row=} ;; esac
done
mkdir -p /tmp /m
tells() { # NAME COMMAND...: how the command ends
	local name=$1
	shift
	if "$@" >/tmp/out 2>&1; then echo "guest: $name works"; else echo "guest: $name FAILS"; cat /tmp/out; fi
}
until_() { # COMMAND...: waits until it succeeds
	local n=0
	until "$@" >/dev/null 2>&1; do
		n=$((n + 1))
		[ $n -lt 1500 ] || return 1
		usleep 100000
	done
}
# Memory that is written and read without end
passes() {
	mount -t tmpfs -o size=60% m /m
	i=0
	while [ $i -lt 8 ]; do cp /bin/busybox /m/$i; i=$((i + 1)); done
	pass=0
	while :; do
		pass=$((pass + 1))
		cp /m/$((pass % 8)) /m/new && mv /m/new /m/$(((pass + 3) % 8))
		echo "guest: pass $pass, $(md5sum /m/* | cut -c1-32 | sort -u | wc -l) different sums"
	done
}
disk() { # DEVICE: what is in its first half comes into the second
	[ "$(head -c 6 $1)" = pattern ] || [ "$(head -c 7 $1)" = pattern ] || return 1
	dd if=$1 of=$1 bs=64k count=8 seek=8 conv=fsync
}
network() { # ADDRESS OF_THE_HOST
	ip link set eth0 up && ip addr add $1/24 dev eth0 && ping -c 3 -W 20 $2 && ping -c 1 -W 20 -s 1400 $2
}
balloon() { # until it has taken half
	before=$(awk '/MemTotal/ { print $2 }' /proc/meminfo)
	echo "guest: balloon ready"
	until_ sh -c "[ \$(awk '/MemTotal/ { print \$2 }' /proc/meminfo) -lt $((before - 20000)) ]"
}
msix() { [ $(grep -c "virtio.*PCI-MSI\|PCI-MSI.*virtio" /proc/interrupts) -ge 3 ]; }
nine() {
	mount -t 9p -o trans=virtio,version=9p2000.L share /m && [ "$(cat /m/from-host)" = hello ] && echo answer >/m/from-guest &&
		umount /m
}
modules() { for m in "$@"; do modprobe $m || return 1; done; }
online() { cat /sys/devices/system/cpu/online; }
new_cpu() {
	echo "guest: cpu ready"
	until_ [ -d /sys/devices/system/cpu/cpu1 ] && echo 1 >/sys/devices/system/cpu/cpu1/online
	[ "$(online)" = 0-1 ] && taskset 2 true
}
old_cpu() {
	echo "guest: cpu works for now"
	until_ sh -c '[ "$(cat /sys/devices/system/cpu/online)" = 0 ]'
}
more_memory() { # KILOBYTES more, which are filled
	before=$(awk '/MemTotal/ { print $2 }' /proc/meminfo)
	echo "guest: memory ready"
	until_ sh -c "echo online_movable >/sys/devices/system/memory/auto_online_blocks
		[ \$(awk '/MemTotal/ { print \$2 }' /proc/meminfo) -ge $((before + $1)) ]" || return 1
	mount -t tmpfs -o size=90% m /m
	dd if=/dev/urandom of=/m/a bs=64k count=$((($1 + before / 2) / 64)) && md5sum /m/a >/m/s && md5sum -c /m/s && umount /m
}
new_disk() {
	echo "guest: disk ready"
	until_ [ -b /dev/vda ] && disk /dev/vda
}
old_disk() {
	echo "guest: disk works for now"
	until_ [ ! -e /dev/vda ]
}
case $row in
virtio)
	tells modules modules virtio_pci virtio_blk virtio_net virtio_rng virtio_balloon 9pnet_virtio 9p
	tells disk disk /dev/vda
	tells network network 10.0.2.15 10.0.2.2
	tells rng sh -c '[ $(dd if=/dev/hwrng bs=16 count=1 2>/dev/null | wc -c) = 16 ]'
	tells msix msix
	tells 9p nine
	balloon
	tells balloon [ $? = 0 ]
	;;
vhost)
	tells modules modules virtio_pci virtio_net vmw_vsock_virtio_transport
	tells network network 192.168.9.2 192.168.9.1
	tells vsock sh -c '[ "$(echo question | /vsock 2 999)" = answer ]'
	;;
hotplug)
	tells modules modules virtio_pci virtio_blk
	new_cpu
	tells cpu [ $? = 0 ]
	old_cpu
	tells "cpu that goes" [ $? = 0 ]
	new_disk
	tells disk [ $? = 0 ]
	old_disk
	tells "disk that goes" [ $? = 0 ]
	more_memory 120000
	tells memory [ $? = 0 ]
	;;
mem)
	tells modules modules virtio_pci virtio_mem
	more_memory 60000
	tells memory [ $? = 0 ]
	;;
passes) passes ;;
domain)
	# what libvirt gives it: a second console, a balloon, more memory
	tells modules modules virtio_pci virtio_blk virtio_balloon virtio_net
	echo '[ "$1" != bound ] || ip addr add $ip/24 dev $interface' >/tmp/dhcp
	chmod +x /tmp/dhcp
	while :; do
		sleep 1
		echo "guest: console" >/dev/ttyS1
		now=$(awk '/MemTotal/ { print $2 }' /proc/meminfo)
		[ "$now" = "$memory" ] || { memory=$now && echo "guest: memory $((memory / 1024))"; }
		[ ! -e /sys/class/net/eth0 ] || [ -e /tmp/networked ] || {
			>/tmp/networked
			tells network sh -c 'ip link set eth0 up && udhcpc -i eth0 -n -q -t 10 -s /tmp/dhcp && ping -c 3 -W 20 192.168.122.1'
		}
	done &
	echo online_movable >/sys/devices/system/memory/auto_online_blocks
	passes
	;;
resets)
	echo "guest: up"
	sleep 1000
	;;
reboot) reboot -f ;;
esac
