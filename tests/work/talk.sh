# SPDX-License-Identifier: GPL-2.0-only
# In the lab, before a suite's own: a VM whose guest does what its console says (tests/work/obey.sh); $cmdline is its own
# A VM called web in the background, $vm, whose console's input is descriptor 9
begin() { begin_by '' "$@"; }
begin_by() { # COMMAND OPTIONS...: by a command, whose output is its own affair
	local by=$1
	shift
	rm -f in said
	mkfifo in
	: >said
	$by ./vhctl run --name web --kernel vmlinux --initrd initrd --memory 256M --cmdline "$cmdline $append" "$@" <in >>said 2>&1 &
	vm=$!
	exec 9>in
	check "the guest begins" says 100 "guest: ready"
}
tell() { echo "$*" >&9; }
guest() { # NAME COMMAND...: succeeds in the guest
	local name=$1
	shift
	tell "tells '$name' $*"
	check "guest: $name" works "$name"
}
works() { says 100 "guest: $1 [wF][oA]" && grep -q "guest: $1 works" said || { grep -A 20 "guest: $1 FAILS" said; return 1; }; }
closes() { # STATUS: it has no more input, and ends so
	exec 9>&-
	ends $1 || { tail -n 20 said; return 1; }
}
off() { tell "poweroff -f"; check "it powers off" closes 0; }
refused() { # WORDS ARGUMENTS...: of vhctl
	local words=$1
	shift
	! ./vhctl "$@" </dev/null >refused 2>&1 && grep -q -- "$words" refused || { cat refused; return 1; }
}
