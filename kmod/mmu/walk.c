// SPDX-License-Identifier: GPL-2.0-only
/*
 * walk.c - the guest's page tables, walked as the processor does (SDM Vol. 3, chapter 4).
 *
 * Plain values in, plain values out: memory is reached through two callbacks.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/types.h>

#include "mmu.h"

#define CR0_WP		BIT_ULL(16)
#define CR0_PG		BIT_ULL(31)
#define CR4_PSE		BIT_ULL(4)
#define CR4_PAE		BIT_ULL(5)
#define CR4_LA57	BIT_ULL(12)
#define CR4_SMEP	BIT_ULL(20)
#define CR4_SMAP	BIT_ULL(21)
#define CR4_PKE		BIT_ULL(22)
#define EFER_LMA_	BIT_ULL(10)
#define EFER_NXE_	BIT_ULL(11)
#define RFLAGS_AC	BIT_ULL(18)

#define P_PRESENT	BIT_ULL(0)
#define P_WRITE		BIT_ULL(1)
#define P_USER		BIT_ULL(2)
#define P_ACCESSED	BIT_ULL(5)
#define P_DIRTY		BIT_ULL(6)
#define P_LARGE		BIT_ULL(7)
#define P_GLOBAL	BIT_ULL(8)
#define P_NX		BIT_ULL(63)

#define PF_P		BIT(0)
#define PF_W		BIT(1)
#define PF_U		BIT(2)
#define PF_RSVD		BIT(3)
#define PF_I		BIT(4)
#define PF_PK		BIT(5)

/* How the mode's tables look. */
struct mode {
	int levels;		/* 2, 3 (PAE: counts the PDPTEs), 4, 5 */
	unsigned int entry_size, index_bits;
	u64 reserved;		/* in every present entry */
};

static bool has_nx(const struct vh_paging *p)
{
	return (p->efer & EFER_NXE_) && (p->cr4 & CR4_PAE);
}

static struct mode mode_of(const struct vh_paging *p)
{
	struct mode m = { 2, 4, 10, 0 };

	if (!(p->cr4 & CR4_PAE))
		return m;
	m.entry_size = 8;
	m.index_bits = 9;
	m.reserved = GENMASK_ULL(51, 0) & ~GENMASK_ULL(p->maxphyaddr - 1, 0);
	if (!has_nx(p))
		m.reserved |= P_NX;
	if (p->efer & EFER_LMA_) {
		m.levels = p->cr4 & CR4_LA57 ? 5 : 4;
	} else {
		m.levels = 3;
		m.reserved |= GENMASK_ULL(62, 52);
	}
	return m;
}

static u64 page_size_at(const struct mode *m, int level)
{
	return 1ULL << (12 + (level - 1) * m->index_bits);
}

/* Does an entry at @level map a page? (level 1: always) */
static bool is_leaf(const struct vh_paging *p, const struct mode *m, int level, u64 e)
{
	if (level == 1)
		return true;
	if (!(e & P_LARGE))
		return false;
	if (level == 2)
		return m->levels > 2 || (p->cr4 & CR4_PSE);
	return level == 3 && m->levels > 3 && p->gbpages;
}

/* Reserved bits of a present entry (SDM 4.3, 4.4.2, 4.5.4). */
static u64 reserved_bits(const struct vh_paging *p, const struct mode *m, int level, u64 e,
			 bool leaf)
{
	u64 r = m->reserved;

	/* What depends on the level depends on bit 7, which is PAT in a page-table entry. */
	if (level == 1 || !(e & P_LARGE))
		return r;
	if (m->entry_size == 4) {
		/* A 4-MiB page has address bits 39:32 in 20:13; bit 21 and those past the width. */
		if (leaf) {
			r = BIT_ULL(21);
			if (p->maxphyaddr < 40)
				r |= GENMASK_ULL(20, 13) & ~((1ULL << p->maxphyaddr >> 19) - 1);
		}
		return r;
	}
	if (level == 2 && leaf)
		r |= GENMASK_ULL(20, 13);
	if (level == 3 && m->levels > 3) {
		if (leaf)
			r |= GENMASK_ULL(29, 13);
		else if (!p->gbpages)
			r |= P_LARGE;
	}
	if (level >= 4)
		r |= P_LARGE;
	return r;
}

static gpa_t leaf_base(const struct mode *m, int level, u64 e, u64 size)
{
	if (m->entry_size == 4 && level == 2)
		return (e & 0xffc00000) | ((e >> 13) & 0xff) << 32;
	if (m->entry_size == 4)
		return e & 0xfffff000;
	return e & GENMASK_ULL(51, 12) & ~(size - 1);
}

/* SDM 4.6.2: does the protection key forbid a data access? Whatever else does, the PK bit tells. */
static bool key_denies(const struct vh_paging *p, const struct vh_walk *w, u32 access, u32 key)
{
	u32 rights = p->pkru >> (2 * key);

	if (!w->user || !(p->cr4 & CR4_PKE) || !(p->efer & EFER_LMA_))
		return false;
	if (rights & 1)
		return true;
	return (rights & 2) && (access & VH_ACC_WRITE) &&
	       ((access & VH_ACC_USER) || (p->cr0 & CR0_WP));
}

/* SDM 4.6, 4.7: the error-code bits of a denied access, 0 when it is allowed. */
static u32 check_rights(const struct vh_paging *p, const struct vh_walk *w, u32 access, u32 key)
{
	bool user = access & VH_ACC_USER, wp = p->cr0 & CR0_WP;

	if (user && !w->user)
		return PF_P;
	if (access & VH_ACC_EXEC) {
		if (w->nx)
			return PF_P;
		if (!user && w->user && (p->cr4 & CR4_SMEP))
			return PF_P;
		return 0;
	}
	if (key_denies(p, w, access, key))
		return PF_P | PF_PK;
	if (!user && w->user && (p->cr4 & CR4_SMAP) &&
	    (!(p->rflags & RFLAGS_AC) || (access & VH_ACC_IMPLICIT)))
		return PF_P;
	if ((access & VH_ACC_WRITE) && !w->writable && (user || wp))
		return PF_P;
	return 0;
}

/* 0, -EAGAIN when the guest changed the entry meanwhile. Read-only tables keep their bits. */
static int set_bits(const struct vh_walk_mem *mem, struct vh_walk_step *s, unsigned int size,
		    u64 bits)
{
	u64 old = s->entry;

	if ((s->entry & bits) == bits)
		return 0;
	switch (mem->cas(mem->ctx, s->at, &old, s->entry | bits, size)) {
	case 0:
		s->entry |= bits;
		return 0;
	case -EAGAIN:
		return -EAGAIN;
	}
	return 0;
}

static int walk_once(const struct vh_paging *p, const struct vh_walk_mem *mem, u64 gva,
		     u32 access, bool set_ad, struct vh_walk *w)
{
	struct mode m = mode_of(p);
	gpa_t table;
	int level = m.levels, n = 0, i, err;
	u64 e = 0, size;
	u32 code = 0, denied;
	bool leaf;

	if (access & VH_ACC_WRITE)
		code |= PF_W;
	if (access & VH_ACC_USER)
		code |= PF_U;
	if ((access & VH_ACC_EXEC) && (has_nx(p) || (p->cr4 & CR4_SMEP)))
		code |= PF_I;

	w->writable = w->user = true;
	w->nx = false;
	if (m.levels == 3) {
		/* The PDPTEs were loaded with CR3; they carry no rights (SDM 4.4.1). */
		e = p->pdptr[(gva >> 30) & 3];
		if (!(e & P_PRESENT)) {
			w->error_code = code;
			return -EFAULT;
		}
		table = e & GENMASK_ULL(51, 12);
		level = 2;
	} else if (m.levels == 2) {
		table = p->cr3 & 0xfffff000;
	} else {
		table = p->cr3 & GENMASK_ULL(51, 12);
	}

	for (;; level--) {
		unsigned int shift = 12 + (level - 1) * m.index_bits;
		u64 index = (gva >> shift) & ((1 << m.index_bits) - 1);
		struct vh_walk_step *s = &w->step[n++];

		s->at = table + index * m.entry_size;
		s->entry = 0;
		err = mem->read(mem->ctx, s->at, &s->entry, m.entry_size);
		if (err)
			return err == -EINTR ? err : -ENXIO;
		e = s->entry;
		if (!(e & P_PRESENT)) {
			w->error_code = code;
			return -EFAULT;
		}
		leaf = is_leaf(p, &m, level, e);
		if (e & reserved_bits(p, &m, level, e, leaf)) {
			w->error_code = code | PF_P | PF_RSVD;
			return -EFAULT;
		}
		w->writable &= !!(e & P_WRITE);
		w->user &= !!(e & P_USER);
		w->nx |= m.entry_size == 8 && has_nx(p) && (e & P_NX);
		if (leaf)
			break;
		table = e & (m.entry_size == 4 ? 0xfffff000ULL : GENMASK_ULL(51, 12));
	}

	size = page_size_at(&m, level);
	denied = check_rights(p, w, access, m.entry_size == 8 ? (e >> 59) & 15 : 0);
	if (denied) {
		w->error_code = code | denied;
		return -EFAULT;
	}
	w->steps = n;
	w->pkey = m.entry_size == 8 ? (e >> 59) & 15 : 0;
	w->gpa = leaf_base(&m, level, e, size) | (gva & (size - 1));
	w->page_size = size;
	w->global = e & P_GLOBAL;
	w->dirty = e & P_DIRTY;
	if (!set_ad)
		return 0;
	for (i = 0; i < n; i++) {
		u64 bits = P_ACCESSED;

		if (i == n - 1 && (access & VH_ACC_WRITE)) {
			bits |= P_DIRTY;
			w->dirty = true;
		}
		if (set_bits(mem, &w->step[i], m.entry_size, bits))
			return -EAGAIN;
	}
	return 0;
}

/**
 * vh_walk_paging - translate a linear address
 * @p: the guest's paging
 * @mem: how to reach its tables
 * @gva: linear address, canonical
 * @access: VH_ACC_*
 * @set_ad: set accessed and dirty bits as the processor would
 * @w: result
 *
 * Returns 0, -EFAULT with w->error_code for a page fault, -ENXIO when a table
 * is not in memory, -EINTR when reading it gave that. SDM Vol. 3, 4.3 to 4.7.
 */
int vh_walk_paging(const struct vh_paging *p, const struct vh_walk_mem *mem,
		   u64 gva, u32 access, bool set_ad, struct vh_walk *w)
{
	int tries, err = -ENXIO;

	w->gpa = 0;
	w->error_code = 0;
	w->steps = 0;
	if (!(p->efer & EFER_LMA_))
		gva &= 0xffffffff;
	if (!(p->cr0 & CR0_PG)) {
		vh_walk_unpaged(gva, w);
		return 0;
	}
	/* A guest that rewrites an entry at each of our tries gets what the last one saw. */
	for (tries = 0; tries < 8; tries++) {
		err = walk_once(p, mem, gva, access, set_ad, w);
		if (err != -EAGAIN)
			return err;
	}
	return walk_once(p, mem, gva, access, false, w);
}
