#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# static.sh: the module is W=1 and sparse clean, also with its witnesses; the house's rules hold.
set -u
cd "$(dirname "$0")/.."
. tests/lib/check.sh
none() { ! grep -rnE "$@"; }	# no line matches

check "W=1 and sparse clean" tests/lib/module-variant C=1
check "the debug build too" tests/lib/module-variant VH_DEBUG=1
debug=$(tests/lib/module-variant VH_DEBUG=1 2>/dev/null)
check "every call and include goes down, but for those that docs/architecture.md lists" \
	tests/lib/floors.py "${debug%/*}"
# A file below that calls up, and a listed arrow that is gone, are found.
falls() {
	local tree=build/static-floors
	rm -rf "$tree" && mkdir -p "$tree" && cp -r kmod docs tests uapi "$tree/" || return 1
	sed -i '0,/^#include "/s//#include "..\/vmx\/vmx.h"\n&/' "$tree/kmod/irq/pic.c"
	! "$tree/tests/lib/floors.py" "${debug%/*}" >"$tree/up" && grep -q 'irq/pic.c .* includes up' "$tree/up" || return 1
	cp kmod/irq/pic.c "$tree/kmod/irq/"
	sed -i 's/`vh_window_run`/`vh_no_such_call`/' "$tree/docs/architecture.md"
	! "$tree/tests/lib/floors.py" "${debug%/*}" >"$tree/up" &&
		grep -q 'run/run.c .* calls up .*vh_window_run' "$tree/up" && grep -q 'does not call vh_no_such_call' "$tree/up"
}
check "and one that goes up would be found" falls
rm -rf build/static-floors
check "what the witnesses compare of the host's state is what docs/architecture.md promises" tests/lib/host-state.py
long() { git ls-files 'kmod/*.[chS]' 'tools/*.[chS]' 'tests/*.[chS]' | xargs wc -l | awk '$2 != "total" && $1 > 800 { print; bad = 1 } END { exit bad }'; }
check "no file has more than 800 lines" long
check "every source file has an SPDX line" bash -c \
	'! git ls-files "*.[chS]" "*.py" "*.sh" | xargs grep -L SPDX-License-Identifier | grep .'
# Where the kernel tracks contexts, RCU does not look at a CPU between the two calls of __ct_user_*().
# What they call is the kernel's own, and as careful.
untraced() {
	local module kdir copy=build/static-noinstr.o
	module=$(tests/lib/module-variant C=1) && kdir=$(scripts/deps --kdir) || return 1
	cp "${module%ko}o" $copy
	"$kdir/tools/objtool/objtool" --noinstr --link --module --hacks=jump_label --hacks=noinstr --uaccess $copy >$copy.log 2>&1 &&
		objdump -r -j .noinstr.text $copy | grep -q __ct_user_enter &&
		! objdump -r -j .text $copy | grep -E '__ct_user_(enter|exit)|\bvmx_enter(_mitigated)?-' | grep -v . &&
		! grep warning $copy.log | grep -vE 'call to (__ct_user_enter|__ct_user_exit|clear_bhb_loop)\(\) leaves'
}
check "nothing that can be traced between guest_enter and guest_exit (objtool)" untraced
check "kernel versions only in kmod/compat" none 'LINUX_VERSION_CODE|KERNEL_VERSION\(' kmod \
	--include='*.[chS]' --exclude-dir=compat
check "VMX instructions only in kmod/vmx" none 'vmread|vmwrite|vmlaunch|vmresume|vmptrld|vmclear' \
	kmod --include='*.[chS]' --exclude-dir=vmx --exclude=witness.h --exclude=break.c
check "no BUG() in the module" none '\bBUG(_ON)?\(' kmod --include='*.[ch]'
check "shell scripts parse" bash -c \
	'for f in $(find scripts -maxdepth 1 -type f) scripts/*/*.sh packaging/{dist,deb,rpm} tests/*.sh tests/check tests/*/*.sh tests/package/base tests/kernels/{root,build}; do bash -n $f || exit 1; done'
check "vhctl builds without warnings" make -s -C tools/vhctl O="$PWD/build/static-vhctl"
rm -rf build/static-vhctl
finish
