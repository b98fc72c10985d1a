#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# boot.sh CASE [--module vh.ko] [--param NAME=VALUE]... [LAB OPTIONS...]: boots of stock Debian
# kernels in the lab, by vhctl run; the module with these parameters
#
#   vmlinux     2 and 4 vCPUs on a host with 2 CPUs, with a load on all of them
#   smp         2 vCPUs, once
#   bzimage     the same kernel from its bzImage
#   both        the same guest on KVM and on vh in one boot; vh takes no more instructions
#   ends        how a guest ends: power-off, reset, crash, kill; bad files and options
#   console     a shell on the console, from a pipe
#   vcpus64     64 vCPUs can be created
set -eu
cd "$(dirname "$0")/.."
kernel=$(tests/lab/lab kernel 6.1)
mkdir -p build/guest
[ -e build/guest/initrd ] && [ build/guest/initrd -nt tests/guest/init ] ||
	tests/guest/mk-initramfs build/guest/initrd
script=$(mktemp)
trap 'rm -f "$script"' EXIT
cat >"$script" <<'END'
failed=0 passed=0
ok() { passed=$((passed + 1)); echo "ok - $*"; }
bad() { failed=$((failed + 1)); echo "not ok - $*"; }
cmdline="console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests rodata=off panic=-1 tsc_early_khz=100000"
# boot STATUS VHTEST OPTIONS...: run a guest, its output in /tmp/out, check vhctl's status
boot() {
	want=$1 vhtest=$2; shift 2
	status=0
	./vhctl run --kernel ${image:-vmlinux} --initrd initrd --memory 160M \
		--cmdline "$cmdline vhtest=$vhtest" "$@" </dev/null >/tmp/out 2>&1 || status=$?
	cat /tmp/out
	[ $status = $want ] && ok "$vhtest $*: status $status" ||
		bad "$vhtest $*: status $status, not $want"
}
says() { grep -q "$1" /tmp/out && ok "guest says '$1'" || bad "guest does not say '$1'"; }
unload() { rmmod vh && ok "vh unloads" || bad "vh does not unload"; }
END
opts="--timeout 400"
case=${1:-}
[ $# = 0 ] || shift
params= module=kmod/vh.ko
while :; do
	case ${1:-} in
	--param) params="$params $2" ;;
	--module) module=$2 ;;
	*) break ;;
	esac
	shift 2
done
echo "params='$params'" >>"$script"
case $case in
smp)
	cat >>"$script" <<'END'
insmod ./vh.ko $params || exit 2
boot 0 load --cpus 2
says "cpus 2,"; says "load on 2 CPUs, 1 different sums"
unload
END
	;;
vmlinux)
	opts="$opts --cpus 2"
	cat >>"$script" <<'END'
insmod ./vh.ko $params || exit 2
for n in 2 4; do
	boot 0 load --cpus $n --stats
	says "cpus $n,"; says "clocksource kvm-clock"; says "load on $n CPUs, 1 different sums"
done
unload
END
	;;
bzimage)
	cat >>"$script" <<'END'
insmod ./vh.ko $params || exit 2
image=vmlinuz
boot 0 boot --stats
says "userspace reached"
unload
END
	;;
both)
	cat >>"$script" <<'END'
ticks() { cut -d' ' -f1 /proc/uptime | tr -d .; }
modprobe kvm-intel $params || exit 2
a=$(ticks); boot 0 boot --device /dev/kvm; b=$(ticks)
says "userspace reached"; kvm=$((b - a))
# each without the other: beside KVM vh has to put VMX back after each run
rmmod kvm-intel || exit 2
insmod ./vh.ko $params || exit 2
a=$(ticks); boot 0 boot --device /dev/vh; b=$(ticks)
says "userspace reached"; vh=$((b - a))
echo "guest boot, million instructions: kvm $kvm, vh $vh"
[ $vh -le $kvm ] && ok "vh boots the guest in $vh M instructions, KVM in $kvm M" ||
	bad "vh boots the guest in $vh M instructions, KVM in $kvm M"
unload
END
	;;
ends)
	cat >>"$script" <<'END'
insmod ./vh.ko $params || exit 2
boot 3 reboot; says "asked for a reset"
boot 3 crash	# panic=-1: the kernel resets
says "sysrq triggered crash"
echo junk >/tmp/junk
image=/tmp/junk boot 1 boot; says "neither a bzImage nor"
image=/tmp/none boot 1 boot; says "No such file"
boot 2 boot --memory 7; says "want a size"
boot 2 boot --cpus 65; says "want a number from 1 to 64"
boot 1 boot --device /dev/null; says "does not speak KVM"
boot 1 boot --memory 32M; says "more --memory"
# Killed from outside: the terminal's owner wants the reason and the status.
./vhctl run --kernel vmlinux --initrd initrd --memory 160M --cmdline "$cmdline vhtest=idle" \
	</dev/null >/tmp/out 2>&1 &
pid=$!
n=0; until grep -q "guest: idle" /tmp/out || [ $n = 100 ]; do usleep 200000; n=$((n + 1)); done
kill -TERM $pid; wait $pid; status=$?
[ $status = 5 ] && ok "SIGTERM: status 5" || bad "SIGTERM: status $status"
says "ended by signal 15"
unload
END
	;;
console)
	cat >>"$script" <<'END'
insmod ./vh.ko $params || exit 2
(n=0; until grep -q "guest: clocksource" /tmp/out 2>/dev/null || [ $n = 150 ]; do
	usleep 200000; n=$((n + 1)); done
usleep 500000; echo 'echo answer $((6 * 7))'; usleep 500000; echo 'poweroff -f'; usleep 3000000) |
	./vhctl run --kernel vmlinux --initrd initrd --memory 160M \
		--cmdline "$cmdline vhtest=shell" >/tmp/out 2>&1
status=$?
cat /tmp/out
[ $status = 0 ] && ok "shell ends with status 0" || bad "shell ends with status $status"
says "answer 42"
unload
END
	;;
vcpus64)
	cat >>"$script" <<'END'
insmod ./vh.ko $params || exit 2
boot 4 boot --cpus 64 --kernel triple; says "triple fault"
unload
END
	# A kernel whose first instruction is a triple fault: all vCPUs exist by then.
	python3 - build/guest/triple <<'END'
import struct, sys
code = struct.pack('<8s', b'') + bytes([0xb8, 0, 0, 0, 0, 0x0f, 0x01, 0x18, 0x0f, 0x0b])
note = struct.pack('<III4sI', 4, 4, 18, b'Xen\0', 0x100008)
head = struct.pack('<4sBBBB8xHHIQQQIHHHHHH', b'\x7fELF', 2, 1, 1, 0, 2, 62, 1, 0x100008, 64, 0, 0,
                   64, 56, 2, 0, 0, 0)
load = struct.pack('<IIQQQQQQ', 1, 7, 0x1000, 0x100000, 0x100000, len(code), len(code), 4096)
notes = struct.pack('<IIQQQQQQ', 4, 4, 0x800, 0, 0, len(note), len(note), 4)
image = (head + load + notes).ljust(0x800, b'\0') + note
open(sys.argv[1], 'wb').write(image.ljust(0x1000, b'\0') + code)
END
	opts="$opts --file build/guest/triple"
	;;
*)
	sed -n '3,14s/^# \{0,1\}//p' "$0"
	exit 2
	;;
esac
cat >>"$script" <<'END'
echo "$passed passed, $failed failed"
[ $failed = 0 ]
END
image=vmlinux
[ "$case" = bzimage ] && image=vmlinuz
tests/lab/lab run $opts --file "$module:vh.ko" --file build/vhctl/vhctl \
	--file "$kernel/$image:$image" --file build/guest/initrd:initrd "$@" "$script"
