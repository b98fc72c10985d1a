/* SPDX-License-Identifier: GPL-2.0-only */
/* fw_cfg_guest.h - what inputs came to, so that a test knows that they reach what they are for. */
#ifndef FW_CFG_GUEST_H
#define FW_CFG_GUEST_H

#include <stddef.h>
#include <stdint.h>

#include "vmm/vmm.h"

struct fw_counts {
	uint64_t bytes, transfers, read, refused, nowhere, messages;
};

extern struct fw_counts fw_counts;
extern struct vmm fw_vmm;

/* Its memory, and a device with the items that the guest knows. */
void fw_start(void);
/* A transfer described at @gpa; the control word that it leaves, 0xffffffff if that is not memory. */
uint32_t fw_dma(uint64_t gpa, uint32_t control, uint32_t length, uint64_t address);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#endif /* FW_CFG_GUEST_H */
