# SPDX-License-Identifier: GPL-2.0-only
srcs_test_ask := tools/vhctl/ask.c tools/vhctl/runtime.c tests/unit/uuid.c
headers_test_ask := -I$(TOP)/tools/vhctl $(shell pkg-config --cflags libnl-genl-3.0 json-c)
cflags_test_ask := -D_GNU_SOURCE -pthread
libs_test_ask := -ljson-c
