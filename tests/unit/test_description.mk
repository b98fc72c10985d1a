# SPDX-License-Identifier: GPL-2.0-only
cmd := tools/vhctl/cmd
srcs_test_description := $(cmd)/description.c $(cmd)/conf_file.c $(cmd)/vm_options.c $(cmd)/disk.c $(cmd)/net.c \
	$(cmd)/pmem.c $(cmd)/share.c tools/vhctl/parse.c tools/vhctl/out.c tools/vhctl/vmm/disk_image.c tools/vhctl/qcow2.c
headers_test_description := -I$(TOP)/tools/vhctl $(shell pkg-config --cflags libnl-genl-3.0 json-c)
cflags_test_description := -D_GNU_SOURCE
libs_test_description := -ljson-c -lm
