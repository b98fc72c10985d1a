/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guests and the host program agree on.
 *
 * A guest says how it ended by an OUT: to port 0xf4, passed; 0xf5, failed at
 * the line it has written to FAIL_LINE; 0xf6, cannot be decided on this CPU.
 * It asks the host for a service by an OUT of EAX = HOST_x to port 0xe0, with
 * arguments in EBX, ECX and EDX, and finds the answer at RESULT.
 *
 * Two devices stand in for the VMM's: 64K of MMIO at MMIO_BASE and 256 ports
 * at PIO_BASE give back what was written. Reads of port PIO_COUNT give bytes
 * 0, 1, 2, ...; what is written to PIO_LOG is kept for HOST_PIO_LOG.
 */
#ifndef VH_TESTS_GUEST_H
#define VH_TESTS_GUEST_H

/* The mailbox: below 64K, so that real mode reaches it as well. */
#define FAIL_LINE	0x400
#define FAULT_RESUME	0x408	/* where to go on after the next exception */
#define FAULT_VEC	0x410	/* what the last one was */
#define FAULT_ERR	0x418
#define FAULT_RIP	0x420
#define FAULT_CR2	0x428
#define FAULT_DR6	0x430
#define FAULT_FLAGS	0x438
#define EOI_MODE	0x440	/* what the interrupt stubs do, EOI_x */
#define LAST_IRQ	0x448
#define IRQ_TOTAL	0x450
#define PARAM		0x480	/* 8 quadwords from the host's hook */
#define RESULT		0x4c0	/* 8 quadwords, answer of HOST_x */

#define EOI_NONE	0
#define EOI_XAPIC	1
#define EOI_X2APIC	2
#define EOI_PIC		3
#define EOI_PIC_SLAVE	4

#define STACK_REAL	0x1000
#define STACK_TOP	0x1fff0
#define IRQ_COUNT	0x28000	/* 256 dwords */
#define HANDLER		0x28400	/* 256 dwords: handler instead of the stub's */
#define ORDER		0x28800	/* bytes: vectors in order of arrival */
#define DATA		0x30000	/* 64K for the case to use */
#define AP_STACKS	0x50000	/* 4K for each vCPU above 0 */
#define RAM_SIZE	0x1000000
#define UNTOUCHED	0x800000 /* memory nobody touches before the case */
#define MMIO_BASE	0xd0000000
#define PIO_BASE	0x500
#define PIO_COUNT	0x580
#define PIO_LOG		0x590

#define REAL		0	/* enum guest_mode */
#define FLAT32		1
#define PAGE32		2
#define PAE		3
#define LONG		4

#define F_IRQCHIP	1
#define F_PIT		2
#define F_VCPUS(n)	((n) << 8)	/* default 1 */
#define F_SHUTDOWN	0x10	/* the case passes by a triple fault */
#define F_MANUAL	0x20	/* started by a host case, not by itself */

#define HOST_IRQ_LINE	1	/* EBX: GSI, ECX: level */
#define HOST_MSI	2	/* EBX: address, ECX: data; RESULT: delivered */
#define HOST_NMI	3
#define HOST_INTERRUPT	4	/* EBX: vector, without an irqchip */
#define HOST_DELAYED	5	/* EBX: GSI pulse after ECX microseconds */
#define HOST_MMIO_LOG	6	/* RESULT: writes, reads, last addr, len, data */
#define HOST_PIO_LOG	7	/* copies to DATA; RESULT: bytes */
#define HOST_IRQFD	8	/* EBX: GSI whose irqfd is signalled */
#define HOST_IOEVENTFD	9	/* EBX: address, ECX: length, EDX: 1 port */
#define HOST_IOEVENTS	10	/* RESULT: signals received */
#define HOST_DONTNEED	11	/* EBX: address, ECX: length */
#define HOST_READONLY	12	/* EBX: address of a new read-only slot, ECX: length */
#define HOST_RESAMPLE	14	/* EBX: GSI; RESULT: resampler signals so far */
#define HOST_GET_IRR	15	/* RESULT: vCPU 0's interrupt bitmap pending, RESULT+8 RFLAGS.IF */
#define HOST_SLEEP	16	/* ECX: microseconds */
#define HOST_READONLY_COPY 18	/* EBX, ECX: as HOST_READONLY, EDX: of the memory there */
#define HOST_SMM		19	/* EBX: a handler; SMM's memory is there, with it, see smm.S */
#define HOST_DELAYED_MSI 17	/* EBX: address, ECX: microseconds, EDX: data */

#ifdef __ASSEMBLER__

	.macro	case_ name, mode, file, flags
	.pushsection .cases, "a"
	.long	entry\@, \mode, \flags, 0
98:	.ascii	"\name"
	.org	98b + 48
98:	.ascii	"\file"
	.org	98b + 16
	.popsection
	.if	\mode == LONG
	.code64
	.elseif	\mode == REAL
	.code16
	.else
	.code32
	.endif
	.balign	16
entry\@:
	.endm
#define CASE(name, mode, flags) case_ name, mode, __FILE__, (flags)
/* Cases below it run above 64K, where there is room: not for real mode. */
#define HIGH		.section .high, "ax", @progbits

/* Rounds of a wait for what has to come: some 0.2 s of a fast processor; the lab's time limit comes first */
#define ROUNDS		1000000000

#define PASS		out %al, $0xf4
#define SKIP		movl $__LINE__, FAIL_LINE; out %al, $0xf6
#define FAIL		movl $__LINE__, FAIL_LINE; out %al, $0xf5
#define HOST(what)	mov $what, %eax; out %eax, $0xe0

	/* the case is skipped unless CPUID has all these bits */
	.macro	NEED leaf, reg, bits
	mov	$\leaf, %eax
	xor	%ecx, %ecx
	cpuid
	not	%\reg
	test	$\bits, %\reg
	jz	97f
	SKIP
97:
	.endm

/* CHECK(je): fail unless the condition holds */
#define CHECK(jcc)	jcc 9991f; FAIL; 9991:
/* EQ(a, b): fail unless cmp finds them equal */
#define EQ(...)		cmp __VA_ARGS__; CHECK(je)
#define EQW(...)	cmpw __VA_ARGS__; CHECK(je)
#define EQL(...)	cmpl __VA_ARGS__; CHECK(je)
#define EQQ(...)	cmpq __VA_ARGS__; CHECK(je)

/* FAULT(vector, instruction): the instruction must raise that exception */
#define FAULT(vec, ...) \
	movl $9992f, FAULT_RESUME; movl $-1, FAULT_VEC; \
	__VA_ARGS__; movl $0, FAULT_RESUME; \
9992:	EQL($vec, FAULT_VEC)
/* FAULT_CODE: and with that error code */
#define FAULT_CODE(vec, code, ...) \
	FAULT(vec, __VA_ARGS__); EQL($code, FAULT_ERR)

#define DE 0
#define DB 1
#define NMI 2
#define BP 3
#define OF 4
#define BR 5
#define UD 6
#define NM 7
#define DF 8
#define TS 10
#define NP 11
#define SS 12
#define GP 13
#define PF 14
#define MF 16
#define AC 17
#define XM 19

#endif
#endif
