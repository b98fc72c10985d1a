/* SPDX-License-Identifier: GPL-2.0-only */
/* Exceptions, faults during delivery, and memory that is not mapped yet. */
#include "guest.h"

	.macro	TO_USER			/* CPL 3, IOPL 3, going on below */
	movq	$STACK_TOP, 0x12004
	push	$0x3b
	push	$STACK_TOP - 0x1000
	push	$0x3002
	push	$0x33
	push	$1f
	iretq
1:
	.endm

CASE("exc-de", LONG, 0)
	xor	%eax, %eax
	xor	%edx, %edx
	xor	%ecx, %ecx
	FAULT(DE, div %ecx)
	PASS

CASE("exc-bp", LONG, 0)
	FAULT(BP, int3; 1: nop)
	EQQ($1b, FAULT_RIP)
	PASS

CASE("exc-ud", LONG, 0)
	FAULT(UD, 1: ud2)
	EQQ($1b, FAULT_RIP)
	PASS

CASE("exc-gp", LONG, 0)
	mov	$0x8000000000000000, %rax
	FAULT_CODE(GP, 0, mov (%rax), %eax)
	PASS

CASE("exc-gp-selector", LONG, 0)
	mov	$0x1000, %eax
	FAULT_CODE(GP, 0x1000, mov %eax, %ds)
	PASS

CASE("exc-np", LONG, 0)
	andb	$0x7f, 0x1003d		/* the user's data segment */
	mov	$0x38, %eax
	FAULT_CODE(NP, 0x38, mov %eax, %ds)
	PASS

CASE("exc-ss", LONG, 0)
	mov	%rsp, %rsi
	mov	$0x8000000000000000, %rbp
	FAULT_CODE(SS, 0, mov (%rbp), %eax)
	PASS

CASE("exc-pf", LONG, 0)
	mov	$0x100000000, %rbx	/* nothing is mapped above 4G */
	FAULT_CODE(PF, 0, mov (%rbx), %eax)
	EQQ(%rbx, FAULT_CR2)
	FAULT_CODE(PF, 2, mov %eax, (%rbx))
	mov	%rsp, %rbp
	FAULT_CODE(PF, 0x10, call *%rbx)
	mov	%rbp, %rsp
	EQQ(%rbx, FAULT_RIP)
	PASS

CASE("exc-pf-nx-reserved", LONG, 0)
	movb	$0xc3, 0x31000
	mov	$0x8000000000031003, %rax
	mov	%rax, 0x30000
	mov	$0x000f000000031003, %rax
	mov	%rax, 0x30008
	movq	$0x30003, 0x23000
	mov	$0x40000000, %ebx
	mov	(%rbx), %eax
	mov	%rsp, %rbp
	FAULT_CODE(PF, 0x11, call *%rbx)
	mov	%rbp, %rsp
	FAULT_CODE(PF, 9, mov 0x1000(%rbx), %eax)
	PASS

CASE("exc-pf-user", LONG, 0)
	movq	$0x31003, 0x30000	/* the kernel's */
	movq	$0x31005, 0x30008	/* read-only for both */
	movq	$0x30007, 0x23000
	TO_USER
	mov	$0x40000000, %ebx
	FAULT_CODE(PF, 5, mov (%rbx), %eax)
	FAULT_CODE(PF, 7, mov %eax, (%rbx))
	mov	0x1000(%rbx), %eax
	FAULT_CODE(PF, 7, mov %eax, 0x1000(%rbx))
	PASS

CASE("exc-ac", LONG, 0)
	mov	%cr0, %rax
	bts	$18, %rax
	mov	%rax, %cr0
	TO_USER
	pushf
	orl	$0x40000, (%rsp)
	popf
	FAULT_CODE(AC, 0, mov DATA + 1, %eax)
	pushf
	andl	$~0x40000, (%rsp)
	popf
	PASS

/* RF in what is saved of RFLAGS: set by faults, not by traps */
CASE("exc-rf", LONG, 0)
	mov	$0x12345678, %ecx
	FAULT(GP, rdmsr)		/* by whoever runs the guest */
	testl	$(1 << 16), FAULT_FLAGS
	CHECK(jnz)
	FAULT(UD, ud2)
	testl	$(1 << 16), FAULT_FLAGS
	CHECK(jnz)
	mov	%cr4, %rax
	bts	$31, %rax
	FAULT(GP, mov %rax, %cr4)
	testl	$(1 << 16), FAULT_FLAGS
	CHECK(jnz)
	movl	$1f, FAULT_RESUME
	int3
1:	testl	$(1 << 16), FAULT_FLAGS
	CHECK(jz)
	PASS

/* a breakpoint at an instruction with a fault strikes once */
CASE("exc-rf-breakpoint", LONG, 0)
	mov	$1f, %eax
	mov	%rax, %dr0
	mov	$0x402, %eax		/* global, on execution */
	mov	%rax, %dr7
	mov	$0x12345678, %ecx
	movl	$1f, FAULT_RESUME
	movl	$on_breakpoint, HANDLER + 4 * DB
	movl	$on_fault, HANDLER + 4 * GP
	xor	%esi, %esi
	xor	%edi, %edi
1:	rdmsr				/* #DB, #GP, and from there once more: no #DB, #GP */
	EQ($1, %esi)
	EQ($2, %edi)
	PASS

/* Stack here: RIP, CS, RFLAGS, RSP, SS. */
on_breakpoint:
	inc	%esi
	orl	$(1 << 16), 16(%rsp)
	iretq

/* the second time it goes on behind RDMSR */
on_fault:
	inc	%edi
	cmp	$2, %edi
	jne	1f
	addq	$2, (%rsp)
1:	iretq

CASE("exc-db-icebp", LONG, 0)
	FAULT(DB, .byte 0xf1; 1: nop)
	EQQ($1b, FAULT_RIP)
	PASS

CASE("exc-mf", LONG, 0)
	mov	%cr0, %rax
	or	$0x20, %eax
	mov	%rax, %cr0
	fninit
	movw	$0x37b, DATA		/* zero divide unmasked */
	fldcw	DATA
	fld1
	fldz
	fdivrp
	FAULT(MF, fwait)
	fninit
	PASS

CASE("exc-xm", LONG, 0)
	movl	$0x1d80, DATA		/* zero divide unmasked */
	ldmxcsr	DATA
	mov	$1, %eax
	cvtsi2ss %eax, %xmm0
	xorps	%xmm1, %xmm1
	FAULT(XM, divss %xmm1, %xmm0)
	PASS

CASE("exc-of-32", FLAT32, 0)
	mov	$0x7fffffff, %eax
	inc	%eax
	FAULT(OF, into; 1: nop)
	EQL($1b, FAULT_RIP)
	PASS

CASE("exc-br-32", FLAT32, 0)
	movl	$10, DATA
	movl	$20, DATA + 4
	mov	$5, %eax
	FAULT(BR, bound %eax, DATA)
	PASS

CASE("exc-32", FLAT32, 0)
	FAULT(UD, ud2)
	xor	%ecx, %ecx
	FAULT(DE, div %ecx)
	mov	$0x1000, %eax
	FAULT_CODE(GP, 0x1000, mov %eax, %ds)
	PASS

CASE("exc-pf-page32", PAGE32, 0)
	movl	$0, 0x26400		/* 0x40000000 */
	mov	%cr3, %eax
	mov	%eax, %cr3
	FAULT_CODE(PF, 2, movl $0, 0x40000123)
	EQL($0x40000123, FAULT_CR2)
	PASS

CASE("exc-pf-pae", PAE, 0)
	movl	$0, 0x23000
	mov	%cr3, %eax
	mov	%eax, %cr3
	FAULT_CODE(PF, 2, movl $0, 0x40000123)
	EQL($0x40000123, FAULT_CR2)
	PASS

CASE("exc-real", REAL, 0)
	movw	$1f, 0x18		/* #UD's vector */
	movw	$0, 0x1a
	ud2
	FAIL
1:	movw	$2f, 0
	movw	$0, 2
	xor	%cx, %cx
	div	%cx
	FAIL
2:	movw	$3f, 0x84
	movw	$0, 0x86
	int	$0x21
	FAIL
3:	PASS

CASE("exc-double-fault-cr2", LONG, 0)
	/* of a #PF whose frame faults as well CR2 is the frame's, though it is #DF that comes */
	movq	$STACK_TOP - 0x800, 0x12024	/* TSS.IST1 */
	movl	$1f, HANDLER + 4 * DF
	orl	$1, 0x11084			/* IDT[8].IST */
	mov	$0x100001000, %rsp
	mov	$0x180000000, %rbx
	mov	(%rbx), %eax
	FAIL
1:	mov	%cr2, %rax
	mov	$0x100000ff8, %rbx
	EQ(%rbx, %rax)
	PASS

CASE("exc-dr-user", LONG, 0)
	/* debug registers are the kernel's, though MOV DR exits before CPL is looked at (SDM Vol. 3, 26.1.3) */
	mov	$0x1234000, %eax
	mov	%rax, %dr0
	TO_USER
	xor	%eax, %eax
	FAULT_CODE(GP, 0, mov %dr0, %rax)
	FAULT_CODE(GP, 0, mov %dr7, %rax)
	EQ($0, %rax)
	mov	$0x403, %eax
	FAULT_CODE(GP, 0, mov %rax, %dr7)
	FAULT_CODE(GP, 0, mov %rax, %dr1)
	FAULT_CODE(GP, 0, mov %rax, %dr6)
	PASS

CASE("exc-int-n", LONG, 0)
	int	$0x80
	EQL($1, IRQ_COUNT + 4 * 0x80)
	EQL($0x80, LAST_IRQ)
	int	$0x21
	EQL($0x21, LAST_IRQ)
	EQL($2, IRQ_TOTAL)
	PASS

CASE("exc-double-fault", LONG, 0)
	/* a #PF whose gate is not there: #NP, in sum #DF */
	movl	$1f, HANDLER + 4 * DF
	andl	$~0x8000, 0x110e4	/* IDT[14] not present */
	mov	$0x100000000, %rbx
	mov	(%rbx), %eax
	FAIL
1:	PASS

CASE("exc-double-fault-stack", LONG, 0)
	/* #PF with a stack that is not there; #DF has one by IST */
	movq	$STACK_TOP - 0x800, 0x12024	/* TSS.IST1 */
	movl	$1f, HANDLER + 4 * DF
	orl	$1, 0x11084			/* IDT[8].IST */
	mov	$0x100001000, %rsp
	ud2
	FAIL
1:	PASS

	/*
	 * What follows makes the hardware touch memory that the VMM has, but
	 * the hypervisor has not mapped: the exit comes in the middle of the
	 * delivery, and the event may not be lost nor come twice.
	 */
	.macro	COPY_IDT to
	mov	$0x11000, %esi
	mov	$\to, %edi
	mov	$1024, %ecx
	cld
	rep movsl
	movw	$0xfff, DATA + 0x100
	movq	$\to, DATA + 0x102
	lidt	DATA + 0x100
	.endm


CASE("deliver-stack-unmapped", LONG, 0)
	/* the frame goes to a page nobody has touched */
	movl	$1f, HANDLER + 4 * 0x80
	mov	$UNTOUCHED + 0x2000, %rsp
	int	$0x80
	FAIL
1:	EQ($UNTOUCHED + 0x2000 - 40, %rsp)
	EQQ($0x18, 8(%rsp))
	PASS

CASE("deliver-exception-stack-unmapped", LONG, 0)
	mov	$UNTOUCHED + 0x2000, %rsp
	FAULT(UD, 1: ud2)
	EQQ($1b, FAULT_RIP)
	EQ($UNTOUCHED + 0x2000, %rsp)
	PASS

CASE("deliver-pf-stack-unmapped", LONG, 0)
	mov	$UNTOUCHED + 0x2000, %rsp
	mov	$0x100000000, %rbx
	FAULT_CODE(PF, 2, mov %eax, (%rbx))
	EQQ(%rbx, FAULT_CR2)
	PASS

CASE("deliver-idt-dropped", LONG, 0)
	/* the IDT's page is fresh again: zeros, so the #GP is a double fault */
	movl	$1f, HANDLER + 4 * 0x81
	COPY_IDT UNTOUCHED + 0x4000
	/* the host gives the page away and the guest writes it back */
	mov	$UNTOUCHED + 0x4000, %ebx
	mov	$0x1000, %ecx
	HOST(HOST_DONTNEED)
	mov	$0x11810, %esi
	mov	$UNTOUCHED + 0x4810, %edi
	mov	$4, %ecx
	rep movsl
	int	$0x81
	FAIL
1:	PASS

CASE("deliver-nmi-stack-unmapped", LONG, 0)
	mov	$UNTOUCHED + 0x2000, %rsp
	HOST(HOST_NMI)
	nop
	EQL($1, IRQ_COUNT + 8)
	EQ($UNTOUCHED + 0x2000, %rsp)
	/* and it is not blocked for ever */
	HOST(HOST_NMI)
	nop
	EQL($2, IRQ_COUNT + 8)
	PASS

CASE("deliver-irq-stack-unmapped", LONG, 0)
	mov	$UNTOUCHED + 0x2000, %rsp
	sti
	nop
	mov	$0x55, %ebx
	HOST(HOST_INTERRUPT)
	nop
	EQL($1, IRQ_COUNT + 4 * 0x55)
	EQL($1, IRQ_TOTAL)
	PASS

CASE("nmi", LONG, 0)
	cli				/* IF does not matter */
	HOST(HOST_NMI)
	nop
	EQL($1, IRQ_COUNT + 8)
	PASS

CASE("nmi-window", LONG, 0)
	/* a second one waits for the first one's IRET */
	movl	$1f, HANDLER + 8
	HOST(HOST_NMI)
	nop
	EQL($2, DATA)
	PASS
1:	incl	DATA
	cmpl	$1, DATA
	jne	2f
	push	%rax
	HOST(HOST_NMI)
	mov	$1000, %eax
3:	dec	%eax
	jnz	3b
	pop	%rax
	EQL($1, DATA)
2:	iretq

CASE("nmi-pending", LONG, 0)
	/* two more while blocked: one is held, the rest are lost */
	movl	$1f, HANDLER + 8
	HOST(HOST_NMI)
	nop
	nop
	cmpl	$2, DATA
	CHECK(jae)
	cmpl	$3, DATA
	CHECK(jbe)
	PASS
1:	push	%rax
	incl	DATA
	cmpl	$1, DATA
	jne	2f
	HOST(HOST_NMI)
	HOST(HOST_NMI)
	EQL($1, DATA)
2:	pop	%rax
	iretq

CASE("interrupt-window", LONG, 0)
	/* KVM_INTERRUPT while IF is clear: delivered at STI, not before */
	cli
	mov	$0x55, %ebx
	HOST(HOST_INTERRUPT)
	nop
	mov	$1000, %ecx
1:	loop	1b
	EQL($0, IRQ_TOTAL)
	sti
	nop
	EQL($1, IRQ_COUNT + 4 * 0x55)
	PASS

CASE("interrupt-shadow", LONG, 0)
	/*
	 * STI holds interrupts off for one instruction. Without EPT its first
	 * #PF would be an exit, at which bochs 2.7 forgets the interrupt shadow
	 * (on KVM as well): touch it before.
	 */
	mov	IRQ_TOTAL, %esi
	cli
	mov	$0x55, %ebx
	HOST(HOST_INTERRUPT)
	sti
	mov	IRQ_TOTAL, %esi
	nop
	EQ($0, %esi)
	EQL($1, IRQ_TOTAL)
	PASS

CASE("interrupt-shadow-mov-ss", LONG, 0)
	cli
	mov	$0x55, %ebx
	HOST(HOST_INTERRUPT)
	mov	%ss, %ecx
	sti
	mov	%ecx, %ss
	mov	IRQ_TOTAL, %esi
	nop
	EQL($1, IRQ_TOTAL)
	PASS

CASE("touch-untouched", LONG, 0)
	/* fresh memory is zero, keeps what is written, page after page */
	mov	$UNTOUCHED, %edi
	mov	$512, %ecx
1:	EQL($0, (%rdi))
	mov	%edi, 0xff8(%rdi)
	EQL($0, (%rdi))
	EQ(%edi, 0xff8(%rdi))
	add	$0x1000, %edi
	dec	%ecx
	jnz	1b
	PASS

CASE("touch-dontneed", LONG, 0)
	/* after MADV_DONTNEED the guest sees zeros at once */
	movl	$5, UNTOUCHED
	mov	$UNTOUCHED, %ebx
	mov	$0x1000, %ecx
	HOST(HOST_DONTNEED)
	EQL($0, UNTOUCHED)
	movl	$6, UNTOUCHED
	EQL($6, UNTOUCHED)
	HOST(HOST_DONTNEED)
	EQL($0, UNTOUCHED)
	PASS

CASE("execute-untouched", LONG, 0)
	mov	$UNTOUCHED + 0x10000, %edi
	movb	$0xc3, (%rdi)
	call	*%rdi
	mov	%rdi, %rbx
	mov	$0x1000, %ecx
	HOST(HOST_DONTNEED)
	movb	$0xc3, (%rdi)
	call	*%rdi
	PASS

CASE("page-tables-dropped", LONG, 0)
	/* the guest's page tables themselves lie in untouched memory */
	mov	0x20000, %rax
	mov	%rax, UNTOUCHED + 0x20000
	mov	$UNTOUCHED + 0x20000, %eax
	mov	%rax, %cr3
	movl	$1, UNTOUCHED + 0x31000
	movq	$UNTOUCHED + 0x31003, UNTOUCHED + 0x30000
	movq	$UNTOUCHED + 0x30003, 0x23000
	mov	$0x40000000, %ebx
	EQL($1, (%rbx))
	EQL($0, 0xff8(%rbx))
	PASS

	.section .note.GNU-stack, "", @progbits
