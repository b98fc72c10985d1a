/* SPDX-License-Identifier: GPL-2.0-only */
/* Task switches that fault: in the old task, which has lost nothing, or in the new one. */
#include "task.h"

	HIGH

/* --- the old task's --- */

CASE("task-busy", FLAT32, 0)
	TABLES
	TASK	T1, 1f
	FAULT_CODE(GP, SEL_T0, ljmp $SEL_T0, $0)
	FAULT_CODE(GP, SEL_T0, lcall $SEL_T0, $0)
	orb	$2, RIGHTS(SEL_T1)
	FAULT_CODE(GP, SEL_T1, ljmp $SEL_GATE, $0)
	TASK_GATE 0x80, SEL_T0
	TASK_GATE UD, SEL_T0
	FAULT_CODE(GP, SEL_T0, int $0x80)
	FAULT_CODE(GP, SEL_T0 | 1, ud2)	/* EXT: not by an instruction that asks for it */
	FAULT_CODE(GP, SEL_T0, int $6)
	IN_TASK	SEL_T0
	BUSY(SEL_T0)
	PASS
1:	FAIL

CASE("task-not-a-task", FLAT32, 0)
	TABLES
	FAULT_CODE(GP, SEL_LDT, ljmp $SEL_LDT, $0)
	FAULT_CODE(GP, 0x1000, ljmp $0x1000, $0)
	FAULT_CODE(GP, 0, ljmp $0, $0)
	DESC	SEL_GATE, (0x10<<16), 0x8500	/* a gate to a data segment */
	FAULT_CODE(GP, 0x10, lcall $SEL_GATE, $0)
	DESC	SEL_GATE, (0x54<<16), 0x8500	/* to one of the LDT */
	FAULT_CODE(GP, 0x54, lcall $SEL_GATE, $0)
	DESC	SEL_GATE, (SEL_T1<<16), 0x0500
	FAULT_CODE(NP, SEL_GATE, lcall $SEL_GATE, $0)
	TASK_GATE 0x80, SEL_T1, 0x05
	FAULT_CODE(NP, 0x80 * 8 + 2, int $0x80)
	TASK_GATE 0x80, 0x2000
	FAULT_CODE(GP, 0x2000, int $0x80)
	IN_TASK	SEL_T0
	PASS

CASE("task-iret-faults", FLAT32, 0)
	TABLES
	TASK	T1, 1f
	NT_ON
	movw	$SEL_T1, T0
	FAULT_CODE(TS, SEL_T1, iret)	/* available */
	movw	$0, T0
	FAULT_CODE(TS, 0, iret)
	movw	$0x1008, T0
	FAULT_CODE(TS, 0x1008, iret)
	movw	$SEL_T1 | 4, T0
	FAULT_CODE(TS, SEL_T1 | 4, iret)
	movw	$0x10, T0
	FAULT_CODE(TS, 0x10, iret)
	movw	$SEL_T1, T0
	TSS_DESC SEL_T1, T1, 0x67, 0x0b
	FAULT_CODE(NP, SEL_T1, iret)
	TSS_DESC SEL_T1, T1, 0x66, 0x8b
	FAULT_CODE(TS, SEL_T1, iret)
	BUSY(SEL_T0)
	IN_TASK	SEL_T0
	TSS_DESC SEL_T1, T1, 0x67, 0x8b
	iret				/* and now it is right */
1:	IN_TASK	SEL_T1
	BUSY(SEL_T1)
	AVAILABLE(SEL_T0)
	testl	$0x4000, T0 + TSS_EFLAGS
	CHECK(jz)
	PASS

CASE("task-not-present", FLAT32, 0)
	TABLES
	TASK	T1, 1f
	TSS_DESC SEL_T1, T1, 0x67, 0x09
	FAULT_CODE(NP, SEL_T1, ljmp $SEL_T1, $0)
	FAULT_CODE(NP, SEL_T1, lcall $SEL_GATE, $0)
	TASK_GATE UD, SEL_T1
	FAULT_CODE(NP, SEL_T1 | 1, ud2)
	FAULT_CODE(NP, SEL_T1, int $6)
	IN_TASK	SEL_T0
	PASS
1:	FAIL

CASE("task-limit", FLAT32, 0)
	TABLES
	TASK	T1, 1f
	TSS_DESC SEL_T1, T1, 0x66, 0x89
	FAULT_CODE(TS, SEL_T1, ljmp $SEL_T1, $0)
	TSS_DESC SEL_T16, T16, 0x2a, 0x81
	FAULT_CODE(TS, SEL_T16, lcall $SEL_T16, $0)
	TASK_GATE UD, SEL_T1
	FAULT_CODE(TS, SEL_T1 | 1, ud2)
	IN_TASK	SEL_T0
	AVAILABLE(SEL_T1)
	PASS
1:	FAIL

	/* Pages of 4K at 0x40000000: the first two of untouched memory. */
	.macro	SMALL_PAGES
	movl	$UNTOUCHED | 7, DATA + 0x9000
	movl	$(UNTOUCHED + 0x1000) | 7, DATA + 0x9004
	movl	$(DATA + 0x9000) | 7, 0x26400
	mov	%cr3, %eax
	mov	%eax, %cr3
	.endm

	/* The TSS is at 0x40000fe0: EIP is in the second page. */
	.macro	TASK_ACROSS
	TASK	T1, 1f
	cld
	mov	$T1, %esi
	mov	$0x40000fe0, %edi
	mov	$26, %ecx
	rep movsl
	TSS_DESC SEL_T1, 0x40000fe0, 0x67, 0x89
	.endm

CASE("task-tss-unmapped", PAGE32, 0)
	TABLES
	SMALL_PAGES
	TASK_ACROSS
	movl	$0, DATA + 0x9004
	invlpg	0x40001000
	mov	$0x51515151, %esi
	FAULT_CODE(PF, 0, ljmp $SEL_T1, $0)
	mov	FAULT_CR2, %eax
	and	$~0xfff, %eax
	EQ($0x40001000, %eax)
	IN_TASK	SEL_T0
	BUSY(SEL_T0)
	AVAILABLE(SEL_T1)
	TASK_GATE UD, SEL_T1
	FAULT_CODE(PF, 0, ud2)
	IN_TASK	SEL_T0
	movl	$0, DATA + 0x9000
	invlpg	0x40000000
	FAULT(PF, lcall $SEL_GATE, $0)
	mov	FAULT_CR2, %eax
	and	$~0xfff, %eax
	EQ($0x40000000, %eax)
	AVAILABLE(SEL_T1)
	BUSY(SEL_T0)
	/* mapped again, it is the task that it was */
	movl	$UNTOUCHED | 7, DATA + 0x9000
	movl	$(UNTOUCHED + 0x1000) | 7, DATA + 0x9004
	lcall	$SEL_GATE, $0
	EQ($0x51515151, %esi)
	AVAILABLE(SEL_T1)
	PASS
1:	cmpw	$SEL_T0, 0x40000fe0
	CHECK(je)
	xor	%esi, %esi
	iret

CASE("task-tss-read-only", PAGE32, 0)
	/* the back link cannot be written; JMP has none */
	TABLES
	SMALL_PAGES
	TASK_ACROSS
	movl	$UNTOUCHED | 5, DATA + 0x9000
	invlpg	0x40000000
	FAULT_CODE(PF, 3, lcall $SEL_T1, $0)
	mov	FAULT_CR2, %eax
	and	$~0xfff, %eax
	EQ($0x40000000, %eax)
	IN_TASK	SEL_T0
	AVAILABLE(SEL_T1)
	ljmp	$SEL_T1, $0
1:	IN_TASK	SEL_T1
	/* nor can this one be left, whose registers are to be written */
	movl	$(UNTOUCHED + 0x1000) | 5, DATA + 0x9004
	invlpg	0x40001000
	FAULT_CODE(PF, 3, ljmp $SEL_T0, $0)
	mov	FAULT_CR2, %eax
	shr	$12, %eax
	cmp	$0x40001, %eax
	CHECK(jbe)
	IN_TASK	SEL_T1
	BUSY(SEL_T1)
	AVAILABLE(SEL_T0)
	PASS

/* --- the new task's --- */

	/* T1 with @value at @offset faults in the new task; its handler is a task as well. */
	.macro	BAD offset, value, vec, code
	mov	$\offset, %esi
	mov	$\value, %edi
	mov	$\vec, %ebx
	mov	$\code, %ecx
	movl	$__LINE__, FAIL_LINE
	call	bad_task
	.endm

bad_task:
	movl	$SEL_T2 << 16, IDT(, %ebx, 8)
	movl	$0x8500, IDT + 4(, %ebx, 8)
	TASK	T1, 1f
	TASK	T2, 2f
	mov	%edi, T1(%esi)
	ljmp	$SEL_T1, $0
	EQ(%ecx, RESULTS + 8)
	EQ(%edi, T1(%esi))		/* SS's RPL may have become the CPL */
	andb	$~2, RIGHTS(SEL_T1)
	ret
1:	FAIL
2:	pop	RESULTS + 8
	EQ($S2, %esp)
	cmpw	$SEL_T1, T2
	CHECK(je)
	BUSY(SEL_T1)
	EQL($1b, T1 + TSS_EIP)		/* nothing of it has been executed */
	testl	$0x10000, T1 + TSS_EFLAGS
	CHECK(jnz)
	ljmp	$SEL_T0, $0

CASE("task-bad-segments", FLAT32, 0)
	TABLES
	BAD	TSS_CS, 0, TS, 0
	BAD	TSS_CS, 0x10, TS, 0x10	/* data */
	BAD	TSS_CS, 0x200, TS, 0x200 /* beyond the GDT's limit */
	BAD	TSS_CS, SEL_T2, TS, SEL_T2
	BAD	TSS_CS, 0x0b, TS, 0x08	/* RPL 3, DPL 0 */
	BAD	TSS_CS, 0x30, TS, 0x30	/* RPL 0, DPL 3 */
	BAD	TSS_CS, 0x0c, TS, 0x0c	/* of an LDT that there is not */
	DESC	SEL_ODD, 0x0000ffff, 0x00cf1b00
	BAD	TSS_CS, SEL_ODD, NP, SEL_ODD
	BAD	TSS_SS, 0, TS, 0
	BAD	TSS_SS, 0x08, TS, 0x08	/* code */
	BAD	TSS_SS, 0x38, TS, 0x38	/* DPL 3 */
	BAD	TSS_SS, 0x200, TS, 0x200
	DESC	SEL_ODD, 0x0000ffff, 0x00cf1300
	BAD	TSS_SS, SEL_ODD, SS, SEL_ODD
	BAD	TSS_DS, SEL_ODD, NP, SEL_ODD
	DESC	SEL_ODD, 0x0000ffff, 0x00cf9100
	BAD	TSS_SS, SEL_ODD, TS, SEL_ODD /* read-only */
	BAD	TSS_DS, 0x1000, TS, 0x1000
	BAD	TSS_ES, SEL_T2, TS, SEL_T2
	BAD	TSS_FS, 0x13, TS, 0x10	/* RPL 3, DPL 0 */
	BAD	TSS_GS, 0x14, TS, 0x14
	DESC	SEL_ODD, 0x0000ffff, 0x00cf9900
	BAD	TSS_DS, SEL_ODD, TS, SEL_ODD /* execute-only */
	BAD	TSS_LDT, 0x10, TS, 0x10
	BAD	TSS_LDT, SEL_LDT | 4, TS, SEL_LDT | 4
	BAD	TSS_LDT, 0x200, TS, 0x200
	TSS_DESC SEL_LDT, LDT, 0x3f, 0x02
	BAD	TSS_LDT, SEL_LDT, TS, SEL_LDT
	PASS

CASE("task-bad-stack-rpl", FLAT32, 0)
	/* what the fault's handler finds of SS is not said */
	TABLES
	TASK	T1, 1f
	TASK	T2, 2f
	TASK_GATE TS, SEL_T2
	movl	$0x13, T1 + TSS_SS
	lcall	$SEL_T1, $0
1:	FAIL
2:	EQL($0x10, (%esp))
	cmpw	$SEL_T1, T2
	CHECK(je)
	EQL($1b, T1 + TSS_EIP)
	PASS

CASE("task-bad-segments-in-place", FLAT32, 0)
	/* CS and SS are good: the handler need not be a task */
	TABLES
	TASK	T1, 1f
	movl	$0x1000, T1 + TSS_FS
	movl	$2f, FAULT_RESUME
	lcall	$SEL_T1, $0
0:	IN_TASK	SEL_T0
	andb	$~2, RIGHTS(SEL_T1)
	TASK	T1, 1f
	movl	$0x1000, T1 + TSS_GS
	TASK_GATE UD, SEL_T1
	movl	$3f, FAULT_RESUME
4:	ud2
1:	FAIL
2:	EQL($TS, FAULT_VEC)
	EQL($0x1000, FAULT_ERR)
	EQL($1b, FAULT_RIP)
	IN_TASK	SEL_T1
	cmpw	$SEL_T0, T1
	CHECK(je)
	EQ($S1, %esp)
	iret				/* NT: the link is good, too */
3:	EQL($TS, FAULT_VEC)
	EQL($0x1001, FAULT_ERR)		/* EXT */
	IN_TASK	SEL_T1
	EQL($4b, T0 + TSS_EIP)
	PASS

CASE("task-eip-limit", FLAT32, 0)
	TABLES
	TASK	T1, 0x2000
	DESC	SEL_ODD, 0x00000fff, 0x00409b00
	movl	$SEL_ODD, T1 + TSS_CS
	movl	$1f, HANDLER + 4 * GP
	ljmp	$SEL_T1, $0
	FAIL
1:	EQL($0x2000, (%esp))
	cmpw	$SEL_ODD, 4(%esp)
	CHECK(je)
	IN_TASK	SEL_T1
	PASS

CASE("task-error-code-stack", FLAT32, 0)
	/* #GP, whose error code finds no stack: #SS of the same delivery, #DF */
	TABLES
	TASK	T1, 1f
	TASK	T2, 2f
	TASK_GATE GP, SEL_T1
	TASK_GATE DF, SEL_T2
	DESC	SEL_ODD, 0x00000fff, 0x00409300
	movl	$SEL_ODD, T1 + TSS_SS
	mov	$0x1008, %eax
	mov	%eax, %ds
1:	FAIL
2:	EQL($0, (%esp))
	cmpw	$SEL_T1, T2
	CHECK(je)
	EQL($1b, T1 + TSS_EIP)
	EQL($S1, T1 + TSS_ESP)		/* nothing was pushed */
	PASS

	.section .note.GNU-stack, "", @progbits
