/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_XARRAY_H
#define SHIM_LINUX_XARRAY_H

#include <stddef.h>

/* For small keys. */
struct xarray { void *entry[64]; };
#define DEFINE_XARRAY(name) struct xarray name
#define xa_err(entry) ((entry) != NULL)
static inline void *xa_store(struct xarray *xa, unsigned long i, void *entry, int gfp)
{
	xa->entry[i] = entry;
	return NULL;
}
#define xa_load(xa, i) ((xa)->entry[i])
static inline void *xa_cmpxchg(struct xarray *xa, unsigned long i, void *old, void *entry, int gfp)
{
	void *was = xa->entry[i];

	if (was == old)
		xa->entry[i] = entry;
	return was;
}

#endif
