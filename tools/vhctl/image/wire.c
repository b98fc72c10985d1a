// SPDX-License-Identifier: GPL-2.0-only
/* wire.c - frames: JSON, files, and what went wrong. */
#include <endian.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "image/progress.h"
#include "image/store.h"
#include "image/wire.h"
#include "vhctl.h"

#define FRAME_MAX	(4U << 20)
#define CHUNK		(1U << 20)
#define LEVEL		3
#define WHY_MAX		600

static int put(struct wire *w, const void *data, size_t n)
{
	const char *p = data;
	ssize_t done;

	for (; n; p += done, n -= done) {
		done = write(w->out, p, n);
		if (done < 0 && errno == EINTR)
			done = 0;
		if (done < 0)
			return -1;
	}
	return 0;
}

static int get(struct wire *w, void *data, size_t n)
{
	char *p = data;
	ssize_t done;

	for (; n; p += done, n -= done) {
		done = read(w->in, p, n);
		if (done < 0 && errno == EINTR)
			done = 0;
		else if (done <= 0)
			return -1;
	}
	return 0;
}

static int put_frame(struct wire *w, char type, const void *data, size_t n)
{
	uint32_t length = htole32(n);

	return put(w, &length, 4) || put(w, &type, 1) || put(w, data, n) ? -1 : 0;
}

void wire_fail(struct wire *w, const char *fmt, ...)
{
	char why[WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (w->peer)
		error("%s: %s", w->peer, why);
	else
		put_frame(w, 'X', why, strlen(why));
}

static int gone(struct wire *w)
{
	if (w->peer)
		error("%s: the connection ended; is vhctl there, and can you log in?", w->peer);
	return -1;
}

/* The next frame, of at most @max bytes: its letter; 0, told. @data has room for an end. */
static char get_frame(struct wire *w, char *data, uint32_t max, uint32_t *n)
{
	uint32_t length;
	char type;

	if (get(w, &length, 4) || get(w, &type, 1)) {
		gone(w);
		return 0;
	}
	*n = le32toh(length);
	if (*n > max) {
		wire_fail(w, "does not speak as vhctl image serve does");
		return 0;
	}
	if (get(w, data, *n)) {
		gone(w);
		return 0;
	}
	data[*n] = 0;
	if (type != 'X')
		return type;
	for (uint32_t i = 0; i < *n; i++)
		if (data[i] < ' ' || data[i] > '~')
			data[i] = '?';
	if (w->peer)
		error("%s: %.*s", w->peer, WHY_MAX, data);
	return 0;
}

/**
 * wire_tell - JSON to the other side: 0, or -1, told
 * @w: the wire
 * @j: it; is put
 */
int wire_tell(struct wire *w, json_object *j)
{
	const char *text = json_object_to_json_string_ext(j, JSON_C_TO_STRING_PLAIN);
	int err = put_frame(w, 'J', text, strlen(text));

	json_object_put(j);
	/* If it has said why, that is still to be read. */
	return err && errno != EPIPE ? gone(w) : 0;
}

/**
 * wire_ask - JSON from the other side; NULL, told
 * @w: the wire
 */
json_object *wire_ask(struct wire *w)
{
	char *data = malloc(FRAME_MAX + 1), type;
	json_object *j = NULL;
	uint32_t n;

	if (!data)
		abort();
	type = get_frame(w, data, FRAME_MAX, &n);
	if (type == 'J')
		j = json_parse(data, n);
	if (type && !json_object_is_type(j, json_type_object)) {
		wire_fail(w, "does not speak as vhctl image serve does");
		json_object_put(j);
		j = NULL;
	}
	free(data);
	return j;
}

static int compress_rest(struct wire *w, ZSTD_CCtx *z, ZSTD_inBuffer *in, ZSTD_EndDirective end, char *out, size_t size)
{
	size_t left;

	do {
		ZSTD_outBuffer o = { out, size, 0 };

		left = ZSTD_compressStream2(z, &o, in, end);
		if (ZSTD_isError(left))
			return -1;
		if (o.pos && put_frame(w, 'D', out, o.pos))
			return -1;
	} while (end == ZSTD_e_end ? left : in->pos < in->size);
	return 0;
}

/**
 * wire_send_file - all of a file: 0, or -1, told
 * @w: the wire
 * @fd: the file
 * @p: is told, or NULL
 */
int wire_send_file(struct wire *w, int fd, struct progress *p)
{
	size_t size = ZSTD_CStreamOutSize();
	ZSTD_CCtx *z = ZSTD_createCCtx();
	char *b = malloc(CHUNK), *out = malloc(size);
	uint64_t at = 0;
	int err = 0;
	ssize_t n;

	if (!z || !b || !out)
		abort();
	ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, LEVEL);
	while (!err && ((n = pread(fd, b, CHUNK, at)) > 0 || (n < 0 && errno == EINTR))) {
		ZSTD_inBuffer in = { b, n > 0 ? n : 0, 0 };

		if (n < 0)
			continue;
		err = compress_rest(w, z, &in, ZSTD_e_continue, out, size);
		at += n;
		progress_add(p, n);
	}
	if (!err && n < 0)
		wire_fail(w, "cannot read a file: %s", strerror(errno));
	else if (!err)
		err = compress_rest(w, z, &(ZSTD_inBuffer){ b, 0, 0 }, ZSTD_e_end, out, size) ||
		      put_frame(w, 'E', NULL, 0);
	if (err) {
		/* It may have said why before it went. */
		uint32_t length;

		if (!w->peer || get_frame(w, b, CHUNK - 1, &length))
			gone(w);
	}
	ZSTD_freeCCtx(z);
	free(b);
	free(out);
	return err || n < 0 ? -1 : 0;
}

static int write_at(int fd, const char *b, size_t n, uint64_t at)
{
	ssize_t done;

	for (; n; b += done, n -= done, at += done) {
		done = pwrite(fd, b, n, at);
		if (done < 0 && errno == EINTR)
			done = 0;
		if (done < 0)
			return -1;
	}
	return 0;
}

/**
 * wire_get_file - the other way: 0, or -1, told
 * @w: the wire
 * @fd: the file, empty
 * @size: that it has; more is not taken
 * @p: is told, or NULL
 */
int wire_get_file(struct wire *w, int fd, uint64_t size, struct progress *p)
{
	ZSTD_DCtx *z = ZSTD_createDCtx();
	char *b = malloc(FRAME_MAX + 1), *out = malloc(CHUNK), type;
	const char *why = NULL;
	uint64_t at = 0;
	uint32_t n;

	if (!z || !b || !out)
		abort();
	/* A window of 128 MiB is what anybody needs; more is memory that the other side decides on. */
	ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, 27);
	while (!why && (type = get_frame(w, b, FRAME_MAX, &n)) == 'D') {
		ZSTD_inBuffer in = { b, n, 0 };
		bool full = false;

		while (!why && (in.pos < in.size || full)) {
			ZSTD_outBuffer o = { out, CHUNK, 0 };

			if (ZSTD_isError(ZSTD_decompressStream(z, &o, &in)))
				why = "sends what zstd does not know";
			else if (o.pos > size - at)
				why = "sends more than it said";
			else if (write_at(fd, out, o.pos, at))
				why = strerror(errno);
			at += o.pos;
			full = o.pos == CHUNK;
			progress_add(p, o.pos);
		}
	}
	if (!why && type && type != 'E')
		why = "does not speak as vhctl image serve does";
	else if (!why && type && at != size)
		why = "sends less than it said";
	if (why)
		wire_fail(w, "%s", why);
	ZSTD_freeDCtx(z);
	free(b);
	free(out);
	return why || !type ? -1 : 0;
}
