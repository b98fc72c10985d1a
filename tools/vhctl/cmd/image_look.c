// SPDX-License-Identifier: GPL-2.0-only
/* image_look.c - vhctl image ls, show, diff, verify, gc: what there is, and whether it is whole. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd/image.h"
#include "image/progress.h"
#include "vhctl.h"

#define SHORT_ID	12

/* As docker says it. Static. */
static const char *age(int64_t created)
{
	static const struct {
		int64_t seconds;
		const char *one, *many;
	} units[] = {
		{ 365 * 86400, "a year", "years" }, { 30 * 86400, "a month", "months" },
		{ 7 * 86400, "a week", "weeks" }, { 86400, "a day", "days" },
		{ 3600, "an hour", "hours" }, { 60, "a minute", "minutes" },
		{ 1, "a second", "seconds" },
	};
	static char text[40];
	int64_t n, since = time(NULL) - created;

	for (unsigned int i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		n = since / units[i].seconds;
		if (n < 1)
			continue;
		if (n == 1)
			snprintf(text, sizeof(text), "%s ago", units[i].one);
		else
			snprintf(text, sizeof(text), "%lld %s ago", (long long)n, units[i].many);
		return text;
	}
	return "now";
}

static const char *date(int64_t t)
{
	static char text[40];
	time_t when = t;
	struct tm tm;

	if (!gmtime_r(&when, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return "?";
	return text;
}

/* What an image is called in a listing: a name, or the beginning of its id. Static. */
static const char *called(struct store *s, const char *id)
{
	static char text[SHORT_ID + 1];
	const char *name = index_name_of(&s->index, id);

	snprintf(text, sizeof(text), "%.*s", SHORT_ID, id);
	return name ? name : text;
}

static void row(struct out *o, struct store *s, const struct image *m, const char *name)
{
	char first[NAME_SIZE] = "<none>", *colon, id[ID_SIZE];

	if (name)
		strcpy(first, name);
	colon = strchr(first, ':');
	if (colon)
		*colon++ = 0;
	/* People read the beginning, programs want all. */
	snprintf(id, sizeof(id), "%.*s", out_is_json(o) ? ID_SIZE : SHORT_ID, m->id);
	out_object(o);
	out_text(o, "name", "NAME", first);
	out_text(o, "tag", "TAG", colon ? colon : "<none>");
	out_text(o, "id", "ID", id);
	out_text(o, "state", "STATE", m->sealed ? "sealed" : "writable");
	out_text(o, "base", "BASE", *m->parent ? called(s, m->parent) : NULL);
	out_text(o, "created", "CREATED", out_is_json(o) ? date(m->created) : age(m->created));
	out_bytes(o, "size", "SIZE", image_size(s, m));
	out_bytes(o, "used", "USED", image_used(s, m));
	out_text(o, "digest", NULL, m->sealed ? m->digest : NULL);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->name, ((const struct name *)b)->name);
}

/* NAME alone means all its tags. */
static bool selected(const struct image_args *a, const char *name)
{
	for (int i = 0; i < a->args; i++) {
		size_t n = strlen(a->arg[i]);

		if (!strcmp(name, a->arg[i]) || (!strncmp(name, a->arg[i], n) && name[n] == ':'))
			return true;
	}
	return !a->args;
}

int image_ls(struct image_args *a)
{
	static const char *const titles[] = { "NAME", "TAG", "ID", "STATE", "BASE", "CREATED", "SIZE", "USED", NULL };
	struct store *s = store_open(a->store, false);
	struct out *o;

	if (!s)
		return EXIT_ERROR;
	if (s->index.names)
		qsort(s->index.name, s->index.names, sizeof(struct name), by_name);
	o = a->quiet ? NULL : out_new(a->mode);
	for (unsigned int i = 0; i < s->index.names; i++) {
		const struct name *n = &s->index.name[i];

		if (!selected(a, n->name))
			continue;
		if (o)
			row(o, s, index_by_id(&s->index, n->id), n->name);
		else
			printf("%s\n", n->id);
	}
	for (unsigned int i = 0; a->all && !a->args && i < s->index.images; i++) {
		const struct image *m = &s->index.image[i];

		if (index_name_of(&s->index, m->id))
			continue;
		if (o)
			row(o, s, m, NULL);
		else
			printf("%s\n", m->id);
	}
	if (o) {
		out_titles(o, titles);
		out_finish(o, false);
	}
	store_close(s);
	return EXIT_OK;
}

static void join_names(struct store *s, const char *id, char **text)
{
	size_t n = 1;

	for (unsigned int i = 0; i < s->index.names; i++)
		n += strlen(s->index.name[i].name) + 1;
	*text = calloc(1, n);
	if (!*text)
		abort();
	for (unsigned int i = 0; i < s->index.names; i++) {
		if (strcmp(s->index.name[i].id, id))
			continue;
		if (**text)
			strcat(*text, " ");
		strcat(*text, s->index.name[i].name);
	}
}

static void fields(struct out *o, struct store *s, const struct image *m)
{
	char file[FILE_SIZE], *path, *names;

	disk_name(m, file);
	path = store_path(s, file);
	join_names(s, m->id, &names);
	out_object(o);
	out_text(o, "names", NULL, *names ? names : NULL);
	out_text(o, "id", NULL, m->id);
	out_text(o, "state", NULL, m->sealed ? "sealed" : "writable");
	out_text(o, "digest", NULL, m->sealed ? m->digest : NULL);
	out_text(o, "parent", NULL, *m->parent ? m->parent : NULL);
	out_text(o, "base", NULL, *m->parent ? called(s, m->parent) : NULL);
	out_text(o, "created", NULL, date(m->created));
	out_bytes(o, "size", NULL, image_size(s, m));
	out_bytes(o, "used", NULL, image_used(s, m));
	out_text(o, "kernel", NULL, *m->kernel ? m->kernel : NULL);
	out_text(o, "initrd", NULL, *m->initrd ? m->initrd : NULL);
	out_text(o, "cmdline", NULL, m->cmdline);
	if (m->memory)
		out_bytes(o, "memory", NULL, m->memory);
	if (m->cpus)
		out_number(o, "cpus", NULL, m->cpus);
	out_text(o, "disk", NULL, path);
	if (m->labels) {
		out_down(o, "labels");
		for (unsigned int i = 0; i < m->labels; i++)
			out_text(o, m->label[i].key, NULL, m->label[i].value);
		out_up(o);
	}
	free(path);
	free(names);
}

int image_show(struct image_args *a)
{
	struct store *s = store_open(a->store, false);
	int status = EXIT_OK;
	struct out *o;

	if (!s)
		return EXIT_ERROR;
	o = out_new(a->mode == OUT_TABLE ? OUT_LINES : a->mode);
	for (int i = 0; i < a->args; i++) {
		const struct image *m = store_find(s, a->arg[i]);

		if (m)
			fields(o, s, m);
		else
			status = EXIT_ERROR;
	}
	out_finish(o, a->args == 1 && !status);
	store_close(s);
	return status;
}

/* --- diff --- */

struct extents {
	struct out *o;			/* NULL: only counted */
	uint64_t data, zero, n;
};

static void extent(uint64_t start, uint64_t length, bool zero, void *arg)
{
	struct extents *e = arg;

	e->n++;
	*(zero ? &e->zero : &e->data) += length;
	if (!e->o)
		return;
	out_object(e->o);
	out_number(e->o, "start", "START", start);
	out_number(e->o, "length", "LENGTH", length);
	out_text(e->o, "content", "CONTENT", zero ? "zeroes" : "data");
}

int image_do_diff(struct image_args *a)
{
	struct extents e = { };
	struct out *o = out_new(a->mode == OUT_TABLE && !a->extents ? OUT_LINES : a->mode);
	struct store *s = store_open(a->store, false);
	const struct image *m;
	int err;

	e.o = a->extents ? o : NULL;
	err = !s || image_diff(s, a->arg[0], extent, &e, &m);
	if (!err && !a->extents) {
		out_object(o);
		out_text(o, "image", NULL, a->arg[0]);
		out_text(o, "base", NULL, *m->parent ? called(s, m->parent) : NULL);
		out_bytes(o, "size", NULL, image_size(s, m));
		out_bytes(o, "data", NULL, e.data);
		out_bytes(o, "zeroes", NULL, e.zero);
		out_number(o, "extents", NULL, e.n);
	}
	if (!err)
		out_finish(o, !a->extents);
	store_close(s);
	return err ? EXIT_ERROR : EXIT_OK;
}

/* --- verify --- */

static void verify_one(struct out *o, struct store *s, const char *id, struct progress *p, unsigned int *bad)
{
	const struct image *m = index_by_id(&s->index, id);
	char name[NAME_SIZE];
	const char *why;

	if (!m)
		return;
	snprintf(name, sizeof(name), "%s", called(s, m->id));
	why = image_verify(s, m, p);
	/* Removed while it was looked at, it is not wrong. */
	if (why && *why && (store_refresh(s) || !index_by_id(&s->index, id)))
		return;
	progress_end(p);
	out_object(o);
	out_text(o, "name", "NAME", name);
	if (out_is_json(o))
		out_text(o, "id", NULL, id);
	out_text(o, "result", "RESULT", !why ? "ok" : *why ? "FAIL" : "in use");
	out_text(o, "why", "WHY", why && *why ? why : NULL);
	*bad += why && *why;
}

int image_do_verify(struct image_args *a)
{
	struct store *s = store_open(a->store, false);
	unsigned int n = 0, bad = 0, strays;
	char (*id)[ID_SIZE];
	uint64_t total = 0;
	struct progress p;
	struct out *o;

	if (!s)
		return EXIT_ERROR;
	id = calloc(s->index.images + a->args + 1, sizeof(*id));
	if (!id)
		abort();
	for (int i = 0; i < a->args; i++) {
		const struct image *m = store_find(s, a->arg[i]);

		if (m)
			strcpy(id[n++], m->id);
		else
			bad++;
	}
	for (unsigned int i = 0; !a->args && i < s->index.images; i++)
		strcpy(id[n++], s->index.image[i].id);
	for (unsigned int i = 0; i < n; i++)
		total += index_by_id(&s->index, id[i])->bytes;
	progress_start(&p, "verify", total);
	o = out_new(a->mode);
	for (unsigned int i = 0; i < n; i++)
		verify_one(o, s, id[i], &p, &bad);
	progress_end(&p);
	out_finish(o, false);
	strays = a->args || s->dir < 0 || s->files < 0 ? 0 : store_strays(s);
	if (strays && a->mode == OUT_TABLE)
		printf("%u files that no image needs; 'vhctl image gc' removes them\n", strays);
	free(id);
	store_close(s);
	return bad ? EXIT_ERROR : EXIT_OK;
}

/* --- gc --- */

struct gone {
	struct out *o;
	uint64_t bytes;
	unsigned int n;
};

static void gone(const char *kind, const char *name, uint64_t bytes, void *arg)
{
	struct gone *g = arg;
	char text[FILE_SIZE];

	snprintf(text, sizeof(text), "%.*s", out_is_json(g->o) ? FILE_SIZE - 1 :
		 !strncmp(name, "sha256-", 7) ? 7 + SHORT_ID : !strncmp(name, "work-", 5) ? 5 + SHORT_ID :
		 !strncmp(name, "run-", 4) ? FILE_SIZE - 1 : SHORT_ID, name);
	out_object(g->o);
	out_text(g->o, "kind", "KIND", kind);
	out_text(g->o, "name", "NAME", text);
	out_bytes(g->o, "bytes", "BYTES", bytes);
	g->bytes += bytes;
	g->n++;
}

int image_do_gc(struct image_args *a)
{
	struct store *s = store_open(a->store, true);
	struct gone g = { };
	int err;

	if (!s)
		return EXIT_ERROR;
	g.o = out_new(a->mode);
	err = store_gc(s, a->dry, gone, &g);
	out_finish(g.o, false);
	if (a->mode == OUT_TABLE)
		printf("%s %s\n", human_bytes(g.bytes), a->dry ? "would be freed" : "freed");
	store_close(s);
	return err ? EXIT_ERROR : EXIT_OK;
}
