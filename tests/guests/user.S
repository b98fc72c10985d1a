/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User code and what is not interpreted, cannot be fetched, or changes while it is: it
 * gets an exception or goes on, and never ends the VM.
 */
#include "guest.h"

	HIGH

	.macro	TO_USER			/* CPL 3, IOPL 3, going on below */
	movq	$STACK_TOP, 0x12004
	push	$0x3b
	push	$STACK_TOP - 0x1000
	push	$0x3002
	push	$0x33
	push	$1f
	iretq
1:
	.endm

	.macro	TO_USER32		/* the same in 32-bit code */
	movl	$0x0000ffff, 0x10030	/* selector 0x33: 32-bit code */
	movl	$0x00cffb00, 0x10034
	movl	$STACK_TOP, 0x12004
	movl	$0x10, 0x12008
	push	$0x3b
	push	$STACK_TOP - 0x1000
	push	$0x3002
	push	$0x33
	push	$1f
	iret
1:	mov	$0x3b, %eax
	mov	%eax, %ds
	mov	%eax, %es
	.endm

CASE("user-mmio-unknown", LONG, 0)
	mov	$MMIO_BASE, %edi
	movl	$0x11223344, (%rdi)
	TO_USER
	mov	(%rdi), %eax
	EQ($0x11223344, %eax)
	FAULT(UD, 1: fxsave (%rdi))
	EQQ($1b, FAULT_RIP)
	FAULT(UD, 1: pclmulqdq $0, (%rdi), %xmm0)
	EQQ($1b, FAULT_RIP)
	FAULT(UD, paddd (%rdi), %mm0)
	FAULT(UD, roundps $1, (%rdi), %xmm0)
	FAULT(UD, fxsave (%rdi))	/* and again */
	mov	(%rdi), %eax
	EQ($0x11223344, %eax)
	PASS

CASE("user-mmio-unknown-32", FLAT32, 0)
	mov	$MMIO_BASE, %edi
	movl	$0x11223344, (%edi)
	TO_USER32
	FAULT(UD, fxsave (%edi))
	FAULT(UD, paddd (%edi), %mm0)
	mov	(%edi), %eax
	EQ($0x11223344, %eax)
	PASS

CASE("user-read-only-slot", LONG, 0)
	/* what reads memory and writes a device */
	mov	$MMIO_BASE + 0x8000, %ebx
	mov	$0x1000, %ecx
	HOST(HOST_READONLY)
	mov	$MMIO_BASE + 0x8000, %edi
	TO_USER
	FAULT(UD, fxsave (%rdi))
	FAULT(UD, fxsave (%rdi))
	mov	(%rdi), %eax
	EQ($0x5a5a5a5a, %eax)
	PASS

CASE("user-code-in-device", LONG, 0)
	/* nothing is fetched from a device */
	mov	$MMIO_BASE, %edi
	TO_USER
	FAULT(UD, jmp *%rdi)
	EQQ(%rdi, FAULT_RIP)
	FAULT(UD, jmp *%rdi)
	PASS

CASE("user-code-into-device", LONG, 0)
	/* an instruction of which the end is in the device behind the memory */
	movb	$0x8b, RAM_SIZE - 1
	mov	$RAM_SIZE - 1, %edi
	TO_USER
	FAULT(UD, jmp *%rdi)
	EQQ(%rdi, FAULT_RIP)
	PASS

CASE("user-tables-outside", LONG, 0)
	/* page tables where no memory is */
	movq	$0x3f000007, 0x23000
	mov	$0x40000000, %edi
	TO_USER
	FAULT(UD, mov (%rdi), %eax)
	FAULT(UD, mov %eax, (%rdi))
	FAULT(UD, jmp *%rdi)
	PASS

CASE("user-frame-in-device", LONG, 0)
	/* a gate that does not change the stack, which is a device */
	movl	$0x00330000, 0x11200	/* INT 0x20 to user code */
	movl	$0xee00, 0x11204
	mov	$MMIO_BASE + 0x800, %edi
	TO_USER
	mov	%rsp, %rsi
	mov	%rdi, %rsp
	FAULT(DF, int $0x20)
	mov	%rsi, %rsp
	PASS

	/*
	 * The host's hook rewrites the instruction that reads the device while it answers:
	 * what was begun is finished, and the next is another.
	 */
	.macro	REWRITTEN
	mov	$-1, %rax
	mov	$2, %ecx
1:	mov	(%rdi), %eax		/* 8b 07, then 8a 07, MOV (%rdi), %al */
	dec	%ecx
	jz	2f
	EQ($0x04030201, %eax)
	mov	$-1, %eax
	jmp	1b
2:	EQ($0xffffff01, %eax)
	.endm

CASE("mmio-rewritten", LONG, 0)
	mov	$MMIO_BASE + 0x10000, %edi
	REWRITTEN
	PASS

CASE("user-mmio-rewritten", LONG, 0)
	mov	$MMIO_BASE + 0x10000, %edi
	TO_USER
	REWRITTEN
	PASS

	/* A device's page at %edi, where the hook will map another. */
	.macro	MAP_DEVICE
	mov	$MMIO_BASE, %ebx
	movl	$0x55667788, (%rbx)
	mov	$(MMIO_BASE + 0x10000) | 7, %eax
	mov	%rax, DATA
	movq	$DATA | 7, 0x23000
	mov	$0x40000000, %edi
	.endm

	/* The hook maps another page meanwhile: it is one or the other. */
	.macro	IS_EITHER
	cmp	$0x04030201, %eax
	je	1f
	EQ($0x55667788, %eax)
1:
	.endm

CASE("mmio-remapped", LONG, 0)
	MAP_DEVICE
	mov	(%rdi), %eax
	IS_EITHER
	PASS

CASE("user-mmio-remapped", LONG, 0)
	MAP_DEVICE
	TO_USER
	mov	(%rdi), %eax
	IS_EITHER
	PASS

CASE("user-vm86", PAGE32, 0)
	/* virtual-8086 mode is user code as well; its page 0x70 is the device */
	mov	$0x24000, %edi		/* a table for the first 4M */
	mov	$7, %eax
1:	mov	%eax, (%edi)
	add	$4, %edi
	add	$0x1000, %eax
	cmp	$0x400007, %eax
	jb	1b
	movl	$MMIO_BASE | 7, 0x24000 + 4 * 0x70
	mov	%cr3, %ebx
	movl	$0x24007, (%ebx)
	mov	%ebx, %cr3
	movl	$STACK_TOP, 0x12004
	movl	$0x10, 0x12008
	mov	$3f, %eax		/* #UD: a gate of our own, for the stubs want DS */
	movw	%ax, 0x11030
	shr	$16, %eax
	movw	%ax, 0x11036
	mov	$0x60000, %edi		/* fxsave 0x0 ; of DS = 0x7000 */
	movl	$0x0006ae0f, (%edi)
	movb	$0, 4(%edi)
	push	$0			/* GS, FS, DS, ES */
	push	$0
	push	$0x7000
	push	$0
	push	$0			/* SS:ESP */
	push	$0x8000
	push	$0x20002
	push	$0x6000			/* CS:EIP */
	push	$0
	iret
3:	mov	$0x10, %eax
	mov	%eax, %ds
	testl	$0x20000, 8(%esp)
	CHECK(jnz)
	EQL($0, (%esp))
	PASS

/* What is not of 1, 2, 4 or 8 bytes has its alignment, too: SDM Vol. 3, table 6-7. */
CASE("user-mmio-aligned", LONG, 0)
	mov	$MMIO_BASE, %edi
	movq	$0, (%rdi)
	movq	$0, 8(%rdi)
	movq	$0, 16(%rdi)
	fninit
	mov	%cr0, %rax
	bts	$18, %rax
	mov	%rax, %cr0
	TO_USER
	pushf
	orl	$0x40000, (%rsp)
	popf
	fldt	8(%rdi)
	FAULT_CODE(AC, 0, fldt 4(%rdi))
	FAULT_CODE(AC, 0, fstpt 4(%rdi))
	fstpt	8(%rdi)
	fnstenv	4(%rdi)
	FAULT_CODE(AC, 0, fnstenv 2(%rdi))
	movl	$0, 4(%rdi)
	movl	$0, 8(%rdi)
	lfsl	4(%rdi), %eax
	FAULT_CODE(AC, 0, lfsl 2(%rdi), %eax)
	lfsw	6(%rdi), %ax
	FAULT_CODE(AC, 0, lfsw 1(%rdi), %ax)
	pushf
	andl	$~0x40000, (%rsp)
	popf
	PASS

/* Each register that PUSHA and POPA move is aligned, or none is (SDM Vol. 2). */
CASE("user-mmio-pusha-aligned", FLAT32, 0)
	mov	%cr0, %eax
	bts	$18, %eax
	mov	%eax, %cr0
	TO_USER32
	mov	%esp, %ebx
	mov	$MMIO_BASE, %edi
	movl	$0x55667788, 32(%edi)
	pushf
	orl	$0x40000, (%esp)
	popf
	lea	38(%edi), %esp
	FAULT_CODE(AC, 0, pusha)
	lea	2(%edi), %esp
	FAULT_CODE(AC, 0, popa)
	lea	36(%edi), %esp
	pusha
	lea	4(%edi), %eax
	cmp	%eax, %esp
	CHECK(je)
	cmp	%edi, 4(%edi)
	CHECK(je)
	mov	%ebx, %esp
	pushf
	andl	$~0x40000, (%esp)
	popf
	PASS

	.section .note.GNU-stack, "", @progbits
