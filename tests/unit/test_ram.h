/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_ram.h - 64 KiB of linear addresses for the interpreter. Who includes it has a struct m with
 * ram[] and seg[], and at(): what an access of that many bytes comes to.
 */
#ifndef TEST_RAM_H
#define TEST_RAM_H

static int op_fetch(struct vh_emul *e, u64 linear, void *buf, unsigned int len)
{
	memcpy(buf, m.ram + linear, len);
	return VH_EMUL_OK;
}

static int op_read(struct vh_emul *e, u64 linear, void *buf, unsigned int len, bool system)
{
	int r = at(e, linear, len);

	if (!r)
		memcpy(buf, m.ram + linear, len);
	return r;
}

static int op_write(struct vh_emul *e, u64 linear, const void *buf, unsigned int len, bool system)
{
	int r = at(e, linear, len);

	if (!r)
		memcpy(m.ram + linear, buf, len);
	return r;
}

static void op_set_seg(struct vh_emul *e, unsigned int n, const struct kvm_segment *seg)
{
	m.seg[n] = *seg;
}

static void put(u32 linear, u64 val, unsigned int len)
{
	memcpy(m.ram + linear, &val, len);
}

static u64 get(u32 linear, unsigned int len)
{
	u64 val = 0;

	memcpy(&val, m.ram + linear, len);
	return val;
}

#endif
