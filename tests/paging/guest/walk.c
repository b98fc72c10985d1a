// SPDX-License-Identifier: GPL-2.0-only
/* walk.c - what an access must do, by the SDM (Vol. 3, 4.3 to 4.8), from the tables in memory. */
#include "guest.h"

int top_level(void)
{
	return MODE == MODE_4LEVEL ? 4 : MODE == MODE_PAE3 ? 3 : 2;
}

int entry_size(void)
{
	return MODE == MODE_2LEVEL ? 4 : 8;
}

unsigned int index_at(u64 va, int level)
{
	if (MODE == MODE_2LEVEL)
		return va >> (12 + 10 * (level - 1)) & 1023;
	if (MODE == MODE_PAE3 && level == 3)
		return va >> 30 & 3;
	return va >> (12 + 9 * (level - 1)) & 511;
}

u64 entry_read(ul at)
{
	if (MODE == MODE_2LEVEL)
		return *(volatile u32 *)at;
#ifndef __x86_64__
	return *(volatile u32 *)at | (u64)*(volatile u32 *)(at + 4) << 32;
#else
	return *(volatile u64 *)at;
#endif
}

/* An entry that the processor may be using: never one half of each value and present. */
void entry_write(ul at, u64 e)
{
	if (MODE == MODE_2LEVEL) {
		*(volatile u32 *)at = e;
		return;
	}
#ifdef __x86_64__
	*(volatile u64 *)at = e;
#else
	u64 old = *(volatile u64 *)at;

	__asm__ __volatile__("1: lock cmpxchg8b %0; jnz 1b"
			     : "+m" (*(volatile u64 *)at), "+A" (old)
			     : "b" ((u32)e), "c" ((u32)(e >> 32)) : "memory", "cc");
#endif
}

bool maps_page(const struct cpu *c, int level, u64 e)
{
	if (level == 1)
		return true;
	if (!(e & P_PS))
		return false;
	if (level == 2)
		return MODE != MODE_2LEVEL || (c->cr4 & CR4_PSE);
	return level == 3 && MODE == MODE_4LEVEL && (c->has & F_GB);
}

/* Bits of a present entry that must not be set. */
u64 reserved_of(const struct cpu *c, int level, u64 e)
{
	u64 r = BIT(52) - BIT(c->maxphyaddr);
	bool leaf = maps_page(c, level, e);

	if (MODE == MODE_2LEVEL)
		return level == 2 && leaf ? BIT(21) : 0;
	if (MODE == MODE_PAE3)
		r |= BIT(63) - BIT(52);
	if (!(c->efer & EFER_NXE))
		r |= P_NX;
	if (level == 2 && leaf)
		r |= BIT(21) - BIT(13);
	if (level == 3 && leaf)
		r |= BIT(30) - BIT(13);
	if (level == 4 || (level == 3 && !(c->has & F_GB)))
		r |= P_PS;
	return r;
}

static u32 denied(const struct cpu *c, u64 all, bool nx, u32 access, u32 key)
{
	bool user = access & ACC_USER, wp = c->cr0 & CR0_WP;
	u32 rights = c->pkru >> 2 * key & 3, pk = 0;

	if (access & ACC_EXEC) {
		if (nx || (user && !(all & P_U)) ||
		    (!user && (all & P_U) && (c->cr4 & CR4_SMEP)))
			return PF_P;
		return 0;
	}
	if ((all & P_U) && (c->cr4 & CR4_PKE) &&
	    ((rights & 1) || ((rights & 2) && (access & ACC_WRITE) && (user || wp))))
		pk = PF_P | PF_PK;
	if (user && !(all & P_U))
		return PF_P | pk;
	if (!user && (all & P_U) && (c->cr4 & CR4_SMAP) && !(access & ACC_AC))
		return PF_P | pk;
	if ((access & ACC_WRITE) && !(all & P_W) && (user || wp))
		return PF_P | pk;
	return pk;
}

/* With the root that is loaded, and control registers as they are. */
void walk(const struct cpu *c, u64 va, u32 access, struct path *p)
{
	ul table = c->root[c->ctx_root[c->ctx]];
	u64 all = P_W | P_U, e = 0, size;
	bool nx = false;
	int level;

	p->ok = false;
	p->steps = 0;
	p->err = (access & ACC_WRITE ? PF_W : 0) | (access & ACC_USER ? PF_U : 0);
	if ((access & ACC_EXEC) &&
	    ((c->cr4 & CR4_SMEP) || (MODE != MODE_2LEVEL && (c->efer & EFER_NXE))))
		p->err |= PF_I;
	for (level = top_level(); ; level--) {
		ul at = table + index_at(va, level) * entry_size();

		e = entry_read(at);
		p->leaf_level = level;
		if (level == 3 && MODE == MODE_PAE3) {
			/* No rights, no accessed bit, and in a register since CR3 was loaded. */
			e = c->pdptr[index_at(va, 3)];
			if (!(e & P_P))
				return;
			table = e & P_ADDR;
			continue;
		}
		p->s[p->steps].at = at;
		p->s[p->steps].level = level;
		p->s[p->steps++].e = e;
		if (!(e & P_P))
			return;
		if (e & reserved_of(c, level, e)) {
			p->err |= PF_P | PF_RSVD;
			return;
		}
		all &= e;
		if (MODE != MODE_2LEVEL && (e & P_NX))
			nx = true;
		if (maps_page(c, level, e))
			break;
		table = e & P_ADDR;
	}
	size = 1ull << (12 + (MODE == MODE_2LEVEL ? 10 : 9) * (level - 1));
	p->pa = (e & P_ADDR & ~(size - 1)) | (va & (size - 1));
	if (MODE == MODE_2LEVEL && level == 2)
		p->pa = (e & 0xffc00000) | (e & 0x1fe000) << 19 | (va & (size - 1));
	level = denied(c, all, nx, access, MODE == MODE_4LEVEL ? e >> 59 & 15 : 0);
	p->err |= level;
	p->ok = !level;
}
