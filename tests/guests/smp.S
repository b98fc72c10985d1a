/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * More than one vCPU. The others are started by INIT and SIPI at 0x60000 and
 * call what PARAM names, with their APIC id in EDI (see start.S).
 */
#include "guest.h"

#define READY	(DATA + 0x100)		/* vCPUs that have arrived */
#define DONE	(DATA + 0x140)
#define GO	(DATA + 0x180)
#define LOCK	(DATA + 0x1c0)
#define COUNT	(DATA + 0x200)

	.macro	START_APS routine, n
	mov	$0xfee00000, %r8d
	movl	$0x1ff, 0xf0(%r8)
	movl	$EOI_XAPIC, EOI_MODE
	movl	$\routine, PARAM
	movl	$0xc4500, 0x300(%r8)	/* INIT to all but self */
	movl	$0xc4660, 0x300(%r8)	/* SIPI 0x60 */
	movl	$0xc4660, 0x300(%r8)	/* the second is ignored */
	WAIT_FOR READY, \n
	.endm

	/*
	 * A turn of a waiting loop. It exits by itself: in bochs 2.7 the host's
	 * interrupts do not end a guest's loop with IF clear where PAUSE does
	 * not exit (CPUs before Ivy Bridge-EP; KVM's guests hang there as well).
	 */
	.macro	RELAX
	pause
	push	%rax
	mov	$0xfee00020, %eax
	mov	(%rax), %eax
	pop	%rax
	.endm

	.macro	WAIT_FOR addr, n
	mov	$ROUNDS, %ecx
98:	cmpl	$\n, \addr
	jae	99f
	RELAX
	dec	%ecx
	jnz	98b
	FAIL
99:
	.endm

	.macro	AP_ON			/* its own APIC, interrupts open */
	mov	$0xfee00000, %r8d
	movl	$0x1ff, 0xf0(%r8)
	lock incl READY
	sti
	.endm

CASE("smp-start", LONG, F_IRQCHIP | F_VCPUS(2))
	START_APS ap_arrive, 1
	EQL($1, READY)
	EQL($1, DATA)			/* the id it saw */
	PASS

ap_arrive:
	mov	%edi, DATA
	lock incl READY
	ret

CASE("smp-start-4", LONG, F_IRQCHIP | F_VCPUS(4))
	START_APS ap_arrive_4, 3
	EQL($0xe, DATA)
	PASS

ap_arrive_4:
	mov	%edi, %ecx
	mov	$1, %eax
	shl	%cl, %eax
	lock or	%eax, DATA
	lock incl READY
	ret

CASE("smp-start-one", LONG, F_IRQCHIP | F_VCPUS(3))
	/* by its id; the other stays where it is */
	mov	$0xfee00000, %r8d
	movl	$0x1ff, 0xf0(%r8)
	movl	$ap_arrive_4, PARAM
	movl	$0x02000000, 0x310(%r8)
	movl	$0x4500, 0x300(%r8)
	movl	$0x02000000, 0x310(%r8)
	movl	$0x4660, 0x300(%r8)
	WAIT_FOR READY, 1
	mov	$100000, %ecx
1:	pause
	loop	1b
	EQL($4, DATA)
	PASS

CASE("smp-fixed-ipi", LONG, F_IRQCHIP | F_VCPUS(2))
	/* to a vCPU that runs and to one that halts */
	START_APS ap_halt_loop, 1
	mov	$20, %esi
1:	movl	$0x01000000, 0x310(%r8)
	movl	$0x60, 0x300(%r8)
	mov	$21, %edx
	sub	%esi, %edx
	mov	$ROUNDS, %ecx
2:	cmp	%edx, IRQ_COUNT + 4 * 0x60
	jae	3f
	RELAX
	loop	2b
	FAIL
3:	dec	%esi
	jnz	1b
	EQL($20, IRQ_COUNT + 4 * 0x60)
	PASS

ap_halt_loop:
	AP_ON
1:	hlt
	jmp	1b

CASE("smp-running-ipi", LONG, F_IRQCHIP | F_VCPUS(2))
	/* a vCPU that never exits of itself gets it as well */
	START_APS ap_spin, 1
	movl	$0x01000000, 0x310(%r8)
	movl	$0x60, 0x300(%r8)
	WAIT_FOR IRQ_COUNT+4*0x60, 1
	PASS

ap_spin:
	AP_ON
1:	pause
	jmp	1b

CASE("smp-broadcast", LONG, F_IRQCHIP | F_VCPUS(4))
	START_APS ap_halt_loop, 3
	movl	$ap_count, HANDLER + 4 * 0x60
	movl	$0xc0060, 0x300(%r8)
	WAIT_FOR COUNT, 3
	mov	$100000, %ecx
1:	pause
	loop	1b
	EQL($3, COUNT)
	sti
	movl	$0x80060, 0x300(%r8)	/* all, self included */
	WAIT_FOR COUNT, 7
	EQL($7, COUNT)
	PASS

ap_count:
	lock incl COUNT
	push	%rax
	mov	$0xfee000b0, %eax
	movl	$0, (%rax)
	pop	%rax
	iretq

CASE("smp-logical", LONG, F_IRQCHIP | F_VCPUS(4))
	/* flat model: each vCPU has set its bit */
	START_APS ap_logical, 3
	movl	$ap_count, HANDLER + 4 * 0x60
	movl	$0x0c000000, 0x310(%r8)
	movl	$0x860, 0x300(%r8)
	WAIT_FOR COUNT, 2
	mov	$100000, %ecx
1:	pause
	loop	1b
	EQL($2, COUNT)
	/* lowest priority: just one of them */
	movl	$0x0e000000, 0x310(%r8)
	movl	$0x960, 0x300(%r8)
	WAIT_FOR COUNT, 3
	mov	$100000, %ecx
1:	pause
	loop	1b
	EQL($3, COUNT)
	PASS

ap_logical:
	mov	$0xfee00000, %r8d
	mov	%edi, %ecx
	mov	$0x01000000, %eax
	shl	%cl, %eax
	mov	%eax, 0xd0(%r8)
	AP_ON
1:	hlt
	jmp	1b

CASE("smp-nmi", LONG, F_IRQCHIP | F_VCPUS(2))
	START_APS ap_cli_halt, 1
	movl	$0x01000000, 0x310(%r8)
	movl	$0x400, 0x300(%r8)
	WAIT_FOR IRQ_COUNT+8, 1
	PASS

ap_cli_halt:
	AP_ON
	cli
1:	hlt
	jmp	1b

CASE("smp-lock", LONG, F_IRQCHIP | F_VCPUS(4))
	/* a counter under a lock, all at once */
	START_APS ap_lock, 3
	call	locked_adds
	WAIT_FOR DONE, 3
	EQL($8000, COUNT)
	PASS

ap_lock:
	lock incl READY
	call	locked_adds
	lock incl DONE
	ret

locked_adds:
	mov	$2000, %esi
1:	mov	$1, %eax
	xchg	%eax, LOCK
	test	%eax, %eax
	jz	2f
	RELAX
	jmp	1b
2:	incl	COUNT
	movl	$0, LOCK
	dec	%esi
	jnz	1b
	ret

CASE("smp-faults", LONG, F_IRQCHIP | F_VCPUS(4))
	/* all fault on the same fresh pages at the same time */
	START_APS ap_faults, 3
	call	touch_all
	WAIT_FOR DONE, 3
	mov	$UNTOUCHED, %edi
	mov	$256, %ecx
1:	EQL($4, (%rdi))
	add	$0x1000, %edi
	dec	%ecx
	jnz	1b
	PASS

ap_faults:
	lock incl READY
	call	touch_all
	lock incl DONE
	ret

touch_all:
	mov	$UNTOUCHED, %edi
	mov	$256, %ecx
1:	lock incl (%rdi)
	add	$0x1000, %edi
	dec	%ecx
	jnz	1b
	ret

CASE("smp-tlb-shootdown", LONG, F_IRQCHIP | F_VCPUS(2))
	/* as an OS does: change the entry, IPI, wait, then reuse the page */
	movl	$1, 0x31000
	movl	$2, 0x32000
	movq	$0x31003, 0x33000
	movq	$0x33003, 0x23000
	movl	$tlb_ipi, HANDLER + 4 * 0x61
	START_APS ap_tlb, 1
	mov	$10, %esi
1:	movl	$0, DONE
	movq	$0x32003, 0x33000
	call	2f
	EQL($2, GO)
	movl	$0, DONE
	movq	$0x31003, 0x33000
	call	2f
	EQL($1, GO)
	dec	%esi
	jnz	1b
	PASS
2:	movl	$0x01000000, 0x310(%r8)
	movl	$0x61, 0x300(%r8)
	WAIT_FOR DONE, 1
	ret

ap_tlb:
	AP_ON
	mov	$0x40000000, %ebx
1:	mov	(%rbx), %eax
	pause
	jmp	1b

tlb_ipi:
	invlpg	(%rbx)
	mov	(%rbx), %eax
	mov	%eax, GO
	mov	$0xfee000b0, %eax
	movl	$0, (%rax)
	movl	$1, DONE
	iretq

CASE("smp-dontneed", LONG, F_IRQCHIP | F_VCPUS(2))
	/* memory the host takes back is gone for the vCPU that runs, too */
	movl	$5, UNTOUCHED
	START_APS ap_watch, 1
	mov	$UNTOUCHED, %ebx
	mov	$0x1000, %ecx
	HOST(HOST_DONTNEED)
	WAIT_FOR DONE, 1
	PASS

ap_watch:
	lock incl READY
1:	RELAX
	cmpl	$0, UNTOUCHED
	jne	1b
	lock incl DONE
	ret

CASE("smp-broadcast-8", LONG, F_IRQCHIP | F_VCPUS(8))
	/* to all of many, by the xAPIC and by the x2APIC of the sender */
	START_APS ap_open, 7
	movl	$ap_count, HANDLER + 4 * 0x71
	mov	$100, %esi
	xor	%ebp, %ebp
1:	add	$7, %ebp
	movl	$0xc4071, 0x300(%r8)	/* all but self */
2:	RELAX
	cmp	%ebp, COUNT
	jb	2b
	dec	%esi
	jnz	1b
	mov	$1, %eax
	cpuid
	test	$(1 << 21), %ecx
	jz	4f
	mov	$0x1b, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
	mov	$100, %esi
1:	add	$7, %ebp
	mov	$0x830, %ecx
	mov	$0xc4071, %eax
	xor	%edx, %edx
	wrmsr
2:	pause
	cmp	%ebp, COUNT
	jb	2b
	dec	%esi
	jnz	1b
4:	EQ(%ebp, COUNT)
	PASS

ap_open:
	AP_ON
1:	hlt
	jmp	1b

CASE("smp-ioapic-lowest", LONG, F_IRQCHIP | F_VCPUS(4))
	START_APS ap_logical, 3
	movl	$ap_count, HANDLER + 4 * 0x71
	mov	$0xfec00000, %r9d
	movl	$0x1b, (%r9)
	movl	$0x0e000000, 0x10(%r9)
	movl	$0x1a, (%r9)
	movl	$0x971, 0x10(%r9)
	mov	$12, %esi
1:	mov	$5, %ebx
	mov	$1, %ecx
	HOST(HOST_IRQ_LINE)
	xor	%ecx, %ecx
	HOST(HOST_IRQ_LINE)
	mov	$13, %edx
	sub	%esi, %edx
	mov	$ROUNDS, %ecx
2:	cmp	%edx, COUNT
	jae	3f
	RELAX
	loop	2b
	FAIL
3:	dec	%esi
	jnz	1b
	EQL($12, COUNT)
	PASS

	.section .note.GNU-stack, "", @progbits
