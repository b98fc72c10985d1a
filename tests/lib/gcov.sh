#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# gcov.sh: in the lab, on a kernel with GCOV_KERNEL: leaves the counts of profiled modules, also of
# those that are gone, in the lab's --out.
mkdir -p /p/out && cp -r /sys/kernel/debug/gcov/. /p/out/
