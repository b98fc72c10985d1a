// SPDX-License-Identifier: GPL-2.0-only
/*
 * shared.c - tables that all vCPUs map and rewrite without asking each other.
 *
 * Each slot has four frames and a few entries that may ever be in its place. A
 * slot's third frame is never mapped writable, its fourth never present. What
 * an access gives must be one of what these entries allow; when all have
 * stopped and flushed, exactly what the tables say.
 */
#include "guest.h"

#define SLOTS		32
#define STRIDE		4		/* a slot's frames, and its index in a page table */
#define DIRS		2		/* linear addresses of a slot */
#define F(s, j)		(SHARED + ((s) * STRIDE + (j)) * 4096ull)
#define PT(i)		(SHARED + (256 + (i)) * 4096ul)
#define PD		(SHARED + 258 * 4096ul)
#define PDPT		(SHARED + 259 * 4096ul)
#define NR_ALPHA	8
#define NR_ALPHA_PD	4

static u32 tag_of(u32 s, u32 j)
{
	return 0x6b000000 | s << 8 | j;
}

ul shared_pt(int which)
{
	return PT(which);
}

u64 shared_table(void)
{
	return MODE == MODE_4LEVEL ? PDPT : PD;
}

static u32 dir(u32 d)
{
	return MODE == MODE_2LEVEL ? 768 + d : 3 + 2 * d;
}

static u64 va_of(u32 s, u32 d)
{
	if (MODE == MODE_2LEVEL)
		return (u64)dir(d) << 22 | s * STRIDE << 12;
	return (MODE == MODE_PAE3 ? 3ull << 30 : 3ull << 39) | dir(d) << 21 | s * STRIDE << 12;
}

static u64 alpha(u32 s, u32 i)
{
	switch (i) {
	case 0:
		return F(s, 0) | P_P | P_W | P_U;
	case 1:
		return F(s, 0) | P_P | P_U;
	case 2:
		return F(s, 1) | P_P | P_W;
	case 3:
		return F(s, 1) | P_P | P_W | P_U;
	case 4:
		return F(s, 2) | P_P | P_U;
	case 5:
		return F(s, 2) | P_P;
	case 6:
		return F(s, 3) | P_W | P_U;
	}
	return 0;
}

static u64 alpha_pd(u32 i)
{
	switch (i) {
	case 0:
	case 1:
		return PT(i) | P_P | P_W | P_U;
	case 2:
		return SHARED | P_P | P_U | P_PS;	/* the first frame of each slot */
	}
	return 0;
}

void shared_build(struct cpu *c)
{
	u32 s, j;

	for (s = 0; s < SLOTS; s++) {
		for (j = 0; j < STRIDE; j++)
			*(volatile u32 *)(ul)F(s, j) = tag_of(s, j);
		for (j = 0; j < 2; j++)
			entry_write(PT(j) + s * STRIDE * entry_size(), alpha(s, pick(c, NR_ALPHA)));
	}
	if (MODE == MODE_2LEVEL)
		return;
	for (j = 0; j < DIRS; j++)
		entry_write(PD + dir(j) * 8, alpha_pd(pick(c, NR_ALPHA_PD)));
	entry_write(PDPT, PD | P_P | P_W | P_U);
}

static void check_alpha(struct cpu *c, ul at, u64 e, bool pd, u32 s)
{
	u32 i;

	for (i = 0; i < (pd ? NR_ALPHA_PD : NR_ALPHA); i++) {
		u64 a = pd ? alpha_pd(i) : alpha(s, i);

		/* What is not present has no accessed bit. */
		if (a == (a & P_P ? e & ~(P_A | P_D) : e))
			return;
	}
	fail(c, "an entry nobody wrote", at, 0, e);
}

void shared_modify(struct cpu *c)
{
	u64 bits = pick(c, 2) * P_A | pick(c, 2) * P_D, e;
	u32 s = pick(c, SLOTS), d = pick(c, 2);
	bool pd = MODE != MODE_2LEVEL && one_in(c, 5);
	ul at = pd ? PD + dir(d) * 8 : PT(d) + s * STRIDE * entry_size();

	check_alpha(c, at, entry_read(at), pd, s);
	e = pd ? alpha_pd(pick(c, NR_ALPHA_PD)) : alpha(s, pick(c, NR_ALPHA));
	entry_write(at, e & P_P ? e | bits : e);
	if (one_in(c, 2))
		invlpg_at(va_of(s, d));
	count(c, shared_mod);
}

static u32 word_at(const struct cpu *c)
{
	return (WORD0 + c->id) * sizeof(ul);
}

static u32 value_of(const struct cpu *c, u32 s)
{
	return 0x7c000000 | s << 8 | c->id;
}

/* While others rewrite the tables. */
void shared_probe(struct cpu *c)
{
	u32 s = pick(c, SLOTS), d = pick(c, DIRS), access, kind = pick(c, 2) ? K_READ : K_WRITE;
	u64 va = va_of(s, d);
	u32 got, err;

	access = one_in(c, 2) ? ACC_USER : ACC_AC;
	/* With CR0.WP clear the supervisor may write to any of them. */
	if (kind == K_WRITE && !(access & ACC_USER) && !(c->cr0 & CR0_WP))
		kind = K_READ;
	if (kind == K_WRITE) {
		access |= ACC_WRITE;
		va += word_at(c);
	}
	count(c, shared_probe);
	if (access_once(c, va, kind, access, value_of(c, s))) {
		got = c->ax;
		if (kind == K_READ && got != tag_of(s, 0) && got != tag_of(s, 1) &&
		    got != tag_of(s, 2))
			fail(c, "read of a shared page", va, tag_of(s, 0), got);
		return;
	}
	err = c->err;
	if ((err & ~PF_P) != (access & (ACC_WRITE | ACC_USER) & 1 ? PF_W : 0) +
			     (access & ACC_USER ? PF_U : 0))
		fail(c, "error code on a shared page", va, access, err);
	/* All that are present can be read by the supervisor. */
	if ((err & PF_P) && kind == K_READ && !(access & ACC_USER))
		fail(c, "supervisor denied a shared page", va, 0, err);
}

/* While nobody changes them, after a flush: what a walk says. */
void shared_exact(struct cpu *c)
{
	u32 s, d;

	for (s = 0; s < SLOTS; s++) {
		for (d = 0; d < DIRS; d++) {
			u32 access = one_in(c, 2) ? ACC_USER : one_in(c, 2) ? ACC_AC : 0;
			u32 kind = one_in(c, 2) ? K_READ : K_WRITE, i, want;
			struct path p;
			u64 va = va_of(s, d);
			bool ok;

			if (kind == K_WRITE && !(access & ACC_USER) && !(c->cr0 & CR0_WP))
				kind = K_READ;
			if (kind == K_WRITE) {
				access |= ACC_WRITE;
				va += word_at(c);
			}
			walk(c, va, access, &p);
			want = *(volatile u32 *)(ul)(p.ok ? p.pa : SHARED);
			count(c, shared_exact);
			ok = access_once(c, va, kind, access, value_of(c, s));
			if (ok != p.ok)
				fail_at(c, __FILE__, __LINE__, "allowed, shared?", va, p.ok, ok, &p);
			if (!ok && c->err != p.err)
				fail_at(c, __FILE__, __LINE__, "error code, shared", va, p.err,
					c->err, &p);
			if (ok && kind == K_READ && (u32)c->ax != want)
				fail_at(c, __FILE__, __LINE__, "value, shared", va, want, c->ax, &p);
			if (ok && kind == K_WRITE &&
			    *(volatile u32 *)(ul)p.pa != value_of(c, s))
				fail_at(c, __FILE__, __LINE__, "write, shared", va, value_of(c, s),
					*(volatile u32 *)(ul)p.pa, &p);
			for (i = 0; ok && i < (u32)p.steps; i++) {
				bool dirty = i + 1u == (u32)p.steps && (access & ACC_WRITE) &&
					     !(board->cet && !(p.s[i].e & P_W));
				u64 must = P_A | (dirty ? P_D : 0);

				if ((entry_read(p.s[i].at) & must) != must)
					fail_at(c, __FILE__, __LINE__, "A/D bits, shared", va, must,
						entry_read(p.s[i].at), &p);
			}
		}
	}
}

/* No frame was written but where it was mapped writable. */
void shared_verify(struct cpu *c)
{
	u32 s, j, i;

	for (s = 0; s < SLOTS; s++) {
		for (j = 0; j < STRIDE; j++) {
			ul at = F(s, j);

			if (*(volatile u32 *)at != tag_of(s, j))
				fail(c, "a shared tag has changed", at, tag_of(s, j),
				     *(volatile u32 *)at);
			for (i = 0; i < MAX_VCPUS; i++) {
				u32 v = *(volatile u32 *)(at + (WORD0 + i) * sizeof(ul));

				if (v && (j > 1 || v != (0x7c000000 | s << 8 | i)))
					fail(c, "a write to a page never writable", at, 0, v);
			}
		}
	}
}
