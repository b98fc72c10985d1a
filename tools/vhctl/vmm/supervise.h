/* SPDX-License-Identifier: GPL-2.0-only */
/* supervise.h - the VMM and the process that waits for it. */
#ifndef SUPERVISE_H
#define SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct vmm_config;

int supervise(const struct vmm_config *cfg, int (*run)(const struct vmm_config *cfg, int channel, int link));
/* In its process, for relay.c */
void supervise_offer(int fd);
void supervise_helper(pid_t pid);
/* In the VMM; 0 or -1 */
int supervise_listener(int channel, int fd);
int supervise_name(int channel, const uint8_t *uuid);
int supervise_runs(int channel);
bool supervise_alone(int channel);

#endif /* SUPERVISE_H */
