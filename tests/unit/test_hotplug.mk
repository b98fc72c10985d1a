# SPDX-License-Identifier: GPL-2.0-only
srcs_test_hotplug = $(srcs_driver) $(vmm)/hotplug.c $(srcs_disk) $(srcs_networks) $(vmm)/control.c \
	tools/vhctl/cmd/disk.c tools/vhctl/parse.c tools/vhctl/runtime.c tests/unit/uuid.c
headers_test_hotplug = $(headers_driver)
cflags_test_hotplug := -D_GNU_SOURCE -pthread
libs_test_hotplug := -ljson-c -luring
