// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_virtio.c - virtqueues, disk requests, PCI and virtio devices of vhctl's VMM, with inputs made
 * up: test_virtio [COUNT [SEED]]. Those of a seed are always the same. libFuzzer has the same entry:
 * make fuzz-virtio.
 */
#include <stdlib.h>

#include "tap.h"
#include "virtio_guest.h"
#include "vmm/blk_request.h"

#define MOST	400

static uint64_t state;

static uint32_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 16;
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

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 0) : 50000;
	uint64_t seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	static uint8_t data[MOST];

	for (unsigned long i = 0; i < count; i++) {
		size_t n;

		state = seed * 0x9e3779b97f4a7c15ULL + i * 0xbf58476d1ce4e5b9ULL + 1;
		next();
		n = 2 + next() % (MOST - 2);
		for (size_t k = 0; k < n; k++)
			data[k] = next();
		/* Half of them agree on all that is agreed on before requests come, and have good ones. */
		if (next() & 1) {
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
	for (int op = BLK_NOTHING; op <= BLK_ZERO; op++)
		tap_ok(guest_counts.op[op] > count / 1000, "operation %d: %llu times", op,
		       (unsigned long long)guest_counts.op[op]);
	return tap_done();
}
