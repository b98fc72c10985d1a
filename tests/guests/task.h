/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guests of task switches share: a larger GDT, TSSs, and stacks of their own, in DATA. */
#ifndef VH_TESTS_TASK_H
#define VH_TESTS_TASK_H

#include "guest.h"

#define IDT		0x11000
#define T0		0x12000		/* the TSS that a case begins with */
#define GDT		DATA
#define T1		(DATA + 0x1000)
#define T2		(DATA + 0x1200)
#define T16		(DATA + 0x1400)
#define RESULTS		(DATA + 0x2000)
#define S1		(DATA + 0x4000)
#define S2		(DATA + 0x5000)
#define S16		(DATA + 0x6000)
#define LDT		(DATA + 0x7000)

#define SEL_T0		0x20
#define SEL_USER_CODE	0x33		/* 32-bit here */
#define SEL_USER_DATA	0x3b
#define SEL_T1		0x50
#define SEL_T2		0x58
#define SEL_T16		0x60
#define SEL_GATE	0x68		/* to T1 */
#define SEL_LDT		0x70
#define SEL_ODD		0x78		/* for the case to use */
#define SEL_ODD2	0x80

#define TSS_ESP0	0x04
#define TSS_SS0		0x08
#define TSS_CR3		0x1c
#define TSS_EIP		0x20
#define TSS_EFLAGS	0x24
#define TSS_EAX		0x28
#define TSS_ECX		0x2c
#define TSS_EDX		0x30
#define TSS_EBX		0x34
#define TSS_ESP		0x38
#define TSS_EBP		0x3c
#define TSS_ESI		0x40
#define TSS_EDI		0x44
#define TSS_ES		0x48
#define TSS_CS		0x4c
#define TSS_SS		0x50
#define TSS_DS		0x54
#define TSS_FS		0x58
#define TSS_GS		0x5c
#define TSS_LDT		0x60
#define TSS_T		0x64
#define TSS_IOMAP	0x66

/* Type and rights of a descriptor. */
#define RIGHTS(sel)	GDT + (sel) + 5
#define BUSY(sel)	testb $2, RIGHTS(sel); CHECK(jnz)
#define AVAILABLE(sel)	testb $2, RIGHTS(sel); CHECK(jz)

#ifdef __ASSEMBLER__

	.macro	DESC sel, lo, hi
	movl	$\lo, GDT + \sel
	movl	$\hi, GDT + \sel + 4
	.endm

	/* A TSS descriptor. */
	.macro	TSS_DESC sel, at, limit, rights
	movl	$(((\at) & 0xffff) << 16 | \limit), GDT + \sel
	movl	$(((\at) & 0xff000000) | \rights << 8 | ((\at) >> 16 & 0xff)), GDT + \sel + 4
	.endm

	/* The vector's gate leads to a task. */
	.macro	TASK_GATE vec, sel, rights=0x85
	movl	$(\sel) << 16, IDT + 8 * (\vec)
	movl	$(\rights) << 8, IDT + 8 * (\vec) + 4
	.endm

	.macro	TABLES
	cld
	mov	$0x10000, %esi
	mov	$GDT, %edi
	mov	$20, %ecx
	rep movsl
	DESC	0x30, 0x0000ffff, 0x00cffb00	/* SEL_USER_CODE */
	TSS_DESC SEL_T1, T1, 0x67, 0x89
	TSS_DESC SEL_T2, T2, 0x67, 0x89
	TSS_DESC SEL_T16, T16, 0x2b, 0x81
	DESC	SEL_GATE, (SEL_T1<<16), 0x8500
	TSS_DESC SEL_LDT, LDT, 0x3f, 0x82
	movw	$0x1ff, RESULTS
	movl	$GDT, RESULTS + 2
	lgdt	RESULTS
	mov	%cr3, %eax		/* IRET will load it */
	mov	%eax, T0 + TSS_CR3
	.endm

	/* A task of the kernel's; ES to GS flat, the paging that there is. EAX is lost. */
	.macro	TASK at, eip, esp=0
	mov	%cr3, %eax
	mov	%eax, (\at) + TSS_CR3
	movl	$\eip, (\at) + TSS_EIP
	movl	$2, (\at) + TSS_EFLAGS
	.if	\esp
	movl	$\esp, (\at) + TSS_ESP
	.elseif	(\at) == T1
	movl	$S1, (\at) + TSS_ESP
	.else
	movl	$S2, (\at) + TSS_ESP
	.endif
	movl	$0x10, (\at) + TSS_ES
	movl	$0x08, (\at) + TSS_CS
	movl	$0x10, (\at) + TSS_SS
	movl	$0x10, (\at) + TSS_DS
	movl	$0x10, (\at) + TSS_FS
	movl	$0x10, (\at) + TSS_GS
	movl	$0, (\at) + TSS_LDT
	movl	$0x680000, (\at) + TSS_T
	.endm

	/* A 16-bit task of the kernel's: code where it is, with a base of its own; the stack is in DATA. EAX is lost. */
	.macro	TASK16 ip
	mov	$\ip, %eax
	mov	%ax, T16 + 0x0e
	DESC	SEL_ODD, 0x0000ffff, 0x00409b70
	DESC	SEL_ODD2, 0x0000ffff, 0x00009303
	movw	$2, T16 + 0x10
	movw	$(S16 - DATA), T16 + 0x1a
	movw	$0x10, T16 + 0x22	/* ES */
	movw	$SEL_ODD, T16 + 0x24
	movw	$SEL_ODD2, T16 + 0x26
	movw	$0x10, T16 + 0x28	/* DS */
	movw	$0, T16 + 0x2a
	.endm

	/* CPL 3, IOPL 3, going on below. */
	.macro	USER
	movl	$STACK_TOP, T0 + TSS_ESP0
	movl	$0x10, T0 + TSS_SS0
	push	$SEL_USER_DATA
	push	$STACK_TOP - 0x1000
	push	$0x3002
	push	$SEL_USER_CODE
	push	$user\@
	iret
user\@:
	mov	$SEL_USER_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	.endm

	/* The current task. EAX is lost. */
	.macro	IN_TASK sel
	str	%eax
	EQ($\sel, %eax)
	.endm

	.macro	NT_ON
	pushf
	orl	$0x4000, (%esp)
	popf
	.endm

#endif
#endif
