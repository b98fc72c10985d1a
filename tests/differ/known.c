// SPDX-License-Identifier: GPL-2.0-only
/* Differences that are not vh's: the file known has the ones that are not even generated. */
#include <string.h>

#include "differ.h"

#define DR6_BS	0x4000

static bool has(const struct program *p, const char *name)
{
	unsigned int i;

	for (i = 0; i < p->ops; i++)
		if (!strcmp(p->op[i]->name, name))
			return true;
	return false;
}

const char *known(const struct program *p, const struct state *s)
{
	/* SDM Vol. 3, 12.1.3: not before a jump; the processor need not fetch it anew for each iteration. */
	if (memcmp(machine_ram + p->code_at, fresh_ram + p->code_at, p->code_len))
		return "neither: a program that writes to its own code";
	if (s->end == E_LOOP)
		return "vh: it takes its time";
	/* The order in which one instruction's operands are read is not told. */
	if (state_vector(s, NULL) == 14 && (has(p, "les") || has(p, "lss") || has(p, "lfs")))
		return "neither: CR2 of a far pointer, of which the emulator reads the selector first";
	if (!s->accesses)
		return NULL;
	/* SDM Vol. 3, 18.3.1.4: the trap comes behind it, device or not. */
	if (s->debug.dr6 & DR6_BS)
		return "KVM: no single-step trap behind an instruction that left for a device";
	/* SDM Vol. 2, POPA, ENTER: operand size of the data, address size of the stack pointer. */
	if (has(p, "popa") || has(p, "enter"))
		return "KVM: POPA and ENTER with the stack in a device, restarted with another RSP or size";
	if (has(p, "arpl") || has(p, "bound") || has(p, "popcnt") || has(p, "crc32"))
		return "KVM: ARPL, BOUND, POPCNT, CRC32 of a device are not emulated";
	if (has(p, "tzcnt") || has(p, "bsf"))
		return "KVM: TZCNT and LZCNT of a device are BSF and BSR";
	/* SDM Vol. 2, MOVNTI: 32 bits, or 64. */
	return NULL;
}
