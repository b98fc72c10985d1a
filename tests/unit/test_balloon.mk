# SPDX-License-Identifier: GPL-2.0-only
vmm := tools/vhctl/vmm
srcs_driver := tests/unit/virtio_driver.c tests/unit/virtio_host.c $(vmm)/memory.c $(vmm)/bus.c $(vmm)/pci.c $(vmm)/virtio_pci.c $(vmm)/virtqueue.c $(vmm)/worker.c $(srcs_thread)
srcs_disk := $(vmm)/blk.c $(vmm)/blk_ring.c $(vmm)/blk_image.c $(vmm)/blk_request.c $(vmm)/disk.c $(vmm)/disk_image.c tools/vhctl/qcow2.c tools/vhctl/landlock.c tools/vhctl/userns.c \
	$(vmm)/nbd.c $(vmm)/daemon.c $(vmm)/storage.c
headers_driver := -I$(TOP)/tools/vhctl $(shell pkg-config --cflags libnl-genl-3.0 json-c)
srcs_test_balloon := $(srcs_driver) $(vmm)/balloon.c $(vmm)/control.c tools/vhctl/runtime.c tests/unit/uuid.c
headers_test_balloon := $(headers_driver)
cflags_test_balloon := -D_GNU_SOURCE -pthread
libs_test_balloon := -ljson-c
