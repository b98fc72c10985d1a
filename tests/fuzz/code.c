// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "code.h"
#include "rounds.h"

/* Each means something in 16, 32 and 64-bit code; none loops. */
static const struct {
	uint8_t len, byte[10];
} insns[] = {
	{ 2, { 0x0f, 0xa2 } },			/* CPUID */
	{ 2, { 0x0f, 0x32 } },			/* RDMSR */
	{ 2, { 0x0f, 0x30 } },			/* WRMSR */
	{ 2, { 0x0f, 0x31 } },			/* RDTSC */
	{ 3, { 0x0f, 0x01, 0xf9 } },		/* RDTSCP */
	{ 2, { 0x0f, 0x33 } },			/* RDPMC */
	{ 2, { 0xe4, 0x40 } },			/* IN AL, 0x40 */
	{ 2, { 0xe6, 0x43 } },			/* OUT 0x43, AL */
	{ 1, { 0xec } },			/* IN AL, DX */
	{ 1, { 0xef } },			/* OUT DX, eAX */
	{ 1, { 0x6c } },			/* INSB */
	{ 1, { 0x6f } },			/* OUTS */
	{ 3, { 0x0f, 0x20, 0xc0 } },		/* MOV rAX, CR0 */
	{ 3, { 0x0f, 0x22, 0xc0 } },		/* MOV CR0, rAX */
	{ 3, { 0x0f, 0x22, 0xd8 } },		/* MOV CR3, rAX */
	{ 3, { 0x0f, 0x22, 0xe0 } },		/* MOV CR4, rAX */
	{ 3, { 0x0f, 0x20, 0xe0 } },		/* MOV rAX, CR4 */
	{ 3, { 0x0f, 0x20, 0xd8 } },		/* MOV rAX, CR3 */
	{ 4, { 0x44, 0x0f, 0x22, 0xc0 } },	/* MOV CR8, rAX */
	{ 2, { 0x0f, 0x06 } },			/* CLTS */
	{ 3, { 0x0f, 0x01, 0xf0 } },		/* LMSW AX */
	{ 3, { 0x0f, 0x01, 0x3f } },		/* INVLPG */
	{ 3, { 0x0f, 0x01, 0x17 } },		/* LGDT */
	{ 3, { 0x0f, 0x01, 0x1f } },		/* LIDT */
	{ 3, { 0x0f, 0x01, 0x07 } },		/* SGDT */
	{ 3, { 0x0f, 0x00, 0xd0 } },		/* LLDT AX */
	{ 3, { 0x0f, 0x00, 0xd8 } },		/* LTR AX */
	{ 3, { 0x0f, 0x21, 0xf8 } },		/* MOV rAX, DR7 */
	{ 3, { 0x0f, 0x23, 0xf8 } },		/* MOV DR7, rAX */
	{ 3, { 0x0f, 0x23, 0xc0 } },		/* MOV DR0, rAX */
	{ 3, { 0x0f, 0x01, 0xd1 } },		/* XSETBV */
	{ 3, { 0x0f, 0x01, 0xd0 } },		/* XGETBV */
	{ 3, { 0x0f, 0x01, 0xc1 } },		/* VMCALL */
	{ 3, { 0x0f, 0x01, 0xc2 } },		/* VMLAUNCH */
	{ 3, { 0x0f, 0x01, 0xc4 } },		/* VMXOFF */
	{ 3, { 0x0f, 0x01, 0xc8 } },		/* MONITOR */
	{ 3, { 0x0f, 0x01, 0xc9 } },		/* MWAIT */
	{ 2, { 0x0f, 0x09 } },			/* WBINVD */
	{ 2, { 0x0f, 0x08 } },			/* INVD */
	{ 2, { 0x0f, 0x0b } },			/* UD2 */
	{ 2, { 0xcd, 0x20 } },			/* INT 0x20 */
	{ 1, { 0xcc } },			/* INT3 */
	{ 1, { 0xce } },			/* INTO */
	{ 1, { 0xf1 } },			/* INT1 */
	{ 1, { 0xf4 } },			/* HLT */
	{ 2, { 0xf3, 0x90 } },			/* PAUSE */
	{ 1, { 0xfb } },			/* STI */
	{ 2, { 0x8e, 0xd0 } },			/* MOV SS, AX */
	{ 2, { 0x8e, 0xd8 } },			/* MOV DS, AX */
	{ 2, { 0x8e, 0xe0 } },			/* MOV FS, AX */
	{ 1, { 0x50 } },			/* PUSH rAX */
	{ 1, { 0x58 } },			/* POP rAX */
	{ 1, { 0x9c } },			/* PUSHF */
	{ 2, { 0x88, 0x07 } },			/* MOV [rDI or BX], AL */
	{ 2, { 0x8b, 0x06 } },			/* MOV eAX, [...] */
	{ 3, { 0xf0, 0xff, 0x07 } },		/* LOCK INC [...] */
	{ 4, { 0xf0, 0x0f, 0xb1, 0x0f } },	/* LOCK CMPXCHG [...] */
	{ 4, { 0xf0, 0x0f, 0xc7, 0x0f } },	/* LOCK CMPXCHG8B [...] */
	{ 3, { 0x0f, 0xae, 0x07 } },		/* FXSAVE */
	{ 3, { 0x0f, 0xae, 0x0f } },		/* FXRSTOR */
	{ 3, { 0x0f, 0xae, 0x27 } },		/* XSAVE */
	{ 2, { 0xd9, 0xe8 } },			/* FLD1 */
	{ 2, { 0xdb, 0xe3 } },			/* FNINIT */
	{ 4, { 0x66, 0x0f, 0x6f, 0x07 } },	/* MOVDQA */
	{ 1, { 0xa4 } },			/* MOVSB */
	{ 1, { 0xaa } },			/* STOSB */
	{ 5, { 0xa1, 0x30, 0x00, 0xe0, 0xfe } },	/* MOV eAX, moffs */
	{ 7, { 0x9a, 0x00, 0x40, 0x00, 0x00, 0x08, 0x00 } },	/* CALL far */
	{ 5, { 0x66, 0x0f, 0x38, 0x82, 0x07 } },	/* INVPCID */
	{ 5, { 0x66, 0x0f, 0x38, 0x80, 0x07 } },	/* INVEPT */
	{ 3, { 0x0f, 0xc7, 0xf0 } },		/* RDRAND */
	{ 3, { 0x0f, 0x01, 0xcb } },		/* STAC */
	{ 3, { 0x0f, 0x01, 0xf8 } },		/* SWAPGS */
	{ 5, { 0xb8, 0x11, 0x00, 0x00, 0x80 } },	/* MOV eAX, imm */
	{ 5, { 0xb8, 0x31, 0x00, 0x00, 0x00 } },
	{ 5, { 0xb9, 0x80, 0x00, 0x00, 0xc0 } },	/* MOV eCX, imm */
	{ 5, { 0xba, 0xd1, 0x04, 0x00, 0x00 } },	/* MOV eDX, imm */
};

bool code_fill(uint8_t *at, size_t size, bool protected_mode)
{
	unsigned int i, n = 1 + rnd(12), which;
	uint8_t *p = at;

	memset(at, 0xf4, size);
	if (chance(2)) {
		for (i = 0; i < n; i++) {
			which = rnd(sizeof(insns) / sizeof(insns[0]));
			if (chance(16))
				*p++ = chance(2) ? 0x66 : 0x67;
			if (chance(16))
				*p++ = 0x40 + rnd(16);
			memcpy(p, insns[which].byte, insns[which].len);
			p += insns[which].len;
		}
		return false;
	}
	for (i = 0; i < 4 * n; i++) {
		do {
			at[i] = rnd(256);
			/*
			 * No CLI, POPF, IRET, no interrupt (a real-mode handler has them disabled),
			 * no SYSCALL (mask of RFLAGS), no RSM.
			 */
		} while (at[i] == 0xfa || at[i] == 0x9d || at[i] == 0xcf || at[i] == 0x05 ||
			 (!protected_mode && (at[i] == 0xcd || at[i] == 0xcc || at[i] == 0xce)));
	}
	return true;
}
