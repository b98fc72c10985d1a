#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh: random programs on KVM and on vh in each of its ways, and what differs
#
#   run.sh [--seed N] [--first N] [--count N] [--program N]... [--kinds LIST] [--modes LIST] [--skip NAME]... [--all]
#          [--no-events] [--chunk N] [--seconds N] [--ways LIST] [--bites] [--module FILE] [LAB OPTIONS...]
#
# WAYS: ept, ept0, real (unrestricted_guest=0), interpret (the debug build, wholly by the interpreter).
# --program: it alone, and told whether it differs or not. --seconds: of emulated time, after which no further chunk begins.
# --bites: the debug build makes mistakes, one after the other; each has to be found. VH_DIFFER: a folder for results.
set -eu
cd "$(dirname "$0")/../.."
ways=ept,ept0,real,interpret
own=() programs=() all= first=0 count=1500 chunk=5000 seconds=1000000 bites= module=kmod/vh.ko
cpu=(--cpu sapphire_rapids)
while [ $# -gt 0 ]; do
	case $1 in
	--ways) ways=$2; shift 2 ;;
	--program) programs+=("$2"); shift 2 ;;
	--all) all=1; shift ;;
	--first) first=$2; shift 2 ;;
	--count) count=$2; shift 2 ;;
	--chunk) chunk=$2; shift 2 ;;
	--seconds) seconds=$2; shift 2 ;;
	--bites) bites=1; shift ;;
	--module) module=$2; shift 2 ;;
	--no-events) own+=("$1"); shift ;;
	--seed | --kinds | --modes | --skip) own+=("$1" "$2"); shift 2 ;;
	--help) sed -n '3,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
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
files=(--file build/tests/differ/differ --file "$module:vh.ko")
case $bites,$ways, in
1* | *,interpret,*) files+=(--file "$(tests/lib/module-variant VH_DEBUG=1):debug.ko") ;;
esac
work=${VH_DIFFER:-build/differ}
rm -rf "$work"
mkdir -p "$work"
{
	echo "own='${own[*]}' programs='${programs[*]}' ways='${ways//,/ }' first=$first count=$count chunk=$chunk seconds=$seconds bites=$bites"
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
	if [ $1 = kvm ]; then rmmod kvm-intel kvm; else rmmod vh; fi || exit 2
}
differ() { ./differ --cpuid cpuid $own "$@"; }
# FIRST COUNT: these, on all; the states that differ are held against KVM's once more
programs() {
	local which="--first $1 --count $2 ${3-}" way status=0
	load kvm
	differ $which --write ref /dev/kvm || exit 2
	unload kvm
	for way in $ways; do
		load $way
		echo "# $way"
		differ $which --way $way --against ref --list $way /dev/vh || exit 2
		unload $way
	done
	load kvm
	for way in $ways; do
		differ $which --way $way --again $way --list kvm.txt /dev/kvm || { [ $? = 1 ] && status=1; } || exit 2
		cat kvm.txt >>out/$way.kvm
		cat $way.txt >>out/$way.txt
	done
	unload kvm
	return $status
}
# The interpreter's mistakes, against the states that KVM left: 0 when all are found.
bites() {
	local mistake status=0
	for mistake in 1 2 3; do
		insmod ./debug.ko interpret=1 mistake=$mistake || exit 2
		echo "# mistake $mistake"
		differ --first $1 --count $2 --way interpret --against ref --list mistake /dev/vh || exit 2
		[ -s mistake ] || { echo "not ok: mistake $mistake is not found"; status=1; }
		unload vh
	done
	return $status
}
load kvm
insmod ./vh.ko || exit 2
./differ --cpuid cpuid --merge /dev/kvm && ./differ --cpuid cpuid --merge /dev/vh || exit 2
rmmod vh || exit 2
unload kvm
status=0
for program in $programs; do
	programs $program 1 --every || status=1
	count=0
done
began=$(cut -d. -f1 /proc/uptime)
while [ $count -gt 0 ] && [ $(($(cut -d. -f1 /proc/uptime) - began)) -lt $seconds ]; do
	n=$((count < chunk ? count : chunk))
	programs $first $n || status=1
	[ -z "$bites" ] || { bites $first $((n < 400 ? n : 400)) || status=1; bites=; }
	first=$((first + n)) count=$((count - n))
	echo "$first" >out/next
done
exit $status
EOS
} >"$work/script.sh"
status=0
tests/lab/lab run --timeout 540 "${cpu[@]}" "${files[@]}" --out "$work" "$@" "$work/script.sh" || status=$?
[ $status -le 1 ] || exit $status
for way in ${ways//,/ }; do
	[ -s "$work/$way.txt" ] || continue
	tests/differ/show "$work/$way.kvm" "$work/$way.txt" "$way" >"$work/$way.diff" || status=1
	tail -n 1 "$work/$way.diff"
done
exit $status
