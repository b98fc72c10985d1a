# SPDX-License-Identifier: GPL-2.0-only
# In the lab: VMs with disks on $device, which is /dev/vh or /dev/kvm; the module with $params
if [ $device = /dev/kvm ]; then
	modprobe kvm-intel $params || exit 2
else
	insmod ./vh.ko $params || exit 2
fi
modprobe brd rd_nr=1 rd_size=8192 || exit 2
cmdline="console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests rodata=off panic=-1 tsc_early_khz=100000 vhtest=vmm"
run="./vhctl run $confine --device $device --kernel vmlinux --initrd initrd --memory 160M --cpus 2"
# in the foreground; and in the background, as $vm
vm() { $run "$@" </dev/null; }
start() {
	$run "$@" </dev/null >said 2>&1 &
	vm=$!
}
same() { [ "$(sum /bin/busybox $1 $2)" = "$(sum a $3 $2)" ]; } # FROM COUNT AT: busybox's pieces are on the disk
zeroes() { [ "$(sum a $1 $2)" = "$(sum /dev/zero 0 $2)" ]; } # AT COUNT

# --- options ---
truncate -s 16M a; truncate -s 8M b c; : >empty; mkfifo fifo
check "a disk that is not there" refused "none: No such file" --disk none
check "an empty one" refused "empty: is empty" --disk empty
check "a FIFO" refused "fifo: is neither" --disk fifo
check "an option that is none" refused "want ro, format=" --disk a,rw
check "no cache of that name" refused "want writeback, none or unsafe" --disk a,cache=all
check "a serial that is too long" refused "want 1 to 20" --disk a,serial=123456789012345678901
check "no limit" refused "want requests a second" --disk a,iops=0
check "the same file twice" refused "a: is in use by another program" --disk a --disk a

# --- a guest that does all ---
yes pattern | dd of=/dev/ram0 bs=64k count=16 iflag=fullblock 2>/dev/null
start --cmdline "$cmdline step=all" --disk a,serial=one,,two --disk b,ro --disk c,iops=50,cache=unsafe \
	--disk /dev/ram0,cache=none --stats
check "the guest begins" says 100 "guest: modules works"
check "a file in use is refused" refused "a: is in use by another program$" --disk a
check "also read-only" refused "a: is in use by another program, for writing" --disk a,ro
check "two may read, none may write" refused "b: is in use by another program$" --disk b
# without a kernel it does not get further than its disks
check "and read they may" refused "/none: No such file" --disk b,ro --kernel /none
check "the guest waits for a larger disk" says 300 "guest: larger, please"
truncate -s 24M a
check "the guest gets to its end" says 300 "guest: done"
check "and powers off" ends 0
grep "guest:\|disk" said
while read -r line; do
	check "guest: $line" true
done <<END_OF_WORKS
$(sed -n 's/^guest: \(.* works\).*/\1/p' said)
END_OF_WORKS
check "nothing failed in the guest" sh -c '! grep -A 20 "guest: .* FAILS\|Oops\|BUG:\|blocked for more" said'
check "the disk that a bad driver stopped says so" grep -q "disk c: the device stops until the guest resets it: a queue is not in memory" said
check "what was written is in the file" same 0 8 0
check "behind its old end, too" same 0 1 256
check "what was discarded is zero" zeroes 128 64
check "and takes no room" [ "$(du -k a | cut -f1)" -lt 3000 ]
check "what was zeroed is zero" zeroes 224 1
check "beside it nothing is" same 1 1 225
check "what another guest may have loaded is whole" ./disk check a 512 128 10
check "a device's blocks are whole" ./disk check /dev/ram0 640 256 8
check "and zero where they were zeroed" [ "$(sum /dev/ram0 0 1)" = "$(sum /dev/zero 0 1)" ]
check "kicks do not come to the VMM" [ "$(awk '$1 == "MMIO" { print $2 }' said)" -lt 3000 ]

# --- the VMM is killed ---
truncate -s 0 a c; truncate -s 16M a; truncate -s 8M c
start --cmdline "$cmdline step=kill" --disk a --disk c
check "the guest has flushed" says 100 "guest: flushed"
usleep 500000
kill -9 $vm
wait $vm 2>/dev/null
check "the guest did not end by itself" sh -c '! grep -A 20 "guest: done\|FAILS" said'
check "what was flushed is there" same 0 8 0
files() { modprobe crc32c_generic && modprobe ext4 && modprobe loop && mkdir m && mount -t ext4 -o loop,ro c m && cmp m/file /bin/busybox; }
check "and so is a file of a file system" files
umount m
check "the file is free again" refused "/none: No such file" --disk a --kernel /none
[ $device = /dev/kvm ] || check "vh unloads" rmmod vh
echo "$passed passed, $failed failed"
[ $failed = 0 ]
