#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# package.sh [--rpm]: the packages in a Debian of their own: install, kernel upgrade, upgrade, purge
#
# The Debian is a chroot without network in a tmpfs (2 GB), which nobody else sees. What DKMS built
# there boots a guest in the lab. With --rpm the RPM of the module is installed there as well. Needs root.
set -u
cd "$(dirname "$0")/.." || exit 1
if [ -z "${VH_OWN_MOUNTS:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "package.sh: needs root" >&2; exit 1; }
	scripts/deps --packaging || exit 1
	VH_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"
fi
rpm=
[ "${1:-}" != --rpm ] || rpm=yes
work=$PWD/build/package
root=$work/root
mkdir -p "$root"
trap 'kill $(jobs -p) 2>/dev/null' EXIT
. tests/lib/check.sh
must() { local n=$failed; check "$@"; [ $failed = "$n" ] || finish; }	# nothing works without
inside() {	# SCRIPT: in the chroot, without network
	unshare --net chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C \
		DEBIAN_FRONTEND=noninteractive bash -euc "$1"
}
apt() { inside "cd /srv; apt-get install -y --no-install-recommends $*"; }

# --- two kernels: NEW is the lab's, OLD another one ---
kernel=$(tests/lab/lab kernel 6.1) || exit 1
new=$(cat "$kernel/release")
old=$(apt-cache search --names-only '^linux-headers-6\.1\.0-[0-9]+-amd64$' | sed 's/ .*//; s/^linux-headers-//' |
	sort -V | grep -vx "$new" | tail -n 1)
: "${old:=${new%-amd64}-cloud-amd64}"

# --- build ---
version=$(cat kmod/VERSION)
next=$version.1
mount -t tmpfs -o size=2G,mode=755 none "$root" || exit 1
TMPDIR=$root tests/package/base "$work" "$old" "$new" >"$work/base.name" 2>"$work/base.log" &
base=$!
must "Debian packages build" packaging/deb "$work/deb"
must "and those of a next version" packaging/deb "$work/next" "$next"
check "lintian is silent" lintian --allow-root --info --display-info --pedantic --fail-on error,warning,info,pedantic \
	"$work/deb/vh_${version}_amd64.changes"
tarball=vh-$version.tar.xz
again() {
	rm -rf "$work/again" && mkdir "$work/again" && tar -C "$work/again" -xf "$work/deb/$tarball" &&
		make -s -C "$work/again/vh-$version" dist && cmp "$work/again/vh-$version/build/dist/$tarball" "$work/deb/$tarball"
}
check "a source tarball makes the same source tarball" again
check "RPM packages build from it" make -s rpm
# shellcheck disable=SC2046
check "rpmlint is silent" rpmlint -r packaging/vh.rpmlintrc $(find build/rpm -name "vh*-$version-*.rpm")

wait $base
status=$?
must "a Debian with DKMS and the headers of $old" test $status = 0
rm -rf "${root:?}"/*
tar -C "$root" -xf "$(cat "$work/base.name")" --exclude='./dev/*' || exit 1
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sys "$root/sys"
for node in null zero full random urandom tty; do
	: >"$root/dev/$node"
	mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir -p "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=666 pts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/srv/deb" "$root/srv/next" "$root/srv/rpm"
cp "$work/deb"/*.deb "$root/srv/deb/"
cp "$work/next"/*.deb "$root/srv/next/"
rm "$root"/srv/*/*-dbgsym_*
# Where this machine runs one of the two kernels, its packages think that it is this one.
case $(uname -r) in "$old" | "$new") echo autoinstall_all_kernels=yes >"$root/etc/dkms/framework.conf.d/all.conf" ;; esac
# All files but what belongs to dpkg, depmod, the headers, and DKMS's signing key.
listing() {
	(cd "$root" && find . -xdev | grep -vE '^./(proc|sys|dev|tmp|srv|run|var/(log|cache|lib/dpkg|lib/apt))(/|$)' |
		grep -vE '^./usr/(src|share/doc)/linux-|/lib/modules/[^/]*(/modules\.[^/]*|/build|/source)?$|^./var/lib/dkms/mok\.' | sort)
}

# built KERNEL VERSION: DKMS has this version, and no other, for the kernel
built() {
	local ko
	ko=$(find "$root/lib/modules/$1/" -name 'vh.ko*')
	[ "$(wc -l <<<"$ko")" = 1 ] && [[ $ko == */updates/dkms/vh.ko* ]] || { echo "modules: $ko"; return 1; }
	inside "dkms status -k $1"
	[ "$(inside "dkms status -k $1" | grep -o 'vh/[^,]*, .*')" = "vh/$2, $1, x86_64: installed" ] &&
		[ "$(inside "modinfo -k $1 -F version vh")" = "$2" ] &&
		[[ $(inside "modinfo -k $1 -F vermagic vh") == "$1 "* ]]
}
not_built() { ! inside "dkms status -k $1" | grep -E 'built|installed' && ! find "$root/lib/modules/" -path "*/$1/*" -name 'vh.ko*' | grep .; }

# --- install ---
listing >"$work/before"
must "the packages install, beside a running $(uname -r)" apt "./deb/*.deb"
check "DKMS built vh for $old" built "$old" "$version"
check "and signed it with its key" test "$(inside "modinfo -k $old -F signer vh")" = "DKMS module signing key"
check "group kvm is there" inside "getent group kvm"
check "udev takes the rule" inside "udevadm test --action=add /devices/virtual/mem/null >/tmp/udev 2>&1 || :
	grep -q 'Reading rules file.*60-vh.rules' /tmp/udev; ! grep '60-vh.rules:[0-9]' /tmp/udev"
check "vh is loaded at boot" inside "systemd-analyze cat-config modules-load.d | grep -x vh"
check "systemd takes the unit" inside "touch /etc/vh/web.conf; systemd-analyze verify --man=no vh@web.service; rm /etc/vh/web.conf"
check "systemd takes the drop-in of the examples" inside "cd /etc/systemd/system; mkdir vmm.service.d
	printf '[Service]\nExecStart=/bin/true\n' >vmm.service; cp /usr/share/doc/vhctl/examples/kvm-is-vh.conf vmm.service.d
	systemd-analyze verify --man=no vmm.service; rm -r vmm.service vmm.service.d"
check "vhctl runs" test "$(inside 'vhctl version')" = "vhctl $version"$'\n'"vh.ko not loaded"
check "vhctl takes the description of the examples" inside "! vhctl config check /usr/share/doc/vhctl/examples/example.conf 2>/tmp/said
	! grep -v ': No such file or directory' /tmp/said"
check "bash completes it" inside ". /usr/share/bash-completion/completions/vhctl
	COMP_WORDS=(vhctl metr) COMP_CWORD=1; _vhctl; [ \"\${COMPREPLY[*]}\" = metrics ]"
check "header, manuals and documents are there" inside "cd /usr/share
	ls ../include/linux/vh.h man/man8/vhctl.8.gz man/man8/vhctl-image.8.gz man/man5/vh.conf.5.gz man/man4/vh.4.gz man/man7/vh-netlink.7.gz doc/vh-doc/uapi.md"

# --- kernels come ---
must "the headers of $new install" apt "./linux-*.deb"
check "DKMS built vh for $new by itself" built "$new" "$version"
check "and keeps that of $old" built "$old" "$version"
# As the package of a kernel image does before it goes.
gone() { inside "/etc/kernel/prerm.d/dkms $old; apt-get purge -y linux-headers-$old" && not_built "$old" && built "$new" "$version"; }
check "when $old goes, its module goes too" gone
fake() {	# KERNEL [OPTION VALUE]: headers as the package of KERNEL would leave them
	mkdir -p "$root/lib/modules/$1" "$root/srv/$1/include"
	grep -v "^${2:-none}=" "$root/usr/src/linux-headers-$new/.config" >"$root/srv/$1/.config"
	[ $# = 1 ] || echo "$2=$3" >>"$root/srv/$1/.config"
	ln -s "/srv/$1" "$root/lib/modules/$1/build"
}
refused() {	# KERNEL: asked to, DKMS does not build for it
	local status=0
	inside "dkms build -m vh -v $version -k $1" || status=$?
	[ $status = 77 ]
}
excluded() { # KERNEL: its package is content, nothing is built, and asked to, DKMS refuses
	inside "/etc/kernel/header_postinst.d/dkms $1" && not_built "$1" && refused "$1"
}
fake 5.10.0-1-amd64
check "a kernel that is too old is left alone" excluded 5.10.0-1-amd64
fake 6.1.0-1-odd-amd64 CONFIG_MMU_NOTIFIER n
check "DKMS refuses a kernel without what vh needs" refused 6.1.0-1-odd-amd64
rm -r "$root"/lib/modules/{5.10.0-1-amd64,6.1.0-1-odd-amd64}

# --- the lab, while the chroot goes on ---
rm -rf "$work/lab" && mkdir "$work/lab"
cp "$root/lib/modules/$new"/updates/dkms/vh.ko* "$work/lab/"
if [ -e "$work/lab/vh.ko.xz" ]; then unxz "$work/lab/vh.ko.xz"; fi
cp "$root/usr/sbin/vhctl" "$root/usr/lib/systemd/system/vh@.service" "$work/lab/"
{ echo "version=$version"; cat tests/package/lab.sh; } >"$work/lab/dkms-module.sh"
tests/guest/mk-initramfs "$work/lab/initrd"
tests/lab/lab run --timeout 400 --file "$work/lab/vh.ko" --file "$work/lab/vhctl" --file "$work/lab/vh@.service" \
	--file "$kernel/vmlinux:vmlinux" --file "$work/lab/initrd" "$work/lab/dkms-module.sh" >"$work/lab/log" 2>&1 &
lab=$!

# --- upgrade, purge ---
must "the packages upgrade to $next" apt "./next/*.deb"
check "DKMS built the new version for $new" built "$new" "$next"
check "of the old version nothing is left" bash -c "! find '$root'/usr/src/vh-* '$root'/var/lib/dkms/vh -path '*$version*' ! -path '*$next*' | grep ."
check "they purge" inside "apt-get purge -y vh-dkms vhctl vh-dev vh-doc"
clean() { listing | diff "$work/before" -; }
check "and leave nothing" clean

# --- the RPM package of the module, with Debian's DKMS ---
if [ -n "$rpm" ]; then
	cp build/rpm/RPMS/*/vh*.rpm "$root/srv/rpm/"
	check "the RPM packages install" inside "rpm -i --nodeps /srv/rpm/vh*.rpm"
	check "DKMS built vh for $new" built "$new" "$version"
	check "RPM packages of the next version build" make -s -C "$work/next/vh-$version" dist rpm NODEPS=1
	rm "$root"/srv/rpm/*
	cp "$work/next/vh-$version"/build/rpm/RPMS/*/vh*.rpm "$root/srv/rpm/"
	check "they upgrade" inside "rpm -U --nodeps /srv/rpm/vh*.rpm"
	check "DKMS built the new version for $new" built "$new" "$next"
	check "they erase" inside "rpm -e --nodeps vh-dkms vhctl vh-devel"
	# Directories of other packages, as an RPM distribution has, and rpm's own records may stay.
	no_more() {
		! listing | diff "$work/before" - | sed -n 's/^> //p' |
			while read -r f; do [ -d "$root/$f" ] || echo "$f"; done | grep -v '/\.rpmdb/'
	}
	check "and leave nothing" no_more
fi

wait $lab
status=$?
grep -aE '^(ok|not ok) - |^===' "$work/lab/log"
counts=$(grep -aoE '[0-9]+ passed, [0-9]+ failed' "$work/lab/log" | tail -n 1)
read -r p _ f _ <<<"${counts:-0 passed, 0 failed}"
passed=$((passed + p)) failed=$((failed + f))
[ $status = 0 ] && [ "$p" != 0 ] || { [ "$f" != 0 ] || failed=$((failed + 1)); tail -n 30 "$work/lab/log"; }
finish
