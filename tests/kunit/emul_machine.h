/* SPDX-License-Identifier: GPL-2.0-only */
/* emul_machine.h - memory, ports and registers for the interpreter's cases. */
#ifndef EMUL_MACHINE_H
#define EMUL_MACHINE_H

#include "tap.h"
#include "../unit/test_emul.h"

#define CS_BASE 0x10000
#define DS_BASE 0x20000
#define ES_BASE 0x30000
#define SS_BASE 0x40000

static u8 ram[0x50000];
static u64 absent = ~0ULL;	/* this page faults */
static u64 port_data;
static unsigned int ports;
static u16 last_port;
static u64 xmm[16][2];
static struct kvm_segment seg[VH_NR_SEGS];

static u8 *at(struct vh_emul *e, u64 linear, unsigned int len, u32 error)
{
	u64 page = linear & ~4095ULL, last = (linear + len - 1) & ~4095ULL;

	if (page == absent || last == absent || linear + len > sizeof(ram)) {
		e->fault = (struct vh_fault){ .vector = 14, .error = error,
					      .cr2 = page == absent ? linear : last };
		return NULL;
	}
	return ram + linear;
}

static int op_fetch(struct vh_emul *e, u64 linear, void *buf, unsigned int len)
{
	u8 *p = at(e, linear, len, 16);

	return p ? memcpy(buf, p, len), VH_EMUL_OK : VH_EMUL_FAULT;
}

static int op_read(struct vh_emul *e, u64 linear, void *buf, unsigned int len, bool system)
{
	u8 *p = at(e, linear, len, 0);

	return p ? memcpy(buf, p, len), VH_EMUL_OK : VH_EMUL_FAULT;
}

static int op_write(struct vh_emul *e, u64 linear, const void *buf, unsigned int len, bool system)
{
	u8 *p = at(e, linear, len, 2);

	return p ? memcpy(p, buf, len), VH_EMUL_OK : VH_EMUL_FAULT;
}

static int op_io(struct vh_emul *e, u16 port, void *data, unsigned int len, bool write)
{
	ports++;
	last_port = port;
	if (write) {
		port_data = 0;
		memcpy(&port_data, data, len);
	} else {
		memcpy(data, &port_data, len);
	}
	return VH_EMUL_OK;
}

static int op_io_allowed(struct vh_emul *e, u16 port, unsigned int len)
{
	return port == 0x666 ? vh_emul_fault(e, 13) : VH_EMUL_OK;
}

static int op_probe(struct vh_emul *e, u64 linear, unsigned int len, bool write, bool system)
{
	return at(e, linear, len, write ? 2 : 0) ? VH_EMUL_OK : VH_EMUL_FAULT;
}

/* A device that takes up to three elements at a time. */
static unsigned int blocks;

static int op_io_rep(struct vh_emul *e, u16 port, u64 linear, unsigned int size,
		     unsigned int *count, bool write)
{
	unsigned int i;

	blocks++;
	*count = min(*count, 3u);
	if ((linear & 4095) + size * *count > 4096)
		return VH_EMUL_UNHANDLED;	/* beyond the page that was probed */
	for (i = 0; i < *count; i++)
		op_io(e, port, ram + linear + i * size, size, write);
	return VH_EMUL_OK;
}

static void op_vec_read(struct vh_emul *e, unsigned int n, u8 val[64])
{
	memset(val, 0, 64);
	memcpy(val, xmm[n & 15], 16);
}

static void op_vec_write(struct vh_emul *e, unsigned int n, const u8 val[64], unsigned int len)
{
	memcpy(xmm[n & 15], val, 16);
}

static struct vh_fx x87;

static void op_fpu_read(struct vh_emul *e, struct vh_fx *fx)
{
	*fx = x87;
}

static void op_fpu_write(struct vh_emul *e, const struct vh_fx *fx)
{
	x87 = *fx;
}

static const struct vh_emul_ops ops = {
	.fpu_read = op_fpu_read, .fpu_write = op_fpu_write,
	.fetch = op_fetch, .read = op_read, .write = op_write, .io = op_io,
	.io_allowed = op_io_allowed, .probe = op_probe,
	.vec_read = op_vec_read, .vec_write = op_vec_write,
};

static const struct vh_emul_ops block_ops = {
	.fetch = op_fetch, .read = op_read, .write = op_write, .io = op_io,
	.io_allowed = op_io_allowed, .probe = op_probe, .io_rep = op_io_rep,
};

/* Where a case begins: copied from, so that no stack holds many of them. */
static struct vh_emul start;

/* Real mode with @bytes at CS:0100; segments apart. */
static struct vh_emul *real_mode(const char *bytes, unsigned int len)
{
	flat_segments(seg, 2);
	seg[VH_CS].base = CS_BASE;
	seg[VH_DS].base = DS_BASE;
	seg[VH_ES].base = ES_BASE;
	seg[VH_SS].base = SS_BASE;
	memcpy(ram + CS_BASE + 0x100, bytes, len);
	start = (struct vh_emul){ .ops = &ops, .seg = seg, .rip = 0x100, .rflags = 2 };
	return &start;
}

#define REAL(bytes) (*real_mode(bytes, sizeof(bytes) - 1))

static u64 get(u64 linear, unsigned int len)
{
	u64 val = 0;

	memcpy(&val, ram + linear, len);
	return val;
}

static void put(u64 linear, u64 val, unsigned int len)
{
	memcpy(ram + linear, &val, len);
}

#endif /* EMUL_MACHINE_H */
