/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * enter.S - from host to guest and back (SDM Vol. 3, chapters 27 and 28).
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/asm.h>
#include <asm/nospec-branch.h>

#define HOST_RSP_FIELD	0x6c14

/* gpr[] of struct vh_cpu_state, at offset 0 of struct vh_vcpu; index 4 is RSP */
#define RAX	(0 * 8)
#define RCX	(1 * 8)
#define RDX	(2 * 8)
#define RBX	(3 * 8)
#define RBP	(5 * 8)
#define RSI	(6 * 8)
#define RDI	(7 * 8)
#define R8	(8 * 8)
#define R9	(9 * 8)
#define R10	(10 * 8)
#define R11	(11 * 8)
#define R12	(12 * 8)
#define R13	(13 * 8)
#define R14	(14 * 8)
#define R15	(15 * 8)

.text

/*
 * int vmx_enter(struct vh_vcpu *vcpu, u64 *host_rsp, bool launched)
 *
 * Interrupts off, VMCS current. The host's RSP goes to the VMCS only when it
 * differs from *host_rsp, what the VMCS holds.
 */
SYM_FUNC_START(vmx_enter)
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi

	cmp	(%rsi), %rsp
	je	1f
	mov	%rsp, (%rsi)
	mov	$HOST_RSP_FIELD, %eax
.Lwrite_rsp:
	vmwrite	%rsp, %rax
1:
	testb	%dl, %dl			/* the flags survive the loads */

	mov	RAX(%rdi), %rax
	mov	RCX(%rdi), %rcx
	mov	RDX(%rdi), %rdx
	mov	RBX(%rdi), %rbx
	mov	RBP(%rdi), %rbp
	mov	RSI(%rdi), %rsi
	mov	R8(%rdi), %r8
	mov	R9(%rdi), %r9
	mov	R10(%rdi), %r10
	mov	R11(%rdi), %r11
	mov	R12(%rdi), %r12
	mov	R13(%rdi), %r13
	mov	R14(%rdi), %r14
	mov	R15(%rdi), %r15
	mov	RDI(%rdi), %rdi

	jnz	.Lresume
.Llaunch:
	vmlaunch
	jmp	.Lfailed
.Lresume:
	vmresume
	jc	.Lfailed
	jz	.Lfailed

	/* HOST_RIP: the processor arrives here with HOST_RSP, vcpu on top of the stack */
SYM_INNER_LABEL(vmx_exit_label, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	push	%rax
	mov	8(%rsp), %rax
	mov	%rcx, RCX(%rax)
	mov	%rdx, RDX(%rax)
	mov	%rbx, RBX(%rax)
	mov	%rbp, RBP(%rax)
	mov	%rsi, RSI(%rax)
	mov	%rdi, RDI(%rax)
	mov	%r8, R8(%rax)
	mov	%r9, R9(%rax)
	mov	%r10, R10(%rax)
	mov	%r11, R11(%rax)
	mov	%r12, R12(%rax)
	mov	%r13, R13(%rax)
	mov	%r14, R14(%rax)
	mov	%r15, R15(%rax)
	pop	%rcx
	mov	%rcx, RAX(%rax)
	xor	%eax, %eax
.Lout:
	/* No value of the guest stays in a register that speculation could use. */
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	pop	%rdi
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	RET

.Lfailed:
	mov	$1, %eax
	jmp	.Lout

	_ASM_EXTABLE(.Lwrite_rsp, 1b)
	_ASM_EXTABLE(.Llaunch, .Lfailed)
	_ASM_EXTABLE(.Lresume, .Lfailed)
SYM_FUNC_END(vmx_enter)
