# SPDX-License-Identifier: GPL-2.0-only
vmm := tools/vhctl/vmm
srcs_test_blk := $(srcs_thread) tests/unit/virtio_host.c $(vmm)/memory.c \
	$(vmm)/blk.c $(vmm)/blk_ring.c $(vmm)/blk_image.c $(vmm)/blk_request.c $(vmm)/bus.c \
	tools/vhctl/landlock.c tools/vhctl/userns.c $(vmm)/disk.c $(vmm)/disk_image.c tools/vhctl/qcow2.c \
	$(vmm)/nbd.c $(vmm)/pci.c $(vmm)/daemon.c $(vmm)/storage.c $(vmm)/virtio_pci.c $(vmm)/virtqueue.c
headers_test_blk := -I$(TOP)/tools/vhctl $(shell pkg-config --cflags libnl-genl-3.0 json-c)
cflags_test_blk := -D_GNU_SOURCE -pthread -DSTORAGE_OPEN_MS=4000
libs_test_blk := -luring -ljson-c -Wl,--wrap=fork
