/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * emul.h - decoder and interpreter of single x86 instructions.
 *
 * Pure C on plain values: it knows neither vCPUs nor VMX, and builds for the
 * host's unit tests as well. An instruction is executed from its start each
 * time; nothing is written back (registers, RIP) before it is whole, so an
 * access that has to leave for userspace is simply tried again when its answer
 * is there.
 */
#ifndef VH_EMUL_H
#define VH_EMUL_H

#include <linux/kvm.h>
#include <linux/types.h>

enum vh_emul_result {
	VH_EMUL_OK = 0,
	VH_EMUL_FAULT,		/* e->fault is to be injected */
	VH_EMUL_USER,		/* an access needs userspace; execute again afterwards */
	VH_EMUL_RETRY,		/* enter the guest again, nothing was done */
	VH_EMUL_UNHANDLED,	/* not an instruction this interpreter knows */
	VH_EMUL_RSM,		/* RSM, and ops->system says that it is the caller's to execute */
};

enum vh_seg { VH_ES, VH_CS, VH_SS, VH_DS, VH_FS, VH_GS, VH_LDTR, VH_TR, VH_NR_SEGS };

/* Canonical (SDM Vol. 1, 3.3.7.1): @la57: the wider form, of 5-level paging. */
static inline bool vh_canonical(u64 linear, bool la57)
{
	unsigned int shift = la57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(linear << shift) >> shift) == linear;
}

/* Does exception @vector push an error code in protected mode? (SDM Table 6-1) #CP is none of a guest without CET. */
static inline bool vh_has_error_code(u8 vector)
{
	return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

struct vh_fault {
	u8 vector;
	bool payload;		/* CR2 is yet to be loaded with @cr2; vector 1: DR6 */
	u32 error;		/* of a vector that has one: vh_has_error_code() */
	u64 cr2;		/* vector 14 only, or the payload */
};

/* Of ops->system: what to do, with register number or address @n and value *val. */
enum vh_emul_sys {
	VH_SYS_CR_READ, VH_SYS_CR_WRITE, VH_SYS_DR_READ, VH_SYS_DR_WRITE,
	VH_SYS_MSR_READ, VH_SYS_MSR_WRITE,	/* @n: index */
	VH_SYS_CPUID,				/* on e->gpr */
	VH_SYS_TSC_READ, VH_SYS_INVLPG,
	/*
	 * Of a task switch, the new task's CR3 in *val, unless @n is 0: its TSS has none.
	 * CHECK: could it be loaded? ENTER loads it, and e->rflags are the new task's; UNDO:
	 * the old task's again. DONE: CR0.TS is set, DR7's local enables are cleared.
	 */
	VH_SYS_TASK_CHECK, VH_SYS_TASK_ENTER, VH_SYS_TASK_UNDO, VH_SYS_TASK_DONE,
	VH_SYS_INT3,				/* RETRY: it is a debugger's, and not executed */
	VH_SYS_VMCALL,				/* *val: what RAX becomes */
	VH_SYS_RSM,				/* VH_EMUL_RSM, or OK: there is no such instruction */
};

/* CPUID's words of feature bits, and the features that decide about instructions: word and bit. */
enum vh_has_word {
	VH_HAS_1_ECX, VH_HAS_1_EDX, VH_HAS_7_EBX, VH_HAS_7_ECX, VH_HAS_D1_EAX, VH_HAS_81_ECX,
	VH_HAS_81_EDX,
};

#define VH_HAS(word, bit)	(VH_HAS_##word * 32 + (bit))
#define VH_HAS_FPU		VH_HAS(1_EDX, 0)
#define VH_HAS_MMX		VH_HAS(1_EDX, 23)
#define VH_HAS_FXSR		VH_HAS(1_EDX, 24)
#define VH_HAS_SSE		VH_HAS(1_EDX, 25)
#define VH_HAS_SSE2		VH_HAS(1_EDX, 26)
#define VH_HAS_SSE3		VH_HAS(1_ECX, 0)
#define VH_HAS_MWAIT		VH_HAS(1_ECX, 3)
#define VH_HAS_SSSE3		VH_HAS(1_ECX, 9)
#define VH_HAS_SSE41		VH_HAS(1_ECX, 19)
#define VH_HAS_SSE42		VH_HAS(1_ECX, 20)
#define VH_HAS_MOVBE		VH_HAS(1_ECX, 22)
#define VH_HAS_POPCNT		VH_HAS(1_ECX, 23)
#define VH_HAS_AES		VH_HAS(1_ECX, 25)
#define VH_HAS_AVX		VH_HAS(1_ECX, 28)
#define VH_HAS_RDRAND		VH_HAS(1_ECX, 30)
#define VH_HAS_BMI1		VH_HAS(7_EBX, 3)
#define VH_HAS_AVX2		VH_HAS(7_EBX, 5)
#define VH_HAS_FDP_EXCPTN_ONLY	VH_HAS(7_EBX, 6)	/* it lacks the others' */
#define VH_HAS_BMI2		VH_HAS(7_EBX, 8)
#define VH_HAS_INVPCID		VH_HAS(7_EBX, 10)
#define VH_HAS_AVX512F		VH_HAS(7_EBX, 16)
#define VH_HAS_RDSEED		VH_HAS(7_EBX, 18)
#define VH_HAS_ADX		VH_HAS(7_EBX, 19)
#define VH_HAS_AVX512BW		VH_HAS(7_EBX, 30)
#define VH_HAS_AVX512VL		VH_HAS(7_EBX, 31)
#define VH_HAS_RDPID		VH_HAS(7_ECX, 22)
#define VH_HAS_XSAVES		VH_HAS(D1_EAX, 3)
#define VH_HAS_LZCNT		VH_HAS(81_ECX, 5)
#define VH_HAS_RDTSCP		VH_HAS(81_EDX, 27)
#define VH_HAS_LM		VH_HAS(81_EDX, 29)

struct vh_emul;

/* x87, MMX and SSE registers, as FXSAVE64 lays them out (SDM Vol. 1, table 10-2) */
struct vh_fx {
	u16 cw, sw;
	u8 tw, reserved;		/* tw: a bit for each register that is not empty */
	u16 op;				/* of the last instruction that was not control */
	u64 ip, dp;
	u32 mxcsr, mxcsr_mask;
	u8 st[8][16];			/* ST(0) to ST(7), 10 bytes of each */
	u8 xmm[16][16];
	u8 unused[96];
} __attribute__((aligned(16)));

/**
 * struct vh_emul_ops - the interpreter's way to memory and I/O
 *
 * All return enum vh_emul_result; on VH_EMUL_FAULT they have filled e->fault.
 * Linear addresses are already checked against segment limits and canonicality.
 */
struct vh_emul_ops {
	int (*fetch)(struct vh_emul *e, u64 linear, void *buf, unsigned int len);
	/* @system: implicit supervisor access (descriptor tables, TSS) */
	int (*read)(struct vh_emul *e, u64 linear, void *buf, unsigned int len, bool system);
	int (*write)(struct vh_emul *e, u64 linear, const void *buf, unsigned int len, bool system);
	/*
	 * LOCKed and XCHG forms: *old is replaced by what memory held; result stored iff equal.
	 * Called as (ops->cmpxchg)(): the kernel has a macro of that name.
	 */
	int (*cmpxchg)(struct vh_emul *e, u64 linear, u64 *old, u64 new, unsigned int len, bool system);
	int (*io)(struct vh_emul *e, u16 port, void *data, unsigned int len, bool write);
	/* I/O permission (CPL > IOPL): VH_EMUL_OK or VH_EMUL_FAULT with #GP */
	int (*io_allowed)(struct vh_emul *e, u16 port, unsigned int len);

	/* The rest may be NULL. */

	/*
	 * What an access would do, without doing it: VH_EMUL_OK plain memory, VH_EMUL_USER
	 * a device (in-kernel or not), VH_EMUL_FAULT. Without it every REP iteration is a step
	 * of its own, LOCK on a device goes through cmpxchg, and a string instruction may
	 * have read its source before its destination faults.
	 */
	int (*probe)(struct vh_emul *e, u64 linear, unsigned int len, bool write, bool system);
	/*
	 * INS and OUTS of *count elements between the port and plain memory at @linear, which
	 * probe has seen, in one page; *count becomes how many were done, at least 1. Without
	 * it each is a step of its own.
	 */
	int (*io_rep)(struct vh_emul *e, u16 port, u64 linear, unsigned int size,
		      unsigned int *count, bool write);
	/* As cmpxchg, 16 aligned bytes; without it LOCK CMPXCHG16B is not handled. */
	int (*cmpxchg16)(struct vh_emul *e, u64 linear, u64 old[2], const u64 new[2]);
	/*
	 * Vector register @n (0 to 31): all 64 bytes, 0 where there are fewer; 16 bytes are
	 * written, the rest stays, or all 64. Without them SIMD moves are not handled.
	 */
	void (*vec_read)(struct vh_emul *e, unsigned int n, u8 val[64]);
	void (*vec_write)(struct vh_emul *e, unsigned int n, const u8 val[64], unsigned int len);
	/* Without them x87 and MMX instructions are not handled, nor what looks at MXCSR. */
	void (*fpu_read)(struct vh_emul *e, struct vh_fx *fx);
	void (*fpu_write)(struct vh_emul *e, const struct vh_fx *fx);
	/*
	 * Call @fn, which uses the processor's x87 and SSE registers and MXCSR, leaves no x87
	 * exception pending, and neither sleeps nor faults. Without it there is no arithmetic.
	 */
	void (*with_fpu)(struct vh_emul *e, void (*fn)(void *arg), void *arg);
	/* Does CPUID show it, VH_HAS_*? Without it: everything. */
	bool (*has)(struct vh_emul *e, unsigned int feature);

	/*
	 * Processor state beyond the registers; called last, when the instruction cannot
	 * fail otherwise. Without them such instructions are not handled.
	 */
	void (*set_seg)(struct vh_emul *e, unsigned int n, const struct kvm_segment *seg);
	void (*set_table)(struct vh_emul *e, bool idt, u64 base, u16 limit);
	/* Called before *gdt, *idt, seg[VH_LDTR] or seg[VH_TR] is looked at; may be NULL. */
	void (*tables)(struct vh_emul *e);
	/* VH_EMUL_OK, or VH_EMUL_FAULT */
	int (*system)(struct vh_emul *e, enum vh_emul_sys what, unsigned int n, u64 *val);
};

struct vh_opcode;

/**
 * struct vh_emul - one instruction's context; set up by the caller
 */
struct vh_emul {
	const struct vh_emul_ops *ops;
	/* in: processor state; out: registers after VH_EMUL_OK */
	u64 gpr[16];
	u64 rip, rflags;
	const struct kvm_segment *seg;	/* VH_NR_SEGS of them */
	const struct kvm_dtable *gdt, *idt;	/* may be NULL without ops->set_seg */
	u64 cr0, cr4, efer, xcr0;
	u8 cpl;
	bool has_smap;
	bool single;			/* a string instruction is done behind each iteration */
	/* out */
	struct vh_fault fault;
	u8 len;				/* instruction length, once decoded */
	bool rep_more;			/* REP iteration done, more to come: RIP not advanced */
	bool sti_shadow;		/* MOV SS/POP SS/STI: interrupt shadow due */
	bool mov_ss;			/* the shadow is that of MOV SS or POP SS */
	bool iret;			/* IRET: NMIs unblock, also with VH_EMUL_FAULT */
	bool int1;			/* INT1 has raised #DB */
	bool halted;			/* HLT */
	bool trap;			/* single-stepped: #DB is due behind it (behind the iteration) */
	bool task;			/* a task switch: also with VH_EMUL_FAULT, which is the new task's */
	u16 task_traps;			/* what is due before the new task's first instruction, as in DR6 */
	/* in: bytes the processor supplied or a cached decode; may be 0 */
	u8 insn[15];
	u8 insn_len;
	/* private to emul/; callers may read it after vh_emul_decode() */
	struct vh_insn {
		const struct vh_opcode *op;	/* what executes it */
		u8 opcode_map;		/* 1, 2 (0F), 3 (0F 38), 4 (0F 3A) */
		u8 opcode, modrm, sib, rex;
		u8 seg_override;	/* enum vh_seg, VH_NR_SEGS: none */
		u8 rep;			/* last of F2, F3; or 0 */
		bool lock, opsize_prefix;
		bool mem;		/* the ModRM (or moffs) operand is memory */
		u8 vex;			/* 0; VH_VEX, VH_EVEX: these prefixes */
		u8 vvvv;		/* of these: the register, 0 when it is not used */
		u8 vlen;		/* bytes of a vector: 16, 32, 64 */
		bool w;
		u8 evex;		/* its last byte: z, L'L, b, V', aaa */
		u8 disp_scale;		/* EVEX: of an 8-bit displacement */
		u8 mode;		/* code: 2, 4, 8 bytes */
		u8 opsize, adsize;	/* bytes: 2, 4, 8 */
		u8 size;		/* of the operand: 1 for byte forms, else opsize */
		u8 reg, rm;		/* register numbers with REX */
		u8 imm_len;
		s64 disp;
		u64 imm;		/* sign-extended where the form says so */
		u64 imm2;		/* far pointers' selector, ENTER's level */
		u64 ea;			/* effective address, before the segment base */
		u8 ea_seg;
		u64 next_rip;
	} d;
};

#define VH_VEX	1
#define VH_EVEX	2

int vh_emul_decode(struct vh_emul *e);
int vh_emul_step(struct vh_emul *e);
int vh_emul_real_int(struct vh_emul *e, u8 vector);

/* As in the exit qualification (SDM Table 28-2). */
enum vh_task_source { VH_TASK_CALL, VH_TASK_IRET, VH_TASK_JMP, VH_TASK_GATE };

/**
 * struct vh_task_switch - what a task switch is to do
 * @sel: selector of the new TSS
 * @source: what causes it; VH_TASK_GATE: an event that the IDT has a task gate for
 * @external: the event is no INT n, INT3 or INTO (bit EXT of error codes)
 * @fault: the event is a fault: RF is set in the old task's EFLAGS
 * @push: the event has an error code for the new task's stack
 * @error: the error code
 */
struct vh_task_switch {
	u16 sel;
	enum vh_task_source source;
	bool external, fault, push;
	u32 error;
};

int vh_emul_task_switch(struct vh_emul *e, const struct vh_task_switch *t);

/**
 * struct vh_emul_event - an event that protected mode delivers
 * @vector: its vector
 * @soft: INT n, INT3 or INTO: bit EXT of error codes is 0
 * @checked: the gate's DPL has to let CPL through: of these, and not of INT1
 * @fault: it is a fault
 * @has_error: it has an error code
 * @error: the error code
 */
struct vh_emul_event {
	u8 vector;
	bool soft, checked, fault, has_error;
	u32 error;
};

int vh_emul_event(struct vh_emul *e, const struct vh_emul_event *ev);
int vh_emul_redirects(struct vh_emul *e, u8 vector, bool *answer);

#endif /* VH_EMUL_H */
