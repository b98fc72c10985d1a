// SPDX-License-Identifier: GPL-2.0-only
/*
 * operand.c - registers and memory operands, with all checks that come before paging.
 */
#include "insn.h"

#define UD_VECTOR 6
#define SS_VECTOR 12
#define GP_VECTOR 13
#define AC_VECTOR 17

/* A LOCKed instruction that lost against other processors this often starts again. */
#define MAX_LOCK_TRIES 64

/**
 * vh_emul_fault - the instruction raises an exception, whose error code, if it has one, is 0
 * @e: the instruction
 * @vector: the exception
 *
 * Returns VH_EMUL_FAULT.
 */
int vh_emul_fault(struct vh_emul *e, u8 vector)
{
	e->fault = (struct vh_fault){ .vector = vector };
	return VH_EMUL_FAULT;
}

/**
 * vh_exec_ud - handler of opcodes that are defined to be undefined
 * @e: the instruction
 */
int vh_exec_ud(struct vh_emul *e)
{
	return vh_emul_fault(e, UD_VECTOR);
}

/* Without REX, byte registers 4 to 7 are AH, CH, DH, BH. */
static bool high_byte(const struct vh_emul *e, unsigned int n, unsigned int size)
{
	return size == 1 && !e->d.rex && n >= 4;
}

/**
 * vh_reg_read - a general register operand
 * @e: the instruction
 * @n: its number, REX included
 * @size: bytes
 *
 * Returns the value, zero-extended.
 */
u64 vh_reg_read(const struct vh_emul *e, unsigned int n, unsigned int size)
{
	if (high_byte(e, n, size))
		return e->gpr[n & 3] >> 8 & 0xff;
	return e->gpr[n] & vh_mask(size);
}

/**
 * vh_reg_write - set a general register operand
 * @e: the instruction
 * @n: its number, REX included
 * @size: bytes; 4 clears the upper half, 1 and 2 leave the rest (SDM Vol. 1, 3.4.1.1)
 * @val: the value
 */
void vh_reg_write(struct vh_emul *e, unsigned int n, unsigned int size, u64 val)
{
	if (high_byte(e, n, size))
		e->gpr[n & 3] = (e->gpr[n & 3] & ~0xff00ULL) | (val & 0xff) << 8;
	else if (size >= 4)
		e->gpr[n] = val & vh_mask(size);
	else
		e->gpr[n] = (e->gpr[n] & ~vh_mask(size)) | (val & vh_mask(size));
}

/**
 * vh_addr_reg_write - set a register that an instruction uses as address or count
 * @e: the instruction
 * @n: its number
 * @adsize: bytes
 * @val: the value
 */
void vh_addr_reg_write(struct vh_emul *e, unsigned int n, unsigned int adsize, u64 val)
{
	if (adsize >= 4)
		e->gpr[n] = val & vh_mask(adsize);
	else
		e->gpr[n] = (e->gpr[n] & ~0xffffULL) | (val & 0xffff);
}

/* SDM Vol. 3, 5.3 and 5.5: limit and type, outside 64-bit mode. */
static __always_inline bool segment_allows(const struct vh_emul *e, const struct kvm_segment *s, u64 offset,
					   unsigned int len, bool write)
{
	u64 last = offset + len - 1;

	if (vh_emul_protected(e)) {
		if (s->unusable || !s->present)
			return false;
		if (s->type & 8 ? write || !(s->type & 2) : write && !(s->type & 2))
			return false;
	}
	if ((s->type & 0xc) == 4)	/* expand-down data */
		return offset > s->limit && last <= (s->db ? 0xffffffffULL : 0xffffULL);
	return last <= s->limit;
}

/* vh_linear_aligned(); @align of 0: as vh_linear() has it. Both are on the way of every access to a device. */
static __always_inline int to_linear(struct vh_emul *e, unsigned int seg, u64 offset, unsigned int len,
				     unsigned int align, bool write, u64 *linear)
{
	const struct kvm_segment *s = &e->seg[seg];
	bool ok;

	if (e->d.mode == 8) {
		*linear = offset;
		if (seg == VH_FS || seg == VH_GS)
			*linear += s->base;
		ok = vh_emul_canonical(e, *linear) && vh_emul_canonical(e, *linear + len - 1);
	} else {
		*linear = (u32)(s->base + offset);
		ok = segment_allows(e, s, offset, len, write);
	}
	if (!ok)
		return vh_emul_fault(e, seg == VH_SS ? SS_VECTOR : GP_VECTOR);
	if (e->cpl != 3 || !(e->rflags & X86_EFLAGS_AC) || !(e->cr0 & X86_CR0_AM))
		return VH_EMUL_OK;
	if (!align)
		align = len <= 8 && !(len & (len - 1)) ? len : 1;
	if (*linear & (align - 1)) {
		/* A page fault comes first (SDM Vol. 3, table 6-2). */
		if (e->ops->probe && e->ops->probe(e, *linear, len, write, false) == VH_EMUL_FAULT)
			return VH_EMUL_FAULT;
		return vh_emul_fault(e, AC_VECTOR);
	}
	return VH_EMUL_OK;
}

/**
 * vh_linear_aligned - a logical address to a linear one
 * @e: the instruction
 * @seg: enum vh_seg
 * @offset: already cut to the address size
 * @len: bytes of the access
 * @align: what it is aligned to, a power of 2; 1: anything
 * @write: whether it writes
 * @linear: the answer
 *
 * VH_EMUL_OK, or VH_EMUL_FAULT with #GP(0) or #SS(0) for limit, type and canonicality,
 * or #AC(0) (SDM Vol. 3, 6.15) for a user access that is not aligned, unless a #PF
 * comes before it.
 */
int vh_linear_aligned(struct vh_emul *e, unsigned int seg, u64 offset, unsigned int len, unsigned int align,
		      bool write, u64 *linear)
{
	return to_linear(e, seg, offset, len, align, write, linear);
}

/**
 * vh_linear - the linear address of one item
 * @e: the instruction
 * @seg: enum vh_seg
 * @offset: already cut to the address size
 * @len: bytes of it; up to 8, and a power of 2, its alignment is that (SDM Vol. 3, table 6-7)
 * @write: whether it is written
 * @linear: the answer
 *
 * Returns as vh_linear_aligned() does.
 */
int vh_linear(struct vh_emul *e, unsigned int seg, u64 offset, unsigned int len, bool write,
	      u64 *linear)
{
	return to_linear(e, seg, offset, len, 0, write, linear);
}

/**
 * vh_mem_read_pair - read two items that lie side by side, at a logical address
 * @e: the instruction
 * @seg: enum vh_seg
 * @offset: already cut to the address size
 * @buf: where to
 * @len: bytes of both
 * @align: what they are aligned to, a power of 2
 *
 * Returns as vh_mem_read() does.
 */
int vh_mem_read_pair(struct vh_emul *e, unsigned int seg, u64 offset, void *buf, unsigned int len, unsigned int align)
{
	u64 linear;
	int r = vh_linear_aligned(e, seg, offset, len, align, false, &linear);

	return r ? r : e->ops->read(e, linear, buf, len, false);
}

/**
 * vh_mem_read - read memory at a logical address
 * @e: the instruction
 * @seg: enum vh_seg
 * @offset: already cut to the address size
 * @buf: where to
 * @len: bytes
 *
 * Returns what vh_linear() and ops->read return.
 */
int vh_mem_read(struct vh_emul *e, unsigned int seg, u64 offset, void *buf, unsigned int len)
{
	u64 linear;
	int r = vh_linear(e, seg, offset, len, false, &linear);

	return r ? r : e->ops->read(e, linear, buf, len, false);
}

/**
 * vh_mem_write - write memory at a logical address
 * @e: the instruction
 * @seg: enum vh_seg
 * @offset: already cut to the address size
 * @buf: where from
 * @len: bytes
 *
 * Returns what vh_linear() and ops->write return.
 */
int vh_mem_write(struct vh_emul *e, unsigned int seg, u64 offset, const void *buf,
		 unsigned int len)
{
	u64 linear;
	int r = vh_linear(e, seg, offset, len, true, &linear);

	return r ? r : e->ops->write(e, linear, buf, len, false);
}

/**
 * vh_branch_ok - check the target of a near branch
 * @e: the instruction
 * @target: new instruction pointer, already cut to the operand size
 *
 * VH_EMUL_OK, or VH_EMUL_FAULT with #GP(0).
 */
int vh_branch_ok(struct vh_emul *e, u64 target)
{
	if (e->d.mode == 8 ? vh_emul_canonical(e, target) : target <= e->seg[VH_CS].limit)
		return VH_EMUL_OK;
	return vh_emul_fault(e, GP_VECTOR);
}

/**
 * vh_rm_read - read the ModRM (or moffs) operand
 * @e: the instruction
 * @size: bytes, up to 8
 * @val: the value, zero-extended
 *
 * VH_EMUL_OK, always so for a register; else what vh_mem_read() returns.
 */
int vh_rm_read(struct vh_emul *e, unsigned int size, u64 *val)
{
	*val = 0;
	if (e->d.mem)
		return vh_mem_read(e, e->d.ea_seg, e->d.ea, val, size);
	*val = vh_reg_read(e, e->d.rm, size);
	return VH_EMUL_OK;
}

/**
 * vh_rm_write - write the ModRM (or moffs) operand
 * @e: the instruction
 * @size: bytes, up to 8
 * @val: the value
 *
 * VH_EMUL_OK, always so for a register; else what vh_mem_write() returns.
 */
int vh_rm_write(struct vh_emul *e, unsigned int size, u64 val)
{
	if (e->d.mem)
		return vh_mem_write(e, e->d.ea_seg, e->d.ea, &val, size);
	vh_reg_write(e, e->d.rm, size, val);
	return VH_EMUL_OK;
}

/* m->old is read; repeat @fn until nobody came between. */
static int rmw_locked(struct vh_emul *e, u64 linear, unsigned int size, struct vh_rmw *m,
		      vh_rmw_fn fn)
{
	unsigned int tries;

	for (tries = 0; tries < MAX_LOCK_TRIES; tries++) {
		u64 seen = m->old, new;
		int r;

		m->flags = e->rflags;
		new = fn(e, m) & vh_mask(size);
		r = (e->ops->cmpxchg)(e, linear, &seen, new, size, false);
		if (r)
			return r;
		if (seen == m->old)
			return VH_EMUL_OK;
		m->old = seen;
	}
	return VH_EMUL_RETRY;
}

/**
 * vh_rmw - read, modify and write the ModRM operand, atomically if LOCKed
 * @e: the instruction
 * @size: bytes, up to 8
 * @m: m->src is the handler's; m->old and m->flags are left for it
 * @fn: the new value from m->old and m->src, and m->flags; may be called repeatedly
 *
 * The operand, if a register, is written; RFLAGS are not. VH_EMUL_OK or a failed
 * access's result.
 */
int vh_rmw(struct vh_emul *e, unsigned int size, struct vh_rmw *m, vh_rmw_fn fn)
{
	u64 linear, new;
	int r;

	m->flags = e->rflags;
	m->old = 0;
	if (!e->d.mem) {
		m->old = vh_reg_read(e, e->d.rm, size);
		vh_reg_write(e, e->d.rm, size, fn(e, m));
		return VH_EMUL_OK;
	}
	r = vh_linear(e, e->d.ea_seg, e->d.ea, size, true, &linear);
	if (r)
		return r;
	if (e->ops->probe) {
		/* A page that cannot be written must not be read as a device first. */
		r = e->ops->probe(e, linear, size, true, false);
		if (r != VH_EMUL_OK && r != VH_EMUL_USER)
			return r;
	}
	if (e->d.lock && r == VH_EMUL_OK) {
		r = e->ops->read(e, linear, &m->old, size, false);
		return r ? r : rmw_locked(e, linear, size, m, fn);
	}
	r = e->ops->read(e, linear, &m->old, size, false);
	if (r)
		return r;
	new = fn(e, m) & vh_mask(size);
	return e->ops->write(e, linear, &new, size, false);
}
