// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_vhost_user.c - what vhctl's VMM says to who serves queues in a process of its own, and what it takes
 * for an answer: that of one that keeps to the protocol, and of others.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"
#include "vhctl.h"
#include "vmm/vhost_user.h"
#include "vmm/vmm.h"

#define F_PROTOCOL	(1ULL << 30)
#define V1		(1ULL << 32)
#define ALL_FEATURES	(V1 | F_PROTOCOL | 1ULL << 28 | 1ULL << 29)
#define P_ACK		(1ULL << 3)
#define MORE		(1ULL << 9 | 1ULL << 5)	/* features of the protocol that nobody asked for */
#define NO		1000

/* --- what the VMM has otherwise --- */

static long long passed;	/* ms that nobody had to wait for */

long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return __atomic_load_n(&passed, __ATOMIC_RELAXED) + t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

int __real_poll(struct pollfd *fds, nfds_t n, int ms);
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms);
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms)
{
	int ready = __real_poll(fds, n, 300);

	if (!ready)
		__atomic_fetch_add(&passed, ms, __ATOMIC_RELAXED);
	return ready;
}

static int signalled;

void msi_signal(int fd)
{
	(void)fd;
	signalled++;
}

/* --- the other side --- */

struct message {
	uint32_t request, flags, size;
	union {
		uint64_t number;
		uint32_t word[2];
		uint64_t at[5];		/* of a ring: index and flags, desc, used, avail, log */
		struct {
			uint32_t n, padding;
			struct { uint64_t gpa, size, at, offset; } region[8];
		} memory;
	} body;
	int fds, fd[8];
} __attribute__((packed));

/* How it is: of the request @wrong it answers otherwise. */
static struct behaviour {
	uint64_t features, protocol;
	int wrong;
	enum { OTHER_REQUEST, NO_REPLY_BIT, OTHER_VERSION, LARGE, SMALL, HALF, ENDS, SILENT, WITH_FILES, REFUSES, OTHER_QUEUE } how;
} is;
static struct message heard[64];
static int nr_heard, other;
static pthread_t thread;

static bool receive(struct message *m)
{
	char space[CMSG_SPACE(sizeof(m->fd))];
	struct iovec iov = { m, 12 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space) };
	struct cmsghdr *c;

	memset(m, 0, sizeof(*m));
	if (recvmsg(other, &h, MSG_WAITALL | MSG_CMSG_CLOEXEC) != 12)
		return false;
	c = CMSG_FIRSTHDR(&h);
	m->fds = c ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
	if (c)
		memcpy(m->fd, CMSG_DATA(c), m->fds * sizeof(int));
	if (m->size > sizeof(m->body))
		abort();
	return !m->size || recv(other, &m->body, m->size, MSG_WAITALL) == m->size;
}

static void send_all(const void *p, size_t n, bool file)
{
	char space[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { (void *)p, n };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr c = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	int fd = STDIN_FILENO;

	memcpy(space, &c, sizeof(c));
	memcpy(CMSG_DATA((struct cmsghdr *)space), &fd, sizeof(fd));
	if (file) {
		h.msg_control = space;
		h.msg_controllen = sizeof(space);
	}
	if (sendmsg(other, &h, MSG_NOSIGNAL) < 0)
		abort();
}

/* False: it ends. */
static bool answer(const struct message *m)
{
	struct message a = { .request = m->request, .flags = 5, .size = 8 };
	bool wrong = m->request == (uint32_t)is.wrong;
	size_t n;

	switch (m->request) {
	case 1: a.body.number = is.features; break;
	case 15: a.body.number = is.protocol; break;
	case 11: a.body.word[0] = m->body.word[0]; a.body.word[1] = 7; break;
	default:
		if (!(m->flags & 8))
			return !wrong || is.how != ENDS;
	}
	n = 12 + a.size;
	switch (wrong ? (int)is.how : -1) {
	case OTHER_REQUEST: a.request++; break;
	case NO_REPLY_BIT: a.flags = 1; break;
	case OTHER_VERSION: a.flags = 6; break;
	case LARGE: a.size = ~0u; break;
	case SMALL: a.size = 0; n = 12; break;
	case HALF: n = 15; break;
	case ENDS: return false;
	case SILENT: return true;
	case REFUSES: a.body.number = 1; break;
	case OTHER_QUEUE: a.body.word[0] ^= 1; break;
	}
	send_all(&a, n, wrong && is.how == WITH_FILES);
	return !wrong || is.how != HALF;
}

static void *serve(void *arg)
{
	struct message m;

	(void)arg;
	while (receive(&m)) {
		if (nr_heard < 64)
			heard[nr_heard++] = m;
		for (int i = 0; i < m.fds; i++)
			close(m.fd[i]);
		if (!answer(&m))
			break;
	}
	close(other);
	return NULL;
}

/* --- the VM --- */

static uint8_t low[8192], high[4096];
static struct vmm v = { .low = low, .low_size = sizeof(low) };
static struct virtio_queue queues[3];
static struct virtio d = { .v = &v, .queue = queues, .queues = 3, .accepted = V1 | 1ULL << 28 };
static struct vhost_user u;

static bool greets(struct behaviour b)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		abort();
	is = b;
	nr_heard = 0;
	other = ends[1];
	if (pthread_create(&thread, NULL, serve, NULL))
		abort();
	return !vhost_user_greet(&u, ends[0]);
}

static bool leave(bool so)
{
	vhost_user_close(&u);
	pthread_join(thread, NULL);
	if (!so && u.why)
		printf("# %s\n", u.why);
	return so;
}

static int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* The n-th message with a request, or one that is none. */
static const struct message *said(uint32_t request, int n)
{
	static const struct message none;

	for (int i = 0; i < nr_heard; i++)
		if (heard[i].request == request && !n--)
			return &heard[i];
	return &none;
}

static int count(uint32_t request)
{
	int n = 0;

	for (int i = 0; i < nr_heard; i++)
		n += heard[i].request == request;
	return n;
}

/* --- tests --- */

/* Queue 1 is not used. */
static void all_of_it(struct behaviour b)
{
	const struct message *m;
	uint32_t flags = b.protocol & P_ACK && b.features & F_PROTOCOL ? 9 : 1;

	TAP_CHECK(greets(b) && u.features == b.features);
	signalled = 0;
	TAP_CHECK(!vhost_user_start(&u, &d) && signalled == 2);
	TAP_CHECK(!vhost_user_vector(&u, &d, 2));
	TAP_CHECK(leave(!vhost_user_stop(&u, &d)));

	TAP_CHECK(said(2, 0)->body.number == (d.accepted | (b.features & F_PROTOCOL)) && said(2, 0)->flags == flags);
	TAP_EQ(count(3), 1);
	m = said(5, 0);
	TAP_CHECK(m->fds == 2 && m->size == 8 + 2 * 32 && m->body.memory.n == 2 && m->body.memory.region[0].gpa == 0 &&
		  m->body.memory.region[0].size == sizeof(low) && m->body.memory.region[0].at == (uintptr_t)low &&
		  m->body.memory.region[0].offset == 0 && m->body.memory.region[1].gpa == FOUR_GIB &&
		  m->body.memory.region[1].size == sizeof(high) && m->body.memory.region[1].at == (uintptr_t)high &&
		  m->body.memory.region[1].offset == sizeof(low));
	for (int i = 0, q = 0; i < 2; i++, q = 2) {
		TAP_CHECK(said(8, i)->body.word[0] == (uint32_t)q && said(8, i)->body.word[1] == 128);
		m = said(9, i);
		TAP_CHECK(m->size == 40 && m->body.at[0] == (uint64_t)q && m->body.at[1] == (uintptr_t)low + q &&
			  m->body.at[2] == (uintptr_t)low + 2 && m->body.at[3] == (uintptr_t)low + 1 && !m->body.at[4]);
		TAP_CHECK(said(10, i)->body.word[0] == (uint32_t)q && !said(10, i)->body.word[1]);
		TAP_CHECK(said(12, i)->body.number == (uint64_t)q && said(12, i)->fds == 1);
		/* also when the guest wants no message */
		TAP_CHECK(said(13, i)->body.number == (uint64_t)q && said(13, i)->fds == 1);
		TAP_CHECK(said(11, i)->body.word[0] == (uint32_t)q);
	}
	TAP_CHECK(count(8) == 2 && count(11) == 2 && count(13) == 3);
	TAP_EQ(count(18), b.features & F_PROTOCOL ? 2 : 0);
	TAP_EQ(count(16), b.features & F_PROTOCOL ? 1 : 0);
	TAP_EQ(said(16, 0)->body.number, b.features & F_PROTOCOL ? b.protocol & P_ACK : 0);
}

/* One that is as it should be but for a single answer. */
static bool fails(int wrong, int how, const char *why)
{
	struct behaviour b = { .features = ALL_FEATURES, .protocol = P_ACK, .wrong = wrong, .how = how };
	int before = descriptors();
	bool so;

	so = !(greets(b) && !vhost_user_start(&u, &d) && !vhost_user_vector(&u, &d, 0) && !vhost_user_stop(&u, &d));
	so = leave((so ? u.why && why && strstr(u.why, why) : !why) && true);
	return so && descriptors() == before;
}

int main(void)
{
	static const struct {
		int how;
		const char *why;
	} wrong[] = {
		{ OTHER_REQUEST, "makes no sense" }, { NO_REPLY_BIT, "makes no sense" }, { OTHER_VERSION, "makes no sense" },
		{ LARGE, "makes no sense" }, { SMALL, "makes no sense" }, { HALF, "has ended" }, { ENDS, "has ended" },
		{ WITH_FILES, NULL },	/* they are not taken */
	};
	static const int requests[] = { 1, 15, 3, 2, 5, 8, 9, 10, 12, 13, 18, 11 };

	v.memory_fd = memfd_create("memory", MFD_CLOEXEC);
	v.high = high;
	v.high_size = sizeof(high);
	for (int q = 0; q < 3; q += 2)
		queues[q] = (struct virtio_queue){
			.vq = { .size = 128, .enabled = true, .table = low + q, .driver = low + 1, .device = low + 2 },
			.kick = eventfd(0, EFD_CLOEXEC),
		};
	all_of_it((struct behaviour){ .features = ALL_FEATURES, .protocol = P_ACK | MORE });
	all_of_it((struct behaviour){ .features = ALL_FEATURES, .protocol = MORE });
	all_of_it((struct behaviour){ .features = V1 });
	TAP_CHECK(leave(!greets((struct behaviour){ .features = F_PROTOCOL }) && strstr(u.why, "virtio 1")));
	for (unsigned int r = 0; r < sizeof(requests) / sizeof(requests[0]); r++)
		for (unsigned int w = 0; w < sizeof(wrong) / sizeof(wrong[0]); w++)
			tap_ok(fails(requests[r], wrong[w].how, wrong[w].why), "request %d is answered wrong: %d", requests[r],
			       wrong[w].how);
	TAP_CHECK(fails(5, REFUSES, "refuses what the guest"));
	TAP_CHECK(fails(11, OTHER_QUEUE, "another queue"));
	TAP_CHECK(fails(11, SILENT, "does not answer"));
	TAP_CHECK(fails(1, SILENT, "does not answer"));
	return tap_done();
}
