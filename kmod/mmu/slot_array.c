// SPDX-License-Identifier: GPL-2.0-only
/*
 * slot_array.c - the array of a VM's memslots: by gfn, and by address in the VMM.
 *
 * By gfn they do not overlap, and are sorted. By address they may: several may show the same
 * memory. That order is a tree in an array: the middle of a range of it is the root of that range,
 * and knows how far any memslot of the range reaches.
 */
#include <linux/slab.h>

#include "slots.h"

/**
 * vh_slot_find - the memslot that holds a gfn, or NULL
 * @slots: as vh_slots() gives them
 * @gfn: guest frame number
 */
const struct vh_slot *vh_slot_find(const struct vh_slots *slots, gfn_t gfn)
{
	unsigned int lo = 0, hi = slots->n;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (gfn < slots->s[mid].base)
			hi = mid;
		else if (gfn - slots->s[mid].base >= slots->s[mid].npages)
			lo = mid + 1;
		else
			return &slots->s[mid];
	}
	return NULL;
}

/* Address first: two that begin at the same differ by gfn. */
static bool comes_before(const struct vh_slot *a, const struct vh_slot *b)
{
	return a->hva != b->hva ? a->hva < b->hva : a->base < b->base;
}

static unsigned long slot_end(const struct vh_slot *s)
{
	return s->hva + (s->npages << PAGE_SHIFT);
}

/* How far the memslots of [lo, hi) reach, to be kept in its middle. */
static unsigned long set_reach(struct vh_slots *slots, unsigned int lo, unsigned int hi)
{
	unsigned int mid = (lo + hi) / 2;
	unsigned long reach;

	if (lo >= hi)
		return 0;
	reach = max3(slot_end(&slots->s[slots->by_hva[mid].slot]), set_reach(slots, lo, mid),
		     set_reach(slots, mid + 1, hi));
	slots->by_hva[mid].reach = reach;
	return reach;
}

/**
 * vh_slots_alloc - an array without memslots
 * @room: for so many
 *
 * Process context. NULL: no memory.
 */
struct vh_slots *vh_slots_alloc(unsigned int room)
{
	struct vh_slots *slots;

	slots = kvzalloc(struct_size(slots, s, room) + array_size(room, sizeof(*slots->by_hva)),
			 GFP_KERNEL_ACCOUNT);
	if (slots)
		slots->by_hva = (void *)&slots->s[room];
	return slots;
}

/**
 * vh_slots_rebuilt - a copy with one memslot less, or more
 * @old: the array
 * @id: of the memslot that is not to be in the copy
 * @add: NULL, or one to be put in at its place
 *
 * Process context. NULL: no memory.
 */
struct vh_slots *vh_slots_rebuilt(const struct vh_slots *old, u32 id, const struct vh_slot *add)
{
	struct vh_slots *new = vh_slots_alloc(old->n + 1);
	unsigned int i, n = 0, gone = old->n, at = old->n;
	bool added = !add;

	if (!new)
		return NULL;
	for (i = 0; i < old->n; i++) {
		if (old->s[i].id == id) {
			gone = i;
			continue;
		}
		if (add && at == old->n && add->base < old->s[i].base) {
			at = new->n;
			new->s[new->n++] = *add;
		}
		new->s[new->n++] = old->s[i];
	}
	if (add && at == old->n) {
		at = new->n;
		new->s[new->n++] = *add;
	}
	for (i = 0; i < old->n; i++) {
		u32 was = old->by_hva[i].slot, is;

		if (was == gone)
			continue;
		if (!added && comes_before(add, &old->s[was])) {
			new->by_hva[n++].slot = at;
			added = true;
		}
		is = was - (was > gone);
		new->by_hva[n++].slot = is + (add && is >= at);
	}
	if (!added)
		new->by_hva[n].slot = at;
	set_reach(new, 0, new->n);
	return new;
}

struct overlap {
	const struct vh_slots *slots;
	unsigned long start, end;	/* of the VMM's memory */
	const struct vh_slot *after;
};

/* In [lo, hi), the first by address that overlaps and comes after @after. */
static const struct vh_slot *first_of(const struct overlap *o, unsigned int lo, unsigned int hi)
{
	unsigned int mid = (lo + hi) / 2;
	const struct vh_slot *s, *found;

	if (lo >= hi || o->slots->by_hva[mid].reach <= o->start)
		return NULL;
	s = &o->slots->s[o->slots->by_hva[mid].slot];
	if (!o->after || comes_before(o->after, s)) {
		found = first_of(o, lo, mid);
		if (found || s->hva >= o->end)
			return found;
		if (slot_end(s) > o->start)
			return s;
	}
	return first_of(o, mid + 1, hi);
}

/**
 * vh_slot_next_at - the memslots that show some of a range of the VMM's memory, one after the other
 * @slots: as vh_slots() gives them
 * @start: first address
 * @end: past the last
 * @after: NULL, or a copy of the one before, which need not be there any more
 *
 * NULL: there is no other. Takes as long as the logarithm of their number.
 */
const struct vh_slot *vh_slot_next_at(const struct vh_slots *slots, unsigned long start,
				      unsigned long end, const struct vh_slot *after)
{
	const struct overlap o = { slots, start, end, after };

	return first_of(&o, 0, slots->n);
}
