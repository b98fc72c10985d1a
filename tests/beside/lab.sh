# SPDX-License-Identifier: GPL-2.0-only
# In the lab, 2 CPUs: KVM and vh one after the other, and at the same time. $seconds: of emulated
# time for the latter.
failed=0 passed=0
check() {
	name=$1; shift
	if "$@" >/tmp/out 2>&1; then
		passed=$((passed + 1)); echo "ok - $name"
	else
		failed=$((failed + 1)); echo "not ok - $name"; cat /tmp/out
	fi
}
soak() { ./guests --timeout 60 --only soak $1; }
provider() { cat /sys/module/vh/parameters/vmx_root; grep -q "^$1: " /sys/module/vh/parameters/vmx_root; }
tells() { ./vhctl check; ./vhctl check | grep -q "^$1"; }
hold() { ./hold $1 & holder="$holder $!"; sleep 0.2; }
release() { kill $holder; wait $holder 2>/dev/null; holder=; }
holder=
now() { cut -d. -f1 /proc/uptime; }

# --- one after the other, in each order ---
check "vh loads" insmod ./vh.ko
if grep -q "only KVM" /sys/module/vh/parameters/vmx_root; then
	only_kvm=1
	check "without KVM there is no VMX, and vh says so" provider none
	modprobe kvm enable_virt_at_load=0 && modprobe kvm-intel
	check "nor with a KVM that leaves VMX off" provider none
	check "vhctl check says what to do" sh -c './vhctl check | grep "enable_virt_at_load=1"'
	check "a VM is refused" sh -c '! ./guests --only soak /dev/vh'
	check "the log says why" sh -c 'dmesg | grep "vh: .*enable_virt_at_load=1"'
	hold /dev/kvm
	check "it runs while KVM has a VM, for VMX is on then" soak /dev/vh
	release
	rmmod kvm-intel kvm
	check "the first VMs, two at once, load KVM by themselves" sh -c \
		'./guests --only soak /dev/vh & ./guests --only soak /dev/vh && wait $!'
	check "and finds it" provider kvm
	hold /dev/vh
	check "KVM stays as long as there are VMs" sh -c '! rmmod kvm-intel'
	release
else
	only_kvm=
	check "without KVM VMX is vh's own" provider own
	check "vhctl check tells" tells "ok    root .*own"
	check "a guest runs" soak /dev/vh
	modprobe kvm-intel
fi
check "with KVM loaded second, vh runs beside it" provider kvm
check "vhctl check tells" tells "ok    root .*kvm"
check "KVM runs a guest" soak /dev/kvm
check "vh runs one after KVM did" soak /dev/vh
check "KVM runs one after vh did" soak /dev/kvm
hold /dev/kvm
check "vh runs one while KVM has a VM" soak /dev/vh
release
hold /dev/vh
check "KVM runs one while vh has a VM" soak /dev/kvm
hold /dev/kvm
check "both while both have" sh -c './guests --only soak /dev/vh && ./guests --only soak /dev/kvm'
release
check "vh unloads beside KVM" rmmod vh
check "KVM runs one after vh was unloaded" soak /dev/kvm
check "vh loads after KVM" insmod ./vh.ko
check "and runs beside it" provider kvm
check "a guest too" soak /dev/vh

# --- interrupts to vCPUs of both on the same CPUs, which come by one notification vector ---
storms() {
	./abi --only 'irq-*' /dev/kvm >/tmp/storm.kvm 2>&1 & other=$!
	./abi --only 'irq-*' /dev/vh; mine=$?
	wait $other && [ $mine = 0 ] && return
	cat /tmp/storm.kvm
	return 1
}
check "neither loses an interrupt while the other gets some" storms

# --- guests go on while KVM comes and goes under them ---
loop() { # DEVICE N: guests, one after the other, until /tmp/stop is there
	while [ ! -e /tmp/stop ]; do
		./guests --timeout 100 --only soak $1 >/tmp/soak.$2 2>&1 || { cat /tmp/soak.$2 >>/tmp/bad; return 1; }
		echo >>/tmp/done.$2
	done
}
stop_all() { # the guests of all loops, and hostcheck
	touch /tmp/stop
	check "the host's process kept its registers" wait $host
	cat /tmp/host
	wait
	check "so did the guests" [ ! -e /tmp/bad ]
	[ ! -e /tmp/bad ] || cat /tmp/bad
}
rm -f /tmp/stop /tmp/bad /tmp/done.*
if [ ! "$only_kvm" ]; then
	loop /dev/vh 1 & loop /dev/vh 2 & ./hostcheck /tmp/stop >/tmp/host 2>&1 & host=$!
	comes_and_goes() {
		n=0
		while [ $n -lt 6 ]; do
			rmmod kvm-intel && provider own && modprobe kvm-intel && provider kvm || return 1
			[ $((n % 2)) = 0 ] || ./guests --only cpuid /dev/kvm || return 1
			n=$((n + 1))
		done
	}
	check "KVM is unloaded and loaded 6 times under running guests" comes_and_goes
	stop_all
	check "of which there were" [ -e /tmp/done.1 -a -e /tmp/done.2 ]
fi

# --- at the same time, on the same CPUs; CPUs and the whole host go to sleep meanwhile ---
rm -f /tmp/stop /tmp/bad /tmp/done.*
loop /dev/vh 1 & loop /dev/vh 2 & loop /dev/kvm 3 & loop /dev/kvm 4 &
./hostcheck /tmp/stop >/tmp/host 2>&1 & host=$!
end=$(($(now) + seconds))
cpu=/sys/devices/system/cpu/cpu1/online
rounds=0
busy() {
	while [ $(now) -lt $end ]; do
		sleep 0.3
		echo 0 >$cpu || return 1
		sleep 0.2
		echo 1 >$cpu || return 1
		rounds=$((rounds + 1))
		asleep || return 1
	done
}
# Suspend to RAM: the emulator resets its processors, and firmware finds the way back. To idle only
# as far as it goes without anything to wake it.
asleep() {
	echo mem >/sys/power/state || return 1
	[ -e /sys/power/pm_test ] || return 0
	echo 1 >/sys/module/suspend/parameters/pm_test_delay
	echo platform >/sys/power/pm_test && echo freeze >/sys/power/state || return 1
	echo none >/sys/power/pm_test
}
check "CPU1 goes and comes back, the host sleeps and wakes, under guests of both" busy
stop_all
ran() { for n in 1 2 3 4; do [ -e /tmp/done.$n ] || return 1; done; }
check "all four lanes ran" ran
echo "# $rounds rounds; guests of vh $(cat /tmp/done.[12] | wc -l), of KVM $(cat /tmp/done.[34] | wc -l)"
check "a guest on vh" soak /dev/vh
check "a guest on KVM" soak /dev/kvm
check "vh unloads" rmmod vh
echo "$passed passed, $failed failed"
[ $failed = 0 ]
