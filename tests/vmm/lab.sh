# SPDX-License-Identifier: GPL-2.0-only
# In the lab: what QEMU does in each of $rows on $device, vh or kvm, which is /dev/kvm. $entry: where its guest begins.
ip link set lo up
[ ! -e qemu.tar ] || { tar xf qemu.tar && rm qemu.tar; }
if [ -e tree ]; then
	qemu="tree/lib/ld-linux-x86-64.so.2 --library-path tree/lib tree/qemu.bin"
else
	qemu=./qemu.bin
fi
$qemu --version | head -n 1
machine() {	# MACHINE IRQCHIP: QEMU's option
	[ "$2" = default ] && echo "$1" || echo "$1,kernel-irqchip=$2"
}
boot() {	# MACHINE IRQCHIP VCPUS CMDLINE OPTIONS...
	local machine cpus=$3 cmdline=$4
	machine=$(machine $1 $2)
	shift 4
	timeout -k 10 120 $qemu -L rom -machine "$machine" -accel kvm -cpu host -smp "$cpus" -m 96 -nodefaults -vga none -display none \
		-nic none -no-reboot -kernel vmlinuz -initrd initrd -append "console=ttyS0 quiet nokaslr panic=-1 $cmdline" \
		-serial "file:serial" "$@" >errors 2>&1 </dev/null
}
# One that goes on, in the background; $vmm: its process. Its monitor is NAME.in, what that says NAME.log.
start() {	# NAME MACHINE ROW OPTIONS...
	local name=$1 machine=$2 row=$3
	shift 3
	rm -f "$name".*
	mkfifo "$name.in" "$name.out"
	cat "$name.out" >"$name.log" &
	# by PVH: what the guest need not unpack is half of its start
	$qemu -L rom -machine "$machine" -cpu host -nodefaults -vga none -display none -kernel vmlinux -initrd initrd.vmm \
		-append "console=ttyS0 quiet nokaslr panic=-1 vhtest=vmm row=$row" -serial "file:$name.serial" -name "$name" \
		-chardev "pipe,id=mon,path=$name" -mon mon "$@" >"$name.errors" 2>&1 </dev/null &
	vmm=$!
	echo $vmm >"$name.pid"
	timeout 30 sh -c "until grep -q '(qemu)' $name.log; do usleep 100000; done"
}
hmp() {	# NAME COMMAND: its answer is in NAME.log. A QEMU that has ended by itself opens nothing.
	timeout 20 sh -c 'echo "$0" >"$1"' "$2" "$1.in"
} 2>/dev/null
when() {	# PATTERN COMMAND: the latter when the guest of "one" says the former
	sees one.serial "$1" || bad "the guest does not come to: $1"
	hmp one "$2"
}
ended() { ! [ -e /proc/$1 ] || grep -q ') Z' /proc/$1/stat; }	# PID
quit() {	# NAME
	local pid
	pid=$(cat "$1.pid")
	ended $pid || hmp "$1" quit
	timeout 30 sh -c "until ! [ -e /proc/$pid ] || grep -q ') Z' /proc/$pid/stat; do usleep 100000; done" 2>/dev/null ||
		{ kill -9 $pid; return 1; }
	wait $pid
}
sees() {	# FILE PATTERN [COUNT]: in a line of it, so often, before long; at once not where the row is bad already
	local n=0
	[ "$status" = 0 ] || return 1
	until [ "$(grep -c "$2" "$1" 2>/dev/null)" -ge "${3:-1}" ] 2>/dev/null; do
		n=$((n + 1))
		[ $n -lt 1500 ] || return 1
		usleep 200000
	done
}
# The guest's memory is what it wrote, and it goes on: two more passes in FILE
sound() {
	local n
	n=$(grep -c "guest: pass" "$1" 2>/dev/null)
	sees "$1" "guest: pass .* 1 different sums" $((n + 2)) || bad "the guest does not go on ($1)"
	! grep -q "guest: pass .* [2-9] different\|Kernel panic\|Oops\|BUG:" "$1" || bad "the guest's memory is not what it wrote ($1)"
}
row_boot() {
	local machine=${1#boot-} irqchip cpus status=0
	cpus=${machine##*-} machine=${machine%-*}
	irqchip=${machine#*-} machine=${machine%-*}
	rm -f serial
	boot "$machine" "$irqchip" "$cpus" "" || status="QEMU ends with $?"
	grep -q "guest: cpus $cpus," serial && grep -q 'guest: done' serial || status="the guest does not get to its end"
	verdict "$1" "$status" errors serial
}
row_stop() {
	local status=0 vmm
	# Nobody presses what nobody reaches: a QEMU without a monitor
	boot q35 on 1 "" -S &
	vmm=$!
	until_one_vm
	! ./vhctl stop -n "$vm" 2>says && grep -q "does not reach the power button" says || status="it does not say that there is no button"
	./vhctl kill "$vm"; wait $vmm
	boot q35 on 1 "" -S -name guest=web,debug-threads=on &
	vmm=$!
	until_one_vm
	! ./vhctl stop "$vm" 2>says && grep -q "virsh shutdown web" says || status="it does not name virsh"
	./vhctl kill "$vm"; wait $vmm
	for monitor in "-qmp unix:qmp,server=on,wait=off" "-chardev socket,id=m,server=on,wait=off,path=qmp -mon m,mode=control"; do
		boot q35 on 1 "" -S $monitor -trace qemu_system_powerdown_request -D trace &
		vmm=$!
		until_one_vm
		./vhctl stop -n "$vm" 2>says && grep -q powerdown trace || status="the button is not pressed by $monitor"
		./vhctl kill "$vm"; wait $vmm
	done
	# the guest is not asked, and the VM ends
	boot q35 on 1 "" &
	vmm=$!
	until_one_vm
	./vhctl stop --off "$vm" 2>says || status="--off does not end it"
	wait $vmm || status="QEMU ends with $? when it is told to"
	verdict "$1" "$status" errors says trace
}
# QEMU itself says that they are not there
row_hyperv() {
	local status=0 feature
	for feature in relaxed time vapic vpindex synic reenlightenment frequencies stimer; do
		boot "q35" on 1 "" -S -cpu "host,hv-$feature" && status="hv-$feature is taken"
		grep -q "is not supported by kernel\|kernel doesn't allow" errors && ! grep -q Assertion errors ||
			status="hv-$feature ends otherwise"
		[ "$status" = 0 ] || break
	done
	# but for a number that a guest reads
	[ "$status" != 0 ] || { boot q35 on 1 "" -cpu host,hv-spinlocks=0x1fff && grep -q 'guest: done' serial; } ||
		status="hv-spinlocks does not boot"
	verdict "$1" "$status" errors
}
until_one_vm() {
	local n=0
	while vm=$(./vhctl ls -j | sed -n 's/.*"id":\([0-9]*\).*/\1/p'); [ -z "$vm" ] && [ $n -lt 100 ]; do
		n=$((n + 1))
		usleep 100000
	done
	# its monitor comes a little later
	usleep 500000
}
row_gdb() {
	local status=0 vmm
	rm -f serial gdb.sock
	boot q35 on 1 "" -S -chardev socket,id=gdb,path=gdb.sock,server=on,wait=off -gdb chardev:gdb &
	vmm=$!
	./gdb gdb.sock "$entry" >gdb.log || status="the debugger fails"
	[ "$status" = 0 ] || kill $vmm
	wait $vmm || [ "$status" != 0 ] || status="QEMU ends with $?"
	grep -q 'guest: done' serial || [ "$status" != 0 ] || status="the guest does not get to its end"
	verdict "$1" "$status" gdb.log errors serial
}
row_virtio() {
	local status=0 vmm
	mkdir -p share && echo hello >share/from-host
	yes pattern | head -c 1048576 >disk
	start one q35,accel=kvm virtio -m 128 -no-reboot -drive if=none,id=d,file=disk,format=raw -device virtio-blk-pci,drive=d \
		-netdev user,id=n -device virtio-net-pci,netdev=n,romfile= -device virtio-rng-pci \
		-device virtio-balloon-pci,id=b -fsdev local,id=f,path=share,security_model=none \
		-device virtio-9p-pci,fsdev=f,mount_tag=share
	when "balloon ready" "balloon 64"
	sees one.serial "guest: done" || bad "the guest does not get to its end"
	for what in modules disk network rng msix 9p balloon; do
		grep -q "guest: $what works" one.serial || bad "$what"
	done
	quit one
	cmp -n 524288 disk disk 0 524288 || bad "what the guest wrote to the disk"
	[ "$(cat share/from-guest)" = answer ] || bad "what the guest wrote by 9p"
	verdict "$1" "$status" one.errors one.serial
}
row_vhost() {
	local status=0 vmm
	modprobe tun && modprobe vhost_net && modprobe vhost_vsock || bad "the host has no vhost"
	tunctl -t tap0 >/dev/null && ip addr add 192.168.9.1/24 dev tap0 && ip link set tap0 up || bad "no tap"
	./vsock 999 >question & other=$!
	start one q35,accel=kvm vhost -m 128 -no-reboot -device vhost-vsock-pci,guest-cid=3 \
		-netdev tap,id=n,ifname=tap0,script=no,downscript=no,vhost=on -device virtio-net-pci,netdev=n,romfile=
	sees one.serial "guest: done" || bad "the guest does not get to its end"
	for what in modules network vsock; do
		grep -q "guest: $what works" one.serial || bad "$what"
	done
	[ "$(cat question)" = question ] || bad "what came by vsock"
	quit one
	kill $other 2>/dev/null
	tunctl -d tap0 >/dev/null
	verdict "$1" "$status" one.errors one.serial
}
row_stopcont() {
	local status=0 vmm n
	start one q35,accel=kvm passes -m 128 -smp 2
	sees one.serial "guest: pass" 2 || bad "the guest does not start"
	hmp one stop; sleep 1
	n=$(grep -c "guest: pass" one.serial)
	hmp one "info registers"
	sees one.log "RIP=" && sees one.log "CR3=" || bad "no registers"
	sleep 2
	[ "$(grep -c "guest: pass" one.serial)" = "$n" ] || bad "it goes on while it is stopped"
	hmp one cont
	sound one.serial
	quit one || bad "QEMU ends with $?"
	verdict "$1" "$status" one.errors one.log one.serial
}
row_savevm() {
	local status=0 vmm
	rm -f base over
	truncate -s 1M base
	start one q35,accel=kvm passes -m 128 -smp 2 -drive if=none,id=d,file=base,format=raw
	sees one.serial "guest: pass" 2 || bad "the guest does not start"
	hmp one "snapshot_blkdev d over qcow2"
	hmp one "savevm s"
	hmp one "info status"
	sees one.log "VM status: running" || bad "savevm does not end"
	sound one.serial
	hmp one "loadvm s"
	sound one.serial
	quit one || bad "QEMU ends with $?"
	start two q35,accel=kvm passes -m 128 -smp 2 -drive if=none,id=d,file=over,format=qcow2 -loadvm s
	sound two.serial
	quit two || bad "QEMU ends with $?"
	rm -f base over
	verdict "$1" "$status" one.errors two.errors one.log two.log one.serial two.serial
}
migrated() {	# NAME: until it is away
	local n=0
	# 11 says "Status:" and a tab
	until grep -q "tatus:[[:space:]]*completed" "$1.log"; do
		n=$((n + 1))
		[ $n -lt 300 ] && ! grep -q "tatus:[[:space:]]*failed" "$1.log" || return 1
		hmp "$1" "info migrate"
		sleep 1
	done
}
row_migrate() {	# migrate-file, -live, -ring
	local status=0 vmm accel=kvm
	[ "${1#*-}" != ring ] || accel=kvm,dirty-ring-size=4096
	rm -f state socket
	start one q35 passes -accel $accel -m 128 -smp 2
	sees one.serial "guest: pass" 2 || bad "the guest does not start"
	if [ "${1#*-}" = file ]; then
		hmp one 'migrate "exec:cat >state"'
		migrated one || bad "it does not get into the file"
		quit one
		start two q35 passes -accel $accel -m 128 -smp 2 -incoming "exec:cat state"
	else
		start two q35 passes -accel $accel -m 128 -smp 2 -incoming unix:socket
		timeout 60 sh -c "until [ -S socket ]; do usleep 100000; done" || bad "nobody listens"
		hmp one "migrate_set_parameter downtime-limit 3000"
		hmp one "migrate_set_parameter max-bandwidth 1g"
		hmp one "migrate -d unix:socket"
		migrated one || bad "it does not get to the other"
		quit one
	fi
	! grep -q "guest: pass .* [2-9] different" one.serial || bad "the memory is not what the guest wrote"
	sound two.serial
	quit two || bad "QEMU ends with $?"
	rm -f state
	verdict "$1" "$status" one.errors two.errors one.log two.log one.serial two.serial
}
row_reset() {
	local status=0 vmm
	start one q35,accel=kvm resets -m 128 -smp 2
	for n in 1 2 3; do
		sees one.serial "guest: up" $n || bad "reset $n does not lead to a guest"
		[ $n = 3 ] || hmp one system_reset
	done
	quit one || bad "QEMU ends with $?"
	verdict "$1" "$status" one.errors one.serial
}
row_reboot() {
	local status=0 vmm
	start one q35,accel=kvm reboot -m 128 -smp 2
	sees one.serial "userspace reached" 3 || bad "it does not start again by itself"
	quit one || bad "QEMU ends with $?"
	verdict "$1" "$status" one.errors one.serial
}
row_hotplug() {
	local status=0 vmm
	yes pattern | head -c 1048576 >disk
	start one pc,accel=kvm hotplug -no-reboot -smp 1,maxcpus=2,sockets=2,cores=1,threads=1 -m 128,slots=2,maxmem=512M
	when "cpu ready" "device_add host-x86_64-cpu,id=c1,socket-id=1,core-id=0,thread-id=0"
	when "cpu works for now" "device_del c1"
	when "disk ready" "drive_add 0 if=none,id=d,file=disk,format=raw"
	hmp one "device_add virtio-blk-pci,drive=d,id=v"
	when "disk works for now" "device_del v"
	when "memory ready" "object_add memory-backend-ram,id=m1,size=128M"
	hmp one "device_add pc-dimm,id=dimm1,memdev=m1"
	sees one.serial "guest: done" || bad "the guest does not get to its end"
	for what in modules cpu "cpu that goes" disk "disk that goes" memory; do
		grep -q "guest: $what works" one.serial || bad "$what"
	done
	quit one
	verdict "$1" "$status" one.errors one.log one.serial
}
row_mem() {
	local status=0 vmm
	start one q35,accel=kvm mem -no-reboot -m 128,slots=1,maxmem=1G -object memory-backend-ram,id=m0,size=256M \
		-device virtio-mem-pci,memdev=m0,id=v0,requested-size=0
	when "memory ready" "qom-set v0 requested-size 128M"
	sees one.serial "guest: memory works" || bad "the guest does not get its memory"
	quit one
	verdict "$1" "$status" one.errors one.log one.serial
}
row_two() {
	local status=0 vmm first n
	start one q35,accel=kvm passes -m 128
	first=$vmm
	start two pc,accel=kvm passes -m 128
	sees one.serial "guest: pass" 1 && sees two.serial "guest: pass" 1 || bad "they do not start"
	set -- "$1" $(./vhctl ls -j | sed 's/"id":/\n/g' | sed -n 's/^\([0-9]*\).*/\1/p')
	[ $# = 3 ] || bad "vhctl ls does not tell of two"
	./vhctl pause $2 || bad "pause"
	n=$(cat one.serial two.serial | wc -c)
	sleep 1
	a=$(grep -c pass one.serial) b=$(grep -c pass two.serial)
	sound two.serial
	[ "$(grep -c pass one.serial)" = $a ] || bad "the paused one goes on"
	./vhctl resume $2 || bad "resume"
	sound one.serial
	./vhctl kill $2 || bad "kill"
	wait $first && bad "killed, and QEMU does not mind"
	sound two.serial
	quit two || bad "QEMU ends with $?"
	verdict "$1" "$status" one.errors two.errors one.serial two.serial
}
# Models of processors whose every feature has to be there: which of them start
models() {
	local m
	for m in qemu64 kvm64 Nehalem Westmere SandyBridge IvyBridge Haswell-noTSX Broadwell-noTSX Skylake-Client-noTSX-IBRS \
		Skylake-Server-noTSX-IBRS Cascadelake-Server-noTSX Icelake-Server-noTSX Denverton Opteron_G3 EPYC max host; do
		echo quit | timeout -k 10 60 $qemu -L rom -machine q35,accel=kvm -nodefaults -display none -S -monitor stdio \
			-cpu $m,enforce >said 2>&1 && ! grep -q "warning" said && echo $m
		grep "warning" said | sed "s/^/# $m: /" >>models.why
	done
}
row_models() {
	local status=0
	rm -f models.why
	models >models.here
	echo "# models:" $(cat models.here)
	[ -s models.here ] || bad "not one"
	for m in $([ ! -e models.kvm ] || cat models.kvm); do	# made below
		grep -qx "$m" models.here || bad "$m starts on KVM"
	done
	boot q35 on 2 "" -cpu "$(grep -v "max\|host" models.here | tail -n 1),enforce" && grep -q "guest: done" serial ||
		bad "the last of them does not boot"
	verdict "$1" "$status" models.why errors
}

case " $rows " in
*" models "*)
	[ $device = kvm ] || { modprobe kvm-intel && models >models.kvm; rmmod kvm-intel kvm; rm -f models.why; } ;;
esac
if [ $device = kvm ]; then
	modprobe kvm-intel || exit 2
else
	insmod ./vh.ko && ln -sf vh /dev/kvm || exit 2
fi
for row in $rows; do
	row_${row%%-*} "$row"
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
