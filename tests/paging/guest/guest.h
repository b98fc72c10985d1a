/* SPDX-License-Identifier: GPL-2.0-only */
/* guest.h - the adversary: what its files share. */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "../paging.h"

typedef unsigned long ul;
typedef uint64_t u64;
typedef uint32_t u32;
typedef uint8_t u8;

#define BIT(n)		(1ull << (n))
#define P_P		BIT(0)
#define P_W		BIT(1)
#define P_U		BIT(2)
#define P_A		BIT(5)
#define P_D		BIT(6)
#define P_PS		BIT(7)
#define P_G		BIT(8)
#define P_NX		BIT(63)
#define P_ADDR		0xffffffffff000ull

#define CR0_WP		BIT(16)
#define CR0_PG		BIT(31)
#define CR4_PSE		BIT(4)
#define CR4_PAE		BIT(5)
#define CR4_PGE		BIT(7)
#define CR4_PCIDE	BIT(17)
#define CR4_SMEP	BIT(20)
#define CR4_SMAP	BIT(21)
#define CR4_PKE		BIT(22)
#define EFER_NXE	BIT(11)
#define FLAG_AC		BIT(18)

#define ACC_WRITE	1
#define ACC_USER	2
#define ACC_EXEC	4
#define ACC_AC		8	/* RFLAGS.AC */

#define PF_P	1
#define PF_W	2
#define PF_U	4
#define PF_RSVD	8
#define PF_I	16
#define PF_PK	32

#ifdef __x86_64__
#define MODE	MODE_4LEVEL
#else
#define MODE	((int)board->mode)
#endif

#define board	((volatile struct board *)BOARD)

/*
 * The linear addresses put to the test: region 0, where tables differ between
 * roots and nothing is global, and region 1, the same in all roots.
 */
#define REGION_VAS	30
#define REGION0		((1u << REGION_VAS) - 1)
#define NR_VAS		(2 * REGION_VAS)
#define NR_ROOTS	3
#define NR_CTX		4		/* PCIDs */
#define FRAMES		(POOL_SIZE >> 12)
#define WORDS		8		/* of a frame that are written */
#define WORD0		64		/* the first of them */
#define CODE_AT		0xf00		/* in each frame */

/* Beside the identity map of the RAM. */
#define USER_STUBS	0x4000000u	/* stubs, for CPL 3 */
#define WINDOW		0x4001000u	/* any frame */
#define ALIAS		0x10000000u	/* the pool again, in 4-KiB pages */

struct cpu {
	ul sp, vec, err, ip, cr2, ax, va, value, stub, user, flags, cs, back;	/* entry.S */

	u32 id;
	u32 has;			/* F_* */
	u64 rng, op, round;
	u64 cr0, cr4, efer;
	u32 pkru;
	u32 maxphyaddr;
	ul pool;

	/* Root tables, and which of them is used with which PCID. */
	ul root[NR_ROOTS];
	int ctx_root[NR_CTX];		/* -1: none yet */
	int ctx;
	u64 pdptr[4];			/* PAE: as loaded */
	u64 *window_pte;

	/* Addresses whose translation may be out of date, by bit. */
	u64 stale_n[NR_CTX], stale_g;

	u64 vas[NR_VAS];
	u8 kind[FRAMES];		/* KIND_DATA or level of the table | region << 3 */
	u32 tables;
	u8 marked[FRAMES];
	u32 model[FRAMES][WORDS];

	u64 gdt[9];
	u32 tss[26];
	u64 idt[2 * 0x81];
};

#define KIND_DATA	0
#define KIND_FIXED	0x80		/* never freed */

/* One walk. */
struct path {
	bool ok;
	int steps, leaf_level;
	u32 err;			/* of the fault */
	u64 pa;
	struct { u64 at, e; int level; } s[4];
};

void probe_asm(struct cpu *c);
extern char vectors[], vector_int80[], stubs[], stub_read[], stub_write[], stub_xchg[],
	    stub_exec[], stub_exec_end[];

/* walk.c */
int top_level(void);
int entry_size(void);
unsigned int index_at(u64 va, int level);
u64 entry_read(ul at);
void entry_write(ul at, u64 e);
u64 reserved_of(const struct cpu *c, int level, u64 e);
bool maps_page(const struct cpu *c, int level, u64 e);
void walk(const struct cpu *c, u64 va, u32 access, struct path *p);

/* tables.c */
void build(struct cpu *c);
u64 random_entry(struct cpu *c, int level, int region);
void modify(struct cpu *c, int k);
void modify_pdpte(struct cpu *c);
void recycle(struct cpu *c);
void verify_frames(struct cpu *c);
static inline u32 tag(const struct cpu *c, unsigned int f)
{
	return 0x5a000000 | c->id << 16 | f;
}

/* flush.c */
void cr3_load(struct cpu *c, int ctx, int root, bool keep);
void flush_all(struct cpu *c);
void load_pdptrs(struct cpu *c);
void invlpg(struct cpu *c, int k);
void invalidate(struct cpu *c, int k);
void toggle(struct cpu *c);
void invlpg_at(ul va);
static inline bool is_stale(const struct cpu *c, int k)
{
	return (c->stale_n[c->ctx] | c->stale_g) >> k & 1;
}

/* probe.c */
void probe(struct cpu *c, int k);
bool access_once(struct cpu *c, u64 va, u32 kind, u32 access, ul value);
enum { K_READ, K_WRITE, K_XCHG, K_EXEC };
#define fail(c, what, va, want, got) \
	fail_at(c, __FILE__, __LINE__, what, va, want, got, NULL)
void fail_at(struct cpu *c, const char *file, int line, const char *what, u64 va, u64 want,
	     u64 got, const struct path *p) __attribute__((noreturn));

/* shared.c */
void shared_build(struct cpu *c);
u64 shared_table(void);			/* of the level below the top */
ul shared_pt(int which);
void shared_modify(struct cpu *c);
void shared_probe(struct cpu *c);
void shared_exact(struct cpu *c);
void shared_verify(struct cpu *c);

/* start.c */
void barrier(struct cpu *c);
void give_up(struct cpu *c) __attribute__((noreturn));

#define count(c, name)	(board->count[(c)->id][C_##name]++)

/* For the report of a failure. */
static inline void note(struct cpu *c, u32 what, u64 a, u64 b, u64 d)
{
	volatile struct note *n = &board->note[c->id][board->noted[c->id]++ % NOTES];

	n->op = c->op;
	n->what = what;
	n->a = a;
	n->b = b;
	n->c = d;
}

static inline u64 rnd(struct cpu *c)
{
	u64 x = c->rng;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	c->rng = x;
	return x * 0x2545f4914f6cdd1dull >> 16;
}

/* 0 to n - 1 */
static inline u32 pick(struct cpu *c, u32 n)
{
	return ((u64)(u32)rnd(c) * n) >> 32;
}

static inline bool one_in(struct cpu *c, u32 n)
{
	return !pick(c, n);
}

static inline void out(u32 port, u32 value)
{
	__asm__ __volatile__("outl %0, %w1" : : "a" (value), "d" (port) : "memory");
}

#endif
