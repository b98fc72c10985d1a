// SPDX-License-Identifier: GPL-2.0-only
/*
 * balloon.c - memory that the guest does without (Virtual I/O Device Version 1.2, 5.5): what it gives
 * to the balloon, and pages that it reports as free, are the host's again until it touches them.
 *
 * The balloon is a wish: a guest that does not fulfil it, or takes pages back when it runs out of memory
 * (DEFLATE_ON_OOM), has at most what the VM was made with.
 */
#include <errno.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "vhctl.h"
#include "vmm/balloon.h"
#include "vmm/control.h"
#include "vmm/virtio.h"
#include "vmm/vmm.h"
#include "vmm/worker.h"

#define PAGE		(1ULL << VIRTIO_BALLOON_PFN_SHIFT)
#define MAX_PFNS	65536		/* of a request: Linux has 256 */
#define STATS_SECONDS	1		/* that a guest has to tell its figures */

enum { INFLATE, DEFLATE, STATS, QUEUES = 5 };

/* How many of the figures that Linux tells are known by name. */
static const char *const figures[] = {
	[VIRTIO_BALLOON_S_SWAP_IN] = "swap_in", [VIRTIO_BALLOON_S_SWAP_OUT] = "swap_out",
	[VIRTIO_BALLOON_S_MAJFLT] = "major_faults", [VIRTIO_BALLOON_S_MINFLT] = "minor_faults",
	[VIRTIO_BALLOON_S_MEMFREE] = "free", [VIRTIO_BALLOON_S_MEMTOT] = "total",
	[VIRTIO_BALLOON_S_AVAIL] = "available", [VIRTIO_BALLOON_S_CACHES] = "caches",
};
#define FIGURES	(sizeof(figures) / sizeof(figures[0]))

struct balloon {
	struct virtio virtio;
	struct virtio_balloon_config config;	/* bus.lock */
	struct worker worker;

	bool stats_wanted;			/* bus.lock, as the next three are */
	unsigned int stats_told;		/* how often */
	uint64_t stats[FIGURES], returned;	/* bytes that the host got back */
	uint32_t has_stats;			/* which of them */
	pthread_cond_t told;

	struct vq_chain chain;			/* the thread's, as the next two are */
	int stats_head;				/* the guest's buffer for figures, -1: there is none */
	int complaints;
};

static struct balloon *balloon;		/* const from balloon_create() on */

static bool accepted(const struct balloon *b, int feature)
{
	return b->virtio.accepted >> feature & 1;
}

/* --- the thread: queues --- */

/* The pages of [p, +n) that are whole are the host's. */
static uint64_t give_back(struct balloon *b, void *p, uint64_t n)
{
	uintptr_t first = ((uintptr_t)p + PAGE - 1) & ~(PAGE - 1), end = ((uintptr_t)p + n) & ~(PAGE - 1);

	if (first >= end)
		return 0;
	if (!madvise((void *)first, end - first, b->virtio.v->memory_fd < 0 ? MADV_DONTNEED : MADV_REMOVE))
		return end - first;
	if (may_complain(&b->complaints))
		error("balloon: memory cannot be given back: %s", strerror(errno));
	return 0;
}

/* Pages by their numbers, some of which are neighbours. */
static const char *inflate(struct balloon *b, uint64_t *returned)
{
	const struct vq_chain *c = &b->chain;
	uint64_t low = 0, high = 0;	/* what is to be given back: [low, high) of the VMM's addresses */
	unsigned int total = 0;

	for (int i = 0; i < c->out; i++) {
		size_t n = c->iov[i].iov_len / sizeof(uint32_t);

		total += n;
		if (c->iov[i].iov_len % sizeof(uint32_t) || n > MAX_PFNS || total > MAX_PFNS)
			return "a list of pages is odd, or too long";
		for (size_t k = 0; k < n; k++) {
			uint32_t pfn;
			uint64_t p;

			memcpy(&pfn, (char *)c->iov[i].iov_base + k * sizeof(pfn), sizeof(pfn));
			p = (uintptr_t)memory_at(b->virtio.v, pfn * PAGE, PAGE);
			if (!p)
				return "a page for the balloon is not memory";
			if (p == high) {
				high += PAGE;
			} else if (p + PAGE == low) {
				low = p;
			} else {
				*returned += give_back(b, (void *)low, high - low);
				low = p;
				high = p + PAGE;
			}
		}
	}
	*returned += give_back(b, (void *)low, high - low);
	return NULL;
}

/* Free pages: gone until they are touched, when they are zero; not if the guest wants another value there. */
static uint64_t reported(struct balloon *b)
{
	const struct vq_chain *c = &b->chain;
	uint64_t returned = 0;
	bool keep;

	pthread_mutex_lock(&b->virtio.v->bus.lock);
	keep = accepted(b, VIRTIO_BALLOON_F_PAGE_POISON) && b->config.poison_val;
	pthread_mutex_unlock(&b->virtio.v->bus.lock);
	for (int i = c->out; !keep && i < c->out + c->in; i++)
		returned += give_back(b, c->iov[i].iov_base, c->iov[i].iov_len);
	return returned;
}

static void take_stats(struct balloon *b)
{
	struct virtio_balloon_stat s[2 * FIGURES];
	size_t n = 0, left;

	for (int i = 0; i < b->chain.out && n < sizeof(s); i++) {
		left = sizeof(s) - n;
		if (b->chain.iov[i].iov_len < left)
			left = b->chain.iov[i].iov_len;
		memcpy((char *)s + n, b->chain.iov[i].iov_base, left);
		n += left;
	}
	pthread_mutex_lock(&b->virtio.v->bus.lock);
	b->has_stats = 0;
	for (size_t i = 0; i < n / sizeof(s[0]); i++)
		if (s[i].tag < FIGURES && figures[s[i].tag]) {
			b->stats[s[i].tag] = s[i].val;
			b->has_stats |= 1u << s[i].tag;
		}
	b->stats_told++;
	pthread_cond_broadcast(&b->told);
	pthread_mutex_unlock(&b->virtio.v->bus.lock);
}

static void tell(struct balloon *b, int n)
{
	if (vq_wants_interrupt(&b->virtio.queue[n].vq))
		virtio_interrupt(&b->virtio, n);
}

static void broken(struct balloon *b, int n, const char *why)
{
	b->virtio.queue[n].vq.broken = why;
	virtio_broken(&b->virtio, why);
}

/* The guest gives a buffer of figures, and gets it back when newer ones are wanted. */
static void serve_stats(struct balloon *b)
{
	struct virtqueue *q = &b->virtio.queue[STATS].vq;

	while (vq_pop(q, &b->chain)) {
		if (b->stats_head >= 0) {
			broken(b, STATS, "there is more than one buffer of figures");
			return;
		}
		b->stats_head = b->chain.head;
		take_stats(b);
	}
}

static void ask_stats(struct balloon *b)
{
	bool wanted;

	pthread_mutex_lock(&b->virtio.v->bus.lock);
	wanted = b->stats_wanted;
	b->stats_wanted = false;
	pthread_mutex_unlock(&b->virtio.v->bus.lock);
	if (!wanted || b->stats_head < 0)
		return;
	vq_push(&b->virtio.queue[STATS].vq, b->stats_head, 0);
	b->stats_head = -1;
	tell(b, STATS);
}

/* Without figures reports are in their place for Linux, which leaves out queues of what it did not accept. */
static bool is_stats(const struct balloon *b, int n)
{
	return n == STATS && accepted(b, VIRTIO_BALLOON_F_STATS_VQ);
}

static void serve_pages(struct balloon *b, int n)
{
	struct virtqueue *q = &b->virtio.queue[n].vq;
	uint64_t returned = 0;
	const char *why = NULL;

	while (!why && vq_pop(q, &b->chain)) {
		if (n == INFLATE)
			why = inflate(b, &returned);
		else if (n != DEFLATE && accepted(b, VIRTIO_BALLOON_F_REPORTING))
			returned += reported(b);
		vq_push(q, b->chain.head, 0);
	}
	if (why)
		broken(b, n, why);
	pthread_mutex_lock(&b->virtio.v->bus.lock);
	b->returned += returned;
	pthread_mutex_unlock(&b->virtio.v->bus.lock);
	tell(b, n);
}

static void serve(struct virtio *d, int n)
{
	struct balloon *b = (struct balloon *)d;
	struct virtqueue *q = n < 0 ? NULL : &d->queue[n].vq;

	if (!q) {
		ask_stats(b);
		return;
	}
	do {
		if (is_stats(b, n))
			serve_stats(b);
		else
			serve_pages(b, n);
	} while (!q->broken && vq_want_kicks(q));
	if (q->broken)
		virtio_broken(d, q->broken);
}

/* --- the device; bus->lock is held --- */

static void start(struct virtio *d)
{
	struct balloon *b = (struct balloon *)d;

	b->stats_head = -1;		/* the thread is not there yet */
	b->stats_wanted = false;
	b->has_stats = 0;
	worker_ask(&b->worker, WORKER_START);
}

static void stop(struct virtio *d)
{
	struct balloon *b = (struct balloon *)d;

	/* What was in the balloon is the guest's, who has it no more or has it anew. */
	b->config.actual = 0;
	b->config.poison_val = 0;
	b->has_stats = 0;
	worker_ask(&b->worker, WORKER_STOP);
}

/* The driver tells how much it gave, and what free pages are to hold. */
static void configure(struct virtio *d, uint64_t offset, int len, uint32_t value)
{
	struct balloon *b = (struct balloon *)d;

	if (len != 4)
		return;
	if (offset == offsetof(struct virtio_balloon_config, actual))
		b->config.actual = value;
	else if (offset == offsetof(struct virtio_balloon_config, poison_val))
		b->config.poison_val = value;
}

static const struct virtio_ops ops = { .start = start, .stop = stop, .configure = configure };

static void set_target(struct balloon *b, uint64_t bytes)
{
	b->config.num_pages = (b->virtio.v->cfg->memory - bytes) / PAGE;
}

/**
 * balloon_create - a balloon
 * @v: the VM, with a PCI host
 *
 * 0, or -1, told.
 */
int balloon_create(struct vmm *v)
{
	struct balloon *b = calloc(1, sizeof(*b));
	struct virtio_kind kind = {
		.name = "balloon", .type = VIRTIO_ID_BALLOON, .class = 0x00ff00, .queues = QUEUES,
		.features = 1ULL << VIRTIO_BALLOON_F_STATS_VQ | 1ULL << VIRTIO_BALLOON_F_DEFLATE_ON_OOM |
			    1ULL << VIRTIO_BALLOON_F_PAGE_POISON | 1ULL << VIRTIO_BALLOON_F_REPORTING,
		.config_size = sizeof(b->config),
	};

	if (!b)
		abort();
	kind.config = &b->config;
	pthread_cond_init(&b->told, NULL);
	if (virtio_create(v, &b->virtio, &ops, &kind) || worker_create(&b->worker, &b->virtio, THREAD_BALLOON, -1, serve))
		return -1;
	set_target(b, v->cfg->balloon_target ? v->cfg->balloon_target : v->cfg->memory);
	balloon = b;
	return 0;
}

/**
 * balloon_finish - its thread ends
 */
void balloon_finish(void)
{
	if (balloon)
		worker_finish(&balloon->worker);
	balloon = NULL;
}

/* --- vhctl balloon --- */

/* New figures, if the guest tells them soon. bus->lock is held. */
static void refresh(struct balloon *b)
{
	unsigned int old = b->stats_told;
	struct timespec until;

	if (!b->virtio.running || !accepted(b, VIRTIO_BALLOON_F_STATS_VQ))
		return;
	b->stats_wanted = true;
	worker_wake(&b->worker);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STATS_SECONDS;
	while (b->stats_told == old && !pthread_cond_timedwait(&b->told, &b->virtio.v->bus.lock, &until))
		;
}

static void put(struct json_object *answer, const char *key, uint64_t value)
{
	json_object_object_add(answer, key, json_object_new_uint64(value));
}

/**
 * balloon_command - what vhctl balloon asks for: sizes, and with "size" another one of the guest's memory
 * @v: the VM
 * @request: the request
 * @answer: gets sizes in bytes
 */
void balloon_command(struct vmm *v, struct json_object *request, struct json_object *answer)
{
	struct json_object *guest = NULL;
	struct balloon *b = balloon;
	uint64_t size;

	if (!b) {
		control_fail(answer, "the VM has no balloon; --balloon of run and start gives it one");
		return;
	}
	if (json_object_object_get_ex(request, "size", NULL)) {
		if (!control_number(request, "size", &size) || size < VMM_MIN_MEMORY || size > v->cfg->memory) {
			control_fail(answer, "want a size from 16M to what the VM was made with, which is %lluM",
				     (unsigned long long)v->cfg->memory >> 20);
			return;
		}
		pthread_mutex_lock(&v->bus.lock);
		set_target(b, size);
		virtio_config_changed(&b->virtio);
		pthread_mutex_unlock(&v->bus.lock);
	}
	pthread_mutex_lock(&v->bus.lock);
	refresh(b);
	put(answer, "memory", v->cfg->memory);
	put(answer, "target", v->cfg->memory - b->config.num_pages * PAGE);
	/* What the guest says of itself may be anything. */
	size = b->config.actual * PAGE;
	put(answer, "actual", v->cfg->memory - (size < v->cfg->memory ? size : v->cfg->memory));
	put(answer, "returned", b->returned);
	json_object_object_add(answer, "driver", json_object_new_boolean(b->virtio.running));
	for (unsigned int i = 0; i < FIGURES; i++) {
		if (!(b->has_stats >> i & 1))
			continue;
		if (!guest)
			guest = json_object_new_object();
		put(guest, figures[i], b->stats[i]);
	}
	pthread_mutex_unlock(&v->bus.lock);
	if (guest)
		json_object_object_add(answer, "guest", guest);
}
