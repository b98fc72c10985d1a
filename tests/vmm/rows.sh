# SPDX-License-Identifier: GPL-2.0-only
# In the lab: how the rows of tables are counted; before lab.sh and libvirt-lab.sh.
passed=0 failed=0
verdict() {	# ROW STATUS FILE...
	local row=$1 status=$2
	shift 2
	if [ "$status" = 0 ]; then
		passed=$((passed + 1))
		echo "ok - $row"
	else
		failed=$((failed + 1))
		echo "not ok - $row: $status"
		tail -n 15 "$@" | sed 's/.*\[K//'	# what the monitor's editor shows of a line
	fi
}
bad() {	# WHY: what a row's status is from now on, if it was well before
	[ "$status" != 0 ] || status=$1
}
