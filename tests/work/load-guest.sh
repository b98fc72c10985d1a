# SPDX-License-Identifier: GPL-2.0-only
# In a guest, before a suite's own: disks at work
loads() { # DISK COUNT SECONDS: in the background
	/disk load /dev/$1 0 $2 $3 7 >/tmp/load.$1 2>&1 &
	echo $! >/tmp/pid.$1
}
loaded() { # DISK: and it read what it wrote
	local pid
	pid=$(cat /tmp/pid.$1)
	while [ -e /proc/$pid ] && ! grep -q "^State:.*zombie" /proc/$pid/status; do usleep 100000; done
	cat /tmp/load.$1
	echo "guest: $(cat /tmp/load.$1)" >/dev/ttyS0
	grep -q "disk: load on /dev/$1" /tmp/load.$1
}
