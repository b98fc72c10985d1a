#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh: the guest that rewrites its page tables at random, in the lab, on vh or on KVM
#
#   run.sh [--kvm] [--module vh.ko] [--param ept=0] [--seed N] [--seeds N] [--rounds N] [--instructions N]
#          [--vcpus N] [--modes 4level,pae,2level] [LAB OPTIONS...]
. "$(dirname "$0")/../lib/in-lab.sh"
own=
while [ $# -gt 0 ]; do
	case $1 in
	--seeds | --instructions | --vcpus | --modes | --ops | --without | --seed | --rounds) own="$own $1 $2"; shift 2 ;;
	--quiet-host | --tame) own="$own $1"; shift ;;
	*) break ;;
	esac
done
make -s -C tests/paging
in_lab "./paging $selection $own \$device" --file build/tests/paging/paging "$@"
