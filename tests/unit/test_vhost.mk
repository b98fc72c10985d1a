# SPDX-License-Identifier: GPL-2.0-only
srcs_test_vhost := $(srcs_thread) tools/vhctl/vmm/vhost.c
headers_test_vhost := -I$(TOP)/tools/vhctl
cflags_test_vhost := -D_GNU_SOURCE -pthread
libs_test_vhost := -Wl,--wrap=ioctl
