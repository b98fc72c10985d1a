#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh: fuzzers of /dev/vh in the lab: vCPU states and guest code (state), ioctls from many threads (ioctls)
#
#   run.sh state|ioctls [--kvm] [--module vh.ko] [--param NAME=VALUE] [--seed N] [--rounds N | --round K | --seconds S]
#          [--keep-going] [LAB OPTIONS...]
which=$1
case $which in
state | ioctls) shift ;;
--help) ;;
*) sed -n '3,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
. "$(dirname "$0")/../lib/in-lab.sh"
own=
while [ $# -gt 0 ]; do
	case $1 in
	--keep-going) own="$own $1"; shift; continue ;;
	--seed | --rounds | --round | --seconds | --param | --module) ;;
	*) break ;;
	esac
	case $1 in
	--param) params="$params $2" ;;
	--module) module=$2 ;;
	*) own="$own $1 $2" ;;
	esac
	shift 2
done
make -s -C tests/fuzz
in_lab "modprobe fuse 2>/dev/null
./$which $selection $own \$device" --modules "fuse?" --file "build/tests/fuzz/$which" "$@"
