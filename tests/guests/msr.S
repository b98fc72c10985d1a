/* SPDX-License-Identifier: GPL-2.0-only */
/* RDMSR and WRMSR. */
#include "guest.h"

	HIGH

	.macro	ROUND_TRIP msr, lo, hi
	mov	$\msr, %ecx
	mov	$\lo, %eax
	mov	$\hi, %edx
	wrmsr
	xor	%eax, %eax
	xor	%edx, %edx
	rdmsr
	EQ($\lo, %eax)
	EQ($\hi, %edx)
	.endm

	.macro	REFUSED msr, lo, hi
	mov	$\msr, %ecx
	mov	$\lo, %eax
	mov	$\hi, %edx
	FAULT_CODE(GP, 0, wrmsr)
	.endm

CASE("msr-unknown", LONG, 0)
	mov	$0x12345678, %ecx
	FAULT_CODE(GP, 0, rdmsr)
	xor	%eax, %eax
	xor	%edx, %edx
	FAULT_CODE(GP, 0, wrmsr)
	/* past the end of both halves of the bitmap */
	mov	$0x2000, %ecx
	FAULT_CODE(GP, 0, rdmsr)
	mov	$0xc0002000, %ecx
	FAULT_CODE(GP, 0, rdmsr)
	mov	$0xffffffff, %ecx
	FAULT_CODE(GP, 0, rdmsr)
	PASS

CASE("msr-unknown-32", FLAT32, 0)
	mov	$0x12345678, %ecx
	FAULT_CODE(GP, 0, rdmsr)
	PASS

CASE("msr-state", LONG, 0)
	ROUND_TRIP 0xc0000081, 0x12345678, 0x00180008	/* STAR */
	ROUND_TRIP 0xc0000082, 0x12345678, 0xffffffff	/* LSTAR */
	ROUND_TRIP 0xc0000083, 0x87654321, 0xffffffff	/* CSTAR */
	ROUND_TRIP 0xc0000084, 0x00047700, 0		/* FMASK */
	ROUND_TRIP 0xc0000100, 0x11111111, 0x7fff	/* FS_BASE */
	ROUND_TRIP 0xc0000101, 0x22222222, 0xffff8000	/* GS_BASE */
	ROUND_TRIP 0xc0000102, 0x33333333, 0x7fff	/* KERNEL_GS_BASE */
	ROUND_TRIP 0x174, 0x18, 0			/* SYSENTER_CS */
	ROUND_TRIP 0x175, 0x44444444, 0xffff8000	/* SYSENTER_ESP */
	ROUND_TRIP 0x176, 0x55555555, 0xffff8000	/* SYSENTER_EIP */
	ROUND_TRIP 0x277, 0x00070406, 0x00070106	/* PAT */
	PASS

CASE("msr-swapgs", LONG, 0)
	ROUND_TRIP 0xc0000101, 0x1000, 0
	ROUND_TRIP 0xc0000102, 0x2000, 0
	swapgs
	xor	%eax, %eax
	cpuid				/* an exit between */
	mov	$0xc0000101, %ecx
	rdmsr
	EQ($0x2000, %eax)
	mov	$0xc0000102, %ecx
	rdmsr
	EQ($0x1000, %eax)
	PASS

CASE("msr-noncanonical", LONG, 0)
	REFUSED	0xc0000082, 0, 0x80000000	/* LSTAR */
	REFUSED	0xc0000083, 0, 0x00800000	/* CSTAR */
	REFUSED	0xc0000100, 0, 0x80000000	/* FS_BASE */
	REFUSED	0xc0000101, 0, 0x80000000
	REFUSED	0xc0000102, 0, 0x80000000
	PASS

CASE("msr-efer", LONG, 0)
	mov	$0xc0000080, %ecx
	rdmsr
	EQ($0xd01, %eax)
	and	$~1, %eax		/* SCE off: SYSCALL is #UD */
	wrmsr
	FAULT(UD, syscall)
	REFUSED	0xc0000080, 0x8d01, 0	/* reserved bit */
	REFUSED	0xc0000080, 0xc01, 0	/* LME cannot go while paging */
	PASS

CASE("msr-pat-bad", LONG, 0)
	REFUSED	0x277, 0x00070402, 0x00070406
	REFUSED	0x277, 0x00070406, 0x08070406
	PASS

CASE("msr-misc-enable", LONG, 0)
	mov	$0x1a0, %ecx
	rdmsr
	mov	$0x17, %ecx		/* PLATFORM_ID */
	rdmsr
	mov	$0x8b, %ecx		/* BIOS_SIGN_ID */
	rdmsr
	PASS

CASE("msr-mtrr", LONG, 0)
	mov	$1, %eax
	cpuid
	test	$(1 << 12), %edx
	jnz	1f
	SKIP
1:	mov	$0xfe, %ecx
	rdmsr
	movzbl	%al, %esi		/* variable ranges */
	test	%esi, %esi
	CHECK(jnz)
	ROUND_TRIP 0x200, 0x80000006, 0
	ROUND_TRIP 0x201, 0x80000800, 0xf
	ROUND_TRIP 0x250, 0x06060606, 0x06060606
	ROUND_TRIP 0x2ff, 0xc06, 0
	REFUSED	0x2ff, 0xc02, 0		/* no memory type 2 */
	PASS

CASE("msr-apic-base", LONG, F_IRQCHIP)
	mov	$0x1b, %ecx
	rdmsr
	mov	%eax, %esi
	and	$0xfffff900, %esi
	EQ($0xfee00900, %esi)		/* enabled, bootstrap processor */
	/* from xAPIC disabled straight to x2APIC is #GP */
	and	$~0x800, %eax
	wrmsr
	or	$0xc00, %eax
	FAULT_CODE(GP, 0, wrmsr)
	PASS

CASE("msr-tsc-write", LONG, 0)
	mov	$0x10, %ecx
	xor	%eax, %eax
	mov	$0x1000, %edx
	wrmsr
	rdtsc
	EQ($0x1000, %edx)
	PASS

CASE("msr-tsc-adjust", LONG, 0)
	mov	$7, %eax
	xor	%ecx, %ecx
	cpuid
	test	$2, %ebx
	jnz	1f
	SKIP
1:	rdtsc
	mov	%edx, %esi
	mov	$0x3b, %ecx
	rdmsr
	add	$0x100, %edx		/* 2^40 ticks ahead */
	wrmsr
	rdtsc
	sub	%esi, %edx
	cmp	$0x100, %edx
	CHECK(jae)
	cmp	$0x102, %edx
	CHECK(jb)
	PASS

	.section .note.GNU-stack, "", @progbits
