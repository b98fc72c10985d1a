/* SPDX-License-Identifier: GPL-2.0-only */
/* IOAPIC, 8259s, 8254, MSIs, and eventfds on both ends. */
#include "guest.h"
#include "irq.h"

	.macro	APIC_ON
	mov	$0xfee00000, %r8d
	mov	$0xfec00000, %r9d
	movl	$0x1ff, 0xf0(%r8)
	movl	$0x10000, 0x350(%r8)	/* no ExtINT from the 8259s */
	movl	$EOI_XAPIC, EOI_MODE
	.endm

	.macro	OUTB port, val
	mov	$\val, %al
	out	%al, $\port
	.endm

	/* Both 8259s: vectors 0x30 and 0x38, all lines masked but \mask. */
	.macro	PIC_ON mask_master, mask_slave
	OUTB	0x20, 0x11
	OUTB	0x21, 0x30
	OUTB	0x21, 0x04
	OUTB	0x21, 0x01
	OUTB	0xa0, 0x11
	OUTB	0xa1, 0x38
	OUTB	0xa1, 0x02
	OUTB	0xa1, 0x01
	OUTB	0x21, \mask_master
	OUTB	0xa1, \mask_slave
	mov	$0xfee00000, %r8d
	movl	$0x1ff, 0xf0(%r8)
	movl	$0x700, 0x350(%r8)	/* LINT0: ExtINT */
	movl	$EOI_PIC, EOI_MODE
	.endm

CASE("ioapic-registers", LONG, F_IRQCHIP)
	APIC_ON
	IOAPIC_READ 1
	and	$0xff00ff, %eax
	mov	%eax, %ecx
	and	$0xff0000, %ecx
	EQ($0x170000, %ecx)		/* 24 entries */
	IOAPIC_WRITE 0, 0x05000000
	IOAPIC_READ 0
	EQ($0x05000000, %eax)
	IOAPIC_READ 0x10
	test	$0x10000, %eax		/* masked after reset */
	CHECK(jnz)
	IOAPIC_WRITE 0x1b, 0xab000000
	IOAPIC_WRITE 0x1a, 0x18971
	IOAPIC_READ 0x1a
	EQ($0x18971, %eax)
	IOAPIC_READ 0x1b
	EQ($0xab000000, %eax)
	/* beyond the last entry: nothing breaks */
	IOAPIC_WRITE 0x40, 0x12345678
	IOAPIC_READ 0x40
	IOAPIC_READ 0xff
	PASS

CASE("ioapic-edge", LONG, F_IRQCHIP)
	APIC_ON
	IOAPIC_WRITE 0x1b, 0
	IOAPIC_WRITE 0x1a, 0x71		/* GSI 5 */
	sti
	LINE	5, 1
	EQL($1, IRQ_COUNT + 4 * 0x71)
	LINE	5, 1			/* no edge */
	EQL($1, IRQ_TOTAL)
	LINE	5, 0
	LINE	5, 1
	EQL($2, IRQ_TOTAL)
	PASS

CASE("ioapic-mask", LONG, F_IRQCHIP)
	APIC_ON
	IOAPIC_WRITE 0x1b, 0
	IOAPIC_WRITE 0x1a, 0x10071
	sti
	LINE	5, 1
	EQL($0, IRQ_TOTAL)
	LINE	5, 0
	IOAPIC_WRITE 0x1a, 0x71
	LINE	5, 1
	EQL($1, IRQ_TOTAL)
	PASS

CASE("ioapic-level", LONG, F_IRQCHIP)
	/* comes again after each EOI until the line is low */
	APIC_ON
	movl	$1f, HANDLER + 4 * 0x71
	IOAPIC_WRITE 0x1b, 0
	IOAPIC_WRITE 0x1a, 0x8071
	sti
	LINE	5, 1
	mov	$ROUNDS, %ecx
2:	cmpl	$3, DATA
	je	3f
	dec	%ecx
	jnz	2b
	FAIL
3:	mov	$100000, %ecx
2:	loop	2b
	EQL($3, DATA)
	IOAPIC_READ 0x1a
	test	$0x4000, %eax		/* remote IRR clear */
	CHECK(jz)
	PASS
1:	push	%rax
	push	%rbx
	push	%rcx
	incl	DATA
	IOAPIC_READ 0x1a
	test	$0x4000, %eax		/* remote IRR set */
	CHECK(jnz)
	cmpl	$3, DATA
	jne	2f
	LINE	5, 0
2:	movl	$0, 0xb0(%r8)
	pop	%rcx
	pop	%rbx
	pop	%rax
	iretq

CASE("ioapic-level-storm", LONG, F_IRQCHIP)
	/* the handler does nothing about it: the program gets on with what it does all the same */
	APIC_ON
	movl	$1f, HANDLER + 4 * 0x71
	IOAPIC_WRITE 0x1b, 0
	IOAPIC_WRITE 0x1a, 0x8071
	sti
	LINE	5, 1
	mov	$3000, %ecx
2:	loop	2b
	cmpl	$1000, DATA		/* and until then it was interrupted again and again */
	CHECK(ja)
	LINE	5, 0
	mov	DATA, %esi
	mov	$100000, %ecx
2:	loop	2b
	mov	DATA, %eax
	sub	%esi, %eax
	cmp	$1, %eax
	CHECK(jbe)
	PASS
1:	incl	DATA
	movl	$0, 0xb0(%r8)
	iretq

CASE("ioapic-level-masked", LONG, F_IRQCHIP)
	/* the line rises while masked: delivered when unmasked */
	APIC_ON
	movl	$1f, HANDLER + 4 * 0x71
	IOAPIC_WRITE 0x1b, 0
	IOAPIC_WRITE 0x1a, 0x18071
	sti
	LINE	5, 1
	EQL($0, DATA)
	IOAPIC_WRITE 0x1a, 0x8071
	nop
	EQL($1, DATA)
	PASS
1:	push	%rax
	push	%rbx
	push	%rcx
	incl	DATA
	LINE	5, 0
	movl	$0, 0xb0(%r8)
	pop	%rcx
	pop	%rbx
	pop	%rax
	iretq

CASE("ioapic-nmi", LONG, F_IRQCHIP)
	APIC_ON
	IOAPIC_WRITE 0x1b, 0
	IOAPIC_WRITE 0x1a, 0x400
	LINE	5, 1
	EQL($1, IRQ_COUNT + 8)
	PASS

CASE("ioapic-logical", LONG, F_IRQCHIP)
	APIC_ON
	movl	$0x02000000, 0xd0(%r8)
	IOAPIC_WRITE 0x1b, 0x02000000
	IOAPIC_WRITE 0x1a, 0x971	/* logical, lowest priority */
	sti
	LINE	5, 1
	EQL($1, IRQ_TOTAL)
	LINE	5, 0
	IOAPIC_WRITE 0x1b, 0x04000000	/* somebody else */
	LINE	5, 1
	EQL($1, IRQ_TOTAL)
	PASS

CASE("ioapic-high-gsi", LONG, F_IRQCHIP)
	APIC_ON
	IOAPIC_WRITE 0x3f, 0
	IOAPIC_WRITE 0x3e, 0x72		/* GSI 23 */
	sti
	LINE	23, 1
	EQL($1, IRQ_COUNT + 4 * 0x72)
	PASS

CASE("pic-registers", LONG, F_IRQCHIP)
	PIC_ON	0xfb, 0xff
	in	$0x21, %al
	EQ($0xfb, %al)
	in	$0xa1, %al
	EQ($0xff, %al)
	OUTB	0x21, 0xa5
	in	$0x21, %al
	EQ($0xa5, %al)
	in	$0x20, %al		/* IRR */
	EQ($0, %al)
	PASS

CASE("pic", LONG, F_IRQCHIP)
	PIC_ON	0xf7, 0xff
	sti
	LINE	3, 1
	EQL($1, IRQ_COUNT + 4 * 0x33)
	LINE	3, 0
	LINE	4, 1			/* masked */
	EQL($1, IRQ_TOTAL)
	in	$0x20, %al		/* but seen */
	EQ($0x10, %al)
	OUTB	0x21, 0xe7
	nop
	EQL($1, IRQ_COUNT + 4 * 0x34)
	PASS

CASE("pic-slave", LONG, F_IRQCHIP)
	PIC_ON	0xfb, 0xfb
	movl	$EOI_PIC_SLAVE, EOI_MODE
	sti
	LINE	10, 1
	EQL($1, IRQ_COUNT + 4 * 0x3a)
	LINE	10, 0
	LINE	10, 1
	EQL($2, IRQ_COUNT + 4 * 0x3a)
	PASS

CASE("pic-in-service", LONG, F_IRQCHIP)
	/* no EOI: ISR stays, lower and equal lines wait, higher come */
	PIC_ON	0xc3, 0xff
	movl	$EOI_NONE, EOI_MODE
	sti
	LINE	3, 1
	EQL($1, IRQ_TOTAL)
	OUTB	0x20, 0x0b
	in	$0x20, %al
	EQ($8, %al)
	LINE	5, 1
	EQL($1, IRQ_TOTAL)
	OUTB	0x20, 0x63		/* specific EOI of 3 */
	nop
	EQL($2, IRQ_TOTAL)
	EQL($0x35, LAST_IRQ)
	OUTB	0x20, 0x20
	in	$0x20, %al
	EQ($0, %al)
	PASS

CASE("pic-priority", LONG, F_IRQCHIP)
	PIC_ON	0xc3, 0xff
	cli
	LINE	5, 1
	LINE	3, 1
	sti
	nop
	nop
	nop
	EQL($2, IRQ_TOTAL)
	cmpw	$0x3533, ORDER
	CHECK(je)
	PASS

CASE("pic-hlt", LONG, F_IRQCHIP)
	PIC_ON	0xf7, 0xff
	mov	$3, %ebx
	mov	$2000, %ecx
	HOST(HOST_DELAYED)
	sti
	hlt
	EQL($1, IRQ_COUNT + 4 * 0x33)
	PASS

CASE("pic-real", REAL, F_IRQCHIP)
	/* as a BIOS has it: no LAPIC set-up at all */
	movw	$1f, 4 * 0x0b
	movw	$0, 4 * 0x0b + 2
	OUTB	0x20, 0x11
	OUTB	0x21, 0x08
	OUTB	0x21, 0x04
	OUTB	0x21, 0x01
	OUTB	0x21, 0xf7
	sti
	LINE	3, 1
	cmpw	$1, RESULT
	CHECK(je)
	PASS
1:	incw	RESULT
	push	%ax
	OUTB	0x20, 0x20
	pop	%ax
	iret

CASE("pit-interrupts", LONG, F_IRQCHIP | F_PIT)
	PIC_ON	0xfe, 0xff
	OUTB	0x43, 0x34		/* counter 0, mode 2 */
	OUTB	0x40, 0x52		/* 1106: about 1 ms */
	OUTB	0x40, 0x04
	sti
	WAIT_IRQS 5
	mov	IRQ_COUNT + 4 * 0x30, %eax
	cmp	$5, %eax
	CHECK(jae)
	PASS

CASE("pit-ioapic", LONG, F_IRQCHIP | F_PIT)
	APIC_ON
	IOAPIC_WRITE 0x11, 0
	IOAPIC_WRITE 0x10, 0x40		/* GSI 0 is pin 0 by default */
	OUTB	0x43, 0x34
	OUTB	0x40, 0x52
	OUTB	0x40, 0x04
	sti
	hlt
	hlt
	hlt
	mov	IRQ_COUNT + 4 * 0x40, %eax
	cmp	$3, %eax
	CHECK(jae)
	PASS

CASE("pit-counter", LONG, F_IRQCHIP | F_PIT)
	cli
	OUTB	0x43, 0x34
	OUTB	0x40, 0xff
	OUTB	0x40, 0xff
	OUTB	0x43, 0			/* latch */
	in	$0x40, %al
	mov	%al, %bl
	in	$0x40, %al
	mov	%al, %bh
	mov	$100000, %ecx
1:	loop	1b
	OUTB	0x43, 0
	in	$0x40, %al
	mov	%al, %dl
	in	$0x40, %al
	mov	%al, %dh
	cmp	%bx, %dx		/* it runs down */
	CHECK(jb)
	/* read-back of status: mode 2, both bytes */
	OUTB	0x43, 0xe2
	in	$0x40, %al
	and	$0x3f, %al
	EQ($0x34, %al)
	PASS

CASE("pit-speaker", LONG, F_IRQCHIP | F_PIT)
	/* the calibration loop of a Linux guest: counter 2, port 0x61 */
	in	$0x61, %al
	and	$~2, %al
	or	$1, %al
	out	%al, $0x61
	OUTB	0x43, 0xb0		/* mode 0 */
	OUTB	0x42, 0x9c
	OUTB	0x42, 0x2e		/* 10 ms */
	in	$0x61, %al
	test	$0x20, %al
	CHECK(jz)
	mov	$ROUNDS, %ecx
1:	in	$0x61, %al
	test	$0x20, %al
	jnz	2f
	dec	%ecx
	jnz	1b
	FAIL
2:	PASS

CASE("msi", LONG, F_IRQCHIP)
	APIC_ON
	sti
	mov	$0xfee00000, %ebx
	mov	$0x51, %ecx
	HOST(HOST_MSI)
	nop
	EQL($1, IRQ_COUNT + 4 * 0x51)
	EQQ($1, RESULT)
	/* logical destination */
	movl	$0x02000000, 0xd0(%r8)
	mov	$0xfee02004, %ebx
	mov	$0x152, %ecx
	HOST(HOST_MSI)
	nop
	EQL($1, IRQ_COUNT + 4 * 0x52)
	/* NMI */
	mov	$0xfee00000, %ebx
	mov	$0x400, %ecx
	HOST(HOST_MSI)
	nop
	EQL($1, IRQ_COUNT + 8)
	PASS

CASE("irqfd", LONG, F_IRQCHIP)
	APIC_ON
	IOAPIC_WRITE 0x1b, 0
	IOAPIC_WRITE 0x1a, 0x71
	sti
	mov	$5, %esi
1:	mov	$5, %ebx
	HOST(HOST_IRQFD)
	dec	%esi
	jnz	1b
	WAIT_IRQS 5
	EQL($5, IRQ_COUNT + 4 * 0x71)
	PASS

CASE("irqfd-resample", LONG, F_IRQCHIP)
	/* level-triggered: the EOI lowers the line and tells the VMM */
	APIC_ON
	IOAPIC_WRITE 0x1b, 0
	IOAPIC_WRITE 0x1a, 0x8071
	mov	$5, %ebx
	HOST(HOST_RESAMPLE)		/* makes it */
	sti
	HOST(HOST_RESAMPLE)		/* raises the line */
	WAIT_IRQS 1
	HOST(HOST_RESAMPLE)		/* reports */
	EQQ($1, RESULT)
	mov	$200000, %ecx
1:	loop	1b
	EQL($1, IRQ_TOTAL)
	PASS

CASE("ioeventfd-pio", LONG, 0)
	mov	$PIO_BASE + 0x20, %ebx
	mov	$2, %ecx
	mov	$1, %edx
	HOST(HOST_IOEVENTFD)
	mov	$PIO_BASE + 0x20, %edx
	mov	$7, %eax
	out	%ax, %dx
	out	%ax, %dx
	out	%ax, %dx
	HOST(HOST_IOEVENTS)
	EQQ($3, RESULT)
	/* another width is not it: that goes to the VMM */
	mov	$PIO_BASE + 0x20, %edx
	mov	$0x55, %al
	out	%al, %dx
	HOST(HOST_IOEVENTS)
	EQQ($0, RESULT)
	PASS

CASE("ioeventfd-mmio", LONG, 0)
	mov	$MMIO_BASE + 0x100, %ebx
	mov	$4, %ecx
	xor	%edx, %edx
	HOST(HOST_IOEVENTFD)
	mov	$MMIO_BASE + 0x100, %edi
	movl	$1, (%rdi)
	movl	$2, (%rdi)
	HOST(HOST_IOEVENTS)
	EQQ($2, RESULT)
	HOST(HOST_MMIO_LOG)
	EQQ($0, RESULT)
	movw	$1, (%rdi)
	movl	$1, 4(%rdi)
	HOST(HOST_MMIO_LOG)
	EQQ($2, RESULT)
	HOST(HOST_IOEVENTS)
	EQQ($0, RESULT)
	PASS

	.section .note.GNU-stack, "", @progbits
