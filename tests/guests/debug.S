/* SPDX-License-Identifier: GPL-2.0-only */
/* Breakpoints where instructions may be interpreted: in real mode without unrestricted guest, and on devices. */
#include "guest.h"

	.code16
/* #DB: where it was and what DR6 says go to ES:0x100 + BX; breakpoint 0 is off from then on. */
on_debug:
	push	%bp
	mov	%sp, %bp
	push	%eax
	mov	2(%bp), %ax
	mov	%ax, %es:0x100(%bx)
	mov	%db6, %eax
	mov	%ax, %es:0x102(%bx)
	mov	%db7, %eax
	and	$~2, %al
	mov	%eax, %db7
	add	$4, %bx
	pop	%eax
	pop	%bp
	iret

	.macro	MET n, where, hits
	EQW($\where, %es:0x100 + 4 * \n)
	mov	%es:0x102 + 4 * \n, %ax
	and	$0x400f, %ax
	EQ($\hits, %ax)
	.endm

/* #DB clears DR7.GD, that of INT1 too (Vol. 3, 18.2.4): else the handler's own MOV of DR7 is the next. */
CASE("real-int1-guard", REAL, 0)
	movw	$1f, 4
	movw	$0, 6
	mov	$0x2400, %eax
	mov	%eax, %dr7
	.byte	0xf1
2:	FAIL
1:	pop	%ax
	EQ($2b, %ax)
	mov	%dr7, %eax
	EQ($0x400, %eax)
	PASS

CASE("breakpoint-real", REAL, 0)
	movw	$on_debug, 4		/* #DB's vector */
	movw	$0, 6
	mov	$1f, %eax
	mov	%eax, %db0
	mov	$DATA, %eax
	mov	%eax, %db1
	mov	$2f, %eax
	mov	%eax, %db2
	mov	$0xd0042a, %eax		/* G0 and G2: execution; G1: write, 4 bytes */
	mov	%eax, %db7
	mov	$DATA >> 4, %ax
	mov	%ax, %es
	xor	%bx, %bx
	xor	%cx, %cx
	nop
1:	inc	%cx			/* a fault before it */
	EQ($1, %cx)
	EQ($4, %bx)
	mov	%es:2, %al		/* a read is none of them */
	movb	$5, %es:4
	EQ($4, %bx)
	movw	$5, %es:3		/* a trap behind it */
3:	EQ($8, %bx)
	mov	$2, %di
	mov	$4, %cx
	cld
4:	rep stosb			/* a trap behind each of two iterations, and none behind the others */
	EQ($16, %bx)
	EQ($6, %di)
	xor	%eax, %eax
	mov	%eax, %db7
2:	nop
	EQ($16, %bx)
	MET	0, 1b, 1
	MET	1, 3b, 2
	MET	2, 4b, 2
	MET	3, 4b, 2
	PASS

/* The trap behind an instruction that writes to a device has all that is due in DR6. */
CASE("breakpoint-mmio", LONG, 0)
	mov	$MMIO_BASE, %edi
	mov	%rdi, %db3
	mov	$0xd0000480, %eax	/* G3: write, 4 bytes */
	mov	%rax, %db7
	FAULT(DB, movl $5, (%rdi); 1: nop)
	EQQ($1b, FAULT_RIP)
	mov	FAULT_DR6, %eax
	and	$0x400f, %eax
	EQ($8, %eax)
	movl	$-1, FAULT_VEC
	mov	(%rdi), %eax
	movl	$6, 4(%rdi)
	EQL($-1, FAULT_VEC)
	pushf
	orl	$0x100, (%rsp)
	FAULT(DB, popf; movl $7, (%rdi); 2: nop)
	EQQ($2b, FAULT_RIP)
	mov	FAULT_DR6, %eax
	and	$0x400f, %eax
	EQ($0x4008, %eax)
	PASS

/* Each locked read is followed by a write, of what was there if it was not equal. */
CASE("mmio-cmpxchg8b-writes", LONG, 0)
	mov	$MMIO_BASE, %edi
	movl	$1, (%rdi)
	movl	$2, 4(%rdi)
	HOST(HOST_MMIO_LOG)		/* begins anew */
	mov	$7, %eax
	mov	$7, %edx
	mov	$3, %ebx
	mov	$4, %ecx
	lock cmpxchg8b (%rdi)
	CHECK(jnz)
	EQ($1, %eax)
	EQ($2, %edx)
	HOST(HOST_MMIO_LOG)
	EQQ($1, RESULT)
	EQL($1, (%rdi))
	EQL($2, 4(%rdi))
	PASS

/* the Pentium's machine-check registers: there, and empty (SDM Vol. 4, table 2-2) */
CASE("msr-p5-mc", LONG, 0)
	xor	%ecx, %ecx
1:	mov	$-1, %eax
	mov	$-1, %edx
	rdmsr
	EQ($0, %eax)
	EQ($0, %edx)
	inc	%ecx
	cmp	$2, %ecx
	jb	1b
	PASS

/* An event whose frame cannot be pushed is lost to the page fault: it does not come behind it. */
CASE("event-lost-to-fault", LONG, F_IRQCHIP)
	movq	$STACK_TOP - 0x800, 0x12024	/* TSS.IST1 */
	orl	$1, 0x110e4			/* IDT[14].IST */
	movl	$1f, HANDLER + 4 * PF
	mov	$0x100001000, %rsp
	int	$0x80
	FAIL
1:	mov	$STACK_TOP - 0x1000, %esp
	nop
	nop
	EQL($0, IRQ_COUNT + 4 * 0x80)
	movl	$2f, HANDLER + 4 * PF
	mov	$0x100001000, %rsp
	HOST(HOST_NMI)
	nop
	FAIL
2:	mov	$STACK_TOP - 0x1000, %esp
	nop
	nop
	EQL($0, IRQ_COUNT + 4 * NMI)
	PASS

	.section .note.GNU-stack, "", @progbits
