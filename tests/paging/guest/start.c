// SPDX-License-Identifier: GPL-2.0-only
/* start.c - a vCPU's life: its tables, rounds of random operations, all together in between. */
#include "guest.h"

static void cpuid(u32 leaf, u32 *a, u32 *b, u32 *c, u32 *d)
{
	__asm__ __volatile__("cpuid" : "=a" (*a), "=b" (*b), "=c" (*c), "=d" (*d)
			     : "a" (leaf), "c" (0));
}

static void find_features(struct cpu *c)
{
	u32 a, b, x, d, max, ext;

	cpuid(0, &max, &b, &x, &d);
	cpuid(0x80000000, &ext, &b, &x, &d);
	cpuid(1, &a, &b, &x, &d);
	c->has |= d & 1u << 13 ? F_PGE : 0;
	c->has |= d & 1u << 3 ? F_PSE : 0;
	c->has |= MODE == MODE_4LEVEL && (x & 1u << 17) ? F_PCID : 0;
	if (max >= 7) {
		cpuid(7, &a, &b, &x, &d);
		c->has |= b & 1u << 7 ? F_SMEP : 0;
		c->has |= b & 1u << 10 ? F_INVPCID : 0;
		c->has |= b & 1u << 20 ? F_SMAP : 0;
		c->has |= MODE == MODE_4LEVEL && (x & 1u << 3) ? F_PKU : 0;
	}
	cpuid(0x80000001, &a, &b, &x, &d);
	c->has |= MODE != MODE_2LEVEL && (d & 1u << 20) ? F_NX : 0;
	c->has |= MODE == MODE_4LEVEL && (d & 1u << 26) ? F_GB : 0;
	c->maxphyaddr = 36;
	if (ext >= 0x80000008) {
		cpuid(0x80000008, &a, &b, &x, &d);
		c->maxphyaddr = a & 0xff;
	}
	c->has &= ~board->without;
	if (!c->id)
		board->features = c->has;
}

static void set_gate(struct cpu *c, u32 n, ul to, u32 dpl)
{
	u32 *g = (u32 *)c->idt + n * (sizeof(ul) == 8 ? 4 : 2);

	g[0] = 8 << 16 | (to & 0xffff);
	g[1] = (to & 0xffff0000) | 0x8e00 | dpl << 13;
}

static void descriptors(struct cpu *c)
{
	ul stack = PER_CPU + (c->id + 1) * (ul)PER_CPU_SIZE - 0x8000;
	struct __attribute__((packed)) { uint16_t limit; ul base; } d;
	u32 code = sizeof(ul) == 8 ? 0x00af9b00 : 0x00cf9b00, i;
	u64 tss = (ul)c->tss;

	/* 8 code, 0x10 data, 0x20 user code, 0x28 user data, 0x30 TSS */
	c->gdt[1] = (u64)code << 32 | 0xffff;
	c->gdt[2] = 0x00cf93000000ffffull;
	c->gdt[4] = c->gdt[1] | 0x600000000000ull;
	c->gdt[5] = 0x00cff3000000ffffull;
	c->gdt[6] = 0x0000890000000067ull | (tss & 0xffffff) << 16 | (tss >> 24 & 0xff) << 56;
	c->gdt[7] = 0;
	c->tss[1] = stack;			/* RSP0, or ESP0 and SS0 */
	c->tss[2] = sizeof(ul) == 8 ? 0 : 0x10;
	c->tss[25] = 0x68 << 16;
	for (i = 0; i < 32; i++)
		set_gate(c, i, (ul)vectors + i * 16, 0);
	set_gate(c, 0x80, (ul)vector_int80, 3);
	d.limit = sizeof(c->gdt) - 1;
	d.base = (ul)c->gdt;
	__asm__ __volatile__("lgdt %0" : : "m" (d));
	d.limit = 0x81 * 2 * sizeof(ul) - 1;
	d.base = (ul)c->idt;
	__asm__ __volatile__("lidt %0" : : "m" (d));
#ifdef __x86_64__
	__asm__ __volatile__("pushq $8; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:\n\t"
			     "mov %w0, %%ds; mov %w0, %%es; mov %w1, %%ss"
			     : : "r" (0x2b), "r" (0x10) : "rax", "memory");
#else
	__asm__ __volatile__("ljmp $8, $1f; 1: mov %w0, %%ds; mov %w0, %%es; mov %w1, %%ss"
			     : : "r" (0x2b), "r" (0x10) : "memory");
#endif
	__asm__ __volatile__("ltr %w0; sti" : : "r" (0x30));
}

static void paging_on(struct cpu *c)
{
	ul v;
	u32 lo, hi;

	__asm__ __volatile__("mov %%cr4, %0" : "=r" (v));
	c->cr4 = v & ~(CR4_PGE | CR4_PCIDE);
	if (MODE == MODE_2LEVEL)
		c->cr4 |= CR4_PSE;
	else
		c->cr4 |= CR4_PAE;
	__asm__ __volatile__("mov %0, %%cr4" : : "r" ((ul)c->cr4));
	if (c->has & F_NX) {
		__asm__ __volatile__("rdmsr" : "=a" (lo), "=d" (hi) : "c" (0xc0000080));
		c->efer = ((u64)hi << 32 | lo) | EFER_NXE;
		__asm__ __volatile__("wrmsr" : : "c" (0xc0000080), "a" ((u32)c->efer),
				     "d" ((u32)(c->efer >> 32)));
	}
	load_pdptrs(c);
	__asm__ __volatile__("mov %0, %%cr3" : : "r" (c->root[0]) : "memory");
	__asm__ __volatile__("mov %%cr0, %0" : "=r" (v));
	c->cr0 = v | CR0_PG | CR0_WP;
	__asm__ __volatile__("mov %0, %%cr0" : : "r" ((ul)c->cr0) : "memory");
}

/* All vCPUs meet. */
void barrier(struct cpu *c)
{
	u32 now = board->generation;

	if (__atomic_add_fetch(&board->at_barrier, 1, __ATOMIC_SEQ_CST) == board->vcpus) {
		board->at_barrier = 0;
		__atomic_store_n(&board->generation, now + 1, __ATOMIC_SEQ_CST);
	}
	while (board->generation == now) {
		if (board->failed)
			give_up(c);
		count(c, spins);
		__asm__ __volatile__("pause");
	}
}

void give_up(struct cpu *c)
{
	for (;;)
		out(PORT_DONE, c->id);
}

static void operation(struct cpu *c)
{
	int k = pick(c, NR_VAS), n;

	c->op++;
	switch (pick(c, 16)) {
	case 0 ... 6:
		for (n = pick(c, 3); n >= 0; n--) {
			modify(c, k);
			if (n && one_in(c, 2))
				k = pick(c, NR_VAS);
		}
		invalidate(c, k);
		probe(c, k);
		break;
	case 7 ... 8:
		toggle(c);
		break;
	case 9:
		cr3_load(c, pick(c, NR_CTX), pick(c, NR_ROOTS), one_in(c, 2));
		break;
	case 10 ... 11:
		shared_modify(c);
		break;
	case 12 ... 13:
		shared_probe(c);
		break;
	case 14:
		modify_pdpte(c);
		break;
	}
	for (n = pick(c, 4); n >= 0; n--)
		probe(c, pick(c, NR_VAS));
	if (one_in(c, 4))
		shared_probe(c);
}

void guest_main(ul id)
{
	struct cpu *c = (struct cpu *)(PER_CPU + id * PER_CPU_SIZE);
	u32 i;

	_Static_assert(sizeof(struct cpu) < PER_CPU_SIZE - 0xc000, "no room for the stack");
	c->id = id;
	c->rng = (board->seed + 1) * 0x9e3779b97f4a7c15ull ^ (id + 1) * 0xbf58476d1ce4e5b9ull;
	for (i = 1; i < NR_CTX; i++)
		c->ctx_root[i] = -1;
	find_features(c);
	if (!id)
		shared_build(c);
	build(c);
	paging_on(c);
	descriptors(c);
	barrier(c);
	while (!board->stop) {
		c->round++;
		for (i = 0; i < board->ops && !board->failed; i++)
			operation(c);
		barrier(c);
		flush_all(c);
		barrier(c);
		shared_exact(c);
		verify_frames(c);
		barrier(c);
		shared_verify(c);
		count(c, rounds);
		if (!id)
			out(PORT_TICK, 0);
		barrier(c);
	}
	give_up(c);
}
