# SPDX-License-Identifier: GPL-2.0-only
srcs_test_disk_image := tools/vhctl/vmm/disk_image.c tools/vhctl/qcow2.c
headers_test_disk_image := -I$(TOP)/tools/vhctl $(shell pkg-config --cflags json-c)
cflags_test_disk_image := -D_GNU_SOURCE
libs_test_disk_image := -ljson-c
