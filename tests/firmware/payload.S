/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The "kernel" of the firmware test: what a real boot loader and a real 16-bit
 * setup (Debian's own, from its bzImage) enter at 1 MB in protected mode. It
 * says what it was given, goes on to long mode, starts the other processors
 * through a real-mode trampoline, and falls back to real mode, where the BIOS
 * must still work. It ends by port 0xf4 (isa-debug-exit).
 */
#define COM1	0x3f8
#define LAPIC	0xfee00000
#define TABLES	0x200000	/* PML4, PDPT, four PDs */
#define STACK	0x1ff000
#define TRAMP	0x8000		/* the other processors' code */
#define LOW	0x7000		/* ours, for real mode */

/* boot_params (Documentation/x86/zero-page) */
#define BP_E820_ENTRIES	0x1e8
#define BP_RAMDISK	0x218
#define BP_RAMDISK_SIZE	0x21c
#define BP_CMDLINE	0x228
#define BP_E820		0x2d0

#define CODE32	0x10		/* as the setup leaves them (boot protocol) */
#define DATA	0x18
#define CODE64	0x20
#define CODE16	0x28
#define DATA16	0x30

	.text
	.code32
	.globl	_start
_start:
	cld
	cli
	mov	$STACK, %esp
	mov	%esi, %ebp		/* boot_params */
	lgdt	gdtr
	ljmp	$CODE32, $1f
1:	mov	$DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%eax, %fs
	mov	%eax, %gs
	mov	$in_protected, %esi
	call	puts

	/* what the setup asked the BIOS for */
	mov	$says_e820, %esi
	call	puts
	movzbl	BP_E820_ENTRIES(%ebp), %ecx
	mov	%ecx, %eax
	call	hex
	mov	$says_ram, %esi
	call	puts
	lea	BP_E820(%ebp), %esi
	xor	%eax, %eax
2:	cmpl	$1, 16(%esi)		/* RAM; below 4 GB here */
	jne	3f
	add	8(%esi), %eax
3:	add	$20, %esi
	loop	2b
	call	hex
	mov	$newline, %esi
	call	puts

	/* what the boot loader passed on */
	mov	$says_cmdline, %esi
	call	puts
	mov	BP_CMDLINE(%ebp), %esi
	call	puts
	mov	$newline, %esi
	call	puts
	mov	BP_RAMDISK(%ebp), %esi
	mov	BP_RAMDISK_SIZE(%ebp), %ecx
	jecxz	5f
4:	lodsb
	call	putc
	loop	4b
5:

	/* identity map of 4 GB, 2 MB pages */
	mov	$TABLES, %edi
	xor	%eax, %eax
	mov	$6 * 1024, %ecx
	rep stosl
	movl	$TABLES + 0x1003, TABLES
	mov	$TABLES + 0x2003, %eax
	mov	$TABLES + 0x1000, %edi
	mov	$4, %ecx
6:	mov	%eax, (%edi)
	add	$0x1000, %eax
	add	$8, %edi
	loop	6b
	mov	$0x83, %eax
	mov	$TABLES + 0x2000, %edi
	mov	$2048, %ecx
7:	mov	%eax, (%edi)
	add	$0x200000, %eax
	add	$8, %edi
	loop	7b
	call	to_long
	ljmp	$CODE64, $in_64

/* Paging and long mode on, compatibility mode goes on. */
to_long:
	mov	%cr4, %eax
	or	$0x20, %eax
	mov	%eax, %cr4
	mov	$TABLES, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	ret

hex:	/* EAX */
	push	%ecx
	push	%edx
	mov	%eax, %edx
	mov	$8, %ecx
1:	rol	$4, %edx
	mov	%dl, %al
	and	$15, %al
	cmp	$10, %al
	sbb	$0x69, %al
	das
	call	putc
	loop	1b
	pop	%edx
	pop	%ecx
	ret

puts:	/* ESI */
	lodsb
	test	%al, %al
	jz	1f
	call	putc
	jmp	puts
1:	ret

putc:	/* AL */
	push	%edx
	mov	%al, %ah
	mov	$COM1 + 5, %dx
1:	in	%dx, %al
	test	$0x20, %al
	jz	1b
	mov	$COM1, %dx
	mov	%ah, %al
	out	%al, %dx
	pop	%edx
	ret

	.code64
in_64:
	mov	$STACK, %rsp
	mov	$in_long, %rsi
	call	puts64

	/* the other processors, if the CMOS says so: INIT, then start-up at TRAMP */
	mov	$0x5f, %al
	out	%al, $0x70
	in	$0x71, %al
	test	%al, %al
	jz	3f
	mov	$tramp, %rsi
	mov	$TRAMP, %rdi
	mov	$tramp_end - tramp, %rcx
	rep movsb
	mov	$LAPIC, %rbx
	orl	$0x100, 0xf0(%rbx)	/* software enable */
	movl	$0xc4500, 0x300(%rbx)
	mov	$100000, %ecx
1:	pause
	loop	1b
	movl	$0xc4600 | TRAMP >> 12, 0x300(%rbx)
2:	pause
	cmpl	$2, ap_stage
	jne	2b
	mov	$in_ap64, %rsi
	call	puts64

	/* and all the way back */
3:	mov	$low, %rsi
	mov	$LOW, %rdi
	mov	$low_end - low, %rcx
	rep movsb
	pushq	$CODE32
	pushq	$to_real
	lretq

puts64:	/* RSI */
	lodsb
	test	%al, %al
	jz	2f
	mov	%al, %ah
	mov	$COM1 + 5, %dx
1:	in	%dx, %al
	test	$0x20, %al
	jz	1b
	mov	$COM1, %dx
	mov	%ah, %al
	out	%al, %dx
	jmp	puts64
2:	ret

ap_64:
	incl	ap_stage
3:	cli
	hlt
	jmp	3b

	.code32
to_real:
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	mov	$0xc0000080, %ecx
	rdmsr
	and	$~0x100, %eax
	wrmsr
	xor	%eax, %eax
	mov	%eax, %cr4
	mov	$in_compat, %esi
	call	puts
	lidt	real_idtr
	mov	$DATA16, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %ss
	mov	$DATA, %eax		/* GS keeps 4 GB: big real mode */
	mov	%eax, %gs
	ljmp	$CODE16, $LOW

/* --- runs at LOW --- */
	.code16
#define AT(x) (LOW + (x) - low)
low:
	mov	%cr0, %eax
	and	$~1, %eax
	mov	%eax, %cr0
	ljmp	$0, $AT(1f)
1:	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$LOW, %sp
	sti
	mov	$AT(in_real), %si
	call	bios_puts

	/* 4 GB through GS, whose base and limit are from protected mode */
	mov	$0x100000 + magic - _start, %ebx
	cmpl	$0x6d616769, %gs:(%ebx)
	jne	fail
	incl	%gs:(%ebx)
	cmpl	$0x6d61676a, %gs:(%ebx)
	jne	fail
	mov	$AT(in_big), %si
	call	bios_puts

	/* the BIOS reads its disk: sector 0 still ends in 55 AA */
	mov	$0x0201, %ax
	mov	$1, %cx
	mov	$0x0080, %dx
	mov	$0xa000, %bx
	int	$0x13
	jc	fail
	cmpw	$0xaa55, 0xa1fe
	jne	fail
	mov	$AT(in_int13), %si
	call	bios_puts

	/* HLT ends by the timer, whose handler counts at 0040:006C */
	mov	0x46c, %ebx
	mov	$0xfa, %al
	out	%al, $0x21
2:	hlt
	cmp	0x46c, %ebx
	je	2b
	mov	$AT(in_timer), %si
	call	bios_puts
	mov	$0x10, %dl
	jmp	end
fail:	mov	$AT(in_fail), %si
	call	bios_puts
	mov	$0x11, %dl
	/* the BIOS's serial console holds text back until a tick later */
end:	sti
	mov	0x46c, %ebx
	add	$2, %ebx
4:	hlt
	cmp	0x46c, %ebx
	ja	4b
	mov	%dl, %al
	out	%al, $0xf4

bios_puts:
	lodsb
	test	%al, %al
	jz	1f
	mov	$0x0e, %ah
	mov	$7, %bx
	int	$0x10
	jmp	bios_puts
1:	ret

in_real:	.asciz "firmware test: real mode again, INT 10h prints\r\n"
in_big:		.asciz "firmware test: big real mode reaches beyond 1 MB\r\n"
in_int13:	.asciz "firmware test: INT 13h reads\r\n"
in_timer:	.asciz "firmware test: timer interrupts in real mode\r\n"
in_fail:	.asciz "firmware test: FAILED\r\n"
low_end:

/* --- runs at TRAMP, on the other processors --- */
#define TR(x) ((x) - tramp)
tramp:
	cli
	mov	%cs, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	mov	$0xff0, %sp
	mov	$TR(in_ap16), %si
1:	lodsb
	test	%al, %al
	jz	3f
	mov	%al, %ah
	mov	$COM1 + 5, %dx
2:	in	%dx, %al
	test	$0x20, %al
	jz	2b
	mov	$COM1, %dx
	mov	%ah, %al
	out	%al, %dx
	jmp	1b
3:	lgdtl	TR(ap_gdtr)
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	ljmpl	$CODE32, $ap_32
in_ap16:	.asciz "firmware test: second processor in real mode\r\n"
ap_gdtr:	.word	gdt_end - gdt - 1
		.long	gdt
tramp_end:

	.code32
ap_32:
	mov	$DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$STACK - 0x1000, %esp
	mov	$in_ap32, %esi
	call	puts
	incl	ap_stage
	call	to_long
	ljmp	$CODE64, $ap_64

	.balign	8
gdt:	.quad	0, 0
	.quad	0x00cf9b000000ffff	/* CODE32 */
	.quad	0x00cf93000000ffff	/* DATA */
	.quad	0x00af9b000000ffff	/* CODE64 */
	.quad	0x00009b000000ffff	/* CODE16 */
	.quad	0x000093000000ffff	/* DATA16 */
gdt_end:
gdtr:	.word	gdt_end - gdt - 1
	.long	gdt
real_idtr:
	.word	0x3ff
	.long	0
	.balign	4
ap_stage:	.long	0
magic:		.long	0x6d616769

in_protected:	.asciz "firmware test: protected mode\r\n"
says_e820:	.asciz "firmware test: memory map entries "
says_ram:	.asciz ", bytes of RAM "
says_cmdline:	.asciz "firmware test: command line "
in_long:	.asciz "firmware test: long mode\r\n"
in_ap32:	.asciz "firmware test: second processor in protected mode\r\n"
in_ap64:	.asciz "firmware test: second processor in long mode\r\n"
in_compat:	.asciz "firmware test: protected mode again\r\n"
newline:	.asciz "\r\n"

	.section .note.GNU-stack, "", @progbits
