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

struct vh_fault {
	u8 vector;
	bool has_error;
	u32 error;
	u64 cr2;		/* vector 14 only */
};

struct vh_emul;

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
	/* LOCKed and XCHG forms: *old is replaced by what memory held; result stored iff equal */
	int (*cmpxchg)(struct vh_emul *e, u64 linear, u64 *old, u64 new, unsigned int len);
	int (*io)(struct vh_emul *e, u16 port, void *data, unsigned int len, bool write);
	/* I/O permission (CPL > IOPL): VH_EMUL_OK or VH_EMUL_FAULT with #GP */
	int (*io_allowed)(struct vh_emul *e, u16 port, unsigned int len);
};

/**
 * struct vh_emul - one instruction's context; set up by the caller
 */
struct vh_emul {
	const struct vh_emul_ops *ops;
	/* in: processor state; out: registers after VH_EMUL_OK */
	u64 gpr[16];
	u64 rip, rflags;
	const struct kvm_segment *seg;	/* VH_NR_SEGS of them */
	u64 cr0, cr4, efer;
	u8 cpl;
	/* out */
	struct vh_fault fault;
	u8 len;				/* instruction length, once decoded */
	bool rep_more;			/* REP iteration done, more to come: RIP not advanced */
	bool sti_shadow;		/* MOV SS/POP SS/STI: interrupt shadow due */
	/* in: bytes the processor supplied or a cached decode; may be 0 */
	u8 insn[15];
	u8 insn_len;
	/* private to emul/ */
	struct vh_insn {
		u8 opcode_map, opcode, modrm, sib, rex, seg_override, rep, lock;
		u8 opsize, adsize;	/* bytes: 2, 4, 8 */
		u8 imm_len;
		bool opsize_prefix;
		s64 disp;
		u64 imm;
		u64 imm2;
		u64 ea;			/* effective address, before the segment base */
		u8 ea_seg;
	} d;
};

/* Decode only; fetches through ops->fetch when e->insn_len is 0 or too short. */
int vh_emul_decode(struct vh_emul *e);
/* Decode and execute one instruction (one iteration of a REP form may batch several). */
int vh_emul_step(struct vh_emul *e);

#endif /* VH_EMUL_H */
