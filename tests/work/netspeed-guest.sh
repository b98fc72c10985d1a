# SPDX-License-Identifier: GPL-2.0-only
# In a guest of tests/work/netbench.sh: what goes by its networks costs.
for m in virtio_pci virtio_mmio virtio_net; do modprobe $m; done
interface() { # MAC
	for i in /sys/class/net/eth*; do if [ "$(cat $i/address)" = $1 ]; then basename $i; return; fi; done
}
n=0
until [ "$(interface 02:00:00:00:00:02)" ] && [ "$(interface 02:00:00:00:00:01)" ] || [ $n = 100 ]; do usleep 100000; n=$((n + 1)); done
mkdir -p /tmp
printf '#!/bin/sh\n[ "$1" != bound ] || { ip addr add $ip/$mask dev $interface; ip route add default via $router; }\n' >/tmp/dhcp
chmod +x /tmp/dhcp
tap=$(interface 02:00:00:00:00:01) user=$(interface 02:00:00:00:00:02)
ip link set $tap up && ip addr add 192.168.9.2/24 dev $tap
ip link set $user up && udhcpc -i $user -n -q -t 10 -s /tmp/dhcp >/dev/null 2>&1
/netspeed tap 192.168.9.1 7000
/netspeed user 192.0.2.1 7000
echo "guest: rest"
