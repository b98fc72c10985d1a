#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# nested.sh: vh in a VM: the lab's host (L0) runs KVM, on it a stock Debian kernel (L1), and there vh, with suites
#
#   nested.sh [--suite guests|abi|paging|netlink|boot[:PATTERN]]... [--only PATTERN] [--skip PATTERN]
#             [--param ept=0] [--host-param NAME=VALUE] [--vcpus N] [--module FILE] [--kernel 6.1|6.12|7.2]
#             [--seed N] [--rounds N] [--modes 4level,...] [--table [--update]] [LAB OPTIONS...]
#   nested.sh --bites
#
# The suites (guests) run one after the other in one VM, with the parameters for its vh; --host-param is for
# the KVM below (ept=0). boot: the same Debian once more, on vh. PATTERN: of this suite only the cases that match.
# --seed, --rounds and --modes are paging's.
# A case has the time that it has in the lab, in emulated seconds; all of it 1500 s of wall time.
# What either kernel reports is a failure. --table: what passes is held against what this kernel's row in the table
# of docs/nested.md says, if it says something; --update writes it there. --bites: modules that leave out one
# invalidation are found (docs/nested.md).
set -u
cd "$(dirname "$0")/.."
suites=() own=() walks=() params=() vcpus=1 module= kernel=6.1 host_params= bites= table= update=
while [ $# -gt 0 ]; do
	case $1 in
	--suite) suites+=("$2"); shift 2 ;;
	--only | --skip) own+=("$1" "$2"); shift 2 ;;
	--seed | --rounds | --modes) walks+=("$1" "$2"); shift 2 ;;
	--param) params+=("$1" "$2"); shift 2 ;;
	--host-param) host_params="$host_params $2"; shift 2 ;;
	--vcpus) vcpus=$2; shift 2 ;;
	--module) module=$2; shift 2 ;;
	--kernel) kernel=$2; shift 2 ;;
	--bites) bites=yes; shift ;;
	--table) table=yes; shift ;;
	--update) update=--update; shift ;;
	--help) sed -n '3,17s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) break ;;
	esac
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Each module lacks one instruction: the tests that fail with it pass with the whole one.
if [ -n "$bites" ]; then
	. tests/lib/check.sh
	variant() { tests/lib/module-variant "$@"; }
	# fails CASE COMMAND...: that case does, and the run comes to its end
	fails() {
		local name=$1; shift
		"$@" >"$work/bite" 2>&1 && { echo "passed:"; cat "$work/bite"; return 1; }
		grep -qE "^not ok [0-9]+ $name:" "$work/bite" && grep -q '^nested: done' "$work/bite" && return
		cat "$work/bite"; return 1
	}
	invept="tests/nested.sh --suite abi --only memory-dirty*"
	vmclear="tests/nested.sh --suite abi --only host-moves --vcpus 2"
	check "pages whose rights were taken away, in a VM" $invept
	check "without INVEPT they fail" fails memory-dirty-log $invept --module "$(variant VH_BREAK=invept)"
	check "a vCPU that moves, in a VM" $vmclear
	check "without VMCLEAR it fails" fails host-moves $vmclear --module "$(variant VH_BREAK=vmclear)"
	invvpid="tests/nested.sh --suite paging --host-param ept=0 --seed 2 --rounds 4 --modes 4level"
	check "a guest that changes its tables, in a VM without EPT on KVM without" $invvpid
	check "without INVVPID it fails" fails "4level, seed [0-9]*, 2 vCPUs" \
		$invvpid --module "$(variant VH_BREAK=invvpid)"
	finish
fi

# The row of the table that this run has something to say about.
mode=EPT
case " ${params[*]} " in *" ept=0 "*) mode=ept=0 ;; esac
row="| $kernel | $mode | $vcpus |"

# The kernel, the same on both floors, and its vh.ko.
cpu=()
case $kernel in
6.12 | 7.2)
	built=$PWD/build/nested/$kernel
	distribution=trixie
	# 7.2 does not start on the lab's default model (docs/lab.md)
	[ "$kernel" = 6.12 ] || { distribution=sid; cpu=(--cpu corei7_haswell_4770); }
	tests/kernels/build $distribution amd64 "$built" >"$work/build" 2>&1 || { cat "$work/build"; exit 1; }
	: "${module:=$built/vh.ko}"
	kernel=linux-image-$(cat "$built/release")
	;;
esac
: "${module:=kmod/vh.ko}"
folder=$(tests/lab/lab kernel "$kernel") || exit 1

# The slowest parts of a kernel's start that matter to no one here (tests/lab --trim). The TSC is not held
# against ticks, some of which L1 may lose: without it time would go by in steps of 4 ms.
cmdline="console=ttyS0 loglevel=5 nokaslr mitigations=off cryptomgr.notests rodata=off panic=-1 tsc_early_khz=100000"
cmdline="$cmdline tsc=reliable"
cmdline="$cmdline initcall_blacklist=trace_eval_init,cubictcp_register,init_blk_tracer,init_kprobe_trace"

# Debian as the guest of the guest.
boot() {
	tests/guest/mk-initramfs "$work/guest" || return 1
	[ ${#params[@]} = 0 ] || given=$(printf '%s\n' "${params[@]}" | grep -v -- --param | tr '\n' ' ')
	cat >"$suites_dir/boot.sh" <<END2
insmod ./vh.ko ${given-} || exit 2
./vhctl run --kernel vmlinux --initrd guest --memory 160M --cpus $vcpus --cmdline '$cmdline quiet vhtest=boot' \\
	</dev/null >/tmp/out 2>&1
status=\$?
cat /tmp/out
if [ \$status = 0 ] && grep -q "guest: cpus $vcpus," /tmp/out && grep -q "guest: done" /tmp/out && rmmod vh; then
	echo "1 passed, 0 failed"
else
	echo "not ok - Debian boots: status \$status"; echo "0 passed, 1 failed"; exit 1
fi
END2
	printf '%s\n' --file "$module:vh.ko" --file build/vhctl/vhctl --file "$folder/vmlinux:vmlinux" \
		--file "$work/guest:guest" >"$suites_dir/boot.options"
	suites_names+=(boot)
}

. tests/lib/suites.sh
suites_new "$work/suites"
[ ${#suites[@]} != 0 ] || suites=(guests)
for name in "${suites[@]}"; do
	more=("${own[@]}")
	[ "$name" = "${name#*:}" ] || more+=(--only "${name#*:}")
	name=${name%%:*}
	# A guest's timer of 200 us is 20,000 instructions, and so is what KVM needs for one exit of a guest's
	# guest: a periodic one leaves it no time at all. On silicon a second has more instructions.
	[ "$name" != abi ] || more+=(--skip hostile-lapic-timer)
	[ "$name" != paging ] || more=("${walks[@]}")
	case $name in
	boot) boot ;;
	guests | abi | netlink | paging)
		suite "$name" "tests/$name/run.sh" --module "$module" "${params[@]}" "${more[@]}" ;;
	*) echo "nested.sh: no suite '$name'" >&2; exit 2 ;;
	esac || exit 1
done
tests/nested/mk-initramfs "$work/initrd" "$folder" "${suites_names[@]/#/$suites_dir/}" || exit 1

cat >"$work/nested.sh" <<END2
modprobe kvm-intel nested=1 $host_params || exit 2
{
	./vhctl run --device /dev/kvm --kernel vmlinux --initrd initrd --memory 768M --cpus $vcpus \\
		--cmdline '$cmdline' </dev/null 2>&1
	echo \$? >/tmp/status
} | tr -d '\\r'
status=\$(cat /tmp/status)
[ "\$status" = 0 ] || echo "nested: vhctl run ended with status \$status"
exit \$status
END2
tests/lab/lab run --trim --mem 1536 --timeout 1500 --cpus "$vcpus" --kernel "$folder" "${cpu[@]}" \
	--file build/vhctl/vhctl --file "$folder/vmlinux:vmlinux" --file "$work/initrd:initrd" "$@" "$work/nested.sh" 2>&1 | tee "$suites_dir/log"
status=${PIPESTATUS[0]}

# The table as it is, but in this row what has now been seen of the suites that ran.
if [ -n "$table" ]; then
	awk -v row="$row" -v update="$update" -v counts="$(suites_counts | tr '\n' ';')" '
		function cell(failed, skipped) {
			return failed ? "**" failed " fail**" : skipped ? "pass, " skipped " skipped" : "pass"
		}
		BEGIN {
			for (n = split(counts, line, ";") - 1; n; n--) {
				split(line[n], c, " ")
				seen[c[1]] = cell(c[3], c[4])
			}
			split("- - - guests boot paging abi netlink", column, " ")
		}
		$0 == "<!-- end -->" { on = 0 }
		on && index($0, row) == 1 {
			count = split($0, was, / *\| */)
			$0 = row
			for (n = 4; n < count - 1; n++)
				$0 = $0 " " ((update || was[n + 1] != "not run") && column[n] in seen ? seen[column[n]] : was[n + 1]) " |"
			found = 1
		}
		on
		$0 == "<!-- begin: nested -->" { on = 1 }
		END { exit !found }' docs/nested.md >"$work/table" || { echo "nested.sh: no row '$row'" >&2; exit 1; }
	tests/lib/doc-table $update docs/nested.md nested "$work/table" || { echo "not ok - docs/nested.md"; status=1; }
fi
suites_end "$status"
