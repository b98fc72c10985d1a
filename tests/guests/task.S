/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hardware task switches (SDM Vol. 3, chapter 8): what leads to one, what it does, and
 * which of its faults are the old task's and which the new one's.
 */
#include "task.h"

	/* Real mode: in protected mode with DS and CS as they were, the TSS at 0x40 made a task, TR loaded. */
	.macro	TO_TSS eip
	cli
	mov	$0x1000, %ax
	mov	%ax, %ds
	andb	$~2, 0x45
	andb	$~2, 0x25
	movl	$\eip, 0x2120
	movl	$2, 0x2124
	movl	$STACK_TOP - 0x800, 0x2138
	movl	$0x77, 0x2144
	movl	$0x10, 0x2148
	movl	$0x08, 0x214c
	movl	$0x10, 0x2150
	movl	$0x10, 0x2154
	movl	$0x10, 0x2158
	movl	$0x10, 0x215c
	movl	$0, 0x2160
	movl	$0x680000, 0x2164
	movw	$79, 0x3000
	movl	$0x10000, 0x3002
	lgdtl	0x3000
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	mov	$0x20, %ax
	ltr	%ax
	.endm

	HIGH

/* --- JMP, CALL, IRET --- */

CASE("task-jmp", FLAT32, 0)
	TABLES
	TASK	T1, 1f
	movl	$0x1111, T1 + TSS_EAX
	movl	$0x7777, T1 + TSS_EDI
	movl	$0xd7, T1 + TSS_EFLAGS	/* PF, AF, SF and what is always set */
	movl	$0xaa55aa55, T1		/* no link is written */
	movl	$0xaaaaaaaa, T0 + TSS_CR3
	mov	$0xe0e0e0e0, %eax
	mov	$0xc1c1c1c1, %ecx
	mov	$0xd2d2d2d2, %edx
	mov	$0xb3b3b3b3, %ebx
	mov	$0xb5b5b5b5, %ebp
	mov	$0x56565656, %esi
	mov	$0xd7d7d7d7, %edi
	push	$0x4203			/* NT, IF, CF */
	popf
	cli
	ljmp	$SEL_T1, $0
0:	FAIL
1:	mov	%esp, RESULTS
	pushf
	EQL($S1, RESULTS)
	EQ($0x1111, %eax)
	EQ($0x7777, %edi)
	EQL($0xd7, (%esp))		/* NT is the new task's own */
	IN_TASK	SEL_T1
	EQL($0xaa55aa55, T1)
	BUSY(SEL_T1)
	AVAILABLE(SEL_T0)
	mov	%cr0, %eax
	test	$8, %al
	CHECK(jnz)
	/* the old task */
	EQL($0b, T0 + TSS_EIP)
	EQL($0x4003, T0 + TSS_EFLAGS)
	EQL($0xe0e0e0e0, T0 + TSS_EAX)
	EQL($0xc1c1c1c1, T0 + TSS_ECX)
	EQL($0xd2d2d2d2, T0 + TSS_EDX)
	EQL($0xb3b3b3b3, T0 + TSS_EBX)
	EQL($STACK_TOP, T0 + TSS_ESP)
	EQL($0xb5b5b5b5, T0 + TSS_EBP)
	EQL($0x56565656, T0 + TSS_ESI)
	EQL($0xd7d7d7d7, T0 + TSS_EDI)
	EQL($0xaaaaaaaa, T0 + TSS_CR3)	/* not saved */
	cmpw	$0x10, T0 + TSS_ES
	CHECK(je)
	cmpw	$0x08, T0 + TSS_CS
	CHECK(je)
	cmpw	$0x10, T0 + TSS_SS
	CHECK(je)
	cmpw	$0x10, T0 + TSS_GS
	CHECK(je)
	PASS

CASE("task-call-iret", FLAT32, 0)
	TABLES
	TASK	T1, 1f
	mov	$0x12345678, %esi
	mov	$0x9abcdef0, %edi
	stc
	lcall	$SEL_T1, $0
0:	CHECK(jc)
	EQ($0x12345678, %esi)
	EQ($0x9abcdef0, %edi)
	EQ($STACK_TOP, %esp)
	IN_TASK	SEL_T0
	BUSY(SEL_T0)
	AVAILABLE(SEL_T1)
	EQL($2f, T1 + TSS_EIP)
	testl	$0x4000, T1 + TSS_EFLAGS
	CHECK(jz)
	pushf
	testl	$0x4000, (%esp)
	CHECK(jz)
	popf
	lcall	$SEL_T1, $0		/* goes on behind its IRET */
	EQL($2, RESULTS + 8)
	lcall	$SEL_T1, $0x1234	/* the offset does not matter */
	EQL($3, RESULTS + 8)
	PASS
1:	pushf
	testl	$0x4000, (%esp)
	CHECK(jnz)
	popf
	cmpw	$SEL_T0, T1
	CHECK(je)
	BUSY(SEL_T0)
	BUSY(SEL_T1)
	IN_TASK	SEL_T1
	EQL($0b, T0 + TSS_EIP)
	movl	$1, RESULTS + 8
	xor	%esi, %esi
	xor	%edi, %edi
	iret
2:	incl	RESULTS + 8
	cmpw	$SEL_T0, T1
	CHECK(je)
	iret
	incl	RESULTS + 8
	iret
	FAIL

CASE("task-gate", FLAT32, 0)
	TABLES
	TASK	T1, 1f
	lcall	$SEL_GATE, $0
	IN_TASK	SEL_T0
	ljmp	$SEL_GATE, $0
	FAIL
1:	IN_TASK	SEL_T1
	cmpw	$SEL_T0, T1
	CHECK(je)
	iret
	AVAILABLE(SEL_T0)
	pushf
	testl	$0x4000, (%esp)
	CHECK(jz)
	PASS

CASE("task-nested", FLAT32, 0)
	TABLES
	TASK	T1, 1f
	TASK	T2, 2f
	lcall	$SEL_T1, $0
	EQL($3, RESULTS + 8)
	IN_TASK	SEL_T0
	AVAILABLE(SEL_T1)
	AVAILABLE(SEL_T2)
	PASS
1:	movl	$1, RESULTS + 8
	lcall	$SEL_T2, $0
	EQL($2, RESULTS + 8)
	IN_TASK	SEL_T1
	AVAILABLE(SEL_T2)
	cmpw	$SEL_T0, T1
	CHECK(je)
	movl	$3, RESULTS + 8
	iret
2:	EQL($1, RESULTS + 8)
	cmpw	$SEL_T1, T2
	CHECK(je)
	BUSY(SEL_T1)
	BUSY(SEL_T0)
	movl	$2, RESULTS + 8
	iret

/* --- events --- */

CASE("task-int", FLAT32, 0)
	TABLES
	TASK	T1, 1f
	TASK_GATE 0x80, SEL_T1
	TASK_GATE BP, SEL_T1
	TASK_GATE OF, SEL_T1
	int	$0x80
0:	EQL($0b, RESULTS + 8)
	IN_TASK	SEL_T0
	int3
0:	EQL($0b, RESULTS + 8)
	mov	$0x7fffffff, %eax
	inc	%eax
	into
0:	EQL($0b, RESULTS + 8)
	AVAILABLE(SEL_T1)
	PASS
1:	mov	T0 + TSS_EIP, %eax
	mov	%eax, RESULTS + 8
	EQ($S1, %esp)
	cmpw	$SEL_T0, T1
	CHECK(je)
	pushf
	testl	$0x4000, (%esp)
	CHECK(jnz)
	popf
	iret
	jmp	1b

CASE("task-exception", FLAT32, 0)
	TABLES
	TASK	T1, 1f
	TASK_GATE GP, SEL_T1
	TASK_GATE UD, SEL_T2
	TASK	T2, 2f
	mov	$0x1008, %eax
0:	mov	%eax, %ds
	FAIL
3:	IN_TASK	SEL_T0
	pushf
	testl	$0x4000, (%esp)
	CHECK(jz)
	popf
4:	ud2
	FAIL
5:	IN_TASK SEL_T0
	PASS
1:	EQ($S1 - 4, %esp)
	EQL($0x1008, (%esp))
	EQL($0b, T0 + TSS_EIP)
	testl	$0x10000, T0 + TSS_EFLAGS
	CHECK(jnz)
	movl	$3b, T0 + TSS_EIP
	iret
2:	EQ($S2, %esp)			/* no error code */
	EQL($4b, T0 + TSS_EIP)
	movl	$5b, T0 + TSS_EIP
	iret

CASE("task-exception-host", FLAT32, 0)
	/* the same of an exception that whoever runs the guest raises */
	TABLES
	TASK	T1, 1f
	TASK_GATE GP, SEL_T1
	mov	$0x12345678, %ecx
0:	rdmsr
	FAIL
2:	IN_TASK	SEL_T0
	PASS
1:	EQ($S1 - 4, %esp)
	EQL($0, (%esp))
	EQL($0b, T0 + TSS_EIP)
	testl	$0x10000, T0 + TSS_EFLAGS
	CHECK(jnz)
	movl	$2b, T0 + TSS_EIP
	iret

CASE("task-page-fault", PAGE32, 0)
	/* #PF itself by a task gate */
	TABLES
	TASK	T1, 1f
	TASK_GATE PF, SEL_T1
	movl	$0, 0x26400		/* 0x40000000 */
	mov	%cr3, %eax
	mov	%eax, %cr3
0:	movl	$0, 0x40000123
	movl	$0, 0x40000127
	IN_TASK	SEL_T0
	PASS
1:	EQL($2, (%esp))
	EQ($S1 - 4, %esp)
	mov	%cr2, %eax
	EQ($0x40000123, %eax)
	EQL($0b, T0 + TSS_EIP)
	movl	$0x83 | UNTOUCHED, 0x26400
	invlpg	0x40000000
	add	$4, %esp
	iret
	FAIL

CASE("task-double-fault", FLAT32, 0)
	/* #GP, whose gate is not present: #NP, and that is #DF */
	TABLES
	TASK	T1, 1f
	TASK_GATE DF, SEL_T1
	andb	$0x7f, IDT + 8 * GP + 5
	mov	$0x1000, %eax
0:	mov	%eax, %ds
	FAIL
2:	IN_TASK	SEL_T0
	AVAILABLE(SEL_T1)
	PASS
1:	EQ($S1 - 4, %esp)
	EQL($0, (%esp))
	EQL($0b, T0 + TSS_EIP)
	cmpw	$SEL_T0, T1
	CHECK(je)
	movl	$2b, T0 + TSS_EIP
	iret

CASE("task-double-fault-stack", PAGE32, 0)
	/* what an operating system has it for: the kernel's stack is gone */
	TABLES
	TASK	T1, 1f
	TASK_GATE DF, SEL_T1
	movl	$0, 0x26400
	mov	%cr3, %eax
	mov	%eax, %cr3
	mov	$0x40001000, %esp
0:	ud2
	FAIL
1:	EQ($S1 - 4, %esp)
	EQL($0, (%esp))
	EQL($0b, T0 + TSS_EIP)
	EQL($0x40001000, T0 + TSS_ESP)
	PASS

CASE("task-nmi", FLAT32, 0)
	TABLES
	TASK	T1, 1f
	TASK_GATE NMI, SEL_T1
	HOST(HOST_NMI)
	nop
	nop
	EQL($2, RESULTS + 8)
	IN_TASK	SEL_T0
	HOST(HOST_NMI)			/* nor is it blocked for ever */
	nop
	nop
	EQL($3, RESULTS + 8)
	PASS
1:	incl	RESULTS + 8
	EQ($S1, %esp)
	cmpl	$1, RESULTS + 8
	jne	2f
	HOST(HOST_NMI)			/* waits for IRET */
	mov	$1000, %eax
3:	dec	%eax
	jnz	3b
	EQL($1, RESULTS + 8)
2:	iret
	jmp	1b

CASE("task-interrupt", FLAT32, 0)
	TABLES
	TASK	T1, 1f
	TASK_GATE 0x55, SEL_T1
	mov	$0x55, %ebx
	sti
	nop
	HOST(HOST_INTERRUPT)
	nop
	nop
	EQL($1, RESULTS + 8)
	IN_TASK	SEL_T0
	pushf
	testl	$0x200, (%esp)
	CHECK(jnz)
	popf
	HOST(HOST_INTERRUPT)
	nop
	nop
	EQL($2, RESULTS + 8)
	PASS
1:	incl	RESULTS + 8
	EQ($S1, %esp)
	testl	$0x200, T0 + TSS_EFLAGS
	CHECK(jnz)
	pushf
	testl	$0x200, (%esp)
	CHECK(jz)
	popf
	iret
	jmp	1b

CASE("task-interrupt-irqchip", FLAT32, F_IRQCHIP)
	/* the interrupt is in service in the task; after its EOI the next one comes */
	TABLES
	TASK	T1, 1f
	TASK_GATE 0x55, SEL_T1
	movl	$0x1ff, 0xfee000f0
	mov	$0xfee00000, %ebx
	mov	$0x55, %ecx
	sti
	HOST(HOST_MSI)
	nop
	nop
	EQL($1, RESULTS + 8)
	HOST(HOST_MSI)
	nop
	nop
	EQL($2, RESULTS + 8)
	IN_TASK	SEL_T0
	PASS
1:	incl	RESULTS + 8
	testl	$1 << 21, 0xfee00120
	CHECK(jnz)
	movl	$0, 0xfee000b0
	iret
	jmp	1b

/* --- user code --- */

CASE("task-user", FLAT32, 0)
	TABLES
	TASK	T1, 1f
	TASK_GATE 0x80, SEL_T1
	TASK_GATE 0x81, SEL_T1, 0xe5
	movl	$SEL_T0, RESULTS + 12
	USER
	FAULT_CODE(GP, SEL_T1, lcall $SEL_T1, $0)
	FAULT_CODE(GP, SEL_T1, ljmp $SEL_T1, $0)
	FAULT_CODE(GP, SEL_GATE, lcall $SEL_GATE, $0)
	FAULT_CODE(GP, 0x80 * 8 + 2, int $0x80)
	EQL($0, RESULTS + 8)
	/* the gate is everybody's, the task need not be */
	orb	$0x60, RIGHTS(SEL_GATE)
	lcall	$SEL_GATE, $0
	EQL($1, RESULTS + 8)
	mov	%cs, %eax
	EQ($SEL_USER_CODE, %eax)
	mov	%ss, %eax
	EQ($SEL_USER_DATA, %eax)
	int	$0x81
	EQL($2, RESULTS + 8)
	orb	$0x60, RIGHTS(SEL_T1)
	lcall	$SEL_T1 | 3, $0
	EQL($3, RESULTS + 8)
	PASS
1:	incl	RESULTS + 8
	mov	%cs, %eax
	EQ($0x08, %eax)
	cmpw	$SEL_USER_CODE, T0 + TSS_CS
	CHECK(je)
	iret
	jmp	1b

CASE("task-user-rpl", FLAT32, 0)
	/* DPL 2 is enough for the CPL, not for an RPL of 3 */
	TABLES
	TASK	T1, 1f
	orb	$0x40, RIGHTS(SEL_T1)
	FAULT_CODE(GP, SEL_T1, ljmp $SEL_T1 | 3, $0)
	ljmp	$SEL_T1 | 2, $0
1:	IN_TASK	SEL_T1 | 2
	PASS

CASE("task-user-io", FLAT32, 0)
	/* a task of user code: its own stack for the kernel, its own ports */
	TABLES
	TASK	T1, 1f
	TSS_DESC SEL_T1, T1, 0x1ff, 0x89
	mov	$T1 + 0x68, %edi
	mov	$-1, %eax
	mov	$(0x198 / 4), %ecx
	rep stosl
	movb	$0, T1 + 0x68 + 0xf0 / 8
	movb	$0xfe, T1 + 0x68 + PIO_BASE / 8
	movl	$S2, T1 + TSS_ESP0
	movl	$0x10, T1 + TSS_SS0
	movl	$SEL_USER_CODE, T1 + TSS_CS
	movl	$SEL_USER_DATA, T1 + TSS_SS
	movl	$SEL_USER_DATA, T1 + TSS_DS
	movl	$SEL_USER_DATA, T1 + TSS_ES
	movl	$0, T1 + TSS_FS
	movl	$0, T1 + TSS_GS
	movl	$0xffffffff, S2 - 4
	ljmp	$SEL_T1, $0
1:	mov	$PIO_BASE, %edx
	out	%al, %dx
	inc	%edx
	FAULT_CODE(GP, 0, out %al, %dx)
	EQL($SEL_USER_DATA, S2 - 4)	/* SS of the frame */
	mov	%cs, %eax
	EQ($SEL_USER_CODE, %eax)
	PASS

CASE("task-user-iret", FLAT32, 0)
	/* NT is the user's to set, the link is the kernel's */
	TABLES
	TASK	T1, 1f
	movw	$SEL_T1, T0
	orb	$2, RIGHTS(SEL_T1)
	USER
	NT_ON
	movw	$SEL_T2, T0
	FAULT_CODE(TS, SEL_T2, 0: iret)
	EQL($0b, FAULT_RIP)
	movw	$SEL_T1, T0
	iret
1:	IN_TASK	SEL_T1
	AVAILABLE(SEL_T0)
	PASS

/* --- where there are none --- */

CASE("task-long", LONG, 0)
	movl	$0, DATA
	movw	$0x40, DATA + 4
	FAULT_CODE(GP, 0x40, ljmpl *DATA)
	andb	$~2, 0x10045
	FAULT_CODE(GP, 0x40, lcalll *DATA)
	movb	$0x85, 0x11000 + 16 * 0x80 + 5
	FAULT_CODE(GP, 0x80 * 8 + 2, int $0x80)
	pushf
	orl	$0x4000, (%rsp)
	popf
	FAULT_CODE(GP, 0, iretq)
	PASS

CASE("task-device", FLAT32, 0)
	/* a TSS that is no memory: the run ends, by the hook's reckoning */
	TABLES
	TASK	T1, 1f
	TSS_DESC SEL_T1, MMIO_BASE, 0x67, 0x89
	ljmp	$SEL_T1, $0
1:	FAIL

CASE("user-task-device", FLAT32, 0)
	/* not when it is user code that asks for it */
	TABLES
	TSS_DESC SEL_T1, MMIO_BASE, 0x67, 0xe9
	TASK_GATE 0x80, SEL_T1, 0xe5
	TASK_GATE UD, SEL_T1
	USER
	FAULT_CODE(GP, SEL_T1, ljmp $SEL_T1 | 3, $0)
	FAULT_CODE(GP, SEL_T1, int $0x80)
	FAULT_CODE(DF, 0, ud2)
	PASS

	.text

/* Without unrestricted guest this is interpreted: CS is still real mode's. */
CASE("task-real", REAL, 0)
	TO_TSS	1f
	ljmpl	$0x40, $0
	FAIL
	.code32
1:	str	%ax
	EQ($0x40, %ax)
	testb	$2, 0x10045
	CHECK(jnz)
	testb	$2, 0x10025
	CHECK(jz)
	cmpw	$0x1000, 0x12054	/* DS of real mode */
	CHECK(je)
	EQ($0x77, %edi)
	PASS

CASE("task-real-call", REAL, 0)
	TO_TSS	1f
	mov	$0x40, %eax
	lcalll	$0x40, $0
	FAIL
	.code32
1:	cmpw	$0x20, 0x12100
	CHECK(je)
	pushf
	testl	$0x4000, (%esp)
	CHECK(jnz)
	popf
	/* the selectors of real mode are no descriptors': #TS in the old task, which is the new one now */
	movl	$2f, FAULT_RESUME
	movw	$0x10, 0x12054
	movw	$0x10, 0x12050
	movw	$0x08, 0x1204c
	movw	$0, 0x12048
	movl	$2f, 0x12020
	movl	$0, 0x1201c
	iret
2:	str	%ax
	EQ($0x20, %ax)
	PASS

	.section .note.GNU-stack, "", @progbits
