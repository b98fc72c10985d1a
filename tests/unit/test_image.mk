# SPDX-License-Identifier: GPL-2.0-only
srcs_test_image := tools/vhctl/vmm/image.c
headers_test_image := -I$(TOP)/tools/vhctl $(shell pkg-config --cflags json-c)
cflags_test_image := -D_GNU_SOURCE
libs_test_image := -ljson-c
