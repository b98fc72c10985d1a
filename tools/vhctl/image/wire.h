/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire.h - what two vhctl say to each other over a pair of descriptors.
 *
 * A frame is its length (4 bytes, little-endian), a letter, and the bytes: J is JSON, D a part of a
 * file compressed by zstd, E the file's end, X says why it goes no further. Who asks begins:
 *
 *   {"version":1,"op":"get","name":NAME}         {"images":[...]}, the base first, or X
 *   {"want":[SHA-256...]}                        of each {"file":SHA-256,"size":N}, D..., E
 *
 *   {"version":1,"op":"put","name":NAME,"images":[...]}    {"want":[SHA-256...]}, or X
 *   of each {"file":...}, D..., E                {"done":true}, or X
 *
 * An image is as in the index. Neither side believes the other.
 */
#ifndef IMAGE_WIRE_H
#define IMAGE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;
struct progress;
struct stage;
struct store;
struct image;

/**
 * struct wire - the way to the other side
 * @in: from there
 * @out: to there
 * @peer: who it is, for messages; NULL: who asked this process, who is told by X instead
 */
struct wire {
	int in, out;
	const char *peer;
};

int wire_tell(struct wire *w, struct json_object *j);
struct json_object *wire_ask(struct wire *w);
int wire_send_file(struct wire *w, int fd, struct progress *p);
int wire_get_file(struct wire *w, int fd, uint64_t size, struct progress *p);
/* Why it goes no further: to the user, or to who asked. */
void wire_fail(struct wire *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * struct load - images that go over a wire, the base first, and the files that they consist of
 */
struct load {
	struct image *image;
	unsigned int images;
	struct {
		char digest[65];
		uint64_t size;			/* 0: of a kernel or initrd, not known yet */
		bool disk, want, here;
	} *file;
	unsigned int files;
};

struct json_object *load_to_json(const struct load *l);
int load_from_store(struct wire *w, struct store *s, const char *text, struct load *l);
int load_from_json(struct wire *w, struct json_object *images, struct load *l);
void load_lack(struct store *s, struct load *l);
struct json_object *load_wanted(const struct load *l);
int load_want(struct wire *w, struct json_object *j, struct load *l);
int load_send(struct wire *w, struct store *s, struct load *l);
int load_get(struct wire *w, struct stage *t, struct load *l);
int load_publish(struct wire *w, struct store *s, struct stage *t, struct load *l, const char *name);
void load_free(struct load *l);

#endif /* IMAGE_WIRE_H */
