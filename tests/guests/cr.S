/* SPDX-License-Identifier: GPL-2.0-only */
/* Control and debug registers, XSETBV. */
#include "guest.h"

CASE("cr0", LONG, 0)
	mov	%cr0, %rax
	mov	%rax, %rsi
	btc	$16, %rax		/* WP */
	mov	%rax, %cr0
	mov	%cr0, %rdx
	EQ(%rax, %rdx)
	btc	$3, %rax		/* TS */
	mov	%rax, %cr0
	mov	%cr0, %rdx
	EQ(%rax, %rdx)
	btc	$18, %rax		/* AM */
	mov	%rax, %cr0
	mov	%cr0, %rdx
	EQ(%rax, %rdx)
	mov	%rsi, %cr0
	mov	%cr0, %rdx
	EQ(%rsi, %rdx)
	PASS

CASE("cr0-cache", LONG, 0)
	mov	%cr0, %rax
	bts	$30, %rax		/* CD */
	mov	%rax, %cr0
	mov	%cr0, %rdx
	EQ(%rax, %rdx)
	movl	$7, DATA
	wbinvd
	btr	$30, %rax
	mov	%rax, %cr0
	EQL($7, DATA)
	PASS

CASE("cr0-wp", LONG, 0)
	/* CR0.WP decides whether CPL 0 may write a read-only page. */
	movq	$0x31001, 0x30000
	movq	$0x30003, 0x23000
	mov	$0x40000000, %ebx
	FAULT_CODE(PF, 3, movl $1, (%rbx))
	EQQ(%rbx, FAULT_CR2)
	mov	%cr0, %rax
	btr	$16, %rax
	mov	%rax, %cr0
	movl	$1, (%rbx)
	EQL($1, 0x31000)
	bts	$16, %rax
	mov	%rax, %cr0
	FAULT_CODE(PF, 3, movl $1, (%rbx))
	PASS

CASE("cr0-wp0-smap", LONG, 0)
	/* What CR0.WP=0 lets CPL 0 write is still a user page when SMAP comes. */
	mov	$7, %eax
	xor	%ecx, %ecx
	cpuid
	test	$(1 << 20), %ebx
	jnz	1f
	SKIP
1:	movq	$0x31005, 0x30000
	movq	$0x30007, 0x23000
	andq	$~4, 0x22000
	mov	%cr3, %rax
	mov	%rax, %cr3
	mov	%cr0, %rax
	btr	$16, %rax
	mov	%rax, %cr0
	mov	$0x40000000, %ebx
	movl	$1, (%rbx)
	mov	%cr4, %rax
	bts	$21, %rax
	mov	%rax, %cr4
	FAULT_CODE(PF, 3, movl $2, (%rbx))
	EQL($1, 0x31000)
	stac
	movl	$3, (%rbx)
	clac
	EQL($3, 0x31000)
	FAULT_CODE(PF, 3, movl $4, (%rbx))
	PASS

CASE("cr4-pge-off", LONG, 0)
	/* What was global is so no longer with CR4.PGE clear: MOV CR3 flushes it. */
	movq	$0x31163, 0x30000
	movq	$0x30003, 0x23000
	movl	$1, 0x31000
	movl	$2, 0x32000
	mov	%cr4, %rax
	bts	$7, %rax
	mov	%rax, %cr4
	mov	$0x40000000, %ebx
	EQL($1, (%rbx))
	btr	$7, %rax
	mov	%rax, %cr4
	movq	$0x32163, 0x30000
	mov	%cr3, %rax
	mov	%rax, %cr3
	EQL($2, (%rbx))
	PASS

CASE("cr3-same-pdptes", PAE, 0)
	/* MOV to CR3 loads the PDPTEs, whether its value is new or not. */
	movl	$0x31001, 0x27008	/* entry 1: PD at 0x31000, then 0x32000 */
	movl	$0x600083, 0x31000
	movl	$0x800083, 0x32000
	movl	$1, 0x600000
	movl	$2, 0x800000
	mov	%cr3, %eax
	mov	%eax, %cr3
	EQL($1, 0x40000000)
	movl	$0x32001, 0x27008
	mov	%eax, %cr3
	EQL($2, 0x40000000)
	PASS

CASE("cr0-illegal", LONG, 0)
	mov	%cr0, %rsi
	mov	%rsi, %rax
	btr	$0, %rax		/* PG without PE */
	FAULT_CODE(GP, 0, mov %rax, %cr0)
	mov	%rsi, %rax
	bts	$29, %rax		/* NW without CD */
	FAULT_CODE(GP, 0, mov %rax, %cr0)
	mov	%rsi, %rax
	bts	$32, %rax
	FAULT_CODE(GP, 0, mov %rax, %cr0)
	mov	%cr0, %rax
	EQ(%rsi, %rax)
	PASS

CASE("cr0-enter-paging", FLAT32, 0)
	/* what a boot loader does: 32-bit paging, then off, then PAE, long */
	mov	%cr4, %eax
	or	$0x10, %eax
	mov	%eax, %cr4
	mov	$0x26000, %eax
	mov	%eax, %cr3
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	jmp	1f
1:	movl	$0x1234, DATA
	EQL($0x1234, DATA)
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	mov	%cr4, %eax
	or	$0x20, %eax
	mov	%eax, %cr4
	mov	$0x27000, %eax
	mov	%eax, %cr3
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	jmp	1f
1:	EQL($0x1234, DATA)
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	$0x20000, %eax
	mov	%eax, %cr3
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	ljmp	$0x18, $1f
	.code64
1:	mov	$0xc0000080, %ecx
	rdmsr
	test	$0x400, %eax		/* LMA */
	CHECK(jnz)
	EQL($0x1234, DATA)
	mov	$0x1122334455667788, %rax
	mov	%rax, DATA
	EQQ(%rax, DATA)
	PASS

CASE("real-to-protected", REAL, 0)
	mov	%cr0, %eax
	or	$1, %eax
	mov	%eax, %cr0
	ljmpl	$8, $1f
	.code32
1:	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %ss
	mov	$STACK_TOP, %esp
	movl	$0x77, UNTOUCHED
	EQL($0x77, UNTOUCHED)
	/* and back */
	mov	%cr0, %eax
	and	$~1, %eax
	ljmp	$0x48, $1f
	.code16
1:	mov	%eax, %cr0
	ljmpl	$0, $1f
1:	mov	%cr0, %eax
	test	$1, %al
	CHECK(jz)
	xor	%ax, %ax
	mov	%ax, %ds
	PASS

CASE("cr2", LONG, 0)
	mov	$0x123456789ab, %rax
	mov	%rax, %cr2
	xor	%eax, %eax
	cpuid
	mov	%cr2, %rdx
	mov	$0x123456789ab, %rax
	EQ(%rax, %rdx)
	PASS

CASE("cr3", LONG, 0)
	mov	%cr3, %rax
	/* a copy of the PML4 elsewhere */
	mov	0x20000, %rcx
	mov	%rcx, 0x30000
	mov	$0x30000, %edx
	mov	%rdx, %cr3
	mov	%cr3, %rcx
	EQ(%rcx, %rdx)
	mov	%rax, %cr3
	mov	$0x80000000, %ecx	/* any VM's width is 36 bits or more */
	bts	$60, %rcx
	or	%rax, %rcx
	FAULT_CODE(GP, 0, mov %rcx, %cr3)
	PASS

CASE("cr3-switch", LONG, 0)
	/* A new CR3 drops what the old one translated. */
	movl	$1, 0x31000
	movl	$2, 0x32000
	movq	$0x31003, 0x30000
	movq	$0x30003, 0x23000
	mov	$0x40000000, %ebx
	EQL($1, (%rbx))
	movq	$0x32003, 0x30000
	mov	%cr3, %rax
	mov	%rax, %cr3
	EQL($2, (%rbx))
	PASS

CASE("cr4", LONG, 0)
	mov	%cr4, %rsi
	mov	%rsi, %rax
	bts	$7, %rax		/* PGE */
	bts	$3, %rax		/* DE */
	bts	$2, %rax		/* TSD */
	mov	%rax, %cr4
	mov	%cr4, %rdx
	EQ(%rax, %rdx)
	mov	%rsi, %cr4
	mov	%cr4, %rdx
	EQ(%rsi, %rdx)
	PASS

CASE("cr4-illegal", LONG, 0)
	mov	%cr4, %rsi
	mov	%rsi, %rax
	bts	$31, %rax
	FAULT_CODE(GP, 0, mov %rax, %cr4)
	mov	%rsi, %rax
	bts	$63, %rax
	FAULT_CODE(GP, 0, mov %rax, %cr4)
	mov	%rsi, %rax
	btr	$5, %rax		/* PAE in long mode */
	FAULT_CODE(GP, 0, mov %rax, %cr4)
	mov	%cr4, %rdx
	EQ(%rsi, %rdx)
	PASS

CASE("cr4-smep", LONG, 0)
	mov	$7, %eax
	xor	%ecx, %ecx
	cpuid
	test	$(1 << 7), %ebx
	jnz	1f
	SKIP
1:	/* kernel code runs from pages marked user until SMEP says no */
	movb	$0xc3, 0x31000		/* RET */
	movq	$0x31007, 0x30000
	movq	$0x30007, 0x23000
	andq	$~4, 0x22000		/* our own code is the kernel's */
	mov	%cr3, %rax
	mov	%rax, %cr3
	mov	$0x40000000, %ebx
	call	*%rbx
	mov	%cr4, %rax
	bts	$20, %rax
	mov	%rax, %cr4
	mov	%rsp, %rbp
	FAULT_CODE(PF, 0x11, call *%rbx)
	mov	%rbp, %rsp
	PASS

CASE("cr4-smap", LONG, 0)
	mov	$7, %eax
	xor	%ecx, %ecx
	cpuid
	test	$(1 << 20), %ebx
	jnz	1f
	SKIP
1:	movq	$0x31007, 0x30000
	movq	$0x30007, 0x23000
	andq	$~4, 0x22000
	mov	%cr3, %rax
	mov	%rax, %cr3
	mov	%cr4, %rax
	bts	$21, %rax
	mov	%rax, %cr4
	mov	$0x40000000, %ebx
	FAULT_CODE(PF, 1, mov (%rbx), %eax)
	stac
	mov	(%rbx), %eax
	clac
	PASS

CASE("cr8", LONG, F_IRQCHIP)
	mov	$15, %eax
	mov	%rax, %cr8
	mov	%cr8, %rdx
	EQ(%rax, %rdx)
	mov	$0xfee00080, %ecx
	mov	(%rcx), %edx
	EQ($0xf0, %edx)
	movl	$0x50, (%rcx)
	mov	%cr8, %rdx
	EQ($5, %rdx)
	xor	%eax, %eax
	mov	%rax, %cr8
	mov	$16, %eax
	FAULT_CODE(GP, 0, mov %rax, %cr8)
	PASS

CASE("cr8-no-irqchip", LONG, 0)
	mov	$9, %eax
	mov	%rax, %cr8
	mov	%cr8, %rdx
	EQ(%rax, %rdx)
	xor	%eax, %eax
	mov	%rax, %cr8
	mov	%cr8, %rdx
	EQ(%rax, %rdx)
	PASS

CASE("clts-lmsw", LONG, 0)
	mov	%cr0, %rax
	bts	$3, %rax
	mov	%rax, %cr0
	FAULT(NM, fninit)
	FAULT(NM, xorps %xmm0, %xmm0)
	clts
	fninit
	xorps	%xmm0, %xmm0
	smsw	%rax
	test	$8, %al
	CHECK(jz)
	or	$8, %eax
	lmsw	%ax
	mov	%cr0, %rax
	test	$8, %al
	CHECK(jnz)
	FAULT(NM, fninit)
	clts
	xor	%eax, %eax		/* LMSW cannot clear PE */
	lmsw	%ax
	mov	%cr0, %rax
	test	$1, %al
	CHECK(jnz)
	PASS

CASE("dr", LONG, 0)
	mov	$0x1111222233334444, %rax
	mov	%rax, %db0
	mov	$0x7fff00001000, %rcx
	mov	%rcx, %db3
	xor	%eax, %eax
	cpuid
	mov	%db0, %rdx
	mov	$0x1111222233334444, %rax
	EQ(%rax, %rdx)
	mov	%db3, %rdx
	mov	$0x7fff00001000, %rcx
	EQ(%rcx, %rdx)
	mov	%db6, %rdx
	EQ($0xffff0ff0, %edx)
	mov	%db7, %rdx
	EQ($0x400, %rdx)
	mov	$0x100000000, %rax
	FAULT_CODE(GP, 0, mov %rax, %db7)
	FAULT_CODE(GP, 0, mov %rax, %db6)
	/* DR4 is DR6, until CR4.DE */
	.byte	0x0f, 0x21, 0xe2	/* mov %db4, %rdx */
	EQ($0xffff0ff0, %edx)
	mov	%cr4, %rax
	bts	$3, %rax
	mov	%rax, %cr4
	FAULT(UD, .byte 0x0f; .byte 0x21; .byte 0xe2)
	PASS

CASE("dr-general-detect", LONG, 0)
	mov	$0x2400, %eax		/* GD */
	mov	%rax, %db7
	FAULT(DB, mov %db0, %rax)
	mov	FAULT_DR6, %eax
	test	$0x2000, %eax		/* BD */
	CHECK(jnz)
	PASS

CASE("gp-mov-dr", LONG, 0)
	/* SDM Vol. 2, MOV to debug registers: bits 63:32 of DR6 and DR7 are 0 */
	mov	$1 << 32, %rax
	FAULT_CODE(GP, 0, mov %rax, %db6)
	FAULT_CODE(GP, 0, mov %rax, %db7)
	PASS

CASE("gp-rdpmc", LONG, 0)
	/* there is no such counter */
	mov	$0x3fffffff, %ecx
	FAULT_CODE(GP, 0, rdpmc)
	PASS

CASE("dr-breakpoint-execute", LONG, 0)
	mov	$1f, %eax
	mov	%rax, %db0
	mov	$0x402, %eax		/* G0, execute */
	mov	%rax, %db7
	FAULT(DB, nop; 1: nop)
	EQQ($1b, FAULT_RIP)
	mov	FAULT_DR6, %eax
	and	$0xf, %eax
	EQ($1, %eax)
	xor	%eax, %eax
	mov	%rax, %db7
	PASS

CASE("dr-breakpoint-write", LONG, 0)
	mov	$DATA, %eax
	mov	%rax, %db1
	mov	$0xd00408, %eax		/* G1, write, 4 bytes */
	mov	%rax, %db7
	FAULT(DB, movl $5, DATA; 1: nop)
	EQQ($1b, FAULT_RIP)
	EQL($5, DATA)
	mov	FAULT_DR6, %eax
	and	$0xf, %eax
	EQ($2, %eax)
	PASS

CASE("single-step", LONG, 0)
	pushf
	orl	$0x100, (%rsp)
	FAULT(DB, popf; nop; 1: nop)
	EQQ($1b, FAULT_RIP)
	mov	FAULT_DR6, %eax
	test	$0x4000, %eax
	CHECK(jnz)
	PASS

CASE("single-step-cpuid", LONG, 0)
	/* The trap comes after an instruction that exits, too. */
	xor	%eax, %eax
	pushf
	orl	$0x100, (%rsp)
	FAULT(DB, popf; cpuid; 1: nop)
	EQQ($1b, FAULT_RIP)
	mov	FAULT_DR6, %eax
	test	$0x4000, %eax
	CHECK(jnz)
	PASS

CASE("single-step-mmio", LONG, 0)
	mov	$MMIO_BASE, %edi
	pushf
	orl	$0x100, (%rsp)
	FAULT(DB, popf; movl $1, (%rdi); 1: nop; nop)
	/* Emulated, it may come an instruction early or late, as KVM's. */
	mov	FAULT_RIP, %rax
	sub	$1b - 6, %rax
	cmp	$7, %rax
	CHECK(jbe)
	mov	FAULT_DR6, %eax
	test	$0x4000, %eax
	CHECK(jnz)
	PASS

CASE("single-step-out", LONG, 0)
	mov	$PIO_BASE, %edx
	pushf
	orl	$0x100, (%rsp)
	FAULT(DB, popf; out %al, %dx; 1: nop)
	EQQ($1b, FAULT_RIP)
	PASS

/* a trap behind HLT ends it, whether interrupts are on or not */
CASE("single-step-hlt", LONG, F_IRQCHIP)
	cli
	pushf
	orl	$0x100, (%rsp)
	FAULT(DB, popf; hlt; 1: nop)
	EQQ($1b, FAULT_RIP)
	pushf
	orl	$0x300, (%rsp)
	FAULT(DB, popf; hlt; 1: nop)
	EQQ($1b, FAULT_RIP)
	mov	FAULT_DR6, %eax
	test	$0x4000, %eax
	CHECK(jnz)
	PASS

	/* a trap behind each iteration of a string: RIP at it with RF set, at the last behind it */
	.macro	STEP_REP dest
	mov	$\dest, %edi
	mov	$3, %ecx
	mov	$DATA, %esi
	lock; addl $0, (%rsi)
	lock; addl $0, DATA + 0x800
	pushf
	orl	$0x100, (%rsp)
	FAULT(DB, popf; 1: rep movsb)
	EQQ($1b, FAULT_RIP)
	EQ($2, %ecx)
	testl	$(1 << 16), FAULT_FLAGS
	CHECK(jnz)
	pushf
	orl	$0x100, (%rsp)
	mov	$1, %ecx
	movl	$3f, FAULT_RESUME
	popf
	rep movsb
3:	EQQ($3b, FAULT_RIP)
	testl	$(1 << 16), FAULT_FLAGS
	CHECK(jz)
	.endm

CASE("single-step-rep", LONG, 0)
	STEP_REP DATA + 0x800
	PASS

CASE("single-step-rep-mmio", LONG, 0)
	STEP_REP MMIO_BASE
	PASS

/* What is stepped through: behind the instruction after the POPF, not behind MOV SS, not in handlers. */
CASE("single-step-real", REAL, F_IRQCHIP)
	movw	$8f, 4			/* #DB's vector */
	movw	$0, 6
	movw	$9f, 0x84		/* INT 21h's */
	movw	$0, 0x86
	mov	$DATA >> 4, %ax
	mov	%ax, %es
	xor	%bx, %bx		/* traps, and where they were */
	xor	%di, %di
	mov	$3, %cx
	pushf
	mov	%sp, %bp
	orw	$0x100, (%bp)
	popf
	nop				/* 0 */
1:	mov	%ss, %ax		/* 1 */
2:	mov	%ax, %ss
	inc	%dx			/* 2: with the MOV SS */
3:	int	$0x21			/* none: the handler runs, and TF is back behind its IRET */
	nop				/* 3 */
4:	rep stosb			/* 4, 5 and 6 */
5:	cli				/* 7 */
	hlt				/* 8 */
6:	pushf				/* 9 */
	mov	%sp, %bp		/* 10 */
	andw	$~0x100, (%bp)		/* 11 */
	popf				/* 12: TF was set when it began */
7:	nop
	EQ($13 * 2, %bx)
	EQ($3, %di)
	EQW($1b, %es:0x100)
	EQW($2b, %es:0x102)
	EQW($3b, %es:0x104)
	EQW($4b, %es:0x106)
	EQW($4b, %es:0x108)
	EQW($4b, %es:0x10a)
	EQW($5b, %es:0x10c)
	EQW($6b, %es:0x110)
	EQW($7b, %es:0x118)
	PASS
8:	push	%bp
	mov	%sp, %bp
	push	%ax
	mov	2(%bp), %ax
	mov	%ax, %es:0x100(%bx)
	add	$2, %bx
	pop	%ax
	pop	%bp
	iret
9:	iret

/* Hints of all kinds, as compilers put them where branches go to. */
CASE("hint-nops-real", REAL, 0)
	mov	$0x1234, %ax
	mov	%ax, %bx
	.byte	0xf3, 0x0f, 0x1e, 0xfa	/* ENDBR64 */
	.byte	0xf3, 0x0f, 0x1e, 0xfb	/* ENDBR32 */
	.byte	0x0f, 0x18, 0x00	/* PREFETCHNTA */
	.byte	0x0f, 0x18, 0x38
	.byte	0x0f, 0x19, 0xc0
	.byte	0x0f, 0x1a, 0xc0	/* BNDLDX without MPX */
	.byte	0x0f, 0x1b, 0xc0
	.byte	0x0f, 0x1c, 0x00
	.byte	0x0f, 0x1d, 0xc3
	.byte	0x0f, 0x1f, 0x44, 0x10
	.byte	0x66, 0x0f, 0x1f, 0x40, 0x20
	.byte	0x0f, 0x0d, 0x08	/* PREFETCHW */
	EQ(%ax, %bx)
	PASS

CASE("xsetbv", LONG, 0)
	mov	$1, %eax
	cpuid
	test	$(1 << 26), %ecx
	jnz	1f
	SKIP
1:	xor	%ecx, %ecx
	mov	$3, %eax
	xor	%edx, %edx
	FAULT(UD, xsetbv)		/* CR4.OSXSAVE is off */
	mov	%cr4, %rsi
	bts	$18, %rsi
	mov	%rsi, %cr4
	xsetbv
	xgetbv
	EQ($3, %eax)
	mov	$1, %eax
	xsetbv
	xgetbv
	EQ($1, %eax)
	mov	$2, %eax		/* x87 is compulsory */
	FAULT_CODE(GP, 0, xsetbv)
	mov	$5, %eax		/* AVX without SSE */
	FAULT_CODE(GP, 0, xsetbv)
	mov	$3, %eax
	mov	$0x40000000, %edx	/* unknown */
	FAULT_CODE(GP, 0, xsetbv)
	xor	%edx, %edx
	mov	$2, %ecx		/* no such register */
	FAULT_CODE(GP, 0, xsetbv)
	xor	%ecx, %ecx
	xgetbv
	EQ($1, %eax)
	PASS

	.section .note.GNU-stack, "", @progbits
