# SPDX-License-Identifier: GPL-2.0-only
srcs_test_control := $(srcs_thread) tools/vhctl/vmm/control.c tools/vhctl/runtime.c tests/unit/uuid.c
headers_test_control := -I$(TOP)/tools/vhctl $(shell pkg-config --cflags libnl-genl-3.0 json-c)
cflags_test_control := -D_GNU_SOURCE -pthread
libs_test_control := -ljson-c
