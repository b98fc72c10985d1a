// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio_guest.c - a guest that does to virtqueues, disk requests, packets, PCI and virtio devices what
 * an input says: the entry of libFuzzer, and of test_virtio.c, which makes inputs up.
 *
 * Its memory is two allocations of just their size, so that ASan sees what is beside them.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vhctl.h"
#include "virtio_guest.h"
#include "vmm/blk_request.h"
#include "vmm/devices.h"
#include "vmm/virtio.h"
#include "vmm/vmm.h"

#define MAX_HELD 64

struct guest_counts guest_counts;

struct vmm vmm;
static struct vmm_config cfg = { .cpus = 1, .memory = LOW };

/* --- what the devices call --- */

void error(const char *fmt, ...)
{
	(void)fmt;
	guest_counts.messages++;
}

int msi_create(struct vmm *v, struct msi *m)
{
	*m = (struct msi){ .v = v, .fd = 1000000 };
	return 0;
}

void msi_signal(int fd)
{
	(void)fd;
	guest_counts.signals++;
}

/* --- the input --- */

void need(bool so, const char *what)
{
	if (so)
		return;
	fprintf(stderr, "virtio: not so: %s\n", what);
	abort();
}

static bool inside(const void *p, uint64_t n)
{
	const uint8_t *b = p;

	return (b >= vmm.low && b + n <= vmm.low + vmm.low_size) ||
	       (b >= vmm.high && b + n <= vmm.high + vmm.high_size);
}

uint64_t address(struct input *in)
{
	uint16_t n = number(in, 2);

	switch (n & 15) {
	case 0: return FOUR_GIB + (n >> 4);
	case 1: return number(in, 8);
	case 2: return LOW - (n >> 4) % 32;
	case 3: return ~0ULL - (n >> 4);
	}
	return BUFFERS + n % (LOW - BUFFERS);
}

uint32_t length(struct input *in)
{
	uint16_t n = number(in, 2);

	return n & 0x8000 ? number(in, 4) : n & 0x4000 ? n & 0xfff : n & 0x2000 ? 512 * (n & 7) : n & 31;
}

void put(uint64_t gpa, uint64_t value, size_t n)
{
	void *p = memory_at(&vmm, gpa, n);

	if (p)
		memcpy(p, &value, n);
}

void put_descriptor(struct input *in, uint64_t table)
{
	uint64_t at = table + number(in, 1) % 32 * 16;

	put(at, address(in), 8);
	put(at + 8, length(in), 4);
	put(at + 12, number(in, 1) & 7, 2);
	put(at + 14, number(in, 1) % 36, 2);
}

/* --- queues and requests --- */

struct held {
	struct blk_request *r;
	int n;
};

static void touch(const struct vq_chain *c)
{
	uint64_t sum = 0;

	NEED(c->out >= 0 && c->in >= 0 && c->out + c->in <= VQ_SIZE);
	for (int i = 0; i < c->out + c->in; i++) {
		uint8_t *p = c->iov[i].iov_base;
		size_t n = c->iov[i].iov_len;

		NEED(n && inside(p, n));
		if (i >= c->out)
			memset(p + n / 2, 0x5a, n - n / 2);
		else
			sum += p[0] + p[n - 1];
	}
	guest_counts.sum += sum;
}

static uint64_t bytes(const struct blk_request *r)
{
	uint64_t n = 0;

	for (int i = 0; i < r->iovs; i++) {
		NEED(!r->iov[i].iov_len || inside(r->iov[i].iov_base, r->iov[i].iov_len));
		n += r->iov[i].iov_len;
	}
	return n;
}

static void serve(struct input *in, struct blk_request *r, const struct blk_limits *l)
{
	uint64_t n;

	if (!blk_parse(r, l)) {
		guest_counts.no_requests++;
		return;
	}
	guest_counts.op[r->op]++;
	NEED(inside(r->status_at, 1));
	switch (r->op) {
	case BLK_READ:
	case BLK_WRITE:
		NEED(r->op == BLK_READ || !l->ro);
		NEED(bytes(r) == r->bytes && r->bytes && r->bytes % l->block == 0);
		NEED(r->offset % l->block == 0 && r->offset <= l->sectors * BLK_SECTOR &&
		     r->bytes <= l->sectors * BLK_SECTOR - r->offset);
		do {
			n = length(in);
			n = !n || n > r->bytes ? r->bytes : n;
		} while (!blk_advance(r, n) && bytes(r) == r->bytes);
		NEED(!r->bytes && !bytes(r));
		break;
	case BLK_ID:
		NEED(blk_give_id(r, "a serial number that is long") <= BLK_ID_BYTES);
		break;
	case BLK_DISCARD:
	case BLK_ZERO:
		NEED(!l->ro && l->discard && r->bytes && r->offset <= l->sectors * BLK_SECTOR &&
		     r->bytes <= l->sectors * BLK_SECTOR - r->offset);
		break;
	case BLK_FLUSH:
	case BLK_NOTHING:
		break;
	}
	*r->status_at = r->status;
}

static void queue_input(struct input *in)
{
	static struct blk_request pool[MAX_HELD];
	uint8_t how = number(in, 1), op;
	struct blk_limits l = {
		.sectors = how & 1 ? number(in, 8) >> 10 : 64, .block = how & 2 ? 4096 : 512,
		.ro = how & 4, .discard = !(how & 8),
	};
	uint16_t index = 0, held = 0;
	struct virtqueue q = {
		.size = how & 0x10 ? number(in, 2) : 1 << (number(in, 1) & 7),
		.desc = how & 0x20 ? address(in) : DESC, .avail = how & 0x20 ? address(in) : AVAIL,
		.used = how & 0x20 ? address(in) : USED,
	};

	if (!vq_start(&q, &vmm, how & 0x40, how & 0x80)) {
		NEED(q.broken);
		return;
	}
	while (in->left) {
		op = number(in, 1);
		switch (op & 15) {
		case 0: case 1: case 2:
			put_descriptor(in, op & 0x10 ? BUFFERS + 0x800 : DESC);
			break;
		case 3: {	/* a request in three buffers, a good one but for what follows */
			uint16_t d = number(in, 1) % 16, type = number(in, 1) % 16, len = length(in);
			uint64_t at = BUFFERS + number(in, 1) * 32ULL, sector = number(in, 1);
			bool write = type & 1 || type > 8;

			put(DESC + d * 16, at, 8);
			put(DESC + d * 16 + 8, 16 | 1ULL << 32 | (d + 1ULL) << 48, 8);
			put(DESC + d * 16 + 16, at + 16, 8);
			put(DESC + d * 16 + 24, len | (write ? 1ULL : 3ULL) << 32 | (d + 2ULL) << 48, 8);
			put(DESC + d * 16 + 32, at + 1024, 8);
			put(DESC + d * 16 + 40, 1 | 2ULL << 32, 8);
			put(at, type, 8);
			put(at + 8, sector, 8);
			put(at + 16, sector, 8);
			put(at + 24, number(in, 1) | (uint64_t)(op & 0x10) << 28, 8);
			put(q.avail + 4 + index % q.size * 2, d, 2);
			put(q.avail + 2, ++index, 2);
			break;
		}
		case 4: case 5:
			put(q.avail + 4 + index % q.size * 2, number(in, 1) % 40, 2);
			put(q.avail + 2, ++index, 2);
			break;
		case 6:
			put(q.avail + 2, number(in, 2), 2);
			break;
		case 7:
			put(address(in), number(in, 8), 8);
			break;
		case 8:
			if (held)
				vq_push(&q, pool[--held].chain.head, number(in, 4));
			break;
		case 9:
			vq_wants_interrupt(&q);
			vq_hold_kicks(&q);
			break;
		case 10:
			vq_want_kicks(&q);
			break;
		default:
			if (held == MAX_HELD || !vq_pop(&q, &pool[held].chain))
				break;
			guest_counts.chains++;
			NEED(!q.broken && q.taken <= q.size);
			touch(&pool[held].chain);
			serve(in, &pool[held], &l);
			if (op & 0x10)
				held++;
			else
				vq_push(&q, pool[held].chain.head, 1);
		}
	}
	if (q.broken)
		guest_counts.broken++;
}

/* --- PCI and virtio devices --- */

static void nothing(struct virtio *d)
{
	(void)d;
}

static void stop(struct virtio *d)
{
	virtio_stopped(d);
}

static uint64_t bar[2];

static void access(enum bus_space space, uint64_t at, int len, bool write, uint64_t value)
{
	bus_access(&vmm.bus, space, at, &value, len, write);
}

static uint32_t status(int d)
{
	uint8_t s;

	bus_access(&vmm.bus, BUS_MEMORY, bar[d] + 20, &s, 1, false);
	return s;
}

static void make_devices(void)
{
	static const struct virtio_ops ops = { .start = nothing, .stop = stop };
	static const struct virtio_kind kind = {
		.name = "test", .type = 2, .class = 0x018000, .queues = 4, .config = &vmm.low_size,
		.config_size = sizeof(vmm.low_size),
	};
	static struct virtio other;

	bus_init(&vmm.bus);
	vmm.cfg = &cfg;
	vmm.vm = -1;
	pci_create(&vmm);
	NEED(!rng_create(&vmm) && !virtio_create(&vmm, &other, &ops, &kind));
	bar[0] = PCI_WINDOW;
	bar[1] = PCI_WINDOW + 0x8000;
}

static void write_common(int d, int at, int len, uint64_t value)
{
	access(BUS_MEMORY, bar[d] + at, len, true, value);
}

/* Where they were made, and reset. */
static void restore(int d)
{
	uint64_t config = PCI_ECAM + (d + 1) * 0x8000ULL;

	access(BUS_MEMORY, config + PCI_BASE_ADDRESS_0, 4, true, bar[d]);
	access(BUS_MEMORY, config + PCI_BASE_ADDRESS_1, 4, true, 0);
	access(BUS_MEMORY, config + PCI_COMMAND, 2, true, PCI_COMMAND_MEMORY);
	write_common(d, 20, 1, 0);
}

static void drive(struct input *in, int d)
{
	uint8_t how = number(in, 1);

	write_common(d, 20, 1, 3);
	write_common(d, 8, 4, 1);
	write_common(d, 12, 4, 1);
	write_common(d, 8, 4, 0);
	write_common(d, 12, 4, how & 1 ? 0 : 1u << 28 | (how & 2 ? 1u << 29 : 0));
	write_common(d, 20, 1, 11);
	write_common(d, 22, 2, how >> 6);
	write_common(d, 24, 2, how & 4 ? number(in, 2) : 16);
	write_common(d, 32, 4, how & 8 ? number(in, 4) : DESC);
	write_common(d, 40, 4, how & 8 ? number(in, 4) : AVAIL);
	write_common(d, 48, 4, how & 8 ? number(in, 4) : USED);
	write_common(d, 26, 2, how & 3);
	write_common(d, 28, 2, 1);
	write_common(d, 20, 1, how & 0x10 ? number(in, 1) : 15);
}

static void bus_input(struct input *in)
{
	uint16_t index = 0;
	uint8_t op;
	int d;

	restore(0);
	restore(1);
	NEED(!status(0) && !status(1));
	while (in->left) {
		op = number(in, 1);
		d = op >> 4 & 1;
		switch (op & 15) {
		case 0:
			drive(in, d);
			break;
		case 1:
			access(BUS_MEMORY, bar[d] + 0x3000 + number(in, 1) % 5 * 4, 2, true, 0);	/* kick */
			break;
		case 2:
			access(BUS_PORTS, 0xcf8, 4, true, 1u << 31 | number(in, 2));
			access(BUS_PORTS, 0xcfc + (op >> 5 & 3), 1 << (op >> 7), op & 0x10, number(in, 4));
			break;
		case 3: case 4:
			access(BUS_MEMORY, PCI_ECAM + number(in, 2) % 0x20000, 1 << (op >> 6), op & 0x20, number(in, 8));
			break;
		case 5: case 6: case 7:
			access(BUS_MEMORY, bar[d] + number(in, 2) % 0x8000, 1 << (op >> 6), op & 0x20, number(in, 8));
			break;
		case 8: case 9:
			access(BUS_MEMORY, bar[d] + number(in, 1) % 64, 1 << (op >> 6), op & 0x20, number(in, 8));
			break;
		case 10: case 11:
			put_descriptor(in, DESC);
			break;
		case 12:
			put(AVAIL + 4 + index % 16 * 2, number(in, 1) % 18, 2);
			put(AVAIL + 2, ++index, 2);
			access(BUS_MEMORY, bar[d] + 0x3000, 2, true, 0);
			break;
		case 13:
			put(address(in), number(in, 8), 8);
			break;
		case 14:
			access(BUS_MEMORY, number(in, 8) % (FOUR_GIB * 16), 1 << (op >> 6), op & 0x20, number(in, 8));
			break;
		case 15:
			restore(d);
			break;
		}
	}
	restore(0);
	restore(1);
	NEED(!status(0) && !status(1));
}

/* The entry that libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct input in = { data, n };

	if (!vmm.low) {
		vmm.low_size = LOW;
		vmm.high_size = HIGH;
		vmm.low = malloc(LOW);
		vmm.high = malloc(HIGH);
		if (!vmm.low || !vmm.high)
			abort();
		make_devices();
	}
	memset(vmm.low, 0, LOW);
	memset(vmm.high, 0, HIGH);
	switch (number(&in, 1) & 3) {
	case 0: queue_input(&in); break;
	case 2: net_input(&in); break;
	default: bus_input(&in);
	}
	return 0;
}
