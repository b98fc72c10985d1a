# SPDX-License-Identifier: GPL-2.0-only
# In the lab: networks that come and go in VMs on /dev/vh; of the parts those that $only names, or all but load
insmod ./vh.ko $params || exit 2
echo nobody:x:65534:65534::/:/bin/sh >>/etc/passwd
modprobe tun && modprobe bridge && modprobe veth || exit 2
chgrp kvm /dev/vh; chmod 660 /dev/vh; chmod 666 /dev/net/tun
cmdline="console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests rodata=off panic=-1 tsc_early_khz=100000 vhtest=vmm"
./ip tuntap add tap0 mode tap multi_queue && ./ip tuntap add tap1 mode tap user root && ./ip tuntap add tap2 mode tap user user || exit 2
ip addr add 192.168.9.1/24 dev tap0; ip link set tap0 up
ip addr add 192.168.10.1/24 dev tap1; ip link set tap1 up
ip addr add 192.168.12.1/24 dev tap2; ip link set tap2 up
ip link add br0 type bridge && ip addr add 192.168.11.1/24 dev br0; ip link set br0 up
outside
truncate -s 16M a b

vhost() { modprobe vhost_net || exit 2; chgrp kvm /dev/vhost-net; chmod 660 /dev/vhost-net; }
as= # by whom vhctl is run
device() { $as ./vhctl device "$@"; }
devices() { device ls web | awk "NR > 1 { print \$1, \$$1 }" | tr "\n" " "; } # COLUMN
are() { [ "$(devices $1)" = "$2" ] || { device ls web; return 1; }; } # COLUMN WHAT
is_id() { [ "$("$@")" = $id ]; } # COMMAND...: says $id
mac_of() { device ls web | sed -n "s/^$1 .*mac=\([0-9a-f:]*\).*/\1/p"; } # ID
taps() { ls /sys/class/net | grep -c '^vh[0-9]'; }
passts() { pidof passt passt.avx2 | tr " " "\n" | sort -u; } # each is found by two names
programs() { passts | wc -l; }
there_are() { [ "$(taps) $(programs)" = "$*" ] || { echo "$(taps) taps, $(programs) passts"; return 1; }; } # TAPS PASSTS
alone() { there_are 0 0; }
receive() { ./net receive $1 >$2 2>/dev/null & } # PORT FILE
whole() { until_ 20 cmp $1 /bin/busybox; } # FILE
descriptors() { ls /proc/$1/fd | wc -l; } # PID
threads() { ls /proc/$1/task | wc -l; }
# TIMES NAME OPTIONS...: a network comes and goes so often, and each time the guest has it
again() {
	local times=$1 name=$2 n=0 id mac fds tasks
	shift 2
	fds=$(descriptors $(vmm)):$(descriptors $vm) tasks=$(threads $(vmm))
	while [ $n -lt $times ]; do
		id=$(device add web net "$@") || break
		mac=$(mac_of $id)
		n=$((n + 1))
		tell "until_ 30 there $mac >/dev/null; ip link set \$(interface $mac) up; echo guest: $name $n"
		says 60 "guest: $name $n\b" || break
		device rm -t 60 web $id || break
	done
	check "$name: $times times" [ $n = $times -a -z "$(device ls web | grep "^$id ")" ]
	check "$name: nothing is left of them in the VMM and its parent" [ "$(descriptors $(vmm)):$(descriptors $vm) $(threads $(vmm))" = "$fds $tasks" ]
}
# A script that is vhctl's caller as another user
printf '#!/bin/sh\nline=exec\nfor a; do line="$line '"'"'$a'"'"'"; done\nexec su user -c "$line"\n' >as_user && chmod +x as_user

# --- what is refused ---
part_refused() {
	begin
	check "a VM without a bus" refused "has no PCI bus" device add web net user
	off
	begin --cpus 2 --disk a
	check "which network?" refused "want VM disk FILE" device add web net
	check "no such kind" refused "only a disk or a net can be added" device add web sofa x
	check "no such network" refused "want user, tap=NAME or bridge=NAME first" device add web net none
	check "no such option" refused "want mac= or queues=" device add web net user,speed=9
	check "too many queues" refused "want a number from 1 to 8" device add web net tap=tap0,queues=9
	check "no address" refused "want an address of one station" device add web net user,mac=01:00:00:00:00:00
	check "ports of a tap" refused "goes with --net user" device add -P 80:80 web net tap=tap0
	check "ports of a disk" refused "goes with a net" device add -P 80:80 web disk b
	check "no port" refused "want \[ADDRESS:\]PORT:GUESTPORT" device add --publish 80 web net user
	check "an interface that is not there" refused "there is no such interface: ip tuntap add tap9" device add web net tap=tap9
	check "one that is no tap" refused "is no tap" device add web net tap=lo
	check "a bridge that is not there" refused "there is no such bridge" device add web net bridge=br9
	check "one that is no bridge" refused "is no bridge" device add web net bridge=lo
	[ -e /dev/vhost-net ] || check "no vhost" refused "there is no /dev/vhost-net on this host: modprobe vhost_net" device add web net bridge=br0
	vhost
	check "a tap with one queue" refused "is no tap of several queues" device add web net tap=tap1,queues=2
	check "no passt" sh -c "PATH=/none ./vhctl run --kernel vmlinux --net user 2>&1 | grep 'passt is not installed'"
	check "nothing is left of all that" alone
	check "a tap" [ "$(device add web net tap=tap1,mac=02:00:00:00:00:01)" = net0 ]
	check "in use" refused "tap=tap1: is in use by another program" device add web net tap=tap1
	check "an address twice" refused "another network of the VM's has this mac" device add web net bridge=br0,mac=02:00:00:00:00:01
	nc -l -p 8079 & busy=$!
	usleep 100000
	check "a port in use" refused "TCP port 8079 is in use by another program" device add -P 8079:80 web net user
	kill $busy
	for i in 1 2 3 4 5 6 7; do device add web net bridge=br0 >/dev/null; done
	check "eight of them" there_are 7 0
	check "a ninth" refused "a VM has at most 8 networks" device add web net bridge=br0
	check "a ninth with a program" refused "a VM has at most 8 networks" device add web net user
	check "nothing is left of that" until_ 10 there_are 7 0
	check "names of its own" [ "$(device ls web | awk 'NR > 1 { print $1 }' | sort | uniq | wc -l)" = 9 ]
	check "addresses, too" [ "$(device ls web | grep -o 'mac=.*' | sort | uniq | wc -l)" = 8 ]
	check "as JSON" sh -c "./vhctl device ls -j web | grep '\"id\":\"net0\",\"kind\":\"net\".*\"what\":\"tap=tap1,mac=02:00:00:00:00:01\"'"
	check "a device that is not there" refused "no device 'net9'" device rm web net9
	check "another one is not asked for" refused "no device 'net'" device rm web net
	# without a driver of the guest's they go, too
	for i in 1 2 3 4 5 6 7; do device rm -t 60 web net$i || break; done
	check "all of the bridge go" alone
	check "the rest is there" are 4 "disk0 plugged net0 plugged "
	off
	check "and all goes with the VM" alone
}

# --- a tap ---
part_tap() {
	vhost
	begin --cpus 2 --disk a
	check "before there is a driver" [ "$(device add web net tap=tap1)" = net0 ]
	mac1=$(mac_of net0)
	guest "modules" modules virtio_pci virtio_net virtio_blk
	guest "it finds it" up $mac1 192.168.10.2
	guest "ping" pings 192.168.10.1
	check "another one" [ "$(device add web net tap=tap0,queues=2,mac=02:00:00:00:00:07)" = net1 ]
	guest "that has its address" up 02:00:00:00:00:07 192.168.9.2
	guest "and its queues" queues 02:00:00:00:00:07 2
	guest "ping by that" pings 192.168.9.1
	receive 7000 out
	guest "TCP to the host" sends 192.168.9.1 7000
	check "is whole" whole out
	tell "tells 'TCP from the host' receives 7001"
	check "the guest listens" says 60 "guest: listens on 7001"
	./net send 192.168.9.2 7001 </bin/busybox
	check "TCP from the host" works "TCP from the host"
	ip link set tap0 down
	guest "a link that goes" until_ 20 carrier 02:00:00:00:00:07 0
	ip link set tap0 up
	guest "and comes" until_ 20 carrier 02:00:00:00:00:07 1
	check "drivers are seen" are 5 "disk0 yes net0 yes net1 yes "
	# the first one is at work all the time
	rm -f stop bad; >count
	(while [ ! -e stop ]; do ./net receive 7005 >got 2>/dev/null || continue; if cmp -s got /bin/busybox; then echo >>count; else echo >>bad; fi; done) &
	tell "loads_net 192.168.10.1 7005"
	# and so is the one that goes
	./net receive 7002 >/dev/null 2>&1 & sink=$!
	tell "floods 192.168.9.1 7002"
	sleep 3
	check "one that is busy goes" device rm -t 60 web net1
	guest "it is gone" gone 02:00:00:00:00:07
	tell "stops"
	kill $sink 2>/dev/null
	check "the other one is there" are 4 "disk0 plugged net0 plugged "
	check "its tap is free" [ "$(device add web net tap=tap0)" = net2 ]
	mac2=$(mac_of net2)
	check "goes again" device rm -t 60 web net2
	check "comes again" [ "$(device add web net tap=tap0)" = net3 ]
	check "with the address that it had" [ "$(mac_of net3)" = $mac2 ]
	check "goes" device rm -t 60 web net3
	again 20 tap tap=tap0,queues=2
	again 5 bridge bridge=br0
	check "no tap is left" alone
	guest "what it has sent meanwhile" sent 7005 3
	touch stop
	check "is whole, too" [ ! -e bad ]
	echo "received: $(wc -l <count)"
	check "all of it" [ "$(wc -l <count)" -ge 3 ]
	# a guest that does not answer, and then does
	id=$(device add web net tap=tap0)
	guest "it finds it again" until_ 30 there $(mac_of $id)
	./vhctl pause web
	status=0
	device rm -t 1 web $id 2>refused || status=$?
	check "a guest that does not answer" [ $status = 6 ]
	check "and it is told" grep -q "the guest has not let go of $id" refused
	check "it is still there" [ "$(device ls web | awk "/^$id / { print \$4 }")" = leaving ]
	check "and in use" refused "is in use by another program" device add web net tap=tap0
	./vhctl resume web
	check "then it does" until_ 30 sh -c "! ./vhctl device ls web | grep -q ^$id"
	# by itself
	id=$(device add web net tap=tap0) mac=$(mac_of $id)
	guest "once more" until_ 30 there $mac
	tell "ejects $mac"
	check "a guest that ejects one by itself" says 30 "the guest has ejected $id (tap=tap0,mac=$mac) by itself"
	check "it is free" device add web net tap=tap0
	guest "and nothing to complain of" quiet
	off
	check "a VMM that is killed" begin --cpus 2 --disk a
	device add web net bridge=br0 >/dev/null && device add web net tap=tap0 >/dev/null
	check "has a tap of its own" there_are 1 0
	kill -9 $(vmm)
	check "ends" closes 5
	check "and leaves none" until_ 10 alone
}

# --- a bridge, and VMs that are not confined ---
part_bridge() {
	vhost
	for how in --confine --no-confine; do
		[ $how = --no-confine ] || how=
		begin $how --cpus 2 --disk a --net bridge=br0
		guest "modules" modules virtio_pci virtio_net
		check "one that it begins with" are 4 "disk0 plugged net0 plugged "
		mac=$(mac_of net0)
		guest "it has" up $mac 192.168.11.2
		check "another one" device add web net bridge=br0,queues=2
		mac2=$(mac_of net1)
		check "has another address" [ -n "$mac2" -a "$mac2" != $mac ]
		guest "comes" up $mac2 192.168.11.3
		check "two taps" there_are 2 0
		check "the first one goes" device rm -t 60 web net0
		guest "and is gone" gone $mac
		check "its tap, too" there_are 1 0
		guest "ping" pings 192.168.11.1
		receive 7000 out
		guest "TCP to the host" sends 192.168.11.1 7000
		check "is whole" whole out
		again 10 bridge bridge=br0
		check "a tap" device add web net tap=tap1
		mac3=$(mac_of $(device ls web | awk '/tap=tap1/ { print $1 }'))
		guest "comes, too" up $mac3 192.168.10.2
		guest "ping by a tap" pings 192.168.10.1
		off
		check "nothing is left" alone
	done
}

# --- a user's network ---
part_user() {
	vhost
	on_outside ./net echo 7000 &
	for how in root user --no-confine; do
		as= options="--cpus 2 --disk a"
		case $how in
		user) as=./as_user; chown user a ;;
		--no-confine) options="$options --no-confine" ;;
		esac
		begin_by "$as" $options --net user --publish 8080:80
		check "$how: it begins with one" there_are 0 1
		guest "modules" modules virtio_pci virtio_net
		first=$(mac_of net0)
		guest "it has" leases $first
		check "$how: which goes" device rm -t 60 web net0
		check "$how: and passt with it" alone
		check "$how: its port is another's" [ "$(device add -P 8080:80 -P 8053:53/udp web net user)" = net1 ]
		check "$how: who has its address" [ "$(mac_of net1)" = $first ]
		p=$(passts)
		check "$how: passt runs" there_are 0 1
		[ $how != user ] || check "$how: as the user" [ "$(stat -c %U /proc/$p)" = user ]
		check "$how: in the VM's cgroup" [ "$(cat /proc/$p/cgroup)" = "$(cat /proc/$vm/cgroup)" ]
		guest "it comes" leases $first
		on_outside ./net receive 7000 >outside 2>/dev/null &
		guest "TCP to outside" sends 192.0.2.1 7000
		check "$how: is whole" whole outside
		guest "UDP to outside" /net ask 192.0.2.1 7000
		tell "tells 'TCP from outside' receives 80"
		check "$how: the guest listens" says 60 "guest: listens on 80"
		on_outside ./net send 192.0.2.2 8080 </bin/busybox &
		check "$how: TCP from outside" works "TCP from outside"
		tell "/net echo 53 &"
		check "$how: UDP from outside" on_outside ./net ask 192.0.2.2 8053
		on_outside ./net receive 7002 >/dev/null 2>&1 & sink=$!
		tell "floods 192.0.2.1 7002"
		sleep 3
		check "$how: one that is busy goes" device rm -t 60 web net1
		guest "it is gone" gone $first
		check "$how: no passt" alone
		tell "stops"
		kill $sink 2>/dev/null
		times=20
		[ $how = root ] || times=5
		again $times "$how user" -P 8080:80 user
		check "$how: no passt is left" alone
		id=$(device add web net user)
		guest "another" up $(mac_of $id) 192.0.2.9
		kill $(passts)
		check "$how: one that loses passt" says 20 "the network is gone: passt has ended"
		guest "has no link" until_ 20 carrier $(mac_of $id) 0
		check "$how: and goes" device rm -t 60 web $id
		id=$(device add web net user)
		kill -STOP $(passts)
		stopped=$(passts)
		check "$how: one whose passt is stopped goes" device rm -t 60 web $id
		check "$how: which is told" says 10 "passt does not end"
		# a confined VMM of root's may not kill what is nobody's
		[ $how != root ] || kill -CONT $stopped
		check "$how: and passt ends" until_ 10 alone
		if [ $how = user ]; then
			check "$how: no bridge" ./as_user ./refused_bridge
			check "$how: another user's tap" sh -c "./as_user ./vhctl device add web net tap=tap1 2>&1 | grep 'belongs to another user'"
			check "$how: a tap of the user's" device add web net tap=tap2
			guest "comes" up $(mac_of $(device ls web | awk '/tap=tap2/ { print $1 }')) 192.168.12.2
			guest "ping by a tap" pings 192.168.12.1
		fi
		device add -P 8080:80 web net user >/dev/null
		off
		check "$how: nothing is left" alone
		begin_by "$as" $options
		device add -P 8080:80 web net user >/dev/null
		check "$how: a VMM that is killed" there_are 0 1
		if [ $how = --no-confine ]; then kill -9 $vm; else kill -9 $(vmm); fi
		exec 9>&-
		wait $vm
		check "$how: leaves none" until_ 10 alone
		[ $how != --no-confine ] || continue
		begin_by "$as" $options --net user
		kill -STOP $(passts)
		kill -9 $(vmm)
		exec 9>&-
		wait $vm
		check "$how: not one that was stopped either" until_ 5 alone
	done
	as=
}
printf '#!/bin/sh\n./vhctl device add web net bridge=br0 2>&1 | grep "making a tap needs CAP_NET_ADMIN"\n' >refused_bridge && chmod +x refused_bridge

# --- two disks and two networks under load, and a third network that comes and goes ---
part_load() {
	vhost
	chown root a
	begin --cpus 2 --disk a --disk b --net tap=tap0,queues=2 --net user --publish 8080:80
	guest "modules" modules virtio_pci virtio_net virtio_blk
	guest "a tap" up $(mac_of net0) 192.168.9.2
	guest "a user" leases $(mac_of net1)
	rm -f stop bad; >count; >count2
	(while [ ! -e stop ]; do ./net receive 7005 >got 2>/dev/null || continue; if cmp -s got /bin/busybox; then echo >>count; else echo >>bad; fi; done) &
	(while [ ! -e stop ]; do on_outside ./net receive 7006 >got2 2>/dev/null || continue; if cmp -s got2 /bin/busybox; then echo >>count2; else echo >>bad; fi; done) &
	tell "serves 7007; loads_net 192.168.9.1 7005; loads_net 192.0.2.1 7006"
	(while [ ! -e stop ]; do ./net send 192.168.9.2 7007 </bin/busybox 2>/dev/null >/dev/null || usleep 100000; done) &
	tell "loads vda 1024 ${seconds:-180}; loads vdb 2048 ${seconds:-180}"
	n=0
	until grep -q "guest: disk: load on /dev/vdb" said || [ $n = 30 ]; do
		id=$(device add web net tap=tap1) || break
		sleep 3
		device rm -t 60 web $id || break
		n=$((n + 1))
		echo "came and went: $n, at $(cut -d. -f1 /proc/uptime) s"
		[ $n != 5 ] || tell "loaded vda >/dev/null; loaded vdb >/dev/null"
	done
	check "a third network came and went, $n times" [ $n -ge 5 ]
	check "the disks are done" says $((${seconds:-180} * 3)) "guest: disk: load on /dev/vdb"
	guest "the first disk had all it wrote" loaded vda
	guest "the second, too" loaded vdb
	guest "it sent by the tap" sent 7005 10
	guest "and by passt" sent 7006 10
	tell "/net send 127.0.0.1 7007 </dev/null; until_ 60 [ -e /tmp/served.7007 ]; echo guest: served \$(cat /tmp/served.7007)"
	check "it received by the tap" says 60 "guest: served [1-9][0-9]* [01]\b"
	touch stop
	echo "received: $(wc -l <count) by the tap, $(wc -l <count2) by passt"
	grep "guest: sent\|guest: served\|guest: disk" said
	check "all that came was whole" [ ! -e bad ]
	check "and it was much" [ "$(wc -l <count)" -ge 10 -a "$(wc -l <count2)" -ge 10 ]
	guest "nothing to complain of" quiet
	off
	check "what is on the first disk is what was written" ./disk check a 0 1024 7
	check "on the second, too" ./disk check b 0 2048 7
	check "nothing is left" alone
}

for part in ${only:-refused tap bridge user}; do
	echo "--- $part"
	part_$part
done
kill $outside
check "vh unloads" until_ 10 rmmod vh
echo "$passed passed, $failed failed"
[ $failed = 0 ]
