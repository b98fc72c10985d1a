/* SPDX-License-Identifier: GPL-2.0-only */
/* test_native.h - test_emul.c's instructions on the processor itself. */
#ifndef TEST_NATIVE_H
#define TEST_NATIVE_H

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

/* All below 4 GB, in the middle of a reservation that catches stray accesses. */
#define RESERVED 0x0c000000UL
#define RESERVED_SIZE 0x08000000UL
#define STATE 0x10000000
#define CODE 0x10001000
#define INSN (CODE + 0x100)
#define DATA 0x10010000UL
#define DATA_SIZE 0x2000

/* At STATE; the assembly below knows the offsets. */
struct native {
	u64 gpr[16];		/* 0 */
	u64 flags;		/* 128 */
	u64 out[16];		/* 136 */
	u64 out_flags;		/* 264 */
	u64 host_sp;		/* 272 */
	u64 entry;		/* 280 */
	u64 back;		/* 288 */
	u32 far_offset;		/* 296 */
	u16 far_selector;
	u64 fault;		/* vector + 1 */
};

void run_native(void);
void native_back(void);

#define S(off) "0x10000000 + " #off
asm(".text\n"
    "run_native:\n"
    "	push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "	mov %ds, %eax\n push %rax\n mov %es, %eax\n push %rax\n"
    "	mov $0x2b, %eax\n mov %eax, %ds\n mov %eax, %es\n"
    "	mov %rsp, " S(272) "\n"
    "	push " S(128) "\n popfq\n"
    "	mov " S(0) ", %rax\n mov " S(8) ", %rcx\n mov " S(16) ", %rdx\n mov " S(24) ", %rbx\n"
    "	mov " S(32) ", %rsp\n mov " S(40) ", %rbp\n mov " S(48) ", %rsi\n mov " S(56) ", %rdi\n"
    "	mov " S(64) ", %r8\n mov " S(72) ", %r9\n mov " S(80) ", %r10\n mov " S(88) ", %r11\n"
    "	mov " S(96) ", %r12\n mov " S(104) ", %r13\n mov " S(112) ", %r14\n mov " S(120) ", %r15\n"
    "	jmp *" S(280) "\n"
    "native_back:\n"
    "	mov %rax, " S(136) "\n mov %rcx, " S(144) "\n mov %rdx, " S(152) "\n"
    "	mov %rbx, " S(160) "\n mov %rsp, " S(168) "\n mov %rbp, " S(176) "\n"
    "	mov %rsi, " S(184) "\n mov %rdi, " S(192) "\n mov %r8, " S(200) "\n"
    "	mov %r9, " S(208) "\n mov %r10, " S(216) "\n mov %r11, " S(224) "\n"
    "	mov %r12, " S(232) "\n mov %r13, " S(240) "\n mov %r14, " S(248) "\n"
    "	mov %r15, " S(256) "\n"
    "	mov " S(272) ", %rsp\n"
    "	pushfq\n pop " S(264) "\n"
    "	cld\n"
    "	pop %rax\n mov %eax, %es\n pop %rax\n mov %eax, %ds\n"
    "	pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
    "	ret\n");

static struct native *const native = (void *)STATE;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	greg_t *reg = ((ucontext_t *)context)->uc_mcontext.gregs;

	if ((u64)reg[REG_RIP] - CODE >= 4096) {
		static const char text[] = "fault outside the instruction\n";

		if (write(2, text, sizeof(text) - 1))
			_exit(2);
		_exit(2);
	}
	native->fault = reg[REG_TRAPNO] + 1;
	reg[REG_RIP] = native->back;
	reg[REG_CSGSFS] = (reg[REG_CSGSFS] & ~0xffffLL) | 0x33;
	reg[REG_EFL] &= ~(X86_EFLAGS_TF | X86_EFLAGS_AC);
}

static void map(unsigned long at, size_t size, int prot)
{
	void *p = mmap((void *)at, size, prot,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);

	if (p != (void *)at) {
		perror("mmap");
		exit(2);
	}
}

static void native_init(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	static u8 stack[65536];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };

	map(RESERVED, RESERVED_SIZE, PROT_NONE);
	map(STATE, 4096, PROT_READ | PROT_WRITE);
	map(CODE, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
	map(DATA, DATA_SIZE, PROT_READ | PROT_WRITE);
	sigaltstack(&ss, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGFPE, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	native->back = (u64)native_back;
}

/* Put the instruction and its ways in and out into the code page. */
static void native_place(unsigned int mode, const u8 *insn, unsigned int len)
{
	static const u8 jmp_back[] = { 0xff, 0x24, 0x25, 0x20, 0x01, 0x00, 0x10 };
	static const u8 jmp_far[] = { 0xff, 0x2c, 0x25, 0x28, 0x01, 0x00, 0x10 };
	static const u8 far_back[] = { 0xea, 0x80, 0x10, 0x00, 0x10, 0x33, 0x00 };
	u8 *code = (u8 *)CODE;

	memcpy((u8 *)INSN, insn, len);
	if (mode == 8) {
		memcpy((u8 *)INSN + len, jmp_back, sizeof(jmp_back));
		native->entry = INSN;
		return;
	}
	memcpy((u8 *)INSN + len, far_back, sizeof(far_back));
	memcpy(code, jmp_far, sizeof(jmp_far));
	memcpy(code + 0x80, jmp_back, sizeof(jmp_back));
	native->entry = CODE;
	native->far_offset = INSN;
	native->far_selector = 0x23;
}

#endif /* TEST_NATIVE_H */
