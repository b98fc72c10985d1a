# SPDX-License-Identifier: GPL-2.0-only
# What the run.sh of the suites share; they source it.
#
# Takes --kvm, --module FILE, --param NAME=VALUE (of the module), --only P, --skip P, --count N, --rounds N and --seed N
# off the command line; what is left is the lab's. in_lab SCRIPT OPTIONS... runs
# SCRIPT there with the module loaded and $device set; the status of its last
# command is the verdict. IN_LAB_COLLECT=FILE: nothing runs; script and options, one
# a line, go to FILE.sh and FILE.options, for runs of several suites in one boot.
set -e
cd "$(dirname "$0")/../.."
module=kmod/vh.ko
device=/dev/vh
selection=
params=
while [ $# -gt 0 ]; do
	case $1 in
	--kvm) device=/dev/kvm; shift ;;
	--param) params="$params $2"; shift 2 ;;
	--module) module=$2; shift 2 ;;
	--only | --skip | --count | --rounds | --seed) selection="$selection $1 '$2'"; shift 2 ;;
	--help) sed -n '3,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) break ;;
	esac
done

in_lab() {
	script=$(mktemp)
	trap 'rm -f "$script"' EXIT
	{
		echo "device=$device"
		if [ $device = /dev/kvm ]; then
			echo "modprobe kvm-intel $params || exit 2"
		else
			echo "insmod ./vh.ko $params || exit 2"
		fi
		printf '%s\nstatus=$?\n' "$1"
		# the module has to come off again, with nothing left on
		[ $device = /dev/kvm ] || echo "rmmod vh || exit 2"
		# of the debug build: for how long interrupts were off, and locks held, at most
		printf '%s\n' "dmesg | sed -n 's/.*vh: bound: /# at most: /p' | tail -n 14"
		echo 'exit $status'
	} >"$script"
	shift
	[ $device = /dev/kvm ] || set -- --file "$module:vh.ko" "$@"
	if [ -n "${IN_LAB_COLLECT-}" ]; then
		mv "$script" "$IN_LAB_COLLECT.sh"
		printf '%s\n' "$@" >"$IN_LAB_COLLECT.options"
		return
	fi
	tests/lab/lab run "$@" "$script"
}
