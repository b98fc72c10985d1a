# SPDX-License-Identifier: GPL-2.0-only
srcs_test_relay = $(srcs_driver) $(vmm)/hotplug.c $(srcs_disk) $(srcs_networks) $(vmm)/control.c $(vmm)/relay.c \
	tools/vhctl/cmd/disk.c tools/vhctl/parse.c tools/vhctl/runtime.c tests/unit/uuid.c
headers_test_relay = $(headers_driver)
cflags_test_relay := -D_GNU_SOURCE -pthread
libs_test_relay := -ljson-c -luring -Wl,--wrap=syscall
