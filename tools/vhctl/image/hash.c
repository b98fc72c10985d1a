// SPDX-License-Identifier: GPL-2.0-only
/* hash.c - SHA-256 of files, and of what is known of an image. */
#include <errno.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/progress.h"
#include "image/store.h"

#define CHUNK	(1 << 20)

static void finish(struct sha256_ctx *ctx, char hex[ID_SIZE])
{
	uint8_t d[SHA256_DIGEST_SIZE];

	sha256_digest(ctx, sizeof(d), d);
	for (unsigned int i = 0; i < sizeof(d); i++)
		sprintf(hex + 2 * i, "%02x", d[i]);
}

/**
 * hash_file - SHA-256 of all of a file
 * @fd: the file; its position does not matter and stays
 * @hex: the result
 * @p: is told how far it is, or NULL
 *
 * 0, or -1 with errno.
 */
int hash_file(int fd, char hex[ID_SIZE], struct progress *p)
{
	struct sha256_ctx ctx;
	uint64_t at = 0;
	ssize_t n;
	char *b = malloc(CHUNK);

	if (!b)
		abort();
	sha256_init(&ctx);
	while ((n = pread(fd, b, CHUNK, at)) > 0 || (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		sha256_update(&ctx, n, (void *)b);
		at += n;
		progress_add(p, n);
	}
	free(b);
	if (n < 0)
		return -1;
	finish(&ctx, hex);
	return 0;
}

/* A line of its own, so that no two images give the same text. No value has a line feed. */
static void line(struct sha256_ctx *ctx, const char *key, const char *value)
{
	sha256_update(ctx, strlen(key), (const uint8_t *)key);
	sha256_update(ctx, 1, (const uint8_t *)"=");
	sha256_update(ctx, strlen(value), (const uint8_t *)value);
	sha256_update(ctx, 1, (const uint8_t *)"\n");
}

static void number(struct sha256_ctx *ctx, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	line(ctx, key, text);
}

/**
 * image_seal_id - the id of a sealed image: SHA-256 of all that is known of it
 * @m: the image; its @id is not looked at
 * @id: the result
 *
 * The text that is hashed has a line KEY=VALUE for each of digest, parent, size, created, kernel,
 * initrd, cmdline, memory, cpus, which is empty or 0 where nothing is known, and one label.KEY=VALUE
 * for each label, in the order in which they stand.
 */
void image_seal_id(const struct image *m, char id[ID_SIZE])
{
	struct sha256_ctx ctx;
	char key[LABEL_KEY_MAX + 8];

	sha256_init(&ctx);
	line(&ctx, "digest", m->digest);
	line(&ctx, "parent", m->parent);
	number(&ctx, "size", m->size);
	number(&ctx, "created", m->created);
	line(&ctx, "kernel", m->kernel);
	line(&ctx, "initrd", m->initrd);
	line(&ctx, "cmdline", m->cmdline ? m->cmdline : "");
	number(&ctx, "memory", m->memory);
	number(&ctx, "cpus", m->cpus);
	for (unsigned int i = 0; i < m->labels; i++) {
		snprintf(key, sizeof(key), "label.%s", m->label[i].key);
		line(&ctx, key, m->label[i].value);
	}
	finish(&ctx, id);
}
