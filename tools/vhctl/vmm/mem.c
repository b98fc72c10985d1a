// SPDX-License-Identifier: GPL-2.0-only
/*
 * mem.c - memory that comes and goes (Virtual I/O Device Version 1.2, 5.15): the VM is granted a size, and the guest
 * plugs and unplugs blocks of a region until it has that. region.c has what is behind the blocks.
 *
 * More than was granted is not to be had. A guest that keeps what it has, has it: nothing is taken away.
 */
#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mem.h>
#include <linux/vh.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vhctl.h"
#include "vmm/control.h"
#include "vmm/mem.h"
#include "vmm/region.h"
#include "vmm/virtio.h"
#include "vmm/vmm.h"
#include "vmm/worker.h"

#define PATIENCE	8	/* seconds that a command waits for the thread: less than who has asked */

struct mem {
	struct virtio virtio;
	struct virtio_mem_config config;	/* bus.lock */
	struct worker worker;

	bool asked;				/* bus.lock, as the next three are: @want is to be granted */
	uint64_t want;
	int refused;				/* why it was not, or 0 */
	pthread_cond_t done;			/* @asked is not any more */

	struct vq_chain chain;			/* the thread's */
};

static struct mem *mem;		/* const from mem_create() on */

/* --- the thread --- */

static uint64_t granted(struct mem *m)
{
	uint64_t bytes;

	pthread_mutex_lock(&m->virtio.v->bus.lock);
	bytes = m->config.requested_size;
	pthread_mutex_unlock(&m->virtio.v->bus.lock);
	return bytes;
}

static void count(struct mem *m, int64_t blocks)
{
	pthread_mutex_lock(&m->virtio.v->bus.lock);
	m->config.plugged_size += blocks * (int64_t)REGION_BLOCK;
	pthread_mutex_unlock(&m->virtio.v->bus.lock);
}

/* The blocks that a request names; false: there are no such blocks. */
static bool named(const struct region *r, uint64_t addr, uint64_t n, uint64_t *block)
{
	uint64_t offset = addr - r->gpa;

	*block = offset / REGION_BLOCK;
	return addr >= r->gpa && offset < r->size && !(offset % REGION_BLOCK) && n && n <= r->size / REGION_BLOCK - *block;
}

static uint64_t plugged_of(const struct region *r, uint64_t block, uint64_t n)
{
	uint64_t plugged = 0;

	while (n--)
		plugged += region_is_plugged(r, block++);
	return plugged;
}

static uint16_t plug(struct mem *m, uint64_t block, uint64_t n)
{
	struct vmm *v = m->virtio.v;
	uint64_t most = granted(m);

	if (plugged_of(v->region, block, n))
		return VIRTIO_MEM_RESP_ERROR;
	if (m->config.plugged_size + n * REGION_BLOCK > most || !region_plug(v, block, n, most))
		return VIRTIO_MEM_RESP_NACK;
	count(m, n);
	return VIRTIO_MEM_RESP_ACK;
}

static uint16_t unplug(struct mem *m, uint64_t block, uint64_t n)
{
	struct vmm *v = m->virtio.v;

	if (plugged_of(v->region, block, n) != n)
		return VIRTIO_MEM_RESP_ERROR;
	region_unplug(v, block, n);
	count(m, -(int64_t)n);
	region_trim(v, granted(m));
	return VIRTIO_MEM_RESP_ACK;
}

static uint16_t unplug_all(struct mem *m)
{
	struct vmm *v = m->virtio.v;
	uint64_t all = v->region->size / REGION_BLOCK, n = plugged_of(v->region, 0, all);

	region_unplug(v, 0, all);
	count(m, -(int64_t)n);
	region_trim(v, granted(m));
	return VIRTIO_MEM_RESP_ACK;
}

static uint16_t state(const struct region *r, uint64_t block, uint64_t n)
{
	uint64_t plugged = plugged_of(r, block, n);

	return plugged == n ? VIRTIO_MEM_STATE_PLUGGED : plugged ? VIRTIO_MEM_STATE_MIXED : VIRTIO_MEM_STATE_UNPLUGGED;
}

/* The three requests that name blocks have them at the same place. */
static struct virtio_mem_resp answer(struct mem *m, const struct virtio_mem_req *q)
{
	const struct region *r = m->virtio.v->region;
	struct virtio_mem_resp a = { .type = VIRTIO_MEM_RESP_ERROR };
	uint64_t block, n = q->u.plug.nb_blocks;

	if (q->type == VIRTIO_MEM_REQ_UNPLUG_ALL)
		a.type = unplug_all(m);
	else if (!named(r, q->u.plug.addr, n, &block))
		return a;
	else if (q->type == VIRTIO_MEM_REQ_PLUG)
		a.type = plug(m, block, n);
	else if (q->type == VIRTIO_MEM_REQ_UNPLUG)
		a.type = unplug(m, block, n);
	else if (q->type == VIRTIO_MEM_REQ_STATE)
		a = (struct virtio_mem_resp){ .type = VIRTIO_MEM_RESP_ACK, .u.state.state = state(r, block, n) };
	return a;
}

/* From or to buffers, as much of @n bytes as there is room; how much. */
static size_t copy(const struct iovec *iov, int count, void *p, size_t n, bool out)
{
	size_t done = 0;

	for (int i = 0; i < count && done < n; i++) {
		size_t part = iov[i].iov_len < n - done ? iov[i].iov_len : n - done;

		if (out)
			memcpy((char *)p + done, iov[i].iov_base, part);
		else
			memcpy(iov[i].iov_base, (char *)p + done, part);
		done += part;
	}
	return done;
}

/* False: it is of an odd form. The buffers may be in what the request unplugs: that is the guest's loss. */
static bool serve_one(struct mem *m)
{
	const struct vq_chain *c = &m->chain;
	struct virtio_mem_req q;
	struct virtio_mem_resp a;
	size_t room = 0;

	for (int i = 0; i < c->in; i++)
		room += c->iov[c->out + i].iov_len;
	if (copy(c->iov, c->out, &q, sizeof(q), true) < sizeof(q) || room < sizeof(a))
		return false;
	a = answer(m, &q);
	copy(c->iov + c->out, c->in, &a, sizeof(a), false);
	return true;
}

static void serve(struct virtio *d, int n)
{
	struct mem *m = (struct mem *)d;
	struct virtqueue *q = &d->queue[0].vq;

	if (n < 0)
		return;
	do {
		while (vq_pop(q, &m->chain)) {
			if (!serve_one(m)) {
				q->broken = "a request of an odd form";
				break;
			}
			vq_push(q, m->chain.head, sizeof(struct virtio_mem_resp));
		}
	} while (vq_want_kicks(q));
	if (q->broken)
		virtio_broken(d, q->broken);
	if (vq_wants_interrupt(q))
		virtio_interrupt(d, 0);
}

/* What a command wants: the size is granted when there is what it takes. */
static void woken(struct virtio *d)
{
	struct mem *m = (struct mem *)d;
	pthread_mutex_t *lock = &d->v->bus.lock;
	uint64_t want;
	int err;

	pthread_mutex_lock(lock);
	want = m->want;
	if (!m->asked) {
		pthread_mutex_unlock(lock);
		return;
	}
	pthread_mutex_unlock(lock);
	err = region_want(d->v, want);
	pthread_mutex_lock(lock);
	if (!err && m->config.requested_size != want) {
		m->config.requested_size = want;
		virtio_config_changed(d);
	}
	if (m->want == want) {
		m->refused = err;
		m->asked = false;
		pthread_cond_broadcast(&m->done);
	} else {
		worker_wake(&m->worker);	/* somebody was tired of waiting, and somebody wants another one */
	}
	pthread_mutex_unlock(lock);
	if (!err)
		region_trim(d->v, want);
}

/* --- the device; bus->lock is held --- */

static void start(struct virtio *d)
{
	worker_ask(&((struct mem *)d)->worker, WORKER_START);
}

/* What is plugged stays so: the next driver asks, or begins anew. */
static void stop(struct virtio *d)
{
	worker_ask(&((struct mem *)d)->worker, WORKER_STOP);
}

static const struct virtio_ops ops = { .start = start, .stop = stop };

/**
 * mem_create - the device
 * @v: the VM, with a region and a PCI host
 *
 * 0, or -1, told.
 */
int mem_create(struct vmm *v)
{
	struct mem *m = calloc(1, sizeof(*m));
	struct virtio_kind kind = {
		.name = "memory", .type = VIRTIO_ID_MEM, .class = 0x058000, .queues = 1,
		.features = 1ULL << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE, .config_size = sizeof(m->config),
	};

	if (!m)
		abort();
	m->config = (struct virtio_mem_config){
		.block_size = REGION_BLOCK, .addr = v->region->gpa, .region_size = v->region->size,
		.usable_region_size = v->region->size,
	};
	kind.config = &m->config;
	pthread_cond_init(&m->done, NULL);
	if (virtio_create(v, &m->virtio, &ops, &kind) || worker_create(&m->worker, &m->virtio, THREAD_MEM, -1, serve))
		return -1;
	m->worker.woken = woken;
	mem = m;
	return 0;
}

/**
 * mem_finish - its thread ends
 */
void mem_finish(void)
{
	if (mem)
		worker_finish(&mem->worker);
	mem = NULL;
}

/* --- vhctl memory --- */

/* 0, or an error. bus->lock is held. */
static int grant(struct mem *m, uint64_t bytes)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE;
	m->want = bytes;
	m->asked = true;
	worker_wake(&m->worker);
	while (m->asked)
		if (pthread_cond_timedwait(&m->done, &m->virtio.v->bus.lock, &until))
			return ETIMEDOUT;
	return m->refused;
}

static bool set_size(struct vmm *v, struct json_object *request, struct json_object *answer)
{
	const struct vmm_config *c = v->cfg;
	uint64_t size;
	int err;

	if (!control_number(request, "size", &size) || size < c->memory || size > c->memory_max ||
	    (size - c->memory) % REGION_BLOCK) {
		control_fail(answer, "want a size from %lluM to %lluM, in steps of 2M; with --balloon, 'vhctl balloon' takes "
			     "of what the VM began with", (unsigned long long)c->memory >> 20,
			     (unsigned long long)c->memory_max >> 20);
		return false;
	}
	pthread_mutex_lock(&v->bus.lock);
	err = grant(mem, size - c->memory);
	pthread_mutex_unlock(&v->bus.lock);
	if (err == EDQUOT) {
		control_fail(answer, "it can have no more memory");
		control_short(answer, VH_RES_MEMORY, v->region->chunk_size);
	} else if (err) {
		control_fail(answer, "it can have no more memory: %s", err == ETIMEDOUT ? "the VMM is busy with it" :
			     strerror(err));
	}
	return !err;
}

static void put(struct json_object *answer, const char *key, uint64_t value)
{
	json_object_object_add(answer, key, json_object_new_uint64(value));
}

/**
 * mem_command - what vhctl memory asks for: sizes, and with "size" another one for the VM
 * @v: the VM
 * @request: the request
 * @answer: gets sizes in bytes
 */
void mem_command(struct vmm *v, struct json_object *request, struct json_object *answer)
{
	uint64_t shown = 0, from = 0, first, size;

	if (!mem) {
		control_fail(answer, "the VM has the memory that it began with; --memory SIZE,max=SIZE of run lets it have more");
		return;
	}
	if (json_object_object_get_ex(request, "size", NULL) && !set_size(v, request, answer))
		return;
	pthread_mutex_lock(&v->bus.lock);
	while ((size = region_next_shown(v->region, &from, &first)))
		shown += size;
	put(answer, "memory", v->cfg->memory);
	put(answer, "max", v->cfg->memory_max);
	put(answer, "target", v->cfg->memory + mem->config.requested_size);
	put(answer, "actual", v->cfg->memory + mem->config.plugged_size);
	put(answer, "charged", v->cfg->memory + shown);
	json_object_object_add(answer, "driver", json_object_new_boolean(mem->virtio.running));
	pthread_mutex_unlock(&v->bus.lock);
}
