/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guests of interrupt controllers share; %r9 is where the IOAPIC is. */
#ifndef VH_TESTS_GUEST_IRQ_H
#define VH_TESTS_GUEST_IRQ_H

	.macro	IOAPIC_WRITE reg, val
	movl	$\reg, (%r9)
	movl	$\val, 0x10(%r9)
	.endm

	.macro	IOAPIC_READ reg
	movl	$\reg, (%r9)
	mov	0x10(%r9), %eax
	.endm

	.macro	LINE gsi, level
	mov	$\gsi, %ebx
	mov	$\level, %ecx
	HOST(HOST_IRQ_LINE)
	nop
	.endm

	.macro	WAIT_IRQS n
	mov	$ROUNDS, %ecx
98:	cmpl	$\n, IRQ_TOTAL
	jae	99f
	dec	%ecx
	jnz	98b
	FAIL
99:
	.endm

#endif
