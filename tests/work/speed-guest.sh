# SPDX-License-Identifier: GPL-2.0-only
# In a guest of tests/work/bench.sh: what requests to its disks cost.
mkdir -p /tmp
for m in virtio_pci virtio_mmio virtio_blk; do modprobe $m; done
n=0
until [ -b /dev/vdb ] || [ $n = 100 ]; do usleep 100000; n=$((n + 1)); done
/speed file /dev/vda
/speed device /dev/vdb
echo "guest: rest"
sleep 2
