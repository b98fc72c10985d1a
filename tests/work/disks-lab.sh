# SPDX-License-Identifier: GPL-2.0-only
# In the lab: VMs on $device, which is /dev/vh or /dev/kvm, that boot from disks or work on images, as $only says
if [ $device = /dev/kvm ]; then
	modprobe kvm-intel || exit 2
else
	insmod ./vh.ko || exit 2
fi
chgrp kvm $device; chmod 660 $device
vm() { ./vhctl run --device $device "$@" </dev/null; }
kernel="--kernel vmlinux --initrd initrd --memory 160M --cpus 2"
start() { # OPTIONS...: in the background, as $vm; all that it says is in said
	./vhctl run --device $device $kernel "$@" </dev/null >said 2>&1 &
	vm=$!
}
# Their lines, without the escape sequences of the BIOS's terminal
plain() { sed 's/\x1b\[[0-9;?=]*[A-Za-z]//g; s/\x1b[a-z]//g; s/\r//g' "$1"; }
works() { # FILE: a test for each thing that works in the guest, and one that nothing failed
	while read -r line; do
		check "guest: $line" true
	done <<-END_OF_WORKS
	$(plain $1 | sed -n 's/^guest: \(.* works\).*/\1/p')
	END_OF_WORKS
	check "nothing failed in the guest" sh -c \
		"! grep -a -A 20 'guest: .* FAILS\|Oops\|BUG:\|blocked for more\|I/O error' $1"
}
daemons() { pidof qemu-storage-daemon | tr " " "\n" | grep .; }
gone() { # no daemon is left, soon
	local n=0
	while daemons >/dev/null; do n=$((n + 1)); [ $n -lt 100 ] || return 1; usleep 100000; done
}

boots() { # STATUS COMMAND...: what it says is in boot
	ends "$@" >boot 2>&1
}

case $only in *boot*)
	check "nothing to boot" refused "what is it to boot?"
	check "a kernel and a firmware" refused "want one of them" --kernel /none --firmware /none
	check "a command line for no kernel" refused "is for the kernel of --kernel" --disk system --cmdline x
	check "no firmware" refused "firmware none: No such file or directory (Debian's package seabios" \
		--disk system --firmware none
	echo x >small; check "one that is too small" refused "is no firmware" --disk system --firmware small

	# raw; the guest resets in the end
	check "a raw disk boots, and resets" boots 3 vm --disk system --memory 160M --cpus 2
	plain boot | grep -a "SeaBIOS\|Booting from\|grub:\|GRUB version\|guest:\|vhctl" | cut -c1-100
	check "SeaBIOS is on the console" grep -aq "SeaBIOS (version" boot
	check "and GRUB, with its menu" sh -c "grep -aq 'GNU GRUB' boot && grep -aq \"a disk's own system\" boot"
	check "GRUB loads" grep -aq "grub: loads what is on the disk" boot
	check "both vCPUs run" grep -aq "guest: ACPI by 0x00000000000F[0-9A-F]*, cpus 2" boot
	check "it keeps a file" grep -aq "keeping a file works" boot
	works boot
	before=$(md5sum <system)

	# As a user, and from an image on top of it. It has a name that says so.
	mkdir -p /tmp/u; chmod 644 system
	qemu-img create -q -f qcow2 -F raw -b $PWD/system /tmp/u/over.qcow2
	chown -R user /tmp/u
	check "an image on it boots, as a user" boots 0 su user -c \
		"./vhctl run --device $device --disk /tmp/u/over.qcow2 --memory 160M --cpus 2 </dev/null"
	plain boot | grep -a "Booting from\|grub:\|guest:\|vhctl" | cut -c1-100
	check "what was kept is there" grep -aq "what was kept works" boot
	works boot
	check "the base is as it was" [ "$(md5sum <system)" = "$before" ]
	check "the image is whole" qemu-img check -q /tmp/u/over.qcow2

	check "not confined, the raw one boots too" boots 0 vm --no-confine --disk system --memory 160M --cpus 2
	check "by GRUB, to where something was kept" grep -aq "what was kept works" boot
	works boot
	check "and has what the guest wrote" [ "$(qemu-img compare -q -f qcow2 -F raw /tmp/u/over.qcow2 system; echo $?)" = 1 ]
	check "no daemon is left" gone
esac

case $only in *images*)
	# base: busybox's pieces from 1 MiB on; middle: some at 4 MiB; a: as large again. All have 64-KiB clusters.
	truncate -s 16M base
	dd if=/bin/busybox of=base bs=64k count=8 seek=16 conv=notrunc 2>/dev/null
	qemu-img create -q -f qcow2 -F raw -b base mid.qcow2
	dd if=/bin/busybox of=part bs=64k count=2 skip=2 2>/dev/null
	truncate -s 16M mid.raw; dd if=part of=mid.raw bs=64k seek=64 conv=notrunc 2>/dev/null
	dd if=base of=mid.raw bs=64k skip=16 seek=16 count=8 conv=notrunc 2>/dev/null
	qemu-img convert -f raw -O qcow2 -B base -F raw mid.raw mid.qcow2
	rm mid.raw part
	qemu-img create -q -f qcow2 -F qcow2 -b mid.qcow2 a.qcow2
	qemu-img resize -q a.qcow2 32M
	qemu-img create -q -f vmdk b.vmdk 12M
	truncate -s 8M c
	before=$(cat base mid.qcow2 | md5sum)

	# --- options, and files that are none ---
	check "no format of that name" refused "format 'nbd': want raw, qcow2" --disk a.qcow2,format=nbd
	cp a.qcow2 nameless
	check "an image whose name does not say so" refused "nameless: looks like qcow2" --disk nameless
	check "which a guest may have written" refused "none: No such file" --disk nameless,format=raw --kernel none
	check "what is no image" refused "base: is no qcow2 image" --disk base,format=qcow2
	cp base base.vmdk
	check "nor by its name" refused "base.vmdk: " --disk base.vmdk
	head -c 100000 mid.qcow2 >cut.qcow2
	check "half an image" refused "cut.qcow2: is truncated" --disk cut.qcow2
	cp a.qcow2 lonely.qcow2; qemu-img rebase -u -F raw -b nowhere lonely.qcow2
	check "no backing file" refused "lonely.qcow2: its backing file nowhere: No such file" --disk lonely.qcow2
	check "no daemon to open it" boots 1 env PATH=/nowhere ./vhctl run --device $device --disk a.qcow2 $kernel
	check "which is told" grep -q "need qemu-storage-daemon (Debian's package" boot
	chmod 444 a.qcow2; chown user .
	check "one that may not be written" boots 1 su user -c "./vhctl run --device $device --disk a.qcow2 $kernel"
	check "which is told, too" grep -q "a.qcow2: Permission denied; with ',ro' it is only read" boot
	chmod 644 a.qcow2; chown root .
	qemu-img create -q -f vmdk -o subformat=monolithicFlat flat.vmdk 1M
	sed -i 's,"flat-flat.vmdk","/etc/passwd",' flat.vmdk
	check "an image that names a file of the host's" \
		refused "flat.vmdk: Could not open '/etc/passwd': Permission denied" --disk flat.vmdk
	check "the same image twice" refused "a.qcow2: is in use by another program" --disk a.qcow2 --disk a.qcow2
	check "its base, for writing, beside it" refused "base: is in use by another program" --disk a.qcow2 --disk base
	check "for reading it may be" refused "none: No such file" --disk a.qcow2 --disk base,ro --kernel none
	check "nobody is left of them" gone

	# --- a guest that does all ---
	mkdir -p /sys/fs/cgroup/vms
	start --cgroup vms --cmdline "$cmdline step=images" --disk a.qcow2 --disk b.vmdk,cache=unsafe \
		--disk c,ro,iops=30 --stats
	check "the guest begins" says 100 "guest: modules works"
	check "there is a daemon for each image" [ "$(daemons | wc -l)" = 2 ]
	sort /sys/fs/cgroup/vms/cgroup.procs >are
	{ daemons; echo $vm; vmm; } | sort >want
	check "in the VM's cgroup" cmp are want
	little() { for p in $(daemons); do awk '/RssAnon/ { exit $2 > 4096 }' /proc/$p/status || return; done; }
	check "which takes little" little
	check "a file in use is refused" refused "a.qcow2: is in use by another program" --disk a.qcow2
	check "the guest gets to its end, and powers off" ends 0 wait $vm
	grep -a "guest:\|disk" said
	works said
	check "the daemons are gone" [ -z "$(daemons)" ]
	check "all below the image is as it was" [ "$(cat base mid.qcow2 | md5sum)" = "$before" ]
	check "the image is whole" qemu-img check -q a.qcow2
	check "the other one, too" qemu-img check -q b.vmdk
	check "what was discarded takes no room" [ "$(du -k a.qcow2 | cut -f1)" -lt 5000 ]
	qemu-img convert -O raw a.qcow2 flat
	check "what was written is in it" [ "$(sum flat 0 8)" = "$(sum /bin/busybox 0 8)" ]
	check "and over its base" [ "$(sum flat 16 1)" = "$(sum /bin/busybox 8 1)" ]
	check "and behind the old end" [ "$(sum flat 400 1)" = "$(sum /bin/busybox 0 1)" ]
	check "what was discarded is zero" [ "$(sum flat 256 64)" = "$(sum /dev/zero 0 64)" ]
	check "what was zeroed is zero" [ "$(sum flat 18 1)" = "$(sum /dev/zero 0 1)" ]
	check "beside it is the base" [ "$(sum flat 19 5)" = "$(sum base 19 5)" ]
	check "what was loaded is whole" ./disk check flat 640 256 8
	rm flat

	# --- who serves an image is killed: the guest's requests fail, and nothing else ---
	start --cmdline "$cmdline step=lost" --disk b.vmdk
	check "the guest works" says 100 "guest: works"
	usleep 500000
	kill -9 $(daemons)
	check "its requests fail, and it powers off" ends 0 wait $vm
	check "it knows" grep -q "guest: requests fail" said
	check "and so does who runs it" grep -q "vhctl: disk b.vmdk: qemu-storage-daemon is lost" said

	# --- in the background, and killed by the kernel ---
	if [ $device = /dev/vh ]; then
		./vhctl create web --memory 160M --cpus 2 >/dev/null
		check "an image that is not there" ends 1 ./vhctl start web --kernel vmlinux --disk none.qcow2
		check "a VM in the background" ./vhctl start web --kernel vmlinux --initrd initrd \
			--cmdline "$cmdline step=lost" --disk b.vmdk
		until grep -q "guest: works" /run/vh/*.log || ! ./vhctl ls web | grep -q running; do usleep 100000; done
		check "has a daemon" [ "$(daemons | wc -l)" = 1 ]
		check "it is killed" ./vhctl kill web
		check "its daemon is gone, too" gone
		check "its image is whole" qemu-img check -q b.vmdk
		./vhctl destroy web
	fi

	# --- the VMM is killed ---
	rm a.qcow2
	qemu-img create -q -f qcow2 -F raw -b base a.qcow2
	qemu-img create -q -f qcow2 c.qcow2 8M
	start --cmdline "$cmdline step=kill" --disk a.qcow2 --disk c.qcow2
	check "the guest has flushed" says 100 "guest: flushed"
	usleep 500000
	kill -9 $vm
	wait $vm 2>/dev/null
	check "the guest did not end by itself" sh -c '! grep -A 20 "guest: done\|FAILS" said'
	check "the daemons are gone, too" gone
	check "the images are whole" sh -c "qemu-img check -q a.qcow2 && qemu-img check -q c.qcow2"
	qemu-img convert -O raw a.qcow2 flat
	qemu-img convert -O raw c.qcow2 files
	check "what was flushed is there" [ "$(sum flat 0 8)" = "$(sum /bin/busybox 0 8)" ]
	files() {
		modprobe crc32c_generic && modprobe ext4 && modprobe loop && mkdir m &&
			mount -t ext4 -o loop,ro files m && cmp m/kept /bin/busybox
	}
	check "and so is a file of a file system" files
	umount m
	check "the base is as it was" [ "$(cat base mid.qcow2 | md5sum)" = "$before" ]
	check "the images are free again" refused "none: No such file" --disk a.qcow2 --disk c.qcow2 --kernel none
esac
[ $device = /dev/kvm ] || check "vh unloads" rmmod vh
# but for the user's folder of control sockets, whose name is the user's number
check "nothing is left in /tmp" [ -z "$(ls -d /tmp/vh-* 2>/dev/null | grep -v '^/tmp/vh-[0-9]*$')" ]
echo "$passed passed, $failed failed"
[ $failed = 0 ]
