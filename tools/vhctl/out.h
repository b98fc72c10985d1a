/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * out.h - one description of an object, three ways to show it.
 *
 * A command emits the fields of each object once. A listing shows those that
 * have a title as a table, "show" all of them as lines, -j and -p as JSON.
 */
#ifndef OUT_H
#define OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum out_mode { OUT_TABLE, OUT_LINES, OUT_JSON, OUT_PRETTY };

struct out;

struct out *out_new(enum out_mode mode);
/* Print and free. JSON: an array of the objects, or with @single the one object. */
void out_finish(struct out *o, bool single);
bool out_is_json(const struct out *o);
bool out_is_table(const struct out *o);

void out_object(struct out *o);			/* the next object begins */
/* A table without objects has these titles, up to a NULL. */
void out_titles(struct out *o, const char *const *titles);
/* @title: NULL: not a column of the table. A value that is NULL is absent. */
void out_text(struct out *o, const char *key, const char *title, const char *value);
void out_number(struct out *o, const char *key, const char *title, uint64_t value);
void out_bytes(struct out *o, const char *key, const char *title, uint64_t value);
void out_limit(struct out *o, const char *key, const char *title, uint64_t value, bool bytes);
void out_ns(struct out *o, const char *key, const char *title, uint64_t value);
void out_bool(struct out *o, const char *key, const char *title, bool value);
/* Fields until out_up() are inside "key"; no columns of the table. */
void out_down(struct out *o, const char *key);
void out_up(struct out *o);

/* As people read them; static buffers, 4 calls valid. */
const char *human_bytes(uint64_t n);
const char *human_ns(uint64_t ns);

#endif /* OUT_H */
