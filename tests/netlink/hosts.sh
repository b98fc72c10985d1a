#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# hosts.sh: hosts with cgroup v1 alone, and with both hierarchies
. "$(dirname "$0")/../lib/in-lab.sh"
script='
failed=0 passed=0
is() { name=$1; shift; if "$@"; then passed=$((passed + 1)); echo "ok - $name"
	else failed=$((failed + 1)); echo "not ok - $name"; cat /tmp/o; fi; }
says() { grep -q "$1" /tmp/o; }
umount /sys/fs/cgroup; mount -t tmpfs none /sys/fs/cgroup
mkdir /sys/fs/cgroup/memory; mount -t cgroup -o memory none /sys/fs/cgroup/memory
mkdir /sys/fs/cgroup/memory/a; echo $$ >/sys/fs/cgroup/memory/a/tasks
is "v1: a VM is created" ./vhctl create web
./vhctl group ls >/tmp/o 2>&1
is "v1: vhctl says that there is one group" says "all VMs are in one group"
is "v1: and shows it" says "^/ *1/max"
is "v1: it can be limited" ./vhctl group set / vms=1
./vhctl create two >/tmp/o 2>&1
is "v1: the limit holds" says "a limit of VMs of the cgroup, or of one above it, is reached"
./vhctl create two --cgroup a >/tmp/o 2>&1
is "v1: no cgroup to put it into" says "no cgroup v2 hierarchy"
./vhctl group set / vms=max
mkdir /sys/fs/cgroup/unified; mount -t cgroup2 none /sys/fs/cgroup/unified; mkdir /sys/fs/cgroup/unified/b
is "hybrid: a VM is put into a cgroup" ./vhctl create h --cgroup b
./vhctl group ls >/tmp/o 2>&1
is "hybrid: the v2 hierarchy counts" says "^/b *1/max"
is "destroy" ./vhctl destroy web h
echo "$passed passed, $failed failed"
[ $failed = 0 ]'
in_lab "$script" --file build/vhctl/vhctl "$@"
