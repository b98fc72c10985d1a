# SPDX-License-Identifier: GPL-2.0-only
# What the test programs' makefiles share. NAME is the folder's name below
# tests/; O is the build folder, by default build/tests of the source tree.

ROOT := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/../..)
O ?= $(ROOT)/build/tests
B := $(O)/$(NAME)

CC ?= gcc
CFLAGS += -D_GNU_SOURCE -O2 -g -std=gnu11 -Wall -Wextra -Werror -pthread
LDFLAGS += -static -pthread

.DELETE_ON_ERROR:

$(B)/%.o: %.c $(wildcard *.h ../lib/*.h) Makefile | $(B)
	$(CC) $(CFLAGS) -c $< -o $@

$(B)/%.o: ../lib/%.c $(wildcard ../lib/*.h) Makefile | $(B)
	$(CC) $(CFLAGS) -c $< -o $@

$(B)/%.g.o: %.S $(wildcard *.h ../lib/*.h) Makefile | $(B)
	$(CC) -m64 -c -DGUEST $< -o $@

$(B)/guest.elf: ../lib/flat.lds
	ld -m elf_x86_64 -z max-page-size=4096 -T ../lib/flat.lds --no-warn-rwx-segments \
		$(filter %.g.o,$^) -o $@

$(B)/guest.bin: $(B)/guest.elf
	objcopy -O binary $< $@

$(B)/image.o: ../lib/image.S $(B)/guest.bin
	$(CC) -c -DIMAGE='"$(B)/guest.bin"' $< -o $@

$(B):
	mkdir -p $@

clean:
	rm -rf $(B)

.PHONY: all clean
