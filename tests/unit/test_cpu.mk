# SPDX-License-Identifier: GPL-2.0-only
srcs_test_cpu := tools/vhctl/cpu/features.c tools/vhctl/cpu/model.c tools/vhctl/cpu/apply.c
headers_test_cpu := -I$(TOP)/tools/vhctl $(shell pkg-config --cflags json-c)
cflags_test_cpu := -D_GNU_SOURCE
libs_test_cpu := $(shell pkg-config --libs json-c)
