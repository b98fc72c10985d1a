# SPDX-License-Identifier: GPL-2.0-only
# In a guest of tests/run-image.sh: what is on its disk, and on that of cloud-init
n=0
for m in virtio_pci virtio_blk vfat nls_cp437 nls_ascii; do modprobe $m; done
until [ -b /dev/vda ] || [ $n = 100 ]; do usleep 100000; n=$((n + 1)); done
piece() { dd if=$1 bs=64k count=4 skip=$2 2>/dev/null | md5sum; }
# its first pieces are those of the image, others are written by whoever was here
[ "$(piece /dev/vda 0)" = "$(piece /bin/busybox 0)" ] && echo "guest: the image's"
if [ "$(piece /dev/vda 8)" = "$(piece /bin/busybox 4)" ]; then echo "guest: somebody was here"; else echo "guest: nobody was here"; fi
dd if=/bin/busybox of=/dev/vda bs=64k count=4 skip=4 seek=8 conv=notrunc,fsync 2>/dev/null && echo "guest: written"
dd if=/dev/zero of=/dev/vda bs=64k count=1 conv=notrunc,fsync 2>/dev/null
if [ -b /dev/vdb ]; then
	mkdir -p /m
	mount -t vfat -o ro /dev/vdb /m && cat /m/user-data /m/USER-DATA 2>/dev/null
	dd if=/dev/zero of=/dev/vdb bs=512 count=1 conv=fsync 2>/dev/null || echo "guest: it is only read"
fi
echo "guest: cpus $(grep -c ^processor /proc/cpuinfo), $(awk '/MemTotal/{print int($2/1024)}' /proc/meminfo) MiB"
poweroff -n -f
