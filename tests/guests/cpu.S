/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUID, VMCALL and the instructions that always or sometimes exit. */
#include "guest.h"

CASE("cpuid", LONG, 0)
	xor	%eax, %eax
	cpuid
	cmp	$1, %eax
	CHECK(jae)
	mov	%eax, %esi
	test	%ebx, %ebx
	CHECK(jnz)
	mov	$1, %eax
	mov	$0xffffffff, %rbx	/* upper halves are cleared */
	cpuid
	mov	%rbx, %rdi
	shr	$32, %rdi
	CHECK(jz)
	mov	%rax, %rdi
	shr	$32, %rdi
	CHECK(jz)
	test	$(1 << 5), %edx		/* MSR */
	CHECK(jnz)
	mov	$0x80000000, %eax
	cpuid
	cmp	$0x80000001, %eax
	CHECK(jae)
	mov	$0x80000001, %eax
	cpuid
	test	$(1 << 29), %edx	/* long mode */
	CHECK(jnz)
	PASS

CASE("cpuid-hypervisor", LONG, 0)
	mov	$1, %eax
	cpuid
	test	%ecx, %ecx		/* bit 31 */
	CHECK(js)
	mov	$0x40000000, %eax
	cpuid
	cmp	$0x40000000, %eax
	CHECK(jae)
	PASS

CASE("cpuid-osxsave", LONG, 0)
	mov	$1, %eax
	cpuid
	test	$(1 << 26), %ecx
	jnz	1f
	SKIP
1:	test	$(1 << 27), %ecx
	CHECK(jz)
	mov	%cr4, %rax
	or	$(1 << 18), %eax
	mov	%rax, %cr4
	mov	$1, %eax
	cpuid
	test	$(1 << 27), %ecx
	CHECK(jnz)
	PASS

CASE("cpuid-real", REAL, 0)
	xor	%eax, %eax
	cpuid
	cmp	$1, %eax
	CHECK(jae)
	PASS

CASE("cpuid-32", FLAT32, 0)
	xor	%eax, %eax
	cpuid
	cmp	$1, %eax
	CHECK(jae)
	PASS

CASE("vmcall-unknown", LONG, 0)
	mov	$0x1234, %eax
	vmcall
	EQ($-1000, %rax)
	PASS

CASE("vmcall-32", FLAT32, 0)
	mov	$0x1234, %eax
	vmcall
	EQ($-1000, %eax)
	PASS

CASE("rdtsc-monotonic", LONG, 0)
	mov	$2000, %esi
	xor	%edi, %edi
1:	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	cmp	%rdi, %rax
	CHECK(ja)
	mov	%rax, %rdi
	test	$63, %esi
	jnz	2f
	xor	%eax, %eax
	cpuid				/* exits in between */
2:	dec	%esi
	jnz	1b
	PASS

CASE("rdtscp", LONG, 0)
	mov	$0x80000001, %eax
	cpuid
	test	$(1 << 27), %edx
	jnz	1f
	SKIP
1:	mov	$0xc0000103, %ecx
	mov	$0x1234, %eax
	xor	%edx, %edx
	wrmsr
	rdtscp
	EQ($0x1234, %ecx)
	PASS

CASE("pause", LONG, 0)
	mov	$20000, %ecx
1:	pause
	dec	%ecx
	jnz	1b
	PASS

CASE("wbinvd", LONG, 0)
	movl	$0x1234, DATA
	wbinvd
	EQL($0x1234, DATA)
	PASS

CASE("invd", LONG, 0)
	/* It may not lose the host's data. */
	movl	$0x5678, DATA
	invd
	EQL($0x5678, DATA)
	PASS

CASE("invlpg", LONG, 0)
	/* 4K mappings of 0x40000000 in a page table of our own */
	movl	$1, 0x31000
	movl	$2, 0x32000
	movq	$0x31003, 0x30000
	movq	$0x30003, 0x23000
	mov	$0x40000000, %ebx
	EQL($1, (%rbx))
	movq	$0x32003, 0x30000
	invlpg	(%rbx)
	EQL($2, (%rbx))
	PASS

CASE("cr3-upper", LONG, 0)
	/* another page table each time, both known already: the way down changes, and not the leaf */
	movl	$1, 0x31000
	movl	$2, 0x32000
	movq	$0x31003, 0x30000
	movq	$0x32003, 0x34000
	mov	$0x40000000, %ebx
	mov	$8, %ecx
1:	movq	$0x30003, 0x23000
	mov	%cr3, %rax
	mov	%rax, %cr3
	EQL($1, (%rbx))
	movq	$0x34003, 0x23000
	mov	%rax, %cr3
	EQL($2, (%rbx))
	dec	%ecx
	jnz	1b
	PASS

CASE("invpcid", LONG, 0)
	mov	$7, %eax
	xor	%ecx, %ecx
	cpuid
	test	$(1 << 10), %ebx
	jnz	1f
	SKIP
1:	movl	$1, 0x31000
	movl	$2, 0x32000
	movq	$0x31003, 0x30000
	movq	$0x30003, 0x23000
	mov	$0x40000000, %ebx
	EQL($1, (%rbx))
	movq	$0x32003, 0x30000
	movq	$0, DATA + 0x8000
	movq	$0, DATA + 0x8008
	mov	$2, %eax
	invpcid	DATA + 0x8000, %rax
	EQL($2, (%rbx))
	/* an invalid type is #GP */
	mov	$7, %eax
	FAULT(GP, invpcid DATA + 0x8000, %rax)
	PASS

CASE("monitor-mwait", LONG, 0)
	/* Either it works as a NOP or it is #UD: it never hangs. */
	movl	$1f, FAULT_RESUME
	mov	$DATA, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	monitor	%rax, %ecx, %edx
	movl	$0, FAULT_RESUME
	PASS
1:	EQL($UD, FAULT_VEC)
	PASS

CASE("syscall", LONG, 0)
	mov	$0xc0000081, %ecx	/* STAR: kernel CS 0x18; SS 0x20 unused */
	xor	%eax, %eax
	mov	$0x00000018, %edx
	wrmsr
	mov	$0xc0000082, %ecx
	mov	$1f, %eax
	xor	%edx, %edx
	wrmsr
	mov	$0xc0000084, %ecx
	mov	$0x400, %eax
	wrmsr
	std
	syscall
0:	FAIL
1:	EQ($0b, %rcx)
	pushf
	pop	%rax
	test	$0x400, %eax		/* masked by FMASK */
	CHECK(jz)
	test	$0x400, %r11d
	CHECK(jnz)
	PASS

CASE("hlt-exit", LONG, 0)
	/* Without an irqchip HLT is the VMM's: its hook goes on after it. */
	movl	$0, DATA
	hlt
	EQL($1, DATA)
	PASS

CASE("triple-fault", LONG, F_SHUTDOWN)
	push	$0
	push	$0
	lidt	(%rsp)
	ud2
	FAIL

CASE("triple-fault-32", FLAT32, F_SHUTDOWN)
	push	$0
	push	$0
	lidt	(%esp)
	ud2
	FAIL

CASE("triple-fault-real", REAL, F_SHUTDOWN)
	push	$0
	push	$0
	push	$0
	mov	%sp, %bp
	lidtl	(%bp)
	int3
	FAIL

CASE("sgdt-sidt", LONG, 0)
	sub	$16, %rsp
	sgdt	(%rsp)
	mov	2(%rsp), %rax
	EQ($0x10000, %rax)
	sidt	(%rsp)
	mov	2(%rsp), %rax
	EQ($0x11000, %rax)
	cmpw	$0xfff, (%rsp)
	CHECK(je)
	PASS

	.section .note.GNU-stack, "", @progbits
