// SPDX-License-Identifier: GPL-2.0-only
/*
 * shadow_garbage.c - shadow tables go: those that nothing leads to any more, or all.
 *
 * A vCPU may have thousands, so they are gone through in parts, mmu.lock dropped in
 * between. The own thread collects garbage, and nothing is added meanwhile. Anybody may
 * forget all tables of a vCPU: they are detached at once, and freed in parts by whoever
 * comes. The own thread finds that by sh->forgotten.
 */
#include <linux/sched.h>

#include "shadow.h"

/* mmu.lock held for writing. A part of what is dying; the number of pages freed. */
static unsigned long bury(struct vh_shadow *sh)
{
	struct vh_shadow_page *p, *next;
	unsigned long n = 0;
	unsigned int i = 0;

	list_for_each_entry_safe(p, next, &sh->dying, node) {
		if (i++ == SH_BATCH)
			break;
		list_del(&p->node);
		n += p->gpte ? 2 : 1;
		vh_shadow_page_free(p);
	}
	return n;
}

/**
 * vh_shadow_bury - free all that is dying
 * @sh: the vCPU's
 *
 * Own thread, or there is none any more; process context, no lock held. The number of pages.
 */
unsigned long vh_shadow_bury(struct vh_shadow *sh)
{
	struct vh_mmu *mmu = sh->vcpu->vm->mmu;
	unsigned long sum = 0, n;

	do {
		vh_mmu_lock(mmu);
		n = bury(sh);
		vh_mmu_unlock(mmu);
		sum += n;
		cond_resched();
	} while (n);
	return sum;
}

/**
 * vh_shadow_detach - nothing leads to any table any more
 * @sh: the vCPU's; it is not in the guest, and VH_REQ_MMU makes it flush before it is again
 *
 * mmu.lock held for writing.
 */
void vh_shadow_detach(struct vh_shadow *sh)
{
	unsigned int i;

	for (i = 0; i < SH_ROOTS; i++) {
		sh->roots[i].page = NULL;
		if (sh->pdpt_page[i])
			sh->pdpt_page[i]->marked = false;
	}
	sh->cur = NULL;
	vh_tag_changed(VH_TAG_OF(sh->vcpu));
	list_splice_init(&sh->tables, &sh->dying);
	hash_init(sh->hash);
	sh->nr_pages = 0;
	sh->unlisted = true;
	sh->forgotten++;
}

/**
 * vh_shadow_forget - all of a vCPU's tables go; what the guest's mean may have changed
 * @vcpu: the vCPU
 *
 * Own thread, or there is none any more; process context. The number of pages freed.
 */
unsigned long vh_shadow_forget(struct vh_vcpu *vcpu)
{
	struct vh_shadow *sh = vcpu->shadow;
	struct vh_mmu *mmu = vcpu->vm->mmu;

	vh_mmu_lock(mmu);
	vh_shadow_detach(sh);
	vh_request(vcpu, VH_REQ_MMU);
	vh_mmu_unlock(mmu);
	return vh_shadow_bury(sh);
}

static void mark(struct vh_shadow_page *p, struct list_head *work)
{
	if (p->marked)
		return;
	p->marked = true;
	list_add_tail(&p->work, work);
}

static void mark_children(struct vh_shadow_page *p, struct list_head *work)
{
	int level = SH_LEVEL(p->key.role), i;

	for (i = 0; i < SH_ENTRIES && level > 1; i++) {
		u64 e;

		if (!sh_has(p->filled, i))
			continue;
		e = READ_ONCE(p->spt[i]);
		if ((e & SH_PTE_PRESENT) && !sh_leaf(e, level))
			mark(sh_child(e), work);
	}
}

/* mmu.lock held. The @keep roots used last. */
static void mark_roots(struct vh_shadow *sh, unsigned int keep, struct list_head *work)
{
	unsigned int i;

	while (keep--) {
		struct vh_shadow_root *last = NULL;

		for (i = 0; i < SH_ROOTS; i++) {
			struct vh_shadow_root *r = &sh->roots[i];

			if (r->page && !r->page->marked && (!last || r->used > last->used))
				last = r;
		}
		if (last)
			mark(last->page, work);
	}
}

/* A part of what is to be done with mmu.lock held; true: there is more. */
typedef bool (*part_fn)(struct vh_shadow *sh, void *arg);

/* All parts. False: all tables were forgotten meanwhile. */
static bool in_parts(struct vh_shadow *sh, unsigned long gen, part_fn fn, void *arg)
{
	struct vh_mmu *mmu = sh->vcpu->vm->mmu;
	bool more, same;

	do {
		vh_mmu_lock(mmu);
		same = sh->forgotten == gen;
		more = same && fn(sh, arg);
		vh_mmu_unlock(mmu);
		cond_resched();
	} while (more);
	return same;
}

static bool mark_part(struct vh_shadow *sh, void *arg)
{
	struct list_head *work = arg;
	struct vh_shadow_page *p;
	unsigned int i;

	for (i = 0; i < SH_BATCH && !list_empty(work); i++) {
		p = list_first_entry(work, struct vh_shadow_page, work);
		list_del(&p->work);
		mark_children(p, work);
	}
	return !list_empty(work);
}

static bool drop_roots(struct vh_shadow *sh, void *arg)
{
	unsigned int i;

	for (i = 0; i < SH_ROOTS; i++) {
		struct vh_shadow_root *r = &sh->roots[i];

		if (!r->page || r->page->marked)
			continue;
		if (sh->cur == r)
			sh->cur = NULL;
		r->page = NULL;
	}
	for (i = 0; i < SH_ROOTS; i++)
		if (sh->pdpt_page[i])
			sh->pdpt_page[i]->marked = false;
	/* Tables that lists name are about to go. */
	sh->unlisted = true;
	vh_tag_changed_own(VH_TAG_OF(sh->vcpu));
	vh_request(sh->vcpu, VH_REQ_MMU);
	return false;
}

/* @arg: how many tables are still to be looked at; those that stay go to the end. */
static bool sweep_part(struct vh_shadow *sh, void *arg)
{
	unsigned long *left = arg;
	struct vh_shadow_page *p;
	unsigned int i;

	for (i = 0; i < SH_BATCH && *left; i++, --*left) {
		p = list_first_entry(&sh->tables, struct vh_shadow_page, node);
		if (p->marked) {
			p->marked = false;
			list_move_tail(&p->node, &sh->tables);
			continue;
		}
		hlist_del(&p->hash);
		list_move_tail(&p->node, &sh->dying);
		sh->nr_pages--;
	}
	return *left;
}

/**
 * vh_shadow_collect - what only roots lead to that were not used lately goes
 * @sh: the vCPU's
 * @keep: so many roots, the last used, stay
 *
 * Own thread, process context, no lock held.
 */
void vh_shadow_collect(struct vh_shadow *sh, unsigned int keep)
{
	struct vh_mmu *mmu = sh->vcpu->vm->mmu;
	unsigned long gen, left;
	LIST_HEAD(work);

	read_lock(&mmu->lock);
	gen = sh->forgotten;
	left = sh->nr_pages;
	mark_roots(sh, keep, &work);
	read_unlock(&mmu->lock);
	/* Otherwise nothing is left that is marked, or on @work. */
	if (in_parts(sh, gen, mark_part, &work) && in_parts(sh, gen, drop_roots, NULL))
		in_parts(sh, gen, sweep_part, &left);
	vh_shadow_rmap_rebuild(sh);
}

/* mmu.lock held for writing. Has the vCPU not been in the guest since this was last asked? */
static bool idle(struct vh_shadow *sh)
{
	s64 ticks = READ_ONCE(sh->vcpu->guest_tsc);	/* negative: it is there */
	bool same = ticks == sh->ticks && ticks >= 0;

	sh->ticks = ticks;
	return same;
}

/**
 * vh_shadow_reclaim - vh_mmu_reclaim() of shadow tables
 * @vm: the VM
 * @want: how many pages; a vCPU's tables go all at once
 * @force: also those of a vCPU that runs
 * @more: set when not all of that vCPU's are freed yet
 */
unsigned long vh_shadow_reclaim(struct vh_vm *vm, unsigned long want, bool force, bool *more)
{
	struct vh_mmu *mmu = vm->mmu;
	struct vh_shadow *sh, *from = NULL;
	unsigned long n = 0;

	*more = false;
	vh_mmu_lock(mmu);
	list_for_each_entry(sh, &mmu->shadows, node) {
		if (!list_empty(&sh->dying)) {
			from = sh;
			break;
		}
		if ((idle(sh) || force) && sh->nr_pages && (!from || sh->nr_pages > from->nr_pages))
			from = sh;
	}
	if (from) {
		if (list_empty(&from->dying)) {
			/* Nobody looks at tables without the lock after this. */
			vh_vm_request_sync(vm, VH_REQ_MMU);
			vh_shadow_detach(from);
		}
		n = bury(from);
		*more = !list_empty(&from->dying);
	}
	vh_mmu_unlock(mmu);
	return n;
}
