/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM's whole life, one operation after the other, each of which may fail:
 * what the fault tests do again and again.
 */
#ifndef VH_TESTS_SCENARIO_H
#define VH_TESTS_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

/* The operations, in order. */
enum op {
	OP_VM, OP_IRQCHIP, OP_PIT, OP_SLOT, OP_VCPU, OP_VCPU2, OP_CPUID, OP_SREGS, OP_REGS, OP_IRQFD,
	OP_IOEVENTFD, OP_ROUTING, OP_RUN, OP_LOG, OP_RUN_LOGGED, OP_GET_LOG, OP_MOVE, OP_DELETE,
	OP_RUN_AGAIN, OP_RUN2, OP_GET_REGS, OP_GET_SREGS, OP_GET_XSAVE, OP_GET_LAPIC, OPS
};

extern const char *const op_name[OPS];

/* Called around each operation; @err: 0, or errno. */
struct scenario {
	void (*before)(enum op op);
	void (*after)(enum op op, int err);
	bool irqchip;
	bool retry;	/* what failed is done once more, after after() */
};

/**
 * scenario_run() - go through it to the end, whatever fails on the way
 * @s: hooks, which may be NULL
 * @err: filled in: errno of each operation, 0 for those that succeeded, -1 for those
 *	that could not be tried because the object is missing
 *
 * Everything is closed at the end.
 *
 * Return: true if all succeeded and the guest did what it should.
 */
bool scenario_run(const struct scenario *s, int err[OPS]);

#endif
