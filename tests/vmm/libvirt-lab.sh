# SPDX-License-Identifier: GPL-2.0-only
# In the lab: libvirtd's users and files, and what virsh does in each of $rows with a domain on $device,
# vh or kvm, which is /dev/kvm.
tar xf libvirt.tar -C / && rm libvirt.tar || exit 2
# vhctl has brought those of the machine where it was built
for library in /usr/lib/x86_64-linux-gnu/*.so*; do
	rm -f /lib/x86_64-linux-gnu/${library##*/}
done
# as the packages' scripts and udev's rules have it
echo "libvirt-qemu:x:64055:$(sed -n 's/^kvm:[^:]*:\([0-9]*\):.*/\1/p' /etc/group):::/bin/false" >>/etc/passwd
echo "libvirt-qemu:x:64055:libvirt-qemu" >>/etc/group
grep -q ^nobody: /etc/passwd || echo "nobody:x:65534:65534:::/bin/false" >>/etc/passwd
echo "dnsmasq:x:101:65534:::/bin/false" >>/etc/passwd
grep -q ^nogroup: /etc/group || echo "nogroup:x:65534:" >>/etc/group
echo "dip:x:30:" >>/etc/group
mkdir -p /etc/libvirt /var/log /var/lib /var/cache /run
rm -rf /var/run && ln -s /run /var/run
cat >/etc/libvirt/qemu.conf <<-END
	security_driver = "none"
	stdio_handler = "file"
END
cat >/etc/libvirt/libvirtd.conf <<-END
	auth_unix_ro = "none"
	auth_unix_rw = "none"
	log_outputs = "2:file:/p/libvirtd.log"
END
mkdir -m 755 /srv && mv initrd vmlinux vmlinuz /srv && chmod 755 /p || exit 2
inside=	# what has commands run where libvirtd is
case $rows in
exec* | dropin*) ;;	# they begin otherwise
*)
	if [ $device = kvm ]; then
		modprobe kvm-intel || exit 2
	else
		insmod ./vh.ko kvm_alias=1 || exit 2
	fi
	chgrp kvm /dev/kvm && chmod 660 /dev/kvm
	libvirtd >libvirtd.says 2>&1 &
	daemon=$!
	;;
esac

within() {	# SECONDS COMMAND...: it succeeds before they are over
	local end=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ $(date +%s) -lt $end ] || return 1
		usleep 500000
	done
}
v() {	# COMMAND...: of virsh, whose answer is in said
	timeout 200 $inside virsh -q -c qemu:///system "$@" >said 2>&1
}
tells() { v $2 && grep -q "$1" said; }	# PATTERN COMMAND: virsh's answer has it
silent() { v $2 && ! grep -q "$1" said; }
has() { [ -e $1 ] && [ $(grep -c "$2" $1) -ge $3 ]; }
sees() { within 300 has $1 "$2" ${3:-1}; }	# FILE PATTERN [COUNT]: in a line of it, so often, before long
gone() { ! kill -0 $daemon 2>/dev/null; }
ends() {	# libvirtd does
	kill $daemon
	within 60 gone || bad "libvirtd does not end"
}
again() {	# it ends, and begins
	ends
	libvirtd >>libvirtd.says 2>&1 &
	daemon=$!
	row_daemon
}
state() { v domstate web && grep -qx "$1" said || bad "it is not $1, but $(cat said)"; }
# The guest's memory is what it wrote, and it goes on: two more passes
sound() {
	sees /srv/web.serial "guest: pass .* 1 different sums" $(($(grep -c "guest: pass" /srv/web.serial) + 2)) ||
		bad "the guest does not go on"
	! grep -q "guest: pass .* [2-9] different\|Kernel panic\|Oops\|BUG:" /srv/web.serial ||
		bad "the guest's memory is not what it wrote"
}
row() {	# NAME: what row_NAME finds
	local status=0
	row_$1
	verdict "$1" "$status" said /srv/web.serial libvirtd.log
}
domain() {	# NAME: in NAME.xml
	cat >$1.xml <<-END
		<domain type='kvm'>
		<name>$1</name>
		<maxMemory slots='2' unit='MiB'>512</maxMemory>
		<memory unit='MiB'>192</memory>
		<vcpu current='1'>2</vcpu>
		<os>
		<type arch='x86_64' machine='q35'>hvm</type>
		<kernel>/srv/vmlinux</kernel>
		<initrd>/srv/initrd</initrd>
		<cmdline>console=ttyS0 quiet nokaslr panic=-1 vhtest=vmm row=domain</cmdline>
		</os>
		<features><acpi/><apic/></features>
		<cpu mode='host-passthrough'><numa><cell id='0' cpus='0-1' memory='192' unit='MiB'/></numa></cpu>
		<devices>
		<emulator>/usr/bin/qemu-system-x86_64</emulator>
		<disk type='file' device='disk'>
		<driver name='qemu' type='qcow2'/>
		<source file='/srv/$1.qcow2'/>
		<target dev='vda' bus='virtio'/>
		</disk>
		<controller type='pci' model='pcie-root'/>
		<controller type='pci' model='pcie-root-port'/>
		<controller type='pci' model='pcie-root-port'/>
		<controller type='pci' model='pcie-root-port'/>
		<controller type='usb' model='none'/>
		<serial type='file'><source path='/srv/$1.serial' append='on'/></serial>
		<serial type='pty'/>
		<memballoon model='virtio'/>
		</devices>
		</domain>
	END
	qemu-img create -q -f qcow2 /srv/$1.qcow2 16M >said 2>&1 || bad "qemu-img"
}
row_daemon() {
	within 300 v version || bad "libvirtd does not answer"
	sed 's/^/# /' said
}
row_capabilities() { v capabilities && grep -q "<domain type='kvm'" said || bad "no domain of type kvm"; }
row_domcapabilities() {
	v domcapabilities --virttype kvm --machine q35 && grep -q "<domain>kvm</domain>" said &&
		grep -q "<mode name='host-passthrough' supported='yes'>" said || bad "no domain of type kvm with the host's processor"
	grep -q "usable='yes'" said || bad "no named model of a processor is usable"
	echo "# models: $(grep -c "usable='no'" said) not usable;" $(sed -n "s/.*<model.*usable='yes'[^>]*>\(.*\)<.*/\1/p" said)
}
row_start() {
	domain web
	v define web.xml || bad "define"
	v start web || { bad "start"; cat /var/log/libvirt/qemu/web.log; }
	v list && grep -q "web.*running" said || bad "list"
	sees /srv/web.serial "guest: pass" 2 || bad "the guest does not start"
	sound
	v qemu-monitor-command web --hmp info kvm && grep -q "kvm support: enabled" said || bad "it is not on /dev/kvm"
}
row_vhctl() {
	./vhctl ls >said && grep -q " web  *running" said || bad "it does not tell of the domain by name"
	sed 's/^/# /' said
	./vhctl show web >said && grep -q '/machine/qemu-1-web' said || bad "it does not tell of the domain's cgroup"
	./vhctl pause web && ./vhctl ls web >said && grep -q paused said && ./vhctl resume web || bad "it does not pause it by name"
	sound
}
limit() {	# CGROUP: libvirt's, in which all domains are
	domain two
	./vhctl group set $1 vms=1 >said 2>&1 || bad "no limit"
	v define two.xml || bad "define"
	! v start two || bad "it starts"
	grep -q "Disk quota exceeded" said || bad "it is not told why"
	sound
	./vhctl group set $1 vms=2 >said 2>&1 || bad "no other limit"
	v start two || bad "it does not start within the limit"
	v destroy two && v undefine two || bad "it does not go"
}
row_limit() { limit machine; }
row_domstats() {
	v domstats web && grep -q "state.state=1" said && grep -q "vcpu.0.time=[1-9]" said || bad "figures are missing"
	sed -n 's/^ */# /; /state.state\|cpu/p' said
}
row_suspend() {
	local n
	v suspend web || bad "suspend"
	state paused
	n=$(grep -c "guest: pass" /srv/web.serial)
	sleep 2
	[ "$(grep -c "guest: pass" /srv/web.serial)" = $n ] || bad "it goes on while it is suspended"
	v resume web || bad "resume"
	state running
	sound
}
row_save() {
	v save web /srv/state || bad "save"
	state "shut off"
	v restore /srv/state || bad "restore"
	state running
	sound
	rm -f /srv/state
}
row_managedsave() {
	v managedsave web || bad "managedsave"
	v start web || bad "start"
	state running
	sound
}
row_snapshot() {
	v snapshot-create-as web s || bad "create"
	sound
	v snapshot-revert web s || bad "revert"
	state running
	sound
	v snapshot-delete web s || bad "delete"
}
row_dump() {
	v dump --memory-only web /srv/core || bad "dump"
	[ "$(head -c 4 /srv/core | tail -c 3)" = ELF ] || bad "it is no core"
	rm -f /srv/core
	sound
}
row_setvcpus() {
	v setvcpus web 2 --live || bad "setvcpus"
	v vcpucount web --live --active && grep -qx 2 said || bad "it has not two"
	sound
}
row_attach() {
	qemu-img create -q -f qcow2 /srv/more.qcow2 1M
	v attach-disk web /srv/more.qcow2 vdb --driver qemu --subdriver qcow2 --live || bad "attach"
	sound
	v detach-disk web vdb --live || bad "detach"
	within 60 silent vdb "domblklist web" || bad "it stays"
	sound
}
# External: an overlay, which is written back into its base while the guest runs
row_blockcommit() {
	v snapshot-create-as web over --disk-only --atomic || bad "snapshot"
	v domblklist web && grep -q "web.over" said || bad "no overlay"
	sound
	v blockcommit web vda --active --pivot --wait || bad "blockcommit"
	v domblklist web && grep -q "web.qcow2" said || bad "it is still on the overlay"
	v snapshot-delete web over --metadata || bad "what is told of the snapshot"
	rm -f /srv/web.over
	sound
}
row_console() {
	timeout 60 script -q -c "virsh -c qemu:///system console web --devname serial1" /dev/null >said 2>&1 </dev/null
	grep -q "guest: console" said || bad "nothing of the guest's second console"
}
row_balloon() {
	v setmem web 180M --live || bad "setmem"
	within 60 tells "actual 184320" "dommemstat web" || bad "the guest does not give it"
	sound
	v setmem web 192M --live || bad "setmem, back"
	sound
}
memory() { sed -n 's/^guest: memory \([0-9]*\).*/\1/p' /srv/web.serial | tail -n 1; }	# MiB, as the guest says
grown() { [ $(memory) -gt $1 ]; }
row_memory() {
	local before
	before=$(memory)
	echo "<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>" >dimm.xml
	v attach-device web dimm.xml --live || bad "attach-device"
	within 100 grown $((before + 100)) || bad "the guest does not see it"
	sound
}
row_pool() {
	v pool-define-as images dir --target /srv/images && v pool-build images && v pool-start images || bad "pool"
	v vol-create-as images data.qcow2 4M --format qcow2 || bad "vol-create"
	v vol-list images && grep -q "data.qcow2" said || bad "vol-list"
	v attach-disk web /srv/images/data.qcow2 vdc --driver qemu --subdriver qcow2 --live || bad "attach"
	sound
	v detach-disk web vdc --live || bad "detach"
	within 60 silent vdc "domblklist web" || bad "it stays"
	v vol-delete data.qcow2 images && v pool-destroy images && v pool-undefine images || bad "it does not go"
}
# NAT, addresses by DHCP
row_network() {
	cat >net.xml <<-END
		<network><name>default</name><forward mode='nat'/><bridge name='virbr0'/>
		<ip address='192.168.122.1' netmask='255.255.255.0'><dhcp><range start='192.168.122.2' end='192.168.122.9'/></dhcp></ip>
		</network>
	END
	# a host whose modprobe knows aliases loads them when they are asked for
	for m in tun bridge crc32c_generic nf_tables nft_compat nft_chain_nat xt_MASQUERADE xt_conntrack xt_tcpudp ipt_REJECT ip6t_REJECT xt_CHECKSUM; do
		modprobe $m || bad "no module $m"
	done
	v net-define net.xml || bad "net-define"
	v net-start default || { bad "net-start"; dnsmasq -d --conf-file=/var/lib/libvirt/dnsmasq/default.conf --test; return; }
	iptables -t nat -S 2>/dev/null | grep -q MASQUERADE || bad "nobody is masqueraded"
	v attach-interface web network default --model virtio --live || bad "attach-interface"
	sees /srv/web.serial "guest: network works" || bad "the guest does not reach it"
	v net-dhcp-leases default && grep -q "192.168.122" said || bad "nobody has an address of it"
	sound
	v detach-interface web network --live || bad "detach-interface"
	v net-destroy default && v net-undefine default || bad "it does not go"
}
# A domain outlives its libvirtd; one that is not there is started by the next
row_autostart() {
	v autostart web || bad "autostart"
	again
	state running
	sound
	v destroy web || bad "destroy"
	rm -f /run/libvirt/qemu/autostarted
	again
	within 60 tells running "domstate web" || bad "it does not start"
	sound
	v autostart web --disable || bad "no autostart"
}
row_reset() {
	local n
	n=$(grep -c "userspace reached" /srv/web.serial)
	v reset web || bad "reset"
	sees /srv/web.serial "userspace reached" $((n + 1)) || bad "it does not start again"
	sound
}
row_destroy() {
	v destroy web || bad "destroy"
	state "shut off"
	v undefine web || bad "undefine"
	v list --all && ! grep -q web said || bad "it is there still"
	[ $device = kvm ] || { ./vhctl ls -j >said; ! grep -q '"id"' said || bad "vhctl tells of it still"; }
}
# OVMF, by what its package says of it; it starts the kernel's EFI stub, but for one with keys that did not sign the kernel
row_firmware() {
	domain uefi
	sed -i "s,<os>,<os firmware='efi'><firmware><feature enabled='no' name='secure-boot'/></firmware>,; s/vmlinux/vmlinuz/; s/quiet //; /maxMemory/d; s/ current='1'>2/>1/; /<cpu/s/cpus='0-1'/cpus='0'/" uefi.xml
	v domcapabilities --virttype kvm --machine q35 && grep -q "<value>efi</value>" said || bad "domcapabilities do not know it"
	v define uefi.xml || bad "define"
	v start uefi || { bad "start"; cat /var/log/libvirt/qemu/uefi.log; }
	v dumpxml uefi && grep -q "<loader.*OVMF_CODE" said || bad "no firmware is chosen"
	sed -n '/<loader\|<nvram/s/^ */# /p' said
	within 600 has /srv/uefi.serial "EFI stub:" 1 || { bad "the firmware starts no kernel"; tail -n 20 /srv/uefi.serial; echo; }
	v destroy uefi && v undefine uefi --nvram || bad "it does not go"
}
row_end() {
	ends
	[ $device = kvm ] || rmmod vh || bad "the module is in use"
}

for name in $rows; do
	row $name
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
