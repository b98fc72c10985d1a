// SPDX-License-Identifier: GPL-2.0-only
/* crash: loads payload.S where a kdump kernel would be (the host booted with crashkernel=) */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/kexec.h>

#define SIZE	0x11000		/* as payload.S has it */
#define TABLES	0x4000

extern const uint8_t payload[], payload_end[];
static uint64_t image[SIZE / 8];

int main(void)
{
	unsigned long start = 0, end = 0;
	struct kexec_segment segment = { .buf = image, .bufsz = SIZE, .memsz = SIZE };
	uint64_t *pml4 = image + TABLES / 8, *pdpt = pml4 + 512, *pd = pdpt + 512;
	char line[256];
	FILE *f = fopen("/proc/iomem", "r");

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "Crash kernel"))
			sscanf(line, "%lx-%lx", &start, &end);
	if (!end) {
		fprintf(stderr, "crash: no memory is reserved for a crash kernel\n");
		return 1;
	}
	memcpy(image, payload, payload_end - payload);
	pml4[0] = (start + TABLES + 0x1000) | 3;
	for (unsigned int i = 0; i < 4; i++)
		pdpt[i] = (start + TABLES + 0x2000 + i * 0x1000) | 3;
	for (uint64_t i = 0; i < 2048; i++)
		pd[i] = i << 21 | 0x83;
	segment.mem = (void *)start;
	if (syscall(SYS_kexec_load, start, 1UL, &segment, KEXEC_ON_CRASH | KEXEC_ARCH_X86_64)) {
		perror("crash: kexec_load");
		return 1;
	}
	return 0;
}
