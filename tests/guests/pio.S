/* SPDX-License-Identifier: GPL-2.0-only */
/* Port I/O that the VMM answers. */
#include "guest.h"

	.macro	PIO_SIZES reg
	mov	$PIO_BASE, %edx
	mov	$0x11223344, %eax
	out	%eax, %dx
	xor	%eax, %eax
	in	%dx, %eax
	EQ($0x11223344, %eax)
	mov	$0x5566, %eax
	out	%ax, %dx
	mov	$-1, %eax
	in	%dx, %ax
	EQ($0xffff5566, %eax)		/* the rest of EAX stays */
	mov	$0x77, %eax
	out	%al, %dx
	mov	$-1, %eax
	in	%dx, %al
	EQ($0xffffff77, %eax)
	.endm

CASE("pio-sizes", LONG, 0)
	PIO_SIZES
	/* a 32-bit IN clears the upper half */
	mov	$-1, %rax
	in	%dx, %eax
	shr	$32, %rax
	CHECK(jz)
	PASS

CASE("pio-sizes-32", FLAT32, 0)
	PIO_SIZES
	PASS

CASE("pio-sizes-real", REAL, 0)
	PIO_SIZES
	PASS

CASE("pio-sizes-pae", PAE, 0)
	PIO_SIZES
	PASS

CASE("pio-sizes-page32", PAGE32, 0)
	PIO_SIZES
	PASS

CASE("pio-string", LONG, 0)
	/* OUTS single and repeated, all sizes, and what the VMM got */
	cld
	mov	$DATA + 0x2000, %esi
	mov	$64, %ecx
	mov	%esi, %edi
	xor	%eax, %eax
1:	stosb
	inc	%eax
	loop	1b
	mov	$PIO_LOG, %edx
	outsb
	outsw
	outsl
	EQ($DATA + 0x2007, %rsi)
	mov	$9, %ecx
	rep outsb
	EQ($0, %rcx)
	mov	$4, %ecx
	rep outsw
	mov	$10, %ecx
	rep outsl
	EQ($DATA + 0x2040, %rsi)
	HOST(HOST_PIO_LOG)
	EQQ($64, RESULT)
	mov	$DATA, %esi
	mov	$DATA + 0x2000, %edi
	mov	$64, %ecx
	repe cmpsb
	CHECK(je)
	PASS

CASE("pio-string-in", LONG, 0)
	cld
	mov	$DATA, %edi
	mov	$PIO_COUNT, %edx
	insb
	insw
	insl
	EQ($DATA + 7, %rdi)
	mov	$9, %ecx
	rep insb
	mov	$8, %ecx
	rep insw
	mov	$8, %ecx
	rep insl
	EQ($DATA + 64, %rdi)
	EQ($0, %rcx)
	xor	%ecx, %ecx
1:	EQ(%cl, DATA(%rcx))
	inc	%ecx
	cmp	$64, %ecx
	jne	1b
	PASS

CASE("pio-string-down", LONG, 0)
	/* direction flag set: addresses descend */
	std
	mov	$DATA + 16, %edi
	mov	$PIO_COUNT, %edx
	mov	$4, %ecx
	rep insb
	cld
	EQ($DATA + 12, %rdi)
	EQL($0x00010203, DATA + 13)
	mov	$DATA + 16, %esi
	std
	mov	$PIO_LOG, %edx
	mov	$4, %ecx
	rep outsb
	cld
	EQ($DATA + 12, %rsi)
	HOST(HOST_PIO_LOG)
	EQQ($4, RESULT)
	EQL($0x03020100, DATA)
	PASS

CASE("pio-string-zero", LONG, 0)
	/* a count of 0 does nothing at all */
	xor	%ecx, %ecx
	mov	$DATA, %esi
	mov	$PIO_LOG, %edx
	rep outsb
	EQ($DATA, %rsi)
	HOST(HOST_PIO_LOG)
	EQQ($0, RESULT)
	PASS

CASE("pio-string-pages", LONG, 0)
	/* longer than a page, from an odd address */
	cld
	mov	$UNTOUCHED + 3, %edi
	mov	$PIO_COUNT, %edx
	mov	$5000, %ecx
	rep insb
	EQ($UNTOUCHED + 5003, %rdi)
	xor	%ecx, %ecx
1:	EQ(%cl, UNTOUCHED + 3(%rcx))
	inc	%ecx
	cmp	$5000, %ecx
	jne	1b
	PASS

CASE("pio-string-cross", LONG, 0)
	/* one element that straddles two pages */
	mov	$UNTOUCHED + 0xffe, %edi
	mov	$PIO_COUNT, %edx
	insl
	EQL($0x03020100, UNTOUCHED + 0xffe)
	mov	$UNTOUCHED + 0xffe, %esi
	mov	$PIO_LOG, %edx
	outsl
	HOST(HOST_PIO_LOG)
	EQL($0x03020100, DATA)
	PASS

CASE("pio-string-fault", LONG, 0)
	/* INS to memory that is not there: #PF, the rest done, RCX right */
	movl	$1, 0x31000
	movq	$0x31003, 0x30000
	movq	$0, 0x30008
	movq	$0x30003, 0x23000
	mov	$0x40000ffc, %edi
	mov	$PIO_COUNT, %edx
	mov	$8, %ecx
	FAULT_CODE(PF, 2, rep insb)
	mov	$0x40001000, %eax
	EQ(%rax, %rdi)
	EQQ(%rax, FAULT_CR2)
	EQ($4, %rcx)
	EQL($0x03020100, 0x31ffc)
	PASS

CASE("pio-string-real", REAL, 0)
	cld
	mov	$0x3000, %ax
	mov	%ax, %es
	mov	$0xfff0, %di
	mov	$PIO_COUNT, %dx
	mov	$8, %cx
	rep insb
	cmp	$0xfff8, %di
	CHECK(je)
	cmpw	$0x0706, %es:0xfff6
	CHECK(je)
	mov	$0x3000, %ax
	mov	%ax, %fs
	mov	$0xfff0, %si
	mov	$PIO_LOG, %dx
	mov	$4, %cx
	rep outsw %fs:(%si), %dx
	cmp	$0xfff8, %si
	CHECK(je)
	HOST(HOST_PIO_LOG)
	cmpw	$8, RESULT
	CHECK(je)
	PASS

CASE("pio-string-32", FLAT32, 0)
	cld
	mov	$DATA, %edi
	mov	$PIO_COUNT, %edx
	mov	$6, %ecx
	rep insl
	EQ($DATA + 24, %edi)
	EQL($0x17161514, DATA + 20)
	PASS

CASE("pio-string-chip", LONG, F_IRQCHIP)
	/* a chip in the kernel sees each element: the last mask written is the one read */
	cld
	movl	$0x54535251, DATA
	mov	$DATA, %esi
	mov	$0x21, %edx
	mov	$4, %ecx
	rep outsb
	EQ($0, %rcx)
	EQ($DATA + 4, %rsi)
	mov	$DATA + 8, %edi
	mov	$4, %ecx
	rep insb
	EQ($DATA + 12, %rdi)
	EQL($0x54545454, DATA + 8)
	PASS

CASE("pio-string-wrap", FLAT32, 0)
	/* 16-bit addresses wrap around at 64K, in the middle of a REP */
	cld
	movl	$0xdeadbeef, 0
	movl	$0xdeadbeef, 0x10000 - 4
	mov	$0x3fffe, %edi		/* only DI counts */
	mov	$PIO_COUNT, %edx
	mov	$0x10003, %ecx		/* and only CX */
	addr16 rep insb
	EQ($0x30001, %edi)
	EQ($0x10000, %ecx)
	EQL($0x0100beef, 0x10000 - 4)
	EQL($0xdeadbe02, 0)
	PASS

CASE("pio-imm", LONG, 0)
	/* the immediate forms, on a port that nobody answers in the kernel */
	mov	$0x55, %al
	out	%al, $0xf0
	out	%eax, $0xf0
	out	%ax, $0xf0
	PASS

CASE("pio-cpl3", LONG, 0)
	/* IOPL 0 and no I/O bitmap: #GP; with IOPL 3 it works */
	movq	$STACK_TOP, 0x12004	/* TSS.RSP0 */
	movw	$0xffff, 0x12066	/* no I/O bitmap */
	push	$0x3b
	push	$STACK_TOP - 0x1000
	push	$2
	push	$0x33
	push	$1f
	iretq
1:	FAULT_CODE(GP, 0, in $0x80, %al)
	FAULT_CODE(GP, 0, cli)
	FAULT_CODE(GP, 0, hlt)
	FAULT_CODE(GP, 0, mov %cr0, %rax)
	mov	$0x10, %ecx
	FAULT_CODE(GP, 0, rdmsr)
	FAULT_CODE(GP, 0, wbinvd)
	/* back by an interrupt gate: a handler of our own */
	movl	$2f, HANDLER + 4 * 0x0d
	cli
2:	PASS

	.section .note.GNU-stack, "", @progbits
