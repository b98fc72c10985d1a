# SPDX-License-Identifier: GPL-2.0-only
# check NAME COMMAND...: a test in the lab. Put before the scripts that run there.
passed=0 failed=0
check() { name=$1; shift; if "$@"; then passed=$((passed + 1)); echo "ok - $name"
	else failed=$((failed + 1)); echo "not ok - $name"; fi; }
