// SPDX-License-Identifier: GPL-2.0-only
/*
 * shadow.c - a vCPU's shadow tables: life cycle and the roots.
 */
#include <linux/hash.h>
#include <linux/slab.h>
#include <asm/processor-flags.h>

#include "shadow.h"

static struct kmem_cache *page_cache;

/* --- tables --- */

static u32 hash_of(const struct vh_shadow_key *key)
{
	return hash_64(key->gfn ^ key->va ^ (u64)key->role << 40, SH_HASH_BITS);
}

/**
 * vh_shadow_find - the table that shadows the same, if there is one
 * @sh: the vCPU's
 * @key: gfn, va, role, large
 *
 * Own thread, mmu.lock held for reading.
 */
struct vh_shadow_page *vh_shadow_find(struct vh_shadow *sh, const struct vh_shadow_key *key)
{
	struct vh_shadow_page *p;

	hlist_for_each_entry(p, &sh->hash[hash_of(key)], hash)
		if (sh_same_key(&p->key, key))
			return p;
	return NULL;
}

/**
 * vh_shadow_new - an empty table
 * @sh: the vCPU's
 * @key: gfn, va, role, large
 * @spt: NULL, or where the entries are
 *
 * Own thread, mmu.lock held for reading. NULL: vh_shadow_prepare() first.
 */
struct vh_shadow_page *vh_shadow_new(struct vh_shadow *sh, const struct vh_shadow_key *key,
				     u64 *spt)
{
	int level = SH_LEVEL(key->role);
	bool mirror = !spt && !(key->role & SH_DIRECT);
	struct vh_shadow_page *p;

	if (!sh->spares || sh->spare_tables < 2)
		return NULL;
	p = sh->spare[--sh->spares];
	p->key = *key;
	if (SH_MODE(p->key.role) == SH_32)
		p->offset = level == 2 ? (p->key.va >> 30) * 1024 : ((p->key.va >> 21) & 1) * 2048;
	p->spt = spt ? spt : sh->spare_table[--sh->spare_tables];
	if (!spt)
		set_page_private(virt_to_page(p->spt), (unsigned long)p);
	if (mirror)
		p->gpte = sh->spare_table[--sh->spare_tables];
	if (!spt) {
		hlist_add_head(&p->hash, &sh->hash[hash_of(key)]);
		list_add_tail(&p->node, &sh->tables);
		sh->nr_pages++;
	}
	return p;
}

/* The tables of a PAE walk's root are all in one page. */
static bool is_pdpt(const struct vh_shadow_page *p)
{
	return SH_LEVEL(p->key.role) == 3 && SH_MODE(p->key.role) != SH_LONG;
}

/**
 * vh_shadow_page_free - a table goes
 * @p: in no list; nothing leads to it
 *
 * Who goes through all tables holds mmu.lock: held for writing, or none is left that could.
 */
void vh_shadow_page_free(struct vh_shadow_page *p)
{
	struct vh_vm *vm = p->sh->vcpu->vm;

	vh_tag_promised(VH_TAG_OF(p->sh->vcpu));
	xa_erase(&p->sh->pages, p->id);
	if (p->spt && !is_pdpt(p)) {
		set_page_private(virt_to_page(p->spt), 0);
		vh_table_free(vm, p->spt);
	}
	if (p->gpte)
		vh_table_free(vm, p->gpte);
	kmem_cache_free(page_cache, p);
}

static struct vh_shadow_page *page_alloc(struct vh_shadow *sh)
{
	struct vh_shadow_page *p = kmem_cache_zalloc(page_cache, GFP_KERNEL_ACCOUNT);

	if (p && xa_alloc(&sh->pages, &p->id, p, XA_LIMIT(0, (1 << 22) - 1), GFP_KERNEL_ACCOUNT)) {
		kmem_cache_free(page_cache, p);
		return NULL;
	}
	if (p)
		p->sh = sh;
	return p;
}

/* How many tables this vCPU may have. */
static unsigned long pages_max(struct vh_vm *vm)
{
	return clamp(READ_ONCE(vm->mmu->pages[0]) / SH_PAGES_SHARE, SH_PAGES_MIN, SH_PAGES_MAX);
}

/**
 * vh_shadow_prepare - what a fault may need, allocated beforehand
 * @sh: the vCPU's
 *
 * Own thread, process context, no lock held. Makes room when the vCPU has its
 * fill of tables. -ENOMEM.
 */
int vh_shadow_prepare(struct vh_shadow *sh)
{
	struct vh_vm *vm = sh->vcpu->vm;
	unsigned long max;

	if (unlikely(sh->nr_pages >= SH_PAGES_MIN)) {
		max = pages_max(vm);
		if (sh->nr_pages >= max) {
			vh_shadow_collect(sh, 4);
			if (sh->nr_pages > max - max / 4)
				vh_shadow_forget(sh->vcpu);
		}
	}
	while (sh->spares < ARRAY_SIZE(sh->spare)) {
		struct vh_shadow_page *p = page_alloc(sh);

		if (!p)
			return -ENOMEM;
		sh->spare[sh->spares++] = p;
	}
	while (sh->spare_tables < ARRAY_SIZE(sh->spare_table)) {
		void *table = vh_table_alloc(vm);

		/* The last that may help: this vCPU's own. */
		if (!table) {
			vh_shadow_forget(sh->vcpu);
			table = vh_table_alloc(vm);
		}
		if (!table)
			return -ENOMEM;
		sh->spare_table[sh->spare_tables++] = table;
	}
	if (unlikely(sh->unlisted))
		vh_shadow_rmap_rebuild(sh);
	return vh_shadow_rmap_grow(sh);
}

/* --- roots --- */

static u32 role_of(u64 cr0, u64 cr4, u64 efer)
{
	u32 role = SH_RIGHTS;

	if (!(cr0 & X86_CR0_PG))
		return role | SH_NONE | SH_DIRECT | 3;
	if (!(cr0 & X86_CR0_WP))
		role |= SH_WP0 | (cr4 & X86_CR4_SMEP ? SH_SMEP : 0) |
			(cr4 & (X86_CR4_SMAP | X86_CR4_PKE) ? SH_STRICT : 0);
	if (!(cr4 & X86_CR4_PAE))
		return role | SH_32 | (cr4 & X86_CR4_PSE ? SH_PSE : 0) | 3;
	if (efer & EFER_NX)
		role |= SH_NXE;
	if (!(efer & EFER_LMA))
		return role | SH_PAE | 3;
	return role | SH_LONG | (cr4 & X86_CR4_LA57 ? 5 : 4);
}

/* What of CR3 the tables depend on, and VH_SPACE; @pcid: what of it tags translations. */
static u64 cr3_of(const struct vh_vcpu *vcpu, u64 cr3, u32 role, u16 *pcid)
{
	const struct vh_cpu_state *s = &vcpu->s;

	*pcid = 0;
	switch (SH_MODE(role)) {
	case SH_32:
		return (cr3 & 0xfffff000) | vcpu->space;
	case SH_PAE:
		return (cr3 & 0xffffffe0) | vcpu->space;
	case SH_LONG:
		if (s->cr4 & X86_CR4_PCIDE)
			*pcid = cr3 & 0xfff;
		return (cr3 & SH_PTE_ADDR) | vcpu->space;
	}
	return vcpu->space;
}

static struct vh_shadow_root *root_find(struct vh_shadow *sh, u64 cr3, u16 pcid, u32 role)
{
	const u64 *pdptr = sh->vcpu->s.pdptr;
	unsigned int i;

	for (i = 0; i < sh->nr_roots; i++) {
		struct vh_shadow_root *r = &sh->roots[i];

		if (r->cr3 == cr3 && r->role == role && r->pcid == pcid && r->page &&
		    (SH_MODE(role) != SH_PAE || !memcmp(r->pdptr, pdptr, sizeof(r->pdptr))))
			return r;
	}
	return NULL;
}

static struct vh_shadow_page *root_page(struct vh_shadow *sh, unsigned int slot,
					const struct vh_shadow_key *key)
{
	struct vh_shadow_page *p;

	if (SH_MODE(key->role) == SH_LONG) {
		p = vh_shadow_find(sh, key);
		return p ? p : vh_shadow_new(sh, key, NULL);
	}
	p = sh->pdpt_page[slot];
	if (!p)
		p = sh->pdpt_page[slot] = vh_shadow_new(sh, key, sh->pdpt + slot * 4);
	if (p) {
		p->key.role = key->role;
		memset(p->spt, 0, 4 * sizeof(u64));
		vh_tag_changed_own(VH_TAG_OF(sh->vcpu));
		p->words = 0;
		p->is_local = false;
		memset(p->filled, 0, sizeof(p->filled));
		memset(p->local, 0, sizeof(p->local));
	}
	return p;
}

static struct vh_shadow_root *root_new(struct vh_shadow *sh, u64 cr3, u16 pcid, u32 role)
{
	const struct vh_shadow_key key = { .gfn = cr3 >> PAGE_SHIFT, .role = role };
	struct vh_shadow_root *r = &sh->roots[0];
	struct vh_shadow_page *p;
	unsigned int i;

	for (i = 0; i < SH_ROOTS && r->page; i++)
		if (!sh->roots[i].page || sh->roots[i].used < r->used)
			r = &sh->roots[i];
	r->page = NULL;
	p = root_page(sh, r - sh->roots, &key);
	if (!p)
		return NULL;
	/* The table may have been a root before, and what is under it has not been told what changed. */
	*r = (struct vh_shadow_root){ .page = p, .cr3 = cr3, .pcid = pcid, .role = role,
				      .stale = SH_STALE_ALL };
	memcpy(r->pdptr, sh->vcpu->s.pdptr, sizeof(r->pdptr));
	sh->nr_roots = max_t(unsigned int, sh->nr_roots, r - sh->roots + 1);
	return r;
}

/* False: there is more to compare than one batch. */
static bool root_use(struct vh_shadow *sh, struct vh_shadow_root *r)
{
	/* What is compared loses entries. (A table that step_down() compares is linked nowhere.) */
	vh_tag_changed_own(VH_TAG_OF(sh->vcpu));
	if (r->stale && !vh_shadow_compare(sh, r->page, r->stale == SH_STALE_ALL)) {
		r->large = true;
		return false;
	}
	r->stale = 0;
	r->used = ++sh->clock;
	sh->cur = r;
	return true;
}

/**
 * vh_shadow_load - the root for the guest's paging as it is now (VH_REQ_MMU)
 * @vcpu: the vCPU
 *
 * Own thread, process context. -ENOMEM.
 */
int vh_shadow_load(struct vh_vcpu *vcpu)
{
	struct vh_mmu *mmu = vcpu->vm->mmu;
	struct vh_shadow *sh = vcpu->shadow;
	struct vh_cpu_state *s = &vcpu->s;
	struct vh_shadow_root *r;
	bool first, done = false;
	u32 role;
	u16 pcid;
	u64 cr3;
	int err = vh_shadow_prepare(sh);

	if (err)
		return err;
	vh_need(vcpu, VH_S_CR0 | VH_S_CR3 | VH_S_CR4 | VH_S_EFER);
	role = role_of(s->cr0, s->cr4, s->efer);
	cr3 = cr3_of(vcpu, s->cr3, role, &pcid);
	sh->unfinished = NULL;
	for (first = true; !done; cond_resched()) {
		read_lock(&mmu->lock);
		/* Somebody may have taken all tables back; or, between two batches, the root. */
		if (unlikely(sh->unlisted)) {
			read_unlock(&mmu->lock);
			err = vh_shadow_prepare(sh);
			if (err)
				return err;
			continue;
		}
		r = root_find(sh, cr3, pcid, role);
		if (!r)
			r = root_new(sh, cr3, pcid, role);
		if (r) {
			if (first)
				r->large = false;
			first = false;
			done = root_use(sh, r);
		}
		read_unlock(&mmu->lock);
		if (!r)
			return -ENOMEM;
	}
	vh_dirty(vcpu, VH_S_CR3);
	vh_request(vcpu, VH_REQ_TLB_FLUSH_GUEST);
	return 0;
}

/**
 * vh_shadow_switch - another root for new control registers, if it is at hand
 * @vcpu: the vCPU
 * @cr0: new value, of which WP may have changed
 * @cr3: new value
 * @flush: what the guest's processor would flush, it would flush here too
 *
 * In the window. False: go the long way, nothing is different for the guest. Else the hardware's
 * CR3 is to be written and its own TLB flushed. What paging looks at is always
 * up to date in memory, for its bits of CR0 and CR4 are vh's.
 */
bool vh_shadow_switch(struct vh_vcpu *vcpu, u64 cr0, u64 cr3, bool flush)
{
	struct vh_shadow *sh = vcpu->shadow;
	struct vh_cpu_state *s = &vcpu->s;
	u32 role = role_of(cr0, s->cr4, s->efer);
	struct vh_shadow_root *r;
	u16 pcid;
	u64 base;

	/* MOV CR3 loads the PDPTEs. */
	if (SH_MODE(role) == SH_PAE && (flush || cr3 != s->cr3))
		return false;
	base = cr3_of(vcpu, cr3, role, &pcid);
	r = root_find(sh, base, pcid, role);
	if (!r || (READ_ONCE(vcpu->requests) & BIT(VH_REQ_MMU)))
		return false;
	if (flush)
		vh_shadow_flush(sh, VH_FLUSH_PCID, pcid);
	sh->unfinished = NULL;
	if ((r->stale && r->large) || !root_use(sh, r))
		return false;
	s->cr3 = cr3;
	vcpu->valid |= VH_S_CR3;
	return true;
}

/**
 * vh_shadow_hw_cr3 - what the hardware's CR3 has to be
 * @vcpu: the vCPU
 *
 * In the window, with VH_REQ_MMU honoured.
 */
u64 vh_shadow_hw_cr3(struct vh_vcpu *vcpu)
{
	const struct vh_shadow_root *r = vcpu->shadow->cur;

	return r ? __pa(r->page->spt) : __pa(vcpu->shadow->pdpt);
}

/* --- life cycle --- */

/**
 * vh_shadow_create - a new vCPU's, without tables
 * @vcpu: the vCPU
 *
 * Process context. -ENOMEM.
 */
int vh_shadow_create(struct vh_vcpu *vcpu)
{
	struct vh_shadow *sh = kzalloc(sizeof(*sh), GFP_KERNEL_ACCOUNT);

	if (!sh)
		return -ENOMEM;
	sh->vcpu = vcpu;
	INIT_LIST_HEAD(&sh->node);
	hash_init(sh->hash);
	INIT_LIST_HEAD(&sh->tables);
	INIT_LIST_HEAD(&sh->dying);
	xa_init_flags(&sh->pages, XA_FLAGS_ALLOC);
	/* SDM 4.4.1: CR3 has 32 bits then, and PDPTEs are 32 bytes. */
	sh->pdpt = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT | GFP_DMA32);
	vcpu->shadow = sh;
	if (!sh->pdpt || vh_shadow_rmap_init(sh))
		return -ENOMEM;
	vh_mmu_lock(vcpu->vm->mmu);
	/* In the order of vCPUs (struct vh_zap). */
	list_add_tail(&sh->node, &vcpu->vm->mmu->shadows);
	vh_mmu_unlock(vcpu->vm->mmu);
	sh->spurious = ~0ULL;
	vh_request(vcpu, VH_REQ_MMU);
	return 0;
}

/**
 * vh_shadow_destroy - free it
 * @vcpu: the vCPU; it never runs again
 */
void vh_shadow_destroy(struct vh_vcpu *vcpu)
{
	struct vh_shadow *sh = vcpu->shadow;
	unsigned int i;

	if (!sh)
		return;
	vh_shadow_forget(sh->vcpu);
	vh_mmu_lock(vcpu->vm->mmu);
	list_del(&sh->node);
	vh_mmu_unlock(vcpu->vm->mmu);
	for (i = 0; i < SH_ROOTS; i++)
		if (sh->pdpt_page[i])
			vh_shadow_page_free(sh->pdpt_page[i]);
	while (sh->spares)
		vh_shadow_page_free(sh->spare[--sh->spares]);
	while (sh->spare_tables)
		vh_table_free(vcpu->vm, sh->spare_table[--sh->spare_tables]);
	free_page((unsigned long)sh->pdpt);
	kvfree(sh->bucket);
	xa_destroy(&sh->pages);
	kfree(sh);
	vcpu->shadow = NULL;
}

int vh_shadow_module_init(void)
{
	page_cache = KMEM_CACHE(vh_shadow_page, SLAB_ACCOUNT);
	return page_cache ? 0 : -ENOMEM;
}

void vh_shadow_module_exit(void)
{
	kmem_cache_destroy(page_cache);
}
