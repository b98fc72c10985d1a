/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System management mode as the guest sees it. SMM's memory differs from the rest at 0x30000 to 0x3ffff, where the
 * host has put the case's handler for each of four processors (HOST_SMM).
 */
#include "guest.h"

#define SEEN	0x780000	/* SMIs, and what handlers tell */
#define GO	0x780010
#define READY	(SEEN + 0x20)
#define APIC	0xfee00000
#define SMI	0x4200		/* ICR: delivery mode */

	.macro	APIC_ON
	mov	$APIC, %r8d
	movl	$0x1ff, 0xf0(%r8)
	movl	$EOI_XAPIC, EOI_MODE
	.endm
	.macro	SMM handler
	mov	$\handler, %ebx
	HOST(HOST_SMM)
	.endm
	/* to the processor itself; taken before the next instruction but one */
	.macro	SMI_SELF
	movl	$0, 0x310(%r8)
	movl	$SMI, 0x300(%r8)
	nop
	.endm
	/* For so many ticks, more than a time slice of the host's and without limit to exits; R10, R11 and RAX are its */
	.macro	NOW
	mov	%rdx, %r11
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	mov	%r11, %rdx
	.endm
	.macro	BEGIN_WAIT ticks=200000000
	NOW
	lea	\ticks(%rax), %r10
	.endm
	.macro	STILL_TIME label
	NOW
	cmp	%r10, %rax
	jb	\label
	.endm
	.macro	WAIT_FOR addr, n
	BEGIN_WAIT
98:	cmpl	\n, \addr
	jae	99f
	pause
	mov	$APIC + 0x20, %eax
	mov	(%rax), %eax
	STILL_TIME 98b
	FAIL
99:
	.endm

CASE("smm-rsm-ud", LONG, 0)
	FAULT(UD, rsm)
	PASS
CASE("smm-rsm-ud-32", FLAT32, 0)
	FAULT(UD, rsm)
	PASS
CASE("smm-rsm-ud-user", LONG, F_IRQCHIP)
	/* behind an SMI it is #UD again */
	APIC_ON
	SMM	count
	SMI_SELF
	EQL($1, SEEN)
	FAULT(UD, rsm)
	PASS

	.code16
count:	mov	$SEEN, %ebx
	lock incl (%ebx)
	/* what it leaves behind is not seen */
	mov	$0x12345678, %eax
	mov	%eax, %ecx
	mov	%eax, %esp
	mov	%eax, %ebp
	mov	%eax, %esi
	rsm

CASE("smm-state", LONG, F_IRQCHIP)
	/* registers, flags and mode are as before */
	APIC_ON
	SMM	count
	mov	$0x1111111111111111, %rbx
	mov	$0x2222222222222222, %rsi
	mov	$0x3333333333333333, %r15
	mov	%rsp, %rdi
	stc
	std
	SMI_SELF
	CHECK(jc)
	pushf
	pop	%rax
	cld
	and	$0x401, %eax
	EQ($0x401, %eax)
	mov	$0x1111111111111111, %rax
	EQ(%rax, %rbx)
	mov	$0x2222222222222222, %rax
	EQ(%rax, %rsi)
	mov	$0x3333333333333333, %rax
	EQ(%rax, %r15)
	EQ(%rsp, %rdi)
	EQL($1, SEEN)
	PASS

	/* to 32 bits, 64 bits with paging, and RSM from there: as firmware does */
	.code16
modes:	mov	$0x10000, %ebx		/* the GDT */
	movw	$0x47, %cs:(modes_gdtr - modes + 0x8000)
	lgdtl	%cs:(modes_gdtr - modes + 0x8000)
	mov	$0x11, %eax
	mov	%eax, %cr0
	ljmpl	$0x08, $(0x38000 + modes_32 - modes)
modes_gdtr:
	.word	0x47
	.long	0x10000
	.code32
modes_32:
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %ss
	incl	SEEN + 4
	mov	$0x620, %eax
	mov	%eax, %cr4
	mov	$0x20000, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	mov	$0x901, %eax
	xor	%edx, %edx
	wrmsr
	mov	$0x80010031, %eax
	mov	%eax, %cr0
	ljmpl	$0x18, $(0x38000 + modes_64 - modes)
	.code64
modes_64:
	mov	$SEEN, %ebx
	incl	(%rbx)
	/* in SMM's memory, and outside */
	incl	0x3a000
	mov	0x3a000, %eax
	mov	%eax, 8(%rbx)
	rsm
	ud2

CASE("smm-modes", LONG, F_IRQCHIP)
	APIC_ON
	SMM	modes
	mov	$50, %esi
1:	SMI_SELF
	dec	%esi
	jnz	1b
	EQL($50, SEEN)
	EQL($50, SEEN + 4)
	EQL($50, SEEN + 8)
	EQL($0, 0x3a000)
	PASS
CASE("smm-modes-32", FLAT32, F_IRQCHIP)
	movl	$0x1ff, APIC + 0xf0
	SMM	modes
	mov	$50, %esi
1:	movl	$0, APIC + 0x310
	movl	$SMI, APIC + 0x300
	nop
	dec	%esi
	jnz	1b
	EQL($50, SEEN)
	EQL($0, 0x3a000)
	PASS

	/* #UD that is no RSM goes by SMM's own IDT */
	.code16
invalid:
	mov	$0x38000 + invalid_idt - invalid, %ebx
	lidtl	(%ebx)
	mov	$STACK_REAL, %sp
	ud2
1:	jmp	1b
invalid_ud:
	mov	$SEEN, %ebx
	incl	(%ebx)
	rsm
	.balign	4
invalid_idt:
	.word	0x3ff
	.long	0x39000

CASE("smm-invalid", LONG, F_IRQCHIP)
	/* the vector is in SMM's memory, which is a copy: 3800:invalid_ud */
	APIC_ON
	movw	$(invalid_ud - invalid), 0x39000 + 6 * 4
	movw	$0x3800, 0x39000 + 6 * 4 + 2
	SMM	invalid
	SMI_SELF
	EQL($1, SEEN)
	PASS

	/* an NMI and an interrupt that come in SMM; and another SMI */
	.code16
latch:	mov	$SEEN, %ebx
	incl	(%ebx)
	cmpl	$1, (%ebx)
	jne	1f
	mov	$APIC, %esi
	movl	$0x4400, 0x300(%esi)
	movl	$0x4060, 0x300(%esi)
	movl	$SMI, 0x300(%esi)
	mov	$100, %ecx
2:	dec	%ecx
	jnz	2b
	mov	$0x28000 + 4 * 2, %esi
	mov	(%esi), %eax
	add	4 * 0x60 - 8(%esi), %eax
	mov	%eax, 4(%ebx)
	mov	(%ebx), %eax
	mov	%eax, 8(%ebx)
1:	rsm

CASE("smm-latched", LONG, F_IRQCHIP)
	APIC_ON
	SMM	latch
	sti
	SMI_SELF
	nop
	cli
	EQL($2, SEEN)		/* the second behind the first */
	EQL($0, SEEN + 4)	/* nothing was delivered in SMM */
	EQL($1, SEEN + 8)
	EQL($1, IRQ_COUNT + 4 * 2)
	EQL($1, IRQ_COUNT + 4 * 0x60)
	PASS

CASE("smm-halt", LONG, F_IRQCHIP)
	/* an SMI, and later the interrupt that is waited for */
	APIC_ON
	SMM	count
	mov	$APIC, %ebx
	mov	$20000, %ecx
	mov	$SMI, %edx
	HOST(HOST_DELAYED_MSI)
	mov	$APIC, %ebx
	mov	$200000, %ecx
	mov	$0x4061, %edx
	HOST(HOST_DELAYED_MSI)
1:	cli
	cmpl	$0, IRQ_COUNT + 4 * 0x61
	jne	2f
	sti
	hlt
	jmp	1b
2:	EQL($1, SEEN)
	EQL($1, IRQ_COUNT + 4 * 0x61)
	PASS

	/*
	 * Each processor's own SMBASE: 0x200 less than the one's before; as they come to this for the first time SMBASE is
	 * 0x30000, and they come one after the other.
	 */
	.code16
moves:	mov	$SEEN, %ebx
	mov	$APIC + 0x20, %esi
	mov	(%esi), %ecx
	shr	$24, %ecx
	mov	%cs, %ax
	cmp	$0x3000, %ax
	jne	2f
	test	%ecx, %ecx
	jz	1f
	shl	$9, %ecx
	mov	$0x30000, %eax
	sub	%ecx, %eax
	mov	$0x3ff00, %esi
	mov	%eax, (%esi)
1:	lock incl (%ebx)
	rsm
2:	/* was it this one's? */
	mov	%cs, %ax
	shl	$5, %ecx
	add	%cx, %ax
	cmp	$0x3000, %ax
	je	1b
	lock incl 4(%ebx)
	rsm

CASE("smm-smp", LONG, F_IRQCHIP | F_VCPUS(4))
	APIC_ON
	SMM	moves
	movl	$ap_halts, PARAM
	movl	$0xc4500, 0x300(%r8)
	movl	$0xc4660, 0x300(%r8)
	WAIT_FOR READY, $3
	/* one after the other, as long as they share SMBASE */
	mov	$1, %edx
1:	mov	%edx, %eax
	shl	$24, %eax
	mov	%eax, 0x310(%r8)
	movl	$SMI, 0x300(%r8)
	WAIT_FOR SEEN, %edx
	inc	%edx
	cmp	$4, %edx
	jne	1b
	/* then all at once, again and again, themselves among them */
	movl	$0, SEEN
	mov	$20, %esi
	xor	%edx, %edx
4:	movl	$0xc4200, 0x300(%r8)
	SMI_SELF
	add	$4, %edx
	WAIT_FOR SEEN, %edx
	dec	%esi
	jnz	4b
	EQL($80, SEEN)
	EQL($0, SEEN + 4)
	PASS

ap_halts:
	mov	$APIC, %r8d
	movl	$0x1ff, 0xf0(%r8)
	lock incl READY
	sti
1:	hlt
	jmp	1b

	/* stays in SMM, and counts, until GO */
	.code16
stays:	mov	$SEEN, %ebx
	mov	$APIC + 0x20, %esi
	lock incl (%ebx)
1:	lock incl 4(%ebx)
	mov	(%esi), %eax		/* it exits by itself: see smp.S */
	cmpl	$0, GO - SEEN(%ebx)
	je	1b
	rsm

CASE("smm-init", LONG, F_IRQCHIP | F_VCPUS(2))
	/* INIT waits for RSM, a SIPI in SMM is lost */
	APIC_ON
	SMM	stays
	movl	$ap_halts, PARAM
	movl	$0xc4500, 0x300(%r8)
	movl	$0xc4660, 0x300(%r8)
	WAIT_FOR READY, $1
	movl	$0xc4200, 0x300(%r8)
	WAIT_FOR SEEN, $1
	movl	$0xc4500, 0x300(%r8)
	movl	$0xc4660, 0x300(%r8)
	mov	SEEN + 4, %edx
	add	$20, %edx
	WAIT_FOR SEEN + 4, %edx		/* it goes on in SMM */
	EQL($1, READY)
	movl	$1, GO
	BEGIN_WAIT 20000000
3:	mov	0x20(%r8), %eax
	STILL_TIME 3b
	EQL($1, READY)			/* it waits for a SIPI */
	movl	$0xc4660, 0x300(%r8)
	WAIT_FOR READY, $2
	/* SMBASE is as it was */
	movl	$0xc4200, 0x300(%r8)
	WAIT_FOR SEEN, $2
	PASS
	.section .note.GNU-stack, "", @progbits
