// SPDX-License-Identifier: GPL-2.0-only
/*
 * tlb.c - debug build: which translations each CPU may hold, and whether they are stale.
 *
 * A processor may cache translations of the tags that it is entered with: of an EPT
 * (guest-physical mappings), of a VPID (linear ones; combined ones, with EPT), from the entry on
 * and for as long as nothing invalidates them (SDM Vol. 3, 29.4.1, 29.4.2). The model has one
 * count of all that happens. For each tag and CPU it knows since when what is cached there may
 * have been cached, and what was last invalidated; for each tag, when its tables last lost an
 * entry or a right. What was cached before that is stale. It is coarse, for a tag is one thing
 * however much it maps, and it is sound: everything that may be cached counts as cached.
 *
 * What invalidates (SDM Vol. 3, 29.4.3.1, 31.3):
 *
 *   INVEPT of one EPT	its guest-physical mappings; combined ones, of any VPID
 *   INVEPT of all		those of all EPTs
 *   INVVPID of one VPID	its linear and combined mappings, but no guest-physical ones
 *   INVVPID of all		those of all VPIDs but 0
 *   INVVPID of an address, or but for globals: not the whole tag, so it does not count
 *   entries and exits	linear and combined mappings of VPID 0
 *   what the guest does	(MOV CR3, MOV CR4, INVLPG, ...) at most its own VPID's, and no
 *			guest-physical ones: it does not count
 *   VMXON, VMXOFF		nothing
 *
 * Two rules are held. A CPU does not enter with what is stale, if it was promised to be gone; and
 * when that is promised (mmu.lock is dropped, a table is freed) no CPU is in the guest with it.
 * In between is the time that the flush takes. A tag that is new may have been somebody's before:
 * it counts as cached everywhere until it is invalidated.
 */
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/xarray.h>

#include "witness.h"

/*
 * struct held - what one CPU may hold of a tag
 *
 * Own CPU, interrupts off; read by others while that CPU is in the guest.
 */
struct held {
	u64 since;			/* nothing that is cached is older; 0: nothing is */
	u64 cleared;			/* when all of it was last invalidated */
};

/*
 * struct vh_tag - what the processor knows translations by
 */
struct vh_tag {
	enum vh_tag_kind kind;		/* const */
	u64 key;			/* EP4TA's frame, or VPID; const */
	u64 changed;			/* its tables last lost something; who may change them */
	u64 promised;			/* what was lost by then nobody uses any more */
	struct held __percpu *held;
};

/*
 * struct tlb - one CPU
 *
 * Own CPU, interrupts off; others read.
 */
struct tlb {
	struct vh_tag *tag[VH_NR_TAGS];		/* what it is in the guest with; NULL: it is not */
	u64 cleared_all[VH_NR_TAGS];		/* when all of a kind was last invalidated */
};
static DEFINE_PER_CPU(struct tlb, tlbs);
static DEFINE_XARRAY(ept_tags);
static DEFINE_XARRAY(vpid_tags);
static atomic64_t clock = ATOMIC64_INIT(1);

static u64 tick(void)
{
	return atomic64_inc_return(&clock);
}

static struct xarray *tags(enum vh_tag_kind kind)
{
	return kind == VH_TAG_EPT ? &ept_tags : &vpid_tags;
}

/**
 * vh_tag_new - a tag comes into use
 * @kind: EPT or VPID
 * @key: frame of the root table, or VPID
 *
 * Process context. NULL without memory: then nothing is held against it.
 */
struct vh_tag *vh_tag_new(enum vh_tag_kind kind, u64 key)
{
	struct vh_tag *tag = kzalloc(sizeof(*tag), GFP_KERNEL);
	int cpu;

	if (!tag)
		return NULL;
	tag->kind = kind;
	tag->key = key;
	tag->held = alloc_percpu(struct held);
	if (!tag->held)
		goto free;
	for_each_possible_cpu(cpu)
		per_cpu_ptr(tag->held, cpu)->since = 1;
	vh_tag_changed_own(tag);
	if (kind == VH_TAG_VPID && !key)
		return tag;
	if (!xa_err(xa_store(tags(kind), key, tag, GFP_KERNEL)))
		return tag;
	free_percpu(tag->held);
free:
	kfree(tag);
	return NULL;
}

/**
 * vh_tag_free - a tag goes out of use
 * @tag: of vh_tag_new(), or NULL
 *
 * Any context but an interrupt's: SRCU's callbacks, which tables are freed by, may not sleep.
 */
void vh_tag_free(struct vh_tag *tag)
{
	int cpu;

	if (!tag)
		return;
	for_each_online_cpu(cpu)
		WARN_ONCE(READ_ONCE(per_cpu(tlbs, cpu).tag[tag->kind]) == tag,
			  "vh: the tables of a guest go that CPU%d is in\n", cpu);
	/* A VPID may be somebody else's by now. */
	xa_cmpxchg(tags(tag->kind), tag->key, tag, NULL, GFP_NOWAIT);
	free_percpu(tag->held);
	kfree(tag);
}

/* When was the last of all of this kind, or of this tag, invalidated on @cpu? */
static u64 last_cleared(const struct vh_tag *tag, int cpu)
{
	return max(READ_ONCE(per_cpu_ptr(tag->held, cpu)->cleared),
		   READ_ONCE(per_cpu(tlbs, cpu).cleared_all[tag->kind]));
}

/*
 * Since when may what @cpu holds of @tag be cached? 0: it holds nothing. @ept: what combined
 * mappings of a VPID are made with, or NULL.
 */
static u64 held_since(const struct vh_tag *tag, const struct vh_tag *ept, int cpu)
{
	u64 since = READ_ONCE(per_cpu_ptr(tag->held, cpu)->since);

	if (since < last_cleared(tag, cpu) || (ept && since < last_cleared(ept, cpu)))
		return 0;
	return since;
}

/**
 * vh_tag_changed - the tables of a tag have lost an entry, or a right
 * @tag: the tag, or NULL
 *
 * After the change; any context, whatever lets nobody else change them (mmu.lock held for writing).
 * vh_tag_promised() has to follow.
 */
void vh_tag_changed(struct vh_tag *tag)
{
	if (tag)
		WRITE_ONCE(tag->changed, tick());
}

/**
 * vh_tag_changed_own - the same, by the thread that enters with it, and nobody waits for a flush
 * @tag: the tag, or NULL
 */
void vh_tag_changed_own(struct vh_tag *tag)
{
	if (!tag)
		return;
	vh_tag_changed(tag);
	WRITE_ONCE(tag->promised, tag->changed);
}

/* No CPU is in the guest with what was cached before @when. */
static void nobody_uses(const struct vh_tag *tag, u64 when)
{
	int cpu;

	/* What was changed, or promised, before what the CPUs are in: pairs with vh_tag_enter(). */
	smp_mb();
	for_each_online_cpu(cpu) {
		const struct tlb *t = &per_cpu(tlbs, cpu);
		u64 since;

		if (READ_ONCE(t->tag[tag->kind]) != tag)
			continue;
		since = held_since(tag, NULL, cpu);
		WARN_ONCE(since && since < when,
			  "vh: CPU%d is in the guest with translations of %s %#llx since %llu, whose tables changed at %llu\n",
			  cpu, tag->kind == VH_TAG_EPT ? "EPT" : "VPID", tag->key, since, when);
	}
}

/**
 * vh_tag_promised - from now on nobody uses what the tables have lost
 * @tag: the tag, or NULL
 *
 * As vh_tag_changed(), or from anybody who knows that nobody changes them.
 */
void vh_tag_promised(struct vh_tag *tag)
{
	if (!tag || READ_ONCE(tag->promised) == READ_ONCE(tag->changed))
		return;
	WRITE_ONCE(tag->promised, READ_ONCE(tag->changed));
	nobody_uses(tag, tag->promised);
}

/**
 * vh_tag_took - a table was taken out of the tables just now
 * @tag: the tag, or NULL; vh_tag_changed() was called since
 * @table: its page
 */
void vh_tag_took(const struct vh_tag *tag, const void *table)
{
	if (tag)
		set_page_private(virt_to_page(table), READ_ONCE(tag->changed));
}

/**
 * vh_tag_frees - it is about to be freed
 * @tag: the tag, or NULL
 * @table: its page
 */
void vh_tag_frees(const struct vh_tag *tag, const void *table)
{
	if (!tag)
		return;
	nobody_uses(tag, page_private(virt_to_page(table)));
}

/**
 * vh_tag_invalidated - INVEPT or INVVPID was executed on this CPU
 * @kind: which
 * @scope: of one tag, or all
 * @key: of the one
 *
 * Interrupts off.
 */
void vh_tag_invalidated(enum vh_tag_kind kind, enum vh_tag_scope scope, u64 key)
{
	struct vh_tag *tag;

	if (scope == VH_TAG_ALL) {
		WRITE_ONCE(per_cpu(tlbs, smp_processor_id()).cleared_all[kind], tick());
		return;
	}
	/* Whose the tag is has a vCPU in this window: it stays. */
	tag = xa_load(tags(kind), key);
	if (tag)
		WRITE_ONCE(per_cpu_ptr(tag->held, smp_processor_id())->cleared, tick());
}

/* The entry caches more of it; what is there is not stale. */
static void enter(struct vh_tag *tag, const struct vh_tag *ept)
{
	int cpu = smp_processor_id();
	struct held *h = per_cpu_ptr(tag->held, cpu);
	u64 since = held_since(tag, ept, cpu), promised;

	/* Untagged: the entry flushes. */
	if (!since || (tag->kind == VH_TAG_VPID && !tag->key)) {
		since = tick();
		WRITE_ONCE(h->since, since);
	}
	WRITE_ONCE(per_cpu(tlbs, cpu).tag[tag->kind], tag);
	/* Pairs with nobody_uses(): this CPU sees what was promised, or is seen. */
	smp_mb();
	promised = READ_ONCE(tag->promised);
	WARN_ONCE(since < promised,
		  "vh: entry with translations of %s %#llx cached since %llu, whose tables changed at %llu: %s is missing\n",
		  tag->kind == VH_TAG_EPT ? "EPT" : "VPID", tag->key, since, promised,
		  tag->kind == VH_TAG_EPT ? "INVEPT" : "INVVPID");
}

/**
 * vh_tag_enter - this CPU is about to enter a guest
 * @ept: the tag of its EPT; NULL without EPT
 * @vpid: that of its VPID, or NULL
 *
 * Interrupts off.
 */
void vh_tag_enter(struct vh_tag *ept, struct vh_tag *vpid)
{
	if (ept)
		enter(ept, NULL);
	if (vpid)
		enter(vpid, ept);
}

/**
 * vh_tag_leave - this CPU has left it
 *
 * Interrupts off.
 */
void vh_tag_leave(void)
{
	struct tlb *t = &per_cpu(tlbs, smp_processor_id());

	smp_store_release(&t->tag[VH_TAG_EPT], NULL);
	smp_store_release(&t->tag[VH_TAG_VPID], NULL);
}
