#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh: what a real machine has to say of vh, in ten minutes (docs/silicon.md). As root, in a folder with vh.ko, vhctl,
# guests, abi, paging and bench; `make check-native` makes it. Writes report.txt, and ends with its verdict.
set -u
passed=0 failed=0 skipped=0 loaded=
exec 3>report.txt
say() { echo "$*"; echo "$*" >&3; }
log() { dmesg | tail -n +$((lines + 1)); }
# TITLE COMMAND...: its lines of verdict, counted
suite() {
	title=$1; shift
	say "== $title: $*"
	"$@" >out 2>&1
	rc=$?
	grep -E '^not ok|# skip' out | while IFS= read -r line; do say "$line"; done
	counts=$(grep -oE '[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?' out | tail -n 1)
	set -- $(echo "$counts" | tr -dc '0-9 ')
	if [ $# -lt 2 ]; then
		say "$(tail -n 5 out)"
		set -- 0 1
	elif [ $rc != 0 ] && [ "$2" = 0 ]; then
		set -- "$1" 1
	fi
	say "$title: $1 passed, $2 failed, ${3:-0} skipped"
	passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + ${3:-0}))
}

[ "$(id -u)" = 0 ] || { echo "run.sh: needs root" >&2; exit 2; }
grep -qw vmx /proc/cpuinfo || { echo "run.sh: this processor has no VMX, or it is hidden" >&2; exit 2; }
say "kernel: $(uname -rv)"
say "processor: $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)," \
	"family $(sed -n 's/^cpu family[[:space:]]*: //p' /proc/cpuinfo | head -n 1)" \
	"model $(sed -n 's/^model[[:space:]]*: //p' /proc/cpuinfo | head -n 1)" \
	"stepping $(sed -n 's/^stepping[[:space:]]*: //p' /proc/cpuinfo | head -n 1)," \
	"microcode $(sed -n 's/^microcode[[:space:]]*: //p' /proc/cpuinfo | head -n 1), $(nproc) CPUs"
say "hypervisor: $(grep -qw hypervisor /proc/cpuinfo && echo yes, this is no silicon || echo none)"
lines=$(dmesg | wc -l)
# The debug build: its witnesses are what silicon is asked for (docs/locking.md, docs/architecture.md).
if [ -e /dev/vh ]; then
	say "vh is loaded: $(cat /sys/module/vh/version 2>/dev/null); its build is what is tried"
else
	insmod ./vh.ko || { say "vh.ko does not load: $(log | tail -n 3)"; exit 1; }
	loaded=yes
fi
say "vmx: $(for p in vmx_root ept unrestricted_guest vpid pml apicv; do
	printf '%s=%s ' $p "$(cat /sys/module/vh/parameters/$p 2>/dev/null)"; done)"
./vhctl check >out 2>&1; while IFS= read -r line; do say "$line"; done <out
suite guests ./guests --timeout 60 /dev/vh
suite ABI ./abi --timeout 120 --skip 'host-*' --skip 'scale-*' --skip 'state-clock-*' /dev/vh
suite paging ./paging --vcpus 2 --rounds 20 /dev/vh
if [ -e /dev/kvm ] && [ -e bench ]; then
	./bench --against /dev/kvm --device /dev/vh >out 2>&1
	say "== bench: ticks of the TSC, here no instructions"
	while IFS= read -r line; do say "$line"; done <out
fi
[ -z "$loaded" ] || rmmod vh || { say "vh does not unload"; failed=$((failed + 1)); }
log | grep -E 'vh|WARNING|BUG|Oops|Call Trace|MCE|mce:' | while IFS= read -r line; do say "log: $line"; done
# for how long interrupts were off is bounded in the lab's ticks, which are instructions
if log | grep -v 'vh: BUG: .* ticks' | grep -qE 'WARNING|BUG|Oops|Call Trace'; then
	say "not ok: the kernel complains"
	failed=$((failed + 1))
fi
say "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
