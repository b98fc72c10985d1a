# SPDX-License-Identifier: GPL-2.0-only
img := tools/vhctl/image
srcs_test_store := $(img)/name.c $(img)/json.c $(img)/index.c $(img)/hash.c $(img)/qcow2.c tools/vhctl/qcow2.c $(img)/wire.c
headers_test_store := -I$(TOP)/tools/vhctl $(shell pkg-config --cflags json-c nettle libzstd)
cflags_test_store := -D_GNU_SOURCE -pthread
libs_test_store := $(shell pkg-config --libs json-c nettle libzstd)
