# SPDX-License-Identifier: GPL-2.0-only
srcs_test_vhost_user := tools/vhctl/vmm/vhost_user.c
headers_test_vhost_user := -I$(TOP)/tools/vhctl
cflags_test_vhost_user := -D_GNU_SOURCE -pthread
libs_test_vhost_user := -Wl,--wrap=poll
