# SPDX-License-Identifier: GPL-2.0-only
# In the lab: an intruder in VMMs of vhctl's on $device, which is /dev/vh or /dev/kvm
self=$(readlink -f "$0")
set_up() {
	if [ $device = /dev/kvm ]; then
		modprobe kvm-intel || exit 2
	else
		insmod ./vh.ko || exit 2
	fi
	kvm=$(sed -n 's/^kvm:[^:]*:\([0-9]*\):.*/\1/p' /etc/group)
	chgrp "$kvm" $device && chmod 660 $device
	mkdir -p /p/out /w && chmod 777 /w && cp vhctl kernel /w && cd /w || exit 2
	truncate -s 1M disk.img disk2.img && chmod 666 disk*.img
	# a network of each kind; passt is somebody who has the other end, for as long as there is one
	modprobe tun && modprobe vhost_net || exit 2
	chgrp "$kvm" /dev/vhost-net && chmod 660 /dev/vhost-net && chmod 666 /dev/net/tun || exit 2
	/p/ip tuntap add tap0 mode tap user user && /p/ip tuntap add tap1 mode tap multi_queue || exit 2
	printf '#!/bin/sh\ncat <&3 >/dev/null 2>&1 &\n' >/w/passt && chmod 755 /w/passt && PATH=/w:$PATH || exit 2
	truncate -s 2M kept && chmod 666 kept
}
[ -n "$sharing" ] || set_up
vm="/w/vhctl run --device $device --kernel /w/kernel --memory 16M --cpus 2 --disk disk.img"
both="$vm --disk disk2.img"
all="$both --net user --net tap=tap0 --balloon --console virtio --pmem kept --watchdog --memory 16M,max=144M --cpus 2,max=3"
old="main vcpu disk clock control" new="watch net balloon hvc pmem memory spare watchdog"
free="$vm --no-confine"
says() { grep -q -- "$1" out; }
never() { ! grep -q -- "$1" out; }
count() { # PATTERN NUMBER
	[ "$(grep -c -- "$1" out)" = "$2" ] || { grep -c -- "$1" out; return 1; }
}
only() { ! grep -v -- "$1" out; } # nothing but that
try() { # WHAT USER COMMAND...
	/p/intruder "$@" >out 2>&1 || { tail -n 3 out said; return 1; }
	# as vh calls it
	sed -i 's/<kvm-/<vh-/; s/<vh-vcpu:0>/<vh-vcpu>/' out
}
try_as() { # KINDS WHAT USER COMMAND...
	local ONLY="$1"
	export ONLY
	shift
	try "$@"
}
# A VM with a shared folder is another one: it has no pmem. virtiofsd goes from a root that is not the kernel's first one.
if [ -n "$sharing" ]; then
	passed=0 failed=0
	mkdir -p shared
	with="$vm --share /w/shared"
	check "a shared folder's thread: its filter can be read" try list 0 $with
	grep "^share " out >/p/out/list.share
	check "it lets through what is expected, and nothing else" diff /p/expected-share /p/out/list.share
	check "its calls are tried" try_as share calls 0 $with
	cp out /p/out/calls.share
	check "each ended the VMM, and was told" only ": ended$"
	check "all were tried" [ "$(wc -l <out)" -ge 30 ]
	check "the VM's state" try state 0 $with
	check "its VMM does not have the folder" never "/w/shared"
	echo "$passed $failed" >/p/out/counts.share
	exit
fi
who_is() { # USER NAME KINDS CALLS KINDS CALLS: what holds for whoever runs it
	local who=$1 as=$2

	check "$as: the filters can be read" try list $who $all
	cp out /p/out/list.$as
	check "$as: they let through what is expected, and nothing else" diff /p/expected out
	check "$as: calls are tried" try_as "$3" calls $who $both
	cp out /p/out/calls.$as
	check "$as: each ended the VMM, and was told" only ": ended$"
	check "$as: all were tried" [ "$(wc -l <out)" -ge $4 ]
	check "$as: calls of all devices' threads are tried" try_as "$5" calls $who $all
	cp out /p/out/calls-devices.$as
	check "$as: each ended the VMM, and was told" only ": ended$"
	check "$as: all were tried" [ "$(wc -l <out)" -ge $6 ]
	check "$as: requests to io_uring are tried" try ring $who $both
	cat out
	check "$as: the disk is read" says "read of the disk: done"
	check "$as: what disks do not need is refused" count ": Permission denied$" 10
	check "$as: other files are not there" count ": Bad file descriptor$" 1
	check "$as: its state can be looked at" try state $who $both
	cp out /p/out/state.$as
	check "$as: no thread has capabilities" never "Cap[A-Z][a-z]*: 0*[1-9a-f]"
	check "$as: nor gets any" never "NoNewPrivs: 0"
	check "$as: each has its filter" count "Seccomp_filters: 1" "$(grep -c Seccomp: out)"
	for n in mnt ipc net; do check "$as: $n" says "namespace $n: its own"; done
	check "$as: an empty root" says "root: 0 entries"
	check "$as: in which it is" says "working directory: /$"
	check "$as: nothing else is mounted" count "^mount:" 1
	check "$as: it is only read" says "^mount: .* / / ro,nosuid,nodev,noexec"
	check "$as: no core" says "Max core file size 0 0"
	check "$as: nobody of its user looks into it" says "looking into it: root alone"
	check "$as: descriptors of a VM" count "descriptor: .*vm$" 1
	check "$as: of vCPUs" count "descriptor: .*vcpu" 2
	check "$as: of disks, and their locks" count "descriptor: .*disk.*img" 4
	check "$as: of rings" count "descriptor: .*io_uring" 2
	check "$as: to who waits for it" count "descriptor: socket" 2
	check "$as: of standard input and output" count "descriptor: /\(dev/null\|w/said\)$" 3
	check "$as: of lists of calls" count "descriptor: .*memfd:filter" 1
	check "$as: of what happens now and then" count "descriptor: .*eventpoll" 1
	check "$as: and else eventfds and signals" [ "$(grep -c "^descriptor:" out)" = \
		$(($(grep -c "eventfd\|signalfd" out) + 16)) ]
}
who_is 0 root "$old" 200 "$new" 180
check "root needs no user namespace" says "namespace user: the host's"
who_is "1000:$kvm" user "vcpu control" 130 watchdog 30
check "a user needs one" says "namespace user: its own"

# --- where things are not as they should be ---
check "where somebody listens already" try_as "main vcpu disk clock" listened 0 $both
cat out
check "the kernel ends the VMM, and it is told" only ": ended$"
check "that is some calls" [ "$(wc -l <out)" -ge 15 ]
echo 0 >/proc/sys/user/max_user_namespaces
check "without user namespaces" try state "1000:$kvm" $both
check "a user's VMM says what it lacks" [ "$(grep -c "the VMM runs without namespaces of its own" said)" = 1 ]
check "and that is what it lacks" count "^namespace .*: its own" 0
check "its threads have filters" count "Seccomp_filters: 1" "$(grep -c Seccomp: out)"
check "of the same calls" try list "1000:$kvm" $all
check "as they are elsewhere" diff /p/expected out
check "root needs none" try state 0 $both
check "and has what it had" count "^namespace .*: its own" 3
echo 1000 >/proc/sys/user/max_user_namespaces
state_with() { try state 0 "$@" 7</etc/group; }
check "what a shell leaves open" state_with $both
check "is closed" never "/etc/group"

# --- the intruder could do something ---
check "without confinement, calls are tried" try_as "main vcpu disk clock" harmless 0 $free --disk disk2.img
cat out
check "and made" only ": made, [0-9]"
check "all of them" [ "$(wc -l <out)" -ge 14 ]
check "its state" try state 0 $free --disk disk2.img
check "is root's" says "vhctl: CapEff: 0000.*f$"
check "on the host's network" says "namespace net: the host's"

# --- disks and networks that come while it runs: their threads are made by a confined one ---
if [ $device = /dev/vh ]; then
	export PLUG="/w/vhctl device add plugged disk /w/disk.img >/dev/null"
	later="/w/vhctl run --kernel /w/kernel --memory 16M --name plugged --balloon --pmem /w/kept" # what the list was made with
	check "a disk is plugged in" try list 0 $later
	check "its thread may call what others may" sh -c "grep ^disk out >had; grep ^disk /p/expected >want; diff want had"
	check "its state can be looked at" try state 0 $later
	check "it has the filter of its maker, and its own" count "^disk: Seccomp_filters: 2" 1
	check "it has its descriptors" count "descriptor: .*disk.img" 2
	check "its calls are tried" try_as disk calls 0 $later
	cp out /p/out/calls.plugged
	check "each ended the VMM, and was told" only ": ended$"
	check "all were tried" [ "$(wc -l <out)" -ge 40 ]
	check "requests to its io_uring are tried" try ring 0 $later
	check "what disks do not need is refused" count ": Permission denied$" 10
	PLUG="/w/vhctl device add plugged net user >/dev/null"
	check "a network is plugged in" try list 0 $later
	check "its thread may call what others may" sh -c "grep ^net out >had; grep ^net /p/expected >want; diff want had"
	check "its state can be looked at" try state 0 $later
	check "it has the filter of its maker, and its own" count "^net: Seccomp_filters: 2" 1
	check "its calls are tried" try_as net calls 0 $later
	cp out /p/out/calls.net
	check "each ended the VMM, and was told" only ": ended$"
	check "all were tried" [ "$(wc -l <out)" -ge 30 ]
	PLUG="/w/vhctl device add plugged net tap=tap1,queues=2 >/dev/null"
	check "a tap is plugged in" try state 0 $later
	check "it has its descriptors" count "descriptor: .*/dev/net/tun" 2
	check "and those of vhost_net" count "descriptor: .*/dev/vhost-net" 2
	unset PLUG
	check "where somebody listens already" sh -c "PLUG='! /w/vhctl device add plugged disk /w/disk.img 2>why' /p/intruder listenedstate 0 $later && grep 'with --no-confine it can' why"
fi

# --- the process that waits ---
gone() { local n=0; while [ -e /proc/$1 ]; do n=$((n + 1)); [ $n -lt 100 ] || return 1; usleep 20000; done; }
runs() { local n=0; until grep -q "^r" said; do n=$((n + 1)); [ $n -lt 1000 ] || return 1; usleep 20000; done; }
start() {
	$vm "$@" </dev/null >said 2>&1 &
	pid=$!
	runs && vmm=$(tr -d " " </proc/$pid/task/$pid/children) && [ -n "$vmm" ]
}
ends() { local s=0; wait $pid || s=$?; [ $s = $1 ] || { echo "status $s"; return 1; }; }
check "a VM" start
kill -TERM $pid
check "a signal to it is the VMM's" ends 5
check "who says so" grep -q "ended by signal 15" said
check "a VM" start
kill -TERM $vmm
check "one to the VMM as well" ends 5
check "a VM" start
kill -9 $pid
check "without it there is no VMM" gone $vmm
wait $pid 2>/dev/null
check "its disk is free at once" start
kill -9 $vmm
check "without a VMM it ends" ends 5
check "and says why" grep -q "the VMM was killed" said
check "again at once" start
kill -SEGV $vmm
check "what kills a VMM otherwise" ends 1
check "is told" grep -q "the VMM died of signal 11" said

check "a VM on a terminal" try terminal 0 $vm
cat out
check "each end has status 5, and leaves it as it was" count "status 5, as before" 3

# --- what confinement costs ---
ticks() { # of 10 ms, which are a million instructions
	cut -d" " -f1 /proc/uptime | tr -d .
}
runs20() {
	local a i=0
	a=$(ticks)
	while [ $i -lt 20 ]; do
		i=$((i + 1))
		/w/vhctl run --device $device --kernel /p/off --memory 16M --disk disk.img "$@" </dev/null >said 2>&1 || return 1
	done
	echo $(($(ticks) - a))
}
before=$(runs20 --no-confine) after=$(runs20)
echo "20 VMs of a disk, from exec to exit, million instructions: $before without confinement, $after with"
check "that is at most 10 for each" [ -n "$after" -a "${after:-9999}" -le $((before + 200)) ]

# --- shared folders ---
unshare -m sh -c "mkdir -p /root2 && mount --rbind / /root2 && cd /root2 && mount --move . / &&
	sharing=yes exec chroot . /bin/sh -c 'cd /w && exec sh $self'"
read -r more less </p/out/counts.share || less=1
passed=$((passed + more)) failed=$((failed + less))

# --- vhctl start: only vh has it ---
if [ $device = /dev/vh ]; then
	background() { # NAME COMMAND...: with a shell's command behind it
		local who=$1
		shift
		rm -f $dir/*.control	# of those that were killed
		check "$who: a VM is created" "$@" "./vhctl create --memory 16M --cpus 1 --device $device $who"
		check "$who: and started" "$@" "./vhctl start --kernel kernel --disk disk.img $who"
		check "$who: it is listed" sh -c "./vhctl ls | grep '$who *running'"
		vmm=$(./vhctl show $who --json | sed -n 's/.*"pid":\([0-9]*\).*/\1/p')
		check "$who: confined" grep -q "Seccomp:.2" /proc/$vmm/status
		check "$who: in its cgroup" [ "$(cat /proc/$vmm/cgroup)" = "$(cat /proc/self/cgroup)" ]
		check "$who: its console is there" sh -c "[ -S $dir/*.sock ]"
		check "$who: and says what the guest says" sh -c "grep -q '^r' $dir/*.log"
		check "$who: its devices are asked for" "$@" "./vhctl device ls $who | grep '^disk0 .* plugged'"
		check "$who: and its balloon" "$@" "./vhctl balloon $who 2>&1 | grep 'has no balloon'"
		check "$who: another disk" "$@" "./vhctl device add $who disk disk2.img | grep '^disk1$'"
		check "$who: who waits for it listens" [ "$(stat -c "%a %U" $dir/*.control)" = "600 ${who%s}" ]
		check "$who: it is not started twice" "$@" \
			"./vhctl start --kernel kernel $who 2>&1 | grep 'it runs already'"
		check "$who: its name is taken" "$@" "./vhctl create --memory 16M $who 2>&1 | grep 'cannot create'"
		check "$who: it pauses" "$@" "./vhctl pause $who && ./vhctl resume $who"
		check "$who: it is killed" "$@" "./vhctl kill $who"
		check "$who: and gone" gone $vmm
		usleep 100000
		check "$who: nothing is left of its socket" sh -c "! ls $dir/*.sock 2>/dev/null && ! ls $dir/*.control 2>/dev/null"
		check "$who: the log says why" sh -c "grep 'the VMM was killed' $dir/*.log"
		check "$who: it is destroyed" "$@" "./vhctl destroy $who"
	}
	dir=/run/vh
	background roots sh -c
	dir=/tmp/vh-1000
	background users su user -s /bin/sh -c
	rmmod vh || exit 1
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
