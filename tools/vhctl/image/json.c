// SPDX-License-Identifier: GPL-2.0-only
/*
 * json.c - images and indexes as JSON, of a file or of a peer: whoever wrote it, what comes out of
 * here is in its bounds.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "image/store.h"

#define DEPTH	8
#define MEMORY_MAX	(1ULL << 40)
#define CPUS_MAX	1024

/**
 * json_parse - text as JSON
 * @text: anything
 * @size: of it
 *
 * NULL: it is none, or is nested too deep, or something is behind it.
 */
json_object *json_parse(const char *text, size_t size)
{
	json_tokener *t = json_tokener_new_ex(DEPTH);
	json_object *j;

	if (!t || size > INT32_MAX)
		return NULL;
	json_tokener_set_flags(t, JSON_TOKENER_STRICT);
	j = json_tokener_parse_ex(t, text, size);
	if (json_tokener_get_error(t) != json_tokener_success) {
		json_object_put(j);
		j = NULL;
	}
	json_tokener_free(t);
	return j;
}

static void add(json_object *j, const char *key, json_object *value)
{
	json_object_object_add(j, key, value);
}

static void add_text(json_object *j, const char *key, const char *value)
{
	if (value && *value)
		add(j, key, json_object_new_string(value));
}

/**
 * image_to_json - what the index says of an image
 * @m: the image
 */
json_object *image_to_json(const struct image *m)
{
	json_object *j = json_object_new_object(), *labels;

	add_text(j, "id", m->id);
	add(j, "sealed", json_object_new_boolean(m->sealed));
	add_text(j, "digest", m->digest);
	add_text(j, "parent", m->parent);
	add(j, "size", json_object_new_uint64(m->size));
	if (m->sealed)
		add(j, "bytes", json_object_new_uint64(m->bytes));
	add(j, "created", json_object_new_int64(m->created));
	add_text(j, "kernel", m->kernel);
	add_text(j, "initrd", m->initrd);
	add_text(j, "cmdline", m->cmdline);
	if (m->memory)
		add(j, "memory", json_object_new_uint64(m->memory));
	if (m->cpus)
		add(j, "cpus", json_object_new_uint64(m->cpus));
	if (m->labels) {
		labels = json_object_new_object();
		for (unsigned int i = 0; i < m->labels; i++)
			add(labels, m->label[i].key, json_object_new_string(m->label[i].value));
		add(j, "labels", labels);
	}
	return j;
}

/* Absent is ""; what has a NUL inside is none. */
static bool get_text(json_object *j, const char *key, const char **text)
{
	json_object *v;

	*text = "";
	if (!json_object_object_get_ex(j, key, &v))
		return true;
	if (!json_object_is_type(v, json_type_string) ||
	    strlen(json_object_get_string(v)) != (size_t)json_object_get_string_len(v))
		return false;
	*text = json_object_get_string(v);
	return true;
}

static bool get_hex(json_object *j, const char *key, char hex[ID_SIZE])
{
	const char *text;

	if (!get_text(j, key, &text) || (*text && !hex_valid(text)))
		return false;
	strcpy(hex, text);
	return true;
}

/* Absent is 0. */
static bool get_number(json_object *j, const char *key, uint64_t max, uint64_t *n)
{
	json_object *v;

	*n = 0;
	if (!json_object_object_get_ex(j, key, &v))
		return true;
	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0)
		return false;
	*n = json_object_get_uint64(v);
	return *n <= max;
}

static bool get_labels(json_object *j, struct image *m)
{
	json_object *labels;

	if (!json_object_object_get_ex(j, "labels", &labels))
		return true;
	if (!json_object_is_type(labels, json_type_object) || json_object_object_length(labels) > LABELS_MAX)
		return false;
	json_object_object_foreach(labels, key, v) {
		const char *value;
		struct label *l = &m->label[m->labels];

		if (!get_text(labels, key, &value) || !v || !label_valid(key, value))
			return false;
		*l = (struct label){ strdup(key), strdup(value) };
		if (!l->key || !l->value)
			abort();
		m->labels++;
	}
	return true;
}

static const char *get_image(json_object *j, struct image *m)
{
	json_object *sealed;
	const char *text;
	uint64_t n;

	if (!json_object_is_type(j, json_type_object))
		return "is no object";
	if (!get_hex(j, "id", m->id) || !*m->id)
		return "has no valid id";
	if (!json_object_object_get_ex(j, "sealed", &sealed) || !json_object_is_type(sealed, json_type_boolean))
		return "does not say whether it is sealed";
	m->sealed = json_object_get_boolean(sealed);
	if (!get_hex(j, "digest", m->digest) || m->sealed != !!*m->digest)
		return "has no valid digest";
	if (!get_hex(j, "parent", m->parent))
		return "has no valid parent";
	if (!get_hex(j, "kernel", m->kernel) || !get_hex(j, "initrd", m->initrd) || (*m->initrd && !*m->kernel))
		return "has no valid kernel or initrd";
	if (!get_number(j, "size", SIZE_MAX_DISK, &m->size) || !m->size || m->size % 512)
		return "has no valid size";
	if (!get_number(j, "bytes", SIZE_MAX_DISK, &m->bytes))
		return "has no valid number of bytes";
	if (!get_number(j, "created", 1ULL << 40, &n))
		return "has no valid time of creation";
	m->created = n;
	if (!get_number(j, "memory", MEMORY_MAX, &m->memory) || !get_number(j, "cpus", CPUS_MAX, &n))
		return "has no valid memory or cpus";
	m->cpus = n;
	if (!get_text(j, "cmdline", &text) || !text_valid(text, CMDLINE_MAX))
		return "has no valid command line";
	if (*text && !(m->cmdline = strdup(text)))
		abort();
	return get_labels(j, m) ? NULL : "has no valid labels";
}

/**
 * image_from_json - the other way; what it does not know is let alone
 * @j: anything
 * @m: filled in
 *
 * NULL, or what is wrong with it; then nothing is to be freed.
 */
const char *image_from_json(json_object *j, struct image *m)
{
	const char *why;

	*m = (struct image){ };
	why = get_image(j, m);
	if (why)
		image_free(m);
	return why;
}

/**
 * index_to_json - all of it
 * @x: the index
 */
json_object *index_to_json(const struct index *x)
{
	json_object *j = json_object_new_object(), *images = json_object_new_array(),
		    *names = json_object_new_object();
	unsigned int i;

	add(j, "version", json_object_new_int(1));
	for (i = 0; i < x->images; i++)
		json_object_array_add(images, image_to_json(&x->image[i]));
	for (i = 0; i < x->names; i++)
		add_text(names, x->name[i].name, x->name[i].id);
	add(j, "images", images);
	add(j, "names", names);
	return j;
}

static const char *get_images(json_object *j, struct index *x)
{
	static char why[160];
	json_object *images;
	struct image m;

	if (!json_object_object_get_ex(j, "images", &images) || !json_object_is_type(images, json_type_array) ||
	    json_object_array_length(images) > IMAGES_MAX)
		return "has no list of images";
	for (size_t i = 0; i < json_object_array_length(images); i++) {
		const char *wrong = image_from_json(json_object_array_get_idx(images, i), &m);

		if (!wrong && index_by_id(x, m.id)) {
			wrong = "is there twice";
			image_free(&m);
		}
		if (wrong) {
			snprintf(why, sizeof(why), "image %zu %s", i, wrong);
			return why;
		}
		index_add(x, &m);
	}
	for (unsigned int i = 0; i < x->images; i++) {
		const struct image *chain[CHAIN_MAX];

		if (index_chain(x, &x->image[i], chain) < 0) {
			snprintf(why, sizeof(why), "image %u has no valid chain of parents", i);
			return why;
		}
	}
	return NULL;
}

static const char *get_names(json_object *j, struct index *x)
{
	static char why[NAME_SIZE + 64];
	json_object *names;
	const char *id;

	if (!json_object_object_get_ex(j, "names", &names) || !json_object_is_type(names, json_type_object) ||
	    json_object_object_length(names) > IMAGES_MAX)
		return "has no names";
	json_object_object_foreach(names, name, v) {
		if (!name_valid(name))
			return "has a name that is none";
		if (!v || !get_text(names, name, &id) || !index_by_id(x, id)) {
			snprintf(why, sizeof(why), "gives the name %s to an image that it does not have", name);
			return why;
		}
		index_set_name(x, name, id);
	}
	return NULL;
}

/**
 * index_from_json - the other way
 * @j: anything
 * @x: filled in, to be freed in any case
 *
 * NULL, or what is wrong with it.
 */
const char *index_from_json(json_object *j, struct index *x)
{
	json_object *version;
	const char *why;

	*x = (struct index){ };
	if (!json_object_is_type(j, json_type_object) || !json_object_object_get_ex(j, "version", &version))
		return "is no index of images";
	if (!json_object_is_type(version, json_type_int) || json_object_get_int(version) != 1)
		return "is of another version of vhctl";
	why = get_images(j, x);
	return why ? why : get_names(j, x);
}
