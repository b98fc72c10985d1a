// SPDX-License-Identifier: GPL-2.0-only
/*
 * string.c - handlers of the string instructions and their REP forms.
 *
 * An iteration is whole or has not happened; where memory is plain on both sides a step
 * does many of them.
 */
#include "insn.h"

/* Iterations in one step: bounds the time for which events wait. */
#define MAX_BATCH 256

/**
 * struct string - one string instruction
 * @one: does one iteration; changes registers last. @plain: its memory is known to be RAM
 * @source: uses rSI
 * @dest: uses rDI
 * @dest_write: writes there
 * @compare: REP ends by ZF as well
 * @io: has a port: batched only where ops->io_rep does it
 */
struct string {
	int (*one)(struct vh_emul *e, bool plain);
	bool source, dest, dest_write, compare, io;
};

static u64 offset_of(const struct vh_emul *e, unsigned int reg)
{
	return e->gpr[reg] & vh_mask(e->d.adsize);
}

static void advance_by(struct vh_emul *e, unsigned int reg, unsigned int elements)
{
	s64 step = e->rflags & X86_EFLAGS_DF ? -(s64)e->d.size : e->d.size;

	vh_addr_reg_write(e, reg, e->d.adsize, e->gpr[reg] + step * elements);
}

static void advance(struct vh_emul *e, unsigned int reg)
{
	advance_by(e, reg, 1);
}

/* How many elements from rSI or rDI on are plain memory in one page; 0: none. */
static unsigned int plain_elements(struct vh_emul *e, unsigned int seg, unsigned int reg,
				   bool write)
{
	unsigned int size = e->d.size, in_page;
	u64 linear;

	if (vh_linear(e, seg, offset_of(e, reg), size, write, &linear))
		return 0;
	in_page = linear & 4095;
	if (in_page + size > 4096 || e->ops->probe(e, linear, size, write, false) != VH_EMUL_OK)
		return 0;
	return e->rflags & X86_EFLAGS_DF ? in_page / size + 1 : (4096 - in_page) / size;
}

/* 0: the next iteration may touch a device or fault. */
static unsigned int batch_size(struct vh_emul *e, const struct string *s)
{
	unsigned int n = MAX_BATCH;

	if (!e->ops->probe)
		return 0;
	if (s->source)
		n = min(n, plain_elements(e, e->d.ea_seg, VH_RSI, false));
	if (n && s->dest)
		n = min(n, plain_elements(e, VH_ES, VH_RDI, s->dest_write));
	return n;
}

/*
 * Many elements between a port and memory that is plain, does not wrap around and is within
 * the segment's limit. *count: how many there are, then how many were done; 0: the first is
 * for the ordinary way.
 */
static int io_block(struct vh_emul *e, const struct string *s, u64 *count)
{
	unsigned int reg = s->dest ? VH_RDI : VH_RSI, seg = s->dest ? VH_ES : e->d.ea_seg;
	u16 port = e->gpr[VH_RDX];
	u64 offset = offset_of(e, reg), linear, n;
	unsigned int done;
	int r;

	n = min(*count, (vh_mask(e->d.adsize) - offset) / e->d.size);
	*count = 0;
	if (!e->ops->io_rep || !e->ops->probe || n < 2 || (e->rflags & X86_EFLAGS_DF))
		return VH_EMUL_OK;
	r = e->ops->io_allowed(e, port, e->d.size);
	if (r)
		return r;
	done = min_t(u64, n, plain_elements(e, seg, reg, s->dest));
	if (done < 2 || vh_linear(e, seg, offset, done * e->d.size, s->dest, &linear))
		return VH_EMUL_OK;
	r = e->ops->io_rep(e, port, linear, e->d.size, &done, !s->dest);
	if (r)
		return r;
	advance_by(e, reg, done);
	*count = done;
	return VH_EMUL_OK;
}

static int string(struct vh_emul *e, const struct string *s)
{
	bool rep = e->d.rep, more = false;
	u64 count = rep ? offset_of(e, VH_RCX) : 1;
	unsigned int batch = 0, done = 0;
	int r = VH_EMUL_OK;

	if (!count)
		return VH_EMUL_OK;
	if (e->trap || e->single) {
		/* behind each iteration */
	} else if (rep && count > 1 && s->io) {
		u64 n = count;

		r = io_block(e, s, &n);
		if (r)
			return r;
		if (n) {
			vh_addr_reg_write(e, VH_RCX, e->d.adsize, count - n);
			e->rep_more = count > n;
			return VH_EMUL_OK;
		}
	} else if (rep && count > 1) {
		batch = batch_size(e, s);
	}
	do {
		r = s->one(e, batch);
		if (r)
			break;
		done++;
		count--;
		if (!rep)
			return VH_EMUL_OK;
		vh_addr_reg_write(e, VH_RCX, e->d.adsize, count);
		more = count && !(s->compare &&
				  !(e->rflags & X86_EFLAGS_ZF) == (e->d.rep == 0xf3));
	} while (more && done < batch);
	/* What is done is done: what stopped it comes again in the next step. */
	if (r && !done)
		return r;
	e->rep_more = more;
	return VH_EMUL_OK;
}

/* Destinations must be writable before a device is read. */
static int probe_dest(struct vh_emul *e, u64 linear, bool plain)
{
	int r;

	if (plain || !e->ops->probe)
		return VH_EMUL_OK;
	r = e->ops->probe(e, linear, e->d.size, true, false);
	return r == VH_EMUL_USER ? VH_EMUL_OK : r;
}

static int movs(struct vh_emul *e, bool plain)
{
	u64 source, dest, val = 0;
	int r;

	r = vh_linear(e, e->d.ea_seg, offset_of(e, VH_RSI), e->d.size, false, &source);
	/* The source's fault comes first. */
	if (!r && !plain && e->ops->probe &&
	    e->ops->probe(e, source, e->d.size, false, false) == VH_EMUL_FAULT)
		r = VH_EMUL_FAULT;
	if (!r)
		r = vh_linear(e, VH_ES, offset_of(e, VH_RDI), e->d.size, true, &dest);
	if (!r)
		r = probe_dest(e, dest, plain);
	if (!r)
		r = e->ops->read(e, source, &val, e->d.size, false);
	if (!r)
		r = e->ops->write(e, dest, &val, e->d.size, false);
	if (r)
		return r;
	advance(e, VH_RSI);
	advance(e, VH_RDI);
	return VH_EMUL_OK;
}

/* vh_exec_movs - A4, A5 */
int vh_exec_movs(struct vh_emul *e)
{
	static const struct string s = {
		.one = movs, .source = true, .dest = true, .dest_write = true,
	};

	return string(e, &s);
}

static void compare(struct vh_emul *e, u64 a, u64 b)
{
	u64 flags = e->rflags;

	vh_alu(VH_CMP, e->d.size, a, b, &flags);
	e->rflags = flags;
}

static int cmps(struct vh_emul *e, bool plain)
{
	u64 a = 0, b = 0;
	int r;

	r = vh_mem_read(e, e->d.ea_seg, offset_of(e, VH_RSI), &a, e->d.size);
	if (!r)
		r = vh_mem_read(e, VH_ES, offset_of(e, VH_RDI), &b, e->d.size);
	if (r)
		return r;
	compare(e, a, b);
	advance(e, VH_RSI);
	advance(e, VH_RDI);
	return VH_EMUL_OK;
}

/* vh_exec_cmps - A6, A7 */
int vh_exec_cmps(struct vh_emul *e)
{
	static const struct string s = {
		.one = cmps, .source = true, .dest = true, .compare = true,
	};

	return string(e, &s);
}

static int stos(struct vh_emul *e, bool plain)
{
	int r = vh_mem_write(e, VH_ES, offset_of(e, VH_RDI), &e->gpr[VH_RAX], e->d.size);

	if (!r)
		advance(e, VH_RDI);
	return r;
}

/* vh_exec_stos - AA, AB */
int vh_exec_stos(struct vh_emul *e)
{
	static const struct string s = { .one = stos, .dest = true, .dest_write = true };

	return string(e, &s);
}

static int lods(struct vh_emul *e, bool plain)
{
	u64 val = 0;
	int r = vh_mem_read(e, e->d.ea_seg, offset_of(e, VH_RSI), &val, e->d.size);

	if (r)
		return r;
	vh_reg_write(e, VH_RAX, e->d.size, val);
	advance(e, VH_RSI);
	return VH_EMUL_OK;
}

/* vh_exec_lods - AC, AD */
int vh_exec_lods(struct vh_emul *e)
{
	static const struct string s = { .one = lods, .source = true };

	return string(e, &s);
}

static int scas(struct vh_emul *e, bool plain)
{
	u64 val = 0;
	int r = vh_mem_read(e, VH_ES, offset_of(e, VH_RDI), &val, e->d.size);

	if (r)
		return r;
	compare(e, e->gpr[VH_RAX], val);
	advance(e, VH_RDI);
	return VH_EMUL_OK;
}

/* vh_exec_scas - AE, AF */
int vh_exec_scas(struct vh_emul *e)
{
	static const struct string s = { .one = scas, .dest = true, .compare = true };

	return string(e, &s);
}

/* REP INS and OUTS with a count of 0 ask for no permission. */
static int ins(struct vh_emul *e, bool plain)
{
	u16 port = e->gpr[VH_RDX];
	u64 dest, val = 0;
	int r;

	r = e->ops->io_allowed(e, port, e->d.size);
	if (!r)
		r = vh_linear(e, VH_ES, offset_of(e, VH_RDI), e->d.size, true, &dest);
	if (!r)
		r = probe_dest(e, dest, false);
	if (!r)
		r = e->ops->io(e, port, &val, e->d.size, false);
	if (!r)
		r = e->ops->write(e, dest, &val, e->d.size, false);
	if (!r)
		advance(e, VH_RDI);
	return r;
}

/* vh_exec_ins - 6C, 6D */
int vh_exec_ins(struct vh_emul *e)
{
	static const struct string s = {
		.one = ins, .dest = true, .dest_write = true, .io = true,
	};

	e->d.size = min_t(u8, e->d.size, 4);
	return string(e, &s);
}

static int outs(struct vh_emul *e, bool plain)
{
	u16 port = e->gpr[VH_RDX];
	u64 val = 0;
	int r;

	r = e->ops->io_allowed(e, port, e->d.size);
	if (!r)
		r = vh_mem_read(e, e->d.ea_seg, offset_of(e, VH_RSI), &val, e->d.size);
	if (!r)
		r = e->ops->io(e, port, &val, e->d.size, true);
	if (!r)
		advance(e, VH_RSI);
	return r;
}

/* vh_exec_outs - 6E, 6F */
int vh_exec_outs(struct vh_emul *e)
{
	static const struct string s = { .one = outs, .source = true, .io = true };

	e->d.size = min_t(u8, e->d.size, 4);
	return string(e, &s);
}
