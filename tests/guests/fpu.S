/* SPDX-License-Identifier: GPL-2.0-only */
/* FPU and vector state across exits and between VMs, and the paravirtual clock. */
#include "guest.h"

	HIGH

	.macro	FOR_XMM op
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\op	\n
	.endr
	.endm

	/* register n holds PARAM's first quadword + n, twice */
	.macro	XMM_LOAD n
	mov	PARAM, %rax
	add	$\n, %rax
	movq	%rax, %xmm\n
	punpcklqdq %xmm\n, %xmm\n
	.endm

	.macro	XMM_CHECK n
	mov	PARAM, %rcx
	add	$\n, %rcx
	movq	%xmm\n, %rax
	EQ(%rcx, %rax)
	movhlps	%xmm\n, %xmm\n
	movq	%xmm\n, %rax
	EQ(%rcx, %rax)
	.endm

	.macro	YMM_LOAD n
	vmovd	%ebp, %xmm\n
	vpunpckldq %xmm\n, %xmm\n, %xmm\n
	vpunpcklqdq %xmm\n, %xmm\n, %xmm\n
	vinsertf128 $1, %xmm\n, %ymm\n, %ymm\n
	inc	%ebp
	.endm

	.macro	YMM_CHECK n
	vextractf128 $1, %ymm\n, %xmm0
	vmovd	%xmm0, %eax
	EQ(%ebp, %eax)
	inc	%ebp
	.endm

CASE("fpu-exits", LONG, 0)
	movq	$0x12345678, PARAM
	fninit
	movw	$0x27f, DATA
	fldcw	DATA
	fld1
	fldpi
	movl	$0x5f80, DATA + 8
	ldmxcsr	DATA + 8
	FOR_XMM XMM_LOAD
	mov	$200, %esi
1:	xor	%eax, %eax
	cpuid
	mov	$PIO_BASE, %edx
	out	%eax, %dx		/* the VMM runs */
	mov	$MMIO_BASE, %edi
	mov	%eax, (%rdi)
	dec	%esi
	jnz	1b
	FOR_XMM XMM_CHECK
	stmxcsr	DATA + 8
	EQL($0x5f80, DATA + 8)
	fnstcw	DATA
	cmpw	$0x27f, DATA
	CHECK(je)
	fldpi
	fcomip	%st(1), %st
	CHECK(je)
	fstp	%st
	fld1
	fcomip	%st(1), %st
	CHECK(je)
	PASS

CASE("fpu-faults", LONG, 0)
	/* nor do page faults of the hypervisor's touch it */
	movq	$0x12345678, PARAM
	FOR_XMM XMM_LOAD
	mov	$UNTOUCHED, %edi
	mov	$500, %esi
1:	movl	$1, (%rdi)
	add	$0x1000, %edi
	dec	%esi
	jnz	1b
	FOR_XMM XMM_CHECK
	PASS

CASE("fpu-userspace", LONG, 0)
	/* its hook sets XMM1 by KVM_SET_FPU, and reads XMM2 back */
	mov	$5, %eax
	movq	%rax, %xmm1
	movq	%rax, %xmm2
	out	%al, $0xf0
	movq	%xmm1, %rax
	mov	$0x1122334455667788, %rcx
	EQ(%rcx, %rax)
	mov	$0x8877665544332211, %rax
	movq	%rax, %xmm2
	out	%al, $0xf0
	movq	%xmm2, %rcx
	EQ(%rcx, %rax)
	PASS

CASE("fpu-pattern", LONG, F_MANUAL)
	/* for two VMs at once: PARAM is each one's own pattern */
	mov	$300, %esi
1:	FOR_XMM XMM_LOAD
	mov	$3000, %ecx
2:	loop	2b
	test	$7, %esi
	jnz	3f
	out	%al, $0xf0
3:	FOR_XMM XMM_CHECK
	dec	%esi
	jnz	1b
	PASS

CASE("avx-exits", LONG, 0)
	mov	$1, %eax
	cpuid
	and	$0x14000000, %ecx	/* AVX and XSAVE */
	cmp	$0x14000000, %ecx
	je	1f
	SKIP
1:	mov	%cr4, %rax
	bts	$18, %rax
	mov	%rax, %cr4
	xor	%ecx, %ecx
	xor	%edx, %edx
	mov	$7, %eax
	xsetbv
	mov	$0x1000, %ebp
	FOR_XMM YMM_LOAD
	mov	$100, %esi
1:	xor	%eax, %eax
	cpuid
	mov	$PIO_BASE, %edx
	out	%eax, %dx
	dec	%esi
	jnz	1b
	mov	$0x1001, %ebp
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	YMM_CHECK \n
	.endr
	xor	%ecx, %ecx
	xgetbv
	EQ($7, %eax)
	PASS

CASE("xsave-instruction", LONG, 0)
	mov	$1, %eax
	cpuid
	test	$(1 << 26), %ecx
	jnz	1f
	SKIP
1:	mov	%cr4, %rax
	bts	$18, %rax
	mov	%rax, %cr4
	xor	%ecx, %ecx
	xor	%edx, %edx
	mov	$3, %eax
	xsetbv
	mov	$0xd, %eax		/* size for what is enabled */
	xor	%ecx, %ecx
	cpuid
	cmp	$576, %ebx
	CHECK(jae)
	cmp	%ebx, %ecx
	CHECK(jae)
	movq	$0x4242, PARAM
	FOR_XMM XMM_LOAD
	mov	$-1, %eax
	mov	$-1, %edx
	xsave	DATA
	pxor	%xmm5, %xmm5
	mov	$-1, %eax
	mov	$-1, %edx
	xrstor	DATA
	FOR_XMM XMM_CHECK
	PASS

CASE("xsave-mask", LONG, 0)
	/* the host's XCR0 is not the guest's: CPUID 0xd follows XSETBV */
	mov	$1, %eax
	cpuid
	and	$0x14000000, %ecx
	cmp	$0x14000000, %ecx
	je	1f
	SKIP
1:	mov	%cr4, %rax
	bts	$18, %rax
	mov	%rax, %cr4
	xor	%ecx, %ecx
	xor	%edx, %edx
	mov	$1, %eax
	xsetbv
	mov	$0xd, %eax
	xor	%ecx, %ecx
	cpuid
	EQ($576, %ebx)
	xor	%ecx, %ecx
	xor	%edx, %edx
	mov	$7, %eax
	xsetbv
	mov	$0xd, %eax
	xor	%ecx, %ecx
	cpuid
	EQ($832, %ebx)
	/* without AVX enabled its instructions are #UD */
	xor	%ecx, %ecx
	xor	%edx, %edx
	mov	$3, %eax
	xsetbv
	FAULT(UD, vaddps %ymm0, %ymm0, %ymm0)
	PASS

CASE("kvmclock", LONG, F_IRQCHIP)
	mov	$0x40000001, %eax
	cpuid
	test	$8, %eax
	jnz	1f
	SKIP
1:	mov	$0x4b564d01, %ecx
	mov	$DATA + 1, %eax
	xor	%edx, %edx
	wrmsr
	rdmsr
	EQ($DATA + 1, %eax)
	xor	%eax, %eax
	cpuid				/* an entry, at the latest */
	mov	DATA, %eax
	test	%eax, %eax		/* version: even, not 0 */
	CHECK(jnz)
	test	$1, %eax
	CHECK(jz)
	cmpl	$0, DATA + 24		/* multiplier */
	CHECK(jne)
	cmpq	$0, DATA + 8		/* TSC stamp */
	CHECK(jne)
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	cmp	DATA + 8, %rax
	CHECK(jae)
	call	read_clock
	mov	%rax, %rsi
	mov	$100, %ebp
2:	call	read_clock
	cmp	%rsi, %rax
	CHECK(jae)
	mov	%rax, %rsi
	push	%rsi
	mov	$0x10, %ecx
	mov	$PIO_BASE, %edx
	out	%eax, %dx
	pop	%rsi
	dec	%ebp
	jnz	2b
	/* 10 ms of the VMM's sleep are 10 ms, and no hour */
	push	%rsi
	mov	$10000, %ecx
	HOST(HOST_SLEEP)
	pop	%rsi
	call	read_clock
	sub	%rsi, %rax
	cmp	$10000000, %rax
	CHECK(jae)
	cmp	$2000000000, %rax
	CHECK(jb)
	PASS

	/* RAX: nanoseconds, as a guest computes them */
read_clock:
	mov	DATA, %r9d
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	sub	DATA + 8, %rax
	movsbl	DATA + 28, %ecx
	test	%ecx, %ecx
	js	1f
	shl	%cl, %rax
	jmp	2f
1:	neg	%ecx
	shr	%cl, %rax
2:	mov	DATA + 24, %ecx
	mul	%rcx
	shrd	$32, %rdx, %rax
	add	DATA + 16, %rax
	test	$1, %r9d
	jnz	read_clock
	cmp	DATA, %r9d
	jne	read_clock
	ret

CASE("kvmclock-wall", LONG, F_IRQCHIP)
	mov	$0x40000001, %eax
	cpuid
	test	$8, %eax
	jnz	1f
	SKIP
1:	mov	$0x4b564d00, %ecx
	mov	$DATA, %eax
	xor	%edx, %edx
	wrmsr
	mov	DATA, %eax
	test	$1, %eax
	CHECK(jz)
	cmpl	$1000000000, DATA + 4	/* seconds since 1970 */
	CHECK(ja)
	PASS

CASE("kvmclock-off", LONG, F_IRQCHIP)
	/* switched off, its page is the guest's again */
	mov	$0x40000001, %eax
	cpuid
	test	$8, %eax
	jnz	1f
	SKIP
1:	mov	$0x4b564d01, %ecx
	mov	$DATA + 1, %eax
	xor	%edx, %edx
	wrmsr
	xor	%eax, %eax
	cpuid
	mov	$0x4b564d01, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	movl	$0x77, DATA
	mov	$1000, %ecx
	HOST(HOST_SLEEP)
	EQL($0x77, DATA)
	/* an address nobody has is refused or ignored, no more */
	movl	$1f, FAULT_RESUME
	mov	$0x4b564d01, %ecx
	mov	$0xd0100001, %eax
	xor	%edx, %edx
	wrmsr
1:	movl	$0, FAULT_RESUME
	xor	%eax, %eax
	cpuid
	PASS

	.section .note.GNU-stack, "", @progbits
