#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels.sh: each kernel that docs/support.md names: vh.ko built as its distribution would, and run
#
# Builds in folders of those distributions (tests/kernels/root). 6.12 and 7.2 run the exit guests,
# boot a guest with 2 vCPUs, and run VMs beside KVM's. Below and above these kernels nothing builds,
# with a message. Needs root.
set -u
cd "$(dirname "$0")/.." || exit 1
[ "$(id -u)" = 0 ] || { echo "kernels.sh: needs root" >&2; exit 1; }
command -v mmdebstrap >/dev/null || scripts/deps --packaging || exit 1
out=$PWD/build/kernels-test
rm -rf "$out"; mkdir -p "$out"
passed=0 failed=0
ok() { passed=$((passed + 1)); echo "ok - $1"; }
bad() { failed=$((failed + 1)); echo "not ok - $1"; tail -n "${3:-25}" "$2"; }
# status NAME LOG COMMAND...
status() {
	local name=$1 log=$2; shift 2
	if "$@" >"$log" 2>&1 </dev/null; then ok "$name"; else bad "$name" "$log"; return 1; fi
}
build() { # SUITE FLAVOUR NAME
	status "$3: vh.ko builds in $1 with W=1, no warning" "$out/$3.log" tests/kernels/build "$1" "$2" "$out/$3"
}
lab() { # NAME COMMAND...: in the lab; the counts are the command's own
	local name=$1 log=$out/$1.log p f; shift
	"$@" >"$log" 2>&1 </dev/null
	local rc=$?
	read -r p f <<<"$(grep -aoE '[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1 | tr -dc '0-9 ')"
	[ "${f:-0}" != 0 ] || { [ $rc = 0 ] && [ "${p:-0}" != 0 ]; } || f=1
	echo "${p:-0} ${f:-0} $rc" >"$log.counts"
}
counted() { # NAME: add what lab left
	local p=0 f=1 rc=
	read -r p f rc <"$out/$1.log.counts"
	passed=$((passed + p)) failed=$((failed + f))
	if [ "$f" = 0 ]; then echo "ok - $1: $p passed"; else echo "not ok - $1: $f failed, status $rc"; tail -n 25 "$out/$1.log"; fi
}

# --- floor and ceiling: headers of this machine that call themselves another version ---
kdir=$(scripts/deps --kdir)
range() { # MAJOR MINOR MESSAGE [MAKE ARGUMENT...]: without MESSAGE the probes have to pass
	local fake=$out/fake version=$(($1 << 16 | $2 << 8)) want=$3
	rm -rf "$fake"; mkdir "$fake"
	cp -rs "$kdir" "$fake/headers" && cp -r kmod uapi "$fake/"
	find "$fake/kmod" \( -name '*.o' -o -name '.*.cmd' -o -name probed.h \) -delete
	sed "s/^#define LINUX_VERSION_CODE .*/#define LINUX_VERSION_CODE $version/" \
		"$kdir/include/generated/uapi/linux/version.h" >"$fake/version.h"
	mv -f "$fake/version.h" "$fake/headers/include/generated/uapi/linux/version.h"
	shift 3
	# One object is enough to see whether anything gets compiled.
	if make -C "$fake/headers" M="$fake/kmod" "$@" clock.o >"$fake/log" 2>&1; then
		[ -z "$want" ]
	else
		[ -n "$want" ] && grep -q "error: #error \"$want" "$fake/log" && ! grep -q '^  CC' "$fake/log"
	fi || { cat "$fake/log"; return 1; }
}
status "6.0 is refused" "$out/floor.log" range 6 0 "vh needs Linux 6.1 or newer"
status "7.3 is refused" "$out/ceiling.log" range 7 3 "vh has not been tried on kernels newer than 7.2"
status "7.3 builds with VH_ANY_KERNEL=1" "$out/any.log" range 7 3 "" VH_ANY_KERNEL=1
rm -rf "$out/fake"

# --- 6.12 and 7.2 run in the lab while the others are built ---
# suites NAME LAB OPTIONS...: the exit guests, a guest with 2 vCPUs, and KVM beside
suites() {
	local name=$1; shift
	set -- --module "$out/$name/vh.ko" --kernel "linux-image-$(cat "$out/$name/release")" --timeout 500 "$@"
	lab "$name-guests" tests/guests/run.sh "$@"
	lab "$name-boot" tests/boot.sh smp "$@"
	lab "$name-beside" tests/beside.sh --seconds 2 "$@"
}
ran=()
if build trixie amd64 6.12; then
	suites 6.12 & ran+=(6.12)
fi
# 7.2 does not start on the models with AVX-512 (docs/lab.md).
if build sid amd64 7.2; then
	suites 7.2 --cpu corei7_haswell_4770 & ran+=(7.2)
fi
build bookworm cloud-amd64 6.1-cloud
build bookworm rt-amd64 6.1-rt
wait
for name in "${ran[@]}"; do
	counted "$name-guests"
	counted "$name-boot"
	counted "$name-beside"
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
