// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostcheck FILE: a process of the host beside VMs. Until FILE is there it
 * looks whether its own registers stay its own: vector registers, segment
 * bases, the CPU number in TSC_AUX, and that system calls arrive.
 */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <asm/prctl.h>

static int fail(const char *what)
{
	printf("hostcheck: %s is not as it was\n", what);
	return 1;
}

int main(int argc, char **argv)
{
	uint64_t base = (uint64_t)getpid() << 12, found, pattern[2] = { base, ~base }, xmm[2];
	unsigned long rounds = 0;

	if (argc != 2 || syscall(SYS_arch_prctl, ARCH_SET_GS, base))
		return 2;
	for (; access(argv[1], F_OK); rounds++) {
		cpu_set_t set;
		unsigned int aux;

		/* One asm statement: the compiler uses no vector register in between. */
		asm volatile("movdqu %2, %%xmm7\n\t"
			     "mov $200000, %%ecx\n"
			     "1: pause\n\t"
			     "loop 1b\n\t"
			     "movdqu %%xmm7, %0"
			     : "=m" (xmm) : "m" (pattern), "m" (pattern) : "ecx", "xmm7");
		if (memcmp(xmm, pattern, sizeof(xmm)))
			return fail("XMM7");
		syscall(SYS_arch_prctl, ARCH_GET_GS, &found);
		if (found != base)
			return fail("the GS base");
		if (syscall(SYS_getppid) <= 0)
			return fail("the system call entry");
		CPU_ZERO(&set);
		CPU_SET(rounds & 1, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			continue;	/* that CPU is offline */
		asm volatile("rdtscp" : "=c" (aux) : : "eax", "edx");
		CPU_ZERO(&set);
		sched_getaffinity(0, sizeof(set), &set);
		if (!CPU_ISSET(aux & 0xfff, &set))
			return fail("TSC_AUX");
	}
	printf("hostcheck: %lu rounds\n", rounds);
	return 0;
}
