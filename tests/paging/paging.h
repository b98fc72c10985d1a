/* SPDX-License-Identifier: GPL-2.0-only */
/* paging.h - what the guest and the host program say to each other, in guest memory. */
#ifndef PAGING_H
#define PAGING_H

#define MAX_VCPUS	8
#define RAM		0x3000000	/* 48 MiB */
#define IMAGE_BASE	0x100000
#define BOARD		0x90000
#define PER_CPU		0x200000	/* 256 KiB each, the stack at its end */
#define PER_CPU_SIZE	0x40000
#define KERNEL_TABLES	0x400000	/* 256 KiB each */
#define SHARED		0x600000	/* what all vCPUs map, 2 MiB */
#define POOLS		0x800000	/* 4 MiB each: tables and data of one vCPU */
#define POOL_SIZE	0x400000

#ifndef __ASSEMBLER__
#include <stdint.h>

enum { MODE_4LEVEL, MODE_PAE3, MODE_2LEVEL };

/* Ports. */
#define PORT_TICK	0xf0		/* vCPU 0, after each round */
#define PORT_DONE	0xf1
#define PORT_FAIL	0xf2

/* What was done, and how often: printed, so that what never happened is seen. */
#define COUNTERS(X)							\
	X(read) X(write) X(xchg) X(fetch) X(user) X(ac)			\
	X(ok) X(pf) X(pf_present) X(pf_reserved) X(pf_fetch) X(pf_key)	\
	X(stale) X(set_a) X(set_d) X(kept_d)		\
	X(mod_l1) X(mod_l2) X(mod_l3) X(mod_l4) X(large) X(split) X(merge) X(pdpte) \
	X(via_identity) X(via_window) X(via_alias) X(via_self)		\
	X(invlpg) X(mov_cr3) X(noflush) X(switch_root) X(switch_pcid)	\
	X(invpcid_addr) X(invpcid_one) X(invpcid_all) X(invpcid_local) X(flush_all) \
	X(wp) X(pge) X(smep) X(smap) X(pke) X(pkru) X(pcide) X(nxe) X(pse) \
	X(tables) X(recycled) X(shared_mod) X(shared_probe) X(shared_exact) \
	X(rounds) X(spins)

#define X(name) C_##name,
enum counter { COUNTERS(X) NR_COUNTERS };
#undef X

/* Why a vCPU gave up. */
struct report {
	uint32_t valid;
	uint32_t vcpu;
	uint32_t line, access;
	uint64_t op, round;
	char file[16], what[32];
	uint64_t va, want, got;
	uint64_t want_err, got_err;	/* error code; ~0: no fault */
	uint64_t cr0, cr3, cr4, efer, pkru;
	uint32_t steps, pad;
	uint64_t at[4], before[4], after[4];	/* entries of the walk */
};

/* What a vCPU did last: a counter's name and three values. */
#define NOTES	1024
struct note {
	uint32_t op, what;	/* what: enum counter */
	uint64_t a, b, c;
};

/* At BOARD. */
struct board {
	uint32_t vcpus, mode;
	uint64_t seed;
	uint32_t ops;			/* per round */
	uint32_t tame;			/* host: leave out what KVM without EPT gets wrong */
	uint32_t without;		/* host: F_* not to be used */
	uint32_t cet;			/* host: the processor has it; the guest may not see it */
	uint32_t stop;			/* host: end after this round */
	uint32_t failed;		/* guest: somebody did */
	uint32_t at_barrier, generation;
	uint32_t features;		/* F_*, of vCPU 0 */
	uint32_t unused;		/* 64-bit host and 32-bit guest agree on what follows */
	uint64_t count[MAX_VCPUS][NR_COUNTERS];
	struct report report[MAX_VCPUS];
	uint32_t noted[MAX_VCPUS];
	struct note note[MAX_VCPUS][NOTES];
};

/* CPU features that the guest found. */
#define F_PGE	1
#define F_NX	2
#define F_GB	4
#define F_PCID	8
#define F_INVPCID 16
#define F_SMEP	32
#define F_SMAP	64
#define F_PKU	128
#define F_PSE	256

#endif /* __ASSEMBLER__ */
#endif
