/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Real mode's x87, MMX, SSE and XSAVE, and what does not exist; and the few instructions between real mode and protected
 * mode. A processor without unrestricted guest cannot be entered there.
 */
#include "guest.h"

#define OSFXSR		0x200
#define OSXMMEXCPT	0x400
#define OSXSAVE		0x40000

	/* The instruction has that exception, and is where its frame says. */
	.macro	FAULT_REAL vec, insn:vararg
	movw	$99f, 4 * \vec
	movw	$0, 4 * \vec + 2
98:	\insn
	movl	$98b, %esi
	FAIL
99:	pop	%ax
	cmp	$98b, %ax
	je	97f
	FAIL
97:	add	$4, %sp
	.endm

	.macro	SET_CR4 bits
	mov	%cr4, %eax
	or	$\bits, %eax
	mov	%eax, %cr4
	.endm

CASE("real-x87", REAL, 0)
	fninit
	fld1
	fld	%st(0)
	faddp				/* 2 */
	fld1
	fxch				/* 2, 1 */
	stc
	fcomi	%st(1), %st
	CHECK(ja)
	fucomip	%st(1), %st		/* 1 */
	CHECK(ja)
	fldz
	fcomi	%st(1), %st		/* 0, 1 */
	CHECK(jb)
	fcmovb	%st(1), %st		/* 1, 1 */
	fcomi	%st(1), %st
	CHECK(je)
	fchs
	fabs
	ftst
	fnstsw	%ax
	and	$0x4500, %ax
	CHECK(jz)
	fadd	%st(1), %st
	fistps	0x600
	EQW($2, 0x600)
	/* FNINIT and FNSAVE leave registers empty, but with what they held: R7 is ST7 then, and 1 */
	fninit
	fld1
	fldpi
	fninit
	fxsave	0xa00
	EQW($0x3fff, 0xa00 + 152)
	EQW($0x4000, 0xa00 + 136)
	fldz
	fnsave	0x600
	fxsave	0xa00
	EQW($0, 0xa00 + 152)
	EQW($0x4000, 0xa00 + 136)
	/* the environment, of 14 bytes */
	fninit
	fld1
	fldz
1:	fldpi
	fnstenv	0x600
	EQW($0x37f, 0x600)
	EQW($0x2800, 0x602)
	EQW($0x13ff, 0x604)		/* 7: 1, 6: zero, 5: pi */
	EQW($1b, 0x606)
	fnstcw	0x620
	EQW($0x37f, 0x620)
	/* and of 28 */
	data32 fnstenv 0x600
	EQW($0x37f, 0x600)
	EQW($0x2800, 0x604)
	EQW($0x13ff, 0x608)
	EQW($1b, 0x60c)
	/* it masks all exceptions, and it brings them back */
	fninit
	movw	$0x320, 0x620
	fldcw	0x620
	fnstenv	0x600
	fnstcw	0x620
	EQW($0x37f, 0x620)
	fldenv	0x600
	fnstcw	0x620
	EQW($0x360, 0x620)
	/* all of it, either size */
	fninit
	fld1
	fldpi
	fnsave	0x600
	EQW($0x3000, 0x602)
	EQW($0x4000, 0x616)		/* pi's exponent */
	EQW($0x3fff, 0x620)		/* that of 1 */
	fnstsw	%ax
	EQ($0, %ax)
	frstor	0x600
	fnstsw	%ax
	EQ($0x3000, %ax)
	fmulp
	data32 fnsave 0x700
	EQW($0x3800, 0x704)
	EQW($0x4000, 0x724)
	data32 frstor 0x700
	fstp	%st(0)
	/* an exception that is unmasked is the next instruction's */
	fninit
	movw	$0x37b, 0x620
	fldcw	0x620
	fld1
	fldz
	fdivrp
	FAULT_REAL MF, fld1
	FAULT_REAL MF, fwait
	fnclex
	fld1
	/* what may not be, as CR0 says */
	mov	%cr0, %eax
	or	$8, %eax
	mov	%eax, %cr0
	FAULT_REAL NM, fld1
	FAULT_REAL NM, fnsave 0x600
	clts
	mov	%cr0, %eax
	or	$4, %eax
	mov	%eax, %cr0
	FAULT_REAL NM, fadd %st(1)
	PASS

CASE("real-sse", REAL, 0)
	movl	$0x3f800000, 0x600	/* 1.0 */
	movl	$0x40000000, 0x604	/* 2.0 */
	movl	$0xbf800000, 0x608
	movl	$0, 0x60c
	xor	%eax, %eax
	mov	%eax, %cr4
	FAULT_REAL UD, addps %xmm0, %xmm1
	SET_CR4 OSFXSR
	movups	0x600, %xmm0
	movaps	%xmm0, %xmm1
	addps	%xmm1, %xmm1		/* 2, 4, -2, 0 */
	movmskps %xmm1, %eax
	EQ($4, %eax)
	shufps	$0x1b, %xmm1, %xmm1	/* 0, -2, 4, 2 */
	movups	%xmm1, 0x610
	EQL($0, 0x610)
	EQL($0x40800000, 0x618)
	movhlps	%xmm1, %xmm0		/* 4, 2, -1, 0 */
	movd	%xmm0, %ecx
	EQ($0x40800000, %ecx)
	mov	$7, %edx
	cvtsi2ss %edx, %xmm2
	cvttss2si %xmm2, %ecx
	EQ($7, %ecx)
	stc
	ucomiss	%xmm2, %xmm2
	CHECK(je)
	psrldq	$4, %xmm0
	pcmpeqd	%xmm3, %xmm3
	pmovmskb %xmm3, %eax
	EQ($0xffff, %eax)
	/* MMX */
	fninit
	movd	%ecx, %mm0
	paddd	%mm0, %mm0
	punpckldq %mm0, %mm0
	paddd	0x600, %mm0
	movd	%mm0, %eax
	EQ($0x3f80000e, %eax)
	movq2dq	%mm0, %xmm5
	movdq2q	%xmm5, %mm1
	emms
	/* an exception of its own, or #UD */
	movl	$0x1d80, 0x620		/* division by 0 */
	ldmxcsr	0x620
	xorps	%xmm4, %xmm4
	FAULT_REAL UD, divps %xmm4, %xmm2
	SET_CR4 OSXMMEXCPT
	FAULT_REAL XM, divps %xmm4, %xmm2
	movl	$0x1f80, 0x620
	ldmxcsr	0x620
	divps	%xmm4, %xmm2
	movd	%xmm2, %ecx
	EQ($0x7f800000, %ecx)
	mov	%cr0, %eax
	or	$8, %eax
	mov	%eax, %cr0
	FAULT_REAL NM, addps %xmm0, %xmm1
	clts
	mov	%cr0, %eax
	or	$4, %eax
	mov	%eax, %cr0
	FAULT_REAL UD, addps %xmm0, %xmm1
	FAULT_REAL UD, paddd %mm0, %mm0
	PASS

CASE("real-xsave", REAL, 0)
	NEED	1, ecx, 1 << 26
	xor	%ecx, %ecx
	FAULT_REAL UD, xgetbv
	FAULT_REAL UD, xsave 0xa00
	SET_CR4 (OSFXSR | OSXSAVE)
	xor	%ecx, %ecx
	xgetbv
	EQ($1, %eax)
	EQ($0, %edx)
	mov	$3, %eax
	xsetbv
	xgetbv
	EQ($3, %eax)
	fninit
	fld1
	movups	0x600, %xmm0
	pcmpeqd	%xmm1, %xmm1
	mov	$DATA >> 4, %ax
	mov	%ax, %es
	mov	$3, %eax
	xor	%edx, %edx
	movl	$0, %es:512
	movl	$0, %es:516
	xsave	%es:0
	testb	$1, %es:512
	CHECK(jnz)
	EQW($0x3fff, %es:40)
	EQL($-1, %es:176)
	fninit
	pxor	%xmm1, %xmm1
	mov	$3, %eax
	xor	%edx, %edx
	xrstor	%es:0
	pmovmskb %xmm1, %eax
	EQ($0xffff, %eax)
	fistps	0x600
	EQW($1, 0x600)
	/* #GP: not on 64 bytes, reserved bits of the header, XCR0 that cannot be */
	mov	$3, %eax
	FAULT_REAL GP, xsave %es:16
	movb	$0x80, %es:519
	mov	$3, %eax
	xor	%edx, %edx
	FAULT_REAL GP, xrstor %es:0
	mov	$2, %eax
	xor	%edx, %edx
	xor	%ecx, %ecx
	FAULT_REAL GP, xsetbv
	mov	$2, %ecx
	FAULT_REAL GP, xgetbv
	PASS

/* Prefixes that protected mode alone has (SDM Vol. 2, 2.3.1 and 2.7.11), also where the state they need is enabled. */
CASE("real-evex", REAL, 0)
	NEED	1, ecx, 1 << 26
	NEED	7, ebx, 1 << 16
	SET_CR4 (OSFXSR | OSXSAVE)
	xor	%ecx, %ecx
	xor	%edx, %edx
	mov	$0xe7, %eax
	xsetbv
	FAULT_REAL UD, .byte 0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc0	/* VADDPS */
	FAULT_REAL UD, .byte 0x66, 0x62, 0xc0			/* BOUND with a register */
	FAULT_REAL UD, .byte 0xc5, 0xfc, 0x58, 0xc0
	FAULT_REAL UD, .byte 0xc4, 0xe1, 0x7c, 0x58, 0xc0
	PASS

CASE("real-nothing", REAL, 0)
	/* opcodes that are none, and those that are protected mode's */
	FAULT_REAL UD, .byte 0x0f, 0xff, 0xc0
	FAULT_REAL UD, .byte 0x0f, 0x0a
	FAULT_REAL UD, .byte 0x0f, 0x04
	FAULT_REAL UD, .byte 0x0f, 0x39
	FAULT_REAL UD, .byte 0x0f, 0x3b
	FAULT_REAL UD, .byte 0xd9, 0xd1
	FAULT_REAL UD, .byte 0xdb, 0xfd
	FAULT_REAL UD, .byte 0xff, 0xff
	FAULT_REAL UD, .byte 0xc5, 0xf8, 0x77		/* VZEROUPPER */
	FAULT_REAL UD, .byte 0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc0
	FAULT_REAL UD, .byte 0x0f, 0x01, 0xd7
	FAULT_REAL UD, .byte 0x0f, 0xc7, 0xc0
	FAULT_REAL UD, .byte 0x0f, 0x71, 0xc0, 1
	FAULT_REAL UD, .byte 0x0f, 0x38, 0xff, 0xc0
	FAULT_REAL UD, .byte 0xf0, 0x0f, 0x58, 0xc0	/* LOCK */
	/* 16 bytes are too long */
	FAULT_REAL GP, .byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0xd9, 0xe8
	PASS

CASE("real-invpcid", REAL, 0)
	NEED	7, ebx, 1 << 10
	movl	$0, 0x600
	movl	$0, 0x604
	movl	$0x1000, 0x608
	movl	$0, 0x60c
	xor	%ebx, %ebx
1:	invpcid	0x600, %ebx
	inc	%bx
	cmp	$4, %bx
	jne	1b
	/* #GP: types, PCIDs without CR4.PCIDE, reserved bits, the end of the segment */
	FAULT_REAL GP, invpcid 0x600, %ebx
	xor	%ebx, %ebx
	movl	$1, 0x600
	FAULT_REAL GP, invpcid 0x600, %ebx
	movl	$0x1000, 0x600
	FAULT_REAL GP, invpcid 0x600, %ebx
	movl	$0, 0x600
	movl	$0x00800000, 0x60c
	FAULT_REAL GP, invpcid 0x600, %ebx
	movl	$0, 0x60c
	mov	$0xfff8, %si
	FAULT_REAL GP, invpcid (%si), %ebx
	PASS

/* Traps behind what the processor executes, shadows before it. */
CASE("real-lent-traps", REAL, 0)
	fninit
	movw	$2f, 4
	movw	$0, 6
	xor	%bx, %bx
	pushf
	pop	%ax
	or	$0x100, %ax
	push	%ax
	popf
	fld1				/* one trap */
1:	fstp	%st(0)			/* and one */
	mov	%ss, %ax
	mov	%ax, %ss		/* and one for both */
	fld1
	pushf
	pop	%ax
	and	$~0x100, %ax
	push	%ax
	popf
	EQ($9, %bx)
	/* a data breakpoint */
	mov	$0x604, %eax
	mov	%eax, %dr0
	mov	$0x000f0402, %eax
	mov	%eax, %dr7
	xor	%bx, %bx
	fsts	0x600
	EQ($0, %bx)
	paddd	0x600, %mm0
	EQ($1, %bx)
	mov	%dr6, %eax
	test	$1, %al
	CHECK(jnz)
	/* and one on the instruction itself */
	mov	$3f, %eax
	mov	%eax, %dr0
	mov	$0x402, %eax
	mov	%eax, %dr7
	xor	%bx, %bx
3:	fabs
	EQ($1, %bx)
	xor	%eax, %eax
	mov	%eax, %dr7
	emms
	PASS
2:	push	%bp
	mov	%sp, %bp
	inc	%bx
	cmpw	$3b, 2(%bp)
	jne	4f
	mov	%eax, %ebp
	xor	%eax, %eax
	mov	%eax, %dr7
	mov	%ebp, %eax
4:	pop	%bp
	iret

/* Interrupts wait for the end of STI's shadow, and come as real mode has them. */
CASE("real-lent-irq", REAL, F_IRQCHIP)
	movw	$1f, 4 * 0x20
	movw	$0, 4 * 0x20 + 2
	fninit
	.irp	icw, 0x11, 0x20, 4, 1, 0xfe
	mov	$\icw, %al
	.if	\icw == 0x11
	out	%al, $0x20
	.else
	out	%al, $0x21
	.endif
	.endr
	cli
	xor	%edx, %edx
	mov	$0, %ebx
	mov	$1, %ecx
	HOST(HOST_IRQ_LINE)
	fld1
	fld1
	sti
	faddp				/* still in the shadow */
2:	fistps	0x600
	FAIL
1:	pop	%ax
	EQ($2b, %ax)
	pop	%ax
	EQ($0, %ax)
	pop	%ax
	test	$0x200, %ax
	CHECK(jnz)
	fistps	0x600
	EQW($2, 0x600)
	PASS

#define GATES	0x3000

	.macro	GATE vec, to, type=0x8e00
	movl	$\to + 8 * 0x10000, GATES + 8 * \vec
	movl	$\type, GATES + 8 * \vec + 4
	.endm

	/* from a handler with that much on its stack to 6f in real mode: by its code segment, not by IRET */
	.macro	LEAVE_PE bytes
	mov	%cr0, %eax
	and	$~1, %eax
	add	$\bytes, %esp
	ljmp	$0x48, $96f
	.code16
96:	mov	%eax, %cr0
	ljmp	$3, $6f - 0x30
	.endm

/* Exceptions between MOV CR0, or LMSW, and the jump that loads CS. */
CASE("real-pe-faults", REAL, 0)
	mov	$GATES, %di
	mov	$0x200, %cx
	xor	%ax, %ax
	cld
	rep stosw
	GATE	UD, 1f
	GATE	GP, 2f
	GATE	0x40, 3f
	GATE	0x41, 4f, 0x8600	/* 16 bits */
	GATE	NM, 5f
	movw	$0x2ff, 0x600
	movl	$GATES, 0x602
	/* the code segment's selector keeps its low bits, with which VM entry cannot be */
	lidt	0x600
	mov	%cr0, %eax
	inc	%ax
	ljmp	$3, $9f - 0x30
9:	lmsw	%ax
9:	ud2
	FAIL
	.code32
1:	EQL($9b - 0x30, (%esp))
	EQW($3, 4(%esp))
	testl	$0x10000, 8(%esp)
	CHECK(jnz)
	mov	%cs, %eax
	EQ($8, %eax)
	LEAVE_PE 12
6:	/* once more, with an error code */
	mov	%cr0, %eax
	inc	%ax
	lmsw	%ax
	mov	$0x300, %ax
9:	mov	%ax, %es
	FAIL
	.code32
2:	EQL($0x300, (%esp))
	EQL($9b - 0x30, 4(%esp))
	EQW($3, 8(%esp))
	LEAVE_PE 16
6:	/* INT n, through gates of both sizes */
	mov	%cr0, %eax
	inc	%ax
	mov	%eax, %cr0
	stc
	int	$0x40
9:	FAIL
	.code32
3:	EQL($9b - 0x30, (%esp))
	EQW($3, 4(%esp))
	testl	$0x10000, 8(%esp)
	CHECK(jz)
	LEAVE_PE 12
6:	mov	%cr0, %eax
	inc	%ax
	mov	%eax, %cr0
	int	$0x41
9:	FAIL
	.code32
4:	EQW($9b - 0x30, (%esp))
	EQW($3, 2(%esp))
	LEAVE_PE 6
6:	/* x87 there, and #NM of it */
	mov	%cr0, %eax
	inc	%ax
	mov	%eax, %cr0
	fninit
	fld1
	fistps	0x600
	EQW($1, 0x600)
	mov	%cr0, %eax
	or	$8, %eax
	mov	%eax, %cr0
9:	fld1
	FAIL
	.code32
5:	EQL($9b - 0x30, (%esp))
	PASS

/* An exception whose delivery faults, and that one's as well. */
CASE("real-pe-double", REAL, 0)
	mov	$GATES, %di
	mov	$0x200, %cx
	xor	%ax, %ax
	cld
	rep stosw
	GATE	DF, 1f
	movw	$0x2ff, 0x600
	movl	$GATES, 0x602
	lidt	0x600
	ljmp	$3, $9f - 0x30
9:	mov	%cr0, %eax
	inc	%ax
	lmsw	%ax
	mov	$0x300, %ax
	mov	%ax, %es		/* #GP, which has no gate: #NP */
	FAIL
	.code32
1:	EQL($0, (%esp))
	EQW($3, 8(%esp))
	PASS

CASE("real-pe-triple", REAL, F_SHUTDOWN)
	movw	$0, 0x600
	movl	$0, 0x602
	lidt	0x600
	ljmp	$3, $9f - 0x30
9:	mov	%cr0, %eax
	inc	%ax
	lmsw	%ax
	ud2
	FAIL

/* Events at CPL 0 whose frames are in a device, which gives back what was written. */
CASE("mmio-stack-events", FLAT32, 0)
	mov	$MMIO_BASE + 0x800, %esp
	FAULT(UD, ud2)
	EQ($MMIO_BASE + 0x800, %esp)
	mov	$0x300, %eax
	FAULT_CODE(GP, 0x300, mov %eax, %es)
	int	$0x80
	EQL($0x80, LAST_IRQ)
	FAULT(BP, int3)
	EQ($MMIO_BASE + 0x800, %esp)
	PASS

CASE("mmio-enter", LONG, 0)
	mov	$MMIO_BASE + 0x1000, %ebp
	mov	$MMIO_BASE + 0x804, %esp
	movq	$0x77, -8 * 30(%rbp)
	movq	$0x78, -8(%rbp)
	enter	$16, $31
	mov	$MMIO_BASE + 0x804 - 8, %eax
	EQ(%rax, %rbp)
	mov	$MMIO_BASE + 0x804 - 8 * 32 - 16, %eax
	EQ(%rax, %rsp)
	mov	$MMIO_BASE + 0x804, %ebx
	EQL($MMIO_BASE + 0x1000, -8(%rbx))
	EQQ($0x78, -16(%rbx))
	EQQ($0x77, -8 * 31(%rbx))
	EQQ(%rbp, -8 * 32(%rbx))
	PASS

	.section .note.GNU-stack, "", @progbits
