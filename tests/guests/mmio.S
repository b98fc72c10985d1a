/* SPDX-License-Identifier: GPL-2.0-only */
/* Every form of instruction that touches MMIO: done by the decoder. */
#include "guest.h"

	/* Put a value in the device by plain moves. */
	.macro	SET off, val
	movl	$\val, \off(%rdi)
	.endm

	.macro	IS off, val
	mov	\off(%rdi), %eax
	cmp	$\val, %eax
	CHECK(je)
	.endm

	.macro	SET32 off, val
	movl	$\val, \off(%edi)
	.endm

	.macro	IS32 off, val
	mov	\off(%edi), %eax
	cmp	$\val, %eax
	CHECK(je)
	.endm

CASE("mmio-mov", LONG, 0)
	mov	$MMIO_BASE, %edi
	mov	$0x1122334455667788, %rax
	mov	%rax, (%rdi)
	xor	%eax, %eax
	mov	(%rdi), %rax
	mov	$0x1122334455667788, %rbx
	EQ(%rbx, %rax)
	mov	$-1, %rax
	mov	(%rdi), %eax		/* clears the upper half */
	mov	$0x55667788, %ebx
	EQ(%rbx, %rax)
	mov	$-1, %rax
	mov	(%rdi), %ax
	mov	$0xffffffffffff7788, %rbx
	EQ(%rbx, %rax)
	mov	$-1, %rax
	mov	1(%rdi), %ah		/* high byte registers */
	mov	$0xffffffffffff77ff, %rbx
	EQ(%rbx, %rax)
	mov	$0xab, %r9d
	mov	%r9b, 3(%rdi)
	mov	%spl, %al		/* REX: SPL, not AH */
	mov	%spl, 4(%rdi)
	mov	4(%rdi), %r10b
	EQ(%al, %r10b)
	mov	(%rdi), %r15d
	mov	$0xab667788, %ebx
	EQ(%rbx, %r15)
	PASS

CASE("mmio-mov-imm", LONG, 0)
	mov	$MMIO_BASE, %edi
	movb	$0x11, (%rdi)
	movw	$0x2233, 2(%rdi)
	movl	$0x44556677, 4(%rdi)
	movq	$-2, 8(%rdi)		/* sign-extended immediate */
	mov	(%rdi), %eax
	and	$0xffff00ff, %eax
	EQ($0x22330011, %eax)
	mov	4(%rdi), %eax
	EQ($0x44556677, %eax)
	mov	8(%rdi), %rax
	EQ($-2, %rax)
	PASS

CASE("mmio-moffs", LONG, 0)
	mov	$0x1234567890abcdef, %rax
	movabs	%rax, MMIO_BASE + 0x20
	xor	%eax, %eax
	movabs	MMIO_BASE + 0x20, %rax
	mov	$0x1234567890abcdef, %rbx
	EQ(%rbx, %rax)
	xor	%eax, %eax
	movabs	MMIO_BASE + 0x20, %al
	EQ($0xef, %rax)
	PASS

CASE("mmio-addressing", LONG, 0)
	/* base, index, scale, displacement, RIP-relative-free forms, 67h */
	mov	$MMIO_BASE, %r12d
	mov	$8, %r13d
	movl	$0x1, 0x100(%r12)
	movl	$0x2, 0x100(%r12, %r13, 4)
	mov	%r12, %rbp
	movl	$0x3, 0x7f(%rbp, %r13, 8)
	movl	$0x4, (%r12d, %r13d, 1)
	mov	%r12, %r13
	movl	$0x5, (%r13)
	mov	0x100(%r12), %eax
	EQ($1, %eax)
	mov	0x120(%r12), %eax
	EQ($2, %eax)
	mov	0xbf(%r12), %eax
	EQ($3, %eax)
	mov	8(%r12), %eax
	EQ($4, %eax)
	mov	(%r12), %eax
	EQ($5, %eax)
	/* segment bases count in 64-bit mode for FS and GS only */
	mov	$0xc0000100, %ecx
	mov	$MMIO_BASE, %eax
	xor	%edx, %edx
	wrmsr
	movl	$0x6, %fs:0x40
	mov	0x40(%r12), %eax
	EQ($6, %eax)
	PASS

CASE("mmio-movzx-movsx", LONG, 0)
	mov	$MMIO_BASE, %edi
	SET	0, 0x8081f2f3
	mov	$-1, %rax
	movzbl	(%rdi), %eax
	EQ($0xf3, %rax)
	movzwl	(%rdi), %eax
	EQ($0xf2f3, %rax)
	movzbq	3(%rdi), %rax
	EQ($0x80, %rax)
	movzwq	2(%rdi), %rax
	EQ($0x8081, %rax)
	movsbl	(%rdi), %eax
	mov	$0xfffffff3, %ebx
	EQ(%rbx, %rax)
	movswl	(%rdi), %eax
	mov	$0xfffff2f3, %ebx
	EQ(%rbx, %rax)
	movsbq	3(%rdi), %rax
	EQ($-128, %rax)
	movswq	2(%rdi), %rax
	EQ($0xffffffffffff8081, %rax)
	movslq	(%rdi), %rax
	EQ($0xffffffff8081f2f3, %rax)
	mov	$-1, %rax
	movsbw	(%rdi), %ax
	EQ($-13, %rax)
	mov	$-1, %rax
	movzbw	(%rdi), %ax
	mov	$0xffffffffffff00f3, %rbx
	EQ(%rbx, %rax)
	PASS

	/* One two-operand operation in all the ways of reaching memory. */
	.macro	ALU op, result
	SET	0, 0x0f0ff0f3
	SET	4, 0x01020304
	mov	$0x01234567, %edx
	\op	%edx, (%rdi)
	pushf
	mov	$0x0f0ff0f3, %ebx
	mov	$0x01234567, %edx
	\op	%edx, %ebx
	pushf
	pop	%rcx
	pop	%rax
	and	$0x8c5, %ecx		/* OF SF ZF PF CF */
	and	$0x8c5, %eax
	EQ(%ecx, %eax)
	mov	(%rdi), %eax
	EQ(%ebx, %eax)
	/* register <- register op memory */
	SET	0, 0x0f0ff0f3
	mov	$0x01234567, %ebx
	mov	%ebx, %edx
	mov	$0x0f0ff0f3, %eax
	\op	%eax, %edx
	\op	(%rdi), %ebx
	EQ(%edx, %ebx)
	/* immediates of 8 (extended) and 32 bits, a byte, a word, a quad */
	SET	0, 0x0f0ff0f3
	\op\()l	$-3, (%rdi)
	mov	$0x0f0ff0f3, %ebx
	\op	$-3, %ebx
	mov	(%rdi), %eax
	EQ(%ebx, %eax)
	SET	0, 0x0f0ff0f3
	\op\()l	$0x12345678, (%rdi)
	mov	$0x0f0ff0f3, %ebx
	\op	$0x12345678, %ebx
	mov	(%rdi), %eax
	EQ(%ebx, %eax)
	SET	0, 0x0f0ff0f3
	\op\()b	$0x71, 1(%rdi)
	mov	$0x0f0ff0f3, %ebx
	\op	$0x71, %bh
	mov	(%rdi), %eax
	EQ(%ebx, %eax)
	SET	0, 0x0f0ff0f3
	\op\()w	$0x1771, 2(%rdi)
	mov	$0x0f0f, %ebx
	\op	$0x1771, %bx
	mov	2(%rdi), %ax
	EQ(%bx, %ax)
	SET	0, 0x0f0ff0f3
	\op\()q	$-9, (%rdi)
	mov	$0x010203040f0ff0f3, %rbx
	\op	$-9, %rbx
	mov	(%rdi), %rax
	EQ(%rbx, %rax)
	.endm

CASE("mmio-add", LONG, 0)
	mov	$MMIO_BASE, %edi
	ALU	add
	PASS
CASE("mmio-or", LONG, 0)
	mov	$MMIO_BASE, %edi
	ALU	or
	PASS
CASE("mmio-and", LONG, 0)
	mov	$MMIO_BASE, %edi
	ALU	and
	PASS
CASE("mmio-sub", LONG, 0)
	mov	$MMIO_BASE, %edi
	ALU	sub
	PASS
CASE("mmio-xor", LONG, 0)
	mov	$MMIO_BASE, %edi
	ALU	xor
	PASS
CASE("mmio-cmp", LONG, 0)
	mov	$MMIO_BASE, %edi
	ALU	cmp
	PASS

CASE("mmio-adc-sbb", LONG, 0)
	mov	$MMIO_BASE, %edi
	SET	0, 0xffffffff
	stc
	adcl	$0, (%rdi)
	pushf
	pop	%rax
	and	$0x41, %eax
	EQ($0x41, %eax)			/* ZF and CF */
	IS	0, 0
	mov	$5, %edx
	stc
	adc	%edx, (%rdi)
	IS	0, 6
	stc
	sbbl	$2, (%rdi)
	IS	0, 3
	mov	$10, %edx
	stc
	sbb	(%rdi), %edx
	EQ($6, %edx)
	PASS

CASE("mmio-test", LONG, 0)
	mov	$MMIO_BASE, %edi
	SET	0, 0x80000010
	testl	$0x10, (%rdi)
	CHECK(jnz)
	testb	$0x0f, (%rdi)
	CHECK(jz)
	mov	$0x80000000, %edx
	test	%edx, (%rdi)
	CHECK(js)
	testw	$0x10, (%rdi)
	CHECK(jnz)
	HOST(HOST_MMIO_LOG)
	EQQ($1, RESULT)			/* TEST does not write */
	EQQ($4, RESULT + 8)
	PASS

CASE("mmio-inc-dec-neg-not", LONG, 0)
	mov	$MMIO_BASE, %edi
	SET	0, 0x7fffffff
	stc
	incl	(%rdi)
	CHECK(jo)
	stc
	incl	(%rdi)
	CHECK(jc)			/* CF is left alone */
	IS	0, 0x80000001
	decb	(%rdi)
	IS	0, 0x80000000
	negl	(%rdi)
	CHECK(jo)
	notl	(%rdi)
	IS	0, 0x7fffffff
	decw	(%rdi)
	IS	0, 0x7ffffffe
	SET	4, 0
	incq	(%rdi)
	IS	0, 0x7fffffff
	PASS

CASE("mmio-shift", LONG, 0)
	mov	$MMIO_BASE, %edi
	SET	0, 0x80000001
	shll	$1, (%rdi)
	CHECK(jc)
	IS	0, 2
	mov	$3, %ecx
	shll	%cl, (%rdi)
	IS	0, 0x10
	shrl	$4, (%rdi)
	IS	0, 1
	rorl	$1, (%rdi)
	IS	0, 0x80000000
	sarl	$31, (%rdi)
	IS	0, -1
	PASS

CASE("mmio-xchg", LONG, 0)
	mov	$MMIO_BASE, %edi
	SET	0, 0x11111111
	mov	$0x22222222, %edx
	xchg	%edx, (%rdi)
	EQ($0x11111111, %edx)
	IS	0, 0x22222222
	mov	$0x33, %dl
	xchg	%dl, (%rdi)
	EQ($0x22, %dl)
	IS	0, 0x22222233
	mov	$0x7766554433221100, %rdx
	SET	4, 0x44444444
	xchg	%rdx, (%rdi)
	mov	$0x4444444422222233, %rax
	EQ(%rax, %rdx)
	PASS

CASE("mmio-xadd", LONG, 0)
	mov	$MMIO_BASE, %edi
	SET	0, 100
	mov	$5, %edx
	lock xadd %edx, (%rdi)
	EQ($100, %edx)
	IS	0, 105
	PASS

CASE("mmio-cmpxchg", LONG, 0)
	mov	$MMIO_BASE, %edi
	SET	0, 5
	mov	$5, %eax
	mov	$9, %edx
	lock cmpxchg %edx, (%rdi)
	CHECK(jz)
	IS	0, 9
	mov	$5, %eax
	mov	$7, %edx
	cmpxchg	%edx, (%rdi)
	CHECK(jnz)
	EQ($9, %eax)
	IS	0, 9
	PASS

CASE("mmio-cmpxchg8b", LONG, 0)
	mov	$MMIO_BASE, %edi
	SET	0, 1
	SET	4, 2
	mov	$1, %eax
	mov	$2, %edx
	mov	$3, %ebx
	mov	$4, %ecx
	lock cmpxchg8b (%rdi)
	CHECK(jz)
	IS	0, 3
	IS	4, 4
	mov	$1, %eax
	mov	$2, %edx
	lock cmpxchg8b (%rdi)
	CHECK(jnz)
	EQ($3, %eax)
	EQ($4, %edx)
	PASS

CASE("mmio-bt", LONG, 0)
	mov	$MMIO_BASE, %edi
	SET	0, 0x10
	SET	4, 0
	btl	$4, (%rdi)
	CHECK(jc)
	btl	$5, (%rdi)
	CHECK(jnc)
	btsl	$0, (%rdi)
	CHECK(jnc)
	btrl	$4, (%rdi)
	CHECK(jc)
	btcl	$31, (%rdi)
	IS	0, 0x80000001
	mov	$37, %edx		/* register form: 4 bytes further on */
	lock bts %edx, (%rdi)
	CHECK(jnc)
	IS	4, 0x20
	bt	%edx, (%rdi)
	CHECK(jc)
	btr	%edx, (%rdi)
	CHECK(jc)
	IS	4, 0
	mov	$-32, %rdx		/* and 8 bytes back with a quadword */
	lea	0x40(%rdi), %rsi
	bts	%rdx, (%rsi)
	IS	0x3c, 1
	PASS

CASE("mmio-stos", LONG, 0)
	cld
	mov	$MMIO_BASE, %edi
	mov	$0x1122334455667788, %rax
	stosb
	stosw
	stosl
	stosq
	EQ($MMIO_BASE + 15, %edi)
	mov	$MMIO_BASE + 16, %edi
	mov	$0xa5a5a5a5, %eax
	mov	$5, %ecx
	rep stosl
	EQ($0, %rcx)
	EQ($MMIO_BASE + 36, %edi)
	mov	$MMIO_BASE, %edi
	mov	(%rdi), %eax
	EQ($0x88778888, %eax)
	IS	32, 0xa5a5a5a5
	IS	36, 0
	PASS

CASE("mmio-lods", LONG, 0)
	cld
	mov	$MMIO_BASE, %edi
	SET	0, 0x44332211
	SET	4, 0x88776655
	mov	%rdi, %rsi
	xor	%eax, %eax
	lodsb
	EQ($0x11, %eax)
	lodsw
	EQ($0x3322, %eax)
	lodsl
	EQ($0x77665544, %eax)
	mov	%rdi, %rsi
	lodsq
	mov	$0x8877665544332211, %rdx
	EQ(%rdx, %rax)
	mov	%rdi, %rsi
	mov	$2, %ecx
	rep lodsl
	mov	$0x88776655, %edx
	EQ(%rdx, %rax)
	PASS

CASE("mmio-movs", LONG, 0)
	/* memory to device, device to memory, device to device */
	cld
	movl	$0x44332211, DATA
	movl	$0x88776655, DATA + 4
	movl	$0x12345678, DATA + 8
	mov	$DATA, %esi
	mov	$MMIO_BASE, %edi
	movsb
	movsw
	movsb
	movsl
	mov	$MMIO_BASE, %edi
	IS	0, 0x44332211
	IS	4, 0x88776655
	mov	$DATA, %esi
	mov	$3, %ecx
	rep movsl
	EQ($0, %rcx)
	mov	$MMIO_BASE, %esi
	IS	-4, 0x12345678
	mov	$DATA + 0x100, %edi
	mov	$3, %ecx
	rep movsl
	EQL($0x44332211, DATA + 0x100)
	EQL($0x12345678, DATA + 0x108)
	mov	$MMIO_BASE, %esi
	mov	$MMIO_BASE + 0x100, %edi
	movsq
	mov	$MMIO_BASE, %edi
	IS	0x104, 0x88776655
	PASS

CASE("mmio-movs-down", LONG, 0)
	std
	movl	$0x11111111, DATA
	movl	$0x22222222, DATA + 4
	mov	$DATA + 4, %esi
	mov	$MMIO_BASE + 4, %edi
	mov	$2, %ecx
	rep movsl
	cld
	EQ($MMIO_BASE - 4, %edi)
	mov	$MMIO_BASE, %edi
	IS	0, 0x11111111
	IS	4, 0x22222222
	PASS

CASE("mmio-movs-bulk", LONG, 0)
	/* what memcpy_toio of a page does */
	cld
	mov	$DATA, %edi
	mov	$1024, %ecx
1:	mov	%ecx, (%rdi)
	add	$4, %edi
	loop	1b
	mov	$DATA, %esi
	mov	$MMIO_BASE + 0x800, %edi
	mov	$512, %ecx
	rep movsq
	mov	$MMIO_BASE + 0x800, %esi
	mov	$DATA + 0x4000, %edi
	mov	$4096, %ecx
	rep movsb
	mov	$DATA, %esi
	mov	$DATA + 0x4000, %edi
	mov	$1024, %ecx
	repe cmpsl
	CHECK(je)
	PASS

CASE("mmio-cmps-scas", LONG, 0)
	cld
	mov	$MMIO_BASE, %edi
	SET	0, 0x11
	SET	4, 0x22
	SET	8, 0x33
	movl	$0x11, DATA
	movl	$0x22, DATA + 4
	movl	$0x44, DATA + 8
	mov	$DATA, %esi
	mov	$3, %ecx
	repe cmpsl
	CHECK(jne)
	EQ($0, %ecx)
	EQ($DATA + 12, %esi)
	mov	$MMIO_BASE, %edi
	mov	$0x22, %eax
	mov	$3, %ecx
	repne scasl
	CHECK(je)
	EQ($1, %ecx)
	PASS

CASE("mmio-push-pop", LONG, 0)
	mov	$MMIO_BASE, %edi
	SET	0, 0x12345678
	SET	4, 0
	pushq	(%rdi)
	pop	%rax
	EQ($0x12345678, %rax)
	push	$0x77
	popq	8(%rdi)
	IS	8, 0x77
	IS	12, 0
	PASS

CASE("mmio-movnti", LONG, 0)
	mov	$MMIO_BASE, %edi
	mov	$0x1122334455667788, %rax
	movnti	%rax, (%rdi)
	movnti	%eax, 8(%rdi)
	sfence
	IS	4, 0x11223344
	IS	8, 0x55667788
	PASS

CASE("mmio-mul", LONG, 0)
	mov	$MMIO_BASE, %edi
	SET	0, 7
	mov	$6, %eax
	mull	(%rdi)
	EQ($42, %eax)
	imul	(%rdi), %eax
	EQ($294, %eax)
	imul	$3, (%rdi), %ecx
	EQ($21, %ecx)
	xor	%edx, %edx
	divl	(%rdi)
	EQ($42, %eax)
	PASS

CASE("mmio-setcc-cmov", LONG, 0)
	mov	$MMIO_BASE, %edi
	SET	0, 0
	cmp	%eax, %eax
	sete	(%rdi)
	setne	1(%rdi)
	IS	0, 1
	mov	$5, %edx
	cmp	%eax, %eax
	cmove	(%rdi), %edx
	EQ($1, %edx)
	PASS

CASE("mmio-call-jmp", LONG, 0)
	/* pointers that lie in the device */
	mov	$MMIO_BASE, %edi
	movq	$1f, (%rdi)
	movq	$2f, 8(%rdi)
	call	*(%rdi)
	jmp	*8(%rdi)
	FAIL
1:	ret
2:	PASS

CASE("mmio-sizes-log", LONG, 0)
	/* each access reaches the VMM once, with its size and address */
	mov	$MMIO_BASE, %edi
	movb	$0x7f, 0x11(%rdi)
	HOST(HOST_MMIO_LOG)
	EQQ($1, RESULT)
	mov	$MMIO_BASE + 0x11, %eax
	EQQ(%rax, RESULT + 16)
	EQQ($1, RESULT + 24)
	EQQ($0x7f, RESULT + 32)
	movw	$0x1234, 0x12(%rdi)
	HOST(HOST_MMIO_LOG)
	EQQ($2, RESULT + 24)
	movq	$5, 0x18(%rdi)
	HOST(HOST_MMIO_LOG)
	EQQ($1, RESULT)
	EQQ($8, RESULT + 24)
	mov	0x18(%rdi), %rax
	HOST(HOST_MMIO_LOG)
	EQQ($1, RESULT + 8)
	EQQ($0, RESULT)
	PASS

CASE("mmio-page-cross", LONG, 0)
	mov	$MMIO_BASE + 0xffd, %edi
	mov	$0x1122334455667788, %rax
	mov	%rax, (%rdi)
	mov	(%rdi), %rdx
	EQ(%rax, %rdx)
	mov	-1(%rdi), %eax
	EQ($0x66778800, %eax)
	mov	3(%rdi), %eax
	EQ($0x22334455, %eax)
	PASS

CASE("mmio-ram-cross", LONG, 0)
	/* half in memory, half in the device right behind it */
	mov	$RAM_SIZE - 2, %edi
	movl	$0x44332211, (%rdi)
	mov	(%rdi), %eax
	EQ($0x44332211, %eax)
	movzwl	(%rdi), %eax
	EQ($0x2211, %eax)
	movzwl	2(%rdi), %eax
	EQ($0x4433, %eax)
	PASS

CASE("mmio-32", FLAT32, 0)
	mov	$MMIO_BASE, %edi
	SET32	0, 0x12345678
	IS32	0, 0x12345678
	movw	$0xaabb, (%edi)
	movzwl	(%edi), %eax
	EQ($0xaabb, %eax)
	addl	$1, (%edi)
	IS32	0, 0x1234aabc
	mov	%eax, MMIO_BASE + 0x30
	mov	MMIO_BASE + 0x30, %edx
	EQ(%edx, %eax)
	mov	$MMIO_BASE, %esi
	lodsl
	EQ($0x1234aabc, %eax)
	pushl	(%edi)
	pop	%eax
	EQ($0x1234aabc, %eax)
	cmpl	$0, 0x40(%edi)
	CHECK(je)
	/* 16-bit addressing in 32-bit code does not reach so high: RAM */
	PASS

CASE("mmio-page32", PAGE32, 0)
	mov	$MMIO_BASE, %edi
	SET32	0, 0x12345678
	orl	$0x80000000, (%edi)
	IS32	0, 0x92345678
	PASS

CASE("mmio-pae", PAE, 0)
	mov	$MMIO_BASE, %edi
	SET32	0, 0x12345678
	orl	$0x80000000, (%edi)
	IS32	0, 0x92345678
	PASS

CASE("mmio-real", REAL, 0)
	/* its hook gives ES the base MMIO_BASE */
	movl	$0x12345678, %es:0x10
	mov	%es:0x10, %eax
	EQ($0x12345678, %eax)
	mov	$0x10, %bx
	mov	$2, %si
	mov	%es:(%bx, %si), %ax
	EQ($0x1234, %ax)
	movb	$0x99, %es:-2(%bx, %si)
	mov	%es:0x10, %al
	EQ($0x99, %al)
	cld
	mov	$0x40, %di
	mov	$0x5a5a, %ax
	mov	$4, %cx
	rep stosw
	cmp	$0x48, %di
	CHECK(je)
	mov	%es:0x44, %eax
	EQ($0x5a5a5a5a, %eax)
	incw	%es:0x44
	mov	%es:0x44, %ax
	EQ($0x5a5b, %ax)
	PASS

CASE("mmio-read-only-slot", LONG, 0)
	/* reads come from memory, writes are the VMM's */
	mov	$MMIO_BASE + 0x8000, %ebx
	mov	$0x1000, %ecx
	HOST(HOST_READONLY)
	mov	$MMIO_BASE + 0x8000, %edi
	IS	0, 0x5a5a5a5a
	movl	$0x11, (%rdi)
	HOST(HOST_MMIO_LOG)
	EQQ($1, RESULT)
	EQQ($0x11, RESULT + 32)
	IS	0, 0x5a5a5a5a
	/* read-modify-write: the read is memory's */
	orl	$1, (%rdi)
	HOST(HOST_MMIO_LOG)
	EQQ($1, RESULT)
	EQQ($0, RESULT + 8)
	EQQ($0x5a5a5a5b, RESULT + 32)
	PASS

CASE("mmio-fault", LONG, 0)
	/* page tables are honoured: a read-only page, one not there */
	mov	$MMIO_BASE | 1, %eax
	mov	%rax, 0x30000
	movq	$0, 0x30008
	movq	$0x30003, 0x23000
	mov	$0x40000000, %edi
	mov	(%rdi), %eax
	FAULT_CODE(PF, 3, movl $1, (%rdi))
	lea	0xffe(%rdi), %rsi
	FAULT_CODE(PF, 0, mov (%rsi), %eax)
	mov	$0x40001000, %eax
	EQQ(%rax, FAULT_CR2)
	PASS

	.section .note.GNU-stack, "", @progbits
