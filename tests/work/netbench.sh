#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# netbench.sh: what networks of a VM of vhctl's cost beside two of QEMU's (microvm, q35), on vh, in one boot of the lab
#
#   netbench.sh [LAB OPTIONS...]
#
# tap-: a tap by vhost_net; user-: passt, with QEMU its own (slirp), to another network namespace. Instructions of all,
# guest and host, for a MiB that the guest sends by TCP or receives, and for a byte that is answered by one.
# Status 1 if a figure is above its limit.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "${1-}" != --help ] || { sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 0; }
make -s -C tests/work
out=$PWD/build/work-netbench
rm -rf "$out"
mkdir -p "$out/rom"
cp -L /usr/bin/qemu-system-x86_64 "$out/qemu.bin"
cp -L /usr/share/seabios/{bios-256k,bios-microvm}.bin /usr/share/qemu/{kvmvapic,linuxboot_dma,pvh}.bin "$out/rom"
kernel=$(tests/lab/lab kernel 6.1)
tests/vmm/initrd --guest tests/work/netspeed-guest.sh --with build/tests/work/netspeed "$out/initrd" "$kernel" \
	virtio_pci virtio_mmio virtio_net
cat tests/work/outside.sh tests/work/netbench-lab.sh >"$out/script.sh"
passt=()
for program in /usr/bin/passt /usr/bin/passt.avx2; do [ ! -e $program ] || passt+=(--file "$program:$program"); done
tests/lab/lab run --timeout 900 --mem 768 --modules tun,vhost_net,veth --file kmod/vh.ko --file build/vhctl/vhctl \
	--file "$out/qemu.bin" --file "$out/rom" --file "$kernel/vmlinux" --file "$out/initrd" --file build/tests/work/netspeed \
	--file "$(command -v ip):ip" "${passt[@]}" "$@" "$out/script.sh" >"$out/log" || { tail -n 40 "$out/log"; exit 1; }
# passt is a process of its own: a byte on its way costs two more switches than in QEMU, a MiB none that count.
awk '
	NF == 3 && $3 ~ /^[0-9]+$/ { f[$1, $2] = $3; if (!seen[$2]++) rows[n++] = $2 }
	END {
		printf "%-18s %10s %10s %10s %10s\n", "row", "vhctl", "microvm", "q35", "limit"
		for (i = 0; i < n; i++) {
			r = rows[i]
			want = f["microvm", r] * (r == "user-answer" ? 1.25 : 1)
			bad = f["vhctl", r] > want
			over += bad
			printf "%-18s %10d %10d %10d %10d%s\n", r, f["vhctl", r], f["microvm", r], f["q35", r], want, bad ? "  EXCEEDED" : ""
		}
		printf "%d passed, %d failed\n", n - over, over
		exit over > 0 || n < 6
	}' "$out/log"
