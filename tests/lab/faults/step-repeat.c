/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 18.3.1.4: with TF a #DB comes behind each instruction, and behind each iteration of a
 * repeated string instruction; behind all but the last the saved RF is set (18.3.1.1).
 *
 * Bochs 2.7 does not set it.
 */
#include "lib.h"

static u32 traps;
static u64 left[8], flags[8];

static bool stepped(struct frame *f)
{
	if (f->vector != 1)
		return false;
	if (traps < 8) {
		left[traps] = f->rcx;
		flags[traps] = f->flags;
	}
	traps++;
	return true;
}

void test(void)
{
	static u8 from[8], to[8];
	void *s = from, *d = to;
	u64 n = 3;

	on_interrupt = stepped;
	asm volatile("pushfq\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\trep movsb\n\tpopfq"
		     : "+S"(s), "+D"(d), "+c"(n) : : "memory", "cc");
	/* and behind the POPF that ends it */
	expect(traps, 4, "the number of #DB");
	expect(left[0], 2, "RCX behind the first iteration");
	expect(left[2], 0, "RCX behind the last");
	expect(flags[0] >> 16 & 1, 1, "RF behind the first iteration");
	expect(flags[2] >> 16 & 1, 0, "RF behind the last");
}
