# SPDX-License-Identifier: GPL-2.0-only
srcs_test_hvc = $(srcs_driver) $(vmm)/hvc.c $(vmm)/control.c tools/vhctl/runtime.c tests/unit/uuid.c
headers_test_hvc = $(headers_driver)
cflags_test_hvc := -D_GNU_SOURCE -pthread
libs_test_hvc := -ljson-c
