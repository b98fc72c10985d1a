/* SPDX-License-Identifier: GPL-2.0-only */
/* int vm_enter(int launched): 0 after an exit, else 1 (VMfailValid) or 2 (VMfailInvalid). */
	.text
	.globl vm_enter
vm_enter:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	$0x6c14, %eax		/* host RSP */
	vmwrite	%rsp, %rax
	mov	$0x6c16, %eax		/* host RIP */
	lea	exited(%rip), %rcx
	vmwrite	%rcx, %rax
	test	%edi, %edi
	mov	guest_registers + 0, %rax
	mov	guest_registers + 8, %rcx
	mov	guest_registers + 16, %rdx
	mov	guest_registers + 24, %rbx
	mov	guest_registers + 32, %rbp
	mov	guest_registers + 40, %rsi
	mov	guest_registers + 48, %rdi
	mov	guest_registers + 56, %r8
	mov	guest_registers + 64, %r9
	mov	guest_registers + 72, %r10
	mov	guest_registers + 80, %r11
	mov	guest_registers + 88, %r12
	mov	guest_registers + 96, %r13
	mov	guest_registers + 104, %r14
	mov	guest_registers + 112, %r15
	jnz	1f
	vmlaunch
	jmp	2f
1:	vmresume
2:	mov	$2, %eax
	jc	3f
	mov	$1, %eax
	jmp	3f

exited:	mov	%rax, guest_registers + 0
	mov	%rcx, guest_registers + 8
	mov	%rdx, guest_registers + 16
	mov	%rbx, guest_registers + 24
	mov	%rbp, guest_registers + 32
	mov	%rsi, guest_registers + 40
	mov	%rdi, guest_registers + 48
	mov	%r8, guest_registers + 56
	mov	%r9, guest_registers + 64
	mov	%r10, guest_registers + 72
	mov	%r11, guest_registers + 80
	mov	%r12, guest_registers + 88
	mov	%r13, guest_registers + 96
	mov	%r14, guest_registers + 104
	mov	%r15, guest_registers + 112
	xor	%eax, %eax
3:	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.bss
	.balign	16
guest_registers:
	.skip	120
