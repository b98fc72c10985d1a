/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * enter.S - from host to guest and back (SDM Vol. 3, chapters 27 and 28).
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>

#include "../compat/mitigate.h"
#include "mitigate.h"

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

/* Of a CPU that is in a guest, RCU may think it idle: nothing here is traced or probed. */
.section .noinstr.text, "ax"

/* Guest registers but RSP; %rdi is the vCPU and goes last. The flags survive. */
.macro LOAD_GUEST
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
.endm

/* The vCPU is on top of the stack; %rax afterwards too. */
.macro SAVE_GUEST
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
.endm

/* No value of the guest stays in a register that speculation could use. */
.macro CLEAR_SCRATCH
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
.endm

.macro PUSH_HOST
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
.endm

.macro POP_HOST
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
.endm

/* The host's RSP goes to the VMCS only when it differs from *host_rsp, what the VMCS holds. */
.macro HOST_RSP
	cmp	(%rsi), %rsp
	je	.Lwritten\@
	mov	%rsp, (%rsi)
	mov	$HOST_RSP_FIELD, %eax
.Lwrite\@:
	vmwrite	%rsp, %rax
.Lwritten\@:
	_ASM_EXTABLE(.Lwrite\@, .Lwritten\@)
.endm

/*
 * CF: VMRESUME. The processor comes back to \exit (HOST_RIP) with HOST_RSP, vcpu on top of the
 * stack; \result is 0, or 1 when the instruction itself failed.
 */
.macro ENTER_GUEST exit, result
	jc	.Lresume\@
.Llaunch\@:
	vmlaunch
.Lfailed\@:
	mov	$1, \result
	jmp	.Lout\@
.Lresume\@:
	vmresume
	jc	.Lfailed\@
	jz	.Lfailed\@
SYM_INNER_LABEL(\exit, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	SAVE_GUEST
	xor	\result, \result
.Lout\@:
	_ASM_EXTABLE(.Llaunch\@, .Lfailed\@)
	_ASM_EXTABLE(.Lresume\@, .Lfailed\@)
.endm

/*
 * int vmx_enter(struct vh_vcpu *vcpu, u64 *host_rsp, bool launched)
 *
 * Interrupts off, VMCS current.
 */
SYM_FUNC_START(vmx_enter)
	PUSH_HOST
	push	%rdi
	HOST_RSP
	bt	$0, %edx			/* the flags survive the loads */
	LOAD_GUEST
	ENTER_GUEST vmx_exit_label, %eax
	CLEAR_SCRATCH
	pop	%rdi
	POP_HOST
	RET
SYM_FUNC_END(vmx_enter)

/*
 * int vmx_enter_mitigated(struct vh_vcpu *vcpu, u64 *host_rsp, unsigned int flags, u64 spec_ctrl)
 *
 * As vmx_enter(), with what processor weaknesses ask for next to the transition:
 *
 * - VERW with a memory operand right before the entry: no load of the host's comes after it.
 * - After the exit, before any RET or indirect branch: the return stack filled, or one CALL
 *   retired; where the kernel sets IBRS on its way in, written again, for the value of before
 *   does not hold for what the guest trained; the branch history cleared.
 */
SYM_FUNC_START(vmx_enter_mitigated)
	PUSH_HOST
	push	%rcx				/* spec_ctrl */
	push	%rdi
	HOST_RSP
	/* ZF: no VERW. CF: VMRESUME; BT leaves ZF alone, VERW changes nothing but ZF. */
	testb	$(1 << VMX_ENTER_VERW_BIT), %dl
	bt	$VMX_ENTER_LAUNCHED_BIT, %edx
	LOAD_GUEST
	jz	1f
	verw	vmx_verw_selector(%rip)
1:
	ENTER_GUEST vmx_exit_label_mitigated, %edi
	xor	%eax, %eax
	CLEAR_SCRATCH
	xor	%ebx, %ebx
	xor	%ebp, %ebp
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d

	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, X86_FEATURE_RSB_VMEXIT_LITE

	ALTERNATIVE "jmp .Lno_ibrs", "", X86_FEATURE_KERNEL_IBRS
	mov	8(%rsp), %eax			/* spec_ctrl */
	mov	12(%rsp), %edx
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	wrmsr
.Lno_ibrs:

#ifdef VH_HAVE_CLEAR_BHB_LOOP
	CLEAR_BRANCH_HISTORY_VMEXIT
#elif defined(VH_FEATURE_CLEAR_BHB)
	/* The kernel's is not for us: 256 taken branches leave nothing of the guest's. */
	ALTERNATIVE "jmp .Lbhb_done", "", VH_FEATURE_CLEAR_BHB
	mov	$128, %ecx
.Lbhb_next:
	jmp	.Lbhb_taken
	int3
.Lbhb_taken:
	dec	%ecx
	jnz	.Lbhb_next
	lfence
.Lbhb_done:
#endif
	mov	%edi, %eax
	pop	%rdi
	pop	%rcx
	POP_HOST
	RET
SYM_FUNC_END(vmx_enter_mitigated)

	.section .rodata
	.balign 2
SYM_DATA_LOCAL(vmx_verw_selector, .word __KERNEL_DS)
