# SPDX-License-Identifier: GPL-2.0-only
srcs_test_pmem = $(srcs_driver) $(vmm)/pmem.c $(vmm)/disk.c $(vmm)/disk_image.c tools/vhctl/landlock.c tools/vhctl/userns.c $(vmm)/nbd.c $(vmm)/storage.c
headers_test_pmem = $(headers_driver)
cflags_test_pmem := -D_GNU_SOURCE -pthread
libs_test_pmem := -ljson-c -Wl,--wrap=ioctl
