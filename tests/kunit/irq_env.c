// SPDX-License-Identifier: GPL-2.0-only
/* irq_env.c - see irq_env.h. */
#include <linux/mm.h>

#include "irq_env.h"

struct vh_vm *vm;
struct vh_vcpu *vcpus[ENV_VCPUS];
unsigned int env_kicks[ENV_VCPUS], env_nmis[ENV_VCPUS], env_inits[ENV_VCPUS];
int env_sipi[ENV_VCPUS];
unsigned int env_acked[3][VH_IOAPIC_PINS];
u64 env_tsc_offset;
u64 shim_now;
struct hrtimer *shim_timers;

void shim_advance(u64 ns)
{
	u64 end = shim_now + ns;

	for (;;) {
		struct hrtimer *t, *first = NULL;

		for (t = shim_timers; t; t = t->next)
			if (!first || t->expires < first->expires)
				first = t;
		if (!first || first->expires > (s64)end)
			break;
		if (first->expires > (s64)shim_now)
			shim_now = first->expires;
		hrtimer_cancel(first);
		if (first->function(first) == HRTIMER_RESTART && !first->queued)
			hrtimer_start(first, first->expires, HRTIMER_MODE_ABS_HARD);
	}
	shim_now = end;
}

/* --- what the rest of the module would do --- */

void vh_vcpu_kick(struct vh_vcpu *vcpu)
{
	env_kicks[vcpu->idx]++;
}

void vh_vm_request_all(struct vh_vm *v, enum vh_request req)
{
	struct vh_vcpu *vcpu;
	unsigned int i;

	vh_for_each_vcpu(i, vcpu, v)
		vh_request(vcpu, req);
}

void vh_vcpu_post_nmi(struct vh_vcpu *vcpu)
{
	env_nmis[vcpu->idx]++;
}

void vh_vcpu_post_init(struct vh_vcpu *vcpu)
{
	env_inits[vcpu->idx]++;
}

void vh_vcpu_post_sipi(struct vh_vcpu *vcpu, u8 vector)
{
	env_sipi[vcpu->idx] = vector;
}

u64 vh_tsc_read(struct vh_vcpu *vcpu)
{
	return shim_now + env_tsc_offset;
}

u64 vh_tsc_to_ns(struct vh_vcpu *vcpu, u64 ticks)
{
	return ticks;
}

bool vh_irqfd_any_resample(struct vh_vm *v)
{
	return true;
}

void vh_irqfd_resample(struct vh_vm *v, u32 gsi)
{
	if (gsi < VH_IOAPIC_PINS)
		env_acked[0][gsi]++;
	vh_irq_set(v, gsi, SRC_RESAMPLE, 0);
}

bool vh_ioeventfd_hit(struct vh_vm *v, u64 addr, const void *data, unsigned int len, bool pio)
{
	return false;
}

/* --- the VM --- */

void env_create(unsigned int n)
{
	unsigned int i;

	memset(env_kicks, 0, sizeof(env_kicks));
	memset(env_nmis, 0, sizeof(env_nmis));
	memset(env_inits, 0, sizeof(env_inits));
	memset(env_sipi, 0xff, sizeof(env_sipi));
	memset(env_acked, 0, sizeof(env_acked));
	shim_now = 1000000;
	vm = calloc(1, sizeof(*vm));
	if (vh_irqchip_create(vm))
		abort();
	vm->irqchip_kernel = true;
	for (i = 0; i < n; i++) {
		vcpus[i] = calloc(1, sizeof(*vcpus[i]));
		vcpus[i]->vm = vm;
		vcpus[i]->id = vcpus[i]->idx = i;
		if (vh_lapic_create(vcpus[i]))
			abort();
		vh_lapic_reset(vcpus[i], false);
		vm->vcpus[i] = vcpus[i];
		vm->nr_vcpus = i + 1;
		wr(i, APIC_SVR_, 0x1ff);
	}
	wr(0, APIC_LVT0_, 0x700);
	/* As after a firmware: the 8259s are masked. */
	vm->irqchip->pic[0].imr = 0xff;
	vm->irqchip->pic[1].imr = 0xff;
}

void env_destroy(void)
{
	unsigned int i;

	vh_pit_destroy(vm);
	for (i = 0; i < vm->nr_vcpus; i++) {
		vh_lapic_destroy(vcpus[i]);
		free(vcpus[i]);
	}
	vh_irqchip_destroy(vm);
	free(vm);
	vm = NULL;
	/* Nothing is left that could call back. */
	tap_ok(!shim_timers, "no timer is left");
}

u32 rd(unsigned int cpu, u32 offset)
{
	u32 value = 0;

	vh_lapic_mmio_read(vcpus[cpu], offset, &value, 4);
	return value;
}

void wr(unsigned int cpu, u32 offset, u32 value)
{
	vh_lapic_mmio_write(vcpus[cpu], offset, &value, 4);
}

int take(unsigned int cpu)
{
	return vh_irq_ack(vcpus[cpu]);
}

int take_eoi(unsigned int cpu)
{
	int vector = take(cpu);

	if (vector >= 0)
		wr(cpu, APIC_EOI_, 0);
	return vector;
}
