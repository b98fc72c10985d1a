# SPDX-License-Identifier: GPL-2.0-only
srcs_test_rtc := $(srcs_thread) tools/vhctl/vmm/rtc.c tools/vhctl/vmm/bus.c
headers_test_rtc := -I$(TOP)/tools/vhctl $(shell pkg-config --cflags json-c)
cflags_test_rtc := -D_GNU_SOURCE -pthread
