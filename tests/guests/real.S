/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Real mode for long: a segment full of blocks of instructions of all kinds, joined by near jumps to and fro over
 * its pages, with a timer's interrupts in between. Without unrestricted guest all of it is interpreted.
 */
#include "guest.h"

#define BLOCKS		2048		/* of 32 bytes, from 0x40000 on */
#define STEP		1229		/* from block to block: the order is all of them */
#define PASSES		2
#define GO_ON		0x600		/* where the last block goes, by a far jump */
#define TICKS		0x608
#define SAVED_SP	0x610
#define SAVED_BP	0x612

	/* Else INT 0x61. */
	.macro	SAME a, b
	cmp	\a, \b
	je	97f
	int	$0x61
97:
	.endm
	/* A block counts in BX, and leaves BP, SP, DS and ES as they are. What it did not expect is INT 0x61. */
	.macro	BLOCK
98:
	.endm
	.macro	END_BLOCK
	.org	98b + 28, 0x90
	.endm

	.code16
blocks:
	BLOCK
	push	%eax
	rol	$7, %eax
	neg	%eax
	not	%eax
	dec	%eax
	inc	%eax
	pop	%eax
	inc	%bx
	END_BLOCK
	BLOCK
	push	%ax
	mov	$0xfff8, %ax
	add	$8, %ax
	jc	1f
	int	$0x61
1:	adc	$0, %ax
	dec	%ax
	jz	2f
	int	$0x61
2:	pop	%ax
	inc	%bx
	END_BLOCK
	BLOCK
	call	1f
	jmp	2f
1:	inc	%bx
	ret
2:	nop
	END_BLOCK
	BLOCK
	pusha
	mov	$3, %cx
1:	nop
	loop	1b
	jcxz	2f
	int	$0x61
2:	popa
	inc	%bx
	END_BLOCK
	BLOCK
	int	$0x60
	END_BLOCK
	BLOCK
	pushf
	std
	stc
	pushf
	pop	%dx
	popf
	and	$0x401, %dx
	SAME	$0x401, %dx
	inc	%bx
	END_BLOCK
	BLOCK
	push	%ax
	mov	$0x1234, %ax
	mul	%ax
	mov	$0x1234, %si
	div	%si
	SAME	%si, %ax
	pop	%ax
	inc	%bx
	END_BLOCK
	BLOCK
	enter	$8, $0
	mov	%bx, -2(%bp)
	incw	-2(%bp)
	mov	-2(%bp), %bx
	leave
	END_BLOCK
	BLOCK
	mov	$0x640, %di
	mov	%di, %si
	cld
	push	%ax
	mov	$0x55aa, %ax
	stosw
	lodsw
	SAME	$0x55aa, %ax
	pop	%ax
	inc	%bx
	END_BLOCK
	BLOCK
	push	%es
	push	$0x4321
	pop	%es
	mov	%es, %dx
	pop	%es
	SAME	$0x4321, %dx
	inc	%bx
	END_BLOCK
	BLOCK
	lea	1(%bx), %dx
	xchg	%bx, %dx
	bts	$15, %dx
	setc	%dl
	bswap	%esi
	bswap	%esi
	movzbl	%dl, %edx
	END_BLOCK
	BLOCK
	cli
	sti
	push	%ss
	pop	%ss
	inc	%bx
	cmp	%bx, %bx
	jne	1f
	jmp	2f
1:	int	$0x61
2:	nop
	END_BLOCK
	BLOCK
	push	%ax
	xor	%ax, %ax
	in	$0x21, %al
	SAME	$0xfe, %al
	pop	%ax
	inc	%bx
	END_BLOCK
	BLOCK
	mov	$2, %ah
	sahf
	lahf
	shl	$4, %ax
	cwd
	mov	$7, %dx
	imul	$3, %dx, %dx
	SAME	$21, %dx
	inc	%bx
	END_BLOCK
	BLOCK
	push	%cs
	push	%cs
	pop	%dx
	pop	%ds
	cmpb	$0x8c, %cs:0
	push	$0
	pop	%ds
	inc	%bx
	END_BLOCK
	BLOCK
	rdtsc
	push	%dx
	pop	%si
	cmpxchg	%bx, %bx
	xadd	%ax, %dx
	inc	%bx
	END_BLOCK

	.org	blocks + 16 * 28	/* so many there are */

	.macro	OUT8 port, val
	mov	$\val, %al
	out	%al, $\port
	.endm

CASE("real-soak", REAL, F_IRQCHIP | F_PIT)
	/* IRQ 0 at vector 8 */
	movl	$soak_tick, 4 * 8
	movl	$soak_int, 4 * 0x60
	movl	$soak_fail, 4 * 0x61
	OUT8	0x20, 0x11
	OUT8	0x21, 0x08
	OUT8	0x21, 0x04
	OUT8	0x21, 0x01
	OUT8	0x21, 0xfe
	OUT8	0x43, 0x34
	OUT8	0x40, 0x52		/* about 1 ms */
	OUT8	0x40, 0x04
	movl	$soak_pass_done, GO_ON
	movl	$0, TICKS
	mov	$PASSES, %bp
	cld
	sti
soak_pass:
	mov	$0x4000, %ax
	mov	%ax, %es
	xor	%dx, %dx		/* the block's number */
	mov	%bp, %bx		/* what it does is by chance, other in each pass */
1:	imul	$25173, %bx, %bx
	add	$13849, %bx
	mov	%bx, %si
	shr	$12, %si
	imul	$28, %si, %si
	add	$blocks, %si
	mov	%dx, %di
	shl	$5, %di
	mov	$7, %cx
	rep movsl
	mov	%dx, %ax
	add	$STEP, %ax
	and	$BLOCKS - 1, %ax
	jz	2f
	/* E9 and how far it is from behind the jump */
	shl	$5, %ax
	sub	%di, %ax
	sub	$3, %ax
	movb	$0xe9, %es:(%di)
	mov	%ax, %es:1(%di)
	jmp	3f
2:	movl	$GO_ON << 16 | 0x2eff, %es:(%di)	/* JMP FAR */
3:	inc	%dx
	cmp	$BLOCKS, %dx
	jne	1b
	xor	%ax, %ax
	mov	%ax, %es
	xor	%bx, %bx
	mov	%sp, SAVED_SP
	mov	%bp, SAVED_BP
	ljmp	$0x4000, $0
soak_pass_done:
	EQW(%sp, SAVED_SP)
	EQW(%bp, SAVED_BP)
	EQW($BLOCKS, %bx)
	dec	%bp
	jnz	soak_pass
	mov	$ROUNDS, %ecx
1:	cmpl	$0, TICKS
	jne	2f
	dec	%ecx
	jnz	1b
	FAIL
2:	PASS
soak_tick:
	push	%ax
	incl	%cs:TICKS
	OUT8	0x20, 0x20
	pop	%ax
	iret
soak_int:
	inc	%bx
	iret
soak_fail:
	mov	%sp, %bp
	movzwl	(%bp), %esi		/* where */
	FAIL

	.section .note.GNU-stack, "", @progbits
