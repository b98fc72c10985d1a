# SPDX-License-Identifier: GPL-2.0-only
vmm := tools/vhctl/vmm
srcs_test_net := $(srcs_thread) tests/unit/virtio_host.c $(vmm)/memory.c $(vmm)/bus.c $(vmm)/net.c $(vmm)/net_life.c $(vmm)/net_queue.c $(vmm)/net_user.c $(vmm)/pci.c \
	$(vmm)/virtio_pci.c $(vmm)/virtqueue.c $(vmm)/watch.c
# networks that come and go: all but taps, which are tested in the lab
srcs_networks = $(addprefix $(vmm)/,net.c net_life.c net_queue.c net_user.c children.c passt.c watch.c) tools/vhctl/cmd/net.c
headers_test_net := -I$(TOP)/tools/vhctl $(shell pkg-config --cflags libnl-genl-3.0)
cflags_test_net := -D_GNU_SOURCE -pthread
libs_test_net := -Wl,--wrap=eventfd -Wl,--wrap=send
