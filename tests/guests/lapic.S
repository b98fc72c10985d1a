/* SPDX-License-Identifier: GPL-2.0-only */
/* The local APIC: registers, IPIs to oneself, priorities, timer, x2APIC. */
#include "guest.h"
#include "irq.h"

	HIGH

	.macro	APIC_ON			/* R8: its registers; enabled */
	mov	$0xfee00000, %r8d
	movl	$0x1ff, 0xf0(%r8)
	movl	$EOI_XAPIC, EOI_MODE
	.endm

	.macro	X2APIC_ON
	mov	$1, %eax
	cpuid
	test	$(1 << 21), %ecx
	jnz	99f
	SKIP
99:	mov	$0x1b, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
	mov	$0x80f, %ecx
	mov	$0x1ff, %eax
	xor	%edx, %edx
	wrmsr
	movl	$EOI_X2APIC, EOI_MODE
	.endm

CASE("lapic-registers", LONG, F_IRQCHIP)
	mov	$0xfee00000, %r8d
	mov	0x20(%r8), %eax
	EQ($0, %eax)			/* id 0 */
	mov	0x30(%r8), %eax
	and	$0xf0, %eax
	EQ($0x10, %eax)			/* an integrated APIC */
	mov	0x320(%r8), %eax
	EQ($0x10000, %eax)		/* timer masked after reset */
	mov	0xf0(%r8), %eax
	EQ($0xff, %eax)
	mov	0xe0(%r8), %eax
	EQ($0xffffffff, %eax)
	APIC_ON
	mov	0xf0(%r8), %eax
	EQ($0x1ff, %eax)
	movl	$0xa5, 0x80(%r8)
	mov	0x80(%r8), %eax
	EQ($0xa5, %eax)
	mov	0xa0(%r8), %eax		/* PPR follows */
	EQ($0xa5, %eax)
	movl	$0x01000000, 0xd0(%r8)
	mov	0xd0(%r8), %eax
	EQ($0x01000000, %eax)
	movl	$0x10031, 0x320(%r8)
	mov	0x320(%r8), %eax
	EQ($0x10031, %eax)
	movl	$0, 0x280(%r8)
	mov	0x280(%r8), %eax
	EQ($0, %eax)
	movl	$0xb, 0x3e0(%r8)
	mov	0x3e0(%r8), %eax
	EQ($0xb, %eax)
	PASS

CASE("lapic-software-disable", LONG, F_IRQCHIP)
	/* disabled by software: all LVT entries get masked and stay so */
	APIC_ON
	movl	$0x31, 0x320(%r8)
	movl	$0xff, 0xf0(%r8)
	mov	0x320(%r8), %eax
	test	$0x10000, %eax
	CHECK(jnz)
	movl	$0x31, 0x320(%r8)
	mov	0x320(%r8), %eax
	test	$0x10000, %eax
	CHECK(jnz)
	PASS

	/* A step's trap comes before what the step has raised (SDM Vol. 3, table 6-2): WRMSR of \msr, with TF set. */
	.macro	STEPPED msr, value, vector
	X2APIC_ON
	movl	$1f, HANDLER + 4 * 1
	movl	$2f, HANDLER + 4 * \vector
	mov	$\msr, %ecx
	mov	$\value, %eax
	xor	%edx, %edx
	pushf
	orl	$0x100, (%rsp)
	popf
	wrmsr
3:	EQL($1, DATA)
	EQL($1, DATA + 4)
	PASS
	.endm

CASE("step-and-nmi", LONG, F_IRQCHIP)
	STEPPED	0x830, 0x40400, 2
1:	EQL($1, DATA + 4)		/* the NMI came at its first instruction */
	cmpq	$3b, (%rsp)
	CHECK(je)
	mov	%db6, %rax
	test	$0x4000, %eax
	CHECK(jnz)
	incl	DATA
	andl	$~0x100, 16(%rsp)
	iretq
2:	EQL($0, DATA)
	cmpq	$3b, (%rsp)
	CHECK(jne)
	incl	DATA + 4
	iretq

CASE("step-and-interrupt", LONG, F_IRQCHIP)
	sti
	STEPPED	0x83f, 0x60, 0x60
1:	EQL($0, DATA + 4)
	cmpq	$3b, (%rsp)
	CHECK(je)
	incl	DATA
	andl	$~0x100, 16(%rsp)
	iretq
2:	EQL($1, DATA)
	cmpq	$3b, (%rsp)
	CHECK(je)
	incl	DATA + 4
	movl	$0x80b, %ecx
	xor	%eax, %eax
	wrmsr
	iretq

CASE("lapic-self-ipi", LONG, F_IRQCHIP)
	APIC_ON
	sti
	movl	$0x40060, 0x300(%r8)
	nop
	EQL($1, IRQ_COUNT + 4 * 0x60)
	/* by physical id, by broadcast including self */
	movl	$0, 0x310(%r8)
	movl	$0x61, 0x300(%r8)
	nop
	EQL($1, IRQ_COUNT + 4 * 0x61)
	movl	$0x80062, 0x300(%r8)
	nop
	EQL($1, IRQ_COUNT + 4 * 0x62)
	/* all but self reaches nobody here */
	movl	$0xc0063, 0x300(%r8)
	nop
	EQL($0, IRQ_COUNT + 4 * 0x63)
	mov	0x130(%r8), %eax	/* ISR of 0x60..0x7f is empty again */
	EQ($0, %eax)
	EQL($3, IRQ_TOTAL)
	PASS

CASE("lapic-self-ipi-32", FLAT32, F_IRQCHIP)
	movl	$0x1ff, 0xfee000f0
	movl	$EOI_XAPIC, EOI_MODE
	sti
	movl	$0x40060, 0xfee00300
	nop
	EQL($1, IRQ_COUNT + 4 * 0x60)
	PASS

CASE("lapic-logical", LONG, F_IRQCHIP)
	APIC_ON
	movl	$0xffffffff, 0xe0(%r8)	/* flat */
	movl	$0x04000000, 0xd0(%r8)
	sti
	movl	$0x04000000, 0x310(%r8)
	movl	$0x860, 0x300(%r8)
	nop
	EQL($1, IRQ_COUNT + 4 * 0x60)
	movl	$0x08000000, 0x310(%r8)	/* not us */
	movl	$0x861, 0x300(%r8)
	nop
	EQL($0, IRQ_COUNT + 4 * 0x61)
	movl	$0xff000000, 0x310(%r8)
	movl	$0x962, 0x300(%r8)	/* lowest priority, logical */
	nop
	EQL($1, IRQ_COUNT + 4 * 0x62)
	movl	$0x0fffffff, 0xe0(%r8)	/* cluster model */
	movl	$0x21000000, 0xd0(%r8)
	movl	$0x21000000, 0x310(%r8)
	movl	$0x863, 0x300(%r8)
	nop
	EQL($1, IRQ_COUNT + 4 * 0x63)
	movl	$0x11000000, 0x310(%r8)
	movl	$0x864, 0x300(%r8)
	nop
	EQL($0, IRQ_COUNT + 4 * 0x64)
	PASS

CASE("lapic-nmi-ipi", LONG, F_IRQCHIP)
	APIC_ON
	movl	$0, 0x310(%r8)
	movl	$0x400, 0x300(%r8)
	nop
	EQL($1, IRQ_COUNT + 8)
	PASS

CASE("lapic-priority", LONG, F_IRQCHIP)
	/* three pending at once arrive by priority, each once */
	APIC_ON
	cli
	movl	$0x40050, 0x300(%r8)
	movl	$0x40090, 0x300(%r8)
	movl	$0x40070, 0x300(%r8)
	movl	$0x40070, 0x300(%r8)	/* merges with the one pending */
	mov	0x240(%r8), %eax	/* IRR 0x80..0x9f */
	EQ($0x10000, %eax)
	sti
	nop
	nop
	nop
	WAIT_IRQS 3
	EQL($3, IRQ_TOTAL)
	cmpw	$0x7090, ORDER
	CHECK(je)
	cmpb	$0x50, ORDER + 2
	CHECK(je)
	mov	0x240(%r8), %eax
	EQ($0, %eax)
	PASS

CASE("lapic-tpr", LONG, F_IRQCHIP)
	APIC_ON
	movl	$0x60, 0x80(%r8)
	sti
	movl	$0x40065, 0x300(%r8)
	nop
	nop
	EQL($0, IRQ_TOTAL)
	mov	0x230(%r8), %eax
	EQ($0x20, %eax)
	movl	$0x40071, 0x300(%r8)	/* above it: at once */
	nop
	EQL($1, IRQ_TOTAL)
	movl	$0x50, 0x80(%r8)
	nop
	nop
	EQL($2, IRQ_TOTAL)
	EQL($1, IRQ_COUNT + 4 * 0x65)
	PASS

CASE("lapic-cr8", LONG, F_IRQCHIP)
	APIC_ON
	mov	$6, %eax
	mov	%rax, %cr8
	sti
	movl	$0x40065, 0x300(%r8)
	nop
	nop
	EQL($0, IRQ_TOTAL)
	mov	$5, %eax
	mov	%rax, %cr8
	nop
	nop
	EQL($1, IRQ_TOTAL)
	PASS

CASE("lapic-nesting", LONG, F_IRQCHIP)
	/* before EOI a higher class interrupts, a lower one waits */
	APIC_ON
	movl	$1f, HANDLER + 4 * 0x60
	sti
	movl	$0x40060, 0x300(%r8)
	nop
	EQL($3, IRQ_TOTAL)
	cmpw	$0x6080, ORDER
	CHECK(je)
	cmpb	$0x50, ORDER + 2
	CHECK(je)
	mov	0xa0(%r8), %eax
	EQ($0, %eax)
	PASS
1:	sti
	movl	$0x40050, 0x300(%r8)
	movl	$0x40080, 0x300(%r8)
	nop
	EQL($1, IRQ_TOTAL)		/* 0x80 only */
	mov	0x130(%r8), %eax
	EQ($1, %eax)			/* ISR: 0x60 in service */
	mov	0xa0(%r8), %eax
	EQ($0x60, %eax)
	cli
	movb	$0x60, ORDER + 1
	movl	$2, IRQ_TOTAL
	movl	$0, 0xb0(%r8)
	iretq

CASE("lapic-timer-oneshot", LONG, F_IRQCHIP)
	APIC_ON
	movl	$0x31, 0x320(%r8)
	movl	$0xb, 0x3e0(%r8)	/* divide by 1 */
	sti
	movl	$200000, 0x380(%r8)
	mov	0x390(%r8), %eax	/* it counts down */
	cmp	$200000, %eax
	CHECK(jbe)
	WAIT_IRQS 1
	EQL($1, IRQ_COUNT + 4 * 0x31)
	mov	0x390(%r8), %eax
	EQ($0, %eax)
	mov	$300000, %ecx		/* and only once */
2:	loop	2b
	EQL($1, IRQ_TOTAL)
	PASS

	/*
	 * Two periods or more of a running timer, as ticks of the TSC in edi: where one interrupt came
	 * late, the next comes soon. Clobbers rax, rdx and rcx.
	 */
	.macro	TWO_PERIODS
	WAIT_IRQS 2
	rdtsc
	mov	%eax, %edi
	WAIT_IRQS 4
	rdtsc
	sub	%edi, %eax
	lea	(%rax, %rax), %edi
	.endm

	/* Lets edi ticks of the TSC go by. Clobbers rax, rbx and rdx. */
	.macro	LET_GO_BY
	rdtsc
	mov	%eax, %ebx
97:	rdtsc
	sub	%ebx, %eax
	cmp	%edi, %eax
	jb	97b
	.endm

/* The periods are longer than what an exit takes in a VM: 300 us leave a guest no time on KVM of 6.12 in the lab. */
CASE("lapic-timer-periodic", LONG, F_IRQCHIP)
	APIC_ON
	movl	$0x20031, 0x320(%r8)
	movl	$0xb, 0x3e0(%r8)
	sti
	movl	$2000000, 0x380(%r8)
	TWO_PERIODS
	movl	$0, 0x380(%r8)		/* stops it */
	mov	IRQ_TOTAL, %esi
	LET_GO_BY
	mov	IRQ_TOTAL, %eax
	sub	%esi, %eax
	cmp	$1, %eax		/* one may have been on its way */
	CHECK(jbe)
	PASS

CASE("lapic-timer-orders", LONG, F_IRQCHIP)
	/*
	 * Count, divider, mode: it goes on by the mode that it has when it is at 0. The three writes are exits, which in a
	 * VM take long: the first period is.
	 */
	APIC_ON
	sti
	movl	$20000000, 0x380(%r8)
	movl	$0xb, 0x3e0(%r8)
	movl	$0x20031, 0x320(%r8)
	WAIT_IRQS 2
	movl	$2000000, 0x380(%r8)
	movl	$0, IRQ_TOTAL
	TWO_PERIODS
	/* back to one-shot: the period at hand is the last */
	movl	$0x31, 0x320(%r8)
	mov	IRQ_TOTAL, %esi
	LET_GO_BY
	mov	IRQ_TOTAL, %eax
	sub	%esi, %eax
	cmp	$1, %eax
	CHECK(jbe)
	EQL($0, 0x390(%r8))
	/* another divider: the count goes on from where it is */
	movl	$0x10031, 0x320(%r8)
	movl	$0xa, 0x3e0(%r8)	/* by 128 */
	movl	$0x10000000, 0x380(%r8)
	mov	0x390(%r8), %eax
	cmp	$0xf000000, %eax
	CHECK(jae)
	movl	$0xb, 0x3e0(%r8)	/* by 1 */
	mov	0x390(%r8), %esi
	cmp	$0xf000000, %esi
	CHECK(jae)
	mov	$100000, %ecx
3:	loop	3b
	mov	0x390(%r8), %eax
	sub	%eax, %esi
	cmp	$100000, %esi		/* ten bus clocks an instruction in the lab, and one at least elsewhere */
	CHECK(ja)
	movl	$0xa, 0x3e0(%r8)
	mov	0x390(%r8), %esi
	mov	$100000, %ecx
4:	loop	4b
	mov	0x390(%r8), %eax
	mov	%esi, %edi
	sub	%eax, %edi
	cmp	$100000, %edi
	CHECK(jb)
	PASS

CASE("lapic-timer-masked", LONG, F_IRQCHIP)
	APIC_ON
	movl	$0x10031, 0x320(%r8)
	movl	$0xb, 0x3e0(%r8)
	sti
	movl	$10000, 0x380(%r8)
	mov	$200000, %ecx
2:	loop	2b
	EQL($0, IRQ_TOTAL)
	PASS

CASE("lapic-timer-rate", LONG, F_IRQCHIP)
	/* dividing by 16 makes it slower: 4 times at the least, also where exits are slow */
	APIC_ON
	movl	$0x31, 0x320(%r8)
	movl	$0xb, 0x3e0(%r8)
	sti
	rdtsc
	mov	%eax, %esi
	movl	$3000000, 0x380(%r8)
	WAIT_IRQS 1
	rdtsc
	sub	%esi, %eax
	mov	%eax, %ebp
	movl	$3, 0x3e0(%r8)
	mov	$1000, %ecx
1:	loop	1b
	movl	$0, IRQ_TOTAL		/* KVM's may fire at that change */
	rdtsc
	mov	%eax, %esi
	movl	$3000000, 0x380(%r8)
	WAIT_IRQS 1
	rdtsc
	sub	%esi, %eax
	shl	$2, %ebp
	cmp	%ebp, %eax
	CHECK(ja)
	PASS

CASE("lapic-timer-tsc-deadline-far", LONG, F_IRQCHIP)
	/* as far away as can be written, also where a tick is more than a nanosecond */
	mov	$1, %eax
	cpuid
	test	$(1 << 24), %ecx
	jnz	1f
	SKIP
1:	APIC_ON
	movl	$0x40031, 0x320(%r8)
	sti
	mov	$0x6e0, %ecx
	mov	$0x8000000000000000, %rsi
1:	mov	%esi, %eax		/* 2^63, 2^62, ..., 2^48 */
	mov	%rsi, %rdx
	shr	$32, %rdx
	wrmsr
	rdmsr
	EQ(%esi, %eax)
	dec	%rsi			/* and one less than each */
	mov	%esi, %eax
	mov	%rsi, %rdx
	shr	$32, %rdx
	wrmsr
	inc	%rsi
	shr	%rsi
	bt	$47, %rsi
	jnc	1b
	mov	$-1, %eax
	mov	%eax, %edx
	wrmsr
	rdmsr
	EQ($-1, %eax)
	EQ($-1, %edx)
	EQL($0, IRQ_TOTAL)
	rdtsc				/* and one that is near still comes */
	add	$100000, %eax
	adc	$0, %edx
	wrmsr
	WAIT_IRQS 1
	PASS

CASE("lapic-timer-tsc-deadline", LONG, F_IRQCHIP)
	mov	$1, %eax
	cpuid
	test	$(1 << 24), %ecx
	jnz	1f
	SKIP
1:	APIC_ON
	movl	$0x40031, 0x320(%r8)
	sti
	rdtsc
	add	$1000000, %eax
	adc	$0, %edx
	mov	%eax, %esi
	mov	%edx, %edi
	mov	$0x6e0, %ecx
	wrmsr
	rdmsr				/* armed */
	EQ(%esi, %eax)
	WAIT_IRQS 1
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	shl	$32, %rdi
	or	%rdi, %rsi
	cmp	%rsi, %rax
	CHECK(jae)			/* not before its time */
	mov	$0x6e0, %ecx
	rdmsr
	EQ($0, %eax)			/* disarmed */
	mov	$1, %eax		/* in the past: at once */
	xor	%edx, %edx
	wrmsr
	WAIT_IRQS 2
	rdtsc
	add	$3000000, %eax
	adc	$0, %edx
	mov	$0x6e0, %ecx
	wrmsr
	xor	%eax, %eax		/* taken back */
	xor	%edx, %edx
	wrmsr
	mov	$5000000, %ecx
2:	loop	2b
	EQL($2, IRQ_TOTAL)
	PASS

CASE("lapic-timer-hlt", LONG, F_IRQCHIP)
	APIC_ON
	movl	$0x31, 0x320(%r8)
	movl	$0xb, 0x3e0(%r8)
	mov	$20, %esi
1:	movl	$100000, 0x380(%r8)
	sti
	hlt
	cli
	dec	%esi
	jnz	1b
	EQL($20, IRQ_TOTAL)
	PASS

CASE("hlt-pending", LONG, F_IRQCHIP)
	/* an interrupt pending before STI; HLT does not lose it */
	APIC_ON
	cli
	movl	$0x40060, 0x300(%r8)
	sti
	hlt
	EQL($1, IRQ_TOTAL)
	PASS

CASE("hlt-device", LONG, F_IRQCHIP)
	/* woken by an interrupt from another thread of the VMM */
	APIC_ON
	mov	$10, %esi
1:	mov	$0xfee00000, %ebx
	mov	$2000, %ecx
	mov	$0x44, %edx
	HOST(HOST_DELAYED_MSI)
	sti
	hlt
	cli
	dec	%esi
	jnz	1b
	EQL($10, IRQ_COUNT + 4 * 0x44)
	PASS

CASE("hlt-nmi", LONG, F_IRQCHIP)
	APIC_ON
	cli
	mov	$0xfee00000, %ebx
	mov	$2000, %ecx
	mov	$0x400, %edx
	HOST(HOST_DELAYED_MSI)
	hlt
	EQL($1, IRQ_COUNT + 8)
	PASS

CASE("running-device", LONG, F_IRQCHIP)
	/* a guest that never exits of itself is interrupted, too */
	APIC_ON
	mov	$0xfee00000, %ebx
	mov	$2000, %ecx
	mov	$0x44, %edx
	HOST(HOST_DELAYED_MSI)
	sti
1:	cmpl	$0, IRQ_TOTAL
	je	1b
	PASS

CASE("x2apic-registers", LONG, F_IRQCHIP)
	X2APIC_ON
	mov	$0x802, %ecx
	rdmsr
	EQ($0, %eax)
	mov	$0x80d, %ecx		/* LDR comes from the id */
	rdmsr
	EQ($1, %eax)
	mov	$0x808, %ecx
	mov	$0x70, %eax
	xor	%edx, %edx
	wrmsr
	rdmsr
	EQ($0x70, %eax)
	mov	%cr8, %rax
	EQ($7, %rax)
	PASS

CASE("x2apic-illegal", LONG, F_IRQCHIP)
	X2APIC_ON
	xor	%eax, %eax
	xor	%edx, %edx
	mov	$0x802, %ecx		/* the id is read-only */
	FAULT_CODE(GP, 0, wrmsr)
	mov	$0x80e, %ecx		/* no DFR */
	FAULT_CODE(GP, 0, rdmsr)
	mov	$0x831, %ecx		/* no ICR2 */
	FAULT_CODE(GP, 0, rdmsr)
	mov	$0x80b, %ecx
	FAULT_CODE(GP, 0, rdmsr)	/* EOI is write-only */
	mov	$0x808, %ecx
	mov	$0x100, %eax
	FAULT_CODE(GP, 0, wrmsr)
	mov	$0x83f, %ecx
	FAULT_CODE(GP, 0, rdmsr)
	/* back to xAPIC without disabling is #GP */
	mov	$0x1b, %ecx
	rdmsr
	and	$~0x400, %eax
	FAULT_CODE(GP, 0, wrmsr)
	PASS

CASE("x2apic-off", LONG, F_IRQCHIP)
	/* outside x2APIC mode its MSRs are not there */
	mov	$0x802, %ecx
	FAULT_CODE(GP, 0, rdmsr)
	PASS

CASE("x2apic-ipi", LONG, F_IRQCHIP)
	X2APIC_ON
	sti
	mov	$0x83f, %ecx
	mov	$0x60, %eax
	xor	%edx, %edx
	wrmsr
	nop
	EQL($1, IRQ_COUNT + 4 * 0x60)
	mov	$0x830, %ecx
	mov	$0x40061, %eax
	wrmsr
	nop
	EQL($1, IRQ_COUNT + 4 * 0x61)
	mov	$0x62, %eax		/* physical, destination in EDX */
	wrmsr
	nop
	EQL($1, IRQ_COUNT + 4 * 0x62)
	mov	$0x863, %eax		/* logical: cluster 0, bit 0 */
	mov	$1, %edx
	wrmsr
	nop
	EQL($1, IRQ_COUNT + 4 * 0x63)
	mov	$0x64, %eax		/* nobody has id 5 */
	mov	$5, %edx
	wrmsr
	nop
	EQL($4, IRQ_TOTAL)
	mov	$0x813, %ecx
	rdmsr
	EQ($0, %eax)
	PASS

CASE("x2apic-timer", LONG, F_IRQCHIP)
	X2APIC_ON
	xor	%edx, %edx
	mov	$0x832, %ecx
	mov	$0x31, %eax
	wrmsr
	mov	$0x83e, %ecx
	mov	$0xb, %eax
	wrmsr
	sti
	mov	$0x838, %ecx
	mov	$100000, %eax
	wrmsr
	WAIT_IRQS 1
	PASS

CASE("lapic-hardware-disable", LONG, F_IRQCHIP)
	/* disabled in APIC_BASE its page is nobody's: the VMM is asked */
	mov	$0x1b, %ecx
	rdmsr
	and	$~0x800, %eax
	wrmsr
	mov	$1, %eax
	cpuid
	test	$(1 << 9), %edx		/* CPUID says so as well */
	CHECK(jz)
	mov	$0x1b, %ecx
	rdmsr
	or	$0x800, %eax
	wrmsr
	mov	$0xfee00000, %r8d
	mov	0xf0(%r8), %eax		/* and it has been reset */
	EQ($0xff, %eax)
	PASS

	.section .note.GNU-stack, "", @progbits
