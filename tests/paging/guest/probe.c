// SPDX-License-Identifier: GPL-2.0-only
/* probe.c - one access, and whether it did what a walk says. */
#include "guest.h"

static void copy(volatile char *to, const char *from, unsigned int size)
{
	const char *slash = from;
	unsigned int i;

	for (i = 0; from[i]; i++)
		if (from[i] == '/')
			slash = from + i + 1;
	for (i = 0; i < size - 1 && slash[i]; i++)
		to[i] = slash[i];
}

void fail_at(struct cpu *c, const char *file, int line, const char *what, u64 va, u64 want,
	     u64 got, const struct path *p)
{
	volatile struct report *r = &board->report[c->id];
	int i;

	r->vcpu = c->id;
	r->line = line;
	copy(r->file, file, sizeof(r->file));
	copy(r->what, what, sizeof(r->what));
	r->op = c->op;
	r->round = c->round;
	r->va = va;
	r->want = want;
	r->got = got;
	r->want_err = p && !p->ok ? p->err : ~0ull;
	r->got_err = c->vec == 14 ? c->err : ~0ull;
	r->cr0 = c->cr0;
	r->cr3 = c->root[c->ctx_root[c->ctx]] | c->ctx;
	r->cr4 = c->cr4;
	r->efer = c->efer;
	r->pkru = c->pkru;
	r->steps = p ? p->steps : 0;
	for (i = 0; p && i < p->steps; i++) {
		r->at[i] = p->s[i].at;
		r->before[i] = p->s[i].e;
		r->after[i] = entry_read(p->s[i].at);
	}
	r->valid = 1;
	board->failed = 1;
	out(PORT_FAIL, c->id);
	give_up(c);
}

/* entry.S: an exception that nobody waits for. */
void guest_lost(struct cpu *c)
{
	fail(c, "unexpected exception", c->cr2, c->vec, c->ip);
}

/* Do it; false: it faulted. Any exception but #PF ends the run. */
bool access_once(struct cpu *c, u64 va, u32 kind, u32 access, ul value)
{
	static char *const stub[] = { stub_read, stub_write, stub_xchg, stub_exec };
	ul base = access & ACC_USER ? USER_STUBS - (ul)stubs : 0;

	c->va = va;
	c->value = value;
	c->user = access & ACC_USER;
	c->flags = 0x202 | (access & ACC_AC ? FLAG_AC : 0);
	c->stub = base + (ul)stub[kind];
	c->back = base + (ul)stub_exec_end;
	probe_asm(c);
	if (c->vec == 0x80)
		return true;
	if (c->vec != 14)
		fail(c, "exception of an access", va, c->vec, c->ip);
	if (c->cr2 != (ul)va)
		fail(c, "CR2", va, va, c->cr2);
	if (c->ip != (kind == K_EXEC ? (ul)va : c->stub))
		fail(c, "RIP of a fault", va, c->stub, c->ip);
	return false;
}

#define check(cond, what, want, got) do {					\
	if (!(cond))								\
		fail_at(c, __FILE__, __LINE__, what, va, want, got, &p);	\
} while (0)

/* Accessed and dirty bits, and nothing else, as this access leaves them. */
static void check_entries(struct cpu *c, u64 va, int region, u32 access, bool ok,
			  const struct path *path)
{
	struct path p = *path;
	int i;

	for (i = 0; i < p.steps; i++) {
		bool leaf = i == p.steps - 1;
		u64 was = p.s[i].e, now = entry_read(p.s[i].at), must = was, may;

		if (ok)
			must |= P_A | (leaf && (access & ACC_WRITE) ? P_D : 0);
		/*
		 * An access that faults may have set it on the way. Where each root has
		 * an entry of its own, a global translation may be another root's.
		 */
		may = was & P_P ? must | P_A : must;
		/* Through a read-only leaf, with CR0.WP clear: not on a processor that has CET. */
		if (board->cet && ok && leaf && !(was & P_W)) {
			may = must;
			must &= ~P_D | was;
		}
		if (region == 1 && p.s[i].at - c->pool >= POOL_SIZE) {
			must = was;
			may = was | P_A | (leaf && (access & ACC_WRITE) ? P_D : 0);
			now |= may & ~was;
		}
		check(now == must || now == may, "A/D bits", must, now);
		if (ok && !(was & P_A))
			count(c, set_a);
		if (ok && leaf && (access & ACC_WRITE) && !(was & P_D))
			count(c, set_d);
		if (leaf && !(now & P_D))
			count(c, kept_d);
	}
}

static void count_fault(struct cpu *c)
{
	count(c, pf);
	if (c->err & PF_P)
		count(c, pf_present);
	if (c->err & PF_RSVD)
		count(c, pf_reserved);
	if (c->err & PF_I)
		count(c, pf_fetch);
	if (c->err & PF_PK)
		count(c, pf_key);
}

/* The frame of the pool whose word @w is @value; 0: none. */
static u64 find(const struct cpu *c, u32 w, u32 value)
{
	u32 f;

	for (f = 0; f < FRAMES; f++)
		if (*(volatile u32 *)(c->pool + f * 4096 + (WORD0 + w) * sizeof(ul)) == value)
			return c->pool + f * 4096;
	return 0;
}

/* An access to address @k, whose translation is not stale. */
void probe(struct cpu *c, int k)
{
	u32 kind = pick(c, 4), access = 0, w = pick(c, WORDS), f;
	u32 value = rnd(c), expect;
	bool in_pool, ok;
	struct path p;
	u64 va;

	if (is_stale(c, k)) {
		count(c, stale);
		return;
	}
	if (one_in(c, 2))
		access |= ACC_USER;
	if (one_in(c, 2))
		access |= ACC_AC;
	if (kind == K_WRITE || kind == K_XCHG)
		access |= ACC_WRITE;
	if (kind == K_EXEC)
		access |= ACC_EXEC;
	va = c->vas[k] + (kind == K_EXEC ? CODE_AT : (WORD0 + w) * sizeof(ul));
	walk(c, va, access, &p);
	if (p.ok && p.pa >= RAM)
		return;
	f = (p.pa - c->pool) >> 12;
	in_pool = p.ok && p.pa - c->pool < POOL_SIZE;
	/* What is not this vCPU's is only read, and tables hold no code. */
	if (p.ok && (!in_pool || c->kind[f]) && (kind == K_EXEC || !in_pool)) {
		kind = K_READ;
		access &= ~(ACC_WRITE | ACC_EXEC);
		va = c->vas[k] + (WORD0 + w) * sizeof(ul);
		walk(c, va, access, &p);
		if (p.ok && p.pa >= RAM)
			return;
	}
	expect = in_pool ? c->model[f][w] : 0;
	if (kind == K_EXEC)
		expect = tag(c, f);
	if (kind == K_READ && in_pool && !c->kind[f] && one_in(c, 3)) {
		/* Which frame is it? */
		va = c->vas[k];
		p.pa &= ~0xfffull;
		expect = tag(c, f);
	}

	if (kind == K_READ)
		count(c, read);
	else if (kind == K_WRITE)
		count(c, write);
	else if (kind == K_XCHG)
		count(c, xchg);
	else
		count(c, fetch);
	if (access & ACC_USER)
		count(c, user);
	if (access & ACC_AC)
		count(c, ac);

	ok = access_once(c, va, kind, access, value);
	note(c, C_read + kind, va, access, ok ? ~0ull : c->err);
	if (ok && !p.ok && (access & ACC_WRITE))
		check(0, "write not allowed, it went to", p.ok, find(c, w, value));
	check(ok == p.ok, "allowed?", p.ok, ok);
	if (!ok) {
		count_fault(c);
		check(c->err == p.err, "error code", p.err, c->err);
	} else {
		count(c, ok);
		if (kind != K_WRITE)
			check((u32)c->ax == expect, "value", expect, c->ax);
		if (access & ACC_WRITE) {
			check(*(volatile u32 *)(ul)p.pa == value, "value in memory", value,
			      *(volatile u32 *)(ul)p.pa);
			c->model[f][w] = value;
		}
	}
	check_entries(c, va, k / REGION_VAS, access, ok, &p);
}
