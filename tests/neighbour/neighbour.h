/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * neighbour.h - one tenant does its worst, another's operations are measured beside it.
 *
 * The victim runs at a real-time priority: what it waits for is what the module makes it
 * wait for, not its share of the processors.
 */
#ifndef NEIGHBOUR_H
#define NEIGHBOUR_H

#include "host.h"

#define ATTACKER	1000		/* user ids */
#define OTHER		1001

/* What a tenant does with its VMs. */
enum op { OP_CREATE, OP_SLOT, OP_RUN, OP_EXIT, OP_LIST, OP_GROUP, NR_OPS };
extern const char *const op_names[NR_OPS];

/*
 * Ticks of the TSC, of many tries; in the lab one is an instruction. A list's are for each VM that it
 * shows: whose VMs are the attacker's as well sees more.
 */
struct cost { uint64_t median, worst; };

/**
 * victim_measure() - what each operation costs a user
 * @uid: who; 0: root
 * @cost: filled in, NR_OPS
 * @r: fails when an operation does
 */
void victim_measure(unsigned int uid, struct cost *cost, struct tap_result *r);

/**
 * struct attack - what one tenant does
 * @name: of the case
 * @prepare: as root, in the attacker's process, or NULL
 * @fn: as the attacker: prepares everything, calls attack_ready(), goes on until it is killed
 */
struct attack {
	const char *name;
	void (*prepare)(void);
	void (*fn)(void);
	bool bulk;		/* it has the kernel clear megabytes by one instruction */
};
extern const struct attack attacks[];		/* ends with a NULL name */

/* All is as bad as it gets, so far: @objects is how many of what there are, for the report. */
void attack_ready(unsigned int objects);
/* A thread of the attacker's. */
void attack_thread(void *(*fn)(void *), void *arg);

#endif
