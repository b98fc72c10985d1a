/* SPDX-License-Identifier: GPL-2.0-only */
/* mem.h - memory that comes and goes while the guest runs. */
#ifndef MEM_H
#define MEM_H

struct json_object;
struct vmm;

int mem_create(struct vmm *v);
void mem_finish(void);
void mem_command(struct vmm *v, struct json_object *request, struct json_object *answer);

#endif /* MEM_H */
