// SPDX-License-Identifier: GPL-2.0-only
/* Memslots by gfn and by address (kmod/mmu/slot_array.c), against plain arrays. */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/prandom.h>

#include "../../kmod/mmu/slots.h"

#define IDS	60
#define PAGES	400			/* of addresses, and of what a memslot has at most */

static bool overlaps(const struct vh_slot *s, unsigned long start, unsigned long end)
{
	return s->npages && s->hva < end && start < s->hva + (s->npages << PAGE_SHIFT);
}

/* Each memslot that shows some of the range once, in order of address; how many mistakes. */
static int compare(const struct vh_slots *slots, const struct vh_slot *all, unsigned long start,
		   unsigned long end)
{
	const struct vh_slot *s = NULL;
	struct vh_slot before = {};
	int want = 0, got = 0, wrong = 0, i;

	for (i = 0; i < IDS; i++)
		want += overlaps(&all[i], start, end);
	while ((s = vh_slot_next_at(slots, start, end, got ? &before : NULL))) {
		wrong += !overlaps(s, start, end);
		wrong += got && (s->hva < before.hva ||
				 (s->hva == before.hva && s->base <= before.base));
		before = *s;
		if (++got > want)
			break;
	}
	return wrong + (got != want);
}

static void test_slots(struct kunit *test)
{
	struct vh_slot *all = kunit_kcalloc(test, IDS, sizeof(*all), GFP_KERNEL);
	struct vh_slots *slots = vh_slots_alloc(0), *next;
	int round, i, wrong = 0;
	struct rnd_state rnd;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, all);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, slots);
	prandom_seed_state(&rnd, 0x5107);
	for (round = 0; round < 6000; round++) {
		u32 id = prandom_u32_state(&rnd) % IDS;
		struct vh_slot *s = &all[id];
		unsigned long start;

		/* Apart in gfns, and anything in addresses. */
		if (s->npages && prandom_u32_state(&rnd) % 2) {
			*s = (struct vh_slot){};
			next = vh_slots_rebuilt(slots, id, NULL);
		} else {
			*s = (struct vh_slot){
				.id = id, .base = (u64)((id * 7) % IDS) * PAGES,
				.npages = 1 + prandom_u32_state(&rnd) % (round % 5 ? 8 : PAGES),
				.hva = (u64)(prandom_u32_state(&rnd) % PAGES) << PAGE_SHIFT,
			};
			next = vh_slots_rebuilt(slots, id, s);
		}
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, next);
		kvfree(slots);
		slots = next;
		for (i = 1; i < slots->n; i++)
			wrong += slots->s[i].base <= slots->s[i - 1].base;
		for (i = 0; i < IDS; i++) {
			const struct vh_slot *found;

			if (!all[i].npages)
				continue;
			found = vh_slot_find(slots, all[i].base + all[i].npages - 1);
			wrong += !found || found->id != i || found->hva != all[i].hva;
		}
		start = (u64)(prandom_u32_state(&rnd) % (2 * PAGES)) << PAGE_SHIFT;
		wrong += compare(slots, all, start, start + PAGE_SIZE);
		wrong += compare(slots, all, start, start + (prandom_u32_state(&rnd) % PAGES << PAGE_SHIFT) + 1);
		/* What came last need not be there any more. */
		wrong += compare(slots, all, 0, ULONG_MAX);
	}
	kvfree(slots);
	KUNIT_EXPECT_EQ(test, 0, wrong);
}

/* As many as a page each, all in the other order. */
static void test_many(struct kunit *test)
{
	enum { N = 1024 };
	struct vh_slots *slots = vh_slots_alloc(0), *next;
	struct vh_slot s = {};
	int i, wrong = 0;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, slots);
	for (i = 0; i < N; i++) {
		s = (struct vh_slot){
			.id = i, .base = (u64)i * 2, .npages = 1, .hva = (u64)(N - i) << PAGE_SHIFT,
		};
		next = vh_slots_rebuilt(slots, i, &s);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, next);
		kvfree(slots);
		slots = next;
	}
	for (i = 1; i <= N; i++) {
		unsigned long at = (unsigned long)i << PAGE_SHIFT;
		const struct vh_slot *found = vh_slot_next_at(slots, at, at + 1, NULL);

		wrong += !found || found->hva != at || vh_slot_next_at(slots, at, at + 1, found);
	}
	KUNIT_EXPECT_EQ(test, 0, wrong);
	KUNIT_EXPECT_NULL(test, vh_slot_next_at(slots, 0, PAGE_SIZE, NULL));
	KUNIT_EXPECT_NULL(test, vh_slot_next_at(slots, (N + 1ul) << PAGE_SHIFT, ULONG_MAX, NULL));
	kvfree(slots);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_slots),
	KUNIT_CASE(test_many),
	{}
};

static struct kunit_suite suite = { .name = "vh-slot-array", .test_cases = cases };
kunit_test_suite(suite);
