// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/fuse.h"
#include "backing.h"
#include "rounds.h"

#define LATE_MS		20
#define MOST_LATE	64
#define POISONED	4		/* pages of a round: the host has them no more */

/* --- userfaultfd --- */

static struct { int fd; uint8_t fill; uint64_t seed; } served[4];
static unsigned int nr_served;
static volatile bool ending;

static void serve_page(int fd, uint64_t at, uint8_t fill)
{
	static __thread uint8_t page[4096] __attribute__((aligned(4096)));
	struct uffdio_copy c = { .dst = at & -4096ull, .src = (uintptr_t)page, .len = 4096 };
	struct uffdio_range w = { at & -4096ull, 4096 };

	memset(page, fill, sizeof(page));
	/* somebody else has, or the mapping changes just now: the waiter tries again */
	if (ioctl(fd, UFFDIO_COPY, &c))
		ioctl(fd, UFFDIO_WAKE, &w);
}

static void *serve(void *arg)
{
	unsigned int me = (uintptr_t)arg, n = 0;
	uint64_t late[MOST_LATE];
	struct pollfd p = { .fd = served[me].fd, .events = POLLIN };
	struct uffd_msg msg;

	rnd_state = served[me].seed;
	for (;;) {
		int r = poll(&p, 1, LATE_MS);

		if (r > 0 && read(p.fd, &msg, sizeof(msg)) == sizeof(msg) &&
		    msg.event == UFFD_EVENT_PAGEFAULT) {
			if (!ending && n < MOST_LATE && chance(3))
				late[n++] = msg.arg.pagefault.address;
			else
				serve_page(p.fd, msg.arg.pagefault.address, served[me].fill);
		}
		if (!r || ending)
			while (n)
				serve_page(p.fd, late[--n], served[me].fill);
	}
	return NULL;
}

static bool by_uffd(void *at, size_t size, uint8_t fill)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .range = { (uintptr_t)at, size }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	pthread_t t;

	if (fd < 0)
		return false;
	if (nr_served == sizeof(served) / sizeof(*served) || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &reg)) {
		close(fd);
		return false;
	}
	served[nr_served].fd = fd;
	served[nr_served].fill = fill;
	served[nr_served].seed = rnd64();
	if (pthread_create(&t, NULL, serve, (void *)(uintptr_t)nr_served))
		return false;
	nr_served++;
	return true;
}

void backing_serve(void *at, size_t size, uint8_t fill)
{
	by_uffd(at, size, fill);
}

/* --- FUSE --- */

/* One for each VM that has such memory: what waits for one of them must come to an end. */
static pid_t fuse_servers[8];
static unsigned int nr_fuse_servers;
static bool never;		/* some reads are not answered at all */

static enum fuse_read how(void)
{
	switch (rnd(8)) {
	case 0: case 1:
		return FUSE_READ_LATE;
	case 2:
		return FUSE_READ_FAILS;
	case 3:
		return never ? FUSE_READ_NEVER : FUSE_READ_LATE;
	default:
		return FUSE_READ_NOW;
	}
}

int backing_file(uint8_t fill, bool at_all)
{
	char dir[64];
	int server, fd;

	snprintf(dir, sizeof(dir), "/tmp/fuse-%d", getpid());
	server = fuse_mount(dir, 0);
	if (server < 0) {
		rmdir(dir);
		return -1;
	}
	never = !at_all;
	if (nr_fuse_servers == sizeof(fuse_servers) / sizeof(fuse_servers[0]))
		round_failed("more files by FUSE than expected");
	fuse_servers[nr_fuse_servers] = fork();
	if (!fuse_servers[nr_fuse_servers++]) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/*
		 * Who waits for it in get_user_pages() may keep the address space locked, and mremap() or mmap() of another
		 * thread wait behind that, and then each page fault: the thread that would call backing_end() among them.
		 */
		alarm(20);
		fuse_serve(server, 0, fill, how);
		_exit(0);
	}
	close(server);
	fd = fuse_open(dir);
	/* the file keeps it, and nobody has to clean up */
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	return fd;
}

static uint8_t *by_fuse(void)
{
	int fd = backing_file(0, false);
	uint8_t *at = mmap(NULL, ODD_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	if (fd >= 0)
		close(fd);
	return at == MAP_FAILED ? NULL : at;
}

uint8_t *backing_make(void)
{
	uint8_t *at = NULL;

	if (chance(2))
		at = by_fuse();
	if (at)
		return at;
	at = mmap(NULL, ODD_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at != MAP_FAILED && by_uffd(at, ODD_SIZE, 0))
		return at;
	return NULL;
}

void backing_end(void)
{
	ending = true;
	while (nr_fuse_servers) {
		pid_t server = fuse_servers[--nr_fuse_servers];

		/* what waits for it fails */
		if (server > 0) {
			kill(server, SIGKILL);
			waitpid(server, NULL, 0);
		}
	}
}

/* --- poison --- */

static struct { uint8_t *page; uint8_t fill; } poisoned[POISONED];
static unsigned int nr_poisoned;

static void on_bus_error(int sig, siginfo_t *info, void *context)
{
	uint8_t *at = (uint8_t *)((uintptr_t)info->si_addr & -4096ul);
	unsigned int i, n = __atomic_load_n(&nr_poisoned, __ATOMIC_RELAXED);

	(void)context;
	for (i = 0; i < n && i < POISONED; i++) {
		if (poisoned[i].page != at)
			continue;
		if (mmap(at, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at)
			memset(at, poisoned[i].fill, 4096);
		return;
	}
	signal(sig, SIG_DFL);
	raise(sig);
}

void backing_poison(void *page, uint8_t fill)
{
	struct sigaction sa = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_RESTART };
	unsigned int i;

	sigaction(SIGBUS, &sa, NULL);
	i = __atomic_load_n(&nr_poisoned, __ATOMIC_RELAXED);
	if (i >= POISONED || !__atomic_compare_exchange_n(&nr_poisoned, &i, i + 1, false, __ATOMIC_RELAXED,
							  __ATOMIC_RELAXED))
		return;
	poisoned[i].fill = fill;
	__atomic_store_n(&poisoned[i].page, page, __ATOMIC_RELEASE);
	madvise(page, 4096, MADV_HWPOISON);
}

/* --- a cgroup --- */

static void put(const char *dir, const char *file, const char *text)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		errno = 0;
	close(fd);
}

void backing_tight(unsigned int least, unsigned int more)
{
	static const char root[] = "/sys/fs/cgroup";
	char dir[80], text[32];

	put(root, "cgroup.subtree_control", "+memory");
	/* of earlier rounds */
	snprintf(dir, sizeof(dir), "%s/fuzz-0", root);
	rmdir(dir);
	snprintf(dir, sizeof(dir), "%s/fuzz-1", root);
	rmdir(dir);
	snprintf(dir, sizeof(dir), "%s/fuzz-%u", root, rnd(2));
	mkdir(dir, 0755);
	snprintf(text, sizeof(text), "%u", (least + rnd(more)) << 10);
	put(dir, "memory.max", text);
	snprintf(text, sizeof(text), "%d", getpid());
	put(dir, "cgroup.procs", text);
}
