# SPDX-License-Identifier: GPL-2.0-only
# In a guest of tests/work-net.sh: what it does with its networks, step= by step, and what it says of it.
slot() { basename "$(dirname "$(readlink -f "$1")")"; } # PATH: 0000:00:NN.0
device() { basename "$(readlink -f "/sys/class/net/$1/device")"; } # virtioN
modules() {
	local m
	for m in virtio_pci virtio_net vmw_vsock_virtio_transport; do modprobe $m || return 1; done
}
is() { [ "$(cat /sys/class/net/$1)" = "$2" ] || { cat /sys/class/net/$1; return 1; }; } # FILE VALUE
up() { ip link set $1 up && ip addr add $2/24 dev $1; } # INTERFACE ADDRESS
pings() { ping -c 2 -W 10 $1 && ping -c 1 -W 10 -s 1300 $1; }
# so many queues, each with a message
queues() { [ "$(ls -d /sys/class/net/$1/queues/rx-* | wc -l)" = $2 ] && [ "$(grep -c "$(device $1)-input" /proc/interrupts)" = $2 ]; }
feature() { [ "$(cut -c $(($2 + 1)) /sys/class/net/$1/device/features)" = 1 ]; }
features() { # INTERFACE BIT...
	local i=$1 f
	shift
	for f in "$@"; do feature $i $f || { echo "$i has no feature $f"; return 1; }; done
}
sends() { /net send $1 $2 </bin/busybox; } # ADDRESS PORT: this machine's busybox
receives() { # PORT NAME: and says so before
	/net receive $1 >/tmp/received &
	echo "guest: listens for $2" >/dev/ttyS0
	wait $! && cmp /tmp/received /bin/busybox
}
both_use() { # both queues have interrupted
	awk '/input/ { if ($2 + $3 == 0) bad = 1 } END { exit bad }' /proc/interrupts
}
many() { # connections at a time, so that both queues have some
	local i=0 pids= p
	while [ $i -lt 6 ]; do dd if=/bin/busybox bs=64k count=4 2>/dev/null | /net send $1 $((7010 + i)) & pids="$pids $!"; i=$((i + 1)); done
	for p in $pids; do wait $p || return 1; done
}
rebind() { # INTERFACE ADDRESS OF_THE_HOST: the driver goes, with packets under way, and comes back
	local d
	d=$(device $1)
	ping -A -c 10000 -s 1300 $3 >/dev/null 2>&1 &
	usleep 300000
	echo $d >/sys/bus/virtio/drivers/virtio_net/unbind && [ ! -e /sys/class/net/$1 ] || return 1
	kill $! 2>/dev/null
	echo $d >/sys/bus/virtio/drivers/virtio_net/bind && until_ 10 [ -e /sys/class/net/$1 ] && up $1 $2 && pings $3
}
wrecks() { # DEVICE QUEUE...: all mistakes in these queues
	local at q m
	at=$(slot /sys/bus/virtio/devices/$1)
	shift
	echo $at >/sys/bus/pci/drivers/virtio-pci/unbind || return 1
	for q in "$@"; do
		for m in loop far huge ahead odd itself; do /net wreck $at $q $m || return 1; done
	done
	echo $at >/sys/bus/pci/drivers/virtio-pci/bind
}
receives_wrong() { # DEVICE: of a queue that packets come by; the host sends all the time
	local at
	at=$(slot /sys/bus/virtio/devices/$1)
	echo $at >/sys/bus/pci/drivers/virtio-pci/unbind && /net wreck $at 0 far &&
		echo $at >/sys/bus/pci/drivers/virtio-pci/bind
}
ends() { echo "guest: done"; poweroff -n -f; }
tells modules modules
case $step in
tap)
	until_ 10 [ -e /sys/class/net/eth1 ]
	tells "address" is eth0/address 02:00:00:00:00:07
	tells "MTU" is eth1/mtu 1400
	tells "link" sh -c 'ip link set eth0 up; [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]'
	tells "queues" queues eth0 2
	tells "one queue" queues eth1 1
	# checksums and segments in both directions, mergeable buffers, control queue, several queues
	tells "offloads" features eth0 0 1 7 8 11 12 15 17 22 28 29 32
	tells "offloads that go" /net gro eth0
	tells "no several queues" sh -c '[ "$(cut -c 23 /sys/class/net/eth1/device/features)" = 0 ]'
	up eth0 192.168.9.2 && up eth1 192.168.10.2
	tells "ping" pings 192.168.9.1
	tells "ping by the other" pings 192.168.10.1
	tells "TCP to the host" sends 192.168.9.1 7000
	tells "TCP from the host" receives 7001 one
	echo "guest: down, please"
	tells "no link" until_ 20 is eth1/carrier 0
	echo "guest: up, please"
	tells "a link again" until_ 20 is eth1/carrier 1
	tells "many connections" many 192.168.9.1
	tells "both queues" both_use
	tells "vsock to the host" sh -c '[ "$(echo question | /vsock 2 999)" = answer ]'
	echo "guest: listens by vsock"
	tells "vsock from the host" sh -c '[ "$(/vsock 998)" = "host asks" ]'
	tells "a driver that goes" rebind eth0 192.168.9.2 192.168.9.1
	tells "a driver that errs" wrecks $(device eth1) 1
	tells "a driver that knows of one queue errs" wrecks $(device eth0) 2
	tells "a driver that receives wrong" receives_wrong $(device eth1)
	until_ 10 [ -e /sys/class/net/eth1 ] && up eth0 192.168.9.2 && up eth1 192.168.10.2
	tells "ping after that" pings 192.168.10.1
	tells "ping by the first" pings 192.168.9.1
	v=$(basename /sys/bus/virtio/drivers/vmw_vsock_virtio_transport/virtio*)
	tells "a vsock driver that errs" wrecks $v 1
	tells "vsock after that" sh -c '[ "$(echo question | /vsock 2 997)" = answer ]'
	ends
	;;
serve)
	until_ 10 [ -e /sys/class/net/eth0 ] && up eth0 $ip
	tells "ping" pings 192.168.11.1
	tells "TCP from the other" receives 7001 two
	echo "guest: served"
	sleep 1000
	;;
ask)
	until_ 10 [ -e /sys/class/net/eth0 ] && up eth0 $ip
	tells "ping" pings $peer
	tells "TCP to the other" sends $peer 7001
	ends
	;;
user)
	until_ 10 [ -e /sys/class/net/eth1 ]
	tells "MTU" is eth0/mtu 65520
	tells "queues" queues eth0 1
	printf '#!/bin/sh\n[ "$1" != bound ] || { ip addr add $ip/$mask dev $interface; ip route add default via $router; }\n' >/tmp/dhcp
	chmod +x /tmp/dhcp
	ip link set eth0 up && ip link set lo up
	tells "DHCP" udhcpc -i eth0 -n -q -t 10 -s /tmp/dhcp
	tells "TCP to outside" sends 192.0.2.1 7000
	tells "UDP to outside" /net ask 192.0.2.1 7000
	/net echo 53 &
	tells "TCP from outside" receives 80 port
	tells "TCP from outside again" receives 80 more
	tells "nothing of the host's own" sh -c '! nc -w 3 192.0.2.1 7999 </dev/null 2>&1'
	up eth1 192.168.12.2
	tells "ping by a tap" pings 192.168.12.1
	tells "a driver that goes" rebind eth1 192.168.12.2 192.168.12.1
	tells "a driver that errs" wrecks $(device eth0) 1 2
	tells "a driver that receives wrong" receives_wrong $(device eth0)
	until_ 10 [ -e /sys/class/net/eth0 ]
	ip link set eth0 up
	tells "DHCP again" udhcpc -i eth0 -n -q -t 10 -s /tmp/dhcp
	tells "TCP to outside again" sends 192.0.2.1 7000
	echo "guest: end passt, please"
	tells "no link" until_ 20 sh -c '[ "$(cat /sys/class/net/eth0/carrier)" = 0 ]'
	ends
	;;
esac
