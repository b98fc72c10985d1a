# SPDX-License-Identifier: GPL-2.0-only
# In the lab, before a suite's own: vhctl's VMs. vm, of the suite, runs one in the foreground; $vm is one in the background.
says() { # SECONDS PATTERN [FILE]: in the VM's output, before long
	local n=0 most=$(($1 * 10)) file=${3:-said}
	until grep -q -- "$2" $file; do
		n=$((n + 1))
		[ $n -lt $most ] && [ -e /proc/$vm ] || { grep -q -- "$2" $file || { tail -n 20 $file; return 1; }; return; }
		usleep 100000
	done
}
# The VMM of $vm: its first child
vmm() { set -- $(cat /proc/$vm/task/$vm/children); echo ${1-$vm}; }
ends() { # STATUS [COMMAND...]: so it ends; without one the VM
	local want=$1 status=0
	shift
	[ $# != 0 ] || set -- wait $vm
	"$@" || status=$?
	[ $status = $want ] || { echo "status $status"; return 1; }
}
refused() { # WORDS OPTIONS...
	local words=$1
	shift
	! vm "$@" >refused 2>&1 && grep -q -- "$words" refused || { cat refused; return 1; }
}
sum() { dd if=$1 bs=64k skip=$2 count=$3 2>/dev/null | md5sum; } # FILE FROM COUNT, in 64-KiB pieces
