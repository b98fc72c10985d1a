/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of system management mode share (smm.c).
 *
 * The guest loops over an OUT to port 0x10. In SMM's address space 64 KiB at SMBASE are other memory, all else is the
 * same; there the handler says where it is by an OUT to port 0x28.
 */
#ifndef VH_TESTS_ABI_SMM_H
#define VH_TESTS_ABI_SMM_H

#include "abi.h"

#define SMM(slot)	(1u << 16 | (slot))
#define SMBASE		0x30000u
#define HANDLER		0x8000u		/* from SMBASE */
#define AREA		0xfe00u
#define SIZE		(1u << 20)
#define CODE		0x1000u

#define MSR_SMBASE	0x9eu
#define MSR_SMI_COUNT	0x34u
#define MSG_SMI		(2 << 8)	/* delivery modes of a message */
#define MSG_NMI		(4 << 8)
#define MSG_INIT	(5 << 8)
#define MSG_SIPI	(6 << 8)

#define CODE_OF(name) extern const uint8_t name[], name##_end[]
CODE_OF(smm_plain); CODE_OF(smm_memory); CODE_OF(smm_move); CODE_OF(smm_halt);
CODE_OF(smm_rsm); CODE_OF(smm_loop); CODE_OF(smm_hlt);
#define PUT(at, name)	memcpy(at, name, name##_end - name)

struct smm {
	struct vm vm;
	struct vcpu *v;
	uint8_t *ram;			/* at SMBASE, in SMM */
};

/* smm_vm() - a VM of SIZE with these vCPUs, the first of which is in @mode; false: the case has failed */
bool smm_vm(struct tap_result *r, struct smm *s, enum guest_mode mode, unsigned int flags, unsigned int vcpus);

/* smm_until() - until the vCPU says something at @port */
bool smm_until(struct tap_result *r, struct vcpu *v, unsigned int port, const char *what);

/* smm_settle() - the instruction that exited is done, and nothing else */
void smm_settle(struct vcpu *v);

/* smm_message() - KVM_SIGNAL_MSI: MSG_* to a vCPU */
void smm_message(struct smm *s, unsigned int id, unsigned int data);

/* smm_enable_apics() - it is a guest that enables APICs; until then KVM may not find the last one */
void smm_enable_apics(struct smm *s);

#endif
