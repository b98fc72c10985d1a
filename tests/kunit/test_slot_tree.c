// SPDX-License-Identifier: GPL-2.0-only
/* Memslots by gfn and by address (kmod/mmu/slot_tree.c), against plain arrays. */
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

/* In both sets, one after the other, as slots.c does. */
static void change(struct vh_slots sets[2], struct vh_slot *out, struct vh_slot *in)
{
	vh_slots_change(&sets[0], out, in);
	vh_slots_change(&sets[1], out, in);
	vh_slot_free(out);
}

static void test_slots(struct kunit *test)
{
	struct vh_slot *all = kunit_kcalloc(test, IDS, sizeof(*all), GFP_KERNEL);
	struct vh_slot **at = kunit_kcalloc(test, IDS, sizeof(*at), GFP_KERNEL);
	struct vh_slots sets[2] = { { .which = 0 }, { .which = 1 } };
	int round, i, k, wrong = 0;
	struct rnd_state rnd;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, all);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, at);
	prandom_seed_state(&rnd, 0x5107);
	for (round = 0; round < 6000; round++) {
		u32 id = prandom_u32_state(&rnd) % IDS;
		const struct vh_slots *slots = &sets[round & 1];
		struct vh_slot *s = &all[id], *new = NULL;
		unsigned long start;
		gfn_t base;

		/* Apart in gfns, and anything in addresses. */
		if (s->npages && prandom_u32_state(&rnd) % 2) {
			*s = (struct vh_slot){};
		} else {
			*s = (struct vh_slot){
				.id = id, .base = (u64)((id * 7) % IDS) * PAGES,
				.npages = 1 + prandom_u32_state(&rnd) % (round % 5 ? 8 : PAGES),
				.hva = (u64)(prandom_u32_state(&rnd) % PAGES) << PAGE_SHIFT,
			};
			new = vh_slot_alloc(s);
			KUNIT_ASSERT_NOT_ERR_OR_NULL(test, new);
		}
		change(sets, at[id], new);
		at[id] = new;
		for (i = 0; i < IDS; i++) {
			const struct vh_slot *found;

			if (!all[i].npages)
				continue;
			for (k = 0; k < 2; k++) {
				found = vh_slot_find(&sets[k], all[i].base + all[i].npages - 1);
				wrong += found != at[i] || found->id != i || found->hva != all[i].hva;
			}
			found = vh_slot_find(slots, all[i].base + all[i].npages);
			wrong += found && found->base != all[i].base + all[i].npages;
		}
		/* Is there any in some range, and any other than this one? */
		base = prandom_u32_state(&rnd) % (IDS * PAGES);
		for (i = k = 0; i < IDS; i++)
			k += all[i].npages && all[i].base < base + 300 && base < all[i].base + all[i].npages;
		wrong += vh_slot_overlap(slots, base, 300, NULL) != !!k;
		wrong += new && vh_slot_overlap(slots, new->base, new->npages, new);
		wrong += new && !vh_slot_overlap(slots, new->base, 1, NULL);
		start = (u64)(prandom_u32_state(&rnd) % (2 * PAGES)) << PAGE_SHIFT;
		wrong += compare(slots, all, start, start + PAGE_SIZE);
		wrong += compare(slots, all, start, start + (prandom_u32_state(&rnd) % PAGES << PAGE_SHIFT) + 1);
		/* What came last need not be there any more. */
		wrong += compare(slots, all, 0, ULONG_MAX);
	}
	for (i = 0; i < IDS; i++)
		if (at[i])
			change(sets, at[i], NULL);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&sets[0].by_gfn) && RB_EMPTY_ROOT(&sets[1].by_hva));
	KUNIT_EXPECT_EQ(test, 0, wrong);
}

/* As many as a page each, all in the other order. */
static void test_many(struct kunit *test)
{
	enum { N = 1024 };
	struct vh_slot **at = kunit_kcalloc(test, N, sizeof(*at), GFP_KERNEL);
	struct vh_slots sets[2] = { { .which = 0 }, { .which = 1 } };
	const struct vh_slots *slots = &sets[1];
	int i, wrong = 0;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, at);
	for (i = 0; i < N; i++) {
		at[i] = vh_slot_alloc(&(struct vh_slot){
			.id = i, .base = (u64)i * 2, .npages = 1, .hva = (u64)(N - i) << PAGE_SHIFT,
		});
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, at[i]);
		change(sets, NULL, at[i]);
	}
	for (i = 1; i <= N; i++) {
		unsigned long hva = (unsigned long)i << PAGE_SHIFT;
		const struct vh_slot *found = vh_slot_next_at(slots, hva, hva + 1, NULL);

		wrong += !found || found->hva != hva || vh_slot_next_at(slots, hva, hva + 1, found);
	}
	KUNIT_EXPECT_EQ(test, 0, wrong);
	KUNIT_EXPECT_NULL(test, vh_slot_next_at(slots, 0, PAGE_SIZE, NULL));
	KUNIT_EXPECT_NULL(test, vh_slot_next_at(slots, (N + 1ul) << PAGE_SHIFT, ULONG_MAX, NULL));
	for (i = 0; i < N; i++)
		change(sets, at[i], NULL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_slots),
	KUNIT_CASE(test_many),
	{}
};

static struct kunit_suite suite = { .name = "vh-slot-tree", .test_cases = cases };
kunit_test_suite(suite);
