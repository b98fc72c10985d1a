# SPDX-License-Identifier: GPL-2.0-only
# In the lab, 2 CPUs: the debug build leaves one thing out at a time (kmod/witness/break.c), which the
# emulator forgives, and a witness says so. As it is, nothing is said of the same guests.
passed=0 failed=0
verdict() {
	if "$@"; then
		passed=$((passed + 1)); echo "ok - $name"
	else
		failed=$((failed + 1)); echo "not ok - $name"
		tail -n 15 /tmp/out; dmesg | grep 'vh: '
	fi
}
# run_with NAME COMMAND...: with the module loaded that leaves NAME out
run_with() {
	dmesg -c >/dev/null
	insmod ./vh.ko break=$1 || exit 2
	shift
	"$@" >/tmp/out 2>&1
	status=$?
	rmmod vh || exit 2
}
# a witness has nothing to say, and what ran has passed
silent() { [ $status = 0 ] && ! dmesg | grep -q 'WARNING: CPU'; }
says() { dmesg | grep -q "vh: .*$1"; }

guest() { ./guests --timeout 30 --only "$1" /dev/vh; }
abi() { ./abi --timeout 60 --only "$1" /dev/vh; }

all() {
	for g in cpuid syscall rdtscp msr-state dr-breakpoint-execute; do guest $g || return; done
	for a in dirty-running host-moves; do abi $a || return; done
}
name="nothing is left out"
run_with none all
verdict silent

name="without INVEPT: an entry after a dirty log was taken"
run_with invept abi dirty-running
verdict says 'entry with translations of EPT .*INVEPT is missing'
# With EPT a vCPU's translations go with INVEPT as well.
name="without INVVPID: the first entry, and EPT is not used"
run_with "invvpid ept=0" guest cpuid
verdict says 'entry with translations of VPID .*INVVPID is missing'
name="without the request to flush that a dirty log makes: an entry"
run_with protect abi dirty-running
verdict says 'entry with translations of EPT .*INVEPT is missing'
name="without the wait for vCPUs to leave: one is in the guest"
run_with flush abi dirty-running
verdict says 'is in the guest with translations of EPT'
name="without VMCLEAR: a VMCS moves"
run_with vmclear abi host-moves
verdict says 'it moves without VMCLEAR'
name="and goes"
run_with vmclear guest cpuid
verdict says 'a VMCS is freed while it is active'
name="without the host's DR0 behind a window"
run_with dr guest dr-breakpoint-execute
verdict says "a window left the host's DR0"
name="without KERNEL_GS_BASE behind a section"
run_with gsbase guest msr-state
verdict says "a section left the host's KERNEL_GS_BASE"
name="without TSC_AUX before user mode"
run_with tscaux guest rdtscp
verdict says "before user mode left the host's TSC_AUX"

modprobe kvm-intel || exit 2
name="beside KVM, nothing is left out"
run_with none all
verdict silent
name="beside KVM, without VMCLEAR at the end of a window"
run_with vmclear guest cpuid
verdict says 'VMCLEAR is missing'
name="beside KVM, without TSC_AUX behind a window"
run_with tscaux guest rdtscp
verdict says "a window beside KVM left the host's TSC_AUX"
rmmod kvm-intel
echo "$passed passed, $failed failed"
[ $failed = 0 ]
