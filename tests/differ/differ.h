/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differential tests: programs of a few random instructions, each a function of seed and number alone,
 * and the state that a processor ends them in.
 *
 * A program has no loop but by chance: what is not its code is HLT, and so is every handler. It ends at the
 * first HLT, so that the first exception is its end, with the vector in RIP and the frame in memory.
 */
#ifndef VH_TESTS_DIFFER_H
#define VH_TESTS_DIFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kvm.h>

/* Guest physical memory; the rest is devices. */
#define RAM		0x20000u
#define ROM		0x20000u	/* a read-only memslot */
#define ROM_SIZE	0x1000u
#define IVT		0x0u
#define HANDLERS	0x1000u		/* 4 bytes for each vector */
#define GDT		0x2000u
#define LDT		0x2800u
#define IDT32		0x3000u
#define IDT64		0x4000u
#define TSS32		0x5000u
#define TSS64		0x5800u
#define PD32		0x6000u
#define PT32		0x7000u
#define PDPT_PAE	0x8000u
#define PD		0x9000u
#define PT		0xa000u
#define PML4		0xb000u
#define PDPT		0xc000u
#define CODE		0x10000u	/* two pages */
#define DATA		0x14000u	/* four pages */
#define STACK		0x1a000u	/* its middle */
#define STACK0		0x1e000u	/* of CPL 0, in the TSS */
#define IST1		0x1f000u

/* Linear pages that are not what they seem, where there is paging. */
#define L_ALIAS		0x30000u
#define L_ABSENT	0x31000u
#define L_READONLY	0x32000u
#define L_SUPERVISOR	0x33000u
#define L_NX		0x34000u
#define L_OLD		0x35000u	/* neither accessed nor dirty */
#define L_CLEAN		0x36000u	/* not dirty */
#define L_RESERVED	0x37000u
#define L_ROM		0x38000u
#define L_DEVICE	0x39000u
#define L_BIG		0x400000u	/* all RAM again, by a large page */
#define DEVICE		0x100000u

/* Selectors. */
#define S_CODE32	0x08
#define S_DATA		0x10
#define S_CODE64	0x18
#define S_TSS32		0x20
#define S_TSS64		0x28
#define S_CODE16	0x38
#define S_DATA16	0x40
#define S_CODE32_U	0x4b
#define S_DATA_U	0x53
#define S_CODE64_U	0x5b
#define S_CODE16_U	0x63
#define S_DATA16_U	0x6b
#define S_LDT		0xb0
#define S_TSS_OTHER	0xc0
#define S_TASK_GATE	0xc8
#define GDT_ENTRIES	40

enum mode { M_REAL, M_VM86, M_PROT16, M_FLAT32, M_PAGE32, M_PAE, M_COMPAT, M_LONG, MODES };
extern const char *const mode_names[MODES];

/* Kinds of instructions. */
enum kind { K_INT, K_STACK, K_BRANCH, K_FAR, K_STRING, K_PORT, K_SYSTEM, K_X87, K_SSE, K_BYTES, KINDS };

/* As FXSAVE64 has it, and the upper halves of YMM registers. */
struct fpu {
	uint16_t cw, sw;
	uint8_t tw, zero;
	uint16_t op;
	uint64_t ip, dp;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t st[8][16], xmm[16][16], ymmh[16][16];
};

#define DIFFER_MSRS	10
extern const uint32_t differ_msrs[DIFFER_MSRS];

struct opcode;
struct program {
	uint64_t number;
	enum mode mode;
	unsigned int cpl;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_debugregs debug;
	struct fpu fpu;
	uint64_t msr[DIFFER_MSRS];
	uint32_t code_at;		/* guest physical */
	unsigned int code_len;
	uint8_t code[256];
	const struct opcode *op[8];	/* what was generated, random bytes apart */
	bool bytes;			/* and they are there */
	unsigned int ops, start[8];	/* where in code */
};

/* gen.c */
struct gen_options {
	uint64_t seed;
	bool task_switch, wide_devices;	/* see run.sh */
	unsigned int kinds, modes;	/* masks; 0: all */
	const char *skip[64];		/* names in opcodes.c */
	unsigned int skips;
};
extern struct gen_options gen_options;
/* What all programs have in memory. */
void gen_template(uint8_t *ram, uint8_t *rom);
/* Program @n; its code and data go to @ram, which held the template. */
void gen_program(struct program *p, uint64_t n, uint8_t *ram);

/* opcodes.c: an instruction's form */
struct opcode {
	uint8_t map, first, last;	/* map: 1, 2 (0F), 3 (0F 38), 4 (0F 3A) */
	/*
	 * M ModRM, m of memory, r of registers; /a-b: its reg field; b w z v immediates; o moffs;
	 * j J relative; p far pointer; L may be LOCKed; R REP means something; 0x..: mandatory prefix;
	 * =: the ModRM byte itself
	 */
	const char *form;
	enum kind kind;
	uint16_t undefined;		/* flags */
	const char *name;
};
extern const struct opcode opcodes[];
extern const unsigned int nr_opcodes;

/* machine.c */
#define LOG		96
enum end { E_HLT, E_SHUTDOWN, E_ERROR, E_ENTRY, E_LIMIT, E_LOOP, E_REFUSED, E_OTHER };
struct access {
	uint64_t where, data;
	uint32_t len;
	uint8_t port, write, pad[2];
};
struct state {
	uint64_t end, detail;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_debugregs debug;
	struct fpu fpu;
	struct kvm_vcpu_events events;
	uint64_t msr[DIFFER_MSRS];
	uint64_t accesses;
	struct access access[LOG];
	uint64_t memory;		/* a hash of what was changed */
	unsigned int devices;		/* exits for them; not compared */
};
void machine_init(const char *cpuid_file);
/* Run it and tell how it ended. */
void machine_run(const struct program *p, struct state *s);
int state_vector(const struct state *s, uint64_t *flags);
extern uint8_t *machine_ram;		/* what the guest left */
extern uint8_t *fresh_ram;		/* what it began with */

/* known.c: who else's fault a difference is, given what vh made of the program; NULL: nobody's */
const char *known(const struct program *p, const struct state *s);

uint64_t hash_bytes(uint64_t h, const void *p, size_t n);

#endif
