/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What newer processors have and CPUID may hide: then it is not there for the
 * guest either. Instructions are #UD, CR4 and XCR0 bits and MSRs #GP. What CPUID
 * offers is not tried here.
 */
#include "guest.h"

	HIGH

/* UNLESS(leaf, subleaf, register, bit): go on at 7f when CPUID offers it */
#define UNLESS(leaf, sub, reg, bit) \
	mov $leaf, %eax; mov $sub, %ecx; cpuid; test $(1 << (bit)), %reg; jnz 7f

	/* CR4 bit \bit is #GP unless CPUID offers it */
	.macro	cr4_hidden leaf, sub, reg, bit, crbit
	UNLESS(\leaf, \sub, \reg, \bit)
	mov	%cr4, %rax
	bts	$\crbit, %rax
	FAULT_CODE(GP, 0, mov %rax, %cr4)
7:
	.endm

	/* reading MSR \msr is #GP, and writing its present value, or 0, is */
	.macro	msr_gp msr
	mov	$\msr, %ecx
	FAULT_CODE(GP, 0, rdmsr)
	xor	%eax, %eax
	xor	%edx, %edx
	mov	$\msr, %ecx
	FAULT_CODE(GP, 0, wrmsr)
	.endm

CASE("newer-cr4", LONG, 0)
	cr4_hidden 7, 0, ecx, 3, 22	/* PKE */
	cr4_hidden 7, 0, ecx, 7, 23	/* CET: shadow stacks; with IBT below */
	cr4_hidden 7, 0, ecx, 31, 24	/* PKS */
	cr4_hidden 7, 0, edx, 5, 25	/* UINTR */
	cr4_hidden 7, 1, eax, 6, 27	/* LASS */
	cr4_hidden 7, 1, eax, 26, 28	/* LAM_SUP */
	cr4_hidden 7, 1, eax, 17, 32	/* FRED */
	PASS

CASE("newer-user-wait", LONG, 0)
	UNLESS(7, 0, ecx, 5)
	lea	DATA, %rax
	FAULT(UD, .byte 0xf3, 0x0f, 0xae, 0xf0)		/* UMONITOR RAX */
	FAULT(UD, .byte 0xf2, 0x0f, 0xae, 0xf1)		/* UMWAIT ECX */
	FAULT(UD, .byte 0x66, 0x0f, 0xae, 0xf1)		/* TPAUSE ECX */
	msr_gp	0xe1					/* IA32_UMWAIT_CONTROL */
	PASS
7:	SKIP

CASE("newer-tiles", LONG, 0)
	UNLESS(7, 0, edx, 24)
	FAULT(UD, .byte 0xc4, 0xe2, 0x7b, 0x49, 0xc0)	/* TILEZERO TMM0 */
	FAULT(UD, .byte 0xc4, 0xe2, 0x78, 0x49, 0xc0)	/* TILERELEASE */
	msr_gp	0x1c4					/* IA32_XFD */
	msr_gp	0x1c5
	mov	$1, %eax
	cpuid
	test	$(1 << 26), %ecx			/* XSAVE */
	jz	1f
	mov	%cr4, %rax
	bts	$18, %rax
	mov	%rax, %cr4
	xor	%ecx, %ecx
	xgetbv
	or	$(3 << 17), %eax			/* tile configuration and data */
	FAULT_CODE(GP, 0, xsetbv)
	mov	$0xd, %eax
	xor	%ecx, %ecx
	cpuid
	test	$(3 << 17), %eax
	CHECK(jz)
1:	PASS
7:	SKIP

CASE("newer-user-interrupts", LONG, 0)
	UNLESS(7, 0, edx, 5)
	FAULT(UD, .byte 0xf3, 0x0f, 0x01, 0xee)		/* CLUI */
	FAULT(UD, .byte 0xf3, 0x0f, 0x01, 0xef)		/* STUI */
	FAULT(UD, .byte 0xf3, 0x0f, 0x01, 0xed)		/* TESTUI */
	xor	%eax, %eax
	FAULT(UD, .byte 0xf3, 0x0f, 0xc7, 0xf0)		/* SENDUIPI RAX */
	msr_gp	0x985					/* IA32_UINTR_RR */
	msr_gp	0x986
	msr_gp	0x98a
	PASS
7:	SKIP

CASE("newer-shadow-stacks", LONG, 0)
	UNLESS(7, 0, ecx, 7)
	mov	$1, %eax
	.byte	0xf3, 0x48, 0x0f, 0x1e, 0xc8		/* RDSSP RAX: a hint, does nothing */
	EQ($1, %eax)
	.byte	0xf3, 0x0f, 0x1e, 0xfa			/* ENDBR64: so is this */
	FAULT(UD, .byte 0xf3, 0x0f, 0xae, 0xe8)		/* INCSSPD EAX */
	FAULT(UD, .byte 0xf3, 0x0f, 0x01, 0xe8)		/* SETSSBSY */
	FAULT(UD, .byte 0x48, 0x0f, 0x38, 0xf6, 0x04, 0x25, 0, 0, 3, 0)	/* WRSSQ RAX, DATA */
	msr_gp	0x6a0					/* IA32_U_CET */
	msr_gp	0x6a2
	msr_gp	0x6a4					/* IA32_PL0_SSP */
	msr_gp	0x6a8
	PASS
7:	SKIP

CASE("newer-xss", LONG, 0)
	/* No state for supervisors is offered: IA32_XSS, if it is there, stays 0. */
	mov	$0xd, %eax
	mov	$1, %ecx
	cpuid
	test	$8, %eax
	jz	8f
	mov	%ecx, %ebx				/* bits that CPUID offers */
	not	%ebx
	and	$0x1d900, %ebx				/* PT, CET, HDC, UINTR, LBR, HWP */
1:	bsf	%ebx, %ecx
	jz	2f
	btr	%ecx, %ebx
	mov	$1, %eax
	shl	%cl, %eax
	xor	%edx, %edx
	mov	$0xda0, %ecx
	FAULT_CODE(GP, 0, wrmsr)
	jmp	1b
2:	PASS
8:	SKIP

CASE("newer-msrs", LONG, 0)
	UNLESS(7, 0, ecx, 31)
	msr_gp	0x6e1					/* IA32_PKRS */
7:	UNLESS(7, 0, edx, 30)
	msr_gp	0xcf					/* IA32_CORE_CAPABILITIES */
7:	UNLESS(7, 0, edx, 19)
	msr_gp	0x14ce					/* IA32_LBR_CTL */
7:	PASS

/* Its hook takes from CPUID what the processor may well have: the instructions go with it. */
CASE("hidden-instructions", LONG, 0)
	mov	$7, %eax
	xor	%ecx, %ecx
	cpuid
	test	$(1 << 10 | 1 << 18), %ebx
	CHECK(jz)
	movq	$0, DATA
	movq	$0, DATA + 8
	mov	$2, %eax
	FAULT(UD, invpcid DATA, %rax)
	mov	$7, %eax			/* nor #GP for a type that is none */
	FAULT(UD, invpcid DATA, %rax)
	FAULT(UD, rdtscp)
	FAULT(UD, rdpid %rax)
	FAULT(UD, rdrand %eax)
	FAULT(UD, rdrand %rax)
	FAULT(UD, rdseed %ax)
	msr_gp	0xc0000103			/* IA32_TSC_AUX */
	PASS

CASE("hidden-xsaves", LONG, 0)
	mov	$1, %eax
	cpuid
	test	$(1 << 26), %ecx
	jnz	1f
	SKIP
1:	mov	%cr4, %rax
	bts	$18, %rax
	mov	%rax, %cr4
	mov	$1, %eax
	xor	%edx, %edx
	FAULT(UD, xsaves DATA)
	FAULT(UD, xrstors DATA)
	msr_gp	0xda0				/* IA32_XSS */
	xsave	DATA
	xrstor	DATA
	PASS

	/* \insn works if CPUID has the bit, and is #UD if not */
	.macro	shown leaf, reg, bit, insn:vararg
	mov	$\leaf, %eax
	xor	%ecx, %ecx
	cpuid
	mov	$\bit, %esi
	bt	%esi, \reg
	movl	$-1, DATA + 0x80
	jc	8f
	movl	$UD, DATA + 0x80
8:	mov	$2, %eax
	movl	$9f, FAULT_RESUME
	movl	$-1, FAULT_VEC
	\insn
9:	movl	$0, FAULT_RESUME
	mov	FAULT_VEC, %eax
	EQL(%eax, DATA + 0x80)
	.endm

/* The same with all that there is. */
CASE("shown-instructions", LONG, 0)
	movq	$0, DATA
	movq	$0, DATA + 8
	shown	7, %ebx, 10, invpcid DATA, %rax
	shown	0x80000001, %edx, 27, rdtscp
	shown	1, %ecx, 30, rdrand %eax
	shown	7, %ebx, 18, rdseed %eax
	PASS

CASE("hidden-stays", LONG, 0)
	/* at each of these exits its hook asks for another CPUID, which comes too late */
	movq	$0, DATA
	movq	$0, DATA + 8
	FAULT(UD, rdtscp)
	out	%al, $0xf0
	FAULT(UD, rdtscp)
	out	%al, $0xf0
	FAULT(UD, rdtscp)
	FAULT(UD, invpcid DATA, %rax)
	FAULT(UD, rdrand %eax)
	PASS

	.section .note.GNU-stack, "", @progbits
