/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables in memory that the guest cannot write. As long as no accessed or dirty flag is to be set the
 * processor only reads them, whatever it is that it translates; with EPT's own flags such a walk counts as a write.
 */
#include "guest.h"

	HIGH

#define ROM	0x3000000		/* the tables, and where they are put together */
#define BUILD	0x800000
#define WINDOW	0x2000000		/* 2M by small pages: DATA and on */
#define AD	0x60

	/*
	 * PML4, PDPT, PD and PT: 64M to themselves by large pages, WINDOW by a page table. All flags are set. The
	 * page table's entry 0x1f is not dirty, 0x1e not accessed either.
	 */
	.macro	TABLES
	movl	$ROM + 0x1007 + AD, BUILD
	movl	$ROM + 0x2007 + AD, BUILD + 0x1000
	mov	$BUILD + 0x2000, %edi
	mov	$0x87 + AD, %eax
1:	mov	%eax, (%edi)
	movl	$0, 4(%edi)
	add	$8, %edi
	add	$0x200000, %eax
	cmp	$BUILD + 0x2100, %edi
	jne	1b
	movl	$ROM + 0x3007 + AD, BUILD + 0x2000 + (WINDOW >> 21) * 8
	mov	$BUILD + 0x3000, %edi
	mov	$DATA + 7 + AD, %eax
1:	mov	%eax, (%edi)
	movl	$0, 4(%edi)
	add	$8, %edi
	add	$0x1000, %eax
	cmp	$BUILD + 0x3100, %edi
	jne	1b
	andl	$~0x60, BUILD + 0x3000 + 0x1e * 8
	andl	$~0x40, BUILD + 0x3000 + 0x1f * 8
	mov	$ROM, %ebx
	mov	$0x4000, %ecx
	mov	$BUILD, %edx
	HOST(HOST_READONLY_COPY)
	.endm

	/* Exceptions, with the stack in the window; @stack: its pointer */
	.macro	FAULTS stack
	mov	\stack, %esi
	mov	$WINDOW + 0x4000, \stack
	FAULT(UD, ud2)
	FAULT(BP, int3)
	FAULT_CODE(PF, 0, mov 0x30000000, %eax)
	mov	%esi, \stack
	.endm

CASE("rom-tables", LONG, 0)
	TABLES
	mov	$ROM, %eax
	mov	%rax, %cr3
	FAULTS	%esp
	/* none of it is remembered */
	mov	%rax, %cr3
	movl	$0x1234, WINDOW + 0x1d000
	mov	%rax, %cr3
	FAULTS	%esp
	EQL($0x1234, DATA + 0x1d000)
	PASS

CASE("rom-tables-pae", PAE, 0)
	TABLES
	movl	$ROM + 0x2001, 0x27000
	mov	$0x27000, %eax
	mov	%eax, %cr3
	FAULTS	%esp
	mov	%eax, %cr3
	movl	$0x1234, WINDOW + 0x1d000
	mov	%eax, %cr3
	FAULTS	%esp
	EQL($0x1234, DATA + 0x1d000)
	PASS

CASE("rom-tables-user", LONG, 0)
	/* from user code, with a stack from the TSS */
	TABLES
	mov	$ROM, %eax
	mov	%rax, %cr3
	movq	$WINDOW + 0x4000, 0x12004
	push	$0x3b
	push	$STACK_TOP - 0x1000
	push	$0x3002
	push	$0x33
	push	$1f
	iretq
1:	FAULT(UD, ud2)
	FAULT(GP, hlt)
	FAULT_CODE(PF, 4, mov 0x30000000, %eax)
	PASS

CASE("rom-tables-flags", LONG, 0)
	/*
	 * Flags that would have to be set, and cannot be: the write is done without. That they stay as they are is
	 * not looked at, for the emulator writes them past a leaf that is read-only when EPT has none of its own.
	 */
	TABLES
	mov	$ROM, %eax
	mov	%rax, %cr3
	movl	$0x11, WINDOW + 0x1e000
	movl	$0x22, WINDOW + 0x1f000
	lock addl $0x100, WINDOW + 0x1f000
	EQL($0x11, WINDOW + 0x1e000)
	EQL($0x122, WINDOW + 0x1f000)
	EQL($0x11, DATA + 0x1e000)
	EQL($0x122, DATA + 0x1f000)
	FAULT(UD, ud2)
	PASS

CASE("rom-tables-irq", LONG, F_IRQCHIP)
	/* an interrupt, ended by the local APIC, which is not in the tables: x2APIC */
	TABLES
	mov	$0x1b, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
	mov	$0x80f, %ecx		/* SVR */
	mov	$0x1ff, %eax
	xor	%edx, %edx
	wrmsr
	movl	$EOI_X2APIC, EOI_MODE
	mov	$ROM, %eax
	mov	%rax, %cr3
	mov	$WINDOW + 0x4000, %esp
	mov	$0x83f, %ecx		/* to itself */
	mov	$0x40, %eax
	wrmsr
	sti
	nop
	nop
	cli
	EQL($1, IRQ_TOTAL)
	PASS

CASE("rom-tables-log", LONG, 0)
	/* its hook looks at the log of DATA + 0x8000 and on after each OUT but the first, which begins it */
	TABLES
	mov	$DATA + 0x8000, %edi
	mov	(%rdi), %eax
	mov	0x4000(%rdi), %eax
	mov	0x5000(%rdi), %eax
	out	%al, $0xf0
	/* written before: 1, 2, and 3 */
	movl	$1, 0x1000(%rdi)
	movl	$1, 0x2000(%rdi)
	movl	$1, 0x3000(%rdi)
	mov	0x4000(%rdi), %eax
	out	%al, $0xf0
	/* 2, going over to other tables, 3 */
	movl	$2, 0x2000(%rdi)
	mov	0x5000(%rdi), %eax
	mov	$ROM, %eax
	mov	%rax, %cr3
	FAULT(UD, ud2)
	movl	$2, 0x3000(%rdi)
	mov	(%rdi), %eax
	out	%al, $0xf0
	/* 1, 4 and 5 with these; 2 is read only */
	movl	$3, 0x1000(%rdi)
	mov	0x2000(%rdi), %eax
	movl	$3, 0x4000(%rdi)
	mov	(%rdi), %eax
	movl	$3, 0x5000(%rdi)
	out	%al, $0xf0
	PASS

	.section .note.GNU-stack, "", @progbits
