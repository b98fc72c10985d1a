# SPDX-License-Identifier: GPL-2.0-only
vmm := tools/vhctl/vmm
srcs_test_plug := tests/unit/plug_guest.c tests/unit/virtio_host.c tests/unit/uuid.c $(srcs_thread) $(vmm)/mem.c $(vmm)/region.c $(vmm)/cpus.c $(vmm)/bus.c \
	$(vmm)/memory.c $(vmm)/virtqueue.c $(vmm)/control.c tools/vhctl/runtime.c
headers_test_plug := -I$(TOP)/tools/vhctl $(shell pkg-config --cflags libnl-genl-3.0 json-c)
cflags_test_plug := -D_GNU_SOURCE -pthread
libs_test_plug := -ljson-c -Wl,--wrap=ioctl -Wl,--wrap=pthread_cond_timedwait

.PHONY: fuzz-plug
fuzz-plug: $(O)/fuzz-plug
	@mkdir -p $(O)/corpus-plug
	$< -max_len=600 -timeout=10 -artifact_prefix=$(O)/ $(FUZZ) $(O)/corpus-plug

$(O)/fuzz-plug: $(addprefix $(TOP)/,$(srcs_test_plug)) $(wildcard *.h $(TOP)/$(vmm)/*.h)
	@mkdir -p $(O)
	clang -std=gnu11 -O1 -g -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -fno-sanitize=alignment \
		-fno-sanitize-recover=undefined -I. -I$(TOP)/uapi $(headers_test_plug) -o $@ $(filter %.c,$^) -pthread $(libs_test_plug)
