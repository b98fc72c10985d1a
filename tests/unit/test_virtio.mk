# SPDX-License-Identifier: GPL-2.0-only
vmm := tools/vhctl/vmm
srcs_test_virtio := tests/unit/virtio_guest.c tests/unit/net_guest.c tests/unit/virtio_host.c $(srcs_thread) $(vmm)/memory.c $(vmm)/blk_request.c $(vmm)/bus.c \
	$(vmm)/net_queue.c $(vmm)/pci.c $(vmm)/rng.c \
	$(vmm)/virtio_pci.c $(vmm)/virtqueue.c
headers_test_virtio := -I$(TOP)/tools/vhctl $(shell pkg-config --cflags libnl-genl-3.0)
cflags_test_virtio := -D_GNU_SOURCE -pthread

# libFuzzer, until it finds something or is told to end: FUZZ="-max_total_time=60"
.PHONY: fuzz-virtio
fuzz-virtio: $(O)/fuzz-virtio
	@mkdir -p $(O)/corpus-virtio
	$< -max_len=600 -timeout=10 -artifact_prefix=$(O)/ $(FUZZ) $(O)/corpus-virtio

$(O)/fuzz-virtio: $(addprefix $(TOP)/,$(srcs_test_virtio)) $(wildcard *.h $(TOP)/$(vmm)/*.h)
	@mkdir -p $(O)
	clang -std=gnu11 -O1 -g -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -fno-sanitize=alignment \
		-fno-sanitize-recover=undefined -I. -I$(TOP)/uapi $(headers_test_virtio) -o $@ $(filter %.c,$^) -pthread
