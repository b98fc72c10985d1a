/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * paging_model.h - a model of paging, written from SDM Vol. 3, chapter 4.
 *
 * It says bit by bit, in the SDM's words, what the module computes with masks.
 * The guest it looks at has one entry at each level, and no more memory.
 */
#ifndef VH_KUNIT_PAGING_MODEL_H
#define VH_KUNIT_PAGING_MODEL_H

#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/types.h>

#include "../../kmod/mmu/mmu.h"

#define P	BIT_ULL(0)
#define W	BIT_ULL(1)
#define U	BIT_ULL(2)
#define A	BIT_ULL(5)
#define D	BIT_ULL(6)
#define PS	BIT_ULL(7)
#define G	BIT_ULL(8)
#define NX	BIT_ULL(63)

#define CR0_WP	BIT_ULL(16)
#define CR0_PG	BIT_ULL(31)
#define CR4_PSE	BIT_ULL(4)
#define CR4_PAE	BIT_ULL(5)
#define CR4_LA57	BIT_ULL(12)
#define CR4_SMEP	BIT_ULL(20)
#define CR4_SMAP	BIT_ULL(21)
#define CR4_PKE	BIT_ULL(22)
#define LMA	BIT_ULL(10)
#define NXE	BIT_ULL(11)
#define AC	BIT_ULL(18)

#define RD	VH_ACC_READ
#define WR	VH_ACC_WRITE
#define EX	VH_ACC_EXEC
#define USER	VH_ACC_USER
#define IMPL	VH_ACC_IMPLICIT

#define PM_ACCESSES	8
extern const u32 pm_access[PM_ACCESSES];

enum pm_mode { PM_NONE, PM_32, PM_32_PSE, PM_PAE, PM_4, PM_5, PM_MODES };
extern const char * const pm_mode_name[PM_MODES];

/* A mode, and the level of the entry that maps the page: 1, 2, 3. */
struct pm_shape { enum pm_mode mode; int leaf; };

/* Guest memory: one entry a level; and what may happen to one that is to be changed. */
struct pm_memory {
	u64 at[6], entry[6];		/* by level, 1 to 5 */
	unsigned int size;		/* of an entry */
	int races;			/* this many exchanges fail: another processor was there */
	u64 race_xor;			/* and it changed this */
	bool readonly;
	int hole;			/* the entry of this level is not in memory */
	int reads, exchanges;
};

struct pm_guest {
	struct pm_shape shape;
	struct vh_paging p;
	struct pm_memory m;
	u64 gva;
};

/* What the tables say of a linear address, whoever asks. */
struct pm_translation {
	bool present, reserved;		/* what follows is valid when present and not reserved */
	int leaf;			/* level of the entry that maps the page */
	bool user, write, nx, global, dirty;
	unsigned int key;
	u64 gpa, size;
};

#define PM_4K	1
#define PM_LARGE	2		/* 2M, with 32-bit paging 4M */
#define PM_1G	3

int pm_top(enum pm_mode mode);		/* level of the first entry that a walk reads */
bool pm_has_nx(enum pm_mode mode);	/* may entries have it? */
bool pm_has_keys(enum pm_mode mode);
const char *pm_leaf_name(struct pm_shape shape);
const char *pm_access_name(u32 access);

/* The control registers' bits that make the mode; the others stay. */
void pm_set_mode(struct vh_paging *p, enum pm_mode mode);
/* Entries that lead from @gva to a page at @frame, with all rights; settings stay. */
void pm_build(struct pm_guest *g, struct pm_shape shape, u64 gva, u64 frame);
/* The address bits of an entry that names a table at @level. */
u64 pm_table(enum pm_mode mode, int level);
u64 pm_canonical(enum pm_mode mode, u64 gva);
/* Does an entry of this level map a page? */
bool pm_maps(enum pm_mode mode, int level, u64 e, bool gbpages);

void pm_translate(const struct pm_guest *g, struct pm_translation *t);
/* 0: the access happens. Else a page fault, and its error code. */
int pm_check(const struct pm_guest *g, const struct pm_translation *t, u32 access, u32 *code);

/* The settings and tables of a guest, for people. */
const char *pm_describe(const struct pm_guest *g, char *buf, size_t size);

/* How the module's walker reaches pm_memory. */
int pm_read(void *ctx, gpa_t gpa, void *buf, unsigned int len);
int pm_cas(void *ctx, gpa_t gpa, u64 *old, u64 new, unsigned int len);

/* Counts a case's combinations, and keeps it from printing all that are wrong. */
struct pm_tally {
	struct kunit *test;
	unsigned int tried, wrong;
};

#define PM_PRINTED	3
#define pm_wrong(tally, fmt, ...) do {						\
	if ((tally)->wrong++ < PM_PRINTED)					\
		kunit_err((tally)->test, fmt, ##__VA_ARGS__);			\
} while (0)
/* Fails the case if any was wrong, or none was tried; adds to *sum. */
void pm_tally_end(const struct pm_tally *tally, u64 *sum);

#endif /* VH_KUNIT_PAGING_MODEL_H */
