# SPDX-License-Identifier: GPL-2.0-only
srcs_test_mem = $(srcs_driver) $(vmm)/mem.c $(vmm)/region.c $(vmm)/control.c tools/vhctl/runtime.c tests/unit/uuid.c
headers_test_mem = $(headers_driver)
cflags_test_mem := -D_GNU_SOURCE -pthread
libs_test_mem := -ljson-c -Wl,--wrap=ioctl
