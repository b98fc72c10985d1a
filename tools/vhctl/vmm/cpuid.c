// SPDX-License-Identifier: GPL-2.0-only
/* cpuid.c - the processor that a vCPU sees: what there is, or what a model allows, and its place among the others. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cpu/cpu.h"
#include "vhctl.h"
#include "vmm/vmm.h"

#define MSR_MISC_ENABLE	0x1a0
#define FAST_STRING	(1UL << 0)

/* What is supported, and allowed: of a confined VM vCPUs that come later cannot ask. Const once there are threads. */
static struct kvm_cpuid2 *supported;
static struct cpu_model *model;		/* NULL: no model is wanted */
static struct cpu_host host;

/*
 * One package whose cores are the vCPUs; each has its own APIC id. Without the
 * invariant-TSC promise, which no VM that may move can keep, guests take kvm-clock.
 */
static void cpuid_of(struct kvm_cpuid_entry2 *e, int id, int cpus)
{
	int bits = 0;

	while (1 << bits < cpus)
		bits++;
	switch (e->function) {
	case 1:
		e->ebx = (e->ebx & 0x0000ff00) | id << 24 | cpus << 16;
		e->edx = (e->edx & ~(1u << 28)) | (cpus > 1 ? 1u << 28 : 0);
		/* KVM leaves it to the VMM to say that there is a hypervisor */
		e->ecx |= 1u << 31;
		break;
	case 4:
		if (e->eax & 31)
			e->eax = (e->eax & 0x3ff) | (uint32_t)((1 << bits) - 1) << 26;
		break;
	case 0x80000007:
		e->edx &= ~(1u << 8);
		break;
	case 0xb:
	case 0x1f:
		e->eax = e->index ? bits : 0;
		e->ebx = e->index ? cpus : 1;
		e->ecx = e->index ? 2 << 8 | 1 : 1 << 8;
		e->edx = id;
		if (e->index > 1)
			e->eax = e->ebx = 0, e->ecx = e->index;
		break;
	}
}

/**
 * cpuid_prepare - what vCPUs are to see
 * @v: the VM, without memory and vCPUs
 *
 * 0; or -1, told, with all that this host lacks of the model.
 */
int cpuid_prepare(struct vmm *v)
{
	static struct cpu_model wanted;

	supported = cpu_supported(v->dev);
	if (!supported)
		return -1;
	if (!v->cfg->cpu || !strcmp(v->cfg->cpu, "host"))
		return 0;
	if (cpu_model_read(v->cfg->cpu, &wanted) || cpu_host_look(v->dev, v->vm, supported, &host) ||
	    cpu_model_fits(&wanted, &host) || cpu_apply_vm(&wanted, &host, v->vm))
		return -1;
	cpu_apply(&wanted, supported);
	memory_limit_bits(wanted.width);
	model = &wanted;
	return 0;
}

static int set_leaves(struct vmm_vcpu *c)
{
	size_t size = sizeof(*supported) + supported->nent * sizeof(supported->entries[0]);
	struct kvm_cpuid2 *l = malloc(size);
	int err;

	if (!l)
		abort();
	memcpy(l, supported, size);
	for (unsigned int i = 0; i < l->nent; i++)
		cpuid_of(&l->entries[i], c->id, vmm_most_cpus(c->vmm->cfg));
	err = ioctl(c->fd, KVM_SET_CPUID2, l);
	if (err)
		error("cannot set the CPUID of vCPU %d: %s", c->id, strerror(errno));
	free(l);
	return err;
}

/* What firmware switches on: fast strings, which kernels go by. KVM's vCPUs begin without. */
static int set_msrs(struct vmm_vcpu *c)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} m = { .head.nmsrs = 1, .entry.index = MSR_MISC_ENABLE };

	if (ioctl(c->fd, KVM_GET_MSRS, &m) == 1) {
		m.entry.data |= FAST_STRING;
		if (ioctl(c->fd, KVM_SET_MSRS, &m) == 1)
			return 0;
	}
	error("cannot set the MSRs of vCPU %d", c->id);
	return -1;
}

/**
 * cpuid_set - a vCPU sees its processor
 * @c: a new one
 */
int cpuid_set(struct vmm_vcpu *c)
{
	return set_leaves(c) || set_msrs(c) || (model && cpu_apply_vcpu(model, &host, c->fd)) ? -1 : 0;
}
