/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The image's header and the ends of its table of cases, and the exception and interrupt stubs that every case
 * uses: 256 of 16 bytes for 64-bit mode and as many for 32-bit mode, which
 * the host points the IDT at.
 */
#include "guest.h"

	.section .header, "a"
	.ascii	"vhguest\0"
	.long	stubs64, stubs32, ap_trampoline, ap_trampoline_end
	.long	cases, cases_end, high_load, high, high_end

	.section .cases_start, "a"
cases:
	.section .cases_end, "a"
cases_end:

	.text
	.macro	STUBS push, common
	vec = 0
	.rept	256
	.balign	16
	.if	!(vec == 8 || (vec >= 10 && vec <= 14) || vec == 17 || vec == 21)
	\push	$0
	.endif
	\push	$vec
	jmp	\common
	vec = vec + 1
	.endr
	.endm

	.code64
	.balign	16
stubs64:
	STUBS	pushq, common64

/* Stack here: vector, error code, RIP, CS, RFLAGS, RSP, SS. */
common64:
	push	%rax
	push	%rcx
	push	%rdx
	mov	24(%rsp), %rax
	mov	HANDLER(, %rax, 4), %ecx
	test	%ecx, %ecx
	jz	1f
	mov	%rcx, 24(%rsp)		/* a handler of the case's own */
	pop	%rdx
	pop	%rcx
	pop	%rax
	ret	$8
1:	cmp	$2, %eax
	je	5f
	cmp	$32, %eax
	jae	5f
	mov	%eax, FAULT_VEC
	mov	32(%rsp), %rcx
	mov	%rcx, FAULT_ERR
	mov	40(%rsp), %rcx
	mov	%rcx, FAULT_RIP
	mov	56(%rsp), %rcx
	mov	%rcx, FAULT_FLAGS
	mov	%cr2, %rcx
	mov	%rcx, FAULT_CR2
	mov	%dr6, %rcx
	mov	%rcx, FAULT_DR6
	mov	FAULT_RESUME, %ecx
	test	%ecx, %ecx
	jnz	2f
	movl	$0, FAIL_LINE
	out	%al, $0xf5		/* nobody expected it */
2:	mov	%rcx, 40(%rsp)
	andl	$~0x100, 56(%rsp)	/* no more single steps */
	movl	$0, FAULT_RESUME
	jmp	9f
5:	mov	IRQ_TOTAL, %ecx
	mov	%al, ORDER(%rcx)
	incl	IRQ_TOTAL
	incl	IRQ_COUNT(, %rax, 4)
	mov	%eax, LAST_IRQ
	cmp	$2, %eax
	je	9f
	mov	EOI_MODE, %ecx
	cmp	$EOI_XAPIC, %ecx
	jne	6f
	mov	$0xfee000b0, %eax
	movl	$0, (%rax)
	jmp	9f
6:	cmp	$EOI_X2APIC, %ecx
	jne	7f
	mov	$0x80b, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	jmp	9f
7:	cmp	$EOI_PIC, %ecx
	jb	9f
	mov	$0x20, %al
	je	8f
	out	%al, $0xa0
8:	out	%al, $0x20
9:	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$16, %rsp
	iretq

	.code32
	.balign	16
stubs32:
	STUBS	pushl, common32

/* Stack here: vector, error code, EIP, CS, EFLAGS. */
common32:
	push	%eax
	push	%ecx
	push	%edx
	mov	12(%esp), %eax
	mov	HANDLER(, %eax, 4), %ecx
	test	%ecx, %ecx
	jz	1f
	mov	%ecx, 12(%esp)
	pop	%edx
	pop	%ecx
	pop	%eax
	ret	$4
1:	cmp	$2, %eax
	je	5f
	cmp	$32, %eax
	jae	5f
	mov	%eax, FAULT_VEC
	mov	16(%esp), %ecx
	mov	%ecx, FAULT_ERR
	mov	20(%esp), %ecx
	mov	%ecx, FAULT_RIP
	mov	28(%esp), %ecx
	mov	%ecx, FAULT_FLAGS
	mov	%cr2, %ecx
	mov	%ecx, FAULT_CR2
	mov	%dr6, %ecx
	mov	%ecx, FAULT_DR6
	mov	FAULT_RESUME, %ecx
	test	%ecx, %ecx
	jnz	2f
	movl	$0, FAIL_LINE
	out	%al, $0xf5
2:	mov	%ecx, 20(%esp)
	andl	$~0x100, 28(%esp)
	movl	$0, FAULT_RESUME
	jmp	9f
5:	mov	IRQ_TOTAL, %ecx
	mov	%al, ORDER(%ecx)
	incl	IRQ_TOTAL
	incl	IRQ_COUNT(, %eax, 4)
	mov	%eax, LAST_IRQ
	cmp	$2, %eax
	je	9f
	mov	EOI_MODE, %ecx
	cmp	$EOI_XAPIC, %ecx
	jne	7f
	movl	$0, 0xfee000b0
	jmp	9f
7:	cmp	$EOI_PIC, %ecx
	jb	9f
	mov	$0x20, %al
	je	8f
	out	%al, $0xa0
8:	out	%al, $0x20
9:	pop	%edx
	pop	%ecx
	pop	%eax
	add	$8, %esp
	iret

/*
 * Where a SIPI sends a vCPU: the host copies this to 0x60000 (vector 0x60). It
 * goes to 64-bit mode with the boot vCPU's tables, takes a stack by its APIC
 * id, and calls what the case left in PARAM.
 */
	.code16
	.balign	16
ap_trampoline:
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	lgdtl	%cs:(ap_gdtr - ap_trampoline)
	lidtl	%cs:(ap_idtr - ap_trampoline)
	mov	$0x620, %eax		/* PAE, OSFXSR, OSXMMEXCPT */
	mov	%eax, %cr4
	mov	$0x20000, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	mov	$0x901, %eax
	xor	%edx, %edx
	wrmsr
	mov	$0x80010031, %eax
	mov	%eax, %cr0
	ljmpl	$0x18, $ap_long
ap_gdtr:
	.word	0x47
	.long	0x10000
ap_idtr:
	.word	0xfff
	.long	0x11000
ap_trampoline_end:

	.code64
ap_long:
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$1, %eax
	cpuid
	shr	$24, %ebx
	mov	%ebx, %edi		/* APIC id: the case's argument */
	mov	%ebx, %esp
	shl	$12, %esp
	add	$AP_STACKS, %esp
	mov	PARAM, %eax
	call	*%rax
1:	cli
	hlt
	jmp	1b
	.section .note.GNU-stack, "", @progbits
