/* SPDX-License-Identifier: GPL-2.0-only */
/* pmem.h - a file as memory of the guest's. */
#ifndef PMEM_H
#define PMEM_H

#include <stdbool.h>

struct vmm;

/**
 * struct pmem_config - what --pmem asked for
 * @path: file or block device
 * @ro: the guest cannot write
 */
struct pmem_config {
	const char *path;
	bool ro;
};

int pmem_create(struct vmm *v, const struct pmem_config *cfg);
bool pmem_mend(unsigned int *seen);
void pmem_finish(void);

#endif /* PMEM_H */
