#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# image-build.sh: a recipe is carried out on an image, in a VM, in the lab: a Debian gets a package by its network, files, commands
#
#   image-build.sh [--kvm] [--module vh.ko] [LAB OPTIONS...]
#
# The image is that of 'make demo'.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib/vm-options.sh
make -s -C tools/vhctl O="$PWD/build/vhctl"
work=$PWD/build/work/image-build
rm -rf "$work"
mkdir -p "$work/repo" "$work/deb/DEBIAN" "$work/deb/usr/bin"
VH_STORE=$PWD/build/demo/$(cat scripts/demo-image/* | md5sum | cut -c1-12)
export VH_STORE
mkdir -p "$VH_STORE"
build/vhctl/vhctl image show debian >/dev/null 2>&1 || build/vhctl/vhctl image build scripts/demo-image/debian.recipe debian

# An archive with one package, whose script asks whether a service may be started.
cat >"$work/deb/DEBIAN/control" <<'END'
Package: greeting
Version: 1.0
Architecture: all
Maintainer: Nobody <nobody@example.org>
Description: says good day
END
cat >"$work/deb/DEBIAN/postinst" <<'END'
#!/bin/sh
/usr/sbin/policy-rc.d greeting start
echo "policy $?" >/etc/greeting
END
printf '#!/bin/sh\necho good day\n' >"$work/deb/usr/bin/greeting"
chmod 755 "$work/deb/usr/bin/greeting" "$work/deb/DEBIAN/postinst"
dpkg-deb --build --root-owner-group "$work/deb" "$work/repo/greeting.deb" >/dev/null
{
	cat "$work/deb/DEBIAN/control"
	echo "Filename: ./greeting.deb"
	echo "Size: $(stat -c %s "$work/repo/greeting.deb")"
	echo "SHA256: $(sha256sum <"$work/repo/greeting.deb" | cut -d' ' -f1)"
} >"$work/repo/Packages"
{
	echo "device=$device"
	cat tests/lib/lab-check.sh tests/work/outside.sh tests/work/image-build-lab.sh
} >"$work/script.sh"
files=()
for program in qemu-storage-daemon qemu-img; do files+=(--file "$(readlink -f "$(command -v $program)"):/usr/bin/$program"); done
for program in tar cp find dash; do files+=(--file "$(command -v $program):bin/$program"); done
for program in /usr/bin/passt /usr/bin/passt.avx2; do
	[ ! -e $program ] || files+=(--file "$program:$program")
done
tests/lab/lab run --timeout 1200 --mem 1024 --modules tun,veth "${load[@]}" --file build/vhctl/vhctl --file "$(command -v ip):ip" \
	--file "$VH_STORE:store" --file "$work/repo" "${files[@]}" "$@" "$work/script.sh"
