/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory operands of instructions that are no plain moves: on memory, where the processor
 * executes them, and then on the device, which has to give the same.
 */
#include "guest.h"

CASE("operand-real", REAL, 0)
	/* its hook gives ES the base MMIO_BASE */
	fninit
	movl	$0x40400000, %es:0x10		/* 3.0 */
	flds	%es:0x10
	fistpl	%es:0x14
	mov	%es:0x14, %eax
	EQ($3, %eax)
	fildl	%es:0x14
	fstpl	%es:0x18
	mov	%es:0x1c, %eax
	EQ($0x40080000, %eax)
	PASS

	HIGH

#define CR4_OSXSAVE	18

	/* The body between BOTH and AGAIN runs with RDI = DATA, then with RDI = MMIO_BASE. */
#define BOTH	mov $DATA, %edi; 10:
#define AGAIN	cmp $MMIO_BASE, %edi; mov $MMIO_BASE, %edi; jne 10b

	/* RAX and 8 bytes of memory; leaves RAX */
	.macro	IS64 off, val
	movabs	$\val, %rax
	cmp	%rax, \off(%rdi)
	CHECK(je)
	.endm

	.macro	SET64 off, val
	movabs	$\val, %rax
	mov	%rax, \off(%rdi)
	.endm

	/* both halves of XMM\n */
	.macro	XMM_IS n, low, high
	movdqu	%xmm\n, DATA + 0x800
	movabs	$\low, %rax
	cmp	%rax, DATA + 0x800
	CHECK(je)
	movabs	$\high, %rax
	cmp	%rax, DATA + 0x808
	CHECK(je)
	.endm

	/* go on at 7f unless CPUID has the bit */
#define HAS(leaf, reg, bit) \
	mov $leaf, %eax; xor %ecx, %ecx; cpuid; test $(1 << (bit)), %reg; jz 7f

	/* CR4.OSXSAVE and XCR0 */
	.macro	XCR0 val
	mov	%cr4, %rax
	bts	$CR4_OSXSAVE, %rax
	mov	%rax, %cr4
	xor	%ecx, %ecx
	xor	%edx, %edx
	mov	$\val, %eax
	xsetbv
	.endm

CASE("operand-mmx", LONG, 0)
	BOTH
	fninit
	SET64	0, 0x1122334455667788
	SET64	8, 0
	movq	(%rdi), %mm3
	movq	%mm3, %rax
	mov	$0x1122334455667788, %rbx
	EQ(%rbx, %rax)
	movd	(%rdi), %mm4
	movq	%mm4, %rax
	EQ($0x55667788, %rax)
	movq	%mm3, 8(%rdi)
	IS64	8, 0x1122334455667788
	movd	%mm3, 12(%rdi)
	IS64	8, 0x5566778855667788
	movntq	%mm3, 8(%rdi)
	IS64	8, 0x1122334455667788
	/* all registers are valid, ST(0) is the first; MM3 is it with the exponent of a NaN */
	emms
	fld1				/* ST(0) in register 7 */
	movq	%mm3, 8(%rdi)
	fnstenv	DATA + 0x400
	EQL($0xffff0000, DATA + 0x404)
	mov	DATA + 0x408, %eax
	test	$0xff, %al
	CHECK(jnz)			/* MM3: 3, or valid? not empty */
	movzwl	DATA + 0x408, %eax
	shr	$6, %eax
	and	$3, %eax
	cmp	$3, %eax
	CHECK(jne)
	emms
	AGAIN
	PASS

CASE("operand-mmx-faults", LONG, 0)
	BOTH
	fninit
	mov	%cr0, %rbx
	mov	%rbx, %rax
	or	$8, %eax			/* TS */
	mov	%rax, %cr0
	FAULT(NM, movq (%rdi), %mm0)
	FAULT(NM, fldl (%rdi))
	FAULT(NM, movups (%rdi), %xmm0)
	FAULT(NM, addsd (%rdi), %xmm0)
	mov	%rbx, %rax
	or	$4, %eax			/* EM */
	mov	%rax, %cr0
	FAULT(UD, movq (%rdi), %mm0)
	FAULT(UD, movups (%rdi), %xmm0)
	FAULT(UD, addsd (%rdi), %xmm0)
	FAULT(NM, fldl (%rdi))
	mov	%rbx, %rax
	or	$0x20, %eax			/* NE */
	mov	%rax, %cr0
	/* division by zero waits for the next one */
	movw	$0x37b, DATA + 0x400
	fldcw	DATA + 0x400
	fldz
	fld1
	fdiv	%st(1), %st
	FAULT(MF, movq (%rdi), %mm0)
	FAULT(MF, fldl (%rdi))
	FAULT(MF, fadds (%rdi))
	fnstsw	(%rdi)
	mov	(%rdi), %ax
	test	$0x80, %al
	CHECK(jnz)
	fnclex
	fninit
	AGAIN
	PASS

CASE("operand-sse", LONG, 0)
	BOTH
	SET64	0, 0x1111111122222222
	SET64	8, 0x3333333344444444
	pcmpeqd	%xmm0, %xmm0
	movlps	8(%rdi), %xmm0
	XMM_IS	0, 0x3333333344444444, -1
	movhps	(%rdi), %xmm0
	XMM_IS	0, 0x3333333344444444, 0x1111111122222222
	movlpd	(%rdi), %xmm0
	movhpd	8(%rdi), %xmm0
	XMM_IS	0, 0x1111111122222222, 0x3333333344444444
	movhps	%xmm0, 0x10(%rdi)
	IS64	0x10, 0x3333333344444444
	movlps	%xmm0, 0x18(%rdi)
	IS64	0x18, 0x1111111122222222
	movdqu	1(%rdi), %xmm9
	XMM_IS	9, 0x4411111111222222, 0x4433333333444444
	movdqa	(%rdi), %xmm9
	movss	(%rdi), %xmm9
	XMM_IS	9, 0x22222222, 0
	movdqa	(%rdi), %xmm9
	movdqa	%xmm9, 0x20(%rdi)
	IS64	0x28, 0x3333333344444444
	FAULT_CODE(GP, 0, movaps 4(%rdi), %xmm0)
	FAULT_CODE(GP, 0, addps 4(%rdi), %xmm0)
	pcmpeqd	%xmm1, %xmm1
	paddd	(%rdi), %xmm1
	XMM_IS	1, 0x1111111022222221, 0x3333333244444443
	pxor	%xmm1, %xmm1
	pinsrw	$5, 4(%rdi), %xmm1
	XMM_IS	1, 0, 0x11110000
	/* floating point: 1.0 + 2.0, and 0.5 of memory to an integer */
	SET64	0x30, 0x3ff0000000000000
	SET64	0x38, 0x4000000000000000
	movsd	0x30(%rdi), %xmm2
	addsd	0x38(%rdi), %xmm2
	XMM_IS	2, 0x4008000000000000, 0
	addpd	0x30(%rdi), %xmm2
	XMM_IS	2, 0x4010000000000000, 0x4000000000000000
	cvtsd2si 0x38(%rdi), %rax
	EQ($2, %rax)
	ucomisd	0x30(%rdi), %xmm2
	CHECK(ja)
	movl	$7, 0x30(%rdi)
	cvtsi2sdl 0x30(%rdi), %xmm2
	XMM_IS	2, 0x401c000000000000, 0x4000000000000000
	AGAIN
	PASS

CASE("operand-sse3-4", LONG, 0)
	HAS(1, ecx, 19)
	BOTH
	SET64	0, 0x1111111182222222
	SET64	8, 0x3333333344444444
	movddup	8(%rdi), %xmm0
	XMM_IS	0, 0x3333333344444444, 0x3333333344444444
	movsldup (%rdi), %xmm0
	XMM_IS	0, 0x8222222282222222, 0x4444444444444444
	movshdup (%rdi), %xmm0
	XMM_IS	0, 0x1111111111111111, 0x3333333333333333
	movntdqa (%rdi), %xmm0
	XMM_IS	0, 0x1111111182222222, 0x3333333344444444
	lddqu	4(%rdi), %xmm0
	FAULT_CODE(GP, 0, movntdqa 8(%rdi), %xmm0)
	pmovsxdq (%rdi), %xmm0
	XMM_IS	0, 0xffffffff82222222, 0x11111111
	pmovzxwd (%rdi), %xmm0
	XMM_IS	0, 0x0000822200002222, 0x0000111100001111
	pinsrd	$1, 8(%rdi), %xmm0
	XMM_IS	0, 0x4444444400002222, 0x0000111100001111
	pextrd	$1, %xmm0, 0x10(%rdi)
	cmpl	$0x44444444, 0x10(%rdi)
	CHECK(je)
	pextrb	$0, %xmm0, 0x10(%rdi)
	cmpl	$0x44444422, 0x10(%rdi)
	CHECK(je)
	AGAIN
	PASS
7:	SKIP

CASE("operand-sse-exceptions", LONG, 0)
	mov	%cr4, %rax
	or	$0x400, %eax			/* OSXMMEXCPT */
	mov	%rax, %cr4
	BOTH
	movl	$0x1d80, DATA + 0x400		/* division by zero is not masked */
	ldmxcsr	DATA + 0x400
	SET64	0, 0
	SET64	8, 0x3ff0000000000000
	movsd	8(%rdi), %xmm3
	FAULT(XM, divsd (%rdi), %xmm3)
	XMM_IS	3, 0x3ff0000000000000, 0
	stmxcsr	0x10(%rdi)
	cmpl	$0x1d84, 0x10(%rdi)
	CHECK(je)
	movl	$0x1f80, 0x10(%rdi)
	ldmxcsr	0x10(%rdi)
	divsd	(%rdi), %xmm3
	XMM_IS	3, 0x7ff0000000000000, 0
	stmxcsr	DATA + 0x400
	EQL($0x1f84, DATA + 0x400)
	movl	$0x10000, 0x10(%rdi)		/* a bit that is reserved */
	FAULT_CODE(GP, 0, ldmxcsr 0x10(%rdi))
	movl	$0x1f80, 0x10(%rdi)
	ldmxcsr	0x10(%rdi)
	clflush	(%rdi)
	AGAIN
	mov	%cr4, %rax
	and	$~0x400, %eax
	mov	%rax, %cr4
	movl	$0x1d80, 0x10(%rdi)
	ldmxcsr	0x10(%rdi)
	movsd	8(%rdi), %xmm3
	FAULT(UD, divsd (%rdi), %xmm3)
	PASS

CASE("operand-avx", LONG, 0)
	HAS(1, ecx, 28)
	mov	$MMIO_BASE, %edi
	FAULT(UD, vmovups (%rdi), %ymm0)	/* CR4.OSXSAVE is clear */
	XCR0	3
	FAULT(UD, vmovups (%rdi), %ymm0)
	XCR0	7
	BOTH
	SET64	0x00, 0x0101010102020202
	SET64	0x08, 0x0303030304040404
	SET64	0x10, 0x0505050506060606
	SET64	0x18, 0x0707070708080808
	vmovups	(%rdi), %ymm5
	vmovups	%ymm5, 0x21(%rdi)
	IS64	0x21, 0x0101010102020202
	IS64	0x39, 0x0707070708080808
	vmovdqa	(%rdi), %ymm6
	FAULT_CODE(GP, 0, vmovdqa 0x10(%rdi), %ymm6)
	vextractf128 $1, %ymm6, %xmm0
	XMM_IS	0, 0x0505050506060606, 0x0707070708080808
	vextractf128 $1, %ymm6, 0x40(%rdi)
	IS64	0x48, 0x0707070708080808
	/* with 128 bits what is above becomes 0; without VEX it stays */
	movups	(%rdi), %xmm6
	vextractf128 $1, %ymm6, %xmm0
	XMM_IS	0, 0x0505050506060606, 0x0707070708080808
	vmovups	(%rdi), %xmm6
	vextractf128 $1, %ymm6, %xmm0
	XMM_IS	0, 0, 0
	vmovss	(%rdi), %xmm5
	XMM_IS	5, 0x02020202, 0
	vextractf128 $1, %ymm5, %xmm0
	XMM_IS	0, 0, 0
	vbroadcastss 4(%rdi), %ymm12
	vextractf128 $1, %ymm12, %xmm0
	XMM_IS	0, 0x0101010101010101, 0x0101010101010101
	vmovhps	0x18(%rdi), %xmm12, %xmm1
	XMM_IS	1, 0x0101010101010101, 0x0707070708080808
	vmovd	(%rdi), %xmm1
	XMM_IS	1, 0x02020202, 0
	vmovq	%xmm1, 0x20(%rdi)
	IS64	0x20, 0x02020202
	FAULT(UD, .byte 0xc5, 0xf4, 0x10, 0x07)	/* VMOVUPS with VEX.vvvv that is not 1111 */
	vxorps	%ymm2, %ymm2, %ymm2
	vorps	(%rdi), %ymm2, %ymm3
	vextractf128 $1, %ymm3, %xmm0
	XMM_IS	0, 0x0505050506060606, 0x0707070708080808
	AGAIN
	HAS(7, ebx, 5)
	BOTH
	SET64	0x00, 0x0101010102020202
	SET64	0x08, 0x0303030304040404
	SET64	0x10, 0x0505050506060606
	SET64	0x18, 0x0707070708080808
	vpbroadcastw 4(%rdi), %ymm4
	vpaddb	(%rdi), %ymm4, %ymm4
	vextracti128 $1, %ymm4, %xmm0
	XMM_IS	0, 0x0606060607070707, 0x0808080809090909
	AGAIN
	PASS
7:	SKIP

CASE("operand-avx512", LONG, 0)
	HAS(7, ebx, 16)
	XCR0	7
	mov	$MMIO_BASE, %edi
	FAULT(UD, vmovups (%rdi), %zmm0)
	XCR0	0xe7
	BOTH
	SET64	0x00, 0x0101010102020202
	SET64	0x18, 0x0707070708080808
	SET64	0x38, 0x0909090901010101
	vmovdqu64 (%rdi), %zmm20
	vmovdqu32 %zmm20, 0x40(%rdi)		/* the displacement counts vectors */
	IS64	0x40, 0x0101010102020202
	IS64	0x58, 0x0707070708080808
	IS64	0x78, 0x0909090901010101
	vmovdqa64 (%rdi), %zmm3
	vextracti64x4 $1, %zmm3, %ymm4
	vextracti128 $1, %ymm4, %xmm0
	movq	%xmm0, %rax
	vpsrldq	$8, %xmm0, %xmm0
	vmovq	%xmm0, %rax
	mov	$0x0909090901010101, %rbx
	EQ(%rbx, %rax)
	vmovups	(%rdi), %ymm3			/* clears what is above */
	vextracti64x4 $1, %zmm3, %ymm4
	vptest	%ymm4, %ymm4
	CHECK(jz)
	FAULT_CODE(GP, 0, vmovdqa64 0x20(%rdi), %zmm3)
	AGAIN
	PASS
7:	SKIP

CASE("operand-x87", LONG, 0)
	BOTH
	fninit
	SET64	0, 0x4008000000000000		/* 3.0 */
	movl	$0x3f000000, 8(%rdi)		/* 0.5 */
	movw	$-7, 12(%rdi)
	fldl	(%rdi)
	flds	8(%rdi)
	filds	12(%rdi)
	faddp
	faddp					/* -3.5 */
	fmull	(%rdi)				/* -10.5 */
	fidivs	12(%rdi)			/* 1.5 */
	fsts	16(%rdi)
	cmpl	$0x3fc00000, 16(%rdi)
	CHECK(je)
	fstl	24(%rdi)
	IS64	24, 0x3ff8000000000000
	fistl	16(%rdi)
	cmpl	$2, 16(%rdi)
	CHECK(je)
	fld	%st(0)
	fisttpll 24(%rdi)
	IS64	24, 1
	fld	%st(0)
	fstpt	32(%rdi)
	IS64	32, 0xc000000000000000
	cmpw	$0x3fff, 40(%rdi)
	CHECK(je)
	fldt	32(%rdi)
	fcomps	16(%rdi)			/* 1.5 and a denormal */
	fnstsw	%ax
	test	$0x45, %ah
	CHECK(jz)
	fistps	16(%rdi)
	fldl	(%rdi)
	fbstp	32(%rdi)
	IS64	32, 3
	fbld	32(%rdi)
	fistpll	24(%rdi)
	IS64	24, 3
	fnstsw	%ax
	test	$0x3800, %ax			/* as many were popped as pushed */
	CHECK(jz)
	fstpl	24(%rdi)			/* from an empty stack: the indefinite QNaN */
	IS64	24, 0xfff8000000000000
	fnstsw	%ax
	and	$0x41, %eax
	EQ($0x41, %eax)
	fninit
	AGAIN
	PASS

CASE("operand-x87-unmasked", LONG, 0)
	/* what an unmasked exception does not store, and the address of who raised it */
	mov	%cr0, %rax
	or	$0x20, %eax
	mov	%rax, %cr0
	BOTH
	fninit
	movw	$0x37e, DATA + 0x400		/* invalid operations are not masked */
	fldcw	DATA + 0x400
	SET64	0, 0x1234
1:	fstpl	(%rdi)				/* from an empty stack */
	IS64	0, 0x1234
	FAULT(MF, fwait)
	fnstenv	DATA + 0x400
	EQL($1b, DATA + 0x40c)
	fnclex
	fninit
	AGAIN
	PASS

CASE("operand-x87-environment", LONG, 0)
	BOTH
	fninit
	movw	$0xf7f, DATA + 0x400
	fldcw	DATA + 0x400
	fld1
	fldpi
	fnstenv	(%rdi)
	mov	(%rdi), %eax
	and	$0xffff, %eax
	EQ($0xf7f, %eax)
	mov	4(%rdi), %eax
	and	$0x3800, %eax
	EQ($0x3000, %eax)
	mov	8(%rdi), %eax
	and	$0xffff, %eax
	EQ($0x0fff, %eax)
	fnsave	(%rdi)
	fnstcw	DATA + 0x400
	cmpw	$0x37f, DATA + 0x400
	CHECK(je)
	fnstsw	%ax
	EQ($0, %ax)
	frstor	(%rdi)
	fldpi
	fcompp
	fnstsw	%ax
	and	$0x4500, %ax
	EQ($0x4000, %ax)			/* equal */
	fnstcw	DATA + 0x400
	cmpw	$0xf7f, DATA + 0x400
	CHECK(je)
	fnstenv	(%rdi)
	fninit
	fldenv	(%rdi)
	fnstcw	0x40(%rdi)
	cmpw	$0xf7f, 0x40(%rdi)
	CHECK(je)
	fninit
	AGAIN
	PASS

CASE("operand-bits", LONG, 0)
	HAS(7, ebx, 8)
	BOTH
	SET64	0, 0x00f0000000000f00
	mov	$0xff, %edx
	andn	(%rdi), %rdx, %rax
	mov	$0x00f0000000000f00, %rbx
	EQ(%rbx, %rax)
	blsr	(%rdi), %rax
	mov	$0x00f0000000000e00, %rbx
	EQ(%rbx, %rax)
	mov	$0x0408, %edx
	bextr	%rdx, (%rdi), %rax
	EQ($0xf, %rax)
	mov	$12, %edx
	bzhi	%rdx, (%rdi), %rax
	EQ($0xf00, %rax)
	mov	$0xa5, %edx
	pdep	(%rdi), %rdx, %rax
	mov	$0x00a0000000000500, %rbx
	EQ(%rbx, %rax)
	mov	(%rdi), %rdx
	pext	(%rdi), %rdx, %rax
	EQ($0xff, %rax)
	mov	$4, %edx
	sarx	%edx, (%rdi), %eax
	EQ($0xf0, %eax)
	rorx	$8, (%rdi), %eax
	EQ($0xf, %eax)
	mov	$2, %edx
	mulx	(%rdi), %rax, %rbx
	mov	$0x01e0000000001e00, %rdx
	EQ(%rdx, %rax)
	EQ($0, %rbx)
	tzcnt	(%rdi), %rax
	EQ($8, %rax)
	lzcnt	(%rdi), %rax
	EQ($8, %rax)
	popcnt	(%rdi), %rax
	EQ($8, %rax)
	AGAIN
	PASS
7:	SKIP

CASE("operand-crc32", LONG, 0)
	HAS(1, ecx, 20)
	BOTH
	SET64	0, 0x0807060504030201
	mov	$-1, %rax
	crc32q	(%rdi), %rax
	mov	$-1, %ebx
	mov	$8, %ecx
	xor	%edx, %edx
1:	crc32b	(%rdi, %rdx), %ebx
	inc	%edx
	loop	1b
	EQ(%rbx, %rax)
	mov	$-1, %ecx
	crc32l	(%rdi), %ecx
	crc32w	4(%rdi), %ecx
	crc32w	6(%rdi), %ecx
	EQ(%rcx, %rax)
	EQ($0xb976e07e, %eax)
	AGAIN
	PASS
7:	SKIP

CASE("operand-adx", LONG, 0)
	HAS(7, ebx, 19)
	BOTH
	SET64	0, 0xffffffffffffffff
	xor	%eax, %eax			/* clears CF and OF */
	mov	$1, %eax
	adcx	(%rdi), %rax
	CHECK(jc)
	CHECK(jno)
	EQ($0, %rax)
	xor	%eax, %eax
	mov	$2, %eax
	adox	(%rdi), %rax
	CHECK(jo)
	CHECK(jnc)
	EQ($1, %rax)
	AGAIN
	PASS
7:	SKIP

CASE("operand-system", LONG, 0)
	/* selectors for LLDT and LTR, and tables, in the device */
	mov	$MMIO_BASE, %edi
	sgdt	(%rdi)
	mov	2(%rdi), %rax
	EQ($0x10000, %rax)
	lgdt	(%rdi)
	str	%ax
	movzwl	%ax, %ebx
	test	%ebx, %ebx
	jnz	1f
	SKIP
1:	and	$~7, %ebx
	andl	$~0x200, 0x10004(%rbx)		/* the TSS is available again */
	mov	%ebx, (%rdi)
	ltr	(%rdi)
	str	%ax
	EQ(%bx, %ax)
	testl	$0x200, 0x10004(%rbx)		/* busy */
	CHECK(jnz)
	FAULT(GP, ltr (%rdi))			/* and so not to be had */
	EQL(%ebx, FAULT_ERR)
	movl	$0, (%rdi)
	FAULT_CODE(GP, 0, ltr (%rdi))
	lldt	(%rdi)
	sldt	%ax
	EQ($0, %ax)
	/* an LDT of 16 bytes at DATA, in the GDT's entries 14 and 15 */
	movq	$0, 0x10070
	movl	$(DATA & 0xffff) << 16 | 15, 0x10070
	movl	$(DATA >> 16) | 0x8200, 0x10074
	movq	$0, 0x10078
	movw	$0x7f, 4(%rdi)			/* the limit of a table that has them */
	movl	$0x10000, 6(%rdi)
	movl	$0, 10(%rdi)
	lgdt	4(%rdi)
	movl	$0x70, (%rdi)
	lldt	(%rdi)
	sldt	%ax
	EQ($0x70, %ax)
	movl	$0x0000ffff, DATA + 8
	movl	$0x00cf9300, DATA + 12
	mov	$0xc, %eax
	mov	%eax, %es
	movw	$0x77, 4(%rdi)			/* its upper half is beyond the limit */
	lgdt	4(%rdi)
	FAULT_CODE(GP, 0x70, lldt (%rdi))
	movw	$0x7f, 4(%rdi)
	lgdt	4(%rdi)
	movl	$0x8000, 0x1007c		/* a base that is not canonical */
	movl	$0x8000, 0x10078
	FAULT_CODE(GP, 0x70, lldt (%rdi))
	PASS

CASE("operand-hidden", LONG, 0)
	/* its hook takes the features from CPUID: then they are not interpreted either */
	mov	$MMIO_BASE, %edi
	movl	$8, (%rdi)
	FAULT(UD, crc32l (%rdi), %eax)
	FAULT(UD, popcnt (%rdi), %eax)
	FAULT(UD, movbe (%rdi), %eax)
	FAULT(UD, andn (%rdi), %eax, %eax)
	FAULT(UD, rorx $1, (%rdi), %eax)
	FAULT(UD, adcx (%rdi), %eax)
	FAULT(UD, movntdqa (%rdi), %xmm0)
	FAULT(UD, pshufb (%rdi), %xmm0)
	FAULT(UD, movsldup (%rdi), %xmm0)
	lzcnt	(%rdi), %eax			/* BSR */
	EQ($3, %eax)
	movups	(%rdi), %xmm0
	PASS

CASE("operand-user", LONG, 0)
	movq	$STACK_TOP, 0x12004
	fninit
	push	$0x3b
	push	$STACK_TOP - 0x1000
	push	$0x3002
	push	$0x33
	push	$1f
	iretq
1:	BOTH
	SET64	0, 0x4008000000000000
	fldl	(%rdi)
	fistpll	8(%rdi)
	IS64	8, 3
	movhps	(%rdi), %xmm0
	mulsd	(%rdi), %xmm0
	movq	(%rdi), %mm0
	movq	%mm0, 8(%rdi)
	emms
	IS64	8, 0x4008000000000000
	AGAIN
	PASS

CASE("operand-unknown", LONG, 0)
	/* with a prefix that is known, and not interpreted: user code has #UD of it */
	HAS(7, ebx, 5)
	XCR0	7
	HAS(7, ebx, 16)
	XCR0	0xe7
7:	mov	$7, %eax
	xor	%ecx, %ecx
	cpuid
	mov	%ebx, %esi
	movq	$STACK_TOP, 0x12004
	push	$0x3b
	push	$STACK_TOP - 0x1000
	push	$0x3002
	push	$0x33
	push	$1f
	iretq
1:	mov	$MMIO_BASE, %edi
	FAULT(UD, vpermd (%rdi), %ymm1, %ymm1)
	FAULT(UD, vpsravd (%rdi), %ymm1, %ymm1)
	FAULT(UD, vpclmulqdq $0, (%rdi), %xmm1, %xmm1)
	FAULT(UD, vroundps $0, (%rdi), %ymm1)
	FAULT(UD, fxsave (%rdi))
	test	$(1 << 16), %esi
	jz	2f
	kmovw	%esi, %k1			/* of nothing nothing would be read */
	FAULT(UD, vmovdqu32 (%rdi), %zmm1{%k1})
	FAULT(UD, vaddps (%rdi), %zmm1, %zmm1)
2:	PASS

CASE("operand-32", FLAT32, 0)
	mov	$MMIO_BASE, %edi
	fninit
	movl	$0, (%edi)
	movl	$0x40080000, 4(%edi)
	fldl	(%edi)
	fistpl	8(%edi)
	cmpl	$3, 8(%edi)
	CHECK(je)
	movq	(%edi), %mm1
	movq	%mm1, 16(%edi)
	emms
	cmpl	$0x40080000, 20(%edi)
	CHECK(je)
	movhps	(%edi), %xmm1
	addsd	(%edi), %xmm1
	movhps	%xmm1, 24(%edi)
	cmpl	$0x40080000, 28(%edi)
	CHECK(je)
	fnsave	0x40(%edi)
	frstor	0x40(%edi)
	data16 fnsave 0x40(%edi)
	data16 frstor 0x40(%edi)
	movl	$0x12345678, (%edi)		/* LES and LDS are no VEX */
	movl	$0x10, 4(%edi)
	les	(%edi), %eax
	EQ($0x12345678, %eax)
	mov	$1, %eax
	cpuid
	test	$(1 << 28), %ecx
	jz	1f
	mov	%cr4, %eax
	bts	$CR4_OSXSAVE, %eax
	mov	%eax, %cr4
	xor	%ecx, %ecx
	xor	%edx, %edx
	mov	$7, %eax
	xsetbv
	vmovups	(%edi), %xmm2
	vmovd	%xmm2, 8(%edi)
	cmpl	$0x12345678, 8(%edi)
	CHECK(je)
1:	PASS

CASE("operand-fdp", LONG, 0)
	/* SDM Vol. 1, 8.1.8: CPUID tells whether FDP is of each instruction, or of those with an unmasked exception */
	mov	$7, %eax
	xor	%ecx, %ecx
	cpuid
	mov	%ebx, %esi
	BOTH
	movl	$0x40400000, (%rdi)
	fninit
	flds	(%rdi)
	fxsave64 DATA + 0x800
	mov	%rdi, %rax
	bt	$6, %esi
	jnc	1f
	xor	%eax, %eax
1:	EQ(%rax, DATA + 0x810)
	movl	$0, 4(%rdi)
	movw	$0x37b, DATA + 0x400		/* division by zero */
	fldcw	DATA + 0x400
	fdivs	4(%rdi)
	fxsave64 DATA + 0x800
	fnclex
	lea	4(%rdi), %rax
	EQ(%rax, DATA + 0x810)
	AGAIN
	PASS

	.section .note.GNU-stack, "", @progbits
