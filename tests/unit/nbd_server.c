// SPDX-License-Identifier: GPL-2.0-only
/*
 * nbd_server.c - an NBD server that is as bad as an input says, and a kernel that sends and receives as
 * little at once as it likes: the entry of libFuzzer, and of test_nbd.c, which makes inputs up.
 *
 * What has to hold: each request is done once, and not while the kernel looks at its buffers; what is sent is
 * what was asked for; what was read is what was answered.
 */
#include <endian.h>
#include <errno.h>
#include <linux/nbd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "input.h"
#include "nbd_server.h"
#include "vhctl.h"
#include "vmm/nbd.h"

#define OPS	8
#define MOST	3000		/* bytes of a request */
#define PIECES	3

struct nbd_counts nbd_counts;

long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

struct request {
	struct nbd_op op;
	struct iovec iov[PIECES];
	uint8_t *data;			/* of just its size */
	bool submitted, heard;		/* all of its head is with the server */
	uint64_t handle;
	uint8_t seed;
};

static struct request requests[OPS];
static struct nbd *nbd;
static struct io_uring_sqe sending, receiving;
static bool is_sending, is_receiving;

/* What the server has of the message that comes. */
static struct nbd_request head;
static size_t head_n;
static struct request *writing;
static uint32_t written;

/* What it answers */
static uint8_t answer[16 + MOST];
static size_t answer_n, answer_at;
static bool guessed;		/* garbage may hit upon somebody's handle: what he reads is anything */

static void need(bool so, const char *what)
{
	if (so)
		return;
	fprintf(stderr, "nbd: not so: %s\n", what);
	abort();
}

#define NEED(cond) need(cond, #cond)

static uint8_t byte_of(const struct request *r, uint32_t i)
{
	return r->seed + i * 3;
}

/* --- the client's user --- */

static void done(void *user, struct nbd_op *op, int result)
{
	struct request *r = (struct request *)op;

	NEED(user == &requests && r->submitted);
	NEED(result <= 0);
	r->submitted = false;
	nbd_counts.done++;
	nbd_counts.failed += !!result;
	if (!result && op->command == NBD_READ) {
		nbd_counts.read++;
		for (uint32_t i = 0; !guessed && i < op->bytes; i++)
			NEED(r->data[i] == byte_of(r, i));
	}
	/* Who looks at it now is found by ASan. */
	free(r->data);
	r->data = NULL;
	memset(r->iov, 0xff, sizeof(r->iov));
}

static void submit(struct input *in)
{
	static const enum nbd_command commands[] = { NBD_READ, NBD_WRITE, NBD_FLUSH, NBD_TRIM, NBD_ZERO };
	struct request *r = &requests[number(in, 1) % OPS];
	uint32_t bytes = 1 + number(in, 2) % MOST, at = 0;
	enum nbd_command command = commands[number(in, 1) % 5];

	if (r->submitted)
		return;
	*r = (struct request){ .submitted = true, .seed = number(in, 1), .data = malloc(bytes) };
	NEED(r->data);
	for (uint32_t i = 0; i < bytes; i++)
		r->data[i] = command == NBD_WRITE ? byte_of(r, i) : 0;
	for (int i = 0; i < PIECES; i++) {
		size_t n = i < PIECES - 1 ? number(in, 1) % (bytes - at + 1) : bytes - at;

		r->iov[i] = (struct iovec){ r->data + at, n };
		at += n;
	}
	r->op = (struct nbd_op){ .command = command, .offset = number(in, 4), .bytes = bytes, .iov = r->iov,
				 .iovs = command <= NBD_WRITE ? PIECES : 0 };
	nbd_submit(nbd, &r->op);
}

/* --- the server hears --- */

static void hear_head(void)
{
	NEED(be32toh(head.magic) == NBD_REQUEST_MAGIC);
	for (int i = 0; i < OPS; i++) {
		struct request *r = &requests[i];
		uint64_t handle;

		memcpy(&handle, head.handle, sizeof(handle));
		if (!r->submitted || r->heard || r->op.handle != be64toh(handle))
			continue;
		NEED(be32toh(head.type) == (uint32_t)r->op.command && be64toh(head.from) == r->op.offset &&
		     be32toh(head.len) == r->op.bytes);
		r->heard = true;
		memcpy(&r->handle, head.handle, sizeof(r->handle));
		nbd_counts.requests++;
		writing = r->op.command == NBD_WRITE ? r : NULL;
		written = 0;
		return;
	}
	/* One that a reply has come for before it was asked, or a client that errs */
	NEED(false);
}

static void hear(const uint8_t *p, size_t n)
{
	while (n) {
		size_t part = 1;

		if (writing) {
			NEED(*p == byte_of(writing, written++));
			if (written == writing->op.bytes)
				writing = NULL;
		} else {
			part = sizeof(head) - head_n < n ? sizeof(head) - head_n : n;
			memcpy((uint8_t *)&head + head_n, p, part);
			head_n += part;
			if (head_n == sizeof(head)) {
				head_n = 0;
				hear_head();
			}
		}
		p += part;
		n -= part;
	}
}

/* --- the kernel --- */

static void begin(void)
{
	if (!is_sending && nbd_wants_send(nbd)) {
		memset(&sending, 0, sizeof(sending));
		nbd_prepare_send(nbd, &sending);
		is_sending = true;
	}
	if (!is_receiving && nbd_wants_receive(nbd)) {
		memset(&receiving, 0, sizeof(receiving));
		nbd_prepare_receive(nbd, &receiving);
		is_receiving = true;
	}
}

static void send_some(struct input *in)
{
	const struct msghdr *m = (const void *)(uintptr_t)sending.addr;
	size_t left = 1 + number(in, 2) % 4000, sent = 0;

	if (!is_sending)
		return;
	for (size_t i = 0; i < m->msg_iovlen && left; i++) {
		size_t n = m->msg_iov[i].iov_len < left ? m->msg_iov[i].iov_len : left;

		hear(m->msg_iov[i].iov_base, n);
		sent += n;
		left -= n;
	}
	is_sending = false;
	nbd_sent(nbd, sent);
}

static size_t give(void *to, size_t n)
{
	size_t part = n < answer_n - answer_at ? n : answer_n - answer_at;

	memcpy(to, answer + answer_at, part);
	answer_at += part;
	return part;
}

static void receive_some(struct input *in)
{
	size_t left = 1 + number(in, 2) % 4000, got = 0;

	if (!is_receiving || answer_at == answer_n)
		return;
	if (receiving.opcode == IORING_OP_RECV) {
		got = give((void *)(uintptr_t)receiving.addr, receiving.len < left ? receiving.len : left);
	} else {
		const struct msghdr *m = (const void *)(uintptr_t)receiving.addr;

		for (size_t i = 0; i < m->msg_iovlen && left; i++) {
			size_t n = m->msg_iov[i].iov_len < left ? m->msg_iov[i].iov_len : left, part;

			part = give(m->msg_iov[i].iov_base, n);
			got += part;
			left -= part;
			if (part < n)
				break;
		}
	}
	if (!got)
		return;
	is_receiving = false;
	nbd_received(nbd, got);
}

static void fails(struct input *in)
{
	static const int errors[] = { 0, -ECONNRESET, -EPIPE, -EINTR, -EAGAIN };
	int result = errors[number(in, 1) % 5];

	if (number(in, 1) & 1) {
		if (is_sending) {
			is_sending = false;
			nbd_sent(nbd, result);
		}
	} else if (is_receiving) {
		is_receiving = false;
		nbd_received(nbd, result);
	}
}

/* --- the server answers --- */

static void make_answer(struct input *in)
{
	struct request *r = &requests[number(in, 1) % OPS];
	struct nbd_reply reply = { htobe32(NBD_REPLY_MAGIC), 0, { 0 } };
	uint8_t how = number(in, 1);

	if (answer_at < answer_n)
		return;
	answer_at = answer_n = 0;
	memcpy(reply.handle, r->heard ? &r->handle : &(uint64_t){ ~0ULL }, sizeof(reply.handle));
	/* Mostly one that is right; now and then with an error, for another one, or garbage. */
	if (how < 200 && (!r->submitted || !r->heard))
		return;
	if (how >= 160 && how < 200)
		reply.error = htobe32(number(in, 1));
	if (how >= 250)
		reply.magic = number(in, 4);
	else if (how >= 240)
		memcpy(reply.handle, &(uint64_t){ htobe64(number(in, 8)) }, 8);
	else if (how >= 220 && r->submitted)
		memcpy(reply.handle, &(uint64_t){ htobe64(r->op.handle) }, 8);	/* perhaps before it was asked */
	guessed |= how >= 240 && how < 250;
	nbd_counts.early += r->submitted && !r->heard;
	memcpy(answer, &reply, sizeof(reply));
	answer_n = sizeof(reply);
	if (r->submitted && r->op.command == NBD_READ && !reply.error)
		for (uint32_t i = 0; i < r->op.bytes; i++)
			answer[answer_n++] = byte_of(r, i);
}

/* --- */

static void greet(struct input *in)
{
	struct nbd_export e = { 0 };
	uint8_t text[512];
	size_t n = in->left < sizeof(text) ? in->left : sizeof(text);
	int fd[2];

	NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	memcpy(text, in->at, n);
	/* Begins well */
	if (n > 18 && text[17] & 1)
		memcpy(text, "NBDMAGICIHAVEOPT\0\3", 18);
	for (size_t at = 18; n >= at + 20 && text[at] & 3; at += 20 + text[at + 19]) {
		memcpy(text + at, "\0\3\xe8\x89\4\x55\x65\xa9\0\0\0\7\0\0\0", 15);
		text[at + 15] = text[at + 15] & 1 ? 1 : 3;
		memset(text + at + 16, 0, 3);
		text[at + 19] = text[at + 15] == 1 ? 0 : 12;
		if (n >= at + 22 && text[at + 15] == 3)
			memset(text + at + 20, 0, 2);
	}
	NEED(write(fd[1], text, n) == (ssize_t)n);
	shutdown(fd[1], SHUT_WR);
	if (nbd_greet(fd[0], &e, 10000))
		nbd_counts.not_greeted++;
	else
		nbd_counts.greeted++;
	close(fd[0]);
	close(fd[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct input in = { data, n };

	if (!(number(&in, 1) & 15)) {
		greet(&in);
		return 0;
	}
	memset(requests, 0, sizeof(requests));
	is_sending = is_receiving = guessed = false;
	head_n = answer_n = answer_at = 0;
	writing = NULL;
	nbd = nbd_create(-1, done, &requests);
	while (in.left) {
		begin();
		switch (number(&in, 1) % 16) {
		case 0 ... 3: submit(&in); break;
		case 4 ... 7: send_some(&in); break;
		case 8 ... 10: make_answer(&in); break;
		case 11 ... 14: receive_some(&in); break;
		case 15:
			if (!(number(&in, 1) & 15))
				fails(&in);
		}
	}
	/* The end: all are done. */
	begin();
	nbd_counts.over += !!nbd_over(nbd);
	if (is_receiving) {
		is_receiving = false;
		nbd_received(nbd, 0);
	}
	if (is_sending) {
		is_sending = false;
		nbd_sent(nbd, -EPIPE);
	}
	NEED(nbd_over(nbd));
	for (int i = 0; i < OPS; i++)
		NEED(!requests[i].submitted);
	NEED(!nbd_wants_send(nbd) && !nbd_wants_receive(nbd));
	requests[0] = (struct request){ .submitted = true };
	nbd_submit(nbd, &requests[0].op);
	NEED(!requests[0].submitted);
	free(nbd);
	return 0;
}
