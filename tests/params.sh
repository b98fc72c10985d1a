#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# params.sh [LAB OPTIONS...]: the module with every combination of the parameters that leave
# out processor features, on a CPU that has them all: guests run, dirty pages are logged
set -eu
cd "$(dirname "$0")/.."
make -s -C tests/guests
make -s -C tests/abi
script=$(mktemp)
trap 'rm -f "$script"' EXIT
cat >"$script" <<'END2'
passed=0 failed=0
# try PARAMETER=VALUE...
try() {
	if ! insmod ./vh.ko "$@"; then
		failed=$((failed + 1)); echo "not ok - $*: does not load"; return
	fi
	for given in "$@"; do
		[ "$(cat /sys/module/vh/parameters/${given%=*})" != Y ] || failed=$((failed + 1))
	done
	: >/tmp/out
	bad=0
	for pattern in cr real pf tlb; do
		./guests --timeout 30 --only $pattern /dev/vh >>/tmp/out 2>&1 || bad=1
	done
	if [ $bad = 0 ] &&
	   ./abi --only 'memory-dirty' /dev/vh >>/tmp/out 2>&1; then
		passed=$((passed + 1)); echo "ok - $*, $(grep -c '^ok' /tmp/out) cases"
	else
		failed=$((failed + 1)); echo "not ok - $*"; grep '^not ok' /tmp/out
	fi
	rmmod vh || failed=$((failed + 1))
}
for ept in 0 1; do for ug in 0 1; do for vpid in 0 1; do for pml in 0 1; do
	# Without EPT the processor has no unrestricted guest and no PML to leave out.
	[ $ept = 1 ] || [ $ug$pml = 11 ] || continue
	try apicv=0 $([ $ept = 1 ] || echo ept=0) $([ $ug = 1 ] || echo unrestricted_guest=0) \
		$([ $vpid = 1 ] || echo vpid=0) $([ $pml = 1 ] || echo pml=0)
done; done; done; done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
END2
tests/lab/lab run --timeout 900 --file kmod/vh.ko --file build/tests/guests/guests --file build/tests/abi/abi "$@" "$script"
