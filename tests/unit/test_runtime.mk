# SPDX-License-Identifier: GPL-2.0-only
srcs_test_runtime := tools/vhctl/runtime.c tests/unit/uuid.c
headers_test_runtime := -I$(TOP)/tools/vhctl $(shell pkg-config --cflags libnl-genl-3.0 json-c)
cflags_test_runtime := -D_GNU_SOURCE
libs_test_runtime := -Wl,--wrap=time
