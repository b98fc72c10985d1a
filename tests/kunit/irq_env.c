// SPDX-License-Identifier: GPL-2.0-only
/* irq_env.c - see irq_env.h. */
#include <linux/mm.h>
#include <linux/slab.h>

#include "irq_env.h"

struct vh_vm *vm;
struct vh_vcpu *vcpus[ENV_VCPUS];
unsigned int env_notified;
unsigned int env_kicks[ENV_VCPUS], env_nmis[ENV_VCPUS], env_inits[ENV_VCPUS];
int env_sipi[ENV_VCPUS];
static unsigned int env_acked[VH_IOAPIC_PINS];
unsigned int env_expiries;
u64 env_tsc_offset;
u64 shim_now;

static struct hrtimer *queue[2 * ENV_VCPUS];

/* --- the clock; what it counts with is in the timers themselves --- */

static struct hrtimer **place(const struct hrtimer *t)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(queue); i++)
		if (queue[i] == t)
			return &queue[i];
	return NULL;
}

unsigned int shim_timers(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(queue); i++)
		n += !!queue[i];
	return n;
}

bool shim_queued(const struct hrtimer *t)
{
	return place(t);
}

int shim_cancel(struct hrtimer *t)
{
	struct hrtimer **p = place(t);

	if (p)
		*p = NULL;
	return !!p;
}

void shim_start(struct hrtimer *t, ktime_t expires)
{
	struct hrtimer **p;

	shim_cancel(t);
	hrtimer_set_expires(t, expires);
	p = place(NULL);
	if (!WARN_ON(!p))
		*p = t;
}

u64 shim_forward(struct hrtimer *t, ktime_t step)
{
	u64 n = 0;

	TAP_CHECK(!shim_queued(t) && step > 0);
	for (; step > 0 && hrtimer_get_expires(t) <= (s64)shim_now; n++)
		hrtimer_add_expires(t, step);
	return n;
}

void shim_advance(u64 ns)
{
	u64 end = shim_now + ns;
	unsigned int i;

	for (;;) {
		struct hrtimer *first = NULL;

		for (i = 0; i < ARRAY_SIZE(queue); i++)
			if (queue[i] && (!first || hrtimer_get_expires(queue[i]) <
					 hrtimer_get_expires(first)))
				first = queue[i];
		if (!first || hrtimer_get_expires(first) > (s64)end)
			break;
		if (hrtimer_get_expires(first) > (s64)shim_now)
			shim_now = hrtimer_get_expires(first);
		shim_cancel(first);
		env_expiries++;
		if (first->function(first) == HRTIMER_RESTART && !shim_queued(first))
			shim_start(first, hrtimer_get_expires(first));
	}
	shim_now = end;
}

/* --- what the rest of the module would do --- */

void vh_vcpu_kick(struct vh_vcpu *vcpu)
{
	env_kicks[vcpu->idx]++;
}

void vh_notify_cpu(int cpu)
{
	env_notified++;
}

void vh_vm_request_all(struct vh_vm *v, enum vh_request req)
{
	struct vh_vcpu *vcpu;
	unsigned int i;

	vh_for_each_vcpu(i, vcpu, v)
		vh_request(vcpu, req);
}

bool vh_vm_request_sync(struct vh_vm *v, enum vh_request req)
{
	vh_vm_request_all(v, req);
	return false;
}

void vh_vcpu_post_nmi(struct vh_vcpu *vcpu)
{
	env_nmis[vcpu->idx]++;
}

void vh_vcpu_post_smi(struct vh_vcpu *vcpu)
{
}

void vh_vcpu_post_init(struct vh_vcpu *vcpu)
{
	env_inits[vcpu->idx]++;
}

void vh_vcpu_post_sipi(struct vh_vcpu *vcpu, u8 vector)
{
	env_sipi[vcpu->idx] = vector;
}

bool vh_irqfd_resamples(struct vh_vm *v, u32 gsi)
{
	return true;
}

void vh_irqfd_resample(struct vh_vm *v, u32 gsi)
{
	if (gsi < VH_IOAPIC_PINS)
		env_acked[gsi]++;
	vh_irq_set(v, gsi, SRC_RESAMPLE, 0);
}

static struct vh_eventfds no_eventfds;

bool vh_ioeventfd_hit(struct vh_vm *v, u64 addr, const void *data, unsigned int len, bool pio)
{
	return false;
}

bool vh_coalesce(struct vh_vm *v, u64 addr, const void *data, unsigned int len, bool pio)
{
	return false;
}

unsigned int acks(u32 gsi)
{
	vh_irq_tell_acks(vm);
	return env_acked[gsi];
}

/* --- the VM --- */

void env_create(unsigned int n)
{
	unsigned int i;

	env_notified = 0;
	memset(env_kicks, 0, sizeof(env_kicks));
	memset(env_nmis, 0, sizeof(env_nmis));
	memset(env_inits, 0, sizeof(env_inits));
	memset(env_sipi, 0xff, sizeof(env_sipi));
	memset(env_acked, 0, sizeof(env_acked));
	shim_now = 1000000;
	memset(queue, 0, sizeof(queue));
	vm = kvzalloc(sizeof(*vm), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(tap_test, vm);
	vm->eventfds = &no_eventfds;
	mutex_init(&vm->lock);
	mutex_lock(&vm->lock);
	TAP_EQ(vh_irqchip_create(vm), 0);
	vh_routes_resample(vm);
	mutex_unlock(&vm->lock);
	vm->irqchip_kernel = true;
	for (i = 0; i < n; i++) {
		vcpus[i] = kvzalloc(sizeof(*vcpus[i]), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(tap_test, vcpus[i]);
		vcpus[i]->vm = vm;
		vcpus[i]->id = vcpus[i]->idx = i;
		vcpus[i]->tsc_khz = 1000000;
		KUNIT_ASSERT_EQ(tap_test, vh_lapic_create(vcpus[i]), 0);
		vh_lapic_reset(vcpus[i], false);
		vm->vcpus[0] = vcpus;
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
		kvfree(vcpus[i]);
	}
	vh_irqchip_destroy(vm);
	kvfree(vm);
	vm = NULL;
	/* Nothing is left that could call back. */
	TAP_CHECK(!shim_timers());
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
