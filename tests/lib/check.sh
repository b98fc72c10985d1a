# SPDX-License-Identifier: GPL-2.0-only
# check NAME COMMAND...: a test, whose output is shown if it fails; finish: the totals, and the exit.
# Sourced by scripts that test on this machine.
passed=0 failed=0
check() {
	local name=$1; shift
	if out=$("$@" 2>&1); then
		passed=$((passed + 1)); echo "ok - $name"
	else
		failed=$((failed + 1)); echo "not ok - $name"; echo "$out" | tail -n 30
	fi
}
finish() {
	echo "$passed passed, $failed failed"
	[ $failed = 0 ]
	exit
}
