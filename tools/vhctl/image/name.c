// SPDX-License-Identifier: GPL-2.0-only
/* name.c - names, tags, ids and labels: what people write, and what a file or a peer says. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "image/store.h"

#define LOWER	"abcdefghijklmnopqrstuvwxyz"
#define UPPER	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	"0123456789"
#define HEX	"0123456789abcdef"

/* Lower case, digits and, inside, "._-"; what looks like an id is none. */
static bool part_name(const char *s, size_t n)
{
	if (!n || n > NAME_MAX_PART || strspn(s, LOWER DIGITS "._-") < n || strchr("._-", s[0]) ||
	    strchr("._-", s[n - 1]))
		return false;
	return n < 12 || strspn(s, HEX) < n;
}

static bool part_tag(const char *s)
{
	size_t n = strlen(s);

	return n && n <= NAME_MAX_PART && !s[strspn(s, LOWER UPPER DIGITS "._-")] && !strchr(".-", s[0]);
}

/**
 * name_valid - is it NAME:TAG?
 * @name: anything
 */
bool name_valid(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon && part_name(name, colon - name) && part_tag(colon + 1);
}

/**
 * name_complete - NAME or NAME:TAG, as NAME:TAG
 * @text: as people write it; without a tag it is "latest"
 * @name: the result
 *
 * False: it is no name.
 */
bool name_complete(const char *text, char name[NAME_SIZE])
{
	int n = snprintf(name, NAME_SIZE, "%s%s", text, strchr(text, ':') ? "" : ":latest");

	return n < NAME_SIZE && name_valid(name);
}

/**
 * hex_valid - is it a SHA-256 in hex?
 * @text: anything
 */
bool hex_valid(const char *text)
{
	return strlen(text) == ID_SIZE - 1 && strspn(text, HEX) == ID_SIZE - 1;
}

/**
 * text_valid - text that may be printed on any terminal, in one line
 * @text: anything
 * @max: bytes at most
 */
bool text_valid(const char *text, size_t max)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return n <= max;
}

/**
 * label_valid - may it be a label?
 * @key: letters, digits and "._/-"
 * @value: a line of text
 */
bool label_valid(const char *key, const char *value)
{
	size_t n = strlen(key);

	return n && n <= LABEL_KEY_MAX && !key[strspn(key, LOWER UPPER DIGITS "._/-")] &&
	       text_valid(value, LABEL_VALUE_MAX);
}

/**
 * random_id - an id for what has no digest
 * @id: the result
 */
void random_id(char id[ID_SIZE])
{
	unsigned char b[(ID_SIZE - 1) / 2];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		abort();
	for (unsigned int i = 0; i < sizeof(b); i++)
		sprintf(id + 2 * i, "%02x", b[i]);
}

/**
 * sealed_name - the name in files/ of what never changes
 * @digest: its SHA-256
 * @file: the result
 */
void sealed_name(const char *digest, char file[FILE_SIZE])
{
	snprintf(file, FILE_SIZE, "sha256-%.64s", digest);
}

/**
 * disk_name - the name in files/ of an image's disk
 * @m: the image
 * @file: the result
 */
void disk_name(const struct image *m, char file[FILE_SIZE])
{
	if (m->sealed)
		sealed_name(m->digest, file);
	else
		snprintf(file, FILE_SIZE, "work-%.64s", m->id);
}
