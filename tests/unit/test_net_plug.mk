# SPDX-License-Identifier: GPL-2.0-only
srcs_test_net_plug = $(srcs_driver) $(vmm)/hotplug.c $(srcs_disk) $(srcs_networks) $(vmm)/control.c \
	tools/vhctl/cmd/disk.c tools/vhctl/parse.c tools/vhctl/runtime.c tests/unit/uuid.c
headers_test_net_plug = $(headers_driver)
cflags_test_net_plug := -D_GNU_SOURCE -pthread
libs_test_net_plug := -ljson-c -luring
