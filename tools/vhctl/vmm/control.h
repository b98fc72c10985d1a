/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * control.h - the socket by which vhctl's other commands ask a running VM: JSON, an object a line. A
 * request has "command"; its answer is what the command adds to it, or has "error", a text for people.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <json-c/json.h>

struct vmm;

/**
 * control_fn - what a command does
 * @v: the VM
 * @request: the whole of it
 * @answer: gets what is to be said
 *
 * In the socket's thread, no lock held. It may take a moment, but waits for no guest longer.
 */
typedef void control_fn(struct vmm *v, struct json_object *request, struct json_object *answer);

void control_add(const char *name, control_fn *run);
void control_fail(struct json_object *answer, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool control_number(struct json_object *request, const char *key, uint64_t *value);
const char *control_text(struct json_object *request, const char *key);
int control_listen(struct vmm *v, const char *path);
void control_open(struct vmm *v);
void control_close(void);
void control_finish(void);

#endif /* CONTROL_H */
