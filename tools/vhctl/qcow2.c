// SPDX-License-Identifier: GPL-2.0-only
/*
 * qcow2.c - what a qcow2 file says of itself, before any program is let at it. QEMU documents the
 * format in docs/interop/qcow2; sections "Header" and "Header extensions".
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "qcow2.h"

#define MAGIC		0x514649fbU

/* Incompatible features, header bytes 72 to 79. */
#define DIRTY		(1ULL << 0)
#define CORRUPT		(1ULL << 1)
#define DATA_FILE	(1ULL << 2)
#define COMPRESSION	(1ULL << 3)
#define EXTENDED_L2	(1ULL << 4)

/* Header extensions. */
#define EXT_BACKING_FORMAT	0xe2792acaU
#define EXT_DATA_FILE		0x44415441U

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return be32toh(v);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return be64toh(v);
}

static const char *extensions(const uint8_t *head, size_t n, size_t at, struct qcow2 *q)
{
	while (at + 8 <= n) {
		uint32_t type = get32(head + at), len = get32(head + at + 4);

		if (!type)
			return NULL;
		at += 8;
		if (len > n - at)
			return "has header extensions that do not end";
		if (type == EXT_DATA_FILE)
			q->data_file = true;
		if (type == EXT_BACKING_FORMAT) {
			if (len >= sizeof(q->backing_format))
				return "has a backing format of no sensible length";
			memcpy(q->backing_format, head + at, len);
			q->backing_format[len] = 0;
		}
		at += (len + 7) & ~7U;
	}
	return at == n ? NULL : "has header extensions that do not end";
}

/**
 * qcow2_parse - what its header says
 * @head: the beginning of the file
 * @n: of which there is so much
 * @q: filled in
 *
 * NULL, or what is wrong with it.
 */
const char *qcow2_parse(const uint8_t *head, size_t n, struct qcow2 *q)
{
	uint64_t features, backing;
	uint32_t length, size;

	*q = (struct qcow2){ };
	if (n < 72 || get32(head) != MAGIC)
		return "is no qcow2 image";
	q->version = get32(head + 4);
	if (q->version != 2 && q->version != 3)
		return "is a qcow2 image of an unknown version";
	backing = get64(head + 8);
	length = get32(head + 16);
	q->cluster_bits = get32(head + 20);
	q->size = get64(head + 24);
	q->encrypted = get32(head + 32);
	q->l1_entries = get32(head + 36);
	q->l1 = get64(head + 40);
	q->counts = get64(head + 48);
	q->count_clusters = get32(head + 56);
	size = 72;
	if (q->version == 3) {
		if (n < 104)
			return "has no whole header";
		features = get64(head + 72);
		q->dirty = features & DIRTY;
		q->corrupt = features & CORRUPT;
		q->data_file = features & DATA_FILE;
		q->unknown = features & ~(DIRTY | CORRUPT | DATA_FILE | COMPRESSION | EXTENDED_L2);
		size = get32(head + 100);
		if (size < 104 || size > n || size % 8)
			return "has a header of no sensible length";
	}
	if (backing) {
		if (!length || length >= sizeof(q->backing) || backing > n || length > n - backing || backing < size)
			return "has a backing file's name that is not in its header";
		memcpy(q->backing, head + backing, length);
		q->backing[length] = 0;
		if (strlen(q->backing) != length)
			return "has a backing file's name with a NUL";
	}
	/* They end where the name begins, or say so. */
	return extensions(head, backing ? backing : n, size, q);
}

/**
 * qcow2_read - what the header of a file says
 * @fd: the file
 * @q: filled in
 *
 * NULL, or what is wrong with it.
 */
const char *qcow2_read(int fd, struct qcow2 *q)
{
	uint8_t head[QCOW2_HEAD];
	ssize_t n;

	do {
		n = pread(fd, head, sizeof(head), 0);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? strerror(errno) : qcow2_parse(head, n, q);
}
