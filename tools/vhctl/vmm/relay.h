/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * relay.h - requests to a confined VM: the process that waits for it has the socket, opens what a device is made of, and
 * asks the VMM.
 */
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>
#include <stdint.h>

struct vmm;

/* In supervise.c's process: the VM of this UUID can be asked, until relay_close(). @link: to relay_serve() */
void relay_open(const char *name, const uint8_t *uuid, int link, bool bus);
void relay_close(void);
/* In the VMM, in the thread of control.c: answer a request. False: there will be none any more. */
bool relay_serve(struct vmm *v, int link);

#endif /* RELAY_H */
