# SPDX-License-Identifier: GPL-2.0-only
# Sourced by suites of vhctl's VMs: their options; what is the lab's is left in "$@".
#
# $device, $module, $params and $only: of --kvm, --module FILE, --param NAME=VALUE and --only NAMES; load: the lab's
# option for the module. option NAME, if the suite has it, takes one more that stands alone. --help: the suite's head.
device=/dev/vh module=kmod/vh.ko params='' only=''
while :; do
	case ${1:-} in
	--kvm) device=/dev/kvm ;;
	--module) module=$2; shift ;;
	--param) params="$params $2"; shift ;;
	--only) only="$only $2"; shift ;;
	--help) sed -n '3,/^set/s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) declare -F option >/dev/null && option "${1:-}" || break ;;
	esac
	shift
done
load=(--file "$module:vh.ko")
[ $device = /dev/vh ] || load=()
