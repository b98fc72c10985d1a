/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bench's guests: 32-bit without paging, then 64-bit. Each tells the host by an OUT to
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

	/* the host has these pages, or has them not */
	ROW ept
	ROW absent
	mov	$0x1000000, %edi
	BEGIN
	mov	%eax, (%edi)
	add	$0x1000, %edi
	END

	/* what is written before BEGIN is in the log that the host then takes */
	ROW relog
	mov	$0x1000000, %edi
1:	mov	%eax, (%edi)
	add	$0x1000, %edi
	dec	%esi
	jnz	1b
	mov	%ebp, %esi
	mov	$0x1000000, %edi
	BEGIN
	mov	%eax, (%edi)
	add	$0x1000, %edi
	END

/*
 * Paging on: 64-bit, the host's tables map 4 GiB to themselves. Rows that want
 * tables of their own have them at SPACE_A and SPACE_B: the first 64 MiB to
 * themselves, but for 64 pages of 4 KiB at WINDOW.
 */
	.code64
	.equ	SPACE_A, 0x100000
	.equ	SPACE_B, 0x110000
	.equ	TABLES, 0x200000	/* of the row that touches many pages */
	.equ	IDT, 0x9000
	.equ	WINDOW, 0x1000000
	.equ	MANY, 0x4000000

	/* RDI: four pages for tables; RDX: first page behind WINDOW */
space:
	push	%rdi
	mov	$4 * 512, %ecx
	xor	%eax, %eax
	rep stosq
	pop	%rdi
	lea	0x1067(%rdi), %rax
	mov	%rax, (%rdi)
	lea	0x2067(%rdi), %rax
	mov	%rax, 0x1000(%rdi)
	mov	$0xe7, %eax
	xor	%ecx, %ecx
1:	mov	%rax, 0x2000(%rdi, %rcx, 8)
	add	$0x200000, %rax
	inc	%ecx
	cmp	$32, %ecx
	jb	1b
	lea	0x3067(%rdi), %rax
	mov	%rax, 0x2000 + (WINDOW >> 21) * 8(%rdi)
	lea	0x67(%rdx), %rax
	xor	%ecx, %ecx
1:	mov	%rax, 0x3000(%rdi, %rcx, 8)
	add	$0x1000, %rax
	inc	%ecx
	cmp	$64, %ecx
	jb	1b
	ret

	.macro	SPACES
	mov	$SPACE_A, %edi
	mov	$0x2000000, %edx
	call	space
	mov	$SPACE_B, %edi
	mov	$0x2040000, %edx
	call	space
	.endm

	/* #PF goes to \handler */
	.macro	CATCH handler
	mov	$\handler, %eax
	mov	%ax, IDT + 14 * 16
	movl	$0x8e00, IDT + 14 * 16 + 4
	shr	$16, %eax
	mov	%ax, IDT + 14 * 16 + 6
	mov	%cs, IDT + 14 * 16 + 2
	movq	$0, IDT + 14 * 16 + 8
	push	$0
	push	$0
	movw	$0xfff, (%rsp)
	movq	$IDT, 2(%rsp)
	lidt	(%rsp)
	add	$16, %rsp
	.endm

	.macro	TO space
	mov	$\space, %eax
	mov	%rax, %cr3
	.endm

	.macro	TOUCH n
	.set	i, 0
	.rept	\n
	incl	WINDOW + i * 4096
	.set	i, i + 1
	.endr
	.endm

	ROW wp
	mov	%cr0, %rax
	BEGIN
	xor	$0x10000, %eax
	mov	%rax, %cr0
	END

	ROW paged_invlpg
	SPACES
	TO	SPACE_A
	TOUCH	8
	BEGIN
	invlpg	WINDOW
	END

	/* Its tables say accessed and dirty: nothing but the shadow has to be made. */
	ROW fill
	SPACES
	mov	$TABLES, %edi
	mov	$WINDOW + 0x67, %eax
	mov	$10240, %ecx
1:	stosl
	movl	$0, (%rdi)
	add	$4, %edi
	add	$4096, %eax
	dec	%ecx
	jnz	1b
	mov	$TABLES + 0x67, %eax
	xor	%ecx, %ecx
1:	mov	%rax, SPACE_A + 0x2000 + (MANY >> 21) * 8(, %rcx, 8)
	add	$4096, %eax
	inc	%ecx
	cmp	$20, %ecx
	jb	1b
	TO	SPACE_A
	mov	$MANY, %edi
	BEGIN
	mov	%eax, (%rdi)
	add	$0x1000, %edi
	END

	ROW fault
	CATCH	skip_fault
	SPACES
	movq	$0, SPACE_A + 0x3000
	TO	SPACE_A
	BEGIN
	mov	WINDOW(,%rbx,), %al	/* 7 bytes */
	END

skip_fault:
	add	$8, %rsp
	addq	$7, (%rsp)
	iretq

	ROW switch
	SPACES
	BEGIN
	TO	SPACE_A
	TOUCH	8
	TO	SPACE_B
	TOUCH	8
	END

	ROW fork
	CATCH	copy_on_write
	SPACES
	TO	SPACE_A
	BEGIN
	/* the child's tables, and both read-only */
	mov	$SPACE_B, %edi
	mov	$0x2000000, %edx
	call	space
	mov	$40, %ecx
2:	mov	SPACE_A + 0x3000 - 8(, %rcx, 8), %rax
	and	$~2, %rax
	mov	%rax, SPACE_A + 0x3000 - 8(, %rcx, 8)
	mov	%rax, SPACE_B + 0x3000 - 8(, %rcx, 8)
	dec	%ecx
	jnz	2b
	TO	SPACE_A
	TO	SPACE_B
	TOUCH	8
	TO	SPACE_A
	TOUCH	8
	/* the child's end */
	mov	$SPACE_B + 0x3000, %edi
	mov	$64, %ecx
	xor	%eax, %eax
	rep stosq
	END

	/* The child gets a copy at 0x2080000 and on, the parent its page back. */
copy_on_write:
	push	%rax
	push	%rcx
	push	%rsi
	push	%rdi
	push	%rdx
	mov	%cr2, %rdx
	shr	$12, %edx
	and	$63, %edx
	mov	%cr3, %rcx
	mov	0x3000(%rcx, %rdx, 8), %rax
	or	$2, %rax
	cmp	$SPACE_B, %ecx
	jne	1f
	mov	%edx, %edi
	shl	$12, %edi
	add	$0x2080000, %edi
	lea	0x67(%rdi), %rax
	mov	%rdx, %rsi
	shl	$12, %rsi
	add	$WINDOW, %rsi
	mov	$512, %ecx
	rep movsq
	mov	$SPACE_B, %ecx
1:	mov	%rax, 0x3000(%rcx, %rdx, 8)
	mov	%cr2, %rax
	invlpg	(%rax)
	pop	%rdx
	pop	%rdi
	pop	%rsi
	pop	%rcx
	pop	%rax
	add	$8, %rsp
	iretq
