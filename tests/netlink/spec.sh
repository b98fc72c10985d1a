#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# spec.sh: docs/netlink/vh.yaml against the header, and against what the kernel answers
. "$(dirname "$0")/../lib/in-lab.sh"
make -s -C tests/netlink
mkdir -p build/tests/netlink
status=0
in_lab "./answers" --file build/tests/netlink/answers "$@" >build/tests/netlink/answers.out 2>&1 || status=$?
[ $status = 0 ] || { tail -n 20 build/tests/netlink/answers.out; exit $status; }
exec python3 tests/netlink/spec.py build/tests/netlink/answers.out
