/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * entry.S - where vCPUs begin, exceptions, and the accesses that are put to the test.
 *
 * Words at the beginning of struct cpu (guest.h): 0 sp, 1 vec, 2 err, 3 ip,
 * 4 cr2, 5 ax, 6 va, 7 value, 8 stub, 9 user, 10 flags, 11 cs, 12 back.
 */
#include "../paging.h"

	.section .header, "ax"
	.globl	start
start:
#ifdef __x86_64__
	.code64
	mov	%rdi, %rax		/* the vCPU's number */
	inc	%rax
	shl	$18, %rax
	lea	PER_CPU(%rax), %rsp
	call	guest_main
#else
	.code32
	mov	%edi, %eax
	inc	%eax
	shl	$18, %eax
	lea	PER_CPU(%eax), %esp
	push	%edi
	call	guest_main
#endif
1:	hlt
	jmp	1b

	.text
	.balign	16
	.globl	vectors
vectors:
	vec = 0
	.rept	32
	.balign	16
	.if	!(vec == 8 || (vec >= 10 && vec <= 14) || vec == 17 || vec == 21)
	push	$0
	.endif
	push	$vec
	jmp	common
	vec = vec + 1
	.endr
	.globl	vector_int80
	.balign	16
vector_int80:
	push	$0
	push	$0x80
	jmp	common

#ifdef __x86_64__
common:
	mov	%rsp, %rdx
	dec	%rdx
	and	$-PER_CPU_SIZE, %rdx
	mov	%rax, 5*8(%rdx)
	pop	1*8(%rdx)
	pop	2*8(%rdx)
	pop	3*8(%rdx)
	pop	11*8(%rdx)
	mov	%cr2, %rax
	mov	%rax, 4*8(%rdx)
	push	$0x202			/* AC and whatever else the access left */
	popf
	mov	0(%rdx), %rsp
	test	%rsp, %rsp
	jz	lost
	movq	$0, 0(%rdx)
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
lost:	lea	PER_CPU_SIZE(%rdx), %rsp
	mov	%rdx, %rdi
	call	guest_lost

	.globl	probe_asm
probe_asm:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, 0(%rdi)
	mov	6*8(%rdi), %rsi
	mov	7*8(%rdi), %rdx
	mov	8*8(%rdi), %rax
	mov	12*8(%rdi), %rcx
	cmpq	$0, 9*8(%rdi)
	jne	1f
	pushq	10*8(%rdi)
	popf
	jmp	*%rax
1:	pushq	$0x2b			/* SS */
	pushq	$0
	pushq	10*8(%rdi)
	pushq	$0x23			/* CS */
	push	%rax
	iretq
#define VA	(%rsi)
#define VAL	%rdx
#define AX	%rax
#else
common:
	mov	%esp, %edx
	dec	%edx
	and	$-PER_CPU_SIZE, %edx
	mov	%eax, 5*4(%edx)
	pop	1*4(%edx)
	pop	2*4(%edx)
	pop	3*4(%edx)
	pop	11*4(%edx)
	mov	%cr2, %eax
	mov	%eax, 4*4(%edx)
	push	$0x202
	popf
	mov	0(%edx), %esp
	test	%esp, %esp
	jz	lost
	movl	$0, 0(%edx)
	pop	%edi
	pop	%esi
	pop	%ebp
	pop	%ebx
	ret
lost:	lea	PER_CPU_SIZE(%edx), %esp
	push	%edx
	call	guest_lost

	.globl	probe_asm
probe_asm:
	mov	4(%esp), %ecx
	push	%ebx
	push	%ebp
	push	%esi
	push	%edi
	mov	%esp, 0(%ecx)
	mov	6*4(%ecx), %esi
	mov	7*4(%ecx), %edx
	mov	8*4(%ecx), %eax
	cmpl	$0, 9*4(%ecx)
	jne	1f
	push	10*4(%ecx)
	mov	12*4(%ecx), %ecx
	popf
	jmp	*%eax
1:	push	$0x2b
	push	$0
	push	10*4(%ecx)
	push	$0x23
	push	%eax
	mov	12*4(%ecx), %ecx
	iretl
#define VA	(%esi)
#define VAL	%edx
#define AX	%eax
#endif

/* One page, mapped for the supervisor where it is and for the user elsewhere. */
	.section .stubs, "ax"
	.balign	4096
	.globl	stubs, stub_read, stub_write, stub_xchg, stub_exec
stubs:
stub_read:
	mov	VA, AX
	int	$0x80
	.balign	16
stub_write:
	mov	VAL, VA
	int	$0x80
	.balign	16
stub_xchg:
	xchg	VAL, VA
	mov	VAL, AX
	int	$0x80
	.balign	16
stub_exec:
#ifdef __x86_64__
	jmp	*%rsi
#else
	jmp	*%esi
#endif
	.globl	stub_exec_end
stub_exec_end:			/* where the fetched code jumps to, by CX */
	int	$0x80
	.balign	4096
	.section .note.GNU-stack, "", @progbits
