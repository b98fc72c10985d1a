#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh: random programs on KVM and on vh in each of its ways, and what differs
#
#   run.sh [--seed N] [--first N] [--count N] [--program N] [--kinds LIST] [--modes LIST] [--skip NAME]... [--all]
#          [--ways LIST] [LAB OPTIONS...]
#
# WAYS: ept, ept0, real (unrestricted_guest=0), interpret (the debug build, wholly by the interpreter)
set -eu
cd "$(dirname "$0")/../.."
ways=ept,ept0,real,interpret
own=()
program=
all=
while [ $# -gt 0 ]; do
	case $1 in
	--ways) ways=$2; shift 2 ;;
	--program) program="$program $2"; shift 2 ;;
	--all) all=1; shift ;;
	--task-switch) own+=("$1"); shift ;;
	--seed | --first | --count | --kinds | --modes | --skip) own+=("$1" "$2"); shift 2 ;;
	--help) sed -n '3,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) break ;;
	esac
done
# What is known to be wrong elsewhere is not generated.
if [ -z "$all" ]; then
	while read -r what name _; do
		[ "$what" != skip ] || own+=(--skip "$name")
	done <tests/differ/known
fi
make -s -C tests/differ
files=(--file build/tests/differ/differ --file kmod/vh.ko)
case ,$ways, in
*,interpret,*) files+=(--file "$(tests/lib/module-variant VH_DEBUG=1):debug.ko") ;;
esac
work=build/differ
rm -rf "$work"
mkdir -p "$work"
{
	echo "own='${own[*]}' program='$program' ways='${ways//,/ }'"
	cat <<'EOS'
mkdir -p out
load() {
	case $1 in
	kvm) modprobe kvm-intel nested=0 ;;
	ept) insmod ./vh.ko ;;
	ept0) insmod ./vh.ko ept=0 ;;
	real) insmod ./vh.ko unrestricted_guest=0 ;;
	interpret) insmod ./debug.ko interpret=1 ;;
	esac || exit 2
}
unload() {
	if [ $1 = kvm ]; then rmmod kvm-intel kvm; else rmmod ${2:-vh}; fi || exit 2
}
device() { [ $1 = kvm ] && echo /dev/kvm || echo /dev/vh; }
load kvm
insmod ./vh.ko || exit 2
./differ --cpuid cpuid --merge /dev/kvm && ./differ --cpuid cpuid --merge /dev/vh || exit 2
rmmod vh || exit 2
status=0
if [ -z "$program" ]; then
	./differ --cpuid cpuid $own --write ref /dev/kvm || exit 2
else
	echo $program | tr ' ' '\n' >all.list
fi
unload kvm
for way in $ways; do
	load $way
	if [ -z "$program" ]; then
		echo "# $way"
		./differ --cpuid cpuid $own --against ref --list $way.list $(device $way) || status=1
		head -n 40 $way.list >$way.head
	else
		cp all.list $way.head
	fi
	[ ! -s $way.head ] || ./differ --cpuid cpuid $own --show $way.head $(device $way) >out/$way.txt
	unload $way
done
sort -nu *.head >kvm.list
if [ -s kvm.list ]; then
	load kvm
	./differ --cpuid cpuid $own --show kvm.list /dev/kvm >out/kvm.txt
	unload kvm
fi
exit $status
EOS
} >"$work/script.sh"
status=0
tests/lab/lab run --timeout 540 "${files[@]}" --out "$work" "$@" "$work/script.sh" || status=$?
# 1: something differed. Some of it is KVM's leftovers of the program before, and is gone the next time.
[ $status -le 1 ] || exit $status
[ $status = 0 ] || [ -s "$work/kvm.txt" ] || exit $status
status=0
for way in ${ways//,/ }; do
	[ -s "$work/$way.txt" ] || continue
	tests/differ/show "$work/kvm.txt" "$work/$way.txt" "$way" >"$work/$way.diff" || status=1
	tail -n 1 "$work/$way.diff"
done
exit $status
