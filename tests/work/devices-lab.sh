# SPDX-License-Identifier: GPL-2.0-only
# In the lab: VMs of vhctl's with devices; the module with $params. Of the parts those that $parts names, or all
insmod ./vh.ko $params || exit 2
cmdline="console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests rodata=off tsc_early_khz=100000 vhtest=vmm"
part() { case " $parts " in "  " | *" $1 "*) echo "--- $1" ;; *) return 1 ;; esac; }
resident() { awk '/^VmRSS/ { print int($2 / 1024) }' /proc/$(vmm)/status; } # MiB

if part balloon; then
	value() { ./vhctl balloon -j web | sed -n "s/.*\"$1\":\([0-9a-z]*\).*/\1/p"; }
	at_most() { [ "$(value $1)" -le $(($2 << 20)) ]; }
	less() { [ "$(resident)" -lt $1 ] || { resident; return 1; }; }
	check "no such size" refused "want the memory" run --kernel vmlinux --balloon=1M
	check "more than there is" refused "has only 160M" run --kernel vmlinux --memory 160M --balloon=200M
	begin
	check "a VM without one" refused "has no balloon" balloon web
	off
	begin --balloon
	check "no driver yet" [ "$(value driver)" = false ]
	guest "modules" modules virtio_pci virtio_balloon
	guest "fill" fill 120
	full=$(resident)
	check "the host has provided it" [ $full -gt 150 ]
	guest "spill" spill
	# what the guest has freed comes back by itself
	check "what is free is reported" until_ 60 less $((full - 80))
	check "and counted" [ "$(value returned)" -gt $((80 << 20)) ]
	check "the guest's figures" [ "$(value free)" -gt $((100 << 20)) ]
	check "a smaller guest" ./vhctl balloon web 180M
	check "gets smaller" until_ 60 at_most actual 180
	check "another size" refused "want a size from 16M" balloon web 257M
	check "no size" refused "want a size, such as" balloon web much
	# in need it takes back what it gave
	check "smaller than it can be" ./vhctl balloon web 120M
	guest "more than it has" fill 120
	guest "spill again" spill
	check "all again" ./vhctl balloon web 256M
	check "gets it" until_ 60 sh -c '[ "$(./vhctl balloon web | awk "/^actual/ { print \$2 }")" = 256M ]'
	guest "a driver that goes" rmmod virtio_balloon
	check "is seen" [ "$(value driver)" = false ]
	guest "and comes" modprobe virtio_balloon
	./vhctl balloon web
	off
	begin --balloon=200M
	guest "modules" modules virtio_pci virtio_balloon
	check "it begins small" until_ 60 at_most actual 200
	check "the socket is root's" [ "$(stat -c %a /run/vh/*.control)" = 600 ]
	kill -STOP $(vmm)
	kill -CONT $(vmm)
	off
	check "and goes with the VM" sh -c '! ls /run/vh/*.control'
fi

if part generation; then
	append=
	begin --no-confine
	guest "it is found" [ -e /sys/bus/acpi/drivers/vmgenid/VHGN0001:00 ]
	guest "nothing yet" "sh -c '! dmesg | grep fork'"
	check "another generation" [ "$(./ask /run/vh/*.control '{"command":"generation"}')" = "{}" ]
	guest "it is told" until_ 20 "sh -c 'dmesg | grep \"reseeded due to virtual machine fork\"'"
	check "no such command" sh -c "./ask /run/vh/*.control '{\"command\":\"x\"}' | grep 'no command'"
	off
fi

if part panic; then
	append=panic=-1
	begin
	guest "modules" modules pvpanic-mmio
	tell "echo c >/proc/sysrq-trigger"
	check "a panic ends the VM as a crash" closes 4
	check "and is told" says 1 "vhctl: web: the guest crashed: its kernel panicked"
	check "behind what the kernel says" says 1 "Kernel panic"
	begin
	tell "echo c >/proc/sysrq-trigger"
	check "without a driver it is a reset" closes 3
	append=
fi

if part clock; then
	# what the guest's clock says, and the host's, in seconds
	apart() { # SECONDS: so far is the guest's clock ahead, about
		local there here
		tell "echo \"guest: clock \$(cat /sys/class/rtc/rtc0/since_epoch) $n\""
		says 20 "guest: clock [0-9]* $n" || return 1
		here=$(date +%s)
		there=$(sed -n "s/.*guest: clock \([0-9]*\) $n\r*$/\1/p" said)
		n=$((n + 1))
		[ $((there - here - $1)) -ge -2 ] && [ $((there - here - $1)) -le 2 ] || { echo "$there, not $here + $1"; return 1; }
	}
	n=0
	begin
	guest "there is one" [ -e /sys/class/rtc/rtc0/since_epoch ]
	check "it is right" apart 0
	check "pause" ./vhctl pause web
	sleep 5
	check "resume" ./vhctl resume web
	check "it stays right" apart 0
	guest "an alarm" "sh -c 'echo +2 >/sys/class/rtc/rtc0/wakealarm'"
	guest "comes" until_ 20 "sh -c '[ -z \"\$(cat /sys/class/rtc/rtc0/wakealarm)\" ] && grep -q \" [1-9].*rtc0\" /proc/interrupts'"
	guest "it is set" "sh -c 'date -s @86400000 && hwclock -u -w'"
	check "and keeps what it is set to" apart $((86400000 - $(date +%s)))
	off
fi

if part watchdog; then
	feed() { guest "$1" "sh -c 'watchdog -T 4 -t 1 /dev/watchdog0 && sleep 1 && pidof watchdog'"; }
	check "no such watchdog" refused "want reset, poweroff or pause" run --kernel vmlinux --watchdog=bark
	begin --watchdog
	guest "modules" modules wdat_wdt
	guest "it is there" [ -c /dev/watchdog0 ]
	guest "nobody has started it" "sh -c 'sleep 6'"
	feed "it is fed"
	guest "for a while" "sh -c 'sleep 8'"
	check "pause" ./vhctl pause web
	sleep 8
	check "resume" ./vhctl resume web
	guest "a pause is no hang" "sh -c 'sleep 3'"
	kill -STOP $(vmm)
	sleep 8
	kill -CONT $(vmm)
	guest "nor is a VMM that stands" "sh -c 'sleep 3'"
	tell "killall -9 watchdog"
	check "a guest that hangs is reset" closes 3
	check "and it is told" says 1 "vhctl: web: the guest hangs: its watchdog resets it"
	begin --watchdog=poweroff
	guest "modules" modules wdat_wdt
	feed "it is fed"
	tell "killall watchdog"
	guest "it may be stopped" "sh -c 'sleep 6'"
	feed "it is fed again"
	tell "killall -9 watchdog"
	check "a guest that hangs ends as a crash" closes 4
	begin --watchdog=pause
	guest "modules" modules wdat_wdt
	feed "it is fed"
	tell "killall -9 watchdog"
	check "a guest that hangs is paused" until_ 30 sh -c './vhctl ls web | grep paused'
	check "and it is told" says 1 "did not feed its watchdog; the VM is paused"
	check "resume" ./vhctl resume web
	feed "it is fed again"
	off
fi

if part console; then
	text() { dd if=/dev/urandom bs=48 count=$1 2>/dev/null | base64 -w 64; } # LINES
	check "no such console" refused "want serial or virtio" run --kernel vmlinux --console braille
	begin_by "./term said" --console virtio
	tell on_hvc0
	check "the console is another one" says 30 "guest: on hvc0"
	guest "it knows its size" until_ 10 size 24 80
	kill -USR1 $vm
	guest "and another one" until_ 10 size 50 132
	# what is written there comes, all of it
	tell "stty -opost; dd if=/bin/busybox bs=48 count=4000 2>/dev/null | base64 -w 64; echo guest: written; stty opost"
	check "much output" says 60 "guest: written"
	check "is all there" [ "$(tr -d "\r" <said | grep -E "^[A-Za-z0-9+/]{64}$" | md5sum)" = "$(dd if=/bin/busybox bs=48 count=4000 2>/dev/null | base64 -w 64 | md5sum)" ]
	: >said		# searching it takes long
	text 500 >typed
	tell "head -n 500 >/tmp/typed; echo guest: sum \$(md5sum </tmp/typed | cut -c1-32)"
	cat typed >&9
	check "much input" says 60 "guest: sum $(md5sum <typed | cut -c1-32)"
	off
	# in the background, the terminal is that of attach
	./vhctl create web --memory 256M >/dev/null
	check "a VM in the background" ./vhctl start web --kernel vmlinux --initrd initrd --cmdline "$cmdline" --console virtio
	rm -f in said
	mkfifo in
	./term said ./vhctl attach web <in &
	vm=$!
	exec 9>in
	until_ 60 sh -c "grep -q 'guest: ready' /run/vh/*.log"
	tell on_hvc0
	check "its console is another one, too" says 30 "guest: on hvc0"
	guest "it knows the size of attach" until_ 10 size 24 80
	kill -USR1 $vm
	guest "and another one" until_ 10 size 50 132
	tell "poweroff -f"
	check "the VM ends" until_ 20 sh -c './vhctl ls web | grep defined'
	check "and attach" closes 0
	./vhctl destroy web
fi

if part pmem; then
	# KiB of the file's mapping; the process's own counts come late
	mapped() { awk -v key="$1:" '/^[0-9a-f]+-[0-9a-f]+ / { m = /root\.img$/ } m && $1 == key { n += $2 } END { print n + 0 }' /proc/$(vmm)/smaps; }
	truncate -s 4M kept; truncate -s 3M odd
	check "no such option" refused "want ro" run --kernel vmlinux --pmem root.img,rw
	check "no such file" refused "none: No such file" run --kernel vmlinux --pmem none
	check "an odd size" refused "no multiple of 2M" run --kernel vmlinux --pmem odd
	begin --pmem root.img,ro --pmem kept
	guest "modules" modules virtio_pci virtio_pmem nd_pmem crc32c_generic ext4
	guest "they are there" until_ 10 "[ -b /dev/pmem1 ]"
	guest "a read-only root" mounted
	check "is the host's page cache" [ $(mapped Rss) -gt 1500 ]
	check "and no copy of it" [ $(mapped Anonymous) -lt 100 ]
	check "others may read it" refused "/none: No such file" run --kernel /none --pmem root.img,ro
	check "but not write" refused "in use by another program" run --kernel vmlinux --pmem root.img
	guest "it writes" dd if=/bin/busybox of=/dev/pmem1 bs=64k count=16 conv=fsync
	before=$(md5sum <root.img)
	tell "umount /p; dd if=/dev/zero of=/dev/pmem0 bs=512 count=1 conv=fsync"
	check "what it cannot write is told" says 20 "pmem root.img: is read-only; the guest wrote at"
	cp kept was
	truncate -s 2M kept
	guest "a file that is cut is read" dd if=/dev/pmem1 of=/dev/null bs=64k
	check "which is told" says 5 "pmem kept: has been cut to 2097152 bytes while the VM runs"
	guest "nothing is kept any more" fails dd if=/bin/busybox of=/dev/pmem1 bs=64k seek=40 count=1 conv=fsync
	cp was kept
	off
	check "what it wrote is there" [ "$(md5sum <kept)" = "$({ dd if=/bin/busybox bs=64k count=16; dd if=/dev/zero bs=1M count=3; } 2>/dev/null | md5sum)" ]
	check "what it could not is not" [ "$(md5sum <root.img)" = "$before" ]
fi

if part hotplug; then
	devices() { ./vhctl device ls web | awk "NR > 1 { print \$1, \$$1 }" | tr "\n" " "; } # COLUMN
	are() { [ "$(devices $1)" = "$2" ] || { ./vhctl device ls web; return 1; }; } # COLUMN WHAT
	truncate -s 16M a b c
	begin
	check "a VM without a bus" refused "has no PCI bus" device add web disk a
	off
	begin --cpus 2 --disk a
	check "of VMs that are" refused "" device add nobody disk b
	check "no such file" refused "none: No such file" device add web disk none
	check "a file in use" refused "a: is in use" device add web disk a
	check "no such option" refused "want ro" device add web disk b,frob=1
	check "no such device" refused "no device 'disk7'" device rm web disk7
	check "before there is a driver" [ "$(./vhctl device add web disk b,serial=second)" = disk1 ]
	check "both are listed" are 4 "disk0 plugged disk1 plugged "
	guest "modules" modules virtio_pci virtio_blk
	guest "it finds it" until_ 20 "[ -b /dev/vdb ]"
	check "with its driver" until_ 10 are 5 "disk0 yes disk1 yes "
	guest "ACPI has nothing to complain of" "sh -c '! dmesg | grep -i \"ACPI.*error\\|ACPI.*warn\\|firmware bug\"'"
	guest "it is the one" "[ \$(cat /sys/block/vdb/serial) = second ]"
	guest "it writes there" writes vdb
	# under load, also on the disk that goes
	tell "loads vda 512 8; loads vdb 512 1000"
	check "a third, under load" ./vhctl device add web disk c,ro
	guest "it finds that" until_ 20 "[ -b /dev/vdc ]"
	check "the second goes" ./vhctl device rm -t 60 web disk1
	guest "it is gone" "[ ! -e /dev/vdb ]"
	check "and in the list" are 4 "disk0 plugged disk2 plugged "
	check "its file is another's" ./vhctl device add web disk b
	guest "it is found again" until_ 20 "[ -b /dev/vdb ]"
	guest "the load had all it wrote" loaded vda
	times=0
	for i in 1 2 3 4 5 6 7 8 9 10; do
		id=$(./vhctl device ls web | awk '/\/b$/ { print $1 }')
		./vhctl device rm -t 60 web $id && ./vhctl device add web disk b >/dev/null && times=$((times + 1))
	done
	check "ten times" [ $times = 10 ]
	guest "it has kept up" until_ 20 "[ -b /dev/vdb ]"
	# a guest that does not answer, and then does
	id=$(./vhctl device ls web | awk '/\/b$/ { print $1 }')
	./vhctl pause web
	status=0
	./vhctl device rm -t 1 web $id 2>refused || status=$?
	check "a guest that does not answer" [ $status = 6 ]
	check "and it is told" grep -q "the guest has not let go of $id" refused
	check "it is still there" [ "$(./vhctl device ls web | awk "/^$id / { print \$4 }")" = leaving ]
	./vhctl resume web
	check "then it does" until_ 30 sh -c "! ./vhctl device ls web | grep -q ^$id"
	# one that does so by itself
	tell "echo 0 >/sys/bus/pci/slots/\$((0x\$(slot vdc)))/power"
	check "a guest that ejects a disk by itself" says 30 "the guest has ejected disk2"
	check "it is no more in the list" are 4 "disk0 plugged "
	guest "nor in the guest" "[ ! -e /dev/vdc ]"
	off
	check "what was written is there" [ "$(dd if=b bs=64k count=1 2>/dev/null | md5sum)" != "$(dd if=/dev/zero bs=64k count=1 2>/dev/null | md5sum)" ]
fi

if part memory; then
	value() { ./vhctl memory -j web | sed -n "s/.*\"$1\":\([0-9a-z]*\).*/\1/p"; }
	is() { [ "$(value $1)" = $(($2 << 20)) ] || { ./vhctl memory web; return 1; }; }
	# what the kernel has charged the VM for
	charged() { [ "$(./vhctl ls -j web | sed -n 's/.*"memory":\([0-9]*\).*/\1/p')" = $(($1 << 20)) ] || { ./vhctl ls web; return 1; }; }
	less() { [ "$(resident)" -lt $1 ] || { resident; return 1; }; }
	check "no such maximum" refused "want max=SIZE" run --kernel vmlinux --memory 256M,max=128M
	check "an odd one" refused "want max=SIZE" run --kernel vmlinux --memory 256M,max=257M
	check "no such part" refused "want max=SIZE" run --kernel vmlinux --memory 256M,most=1G
	check "more than can be addressed" refused "addresses end at" run --kernel vmlinux --memory 256M,max=1T
	check "not with folders" refused "does not learn" run --kernel vmlinux --memory 256M,max=1G --share /sys
	check "not kept by create" refused "kept by a description" create web --memory 256M,max=1G
	begin
	check "a VM without" refused "has the memory that it began with" memory web
	off
	append=memhp_default_state=online_movable
	begin --memory 160M,max=672M --balloon
	check "it begins small" is actual 160
	check "and is charged so" charged 160
	check "no driver yet" [ "$(value driver)" = false ]
	guest "modules" modules virtio_pci virtio_mem virtio_balloon
	check "there is one" [ "$(value driver)" = true ]
	check "less than it began with" refused "want a size from 160M" memory web 128M
	check "more than it can have" refused "want a size from 160M" memory web 674M
	check "an odd size" refused "in steps of 2M" memory web 161M
	check "no size" refused "want a size, such as" memory web lots
	guest "the guest has that" total 100 160
	guest "it is at work" churn 20
	check "it grows, under load" ./vhctl memory web 416M
	check "it is charged" charged 416
	check "the guest plugs it" until_ 60 is actual 416
	guest "and has it" until_ 20 total 350 416
	guest "something to keep" store 10
	guest "more than it began with" fill 200
	full=$(resident)
	check "is the host's" [ $full -gt 220 ]
	guest "and is whole" stored
	guest "what is to go" rm /m/file
	check "it shrinks, under load" ./vhctl memory web 224M
	check "the guest unplugs it" until_ 100 is actual 224
	guest "what it kept is whole" stored
	check "it is charged less" until_ 30 charged 288
	check "the host has it back" until_ 30 less 230
	times=0
	for i in 1 2 3 4 5; do
		./vhctl memory web 512M >/dev/null && until_ 60 is actual 512 && ./vhctl memory web 160M >/dev/null && until_ 100 is actual 160 &&
			times=$((times + 1))
	done
	check "up and down, five times" [ $times = 5 ]
	guest "what it kept is still whole" stored
	check "nothing of it is charged" until_ 30 charged 160
	tell "rm /tmp/churn"
	check "the load ends" says 60 "guest: churned"
	check "all that it can have" ./vhctl memory web 672M
	check "is plugged" until_ 60 is actual 672
	guest "nothing is wrong" "sh -c '! dmesg | grep \"Bad page\\|BUG:\\|virtio_mem.*[Ee]rror\\|Oops\"'"
	off
	# limits; a disk and a backend of the kernel's, which learn of the memory
	modprobe vhost_vsock
	mkdir /sys/fs/cgroup/mem
	./vhctl group set mem memory=300M
	begin --memory 160M,max=672M --cgroup mem --disk root.img,ro --vsock 5
	guest "modules" modules virtio_pci virtio_blk vmw_vsock_virtio_transport virtio_mem
	check "a limit refuses" refused "the limit of memory of cgroup /mem is reached: .* of 300M" memory web 418M
	check "and nothing is charged" is charged 160
	check "nor granted" is target 160
	check "what there is room for" ./vhctl memory web 288M
	check "is plugged" until_ 60 is actual 288
	guest "and good for disks, too" "sh -c 'mkdir -p /m && mount -t tmpfs -o size=95% m /m && for i in \$(seq 30); do dd if=/dev/vda of=/m/\$i bs=64k && cmp /m/1 /m/\$i || exit 1; done 2>/dev/null'"
	check "no more" refused "the limit of memory of cgroup /mem" memory web 290M
	./vhctl group set mem memory=1G
	check "until the limit is another one" ./vhctl memory web 672M
	check "that is plugged" until_ 60 is actual 672
	guest "it ends with it plugged" true
	off
	# as a user, whose VM has its memory from a description when it was created
	chgrp kvm /dev/vh
	chmod 660 /dev/vh
	printf 'memory = 160M,max=416M\nkernel = %s/vmlinux\ninitrd = %s/initrd\ncmdline = "%s"\n' "$PWD" "$PWD" "$cmdline" >mine.conf
	check "a user's is created" su user -c "./vhctl create mine --config $PWD/mine.conf"
	check "and started" su user -c "./vhctl start mine --config $PWD/mine.conf"
	check "is charged as created" [ "$(su user -c "./vhctl memory -j mine" | sed -n 's/.*"charged":\([0-9]*\).*/\1/p')" = $((160 << 20)) ]
	check "may have more" su user -c "./vhctl memory mine 416M"
	check "and is charged for it" [ "$(su user -c "./vhctl memory -j mine" | sed -n 's/.*"charged":\([0-9]*\).*/\1/p')" = $((416 << 20)) ]
	check "is ended" su user -c "./vhctl kill mine"
	until_ 20 sh -c './vhctl ls mine | grep -q defined'
	./vhctl destroy mine
	append=
fi

if part cpus; then
	value() { ./vhctl cpus -j web | sed -n "s/.*\"$1\":\([0-9a-z]*\).*/\1/p"; }
	is() { [ "$(value $1)" = $2 ] || { ./vhctl cpus web; return 1; }; }
	charged() { [ "$(./vhctl ls -j web | sed -n 's/.*"vcpus":\([0-9]*\).*/\1/p')" = $1 ] || { ./vhctl ls web; return 1; }; }
	to() { ./vhctl cpus -t 60 web $1 >/dev/null; }
	check "no such maximum" refused "want max=N" run --kernel vmlinux --cpus 2,max=2
	check "too many" refused "want max=N" run --kernel vmlinux --cpus 2,max=65
	check "no such part" refused "want max=N" run --kernel vmlinux --cpus 2,most=4
	check "not kept by create" refused "kept by a description" create web --cpus 1,max=4
	begin --cpus 2
	check "a VM without" refused "has the vCPUs that it began with" cpus web
	off
	begin --memory 160M --cpus 1,max=4
	check "it begins with one" is actual 1
	check "and is charged for that" charged 1
	check "none at all" refused "want a number from 1 to 4" cpus web 0
	check "too many" refused "want a number from 1 to 4" cpus web 5
	check "no number" refused "want a number of vCPUs" cpus web many
	guest "the guest has one" processors 1
	guest "and knows that there can be more" "[ \$(cat /sys/devices/system/cpu/possible) = 0-3 ]"
	check "two more" to 3
	check "are there" is actual 3
	check "and charged" charged 3
	guest "the guest finds and uses them" until_ 20 online 3
	guest "each of them works" spins 3
	guest "ACPI has nothing to complain of" "sh -c '! dmesg | grep -i \"ACPI.*error\\|ACPI.*warn\\|firmware bug\"'"
	tell "hog 3"
	check "they go, under load" to 1
	check "so they are gone" is actual 1
	check "and still charged" charged 3
	guest "in the guest, too" until_ 10 processors 1
	times=0
	for i in 1 2 3 4 5 6 7 8 9 10; do
		to 4 && guest "round $i: all of them" until_ 30 online 4 && guest "round $i: work" spins 4 && to 2 && is actual 2 &&
			to 3 && guest "round $i: another one" until_ 30 online 3 && to 1 && is actual 1 && times=$((times + 1))
	done
	check "they come and go twenty times" [ $times = 10 ]
	check "charged for four" charged 4
	# by itself, and by one that does not answer
	to 3
	guest "again" until_ 20 online 3
	tell "echo 1 >/sys/bus/acpi/devices/ACPI0007:02/eject"
	check "a guest that ejects one by itself" says 30 "the guest has ejected vCPU 2 by itself"
	check "it is gone" is actual 2
	./vhctl pause web
	status=0
	./vhctl cpus -t 1 web 1 2>refused || status=$?
	check "a guest that does not answer" [ $status = 6 ]
	check "and it is told" grep -q "has not let go of its vCPUs" refused
	check "it is still there" is actual 2
	./vhctl resume web
	check "then it does" until_ 30 is actual 1
	# what no driver does
	to 3
	guest "once more" until_ 20 online 3
	tell "cat /dev/zero >/dev/null & taskset -p 4 \$!"
	tell "for i in 0 7 200 4294967295; do poke 1656 \$i; done"
	guest "who ejects what is not there, or what has to stay" processors 3
	check "goes without none" is actual 3
	tell "poke 1656 2"
	check "who ejects what runs" until_ 20 is actual 2
	guest "goes on" true
	tell "/disk port 1656 1 300 &"
	for i in 1 2 3 4 5; do to 4; done
	check "who does it again and again" until_ 30 sh -c './vhctl cpus web >/dev/null'
	tell "echo guest: lives"
	check "does not harm others than himself" says 20 "guest: lives"
	./vhctl kill web
	check "and is ended" closes 5
	mkdir -p /sys/fs/cgroup/cpus
	./vhctl group set cpus vcpus=2
	begin --memory 160M --cpus 1,max=4 --cgroup cpus --stats
	check "a limit refuses" refused "the limit of vCPUs of cgroup /cpus is reached: 2 of 2" cpus web 3
	check "and none has come" is actual 1
	check "what there is room for" to 2
	guest "comes" until_ 20 online 2
	./vhctl group set cpus vcpus=4
	check "until the limit is another one" to 4
	guest "and it is there" until_ 20 online 4
	off
	check "figures of all of them" says 1 "VM exits:"
	chgrp kvm /dev/vh
	chmod 660 /dev/vh
	printf 'memory = 160M\ncpus = 1,max=3\nkernel = %s/vmlinux\ninitrd = %s/initrd\ncmdline = "%s"\n' "$PWD" "$PWD" "$cmdline" >mine.conf
	check "a user's is created" su user -c "./vhctl create mine --config $PWD/mine.conf"
	check "and started" su user -c "./vhctl start mine --config $PWD/mine.conf"
	check "may have more" su user -c "./vhctl cpus mine 3"
	check "is ended" su user -c "./vhctl kill mine"
	until_ 20 sh -c './vhctl ls mine | grep -q defined'
	./vhctl destroy mine
fi

if part share; then
	# The lab's root is the kernel's first one, from which virtiofsd cannot go: here it is another one.
	cat >rooted <<-'END'
		#!/bin/sh
		exec unshare -m sh -c 'mkdir -p /new && mount --rbind / /new && cd /new && mount --move . / &&
			exec chroot . sh -c "cd \$0 && exec \"\$@\"" "$@"' - "$PWD" "$@"
	END
	chmod +x rooted
	daemons() { for p in /proc/[0-9]*/comm; do [ "$(cat $p 2>/dev/null)" != virtiofsd ] || echo "${p//[!0-9]/}"; done; }
	many() { [ "$(daemons | wc -l)" = $1 ] || { daemons; return 1; }; }
	same() { [ "$(md5sum <$1)" = "$(md5sum <$2)" ]; }
	run="run --kernel vmlinux --share"
	mkdir -p top/shared/sub second /sys/fs/cgroup/vms
	echo "the host's secret" >top/secret
	ln -s ../secret top/shared/out
	ln -s sub top/shared/in
	dd if=/dev/urandom of=top/shared/file bs=64k count=40 2>/dev/null
	cp /bin/busybox top/shared/sub/busybox
	cp top/shared/file second/
	check "no such folder" refused "none: No such file" $run none
	check "a file" refused "vhctl: is no folder" $run vhctl
	check "no such option" refused "want tag= or ro" $run second,rw
	check "a tag that is too long" refused "want 1 to 36 printable" $run second,tag=$(printf "%037d" 0)
	check "a tag twice" refused "two folders have the tag 'second'" $run second --share top,tag=second
	check "a file as memory beside it" refused "not with --pmem" $run second --pmem vhctl,ro
	mv /usr/lib/qemu/virtiofsd .
	check "no virtiofsd" refused "need virtiofsd (Debian's package virtiofsd; in Debian 12 qemu-system-common)" $run second
	mv virtiofsd /usr/lib/qemu/
	begin_by ./rooted --share top/shared --share second,tag=it,ro --cgroup vms
	check "in the VM's cgroup" [ "$(for p in $(daemons); do cat /proc/$p/cgroup; done | sort -u)" = 0::/vms ]
	guest "modules" modules virtio_pci virtiofs
	guest "no such tag" "sh -c '! mount -t virtiofs none /p'"
	guest "it is mounted" "sh -c 'mkdir -p /s /t && mount -t virtiofs shared /s'"
	guest "and another one" "sh -c 'mount -t virtiofs it /t'"
	sum=$(md5sum <second/file | cut -c1-32)
	guest "it reads" "sh -c '[ \"\$(md5sum </s/file | cut -c1-32)\" = $sum ]'"
	guest "that, too" "sh -c '[ \"\$(md5sum </t/file | cut -c1-32)\" = $sum ]'"
	guest "it writes" "sh -c 'dd if=/bin/busybox of=/s/sub/copy bs=64k && chmod 640 /s/sub/copy && mv /s/sub/copy /s/copy && sync'"
	check "what it wrote is there" same top/shared/copy /bin/busybox
	check "as it is to be" [ "$(stat -c %a:%u top/shared/copy)" = 640:0 ]
	guest "as another user" "sh -c 'mkdir -p /etc && echo nobody:x:65534:65534::/:/bin/sh >>/etc/passwd && mkdir -m 777 /s/all && su nobody -s /bin/sh -c \"echo >/s/all/file\"'"
	check "whose it is then" [ "$(stat -c %u top/shared/all/file)" = 65534 ]
	guest "it executes" /s/in/busybox true
	guest "not there" "sh -c '! dd if=/bin/busybox of=/t/copy'"
	guest "nor what is there" "sh -c '! rm /t/file'"
	check "nothing was written there" [ "$(ls second)" = file ]
	guest "nothing above" "sh -c '! cat /s/out && ! cat /s/../secret'"
	echo later >top/shared/later
	guest "what comes later" until_ 10 grep later /s/later
	rm top/shared/later
	guest "what goes" until_ 10 "[ ! -e /s/later ]"
	guest "it goes" "sh -c 'umount /s && umount /t && rmmod virtiofs'"
	guest "and comes" "sh -c 'modprobe virtiofs && mount -t virtiofs shared /s && mount -t virtiofs it /t && cmp /s/file /t/file'"
	# The first one, at work
	tell "(while cat /s/file >/dev/null; do :; done; echo guest: reading ends) 2>/dev/null &"
	sleep 2
	kill -9 $(daemons | sort -n | head -n 1)
	check "one that is killed is told" says 20 "top/shared: virtiofsd is lost: it has ended"
	check "who reads there gets an error" says 20 "guest: reading ends"
	guest "and who begins" "sh -c 'cat /s/file 2>&1 | grep -i \"not connected\"'"
	guest "it can go" umount /s
	guest "and comes with nothing there" "sh -c 'mount -t virtiofs shared /s; ! cat /s/file && umount /s'"
	guest "the other one is there" "sh -c '[ \"\$(md5sum </t/file | cut -c1-32)\" = $sum ]'"
	off
	check "nothing is left" until_ 10 many 0
	begin_by ./rooted --share top/shared --balloon
	guest "modules" modules virtio_pci virtiofs virtio_balloon
	guest "it is mounted" "sh -c 'mkdir -p /s && mount -t virtiofs shared /s'"
	guest "fill" fill 120
	full=$(resident)
	guest "spill" spill
	smaller() { [ "$(resident)" -lt $((full - 80)) ]; }
	check "shared memory comes back, too" until_ 60 smaller
	guest "and is good" "sh -c 'cmp /s/copy /bin/busybox'"
	kill -9 $vm
	check "a VMM that is killed" ends 137
	check "leaves nothing" until_ 10 many 0
fi

check "vh unloads" rmmod vh
echo "$passed passed, $failed failed"
[ $failed = 0 ]
