#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kernels.sh: each kernel that docs/support.md names: vh.ko built as its distribution would, and run
#
#   kernels.sh [--all] [--update] [--only KERNEL]
#
# Builds in folders of those distributions (tests/kernels/root) and runs parts of the suites on
# 6.1-rt, 6.12 and 7.2; below and above these kernels nothing builds, with a message. --all: the
# whole suites on every kernel, and the table in docs/support.md has to say what passed; --update
# writes it. Needs root.
set -u
cd "$(dirname "$0")/.." || exit 1
all= update= only=
while [ $# -gt 0 ]; do
	case $1 in
	--all) all=yes; shift ;;
	--update) all=yes update=yes; shift ;;
	--only) only=$2; shift 2 ;;
	*) sed -n '3,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
	esac
done
[ "$(id -u)" = 0 ] || { echo "kernels.sh: needs root" >&2; exit 1; }
# tests/package.sh builds 6.1's once more, and 6.1-cloud differs from it in drivers.
: "${only:=$([ -n "$all" ] && echo '*' || echo '@(6.1-rt|6.12|7.2)')}"
. tests/lib/suites.sh
# What --all found of a kernel stays until it is run again.
out=$PWD/build/kernels-test${all:+-all}
mkdir -p "$out"
passed=0 failed=0 skipped=0
ok() { passed=$((passed + 1)); echo "ok - $1"; }
bad() { failed=$((failed + 1)); echo "not ok - $1"; tail -n "${3:-25}" "$2"; }
# status NAME LOG COMMAND...
status() {
	local name=$1 log=$2; shift 2
	if "$@" >"$log" 2>&1 </dev/null; then ok "$name"; else bad "$name" "$log"; return 1; fi
}

# --- floor and ceiling: headers of this machine that call themselves another version ---
kdir=$(scripts/deps --kdir)
range() { # MAJOR MINOR MESSAGE [MAKE ARGUMENT...]: without MESSAGE the probes have to pass
	local fake=$out/fake version=$(($1 << 16 | $2 << 8)) want=$3
	rm -rf "$fake"; mkdir "$fake"
	cp -rs "$kdir" "$fake/headers" && cp -r Kbuild kmod uapi "$fake/"
	find "$fake/kmod" \( -name '*.o' -o -name '.*.cmd' -o -name probed.h \) -delete
	sed "s/^#define LINUX_VERSION_CODE .*/#define LINUX_VERSION_CODE $version/" \
		"$kdir/include/generated/uapi/linux/version.h" >"$fake/version.h"
	mv -f "$fake/version.h" "$fake/headers/include/generated/uapi/linux/version.h"
	shift 3
	# One object is enough to see whether anything gets compiled.
	if make -C "$fake/headers" M="$fake" "$@" kmod/cpu/clock.o >"$fake/log" 2>&1; then
		[ -z "$want" ]
	else
		[ -n "$want" ] && grep -q "error: #error \"$want" "$fake/log" && ! grep -q '^  CC' "$fake/log"
	fi || { cat "$fake/log"; return 1; }
}
status "6.0 is refused" "$out/floor.log" range 6 0 "vh needs Linux 6.1 or newer"
status "7.3 is refused" "$out/ceiling.log" range 7 3 "vh has not been tried on kernels newer than 7.2"
status "7.3 builds with VH_ANY_KERNEL=1" "$out/any.log" range 7 3 "" VH_ANY_KERNEL=1
rm -rf "$out/fake"

# --- each kernel: built in its distribution, run in the lab ---
# NAME SUITE FLAVOUR CPU MODEL, and what it is called. 7.2 does not start on corei7_skylake_x
# (docs/lab.md). All deliver interrupts as servers do (apicv=2).
kernels() {
	while read -r name rest; do
		# shellcheck disable=SC2053
		[[ $name == $only ]] && echo "$name $rest"
	done <<'END'
6.1 bookworm amd64 corei7_skylake_x Debian 12's 6.1, amd64
6.1-cloud bookworm cloud-amd64 corei7_skylake_x Debian 12's 6.1, cloud-amd64
6.1-rt bookworm rt-amd64 corei7_skylake_x Debian 12's 6.1, rt-amd64 (PREEMPT_RT)
6.12 trixie amd64 corei7_skylake_x Debian 13's 6.12, amd64
7.2 sid amd64 sapphire_rapids Debian sid's 7.2, amd64
END
}
columns='guests guests-ept0 abi netlink paging boot beside crash'
titles='exit guests | without EPT | ABI | control plane | paging, without EPT | Debian, 2 vCPUs | beside KVM | crashes'

# apart NAME SUITE COMMAND...: what boots by itself; its counts join the others'
apart() {
	local name=$1 suite=$2 log=$out/$1-$2.log p f s; shift 2
	"$@" >"$log" 2>&1 </dev/null
	local rc=$?
	read -r p f s <<<"$(grep -aoE '[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?' "$log" | tail -n 1 | tr -dc '0-9 ')"
	[ "${f:-0}" != 0 ] || { [ $rc = 0 ] && [ "${p:-0}" != 0 ]; } || f=1
	echo "$suite ${p:-0} ${f:-0} ${s:-0}" >>"$out/$name.counts"
}
run() {	# NAME CPU
	local name=$1 m="--module $out/$1/vh.ko" lab
	lab="--kernel linux-image-$(cat "$out/$name/release") --cpu $2"
	suites_new "$out/$name/suites"
	suite guests tests/guests/run.sh $m
	if [ -n "$all" ]; then
		suite guests-ept0 tests/guests/run.sh $m --param ept=0
		suite abi tests/abi/run.sh $m
		suite netlink tests/netlink/run.sh $m
		suite paging tests/paging/run.sh $m --param ept=0 --seed 2 --rounds 3 --vcpus 2
	else
		suite abi tests/abi/run.sh $m --only '[hv]*'
		suite netlink tests/netlink/run.sh $m --only 'registry*'
		suite paging tests/paging/run.sh $m --param ept=0 --seed 2 --rounds 1 --vcpus 2
	fi
	suites_run $lab ${all:+--cpus 2} --timeout 2400 >"$out/$name.log"
	suites_counts >>"$out/$name.counts"
	if [ -n "$all" ]; then
		apart "$name" boot tests/boot.sh smp $m $lab
		apart "$name" beside tests/beside.sh --seconds 4 $m $lab --timeout 900
		apart "$name" crash tests/crash.sh $m $lab
	elif [ "$name" = 7.2 ]; then
		# where KVM's VMX root is the only way in; on 6.1 tests/beside.sh runs by itself
		apart "$name" beside tests/beside.sh --seconds 2 $m $lab --timeout 900
	fi
}

# Not by two at once below.
for programs in guests abi netlink paging mitigations; do make -s -C tests/$programs || exit 1; done
ran=()
while read -r name suite flavour cpu _; do
	: >"$out/$name.counts"	# nothing earlier counts, though it does not build
	status "$name: vh.ko builds in $suite with W=1, no warning" "$out/$name.build" \
		tests/kernels/build "$suite" "$flavour" "$out/$name" || continue
	while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
	run "$name" "$cpu" &
	ran+=("$name")
done < <(kernels)
wait
for name in "${ran[@]}"; do
	while read -r suite p f s; do
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
		if [ "$f" = 0 ]; then
			echo "ok - $name $suite: $p passed, $s skipped"
		else
			echo "not ok - $name $suite: $f failed"
			grep -aE '^ *not ok|FAILED' "$out/$name-$suite.log" "$out/$name.log" 2>/dev/null | head -n 10
		fi
	done <"$out/$name.counts"
done

# --- the table ---
cell() { # NAME SUITE
	local p f s
	read -r _ p f s <<<"$(grep -s "^$2 " "$out/$1.counts")"
	case ${f:--} in
	-) echo "not run" ;;
	0) echo "pass$([ "$s" = 0 ] || echo ", $s skipped")" ;;
	*) echo "**$f fail**" ;;
	esac
}
table() {
	echo "| kernel | $titles |"
	echo "|---|$(printf -- '---|%.0s' $columns)"
	kernels | while read -r name _ _ _ title; do
		printf '| %s |' "$title"
		for column in $columns; do printf ' %s |' "$(cell "$name" "$column")"; done
		echo
	done
}
if [ -n "$all" ]; then
	only='*'
	table >"$out/table"
	if tests/lib/doc-table ${update:+--update} docs/support.md kernels "$out/table"; then
		ok "docs/support.md says what passed"
	else
		bad "docs/support.md does not say what passed (tests/kernels.sh --update)" "$out/table"
	fi
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
