// SPDX-License-Identifier: GPL-2.0-only
/* apply.c - a vCPU of a model: CPUID, MSRs, the TSC. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cpu/cpu.h"
#include "vhctl.h"

#define LEGACY_STATE	576		/* x87 and SSE, and the header */
#define COMPACTED	(1u << 1 | 1u << 3)	/* of leaf 0xd.1's EAX: XSAVEC and XSAVES */
#define BRAND		0x80000002

/* Leaves that tell more of a feature: without it they tell nothing. */
static const struct {
	uint32_t leaf;
	enum cpu_word word;
	int bit;
} gated[] = {
	{ 0x12, CPU_7_EBX, 2 }, { 0x14, CPU_7_EBX, 25 }, { 0x19, CPU_7_ECX, 23 }, { 0x1c, CPU_7_EDX, 19 },
	{ 0x1d, CPU_7_EDX, 24 }, { 0x1e, CPU_7_EDX, 24 }, { 0x20, CPU_7_1_EAX, 22 }, { 0x24, CPU_7_1_EDX, 19 },
};

/* Leaves that tell no features: what the machine is like, or what cpuid.c makes itself. */
static const uint32_t plain[] = {
	0, 2, 4, 0xb, 0x1f, 0x40000000, 0x80000000, BRAND, BRAND + 1, BRAND + 2, 0x80000005, 0x80000006, 0x80000007,
};

static bool kept(const struct cpu_model *m, const struct kvm_cpuid_entry2 *e)
{
	for (unsigned int i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (e->function == plain[i])
			return true;
	for (unsigned int i = 0; i < sizeof(gated) / sizeof(gated[0]); i++)
		if (e->function == gated[i].leaf)
			return m->word[gated[i].word] >> gated[i].bit & 1;
	return false;
}

static void nothing(struct kvm_cpuid_entry2 *e)
{
	e->eax = e->ebx = e->ecx = e->edx = 0;
}

static void brand(const struct cpu_model *m, struct kvm_cpuid_entry2 *e)
{
	char text[96] = "";

	snprintf(text, sizeof(text), "Virtual CPU (%.33s)", m->name);
	memcpy(&e->eax, text + 16 * (e->function - BRAND), 16);
}

/* The bytes that the parts need that may be enabled (SDM, vol. 1, 13.4.2): the standard format's. */
static uint32_t states_size(const struct cpu_model *m, const struct kvm_cpuid2 *l)
{
	uint32_t size = LEGACY_STATE;

	for (unsigned int i = 0; i < l->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &l->entries[i];

		if (e->function == 0xd && e->index > 1 && e->index < 64 && m->xcr0 >> e->index & 1 && e->ebx + e->eax > size)
			size = e->ebx + e->eax;
	}
	return size;
}

/* Parts of the extended state: the sizes of what is enabled are the kernel's to tell. */
static void states(const struct cpu_model *m, struct kvm_cpuid_entry2 *e, uint32_t features, uint32_t size)
{
	if (e->index == 0) {
		e->eax &= m->xcr0;
		e->edx &= m->xcr0 >> 32;
		e->ebx = LEGACY_STATE;
		e->ecx = size;
	} else if (e->index == 1) {
		e->eax &= features;
		if (!(features & COMPACTED))
			e->ebx = 0;
		e->ecx &= m->xss;
		e->edx &= m->xss >> 32;
	} else if (e->index > 63 || !((m->xcr0 | m->xss) >> e->index & 1)) {
		nothing(e);
	}
}

static void apply(const struct cpu_model *m, struct kvm_cpuid_entry2 *e, uint32_t size)
{
	uint32_t allow[4] = { 0 };
	bool features = false;

	for (int w = 0; w < CPU_WORDS; w++) {
		if (cpu_place[w].leaf != e->function || cpu_place[w].index != e->index)
			continue;
		allow[cpu_place[w].reg] = m->word[w];
		features = true;
	}
	switch (e->function) {
	case 1:
		e->eax = m->signature ? m->signature : e->eax;
		e->ecx &= allow[2] | CPU_OSXSAVE;
		e->edx &= allow[3];
		return;
	case 7:
		/* EAX of the first is the last index. */
		e->eax &= e->index ? allow[0] : ~0u;
		e->ebx &= allow[1];
		e->ecx &= allow[2] | (e->index ? 0 : CPU_OSPKE);
		e->edx &= allow[3];
		return;
	case 0xd:
		states(m, e, m->word[CPU_D_1_EAX], size);
		return;
	case 0x80000001:	/* EAX is AMD's signature */
		e->ecx &= allow[2];
		e->edx &= allow[3];
		return;
	case 0x80000008:
		if (m->width && m->width < (e->eax & 0xff))
			e->eax = (e->eax & ~0xffu) | m->width;
		e->ebx &= allow[1];
		return;
	case BRAND: case BRAND + 1: case BRAND + 2:
		brand(m, e);
		return;
	}
	if (features) {
		e->eax &= allow[0];
		e->ebx &= allow[1];
		e->ecx &= allow[2];
		e->edx &= allow[3];
	} else if (!kept(m, e)) {
		nothing(e);
	}
}

/**
 * cpu_apply - what a VM of a model is told
 * @m: the model, which fits
 * @l: all that is supported; what the model lacks is taken away
 */
void cpu_apply(const struct cpu_model *m, struct kvm_cpuid2 *l)
{
	uint32_t size = states_size(m, l);

	for (unsigned int i = 0; i < l->nent; i++)
		apply(m, &l->entries[i], size);
}

/**
 * cpu_apply_vm - the frequency of the TSC, for all vCPUs
 * @m: the model, which fits
 * @host: what there is
 * @vm: without vCPUs
 *
 * 0 or -1, told.
 */
int cpu_apply_vm(const struct cpu_model *m, const struct cpu_host *host, int vm)
{
	if (!m->tsc_khz || !host->scales || m->tsc_khz == host->all.tsc_khz || !ioctl(vm, KVM_SET_TSC_KHZ, m->tsc_khz))
		return 0;
	error("cannot set the frequency of the TSC to %u kHz: %s", m->tsc_khz, strerror(errno));
	return -1;
}

/**
 * cpu_apply_vcpu - the MSRs of it
 * @m: the model, which fits
 * @host: what there is
 * @vcpu: a new one, with its CPUID
 *
 * 0 or -1, told.
 */
int cpu_apply_vcpu(const struct cpu_model *m, const struct cpu_host *host, int vcpu)
{
	for (int i = 0; i < CPU_MSRS; i++) {
		struct {
			struct kvm_msrs head;
			struct kvm_msr_entry entry;
		} s = { .head.nmsrs = 1, .entry = { .index = cpu_msr_index[i], .data = m->msr[i] } };

		if (host->all.msr[i] && host->all.msr[i] != m->msr[i] && ioctl(vcpu, KVM_SET_MSRS, &s) != 1) {
			error("cannot set %s of a vCPU", cpu_msr_name[i]);
			return -1;
		}
	}
	return 0;
}
