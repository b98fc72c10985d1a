# SPDX-License-Identifier: GPL-2.0-only
# In the lab: on a kernel that lets only KVM turn VMX on, vh loads, refuses VMs, says why, unloads.
failed=0 passed=0
check() {
	name=$1; shift
	if "$@" >/tmp/out 2>&1; then
		passed=$((passed + 1)); echo "ok - $name"
	else
		failed=$((failed + 1)); echo "not ok - $name"; cat /tmp/out
	fi
}
check "vh loads" insmod ./vh.ko
why="lets only KVM turn VMX on"
./vhctl check >/tmp/check 2>&1
status=$?
cat /tmp/check
check "vhctl check fails" [ $status = 1 ]
check "and says why" grep "FAIL .*$why" /tmp/check
check "vhctl run is refused" sh -c '! ./vhctl run --kernel vmlinux --memory 160M --cmdline quiet </dev/null >/tmp/run 2>&1'
cat /tmp/run
check "as not supported" grep -i "not supported" /tmp/run
check "the kernel's log says why" sh -c "dmesg | grep 'vh.*$why'"
check "vh unloads" rmmod vh
echo "$passed passed, $failed failed"
[ $failed = 0 ]
