#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh: the ABI tests in the lab, on vh or on KVM
#
#   run.sh [--kvm] [--module vh.ko] [--only PATTERN] [--skip PATTERN] [LAB OPTIONS...]
. "$(dirname "$0")/../lib/in-lab.sh"
make -s -C tests/abi
in_lab "modprobe lzo-rle 2>/dev/null
modprobe fuse 2>/dev/null
modprobe e1000 2>/dev/null
modprobe zram && echo 64M >/sys/block/zram0/disksize && mkswap /dev/zram0 >/dev/null && swapon /dev/zram0
modprobe nbd nbds_max=1 2>/dev/null
# a host with little memory starts without huge pages
echo madvise >/sys/kernel/mm/transparent_hugepage/enabled
# a kernel that looks for errors takes ten times as long
limit=30; [ ! -e /sys/kernel/debug/kmemleak ] || limit=300
./abi --timeout \$limit $selection \$device" \
	--nic e1000 --modules "zram,lzo-rle?,fuse?,e1000?,nbd?" --file build/tests/abi/abi "$@"
