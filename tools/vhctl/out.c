// SPDX-License-Identifier: GPL-2.0-only
/* out.c - tables, lines and JSON. */
#include <inttypes.h>
#include <json-c/json.h>
#include <linux/vh.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"
#include "vhctl.h"

#define MAX_COLUMNS	24
#define MAX_DEPTH	4

struct out {
	enum out_mode mode;
	json_object *list, *at[MAX_DEPTH];
	int depth;
	const char *titles[MAX_COLUMNS];
	bool right[MAX_COLUMNS];	/* aligned to the right: numbers */
	char *(*rows)[MAX_COLUMNS];
	unsigned int nr_rows, nr_columns, column;
	char prefix[MAX_DEPTH][48];	/* lines: of nested keys */
	bool any;
};

static void no_memory(void)
{
	error("out of memory");
	exit(EXIT_ERROR);
}

struct out *out_new(enum out_mode mode)
{
	struct out *o = calloc(1, sizeof(*o));

	if (!o)
		no_memory();
	o->mode = mode;
	if (out_is_json(o))
		o->list = json_object_new_array();
	return o;
}

bool out_is_json(const struct out *o)
{
	return o->mode >= OUT_JSON;
}

bool out_is_table(const struct out *o)
{
	return o->mode == OUT_TABLE;
}

const char *human_bytes(uint64_t n)
{
	static char ring[4][24];
	static unsigned int at;
	static const char units[] = " KMGTPE";
	char *to = ring[at++ % 4];
	unsigned int unit = 0;
	double v = n;

	while (v >= 1024 && unit < 6) {
		v /= 1024;
		unit++;
	}
	if (!unit)
		snprintf(to, sizeof(ring[0]), "%" PRIu64, n);
	else
		snprintf(to, sizeof(ring[0]), v < 10 && v != (int)v ? "%.1f%c" : "%.0f%c", v,
			 units[unit]);
	return to;
}

const char *human_ns(uint64_t ns)
{
	static char ring[4][24];
	static unsigned int at;
	char *to = ring[at++ % 4];
	uint64_t s = ns / 1000000000;

	if (s < 60)
		snprintf(to, sizeof(ring[0]), "%.3fs", ns / 1e9);
	else if (s < 3600)
		snprintf(to, sizeof(ring[0]), "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(to, sizeof(ring[0]), "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		snprintf(to, sizeof(ring[0]), "%" PRIu64 "d%02" PRIu64 "h", s / 86400,
			 s / 3600 % 24);
	return to;
}

void out_object(struct out *o)
{
	o->column = 0;
	o->depth = 0;
	if (out_is_json(o)) {
		o->at[0] = json_object_new_object();
		json_object_array_add(o->list, o->at[0]);
	} else if (o->mode == OUT_TABLE) {
		o->rows = realloc(o->rows, (o->nr_rows + 1) * sizeof(*o->rows));
		if (!o->rows)
			no_memory();
		memset(o->rows[o->nr_rows++], 0, sizeof(*o->rows));
	} else if (o->any) {
		putchar('\n');
	}
	o->any = true;
}

void out_titles(struct out *o, const char *const *titles)
{
	if (o->mode == OUT_TABLE && !o->nr_rows)
		while (titles[o->nr_columns] && o->nr_columns < MAX_COLUMNS) {
			o->titles[o->nr_columns] = titles[o->nr_columns];
			o->nr_columns++;
		}
}

static void cell(struct out *o, const char *title, const char *value, bool right)
{
	if (!title || o->depth || o->column == MAX_COLUMNS)
		return;
	o->titles[o->column] = title;
	o->right[o->column] = right;
	o->rows[o->nr_rows - 1][o->column++] = strdup(value ? value : "-");
	if (o->column > o->nr_columns)
		o->nr_columns = o->column;
}

/* The table's and the lines' form of a value; JSON's is @json, which it takes. */
static void emit(struct out *o, const char *key, const char *title, const char *shown, bool right,
		 json_object *json)
{
	if (out_is_json(o)) {
		json_object_object_add(o->at[o->depth], key, json);
	} else if (o->mode == OUT_TABLE) {
		cell(o, title, shown, right);
	} else if (shown) {
		char name[160] = "";

		for (int i = 1; i <= o->depth; i++) {
			strcat(name, o->prefix[i - 1]);
			strcat(name, ".");
		}
		strncat(name, key, 47);
		printf("%-28s %s\n", name, shown);
	}
}

void out_text(struct out *o, const char *key, const char *title, const char *value)
{
	if (!value && o->mode != OUT_TABLE)
		return;
	emit(o, key, title, value, false, out_is_json(o) ? json_object_new_string(value) : NULL);
}

static void number(struct out *o, const char *key, const char *title, const char *shown,
		   uint64_t value)
{
	emit(o, key, title, shown, true, out_is_json(o) ? json_object_new_uint64(value) : NULL);
}

void out_number(struct out *o, const char *key, const char *title, uint64_t value)
{
	char shown[24];

	snprintf(shown, sizeof(shown), "%" PRIu64, value);
	number(o, key, title, shown, value);
}

void out_bytes(struct out *o, const char *key, const char *title, uint64_t value)
{
	number(o, key, title, human_bytes(value), value);
}

void out_ns(struct out *o, const char *key, const char *title, uint64_t value)
{
	number(o, key, title, human_ns(value), value);
}

void out_limit(struct out *o, const char *key, const char *title, uint64_t value, bool bytes)
{
	char shown[24];

	if (value == VH_LIMIT_NONE) {
		emit(o, key, title, "max", true,
		     out_is_json(o) ? json_object_new_string("max") : NULL);
		return;
	}
	snprintf(shown, sizeof(shown), "%" PRIu64, value);
	number(o, key, title, bytes ? human_bytes(value) : shown, value);
}

void out_bool(struct out *o, const char *key, const char *title, bool value)
{
	emit(o, key, title, value ? "yes" : "no", false,
	     out_is_json(o) ? json_object_new_boolean(value) : NULL);
}

void out_down(struct out *o, const char *key)
{
	snprintf(o->prefix[o->depth], sizeof(o->prefix[0]), "%s", key);
	if (out_is_json(o)) {
		json_object *inner = json_object_new_object();

		json_object_object_add(o->at[o->depth], key, inner);
		o->at[o->depth + 1] = inner;
	}
	o->depth++;
}

void out_up(struct out *o)
{
	o->depth--;
}

static void print_row(const struct out *o, const unsigned int *width, char *const *row)
{
	unsigned int i;

	for (i = 0; i < o->nr_columns; i++) {
		const char *text = row[i] ? row[i] : "-";

		if (o->right[i])
			printf("%*s", width[i], text);
		else if (i + 1 < o->nr_columns)
			printf("%-*s", width[i], text);
		else
			fputs(text, stdout);
		if (i + 1 < o->nr_columns)
			fputs("  ", stdout);
	}
	putchar('\n');
}

static void print_table(struct out *o)
{
	unsigned int width[MAX_COLUMNS] = { 0 }, r, i, n;

	for (i = 0; i < o->nr_columns; i++) {
		width[i] = strlen(o->titles[i]);
		for (r = 0; r < o->nr_rows; r++) {
			n = o->rows[r][i] ? strlen(o->rows[r][i]) : 1;
			if (n > width[i])
				width[i] = n;
		}
	}
	if (o->nr_columns)
		print_row(o, width, (char **)o->titles);
	for (r = 0; r < o->nr_rows; r++) {
		print_row(o, width, o->rows[r]);
		for (i = 0; i < o->nr_columns; i++)
			free(o->rows[r][i]);
	}
	free(o->rows);
}

void out_finish(struct out *o, bool single)
{
	if (out_is_json(o)) {
		json_object *what = o->list;

		if (single && json_object_array_length(o->list))
			what = json_object_array_get_idx(o->list, 0);
		puts(json_object_to_json_string_ext(what, o->mode == OUT_PRETTY ?
				JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
				JSON_C_TO_STRING_NOSLASHESCAPE :
				JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(o->list);
	} else if (o->mode == OUT_TABLE) {
		print_table(o);
	}
	fflush(stdout);
	free(o);
}
