/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Integer and stack instructions that few use, with devices as operands and in real mode, which a processor
 * without unrestricted guest leaves to the interpreter.
 */
#include "guest.h"

#define SSE42_MOVBE_POPCNT	(1 << 20 | 1 << 22 | 1 << 23)
#define BMI1			(1 << 3)
#define LZCNT			(1 << 5)

CASE("real-bits", REAL, 0)
	NEED	1, ecx, SSE42_MOVBE_POPCNT
	NEED	7, ebx, BMI1
	NEED	0x80000001, ecx, LZCNT
	/* MOVNTI has no operand of 16 bits */
	movl	$-1, 0x800
	mov	$0x12345678, %eax
	movnti	%eax, 0x800
	EQL($0x12345678, 0x800)
	movw	$0x0300, 0x800
	tzcnt	0x800, %ax
	EQ($8, %ax)
	lzcnt	0x800, %ax
	EQ($6, %ax)
	bsr	0x800, %ax
	EQ($9, %ax)
	popcnt	0x800, %ax
	EQ($2, %ax)
	mov	$-1, %eax
	crc32b	0x801, %eax
	.byte	0xf9, 0xd6		/* STC, SALC */
	EQ($0xff, %al)
	.byte	0xf8, 0xd6
	EQ($0, %al)
	/* ARPL is protected mode's: #UD */
	movw	$1f, 0x18
	movw	$0, 0x1a
	.byte	0x63, 0xd8
	FAIL
1:	/* BOUND: signed, both bounds are within */
	movw	$2f, 0x14
	movw	$0, 0x16
	movw	$-2, 0x800
	movw	$5, 0x802
	mov	$-2, %bx
	bound	%bx, 0x800
	mov	$5, %bx
	bound	%bx, 0x800
	mov	$6, %bx
	bound	%bx, 0x800
	FAIL
2:	PASS

CASE("real-fxsave", REAL, 0)
	mov	%cr4, %eax
	or	$0x200, %eax		/* OSFXSR */
	mov	%eax, %cr4
	/* what is saved: control word, a register, MXCSR, XMM1 */
	fninit
	movw	$0x27f, 0x600
	fldcw	0x600
	movl	$0x3f800000, 0x610	/* 1.0 */
	movl	$0x11223344, 0x614
	flds	0x610
	movl	$0x5f80, 0x600
	ldmxcsr	0x600
	movups	0x610, %xmm1
	movl	$0x5a5a5a5a, 0xb40	/* behind XMM7 nothing is written outside 64-bit mode */
	fxsave	0xa00
	EQW($0x27f, 0xa00)
	EQW($0x3800, 0xa02)		/* TOP */
	cmpb	$0x80, 0xa04
	CHECK(je)
	EQL($0x5f80, 0xa18)
	EQL($0, 0xa20)
	EQL($0x80000000, 0xa24)
	EQW($0x3fff, 0xa28)
	EQL($0x3f800000, 0xab0)
	EQL($0x11223344, 0xab4)
	EQL($0x5a5a5a5a, 0xb40)
	/* and loaded again */
	fninit
	movl	$0x1f80, 0x600
	ldmxcsr	0x600
	movups	0x620, %xmm1
	fxrstor	0xa00
	fnstcw	0x600
	EQW($0x27f, 0x600)
	stmxcsr	0x600
	EQL($0x5f80, 0x600)
	fstps	0x600
	EQL($0x3f800000, 0x600)
	movups	%xmm1, 0x600
	EQL($0x11223344, 0x604)
	/* #GP: reserved bits of MXCSR; not on 16 bytes */
	movw	$1f, 0x34
	movw	$0, 0x36
	movl	$0x10000, 0xa18
	fxrstor	0xa00
	FAIL
1:	stmxcsr	0x600
	EQL($0x5f80, 0x600)
	movw	$2f, 0x34
	fxsave	0xa08
	FAIL
2:	/* #NM with CR0.TS */
	movw	$3f, 0x1c
	movw	$0, 0x1e
	mov	%cr0, %eax
	or	$8, %eax
	mov	%eax, %cr0
	fxsave	0xa00
	FAIL
3:	clts
	PASS

CASE("real-stack", REAL, 0)
	/* ENTER with a display: the outer frames' pointers are copied */
	mov	%sp, %bp
	push	$0x1111
	push	$0x2222
	mov	%sp, %si
	enter	$8, $3
	/* BP as it was, the two above it in the outer frame, this frame's pointer */
	mov	%bp, %bx
	EQ(%bp, -6(%bx))
	mov	%si, %ax
	sub	$2, %ax
	EQ(%ax, %bp)
	mov	%bp, %ax
	sub	$14, %ax
	EQ(%ax, %sp)
	mov	-2(%bx), %ax
	EQ($0x1111, %ax)
	mov	-4(%bx), %ax
	EQ($0x2222, %ax)
	leave
	EQ(%si, %sp)
	/* PUSH of a segment register with an operand of 32 bits writes 16 (SDM Vol. 2, PUSH) */
	pushl	$-1
	pop	%eax
	mov	%sp, %si
	pushl	%ds
	lea	-4(%si), %ax
	EQ(%ax, %sp)
	pop	%ax
	EQ($0, %ax)
	pop	%ax
	EQ($-1, %ax)
	/* PUSHA and POPA where the stack wraps around */
	mov	$0x2000, %ax
	mov	%ax, %ss
	mov	$6, %sp
	mov	$0x1234, %ax
	mov	$0x5678, %bp
	pusha
	mov	%sp, %bx
	EQ($0xfff6, %bx)
	mov	%ss:4, %cx		/* AX is pushed first */
	EQ($0x1234, %cx)
	mov	%ss:0xfffa, %cx
	EQ($0x5678, %cx)
	xor	%ax, %ax
	xor	%bp, %bp
	popa
	EQ($0x1234, %ax)
	EQ($0x5678, %bp)
	mov	%sp, %bx
	EQ($6, %bx)
	PASS

CASE("real-step", REAL, 0)
	/* TF that POPF sets traps behind the next instruction (SDM Vol. 2, POPF; Vol. 3, 18.3.1.4) */
	movw	$1f, 4
	movw	$0, 6
	pushf
	pop	%ax
	or	$0x100, %ax
	push	%ax
	popf
	nop
2:	nop
	FAIL
1:	pop	%ax
	EQ($2b, %ax)
	add	$4, %sp
	/* and what POPF clears traps once more */
	movw	$1f, 4
	pushf
	pop	%ax
	push	%ax
	or	$0x100, %ax
	push	%ax
	popf
	popf
2:	nop
	FAIL
1:	pop	%ax
	EQ($2b, %ax)
	PASS

CASE("real-step-rep", REAL, 0)
	/* TF traps behind each iteration (SDM Vol. 3, 18.3.1.4) */
	movw	$1f, 4
	movw	$0, 6
	mov	$0x800, %si
	mov	$3, %cx
	cld
	pushf
	pop	%ax
	or	$0x100, %ax
	push	%ax
	popf
2:	rep lodsb
	FAIL
1:	pop	%ax
	EQ($2b, %ax)
	EQ($2, %cx)
	EQ($0x801, %si)
	/* INT n is not stepped into */
	movw	$1f, 4
	movw	$2f, 0x84
	movw	$0, 0x86
	pushf
	pop	%ax
	or	$0x100, %ax
	push	%ax
	popf
	int	$0x21
1:	FAIL
2:	PASS

CASE("real-system", REAL, 0)
	/* debug registers */
	mov	$0x12345678, %eax
	mov	%eax, %dr1
	xor	%eax, %eax
	mov	%dr1, %eax
	EQ($0x12345678, %eax)
	mov	%dr7, %eax
	EQ($0x400, %eax)
	/* what is protected mode's is #UD, SYSENTER #GP */
	movw	$1f, 0x18
	movw	$0, 0x1a
	verr	%ax
	FAIL
1:	movw	$1f, 0x18
	lar	%ax, %bx
	FAIL
1:	movw	$1f, 0x18
	syscall
	FAIL
1:	movw	$1f, 0x18
	rsm
	FAIL
1:	movw	$1f, 0x18
	.byte	0x0f, 0x78, 0xc0	/* VMREAD */
	FAIL
1:	movw	$1f, 0x34
	movw	$0, 0x36
	sysenter
	FAIL
1:	movw	$1f, 4			/* INT1 */
	movw	$0, 6
	.byte	0xf1
2:	FAIL
1:	pop	%ax
	EQ($2b, %ax)
	mov	$-1, %eax
	vmcall
	EQ($-1000, %eax)
	NEED	7, ebx, 1 << 20
	stac
	pushfl
	pop	%eax
	test	$0x40000, %eax
	CHECK(jnz)
	clac
	pushfl
	pop	%eax
	test	$0x40000, %eax
	CHECK(jz)
	PASS

	HIGH

CASE("mmio-bits", LONG, 0)
	NEED	1, ecx, SSE42_MOVBE_POPCNT
	NEED	7, ebx, BMI1
	NEED	0x80000001, ecx, LZCNT
	mov	$MMIO_BASE, %edi
	movl	$0x00f0, (%rdi)
	movl	$0, 4(%rdi)
	tzcnt	(%rdi), %eax
	CHECK(jnc)
	EQ($4, %eax)
	tzcnt	4(%rdi), %eax
	CHECK(jc)
	EQ($32, %eax)
	lzcnt	(%rdi), %eax
	CHECK(jnc)
	EQ($24, %eax)
	lzcnt	(%rdi), %rax		/* 4(%rdi) is its upper half */
	EQ($56, %rax)
	lzcnt	4(%rdi), %ax
	CHECK(jc)
	EQ($16, %ax)
	movl	$1, (%rdi)
	tzcnt	(%rdi), %eax		/* ZF by the result */
	CHECK(jz)
	movl	$0x80000101, (%rdi)
	stc
	popcnt	(%rdi), %eax
	CHECK(jnc)
	EQ($3, %eax)
	popcnt	4(%rdi), %rax
	CHECK(jz)
	mov	$-1, %rax
	movl	$0x34333231, (%rdi)
	movl	$0x38373635, 4(%rdi)
	crc32q	(%rdi), %rax		/* of "123456789" CRC-32C is e3069283, inverted */
	movb	$0x39, 8(%rdi)
	crc32b	8(%rdi), %eax
	mov	$0xe3069283, %ebx
	not	%ebx
	EQ(%rbx, %rax)
	PASS

CASE("mmio-arpl", FLAT32, 0)
	mov	$MMIO_BASE, %edi
	movl	$0x5551, (%edi)
	mov	$3, %ecx
	arpl	%cx, (%edi)
	CHECK(jz)
	EQL($0x5553, (%edi))
	mov	$2, %ecx
	arpl	%cx, (%edi)
	CHECK(jnz)
	movl	$7, 4(%edi)
	movl	$9, 8(%edi)
	mov	$8, %eax
	bound	%eax, 4(%edi)
	mov	$10, %eax
	FAULT(BR, bound %eax, 4(%edi))
	PASS

CASE("vmcall-compat", LONG, 0)
	/* in 32-bit code the answer has 32 bits */
	pushq	$0x08
	pushq	$1f
	lretq
	.code32
1:	mov	$-1, %eax
	vmcall
	ljmp	$0x18, $2f
	.code64
2:	mov	$-1000, %ebx
	EQ(%rbx, %rax)
	PASS

CASE("invpcid-operand", LONG, 0)
	/* a descriptor at an address that is not canonical is #GP, not #PF */
	NEED	7, ebx, 1 << 10
	mov	$1, %rdi
	shl	$62, %rdi
	mov	$2, %eax
	FAULT_CODE(GP, 0, invpcid (%rdi), %rax)
	/* and #SS by the stack's segment */
	mov	%rdi, %rbp
	FAULT_CODE(SS, 0, invpcid (%rbp), %rax)
	PASS

CASE("apic-base-reserved", LONG, 0)
	/* userspace has the APIC; what the MSR takes is the processor's affair */
	mov	$0x1b, %ecx
	rdmsr
	mov	%eax, %ebx
	or	$0x10, %eax
	FAULT_CODE(GP, 0, wrmsr)
	mov	%ebx, %eax
	mov	$0x80000000, %edx
	FAULT_CODE(GP, 0, wrmsr)
	xor	%edx, %edx
	wrmsr
	PASS

	.section .note.GNU-stack, "", @progbits
