// SPDX-License-Identifier: GPL-2.0-only
/*
 * clock.c - the guest's TSC and the paravirtual clock "kvmclock".
 *
 * kvmclock (Documentation/virt/kvm/x86/msr.rst): a page shared with the guest
 * says how guest TSC ticks become nanoseconds since boot. All vCPUs of a VM
 * use one anchor, a pair of host TSC and host nanoseconds, so that their
 * clocks agree to the tick where the host's TSC is stable.
 */
#include <linux/clocksource.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <asm/pvclock-abi.h>
#include <asm/tsc.h>
#include <uapi/asm/kvm_para.h>

#include "internal.h"
#include "../bound.h"
#include "../tsc.h"

/* The clocks of a VM; one moment on the host's TSC and on its own, for all vCPUs. */
struct vh_vm_clock {
	raw_spinlock_t lock;		/* all that follows */
	s64 offset;			/* kvmclock = host boottime ns + offset, unless it is anchored */
	bool anchored;			/* the moment is chosen; the host's TSC is stable: */
	u64 anchor_tsc;			/* of vh_host_tsc() */
	s64 anchor_ns;			/* what kvmclock was then */
	u64 anchor_lost;		/* and vh_tsc_lost */
	bool written;			/* the last IA32_TSC written by userspace: */
	u32 write_khz;
	s64 write_offset;
};

static u64 tsc_at_suspend;

#ifdef VH_DEBUG
static bool tsc_unstable, tsc_restarts;
module_param(tsc_unstable, bool, 0644);
MODULE_PARM_DESC(tsc_unstable, "the host is taken to have found its TSC unstable");
module_param(tsc_restarts, bool, 0644);
MODULE_PARM_DESC(tsc_restarts, "the TSC is taken to have lost 2^40 ticks when the host resumes");

static bool said_unstable(void)
{
	return READ_ONCE(tsc_unstable);
}

/* To write it would be the end of the host's own clocks, which have resumed already. */
static u64 more_then(void)
{
	return tsc_restarts ? BIT_ULL(40) : 0;
}
#else
static inline bool said_unstable(void)
{
	return false;
}

static inline u64 more_then(void)
{
	return 0;
}
#endif

/**
 * vh_tsc_suspend - the host suspends
 *
 * One CPU online, interrupts off.
 */
void vh_tsc_suspend(void)
{
	tsc_at_suspend = rdtsc_ordered() + more_then();
}

/**
 * vh_tsc_resume - the host is back; its TSC may have begun anew
 *
 * As vh_tsc_suspend(). Guests' TSCs go on where they were.
 */
void vh_tsc_resume(void)
{
	u64 now = rdtsc_ordered();

	if (now < tsc_at_suspend)
		WRITE_ONCE(vh_tsc_lost, vh_tsc_lost + tsc_at_suspend - now);
}

/**
 * vh_clock_init - a new vCPU's TSC
 * @vcpu: the vCPU
 *
 * Process context; vm->lock held.
 */
void vh_clock_init(struct vh_vcpu *vcpu)
{
	vcpu->tsc_khz = tsc_khz;
	if (vcpu->vm->default_tsc_khz)
		vh_tsc_set_khz(vcpu, vcpu->vm->default_tsc_khz);
	vh_tsc_write(vcpu, 0, true);
}

/**
 * vh_clock_vm_init - a new VM's clock starts at 0
 * @vm: the VM
 *
 * Process context. -ENOMEM.
 */
int vh_clock_vm_init(struct vh_vm *vm)
{
	vm->clock = kzalloc(sizeof(*vm->clock), GFP_KERNEL_ACCOUNT);
	if (!vm->clock)
		return -ENOMEM;
	raw_spin_lock_init(&vm->clock->lock);
	vm->clock->offset = -(s64)ktime_get_boottime_ns();
	vm->default_tsc_khz = tsc_khz;
	return 0;
}

/**
 * vh_clock_vm_free - undo vh_clock_vm_init()
 * @vm: the VM; no vCPU is left
 */
void vh_clock_vm_free(struct vh_vm *vm)
{
	kfree(vm->clock);
	vm->clock = NULL;
}

/* --- TSC --- */

/**
 * vh_tsc_adjust - move the guest's TSC
 * @vcpu: the vCPU
 * @delta: guest ticks
 */
void vh_tsc_adjust(struct vh_vcpu *vcpu, s64 delta)
{
	vcpu->tsc_offset += delta;
	vh_request(vcpu, VH_REQ_CLOCK);
}

/**
 * vh_tsc_write - IA32_TSC is written
 * @vcpu: the vCPU
 * @value: new value
 * @host: userspace, or a vCPU's creation
 *
 * Userspace cannot write all vCPUs' TSCs at one moment. A write of nearly what
 * the last written TSC has become by now (or 0, at creation) is taken to mean
 * "the same TSC": it gets the same offset.
 */
void vh_tsc_write(struct vh_vcpu *vcpu, u64 value, bool host)
{
	struct vh_vm *vm = vcpu->vm;
	u64 now = vh_host_tsc(), expected;
	unsigned long flags;
	s64 offset;

	offset = value - vh_tsc_scaled(now, vcpu->tsc_scale);
	vh_bound_lock_irqsave(&vm->clock->lock, flags, VH_BOUND_CLOCK);
	if (host && vm->clock->written && vm->clock->write_khz == vcpu->tsc_khz) {
		expected = vh_tsc_scaled(now, vcpu->tsc_scale) + vm->clock->write_offset;
		/* Within a second of it, or the reset value again. */
		if (value == 0 || value - expected + vcpu->tsc_khz * 1000ULL <
				  vcpu->tsc_khz * 2000ULL)
			offset = vm->clock->write_offset;
	}
	if (host) {
		vm->clock->written = true;
		vm->clock->write_offset = offset;
		vm->clock->write_khz = vcpu->tsc_khz;
	}
	vh_bound_unlock_irqrestore(&vm->clock->lock, flags, VH_BOUND_CLOCK);
	vcpu->tsc_offset = offset;
	vh_request(vcpu, VH_REQ_CLOCK);
}

/**
 * vh_tsc_offset_get - what a guest's TSC has more than the host's, where that is scaled: than the scaled one
 * @vcpu: the vCPU
 *
 * Guest ticks. Of the TSC that RDTSC reads on the host, and KVM_GET_CLOCK tells: when that has restarted, this
 * has as many more.
 */
u64 vh_tsc_offset_get(const struct vh_vcpu *vcpu)
{
	return vcpu->tsc_offset + vh_tsc_scaled(READ_ONCE(vh_tsc_lost), vcpu->tsc_scale);
}

/**
 * vh_tsc_offset_set - set what vh_tsc_offset_get() gets
 * @vcpu: the vCPU
 * @offset: any
 *
 * Unlike a write of IA32_TSC this is taken as it is.
 */
void vh_tsc_offset_set(struct vh_vcpu *vcpu, u64 offset)
{
	struct vh_vm_clock *c = vcpu->vm->clock;
	unsigned long flags;

	vcpu->tsc_offset = offset - vh_tsc_scaled(READ_ONCE(vh_tsc_lost), vcpu->tsc_scale);
	vh_bound_lock_irqsave(&c->lock, flags, VH_BOUND_CLOCK);
	c->written = true;
	c->write_offset = vcpu->tsc_offset;
	c->write_khz = vcpu->tsc_khz;
	vh_bound_unlock_irqrestore(&c->lock, flags, VH_BOUND_CLOCK);
	vh_request(vcpu, VH_REQ_CLOCK);
}

/**
 * vh_tsc_can_scale - can a guest's TSC run at another rate?
 */
bool vh_tsc_can_scale(void)
{
	return vh_cpu_caps.tsc_scaling;
}

/* The ratio for @khz, 0 for the host's own; -EINVAL when the processor cannot scale that far. */
static int tsc_ratio(u32 khz, u64 *ratio)
{
	*ratio = 0;
	/* KVM_GET_TSC_KHZ returns it, and what is negative is an error there. */
	if (khz > INT_MAX)
		return -EINVAL;
	/* Half a thousandth is below what guests can measure: no scaling for that. */
	if (abs((s64)khz - (s64)tsc_khz) <= tsc_khz / 2000)
		return 0;
	if (!vh_cpu_caps.tsc_scaling || khz / 1000 > tsc_khz)
		return -EINVAL;
	*ratio = vh_mul_div(1ULL << VH_TSC_SHIFT, khz, tsc_khz);
	return *ratio ? 0 : -EINVAL;
}

/**
 * vh_tsc_khz_check - KVM_SET_TSC_KHZ of a VM: the frequency of vCPUs to come
 * @khz: frequency
 *
 * -EINVAL when no vCPU could have it.
 */
int vh_tsc_khz_check(u32 khz)
{
	u64 ratio;

	return khz ? tsc_ratio(khz, &ratio) : 0;
}

/**
 * vh_tsc_set_khz - KVM_SET_TSC_KHZ
 * @vcpu: the vCPU
 * @khz: frequency; 0: the host's
 *
 * -EINVAL when the processor cannot scale that far.
 */
int vh_tsc_set_khz(struct vh_vcpu *vcpu, u32 khz)
{
	u64 ratio, tsc = vh_tsc_read(vcpu);

	if (!khz)
		khz = tsc_khz;
	if (tsc_ratio(khz, &ratio))
		return -EINVAL;
	vcpu->tsc_scale = ratio;
	vcpu->tsc_khz = khz;
	vcpu->tsc_offset = tsc - vh_tsc_scaled(vh_host_tsc(), ratio);
	vh_request(vcpu, VH_REQ_CLOCK);
	return 0;
}

/* --- kvmclock --- */

static bool host_tsc_stable(void)
{
	return boot_cpu_has(X86_FEATURE_CONSTANT_TSC) && !check_tsc_unstable() && !said_unstable();
}

/* One moment on both clocks; the shortest of a few tries. */
static void anchor_now(u64 *tsc, u64 *ns, u64 (*clock)(void))
{
	u64 best = ~0ULL, a, b, n;
	int i;

	for (i = 0; i < 3; i++) {
		a = vh_host_tsc();
		n = clock();
		b = vh_host_tsc();
		if (b - a < best) {
			best = b - a;
			*tsc = a + (b - a) / 2;
			*ns = n;
		}
	}
}

/* vm->clock->lock held. kvmclock at a moment, @tsc and @ns on the host's two clocks. */
static s64 clock_at(const struct vh_vm_clock *c, u64 tsc, s64 ns)
{
	if (!c->anchored)
		return ns + c->offset;
	if ((s64)(tsc - c->anchor_tsc) <= 0)
		return c->anchor_ns;
	return c->anchor_ns + vh_mul_div(tsc - c->anchor_tsc, 1000000, tsc_khz);
}

/*
 * vm->clock->lock held. The clock goes by the host's TSC from one moment on, as guests compute it,
 * while that is stable; else by the host's boot time. A host that slept has it go on, and it never
 * goes backwards.
 */
static void keep_anchor(struct vh_vm_clock *c, u64 tsc, s64 ns)
{
	s64 now = clock_at(c, tsc, ns), ahead = now - (ns + c->offset);

	if (!host_tsc_stable()) {
		/* What went wrong with the TSC may be in it: no leaps. */
		if (c->anchored && abs(ahead) < NSEC_PER_SEC)
			c->offset += ahead;
		c->anchored = false;
		return;
	}
	if (c->anchored && c->anchor_lost == vh_tsc_lost)
		return;
	c->anchor_tsc = tsc;
	c->anchor_ns = max(now, ns + c->offset);
	c->anchor_lost = vh_tsc_lost;
	c->anchored = true;
}

/* A moment that vCPUs go by: that of the VM's anchor, or now. */
static void vm_anchor(struct vh_vm *vm, u64 *tsc, s64 *ns)
{
	struct vh_vm_clock *c = vm->clock;
	unsigned long flags;
	u64 t, n;

	anchor_now(&t, &n, ktime_get_boottime_ns);
	vh_bound_lock_irqsave(&c->lock, flags, VH_BOUND_CLOCK);
	keep_anchor(c, t, n);
	*tsc = c->anchored ? c->anchor_tsc : t;
	*ns = c->anchored ? c->anchor_ns : clock_at(c, t, n);
	vh_bound_unlock_irqrestore(&c->lock, flags, VH_BOUND_CLOCK);
}

/* kvmclock now, and the host's TSC and time of day at that moment. */
static s64 vm_clock_now(struct vh_vm *vm, u64 *tsc, u64 *real)
{
	struct vh_vm_clock *c = vm->clock;
	unsigned long flags;
	s64 now;
	u64 n;

	anchor_now(tsc, real, ktime_get_real_ns);
	vh_bound_lock_irqsave(&c->lock, flags, VH_BOUND_CLOCK);
	n = ktime_get_boottime_ns();
	keep_anchor(c, *tsc, n);
	now = clock_at(c, *tsc, n);
	vh_bound_unlock_irqrestore(&c->lock, flags, VH_BOUND_CLOCK);
	return now;
}

/* ns = ((ticks << shift) * mul) >> 32 (pvclock-abi.h); shift may be negative. */
static void pv_scale(u32 khz, u32 *mul, s8 *shift)
{
	u64 hz = (u64)khz * 1000;
	s8 sh = 0;

	while (hz > 2ULL * NSEC_PER_SEC) {
		hz >>= 1;
		sh--;
	}
	while (hz <= NSEC_PER_SEC) {
		hz <<= 1;
		sh++;
	}
	*mul = div64_u64((u64)NSEC_PER_SEC << 32, hz);
	*shift = sh;
}

/**
 * vh_clock_update - write the vCPU's time info (VH_REQ_CLOCK)
 * @vcpu: the vCPU
 *
 * Own thread, process context. A page outside the memslots is left alone.
 */
void vh_clock_update(struct vh_vcpu *vcpu)
{
	struct pvclock_vcpu_time_info ti = {};
	struct vh_pvclock *c = vcpu->clock;
	u64 tsc;
	s64 ns;

	if (!c->enabled)
		return;
	vm_anchor(vcpu->vm, &tsc, &ns);
	ti.tsc_timestamp = vh_tsc_to_guest(vcpu, tsc);
	ti.system_time = ns;
	pv_scale(vcpu->tsc_scale ? vcpu->tsc_khz : tsc_khz, &ti.tsc_to_system_mul, &ti.tsc_shift);
	c->stable = host_tsc_stable();
	ti.flags = c->flags | (c->stable ? PVCLOCK_TSC_STABLE_BIT : 0);
	c->flags = 0;
	/* Odd while it changes. The slot is looked up anew at each write. */
	c->version += 2;
	ti.version = c->version | 1;
	if (vh_gpa_write_outside(vcpu, c->page, &ti.version, sizeof(ti.version)))
		return;
	smp_wmb();
	if (vh_gpa_write_outside(vcpu, c->page, &ti, sizeof(ti)))
		return;
	smp_wmb();
	ti.version = c->version;
	vh_gpa_write_outside(vcpu, c->page, &ti.version, sizeof(ti.version));
}

/**
 * vh_clock_check - has the guest to know more of the host's TSC?
 * @vcpu: the vCPU
 * @moved: it came to another CPU
 *
 * Own thread, interrupts may be off. When the host has found its TSC unstable the guest is told, and
 * from then on it has another moment to go by on each CPU.
 */
void vh_clock_check(struct vh_vcpu *vcpu, bool moved)
{
	const struct vh_pvclock *c = vcpu->clock;

	if (c->enabled && (moved || c->stable) && !host_tsc_stable())
		vh_request(vcpu, VH_REQ_CLOCK);
}

/* Time of day at the VM's boot, as the guest asks for it once. */
static void write_wall_clock(struct vh_vcpu *vcpu, gpa_t gpa)
{
	struct vh_vm *vm = vcpu->vm;
	struct pvclock_wall_clock wc = { .version = 2 };
	u64 tsc, wall;
	s64 clock;
	u32 rem;

	clock = vm_clock_now(vm, &tsc, &wall);
	wall -= clock;
	wc.sec = div_u64_rem(wall, NSEC_PER_SEC, &rem);
	wc.nsec = rem;
	vh_gpa_write_outside(vcpu, gpa, &wc, sizeof(wc));
}

/**
 * vh_clock_msr_read - the MSRs of kvmclock
 * @vcpu: the vCPU
 * @msr: its index
 * @value: filled in
 *
 * -ENOENT for any other MSR.
 */
int vh_clock_msr_read(struct vh_vcpu *vcpu, u32 msr, u64 *value)
{
	switch (msr) {
	case MSR_KVM_WALL_CLOCK: case MSR_KVM_WALL_CLOCK_NEW:
		*value = vcpu->clock->wall_clock_msr;
		return 0;
	case MSR_KVM_SYSTEM_TIME: case MSR_KVM_SYSTEM_TIME_NEW:
		*value = vcpu->clock->system_time_msr;
		return 0;
	}
	return -ENOENT;
}

/**
 * vh_clock_msr_write - the MSRs of kvmclock
 * @vcpu: the vCPU
 * @msr: its index
 * @value: guest-physical address, bit 0 enables
 *
 * Process context. -ENOENT for any other MSR.
 */
int vh_clock_msr_write(struct vh_vcpu *vcpu, u32 msr, u64 value)
{
	struct vh_pvclock *c = vcpu->clock;

	switch (msr) {
	case MSR_KVM_WALL_CLOCK: case MSR_KVM_WALL_CLOCK_NEW:
		c->wall_clock_msr = value;
		if (value)
			write_wall_clock(vcpu, value & ~3ULL);
		return 0;
	case MSR_KVM_SYSTEM_TIME: case MSR_KVM_SYSTEM_TIME_NEW:
		c->system_time_msr = value;
		c->enabled = value & 1;
		c->page = value & ~3ULL;
		vh_request(vcpu, VH_REQ_CLOCK);
		return 0;
	}
	return -ENOENT;
}

/**
 * vh_clock_ctrl - KVM_KVMCLOCK_CTRL: the guest was stopped for a while
 * @vcpu: the vCPU
 *
 * -EINVAL when the guest has no kvmclock.
 */
int vh_clock_ctrl(struct vh_vcpu *vcpu)
{
	if (!vcpu->clock->enabled)
		return -EINVAL;
	vcpu->clock->flags |= PVCLOCK_GUEST_STOPPED;
	vh_request(vcpu, VH_REQ_CLOCK);
	return 0;
}

/**
 * vh_clock_get - KVM_GET_CLOCK
 * @vm: the VM
 * @d: filled in
 */
int vh_clock_get(struct vh_vm *vm, struct kvm_clock_data *d)
{
	u64 tsc, real;

	memset(d, 0, sizeof(*d));
	d->clock = vm_clock_now(vm, &tsc, &real);
	d->realtime = real;
	d->host_tsc = tsc - vh_tsc_lost;
	/* One CPU's TSC says nothing where they differ, as on KVM. */
	d->flags = KVM_CLOCK_REALTIME | (host_tsc_stable() ? KVM_CLOCK_HOST_TSC | KVM_CLOCK_TSC_STABLE : 0);
	return 0;
}

/**
 * vh_clock_set - KVM_SET_CLOCK
 * @vm: the VM
 * @d: clock, and with KVM_CLOCK_REALTIME the time of day it was taken at
 *
 * -EINVAL for flags that KVM_SET_CLOCK does not know.
 */
int vh_clock_set(struct vh_vm *vm, const struct kvm_clock_data *d)
{
	u64 clock = d->clock, now, tsc;
	unsigned long flags;

	/* HOST_TSC and TSC_STABLE are what GET reported: nothing to set. */
	if (d->flags & ~(KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC | KVM_CLOCK_TSC_STABLE))
		return -EINVAL;
	if (d->flags & KVM_CLOCK_REALTIME) {
		now = ktime_get_real_ns();
		/* Time passed since; never backwards. */
		if (now > d->realtime)
			clock += now - d->realtime;
	}
	anchor_now(&tsc, &now, ktime_get_boottime_ns);
	vh_bound_lock_irqsave(&vm->clock->lock, flags, VH_BOUND_CLOCK);
	vm->clock->offset = clock - now;
	vm->clock->anchored = false;
	keep_anchor(vm->clock, tsc, now);
	vh_bound_unlock_irqrestore(&vm->clock->lock, flags, VH_BOUND_CLOCK);
	vh_vm_request_all(vm, VH_REQ_CLOCK);
	return 0;
}
