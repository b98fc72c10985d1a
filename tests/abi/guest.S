/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests for the memory tests, 32-bit without paging. Each round ends by an
 * OUT to port 0x10.
 */
	.section .header, "a"
	.ascii	"vhabi\0\0\0"

	.macro	ENTRY name
	.section .header, "a"
98:	.ascii	"\name"
	.org	98b + 12
	.long	entry_\name
	.section .text
	.code32
entry_\name:
	.endm

	/* increments the first word of ECX pages from ESI */
	ENTRY	touch
1:	mov	%esi, %edi
	mov	%ecx, %edx
2:	incl	(%edi)
	add	$0x1000, %edi
	dec	%edx
	jnz	2b
	out	%al, $0x10
	jmp	1b

	/* the same without ever leaving: the host watches the memory */
	ENTRY	spin
	sti
1:	mov	%esi, %edi
	mov	%ecx, %edx
2:	incl	(%edi)
	add	$0x1000, %edi
	dec	%edx
	jnz	2b
	jmp	1b

	/* as spin, but to pages in no order; ECX is a power of 2 */
	ENTRY	scatter
	sti
	rdtsc
	mov	%eax, %ebx
	dec	%ecx
1:	imul	$1664525, %ebx
	add	$1013904223, %ebx
	mov	%ebx, %edi
	shr	$8, %edi
	and	%ecx, %edi
	shl	$12, %edi
	incl	(%esi,%edi)
	jmp	1b

	/*
	 * Each page but the first in turn is where the stack of an INT 0x20 or
	 * a #UD begins; EAX: how many arrived. What comes first goes to the
	 * start of a page: bochs 2.7 logs the offset as well, and KVM warns of it.
	 */
	ENTRY	stacks
1:	mov	%esi, %edi
	mov	%ecx, %edx
	xor	%eax, %eax
	incl	(%edi)
	dec	%edx
2:	add	$0x1000, %edi
	lea	4(%edi), %esp
	int	$0x20
	dec	%edx
	jz	3f
	add	$0x1000, %edi
	lea	4(%edi), %esp
	ud2
	dec	%edx
	jnz	2b
3:	out	%eax, $0x10
	jmp	1b

	/* where its gates go: INT 0x20, #UD */
	ENTRY	on_int
	inc	%eax
	iret

	ENTRY	on_ud
	inc	%eax
	addl	$2, (%esp)
	iret

	/* a word from a device to memory by one instruction, which is emulated */
	ENTRY	device
1:	mov	%esi, %edi
	push	%esi
	mov	$0xd0000000, %esi
	cld
	movsl
	pop	%esi
	out	%al, $0x10
	jmp	1b

	/* EAX: sum of the first words */
	ENTRY	sum
1:	mov	%esi, %edi
	mov	%ecx, %edx
	xor	%eax, %eax
2:	add	(%edi), %eax
	add	$0x1000, %edi
	dec	%edx
	jnz	2b
	out	%eax, $0x10
	jmp	1b

	/* an exit of every second kind, for ever */
	ENTRY	mixed
1:	incl	(%esi)
	xor	%eax, %eax
	cpuid
	out	%al, $0x10
	mov	%eax, 0xd0000000
	mov	$0x1a0, %ecx
	rdmsr
	pause
	mov	%cr0, %eax
	mov	%eax, %cr0
	add	$0x1000, %esi
	and	$0xfffff, %esi
	or	$0x80000, %esi
	jmp	1b

	ENTRY	halt
	hlt
	jmp	entry_halt

	.section .note.GNU-stack, "", @progbits
