# SPDX-License-Identifier: GPL-2.0-only
vmm := tools/vhctl/vmm
srcs_test_nbd := tests/unit/nbd_server.c $(vmm)/nbd.c
headers_test_nbd := -I$(TOP)/tools/vhctl
cflags_test_nbd := -D_GNU_SOURCE -pthread

.PHONY: fuzz-nbd
fuzz-nbd: $(O)/fuzz-nbd
	@mkdir -p $(O)/corpus-nbd
	$< -max_len=1200 -artifact_prefix=$(O)/ $(FUZZ) $(O)/corpus-nbd

$(O)/fuzz-nbd: $(addprefix $(TOP)/,$(srcs_test_nbd)) $(wildcard *.h $(TOP)/$(vmm)/*.h)
	@mkdir -p $(O)
	clang -std=gnu11 -O1 -g -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -fno-sanitize=alignment \
		-fno-sanitize-recover=undefined -I. -I$(TOP)/uapi $(headers_test_nbd) -o $@ $(filter %.c,$^)
