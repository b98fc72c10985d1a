// SPDX-License-Identifier: GPL-2.0-only
/*
 * apf.c - asynchronous page faults: the guest does something else while the host brings a page in.
 *
 * As Documentation/virt/kvm/x86/msr.rst has it. "Page not present" is a #PF whose CR2 is a token, "page ready" an
 * interrupt with the token in memory, one at a time: the guest acknowledges it.
 *
 * Nobody waits for the pages. A fault that may not wait (FOLL_NOWAIT) begins to read what is swapped out, or in a file, and
 * comes back; the same fault, tried again, finds whether it is there. That is done by the vCPU's own thread, which a
 * timer takes out of the guest, or wakes (VH_REQ_LATE). So a page that never comes holds nothing and nobody, and all
 * that it costs is the VMM's: its thread's time, its cgroups' memory and I/O. Pages that userspace serves
 * (userfaultfd) are waited for as ever, for userspace hears of those who wait alone.
 */
#include <linux/hrtimer.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <uapi/asm/kvm_para.h>

#include "../compat/compat.h"
#include "internal.h"

#define MAX_LATE	64		/* pages of a vCPU that are on their way; what is more is waited for */
#define EN_ADDRESS	GENMASK_ULL(63, 6)
#define EN_RESERVED	GENMASK_ULL(5, 4)
#define EN_ON		(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT)
#define INT_RESERVED	GENMASK_ULL(63, 8)
#define ALL_TASKS	(~0u)		/* the token of no page: whoever waits is to try again */
#define MAX_ID		0xffffeu	/* of a token, above the vCPU's 12 bits: neither 0 nor ALL_TASKS */

/* When a page is looked for again: behind half of the time that it has been on its way, but within these. */
#define SOONEST		(100 * NSEC_PER_USEC)
#define LATEST		(50 * NSEC_PER_MSEC)

struct late {
	struct vh_late_page page;
	u32 token;
	bool there;			/* the guest is to be told */
	ktime_t since, next;		/* when the guest was told that it is not; when it is looked for */
};

/* Pages that the guest has been told of; own thread, but for the timer. */
struct vh_apf {
	struct vh_vcpu *vcpu;		/* const */
	struct hrtimer timer;
	unsigned int n;
	struct late late[MAX_LATE];
};

/* Hard interrupt context. */
static enum hrtimer_restart expired(struct hrtimer *t)
{
	struct vh_vcpu *vcpu = container_of(t, struct vh_apf, timer)->vcpu;

	vh_request(vcpu, VH_REQ_LATE);
	vh_vcpu_kick(vcpu);
	return HRTIMER_NORESTART;
}

static gpa_t area(const struct vh_pv *p)
{
	return p->apf_msr & EN_ADDRESS;
}

static void forget(struct vh_vcpu *vcpu)
{
	struct vh_pv *p = vcpu->pv;

	if (p->apf) {
		hrtimer_cancel(&p->apf->timer);
		p->apf->n = 0;
	}
	p->apf_wake_all = false;
	vcpu->nowait = 0;
}

/**
 * vh_apf_enable - WRMSR of MSR_KVM_ASYNC_PF_EN, or userspace writing
 * @vcpu: the vCPU
 * @value: new value
 *
 * Pages on their way are forgotten, and the guest, which may have moved here with tasks that wait, is told to wake all.
 * -EINVAL.
 */
int vh_apf_enable(struct vh_vcpu *vcpu, u64 value)
{
	struct vh_pv *p = vcpu->pv;

	if ((value & EN_RESERVED) ||
	    ((value & KVM_ASYNC_PF_DELIVERY_AS_INT) && !vh_cpuid_has_pv(vcpu, KVM_FEATURE_ASYNC_PF_INT)) ||
	    ((value & KVM_ASYNC_PF_DELIVERY_AS_PF_VMEXIT) && !vh_cpuid_has_pv(vcpu, KVM_FEATURE_ASYNC_PF_VMEXIT)))
		return -EINVAL;
	/* Without a LAPIC nobody could be told that a page is there: all are waited for, as the guest has to expect. */
	if ((value & EN_ON) != EN_ON || !vcpu->lapic) {
		forget(vcpu);
		p->apf_msr = value;
		return 0;
	}
	if (!vh_gpa_is_ram_outside(vcpu, value & EN_ADDRESS))
		return -EINVAL;
	forget(vcpu);
	p->apf_msr = value;
	if (!p->apf) {
		/* Without it the guest waits for all pages, as it may. */
		p->apf = kzalloc(sizeof(*p->apf), GFP_KERNEL_ACCOUNT);
		if (p->apf) {
			p->apf->vcpu = vcpu;
			vh_hrtimer_init(&p->apf->timer, expired, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
		}
	}
	vcpu->nowait = p->apf ? VH_ACC_NOWAIT : 0;
	p->apf_wake_all = true;
	vh_request(vcpu, VH_REQ_LATE);
	return 0;
}

/**
 * vh_apf_set_int - WRMSR of MSR_KVM_ASYNC_PF_INT, or userspace writing
 * @vcpu: the vCPU
 * @value: the vector of "page ready"
 *
 * -EINVAL.
 */
int vh_apf_set_int(struct vh_vcpu *vcpu, u64 value)
{
	if (value & INT_RESERVED)
		return -EINVAL;
	vcpu->pv->apf_int_msr = value;
	return 0;
}

/**
 * vh_apf_ack - WRMSR of MSR_KVM_ASYNC_PF_ACK: the guest has taken a token
 * @vcpu: the vCPU
 * @value: bit 0
 */
void vh_apf_ack(struct vh_vcpu *vcpu, u64 value)
{
	if (value & 1)
		vh_request(vcpu, VH_REQ_LATE);
}

/**
 * vh_apf_reset - INIT
 * @vcpu: the vCPU
 */
void vh_apf_reset(struct vh_vcpu *vcpu)
{
	forget(vcpu);
	vcpu->pv->apf_msr = vcpu->pv->apf_int_msr = 0;
}

/**
 * vh_apf_destroy - the vCPU never runs again
 * @vcpu: the vCPU
 */
void vh_apf_destroy(struct vh_vcpu *vcpu)
{
	forget(vcpu);
	kfree(vcpu->pv->apf);
	vcpu->pv->apf = NULL;
}

/**
 * vh_apf_in_kernel - may the guest's kernel be told, too?
 * @vcpu: the vCPU
 */
bool vh_apf_in_kernel(const struct vh_vcpu *vcpu)
{
	return vcpu->pv->apf_msr & KVM_ASYNC_PF_SEND_ALWAYS;
}

/**
 * vh_apf_begin - the guest is about to be told that vcpu->late is not present
 * @vcpu: the vCPU; the guest can take a #PF
 *
 * Process context. The token, for CR2; 0: it cannot be told, and the page has to be waited for.
 */
u32 vh_apf_begin(struct vh_vcpu *vcpu)
{
	const u32 flags = KVM_PV_REASON_PAGE_NOT_PRESENT;
	struct vh_pv *p = vcpu->pv;
	struct late *l;

	if (!vcpu->nowait || p->apf->n == MAX_LATE ||
	    vh_gpa_write_outside(vcpu, area(p) + offsetof(struct kvm_vcpu_pv_apf_data, flags), &flags, sizeof(flags)))
		return 0;
	p->apf_id = p->apf_id % MAX_ID + 1;
	l = &p->apf->late[p->apf->n++];
	l->page = vcpu->late;
	l->token = p->apf_id << 12 | vcpu->id;
	l->there = false;
	l->since = ktime_get();
	l->next = ktime_add_ns(l->since, SOONEST);
	/* Sets the timer. */
	vh_request(vcpu, VH_REQ_LATE);
	return l->token;
}

/* Which of them have come? The timer is set for the others. */
static void look(struct vh_apf *a)
{
	ktime_t now = ktime_get(), next = KTIME_MAX;
	unsigned int i;

	for (i = 0; i < a->n; i++) {
		struct late *l = &a->late[i];

		if (l->there)
			continue;
		if (!ktime_before(now, l->next)) {
			if (!vh_mmu_is_late(a->vcpu, &l->page)) {
				l->there = true;
				continue;
			}
			now = ktime_get();
			l->next = ktime_add_ns(now, clamp_t(s64, ktime_to_ns(ktime_sub(now, l->since)) / 2,
							    SOONEST, LATEST));
		}
		next = min(next, l->next);
	}
	if (next != KTIME_MAX)
		hrtimer_start(&a->timer, next, HRTIMER_MODE_ABS_HARD);
}

static struct late *one_that_came(struct vh_apf *a)
{
	unsigned int i;

	for (i = 0; i < a->n; i++)
		if (a->late[i].there)
			return &a->late[i];
	return NULL;
}

/* Tell the guest of one, if it has taken the last. Else its ACK has it told. 0, or why it cannot be told now. */
static int tell(struct vh_vcpu *vcpu)
{
	struct vh_pv *p = vcpu->pv;
	const gpa_t at = area(p) + offsetof(struct kvm_vcpu_pv_apf_data, token);
	struct late *l = p->apf ? one_that_came(p->apf) : NULL;
	u32 token = 0;
	int err;

	if (!l && !p->apf_wake_all)
		return 0;
	if (!vh_lapic_enabled(vcpu))
		return -EAGAIN;
	err = vh_gpa_read_outside(vcpu, at, &token, sizeof(token));
	if (err || token)
		return err;
	token = p->apf_wake_all ? ALL_TASKS : l->token;
	err = vh_gpa_write_outside(vcpu, at, &token, sizeof(token));
	if (err)
		return err;
	if (p->apf_wake_all)
		p->apf_wake_all = false;
	else
		*l = p->apf->late[--p->apf->n];
	/* A vector that is none reaches nobody (SDM Vol. 3, 11.5.2). */
	if (p->apf_int_msr >= 16)
		vh_lapic_post(vcpu, p->apf_int_msr, false);
	return 0;
}

/**
 * vh_apf_work - look for pages that come later, and tell the guest (VH_REQ_LATE)
 * @vcpu: the vCPU
 *
 * Process context.
 */
void vh_apf_work(struct vh_vcpu *vcpu)
{
	struct vh_apf *a = vcpu->pv->apf;
	int err;

	if ((vcpu->pv->apf_msr & EN_ON) != EN_ON)
		return;
	if (a)
		look(a);
	err = tell(vcpu);
	/* A signal comes first. One that is blocked, a poisoned page's, never does. */
	if (err == -EINTR && signal_pending(current))
		vh_request(vcpu, VH_REQ_LATE);
	else if (err && a && !hrtimer_active(&a->timer))
		hrtimer_start(&a->timer, ktime_add_ns(ktime_get(), LATEST), HRTIMER_MODE_ABS_HARD);
}
