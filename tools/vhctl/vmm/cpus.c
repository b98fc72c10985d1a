// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpus.c - vCPUs that come and go: the registers by which guest and VMM agree about them, their threads' sleep, and the
 * control socket's command. The guest is asked to let go of one, and never waited for.
 */
#include <errno.h>
#include <linux/vh.h>
#include <string.h>
#include <time.h>

#include "vhctl.h"
#include "vmm/control.h"
#include "vmm/cpus.h"
#include "vmm/devices.h"
#include "vmm/vmm.h"

#define PATIENCE	8	/* seconds that a command waits for a thread: less than who has asked */
#define IN_PROGRESS	0x84	/* what a guest says that is at it (ACPI Specification 6.5, 6.3.5) */

static struct cpus {
	struct vmm *v;
	uint64_t added, wanted;			/* what the guest has not read yet; bus.lock, as all that follows */
	uint64_t asked, refused;		/* of those that it was asked to eject: and it said that it does not */
	unsigned int complaints;
} cpus;

/* A thread has something to do, or has done it; with bus.lock. */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static bool present(const struct vmm_vcpu *c)
{
	return __atomic_load_n(&c->present, __ATOMIC_SEQ_CST);
}

static uint64_t bit(int n)
{
	return 1ULL << n;
}

/* --- registers; bus->lock is held --- */

/* Of which there is a half at @offset; with @take it is read for the last time. */
static uint32_t half(uint64_t *bits, uint64_t offset, bool take)
{
	int shift = offset & 4 ? 32 : 0;
	uint32_t value = *bits >> shift;

	if (take)
		*bits &= ~(0xffffffffULL << shift);
	return value;
}

static uint64_t all_present(const struct vmm *v)
{
	uint64_t bits = 0;

	for (int n = 0; n < vmm_most_cpus(v->cfg); n++)
		if (present(&v->cpu[n]))
			bits |= bit(n);
	return bits;
}

static uint64_t reg_read(void *device, uint64_t offset, int len)
{
	struct cpus *s = device;
	uint64_t bits;

	if (len != 4)
		return ~0ULL;
	switch (offset & ~4ULL) {
	case CPUS_PRESENT:
		bits = all_present(s->v);
		return half(&bits, offset, false);
	case CPUS_ADDED:
		return half(&s->added, offset, true);
	case CPUS_WANTED:
		return half(&s->wanted, offset, true);
	}
	return 0;
}

/* Whatever it does at this moment: it does not go on. The boot processor cannot go. */
static void eject(struct cpus *s, unsigned int n)
{
	struct vmm_vcpu *c;
	bool asked;

	if (!n || n >= (unsigned int)vmm_most_cpus(s->v->cfg) || !present(&s->v->cpu[n]))
		return;
	c = &s->v->cpu[n];
	asked = s->asked & bit(n);
	s->added &= ~bit(n);
	s->wanted &= ~bit(n);
	s->asked &= ~bit(n);
	s->refused &= ~bit(n);
	if (!asked && s->complaints < 10 && ++s->complaints)
		error("%s: the guest has ejected vCPU %u by itself", s->v->cfg->name, n);
	__atomic_store_n(&c->left, true, __ATOMIC_SEQ_CST);
	__atomic_store_n(&c->present, false, __ATOMIC_SEQ_CST);
	vcpu_kick(c);
}

static void reg_write(void *device, uint64_t offset, int len, uint64_t value)
{
	struct cpus *s = device;
	unsigned int n = value & 0xff, status = (uint32_t)value >> 8;

	if (len != 4)
		return;
	if (offset == CPUS_EJECT)
		eject(s, (uint32_t)value);
	else if (offset == CPUS_STATUS && n < VMM_MAX_CPUS && status && status != IN_PROGRESS)
		s->refused |= s->asked & bit(n);
}

static const struct device_ops ops = { .read = reg_read, .write = reg_write };

/**
 * cpus_create - the registers, if vCPUs can come
 * @v: the VM
 */
void cpus_create(struct vmm *v)
{
	cpus = (struct cpus){ .v = v };
	if (v->cfg->cpus_max)
		bus_claim(&v->bus, BUS_PORTS, CPUS_PORT, CPUS_SIZE, &ops, &cpus);
}

/* --- threads --- */

/* It is to be made; bus->lock is held, but not meanwhile. */
static void make(struct vmm_vcpu *c)
{
	pthread_mutex_t *lock = &c->vmm->bus.lock;
	int err;

	pthread_mutex_unlock(lock);
	err = vcpu_make(c);
	pthread_mutex_lock(lock);
	c->failed = err;
	c->made = !err;
	c->ordered = false;
	pthread_cond_broadcast(&changed);
}

/**
 * cpus_absent - is a vCPU not there, or was it not there meanwhile?
 * @c: the vCPU, in its own thread
 */
bool cpus_absent(const struct vmm_vcpu *c)
{
	return __atomic_load_n(&c->left, __ATOMIC_SEQ_CST) || !present(c);
}

/**
 * cpus_park - a vCPU that is not there sleeps until it comes
 * @c: the vCPU, in its own thread
 *
 * False: the VM ends before.
 */
bool cpus_park(struct vmm_vcpu *c)
{
	struct vmm *v = c->vmm;
	bool ends;

	pthread_mutex_lock(&v->bus.lock);
	while (!(ends = __atomic_load_n(&v->stopping, __ATOMIC_ACQUIRE)) && !present(c)) {
		if (c->ordered)
			make(c);
		else
			pthread_cond_wait(&changed, &v->bus.lock);
	}
	__atomic_store_n(&c->left, false, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&v->bus.lock);
	if (!ends)
		vcpu_reset(c);
	return !ends;
}

/**
 * cpus_wake - those that sleep see that the VM ends
 * @v: the VM; bus->lock is not held
 */
void cpus_wake(struct vmm *v)
{
	pthread_mutex_lock(&v->bus.lock);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&v->bus.lock);
}

/* --- vhctl cpus; bus->lock is held --- */

static int count(uint64_t bits)
{
	return __builtin_popcountll(bits);
}

/* Those that are to stay, as far as the guest has been told. */
static uint64_t staying(const struct cpus *s)
{
	return all_present(s->v) & ~s->asked;
}

/* 0, or an error. */
static int have(struct cpus *s, struct vmm_vcpu *c)
{
	struct timespec until;

	if (c->made)
		return 0;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE;
	c->ordered = true;
	pthread_cond_broadcast(&changed);
	while (c->ordered)
		if (pthread_cond_timedwait(&changed, &s->v->bus.lock, &until))
			return ETIMEDOUT;
	return c->failed;
}

/* The lowest @more of those that are not there, each made before any is shown to the guest. 0, or an error. */
static int add(struct cpus *s, int more)
{
	int most = vmm_most_cpus(s->v->cfg), left = more, err;

	for (int n = 0; n < most && left; n++) {
		if (present(&s->v->cpu[n]))
			continue;
		err = have(s, &s->v->cpu[n]);
		if (err)
			return err;
		left--;
	}
	for (int n = 0; n < most && more; n++) {
		struct vmm_vcpu *c = &s->v->cpu[n];

		if (present(c) || !c->made)
			continue;
		__atomic_store_n(&c->present, true, __ATOMIC_SEQ_CST);
		s->added |= bit(n);
		more--;
	}
	pthread_cond_broadcast(&changed);
	pm_event(s->v->pm, GPE_CPU);
	return 0;
}

/* What it was asked for it is not asked for any more; if it lets go of one all the same, that one goes. */
static int keep(struct cpus *s, int more)
{
	for (int n = 0; n < VMM_MAX_CPUS && more; n++)
		if (s->asked & bit(n)) {
			s->asked &= ~bit(n);
			s->wanted &= ~bit(n);
			s->refused &= ~bit(n);
			more--;
		}
	return more;
}

static void ask_to_go(struct cpus *s, int n, int less)
{
	for (; n > 0 && less; n--)
		if (staying(s) & bit(n)) {
			s->asked |= bit(n);
			less--;
		}
	/* Those that have refused once are asked again. */
	s->wanted |= s->asked;
	s->refused = 0;
	pm_event(s->v->pm, GPE_CPU);
}

static int set(struct cpus *s, int want)
{
	int more = want - count(staying(s));

	if (more > 0)
		more = keep(s, more);
	if (more > 0)
		return add(s, more);
	if (more < 0 || s->asked)
		ask_to_go(s, VMM_MAX_CPUS - 1, -more);
	return 0;
}

static void put(struct json_object *answer, const char *key, int value)
{
	json_object_object_add(answer, key, json_object_new_int(value));
}

static bool set_number(struct vmm *v, struct json_object *request, struct json_object *answer)
{
	uint64_t want;
	int err;

	if (!control_number(request, "count", &want) || !want || want > (uint64_t)v->cfg->cpus_max) {
		control_fail(answer, "want a number from 1 to %d", v->cfg->cpus_max);
		return false;
	}
	pthread_mutex_lock(&v->bus.lock);
	err = set(&cpus, want);
	pthread_mutex_unlock(&v->bus.lock);
	if (err) {
		control_fail(answer, "it can have no more vCPUs%s%s", err == EDQUOT ? "" : ": ", err == EDQUOT ? "" :
			     err == ETIMEDOUT ? "the VMM is busy with it" : strerror(err));
		if (err == EDQUOT)
			control_short(answer, VH_RES_VCPUS, 1);
	}
	return !err;
}

/**
 * cpus_command - what vhctl cpus asks for: how many there are, and with "count" how many there are to be
 * @v: the VM
 * @request: the request
 * @answer: gets numbers
 */
void cpus_command(struct vmm *v, struct json_object *request, struct json_object *answer)
{
	int made = 0;

	if (!v->cfg->cpus_max) {
		control_fail(answer, "the VM has the vCPUs that it began with; --cpus N,max=N of run lets it have more");
		return;
	}
	if (json_object_object_get_ex(request, "count", NULL) && !set_number(v, request, answer))
		return;
	pthread_mutex_lock(&v->bus.lock);
	for (int n = 0; n < v->cfg->cpus_max; n++)
		made += v->cpu[n].made;
	put(answer, "cpus", v->cfg->cpus);
	put(answer, "max", v->cfg->cpus_max);
	put(answer, "target", count(staying(&cpus)));
	put(answer, "actual", count(all_present(v)));
	put(answer, "charged", made);
	put(answer, "refused", count(cpus.refused));
	pthread_mutex_unlock(&v->bus.lock);
}
