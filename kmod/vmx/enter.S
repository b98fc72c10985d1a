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
#define VCPU_RAX	(0 * 8)
#define VCPU_RCX	(1 * 8)
#define VCPU_RDX	(2 * 8)
#define VCPU_RBX	(3 * 8)
#define VCPU_RBP	(5 * 8)
#define VCPU_RSI	(6 * 8)
#define VCPU_RDI	(7 * 8)
#define VCPU_R8	(8 * 8)
#define VCPU_R9	(9 * 8)
#define VCPU_R10	(10 * 8)
#define VCPU_R11	(11 * 8)
#define VCPU_R12	(12 * 8)
#define VCPU_R13	(13 * 8)
#define VCPU_R14	(14 * 8)
#define VCPU_R15	(15 * 8)

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

	mov	VCPU_RAX(%rdi), %rax
	mov	VCPU_RCX(%rdi), %rcx
	mov	VCPU_RDX(%rdi), %rdx
	mov	VCPU_RBX(%rdi), %rbx
	mov	VCPU_RBP(%rdi), %rbp
	mov	VCPU_RSI(%rdi), %rsi
	mov	VCPU_R8(%rdi), %r8
	mov	VCPU_R9(%rdi), %r9
	mov	VCPU_R10(%rdi), %r10
	mov	VCPU_R11(%rdi), %r11
	mov	VCPU_R12(%rdi), %r12
	mov	VCPU_R13(%rdi), %r13
	mov	VCPU_R14(%rdi), %r14
	mov	VCPU_R15(%rdi), %r15
	mov	VCPU_RDI(%rdi), %rdi

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
	mov	%rcx, VCPU_RCX(%rax)
	mov	%rdx, VCPU_RDX(%rax)
	mov	%rbx, VCPU_RBX(%rax)
	mov	%rbp, VCPU_RBP(%rax)
	mov	%rsi, VCPU_RSI(%rax)
	mov	%rdi, VCPU_RDI(%rax)
	mov	%r8, VCPU_R8(%rax)
	mov	%r9, VCPU_R9(%rax)
	mov	%r10, VCPU_R10(%rax)
	mov	%r11, VCPU_R11(%rax)
	mov	%r12, VCPU_R12(%rax)
	mov	%r13, VCPU_R13(%rax)
	mov	%r14, VCPU_R14(%rax)
	mov	%r15, VCPU_R15(%rax)
	pop	%rcx
	mov	%rcx, VCPU_RAX(%rax)
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
