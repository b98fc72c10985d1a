// SPDX-License-Identifier: GPL-2.0-only
/*
 * shared.c - what all rooms look at, and a higher one fills in at module load.
 */
#include "caps.h"
#include "tsc.h"
#include "vh.h"

struct vh_cpu_caps vh_cpu_caps __ro_after_init;

u64 vh_tsc_lost __read_mostly;

DEFINE_STATIC_CALL_NULL(vh_fetch, vh_fetch_fn);
