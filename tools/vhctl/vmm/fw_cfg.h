/* SPDX-License-Identifier: GPL-2.0-only */
/* fw_cfg.h - what a firmware is told of its machine: numbered items, and files with names. */
#ifndef FW_CFG_H
#define FW_CFG_H

#include <stddef.h>
#include <stdint.h>

struct fw_cfg;
struct vmm;

struct fw_cfg *fw_cfg_create(struct vmm *v);
void fw_cfg_add(struct fw_cfg *f, uint16_t key, const void *data, size_t size);
void fw_cfg_add_file(struct fw_cfg *f, const char *name, const void *data, size_t size);

#endif /* FW_CFG_H */
