# SPDX-License-Identifier: GPL-2.0-only
# In the lab, before a suite's own: a host for passt, and another one that it can talk to
# passt makes itself a root of its own, which the initial file system is not left for
if [ -z "$moved" ]; then
	mkdir /root2 && mount --rbind / /root2 && cd /root2 && mount --move . / || exit 2
	moved=yes exec chroot . /bin/sh -c "cd /p && exec sh $0"
fi
outside() { # it has 192.0.2.1, this host 192.0.2.2, and a default route there; veth is loaded. on_outside COMMAND...: there
	local n=0
	unshare -n sleep 100000 & outside=$!
	until [ "$(readlink /proc/$outside/ns/net)" != "$(readlink /proc/$$/ns/net)" ] || [ $n = 100 ]; do usleep 20000; n=$((n + 1)); done
	./ip link add out type veth peer name gw && ./ip link set gw netns $outside || exit 2
	ip addr add 192.0.2.2/24 dev out && ip link set out up && ip route add default via 192.0.2.1 || exit 2
	on_outside ip addr add 192.0.2.1/24 dev gw && on_outside ip link set gw up && on_outside ip link set lo up || exit 2
}
on_outside() { nsenter -t $outside -n "$@"; }
