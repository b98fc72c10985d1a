# SPDX-License-Identifier: GPL-2.0-only
srcs_test_acpi = $(srcs_driver) $(vmm)/acpi.c $(vmm)/acpi_devices.c $(vmm)/hotplug.c $(vmm)/pm.c $(srcs_disk) $(srcs_networks) $(vmm)/control.c tools/vhctl/cmd/disk.c tools/vhctl/parse.c tools/vhctl/runtime.c tests/unit/uuid.c
headers_test_acpi = $(headers_driver)
cflags_test_acpi := -D_GNU_SOURCE -pthread
libs_test_acpi := -ljson-c -luring
