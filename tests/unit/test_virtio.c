// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_virtio.c - virtqueues, disk requests, packets, PCI and virtio devices of vhctl's VMM, with inputs made
 * up: test_virtio [COUNT [SEED]]. Those of a seed are always the same. libFuzzer has the same entry:
 * make fuzz-virtio.
 */
#include <stdlib.h>

#include "random.h"
#include "tap.h"
#include "virtio_guest.h"
#include "vmm/blk_request.h"

#define MOST	400

static uint64_t state;

static uint32_t next(void)
{
	return next_random(&state);
}

/* A request that is served, most likely: operation 3 of virtio_guest.c, and 11. */
static void put_request(uint8_t *p)
{
	static const uint8_t types[] = { 0, 1, 4, 8, 11, 13 };
	uint8_t type = types[next() % sizeof(types)];
	uint16_t length = type < 2 ? 0x2000 | next() % 4 : 16;

	p[0] = 3 | (next() & 0x10);
	p[1] = next();
	p[2] = type;
	p[3] = length;
	p[4] = length >> 8;
	p[5] = next();
	p[6] = next() % 64;
	p[7] = next() % 64;
	p[8] = 11 | (next() & 0x10);
}

/*
 * Buffers, and packets that fit into them, most likely: operations 2 to 4 of net_guest.c, 8 to 11 for one that
 * receives, 12 to 14 for one that transmits or commands.
 */
static size_t put_packets(uint8_t *p, size_t room, bool receives)
{
	size_t n = 0;

	while (room - n > 16) {
		if (next() % 3) {
			p[n] = 2 | (next() % 8 ? next() & 0x20 : next() & 0xe0) | (receives || next() % 3 ? 0 : 0x40);
			for (int i = 1; i < 5; i++)
				p[n + i] = next();
			n += 5;
		} else if (receives) {
			p[n] = (8 + next() % 4) | (next() & 0x30);
			p[n + 1] = next();
			p[n + 2] = next();
			n += 3;
		} else {
			p[n++] = 12 + next() % 3;
		}
	}
	return n;
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 0) : 50000;
	uint64_t seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	static uint8_t data[MOST];

	for (unsigned long i = 0; i < count; i++) {
		size_t n = random_input(&state, seed, i, data, 2, MOST);

		/* Half of them agree on all that is agreed on before requests come, and have good ones. */
		if (n > 40 && (data[0] & 3) == 2 && next() & 1) {
			data[1] &= 0xc1;
			data[2] |= 2;
			n = 3 + put_packets(data + 3, n - 3, !(data[1] & 1));
		} else if (next() & 1) {
			data[1] &= 0xcc;
			for (size_t k = 3; k + 9 < n; k += 9 + next() % 60)
				put_request(data + k);
		}
		LLVMFuzzerTestOneInput(data, n);
	}
	printf("# %lu inputs: %llu chains, %llu queues broken, %llu interrupts\n", count,
	       (unsigned long long)guest_counts.chains, (unsigned long long)guest_counts.broken,
	       (unsigned long long)guest_counts.signals);
	TAP_CHECK(guest_counts.chains > count / 10);
	TAP_CHECK(guest_counts.broken > count / 100);
	TAP_CHECK(guest_counts.no_requests > count / 100);
	TAP_CHECK(guest_counts.signals > count / 100);
	TAP_CHECK(guest_counts.messages);
	printf("# packets: %llu received, %llu of these in several chains, %llu too large, %llu transmitted; %llu commands\n",
	       (unsigned long long)guest_counts.received, (unsigned long long)guest_counts.merged,
	       (unsigned long long)guest_counts.too_large, (unsigned long long)guest_counts.transmitted,
	       (unsigned long long)guest_counts.commands);
	TAP_CHECK(guest_counts.received > count / 10);
	TAP_CHECK(guest_counts.merged > count / 200);
	TAP_CHECK(guest_counts.too_large > count / 200);
	TAP_CHECK(guest_counts.transmitted > count / 100);
	TAP_CHECK(guest_counts.commands > count / 200);
	for (int op = BLK_NOTHING; op <= BLK_ZERO; op++)
		tap_ok(guest_counts.op[op] > count / 1000, "operation %d: %llu times", op,
		       (unsigned long long)guest_counts.op[op]);
	return tap_done();
}
