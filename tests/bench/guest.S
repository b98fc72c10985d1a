/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bench's guests: 32-bit, no paging. Each tells the host by an OUT to
 * port 0x1e that its loop begins and by one to 0x1f that it has ended; EBP
 * holds the number of rounds and stays untouched.
 */
	.code32
	.section .header, "a"
	.ascii	"vhbench\0"

	.macro ROW name
	.section .header, "a"
	.long	row_\name
	.section .text
row_\name:
	mov	%ebp, %esi
	.endm

	.macro BEGIN
	out	%al, $0x1e
	.balign	16
1:
	.endm

	.macro END
	dec	%esi
	jnz	1b
	out	%al, $0x1f
	hlt
	.endm

	/* The order is that of the table in bench.c. */
	ROW cpuid
	BEGIN
	xor	%eax, %eax
	cpuid
	END

	ROW vmcall
	BEGIN
	mov	$0x1234, %eax
	vmcall
	END

	ROW rdmsr
	mov	$0x1a0, %ecx
	BEGIN
	rdmsr
	END

	ROW tpr
	xor	%eax, %eax
	BEGIN
	mov	%eax, 0xfee00080
	END

	ROW pic
	BEGIN
	in	$0x21, %al
	END

	ROW cr0
	mov	%cr0, %eax
	BEGIN
	xor	$0x10000, %eax
	mov	%eax, %cr0
	END

	ROW invlpg
	BEGIN
	invlpg	0x2000
	END

	ROW out
	BEGIN
	out	%al, $0x10
	END

	ROW mmio
	BEGIN
	mov	%eax, 0xd0000000
	END

	ROW ept
	mov	$0x1000000, %edi
	BEGIN
	mov	%eax, (%edi)
	add	$0x1000, %edi
	END
