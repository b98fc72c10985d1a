// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe cpuid N	a guest that executes CPUID N times, in one KVM_RUN; prints the least
 *			ticks that it took
 * probe out N		a guest with N exits to userspace
 * probe turns N	two VMs on this CPU, N turns each
 * probe split		a guest with huge pages that executes code in some of them
 *
 * Status 0 when the guests did what they should. What it costs the host is
 * counted by the module, for tests/mitigations.sh to compare.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../../uapi/linux/vh.h"
#include "../lib/kvm.h"

#define CODE	0x100000u
#define STACK	0x90000u
#define GPA	0x10000000u
#define HUGE	(2u << 20)
#define CHUNKS	8u
#define EPT_VIOLATION 48

static void die(const char *what)
{
	fprintf(stderr, "probe: %s\n", what);
	exit(1);
}

static struct vcpu *start(struct vm *vm, const void *code, size_t len)
{
	struct vcpu *v;

	vm_create(vm, 4 << 20, 0);
	v = vm_add_vcpu(vm);
	vm_build_tables(vm);
	memcpy(vm->mem + CODE, code, len);
	vcpu_set_mode(vm, v, MODE_FLAT32, CODE, STACK);
	return v;
}

static void run_to(struct vcpu *v, unsigned int reason)
{
	if (vcpu_run(v) || v->run->exit_reason != reason) {
		fprintf(stderr, "probe: %s instead of %s\n", exit_name(v->run->exit_reason),
			exit_name(reason));
		exit(1);
	}
}

static void cpuid(unsigned int n)
{
	uint8_t code[] = {
		0xbf, 0, 0, 0, 0,		/*    mov $n, %edi */
		0xbd, 0xff, 0xff, 0xff, 0xff,	/*    mov $-1, %ebp */
		0x0f, 0x31,			/* 1: rdtsc */
		0x89, 0xc6,			/*    mov %eax, %esi */
		0x31, 0xc0,			/*    xor %eax, %eax */
		0x0f, 0xa2,			/*    cpuid */
		0x0f, 0x31,			/*    rdtsc */
		0x29, 0xf0,			/*    sub %esi, %eax */
		0x39, 0xe8,			/*    cmp %ebp, %eax */
		0x0f, 0x42, 0xe8,		/*    cmovb %eax, %ebp */
		0x4f,				/*    dec %edi */
		0x75, 0xec,			/*    jnz 1b */
		0xf4,				/*    hlt */
	};
	struct kvm_regs regs;
	struct vm vm;
	struct vcpu *v;

	memcpy(code + 1, &n, 4);
	v = start(&vm, code, sizeof(code));
	run_to(v, KVM_EXIT_HLT);
	xioctl(v->fd, KVM_GET_REGS, &regs);
	printf("%u\n", (uint32_t)regs.rbp);
}

/* 1: out %al, $0x10; jmp 1b */
static const uint8_t out_code[] = { 0xe6, 0x10, 0xeb, 0xfc };

static void out(unsigned int n)
{
	struct vm vm;
	struct vcpu *v = start(&vm, out_code, sizeof(out_code));

	while (n--)
		run_to(v, KVM_EXIT_IO);
}

static void turns(unsigned int n)
{
	struct vm vm[2];
	struct vcpu *v[2];

	v[0] = start(&vm[0], out_code, sizeof(out_code));
	v[1] = start(&vm[1], out_code, sizeof(out_code));
	while (n--) {
		run_to(v[0], KVM_EXIT_IO);
		run_to(v[1], KVM_EXIT_IO);
	}
}

/* incl (%ebx); hlt */
static const uint8_t touch_code[] = { 0xff, 0x03, 0xf4 };

/* Run touch_code at @rip on the word at @data, and see that it did it. */
static void touch(struct vcpu *v, uint8_t *p, uint32_t rip, uint32_t data)
{
	struct kvm_regs regs;
	uint32_t *word = (uint32_t *)(p + (data - GPA)), before = *word;

	xioctl(v->fd, KVM_GET_REGS, &regs);
	regs.rip = rip;
	regs.rbx = data;
	xioctl(v->fd, KVM_SET_REGS, &regs);
	run_to(v, KVM_EXIT_HLT);
	if (*(volatile uint32_t *)word != before + 1)
		die("the guest's write is not there");
}

static unsigned long violations(struct vcpu *v)
{
	struct vh_exit_stats s;

	xioctl(v->fd, VH_GET_EXIT_STATS, &s);
	return s.counts[EPT_VIOLATION];
}

/*
 * Data in each huge page, then code in two of them. Prints the EPT violations
 * of the first pass over the data, of the code, and of one more pass over both.
 */
static void split(void)
{
	const size_t size = CHUNKS * HUGE;
	unsigned long at[4];
	struct vm vm;
	struct vcpu *v = start(&vm, touch_code, sizeof(touch_code));
	uint8_t *p = mmap(NULL, size + HUGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i, pass;

	p = (uint8_t *)(((uintptr_t)p + HUGE - 1) & -(uintptr_t)HUGE);
	madvise(p, size, MADV_HUGEPAGE);
	memset(p, 0, size);
	for (i = 0; i < CHUNKS; i++)
		memcpy(p + i * HUGE + 0x5000, touch_code, sizeof(touch_code));
	if (vm_slot(&vm, 1, 0, GPA, size, p))
		die("no memslot");
	touch(v, p, CODE, GPA);
	at[0] = violations(v);
	for (i = 1; i < CHUNKS; i++)
		touch(v, p, CODE, GPA + i * HUGE);
	at[1] = violations(v);
	touch(v, p, GPA + 2 * HUGE + 0x5000, GPA + 3 * HUGE);
	touch(v, p, GPA + 5 * HUGE + 0x5000, GPA + 6 * HUGE);
	at[2] = violations(v);
	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < CHUNKS; i++)
			touch(v, p, CODE, GPA + i * HUGE + 0x9000);
		touch(v, p, GPA + 2 * HUGE + 0x5000, GPA + 2 * HUGE + 0x9000);
		touch(v, p, GPA + 5 * HUGE + 0x5000, GPA + 5 * HUGE + 0x9000);
	}
	at[3] = violations(v);
	printf("%lu %lu %lu\n", at[1] - at[0], at[2] - at[1], at[3] - at[2]);
}

int main(int argc, char **argv)
{
	unsigned int n = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

	if (argc == 3 && !strcmp(argv[1], "cpuid"))
		cpuid(n);
	else if (argc == 3 && !strcmp(argv[1], "out"))
		out(n);
	else if (argc == 3 && !strcmp(argv[1], "turns"))
		turns(n);
	else if (argc == 2 && !strcmp(argv[1], "split"))
		split();
	else
		die("see probe.c");
	return 0;
}
