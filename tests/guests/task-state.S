/* SPDX-License-Identifier: GPL-2.0-only */
/* What belongs to a task beside its registers: LDT, CR3, debug traps; 16-bit and virtual-8086 tasks. */
#include "task.h"

	HIGH

CASE("task-ldt", FLAT32, 0)
	TABLES
	TASK	T1, 1f
	movl	$SEL_LDT, T1 + TSS_LDT
	movl	$0x0c, T1 + TSS_GS
	movl	$0x0000ffff, LDT + 8
	movl	$0x00409200 | DATA >> 16, LDT + 12
	movl	$0x77665544, DATA + 0xa000
	lcall	$SEL_T1, $0
	sldt	%ax
	test	%ax, %ax
	CHECK(jz)
	testb	$1, LDT + 13		/* accessed */
	CHECK(jnz)
	PASS
1:	sldt	%ax
	EQ($SEL_LDT, %ax)
	EQL($0x77665544, %gs:0xa000)
	iret

CASE("task-16", FLAT32, 0)
	TABLES
	TASK16	1f
	movw	$0x1234, T16 + 0x12
	movw	$0x5678, T16 + 0x20
	mov	$0xcafe1111, %esi
	lcall	$SEL_T16, $0
	EQ($0xcafe1111, %esi)
	IN_TASK	SEL_T0
	AVAILABLE(SEL_T16)
	cmpw	$0x4321, T16 + 0x14
	CHECK(je)
	mov	$2f, %eax
	cmp	%ax, T16 + 0x0e
	CHECK(je)
	/* JMP from there, with 16 bits of each register saved */
	TASK	T1, 3f
	movw	$0xbeef, T16 + 0x2c	/* behind it */
	ljmp	$SEL_T16, $0
1:	EQ($0x1234, %ax)
	EQ($0x5678, %di)
	EQ($(S16 - DATA), %sp)
	cmpw	$SEL_T0, T16
	CHECK(je)
	IN_TASK	SEL_T16
	pushf
	testb	$0x40, %ss:1(%esp)
	CHECK(jnz)
	popf
	BUSY(SEL_T16)
	mov	$0x4321, %cx
	iret
2:	mov	$0x8765, %dx
	mov	$0x99998888, %ebx
	ljmp	$SEL_T1, $0
3:	IN_TASK	SEL_T1
	AVAILABLE(SEL_T16)
	cmpw	$0x8765, T16 + 0x16
	CHECK(je)
	cmpw	$0x8888, T16 + 0x18
	CHECK(je)
	cmpw	$0xbeef, T16 + 0x2c
	CHECK(je)
	PASS

CASE("task-16-error-code", FLAT32, 0)
	TABLES
	TASK16	1f
	TASK_GATE GP, SEL_T16
	mov	$0x1008, %eax
0:	mov	%eax, %ds
	FAIL
1:	mov	%esp, %ebx
	EQ($(S16 - DATA - 2), %bx)
	pop	%ax
	EQ($0x1008, %ax)
	EQL($0b, T0 + TSS_EIP)
	PASS

CASE("task-trap", FLAT32, 0)
	TABLES
	TASK	T1, 1f
	movw	$1, T1 + TSS_T
	xor	%eax, %eax
	mov	%eax, %dr6
	movl	$2f, FAULT_RESUME
	lcall	$SEL_T1, $0
	FAIL
1:	FAIL
2:	EQL($DB, FAULT_VEC)
	EQL($1b, FAULT_RIP)		/* before the first instruction */
	mov	FAULT_DR6, %eax
	and	$0xf00f, %eax
	EQ($0x8000, %eax)		/* BT */
	IN_TASK	SEL_T1
	PASS

CASE("task-step", FLAT32, 0)
	/* the single step of what switches tasks comes in the new task; then its own TF counts */
	TABLES
	TASK	T1, 1f
	xor	%eax, %eax
	mov	%eax, %dr6
	movl	$2f, FAULT_RESUME
	pushf
	orl	$0x100, (%esp)
	popf
	ljmp	$SEL_T1, $0
	FAIL
1:	nop
	FAIL
2:	EQL($DB, FAULT_VEC)
	EQL($1b, FAULT_RIP)
	mov	FAULT_DR6, %eax
	and	$0xf00f, %eax
	EQ($0x4000, %eax)
	IN_TASK	SEL_T1
	testl	$0x100, T0 + TSS_EFLAGS
	CHECK(jnz)
	PASS

CASE("task-step-new", FLAT32, 0)
	TABLES
	TASK	T1, 1f
	movl	$0x102, T1 + TSS_EFLAGS
	xor	%eax, %eax
	mov	%eax, %dr6
	movl	$2f, FAULT_RESUME
	ljmp	$SEL_T1, $0
1:	nop
3:	FAIL
2:	EQL($DB, FAULT_VEC)
	EQL($3b, FAULT_RIP)
	mov	FAULT_DR6, %eax
	and	$0xf00f, %eax
	EQ($0x4000, %eax)
	PASS

CASE("task-dr7", FLAT32, 0)
	TABLES
	TASK	T1, 1f
	mov	$0xfff00000, %eax
	mov	%eax, %dr0
	mov	%eax, %dr1
	mov	%eax, %dr2
	mov	%eax, %dr3
	mov	$0x7ff, %eax
	mov	%eax, %dr7
	ljmp	$SEL_T1, $0
1:	mov	%dr7, %eax
	EQ($0x6aa, %eax)
	mov	%dr3, %eax
	EQ($0xfff00000, %eax)
	xor	%eax, %eax
	mov	%eax, %dr7
	PASS

CASE("task-flags", FLAT32, 0)
	/* all that a TSS can set, and no more */
	TABLES
	TASK	T1, 1f
	movl	$0xfffcfeff, T1 + TSS_EFLAGS	/* not TF, VM, RF */
	movl	$0x4202, T0 + TSS_EFLAGS
	ljmp	$SEL_T1, $0
1:	pushf
	pop	%ebx
	and	$0x0024ffff, %ebx	/* AC, ID */
	EQ($0x00247ed7, %ebx)
	PASS

CASE("task-cr3", PAGE32, 0)
	/* another address space, and there the LDT */
	TABLES
	cld
	mov	$0x26000, %esi
	mov	$DATA + 0x8000, %edi
	mov	$1024, %ecx
	rep movsl
	movl	$0x400083, 0x26400
	movl	$0x800083, DATA + 0x8400	/* UNTOUCHED */
	mov	%cr3, %eax
	mov	%eax, %cr3
	movl	$0x4444, 0x400000
	movl	$0x8888, 0x800000
	EQL($0x4444, 0x40000000)
	movl	$0x0000ffff, 0x801008	/* flat, at 0x40000000 */
	movl	$0x40409200, 0x80100c
	TSS_DESC SEL_LDT, 0x40001000, 0x3f, 0x82
	TASK	T1, 1f
	movl	$DATA + 0x8000, T1 + TSS_CR3
	movl	$SEL_LDT, T1 + TSS_LDT
	movl	$0x0c, T1 + TSS_FS
	lcall	$SEL_T1, $0
	EQL($0x4444, 0x40000000)
	mov	%cr3, %eax
	EQ($0x26000, %eax)
	/* and back again */
	lcall	$SEL_T1, $0
	EQL($0x4444, 0x40000000)
	PASS
1:	EQL($0x8888, 0x40000000)
	EQL($0x8888, %fs:0)
	mov	%cr3, %eax
	EQ($DATA + 0x8000, %eax)
	iret
	jmp	1b

CASE("task-cr3-pae", PAE, 0)
	TABLES
	mov	$0x27000, %esi
	mov	$DATA + 0x8000, %edi
	mov	$8, %ecx
	rep movsl
	mov	$0x23000, %esi
	mov	$DATA + 0x9000, %edi
	mov	$1024, %ecx
	rep movsl
	movl	$DATA + 0x9001, DATA + 0x8008
	movl	$0x800083, DATA + 0x9000
	movl	$0x400083, 0x23000
	mov	%cr3, %eax
	mov	%eax, %cr3
	movl	$0x4444, 0x400000
	movl	$0x8888, 0x800000
	TASK	T1, 1f
	movl	$DATA + 0x8000, T1 + TSS_CR3
	lcall	$SEL_T1, $0
	EQL($0x4444, 0x40000000)
	PASS
1:	EQL($0x8888, 0x40000000)
	iret

CASE("task-cr3-pae-reserved", PAE, 0)
	/* PDPTEs that cannot be loaded: the old task's #GP */
	TABLES
	mov	$0x27000, %esi
	mov	$DATA + 0x8000, %edi
	mov	$8, %ecx
	rep movsl
	orl	$2, DATA + 0x8018
	TASK	T1, 1f
	movl	$DATA + 0x8000, T1 + TSS_CR3
	FAULT_CODE(GP, 0, ljmp $SEL_T1, $0)
	IN_TASK	SEL_T0
	BUSY(SEL_T0)
	AVAILABLE(SEL_T1)
	mov	%cr3, %eax
	EQ($0x27000, %eax)
	PASS
1:	FAIL

CASE("task-cr3-same", PAE, 0)
	/* the same CR3: the PDPTEs are not looked at again */
	TABLES
	TASK	T1, 1f
	orl	$2, 0x27018
	lcall	$SEL_T1, $0
	PASS
1:	iret

/* --- virtual-8086 mode --- */

CASE("task-v86", FLAT32, 0)
	TABLES
	mov	$3f, %esi
	mov	$0x60000, %edi
	mov	$4f - 3f, %ecx
	rep movsb
	TASK	T1, 0
	movl	$0x23002, T1 + TSS_EFLAGS	/* VM, IOPL 3 */
	movl	$0x6000, T1 + TSS_CS
	movl	$0x5000, T1 + TSS_SS
	movl	$0x1000, T1 + TSS_ESP
	movl	$0x6100, T1 + TSS_DS
	movl	$0x6200, T1 + TSS_ES
	movl	$0x1234, T1 + TSS_FS
	movw	$0xabcd, 0x61010
	TASK	T2, 2f
	TASK_GATE 0x81, SEL_T2, 0xe5
	TASK_GATE GP, SEL_T2
	ljmp	$SEL_T1, $0
	FAIL
2:	cmpw	$SEL_T1, T2
	CHECK(je)
	EQ($S2, %esp)
	testl	$0x20000, T1 + TSS_EFLAGS
	CHECK(jnz)
	EQL($5f - 3f, T1 + TSS_EIP)
	cmpw	$0x6000, T1 + TSS_CS
	CHECK(je)
	cmpw	$0x1234, T1 + TSS_FS
	CHECK(je)
	EQL($0xabcd, T1 + TSS_EAX)
	EQL($0xffe, T1 + TSS_ESP)
	pushf
	testl	$0x20000, (%esp)
	CHECK(jz)
	popf
	iret				/* back to virtual-8086 mode */
	EQL($0, (%esp))			/* #GP(0) of HLT */
	EQL($6f - 3f, T1 + TSS_EIP)
	EQL($0xaa55, T1 + TSS_EBX)
	cmpw	$SEL_T1, T2
	CHECK(je)
	PASS
	.code16
3:	push	%ax
	mov	0x10, %ax
	int	$0x81
5:	mov	$0xaa55, %bx
6:	hlt
4:	nop
	.code32

CASE("task-v86-error-code", FLAT32, 0)
	/* a handler in virtual-8086 mode finds its error code on its stack */
	TABLES
	mov	$3f, %esi
	mov	$0x60000, %edi
	mov	$4f - 3f, %ecx
	rep movsb
	TASK	T1, 0
	movl	$0x23002, T1 + TSS_EFLAGS
	movl	$0x6000, T1 + TSS_CS
	movl	$0x5000, T1 + TSS_SS
	movl	$0x1000, T1 + TSS_ESP
	TASK	T2, 2f
	TASK_GATE 0x81, SEL_T2, 0xe5
	TASK_GATE GP, SEL_T1
	mov	$0x1008, %eax
	mov	%eax, %ds
	FAIL
2:	EQL($0x1008, T1 + TSS_EBX)
	EQL($0x1000, T1 + TSS_ESP)
	EQL($0x1008, 0x50ffc)
	PASS
	.code16
3:	pop	%ebx
	int	$0x81
4:	nop
	.code32

	.section .note.GNU-stack, "", @progbits
