# SPDX-License-Identifier: GPL-2.0-only
srcs_test_platform = $(srcs_thread) $(addprefix $(vmm)/,bus.c pm.c pvpanic.c generation.c watchdog.c control.c) tools/vhctl/runtime.c tests/unit/uuid.c
headers_test_platform = $(headers_driver)
cflags_test_platform := -D_GNU_SOURCE -pthread
libs_test_platform := -ljson-c -Wl,--wrap=ioctl
