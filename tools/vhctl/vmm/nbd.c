// SPDX-License-Identifier: GPL-2.0-only
/*
 * nbd.c - the NBD protocol (its doc/proto.md): fixed newstyle handshake, NBD_OPT_GO, simple replies.
 *
 * One message is sent and one is received at a time, each by one request of io_uring. What is sent are all
 * requests that wait; what is received is a reply's head, and then straight into its buffers what was read.
 */
#include <endian.h>
#include <errno.h>
#include <linux/nbd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/nbd.h"
#include "vmm/virtqueue.h"

#define GREETING	0x4e42444d41474943ULL	/* "NBDMAGIC" */
#define OPTION		0x49484156454f5054ULL	/* "IHAVEOPT" */
#define OPTION_REPLY	0x0003e889045565a9ULL
#define OPTION_GO	7
#define FIXED_NEWSTYLE	1
#define NO_ZEROES	2
#define REPLY_ACK	1
#define REPLY_INFO	3
#define INFO_EXPORT	0
#define MAX_REPLY	4096
#define FLAG_ZEROES	(1 << 6)	/* NBD_FLAG_SEND_WRITE_ZEROES */

#define MAX_OPS		2048
#define OUT_HEADS	32
#define OUT_IOVS	1024		/* IOV_MAX */

struct nbd {
	int fd;
	void (*done)(void *user, struct nbd_op *op, int result);
	void *user;
	const char *over;
	bool sending, receiving, failing;

	struct nbd_op *op[MAX_OPS];	/* all that are not done, by their handles' low half */
	uint32_t next_slot, serial;
	struct nbd_op *first, **last;	/* to be sent */

	struct nbd_op *batch[OUT_HEADS];	/* being sent */
	struct nbd_request head[OUT_HEADS];
	struct iovec out[OUT_IOVS];
	int batched, out_first, out_n;
	struct msghdr out_message;

	struct nbd_reply reply;
	size_t reply_n;			/* of its bytes are there */
	struct nbd_op *reading;		/* whose data come next */
	struct iovec in[VQ_SIZE];
	int in_first, in_n;
	struct msghdr in_message;
};

/* --- the handshake --- */

/* The time may be over in the midst of it. */
static bool get(int fd, void *to, size_t n, long long until)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char *at = to;

	while (n) {
		long long left = until - now_ms();
		ssize_t r = left > 0 ? poll(&p, 1, left) : 0;

		if (r > 0)
			r = read(fd, at, n);
		else if (!r)
			errno = ETIMEDOUT;
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		at += r;
		n -= r;
	}
	return true;
}

static bool put(int fd, const void *from, size_t n)
{
	return send(fd, from, n, MSG_NOSIGNAL) == (ssize_t)n;	/* a few bytes have room */
}

static uint16_t number16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint64_t number64(const uint8_t *p)
{
	uint64_t value;

	memcpy(&value, p, sizeof(value));
	return be64toh(value);
}

static bool ask_to_go(int fd)
{
	struct {
		uint64_t magic;
		uint32_t option, length, name_length;
		char name[sizeof(NBD_NAME) - 1];
		uint16_t infos;
	} __attribute__((packed)) go = {
		.magic = htobe64(OPTION), .option = htobe32(OPTION_GO), .length = htobe32(sizeof(go) - 16),
		.name_length = htobe32(sizeof(go.name)),
	};

	memcpy(go.name, NBD_NAME, sizeof(go.name));
	return put(fd, &go, sizeof(go));
}

/* A reply to that: 1 there are more, 0 it goes, -1 it does not. */
static int take_reply(int fd, struct nbd_export *e, bool *known, long long until)
{
	struct {
		uint64_t magic;
		uint32_t option, type, length;
	} __attribute__((packed)) r;
	uint8_t data[MAX_REPLY];
	uint32_t length;

	if (!get(fd, &r, sizeof(r), until))
		return -1;
	length = be32toh(r.length);
	if (be64toh(r.magic) != OPTION_REPLY || length > sizeof(data) || !get(fd, data, length, until))
		return -1;
	if (be32toh(r.type) == REPLY_ACK)
		return *known ? 0 : -1;
	if (be32toh(r.type) != REPLY_INFO || length < 2)
		return -1;
	if (number16(data) == INFO_EXPORT && length == 12) {
		uint16_t flags = number16(data + 10);

		e->size = number64(data + 2);
		e->ro = flags & NBD_FLAG_READ_ONLY;
		e->trim = (flags & NBD_FLAG_SEND_TRIM) && (flags & FLAG_ZEROES);
		*known = flags & NBD_FLAG_SEND_FLUSH || e->ro;
	}
	return 1;
}

/**
 * nbd_greet - the handshake
 * @fd: a stream socket
 * @e: filled in
 * @ms: that it may take
 *
 * 0; -ETIMEDOUT; or -EPROTO when the other end has gone or does not speak as it should.
 */
int nbd_greet(int fd, struct nbd_export *e, int ms)
{
	uint32_t flags = htobe32(FIXED_NEWSTYLE | NO_ZEROES);
	long long until = now_ms() + ms;
	bool known = false;
	uint8_t hello[18];
	int more = -1;

	errno = 0;
	if (get(fd, hello, sizeof(hello), until) && number64(hello) == GREETING && number64(hello + 8) == OPTION &&
	    (number16(hello + 16) & FIXED_NEWSTYLE) && put(fd, &flags, sizeof(flags)) && ask_to_go(fd))
		while ((more = take_reply(fd, e, &known, until)) > 0)
			;
	if (more)
		return errno == ETIMEDOUT ? -ETIMEDOUT : -EPROTO;
	return e->size > INT64_MAX ? -EPROTO : 0;
}

/* --- requests --- */

/**
 * nbd_create - a connection whose handshake is done
 * @fd: the socket
 * @done: told of each request's end: what came of it is 0 or a negative error
 * @user: for that
 *
 * To be given to free() when the kernel does nothing for it any more.
 */
struct nbd *nbd_create(int fd, void (*done)(void *user, struct nbd_op *op, int result), void *user)
{
	struct nbd *n = calloc(1, sizeof(*n));

	if (!n)
		abort();
	n->fd = fd;
	n->done = done;
	n->user = user;
	n->last = &n->first;
	return n;
}

const char *nbd_over(const struct nbd *n)
{
	return n->over;
}

static void finish(struct nbd *n, struct nbd_op *op, int result)
{
	n->op[op->handle % MAX_OPS] = NULL;
	n->done(n->user, op, result);
}

/* While the kernel may still look at a request's buffers it is not done. */
static void fail_all(struct nbd *n)
{
	if (!n->failing || n->sending || n->receiving)
		return;
	n->first = NULL;
	n->last = &n->first;
	for (int i = 0; i < MAX_OPS; i++)
		if (n->op[i])
			finish(n, n->op[i], -EIO);
}

static void end(struct nbd *n, const char *why)
{
	if (!n->over)
		n->over = why;
	n->failing = true;
	shutdown(n->fd, SHUT_RDWR);
	fail_all(n);
}

/**
 * nbd_submit - a request
 * @n: the connection; if that is over the request is done before this returns
 * @op: what to do; the caller's again when it is done
 */
void nbd_submit(struct nbd *n, struct nbd_op *op)
{
	int tries = 0;

	while (n->op[n->next_slot % MAX_OPS] && tries++ < MAX_OPS)
		n->next_slot++;
	if (n->over || n->op[n->next_slot % MAX_OPS]) {
		n->done(n->user, op, n->over ? -EIO : -EBUSY);
		return;
	}
	/* A handle that nobody can have seen before */
	op->handle = (uint64_t)n->serial++ * MAX_OPS + n->next_slot++ % MAX_OPS;
	n->op[op->handle % MAX_OPS] = op;
	op->sent = op->answered = false;
	op->next = NULL;
	*n->last = op;
	n->last = &op->next;
}

/* The first @bytes of @iov into @to; how many pieces. */
static int cut(struct iovec *to, const struct iovec *iov, int iovs, uint32_t bytes)
{
	int i;

	for (i = 0; i < iovs && bytes; i++) {
		to[i] = iov[i];
		if (to[i].iov_len > bytes)
			to[i].iov_len = bytes;
		bytes -= to[i].iov_len;
	}
	return i;
}

/* @bytes have gone through; true when that was all. */
static bool advance(struct iovec *iov, int *first, int n, size_t bytes)
{
	while (*first < n && bytes >= iov[*first].iov_len)
		bytes -= iov[(*first)++].iov_len;
	if (*first == n)
		return true;
	iov[*first].iov_base = (char *)iov[*first].iov_base + bytes;
	iov[*first].iov_len -= bytes;
	return false;
}

bool nbd_wants_send(const struct nbd *n)
{
	return !n->sending && !n->over && (n->batched || n->first);
}

static void make_batch(struct nbd *n)
{
	n->out_first = n->out_n = 0;
	while (n->first && n->batched < OUT_HEADS && n->out_n + 1 + n->first->iovs <= OUT_IOVS) {
		struct nbd_op *op = n->first;
		struct nbd_request *h = &n->head[n->batched];
		uint64_t handle = htobe64(op->handle);

		h->magic = htobe32(NBD_REQUEST_MAGIC);
		h->type = htobe32((uint32_t)op->flags << 16 | op->command);
		memcpy(h->handle, &handle, sizeof(handle));
		h->from = htobe64(op->offset);
		h->len = htobe32(op->bytes);
		n->out[n->out_n++] = (struct iovec){ h, sizeof(*h) };
		if (op->command == NBD_WRITE)
			n->out_n += cut(n->out + n->out_n, op->iov, op->iovs, op->bytes);
		n->batch[n->batched++] = op;
		n->first = op->next;
	}
	if (!n->first)
		n->last = &n->first;
}

/**
 * nbd_prepare_send - what is to be sent, if nbd_wants_send() says so
 * @n: the connection
 * @s: filled in; its result is for nbd_sent()
 */
void nbd_prepare_send(struct nbd *n, struct io_uring_sqe *s)
{
	if (!n->batched)
		make_batch(n);
	n->out_message = (struct msghdr){ .msg_iov = n->out + n->out_first, .msg_iovlen = n->out_n - n->out_first };
	io_uring_prep_sendmsg(s, n->fd, &n->out_message, MSG_NOSIGNAL);
	n->sending = true;
}

/* A reply may come before the kernel has said that all of its request was sent. */
static void settle(struct nbd *n, struct nbd_op *op)
{
	if (op->sent && op->answered)
		finish(n, op, op->result);
}

/**
 * nbd_sent - nbd_prepare_send()'s request is done
 * @n: the connection
 * @result: of it
 */
void nbd_sent(struct nbd *n, int result)
{
	n->sending = false;
	if (n->failing) {
		fail_all(n);
		return;
	}
	if (result == -EINTR || result == -EAGAIN)
		return;
	if (result <= 0) {
		end(n, "the connection to it broke");
		return;
	}
	if (!advance(n->out, &n->out_first, n->out_n, result))
		return;
	for (int i = 0; i < n->batched; i++) {
		n->batch[i]->sent = true;
		settle(n, n->batch[i]);
	}
	n->batched = 0;
}

/* --- replies --- */

bool nbd_wants_receive(const struct nbd *n)
{
	return !n->receiving && !n->over;
}

/**
 * nbd_prepare_receive - what is to be received, if nbd_wants_receive() says so
 * @n: the connection
 * @s: filled in; its result is for nbd_received()
 */
void nbd_prepare_receive(struct nbd *n, struct io_uring_sqe *s)
{
	n->receiving = true;
	if (n->reading) {
		n->in_message = (struct msghdr){ .msg_iov = n->in + n->in_first, .msg_iovlen = n->in_n - n->in_first };
		io_uring_prep_recvmsg(s, n->fd, &n->in_message, 0);
	} else {
		io_uring_prep_recv(s, n->fd, (char *)&n->reply + n->reply_n, sizeof(n->reply) - n->reply_n, 0);
	}
}

/* The request that a reply is of; NULL: there is none that has gone out. */
static struct nbd_op *replied(struct nbd *n)
{
	struct nbd_op *op;
	uint64_t handle;

	memcpy(&handle, n->reply.handle, sizeof(handle));
	handle = be64toh(handle);
	op = n->op[handle % MAX_OPS];
	if (be32toh(n->reply.magic) != NBD_REPLY_MAGIC || !op || op->handle != handle || op->answered)
		return NULL;
	for (int i = 0; !op->sent && i < n->batched; i++)
		if (n->batch[i] == op)
			return op;
	return op->sent ? op : NULL;
}

/* The protocol's errors are Linux's; what is none is one of input and output. */
static int error_of(uint32_t error)
{
	switch (error) {
	case 0: return 0;
	case EPERM: case ENOMEM: case EINVAL: case ENOSPC: case EOVERFLOW: case EOPNOTSUPP:
		return -(int)error;
	}
	return -EIO;
}

static void take_head(struct nbd *n)
{
	struct nbd_op *op = replied(n);

	n->reply_n = 0;
	if (!op) {
		end(n, "it answers what nobody asked");
		return;
	}
	op->result = error_of(be32toh(n->reply.error));
	if (op->command == NBD_READ && !op->result && op->bytes) {
		n->reading = op;
		n->in_first = 0;
		n->in_n = cut(n->in, op->iov, op->iovs, op->bytes);
		return;
	}
	op->answered = true;
	settle(n, op);
}

/**
 * nbd_received - nbd_prepare_receive()'s request is done
 * @n: the connection
 * @result: of it
 */
void nbd_received(struct nbd *n, int result)
{
	struct nbd_op *op = n->reading;

	n->receiving = false;
	if (n->failing) {
		fail_all(n);
		return;
	}
	if (result == -EINTR || result == -EAGAIN)
		return;
	if (result <= 0) {
		end(n, result ? "the connection to it broke" : "it has ended");
		return;
	}
	if (op) {
		if (!advance(n->in, &n->in_first, n->in_n, result))
			return;
		n->reading = NULL;
		op->answered = true;
		settle(n, op);
		return;
	}
	n->reply_n += result;
	if (n->reply_n == sizeof(n->reply))
		take_head(n);
}
