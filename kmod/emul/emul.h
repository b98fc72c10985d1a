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
};

enum vh_seg { VH_ES, VH_CS, VH_SS, VH_DS, VH_FS, VH_GS, VH_LDTR, VH_TR, VH_NR_SEGS };

/* Canonical (SDM Vol. 1, 3.3.7.1): @la57: the wider form, of 5-level paging. */
static inline bool vh_canonical(u64 linear, bool la57)
{
	unsigned int shift = la57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(linear << shift) >> shift) == linear;
}

struct vh_fault {
	u8 vector;
	bool has_error;
	u32 error;
	u64 cr2;		/* vector 14 only */
};

/* Of ops->system: what to do, with register number or address @n and value *val. */
enum vh_emul_sys {
	VH_SYS_CR_READ, VH_SYS_CR_WRITE, VH_SYS_DR_READ, VH_SYS_DR_WRITE,
	VH_SYS_MSR_READ, VH_SYS_MSR_WRITE,	/* @n: index */
	VH_SYS_CPUID,				/* on e->gpr */
	VH_SYS_TSC_READ, VH_SYS_INVLPG,
	VH_SYS_VMCALL,				/* *val: what RAX becomes */
};

struct vh_emul;

/* @init: FNINIT, the tags and the last instruction's addresses are reset as well */
struct vh_x87 {
	u16 cw, sw;
	bool init;
};

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
	int (*cmpxchg)(struct vh_emul *e, u64 linear, u64 *old, u64 new, unsigned int len);
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
	int (*probe)(struct vh_emul *e, u64 linear, unsigned int len, bool write);
	/*
	 * INS and OUTS of *count elements between the port and plain memory at @linear, which
	 * probe has seen, in one page; *count becomes how many were done, at least 1. Without
	 * it each is a step of its own.
	 */
	int (*io_rep)(struct vh_emul *e, u16 port, u64 linear, unsigned int size,
		      unsigned int *count, bool write);
	/* As cmpxchg, 16 aligned bytes; without it LOCK CMPXCHG16B is not handled. */
	int (*cmpxchg16)(struct vh_emul *e, u64 linear, u64 old[2], const u64 new[2]);
	/* 16-byte register @n (0 to 15); without them SSE moves are not handled. */
	int (*read_xmm)(struct vh_emul *e, unsigned int n, u64 val[2]);
	int (*write_xmm)(struct vh_emul *e, unsigned int n, const u64 val[2]);
	/* x87 control and status; without them such instructions are not handled. */
	void (*read_x87)(struct vh_emul *e, struct vh_x87 *x);
	void (*write_x87)(struct vh_emul *e, const struct vh_x87 *x);

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
	u64 cr0, cr4, efer;
	u8 cpl;
	bool has_tzcnt, has_lzcnt;	/* the processor's: without them they are BSF and BSR */
	bool has_smap;
	/* out */
	struct vh_fault fault;
	u8 len;				/* instruction length, once decoded */
	bool rep_more;			/* REP iteration done, more to come: RIP not advanced */
	bool sti_shadow;		/* MOV SS/POP SS/STI: interrupt shadow due */
	bool mov_ss;			/* the shadow is that of MOV SS or POP SS */
	bool iret;			/* IRET: NMIs unblock */
	bool delivered;			/* INT n: its handler is not single-stepped into */
	bool halted;			/* HLT */
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

int vh_emul_decode(struct vh_emul *e);
int vh_emul_step(struct vh_emul *e);
int vh_emul_real_int(struct vh_emul *e, u8 vector);

#endif /* VH_EMUL_H */
