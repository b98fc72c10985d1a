/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that owns every register it can, and looks after each round of exits
 * whether they still are what it made them. What it writes is told apart from
 * other VMs' by the time at which it started.
 */
#include "guest.h"

#define SOAK_ROUNDS	60
#define SEED		DATA			/* quadword */
#define AUX		(DATA + 8)
#define ENTRY		(DATA + 0x10)		/* which of two LSTAR is ours */
#define MEMORY		UNTOUCHED
#define MEMORY_SIZE	0x20000
#define SCE		1

	.macro	FOR_XMM op
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\op	\n
	.endr
	.endm

	.macro	XMM_OWN n
	lea	\n(%r15), %rax
	movq	%rax, %xmm\n
	punpcklqdq %xmm\n, %xmm\n
	.endm

	.macro	XMM_STILL n
	movdqu	%xmm\n, DATA + 0x40
	lea	\n(%r15), %rax
	EQ(%rax, DATA + 0x40)
	EQ(%rax, DATA + 0x48)
	.endm

	/* each from the one before, the first from RAX */
	.macro	GPR_OWN
	.irp	r, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14
	imul	$0x1000193, %rax
	mov	%rax, %\r
	.endr
	.endm

	.macro	GPR_STILL
	mov	%r15, %rax
	.irp	r, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14
	imul	$0x1000193, %rax
	EQ(%rax, %\r)
	.endr
	.endm

	.macro	WRITE msr, low
	mov	$\msr, %ecx
	mov	\low, %eax
	xor	%edx, %edx
	wrmsr
	.endm

	.macro	STILL msr, low
	mov	$\msr, %ecx
	rdmsr
	EQ(\low, %eax)
	EQ($0, %edx)
	.endm

	.balign	16
entry_a:
	mov	$1, %eax
	jmp	entered
	.balign	16
entry_b:
	mov	$2, %eax
	jmp	entered

CASE("soak", LONG, 0)
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	mov	$0x9e3779b97f4a7c15, %rcx
	imul	%rcx, %rax
	mov	%rax, %r15
	mov	%rax, SEED

	/* SYSCALL by an entry and a mask of our own; with TSC_AUX where there is RDTSCP */
	mov	$0xc0000080, %ecx
	rdmsr
	or	$SCE, %eax
	wrmsr
	mov	$0xc0000081, %ecx
	mov	%r15d, %eax
	mov	$0x00180018, %edx
	wrmsr
	movl	$1, ENTRY
	mov	$entry_a, %ebx
	bt	$40, %r15
	jnc	1f
	movl	$2, ENTRY
	mov	$entry_b, %ebx
1:	WRITE	0xc0000082, %ebx
	mov	%r15d, %ebx
	and	$0x4d5, %ebx			/* of DF and the arithmetic flags */
	WRITE	0xc0000084, %ebx
	mov	%r15d, %ebx
	shr	$8, %ebx
	WRITE	0xc0000102, %ebx		/* KERNEL_GS_BASE */
	WRITE	0xc0000100, %ebx		/* FS_BASE */
	WRITE	0x175, %ebx			/* SYSENTER_ESP */
	WRITE	0x176, %ebx
	mov	$0x80000001, %eax
	cpuid
	bt	$27, %edx
	sbb	%eax, %eax
	mov	%eax, AUX
	jz	2f
	mov	%r15, %rbx
	shr	$20, %rbx
	WRITE	0xc0000103, %ebx
2:	mov	$soak_stop, %eax		/* a breakpoint that is met in each round */
	mov	%rax, %dr0
	mov	$0x401, %eax
	mov	%rax, %dr7

	FOR_XMM	XMM_OWN
	mov	%r15, %rax
	mov	$MEMORY, %edx
3:	mov	%rax, (%rdx)
	add	%r15, %rax
	add	$8, %edx
	cmp	$MEMORY + MEMORY_SIZE, %edx
	jb	3b

	movl	$SOAK_ROUNDS, PARAM + 8
round:
	mov	%r15, %rax
	GPR_OWN
	mov	%r15, %rax
	mov	%rax, %cr2

	xor	%eax, %eax
	cpuid
	mov	%r15d, %eax			/* to userspace, and back from there */
	mov	$PIO_BASE, %edx
	out	%eax, %dx
	xor	%eax, %eax
	in	%dx, %eax
	EQ(%r15d, %eax)
	GPR_STILL
	mov	%cr2, %rax
	EQ(%r15, %rax)
	FOR_XMM	XMM_STILL

	/* a stretch without exits, in which the host's interrupts come */
	mov	$2000, %ecx
4:	pause
	loop	4b

	/* the processor's own SYSCALL, not what RDMSR is told */
	mov	$0xffff, %eax
	stc
	pushf
	syscall
	FAIL
entered:
	pushf
	EQ(ENTRY, %eax)
	pop	%rax
	pop	%rdx				/* flags before */
	mov	%r15d, %ecx
	and	$0x4d5, %ecx
	not	%ecx
	and	%ecx, %edx
	and	$0x4d5, %eax
	and	$0x4d5, %edx
	EQ(%edx, %eax)
	mov	$0x10, %eax
	mov	%eax, %ss
	testl	$-1, AUX
	jz	5f
	rdtscp
	mov	%r15, %rax
	shr	$20, %rax
	EQ(%eax, %ecx)
5:	mov	%r15d, %ebx
	shr	$8, %ebx
	STILL	0xc0000102, %ebx
	STILL	0xc0000100, %ebx
	STILL	0x175, %ebx
	STILL	0x176, %ebx
	FAULT(DB, soak_stop: nop)
	xor	%eax, %eax
	mov	%rax, %dr6

	/* memory: all of it read, and made new */
	mov	SEED, %rax
	EQ(%r15, %rax)
	mov	PARAM + 16, %rbx		/* added in earlier rounds */
	mov	$MEMORY, %edx
6:	lea	(%rax, %rbx), %rcx
	EQ(%rcx, (%rdx))
	inc	%rcx
	mov	%rcx, (%rdx)
	add	%r15, %rax
	add	$8, %edx
	cmp	$MEMORY + MEMORY_SIZE, %edx
	jb	6b
	incq	PARAM + 16
	FOR_XMM	XMM_STILL
	decl	PARAM + 8
	jnz	round
	PASS
	.section .note.GNU-stack, "", @progbits
