// SPDX-License-Identifier: GPL-2.0-only
/*
 * hvc.c - a console as a virtio device (Virtual I/O Device Version 1.2, 5.3) with one port, of which the
 * guest is told how large the terminal is.
 */
#include <errno.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/control.h"
#include "vmm/devices.h"
#include "vmm/virtio.h"
#include "vmm/vmm.h"
#include "vmm/worker.h"

#define CHUNK	4096		/* bytes for which the bus is held */
#define FULL_US	2000		/* until there may be room for output */

enum { INPUT, OUTPUT, CONTROL_INPUT, CONTROL_OUTPUT, QUEUES };

/* The size of a terminal (5.3.6.2). Linux before 2025 takes one for the other. */
struct size {
	uint16_t cols, rows;
};

struct message {
	struct virtio_console_control head;
	struct size size;
};

struct hvc {
	struct virtio virtio;
	struct virtio_console_config config;	/* bus.lock, as everything up to @open */
	struct channel *channel;
	uint8_t fifo[CHUNK];			/* input that the guest has no buffer for yet */
	size_t head, count;
	bool starved;				/* there is more input than there was room for */
	bool open;				/* the driver takes input */
	bool resized;				/* and is to be told of it */

	struct worker worker;
	struct vq_chain chain;			/* the thread's, as the next ones are */
	bool add, greet;			/* messages that the driver is to get */
};

static struct hvc *hvc;		/* const from hvc_create() on */

static bool multiport(const struct hvc *h)
{
	return h->virtio.accepted >> VIRTIO_CONSOLE_F_MULTIPORT & 1;
}

/* --- the channel; bus->lock is held --- */

static size_t room(void *device)
{
	struct hvc *h = device;
	size_t n = sizeof(h->fifo) - h->count;

	h->starved = !n;
	return n;
}

static bool is_open(void *device)
{
	return ((struct hvc *)device)->open;
}

static void input(void *device, const uint8_t *data, size_t n)
{
	struct hvc *h = device;

	while (n-- && h->count < sizeof(h->fifo)) {
		h->fifo[(h->head + h->count) % sizeof(h->fifo)] = *data++;
		h->count++;
	}
	worker_wake(&h->worker);
}

/* --- the thread: bytes --- */

static size_t take_input(struct hvc *h, uint8_t *to, size_t n)
{
	size_t got = 0;

	for (; got < n && h->count; got++) {
		to[got] = h->fifo[h->head];
		h->head = (h->head + 1) % sizeof(h->fifo);
		h->count--;
	}
	return got;
}

/* Into the driver's buffers what there is for it. */
static void serve_input(struct hvc *h)
{
	struct virtqueue *q = &h->virtio.queue[INPUT].vq;
	pthread_mutex_t *lock = &h->virtio.v->bus.lock;
	uint32_t total;
	bool some;

	for (;;) {
		pthread_mutex_lock(lock);
		some = h->open && h->count;
		pthread_mutex_unlock(lock);
		if (!some || !vq_pop(q, &h->chain))
			return;
		total = 0;
		pthread_mutex_lock(lock);
		for (int i = h->chain.out; i < h->chain.out + h->chain.in; i++)
			total += take_input(h, h->chain.iov[i].iov_base, h->chain.iov[i].iov_len);
		if (h->starved && !h->count)
			h->channel->drained();
		pthread_mutex_unlock(lock);
		vq_push(q, h->chain.head, total);
	}
}

/* False: the VM is at its end. Where there is no room the driver waits, as it does for each buffer. */
static bool write_out(struct hvc *h, const uint8_t *data, size_t n)
{
	pthread_mutex_t *lock = &h->virtio.v->bus.lock;
	bool quit;

	pthread_mutex_lock(lock);
	while (!(quit = h->worker.quit) && n) {
		if (h->channel->full()) {
			pthread_mutex_unlock(lock);
			usleep(FULL_US);
			pthread_mutex_lock(lock);
			continue;
		}
		h->channel->output(*data++);
		n--;
	}
	pthread_mutex_unlock(lock);
	return !quit;
}

static void serve_output(struct hvc *h)
{
	struct virtqueue *q = &h->virtio.queue[OUTPUT].vq;

	while (vq_pop(q, &h->chain)) {
		for (int i = 0; i < h->chain.out; i++) {
			const uint8_t *p = h->chain.iov[i].iov_base;

			for (size_t left = h->chain.iov[i].iov_len, n; left; left -= n, p += n) {
				n = left < CHUNK ? left : CHUNK;
				if (!write_out(h, p, n))
					return;
			}
		}
		vq_push(q, h->chain.head, 0);
	}
}

/* --- the thread: messages --- */

/* False: the driver has no buffer for it. */
static bool send_message(struct hvc *h, uint16_t event, const struct size *size)
{
	struct virtqueue *q = &h->virtio.queue[CONTROL_INPUT].vq;
	struct message m = { .head = { .event = event, .value = 1 } };
	size_t n = sizeof(m.head), done = 0, part;

	if (!q->enabled || !vq_pop(q, &h->chain))
		return false;
	if (size) {
		m.size = *size;
		n = sizeof(m);
	}
	for (int i = h->chain.out; i < h->chain.out + h->chain.in && done < n; i++) {
		part = h->chain.iov[i].iov_len < n - done ? h->chain.iov[i].iov_len : n - done;
		memcpy(h->chain.iov[i].iov_base, (const char *)&m + done, part);
		done += part;
	}
	vq_push(q, h->chain.head, done);
	return true;
}

/* What the driver is to know, as far as it has buffers. */
static void send_messages(struct hvc *h)
{
	struct size size;
	bool resized;

	if (!multiport(h))
		return;
	if (h->add && send_message(h, VIRTIO_CONSOLE_PORT_ADD, NULL))
		h->add = false;
	if (h->greet && send_message(h, VIRTIO_CONSOLE_CONSOLE_PORT, NULL))
		h->greet = false;
	pthread_mutex_lock(&h->virtio.v->bus.lock);
	resized = h->open && h->resized;
	size = (struct size){ .cols = h->config.cols, .rows = h->config.rows };
	pthread_mutex_unlock(&h->virtio.v->bus.lock);
	if (h->add || h->greet || !resized || !send_message(h, VIRTIO_CONSOLE_RESIZE, &size))
		return;
	pthread_mutex_lock(&h->virtio.v->bus.lock);
	/* Another size meanwhile has its own message. */
	h->resized = h->config.rows != size.rows || h->config.cols != size.cols;
	pthread_mutex_unlock(&h->virtio.v->bus.lock);
}

static void receive(struct hvc *h)
{
	struct virtio_console_control m = { 0 };
	size_t n = 0, part;

	for (int i = 0; i < h->chain.out && n < sizeof(m); i++) {
		part = h->chain.iov[i].iov_len < sizeof(m) - n ? h->chain.iov[i].iov_len : sizeof(m) - n;
		memcpy((char *)&m + n, h->chain.iov[i].iov_base, part);
		n += part;
	}
	if (n < sizeof(m))
		return;
	switch (m.event) {
	case VIRTIO_CONSOLE_DEVICE_READY:	/* of no port */
		h->add = m.value;
		break;
	case VIRTIO_CONSOLE_PORT_READY:
		if (m.id)
			return;
		h->greet = m.value;
		pthread_mutex_lock(&h->virtio.v->bus.lock);
		h->open = m.value;
		h->resized = h->config.cols;
		pthread_mutex_unlock(&h->virtio.v->bus.lock);
		break;
	}
}

static void serve_control(struct hvc *h)
{
	struct virtqueue *q = &h->virtio.queue[CONTROL_OUTPUT].vq;

	while (vq_pop(q, &h->chain)) {
		receive(h);
		vq_push(q, h->chain.head, 0);
	}
}

/* --- the thread --- */

/* Is there something to be done with what is in queue @n? */
static bool waits(struct hvc *h, int n)
{
	bool is;

	if (n == OUTPUT || n == CONTROL_OUTPUT)
		return true;
	pthread_mutex_lock(&h->virtio.v->bus.lock);
	is = n == INPUT ? h->open && h->count : multiport(h) && (h->add || h->greet || (h->open && h->resized));
	pthread_mutex_unlock(&h->virtio.v->bus.lock);
	return is;
}

static void serve(struct virtio *d, int n)
{
	struct hvc *h = (struct hvc *)d;
	struct virtqueue *q;

	if (n == OUTPUT)
		serve_output(h);
	else if (n == CONTROL_OUTPUT)
		serve_control(h);
	/* What was done may be of use for these. */
	send_messages(h);
	if (d->queue[INPUT].vq.enabled)
		serve_input(h);
	for (int i = 0; i < QUEUES; i++) {
		q = &d->queue[i].vq;
		if (!q->enabled)
			continue;
		if (q->broken)
			virtio_broken(d, q->broken);
		else if (vq_want_kicks(q) && waits(h, i))
			msi_signal(d->queue[i].kick);	/* more came meanwhile */
		if (vq_wants_interrupt(q))
			virtio_interrupt(d, i);
	}
}

/* --- the device; bus->lock is held --- */

static void start(struct virtio *d)
{
	struct hvc *h = (struct hvc *)d;

	h->add = h->greet = false;	/* the thread is not there yet */
	h->open = !multiport(h);
	h->resized = false;
	worker_ask(&h->worker, WORKER_START);
}

static void stop(struct virtio *d)
{
	struct hvc *h = (struct hvc *)d;

	h->open = false;
	worker_ask(&h->worker, WORKER_STOP);
}

/* A character of a driver that cannot do better. */
static void configure(struct virtio *d, uint64_t offset, int len, uint32_t value)
{
	struct hvc *h = (struct hvc *)d;

	if (offset == offsetof(struct virtio_console_config, emerg_wr) && len == 4)
		h->channel->output(value);
}

static const struct virtio_ops ops = { .start = start, .stop = stop, .configure = configure };

/**
 * hvc_create - a console
 * @v: the VM, with a PCI host
 * @channel: who is at the other end
 *
 * 0, or -1, told.
 */
int hvc_create(struct vmm *v, struct channel *channel)
{
	struct hvc *h = calloc(1, sizeof(*h));
	struct virtio_kind kind = {
		.name = "console", .type = VIRTIO_ID_CONSOLE, .class = 0x078000, .queues = QUEUES,
		.features = 1ULL << VIRTIO_CONSOLE_F_SIZE | 1ULL << VIRTIO_CONSOLE_F_MULTIPORT |
			    1ULL << VIRTIO_CONSOLE_F_EMERG_WRITE,
		.config_size = sizeof(h->config),
	};

	if (!h)
		abort();
	kind.config = &h->config;
	h->config.max_nr_ports = 1;
	h->channel = channel;
	channel->device = h;
	channel->room = room;
	channel->input = input;
	channel->open = is_open;
	if (virtio_create(v, &h->virtio, &ops, &kind) || worker_create(&h->worker, &h->virtio, THREAD_HVC, -1, serve))
		return -1;
	hvc = h;
	return 0;
}

/**
 * hvc_finish - its thread ends
 */
void hvc_finish(void)
{
	if (hvc)
		worker_finish(&hvc->worker);
	hvc = NULL;
}

/**
 * hvc_resize - the terminal has another size
 * @v: the VM, which need not have such a console
 * @rows: of it
 * @cols: of it
 *
 * bus->lock is not held.
 */
void hvc_resize(struct vmm *v, uint16_t rows, uint16_t cols)
{
	struct hvc *h = hvc;

	if (!h)
		return;
	pthread_mutex_lock(&v->bus.lock);
	if (h->config.rows != rows || h->config.cols != cols) {
		h->config.rows = rows;
		h->config.cols = cols;
		h->resized = true;
		virtio_config_changed(&h->virtio);
		worker_wake(&h->worker);
	}
	pthread_mutex_unlock(&v->bus.lock);
}

/**
 * hvc_command - "resize": vhctl attach tells of its terminal
 * @v: the VM
 * @request: has "rows" and "cols"
 * @answer: nothing is added
 */
void hvc_command(struct vmm *v, struct json_object *request, struct json_object *answer)
{
	uint64_t rows, cols;

	if (!control_number(request, "rows", &rows) || !control_number(request, "cols", &cols) || rows > UINT16_MAX ||
	    cols > UINT16_MAX)
		control_fail(answer, "want rows and cols");
	else
		hvc_resize(v, rows, cols);
}
