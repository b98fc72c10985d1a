#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh: one tenant does its worst, and what another's VMs cost is measured beside it, in the lab
#
#   run.sh [--module vh.ko] [--param ept=0] [--only PATTERN] [--skip PATTERN] [LAB OPTIONS...]
. "$(dirname "$0")/../lib/in-lab.sh"
make -s -C tests/neighbour
in_lab "modprobe fuse 2>/dev/null
echo 1 >/proc/sys/vm/unprivileged_userfaultfd
echo -1 >/proc/sys/kernel/sched_rt_runtime_us
chmod 666 \$device
mkdir -p /tmp/fuse
./neighbour --timeout 120 $selection \$device" \
	--modules "fuse?" --mem 512 --file build/tests/neighbour/neighbour "$@"
