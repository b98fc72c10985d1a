/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * payload.S - what the lab's host starts in place of a kdump kernel: a witness.
 *
 * It comes to life in 64-bit mode as a crash kernel does, and finds out what
 * VMX was left in: whether this CPU can enter VMX operation, and whether the
 * other one obeys INIT and SIPI. What it finds goes to the lab by frames on
 * port 0xe9 (tests/lab/src/agent.c), which also end the run.
 *
 * Beside the code crash.c has put page tables, which map 4 GiB to themselves.
 */
#define TABLES	0x4000
#define VMXON	0xa000
#define STACK	0x10000
#define AP	0x8000		/* where the other CPU starts, in real mode */
#define AP_FLAG	0x8ff0
#define APIC	0xfee00000

	.section .rodata
	.globl payload, payload_end
	.balign 4096
payload:
	.code64
	lea	payload(%rip), %rbx
	lea	STACK(%rbx), %rsp
	lea	TABLES(%rbx), %rax
	mov	%rax, %cr3
	lea	arrived(%rip), %rsi
	call	say

	/* VMXON; in VMX operation it fails (and clearing CR4.VMXE had killed this CPU before) */
	mov	%cr0, %rax
	or	$0x20, %eax
	mov	%rax, %cr0
	mov	%cr4, %rax
	or	$0x2000, %eax
	mov	%rax, %cr4
	mov	$0x480, %ecx
	rdmsr
	and	$0x7fffffff, %eax
	lea	VMXON(%rbx), %rdi
	mov	%eax, (%rdi)
	push	%rdi
	vmxon	(%rsp)
	jbe	1f
	vmxoff
	lea	vmxon_ok(%rip), %rsi
	call	say
	jmp	2f
1:	lea	vmxon_bad(%rip), %rsi
	call	say
	incl	failed(%rip)
2:
	/* INIT, SIPI to the other CPU, APIC id 1 */
	lea	ap_start(%rip), %rsi
	mov	$AP, %edi
	mov	$(ap_end - ap_start), %ecx
	rep movsb
	movb	$0, AP_FLAG
	mov	$0x1b, %ecx
	rdmsr
	or	$0x800, %eax
	wrmsr
	mov	$APIC, %r8d
	movl	$0x1ff, 0xf0(%r8)
	mov	$0x4500, %edi
	call	ipi
	mov	$(0x4600 | AP >> 12), %edi
	call	ipi
	mov	$(0x4600 | AP >> 12), %edi
	call	ipi
	cmpb	$1, AP_FLAG
	jne	3f
	lea	init_ok(%rip), %rsi
	call	say
	jmp	4f
3:	lea	init_bad(%rip), %rsi
	call	say
	incl	failed(%rip)
4:
	lea	bye(%rip), %rsi
	cmpl	$0, failed(%rip)
	je	5f
	lea	bye_bad(%rip), %rsi
5:	call	say
	lea	word(%rip), %rsi
	mov	$8, %ecx
	mov	$0x8900, %edx
	rep outsb
6:	cli
	hlt
	jmp	6b

ipi:	movl	$(1 << 24), 0x310(%r8)
	mov	%edi, 0x300(%r8)
	mov	$1000000, %ecx		/* 10 ms of the lab's time */
7:	dec	%ecx
	jnz	7b
	ret

/* the bytes at %rsi, up to a zero */
say:	mov	$0xe9, %edx
8:	lodsb
	test	%al, %al
	jz	9f
	out	%al, %dx
	jmp	8b
9:	ret

failed:		.long 0
arrived:	.asciz "\001ook - a crash kernel starts\n\002"
vmxon_ok:	.asciz "\001ook - it can turn VMX on\n\002"
vmxon_bad:	.asciz "\001onot ok - VMXON fails: VMX is on\n\002"
init_ok:	.asciz "\001ook - the other CPU obeys INIT\n\002"
init_bad:	.asciz "\001onot ok - the other CPU does not obey INIT: it is in VMX operation\n\002"
bye:		.asciz "\001x0 0\002\001e\002"
bye_bad:	.asciz "\001x0 1\002\001e\002"
word:		.ascii "Shutdown"

	.code16
ap_start:
	movb	$1, %cs:(AP_FLAG - AP)
	cli
0:	hlt
	jmp	0b
ap_end:
payload_end:
	.section .note.GNU-stack, "", @progbits
