/* SPDX-License-Identifier: GPL-2.0-only */
/* balloon.h - memory that the guest does without. */
#ifndef BALLOON_H
#define BALLOON_H

struct json_object;
struct vmm;

int balloon_create(struct vmm *v);
void balloon_finish(void);
void balloon_command(struct vmm *v, struct json_object *request, struct json_object *answer);

#endif /* BALLOON_H */
