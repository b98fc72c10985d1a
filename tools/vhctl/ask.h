/* SPDX-License-Identifier: GPL-2.0-only */
/* ask.h - a request to a VM that runs: see vmm/control.h. */
#ifndef ASK_H
#define ASK_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/* A request for @command. */
struct json_object *ask_new(const char *command);
/* Ask @vm, named as people name it; takes @request. The answer, or NULL, told. */
struct json_object *ask_vm(const char *vm, struct json_object *request);
/* The same of a VM that is known; @quiet: errors are not told. */
struct vm;
struct json_object *ask_known(const struct vm *vm, struct json_object *request, bool quiet);
/* A number of an answer; 0 when there is none. */
uint64_t answer_number(struct json_object *answer, const char *key);
/* A text of it, without control characters; "" when there is none. */
const char *answer_text(struct json_object *answer, const char *key);
/* A list of it, or NULL. */
struct json_object *answer_list(struct json_object *answer, const char *key);

#endif /* ASK_H */
