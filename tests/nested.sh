#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# nested.sh: vh in a VM: the lab's host runs KVM, on it a stock Debian kernel (L1), and there vh, with suites
#
#   nested.sh [--suite guests|abi|paging|netlink|boot]... [--only PATTERN] [--skip PATTERN] [--param ept=0]
#             [--seed N] [--rounds N] [--vcpus N] [--module FILE] [--kernel 6.1|6.12|7.2] [--host-param NAME=VALUE] [LAB OPTIONS...]
#   nested.sh --bites
#
# Suites in one VM (guests), whose vh gets these parameters; --host-param is for the KVM below (ept=0).
# A time limit of a suite is three times what it is in the lab: an exit takes KVM 10 to 40 of its own.
# What either kernel reports is a failure. --bites: modules that leave out one invalidation fail there.
set -u
cd "$(dirname "$0")/.."
suites=() own=() params=() vcpus=1 module= kernel=6.1 host_params= bites=
while [ $# -gt 0 ]; do
	case $1 in
	--suite) suites+=("$2"); shift 2 ;;
	--only | --skip | --seed | --rounds) own+=("$1" "$2"); shift 2 ;;
	--param) params+=("$1" "$2"); shift 2 ;;
	--vcpus) vcpus=$2; shift 2 ;;
	--module) module=$2; shift 2 ;;
	--kernel) kernel=$2; shift 2 ;;
	--host-param) host_params="$host_params $2"; shift 2 ;;
	--bites) bites=yes; shift ;;
	--help) sed -n '3,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) break ;;
	esac
done
: "${module:=kmod/vh.ko}"
[ ${#suites[@]} != 0 ] || suites=(guests)
. tests/lib/suites.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
folder=$(tests/lab/lab kernel "$kernel") || exit 1

suites_new "$work/suites"
for name in "${suites[@]}"; do
	case $name in
	guests | abi | netlink | paging) suite "$name" "tests/$name/run.sh" --module "$module" "${params[@]}" "${own[@]}" ;;
	*) echo "nested.sh: no suite '$name'" >&2; exit 2 ;;
	esac || exit 1
done
tests/nested/mk-initramfs "$work/initrd" "$folder" "${suites_names[@]/#/$suites_dir/}" || exit 1

cmdline="console=ttyS0 loglevel=5 nokaslr mitigations=off cryptomgr.notests rodata=off panic=-1 tsc_early_khz=100000"
cmdline="$cmdline initcall_blacklist=trace_eval_init,cubictcp_register,init_blk_tracer,init_kprobe_trace"
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
tests/lab/lab run --trim --mem 1536 --timeout 1500 --cpus "$vcpus" --kernel "$folder" --file build/vhctl/vhctl \
	--file "$folder/vmlinux:vmlinux" --file "$work/initrd:initrd" "$@" "$work/nested.sh" 2>&1 | tee "$suites_dir/log"
suites_end "${PIPESTATUS[0]}"
