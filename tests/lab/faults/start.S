/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The start of every test: the boot sector, the way into 32-bit or 64-bit mode, the way of a second
 * CPU into 64-bit mode, and the entries of the interrupt table.
 */
	.code16
	.section .boot, "ax"
	.globl _start
_start:
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	mov	$0x7c00, %sp
	mov	$0x42, %ah		/* EDD extended read; DL is the drive */
	mov	$packet, %si
	int	$0x13
	jc	1f
	cli
	in	$0x92, %al		/* A20 */
	or	$2, %al
	out	%al, $0x92
	lgdt	gdt_pointer
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	ljmpl	$0x18, $protected
1:	hlt
	jmp	1b

	.balign 4
packet:	.byte	16, 0
	.word	image_sectors, 0, 0x7e0
	.quad	1

	.balign 8
	.globl gdt
gdt:	.quad	0
	.quad	0x00af9b000000ffff	/* 0x08: 64-bit code */
	.quad	0x00cf93000000ffff	/* 0x10: data */
	.quad	0x00cf9b000000ffff	/* 0x18: 32-bit code */
	.quad	0x00008b0000000067	/* 0x20: a TSS, for VMX; base 0 */
	.quad	0
gdt_pointer:
	.word	gdt_pointer - gdt - 1
	.long	gdt, 0

	.code32
protected:
	mov	$0x10, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$bss, %edi
	mov	$bss_end, %ecx
	sub	%edi, %ecx
	xor	%eax, %eax
	cld
	rep stosb
	mov	$stack_top, %esp
#ifdef __x86_64__
	call	make_tables
	mov	$stack_top, %esp
	mov	$main, %ebx
	jmp	long_mode
#else
	call	main
#endif
	.org	510
	.word	0xaa55

	.section .ap, "ax"
	.globl ap_start
ap_start:
#ifdef __x86_64__
	.code16
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	lgdtl	gdt_pointer
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	ljmpl	$0x18, $1f
	.code32
1:	mov	$0x10, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$ap_stack_top, %esp
	mov	$ap_main, %ebx

long_mode:				/* to EBX, by the tables at pml4 */
	mov	%cr4, %eax
	or	$0x620, %eax		/* PAE, OSFXSR, OSXMMEXCPT */
	mov	%eax, %cr4
	mov	$pml4, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx	/* EFER.LME */
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	%cr0, %eax
	or	$0x80000020, %eax	/* PG, NE; WP stays clear */
	and	$~0x60000000, %eax	/* caches on */
	mov	%eax, %cr0
	ljmpl	$0x08, $1f
	.code64
1:	mov	%ebx, %ebx
	xor	%ebp, %ebp
	call	*%rbx
1:	hlt
	jmp	1b

	.code32
make_tables:				/* the first 4 GiB, in pages of 2 MiB, as they are */
	movl	$pdpt + 3, pml4
	xor	%ecx, %ecx
1:	mov	%ecx, %eax
	shl	$12, %eax
	add	$pd + 3, %eax
	mov	%eax, pdpt(, %ecx, 8)
	inc	%ecx
	cmp	$4, %ecx
	jne	1b
	xor	%ecx, %ecx
1:	mov	%ecx, %eax
	shl	$21, %eax
	or	$0x83, %eax
	mov	%eax, pd(, %ecx, 8)
	inc	%ecx
	cmp	$2048, %ecx
	jne	1b
	ret

	.bss
	.balign	4096
	.globl pml4, pdpt, pd
pml4:	.skip	4096
pdpt:	.skip	4096
pd:	.skip	4 * 4096
	.skip	16384
ap_stack_top:
	.text
	.code64
#endif

/* The entries: vector and error code (0 where the CPU gives none), then all registers. */
	.text
	.globl vectors
vectors:
	vector = 0
	.rept	256
	.balign	16
	.if	!(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
	push	$0
	.endif
	push	$vector
	jmp	common
	vector = vector + 1
	.endr

common:
#ifdef __x86_64__
	push	%rax
	push	%rcx
	push	%rdx
	push	%rbx
	push	%rbp
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, %rdi
	mov	%rsp, %rbx
	and	$-16, %rsp
	cld
	call	interrupt
	mov	%rbx, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rbp
	pop	%rbx
	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$16, %rsp
	iretq
#else
	pusha
	cld
	push	%esp
	call	interrupt
	pop	%eax
	popa
	add	$8, %esp
	iret
#endif

	.bss
	.balign	4096
	.skip	16384
	.globl stack_top
stack_top:
