#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# matrix.sh [--only PATTERN] [--update]: vh on each CPU generation that the lab emulates
#
# On each model, in one boot of the host: vh loads, the exit guests run, a stock Debian kernel
# boots with 2 vCPUs, vh unloads; the same with ept=0 where there is EPT, and on those that deliver
# interrupts with apicv=0 and apicv=1. The newest models also on hosts with 6.12 and 7.2, whose vh.ko
# is built in folders of their distributions (needs root). What passed is compared with the table in
# docs/support.md; --update writes it there. Two models at a time. --table takes the verdicts of the
# last run.
set -u
cd "$(dirname "$0")/.."
only=. update= last=
while [ $# -gt 0 ]; do
	case $1 in
	--only) only=$2; shift 2 ;;
	--update) update=1; shift ;;
	--table) update=1 last=1; shift ;;
	*) sed -n '3,11s/^# \{0,1\}//p' "$0"; exit 2 ;;
	esac
done

cmdline="console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests rodata=off panic=-1 tsc_early_khz=100000"
# The slowest parts of a kernel's start that matter to no one here (tests/lab --trim).
cmdline="$cmdline initcall_blacklist=trace_eval_init,cubictcp_register,init_blk_tracer,init_kprobe_trace,load_system_certificate_list"
models="core2_penryn_t9600
corei5_lynnfield_750
corei5_arrandale_m520
corei7_sandy_bridge_2600k
corei7_ivy_bridge_3770k
corei7_haswell_4770
corei7_skylake_x
corei7_icelake_u
tigerlake
arrow_lake
sapphire_rapids"
no_ept=core2_penryn_t9600
newest="arrow_lake sapphire_rapids"

kernel=$(tests/lab/lab kernel 6.1)
tests/guest/mk-initramfs build/guest/initrd
make -s -C tests/guests
out=build/matrix
mkdir -p $out

# one MODEL MODE KERNEL: leaves $out/MODEL.MODE.KERNEL with lines "NAME: VERDICT"
one() {
	local model=$1 mode=$2 host=$3 params= script module=kmod/vh.ko log=$out/$1.$2.$3.log
	case $mode in
	shadow) params=ept=0 ;;
	apicv*) params=apicv=${mode#apicv} ;;
	esac
	if [ "$host" != 6.1 ]; then
		module=$out/$host/vh.ko
		[ -e "$module" ] || { echo "not ok - $model, $mode, $host: no module"; return; }
		host=linux-image-$(cat "$out/$host/release")
	fi
	script=$(mktemp)
	cat >"$script" <<END2
say() { echo "matrix: \$1: \$2"; }
failed=0
insmod ./vh.ko $params || { say load failed; exit 1; }
say load ok
vmx=\$(./vhctl check | sed -n 's/^[a-z]*  *vmx  *//p')
say vmx "\$vmx"
./guests --timeout 60 /dev/vh >/tmp/guests 2>&1 || { failed=1; grep -E '^not ok|^Bail' /tmp/guests; }
say guests "\$(sed -nE 's/^# [0-9]+ passed, 0 failed(, ([0-9]+) skipped)?/all pass, \\2 skipped/p' /tmp/guests | sed 's/,  skipped//')"
./vhctl run --kernel vmlinux --initrd initrd --memory 160M --cpus 2 \
	--cmdline '$cmdline' </dev/null >/tmp/out 2>&1
status=\$?
if [ \$status = 0 ] && grep -q "cpus 2," /tmp/out && grep -q "guest: done" /tmp/out; then
	say boot ok
else
	failed=1; say boot "failed with status \$status"; tail -n 20 /tmp/out
fi
rmmod vh && say unload ok || { failed=1; say unload failed; }
exit \$failed
END2
	# 2 CPUs: a vCPU that spins with interrupts off, as an AP does that waits for its turn, never
	# exits in bochs 2.7 without pause-loop exiting, and would keep the only CPU for ever.
	if tests/lab/lab run --cpus 2 --trim --timeout 900 --cpu "$model" --kernel "$host" \
		--file "$module:vh.ko" --file build/vhctl/vhctl \
		--file build/tests/guests/guests --file "$kernel/vmlinux:vmlinux" \
		--file build/guest/initrd:initrd "$script" >"$log" 2>&1; then
		echo "ok - $model, $mode, $3"
	else
		echo "not ok - $model, $mode, $3"
		grep -vE '^(matrix|lab):' "$log" | tail -n 25
	fi
	rm -f "$script"
}

combinations() {
	for model in $models; do
		[ $model = $no_ept ] || echo "$model ept 6.1"
		echo "$model shadow 6.1"
		[ $model != sapphire_rapids ] || printf '%s\n' "$model apicv0 6.1" "$model apicv1 6.1"
		[[ $newest != *$model* ]] || printf '%s\n' "$model ept 6.12" "$model ept 7.2"
	done | grep -E "$only"
}
export -f one
export out kernel cmdline
while [ -z "$last" ] && read -r host suite; do
	combinations | grep -q " $host\$" || continue
	mkdir -p $out/$host
	tests/kernels/build $suite amd64 $out/$host >$out/$host.build 2>&1 || { cat $out/$host.build; rm -f $out/$host/vh.ko; }
done <<'END2'
6.12 trixie
7.2 sid
END2
[ -n "$last" ] || combinations | xargs -P 2 -L 1 bash -c 'one "$@"' one | tee $out/verdicts
passed=$(grep -c '^ok ' $out/verdicts) failed=$(grep -c '^not ok ' $out/verdicts)

found() { sed -n "s/^matrix: $2: //p" "$out/$1.log" | tail -n 1; }
table() {
	echo "| CPU model (bochs) | host | of ept, unrestricted_guest, vpid, pml, apicv | exit guests | Debian, 2 vCPUs |"
	echo "|---|---|---|---|---|"
	combinations | while read -r model mode host; do
		echo "| $model | $host | $(found $model.$mode.$host vmx)$([ $mode != apicv1 ] || echo ' (apicv=1)') |" \
			"$(found $model.$mode.$host guests) | $(found $model.$mode.$host boot) |"
	done
}
if [ "$only" = . ]; then
	table >$out/table
	if tests/lib/doc-table ${update:+--update} docs/support.md matrix $out/table; then
		echo "ok - docs/support.md says what passed"
		passed=$((passed + 1))
	else
		echo "not ok - docs/support.md does not say what passed (tests/matrix.sh --update)"
		failed=$((failed + 1))
	fi
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
