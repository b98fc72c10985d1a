/* SPDX-License-Identifier: GPL-2.0-only */
/* host.h - cgroups, processes and small guests for the tests of the control plane. */
#ifndef HOST_H
#define HOST_H

#include "../lib/kvm.h"
#include "../lib/runner.h"
#include "genl.h"

/* The case fails with the reason and ends. */
#define WANT(cond, ...)					\
	do {						\
		if (!(cond)) {				\
			tap_fail(r, __VA_ARGS__);	\
			return;				\
		}					\
	} while (0)
#define WANT_EQ(a, b)								\
	do {									\
		long long a_ = (a), b_ = (b);					\
		WANT(a_ == b_, "line %d: " #a " is %lld, not %lld", __LINE__, a_, b_); \
	} while (0)

#define CGROUP	"/sys/fs/cgroup"

/* A cgroup below the mount: made if need be; its directory open. Exits on failure. */
int cgroup_make(const char *path);
int cgroup_procs(const char *path);	/* cgroup.procs open for writing, or -1 */
void cgroup_enter(const char *path);
void cgroup_remove(const char *path);
void slow_make(const char *max);	/* the cgroup "slow", with that cpu.max */
void slow_released(void);		/* it has as much of a processor as others */
void slow_remove(void);			/* nobody is in it */
bool cgroup_try(const char *path, const char *file, const char *text);	/* write it; false with errno */
void cgroup_write(const char *path, const char *file, const char *text);	/* or the test ends */
long long cgroup_read(const char *path, const char *file);
uint64_t cgroup_id(const char *path);

/* A VM that runs @code (32-bit, flat) at 0x1000, with one vCPU. */
void vm_with_code(struct vm *vm, const void *code, size_t size, unsigned int flags);
uint32_t id_of(const struct vm *vm);

/* Guests. */
extern const uint8_t guest_spin[9];	/* counts at 0x8000 */
#define GUEST_COUNTER(vm) (*(volatile uint32_t *)((vm)->mem + 0x8000))

/* Runs the vCPU in a thread until KVM_RUN fails or @stop; the last result. */
struct runner {
	struct vcpu *v;
	volatile bool stop, ended;
	volatile int result;
	volatile unsigned int system_events, exits;
	unsigned long thread;
};
void runner_start(struct runner *run, struct vcpu *v);
void runner_stop(struct runner *run);	/* kicks it out and joins */

/* fn in a child with this uid and no capabilities (0: stays root); its result in @r. */
void in_child(struct tap_result *r, unsigned int uid,
	      void (*fn)(struct tap_result *r, void *arg), void *arg);
bool wait_for(bool (*cond)(void *arg), void *arg, int ms);

extern const struct test_case registry_cases[], figures_cases[], limits_cases[], short_cases[],
	permissions_cases[], containers_cases[], many_cases[], sums_cases[], waits_cases[],
	hostile_cases[];

#endif
