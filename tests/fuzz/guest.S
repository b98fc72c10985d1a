/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest that runs while ioctls are done to its VM: 32-bit without paging,
 * at 0x1000. It writes to memory at random, to devices that may be ioeventfds,
 * takes interrupts of every source, halts now and then, and leaves often.
 */
	.text
	.code32
start:
	/* PICs at vectors 0x20 and 0x28, nothing masked; the LAPIC enabled */
	mov	$0x11, %al
	out	%al, $0x20
	out	%al, $0xa0
	mov	$0x20, %al
	out	%al, $0x21
	mov	$0x28, %al
	out	%al, $0xa1
	mov	$4, %al
	out	%al, $0x21
	mov	$2, %al
	out	%al, $0xa1
	mov	$1, %al
	out	%al, $0x21
	out	%al, $0xa1
	xor	%eax, %eax
	out	%al, $0x21
	out	%al, $0xa1
	movl	$0x1ff, 0xfee000f0
	rdtsc
	mov	%eax, %ebp
1:	sti
	imul	$1664525, %ebp
	add	$1013904223, %ebp
	mov	%ebp, %edi
	shr	$4, %edi
	and	$0x1ff000, %edi
	lock incl 0x100000(%edi)
	mov	0x80000000(%edi), %eax		/* another memslot, or none */
	mov	%ebp, %edx
	shr	$12, %edx
	and	$7, %edx
	or	$0x2000, %edx
	out	%al, %dx
	in	%dx, %al
	mov	%ebp, %ebx
	shr	$16, %ebx
	and	$0x3c, %ebx
	mov	%eax, 0xd0000000(%ebx)
	xor	%eax, %eax
	cpuid
	mov	$0x4b564d00, %ecx
	mov	$0x1a0, %ecx
	rdmsr
	mov	%cr0, %eax
	mov	%eax, %cr0
	pause
	test	$0x3f0, %ebp
	jnz	1b
	hlt
	jmp	1b

	/* every gate's, exceptions included, whose error codes nobody takes off the stack */
	.globl	handler
	.balign	256
handler:
	push	%eax
	mov	$0x20, %al
	out	%al, $0x20
	out	%al, $0xa0
	movl	$0, 0xfee000b0
	pop	%eax
	iret
	.section .note.GNU-stack, "", @progbits
