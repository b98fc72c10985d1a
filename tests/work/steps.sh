# SPDX-License-Identifier: GPL-2.0-only
# In guests of vhctl's VMs, before what they do: behind tests/lib/until.sh
for word in $(cat /proc/cmdline); do
	case $word in step=* | ip=* | peer=*) eval "${word%%=*}='${word#*=}'" ;; esac
done
mkdir -p /tmp
tells() { # NAME COMMAND...: how the command ends
	local name=$1
	shift
	if "$@" >/tmp/out 2>&1; then echo "guest: $name works"; else echo "guest: $name FAILS"; cat /tmp/out; fi
}
