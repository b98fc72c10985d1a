# SPDX-License-Identifier: GPL-2.0-only
# In a guest of tests/work-plug.sh: what its console may ask for. Networks are named by their addresses.
modules() { for m in "$@"; do modprobe $m || return 1; done; }
interface() { # MAC
	for i in /sys/class/net/eth*; do
		[ "$(cat $i/address 2>/dev/null)" != $1 ] || { basename $i; return; }
	done
	return 1
}
there() { interface $1; }
gone() { ! interface $1; }
up() { # MAC ADDRESS
	local i
	until_ 30 there $1 >/dev/null || return 1
	i=$(interface $1)
	ip link set $i up && ip addr add $2/24 dev $i
}
pings() { ping -c 2 -W 10 $1 && ping -c 1 -W 10 -s 1300 $1; }
queues() { [ "$(ls -d /sys/class/net/$(interface $1)/queues/rx-* | wc -l)" = $2 ]; } # MAC NUMBER
carrier() { [ "$(cat /sys/class/net/$(interface $1)/carrier)" = $2 ]; } # MAC VALUE
leases() { # MAC: by DHCP
	local i
	until_ 30 there $1 >/dev/null || return 1
	i=$(interface $1)
	printf '#!/bin/sh\n[ "$1" != bound ] || { ip addr add $ip/$mask dev $interface; ip route add default via $router; }\n' >/tmp/dhcp
	chmod +x /tmp/dhcp
	ip link set $i up && udhcpc -i $i -n -q -t 10 -s /tmp/dhcp
}
sends() { /net send $1 $2 </bin/busybox; } # ADDRESS PORT: this machine's busybox
receives() { # PORT
	/net receive $1 >/tmp/received &
	echo "guest: listens on $1" >/dev/ttyS0
	wait $! && cmp /tmp/received /bin/busybox
}
# In the background: what is to go on while a network goes
floods() { # ADDRESS PORT: for ever, both ways
	while :; do dd if=/dev/zero bs=64k count=100000 2>/dev/null | /net send $1 $2 || usleep 100000; done >/dev/null 2>&1 &
	ping -A -s 1300 $1 >/dev/null 2>&1 &
}
loads_net() { # ADDRESS PORT: busybox again and again, until /tmp/stop is there; how often all of it came
	rm -f /tmp/stop
	(
		n=0
		while [ ! -e /tmp/stop ]; do /net send $1 $2 </bin/busybox && n=$((n + 1)) || usleep 100000; done 2>/dev/null >/dev/null
		echo $n >/tmp/sent.$2
	) &
}
serves() { # PORT: what comes has to be busybox, until /tmp/stop is there
	(
		n=0 bad=0
		while [ ! -e /tmp/stop ]; do
			/net receive $1 >/tmp/got.$1 || continue
			if cmp -s /tmp/got.$1 /bin/busybox; then n=$((n + 1)); else bad=$((bad + 1)); fi
		done
		echo "$n $bad" >/tmp/served.$1
	) >/dev/null 2>&1 &
}
stops() { killall ping net dd; return 0; }
sent() { # PORT LEAST
	touch /tmp/stop
	until_ 60 [ -e /tmp/sent.$1 ] && echo "guest: sent $(cat /tmp/sent.$1) by $1" >/dev/ttyS0 && [ "$(cat /tmp/sent.$1)" -ge $2 ]
}
ejects() { # MAC: by itself
	echo 0 >/sys/bus/pci/slots/$((0x$(basename "$(dirname "$(readlink -f "/sys/class/net/$(interface $1)/device")")" | cut -d: -f3 | cut -d. -f1)))/power
}
quiet() { ! dmesg | grep -i "ACPI.*error\|ACPI.*warn\|firmware bug\|Oops\|BUG:\|blocked for more"; }

