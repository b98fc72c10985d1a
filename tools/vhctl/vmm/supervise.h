/* SPDX-License-Identifier: GPL-2.0-only */
/* supervise.h - the VMM and the process that waits for it. */
#ifndef SUPERVISE_H
#define SUPERVISE_H

#include <stdbool.h>

struct vmm_config;

#define SUPERVISE_RUNS	1

int supervise(const struct vmm_config *cfg, int (*run)(const struct vmm_config *cfg, int channel));
/* In the VMM; 0 or -1 */
int supervise_listener(int channel, int fd);
int supervise_runs(int channel);
bool supervise_alone(int channel);

#endif /* SUPERVISE_H */
