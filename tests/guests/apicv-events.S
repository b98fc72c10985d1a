/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupt delivery by the processor among other events: level-triggered
 * lines, changes of mode under pending vectors, HLT, NMIs, the 8259s.
 */
#include "apicv.h"

	/* The PIC's handler: the others keep EOI_MODE. */
apicv_pic:
	push	%rax
	push	%rcx
	mov	IRQ_TOTAL, %ecx
	movb	$0x33, ORDER(%rcx)
	incl	IRQ_TOTAL
	incl	IRQ_COUNT + 4 * 0x33
	OUTB	0x20, 0x20
	pop	%rcx
	pop	%rax
	iretq

CASE("apicv-level-again", LONG, F_IRQCHIP)
	/* the line falls and rises during the service: one more after the EOI, no more */
	APIC_ON
	movl	$1f, HANDLER + 4 * 0x71
	IOAPIC_WRITE 0x1b, 0
	IOAPIC_WRITE 0x1a, 0x8071
	sti
	LINE	5, 1
	mov	$300000, %ecx
2:	loop	2b
	EQL($2, DATA)
	IOAPIC_READ 0x1a
	test	$0x4000, %eax
	CHECK(jz)
	PASS
1:	push	%rax
	push	%rbx
	push	%rcx
	incl	DATA
	mov	0x1b0(%r8), %eax	/* TMR: level */
	EQ($0x20000, %eax)
	LINE	5, 0
	cmpl	$1, DATA
	jne	3f
	LINE	5, 1
	LINE	5, 0
	LINE	5, 1
	READS	0x230, 0		/* not before the EOI */
3:	movl	$0, 0xb0(%r8)
	pop	%rcx
	pop	%rbx
	pop	%rax
	iretq

CASE("apicv-level-x2apic", LONG, F_IRQCHIP)
	/* the EOI register of x2APIC mode reaches the IOAPIC, too, at the right one of two */
	mov	$0xfec00000, %r9d
	X2APIC_ON
	movl	$1f, HANDLER + 4 * 0x71
	movl	$2f, HANDLER + 4 * 0x91
	IOAPIC_WRITE 0x1b, 0
	IOAPIC_WRITE 0x1a, 0x8071	/* GSI 5 */
	IOAPIC_WRITE 0x23, 0
	IOAPIC_WRITE 0x22, 0x8091	/* GSI 9 */
	sti
	LINE	5, 1
	EQL($0x12, DATA)
	IOAPIC_READ 0x1a
	EQ($0x8071, %eax)
	IOAPIC_READ 0x22
	EQ($0x8091, %eax)
	PASS
1:	push	%rax
	push	%rbx
	push	%rcx
	push	%rdx
	shll	$4, DATA
	orl	$1, DATA
	sti
	LINE	9, 1
	IOAPIC_READ 0x22
	EQ($0x8091, %eax)		/* that one has ended */
	IOAPIC_READ 0x1a
	EQ($0xc071, %eax)		/* this one has not */
	cli
	LINE	5, 0
	WRMSR_	0x80b, 0
	pop	%rdx
	pop	%rcx
	pop	%rbx
	pop	%rax
	iretq
2:	push	%rax
	push	%rbx
	push	%rcx
	push	%rdx
	shll	$4, DATA
	orl	$2, DATA
	READS_MSR 0x81b, 0x20000
	READS_MSR 0x81c, 0x20000
	LINE	9, 0
	WRMSR_	0x80b, 0
	pop	%rdx
	pop	%rcx
	pop	%rbx
	pop	%rax
	iretq

CASE("apicv-edge-level-in-turn", LONG, F_IRQCHIP)
	/* one vector, by self-IPI and by a level-triggered pin: TMR follows */
	APIC_ON
	movl	$1f, HANDLER + 4 * 0x71
	IOAPIC_WRITE 0x1b, 0
	IOAPIC_WRITE 0x1a, 0x8071
	sti
	mov	$3, %esi
2:	movl	$0, DATA + 8		/* TMR that it is to see */
	mov	$0xfee00000, %ebx	/* edge, from outside: clears TMR */
	mov	$0x71, %ecx
	HOST(HOST_MSI)
	nop
	movl	$0x20000, DATA + 8
	LINE	5, 1
	dec	%esi
	jnz	2b
	EQL($6, DATA)
	IOAPIC_READ 0x1a
	EQ($0x8071, %eax)
	PASS
1:	push	%rax
	push	%rbx
	push	%rcx
	incl	DATA
	mov	0x1b0(%r8), %eax
	EQ(DATA + 8, %eax)
	cmpl	$0, DATA + 8
	je	3f
	LINE	5, 0
3:	movl	$0, 0xb0(%r8)
	pop	%rcx
	pop	%rbx
	pop	%rax
	iretq

CASE("apicv-trigger-change", LONG, F_IRQCHIP)
	/* the pin becomes edge-triggered, then level-triggered, while its vector is in service */
	APIC_ON
	movl	$1f, HANDLER + 4 * 0x71
	IOAPIC_WRITE 0x1b, 0
	IOAPIC_WRITE 0x1a, 0x8071
	sti
	LINE	5, 1
	EQL($1, DATA)
	READS	0x130, 0
	/* and it still works, both ways */
	movl	$2f, HANDLER + 4 * 0x71
	LINE	5, 1
	EQL($2, DATA)
	IOAPIC_WRITE 0x1a, 0x71
	LINE	5, 1
	EQL($3, DATA)
	PASS
1:	push	%rax
	push	%rbx
	push	%rcx
	incl	DATA
	LINE	5, 0
	IOAPIC_WRITE 0x1a, 0x71
	IOAPIC_READ 0x1a
	EQ($0x71, %eax)
	IOAPIC_WRITE 0x1a, 0x8071
	movl	$0, 0xb0(%r8)
	pop	%rcx
	pop	%rbx
	pop	%rax
	iretq
2:	push	%rax
	push	%rbx
	push	%rcx
	incl	DATA
	LINE	5, 0
	movl	$0, 0xb0(%r8)
	pop	%rcx
	pop	%rbx
	pop	%rax
	iretq

CASE("apicv-vector-change", LONG, F_IRQCHIP)
	/* the pin gets another vector during the service: the EOI of the new one counts */
	APIC_ON
	movl	$1f, HANDLER + 4 * 0x71
	movl	$2f, HANDLER + 4 * 0x93
	IOAPIC_WRITE 0x1b, 0
	IOAPIC_WRITE 0x1a, 0x8071
	sti
	LINE	5, 1
	/* no end came for 0x93; a change to edge and back is the way out */
	IOAPIC_WRITE 0x1a, 0x10093
	IOAPIC_WRITE 0x1a, 0x8093
	LINE	5, 1
	EQL($0x12, DATA)
	IOAPIC_READ 0x1a
	EQ($0x8093, %eax)
	PASS
1:	push	%rax
	push	%rbx
	push	%rcx
	shll	$4, DATA
	orl	$1, DATA
	LINE	5, 0
	IOAPIC_WRITE 0x1a, 0x8093
	movl	$0, 0xb0(%r8)
	pop	%rcx
	pop	%rbx
	pop	%rax
	iretq
2:	push	%rax
	push	%rbx
	push	%rcx
	shll	$4, DATA
	orl	$2, DATA
	LINE	5, 0
	movl	$0, 0xb0(%r8)
	pop	%rcx
	pop	%rbx
	pop	%rax
	iretq

CASE("apicv-mode-pending", LONG, F_IRQCHIP)
	/* vectors wait across xAPIC to x2APIC, and one is in service */
	APIC_ON
	movl	$1f, HANDLER + 4 * 0x60
	cli
	SELF	0x45
	SELF	0x60
	X2APIC_ON
	READS_MSR 0x822, 0x20
	READS_MSR 0x823, 1
	sti
	nop
	nop
	WAIT_IRQS 2
	EQL($0x4590, ORDER)		/* of 0x60's handler, then after it */
	READS_MSR 0x813, 0
	/* off: nothing is delivered; on again: what there is comes once at most */
	cli
	WRMSR_	0x83f, 0x50
	RDMSR_	0x1b
	and	$~0xc00, %eax
	wrmsr
	sti
	nop
	nop
	EQL($2, IRQ_TOTAL)
	cli
	RDMSR_	0x1b
	or	$0x800, %eax
	wrmsr
	APIC_ON
	sti
	nop
	nop
	SELF	0x70
	nop
	nop
	EQL($1, IRQ_COUNT + 4 * 0x70)
	mov	IRQ_COUNT + 4 * 0x50, %eax
	cmp	$1, %eax
	CHECK(jbe)
	READS	0x130, 0
	READS	0x120, 0
	PASS
1:	push	%rax
	push	%rcx
	push	%rdx
	READS_MSR 0x813, 1
	sti
	WRMSR_	0x83f, 0x90		/* nests in the new mode */
	nop
	EQL($1, IRQ_TOTAL)
	cli
	READS_MSR 0x822, 0x20
	WRMSR_	0x80b, 0
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq

CASE("apicv-mode-in-service", LONG, F_IRQCHIP)
	/* the mode changes in the handler; the EOI of the new mode ends it */
	APIC_ON
	movl	$1f, HANDLER + 4 * 0x60
	sti
	SELF	0x60
	nop
	READS_MSR 0x813, 0
	READS_MSR 0x80a, 0
	EQL($1, IRQ_COUNT + 4 * 0x55)
	EQL($1, IRQ_TOTAL)
	PASS
1:	SELF	0x55			/* lower: waits */
	X2APIC_ON
	READS_MSR 0x813, 1
	READS_MSR 0x80a, 0x60
	READS_MSR 0x822, 0x200000
	sti
	nop
	nop
	cli
	EQL($0, IRQ_TOTAL)
	WRMSR_	0x80b, 0
	iretq

CASE("apicv-soft-disable", LONG, F_IRQCHIP)
	/* what is requested stays requested, and comes once (SDM 11.4.7.2) */
	APIC_ON
	cli
	SELF	0x60
	movl	$0xff, 0xf0(%r8)
	READS	0x230, 1
	/* nothing new is accepted */
	movl	$0x65, 0x300(%r8)
	READS	0x230, 1
	movl	$0x1ff, 0xf0(%r8)
	READS	0x230, 1
	sti
	nop
	nop
	EQL($1, IRQ_TOTAL)
	READS	0x230, 0
	/* in service when it is disabled: EOI ends it all the same */
	movl	$1f, HANDLER + 4 * 0x60
	SELF	0x60
	nop
	READS	0x130, 0
	SELF	0x61
	nop
	EQL($2, IRQ_TOTAL)
	PASS
1:	movl	$0xff, 0xf0(%r8)
	READS	0x130, 1
	movl	$0, 0xb0(%r8)
	READS	0x130, 0
	movl	$0x1ff, 0xf0(%r8)
	iretq

CASE("apicv-sti-hlt", LONG, F_IRQCHIP)
	/* STI; HLT with a request that is there, or comes; 200 of each kind */
	APIC_ON
	mov	$200, %esi
1:	cli
	SELF	0x60
	sti
	hlt				/* at once: it came before HLT or ends it */
	dec	%esi
	jnz	1b
	EQL($200, IRQ_TOTAL)
	/* lower than the TPR it does not end HLT; an NMI does, with IF clear as well */
	cli
	movl	$0x70, 0x80(%r8)
	SELF	0x60
	mov	$0xfee00000, %ebx
	mov	$3000, %ecx
	mov	$0x400, %edx
	HOST(HOST_DELAYED_MSI)
	hlt
	EQL($1, IRQ_COUNT + 8)
	EQL($201, IRQ_TOTAL)
	mov	$0xfee00000, %ebx
	mov	$3000, %ecx
	mov	$0x400, %edx
	HOST(HOST_DELAYED_MSI)
	sti
	hlt
	EQL($2, IRQ_COUNT + 8)
	EQL($202, IRQ_TOTAL)
	movl	$0, 0x80(%r8)
	nop
	EQL($203, IRQ_TOTAL)
	PASS

CASE("apicv-hlt-posted", LONG, F_IRQCHIP)
	/* from another thread: to a loop of PAUSE, to HLT, to plain code, in turn */
	APIC_ON
	mov	$30, %esi
	xor	%edi, %edi
1:	cli
	mov	$0xfee00000, %ebx
	mov	%esi, %ecx
	imul	$23, %ecx		/* at another moment of the way each time */
	mov	$0x44, %edx
	HOST(HOST_DELAYED_MSI)
	inc	%edi
	mov	%esi, %eax
	xor	%edx, %edx
	mov	$3, %ecx
	div	%ecx
	cmp	$1, %edx
	jb	4f
	je	5f
	sti
2:	pause
	cmp	%edi, IRQ_COUNT + 4 * 0x44
	jb	2b
	jmp	6f
4:	sti
	hlt
	cli
	cmp	%edi, IRQ_COUNT + 4 * 0x44
	jb	4b
	jmp	6f
5:	sti
	cmp	%edi, IRQ_COUNT + 4 * 0x44
	jb	5b
6:	dec	%esi
	jnz	1b
	EQL($30, IRQ_TOTAL)
	PASS

CASE("apicv-nmi-together", LONG, F_IRQCHIP)
	/* an NMI and a vector at one boundary: both, the NMI first, its handler undisturbed */
	APIC_ON
	movl	$1f, HANDLER + 4 * 2
	mov	$20, %esi
2:	cli
	SELF	0x60
	mov	$0xfee00000, %ebx
	mov	$0x461, %ecx		/* the NMI; the vector of its message does not count */
	mov	$HOST_MSI, %eax
	sti				/* OUT is in STI's shadow: both at its end */
	out	%eax, $0xe0
	nop
	nop
	dec	%esi
	jnz	2b
	EQL($20, IRQ_COUNT + 4 * 0x60)
	EQL($20, DATA)
	EQL($20, IRQ_TOTAL)
	/* NMI alone with IF clear and a vector waiting: the vector stays */
	cli
	SELF	0x61
	HOST(HOST_NMI)
	nop
	EQL($21, DATA)
	EQL($20, IRQ_TOTAL)
	READS	0x230, 2
	sti
	nop
	EQL($21, IRQ_TOTAL)
	PASS
1:	incl	DATA
	iretq

CASE("apicv-nmi-blocked", LONG, F_IRQCHIP)
	/* vectors come while NMIs are blocked; the next NMI after IRET */
	APIC_ON
	movl	$1f, HANDLER + 4 * 2
	sti
	HOST(HOST_NMI)
	nop
	EQL($2, DATA)
	EQL($1, IRQ_TOTAL)
	PASS
1:	incl	DATA
	cmpl	$2, DATA
	je	2f
	HOST(HOST_NMI)
	nop
	EQL($1, DATA)
	SELF	0x60
	sti
	nop
	EQL($1, IRQ_TOTAL)		/* its IRET has unblocked NMIs: SDM 6.7.1 */
	EQL($2, DATA)
2:	iretq

CASE("apicv-extint", LONG, F_IRQCHIP)
	/* the 8259's interrupt and the LAPIC's vectors wait together: each comes once */
	APIC_ON
	PIC_ON
	mov	$10, %esi
1:	cli
	SELF	0x60
	LINE	3, 1
	SELF	0x61
	sti
	nop
	nop
	nop
	LINE	3, 0
	dec	%esi
	jnz	1b
	EQL($10, IRQ_COUNT + 4 * 0x33)
	EQL($10, IRQ_COUNT + 4 * 0x60)
	EQL($10, IRQ_COUNT + 4 * 0x61)
	EQL($30, IRQ_TOTAL)
	READS	0x130, 0		/* the 8259's is not in the ISR */
	READS	0x110, 0
	/* the TPR does not hold it back */
	movl	$0xf0, 0x80(%r8)
	SELF	0x62
	LINE	3, 1
	nop
	EQL($11, IRQ_COUNT + 4 * 0x33)
	EQL($0, IRQ_COUNT + 4 * 0x62)
	LINE	3, 0
	movl	$0, 0x80(%r8)
	nop
	EQL($1, IRQ_COUNT + 4 * 0x62)
	PASS

CASE("apicv-extint-window", LONG, F_IRQCHIP)
	/* IF opens by POPF, IRET, STI; a vector in service; HLT */
	APIC_ON
	PIC_ON
	movl	$1f, HANDLER + 4 * 0x60
	mov	$5, %edi
2:	cli
	LINE	3, 1
	pushf
	orl	$0x200, (%rsp)
	popf
	nop
	LINE	3, 0
	dec	%edi
	jnz	2b
	EQL($5, IRQ_COUNT + 4 * 0x33)
	/* in the handler of a vector: the 8259's comes, the ISR stays */
	SELF	0x60
	nop
	EQL($6, IRQ_COUNT + 4 * 0x33)
	READS	0x130, 0
	cli
	LINE	3, 1
	sti
	hlt
	EQL($7, IRQ_COUNT + 4 * 0x33)
	EQL($7, IRQ_TOTAL)
	PASS
1:	cli
	LINE	3, 1
	sti
	nop
	nop
	cli
	LINE	3, 0
	EQL($6, IRQ_COUNT + 4 * 0x33)
	READS	0x130, 1
	READS	0xa0, 0x60
	movl	$0, 0xb0(%r8)
	iretq

CASE("apicv-shadow", LONG, F_IRQCHIP)
	/* MOV SS and STI hold a vector back for one instruction */
	APIC_ON
	cli
	SELF	0x60
	sti
	mov	IRQ_TOTAL, %ebx
	nop
	EQ($0, %ebx)
	EQL($1, IRQ_TOTAL)
	mov	%ss, %eax
	cli
	SELF	0x61
	sti
	mov	%eax, %ss		/* STI's, then MOV SS' own: vectors wait through the next as well, or not */
	nop
	nop
	EQL($2, IRQ_TOTAL)
	PASS

	.section .note.GNU-stack, "", @progbits
