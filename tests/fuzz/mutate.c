// SPDX-License-Identifier: GPL-2.0-only
/* mutate.c - segments and control registers, changed a little. */
#include <stdlib.h>

#include "code.h"
#include "mutate.h"
#include "rounds.h"

static struct kvm_segment *a_segment(struct kvm_sregs *s)
{
	return &(&s->cs)[rnd(8)];
}

static void mutate_segment(struct kvm_segment *g)
{
	switch (rnd(12)) {
	case 0:
		g->base = odd_number();
		break;
	case 1:
		g->limit = odd_number();
		break;
	case 2:
		g->selector = chance(2) ? odd_number() : g->selector ^ 1ull << rnd(4);
		break;
	case 3:
		g->type = rnd(16);
		break;
	case 4:
		g->dpl = rnd(4);
		break;
	case 5:
		g->present ^= 1;
		break;
	case 6:
		g->s ^= 1;
		break;
	case 7:
		g->l ^= 1;
		break;
	case 8:
		g->db ^= 1;
		break;
	case 9:
		g->g ^= 1;
		break;
	case 10:
		g->unusable ^= 1;
		break;
	default:
		g->avl ^= 1;
	}
}

void mutate_sregs(struct kvm_sregs *s)
{
	switch (rnd(12)) {
	case 0:
		s->cr0 ^= 1ull << rnd(chance(4) ? 64 : 32);
		break;
	case 1:
		s->cr4 ^= 1ull << rnd(chance(4) ? 64 : 25);
		break;
	case 2:
		s->efer ^= 1ull << rnd(chance(4) ? 64 : 12);
		break;
	case 3:
		s->cr3 = chance(2) ? odd_number() : s->cr3 ^ 1ull << rnd(64);
		break;
	case 4:
		s->cr8 = rnd(18);
		break;
	case 5:
		s->apic_base = chance(2) ? odd_number() : s->apic_base ^ 1ull << rnd(16);
		break;
	case 6:
		(chance(2) ? &s->gdt : &s->idt)->base = odd_number();
		break;
	case 7:
		s->interrupt_bitmap[rnd(4)] = chance(2) ? 0 : 1ull << rnd(64);
		break;
	case 8:
		s->cr2 = odd_number();
		break;
	default:
		mutate_segment(a_segment(s));
	}
}
