/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nbd.h - a client of the NBD protocol, whose requests its user's io_uring sends and receives.
 *
 * The server is not trusted: what it may not say ends the connection, and every request with an error.
 */
#ifndef NBD_H
#define NBD_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define NBD_NAME	"disk"		/* of the export */
#define NBD_MAX_BYTES	(16u << 20)	/* read or written by a request; servers take 32 MiB */

/**
 * enum nbd_command - what requests do, as on the wire
 */
enum nbd_command { NBD_READ = 0, NBD_WRITE = 1, NBD_FLUSH = 3, NBD_TRIM = 4, NBD_ZERO = 6 };

#define NBD_NO_HOLE	2	/* of NBD_ZERO: nothing is given back */

/**
 * struct nbd_export - what there is at the other end
 * @size: bytes
 * @ro: it cannot be written
 * @trim: NBD_TRIM and NBD_ZERO are known
 */
struct nbd_export {
	uint64_t size;
	bool ro, trim;
};

/**
 * struct nbd_op - a request
 * @command: what to do
 * @flags: of the command
 * @offset: where
 * @bytes: how many; of data NBD_MAX_BYTES at most
 * @iov: the data, @bytes or more of them; unchanged until the request is done
 * @iovs: how many, VQ_SIZE at most
 *
 * The rest is the client's.
 */
struct nbd_op {
	enum nbd_command command;
	uint16_t flags;
	uint64_t offset;
	uint32_t bytes;
	const struct iovec *iov;
	int iovs;

	struct nbd_op *next;
	uint64_t handle;
	bool sent, answered;
	int result;
};

struct nbd;

int nbd_greet(int fd, struct nbd_export *e, int ms);
struct nbd *nbd_create(int fd, void (*done)(void *user, struct nbd_op *op, int result), void *user);
void nbd_submit(struct nbd *n, struct nbd_op *op);
/* There is something to be sent, or received, and the kernel does neither already. */
bool nbd_wants_send(const struct nbd *n);
bool nbd_wants_receive(const struct nbd *n);
void nbd_prepare_send(struct nbd *n, struct io_uring_sqe *s);
void nbd_prepare_receive(struct nbd *n, struct io_uring_sqe *s);
void nbd_sent(struct nbd *n, int result);
void nbd_received(struct nbd *n, int result);
/* Why the connection is over, NULL: it is not. */
const char *nbd_over(const struct nbd *n);

#endif /* NBD_H */
