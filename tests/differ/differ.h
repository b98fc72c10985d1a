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
#include <stdio.h>
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
#define TSS_OTHER	0x5400u
#define TSS64		0x5800u
#define PD32		0x6000u
#define PT32		0x7000u
#define PDPT_PAE	0x8000u
#define PD		0x9000u
#define PT		0xa000u
#define PML4		0xb000u
#define PDPT		0xc000u
#define PML5		0xd000u
#define TABLES_END	0xe000u
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
enum kind { K_INT, K_STACK, K_BRANCH, K_FAR, K_STRING, K_PORT, K_SYSTEM, K_X87, K_SSE, K_AVX, K_TASK, K_BYTES, KINDS };

/* As FXSAVE64 has it, and the upper halves of YMM registers. */
struct fpu {
	uint16_t cw, sw;
	uint8_t tw, zero;
	uint16_t op;
	uint64_t ip, dp;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t st[8][16], xmm[16][16], ymmh[16][16];
};

/* What AVX-512 adds. */
struct fpu512 {
	uint64_t k[8];
	uint8_t zmmh[16][32], zmm16[16][64];
};
#define XCR0_AVX512	0xe0

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
	struct fpu512 fpu512;
	uint64_t msr[DIFFER_MSRS], xcr0;
	uint8_t irq;			/* an interrupt of this vector waits; 0: none */
	uint8_t nmi_at;			/* an NMI comes at this access to a device; 0: none */
	bool task;			/* there is one to switch to */
	bool nmi, nmi_masked;		/* an NMI waits; NMIs are blocked */
	uint8_t shadow;			/* of the instruction before: KVM_X86_SHADOW_INT_* */
	uint32_t code_at;		/* guest physical */
	unsigned int code_len;
	uint8_t code[256];
	const struct opcode *op[8];	/* what was generated, random bytes apart */
	bool bytes;			/* and they are there */
	unsigned int ops, start[8];	/* where in code */
};

/* layout.c: what all programs have in memory */
void gen_template(uint8_t *ram, uint8_t *rom);

/* gen.c */
struct gen_features {
	bool xsave, avx, avx512, pcid, la57, smep, smap, umip, fsgsbase;
};

struct gen_options {
	uint64_t seed;
	struct gen_features has;	/* of the CPUID that all devices share */
	bool events;			/* interrupts and NMIs */
	unsigned int kinds, modes;	/* masks; 0: all */
	const char *skip[64];		/* names in opcodes.c */
	unsigned int skips;
};
extern struct gen_options gen_options;
/* Pages that it has written to, by number; who copies them takes the bits away. */
extern uint32_t gen_pages;
/* Program @n; its code and data go to @ram, which holds the template or the program before. */
void gen_program(struct program *p, uint64_t n, uint8_t *ram);
/* That is a quarter of what one costs: keep it, and its memory, for another run of the same executable; have it so. */
void gen_save(FILE *f, const struct program *p, const uint8_t *ram);
bool gen_load(FILE *f, struct program *p, uint8_t *ram);

/* opcodes.c: an instruction's form */
#define MAP_VEX	5
struct opcode {
	uint8_t map, first, last;	/* map: 1, 2 (0F), 3 (0F 38), 4 (0F 3A), and with VEX 5, 6, 7 for the last three */
	/*
	 * M ModRM, m of memory, r of registers; /a-b: its reg field; b w z v immediates; o moffs;
	 * j J relative; p far pointer; t T of a task, and the vector of its gate; L may be LOCKed; R REP means something; 0x..: mandatory prefix;
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
#define WORDS		8192
enum end { E_HLT, E_SHUTDOWN, E_ERROR, E_ENTRY, E_LIMIT, E_LOOP, E_REFUSED, E_OTHER };
struct access {
	uint64_t where, data;
	uint32_t len;
	uint8_t port, write, pad[2];
};
/* What a program ended in; what the SDM leaves open is 0. */
struct state {
	uint64_t end, detail;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_debugregs debug;
	struct fpu fpu;
	struct fpu512 fpu512;
	struct kvm_vcpu_events events;
	uint64_t msr[DIFFER_MSRS], xcr0;
	uint64_t memory;		/* a hash of what was changed */
	uint64_t accesses;
	struct access access[LOG];
	/* What follows from the above, or is not compared. */
	int64_t vector;			/* whose handler it ended in; -1: none */
	uint64_t at;			/* linear address it came to: RIP, or RIP in that handler's frame */
	uint64_t devices;		/* exits for them */
	uint64_t exits, work;		/* all exits; time-stamp counter: in the lab, instructions */
	uint64_t top;			/* one was at the end of 4 GB */
	uint64_t wrote_code;		/* the program changed its own instructions */
	uint64_t words;			/* that were changed, 8 bytes each, up to WORDS here */
	struct word { uint64_t at, value; } word[WORDS];
};
void machine_init(const char *cpuid_file);
/* Ticks that a program may take, 20 ms each, before it loops; and where what the reference had the processor execute is interpreted. */
#define LONG_PATIENCE	30
#define EXITS		(12 * LOG)
void machine_limits(unsigned int n_ticks, unsigned int n_exits);
/* Run it and tell how it ended. */
void machine_run(const struct program *p, struct state *s);
/* One that leaves nothing of an access that was not finished. */
void machine_flush(void);
extern uint8_t *machine_ram;		/* what the guest left */
extern uint8_t *fresh_ram;		/* what it began with */

/* memory.c: have it hold what it has before a program; tell what that changed. Where the latter is not asked all is anew. */
void memory_reset(void);
void memory_gather(const struct program *p, struct state *s);

/* compare.c: what two states differ in */
enum difference {
	D_END = 1 << 0, D_GPR = 1 << 1, D_RSP = 1 << 2, D_RIP = 1 << 3, D_RFLAGS = 1 << 4, D_SEGMENTS = 1 << 5,
	D_TABLES = 1 << 6, D_CONTROL = 1 << 7, D_CR2 = 1 << 8, D_DR6 = 1 << 9, D_DR = 1 << 10, D_FPU = 1 << 11,
	D_POINTERS = 1 << 12,		/* FPU opcode, instruction and data pointer */
	D_VECTORS = 1 << 13, D_MSRS = 1 << 14, D_EVENTS = 1 << 15, D_MEMORY = 1 << 16, D_ACCESSES = 1 << 17
};
unsigned int compare(const struct state *a, const struct state *b);
void print_differences(FILE *f, unsigned int mask);

/* known.c: who else's fault a difference between KVM and vh in @way is; NULL: nobody's */
const char *known(const struct program *p, const struct state *kvm, const struct state *vh, unsigned int differs,
		  const char *way);

#endif
