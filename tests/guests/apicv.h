/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guests about interrupt delivery share: apicv.S, apicv-events.S. */
#include "guest.h"
#include "irq.h"

	.section .high, "ax"

	.macro	APIC_ON			/* R8: its registers; R9: the IOAPIC's */
	mov	$0xfee00000, %r8d
	mov	$0xfec00000, %r9d
	movl	$0x1ff, 0xf0(%r8)
	movl	$0x10000, 0x350(%r8)
	movl	$EOI_XAPIC, EOI_MODE
	.endm

	.macro	WRMSR_ msr, low, high=0
	mov	$\msr, %ecx
	mov	$\low, %eax
	mov	$\high, %edx
	wrmsr
	.endm

	.macro	RDMSR_ msr		/* to EDX:EAX */
	mov	$\msr, %ecx
	rdmsr
	.endm

	.macro	X2APIC_ON
	mov	$1, %eax
	cpuid
	test	$(1 << 21), %ecx
	jnz	99f
	SKIP
99:	RDMSR_	0x1b
	or	$0xc00, %eax
	wrmsr
	WRMSR_	0x80f, 0x1ff
	WRMSR_	0x835, 0x10000
	movl	$EOI_X2APIC, EOI_MODE
	.endm

	.macro	SELF vector		/* xAPIC: shorthand self */
	movl	$(0x40000 | \vector), 0x300(%r8)
	.endm

	.macro	READS offset, value	/* a register of the page, also byte by byte */
	mov	\offset(%r8), %eax
	EQ($\value, %eax)
	.endm

	.macro	READS_MSR msr, value
	RDMSR_	\msr
	EQ($\value, %eax)
	EQ($0, %edx)
	.endm

	.macro	OUTB port, val
	mov	$\val, %al
	out	%al, $\port
	.endm

	.macro	PIC_ON			/* vectors 0x30 and 0x38, only line 3; LINT0 is ExtINT */
	OUTB	0x20, 0x11
	OUTB	0x21, 0x30
	OUTB	0x21, 0x04
	OUTB	0x21, 0x01
	OUTB	0xa0, 0x11
	OUTB	0xa1, 0x38
	OUTB	0xa1, 0x02
	OUTB	0xa1, 0x01
	OUTB	0x21, 0xf7
	OUTB	0xa1, 0xff
	movl	$0x700, 0x350(%r8)
	movl	$apicv_pic, HANDLER + 4 * 0x33
	.endm
