# SPDX-License-Identifier: GPL-2.0-only
vmm := tools/vhctl/vmm
srcs_test_fw_cfg := tests/unit/fw_cfg_guest.c tests/unit/virtio_host.c $(vmm)/acpi.c $(vmm)/acpi_devices.c $(vmm)/acpi_loader.c $(vmm)/bus.c \
	$(vmm)/fw_cfg.c $(vmm)/memory.c $(vmm)/pci.c
headers_test_fw_cfg := -I$(TOP)/tools/vhctl $(shell pkg-config --cflags libnl-genl-3.0)
cflags_test_fw_cfg := -D_GNU_SOURCE -pthread

.PHONY: fuzz-fw-cfg
fuzz-fw-cfg: $(O)/fuzz-fw-cfg
	@mkdir -p $(O)/corpus-fw-cfg
	$< -max_len=600 -artifact_prefix=$(O)/ $(FUZZ) $(O)/corpus-fw-cfg

$(O)/fuzz-fw-cfg: $(addprefix $(TOP)/,tests/unit/fw_cfg_guest.c tests/unit/virtio_host.c $(vmm)/bus.c \
	$(vmm)/fw_cfg.c $(vmm)/memory.c) $(wildcard *.h $(TOP)/$(vmm)/*.h)
	@mkdir -p $(O)
	clang -std=gnu11 -O1 -g -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -fno-sanitize=alignment \
		-fno-sanitize-recover=undefined -I. -I$(TOP)/uapi $(headers_test_fw_cfg) -o $@ $(filter %.c,$^) -pthread
