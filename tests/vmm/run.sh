#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh: QEMU as distributions package it boots Linux on vh, or KVM, in the lab, and is debugged through
#
#   run.sh [--suite host|trixie|sid] [--kvm] [--only REGEX] [LAB OPTIONS...]
#
# --suite: this machine's QEMU (host), or that of another Debian, unpacked under build/vmm. Rows, of which
# --only takes those that match: boot-MACHINE-IRQCHIP-VCPUS; gdb: a debugger's breakpoints and steps while a
# kernel boots, by QEMU's stub; stop: vhctl stop and the power button of a guest of QEMU;
# hyperv: enlightenments, which are refused.
set -euo pipefail
cd "$(dirname "$0")/../.."
suite=host device=vh only=.
while [ $# -gt 0 ]; do
	case $1 in
	--suite) suite=$2; shift 2 ;;
	--kvm) device=kvm; shift ;;
	--only) only=$2; shift 2 ;;
	--help) sed -n '3,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) break ;;
	esac
done
out=build/vmm/run-$suite
rm -rf "$out"
mkdir -p "$out/rom"
make -s -C tests/vmm
if [ "$suite" = host ]; then
	root=
	cp -L /usr/bin/qemu-system-x86_64 "$out/qemu.bin"
	libraries=(--file "$out/qemu.bin")
else
	root=$(tests/vmm/root "$suite" qemu-system-x86) || exit 1
	# with the loader and the libraries of its own: in one file, for the host has others
	mkdir -p "$out/tree/lib"
	dir=$root/usr/lib/x86_64-linux-gnu
	loader=$dir/ld-linux-x86-64.so.2
	"$loader" --library-path "$dir:$dir/pulseaudio" --list "$root/usr/bin/qemu-system-x86_64" |
		grep -oE "$root[^ ]+" | grep -vx "$loader" | xargs cp -Lt "$out/tree/lib" "$loader"
	cp -L "$root/usr/bin/qemu-system-x86_64" "$out/tree/qemu.bin"
	tar -C "$out" -cf "$out/qemu.tar" tree
	libraries=(--file "$out/qemu.tar")
fi
cp -L "$root"/usr/share/seabios/{bios-256k,bios-microvm,vgabios-stdvga}.bin \
	"$root"/usr/share/qemu/{kvmvapic,linuxboot_dma,linuxboot}.bin "$out/rom"
kernel=$(tests/lab/lab kernel 6.1)
mkdir -p build/guest && tests/guest/mk-initramfs build/guest/initrd
entry=$(readelf -h "$kernel/vmlinux" | awk '/Entry point/ { print $4 }')

# QEMU from version 9 on has no LAPIC of its own beside KVM
irqchips="on split off"
[ "$suite" = host ] || irqchips="on split"
rows=()
for machine in pc q35; do
	for irqchip in $irqchips; do
		for cpus in 1 2; do
			rows+=("boot-$machine-$irqchip-$cpus")
		done
	done
done
# its irqchip is split, if it is not told otherwise
rows+=(boot-microvm-default-1 boot-microvm-default-2 gdb)
[ $device = kvm ] || rows+=(stop hyperv)
mapfile -t rows < <(printf '%s\n' "${rows[@]}" | grep -E -- "$only") || true
[ ${#rows[@]} != 0 ] || { echo "no row matches $only" >&2; exit 2; }

{
	if [ $device = kvm ]; then
		echo 'modprobe kvm-intel || exit 2'
	else
		echo 'insmod ./vh.ko && ln -sf vh /dev/kvm || exit 2'
	fi
	cat <<'END_SCRIPT'
ip link set lo up
[ ! -e qemu.tar ] || tar xf qemu.tar
if [ -e tree ]; then
	qemu="tree/lib/ld-linux-x86-64.so.2 --library-path tree/lib tree/qemu.bin"
else
	qemu=./qemu.bin
fi
$qemu --version | head -n 1
passed=0 failed=0
verdict() {	# ROW STATUS FILE...
	local row=$1 status=$2
	shift 2
	if [ "$status" = 0 ]; then
		passed=$((passed + 1))
		echo "ok - $row"
	else
		failed=$((failed + 1))
		echo "not ok - $row: $status"
		tail -n 15 "$@"
	fi
}
boot() {	# MACHINE IRQCHIP VCPUS CMDLINE OPTIONS...
	local machine=$1,accel=kvm cpus=$3 cmdline=$4
	[ "$2" = default ] || machine=$machine,kernel-irqchip=$2
	shift 4
	timeout 120 $qemu -L rom -machine "$machine" -cpu host -smp "$cpus" -m 96 -nodefaults -vga none -display none -nic none -no-reboot \
		-kernel vmlinuz -initrd initrd -append "console=ttyS0 quiet nokaslr panic=-1 $cmdline" \
		-serial "file:serial" "$@" >errors 2>&1 </dev/null
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
END_SCRIPT
	echo "entry=$entry"
	for row in "${rows[@]}"; do
		echo "row_${row%%-*} $row"
	done
	echo 'echo "$passed passed, $failed failed"'
	echo '[ $failed = 0 ]'
} >"$out/script.sh"
tests/lab/lab run --file kmod/vh.ko "${libraries[@]}" --file "$out/rom" --file "$kernel/vmlinuz" \
	--file build/guest/initrd --file build/tests/vmm/gdb --file build/vhctl/vhctl --mem 768 --timeout 900 "$@" "$out/script.sh"
