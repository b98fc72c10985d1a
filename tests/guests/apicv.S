/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a processor that delivers interrupts by itself may do otherwise than a
 * hypervisor that injects them: self-IPIs, EOI and TPR without an exit, and the
 * registers as they read while a vector is in service.
 */
#include "apicv.h"

CASE("apicv-self-x2apic", LONG, F_IRQCHIP)
	/* every vector from 16 on, by the self-IPI register: at once, once, and alone */
	X2APIC_ON
	sti
	mov	$32, %esi
1:	mov	$0x83f, %ecx
	mov	%esi, %eax
	xor	%edx, %edx
	wrmsr
	nop
	EQL($1, IRQ_COUNT(, %rsi, 4))
	EQ(%esi, LAST_IRQ)
	mov	%esi, %eax
	sub	$31, %eax
	EQ(%eax, IRQ_TOTAL)
	inc	%esi
	cmp	$256, %esi
	jb	1b
	/* 16 to 31 are legal */
	cli
	WRMSR_	0x83f, 0x10
	READS_MSR 0x820, 0x10000
	mov	$0x83f, %ecx
	mov	$0x100, %eax
	xor	%edx, %edx
	FAULT_CODE(GP, 0, wrmsr)
	mov	$0x83f, %ecx
	mov	$0x60, %eax
	mov	$1, %edx
	FAULT_CODE(GP, 0, wrmsr)
	READS_MSR 0x823, 0
	PASS

CASE("apicv-self-xapic", LONG, F_IRQCHIP)
	APIC_ON
	sti
	mov	$32, %esi
1:	mov	%esi, %eax
	or	$0x40000, %eax
	mov	%eax, 0x300(%r8)
	nop
	EQL($1, IRQ_COUNT(, %rsi, 4))
	mov	0x300(%r8), %eax	/* reads back, and idle */
	sub	$0x40000, %eax
	EQ(%esi, %eax)
	inc	%esi
	cmp	$256, %esi
	jb	1b
	EQL($224, IRQ_TOTAL)
	PASS

CASE("apicv-illegal-vector", LONG, F_IRQCHIP)
	/* below 16: sent nowhere (SDM 11.5.2) */
	APIC_ON
	cli
	SELF	0x0f
	SELF	0x02
	SELF	0
	movl	$0x0e, 0x300(%r8)
	READS	0x200, 0
	X2APIC_ON
	WRMSR_	0x83f, 0x0f
	WRMSR_	0x83f, 0
	WRMSR_	0x830, 0x4000e
	READS_MSR 0x820, 0
	sti
	nop
	nop
	EQL($0, IRQ_TOTAL)
	PASS

CASE("apicv-self-when-disabled", LONG, F_IRQCHIP)
	/* a disabled APIC sends nothing, also not to itself */
	APIC_ON
	cli
	movl	$0xff, 0xf0(%r8)
	movl	$0x60, 0x300(%r8)	/* by destination, which always exits */
	movl	$0x1ff, 0xf0(%r8)
	sti
	nop
	nop
	EQL($0, IRQ_COUNT + 4 * 0x60)
	SELF	0x61
	nop
	EQL($1, IRQ_COUNT + 4 * 0x61)
	PASS

CASE("apicv-nested-eoi", LONG, F_IRQCHIP)
	/* three classes in service; each EOI ends the highest, whoever writes it */
	APIC_ON
	movl	$1f, HANDLER + 4 * 0x40
	movl	$2f, HANDLER + 4 * 0x50
	movl	$3f, HANDLER + 4 * 0x60
	sti
	SELF	0x40
	nop
	EQL($0x123, DATA)
	READS	0x120, 0
	READS	0x130, 0
	READS	0xa0, 0
	EQL($0, IRQ_TOTAL)
	PASS
1:	shll	$4, DATA
	orl	$1, DATA
	READS	0xa0, 0x40
	sti
	SELF	0x50
	nop
	cli
	READS	0x120, 1
	READS	0xa0, 0x40
	movl	$0, 0xb0(%r8)
	READS	0x120, 0
	READS	0xa0, 0
	iretq
2:	shll	$4, DATA
	orl	$2, DATA
	READS	0x120, 0x10001
	READS	0xa0, 0x50
	sti
	SELF	0x60
	nop
	/* of the three, EOI ended 0x60 */
	READS	0x120, 0x10001
	READS	0x130, 0
	/* the same class does not nest, nor a lower one */
	SELF	0x5f
	SELF	0x41
	nop
	nop
	READS	0x220, 0x80000002
	cli
	movl	$apicv_eoi, HANDLER + 4 * 0x5f
	movl	$apicv_eoi, HANDLER + 4 * 0x41
	movl	$0, 0xb0(%r8)
	READS	0xa0, 0x40
	READS	0x120, 1
	iretq
3:	shll	$4, DATA
	orl	$3, DATA
	READS	0x130, 1
	READS	0x120, 0x10001
	READS	0xa0, 0x60
	movl	$0, 0xb0(%r8)
	iretq
apicv_eoi:
	movl	$0, 0xb0(%r8)
	iretq

CASE("apicv-nested-eoi-x2apic", LONG, F_IRQCHIP)
	X2APIC_ON
	movl	$1f, HANDLER + 4 * 0x40
	movl	$2f, HANDLER + 4 * 0x60
	sti
	WRMSR_	0x83f, 0x40
	nop
	EQL($0x12, DATA)
	READS_MSR 0x812, 0
	READS_MSR 0x80a, 0
	EQL($1, IRQ_TOTAL)		/* 0x45, after 0x40's EOI */
	EQL($1, IRQ_COUNT + 4 * 0x45)
	PASS
1:	shll	$4, DATA
	orl	$1, DATA
	READS_MSR 0x812, 1
	READS_MSR 0x80a, 0x40
	WRMSR_	0x83f, 0x45
	WRMSR_	0x83f, 0x60
	READS_MSR 0x822, 0x20
	READS_MSR 0x823, 1
	sti
	nop
	cli
	EQL($0x12, DATA)
	READS_MSR 0x812, 1
	READS_MSR 0x822, 0x20
	READS_MSR 0x823, 0
	WRMSR_	0x80b, 0
	READS_MSR 0x812, 0
	iretq
2:	shll	$4, DATA
	orl	$2, DATA
	READS_MSR 0x813, 1
	READS_MSR 0x812, 1
	READS_MSR 0x80a, 0x60
	WRMSR_	0x80b, 0
	READS_MSR 0x80a, 0x40
	iretq

CASE("apicv-eoi-without-service", LONG, F_IRQCHIP)
	/* does nothing, neither to what waits nor to what comes */
	APIC_ON
	cli
	movl	$0, 0xb0(%r8)
	SELF	0x60
	movl	$0, 0xb0(%r8)
	movl	$0xffffffff, 0xb0(%r8)
	READS	0x230, 1
	READS	0x130, 0
	sti
	nop
	EQL($1, IRQ_TOTAL)
	movl	$0, 0xb0(%r8)
	SELF	0x61
	nop
	EQL($2, IRQ_TOTAL)
	X2APIC_ON
	WRMSR_	0x80b, 0
	WRMSR_	0x83f, 0x62
	nop
	EQL($3, IRQ_TOTAL)
	mov	$0x80b, %ecx
	mov	$1, %eax
	xor	%edx, %edx
	FAULT_CODE(GP, 0, wrmsr)
	PASS

	/* TPR by three ways while vectors wait. */
CASE("apicv-tpr-ways", LONG, F_IRQCHIP)
	APIC_ON
	movl	$0x80, 0x80(%r8)
	sti
	SELF	0x45
	SELF	0x55
	SELF	0x65
	SELF	0x75
	SELF	0x8f			/* the same class as the TPR: waits */
	nop
	nop
	EQL($0, IRQ_TOTAL)
	mov	%cr8, %rax
	EQ($8, %eax)
	SELF	0x90
	nop
	EQL($1, IRQ_TOTAL)
	mov	$7, %eax
	mov	%rax, %cr8		/* lets 0x8f through */
	nop
	EQL($2, IRQ_TOTAL)
	EQL($0x8f, LAST_IRQ)
	READS	0x80, 0x70
	movl	$0x6f, 0x80(%r8)	/* 0x75, not 0x65 */
	nop
	nop
	EQL($3, IRQ_TOTAL)
	EQL($0x75, LAST_IRQ)
	READS	0xa0, 0x6f		/* with nothing in service it is the TPR */
	mov	%cr8, %rax
	EQ($6, %eax)
	X2APIC_ON
	WRMSR_	0x808, 0x50
	nop
	EQL($4, IRQ_TOTAL)
	EQL($0x65, LAST_IRQ)
	mov	$4, %eax
	mov	%rax, %cr8
	nop
	EQL($5, IRQ_TOTAL)
	RDMSR_	0x808
	EQ($0x40, %eax)
	/* raised again before what waits may come: it does not */
	cli
	xor	%eax, %eax
	mov	%rax, %cr8
	mov	$15, %eax
	mov	%rax, %cr8
	sti
	nop
	nop
	EQL($5, IRQ_TOTAL)
	WRMSR_	0x83f, 0xff
	nop
	EQL($5, IRQ_TOTAL)		/* class 15 shuts out all */
	xor	%eax, %eax
	mov	%rax, %cr8
	nop
	nop
	WAIT_IRQS 7
	mov	ORDER + 5, %ax
	cmp	$0x45ff, %ax		/* 0xff first */
	CHECK(je)
	mov	$0x808, %ecx
	mov	$0x100, %eax
	xor	%edx, %edx
	FAULT_CODE(GP, 0, wrmsr)
	mov	$16, %eax
	FAULT_CODE(GP, 0, mov %rax, %cr8)
	PASS

CASE("apicv-tpr-in-service", LONG, F_IRQCHIP)
	/* the TPR moves below and above what is in service */
	APIC_ON
	movl	$1f, HANDLER + 4 * 0x60
	sti
	SELF	0x60
	nop
	EQL($2, IRQ_TOTAL)
	PASS
1:	sti
	movl	$0x9f, 0x80(%r8)
	READS	0xa0, 0x9f
	SELF	0x85
	nop
	nop
	EQL($0, IRQ_TOTAL)
	movl	$0x6a, 0x80(%r8)	/* the same class: the TPR's low half stays */
	nop
	nop
	EQL($1, IRQ_TOTAL)
	mov	0xa0(%r8), %eax
	and	$0xf0, %eax
	EQ($0x60, %eax)
	movl	$0x20, 0x80(%r8)
	READS	0xa0, 0x60
	SELF	0x55			/* below: waits for the EOI */
	nop
	nop
	EQL($1, IRQ_TOTAL)
	cli
	movl	$0, 0xb0(%r8)
	READS	0xa0, 0x20
	movl	$0, 0x80(%r8)
	iretq

CASE("apicv-registers-in-service", LONG, F_IRQCHIP)
	/* IRR, ISR and TMR of every word, by MMIO and MSR */
	APIC_ON
	cli
	mov	$0x20, %esi
1:	mov	%esi, %eax
	or	$0x40000, %eax
	mov	%eax, 0x300(%r8)
	add	$0x20, %esi
	cmp	$0x100, %esi
	jb	1b
	mov	$0x210, %esi		/* one in each word but the first */
2:	mov	(%r8, %rsi), %eax
	EQ($1, %eax)
	add	$16, %esi
	cmp	$0x280, %esi
	jb	2b
	mov	$0x100, %esi
3:	mov	(%r8, %rsi), %eax	/* ISR, TMR, IRR 0..31: nothing */
	EQ($0, %eax)
	add	$16, %esi
	cmp	$0x210, %esi
	jb	3b
	movl	$4f, HANDLER + 4 * 0xe0
	sti
	nop
	FAIL				/* 0xe0's handler ends it */
4:	READS	0x170, 1
	READS	0x270, 0
	READS	0x260, 1
	READS	0xa0, 0xe0
	READS	0x1f0, 0
	X2APIC_ON
	READS_MSR 0x817, 1
	READS_MSR 0x827, 0
	READS_MSR 0x826, 1
	READS_MSR 0x80a, 0xe0
	READS_MSR 0x81f, 0
	WRMSR_	0x80b, 0
	READS_MSR 0x80a, 0
	sti
	nop
	nop
	WAIT_IRQS 6
	READS_MSR 0x811, 0
	READS_MSR 0x821, 0
	EQL($6, IRQ_TOTAL)
	PASS

CASE("apicv-x2apic-faults", LONG, F_IRQCHIP)
	/* RDMSR and WRMSR of 0x800 to 0x83f: which exist, SDM Table 11-6 */
	X2APIC_ON
	xor	%esi, %esi
1:	lea	0x800(%rsi), %ecx
	movl	$2f, FAULT_RESUME
	movl	$-1, FAULT_VEC
	rdmsr
	movl	$0, FAULT_RESUME
2:	xor	%edi, %edi
	cmpl	$GP, FAULT_VEC
	sete	%dil			/* EDI: 1, it faulted */
	bt	%esi, apicv_readable
	setnc	%al
	movzx	%al, %eax
	cmp	%eax, %edi
	je	3f
	cmp	$0x2f, %esi		/* CMCI: some processors have it */
	je	3f
	FAIL
3:	inc	%esi
	cmp	$0x40, %esi
	jb	1b
	/* what is read-only, or nothing, cannot be written */
	xor	%esi, %esi
4:	bt	%esi, apicv_unwritable
	jnc	5f
	lea	0x800(%rsi), %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	FAULT_CODE(GP, 0, wrmsr)
5:	inc	%esi
	cmp	$0x40, %esi
	jb	4b
	PASS
	.balign	8
apicv_readable:				/* 2 3 8 a d f, 10-28, 30, 32-39, 3e */
	.long	0xffffa50c, 0x43fd01ff
apicv_unwritable:			/* 0 1 2 3 4-7 9 a c d e, 10-27, 29-2e, 31, 39, 3a-3d */
	.long	0xffff76ff, 0x3e027eff

CASE("apicv-mmio-ways", LONG, F_IRQCHIP)
	/* reads and writes other than MOV of 32 bits */
	APIC_ON
	movl	$0x50, 0x80(%r8)
	lea	0x80(%r8), %rsi
	lodsl
	EQ($0x50, %eax)
	mov	$0x20, %eax
	xchg	%eax, 0x80(%r8)
	EQ($0x50, %eax)
	READS	0x80, 0x20
	orl	$0x10, 0x80(%r8)
	READS	0x80, 0x30
	mov	%cr8, %rax
	EQ($3, %eax)
	/* read-only registers stay, whatever is written */
	mov	0x30(%r8), %ebx
	movl	$0x12345678, 0x30(%r8)
	mov	0x30(%r8), %eax
	EQ(%ebx, %eax)
	movl	$-1, 0x200(%r8)
	READS	0x200, 0
	movl	$-1, 0x100(%r8)
	READS	0x100, 0
	movl	$-1, 0x180(%r8)
	READS	0x180, 0
	movl	$-1, 0xa0(%r8)
	READS	0xa0, 0x30
	/* no vector got into them */
	movl	$0, 0x80(%r8)
	sti
	nop
	nop
	EQL($0, IRQ_TOTAL)
	/* EOI by other instructions */
	movl	$1f, HANDLER + 4 * 0x60
	SELF	0x60
	nop
	READS	0x130, 0
	movl	$2f, HANDLER + 4 * 0x60
	SELF	0x60
	nop
	READS	0x130, 0
	PASS
1:	xor	%eax, %eax
	xchg	%eax, 0xb0(%r8)
	iretq
2:	lea	0xb0(%r8), %rdi
	xor	%eax, %eax
	stosl
	iretq

	.section .note.GNU-stack, "", @progbits
