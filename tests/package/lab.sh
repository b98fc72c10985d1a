# SPDX-License-Identifier: GPL-2.0-only
# lab.sh: the module that DKMS built and the vhctl of the package, in the lab; $version is set
failed=0 passed=0
ok() { passed=$((passed + 1)); echo "ok - $*"; }
bad() { failed=$((failed + 1)); echo "not ok - $*"; }
check() { name=$1; shift; if "$@"; then ok "$name"; else bad "$name"; fi; }
cmdline="console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests rodata=off panic=-1 tsc_early_khz=100000"

check "the module that DKMS built loads" insmod ./vh.ko
check "it is version $version" [ "$(cat /sys/module/vh/version)" = "$version" ]
check "vhctl of the package is version $version" [ "$(./vhctl version | head -n 1)" = "vhctl $version" ]
./vhctl run --kernel vmlinux --initrd initrd --memory 160M --cpus 2 --cmdline "$cmdline vhtest=load" \
	</dev/null >/tmp/out 2>&1
check "vhctl run boots a guest, status 0" [ $? = 0 ]
cat /tmp/out
check "the guest works on 2 CPUs" grep -q "load on 2 CPUs, 1 different sums" /tmp/out

# The commands of the systemd unit, with a description.
mkdir -p /etc/vh
cat >/etc/vh/web.conf <<END
kernel = $PWD/vmlinux
initrd = $PWD/initrd
cmdline = $cmdline vhtest=idle
memory = 160M
stop-timeout = 1
END
check "the description is right" ./vhctl config check web
unit() {	# KEY: do what the unit has for it
	line=$(sed -n "s/^$1=-\{0,1\}//p" vh@.service | sed 's,^/usr/sbin/,./,; s/%i/web/g')
	echo "$1: $line"
	eval "$line"
}
check "ExecStartPre creates the VM" unit ExecStartPre
check "ExecStart starts it" unit ExecStart
idle() { grep -q "guest: idle" /run/vh/*.log; }
n=0; until idle || [ $n = 200 ]; do usleep 200000; n=$((n + 1)); done
check "its guest boots" idle
check "ExecStop stops it" unit ExecStop
check "ExecStopPost removes it" unit ExecStopPost
check "nothing is left of it" [ "$(./vhctl ls -j)" = "[]" ]
check "the module unloads" rmmod vh
echo "$passed passed, $failed failed"
[ $failed = 0 ]
