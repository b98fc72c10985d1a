# SPDX-License-Identifier: GPL-2.0-only
srcs_test_cpus = tools/vhctl/vmm/cpus.c tools/vhctl/vmm/bus.c tools/vhctl/vmm/control.c tools/vhctl/runtime.c tests/unit/uuid.c tests/unit/virtio_host.c $(srcs_thread)
headers_test_cpus = -I$(TOP)/tools/vhctl $(shell pkg-config --cflags libnl-genl-3.0 json-c)
cflags_test_cpus := -D_GNU_SOURCE -pthread
libs_test_cpus := -ljson-c
