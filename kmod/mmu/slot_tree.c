// SPDX-License-Identifier: GPL-2.0-only
/*
 * slot_tree.c - the memslots of a VM: by gfn, and by address in the VMM.
 *
 * By gfn they do not overlap. By address they may: several may show the same memory, so each knows
 * how far any memslot below it in that tree reaches. A VM has all of it twice (slots.c): who reads
 * one set of trees does so without a lock, for it is the other that is changed meanwhile. Whatever
 * is done with one memslot takes as long as the logarithm of their number.
 */
#include <linux/rbtree_augmented.h>
#include <linux/slab.h>

#include "slots.h"

/* A memslot's place in one of the two sets. */
struct place {
	struct rb_node by_gfn, by_hva;
	unsigned long reach;		/* the furthest end below by_hva */
	const struct vh_slot *slot;
};

struct slot_node {
	struct vh_slot slot;		/* first */
	struct place in[2];
};

static unsigned long slot_end(const struct vh_slot *s)
{
	return s->hva + (s->npages << PAGE_SHIFT);
}

static unsigned long place_end(struct place *p)
{
	return slot_end(p->slot);
}

RB_DECLARE_CALLBACKS_MAX(static, reaches, struct place, by_hva, unsigned long, reach, place_end)

static struct place *place_of(const struct vh_slots *slots, const struct vh_slot *slot)
{
	return &container_of(slot, struct slot_node, slot)->in[slots->which];
}

/* Address first: two that begin at the same differ by gfn. */
static bool comes_before(const struct vh_slot *a, const struct vh_slot *b)
{
	return a->hva != b->hva ? a->hva < b->hva : a->base < b->base;
}

/**
 * vh_slot_find - the memslot that holds a gfn, or NULL
 * @slots: as vh_slots() gives them
 * @gfn: guest frame number
 */
const struct vh_slot *vh_slot_find(const struct vh_slots *slots, gfn_t gfn)
{
	const unsigned long off = offsetof(struct slot_node, in[0].by_gfn) + slots->which * sizeof(struct place);
	const struct rb_node *n = slots->by_gfn.rb_node;

	while (n) {
		const struct vh_slot *s = (const void *)n - off;

		if (gfn < s->base)
			n = n->rb_left;
		else if (gfn - s->base >= s->npages)
			n = n->rb_right;
		else
			return s;
	}
	return NULL;
}

/**
 * vh_slot_overlap - is there a memslot in a range of gfns?
 * @slots: as vh_slots() gives them
 * @base: first gfn
 * @npages: how many
 * @but: NULL, or one that does not count
 */
bool vh_slot_overlap(const struct vh_slots *slots, gfn_t base, unsigned long npages,
		     const struct vh_slot *but)
{
	struct rb_node *n = slots->by_gfn.rb_node, *first = NULL;
	const struct vh_slot *s;

	/* The first that ends behind the range's beginning, and the one behind it. */
	while (n) {
		s = container_of(n, struct place, by_gfn)->slot;
		if (s->base + s->npages > base) {
			first = n;
			n = n->rb_left;
		} else {
			n = n->rb_right;
		}
	}
	if (first && container_of(first, struct place, by_gfn)->slot == but)
		first = rb_next(first);
	return first && container_of(first, struct place, by_gfn)->slot->base < base + npages;
}

/**
 * vh_slot_alloc - a memslot, in no tree yet
 * @like: what it is
 *
 * Process context. NULL: no memory.
 */
struct vh_slot *vh_slot_alloc(const struct vh_slot *like)
{
	struct slot_node *node = kzalloc(sizeof(*node), GFP_KERNEL_ACCOUNT);

	if (!node)
		return NULL;
	node->slot = *like;
	node->in[0].slot = node->in[1].slot = &node->slot;
	return &node->slot;
}

/**
 * vh_slot_free - a memslot, not its bitmap
 * @slot: in no tree, or NULL
 */
void vh_slot_free(struct vh_slot *slot)
{
	BUILD_BUG_ON(offsetof(struct slot_node, slot));
	kfree(slot);
}

static void insert_by_gfn(struct vh_slots *slots, struct place *p)
{
	struct rb_node **at = &slots->by_gfn.rb_node, *parent = NULL;

	while (*at) {
		parent = *at;
		at = p->slot->base < container_of(parent, struct place, by_gfn)->slot->base ?
		     &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&p->by_gfn, parent, at);
	rb_insert_color(&p->by_gfn, &slots->by_gfn);
}

static void insert_by_hva(struct vh_slots *slots, struct place *p)
{
	struct rb_node **at = &slots->by_hva.rb_node, *parent = NULL;
	unsigned long end = place_end(p);

	while (*at) {
		struct place *above = container_of(*at, struct place, by_hva);

		parent = *at;
		above->reach = max(above->reach, end);
		at = comes_before(p->slot, above->slot) ? &parent->rb_left : &parent->rb_right;
	}
	p->reach = end;
	rb_link_node(&p->by_hva, parent, at);
	rb_insert_augmented(&p->by_hva, &slots->by_hva, &reaches);
}

/**
 * vh_slots_change - a memslot goes, one comes, or one takes the place of another
 * @slots: trees that nobody reads
 * @out: in them, or NULL
 * @in: not in them, or NULL
 */
void vh_slots_change(struct vh_slots *slots, struct vh_slot *out, struct vh_slot *in)
{
	struct place *p;

	if (out) {
		p = place_of(slots, out);
		rb_erase(&p->by_gfn, &slots->by_gfn);
		rb_erase_augmented(&p->by_hva, &slots->by_hva, &reaches);
	}
	if (in) {
		p = place_of(slots, in);
		insert_by_gfn(slots, p);
		insert_by_hva(slots, p);
	}
}

struct overlap {
	unsigned long start, end;	/* of the VMM's memory */
	const struct vh_slot *after;
};

/* Below a node, the first by address that overlaps and comes after @after. */
static const struct vh_slot *first_of(const struct overlap *o, const struct rb_node *n)
{
	const struct vh_slot *s, *found;
	const struct place *p;

	while (n) {
		p = container_of(n, struct place, by_hva);
		if (p->reach <= o->start)
			return NULL;
		s = p->slot;
		if (!o->after || comes_before(o->after, s)) {
			found = first_of(o, n->rb_left);
			if (found || s->hva >= o->end)
				return found;
			if (slot_end(s) > o->start)
				return s;
		}
		n = n->rb_right;
	}
	return NULL;
}

/**
 * vh_slot_next_at - the memslots that show some of a range of the VMM's memory, one after the other
 * @slots: as vh_slots() gives them
 * @start: first address
 * @end: past the last
 * @after: NULL, or a copy of the one before, which need not be there any more
 *
 * NULL: there is no other.
 */
const struct vh_slot *vh_slot_next_at(const struct vh_slots *slots, unsigned long start,
				      unsigned long end, const struct vh_slot *after)
{
	const struct overlap o = { start, end, after };

	return first_of(&o, slots->by_hva.rb_node);
}
