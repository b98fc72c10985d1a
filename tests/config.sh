#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# config.sh: descriptions of VMs (vh.conf(5)), on this machine: what config check, show and keys say, what run and create
# take of them, that nothing knows fewer options than vhctl, the completion, colours
#
#   config.sh [--update]
#
# What it says is compared with tests/config/golden; --update writes that anew.
set -u
cd "$(dirname "$0")/.."
. tests/lib/check.sh
update=
[ "${1:-}" != --update ] || update=yes
top=$PWD
make -s -C tools/vhctl O="$top/build/vhctl" || exit 1
unset VH_STORE VH_CONFIG XDG_CONFIG_HOME NO_COLOR
work=$(mktemp -d "$top/build/config.XXXXXX")
cleanup() { cd "$top" && { [ "$(id -u)" != 0 ] || chattr -R -i "$work" 2>/dev/null; rm -rf "$work"; }; }
trap cleanup EXIT
chmod 755 "$work"
cd "$work" || exit 1
mkdir bin conf && cp "$top/build/vhctl/vhctl" bin/ || exit 1
export PATH=$work/bin:$PATH VH_CONFIG=$work/conf VH_STORE=$work/store TERM=xterm

# --- what it says ---
for f in vmlinux initrd disk.img ro.img; do echo "$f" >$f; done
echo "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1234567890abcdefghijklmnopqrstuvwxyzABCDEFG me@host" >key.pub
truncate -s 1M disk.img ro.img
qemu-img create -q -f qcow2 image.qcow2 1M && cp image.qcow2 secret.img || exit 1
mkdir ci && echo '#cloud-config' >ci/user-data
cat >conf/web.conf <<'EOF'
# All is right here.
kernel = ../vmlinux
initrd = ../initrd
cmdline = "console=ttyS0 root=/dev/vda "
disk = ../disk.img,cache=none
disk = ../image.qcow2
ssh-key = ../key.pub
share = .,tag=conf,ro
cloud-init=../ci
	memory	= 1G
balloon = 512M
watchdog = yes
stats = no
EOF
cat >conf/wrong.conf <<'EOF'
kernal = ../vmlinux
kernel = ../none
initrd = ..
memory = lots
cpus = 0
disk = ../disk.img,ro,frob
disk = ../none.img
disk = ../secret.img
net = tap=no-such-tap
net = pigeon
share = ../none
share = ../vmlinux
cmdline
memory = 1G
confine = perhaps
image = nothing
EOF
cat >conf/old.conf <<'EOF'
# the form of before
KERNEL=/srv/vmlinux
OPTIONS="--initrd /srv/initrd --disk /srv/disk.img --confine"
CMDLINE="console=ttyS0 quiet"
MEMORY=512M
CPUS=2
EOF
echo 'memory = 1G' >conf/nothing.conf
printf 'disk = ../disk.img\npublish = 80:80\n' >conf/published.conf
printf 'disk = ../disk.img\nballoon = 1G\n' >conf/balloon.conf
printf 'disk = ../disk.img\nmemory = 1G,max=8G\ncpus = 2,max=8\n' >conf/grows.conf
printf 'disk = ../disk.img\nmemory = 1G,max=512M\ncpus = 2,max=65\n' >conf/shrinks.conf
golden() { { echo "\$ vhctl $*"; vhctl "$@" </dev/null 2>&1; echo "=> $?"; } | sed "s,$work,DIR,g" >>golden; }
golden run; golden config; golden config frob; golden config --help; golden config keys; golden config keys -j
golden config check web; golden config check wrong; golden config check old; golden config check nothing published balloon grows shrinks; golden config show grows
golden config check none; golden config check a/b; golden config check .; golden config check conf/web.conf
golden config check; golden config check --frob; VH_CONFIG=$work/empty golden config check
golden config show web; golden config show -j web; golden config show --pretty web
golden config show web --memory 2G --disk more.img,ro --balloon=no --stats --kernel "$work/b" --console virtio
golden config show --image debian --net user; golden config show wrong; golden config show web old; golden config show
golden config show --config conf/web.conf --cpus 4; golden config show --cmdline $'a\nb'; golden config show --frob
golden run --config conf/wrong.conf; golden run --config conf/nothing.conf; golden run --config conf
golden run --config none.conf; golden run --memory; golden run --dsik=x; golden run --frobnicate; golden run --confine=perhaps --kernel vmlinux
golden run --config conf/web.conf --device none; golden run --config conf/web.conf --firmware f
golden create --config conf/wrong.conf wrong; golden create web --memory 1; golden create
if [ -n "$update" ]; then
	mkdir -p "$top/tests/config" && cp golden "$top/tests/config/golden"
else
	check "what vhctl says of descriptions is as in tests/config/golden" diff -u "$top/tests/config/golden" golden
fi

# --- what comes of them ---
again() { vhctl config show "$@" >one.conf && vhctl config show one.conf >two && diff <(grep -v '^#' one.conf | sort) <(grep -v '^#' two | sort); }
check "what show prints is a description, of the same" again web
check "of options, too" again --kernel vmlinux --cmdline ' a "b" ' --disk 'a,,b.img,ro' --net user --publish 1:2 --watchdog=pause
here() { (cd / && vhctl config show "$work/conf/web.conf") | diff - <(vhctl config show conf/web.conf | sed "s,$work/conf/\.\./,&,"); }
check "and it is the same from everywhere" here
not_root() {
	chmod 600 disk.img; chmod 644 vmlinux; chown root disk.img; chmod 711 . conf
	setpriv --reuid 65534 --regid 65534 --clear-groups vhctl config check conf/web.conf >said 2>&1; local status=$?
	cat said; chmod 755 .
	[ $status = 1 ] && grep -q 'web.conf:5: .*disk.img: cannot be read by uid 65534: Permission denied' said
}
if [ "$(id -u)" = 0 ]; then check "a file that the user cannot read is told" not_root; fi
written() {
	chmod 444 ro.img; printf 'disk = ../ro.img\n' >conf/ro.conf
	setpriv --reuid 65534 --regid 65534 --clear-groups vhctl config check conf/ro.conf 2>said; cat said
	grep -q 'ro.conf:1: .*ro.img: cannot be written by uid 65534' said || return 1
	echo 'disk = ../ro.img,ro' >conf/ro.conf
	setpriv --reuid 65534 --regid 65534 --clear-groups vhctl config check conf/ro.conf
}
if [ "$(id -u)" = 0 ]; then check "one that he cannot write, too, unless it is only read" written; fi
users() {	# the folders of a user
	mkdir -p home/.config/vh xdg/vh && printf 'kernel = /etc/passwd\npublish = 80:80\n' | tee home/.config/vh/mine.conf >xdg/vh/other.conf
	local by=(setpriv --reuid 65534 --regid 65534 --clear-groups env -u VH_CONFIG HOME="$work/home")
	"${by[@]}" vhctl config check mine 2>&1 | grep "home/.config/vh/mine.conf: publish: goes with net user" &&
		"${by[@]}" XDG_CONFIG_HOME="$work/xdg" vhctl config check 2>&1 | grep "xdg/vh/other.conf: publish:"
}
if [ "$(id -u)" = 0 ]; then check "a user's are in his folder" users; fi
if [ "$(id -u)" = 0 ]; then
	roots() { env -u VH_CONFIG vhctl config check no-such-vm 2>&1 | grep '^/etc/vh/no-such-vm.conf: No such file'; }
	check "root's are in /etc/vh" roots
fi
stored() {
	truncate -s 1M small.raw && vhctl image import --format raw --memory 192M small.raw small >/dev/null &&
		echo 'image = small' >conf/stored.conf && vhctl config check stored && echo 'keep = small' >>conf/stored.conf &&
		! vhctl config check stored 2>said && grep "stored.conf:2: keep: there is an image 'small' already" said
}
check "an image is looked for in the store" stored
grouped() { printf 'kernel = ../vmlinux\ncgroup = no/such/group\n' >conf/grouped.conf; ! vhctl config check grouped 2>said; grep 'grouped.conf:2: no cgroup' said; }
check "a cgroup, too" grouped

# --- one table ---
keys() { vhctl config keys -j | jq -r '.[].key'; }
options() { vhctl help run | sed -nE 's/^  (-., |    )--([a-z-]+).*/\2/p'; }
same() { diff <(options | grep -vxE 'config|help|no-confine' | sort) <(keys | sort); }
check "every option of run is a key, and every key an option" same
in_conf() { for k in $(keys); do grep -qE "^\.BI ${k//-/\\\\-}(\\\\fR|\\\\)" "$top/man/vh.conf.5" || { echo "man/vh.conf.5: $k"; return 1; }; done; }
check "vh.conf(5) has every key" in_conf
in_man() { for k in $(options | grep -vx help); do grep -qF -- "\\-\\-${k//-/\\-}" "$top/man/vhctl.8" || { echo "man/vhctl.8: --$k"; return 1; }; done; }
check "vhctl(8) has every option" in_man
starts() { diff <(vhctl help start | sed -nE 's/^  (-., |    )--([a-z-]+).*/\2/p' | sort) \
	<(options | grep -vxE 'memory|cpus|name|cgroup' | sort); }
check "start has all but what the VM was created with" starts
check "the description of the examples has only keys that there are" eval \
	'! vhctl config check "$top/packaging/example.conf" 2>said; cat said; ! grep -v "No such file or directory$" said'

# --- completion ---
# vhctl ls needs the module: what it prints is made up, and it knows no VM without a name.
cat >bin/vhctl.fake <<'EOF'
#!/bin/sh
[ "$1" = ls ] || exec "${0%.fake}" "$@"
[ $# = 1 ] || exit 1
printf 'ID  NAME  STATE\n 1  web  running\n 2  db  defined\n'
EOF
chmod +x bin/vhctl.fake
complete_() {	# WORDS...: what the last one may become
	bash -c 'vhctl() { vhctl.fake "$@"; }
		_get_comp_words_by_ref() { cur=$last prev=${all[-2]} words_=("${all[@]}") cword_=$((${#all[@]} - 1)); }
		__ltrim_colon_completions() { [[ $1 != *:* ]] || COMPREPLY=("${COMPREPLY[@]#"${1%:*}:"}"); }
		. "$0"; all=(vhctl "$@") last=${*: -1}; COMP_WORDS=("${all[@]}") COMP_CWORD=$#; _vhctl; printf "%s\n" "${COMPREPLY[@]}"' \
		"$top/scripts/vhctl.bash-completion" "$@" | sort
}
gives() { local want=$1; shift; complete_ "$@" | tr '\n' ' ' | tee got; [ "$(cat got)" = "$want" ]; }
check "names of VMs are completed" gives "db " stop d
check "of those that have a description, too" gives "web web " start we
check "and for create" gives "old " create o
vhctl image tag small small:v1 && vhctl image tag small other
check "names and tags of images" gives "small small:latest small:v1 " run sm
check "behind a colon" gives "latest v1 " run small:
check "as the image of a description" gives "other other:latest " config show --image o
check "and for image's commands" gives "other other:latest " image rm o
check "options of run" gives "--cgroup --cloud-init --cmdline --config --confine --console --cpu --cpus " run --c
check "and no others for start" gives "--cloud-init --cmdline --config --confine --console --cpu " start --c
check "descriptions for config" gives "published " config check p

# --- colours ---
on_terminal() { script -qec "$1" /dev/null </dev/null; }
esc=$(printf '\033')
coloured() { on_terminal "vhctl config check web" | grep -F "$esc[32mok$esc[0m"; }
check "a terminal gets colours" coloured
plain() { ! on_terminal "$1" | grep -F "$esc" && on_terminal "$1" | grep -w ok; }
check "not with NO_COLOR" plain "NO_COLOR=1 vhctl config check web"
check "but with an empty one" eval 'on_terminal "NO_COLOR= vhctl config check web" | grep -F "$esc[32m"'
check "nor a terminal that cannot" plain "TERM=dumb vhctl config check web"
check "nor a pipe" eval '! vhctl config check web | grep -F "$esc"'
finish
