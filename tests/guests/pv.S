/* SPDX-License-Identifier: GPL-2.0-only */
/* What KVM's guests share with their hypervisor, as they use it. */
#include "guest.h"
#include "irq.h"

	HIGH

#define STEAL_TIME	0x4b564d03
#define PV_EOI_EN	0x4b564d04
#define POLL_CONTROL	0x4b564d05

	/* skips the case unless the feature is in CPUID */
	.macro	FEATURE bit
	mov	$0x40000001, %eax
	cpuid
	bt	$\bit, %eax
	jc	99f
	SKIP
99:
	.endm

	.macro	WRITE msr, lo
	mov	$\msr, %ecx
	mov	$\lo, %eax
	xor	%edx, %edx
	wrmsr
	.endm

	.macro	REFUSED msr, lo
	mov	$\msr, %ecx
	mov	$\lo, %eax
	xor	%edx, %edx
	FAULT_CODE(GP, 0, wrmsr)
	.endm

CASE("pv-steal-time", LONG, 0)
	FEATURE	5
	REFUSED	STEAL_TIME, (DATA | 3)
	REFUSED	STEAL_TIME, (DATA | 0x21)
	movq	$1000, DATA		/* steal */
	movl	$3, DATA + 8		/* version */
	movl	$0, DATA + 12		/* flags */
	movb	$1, DATA + 16		/* preempted */
	WRITE	STEAL_TIME, (DATA | 1)
	rdmsr
	EQ($(DATA | 1), %eax)
	mov	$100000, %esi
1:	mov	DATA + 8, %ebx		/* as Linux reads it */
	test	$1, %bl
	jnz	2f
	cmp	$3, %ebx
	CHECK(ja)
	cmpq	$1000, DATA
	CHECK(jae)
	cmpb	$0, DATA + 16		/* it runs, for it looks */
	CHECK(je)
2:	cmp	%ebx, DATA + 8
	jne	1b
	dec	%esi
	jnz	1b
	EQL($0, DATA + 12)
	WRITE	STEAL_TIME, 0
	PASS

/* An EOI that the flag says is needless is left out, another is written; the next interrupt comes either way. */
CASE("pv-eoi", LONG, F_IRQCHIP)
	FEATURE	6
	REFUSED	PV_EOI_EN, (DATA | 3)
	mov	$0xfee00000, %r8d
	movl	$0x1ff, 0xf0(%r8)
	movl	$0, DATA
	WRITE	PV_EOI_EN, (DATA | 1)
	rdmsr
	EQ($(DATA | 1), %eax)
	movl	$9f, HANDLER + 4 * 0x50
	xor	%r11d, %r11d
	sti
	mov	$100, %esi
1:	movl	$0x40050, 0x300(%r8)	/* to itself */
	mov	$ROUNDS, %ecx
2:	pause
	dec	%ecx
	jz	3f
	lea	(%r11, %rsi), %eax
	cmp	$101, %eax
	jne	2b
	dec	%esi
	jnz	1b
	/* nothing is in service */
	mov	0x120(%r8), %eax	/* vectors 0x40 to 0x5f */
	EQ($0, %eax)
	WRITE	PV_EOI_EN, 0
	PASS
3:	FAIL
9:	inc	%r11d
	btrl	$0, DATA
	jc	8f
	movl	$0, 0xb0(%r8)
8:	iretq

CASE("pv-poll-control", LONG, 0)
	FEATURE	12
	REFUSED	POLL_CONTROL, 2
	mov	$POLL_CONTROL, %ecx
	rdmsr
	EQ($1, %eax)
	WRITE	POLL_CONTROL, 0
	rdmsr
	EQ($0, %eax)
	PASS

	.section .note.GNU-stack, "", @progbits
