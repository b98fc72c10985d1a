#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bench.sh: what a VM of vhctl's costs beside two of QEMU's (microvm, q35), with one guest, on vh, in one boot of the lab
#
#   bench.sh [LAB OPTIONS...]
#
# start, guest, host, vmm: millions of instructions from exec to the guest's first program; of them the guest's own, the
# host's, and of these the VMM's (as the timer samples it). resident: KiB beyond the guest's memory. file-, device-: instructions of all, guest and
# host, for a request to a disk, which is a file in memory, or a block device in memory without a cache.
# Status 1 if a figure is above its limit.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "${1-}" != --help ] || { sed -n '3,10s/^# \{0,1\}//p' "$0"; exit 0; }
make -s -C tests/work
out=$PWD/build/work-bench
rm -rf "$out"
mkdir -p "$out/rom"
cp -L /usr/bin/qemu-system-x86_64 "$out/qemu.bin"
cp -L /usr/share/seabios/{bios-256k,bios-microvm}.bin /usr/share/qemu/{kvmvapic,linuxboot_dma,pvh}.bin "$out/rom"
kernel=$(tests/lab/lab kernel 6.1)
tests/vmm/initrd --guest tests/work/speed-guest.sh --with build/tests/work/speed "$out/initrd" "$kernel" \
	virtio_pci virtio_mmio virtio_blk
cp tests/work/bench-lab.sh "$out/script.sh"
tests/lab/lab run --timeout 900 --mem 768 --modules brd --file kmod/vh.ko --file build/vhctl/vhctl --file "$out/qemu.bin" \
	--file "$out/rom" --file "$kernel/vmlinux" --file "$out/initrd" "$@" "$out/script.sh" >"$out/log" || { tail -n 40 "$out/log"; exit 1; }
awk '
	NF == 3 && $3 ~ /^-?[0-9]+$/ { f[$1, $2] = $3; if (!seen[$2]++) rows[n++] = $2 }
	function limit(row, factor, base) { want[row] = factor * f[base, row] }
	END {
		limit("start", 1, "microvm")
		for (i = 0; i < n; i++)
			if (rows[i] ~ /^(file|device)-/)
				limit(rows[i], 1, "microvm")
		want["resident"] = 5120
		want["vmm"] = 0.05 * f["vhctl", "guest"]
		limit("host", 0.5, "microvm")
		printf "%-18s %10s %10s %10s %10s\n", "row", "vhctl", "microvm", "q35", "limit"
		for (i = 0; i < n; i++) {
			r = rows[i]
			bad = r in want && f["vhctl", r] > want[r]
			over += bad
			printf "%-18s %10d %10d %10d %10s%s\n", r, f["vhctl", r], f["microvm", r], f["q35", r], r in want ? int(want[r]) : "-",
			       bad ? "  EXCEEDED" : ""
		}
		printf "%d passed, %d failed\n", n - over, over
		exit over > 0 || n < 13
	}' "$out/log"
