# SPDX-License-Identifier: GPL-2.0-only
srcs_test_console = $(addprefix $(vmm)/,console.c serial.c bus.c) tests/unit/virtio_host.c tests/unit/confine_host.c
headers_test_console = $(headers_driver)
cflags_test_console := -D_GNU_SOURCE -pthread
