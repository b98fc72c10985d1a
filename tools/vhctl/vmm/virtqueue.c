// SPDX-License-Identifier: GPL-2.0-only
/* virtqueue.c - what a driver offers in a split virtqueue, taken and given back. */
#include <linux/virtio_ring.h>
#include <stddef.h>
#include <string.h>

#include "vmm/virtqueue.h"
#include "vmm/vmm.h"

/* Guest memory is read and written at once and in order, never twice. */
#define load(p)		__atomic_load_n(&(p), __ATOMIC_RELAXED)
#define load_first(p)	__atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define store(p, v)	__atomic_store_n(&(p), (v), __ATOMIC_RELAXED)
#define store_last(p, v) __atomic_store_n(&(p), (v), __ATOMIC_RELEASE)

static struct vring_avail *driver_ring(const struct virtqueue *q)
{
	return q->driver;
}

static struct vring_used *device_ring(const struct virtqueue *q)
{
	return q->device;
}

/* Behind each ring is the index at which its owner wants to be told. */
static uint16_t *used_event(const struct virtqueue *q)
{
	return &driver_ring(q)->ring[q->size];
}

static uint16_t *avail_event(const struct virtqueue *q)
{
	return (uint16_t *)&device_ring(q)->ring[q->size];
}

static bool breaks(struct virtqueue *q, const char *why)
{
	if (!q->broken)
		q->broken = why;
	return false;
}

static void *place(struct virtqueue *q, uint64_t gpa, uint64_t size, uint64_t align)
{
	return gpa % align ? NULL : memory_at(q->v, gpa, size);
}

/**
 * vq_start - a driver begins to use a queue
 * @q: the queue; size and addresses are the driver's
 * @v: the VM
 * @event_idx: negotiated
 * @indirect: the same
 *
 * False when size or addresses make no sense: the queue is broken.
 */
bool vq_start(struct virtqueue *q, struct vmm *v, bool event_idx, bool indirect)
{
	uint64_t n = q->size;

	q->v = v;
	q->event_idx = event_idx;
	q->indirect = indirect;
	q->next = q->done = q->told = q->taken = 0;
	q->broken = NULL;
	if (!n || n > VQ_SIZE || (n & (n - 1)))
		return breaks(q, "the size of a queue is no power of two, or too large");
	q->table = place(q, q->desc, n * sizeof(struct vring_desc), VRING_DESC_ALIGN_SIZE);
	q->driver = place(q, q->avail, sizeof(struct vring_avail) + (n + 1) * sizeof(uint16_t),
			  VRING_AVAIL_ALIGN_SIZE);
	q->device = place(q, q->used, sizeof(struct vring_used) +
			  n * sizeof(struct vring_used_elem) + sizeof(uint16_t),
			  VRING_USED_ALIGN_SIZE);
	if (!q->table || !q->driver || !q->device)
		return breaks(q, "a queue is not in memory, or not aligned");
	return true;
}

static struct vring_desc descriptor(const struct vring_desc *table, uint32_t i)
{
	return (struct vring_desc){
		.addr = load(table[i].addr), .len = load(table[i].len),
		.flags = load(table[i].flags), .next = load(table[i].next),
	};
}

static bool add(struct virtqueue *q, struct vq_chain *c, const struct vring_desc *d)
{
	bool in = d->flags & VRING_DESC_F_WRITE;
	void *p;

	if (!in && c->in)
		return breaks(q, "a buffer to read is behind one to write");
	if (!d->len)
		return true;
	p = memory_at(q->v, d->addr, d->len);
	if (!p)
		return breaks(q, "a buffer is not in memory");
	if (c->out + c->in == VQ_SIZE)
		return breaks(q, "a chain has too many buffers");
	c->iov[c->out + c->in] = (struct iovec){ p, d->len };
	c->in += in;
	c->out += !in;
	return true;
}

/* The chain that begins at @head. However the descriptors change, @left bounds it. */
static bool walk(struct virtqueue *q, struct vq_chain *c, uint16_t head)
{
	const struct vring_desc *table = q->table;
	uint32_t i = head, n = q->size, left = q->size;
	bool indirect = false;	/* a table may be the queue's own, and name itself */
	struct vring_desc d;

	for (;;) {
		if (i >= n)
			return breaks(q, "a chain leaves its table");
		if (!left--)
			return breaks(q, "a chain is longer than its table, or than a queue may be");
		d = descriptor(table, i);
		if (d.flags & VRING_DESC_F_INDIRECT) {
			if (!q->indirect || indirect || (d.flags & VRING_DESC_F_NEXT) ||
			    !d.len || d.len % sizeof(d))
				return breaks(q, "a table of descriptors makes no sense");
			table = memory_at(q->v, d.addr, d.len);
			if (!table || d.addr % 2)
				return breaks(q, "a table of descriptors is not in memory");
			n = d.len / sizeof(d);
			left = n < VQ_SIZE ? n : VQ_SIZE;
			i = 0;
			indirect = true;
			continue;
		}
		if (!add(q, c, &d))
			return false;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return true;
		i = d.next;
	}
}

/**
 * vq_pop - take the next request
 * @q: the queue
 * @c: filled in
 *
 * False when there is none, or the queue is broken.
 */
bool vq_pop(struct virtqueue *q, struct vq_chain *c)
{
	uint16_t ahead, head;

	if (q->broken)
		return false;
	ahead = load_first(driver_ring(q)->idx) - q->next;
	if (!ahead)
		return false;
	if (ahead > q->size)
		return breaks(q, "the driver's index is ahead of its ring");
	if (q->taken == q->size)
		return breaks(q, "there are more requests than descriptors");
	head = load(driver_ring(q)->ring[q->next % q->size]);
	if (head >= q->size)
		return breaks(q, "the driver's ring names no descriptor");
	c->head = head;
	c->out = c->in = 0;
	if (!walk(q, c, head))
		return false;
	q->next++;
	q->taken++;
	return true;
}

/**
 * vq_rewind - the last requests were not taken
 * @q: the queue
 * @n: how many; none of them has been given back
 */
void vq_rewind(struct virtqueue *q, int n)
{
	q->next -= n;
	q->taken -= n;
}

/**
 * vq_push_all - give requests back, of which the driver sees all or none
 * @q: the queue
 * @given: the requests
 * @n: how many
 */
void vq_push_all(struct virtqueue *q, const struct vq_given *given, int n)
{
	for (int i = 0; i < n; i++) {
		struct vring_used_elem *e = &device_ring(q)->ring[(uint16_t)(q->done + i) % q->size];

		store(e->id, given[i].head);
		store(e->len, given[i].written);
	}
	q->done += n;
	q->taken -= n;
	store_last(device_ring(q)->idx, q->done);
}

/**
 * vq_push - give a request back
 * @q: the queue
 * @head: of its chain
 * @written: bytes written to it
 */
void vq_push(struct virtqueue *q, uint16_t head, uint32_t written)
{
	struct vq_given given = { head, written };

	vq_push_all(q, &given, 1);
}

/**
 * vq_wants_interrupt - is the driver to be told of what was given back?
 * @q: the queue
 *
 * Asked once for each time that it is told.
 */
bool vq_wants_interrupt(struct virtqueue *q)
{
	uint16_t told = q->told;

	if (told == q->done)
		return false;
	q->told = q->done;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* the index is seen before this is asked */
	if (q->event_idx)
		return vring_need_event(load(*used_event(q)), q->done, told);
	return !(load(driver_ring(q)->flags) & VRING_AVAIL_F_NO_INTERRUPT);
}

/**
 * vq_hold_kicks - the driver need not tell of more requests
 * @q: the queue
 */
void vq_hold_kicks(struct virtqueue *q)
{
	/* With an index it tells once, and then not again until the index is moved. */
	if (!q->event_idx)
		store(device_ring(q)->flags, VRING_USED_F_NO_NOTIFY);
}

/**
 * vq_want_kicks - the driver is to tell of more requests
 * @q: the queue
 *
 * True when there are some already.
 */
bool vq_want_kicks(struct virtqueue *q)
{
	if (q->event_idx)
		store(*avail_event(q), q->next);
	else
		store(device_ring(q)->flags, 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);	/* what came before the driver saw this is seen */
	return !q->broken && load_first(driver_ring(q)->idx) != q->next;
}
