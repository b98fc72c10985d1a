#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# image.sh: vhctl image, on this machine: a new user's walk, contents, strangers, peers, kills
#
#   image.sh [--kills N] [--only REGEX] [--update]
#
# What is the same on every run of the walk is compared with tests/image/golden; --update writes it
# anew. --kills: so many commands are killed at a random moment (10).
set -u
cd "$(dirname "$0")/.."
. tests/lib/check.sh
kills=10 only= update= skipped=0
while [ $# -gt 0 ]; do
	case $1 in
	--kills) kills=$2; shift 2 ;;
	--only) only=$2; shift 2 ;;
	--update) update=yes; shift ;;
	*) sed -n '3,8s/^# \{0,1\}//p' "$0"; exit 2 ;;
	esac
done
top=$PWD
make -s -C tools/vhctl O="$top/build/vhctl" && make -s -C tests/image || exit 1
unset VH_SSH XDG_DATA_HOME
mkdir -p build
# On the file system of the tree, for a store of root's to be immutable; its users get to it.
work=$(mktemp -d "$top/build/image.XXXXXX")
chmod 755 "$work"
cd "$work" || exit 1
cleanup() {
	cd "$top" || exit 1
	[ "$(id -u)" != 0 ] || chattr -R -i "$work" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
# Built anew meanwhile, they stay.
mkdir bin && cp "$top/build/vhctl/vhctl" "$top/build/tests/image/hold" bin/ || exit 1
export VH_STORE=$work/store PATH=$work/bin:$PATH

skip() { skipped=$((skipped + 1)); echo "ok - $1 # SKIP $2"; }
part() { [[ $1 =~ $only ]]; }
image() { vhctl image "$@"; }
# fails TEXT COMMAND...: with status 1, and says it
fails() {
	local text=$1 status=0; shift
	"$@" >said 2>&1 </dev/null || status=$?
	cat said
	[ $status = 1 ] && grep -qF -- "$text" said
}
disk() { image show -j "$1" | jq -r .disk; }
field() { image show -j "$1" | jq -r ".$2"; }
whole() { image verify && [ -z "$(ls "$VH_STORE/tmp")" ]; }
# The content of an image, to the guest.
content() { qemu-img convert -f qcow2 -O raw "$(disk "$1")" content.raw && sha256sum <content.raw; }
poke() { qemu-io -f qcow2 -c "write -P $2 $3" "$(disk "$1")" >/dev/null; }
no_strays() { image gc -n -j | jq -e 'length == 0' >/dev/null; }

# Random data, with holes.
head -c 2M /dev/urandom >disk.raw
truncate -s 24M disk.raw
head -c 1M /dev/urandom | dd of=disk.raw bs=1M seek=20 conv=notrunc status=none

if part walk; then
	mkdir walk
	cp disk.raw walk/debian.img
	cd walk || exit 1
	export VH_STORE=store
	mask() { sed -E 's/[0-9a-f]{64}/SHA256/g; s/\b[0-9a-f]{12}\b/ID/g; s/[0-9]{4}-[0-9-]+T[0-9:]+Z/DATE/
		s/(a|an|[0-9]+) (second|minute)s? ago/AGO/g; s/  now  /  AGO  /; s/^(used +).*/\1N/
		s/(sealed|writable)(.*) [0-9.]+[KM]$/\1\2 USED/; s/^(file.* )[0-9.]+K/\1N/;
			s/^[0-9.]+K (would|freed)/N \1/; s/  +/  /g; s/ +$//; s,'"$work"',DIR,g'; }
	golden() { echo "\$ vhctl $*" >>../golden; vhctl "$@" </dev/null >o 2>&1; s=$?; mask <o >>../golden; echo "=> $s" >>../golden; }
	golden image --help; golden image; golden image frobnicate
	for c in ls show import build export new commit flatten resize tag rm diff verify gc push pull serve seed; do
		golden image $c --help
	done
	golden image ls; golden image import; golden image import none.img; golden image import debian.img "Big Name"
	golden image import debian.img; golden image ls; golden image show debian
	golden image tag debian debian:12; golden image ls
	golden image new web; golden image new web --from nothing; golden image new web --from debian --size 1M
	golden image new web --from debian --size 64M --cmdline 'console=ttyS0 root=/dev/vda1' --memory 1G --cpus 2 --label owner=me
	golden image new web --from debian
	golden image show web; golden image diff web
	poke web 7 "1M 100k"
	golden image diff web; golden image diff -x web; golden image diff -j web
	golden image rm debian:12; golden image rm debian; golden image resize web --size 10M
	golden image resize web --size 128M
	golden image resize debian --size 1G; golden image commit debian
	golden image commit web web:v1 --label version=1; golden image ls; golden image ls -q nothing
	golden image ls web
	golden image new more --from web; golden image export web:v1 out.qcow2; golden image export web:v1 out.qcow2
	golden image flatten web:v1; golden image ls -a; golden image tag debian web; golden image verify
	golden image commit web; golden image rm web; golden image ls; golden image gc -n; golden image gc
	golden image gc
	golden image ls -a; golden image rm web:v1 debian:12 debian nothing; golden image ls -j
	golden image seed; golden image seed s.img; golden image seed s.img --ssh-key debian.img
	export VH_STORE=$work/store
	cd ..
	if [ -n "$update" ]; then
		cp golden "$top/tests/image/golden"
	else
		check "a new user's walk is as in tests/image/golden" diff -u "$top/tests/image/golden" golden
	fi
fi

if part content; then
	formats() {
		for f in raw qcow2 vmdk vhdx vdi; do
			qemu-img convert -f raw -O $f disk.raw in.$f && image import in.$f $f && content $f >got &&
				[ "$(cat got)" = "$(sha256sum <disk.raw)" ] || { echo "$f"; return 1; }
			image export $f out.$f && qemu-img convert -f $f -O raw out.$f back.raw &&
				cmp back.raw disk.raw || { echo "out $f"; return 1; }
		done
		image export -z qcow2 small.qcow2 && [ "$(stat -c %s small.qcow2)" -le "$(stat -c %s out.qcow2)" ] &&
			image export raw - | cmp - disk.raw && fails "is there already" image export raw out.raw &&
			image export -F raw out.raw && fails "No such file" image export raw none/x
	}
	check "every format in and out" formats
	packed() {
		for c in gzip xz zstd bzip2; do
			$c -c <disk.raw >packed && image import packed packed-$c && content packed-$c >got &&
				[ "$(cat got)" = "$(sha256sum <disk.raw)" ] || { echo "$c"; return 1; }
		done
		xz -c disk.raw | image import - piped && content piped >got &&
			[ "$(cat got)" = "$(sha256sum <disk.raw)" ] &&
			{ ! gzip -c packed | image import - twice; }
	}
	check "compressed, and from standard input" packed
	chain() {
		image import disk.raw base && image new a --from base --size 64M && poke a 1 "0 64k" &&
			poke a 2 "40M 1M" &&
			content a >before && image commit a a:1 && poke a 3 "5M 1M" && image commit a a:2 &&
				poke a 4 "6M 64k" &&
			content a >now && content a:1 >one && cmp one before && ! cmp -s now before &&
			[ "$(field a:2 base)" = a:1 ] && [ "$(field a:1 parent)" = "$(field base id)" ] || return 1
		content a:2 >two && image flatten a:2 && content a:2 >flat && cmp two flat &&
			[ "$(field a:2 parent)" = null ] &&
			image flatten a && content a >flat && cmp now flat && [ "$(field a state)" = writable ] &&
			poke a 5 "7M 64k" && image commit a && [ "$(field a state)" = sealed ] && image verify
	}
	check "overlays, commits and flattening keep what is in them" chain
	sealed() {
		local d; d=$(disk base)
		[ "$(stat -c %a "$d")" = 444 ] &&
			! qemu-io -f qcow2 -c 'write 0 512' "$d" 2>/dev/null | grep -q wrote || return 1
		[ "$(id -u)" = 0 ] || ! { : >>"$d"; } 2>/dev/null
	}
	if [ "$(id -u)" != 0 ] || lsattr "$(disk base)" | grep -q '^....i'; then
		check "nobody writes a sealed disk" sealed
	else
		skip "nobody writes a sealed disk" "this file system has no immutable attribute"
	fi
	rules() {
		image import --label l=1 disk.raw lone && image new p --from lone && image tag lone other &&
			fails "is writable" image new q --from p && fails "is a writable image" image tag lone p &&
			fails "is a writable image" image import disk.raw p &&
				fails "is there already" image new p --from lone &&
			image rm other && fails "p:latest stands on it" image rm lone && image new q --from lone &&
			fails "p:latest and 1 more stand on it" image rm lone && image rm p q lone &&
				! image ls | grep -E "^(lone|p|q|other) "
	}
	check "rm, tag, import and new lose nothing" rules
	check "the store is whole, and nothing is left over" whole
	check "gc finds what has no name, and nothing else" eval 'image gc >/dev/null && no_strays && image verify'
fi

if part root; then
	mkdir -p tree/{boot,etc,tmp,dev,sbin}
	echo "secret of the host" >secret
	echo kernel-9 >tree/boot/vmlinuz-6.1.0-9; echo kernel-10 >tree/boot/vmlinuz-6.1.0-10
	echo initrd-10 >tree/boot/initrd.img-6.1.0-10; echo name >tree/etc/hostname; echo x >tree/sbin/su
	ln -s "$work/secret" tree/etc/link
	chmod 4755 tree/sbin/su; chmod 1777 tree/tmp
	tar -C tree --owner=33 --group=34 --numeric-owner -cf tree.tar .
	stat_of() { debugfs -R "stat $2" "$1" 2>/dev/null | tr -s ' ' | grep -E 'Type|User' | tr '\n' ' '; }
	ext4() { image export -F "$1" root.raw && e2fsck -fn root.raw; }
	root() {	# IMAGE OWNER
		ext4 "$1" && stat_of root.raw /etc/hostname | tee o && grep -q "User: $2" o &&
			stat_of root.raw /sbin/su | grep 'Mode: 04755' &&
			stat_of root.raw /tmp | grep 'Mode: 01777' && stat_of root.raw /etc/link | grep symlink &&
			[ "$(cat "$VH_STORE/files/sha256-$(field "$1" kernel)")" = kernel-10 ] &&
			[ "$(cat "$VH_STORE/files/sha256-$(field "$1" initrd)")" = initrd-10 ] &&
			[ "$(field "$1" cmdline)" = "console=ttyS0 root=/dev/vda rw" ]
	}
	check "a directory becomes ext4, with its kernel" eval 'image import tree tree && root tree 0'
	check "an archive, with its owners" eval 'xz -c tree.tar | image import - tar && root tar 33'
	check "of a size" eval 'image import --size 100M tree small && ext4 small &&
		[ "$(field small size)" = 104857600 ] && \
		fails "MiB of files" image import --size 1M tree none'
	check "and with another kernel" eval 'image import tree --kernel disk.raw --cmdline x other &&
		[ "$(field other initrd)" = null ] && \
		[ "$(field other kernel)" = "$(sha256sum <disk.raw | cut -c1-64)" ] && [ "$(field other cmdline)" = x ]'
	# What an archive would do to the host.
	evil() {
		local s; s=$(cat secret)
		python3 - "$work" <<'PY'
import io, sys, tarfile
work = sys.argv[1]
t = tarfile.open("evil.tar", "w")
def add(name, kind, link="", data=b""):
    i = tarfile.TarInfo(name)
    i.type, i.linkname, i.size = kind, link, len(data)
    t.addfile(i, io.BytesIO(data))
add("boot", tarfile.DIRTYPE)
add("out", tarfile.SYMTYPE, work)
add("out/written", tarfile.REGTYPE, data=b"by an archive")
add("../dotdot", tarfile.REGTYPE, data=b"by an archive")
add(work + "/absolute", tarfile.REGTYPE, data=b"by an archive")
t.close()
t = tarfile.open("evil2.tar", "w")
add("boot", tarfile.DIRTYPE)
add("boot/vmlinuz", tarfile.SYMTYPE, work + "/secret")
add("etc", tarfile.SYMTYPE, "../../../../../../../../" + work)
add("x", tarfile.SYMTYPE, work + "/secret")
t.close()
t = tarfile.open("evil3.tar", "w")
add("hard", tarfile.LNKTYPE, work + "/secret")
t.close()
PY
		image import evil.tar evil1; image import evil2.tar evil2; image import evil3.tar evil3
		[ ! -e written ] && [ ! -e dotdot ] && [ ! -e absolute ] && [ ! -e "$VH_STORE/tmp/dotdot" ] &&
			[ "$(cat secret)" = "$s" ] &&
			! grep -rq "secret of the host" "$VH_STORE" && [ "$(field evil2 kernel)" = null ]
	}
	check "an archive neither writes nor reads the host's files" evil
	linked() {
		mkdir -p evil/boot && ln -s "$work/secret" evil/boot/vmlinuz && ln -s "$work/secret" evil/x &&
			image import evil evil &&
			[ "$(field evil kernel)" = null ] && ! grep -rq "secret of the host" "$VH_STORE"
	}
	check "nor does a directory" linked
	if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
		mkdir -m 700 user && chown nobody user
		as_user=(setpriv --reuid nobody --regid nogroup --clear-groups env HOME="$work/user" VH_STORE="$work/user/store")
		user() { "${as_user[@]}" "$@"; }
		without() {
			user vhctl image import tree tree && user vhctl image import tree.tar tar &&
				user vhctl image verify &&
				user vhctl image export tar user/root.raw &&
					stat_of user/root.raw /etc/hostname | tee o && grep -q "User: 33 Group: 34" o &&
				stat_of user/root.raw /sbin/su | grep -q 'Mode: 04755' &&
					user vhctl image export tree user/tree.raw &&
				stat_of user/tree.raw /etc/hostname | grep -q "User: 0 Group: 0" &&
					user vhctl image rm tar &&
				fails "is another user's" vhctl image --store user/store ls
		}
		check "without root: owners of an archive, root of a directory" without
		left() {
			local n
			head -c 200M /dev/zero >tree/large && tar -C tree -cf large.tar . && rm tree/large || return 1
			(exec "${as_user[@]}" vhctl image import large.tar large) &
			sleep 0.4
			kill -9 $!
			wait $!
			[ $? = 137 ] || return 1
			for n in $(seq 50); do
				pgrep -u nobody -r R,S,D -f "$work/user/store|vhctl image import large" ||
					[ -n "$(ls user/store/tmp)" ] || return 0
				sleep 0.1
			done
			return 1
		}
		check "killed while it unpacks: no process and no file is left" left
	else
		skip "without root: owners of an archive, root of a directory" "this is not root"
		skip "killed while it unpacks: no process and no file is left" "this is not root"
	fi
	check "the store is whole" whole
fi

if part build; then
	mkdir -p recipes/over/opt/app tmp fake && chmod 1777 tmp
	echo hello >recipes/over/opt/app/file && ln -s file recipes/over/opt/app/link && echo key >recipes/key
	cat >recipes/wrong.recipe <<-'END'
		suite = book worm
		packages = $(id)
		file = none /etc/x
		file = key /etc/../x
		file = over / 644
		frob = 1
		size = 1
		size = 1G
		memory = 1
		cpus = 99
		label = x y
		nonsense
		base = De bian
		run =
		mirror = nowhere
	END
	mistakes() {
		local n
		fails wrong.recipe:1: image build recipes/wrong.recipe || return 1
		for n in $(seq 15); do
			[ "$(grep -c "^vhctl: recipes/wrong.recipe:$n: " said)" = 1 ] || { echo "line $n"; return 1; }
		done
		grep -q "unknown key 'frob': want suite" said && grep -q "recipes/none: No such file" said &&
			echo "size = 1G" >recipes/none.recipe && fails "says no suite" image build recipes/none.recipe &&
			fails "No such file" image build nowhere.recipe && fails "is no recipe" image build disk.raw x &&
			[ -z "$(ls tmp)" ]
	}
	check "a recipe's mistakes are told, each with its line" mistakes
	printf 'suite = bookworm\n\npackages = one two\nrun = true\nrun = make all\n' >recipes/short.recipe
	# mmdebstrap's part: $FAKE
	printf '#!/bin/bash\neval "$FAKE" >&2\n' >fake/mmdebstrap && chmod 755 fake/mmdebstrap
	pretend() { PATH=$work/fake:$PATH TMPDIR=$work/tmp FAKE=$1 image build recipes/short.recipe; }
	no_rest() { [ -z "$(ls tmp)" ] && whole; }
	told() {
		fails "recipes/short.recipe:5: run: 'make all' failed" pretend \
			'echo "I: busy"; echo "vh-build-line 4"; echo "vh-build-line 5"; echo -e "no\e[2Jrule"; exit 25' || return 1
		grep -q "^| no?\[2Jrule" said && ! grep -q busy said && no_rest &&
			fails "recipes/short.recipe:3: packages: bookworm has no package 'two'" pretend \
				'echo "E: Unable to locate package two"; exit 100' && no_rest &&
			fails "it is in Debian's package mmdebstrap" pretend 'exit 127' && no_rest
	}
	check "a command that fails, and a package that is not there" told
	stopped() {
		local n pid
		PATH=$work/fake:$PATH TMPDIR=$work/tmp FAKE='mkdir -p $TMPDIR/tree/x; echo >$TMPDIR/tree/x/file; echo >started; sleep 1000' \
			vhctl image build recipes/short.recipe &
		pid=$!
		for n in $(seq 100); do [ -e started ] && break; sleep 0.1; done
		kill -9 $pid
		wait $pid
		for n in $(seq 100); do no_rest >/dev/null && ! pgrep -f "$work/fake/mmdebstrap" >/dev/null && return; sleep 0.1; done
		ls -R tmp "$VH_STORE/tmp"
		return 1
	}
	check "killed while it builds: no process and no file is left" stopped
	cat >recipes/small.recipe <<-'END'
		# Debian, with little on it
		suite = bookworm
		packages = busybox
		file = over /
		file = key /root/key 600
		run = test "$(cat /root/key)" = key && echo "it's $(id -u)" >/etc/built
		run = chown 33:34 /opt/app/file; echo more >>/etc/built
		size = 1G
		label = role=test
	END
	built() { # [WITH]: with that before each command
		$1 vhctl image export small - >built.raw &&
			for f in /etc/built /opt/app/file /root/key; do debugfs -R "cat $f" built.raw 2>/dev/null; done >o &&
			printf "it's 0\nmore\nhello\nkey\n" | diff o - &&
			debugfs -R "stat /root/key" built.raw 2>/dev/null | grep -q "Mode:  0600" &&
			debugfs -R "stat /opt/app/file" built.raw 2>/dev/null | tr -s " " | grep -q "User: 33 Group: 34" &&
			debugfs -R "stat /root" built.raw 2>/dev/null | grep -q "Mode:  0700" &&
			debugfs -R "stat /opt/app/link" built.raw 2>/dev/null | grep -q 'Fast link dest: "file"' &&
			debugfs -R "stat /bin/busybox" built.raw 2>&1 | grep -q "Type: regular" &&
			! debugfs -R "stat /.vh-build" built.raw 2>&1 | grep -q Inode: &&
			$1 vhctl image show -j small | jq -e '.labels.role == "test" and .size == 1073741824' >/dev/null
	}
	builds() { TMPDIR=$work/tmp $1 vhctl image build "$2"; } # WITH RECIPE
	# Who has ids to give away: the other half of this needs them, and both wait for the network most of the time.
	owner=$(while IFS=: read -r name _; do [ "$name" = root ] || { id "$name" >/dev/null 2>&1 && echo "$name"; }; done </etc/subuid | head -n 1)
	half=
	if [ "$(id -u)" = 0 ] && [ -n "$owner" ] && command -v newuidmap >/dev/null; then
		mkdir -m 700 owner && cp -r recipes owner/ && chown -R "$owner": owner
		owner() { setpriv --reuid "$owner" --regid "$(id -g "$owner")" --clear-groups env HOME="$work/owner" VH_STORE="$work/owner/store" "$@"; }
		builds owner "$work/owner/recipes/small.recipe" >owner.log 2>&1 &
		half=$!
	fi
	check "a Debian, with packages, files and commands" builds "" recipes/small.recipe
	check "has all of it" built ""
	if [ -n "$half" ]; then
		status=0
		wait $half || status=$?
		cat owner.log
		check "the same of a user" [ $status = 0 ]
		check "has the same" built owner
	else
		skip "the same of a user" "this is not root, or nobody has ids in /etc/subuid, or no newuidmap"
	fi
	check "nothing else is left" no_rest
fi

if part strangers; then
	echo "secret of the host" >secret
	truncate -s 1M secret
	refused() {	# TEXT FILE
		fails "$1" image import "$2" hostile && ! image ls hostile | grep -q hostile &&
			! grep -rq "secret of the host" "$VH_STORE"
	}
	qemu-img create -q -f qcow2 -u -F raw -b "$work/secret" backed.qcow2 1M
	check "a qcow2 file with a backing file is refused" refused "stands on another file" backed.qcow2
	cp backed.qcow2 backed.raw
	check "also when it is called raw" refused "stands on another file" backed.raw
	check "also when it is in a compressed stream" eval 'gzip -c backed.raw >backed.raw.gz;
		refused "stands on another file" backed.raw.gz'
	check "who says that it is raw has its bytes, and none of the other's" eval \
		'image import -f raw backed.raw said && content said >got &&
			[ "$(cat got)" = "$({ cat backed.raw;
				head -c $((($(stat -c %s backed.raw) + 511) / 512 * 512 - $(stat -c %s backed.raw))) /dev/zero; } | sha256sum)" ]'
	qemu-img create -q -f qcow2 -o data_file=data.raw,data_file_raw=on data.qcow2 1M
	check "one with a data file is refused" refused "keeps its data in another file" data.qcow2
	python3 - <<'PY'
d = bytearray(open("data.qcow2", "rb").read())
d[79] &= ~4		# the feature is not said, the name is there
open("data2.qcow2", "wb").write(d)
PY
	check "also when only its name is there" refused "keeps its data in another file" data2.qcow2
	qemu-img create -q -f vmdk -o subformat=monolithicFlat flat.vmdk 1M
	sed -i "s,flat-flat.vmdk,$work/secret," flat.vmdk
	check "a vmdk that names files is refused" refused "only names other files" flat.vmdk
	qemu-img create -q -f vmdk ok.vmdk 1M && qemu-img create -q -f vmdk -b ok.vmdk -F vmdk child.vmdk
	check "one with a parent is refused" refused "stands on another file" child.vmdk
	python3 - "$work/secret" <<'PY'
import struct, sys
d = bytearray(open("ok.vmdk", "rb").read())
text = f'# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 2048 FLAT "{sys.argv[1]}" 0\n'
d[12:20] = bytes(8)	# no capacity: it is a descriptor
d[28:36] = struct.pack("<Q", 1)
d[36:44] = struct.pack("<Q", 20)
d[512:512 + len(text)] = text.encode()
open("text.vmdk", "wb").write(d)
PY
	check "one that hides a list of files in itself is refused" refused "only names other files" text.vmdk
	check "an encrypted one is refused" eval 'qemu-img create -q -f qcow2 enc.qcow2 1M;
		printf "\2" | dd of=enc.qcow2 bs=1 seek=35 conv=notrunc status=none; refused "is encrypted" enc.qcow2'
	check "garbage is refused" eval 'printf "QFI\xfb" >g.qcow2; head -c 100000 /dev/urandom >>g.qcow2;
		refused g.qcow2 g.qcow2'
	check "a FIFO is refused" eval 'mkfifo fifo; timeout 10 vhctl image import fifo 2>&1 | grep "neither a file"'
	check "an empty file is refused" eval ': >empty; refused "is empty" empty'
	rewritten() {	# a VMM that was broken into writes its disk's header
		image import --label l=2 disk.raw under && image new over --from under && poke over 1 "0 64k" &&
			qemu-img rebase -u -f qcow2 -F raw -b "$work/secret" "$(disk over)" || return 1
		local c
		for c in "export over x.raw" "flatten over" "diff over" "commit over" "commit over over:1"; do
			fails "stand on" image $c || return 1
		done
		! hold attach over </dev/null && ! image verify over && [ ! -e x.raw ] && ! ls .x.raw.* &&
			image rm over under
	}
	check "a disk whose header was made to name another file is not opened" rewritten
	confined() {
		[ "$(hold confine secret "$work/secret" | sha256sum)" = "$(sha256sum <secret)" ] &&
			! hold confine "$work/secret" "$work/disk.raw" &&
			! hold confine /etc/passwd "$work/secret"
	}
	# landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)
	if python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).syscall(444, None, 0, 1) < 1)'; then
		check "programs read what they are given, and nothing else" confined
	else
		skip "programs read what they are given, and nothing else" "this kernel has no Landlock"
	fi
	check "a store that others may write to is refused" eval 'mkdir -m 777 open;
		fails "others may write" image --store open ls'
	check "the store is whole" whole
fi

if part peers; then
	cat >ssh <<'END'
#!/bin/sh
# ssh HOST COMMAND: the host is a directory; what goes there is kept
host=$1; shift
tee "$REMOTES/sent" | VH_STORE=$REMOTES/$host sh -c "$*"
END
	chmod +x ssh
	export REMOTES=$work/remotes VH_SSH=$work/ssh
	mkdir remotes
	there() { VH_STORE=$REMOTES/$1 vhctl image "${@:2}"; }
	image import disk.raw p1 >/dev/null &&
		image new p2 --from p1 --kernel secret --cmdline 'a b' --label k=v 2>/dev/null ||
		image new p2 --from p1 --kernel /bin/true --cmdline 'a b' --label k=v
	poke p2 9 "3M 1M"
	check "a writable image is not pushed" fails "is writable" image push p2 host
	image commit p2 >/dev/null
	check "push, and what it stands on" eval 'image push p1 host && there host verify && image push p2 host &&
		there host verify'
	check "what was there already is not sent again" eval '[ $(stat -c %s remotes/sent) -lt 200000 ] &&
		image push p2 host && [ $(stat -c %s remotes/sent) -lt 10000 ]'
	check "it is the same there, id and all" eval '[ "$(there host show -j p2 | jq -c "del(.disk, .used)")" = "$(image show -j p2 | jq -c "del(.disk, .used)")" ]'
	pulled() {
		VH_STORE=$work/third vhctl image pull host p2 mine:1 && VH_STORE=$work/third vhctl image verify ||
			return 1
		local here; here=$(content p2); (export VH_STORE=$work/third; [ "$(content mine:1)" = "$here" ])
	}
	check "pull into a third store, with all that it stands on" pulled
	check "what is not there" fails "there is no image 'nothing'" image pull host nothing
	check "no vhctl there" eval 'VH_SSH=/bin/false fails "the connection ended" image pull host p1'
	check "a host that is an option" fails "want a host" image pull -e ssh -- -oProxyCommand=x p1
	check "a writable image there keeps its name" eval 'there host new w --from p1 &&
		fails "is a writable image here" image push p1 host w'
	check "a server that is only read" eval "VH_SSH='sh -c \"VH_STORE=$work/remotes/host exec vhctl image serve --read-only\"' fails 'is only read' image push p1 host"
	big=$(disk p1)
	liars() {	# SIDE: who lies
		local way status bad=0
		local -x VH_STORE=$work/liar-$1
		for way in $("$top/tests/image/peer.py" ways); do
			status=0
			case $1$way in
			client*) timeout 20 "$top/tests/image/peer.py" client "$way" "$big" vhctl image serve >out 2>&1 || status=$? ;;
			servername | serverversion) continue ;;
			server*) VH_SSH="$top/tests/image/peer.py server $way '$big' #" timeout 20 vhctl image pull h x lies >out 2>&1 || status=$? ;;
			esac
			[ "$way$status" = honest0 ] && vhctl image rm lies && continue
			[ $status = 1 ] && ! vhctl image ls | grep lies && [ -z "$(ls "$VH_STORE/files")" ] ||
				{ echo "$way: $status $(cat out)"; bad=1; }
		done
		[ -z "$(ls "$VH_STORE/tmp")" ] && [ $bad = 0 ]
	}
	check "who pushes and lies gets nothing stored" liars client
	check "nor does who is pulled from" liars server
	unset VH_SSH
fi

if part use; then
	image import disk.raw used >/dev/null;
		image new uw --from used --cmdline "a b" --memory 512M --cpus 3 >/dev/null
	# held ARGS...: as a VM has it; its answer is in ./held
	held() {
		rm -f held feed; mkfifo feed
		hold attach "$@" <feed >held 2>&1 &
		holder=$!
		exec 9>feed
		for _ in $(seq 100); do grep -q ready held && return; kill -0 $holder 2>/dev/null ||
			break; sleep 0.05; done
		cat held
		return 1
	}
	let_go() { exec 9>&-; wait $holder; }
	of() { sed -n "s/^$1=//p" held; }
	ephemeral() {
		held used || return 1
		local path; path=$(of path)
		[ "$(of ephemeral)" = 1 ] && qemu-img info -f qcow2 --backing-chain "$path" &&
			qemu-io -f qcow2 -c 'write 0 1M' "$path" | grep wrote &&
			fails "is in use" image rm used && image gc && [ -e "$path" ] && image verify && let_go &&
				[ ! -e "$path" ] && no_strays
	}
	image new gone --from used >/dev/null; image rm gone uw;
		image new uw --from used --cmdline "a b" --memory 512M --cpus 3
	image rm uw
	check "a VM of a sealed image has an overlay, which goes with it" ephemeral
	killed() {
		held used && local path && path=$(of path) && kill -9 $holder &&
			{ wait $holder 2>/dev/null; exec 9>&-; [ -e "$path" ]; } &&
			image verify && image gc && [ ! -e "$path" ] && no_strays
	}
	check "and with gc, when it is killed" killed
	kept() {
		held used mine && [ "$(of ephemeral)" = 0 ] &&
			qemu-io -f qcow2 -c 'write -P 5 0 1M' "$(of path)" | grep wrote && let_go &&
			[ "$(field mine base)" = used:latest ] &&
				qemu-io -f qcow2 -c 'read -P 5 0 1M' "$(disk mine)" | grep -q "read 1048576"
	}
	check "or it is kept" kept
	image new uw --from used --cmdline "a b" --memory 512M --cpus 3 --kernel /bin/true
	alone() {
		held uw && [ "$(of path)" = "$(disk uw)" ] && [ "$(of cmdline)" = "a b" ] &&
			[ "$(of memory)" = 536870912 ] && [ "$(of cpus)" = 3 ] &&
			cmp "$(of kernel)" /bin/true &&
				for c in "rm uw" "commit uw" "resize uw --size 1G" "flatten uw" "export uw x"; do
			fails "is in use" image $c || return 1
		done
		! hold attach uw </dev/null && image verify && image verify -j uw | grep -q "in use" && let_go &&
			image resize uw --size 1G &&
			held uw && [ "$(of size)" = 1073741824 ] && let_go
	}
	check "a writable image is one VM's at a time, and nobody else's meanwhile" alone
	slow() {
		(head -c 1M disk.raw; sleep 1; tail -c +1048577 disk.raw) | image import - slow >/dev/null &
		sleep 0.5
		[ -n "$(ls "$VH_STORE/tmp")" ] && image gc && image gc && [ -n "$(ls "$VH_STORE/tmp")" ] && wait $! &&
			content slow >got &&
			[ "$(cat got)" = "$(sha256sum <disk.raw)" ]
	}
	check "gc lets alone what is being made" slow
	check "many at a time" eval 'for i in 1 2 3 4 5 6;
		do image new many$i --from used & image tag used used:$i & image import disk.raw imp$i >/dev/null & done; wait $(jobs -p | grep -v "^$holder$")
		[ $(image ls -q | wc -l) -ge 20 ] && for i in 1 2 3 4 5 6; do [ -n "$(image ls -q many$i)" ] &&
			[ -n "$(image ls -q used:$i)" ] && [ -n "$(image ls -q imp$i)" ] || exit 1; done; whole'
	check "the store is whole" whole
fi

if part damage; then
	# the label makes it another image than those that were imported in the same second
	image import --label damage=1 disk.raw d1 >/dev/null; image new d2 --from d1
	d=$(disk d1)
	[ "$(id -u)" != 0 ] || chattr -i "$d"
	flip() { chmod 644 "$d"; printf "$1" | dd of="$d" bs=1 seek=900000 conv=notrunc status=none; chmod 444 "$d"; }
	old=$(od -An -tx1 -j 900000 -N 4 "$d" | tr -d ' ')
	flip '\x01\x02\x03\x05'
	check "a byte that changed is found" eval 'image verify | tee o; ! image verify >/dev/null &&
		grep -E "d1:latest +FAIL +its disk has changed" o && grep -E "d2:latest +ok" o'
	flip "$(sed 's/../\\x&/g' <<<"$old")"
	check "and when it is as it was, all is well" image verify
	check "a disk that may be written is found" eval 'chmod 644 "$d"; ! image verify | tee o;
		grep "may be written" o; image gc; image verify'
	cp "$VH_STORE/index.json" index.saved
	changed() {
		sed -i 's/"created":[0-9]*/"created":17/' "$VH_STORE/index.json"; ! image verify | tee o
		cp index.saved "$VH_STORE/index.json"; grep "what the index says of it has changed" o && image verify
	}
	check "an index that says something else is found" changed
	ruined() {
		local files; files=$(ls "$VH_STORE/files")
		for text in garbage '{' '{"version":1,"images":[],"names":{"x:y":"z"}}' '{"version":2}'; do
			echo "$text" >"$VH_STORE/index.json"
			for c in ls gc verify "rm d1" "import disk.raw x" "new x --from d1"; do
				fails index.json image $c || return 1
			done
		done
		cp index.saved "$VH_STORE/index.json"
		[ "$(ls "$VH_STORE/files")" = "$files" ] && image verify
	}
	check "with an index that is none nothing is done, and nothing lost" ruined
	if [ -x /usr/bin/unshare ] && [ "$(id -u)" = 0 ]; then
		check "a program that is not there is named, with its package" eval \
			'unshare -m sh -c "mount --bind /dev/null /usr/bin/qemu-img &&
				vhctl image import disk.raw none" 2>&1 | tee o;
					grep "qemu-img cannot be run.*qemu-utils" o'
		full() {
			mkdir -p tiny && mount -t tmpfs -o size=2M tmpfs tiny || return 1
			fails "" image --store tiny/s import disk.raw big; cat said
			grep -q "No space" said && image --store tiny/s verify &&
				[ -z "$(ls tiny/s/files tiny/s/tmp | grep -v :)" ]
			local s=$?; umount tiny; return $s
		}
		check "a full file system: an error, and nothing is left" full
	else
		skip "a program that is not there is named, with its package" "this is not root"
		skip "a full file system: an error, and nothing is left" "this is not root"
	fi
	check "the store is whole" whole
fi

if part bars; then
	export VH_STORE=$work/bars VH_SSH=$work/ssh-bars
	printf '#!/bin/sh\nshift; VH_STORE=%s exec sh -c "$*"\n' "$work/bars-there" >ssh-bars
	chmod +x ssh-bars
	head -c 256M /dev/urandom >large.raw
	mkdir large-tree && ln large.raw large-tree/data
	# WORDS COMMAND...: on a terminal, there is a bar of one of these names, and none at the end. How many there are goes by the disk
	bar() {
		local word=$1; shift
		TERM=xterm script -qec "$*" /dev/null </dev/null >said || return 1
		tr '\r' '\n' <said >lines; tail -n 3 lines | cat -v
		[ "$(grep -E "^($word) +\[" lines | sort -u | wc -l)" -ge 1 ] &&
			! grep -v "^$" lines | tail -n 1 | grep -E "^($word) +\["
	}
	quiet() { "$@" >said 2>&1 </dev/null && ! grep -qF '[' said; }
	check "import has a bar on a terminal" bar "import|checksum" vhctl image import large.raw large
	check "of a tree, too" bar "import|checksum" vhctl image import large-tree tree
	check "push" bar push vhctl image push large there
	vhctl image rm large && vhctl image gc >/dev/null
	check "pull" bar pull vhctl image pull there large
	check "verify" bar verify vhctl image verify
	check "export" bar export vhctl image export large out.bar.raw
	check "no bar in a pipe" quiet vhctl image export -F large out.bar.raw
	check "none on a terminal that cannot" eval '! TERM=dumb script -qec "vhctl image verify large" /dev/null </dev/null | grep -F "["'
	rm -f out.bar.raw large.raw; chattr -R -i bars bars-there 2>/dev/null; rm -rf bars bars-there large-tree
	export VH_STORE=$work/store
	unset VH_SSH
fi

if part run; then
	echo "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1234567890abcdefghijklmnopqrstuvwxyzABCDEFG me@host" >id.pub
	mkdir seeds && image import disk.raw r1 >/dev/null || exit 1
	# No VM comes of these: there is no such device, or the options forbid it.
	run() { TMPDIR=$work/seeds vhctl run --device "$work/none" "$@" >said 2>&1 </dev/null; }
	nothing_left() {
		for n in $(seq 50); do [ -z "$(ls "$VH_STORE/tmp")" ] && break; sleep 0.1; done
		[ -z "$(ls seeds "$VH_STORE/tmp" | grep -v :; ls "$VH_STORE/files" | grep ^run-)" ] &&
			! image show rk >/dev/null 2>&1 && no_strays
	}
	none() { run "$@" && return 1; nothing_left; }
	check "an overlay goes when there is no device" none r1
	check "a seed, too" none r1 --ssh-key id.pub
	check "and what was to stay" none r1 --keep rk --ssh-key id.pub
	check "so it does with a port and no network" none r1 --keep rk --publish 8080:80
	check "with the parts of a kernel that nobody has" none r1 --keep rk --initrd disk.raw
	check "with a key that is none" none r1 --keep rk --ssh-key disk.raw
	check "with more balloon than memory" none r1 --keep rk --balloon=1T
	check "with a cgroup that is not there" none r1 --keep rk --cgroup none/such
	nothing_boots() { run --hostname web; [ $? = 2 ] && grep -q "what is it to boot" said && nothing_left; }
	check "a seed alone boots nothing" nothing_boots
	check "what stayed of another VM stays" eval 'image new rk --from r1 && ! run rk && ! run r1 --keep rk &&
		image show rk && image rm rk'
	ended() { # CALL: by SIGTERM as each of these is made, or just before it is heard
		local k all
		strace -qq -o trace -e trace="$1" vhctl run --device none r1 --keep rk --ssh-key id.pub >/dev/null 2>&1
		all=$(wc -l <trace)
		[ "$all" -gt 3 ] || return 1
		for k in $(seq "$all"); do
			TMPDIR=$work/seeds strace -qq -o trace -e trace="$1" -e "inject=$1:signal=TERM:when=$k" \
				vhctl run --device "$work/none" r1 --ssh-key id.pub "${@:2}" >/dev/null 2>&1 </dev/null
			nothing_left || { echo "$1 $k"; ls "$VH_STORE/files" "$VH_STORE/tmp" seeds; return 1; }
		done
	}
	if strace -o /dev/null true 2>/dev/null; then
		for call in linkat unlinkat rename; do
			check "ended at any $call, nothing is left" ended $call
			check "nor of what was to stay" ended $call --keep rk
		done
	else
		skip "ended at any step, nothing is left" "no strace, or it may not trace"
	fi
	check "the store is whole" whole
fi

if part seed; then
	key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1234567890abcdefghijklmnopqrstuvwxyzABCDEFG me@host"
	echo "$key" >id.pub
	printf '#cloud-config\npackages: [vim]\n' >user.yaml
	file_of() { mtype -i "$1" "::$2"; }
	seeds() {
		image seed s.img --cloud-init user.yaml --ssh-key id.pub --hostname web1 &&
			[ "$(blkid -o value -s LABEL s.img)" = CIDATA ] &&
			[ "$(blkid -o value -s TYPE s.img)" = vfat ] && file_of s.img user-data | cmp - user.yaml &&
				file_of s.img meta-data >meta &&
			python3 -c 'import sys, yaml; m = yaml.safe_load(open("meta")); assert m["public-keys"] == [sys.argv[1]] and m["local-hostname"] == "web1" and m["instance-id"].startswith("vh-"), m' "$key"
	}
	check "a seed has user-data, a key and a host name" seeds
	again() {
		image seed t.img --cloud-init user.yaml --ssh-key id.pub --hostname web1 &&
			image seed u.img --cloud-init user.yaml --hostname web1 &&
			file_of t.img meta-data | cmp - meta && ! file_of u.img meta-data | cmp -s - meta
	}
	check "the instance is the same as long as it says the same" again
	dirs() {
		mkdir -p ci && cp user.yaml ci/user-data && echo 'instance-id: mine' >ci/meta-data &&
			echo 'version: 2' >ci/network-config &&
			image seed v.img --cloud-init ci --ssh-key id.pub &&
				file_of v.img network-config | grep 'version: 2' &&
			file_of v.img meta-data | tee o && grep -x 'instance-id: mine' o && grep -F "$key" o
	}
	check "of a directory all is taken" dirs
	wrong() {
		printf -- '-----BEGIN OPENSSH PRIVATE KEY-----\nxyz\n' >id; echo 'public-keys: []' >>ci/meta-data
		fails "private key" image seed w.img --ssh-key id &&
			fails "is no public key" image seed w.img --ssh-key user.yaml &&
			fails "public-keys cannot be added" image seed w.img --cloud-init ci --ssh-key id.pub &&
			fails "is no text" image seed w.img --cloud-init disk.raw --ssh-key id.pub ||
				fails "larger than 1M" image seed w.img --cloud-init disk.raw &&
			fails "No such file" image seed w.img --cloud-init none &&
				fails "hostname" image seed w.img --hostname 'a b' && [ ! -e w.img ] && ! ls -d w.img.*
	}
	check "what is wrong is said, and nothing is made" wrong
fi

if part kills; then
	export VH_STORE=$work/killed VH_SSH=$work/ssh-killed REMOTES=$work/kremote
	printf '#!/bin/sh\nshift; VH_STORE=$REMOTES exec sh -c "$*"\n' >ssh-killed
	chmod +x ssh-killed
	mkdir -p ktree/boot && echo k >ktree/boot/vmlinuz && head -c 300k /dev/urandom >ktree/data &&
		tar -C ktree -cf ktree.tar .
	image import disk.raw k0 >/dev/null && image new k1 --from k0 && image commit k1 &&
		image import ktree k2 >/dev/null && image push k0 h
	VH_STORE=$REMOTES image import ktree.tar far >/dev/null
	# Whatever the round before has left, each of them has something to do.
	round() {
		local n=$1 pid status=0
		local commands=("import disk.raw a" "import ktree b" "import ktree.tar c" "new d$n --from k1"
			"commit e$n e:$n" "commit f$n" "flatten g" "resize h$n --size 100M" "tag k0 t:$n" "rm i"
			"export k1 x.img" "gc" "verify" "diff k1" "push k1 h" "pull h far" "ls")
		local command=${commands[$((n % ${#commands[@]}))]}
		for w in e f h; do image new $w$n --from k1 2>/dev/null && poke $w$n 1 "0 128k"; done
		image tag k1 g 2>/dev/null; image import ktree i >/dev/null 2>&1; rm -f x.img
		# shellcheck disable=SC2086
		vhctl image $command >/dev/null 2>&1 </dev/null &
		pid=$!
		sleep "$(printf 0.%03d $((RANDOM % most)))"
		kill -9 $pid 2>/dev/null
		wait $pid 2>/dev/null || status=$?
		# as soon as this machine has commands that are not done yet
		if [ $status = 137 ]; then hit=$((hit + 1)) most=$((most < 60 ? most * 2 : 100)); else most=$((most / 2 + 2)); fi
		image verify >o 2>&1 && VH_STORE=$REMOTES image verify >o 2>&1 ||
			{ echo "after $command:"; cat o; return 1; }
		for w in d e f h; do image rm $w$n >/dev/null 2>&1; done
		return 0
	}
	# steps COMMAND...: killed before each of its calls that change something on the disk, one after the other
	steps() {
		local call k status n=0
		local calls="linkat renameat unlinkat write"
		[ "$kills" -lt 100 ] || calls="$calls fchmod fsync mkdirat"
		for call in $calls; do
			for k in $(seq 50); do
				for w in sw sw:1 sn si; do image rm $w >/dev/null 2>&1; done
				image gc >/dev/null
				image new sw --from k1 && poke sw 1 "0 128k" && content sw >before || return 1
				[[ "$*" != *si* ]] || { image new si --from k1 --label "k=$call$k" && image commit si; } || return 1
				status=0
				strace -qq -o trace -e trace=$call -e "inject=$call:signal=KILL:when=$k" vhctl image "$@" >/dev/null 2>&1 </dev/null ||
					status=$?
				image verify >o 2>&1 || { echo "$* killed at $call $k:"; cat o; return 1; }
				# What was written is in the one or the other.
				[[ "$*" = "rm sw" || $1 = resize ]] || { content sw >now && cmp before now; } ||
					{ echo "$* killed at $call $k: sw has another content"; return 1; }
				[ $status = 137 ] || break
				n=$((n + 1))
			done
		done
		echo "$*: $n steps"
		[ $n -ge "$least" ] && image gc >/dev/null && no_strays
	}
	stepped=("8 commit sw sw:1")
	[ "$kills" -lt 100 ] ||
		stepped+=("8 commit sw" "8 flatten sw" "3 rm sw" "8 new sn --from k1 --kernel trace"
		"8 import disk.raw sn" "8 import ktree.tar sn" "8 flatten si:latest" "3 rm si" "2 tag k0 sn" "2 gc"
		"3 resize sw --size 100M" "2 export sw x.img --force")
	for command in "${stepped[@]}"; do
		read -r least command <<<"$command"
		if strace -o /dev/null true 2>/dev/null; then
			# shellcheck disable=SC2086
			check "$command: killed before each of its steps, the store is whole, and gc clears the rest" steps $command
		else
			skip "$command: killed before each of its steps" "no strace, or it may not trace"
		fi
	done
	# A commit that was killed leaves another name of the disk, which is written on.
	# Then the same comes from elsewhere.
	stray() {
		image new st --from k1 && poke st 1 "0 64k" && cp -a "$VH_STORE" copied &&
			VH_STORE=$work/copied vhctl image commit st || return 1
		strace -qq -o trace -e trace=renameat -e inject=renameat:signal=KILL:when=1 vhctl image commit st
		[ "$(ls "$VH_STORE/files" | wc -l)" -gt "$(ls copied/files | wc -l)" ] && image resize st --size 24M &&
			poke st 2 "0 64k" &&
			REMOTES=$work/copied image pull h st came && image verify && content came >got &&
				poke st 1 "0 64k" && content st >now && cmp got now &&
			image gc >/dev/null && image verify && image rm came st
	}
	if strace -o /dev/null true 2>/dev/null; then
		check "what a killed commit left is taken for nothing else" stray
	else
		skip "what a killed commit left is taken for nothing else" "no strace, or it may not trace"
	fi
	hit=0 most=40 # milliseconds
	all_rounds() {
		local n
		for n in $(seq "$kills"); do round "$n" || return 1; done
		# Who cleans up behind the last one has to have done.
		for n in $(seq 50); do [ -z "$(ls "$VH_STORE/tmp" "$REMOTES/tmp" | grep -v :)" ] &&
			break; sleep 0.1; done
		image gc >/dev/null && VH_STORE=$REMOTES image gc >/dev/null && no_strays && image verify >/dev/null &&
			[ -z "$(ls "$VH_STORE/tmp")" ] && content k0 >got &&
				[ "$(cat got)" = "$(sha256sum <disk.raw)" ] && [ $hit -gt $((kills / 4)) ]
	}
	check "$kills commands killed: the store is whole each time, and gc clears the rest" all_rounds
	files=$(jq '[.images[] | .digest // .id, .kernel // empty, .initrd // empty] | unique | length' "$VH_STORE/index.json")
	check "and has no file too many or too few" [ "$(ls "$VH_STORE/files" | wc -l)" = "$files" ]
fi

[ $skipped = 0 ] || { echo "$passed passed, $failed failed, $skipped skipped"; [ $failed = 0 ]; exit; }
finish
