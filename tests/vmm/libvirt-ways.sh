# SPDX-License-Identifier: GPL-2.0-only
# In the lab, before libvirt-lab.sh: rows in which libvirtd finds vh by other ways than the parameter kvm_alias.
load() {	# the module by itself, as udev's rule has it
	insmod ./vh.ko && chgrp kvm /dev/vh && chmod 660 /dev/vh || bad "the module does not load"
}
life() {	# a domain's, on vh
	domain web
	rm -f /srv/web.serial
	v define web.xml || bad "define"
	v start web || { bad "start"; tail -n 5 /var/log/libvirt/qemu/web.log; }
	sees /srv/web.serial "guest: pass" 2 || bad "the guest does not start"
	./vhctl show web >said 2>&1 && grep -q "^command *qemu-system-x86" said || bad "it is not on vh"
}
death() {
	v destroy web || bad "destroy"
	v undefine web || bad "undefine"
}
by_exec() {
	./vhctl exec libvirtd >>libvirtd.says 2>&1 &
	daemon=$!
	row_daemon
	life
	death
	ends
}
row_exec() {
	load
	[ ! -e /dev/kvm ] || bad "there is a /dev/kvm"
	by_exec
	[ ! -e /dev/kvm ] || bad "there is a /dev/kvm behind it"
	modprobe kvm-intel || bad "no KVM"
	by_exec
	rmmod kvm-intel kvm || bad "KVM is in use"
	rmmod vh || bad "the module is in use"
}
# systemd, which a PID namespace has for its first process, with the units of the packages
active() { $inside systemctl -q is-active libvirtd.service; }
row_dropin() {
	load
	mkdir -p /etc/systemd/system/libvirtd.service.d
	cp kvm-is-vh.conf /etc/systemd/system/libvirtd.service.d
	cat >/etc/systemd/system/lab.target <<-END
		[Unit]
		Requires=basic.target libvirtd.service
	END
	echo 0123456789abcdef0123456789abcdef >/etc/machine-id	# a host's first start enables all units
	echo "messagebus:x:102:65534:::/bin/false" >>/etc/passwd
	# it is there on any host, for whoever opens it has KVM loaded
	mknod -m 660 /dev/kvm c 10 232 && chgrp kvm /dev/kvm
	mount -t tmpfs run /run && mkdir /run/lock
	env -i container=lab PATH="$PATH" /usr/bin/unshare --pid --fork --kill-child --mount --mount-proc \
		/lib/systemd/systemd --unit=lab.target --log-target=kmsg >systemd.says 2>&1 &
	systemd=$!
	within 100 pidof systemd >/dev/null || bad "no systemd"
	inside="/usr/bin/nsenter -m -p --wd=/p -t $(pidof systemd)"
	within 60 active || bad "libvirtd.service"
	$inside systemctl show -p DropInPaths -p ActiveState -p ControlGroup libvirtd.service >said 2>&1
	grep -q "^DropInPaths=.*kvm-is-vh.conf" said && grep -q ActiveState=active said || bad "it has no drop-in"
	[ "$status" = 0 ] || {
		cat said systemd.says
		dmesg | grep systemd | tail -n 30
		$inside systemctl status libvirtd.service
		return
	}
	row_daemon
	life
}
row_slice() {
	./vhctl ls -j >said && grep -q '"cgroup":"/machine.slice/machine-qemu[^/]*web.scope' said && grep -q '"name":"web"' said ||
		bad "it does not tell of the domain's cgroup and name"
	./vhctl ls | sed 's/^/# /'
	./vhctl top -n 1 -d 0.2 >said && grep -q " web *running" said || bad "top does not tell of it"
	limit machine.slice
	death
	kill $systemd
	rmmod vh || bad "the module is in use"
}
