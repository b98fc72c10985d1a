# SPDX-License-Identifier: GPL-2.0-only
srcs_test_share = $(srcs_driver) $(addprefix $(vmm)/,share.c virtiofsd.c vhost_user.c daemon.c) tools/vhctl/userns.c
headers_test_share = $(headers_driver)
cflags_test_share := -D_GNU_SOURCE -pthread
