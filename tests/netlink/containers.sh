#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# containers.sh: the control plane from other namespaces and users, and the table in docs/security.md
#
#   containers.sh [--update] [--module vh.ko] [LAB OPTIONS...]
#
# Every netlink command by each who asks; the table has to say what was found. --update writes it.
update=
[ "${1:-}" != --update ] || { update=yes; shift; }
. "$(dirname "$0")/../lib/in-lab.sh"
make -s -C tests/netlink
out=build/tests/netlink/containers
mkdir -p build/tests/netlink
status=0
in_lab './netlink --timeout 60 --only "containers*" $device' --file build/tests/netlink/netlink "$@" >$out.out 2>&1 ||
	status=$?
grep -aE '^(not )?ok' $out.out || true
[ $status = 0 ] || { tail -n 20 $out.out; exit $status; }
passed=$(grep -ac '^ok' $out.out)
{
	echo "| who asks | VM of uid 1000 | without a process | in a PID namespace | without one there | in a user namespace | create | figures of the root group | its limits |"
	echo "|---|---|---|---|---|---|---|---|---|"
	sed -n 's/^# table //p' $out.out
} >$out.table
if tests/lib/doc-table ${update:+--update} docs/security.md containers $out.table; then
	echo "ok - docs/security.md says what was found"
	echo "$((passed + 1)) passed, 0 failed"
else
	echo "not ok - docs/security.md does not say what was found (tests/netlink/containers.sh --update)"
	echo "$passed passed, 1 failed"
	exit 1
fi
