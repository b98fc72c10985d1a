# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# For tests/systems/run.sh and the entries that it reads. An entry says:
#
#   system	the system, for the table
#   goes	what it goes through, for the table
#   make()	makes its files in the current folder
#   start	what the host does in that folder: "pc MACHINE QEMU-ARGUMENTS", or any command
#   says	what the console has to say, one line of text after the other (~ and an extended regular
#		expression); when it has said all of them the run is over
#   never	what it may not say (extended regular expression)
#   types	lines "TEXT|KEYS": when the console has said TEXT, KEYS are typed
#   limit	seconds of the host's time
#   ways_not	the ways that it does not run, and why_not, what the table says there
#   fails	the ways that it is known to fail; docs/guests.md says why

top=$PWD tree=$PWD/build/systems/packages

# package NAME...: unpacks Debian packages, without installing them, to $tree/NAME
package() {
	local name
	for name; do
		[ -e "$tree/$name/.complete" ] || unpack "$name" "$tree/$name" "$name" -o APT::Sandbox::User=root
	done
}

# unpack NAME FOLDER PACKAGE APT-OPTIONS...
unpack() {
	local name=$1 folder=$2 package=$3 work
	shift 3
	work=$(mktemp -d)
	rm -rf "${folder:?}"
	mkdir -p "$folder"
	# lists that are older than the archive name files that it has no more
	(cd "$work" && { apt-get "$@" download -qq "$package" ||
		{ apt-get "$@" update -qq; apt-get "$@" download -qq "$package"; }; } >&2) &&
		dpkg-deb -x "$work"/*.deb "$folder" && touch "$folder/.complete" ||
		{ rm -rf "$work"; echo "systems: the package $name cannot be had" >&2; return 1; }
	rm -rf "$work"
}

# i386 PATTERN: unpacks the newest package of Debian's 32-bit archive whose name that is, and prints the folder
i386() {
	local place=$tree/i386 options name
	options=(-o APT::Architecture=i386 -o APT::Architectures=i386 -o "Dir::State::Lists=$place/lists"
		-o "Dir::Cache=$place/cache" -o "Dir::Etc::SourceList=$place/sources"
		-o Dir::Etc::SourceParts=/dev/null -o Acquire::Languages=none
		-o Acquire::Check-Valid-Until=false -o APT::Sandbox::User=root)
	mkdir -p "$place/lists/partial" "$place/cache/archives/partial"
	if [ ! -e "$place/.complete" ]; then
		"$top/tests/lib/apt-sources" bookworm "$place"
		# of what the machine follows some part may be gone; what matters is that the packages come
		apt-get "${options[@]}" update -qq >&2 || true
		touch "$place/.complete"
	fi
	name=$(apt-cache "${options[@]}" pkgnames "${1%%[[]*}" | grep -xE -- "$1" | sort -V | tail -n 1)
	[ -n "$name" ] || { echo "systems: the 32-bit archive has no $1" >&2; return 1; }
	[ -e "$place/$name/.complete" ] || unpack "$name" "$place/$name" "$name" "${options[@]}" || return 1
	echo "$place/$name"
}

# vmlinux BZIMAGE OUT: the uncompressed kernel of a bzImage
vmlinux() {
	PYTHONPATH=$top/tests/lab python3 -c '
import pathlib, sys
from labkit.kernel import _unpack_vmlinux
_unpack_vmlinux(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))' "$1" "$2"
}

# fat DISK KILOBYTES [FROM TO]...: a disk that is one FAT file system, with these files
fat() {
	local disk=$1 size=$2
	shift 2
	package mtools dosfstools
	rm -f "$disk"
	truncate -s "${size}K" "$disk"
	"$tree/dosfstools/sbin/mkfs.fat" $([ "$size" -gt 1440 ] && echo -F 16) "$disk" >/dev/null
	while [ $# -gt 0 ]; do
		mtools_run mcopy -i "$disk" "$1" "::$2"
		shift 2
	done
}

# mtools_run PROGRAM ARGUMENTS...
mtools_run() {
	PATH=$tree/mtools/usr/bin:$PATH MTOOLS_SKIP_CHECK=1 "$@"
}

# efi_disk GRUB-ARCH NAME ARCH: a disk whose EFI/BOOT/NAME.EFI is GRUB, which starts memtest86+
efi_disk() {
	printf '%s\n' 'serial --unit=0 --speed=115200' 'terminal_output serial' 'echo "systems: GRUB runs on $grub_platform"' \
		'linux /memtest console=ttyS0,115200 nopause nobench' 'echo "systems: kernel loaded"' boot >grub.cfg
	grub-mkimage -d "$tree"/grub-efi-*-bin/usr/lib/grub/"$1-efi" -O "$1-efi" -p / -c grub.cfg -o boot.efi \
		fat serial terminal echo normal linux boot
	fat disk 10240
	mtools_run mmd -i disk ::EFI ::EFI/BOOT
	mtools_run mcopy -i disk boot.efi ::EFI/BOOT/"$2.EFI"
	mtools_run mcopy -i disk "$tree/memtest86+/boot/memtest86+$3.efi" ::memtest
}
