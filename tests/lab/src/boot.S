/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Boot sector of the emulated host: enters an uncompressed Linux without
 * copying it, at its PVH entry point or by the 64-bit boot protocol.
 *
 * Bochs 2.7 backs guest memory with 128 KiB blocks of host memory, taken in the
 * order in which the guest first touches them, and an oversized "optramimage"
 * simply runs on into the blocks not handed out yet. So the image file holds
 * the kernel's blocks one after the other, and touching the guest's blocks in
 * the file's order puts each of them where it belongs. See labkit/image.py,
 * which writes the tables read here.
 *
 * Disk: sector 0 this code, sectors 1-16 the block table, sectors 17-56 five
 * pages of what the kernel is told: the hvm_start_info page, or the zero page,
 * the command line and page tables.
 */
#define TABLE		0x8000		/* where the block table is read to */
#define INFO		0x80000		/* where the pages for the kernel are read to */
#define INFO_SECTORS	40
#define BLOCK		0x20000
#define PAD_MAGIC	0x50564842	/* ends every padding block of the image */

	.code16
	.globl _start
_start:
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$0x7c00, %sp
	mov	%dl, drive
	mov	$table_packet, %si
	call	read
	mov	$info_packet, %si
	call	read
	cli
	in	$0x92, %al		/* A20 */
	or	$2, %al
	out	%al, $0x92
	lgdt	gdt_pointer
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	ljmpl	$0x08, $protected

read:	mov	$0x42, %ah		/* EDD extended read */
	mov	drive, %dl
	int	$0x13
	jc	fail16
	ret
fail16:	mov	$'!', %al
	out	%al, $0xe9
	hlt
	jmp	fail16

	.code32
protected:
	mov	$0x18, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	%ax, %fs
	mov	%ax, %gs
	mov	$0x7000, %esp
	mov	$TABLE, %esi
	lodsl
	mov	%eax, %ebx		/* a region nobody has touched, walked down */
	lodsl
	mov	%eax, %ebp		/* entry point */
	lodsl
	mov	%eax, %edi		/* page tables; 0: enter at PVH */
	/*
	 * The firmware has touched an unknown number of blocks: eat padding
	 * blocks until the last of them has been seen.
	 */
padding:
	mov	BLOCK - 16(%ebx), %eax
	mov	BLOCK - 12(%ebx), %edx
	cmp	$PAD_MAGIC, %eax
	jne	fail
	movl	$0, BLOCK - 16(%ebx)
	movl	$0, BLOCK - 12(%ebx)
	sub	$BLOCK, %ebx
	test	%edx, %edx
	jz	padding
touch:
	lodsl
	test	%eax, %eax
	jz	enter
	mov	(%eax), %edx
	jmp	touch
enter:
	xor	%eax, %eax
	mov	%eax, %cr4
	mov	$INFO, %ebx		/* PVH ABI: EBX = hvm_start_info */
	test	%edi, %edi
	jnz	long_mode
	jmp	*%ebp
long_mode:
	mov	$1 << 5, %al		/* CR4.PAE */
	mov	%eax, %cr4
	mov	%edi, %cr3
	mov	$0xc0000080, %ecx	/* EFER.LME */
	rdmsr
	or	$1 << 8, %eax
	wrmsr
	mov	%cr0, %eax
	or	$1 << 31, %eax
	mov	%eax, %cr0
	ljmpl	$0x10, $enter_64
	.code64
enter_64:
	mov	$INFO, %esi		/* 64-bit protocol: RSI = zero page */
	mov	%ebp, %ebp		/* the upper half is undefined so far */
	jmp	*%rbp
	.code32
	/* After a reset memory is as it was, and no block can be put anywhere. */
fail:	mov	$message, %esi
say:	mov	$0x3fd, %dx
	in	%dx, %al
	test	$0x20, %al		/* transmitter empty */
	jz	say
	lodsb
	mov	$0x3f8, %dx
	out	%al, %dx
	cmp	$'\n', %al
	jne	say
	mov	$0x8900, %dx		/* bochs ends when it reads this word here */
end:	lodsb
	out	%al, %dx
	test	%al, %al
	jnz	end
	hlt
message:
	.ascii	"boot: this machine was reset\r\n"
	.asciz	"Shutdown"

	.align 4
drive:	.byte 0
	.align 4
table_packet:
	.byte 16, 0
	.word 16, TABLE, 0
	.quad 1
info_packet:
	.byte 16, 0
	.word INFO_SECTORS, 0, INFO >> 4
	.quad 17
	.align 8
gdt:	.quad 0
	.quad 0x00cf9a000000ffff	/* 0x08: 32-bit code */
	.quad 0x00af9a000000ffff	/* 0x10: 64-bit code, Linux' __BOOT_CS */
	.quad 0x00cf92000000ffff	/* 0x18: data, __BOOT_DS */
gdt_pointer:
	.word . - gdt - 1
	.long gdt
