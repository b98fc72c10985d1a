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

/* The answer to a request, or to none, a line without its end that is to be freed. */
typedef char *control_answer_fn(struct vmm *v, struct json_object *request);

#define CONTROL_MAX_LINE	65536

void control_add(const char *name, control_fn *run);
void control_fail(struct json_object *answer, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void control_short(struct json_object *answer, int resource, uint64_t more);
bool control_number(struct json_object *request, const char *key, uint64_t *value);
const char *control_string(struct json_object *o);
const char *control_text(struct json_object *request, const char *key);
int control_listen(struct vmm *v, const char *path);
int control_link(struct vmm *v, int link);
char *control_answer(struct vmm *v, struct json_object *request);
void control_answered_by(control_answer_fn *by);
struct json_object *control_parse(const char *line, size_t len);
void control_open(struct vmm *v);
void control_close(void);
void control_finish(void);

#endif /* CONTROL_H */
