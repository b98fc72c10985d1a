#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vhctl.sh: a walk through every command of vhctl, as root and as a user, in the lab
#
# What is the same on every run is compared with tests/vhctl/golden; --update writes it anew.
set -eu
cd "$(dirname "$0")/.."
update=
[ "${1:-}" != --update ] || { update=yes; shift; }
kernel=$(tests/lab/lab kernel 6.1)
mkdir -p build/guest
[ -e build/guest/initrd ] && [ build/guest/initrd -nt tests/guest/init ] ||
	tests/guest/mk-initramfs build/guest/initrd
script=$(mktemp)
log=build/check/vhctl-walk.out
mkdir -p build/check
trap 'rm -f "$script"' EXIT
cat >"$script" <<'END'
failed=0 passed=0
ok() { passed=$((passed + 1)); echo "ok - $*"; }
bad() { failed=$((failed + 1)); echo "not ok - $*"; }
# Golden: times, ids, UUIDs and counts differ from run to run.
mask() { sed -E 's/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/UUID/g
	s/[0-9]+\.[0-9]{3}s/TIME/g; s/[0-9]+m[0-9]+s/TIME/g; s/^[0-9:.]{12}/CLOCK/
	s/id:[0-9]+/id:N/g; s/^(age|pid|cgroup_id|parent_id|tables|counters[^ ]*|usage.tables|peak.tables|guest_time|exits) +.*/\1 .../
	s/"(age|pid|tid|time|cgroup_id|parent_id|tables|guest_time|wait_time|exits|seq)":[0-9]+/"\1":N/g
	/^counters\.exit/d; s/"(counters|peak)":\{.*\}/"\1":{...}/g; s/^(ok|warn|FAIL) +(cpu|kernel|firmware|kvm|mitigations) .*/\1 \2/; s/  +/  /g; s/ [0-9]+  vhctl  / PID  vhctl  /'; }
golden() { echo "\$ vhctl $*" >>/tmp/golden; ./vhctl "$@" </dev/null >/tmp/o 2>&1; s=$?
	mask </tmp/o >>/tmp/golden; echo "=> $s" >>/tmp/golden; cat /tmp/o; }
# run STATUS ARGS...
run() { want=$1; shift; status=0; ./vhctl "$@" </dev/null >/tmp/o 2>&1 || status=$?; cat /tmp/o
	[ $status = $want ] && ok "$*: status $status" || bad "$*: status $status, not $want"; }
says() { grep -qE -- "$1" /tmp/o && ok "says '$1'" || bad "does not say '$1'"; }
silent() { [ ! -s /tmp/o ] && ok "says nothing" || bad "says something"; }
until_() { n=0; until eval "$1"; do n=$((n + 1)); [ $n = 200 ] && { bad "never: $1"; return; }; usleep 100000; done; ok "$1"; }
cmdline="console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests rodata=off panic=-1 tsc_early_khz=100000"

# --- without the module ---
golden ls; golden check >/dev/null; golden create x; golden metrics; golden version
insmod ./vh.ko; chgrp kvm /dev/vh
# --- help of each command ---
golden --help
for c in ls ps show run create destroy start attach stop kill cpus memory balloon device pause resume rename top stats exits monitor group config exec metrics check version; do
	golden help $c
done
# --- wrong use ---
golden; golden frobnicate; golden show; golden ls --frobnicate; golden create; golden create a b
golden create 12; golden create "a b"; golden create x --memory 7; golden create x --cpus 0
golden run; golden run --kernel /none; golden pause; golden pause nobody; golden kill 99; golden stop
golden cpus; golden cpus nobody 2; golden cpus nobody x; golden create x --cpus 1,max=2; golden memory; golden memory nobody 1G; golden memory nobody x; golden create x --memory 256M,max=1G; golden balloon; golden balloon nobody; golden balloon nobody x; golden device; golden device frob; golden device add nobody disk /init; golden device add x piano y; golden device add nobody net user; golden device add x net; golden device add -P 80:80 x disk /init; golden device rm nobody disk0; golden device ls; golden start nobody --kernel x; golden attach nobody; golden rename nobody x; golden destroy nobody
golden group; golden group frob; golden group show /none; golden group set / vms=x; golden group set /
golden group set / frob=1; golden exits -d x; golden top -s frob -n 1; golden monitor -e frob; golden exec
golden exec -- /none
# --- a VM's life ---
mkdir /sys/fs/cgroup/vms
./vhctl monitor >/tmp/events & monitor=$!
usleep 300000
golden create web --cpus 2 --memory 160M --cgroup vms
golden ls -q none; golden ps; golden ps -j
run 0 ps -a; says "web +defined"; run 0 ls -q; says '^[0-9]+$'; run 0 ps -q; silent
golden create web; golden ls; golden show web; golden ls -j; golden group ls; golden group show vms
run 0 create tiny --memory 16M -j; says '"name":"tiny"'
run 0 destroy tiny; silent
run 0 start web --kernel vmlinux --initrd initrd --cmdline "$cmdline vhtest=shell"; silent
golden start web --kernel vmlinux; golden destroy web
uuid=$(./vhctl show web -j | sed -E 's/.*"uuid":"([^"]*)".*/\1/')
until_ 'grep -q "/ #" /run/vh/$uuid.log'
(sleep 1; echo 'echo answer $((6 * 7))'; sleep 2) | timeout 6 ./vhctl attach web >/tmp/o 2>&1; cat /tmp/o
says "answer 42"
run 0 show $uuid; says "^name +web"
run 0 ls; says "web +running +2 +160M"
run 0 ps; says "web +running +2 +160M"; run 0 show $(./vhctl ps -q); says "^name +web"
run 0 stats web; says "^ *[0-9]+ +1 +(halted|host|guest|idle)"
run 0 stats -j; says '"counters":\{'
run 0 exits web; says "EPT violation +[0-9]+ +[0-9.]+%  #"
run 0 exits web -n 2 -d 0.2; says "^REASON"
run 0 exits -p; says '"name": "CPUID"'
run 0 top -n 2 -d 0.2; says "web +running"
run 0 top -s exits -n 1 -d 0.2; says "web"
run 0 group top -n 1 -d 0.2; says "/vms"
run 0 metrics; says '^vh_vm_vcpus\{vm="web",uuid="'$uuid'"\} 2$'; says '^vh_group_limit\{cgroup="/vms",resource="vms"\} \+Inf'
run 0 metrics -o /tmp/metrics.prom; silent
grep -q vh_up /tmp/metrics.prom && ok "metrics in a file" || bad "no metrics in a file"
run 0 pause web; run 0 ls web; says "paused"
run 0 resume web; run 0 ls web; says "running"
run 0 rename web db; golden show web; run 0 ls db; says "running"
golden group set vms vms=1 memory=200M tables=64M vcpus=max
golden create two --cgroup vms
run 0 group show vms -j; says '"limit":\{"vms":1,"vcpus":"max","memory":209715200,"tables":67108864\}'
says '"refused":\{"vms":1,'
run 0 stop db; silent
grep -q "does not listen to its power button" /run/vh/$uuid.log && ok "the reason is in the log" || bad "no reason in the log"
run 0 ls; says "db +defined"
run 0 start db --kernel vmlinux --initrd initrd --cmdline "$cmdline vhtest=idle"
run 0 kill db
until_ './vhctl ls db | grep -q defined'
run 0 destroy db; silent
golden ls
kill $monitor; wait $monitor 2>/dev/null
echo "\$ vhctl monitor" >>/tmp/golden; mask </tmp/events >>/tmp/golden; cat /tmp/events
# --- a VM of a description: start makes it, and run reads it ---
mkdir -p /etc/vh
cat >/etc/vh/filed.conf <<EOF
kernel = $PWD/vmlinux
initrd = $PWD/initrd
cmdline = $cmdline vhtest=idle
memory = 160M
cpus = 2
cgroup = filed
stop-timeout = 1
EOF
golden config check filed; golden start unfiled
run 1 start filed; says "no cgroup 'filed'"; mkdir /sys/fs/cgroup/filed
run 0 start filed; silent
run 0 ls filed; says "filed +running +2 +160M .*/filed"
uuid=$(./vhctl show filed -j | sed -E 's/.*"uuid":"([^"]*)".*/\1/')
until_ 'grep -q "guest: idle" /run/vh/$uuid.log'
golden start filed; run 0 stop filed; silent; run 0 destroy filed
run 0 create filed --memory 128M; run 0 ls filed; says "filed +defined +2 +128M"; run 0 destroy filed
echo "name = other" >>/etc/vh/filed.conf; golden create filed; golden start filed
./vhctl run --config /etc/vh/filed.conf --name over --stop-timeout 0 --memory 144M </dev/null >/tmp/run 2>&1 & pid=$!
until_ 'grep -q "guest: idle" /tmp/run'
run 0 ls over; says "over +running +2 +144M .*/filed"; run 0 stop over; wait $pid; rm /etc/vh/filed.conf
# --- run: name and cgroup, stop from outside; exec ---
./vhctl run --name here --cgroup vms --kernel vmlinux --initrd initrd --memory 160M --cmdline "$cmdline vhtest=idle" </dev/null >/tmp/run 2>&1 & pid=$!
until_ 'grep -q "guest: idle" /tmp/run'
run 0 ls here; says "/vms"
run 0 stop here
wait $pid; status=$?; [ $status = 5 ] && ok "run ends with status 5" || bad "run ends with status $status"
run 0 monitor -t 0.2; silent
[ ! -e /dev/kvm ] && ok "no /dev/kvm yet" || bad "/dev/kvm is there"
run 0 exec -- sh -c 'ls -l /dev/kvm /dev/vh /dev/null; ls /dev/pts >/dev/null'; says "/dev/kvm"
run 0 exec -- sh -c '[ $(grep -c " /dev " /proc/mounts) = 1 ] && grep " /dev/pts " /proc/mounts && ls /sys/kernel; : <>/dev/ptmx'; says "devpts"
[ ! -e /dev/kvm ] && ok "and none outside afterwards" || bad "/dev/kvm was left outside"
./vhctl exec --cgroup vms -- ./vhctl run --device /dev/kvm --kernel vmlinux --initrd initrd --memory 160M --cmdline "$cmdline vhtest=idle" </dev/null >/tmp/run 2>&1 & pid=$!
until_ 'grep -q "guest: idle" /tmp/run'
run 0 ls; says "vhctl +/vms"
run 0 kill $(./vhctl ls | awk '/vhctl/ { print $1 }'); wait $pid 2>/dev/null
# --- a VM that nobody named is called as libvirt called its cgroup; it waits for its kernel ---
mkfifo /tmp/fifo
unnamed() { mkdir -p "/sys/fs/cgroup/$1"; ./vhctl run --cgroup "$1" --kernel /tmp/fifo --memory 16M </dev/null >/dev/null 2>&1 & }
unnamed 'machine.slice/machine-qemu\x2d1\x2dnet\x2d1.scope/libvirt/emulator'
unnamed machine/qemu-2-two.libvirt-qemu/emulator; unnamed machine/qemu-3-two.libvirt-qemu
# and not by these
unnamed 'machine.slice/machine-qemu\x2d4\x2d\x1bc.scope'; unnamed machine/qemu-5-17.libvirt-qemu; unnamed qemu-6-net
until_ '[ $(./vhctl ls | wc -l) = 7 ]'
run 0 ls; [ $(grep -cE " vm-[0-9]+ +created" /tmp/o) = 3 ] && ok "three have no name" || bad "not three have no name"
run 0 ls net-1; says "net-1 +created .*/libvirt/emulator"; run 0 pause net-1; run 0 show net-1; says "^state +paused"
golden kill two; golden kill three
run 0 create two --memory 16M; run 0 destroy two
[ $(./vhctl ls | grep -c " two ") = 2 ] && ok "one's own is meant" || bad "another two is destroyed"
run 0 rename net-1 net; run 0 ls net; says "net +paused"
run 0 kill $(./vhctl ls | awk 'NR > 1 { print $1 }'); wait
until_ '[ $(./vhctl ls -q | wc -l) = 0 ]'
modprobe kvm-intel
run 0 exec -- sh -c '[ "$(stat -c %t%T /dev/kvm)" = "$(stat -c %t%T /dev/vh)" ]'
rmmod kvm-intel kvm
# --- as a user ---
as_user() { echo "user\$ vhctl $*" >>/tmp/golden; su user -c "./vhctl $*" >/tmp/o 2>&1; s=$?; mask </tmp/o >>/tmp/golden
	echo "=> $s" >>/tmp/golden; cat /tmp/o; }
./vhctl create roots >/dev/null
as_user ls; as_user show roots; as_user kill roots; as_user create mine; as_user ls; as_user rename mine yours
as_user group set vms vms=5; as_user group show /; as_user create far --cgroup vms; as_user exec -- ls /dev/kvm
as_user monitor -t 0.2; as_user destroy yours
run 0 destroy roots
# what a VMM is called is nothing to a terminal
evil="/tmp/$(printf 'e\033[31m')"; cp vhctl "$evil"; "$evil" create evil >/dev/null
run 0 ls; says "e\?\[31m"; run 0 destroy evil; silent; rm "$evil"
chmod 600 /dev/vh; as_user create x; as_user exec -- true; chmod 660 /dev/vh
rmmod vh && ok "the module unloads" || bad "the module does not unload"
echo "--- golden"; cat /tmp/golden; echo "--- end"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
END
status=0
tests/lab/lab run --timeout 300 --file kmod/vh.ko --file build/vhctl/vhctl --file "$kernel/vmlinux:vmlinux" \
	--file build/guest/initrd:initrd "$@" "$script" >"$log" 2>&1 || status=$?
cat "$log" | sed '/^--- golden$/,/^--- end$/d'
sed -n '/^--- golden$/,/^--- end$/p' "$log" | sed '1d;$d' >build/check/vhctl.golden
if [ -n "$update" ]; then
	cp build/check/vhctl.golden tests/vhctl/golden
elif diff -u tests/vhctl/golden build/check/vhctl.golden; then
	echo "ok - what is stable is as in tests/vhctl/golden"
else
	echo "not ok - the output differs from tests/vhctl/golden"
	status=1
fi
grep -aE '^[0-9]+ passed, [0-9]+ failed' "$log" || true
exit $status
