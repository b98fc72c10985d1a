#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# leaks.sh: in the lab, on a kernel with kmemleak, after the module is gone: memory that nothing
# refers to is a failure.
file=/sys/kernel/debug/kmemleak
[ ! -d /sys/module/vh ] || { echo "not ok - the module is still there"; exit 1; }
# What is still referenced from a stack or a register is found by the second scan; objects younger
# than 5 s are not reported.
echo scan >$file || exit 2
sleep 6
echo scan >$file
leaked=$(cat $file)
[ -z "$leaked" ] || { echo "$leaked" | head -n 200; echo "not ok - memory leaked"; exit 3; }
