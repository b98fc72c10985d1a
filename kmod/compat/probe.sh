#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# probe.sh HEADER SYMVERS COMPILER...: writes VH_HAVE_* for what of probes.c this compiler takes
set -eu
header=$1 symvers=$2
shift 2
source=${0%/*}/probes.c
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Warnings are no answer, but these are errors with the newest compilers only.
try() {
	name=$1; shift
	if "$@" -Wno-error -Werror=implicit-function-declaration -Werror=incompatible-pointer-types \
		-Werror=int-conversion "-DPROBE_$name" -DKBUILD_MODNAME='"vh"' -DKBUILD_BASENAME='"probes"' \
		-fsyntax-only -x c "$source" 2>"$work/$name.err"; then
		: >"$work/$name.yes"
	fi
}

try BASE "$@"
[ -e "$work/BASE.yes" ] || { cat "$work/BASE.err" >&2; exit 1; }
names=$(sed -n 's/^#ifdef PROBE_\([A-Z0-9_]*\).*/\1/p' "$source" | grep -vx BASE)
n=0
for name in $names; do
	try "$name" "$@" &
	n=$((n + 1))
	[ $((n % 4)) != 0 ] || wait
done
wait
{
	echo "/* made by probe.sh */"
	for name in $names; do
		[ ! -e "$work/$name.yes" ] || echo "#define VH_HAVE_$name"
	done
	# What only KVM's modules may use is declared for all; the export says so.
	[ ! -e "$symvers" ] || awk -F '\t' '
		BEGIN {
			have["cr4_update_irqsoff"] = "CR4_UPDATE"
			have["l1tf_mitigation"] = "L1TF_MITIGATION"
			have["mmio_stale_data_clear"] = "MMIO_STALE_DATA"
			have["clear_bhb_loop"] = "CLEAR_BHB_LOOP"
			have["x86_ibpb_exit_to_user"] = "IBPB_EXIT_TO_USER"
			have["smp_ops"] = "SMP_OPS"
			have["apic"] = "APIC"
			have["intel_pt_handle_vmx"] = "INTEL_PT_VMX"
			have["handle_guest_split_lock"] = "SPLIT_LOCK"
			have["do_machine_check"] = "DO_MACHINE_CHECK"
			have["perf_guest_get_msrs"] = "PERF_GUEST_MSRS"
		}
		$2 in have && $5 !~ /^module:/ { print "#define VH_HAVE_" have[$2] }' "$symvers"
} >"$work/header"
mv "$work/header" "$header"
