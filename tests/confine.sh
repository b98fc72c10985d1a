#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# confine.sh: who has broken into vhctl's VMM gets nowhere, in the lab
#
#   confine.sh [--kvm] [--module vh.ko] [--update] [LAB OPTIONS...]
#
# VMs with all kinds of devices, as root and as a user of group kvm: a process that traces the VMM makes each kind of
# its threads call what an intruder would; the filters of the threads are walked through, and let through what
# tests/confine/expected says, and nothing else; requests are put into the io_uring of a disk; rights,
# namespaces, root, descriptors and limits are looked at. A disk and networks that are plugged in are tried, too.
# Without confinement the same calls are made.
# --update: writes tests/confine/expected.
set -euo pipefail
cd "$(dirname "$0")/.."
update=
option() { [ "$1" = --update ] && update=yes; }
. tests/lib/vm-options.sh
make -s -C tests/confine
work=$PWD/build/confine
rm -rf "$work"
mkdir -p "$work/out"
{
	echo "device=$device"
	cat tests/lib/lab-check.sh tests/confine/lab.sh
} >"$work/script.sh"
status=0
tests/lab/lab run --timeout 1800 --modules tun,vhost_net --allow 'audit: type=1326' --out "$work/out" "${load[@]}" \
	--file build/vhctl/vhctl --file build/tests/confine/intruder --file build/tests/confine/kernel \
	--file build/tests/confine/off --file "$(command -v ip):ip" --file tests/confine/expected --file tests/confine/expected-share \
	--file /usr/lib/qemu/virtiofsd:/usr/lib/qemu/virtiofsd "$@" "$work/script.sh" || status=$?
[ -z "$update" ] || { cp "$work/out/list.root" tests/confine/expected; cp "$work/out/list.share" tests/confine/expected-share; }
exit $status
