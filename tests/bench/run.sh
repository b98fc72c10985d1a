#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh: what an exit costs on vh and on KVM, measured in one boot of the lab, and what accounting
# adds to it, against a module built without
#
#   run.sh [--module vh.ko] [--json] [--here] [--ept0] [LAB OPTIONS...]
#
# Status 0 if every figure is within its limit, 1 if one exceeds it. --ept0: neither of them uses
# EPT, nor has the processor deliver interrupts. --here measures this machine, which needs VMX, root, and both modules loaded.
set -e
cd "$(dirname "$0")/../.."
module=kmod/vh.ko
json=
here=
shadow=
while [ $# -gt 0 ]; do
	case $1 in
	--module) module=$2; shift 2 ;;
	--json) json=--json; shift ;;
	--here) here=1; shift ;;
	--ept0) shadow=ept=0; shift ;;
	--help) sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) break ;;
	esac
done
make -s -C tests/bench
if [ -n "$here" ]; then
	exec build/tests/bench/bench --against /dev/kvm --device /dev/vh ${shadow:+--shadow} $json
fi
script=$(mktemp)
trap 'rm -f "$script"' EXIT
if [ -n "$shadow" ]; then
	cat >"$script" <<EOF
modprobe kvm-intel ept=0 enable_apicv=0 || exit 2
./bench --device /dev/kvm --shadow --save kvm >/dev/null || exit 2
# each without the other: what vh's windows cost beside KVM is in the table with EPT
rmmod kvm-intel || exit 2
insmod ./vh.ko ept=0 apicv=0 || exit 2
./bench --against ./kvm --device /dev/vh --shadow $json
EOF
	tests/lab/lab run --file build/tests/bench/bench --file "$module:vh.ko" "$@" "$script"
	exit
fi
# the same module without accounting on the exit path
bare=$(tests/lib/module-variant VH_ACCT=0)
cat >"$script" <<EOF
modprobe kvm-intel || exit 2
insmod ./noacct.ko || exit 2
./bench --device /dev/vh --save without >/dev/null || exit 2
rmmod vh || exit 2
insmod ./vh.ko || exit 2
./bench --against /dev/kvm --device /dev/vh --without without $json
EOF
tests/lab/lab run --file build/tests/bench/bench --file "$module:vh.ko" --file "$bare:noacct.ko" "$@" "$script"
