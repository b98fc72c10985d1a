// SPDX-License-Identifier: GPL-2.0-only
/*
 * shadow_fault.c - #PF without EPT: the guest's own fault, or one of the shadow.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <asm/processor-flags.h>

#include "shadow.h"

/* Entries that a fault in a large page fills, if the host has the pages at hand. */
#define AROUND		8

#define FAULT_SAME	(VH_FAULT_LATER + 1)	/* the entry is there already; none of VH_FAULT_* */

#define CODE_W	BIT(1)
#define CODE_U	BIT(2)
#define CODE_I	BIT(4)

/*
 * How a fault is dealt with: in the window nothing may sleep, and what would
 * have to is left to the slow path.
 */
struct how {
	struct vh_vcpu *vcpu;
	struct vh_vm *vm;
	bool window;
	bool again;			/* the first try met what has to be brought in */
	u32 nowait;			/* VH_ACC_NOWAIT, or 0 */
	u64 space;			/* vcpu->space, or what is read has it already */
	const struct vh_slots *slots;	/* inside vh_slots_enter() */
	const struct vh_slot *last;	/* found last, likewise */
	struct vh_slot_found *found;	/* out of the window */
};

/* Inside vh_slots_enter(). */
static const struct vh_slot *slot_find(struct how *how, gfn_t gfn)
{
	if (!how->last || !vh_slot_holds(how->last, gfn))
		how->last = vh_slot_find(how->slots, gfn);
	return how->last;
}

/* Inside vh_slots_enter(): what does not sleep. */
static int try_read(void *ctx, gpa_t gpa, void *buf, unsigned int len)
{
	struct how *how = ctx;
	const struct vh_slot *slot = slot_find(how, (gpa |= how->space) >> PAGE_SHIFT);
	const void __user *at;
	int err;

	if (!slot)
		return -ENXIO;
	at = (void __user *)(vh_slot_hva(slot, gpa >> PAGE_SHIFT) + offset_in_page(gpa));
	pagefault_disable();
	if (len == 8)
		err = __get_user(*(u64 *)buf, (const u64 __user *)at);
	else
		err = __get_user(*(u32 *)buf, (const u32 __user *)at);
	pagefault_enable();
	if (unlikely(err))
		how->again = true;
	return err;
}

static int try_exchange(void *ctx, gpa_t gpa, u64 *old, u64 new, unsigned int len)
{
	struct how *how = ctx;
	const struct vh_slot *slot = slot_find(how, (gpa |= how->space) >> PAGE_SHIFT);
	int err = slot ? vh_slot_cmpxchg(how->vcpu, slot, gpa, old, new, len) : -EFAULT;

	how->again |= err == VH_BRING_IN;
	return err;
}

static int walk_read(void *ctx, gpa_t gpa, void *buf, unsigned int len)
{
	struct how *how = ctx;

	return vh_gpa_read(how->vcpu, gpa, buf, len);
}

static int walk_cmpxchg(void *ctx, gpa_t gpa, u64 *old, u64 new, unsigned int len)
{
	struct how *how = ctx;

	return vh_gpa_cmpxchg(how->vcpu, gpa, old, new, len);
}

/* Out of the window: what the first try would have to wait for, the second does without it. */
static noinline int walk_slow(struct how *how, const struct vh_paging *p, u64 va, u32 access,
			      struct vh_walk *w)
{
	const struct vh_walk_mem try = { try_read, try_exchange, how };
	const struct vh_walk_mem wait = { walk_read, walk_cmpxchg, how };
	int err, idx = vh_slots_enter(how->vm);

	how->slots = vh_slots(how->vm);
	err = vh_walk_paging(p, &try, va, access, true, w);
	how->last = NULL;
	vh_slots_leave(how->vm, idx);
	return how->again ? vh_walk_paging(p, &wait, va, access, true, w) : err;
}

/* Are the accessed and dirty bits that this access sets all there? */
static bool bits_set(const struct vh_walk *w, u32 access)
{
	unsigned int i;

	for (i = 0; i < w->steps; i++)
		if (!(w->step[i].entry & SH_PTE_ACCESSED))
			return false;
	return w->dirty || !(access & VH_ACC_WRITE);
}

static u32 access_of(struct vh_vcpu *vcpu, u32 error)
{
	u32 access = error & CODE_W ? VH_ACC_WRITE : error & CODE_I ? VH_ACC_EXEC : VH_ACC_READ;

	if (error & CODE_U)
		access |= VH_ACC_USER;
	else if ((vcpu->s.cr4 & X86_CR4_SMAP) && vcpu->s.seg[VH_SS].dpl == 3)
		access |= VH_ACC_IMPLICIT;	/* user code that loads a segment, say */
	return access;
}

/* Rights of a guest entry, as SH_*. */
static u32 entry_rights(u64 e, u32 role)
{
	u32 rights = SH_EXEC;

	if (e & SH_PTE_WRITE)
		rights |= SH_WRITE;
	if (e & SH_PTE_USER)
		rights |= SH_USER;
	if ((role & SH_NXE) && (e & SH_PTE_NX))
		rights &= ~SH_EXEC;
	return rights;
}

/* A walk of the shadow, from the root to where the leaf goes. */
struct way {
	struct vh_shadow_page *page[6];	/* by level */
	unsigned int index[6];
	int top, level;			/* level: of the leaf */
	bool local;			/* the way leads to translations that are not global */
	bool flush;			/* the hardware may know what was there before */
	bool linked;			/* a table was linked in: the leaf may be as it was */
};

/*
 * A table under the current root that is one of several roots' now leads to
 * non-global translations: each root has to know. Rare, so no parent is kept.
 */
static void all_local(struct vh_shadow *sh)
{
	struct vh_shadow_page *p;
	unsigned int b;
	int i;

	hash_for_each(sh->hash, b, p, hash) {
		if (SH_LEVEL(p->key.role) > 1) {
			memcpy(p->local, p->filled, sizeof(p->local));
			p->is_local = p->words;
		}
	}
	for (i = 0; i < SH_ROOTS; i++) {
		p = sh->pdpt_page[i];
		if (p) {
			memcpy(p->local, p->filled, sizeof(p->local));
			p->is_local = p->words;
		}
	}
}

static void path_local(struct vh_shadow *sh, const struct way *way)
{
	bool shared = false;
	int l;

	for (l = way->level; l <= way->top; l++) {
		struct vh_shadow_page *p = way->page[l];

		if (sh_has(p->local, way->index[l]))
			continue;
		if (p->links > 1 && !p->is_local)
			shared = true;
		sh_set_local(p, way->index[l]);
	}
	if (shared)
		all_local(sh);
}

/* What the entry at @i of @p was made of changes: it leaves the reverse map first. */
static void entry_replaced(struct vh_shadow *sh, struct vh_shadow_page *p, unsigned int i)
{
	if (p->next[i])
		vh_shadow_rmap_del(sh, p, i);
}

/*
 * The table that the entry at @i of @p has to lead to; linked in. NULL: allocate first, or
 * go on comparing (sh->unfinished).
 */
static struct vh_shadow_page *step_down(struct vh_shadow *sh, struct vh_shadow_page *p,
					unsigned int i, const struct vh_shadow_key *key,
					struct way *way)
{
	u64 e = READ_ONCE(p->spt[i]), link;
	int level = SH_LEVEL(p->key.role);
	struct vh_shadow_page *child;

	if ((e & SH_PTE_PRESENT) && !sh_leaf(e, level)) {
		child = sh_child(e);
		if (sh_same_key(&child->key, key))
			return child;
	}
	if (e & SH_PTE_PRESENT)
		way->flush = true;
	child = vh_shadow_find(sh, key);
	if (child) {
		/* INVLPG did not reach it while it was linked nowhere. */
		if (!vh_shadow_compare(sh, child, true))
			return NULL;
		way->local |= child->is_local;
	} else {
		child = vh_shadow_new(sh, key, NULL);
		if (!child)
			return NULL;
	}
	child->links++;
	link = __pa(child->spt) | SH_PTE_PRESENT;
	/* PDPTEs of a PAE walk have no rights (SDM 4.4.1). */
	if (level != 3 || SH_MODE(p->key.role) == SH_LONG)
		link |= SH_PTE_WRITE | SH_PTE_USER | SH_PTE_ACCESSED;
	entry_replaced(sh, p, i);
	sh_fill(p, i, link);
	way->linked = true;
	return child;
}

/* From the current root to the table of the leaf. -ENOMEM: as for step_down(). */
static int walk_down(struct vh_shadow *sh, u64 va, const struct vh_walk *w, int leaf_level,
		     struct way *way)
{
	struct vh_shadow_page *p = sh->cur->page;
	u32 kept = p->key.role & (SH_MODE_MASK | SH_WP0 | SH_NXE | SH_PSE | SH_SMEP |
				    SH_STRICT);
	u32 rights = SH_RIGHTS;
	unsigned int step = 0;
	int level = SH_LEVEL(p->key.role);

	way->top = level;
	for (;; level--) {
		unsigned int i = sh_index(va, level);
		struct vh_shadow_key key = {};
		u64 e = 0;

		way->page[level] = p;
		way->index[level] = i;
		if (p->gpte) {
			e = w->step[step++].entry;
			rights &= entry_rights(e, p->key.role);
		}
		if (level == leaf_level)
			break;
		key.va = va & ~((1ULL << sh_shift(level)) - 1);
		key.role = kept | rights | (level - 1);
		if (step < w->steps) {
			key.gfn = vh_space_gfn(sh->vcpu, w->step[step].at >> PAGE_SHIFT);
		} else {
			/* Pieces of a large page. */
			key.role |= SH_DIRECT;
			key.gfn = (w->gpa >> PAGE_SHIFT) & ~((1ULL << (9 * (level - 1))) - 1);
			key.large = (p->key.role & SH_DIRECT) || !p->gpte ? p->key.large : e;
		}
		p = step_down(sh, way->page[level], i, &key, way);
		if (!p)
			return -ENOMEM;
		if (way->page[level]->gpte)
			way->page[level]->gpte[i] = e;
	}
	way->level = level;
	return 0;
}

/*
 * mmu.lock held for reading, the page is not stale. 0, FAULT_SAME, or -ENOMEM:
 * as for step_down().
 */
static int install(struct vh_shadow *sh, u64 va, const struct vh_walk *w,
		   const struct vh_shadow_host *h, u32 access, struct way *way)
{
	struct vh_shadow_page *p;
	unsigned int i;
	u64 e, old;
	int err = walk_down(sh, va, w, h->level, way);

	if (err)
		return err;
	p = way->page[way->level];
	i = way->index[way->level];
	e = vh_shadow_leaf(w, h, p->key.role, access);
	old = READ_ONCE(p->spt[i]);
	if (p->gpte) {
		u64 guest = w->step[w->steps - 1].entry;

		if ((p->gpte[i] ^ guest) & ~(SH_PTE_ACCESSED | SH_PTE_DIRTY))
			entry_replaced(sh, p, i);
		p->gpte[i] = guest;
	}
	if (old == e)
		return way->linked ? 0 : FAULT_SAME;
	/* More rights take effect without a flush (SDM 4.10.4.3). */
	if ((old & SH_PTE_PRESENT) &&
	    (((old ^ e) & (SH_PTE_ADDR | SH_PTE_LARGE)) || (old & ~e & (SH_PTE_WRITE | SH_PTE_USER)) ||
	     (e & ~old & SH_PTE_NX)))
		way->flush = true;
	sh_fill(p, i, e);
	if (!p->next[i])
		vh_shadow_rmap_add(sh, p, i);
	return 0;
}

/* A neighbour of a leaf that was just installed: what to make of it. */
struct neighbour {
	const struct vh_walk *w;	/* of which the rights count */
	struct vh_walk own;		/* where @w points when it has rights of its own */
	u64 guest;			/* the guest's entry */
	unsigned long hva;		/* 0: leave it alone */
};

/* Bits that are reserved in a present entry of a page table. */
static u64 reserved(const struct vh_vcpu *vcpu, u32 role)
{
	u64 r = GENMASK_ULL(51, 0) & ~GENMASK_ULL(vcpu->maxphyaddr - 1, 0);

	if (SH_MODE(role) == SH_32)
		return 0;
	if (SH_MODE(role) == SH_PAE)
		r |= GENMASK_ULL(62, 52);
	return role & SH_NXE ? r : r | SH_PTE_NX;
}

/*
 * The processor may cache what has its accessed bit set without being asked
 * (SDM 4.10.2.3). Of the group around entry @first those are taken that could
 * be translated just like the one that faulted.
 */
static void look_around(const struct vh_vcpu *vcpu, const struct way *way,
			const struct vh_walk *w, unsigned int first, struct neighbour *n,
			const struct how *how)
{
	const struct vh_shadow_page *p = way->page[1];
	const bool is_32 = SH_MODE(p->key.role) == SH_32;
	const u64 bad = reserved(vcpu, p->key.role);
	/* mmu.lock is held. */
	const struct vh_slots *slots = vh_slots(how->vm);
	struct how peek;
	const struct vh_slot *slot = NULL;
	unsigned int i;
	u32 rights;
	u64 e;

	if (!(p->key.role & SH_DIRECT))
		peek = (struct how){ .vm = how->vm, .slots = slots };
	for (i = 0; i < AROUND; i++) {
		gfn_t gfn;

		n[i].hva = 0;
		if (READ_ONCE(p->spt[first + i]) & SH_PTE_PRESENT)
			continue;
		if (p->key.role & SH_DIRECT) {
			n[i].w = w;
			gfn = p->key.gfn + first + i;
		} else {
			e = 0;
			if (try_read(&peek, (p->key.gfn << PAGE_SHIFT) + p->offset +
				      sh_guest_offset(p, first + i), &e, is_32 ? 4 : 8))
				return;
			if ((e & (SH_PTE_PRESENT | SH_PTE_ACCESSED)) !=
			    (SH_PTE_PRESENT | SH_PTE_ACCESSED) || (e & bad))
				continue;
			rights = entry_rights(e, p->key.role) & p->key.role;
			n[i].guest = e;
			n[i].w = &n[i].own;
			n[i].own.writable = rights & SH_WRITE;
			n[i].own.user = rights & SH_USER;
			n[i].own.nx = !(rights & SH_EXEC);
			n[i].own.dirty = e & SH_PTE_DIRTY;
			n[i].own.pkey = is_32 ? 0 : (e >> 59) & 15;
			n[i].own.global = (e & BIT_ULL(8)) && (vcpu->s.cr4 & X86_CR4_PGE);
			/* The tables above know whether they lead to local ones. */
			if (!n[i].own.global && !way->local)
				continue;
			gfn = (p->key.gfn & VH_SPACE_GFN) | (e & SH_PTE_ADDR) >> PAGE_SHIFT;
		}
		if (!slot || !vh_slot_holds(slot, gfn))
			slot = vh_slot_find(slots, gfn);
		if (slot && !slot->dirty && !(slot->flags & KVM_MEM_READONLY))
			n[i].hva = vh_slot_hva(slot, gfn);
	}
}

static void install_one(struct vh_shadow *sh, struct vh_shadow_page *p, unsigned int i,
			const struct neighbour *n, struct page *page, bool local)
{
	const struct vh_shadow_host h = { .pfn = page_to_pfn(page), .level = 1, .writable = true };

	if (!PageDirty(page))
		SetPageDirty(page);
	if (p->gpte) {
		if ((p->gpte[i] ^ n->guest) & SH_PTE_ADDR)
			entry_replaced(sh, p, i);
		p->gpte[i] = n->guest;
	}
	sh_fill(p, i, vh_shadow_leaf(n->w, &h, p->key.role, VH_ACC_READ));
	if (!p->next[i])
		vh_shadow_rmap_add(sh, p, i);
	if (local)
		sh_set_local(p, i);
}

/* Fill the group around a small leaf, with what the host has at hand. mmu.lock held. */
static void install_around(struct vh_shadow *sh, const struct way *way, const struct vh_walk *w,
			   const struct how *how)
{
	struct vh_shadow_page *p = way->page[1];
	unsigned int first = way->index[1] & ~(AROUND - 1), i, run;
	struct neighbour n[AROUND];
	struct page *pages[AROUND];
	int got, j;

	look_around(sh->vcpu, way, w, first, n, how);
	for (i = 0; i < AROUND; i += run) {
		run = 1;
		if (!n[i].hva)
			continue;
		while (i + run < AROUND && n[i + run].hva == n[i].hva + run * PAGE_SIZE)
			run++;
		got = get_user_pages_fast_only(n[i].hva, run, FOLL_WRITE, pages);
		for (j = 0; j < got; j++) {
			install_one(sh, p, first + i + j, &n[i + j], pages[j],
				    way->local && !n[i + j].w->global);
			put_page(pages[j]);
		}
	}
}

static int map(struct vh_vcpu *vcpu, u64 va, const struct vh_walk *w,
	       const struct vh_shadow_host *h, const struct vh_host_page *hp, u32 access,
	       const struct vh_slot *slot, const struct how *how)
{
	struct vh_mmu *mmu = vcpu->vm->mmu;
	struct vh_shadow *sh = vcpu->shadow;
	int err = VH_FAULT_RETRY;
	struct way way;

	/* Without CR4.PGE the G bit means nothing (SDM 4.10.2.4). */
	way.local = !w->global || !(vcpu->s.cr4 & X86_CR4_PGE);
	way.flush = false;
	way.linked = false;
	if (how->window) {
		/* Its writer may be waiting for this CPU. On PREEMPT_RT the lock may sleep. */
		if (IS_ENABLED(CONFIG_PREEMPT_RT) || !read_trylock(&mmu->lock))
			return -EAGAIN;
	} else {
		read_lock(&mmu->lock);
	}
	if (sh->cur && !(hp ? vh_host_page_stale(mmu, hp) :
			      !how->window && how->found->gen != mmu->slots_gen)) {
		err = install(sh, va, w, h, access, &way);
		if (err >= 0 && way.local)
			path_local(sh, &way);
		/* Before the lock is dropped: whoever takes the bit finds the page to protect. */
		if (err >= 0 && slot && (access & VH_ACC_WRITE))
			vh_slot_mark(vcpu, slot, w->gpa >> PAGE_SHIFT);
		if (!err && hp && way.level == 1 && !mmu->invalidating && !slot->dirty &&
		    !(way.page[1]->key.role & SH_WP0))
			install_around(sh, &way, w, how);
	}
	read_unlock(&mmu->lock);
	if (way.flush || err == FAULT_SAME)
		vh_request(vcpu, VH_REQ_TLB_FLUSH_GUEST);
	return err;
}

/* The largest entry for a page of the guest that the hardware has. */
static int level_max(const struct vh_vcpu *vcpu, const struct vh_walk *w)
{
	u64 guest_page = w->page_size;

	/* iTLB multihit: what may be executed is mapped by small entries (fault.c). */
	if (vh_ept_caps.nx_huge && !w->nx)
		return 1;
	/* The hardware's PDPTEs of a PAE walk map nothing. */
	if (guest_page >= 1ULL << 30 && (vcpu->s.efer & EFER_LMA) &&
	    boot_cpu_has(X86_FEATURE_GBPAGES))
		return 3;
	return guest_page >= 1ULL << 21 ? 2 : 1;
}

static int map_slot(struct vh_vcpu *vcpu, u64 va, const struct vh_walk *w, u32 access,
		    const struct vh_slot *slot, const struct how *how)
{
	bool write = access & VH_ACC_WRITE;
	struct vh_host_page hp __uninitialized;
	struct vh_shadow_host h;
	int err;

	if (how->window)
		err = vh_host_page_peek(vcpu, slot, w->gpa >> PAGE_SHIFT, write,
					level_max(vcpu, w), &hp);
	else
		err = vh_host_page_get(vcpu, how->found, w->gpa >> PAGE_SHIFT, access | how->nowait,
				       level_max(vcpu, w), &hp);
	if (err)
		return err;
	h.level = hp.level;
	h.pfn = hp.pfn & ~((1UL << (9 * (h.level - 1))) - 1);
	h.writable = hp.writable;
	h.cache = hp.cache;
	err = map(vcpu, va, w, &h, &hp, access, slot, how);
	if (!err && h.writable && hp.page && !PageDirty(hp.page))
		SetPageDirty(hp.page);
	vh_host_page_put(&hp);
	return err;
}

static int map_apic(struct vh_vcpu *vcpu, u64 va, const struct vh_walk *w, u32 access,
		    const struct how *how)
{
	const struct vh_shadow_host h = {
		.pfn = page_to_pfn(vcpu->vm->mmu->apic_page), .level = 1, .writable = true,
	};

	return map(vcpu, va, w, &h, NULL, access, NULL, how);
}

/*
 * The entry was there and the processor faults again. Once is its TLB's affair;
 * again means that it sees what no walk can: an implicit access under SMAP.
 */
static int spurious(struct vh_shadow *sh, u64 va)
{
	bool again = sh->spurious == va;

	sh->spurious = va;
	return again ? VH_FAULT_GUEST : 0;
}

/* What the walk led to, whatever it is. From here on w->gpa has VH_SPACE. */
static int map_gpa(struct vh_vcpu *vcpu, u64 va, struct vh_walk *w, u32 access,
		   struct how *how)
{
	gfn_t gfn = (w->gpa |= vcpu->space) >> PAGE_SHIFT;
	const struct vh_slot *slot;

	if (how->window)
		slot = slot_find(how, gfn);
	else
		slot = vh_slot_lookup(vcpu->vm, gfn, how->found) ? &how->found->s : NULL;
	if (!slot)
		return vh_mmu_is_apic(vcpu, gfn & ~VH_SPACE_GFN) ? map_apic(vcpu, va, w, access, how) :
						   VH_FAULT_MMIO;
	if ((access & VH_ACC_WRITE) && (slot->flags & KVM_MEM_READONLY))
		return VH_FAULT_MMIO;
	return map_slot(vcpu, va, w, access, slot, how);
}

/* As vh_shadow_fault(); in the window, inside vh_slots_enter(), -EAGAIN: the slow path. */
static int fault(struct vh_vcpu *vcpu, u64 va, u32 *error, struct how *how)
{
	const struct vh_walk_mem mem = { try_read, NULL, how };
	u32 access = access_of(vcpu, *error);
	struct vh_paging p;
	struct vh_walk w;
	int err;

	if (!(vcpu->s.cr0 & X86_CR0_PG)) {
		vh_walk_unpaged((u32)va, &w);
		return map_gpa(vcpu, va, &w, access, how);
	}
	vh_paging_in_memory(vcpu, &p);
	err = how->window ? vh_walk_paging(&p, &mem, va, access, false, &w) :
			    walk_slow(how, &p, va, access, &w);
	if (err == -EFAULT) {
		*error = w.error_code;
		return VH_FAULT_GUEST;
	}
	if (how->window && (err || !bits_set(&w, access)))
		return -EAGAIN;
	if (err == -EINTR)
		return err;
	if (err || !vh_shadow_can_map(&w, &p, access))
		return VH_FAULT_MMIO;
	return map_gpa(vcpu, va, &w, access, how);
}

/**
 * vh_shadow_fault - #PF of a guest on shadow tables
 * @vcpu: the vCPU
 * @va: faulting linear address
 * @error: the processor's error code; for VH_FAULT_GUEST the guest's
 * @nowait: VH_ACC_NOWAIT, or 0
 *
 * Own thread, process context, may sleep. Returns 0 (mapped), VH_FAULT_GUEST,
 * VH_FAULT_MMIO (interpret the instruction), VH_FAULT_RETRY, VH_FAULT_LATER, -EFAULT, -ENOMEM,
 * -EINTR. SDM Vol. 3, 4.6, 4.7.
 */
int vh_shadow_fault(struct vh_vcpu *vcpu, u64 va, u32 *error, u32 nowait)
{
	struct vh_slot_found found __uninitialized;
	struct how how = { .vcpu = vcpu, .vm = vcpu->vm, .space = vcpu->space, .found = &found, .nowait = nowait };
	struct vh_shadow *sh = vcpu->shadow;
	int err;

	vcpu->faults++;
	if (sh->device) {
		sh->device = false;
		return VH_FAULT_MMIO;
	}
	if (vcpu->s.cr4 & X86_CR4_SMAP)
		vh_need(vcpu, VH_S_RFLAGS | VH_S_SS);
	sh->unfinished = NULL;
	for (;;) {
		err = vh_shadow_prepare(sh);
		if (err)
			return err;
		err = fault(vcpu, va, error, &how);
		if (likely(err != -ENOMEM || !sh->unfinished))
			break;
		cond_resched();
		how.again = false;
	}
	if (unlikely(err == FAULT_SAME))
		return spurious(sh, va);
	sh->spurious = ~0ULL;
	return err;
}

/**
 * vh_shadow_device - did the window find no memory behind the #PF at hand?
 * @vcpu: the vCPU
 *
 * Own thread.
 */
bool vh_shadow_device(const struct vh_vcpu *vcpu)
{
	return vcpu->shadow && vcpu->shadow->device;
}

/**
 * vh_shadow_fault_fast - the same when nothing has to sleep
 * @vcpu: the vCPU; with CR4.SMAP RFLAGS and SS are valid
 * @va: faulting linear address
 * @error: as vh_shadow_fault()'s
 *
 * In the window. 0, VH_FAULT_GUEST, or anything else: nothing was done. What
 * paging looks at of CR0, CR3, CR4 and EFER is always up to date in memory.
 */
int vh_shadow_fault_fast(struct vh_vcpu *vcpu, u64 va, u32 *error)
{
	struct how how = { .vcpu = vcpu, .vm = vcpu->vm, .space = vcpu->space, .window = true };
	struct vh_shadow *sh = vcpu->shadow;
	int err, idx;

	/* PKRU is in the register, not in memory. */
	if (!vh_shadow_ready(sh) || (vcpu->s.cr4 & X86_CR4_PKE))
		return -EAGAIN;
	sh->unfinished = NULL;
	idx = vh_slots_enter_window(vcpu->vm);
	how.slots = vh_slots(vcpu->vm);
	err = fault(vcpu, va, error, &how);
	vh_slots_leave_window(vcpu->vm, idx);
	if (!err || err == VH_FAULT_GUEST) {
		sh->spurious = ~0ULL;
		vcpu->faults++;
	}
	sh->device = err == VH_FAULT_MMIO;
	return err;
}
