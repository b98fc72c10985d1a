// SPDX-License-Identifier: GPL-2.0-only
/* host.c - what VMs can have on this host, which processor, kernel and module have agreed on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "vhctl.h"

/* More of these is told by leaves and MSRs that no model has. */
#define VMX		(1u << 5)	/* of leaf 1's ECX */
#define PDCM		(1u << 15)
#define SVM		(1u << 2)	/* of leaf 0x80000001's ECX */
#define TOPOEXT		(1u << 22)
#define PERFMON_EXT	(1u << 8)	/* of leaf 7.1's EAX */
#define TSC_DEADLINE	(1u << 24)	/* of leaf 1's ECX, as the next */
#define HYPERVISOR	(1u << 31)
#define HT		(1u << 28)	/* of leaf 1's EDX */

/**
 * cpu_supported - CPUID as VMs can have it
 * @dev: /dev/vh
 *
 * To be freed; NULL, told.
 */
struct kvm_cpuid2 *cpu_supported(int dev)
{
	struct kvm_cpuid2 *l = calloc(1, sizeof(*l) + CPU_LEAVES * sizeof(l->entries[0]));

	if (!l)
		abort();
	l->nent = CPU_LEAVES;
	if (ioctl(dev, KVM_GET_SUPPORTED_CPUID, l)) {
		error("cannot tell what CPUID is supported: %s", strerror(errno));
		free(l);
		return NULL;
	}
	/* A mode of the LAPIC's timer, which the list does not say */
	if (ioctl(dev, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0)
		for (unsigned int i = 0; i < l->nent; i++)
			if (l->entries[i].function == 1)
				l->entries[i].ecx |= TSC_DEADLINE;
	return l;
}

static const struct kvm_cpuid_entry2 *leaf(const struct kvm_cpuid2 *l, uint32_t function, uint32_t index)
{
	for (unsigned int i = 0; i < l->nent; i++)
		if (l->entries[i].function == function &&
		    (l->entries[i].index == index || !(l->entries[i].flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX)))
			return &l->entries[i];
	return NULL;
}

static uint64_t read_msr(int dev, uint32_t index)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} m = { .head.nmsrs = 1, .entry.index = index };

	return ioctl(dev, KVM_GET_MSRS, &m) == 1 ? m.entry.data : 0;
}

/* A VM knows it, and there can be one for just that; 0: there can be none. */
static unsigned int tsc_khz(int dev, int vm)
{
	int own = vm < 0 ? ioctl(dev, KVM_CREATE_VM, 0) : vm, khz = own < 0 ? -1 : ioctl(own, KVM_GET_TSC_KHZ, 0);

	if (vm < 0 && own >= 0)
		close(own);
	return khz > 0 ? khz : 0;
}

/**
 * cpu_host_look - all that VMs can have here
 * @dev: /dev/vh
 * @vm: a VM of it, -1: none
 * @supported: cpu_supported()'s
 * @h: filled in
 *
 * 0 or -1, told.
 */
int cpu_host_look(int dev, int vm, const struct kvm_cpuid2 *supported, struct cpu_host *h)
{
	const struct kvm_cpuid_entry2 *e = leaf(supported, 0, 0);
	struct cpu_model *m = &h->all;

	*h = (struct cpu_host){ .scales = ioctl(dev, KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL) > 0 };
	if (!e || !leaf(supported, 1, 0)) {
		error("the device tells of no processor");
		return -1;
	}
	strcpy(m->name, "host");
	memcpy(m->vendor, &e->ebx, 4);
	memcpy(m->vendor + 4, &e->edx, 4);
	memcpy(m->vendor + 8, &e->ecx, 4);
	m->signature = leaf(supported, 1, 0)->eax;
	for (int w = 0; w < CPU_WORDS; w++) {
		e = leaf(supported, cpu_place[w].leaf, cpu_place[w].index);
		if (e)
			m->word[w] = (&e->eax)[cpu_place[w].reg];
	}
	/* As vCPUs have it (cpuid.c) */
	m->word[CPU_1_EDX] |= HT;
	m->word[CPU_1_ECX] |= HYPERVISOR;
	m->word[CPU_1_ECX] &= ~(CPU_OSXSAVE | VMX | PDCM);
	m->word[CPU_EXT_1_ECX] &= ~(SVM | TOPOEXT);
	m->word[CPU_7_1_EAX] &= ~PERFMON_EXT;
	m->word[CPU_7_ECX] &= ~CPU_OSPKE;
	e = leaf(supported, 0xd, 0);
	m->xcr0 = 3 | (e ? e->eax | (uint64_t)e->edx << 32 : 0);
	e = leaf(supported, 0xd, 1);
	m->xss = e ? e->ecx | (uint64_t)e->edx << 32 : 0;
	for (int i = 0; i < CPU_MSRS; i++)
		m->msr[i] = read_msr(dev, cpu_msr_index[i]);
	e = leaf(supported, 0x80000008, 0);
	m->width = e ? e->eax & 0xff : 36;
	m->tsc_khz = tsc_khz(dev, vm);
	return 0;
}
