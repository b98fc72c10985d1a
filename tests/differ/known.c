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

static const struct {
	const char *name, *why;
} of_devices[] = {
	/* SDM Vol. 2, POPA, ENTER: the operand size is that of the data */
	{ "popa", "KVM: POPA, PUSHA, ENTER with the stack in a device: restarted with another RSP, or cut short" },
	{ "pusha", "KVM: POPA, PUSHA, ENTER with the stack in a device: restarted with another RSP, or cut short" },
	{ "enter", "KVM: POPA, PUSHA, ENTER with the stack in a device: restarted with another RSP, or cut short" },
	{ "arpl", "KVM: ARPL, BOUND, POPCNT, CRC32 of a device are not emulated" },
	{ "bound", "KVM: ARPL, BOUND, POPCNT, CRC32 of a device are not emulated" },
	{ "popcnt", "KVM: ARPL, BOUND, POPCNT, CRC32 of a device are not emulated" },
	{ "crc32", "KVM: ARPL, BOUND, POPCNT, CRC32 of a device are not emulated" },
	/* Vol. 2, TZCNT, LZCNT */
	{ "tzcnt", "KVM: TZCNT and LZCNT of a device are BSF and BSR" },
	{ "bsf", "KVM: TZCNT and LZCNT of a device are BSF and BSR" },
	/* Vol. 2, SLDT, STR: the destination is only written */
	{ "sldt", "KVM: SLDT and STR read the device that they write" },
	{ "callfar", "KVM: far CALL with the stack in a device: one of two writes" },
	{ "jmpfar", "KVM: far JMP through a device: the offset is not held against the limit" },
	{ "movbe", "KVM: MOVBE of a device is not emulated with 66" },
	{ "cmpxchg8b", "vh: LOCK CMPXCHG8B of a device writes only when it is equal" },
	{ "cmps", "KVM: CMPS of two devices reads one of them" },
};

const char *known(const struct program *p, const struct state *s)
{
	unsigned int i;
	int vector = state_vector(s, NULL);

	/* SDM Vol. 3, 12.1.3: not before a jump; the processor need not fetch it anew for each iteration. */
	if (memcmp(machine_ram + p->code_at, fresh_ram + p->code_at, p->code_len))
		return "neither: a program that writes to its own code";
	if (s->end == E_LOOP)
		return "vh: it takes its time";
	/* The order in which one instruction's operands are read is not told. */
	/* Vol. 2, ENTER */
	if (vector == 12 && has(p, "enter"))
		return "KVM: ENTER with a level is not emulated";
	if (vector == 14 && has(p, "lgdt"))
		return "neither: CR2 of LGDT and LIDT, of which the emulator reads the base first";
	if (vector == 14 && (has(p, "les") || has(p, "lss") || has(p, "lfs")))
		return "neither: CR2 of a far pointer, of which the emulator reads the selector first";
	/* Vol. 2, REP: with a count of 0 nothing is executed */
	if ((has(p, "ins") || has(p, "outs")) && !(p->regs.rcx & 0xffff))
		return "emulator: INS and OUTS that may not, with a count of 0";
	/* Vol. 2, CALL: the target is checked before anything is pushed */
	if (vector == 13 && has(p, "call"))
		return "emulator: CALL to what is no target has pushed the return address";
	if ((vector == 17 || vector == 12) &&
	    (has(p, "es") || has(p, "ss") || has(p, "ds") || has(p, "fs") || has(p, "gs")))
		return "emulator: POP of a segment register reads 16 bits, in what 32 bits would be misaligned";
	/* Vol. 4, table 2-2: its upper half is reserved */
	if (vector == 13 && has(p, "wrmsr") && (uint32_t)s->regs.rcx == 0xc0000084)
		return "KVM, emulator: IA32_FMASK takes 64 bits";
	if (s->end == E_ERROR && s->detail == 1 && p->mode == M_REAL)
		return "vh: an instruction that the interpreter does not know, in real mode without unrestricted guest";
	/* Vol. 3, 6.15, #AC; table 6-2 has #PF before it */
	if (vector == 17)
		return "KVM: its interpreter does not check alignment; vh: where a page fault is due as well";
	/* Vol. 3, 18.2 */
	if (p->mode == M_REAL && (p->debug.dr7 & 0xff))
		return "vh: the interpreter has no breakpoints";
	if (!s->devices)
		return NULL;
	/* Vol. 3, 18.3.1.4: the trap comes behind it, device or not. */
	if (s->debug.dr6 & DR6_BS)
		return "KVM: no single-step trap behind an instruction that left for a device";
	for (i = 0; i < sizeof(of_devices) / sizeof(of_devices[0]); i++)
		if (has(p, of_devices[i].name))
			return of_devices[i].why;
	return NULL;
}
