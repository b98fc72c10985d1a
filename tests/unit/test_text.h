/* SPDX-License-Identifier: GPL-2.0-only */
/* test_text.h - an instruction's bytes, from linear address 0 on; what lies behind them is not there. */
#ifndef TEST_TEXT_H
#define TEST_TEXT_H

static u8 text[64];
static unsigned int text_len;
static unsigned int fetched;	/* end of what was asked for */

static int op_fetch(struct vh_emul *e, u64 linear, void *buf, unsigned int len)
{
	if (linear + len > text_len) {
		e->fault = (struct vh_fault){ .vector = 14, .error = 0x10,
					      .cr2 = linear };
		return VH_EMUL_FAULT;
	}
	memcpy(buf, text + linear, len);
	fetched = linear + len;
	return VH_EMUL_OK;
}

#endif /* TEST_TEXT_H */
