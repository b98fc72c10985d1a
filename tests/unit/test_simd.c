// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_simd.c - x87, MMX, SSE, AVX and AVX-512 with memory operands against this machine's
 * processor.
 *
 * Each case is an instruction with random registers and memory. It is executed by the
 * interpreter, which finds its memory to be a device that answers at the second try, and
 * natively; all registers, flags, memory and exceptions must agree. What the processor does
 * not have is skipped.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "tap.h"
#include "test_simd.h"

#define STATE 0x10000000UL
#define CODE 0x10001000UL
#define DATA 0x10010000UL
#define DATA_SIZE 0x1000
#define OPERAND (DATA + 0x400)
#define CASES 1500

/* At STATE; the assembly below knows the offsets. */
struct native {
	u64 gpr[16];		/* 0; RSP is the host's */
	u64 flags;		/* 128 */
	u64 out[16];		/* 136 */
	u64 out_flags;		/* 264 */
	u64 host_sp;		/* 272 */
	u64 entry;		/* 280 */
	u64 mask;		/* 288 */
	u64 fault;		/* 296: vector + 1 */
	u8 host[512] __attribute__((aligned(64)));	/* 320 */
	u8 area[2688] __attribute__((aligned(64)));	/* 832 */
};

void simd_native(void);
void simd_back(void);

#define S(off) "0x10000000 + " #off
asm(".text\n"
    "simd_native:\n"
    "	push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "	mov %rsp, " S(272) "\n"
    "	fxsave64 " S(320) "\n"
    "	mov " S(288) ", %eax\n xor %edx, %edx\n xrstor64 " S(832) "\n"
    "	push " S(128) "\n popfq\n"
    "	mov " S(0) ", %rax\n mov " S(8) ", %rcx\n mov " S(16) ", %rdx\n mov " S(24) ", %rbx\n"
    "	mov " S(40) ", %rbp\n mov " S(48) ", %rsi\n mov " S(56) ", %rdi\n"
    "	mov " S(64) ", %r8\n mov " S(72) ", %r9\n mov " S(80) ", %r10\n mov " S(88) ", %r11\n"
    "	mov " S(96) ", %r12\n mov " S(104) ", %r13\n mov " S(112) ", %r14\n mov " S(120) ", %r15\n"
    "	jmp *" S(280) "\n"
    "simd_back:\n"
    "	mov %rax, " S(136) "\n mov %rcx, " S(144) "\n mov %rdx, " S(152) "\n"
    "	mov %rbx, " S(160) "\n mov %rbp, " S(176) "\n"
    "	mov %rsi, " S(184) "\n mov %rdi, " S(192) "\n mov %r8, " S(200) "\n"
    "	mov %r9, " S(208) "\n mov %r10, " S(216) "\n mov %r11, " S(224) "\n"
    "	mov %r12, " S(232) "\n mov %r13, " S(240) "\n mov %r14, " S(248) "\n"
    "	mov %r15, " S(256) "\n"
    "	pushfq\n pop " S(264) "\n"
    "	mov " S(288) ", %eax\n xor %edx, %edx\n xsave64 " S(832) "\n"
    "	fninit\n fxrstor64 " S(320) "\n"
    "	pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
    "	ret\n");

static struct native *const native = (void *)STATE;
static unsigned int avx_at, zmm_at, hi_at;	/* in the area; 0: not there */

static void on_fault(int sig, siginfo_t *info, void *context)
{
	greg_t *reg = ((ucontext_t *)context)->uc_mcontext.gregs;

	if ((u64)reg[REG_RIP] - CODE >= 4096)
		_exit(2);
	native->fault = reg[REG_TRAPNO] + 1;
	reg[REG_RIP] = (u64)simd_back;
}

static void map(unsigned long at, size_t size, int prot)
{
	if (mmap((void *)at, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != (void *)at)
		exit(2);
}

static bool cpu_has(unsigned int feature)
{
	static const u32 leaves[] = { 1, 1, 7, 7, 0xd, 0x80000001, 0x80000001 };
	static const u8 regs[] = { 2, 3, 1, 2, 0, 2, 3 };
	unsigned int w = feature / 32, r[4];

	__cpuid_count(leaves[w], leaves[w] == 0xd, r[0], r[1], r[2], r[3]);
	return r[regs[w]] >> feature % 32 & 1;
}

static void native_init(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	static u8 stack[262144];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	u32 a, b, c, d, lo, hi;

	map(STATE, 4096, PROT_READ | PROT_WRITE);
	map(CODE, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
	map(DATA, DATA_SIZE, PROT_READ | PROT_WRITE);
	sigaltstack(&ss, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGFPE, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	asm volatile("xgetbv" : "=a" (lo), "=d" (hi) : "c" (0));
	native->mask = lo & 0xe7;
	__cpuid_count(0xd, 2, a, avx_at, c, d);
	if ((native->mask & 0xe0) != 0xe0)
		native->mask &= 7;
	else {
		__cpuid_count(0xd, 6, a, zmm_at, c, d);
		__cpuid_count(0xd, 7, a, hi_at, c, d);
	}
	b = hi_at ? hi_at + 1024 : avx_at + 256;
	if (b > sizeof(native->area))
		exit(2);
}

/* --- the guest's registers, and the interpreter's way to them --- */

struct regs {
	struct vh_fx fx;
	u8 vec[32][64];
};

static struct regs regs;
static unsigned long handled;
static u8 shadow[DATA_SIZE];
static bool answered, hidden;

static int op_fetch(struct vh_emul *e, u64 linear, void *buf, unsigned int len)
{
	memcpy(buf, (void *)linear, len);
	return VH_EMUL_OK;
}

static int op_read(struct vh_emul *e, u64 linear, void *buf, unsigned int len, bool system)
{
	if (linear - DATA > DATA_SIZE - len)
		abort();
	if (!answered) {
		answered = true;
		return VH_EMUL_USER;
	}
	memcpy(buf, shadow + (linear - DATA), len);
	return VH_EMUL_OK;
}

static int op_write(struct vh_emul *e, u64 linear, const void *buf, unsigned int len, bool system)
{
	if (linear - DATA > DATA_SIZE - len)
		abort();
	memcpy(shadow + (linear - DATA), buf, len);
	return VH_EMUL_OK;
}

static void op_vec_read(struct vh_emul *e, unsigned int n, u8 val[64])
{
	memcpy(val, regs.vec[n], 64);
}

static void op_vec_write(struct vh_emul *e, unsigned int n, const u8 val[64], unsigned int len)
{
	memcpy(regs.vec[n], val, len);
}

static void op_fpu_read(struct vh_emul *e, struct vh_fx *fx)
{
	*fx = regs.fx;
}

static void op_fpu_write(struct vh_emul *e, const struct vh_fx *fx)
{
	regs.fx = *fx;
}

static void op_with_fpu(struct vh_emul *e, void (*fn)(void *arg), void *arg)
{
	static u8 host[512] __attribute__((aligned(64)));

	asm volatile("fxsave64 %0" : "=m" (host));
	fn(arg);
	asm volatile("fxrstor64 %0" : : "m" (host));
}

static bool op_has(struct vh_emul *e, unsigned int feature)
{
	/* FDP is to tell of each instruction. */
	return !hidden && feature != VH_HAS_FDP_EXCPTN_ONLY;
}

static const struct vh_emul_ops ops = {
	.fetch = op_fetch, .read = op_read, .write = op_write, .vec_read = op_vec_read,
	.vec_write = op_vec_write, .fpu_read = op_fpu_read, .fpu_write = op_fpu_write,
	.with_fpu = op_with_fpu, .has = op_has,
};

static void to_native(void)
{
	unsigned int i;

	memset(native->area, 0, sizeof(native->area));
	memcpy(native->area, &regs.fx, sizeof(regs.fx));
	memcpy(native->area + 512, &native->mask, 8);
	for (i = 0; i < 16; i++) {
		memcpy(native->area + 160 + i * 16, regs.vec[i], 16);
		memcpy(native->area + avx_at + i * 16, regs.vec[i] + 16, 16);
		if (!hi_at)
			continue;
		memcpy(native->area + zmm_at + i * 32, regs.vec[i] + 32, 32);
		memcpy(native->area + hi_at + i * 64, regs.vec[i + 16], 64);
	}
}

static void from_native(struct regs *r)
{
	u64 there;
	unsigned int i;

	memset(r->vec, 0, sizeof(r->vec));
	memcpy(&r->fx, native->area, sizeof(r->fx));
	memcpy(&there, native->area + 512, 8);
	for (i = 0; i < 16; i++) {
		memcpy(r->vec[i], native->area + 160 + i * 16, 16);
		if (there & 4)
			memcpy(r->vec[i] + 16, native->area + avx_at + i * 16, 16);
		if (there & 0x40)
			memcpy(r->vec[i] + 32, native->area + zmm_at + i * 32, 32);
		if (there & 0x80)
			memcpy(r->vec[i + 16], native->area + hi_at + i * 64, 64);
	}
}

/* --- random registers --- */

/* 4 or 8 bytes: often something special, or near 1. */
static void rnd_float(u8 *to, unsigned int size)
{
	u64 exp = size == 4 ? 0x3f800000 : 0x3ff0000000000000, val = rnd();

	switch (rnd_below(6)) {
	case 0:		/* zero, infinity, NaNs */
		val = size == 4 ? 0x7f800000 : 0x7ff0000000000000;
		val = rnd_below(2) ? 0 : val | (rnd_below(2) ? rnd() & 7 : 0) |
		      (rnd_below(2) ? val >> (size == 4 ? 1 : 1) & (val ^ val << 1) : 0);
		break;
	case 1:		/* denormal */
		val &= size == 4 ? 0x807fffff : 0x800fffffffffffff;
		break;
	case 2:		/* the smallest and largest exponents */
		val &= size == 4 ? 0x80ffffff : 0x803fffffffffffff;
		val ^= rnd_below(2) ? 0 : size == 4 ? 0x7f000000 : 0x7fc0000000000000;
		break;
	case 3:
	case 4:
		val = exp + (s64)(s8)rnd() * (size == 4 ? 0x200000 : 0x4000000000000);
	}
	memcpy(to, &val, size);
}

static void rnd_x87(u8 st[16])
{
	u64 mantissa = rnd() | 1ULL << 63;
	u16 exp = 0x3fff + (s8)rnd();

	switch (rnd_below(8)) {
	case 0:
		mantissa = 0, exp = 0;
		break;
	case 1:
		exp = 0x7fff;
		mantissa = 1ULL << 63 | (rnd_below(2) ? rnd() >> 2 : 0);
		break;
	case 2:
		mantissa = rnd() >> 1, exp = 0;	/* denormal */
		break;
	case 3:
		mantissa = rnd();		/* perhaps no format that is supported */
		break;
	case 4:
		exp = rnd() & 0x7fff;
		break;
	case 5:
		mantissa &= ~0ULL << 32;
	}
	exp |= rnd() & 0x8000;
	memset(st, 0, 16);
	memcpy(st, &mantissa, 8);
	memcpy(st + 8, &exp, 2);
}

static void rnd_regs(bool floats)
{
	unsigned int i, j;

	memset(&regs, 0, sizeof(regs));
	regs.fx.cw = rnd_below(3) ? 0x37f : 0x340 | (rnd() & 0x3f);
	regs.fx.cw = (regs.fx.cw & ~0xf00) | (rnd_below(4) << 10) | (rnd_below(3) ? 0x300 : 0x200 * rnd_below(2));
	regs.fx.sw = (rnd() & 0x7f00) | (rnd_below(2) ? rnd() & 0x3f & regs.fx.cw : 0);
	if (!rnd_below(16))
		regs.fx.sw |= rnd() & 0x3f;
	if (regs.fx.sw & ~regs.fx.cw & 0x3f)
		regs.fx.sw |= 0x8080;
	/* as userspace might set it */
	if (!rnd_below(16))
		regs.fx.sw ^= 0x8080;
	regs.fx.tw = rnd_below(4) ? 0xff : rnd();
	regs.fx.mxcsr = (rnd_below(2) ? 0x1f80 : rnd() & 0x1f80) | (rnd() & 0x6000) |
			(rnd_below(4) ? 0 : rnd() & 0x8040) | (rnd_below(2) ? 0 : rnd() & 0x3f);
	regs.fx.mxcsr_mask = 0xffff;
	for (i = 0; i < 8; i++)
		rnd_x87(regs.fx.st[i]);
	for (i = 0; i < (hi_at ? 32 : 16); i++) {
		if (floats)
			for (j = 0; j < 64; j += floats && i & 1 ? 8 : 4)
				rnd_float(regs.vec[i] + j, i & 1 ? 8 : 4);
		else
			for (j = 0; j < 64; j += 8)
				memcpy(regs.vec[i] + j, (u64 []){ rnd_value() }, 8);
		if (!hi_at)
			memset(regs.vec[i] + 32, 0, 32);
	}
}

/* --- one case --- */

struct testcase {
	const struct simd_tmpl *t;
	struct simd_tmpl any;		/* what S_RANDOM has become */
	u8 insn[16];
	unsigned int len, vlen, vvvv;
	u64 gpr[16], flags, operand;
};

static void emit(struct testcase *c, u64 val, unsigned int n)
{
	memcpy(c->insn + c->len, &val, n);
	c->len += n;
}

/* Opcodes that are SIMD, if anything; those of test_emul.c are not. */
static void rnd_opcode(struct simd_tmpl *t)
{
	static const u8 simd[256] = {
		[0x10 ... 0x17] = 1, [0x28 ... 0x2f] = 1, [0x51 ... 0x70] = 1, [0x74 ... 0x76] = 1,
		[0x7c ... 0x7f] = 1, [0xc2] = 1, [0xc4] = 1, [0xc6] = 1, [0xd0 ... 0xfe] = 1,
	};

	do {
		t->map = 2 + rnd_below(3);
		t->pp = rnd_below(4);
		t->opcode = rnd();
	} while (t->map == 2 ? !simd[t->opcode] : t->map == 3 ? t->opcode >= 0xf0 : t->opcode == 0xf0);
	if (t->map == 4 || (t->map == 2 && (t->opcode == 0x70 || t->opcode == 0xc2 || t->opcode == 0xc4 ||
					    t->opcode == 0xc6)))
		t->flags |= S_IMM;
	if (t->enc != LEGACY && !rnd_below(2))
		t->flags |= S_V;
}

static void build(struct testcase *c, const struct simd_tmpl *t)
{
	unsigned int i, reg = t->ext != ANY ? t->ext : rnd_below(16), high = 0;
	unsigned int w = t->flags & S_W ? 1 : t->flags & S_WANY ? rnd_below(2) : 0;
	unsigned int v, l = 0;
	int disp;

	memset(c, 0, sizeof(*c));
	if (t->flags & S_RANDOM) {
		c->any = *t;
		rnd_opcode(&c->any);
		t = &c->any;
		w = rnd_below(2);
		reg = rnd_below(8) + 8;		/* as a general register it is not RSP */
	}
	c->t = t;
	for (i = 0; i < 16; i++)
		c->gpr[i] = rnd_value();
	c->flags = (rnd() & VH_FLAGS_ARITH) | 0x202;
	for (i = 0; i < DATA_SIZE; i += 8)
		*(u64 *)(shadow + i) = rnd_value();
	c->operand = OPERAND + (rnd_below(8) ? 0 : rnd_below(64));
	if (t->flags & S_FLOAT)
		for (i = 0; i < 64; i += 8)
			for (v = 0; v < 8; v += t->elem)
				rnd_float(shadow + (c->operand - DATA) + i + v, t->elem);
	if (t->flags & S_M80)
		rnd_x87(shadow + (c->operand - DATA));
	if (t->flags & S_BCD && rnd_below(4))
		for (i = 0; i < 9; i++)
			shadow[c->operand - DATA + i] = rnd_below(10) | rnd_below(10) << 4;
	if (t->flags & S_L1)
		l = t->enc == EVEX ? 1 + rnd_below(2) : 1;
	else if (!(t->flags & S_L0))
		l = rnd_below(t->enc == EVEX ? 3 : 2);
	if (t->enc == LEGACY)
		l = 0;
	c->vlen = 16 << l;
	c->vvvv = t->flags & S_V ? rnd_below(t->enc == EVEX ? 32 : 16) : 0;
	if (t->ext == ANY && t->enc == EVEX)
		high = rnd_below(2);
	if (t->flags & S_GPR && reg == VH_RSP)
		reg = 0;
	v = c->vvvv;
	if (!(t->flags & S_V) && (t->enc != LEGACY) && !rnd_below(32))
		v = 1 + rnd_below(14);
	switch (t->enc) {
	case LEGACY:
		if (t->pp)
			emit(c, t->pp == 1 ? 0x66 : t->pp == 2 ? 0xf3 : 0xf2, 1);
		if (reg >= 8 || w)
			emit(c, 0x40 | w << 3 | (reg >= 8 ? 4 : 0), 1);
		if (t->map > 1)
			emit(c, 0x0f, 1);
		if (t->map > 2)
			emit(c, t->map == 3 ? 0x38 : 0x3a, 1);
		break;
	case VEX:
		if (t->map == 2 && !w && rnd_below(2)) {
			emit(c, 0xc5, 1);
			emit(c, (reg < 8 ? 0x80 : 0) | (~v << 3 & 0x78) | l << 2 | t->pp, 1);
			break;
		}
		emit(c, 0xc4, 1);
		emit(c, (reg < 8 ? 0x80 : 0) | 0x60 | (t->map - 1), 1);
		emit(c, w << 7 | (~v << 3 & 0x78) | l << 2 | t->pp, 1);
		break;
	default:
		emit(c, 0x62, 1);
		emit(c, (reg < 8 ? 0x80 : 0) | 0x60 | (high ? 0 : 0x10) | (t->map - 1), 1);
		emit(c, w << 7 | (~v << 3 & 0x78) | 4 | t->pp, 1);
		emit(c, l << 5 | (v & 16 ? 0 : 8), 1);
	}
	emit(c, t->opcode, 1);
	/* [RDI], with a displacement that EVEX scales */
	if (t->flags & S_RANDOM || rnd_below(2)) {
		emit(c, (reg & 7) << 3 | VH_RDI, 1);
		c->gpr[VH_RDI] = c->operand;
	} else {
		unsigned int size = t->size == S_VL ? c->vlen : t->size;

		disp = (s8)rnd();
		emit(c, 0x40 | (reg & 7) << 3 | VH_RDI, 1);
		emit(c, disp & 0xff, 1);
		c->gpr[VH_RDI] = c->operand - disp * (t->enc == EVEX ? (int)size : 1);
	}
	if (t->flags & S_IMM)
		emit(c, t->flags & S_IMM3 ? rnd_below(8) : rnd() & 0xff, 1);
}

static void dump(const struct testcase *c)
{
	unsigned int i;

	printf("# %s:", c->t->name);
	for (i = 0; i < c->len; i++)
		printf(" %02x", c->insn[i]);
	printf("\n");
}

static void dump_bytes(const char *what, const u8 *a, const u8 *b, unsigned int n)
{
	unsigned int i;

	printf("# %s ", what);
	for (i = n; i-- > 0; )
		printf("%02x", a[i]);
	printf(", natively ");
	for (i = n; i-- > 0; )
		printf("%02x", b[i]);
	printf("\n");
}

static bool compare(const struct testcase *c, const struct regs *before)
{
	static struct regs want;
	bool bad = false;
	u32 mx;
	unsigned int i;

	from_native(&want);
	/* Where nothing looked at it the summary is as it was; loading it has put it right natively. */
	regs.fx.sw = (regs.fx.sw & ~0x8080) | (regs.fx.sw & ~regs.fx.cw & 0x3f ? 0x8080 : 0);
	if (regs.fx.cw != want.fx.cw || regs.fx.sw != want.fx.sw || regs.fx.tw != want.fx.tw) {
		printf("# cw %04x sw %04x tw %02x, natively %04x %04x %02x, before %04x %04x %02x\n",
		       regs.fx.cw, regs.fx.sw, regs.fx.tw, want.fx.cw, want.fx.sw, want.fx.tw,
		       before->fx.cw, before->fx.sw, before->fx.tw);
		bad = true;
	}
	mx = regs.fx.mxcsr ^ want.fx.mxcsr;
	if ((before->fx.mxcsr & 0xc00) != 0xc00)
		mx &= ~0x20;	/* unmasked overflow, underflow: was the result exact, but for that? */
	if (mx) {
		printf("# mxcsr %04x, natively %04x, before %04x\n", regs.fx.mxcsr, want.fx.mxcsr,
		       before->fx.mxcsr);
		bad = true;
	}
	for (i = 0; i < 8; i++)
		if (memcmp(regs.fx.st[i], want.fx.st[i], 10)) {
			dump_bytes("st", regs.fx.st[i], want.fx.st[i], 10);
			bad = true;
		}
	for (i = 0; i < 32; i++)
		if (memcmp(regs.vec[i], want.vec[i], 64)) {
			printf("# vector %u\n", i);
			dump_bytes("", regs.vec[i], want.vec[i], 64);
			bad = true;
		}
	return bad;
}

/* What FNSTENV stores of the last instruction is not the same: the kernel of some processors hides it. */
static void forget_pointers(const struct testcase *c)
{
	unsigned int n = c->t->flags & S_OP16 ? 6 : 12, len = c->t->flags & S_OP16 ? 8 : 16;

	memset(shadow + (c->operand - DATA) + n, 0, len);
	memset((u8 *)c->operand + n, 0, len);
}

/* 0: agrees; 1: does not */
static int run_case(struct testcase *c)
{
	static const u8 jmp_back[] = { 0xff, 0x25, 0, 0, 0, 0 };
	static struct regs before, now;
	struct kvm_segment seg[VH_NR_SEGS];
	struct vh_emul unavailable, e = {
		.ops = &ops, .seg = seg, .rip = CODE, .rflags = c->flags,
		.cr0 = X86_CR0_PE | X86_CR0_NE,
		.cr4 = X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | X86_CR4_OSXSAVE,
		.efer = EFER_LMA, .cpl = 3, .xcr0 = native->mask,
	};
	u64 back = (u64)simd_back;
	int r, bad = 0;
	unsigned int i;

	memcpy((void *)CODE, c->insn, c->len);
	memcpy((u8 *)CODE + c->len, jmp_back, 6);
	memcpy((u8 *)CODE + c->len + 6, &back, 8);
	memcpy((void *)DATA, shadow, DATA_SIZE);
	before = regs;
	to_native();
	memcpy(native->gpr, c->gpr, sizeof(c->gpr));
	native->flags = c->flags;
	native->entry = CODE;
	native->fault = 0;

	flat_segments(seg, 8);
	memcpy(e.gpr, c->gpr, sizeof(c->gpr));
	/* Hidden by CPUID it is #UD, and nothing has happened. */
	if (!(c->t->flags & S_ALWAYS)) {
		hidden = true;
		r = vh_emul_step(&e);
		hidden = false;
		if (r != VH_EMUL_FAULT || e.fault.vector != 6) {
			printf("# hidden: result %d vector %u\n", r, e.fault.vector);
			bad = 1;
		}
	}
	answered = false;
	now = regs;
	unavailable = e;
	unavailable.cr0 |= X86_CR0_TS;
	r = vh_emul_step(&e);
	if (r == VH_EMUL_USER) {
		if (memcmp(&now, &regs, sizeof(regs)) || memcmp(e.gpr, c->gpr, sizeof(e.gpr)) ||
		    e.rip != CODE || e.rflags != c->flags) {
			printf("# something happened before the device answered\n");
			bad = 1;
		}
		r = vh_emul_step(&e);
	}
	if (r == VH_EMUL_UNHANDLED && c->t->flags & S_RANDOM) {
		if (memcmp(&now, &regs, sizeof(regs)) || memcmp(e.gpr, c->gpr, sizeof(e.gpr)))
			bad = 1;
		return bad;
	}
	handled++;
	simd_native();
	if (c->t->flags & S_ENV)
		forget_pointers(c);
	if (native->fault ? r != VH_EMUL_FAULT || e.fault.vector + 1 != native->fault : r != VH_EMUL_OK) {
		printf("# result %d vector %u, natively %lld\n", r, e.fault.vector, (s64)native->fault - 1);
		bad = 1;
	}
	/* What is no instruction is none where #NM would be its fault (SDM Vol. 3, table 6-2: "invalid opcode" is first). */
	if (native->fault == 6 + 1) {
		r = vh_emul_step(&unavailable);
		if (r != VH_EMUL_FAULT || unavailable.fault.vector != 6) {
			printf("# with CR0.TS: result %d vector %u\n", r, unavailable.fault.vector);
			bad = 1;
		}
	}
	bad |= compare(c, &before);
	if (!native->fault && e.rip != CODE + c->len)
		bad = 1;
	if ((e.rflags ^ native->out_flags) & VH_FLAGS_ARITH) {
		printf("# flags %llx, natively %llx\n", e.rflags, native->out_flags);
		bad = 1;
	}
	for (i = 0; i < 16; i++)
		if (i != VH_RSP && e.gpr[i] != native->out[i]) {
			printf("# register %u %llx, natively %llx\n", i, e.gpr[i], native->out[i]);
			bad = 1;
		}
	if (memcmp(shadow, (void *)DATA, DATA_SIZE)) {
		dump_bytes("memory", shadow + (c->operand - DATA), (void *)c->operand, 32);
		bad = 1;
	}
	/* The last instruction that was not control. */
	if (c->t->flags & S_X87 && !native->fault &&
	    (regs.fx.ip != CODE || regs.fx.dp != c->operand ||
	     regs.fx.op != ((c->t->opcode & 7) << 8 | c->insn[c->t->pp ? 2 : 1]))) {
		printf("# FIP %llx FDP %llx FOP %x\n", regs.fx.ip, regs.fx.dp, regs.fx.op);
		bad = 1;
	}
	if (bad)
		dump(c);
	return bad;
}

int main(void)
{
	unsigned int i, n;

	native_init();
	for (i = 0; i < ARRAY_SIZE(simd_tmpls); i++) {
		const struct simd_tmpl *t = &simd_tmpls[i];
		unsigned int bad = 0;

		if (!cpu_has(t->feature) || (t->enc == VEX && !(native->mask & 4)) || (t->enc == EVEX && !hi_at)) {
			tap_ok(1, "%s # SKIP this processor does not have it", t->name);
			continue;
		}
		for (n = 0; n < (t->flags & S_RANDOM ? 40 : 1) * CASES && bad < 3; n++) {
			struct testcase c;

			rnd_regs(t->flags & S_FLOAT);
			build(&c, t);
			bad += run_case(&c);
		}
		tap_ok(!bad, "%s%s: %u cases", t->enc == VEX ? "v" : t->enc == EVEX ? "evex v" : "", t->name, n);
	}
	printf("# %lu cases as on the processor\n", handled);
	return tap_done();
}
