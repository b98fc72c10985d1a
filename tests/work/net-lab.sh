# SPDX-License-Identifier: GPL-2.0-only
# In the lab: VMs with networks on $device, which is /dev/vh or /dev/kvm
if [ $device = /dev/kvm ]; then
	modprobe kvm-intel || exit 2
else
	insmod ./vh.ko || exit 2
fi
echo nobody:x:65534:65534::/:/bin/sh >>/etc/passwd
modprobe tun && modprobe bridge && modprobe veth || exit 2
chgrp kvm $device; chmod 660 $device; chmod 666 /dev/net/tun
cmdline="console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests rodata=off panic=-1 tsc_early_khz=100000 vhtest=vmm"
args="run --device $device --kernel vmlinux --initrd initrd --memory 160M"
vm() { ./vhctl $args "$@" </dev/null; } # in the foreground
start() { # NAME OPTIONS...: in the background, as $vm, and what it says in NAME
	local said=$1
	shift
	./vhctl $args "$@" </dev/null >$said 2>&1 &
	vm=$!
}
start_as_user() {
	local said=$1
	shift
	>$said
	chown user $said
	su user -c "exec ./vhctl $args $* </dev/null >$said 2>&1" &
	vm=$!
}
refused_to_user() {
	local words=$1
	shift
	! su user -c "./vhctl $args $*" </dev/null >refused 2>&1 && grep -q -- "$words" refused || { cat refused; return 1; }
}
works() { # NAME: each line of what the guest says
	local line
	grep "guest:\|vhctl:" $1
	while read -r line; do
		check "guest: $line" true
	done <<-END_OF_WORKS
		$(sed -n 's/^guest: \(.* works\).*/\1/p' $1)
	END_OF_WORKS
	check "nothing failed in the guest" sh -c "! grep -A 20 'guest: .* FAILS\|Oops\|BUG:\|blocked for more' $1"
	check "and there were $2 things to do" [ "$(grep -c 'guest: .* works' $1)" = $2 ]
}
receive() { ./net receive $1 >$2 & } # PORT FILE
whole() { until_ 10 cmp $1 /bin/busybox; } # FILE
parent() { # PID COMMAND: it is a child of that
	local comm
	comm=$(cat /proc/$(awk '/^PPid/ { print $2 }' /proc/$1/status)/comm)
	[ "$comm" = $2 ] || { echo "its parent is $comm"; return 1; }
}
alone() { ! pidof passt passt.avx2 >/dev/null && ! ls /sys/class/net | grep -q '^vh[0-9]'; }

vhost() { modprobe vhost_net && modprobe vhost_vsock || exit 2; }
open_vhost() { chgrp kvm /dev/vhost-net; chmod 660 /dev/vhost-net; }
./ip tuntap add tap0 mode tap multi_queue && ./ip tuntap add tap1 mode tap user root && ./ip tuntap add tap2 mode tap user user || exit 2
ip link add br0 type bridge

# --- options ---
part_options() {
	check "no kind of network" refused "want user, tap=NAME or bridge=NAME first" --net none
	check "no address" refused "want an address of one station" --net user,mac=01:00:00:00:00:00
	check "too many queues" refused "want a number from 1 to 8" --net tap=tap0,queues=9
	check "no port" refused "want \[ADDRESS:\]PORT:GUESTPORT" --net user --publish 80
	check "a port of no network" refused "goes with --net user" --net tap=tap0 --publish 80:80
	check "no CID" refused "want a number from 3" --vsock 2
	check "an interface that is not there" refused "there is no such interface: ip tuntap add tap9" --net tap=tap9
	check "one that is no tap" refused "is no tap" --net tap=lo
	check "a bridge that is not there" refused "there is no such bridge: ip link add br9 type bridge" --net bridge=br9
	check "one that is no bridge" refused "is no bridge" --net bridge=lo
	check "no vhost" refused "there is no /dev/vhost-net on this host: modprobe vhost_net" --net tap=tap1
	check "no vsock" refused "there is no /dev/vhost-vsock on this host: modprobe vhost_vsock" --vsock 5
	vhost
	check "a tap with one queue" refused "is no tap of several queues" --net tap=tap1,queues=2
	check "another user's tap" refused_to_user "belongs to another user" --net tap=tap1
	check "vhost that is root's" refused_to_user "/dev/vhost-net: Permission denied; it belongs to the group" --net tap=tap2
	open_vhost
	check "a bridge without rights" refused_to_user "making a tap needs CAP_NET_ADMIN: run as root, or have one" --net bridge=br0
	check "no passt" sh -c "PATH=/none ./vhctl $args --net user 2>&1 | grep 'passt is not installed: apt install passt'"
	check "no network to be a user of" refused "passt: External interface not usable" --net user
}

# --- taps, and vsock ---
part_tap() {
	vhost
	ip addr add 192.168.9.1/24 dev tap0; ip link set tap0 up
	ip addr add 192.168.10.1/24 dev tap1; ip link set tap1 mtu 1400 up
	receive 7000 out
	for i in 0 1 2 3 4 5; do receive 701$i out$i; done
	./vsock 999 >question &
	./vsock 997 >again &
	start tap --cpus 2 --cmdline "$cmdline step=tap" --net tap=tap0,queues=2,mac=02:00:00:00:00:07 --net tap=tap1 --vsock 5 --stats
	check "the guest begins" says 100 "guest: modules works" tap
	check "a tap in use" refused "is in use by another program" --net tap=tap1
	check "one of several queues in use" refused "is in use by another program" --net tap=tap0,queues=2
	check "a CID in use" refused "another VM has it" --vsock 5
	check "the guest listens" says 200 "guest: listens for one" tap
	./net send 192.168.9.2 7001 </bin/busybox
	check "the guest waits for its link to go" says 100 "guest: down, please" tap
	ip link set tap1 down
	check "and to come" says 50 "guest: up, please" tap
	ip link set tap1 up
	check "the guest listens by vsock" says 100 "guest: listens by vsock" tap
	check "vsock to the guest" until_ 20 sh -c '[ "$(echo host asks | ./vsock 5 998)" = answer ]'
	check "the guest receives wrong" says 200 "a driver that errs" tap
	./net knock 192.168.10.2 7000 & knocks=$!
	check "the guest gets to its end" says 200 "guest: done" tap
	kill $knocks
	check "and powers off" ends 0
	works tap 27
	check "what it sent is whole" whole out
	check "all of it" sh -c 'for i in 0 1 2 3 4 5; do cmp -n 262144 out$i /bin/busybox && [ "$(wc -c <out$i)" = 262144 ] || exit 1; done'
	check "what it sent by vsock" [ "$(cat question again | tr '\n' ' ')" = "question question " ]
	check "what a bad driver did is told" grep -q -- "--net tap=tap1: the device stops until the guest resets it: the kernel finds a queue" tap
	check "also of the control queue" grep -q -- "--net tap=tap0: the device stops until the guest resets it: a " tap
	check "and of vsock" grep -q "vsock: the device stops until the guest resets it: the kernel finds a queue" tap
	check "kicks do not come to the VMM" [ "$(awk '$1 == "MMIO" { print $2 }' tap)" -lt 3000 ]
	check "the taps are there still" sh -c 'ip link show tap0 && ip link show tap1' >/dev/null
}

# --- a bridge ---
part_bridge() {
	vhost
	ip addr add 192.168.11.1/24 dev br0; ip link set br0 up
	start served --cpus 1 --name first --cmdline "$cmdline step=serve ip=192.168.11.2" --net bridge=br0
	first=$vm
	check "the first begins" says 100 "guest: listens for two" served
	start asks --cpus 1 --name second --cmdline "$cmdline step=ask ip=192.168.11.3 peer=192.168.11.2" --net bridge=br0
	check "the other gets to its end" says 200 "guest: done" asks
	check "and powers off" ends 0
	vm=$first
	check "the first is served" says 20 "guest: served" served
	works served 3
	works asks 3
	check "one tap is gone, one is there" [ "$(ls /sys/class/net | grep -c '^vh[0-9]')" = 1 ]
	kill -9 $first
	wait $first 2>/dev/null
	check "and gone when its VMM is killed" until_ 10 alone
}

# --- a user's network ---
part_user() {
	vhost; open_vhost
	outside
	on_outside ./net receive 7000 >outside &
	on_outside ./net echo 7000 &
	nc -l -p 7999 >/dev/null & # of the host's own
	ip addr add 192.168.12.1/24 dev tap2; ip link set tap2 up
	nc -l -p 8079 & busy=$!
	usleep 100000
	check "a port in use" refused "TCP port 8079 is in use by another program" --net user --publish 8079:80
	check "also with an address" refused "TCP port 127.0.0.1:8079 is in use" --net user --publish 127.0.0.1:8079:80
	kill $busy
	check "an address that is elsewhere" refused "TCP port 192.0.2.9:80 is not at an address of this host's" --net user --publish 192.0.2.9:80:80
	check "a port that is root's" refused_to_user "TCP port 80 is root's" --net user --publish 80:80
	start_as_user user --cpus 2 --cmdline "'$cmdline step=user'" --net user --publish 8080:80 --publish 127.0.0.1:8081:81 --publish 8053:53/udp --net tap=tap2
	check "the guest of a user begins" says 200 "guest: listens for port" user
	p=$(pidof passt passt.avx2) p=${p%% *}
	check "passt runs, and is the user's" [ "$(stat -c %U /proc/$p)" = user ]
	check "and the VMM's" parent $p vhctl
	on_outside ./net send 192.0.2.2 8080 </bin/busybox &
	check "the guest listens again" says 100 "guest: listens for more" user
	check "UDP to the guest" on_outside ./net ask 192.0.2.2 8053
	check "its port is at one address alone" sh -c '! nc -w 3 192.0.2.2 8081 </dev/null'
	./net send 127.0.0.1 8080 </bin/busybox &
	check "the guest receives wrong" says 200 "guest: a driver that errs" user
	on_outside ./net receive 7000 >outside2 &
	./net knock 127.0.0.1 8053 & knocks=$!
	check "the guest waits for passt to end" says 200 "guest: end passt, please" user
	kill $knocks
	kill $(pidof passt passt.avx2)
	check "the guest of a user gets to its end" says 100 "guest: done" user
	check "and powers off" ends 0
	works user 16
	check "what went outside is whole" whole outside
	check "also behind the driver's mistakes" whole outside2
	check "the guest's mistakes are told" grep -q -- "--net user: the device stops until the guest resets it: " user
	check "and that passt has gone" grep -q -- "--net user: the network is gone: passt has ended" user
	check "nothing is left" until_ 10 alone
	# with the VM, and when it is killed
	start quick --cpus 1 --cmdline "$cmdline step=none" --net user --publish 8080:80
	check "a guest that has nothing to do" says 100 "guest: modules" quick
	check "ends" ends 0
	check "and passt with it" alone
	start killed --cpus 1 --cmdline "$cmdline step=serve ip=192.0.2.2" --net user --publish 8080:80
	check "passt runs" until_ 50 pidof passt passt.avx2
	kill -9 $vm
	check "and ends with a VMM that is killed" until_ 10 alone
	[ $device = /dev/kvm ] || in_background
}

in_background() {
	./vhctl create small --memory 160M >/dev/null
	check "a VM in the background" ./vhctl start --kernel vmlinux --initrd initrd --cmdline "$cmdline step=serve ip=192.0.2.2" \
		--net user --publish 8080:80 small
	check "has passt" pidof passt passt.avx2
	./vhctl kill small
	check "until it is killed" until_ 10 alone
	check "and can be destroyed" until_ 10 ./vhctl destroy small
}
for part in ${only:-options tap bridge user}; do
	part_$part
done
[ $device = /dev/kvm ] || check "vh unloads" until_ 10 rmmod vh
echo "$passed passed, $failed failed"
[ $failed = 0 ]
