/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Running the guests: a context per case, made in a process of its own. The
 * vCPUs above the first run in threads; the devices and services of guest.h
 * are answered under one lock.
 */
#ifndef VH_TESTS_HARNESS_H
#define VH_TESTS_HARNESS_H

#include <pthread.h>

#include "../lib/kvm.h"
#include "../lib/tap.h"
#include "guest.h"

/* One case as it stands in the image. */
struct guest_case {
	uint32_t entry, mode, flags, pad;
	char name[48];
	char file[16];
};

struct ctx {
	struct vm vm;
	const struct guest_case *gc;
	struct tap_result *result;
	const struct hook *hook;

	pthread_mutex_t lock;		/* protects all that follows */
	pthread_cond_t ended_cond;
	bool ended;
	uint8_t mmio[0x10000];
	uint8_t pio[0x100];
	uint8_t pio_log[4096];
	unsigned int pio_logged;
	uint8_t pio_next;
	uint64_t mmio_writes, mmio_reads, mmio_addr, mmio_len, mmio_data;
	int irqfd[24], resamplefd[24];	/* -1: none */
	uint64_t resamples[24];
	int ioeventfd[4];
	unsigned int ioeventfds;
	unsigned int slots;
	unsigned int pending_irq;	/* 0: none */
};

/*
 * What a case needs of the host beyond the services.
 * @setup: after the vCPUs are ready, before they run
 * @exit: an exit of @v that is no service's; true if dealt with
 */
struct hook {
	const char *name;
	void (*setup)(struct ctx *c);
	bool (*exit)(struct ctx *c, struct vcpu *v);
};

/* A case that is a program of the host's. */
struct host_case {
	const char *name;
	void (*run)(struct tap_result *r);
};

extern const struct hook hooks[];		/* ends with a NULL name */
extern const struct host_case host_cases[];	/* likewise */

/* guest_next() - the case after @gc, the first after NULL, NULL at the end */
const struct guest_case *guest_next(const struct guest_case *gc);

/**
 * guest_find() - a case of the image by name; ends the process if missing
 * @name: as in its CASE()
 */
const struct guest_case *guest_find(const char *name);

/**
 * ctx_create() - VM and vCPUs of a case, ready to run
 * @c: filled in
 * @gc: the case
 * @r: where its result goes
 */
void ctx_create(struct ctx *c, const struct guest_case *gc,
		struct tap_result *r);

/**
 * ctx_run() - run all vCPUs until the guest says how it ended
 * @c: from ctx_create()
 */
void ctx_run(struct ctx *c);

/**
 * ctx_handle() - deal with the exit a vCPU has just made
 * @c: context
 * @v: the vCPU
 *
 * Return: true to go on running, false when the case has ended.
 */
bool ctx_handle(struct ctx *c, struct vcpu *v);

/* ctx_destroy() - free what ctx_create() made; no vCPU runs */
void ctx_destroy(struct ctx *c);

/* ctx_end() - the case is over; wakes ctx_run() */
void ctx_end(struct ctx *c);

/* guest_u64() - a quadword of guest memory */
static inline uint64_t *guest_u64(struct ctx *c, uint64_t gpa)
{
	return (uint64_t *)(c->vm.mem + gpa);
}

#endif
