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
