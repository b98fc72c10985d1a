#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh: firmware, boot loaders and systems that Debian packages, in the lab, on vh and on KVM
#
#   run.sh [--all | --only NAMES] [--ways LIST] [--update] [--table] [LAB OPTIONS...]
#
# Each file of entries/ is one system: what it is made of, and what its console has to say, line
# after line. --only: the entries whose whole names match this extended regular expression. --ways:
# out of "ept ept0 real kvm kvm-ept0 kvm-real" (the first four): vh with everything, without EPT,
# without unrestricted guest; KVM with the same parameters. All are in one boot of the host. --ways
# tcg: QEMU's own emulation on this machine, which shows whether an entry is right. --all: the table in
# docs/guests.md has to say what passed; --update writes it; --table takes the verdicts of the runs
# before, --table --update too.
set -eu
cd "$(dirname "$0")/../.."
. tests/systems/lib.sh
out=$PWD/build/systems only= ways="ept ept0 real kvm" all= update= table=
while [ $# -gt 0 ]; do
	case $1 in
	--only) only=$2; shift 2 ;;
	--ways) ways=$2; shift 2 ;;
	--all) all=yes; shift ;;
	--update) all=yes update=--update; shift ;;
	--table) all=yes table=yes; shift ;;
	--help) sed -n '3,16s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) break ;;
	esac
done
names=$(cd tests/systems/entries && printf '%s\n' *)
[ -z "$only" ] || names=$(grep -xE -- "$only" <<<"$names") || { echo "no entry is called $only" >&2; exit 2; }
passed=0 failed=0 skipped=0
ok() { passed=$((passed + 1)); echo "ok - $*"; }
bad() { failed=$((failed + 1)); echo "not ok - $*"; }

# What a console says, without the escape sequences, line ends and NULs of whoever writes to it; for busybox as well
plain() {
	tr -d '\r\000' | sed "s/$(printf '\033')\[[0-9;?]*[A-Za-z]//g; s/$(printf '\033')[a-z]//g"
}

# entry NAME: its variables (see lib.sh), and its function make
entry() {
	limit=40 ways_not='' fails='' never='' types=''
	. "$top/tests/systems/entries/$1"
}

# prepare NAME: its folder for the lab
prepare() (
	entry "$1"
	local into=$out/lab/$1
	rm -rf "$into"
	mkdir -p "$into"
	cd "$into"
	make
	tr "\n\t" "  " <<<"$start" >start
	echo "$limit" >limit
	printf '%s' "$types" >types
	says "$1" | tac >says
)

# says NAME: the lines that its console has to have, in this order
says() (
	entry "$1"
	sed '/^[[:space:]]*$/d; s/^\t*//' <<<"$says"
)

# runs NAME WAY: does the entry run this way at all?
runs() (
	entry "$1"
	[[ " $ways_not " != *" $2 "* ]]
)

# The host's part. An entry ends when its console has said everything, or its program has ended.
host_script() {
	cat <<'END_SCRIPT'
said() {	# NAME: everything? The last line first
	plain <$at.console >plain
	while read -r text; do
		case $text in
		~*) grep -aqE -e "${text#?}" plain || return 1 ;;
		*) grep -aqF -e "$text" plain || return 1 ;;
		esac
	done <$1/says
}
now() { cut -d' ' -f1 /proc/uptime | cut -d. -f1; }
one() {	# NAME
	at=out/$way/$1
	rm -f keys
	mkfifo keys
	( cd $1 && . ./start ) <>keys >$at.console 2>$at.errors &
	pid=$! start=$(now) typed=0 end='did not say it all'
	case $way in *ept0) slower=8 ;; *real) slower=2 ;; *) slower=1 ;; esac
	limit=$(($start + slower * $(cat $1/limit)))
	while :; do
		! said $1 || { end='said it all'; break; }
		kill -0 $pid 2>/dev/null || break
		[ $(now) -lt $limit ] || { echo "time is up" >>$at.errors; break; }
		line=$(sed -n $((typed + 1))p $1/types)
		if [ -n "$line" ] && grep -aqF -e "${line%%|*}" plain; then
			typed=$((typed + 1))
			printf '%b' "${line#*|}" >keys
		fi
		usleep 300000
	done
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	echo $(($(now) - start)) >$at.seconds
	echo "$way: $1 $end, $(cat $at.seconds) s"
	[ "$end" = 'said it all' ] || { echo "it does not say: $text"; tail -c 1000 plain; echo; tail -n 5 $at.errors; }
}
pc() {	# MACHINE ARGUMENTS...: QEMU
	machine=$1; shift
	exec ${qemu:-../qemu} -machine $machine,accel=${accel:-kvm} -L ../rom -nodefaults -display none -serial stdio \
		-no-reboot "$@"
}
run() {	# WAY MODULE PARAMETERS NAMES
	way=$1
	mkdir -p out/$way
	case $2 in
	vh) insmod ./vh.ko $3 || exit 2; ln -sf vh /dev/kvm ;;
	kvm-intel) rm -f /dev/kvm; modprobe kvm-intel $3 || exit 2; [ -e /dev/kvm ] || mknod /dev/kvm c 10 232 ;;
	esac
	for name in $4; do one $name; done
	[ $2 = none ] || rmmod $(echo $2 | tr - _) || exit 2
}
END_SCRIPT
}

# verdict WAY NAME: from what its console said
verdict() {
	local way=$1 name=$2 at=$out/results/$1/$2 missing
	[ -e "$at.console" ] || { echo "not run" >"$at.verdict"; return 1; }
	plain <"$at.console" >"$at.plain"
	missing=$(says "$name" | python3 -c '
import re, sys
text, at = open(sys.argv[1], errors="replace").read(), 0
for line in sys.stdin.read().splitlines():
    found = re.compile(line[1:] if line[0] == "~" else re.escape(line)).search(text, at)
    if not found:
        print("does not say: " + line)
        break
    at = found.end()
' "$at.plain")
	if [ -z "$missing" ]; then
		missing=$(entry "$name"; [ -z "$never" ] || grep -aoE -- "$never" "$at.plain" | head -n 1 | sed 's/^/says: /')
	fi
	echo "${missing:-passes}" >"$at.verdict"
	[ -z "$missing" ]
}

way_title() {
	case $1 in
	ept) echo "vh" ;;
	ept0) echo 'vh, `ept=0`' ;;
	real) echo 'vh, `unrestricted_guest=0`' ;;
	kvm) echo "KVM" ;;
	kvm-ept0) echo 'KVM, `ept=0`' ;;
	kvm-real) echo 'KVM, `unrestricted_guest=0`' ;;
	esac
}

# names_of WAY: the entries that run this way
names_of() {
	local name
	for name in $names; do
		! runs "$name" "$1" || echo "$name"
	done
}

# run_all: every way, in one boot of the host
run_all() {
	local way params module status=0 script=$out/script.$$ files=() count=0
	{ declare -f plain; host_script; } >"$script"
	for way in $ways; do
		mkdir -p "$out/results/$way"
		params='' module=vh
		case $way in
		*ept0) params="ept=0" ;;
		*real) params="unrestricted_guest=0" ;;
		esac
		case $way in
		kvm*) module=kvm-intel ;;
		tcg) module=none ;;
		esac
		for name in $names; do rm -f "$out/results/$way/$name".*; done
		count=$((count + $(names_of "$way" | wc -w)))
		echo "run $way $module '$params' '$(names_of "$way" | tr '\n' ' ')'" >>"$script"
	done
	if [ "$ways" = tcg ]; then
		ln -sfn ../rom "$out/lab/rom"
		rm -rf "$out/lab/out"
		(cd "$out/lab" && accel=tcg qemu=qemu-system-x86_64 busybox sh "$script")
		cp -r "$out/lab/out/." "$out/results"
	else
		for name in $names; do files+=(--file "$out/lab/$name"); done
		tests/lab/lab run --mem 1024 --timeout $((600 + 150 * count)) --out "$out/results" \
			--file /usr/bin/qemu-system-x86_64:qemu --file "$out/rom" --file kmod/vh.ko --file build/vhctl/vhctl \
			"${files[@]}" "${lab[@]}" "$script" || status=$?
		rm -f "$script"
	fi
	[ $status = 0 ] && ok "the host is well" || bad "the host's status is $status"
	for way in $ways; do
		for name in $(names_of "$way"); do judge "$way" "$name"; done
	done
}

# judge WAY NAME
judge() {
	local at=$out/results/$1/$2
	if verdict "$1" "$2"; then
		ok "$2, $1 ($(cat "$at.seconds") s)"
	elif (entry "$2"; [[ " $fails " == *" $1 "* ]]); then
		skipped=$((skipped + 1))
		echo "ok - $2, $1 fails as docs/guests.md says: $(cat "$at.verdict") # SKIP"
	else
		bad "$2, $1: $(cat "$at.verdict")"
		tail -n 5 "$at.errors" 2>/dev/null || true
		tail -c 600 "$at.plain" 2>/dev/null | sed 's/^/    /' || true
		echo
	fi
}

# rows: the table, from the verdicts that there are
rows() {
	local way name line
	line="| system | what it goes through |"
	for way in $ways; do line="$line $(way_title "$way") |"; done
	echo "$line"
	echo "|---|---|$(for way in $ways; do printf -- '---|'; done)"
	for name in $names; do
		line="| $(entry "$name"; echo "$system | $goes") |"
		for way in $ways; do
			if ! runs "$name" "$way"; then
				line="$line $(entry "$name"; echo "$why_not") |"
			elif grep -qx passes "$out/results/$way/$name.verdict" 2>/dev/null; then
				line="$line pass |"
			elif [ ! -e "$out/results/$way/$name.verdict" ] || grep -qx "not run" "$out/results/$way/$name.verdict"; then
				line="$line not run |"
			else
				line="$line **fails** |"
			fi
		done
		echo "$line"
	done
}

lab=("$@")
if [ -z "$table" ]; then
	mkdir -p "$out/rom"
	cp -L /usr/share/seabios/*.bin /usr/share/qemu/{qboot.rom,*boot*.bin,pvh.bin,kvmvapic.bin} "$out/rom"
	for name in $names; do prepare "$name"; done
	run_all
fi
if [ -n "$all" ]; then
	rows >"$out/table"
	if tests/lib/doc-table $update docs/guests.md systems "$out/table"; then
		ok "docs/guests.md says what passed"
	else
		bad "docs/guests.md says something else: tests/systems/run.sh --table --update"
	fi
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
