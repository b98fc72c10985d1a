// SPDX-License-Identifier: GPL-2.0-only
/*
 * access.c - what an emulated instruction does to devices and to userspace.
 *
 * An access to no memslot goes to the in-kernel devices, else to userspace.
 * Each such access is done once and its answer logged: the instruction is
 * executed again from its start until all its answers are there.
 */
#include <linux/kernel.h>
#include <linux/mm.h>

#include "../trace.h"
#include "internal.h"

/**
 * vh_access_device - an access that is not to memory
 * @vcpu: the vCPU
 * @gpa: guest-physical address, or port
 * @data: from or to
 * @len: 1 to 8 bytes
 * @write: direction
 * @pio: a port
 *
 * Own thread, interrupts on. VH_EMUL_OK: @data is answered, or the write is done; VH_EMUL_USER:
 * userspace's turn; VH_EMUL_UNHANDLED: too many; VH_EMUL_RETRY: not the same as when it was begun.
 */
int vh_access_device(struct vh_vcpu *vcpu, gpa_t gpa, void *data, unsigned int len, bool write,
		     bool pio)
{
	struct vh_accesses *a = &vcpu->exec->accesses;
	struct vh_access *e;
	bool done;

	if (a->next >= VH_MAX_ACCESSES)
		return VH_EMUL_UNHANDLED;
	e = &a->log[a->next];
	if (a->next < a->done) {
		/* It repeats its accesses, unless page tables, memslots or registers changed. */
		if (e->gpa != gpa || e->len != len || e->count != 1 || e->write != write || e->where != pio)
			return VH_EMUL_RETRY;
		if (!write)
			memcpy(data, e->data, len);
		a->next++;
		return VH_EMUL_OK;
	}
	*e = (struct vh_access){ .gpa = gpa, .len = len, .count = 1, .write = write, .where = pio };
	if (write)
		memcpy(e->data, data, len);
	if (pio) {
		trace_vh_pio(vcpu->id, write, gpa, len, 1);
		done = vh_bus_pio(vcpu, gpa, write ? e->data : data, len, write);
	} else {
		trace_vh_mmio(vcpu->id, write, gpa, len);
		done = vh_bus_mmio(vcpu, gpa, write ? e->data : data, len, write);
	}
	if (!done && !write) {
		a->pending = true;
		return VH_EMUL_USER;
	}
	/* Userspace has nothing to say to a write: the instruction goes on, the write follows. */
	e->posted = !done;
	vcpu->owes_write |= write && !done;
	if (!write)
		memcpy(e->data, data, len);
	if (done)
		vh_request(vcpu, VH_REQ_EVENT);
	a->done++;
	a->next++;
	return VH_EMUL_OK;
}

/**
 * vh_access_reset - forget what the instruction did: it is done, or given up
 * @vcpu: the vCPU; own thread
 */
void vh_access_reset(struct vh_vcpu *vcpu)
{
	struct vh_accesses *a = &vcpu->exec->accesses;

	a->done = 0;
	a->next = 0;
	a->pending = false;
	a->finished = false;
	vcpu->owes_write = false;
}

/**
 * vh_access_string - elements of INS or OUTS
 * @vcpu: the vCPU
 * @port: its number
 * @linear: where the first element is in memory
 * @size: of an element: 1, 2 or 4 bytes
 * @count: how many; how many it were
 * @write: OUTS
 *
 * One access of userspace moves them all, through pio_data: it is not in use otherwise, for
 * this is the instruction's only access. In-kernel devices are asked for one at a time.
 * Own thread, interrupts on. VH_EMUL_*.
 */
int vh_access_string(struct vh_vcpu *vcpu, u16 port, u64 linear, unsigned int size,
		     unsigned int *count, bool write)
{
	struct vh_accesses *a = &vcpu->exec->accesses;
	struct vh_access *x = &a->log[a->next];
	int r;

	if (a->next)
		return VH_EMUL_UNHANDLED;
	if (a->done) {			/* INS, answered */
		if (write || x->write || x->where != VH_AT_PORT || x->gpa != port || x->len != size ||
		    x->count > *count)
			return VH_EMUL_RETRY;
		goto answered;
	}
	*count = min_t(unsigned int, *count, PAGE_SIZE / size);
	*x = (struct vh_access){ .gpa = port, .len = size, .count = *count, .write = write,
				 .where = VH_AT_PORT };
	if (write) {
		r = vh_emulate_linear(vcpu, linear, vcpu->pio_data, size * *count, false);
		if (r)
			return r;
		memcpy(x->data, vcpu->pio_data, size);
	}
	trace_vh_pio(vcpu->id, write, port, size, *count);
	if (vh_bus_pio(vcpu, port, x->data, size, write)) {
		x->count = 1;
		vh_request(vcpu, VH_REQ_EVENT);
	} else if (write) {
		x->posted = vcpu->owes_write = true;
	} else {
		a->pending = true;
		return VH_EMUL_USER;
	}
	a->done++;
answered:
	a->next++;
	*count = x->count;
	if (write)
		return VH_EMUL_OK;
	return vh_emulate_linear(vcpu, linear, x->count > 1 ? vcpu->pio_data : x->data,
				 size * x->count, true);
}

/**
 * vh_access_msr - RDMSR or WRMSR
 * @vcpu: the vCPU
 * @msr: its index
 * @value: from or to
 * @write: direction
 *
 * The instruction's only access. Own thread, interrupts on. VH_EMUL_OK; VH_EMUL_FAULT: #GP(0); VH_EMUL_USER: it would
 * be that, but userspace wants to be asked (KVM_CAP_X86_USER_SPACE_MSR); VH_EMUL_RETRY: not the same as when it was begun.
 */
int vh_access_msr(struct vh_vcpu *vcpu, u32 msr, u64 *value, bool write)
{
	struct vh_accesses *a = &vcpu->exec->accesses;
	struct vh_access *x = &a->log[0];
	u32 reason;

	if (a->done) {
		if (x->where != VH_AT_MSR || x->gpa != msr || x->write != write)
			return VH_EMUL_RETRY;
		if (!write)
			memcpy(value, x->data, sizeof(*value));
		return x->refused ? VH_EMUL_FAULT : VH_EMUL_OK;
	}
	reason = vh_msr_guest(vcpu, msr, value, write);
	if (!reason)
		return VH_EMUL_OK;
	if (!(READ_ONCE(vcpu->vm->user_msr) & reason))
		return VH_EMUL_FAULT;
	*x = (struct vh_access){ .gpa = msr, .len = 8, .count = 1, .write = write, .where = VH_AT_MSR, .reason = reason };
	if (write)
		memcpy(x->data, value, sizeof(*value));
	a->pending = true;
	return VH_EMUL_USER;
}

/* --- to userspace and back --- */

static int access_to_user(struct vh_vcpu *vcpu, const struct vh_access *e)
{
	struct kvm_run *run = vcpu->run;

	switch (e->where) {
	case VH_AT_MMIO:
		run->exit_reason = KVM_EXIT_MMIO;
		run->mmio.phys_addr = e->gpa;
		run->mmio.len = e->len;
		run->mmio.is_write = e->write;
		memcpy(run->mmio.data, e->data, sizeof(run->mmio.data));	/* 0 beyond @len */
		vcpu->mmio_exits++;
		break;
	case VH_AT_PORT:
		run->exit_reason = KVM_EXIT_IO;
		run->io.direction = e->write ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN;
		run->io.size = e->len;
		run->io.port = e->gpa;
		run->io.count = e->count;
		run->io.data_offset = PAGE_SIZE;
		if (e->write && e->count == 1)
			memcpy(vcpu->pio_data, e->data, e->len);
		break;
	case VH_AT_MSR:
		run->exit_reason = e->write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
		memset(&run->msr, 0, sizeof(run->msr));
		run->msr.reason = e->reason;
		run->msr.index = e->gpa;
		memcpy(&run->msr.data, e->data, sizeof(run->msr.data));
		break;
	}
	return 0;
}

static int complete_read(struct vh_vcpu *vcpu)
{
	struct vh_accesses *a = &vcpu->exec->accesses;
	struct vh_access *e = &a->log[a->done];
	struct kvm_run *run = vcpu->run;

	switch (e->where) {
	case VH_AT_MMIO:
		memcpy(e->data, run->mmio.data, e->len);
		break;
	case VH_AT_PORT:
		if (e->count == 1)
			memcpy(e->data, vcpu->pio_data, e->len);
		break;
	case VH_AT_MSR:
		e->refused = READ_ONCE(run->msr.error);
		if (!e->write)
			memcpy(e->data, &run->msr.data, sizeof(e->data));
		break;
	}
	a->pending = false;
	a->done++;
	return vh_emulate(vcpu);
}

/**
 * vh_access_to_user - what userspace has to do for the instruction
 * @vcpu: the vCPU; own thread
 *
 * Writes in their order, then the read that waits for an answer, then on: 0 as
 * long as userspace has something to do, then 1.
 */
int vh_access_to_user(struct vh_vcpu *vcpu)
{
	struct vh_accesses *a = &vcpu->exec->accesses;
	unsigned int i;

	for (i = 0; i < a->done; i++) {
		if (!a->log[i].posted)
			continue;
		a->log[i].posted = false;
		vcpu->exec->complete = vh_access_to_user;
		return access_to_user(vcpu, &a->log[i]);
	}
	if (a->pending) {
		vcpu->exec->complete = complete_read;
		return access_to_user(vcpu, &a->log[a->done]);
	}
	if (a->finished)
		vh_access_reset(vcpu);
	return 1;
}
