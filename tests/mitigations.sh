#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# mitigations.sh [--module vh.ko] [LAB OPTIONS...]: what is done about processor weaknesses, where, and how often
#
# The module counts flushes, barriers and split pages; guests whose exits are known are run and the
# counts compared. On a CPU model with L1TF, MDS and iTLB multihit as the host's settings say, with
# single ones off, and with mitigations=off; on one with IBPB and branch history clearing. What must
# stand next to VM entry and exit is looked for in the module's code.
set -eu
cd "$(dirname "$0")/.."
module=kmod/vh.ko
if [ "${1-}" = --module ]; then module=$2; shift 2; fi
make -s -C tests/mitigations
make -s -C tests/guests
[ -e build/vhctl/vhctl ] || make -s vhctl >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat tests/lib/lab-check.sh - >"$work/common" <<'END2'
cd /p
# Off at boot where memory is short, as it is here.
echo always >/sys/kernel/mm/transparent_hugepage/enabled
says() { grep -qE "$2" /sys/module/vh/mitigations/$1 || { cat /sys/module/vh/mitigations/$1; false; }; }
quiet() { "$@" >/dev/null; }
param() { [ "$(cat /sys/module/vh/parameters/$1)" = $2 ]; }
count() { sed -n "s/^$1 //p" /sys/module/vh/mitigations/counts; }
# counted COUNTER FROM TO COMMAND...: how often it was done meanwhile
counted() {
	counter=$1 from=$2 to=$3; shift 3
	was=$(count $counter); "$@" >/tmp/out || return 1
	n=$(($(count $counter) - was))
	[ $n -ge $from ] && [ $n -le $to ] || { echo "# $counter: $n, not $from to $to"; false; }
}
split() { counted nx_split $1 $1 ./probe split && read data code again </tmp/out && echo "# EPT violations: $(cat /tmp/out)"; }
done_() { rmmod vh || failed=$((failed + 1)); echo "$passed passed, $failed failed"; [ $failed = 0 ]; }
END2
cat "$work/common" - >"$work/auto.sh" <<'END2'
insmod ./vh.ko
check "l1d_flush reads cond" param l1d_flush cond
check "nx_huge_pages reads on" param nx_huge_pages on
check "l1tf is mitigated" says l1tf "^Mitigation: L1D flush when the host has run, by software"
check "mds as far as the microcode goes" says mds "^Vulnerable: CPU buffers cleared at each entry, but the microcode"
check "spectre_v2: no IBPB here" says spectre_v2 "^Vulnerable: return stack filled at each exit; no IBPB"
check "itlb_multihit is mitigated" says itlb_multihit "^Mitigation"
check "no word where there is no weakness" says srbds "^Not affected"
check "the L1D is flushed for each exit to userspace" counted l1d_flush 2000 2200 ./probe out 2000
check "and for each turn of a VM" counted l1d_flush 400 500 ./probe turns 200
check "not for exits that never leave the window" counted l1d_flush 1 100 ./probe cpuid 20000
check "executed huge pages are split" split 2
check "the others stay whole, and so do the split" [ $data -le 8 -a $code -ge 2 -a $code -le 4 -a $again -le 6 ]
for pattern in pf tlb; do
	check "guests: $pattern" quiet ./guests --timeout 30 --only $pattern /dev/vh
done
./vhctl check | grep -E 'l1tf|mds|spectre|multihit'
check "vhctl check tells" eval './vhctl check | grep -qE "^ok +l1tf +Mitigation: L1D" && ./vhctl check | grep -qE "^warn +mds +Vulnerable: CPU"'
rmmod vh

insmod ./vh.ko l1d_flush=always
check "l1d_flush=always is in use" param l1d_flush always
check "at each entry" counted l1d_flush 3000 3200 ./probe cpuid 3000
rmmod vh
insmod ./vh.ko l1d_flush=never nx_huge_pages=off
check "l1d_flush=never is in use" param l1d_flush never
check "and the log warns" eval 'dmesg | grep -q "vh: l1d_flush=never: guests may read"'
check "no flush" counted l1d_flush 0 0 ./probe out 100
check "nx_huge_pages=off is in use" param nx_huge_pages off
check "nothing is split" split 0
check "huge pages stay whole" [ $data -le 8 -a $code = 0 -a $again = 0 ]
echo "ticks $(./probe cpuid 20000)"
rmmod vh
insmod ./vh.ko ept=0
check "without EPT no flush is needed" param l1d_flush never
check "and it is said why" says l1tf "^Mitigation: no EPT"
check "shadow tables execute from small pages" param nx_huge_pages on
for pattern in pf tlb; do
	check "guests without EPT: $pattern" quiet ./guests --timeout 30 --only $pattern /dev/vh
done
rmmod vh
check "a word that is none is refused" eval '! insmod ./vh.ko l1d_flush=sometimes 2>/dev/null'
insmod ./vh.ko
done_
END2
cat "$work/common" - >"$work/single.sh" <<'END2'
insmod ./vh.ko
check "l1tf=full: always" param l1d_flush always
check "mds=off: no word of clearing" says mds "^Vulnerable$"
rmmod vh
insmod ./vh.ko l1d_flush=never
echo "ticks $(./probe cpuid 20000)"
done_
END2
cat "$work/common" - >"$work/off.sh" <<'END2'
insmod ./vh.ko
check "l1d_flush reads never" param l1d_flush never
check "nx_huge_pages reads off" param nx_huge_pages off
for w in l1tf mds spectre_v2 itlb_multihit vmscape; do check "$w: vulnerable" says $w "^Vulnerable"; done
check "no flush" counted l1d_flush 0 0 ./probe out 100
check "no barrier" counted ibpb 0 0 ./probe turns 10
check "no split" split 0
done_
END2
cat "$work/common" - >"$work/ibpb.sh" <<'END2'
insmod ./vh.ko
check "l1tf: not affected" says l1tf "^Not affected"
check "no flush where there is no L1TF" counted l1d_flush 0 0 ./probe out 100
check "mds is mitigated" says mds "^Mitigation: CPU buffers cleared at each entry"
check "bhi is mitigated" says branch_history_injection "^Mitigation: branch history cleared"
check "spectre_v2 is mitigated" says spectre_v2 "^Mitigation: return stack filled at each exit, IBPB between vCPUs"
check "a barrier for each turn of another VM" counted ibpb 400 420 ./probe turns 200
check "none while one VM has the CPU" counted ibpb 0 5 ./probe out 400
for pattern in pf msr; do
	check "guests: $pattern" quiet ./guests --timeout 30 --only $pattern /dev/vh
done
done_
END2
passed=0 failed=0
ok() { passed=$((passed + 1)); echo "ok - $1"; }
bad() { failed=$((failed + 1)); echo "not ok - $1"; }
run() { # NAME LAB OPTIONS...
	local name=$1 p f; shift
	echo "# $name"
	tests/lab/lab run --trim --timeout 900 --file "$module:vh.ko" --file build/tests/mitigations/probe \
		--file build/tests/guests/guests --file build/vhctl/vhctl "$@" "$work/$name.sh" \
		>"$work/$name" 2>&1 || true
	cat "$work/$name"
	read -r p f <<<"$(grep -oE '^[0-9]+ passed, [0-9]+ failed' "$work/$name" | tail -n 1 | tr -dc '0-9 ')"
	grep -q "^=== $name.sh: passed" "$work/$name" || [ "${f:-0}" != 0 ] || f=1
	passed=$((passed + ${p:-0})) failed=$((failed + ${f:-1}))
}
run auto --append mitigations=auto "$@"
run single --append "mitigations=auto l1tf=full mds=off tsx_async_abort=off mmio_stale_data=off" "$@"
run off "$@"
run ibpb --cpu tigerlake --append mitigations=auto "$@"

# VERW, and nothing else, adds its one instruction to an exit.
ticks() { sed -n 's/^ticks //p' "$work/$1" | tail -n 1; }
if [ "$(ticks auto)" = $(($(ticks single) + 1)) ]; then
	ok "VERW is executed at each entry: $(ticks single) instructions without, $(ticks auto) with it"
else
	bad "VERW at each entry: $(ticks single) instructions without, $(ticks auto) with it"
fi

# Between the last register loaded for the guest and the entry there is VERW of memory and no other access to it.
objdump -d --no-show-raw-insn "$module" >"$work/code"
between=$(sed -n '/<vmx_enter_mitigated>:/,/vmresume/p' "$work/code" |
	sed -n '/mov .*0x38(%rdi),%rdi/,$p' | sed 1d | awk '{ print $2 }' | tr '\n' ' ')
if [ "$between" = "je verw jb vmlaunch mov jmp vmresume " ] && grep -q 'verw .*(%rip)' "$work/code"; then
	ok "VERW of memory is the last before VMLAUNCH and VMRESUME"
else
	bad "VERW of memory is the last before VMLAUNCH and VMRESUME: $between"
fi
# After an exit, what the kernel patches for its features comes before any RET, CALL or indirect jump.
after=$(sed -n '/<vmx_exit_label_mitigated>:/,/^$/p' "$work/code" | grep -nE 'wrmsr' | head -n 1 | cut -d: -f1)
first=$(sed -n '/<vmx_exit_label_mitigated>:/,/^$/p' "$work/code" | grep -nE '\bret|call|jmp +\*' | head -n 1 | cut -d: -f1)
if [ -n "$after" ] && { [ -z "$first" ] || [ "$first" -gt "$after" ]; }; then
	ok "no RET or CALL between an exit and the return stack's filling"
else
	bad "no RET or CALL between an exit and the return stack's filling: lines $first, $after"
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
