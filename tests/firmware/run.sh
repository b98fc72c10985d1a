#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh: real firmware under an unmodified QEMU in the lab, on vh or on KVM
#
#   run.sh [--kvm] [--linux] [--only PATTERN] [LAB OPTIONS...]
#
# SeaBIOS, GRUB from the MBR, Debian's 16-bit kernel setup, and then a kernel of
# our own (payload.S) that goes through every mode, on one or two vCPUs. On processors
# with and without unrestricted guest and EPT all must say the same. --linux: Debian's
# whole bzImage instead, which takes minutes to unpack itself.
set -eu
cd "$(dirname "$0")/../.."
out=build/tests/firmware
kvm= linux= only=.
while [ $# -gt 0 ]; do
	case $1 in
	--kvm) kvm=yes; shift ;;
	--linux) linux=yes; shift ;;
	--only) only=$2; shift 2 ;;
	--help) sed -n '3,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) break ;;
	esac
done

# NAME CPU-MODEL VCPUS MODULE-PARAMETERS; runs with the same model are in one boot of the
# host. Only one vCPU on processors without PAUSE-loop exiting: SeaBIOS's processors wait
# for each other with interrupts off, and in bochs the host's interrupts do not end that.
runs="
unrestricted corei7_skylake_x 2
restricted corei7_skylake_x 2 unrestricted_guest=0
shadow corei7_skylake_x 2 ept=0
lynnfield corei5_lynnfield_750 1
penryn core2_penryn_t9600 1
"
[ -z "$kvm" ] || runs="kvm corei7_skylake_x 2"
[ -z "$linux" ] || runs=$(echo "$runs" | grep -v shadow)
runs=$(echo "$runs" | grep -E "$only") || { echo "no run is called $only" >&2; exit 2; }

mkdir -p $out/rom
bzimage=$(tests/lab/lab kernel 6.1)/vmlinuz
cp -L /usr/share/seabios/bios-256k.bin /usr/share/qemu/kvmvapic.bin $out/rom/
if [ -z "$linux" ]; then
	memory=64 host=512 limit=60
	gcc -m64 -c tests/firmware/payload.S -o $out/payload.o
	ld -m elf_x86_64 -Ttext 0x100000 --oformat binary $out/payload.o -o $out/payload
	tests/firmware/mkkernel "$bzimage" $out/payload $out/kernel
	echo "firmware test: the initrd arrived" >$out/initrd
	words="some words"
else
	memory=256 host=768 limit=300
	cp "$bzimage" $out/kernel
	tests/guest/mk-initramfs $out/initrd
	words="console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests rodata=off panic=-1
		tsc_early_khz=100000 vhtest=boot"
fi
# shellcheck disable=SC2086
tests/firmware/mkdisk $out/disk $out/kernel $out/initrd $words

passed=0 failed=0
ok() { passed=$((passed + 1)); echo "ok - $*"; }
bad() { failed=$((failed + 1)); echo "not ok - $*"; }

# lab_script: what the host does; arguments are lines of $runs
lab_script() {
	echo "memory=$memory limit=$limit"
	cat <<'END_SCRIPT'
run() {
	name=$1 cpus=$2; shift 2
	if [ "$name" = kvm ]; then
		modprobe kvm-intel || return
	else
		insmod ./vh.ko "$@" || return
		ln -sf vh /dev/kvm
	fi
	mkdir -p out
	start=$(cut -d' ' -f1 /proc/uptime | tr -d .)
	status=0
	timeout $limit ./qemu -machine pc,accel=kvm,graphics=off -m $memory -smp $cpus -L rom \
		-nodefaults -vga none -display none -nic none -no-reboot \
		-drive file=disk,format=raw,if=ide -serial file:out/$name.serial -chardev file,id=log,path=out/$name.bios \
		-device isa-debugcon,iobase=0x402,chardev=log \
		-device isa-debug-exit,iobase=0xf4 2>out/$name.errors </dev/null || status=$?
	echo $status >out/$name.status
	echo "$name: $(($(cut -d' ' -f1 /proc/uptime | tr -d .) - start)) million instructions"
	[ "$name" = kvm ] || rmmod vh
}
END_SCRIPT
	printf 'run %s || exit 2\n' "$@"
}

# Our lines, without the escape sequences and line ends of the two terminals that share the
# serial line, GRUB's and the BIOS's.
plain() {
	sed 's/\x1b\[[0-9;?]*[A-Za-z]//g; s/\x1b[a-z]//g; s/\r//g' "$1" | grep -ao 'firmware test:.*'
}

says() {	# NAME FILE TEXT
	grep -aqF "$3" "$out/results/$1.$2" && ok "$1: $3" || bad "$1: does not say '$3'"
}

check() {	# NAME VCPUS STATUS
	local name=$1 cpus=$2 status
	for f in status serial bios errors; do
		[ -e $out/results/$name.$f ] || echo none >$out/results/$name.$f
	done
	status=$(cat $out/results/$name.status)
	[ "$status" = "$3" ] && ok "$name: QEMU ends with status $3" || {
		bad "$name: QEMU ends with status $status, not $3"
		tail -n 30 $out/results/$name.errors
	}
	says $name bios "Found $cpus cpu(s)"
	says $name bios "Booting from 0000:7c00"
	says $name serial "SeaBIOS"
	says $name serial "firmware test: GRUB reads its menu"
	if [ -n "$linux" ]; then
		says $name serial "guest: userspace reached"
		return
	fi
	plain $out/results/$name.serial >$out/results/$name.plain || true
	if [ $cpus = 1 ]; then
		grep -v "second processor" tests/firmware/expected >$out/expected
	else
		cp tests/firmware/expected $out/expected
	fi
	if diff -u $out/expected $out/results/$name.plain; then
		ok "$name: setup and kernel say what is expected, line by line"
	else
		bad "$name: setup and kernel say something else"
	fi
	says $name serial "Probing EDD (edd=off to disable)"
}

rm -rf $out/results
mkdir -p $out/results
for model in $(echo "$runs" | awk 'NF { print $2 }' | uniq); do
	script=$out/on-$model.sh
	echo "$runs" | awk -v m="$model" '$2 == m { $2 = ""; print }' >$out/list
	mapfile -t list <$out/list
	lab_script "${list[@]}" >"$script"
	module=(--file kmod/vh.ko)
	[ -z "$kvm" ] || module=()
	status=0
	tests/lab/lab run --cpu "$model" --timeout $((limit * 3 + 720)) --mem $host --out $out/results \
		--file /usr/bin/qemu-system-x86_64:qemu --file $out/rom --file $out/disk \
		"${module[@]}" "$@" "$script" || status=$?
	[ $status = 0 ] && ok "$model: the host is well" || bad "$model: status $status"
	for run in "${list[@]}"; do
		read -r name cpus _ <<<"$run"
		check "$name" "$cpus" $([ -n "$linux" ] && echo 0 || echo 33)
	done
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
