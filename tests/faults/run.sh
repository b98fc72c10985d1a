#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh: what fails on demand, in the lab: VMX instructions, on the debug build;
#         --alloc: allocations, on the sanitizer kernel, and nothing leaks;
#         --load: those of the module's load as well, which takes hours
#
#   run.sh [--alloc | --load] [--only PATTERN] [LAB OPTIONS...]
alloc= load=:
[ "${1-}" != --alloc ] || { alloc=1; shift; }
[ "${1-}" != --load ] || { alloc=1 load='VH_KO=./vh.ko ./alloc load'; shift; }
. "$(dirname "$0")/../lib/in-lab.sh"
make -s -C tests/faults
make -s NODEPS=1 vhctl
# After the last VM nothing is charged, and none is registered.
nothing_left='left=$(./vhctl metrics | grep -E "^vh_(group_usage|vm_info)\{" | grep -v " 0\$")
./vhctl metrics | grep -q "^vh_group_usage.* 0\$" || left="no figures"
[ -z "$left" ] || { echo "not ok: still charged: $left"; status=1; }'
if [ -z "$alloc" ]; then
	module=$(tests/lib/module-variant VH_DEBUG=1)
	# The host's handler of machine checks says that it was called, and no more.
	make -s -C tests/abi
	# what becomes of the host's clocks is said to this build, too: with one CPU
	in_lab "early=0
[ -n \"$selection\" ] || ./abi --only 'state-clock-*' \$device || early=1
./vmx --timeout 120 $selection \$device; status=\$?
[ \$early = 0 ] || status=1
$nothing_left
(exit \$status)" --append mce=off --file build/tests/abi/abi --file build/vhctl/vhctl --file build/tests/faults/vmx "$@"
	exit
fi
KDIR=$(tests/lab/lab kernel sanitizer)
export KDIR
module=$(tests/lib/module-variant)
# Allocation failures are the kernel's to report, too.
in_lab "echo clear >/sys/kernel/debug/kmemleak
./alloc --timeout 1200 $selection \$device; status=\$?
$nothing_left
$load || status=1
sleep 6; echo scan >/sys/kernel/debug/kmemleak; sleep 6; echo scan >/sys/kernel/debug/kmemleak
if grep -A 20 -B 8 '\[vh\]' /sys/kernel/debug/kmemleak; then echo 'not ok: memory is lost'; status=1; fi
(exit \$status)" --kernel sanitizer --mem 768 --timeout 3600 --file build/vhctl/vhctl \
	--file build/tests/faults/alloc "$@"
