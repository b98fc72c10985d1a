/* SPDX-License-Identifier: GPL-2.0-only */
/* run.h - options of run and start. */
#ifndef RUN_H
#define RUN_H

#include <limits.h>

#include "object.h"
#include "vmm/vmm.h"

/* Values of --memory and --cpus, within what the VMM can do; false with the error told. */
bool option_memory(const char *s, uint64_t *bytes);
bool option_cpus(const char *s, int *cpus);

/* --disk, another one of a configuration. False with the error told. */
bool option_disk(const char *s, struct vmm_config *cfg);

/* --net and --publish, another one of a configuration; --vsock. False with the error told. */
bool option_net(const char *s, struct vmm_config *cfg);
bool option_publish(const char *s, struct vmm_config *cfg);
bool option_vsock(const char *s, struct vmm_config *cfg);
/* Do they fit each other? */
bool net_options_fit(const struct vmm_config *cfg);
/* --pmem, another one of a configuration. False with the error told. */
bool option_pmem(const char *s, struct vmm_config *cfg);
/* --share, another one of a configuration, and whether they fit the rest. False with the error told. */
bool option_share(const char *s, struct vmm_config *cfg);
bool share_fits(const struct vmm_config *cfg);

/* Makes the VM of a description, of 'vhctl start'. 0 or -1, told. */
struct nl;
int create_described(struct nl *nl, const char *name, const char *file);

/* Is max= of --memory and --cpus more than what there is? False with the error told. */
bool maxima_fit(const struct vmm_config *cfg);
/* Does the size of --balloon fit the memory? False with the error told. */
bool balloon_fits(const struct vmm_config *cfg);

#endif /* RUN_H */
