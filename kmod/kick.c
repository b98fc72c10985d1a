// SPDX-License-Identifier: GPL-2.0-only
/*
 * kick.c - from anybody to a vCPU: requests, kicks, flushes, posted INIT, SIPI, NMI and SMI.
 *
 * docs/locking.md tells why none of them is lost.
 */
#include <linux/smp.h>

#include "compat/compat.h"
#include "kick.h"
#include "witness/witness.h"

static void kick_ipi(void *unused)
{
}

/**
 * vh_vcpu_kick - something may have changed for this vCPU
 * @vcpu: the vCPU
 *
 * Any context. A halted vCPU wakes, one in the guest comes out, and pending
 * events are looked at before the next entry.
 */
void vh_vcpu_kick(struct vh_vcpu *vcpu)
{
	int cpu;

	vh_request(vcpu, VH_REQ_EVENT);
	rcuwait_wake_up(&vcpu->wait);
	cpu = get_cpu();
	/* On its own CPU it is not in the guest: somebody else runs here. */
	if (READ_ONCE(vcpu->cpu) != cpu &&
	    cmpxchg(&vcpu->mode, VH_IN_GUEST, VH_KICKED) == VH_IN_GUEST) {
		int target = READ_ONCE(vcpu->cpu);

		if (cpu_online(target))
			vh_kick_cpu(target);
	}
	put_cpu();
}

/**
 * vh_vm_request_all - a request to each vCPU of a VM
 * @vm: the VM
 * @req: the request
 */
void vh_vm_request_all(struct vh_vm *vm, enum vh_request req)
{
	struct vh_vcpu *vcpu;
	unsigned int i;

	vh_for_each_vcpu(i, vcpu, vm) {
		vh_request(vcpu, req);
		vh_vcpu_kick(vcpu);
	}
}

/* Its window closes before this returns, if one is open. */
static bool leave_guest(struct vh_vcpu *vcpu, int me)
{
	if (VH_BROKEN(flush) || smp_load_acquire(&vcpu->mode) == VH_OUTSIDE || READ_ONCE(vcpu->cpu) == me)
		return false;
	smp_call_function_single(READ_ONCE(vcpu->cpu), kick_ipi, NULL, 1);
	return true;
}

/**
 * vh_vm_leave_guest - vCPUs that are in the guest leave it
 * @vm: the VM
 *
 * Interrupts on; a spinlock may be held. They may have entered again when this
 * returns, but every window that was open before it has closed.
 */
void vh_vm_leave_guest(struct vh_vm *vm)
{
	struct vh_vcpu *vcpu;
	unsigned int i;
	int me;

	me = get_cpu();
	/* What the caller has seen of the guest's work is older than what it sees of mode. */
	smp_mb();
	vh_for_each_vcpu(i, vcpu, vm)
		leave_guest(vcpu, me);
	put_cpu();
}

/**
 * vh_vm_request_sync - a request that holds for all guest code from now on
 * @vm: the VM
 * @req: the request
 *
 * Interrupts on; a spinlock may be held. vCPUs in the guest are taken out by
 * IPI, and only those; each honours the request before it enters again.
 * Returns whether there was one.
 */
bool vh_vm_request_sync(struct vh_vm *vm, enum vh_request req)
{
	struct vh_vcpu *vcpu;
	bool any = false;
	unsigned int i;
	int me;

	me = get_cpu();
	vh_for_each_vcpu(i, vcpu, vm) {
		vh_request(vcpu, req);
		any |= leave_guest(vcpu, me);
	}
	put_cpu();
	return any;
}

/**
 * vh_vm_flush_tlb - no vCPU uses EPT translations of before this call
 * @vm: the VM
 *
 * As vh_vm_request_sync().
 */
void vh_vm_flush_tlb(struct vh_vm *vm)
{
	atomic_long_inc(&vm->flushes);
	if (vh_vm_request_sync(vm, VH_REQ_TLB_FLUSH))
		atomic_long_inc(&vm->flush_kicks);
}

/**
 * vh_vcpu_by_id - the vCPU with this KVM_CREATE_VCPU id, or NULL
 * @vm: the VM
 * @id: KVM_CREATE_VCPU id
 */
struct vh_vcpu *vh_vcpu_by_id(struct vh_vm *vm, u32 id)
{
	struct vh_vcpu *vcpu;
	unsigned int i;

	if (id < smp_load_acquire(&vm->nr_vcpus)) {
		vcpu = vh_vcpu_at(vm, id);
		if (vcpu->id == id)
			return vcpu;
	}
	vh_for_each_vcpu(i, vcpu, vm)
		if (vcpu->id == id)
			return vcpu;
	return NULL;
}

/**
 * vh_vcpu_post_init - INIT arrived
 * @vcpu: the vCPU
 */
void vh_vcpu_post_init(struct vh_vcpu *vcpu)
{
	clear_bit(1, &vcpu->apic_events);
	set_bit(0, &vcpu->apic_events);
	vh_request(vcpu, VH_REQ_APIC_EVENT);
	vh_vcpu_kick(vcpu);
}

/**
 * vh_vcpu_post_sipi - a start-up IPI arrived
 * @vcpu: the vCPU
 * @vector: interrupt vector
 */
void vh_vcpu_post_sipi(struct vh_vcpu *vcpu, u8 vector)
{
	WRITE_ONCE(vcpu->sipi_vector, vector);
	smp_mb__before_atomic();
	set_bit(1, &vcpu->apic_events);
	vh_request(vcpu, VH_REQ_APIC_EVENT);
	vh_vcpu_kick(vcpu);
}

/**
 * vh_vcpu_post_nmi - an NMI arrived
 * @vcpu: the vCPU
 */
void vh_vcpu_post_nmi(struct vh_vcpu *vcpu)
{
	atomic_inc(&vcpu->nmi_queued);
	vh_vcpu_kick(vcpu);
}

/**
 * vh_vcpu_post_smi - a system management interrupt arrived
 * @vcpu: the vCPU
 */
void vh_vcpu_post_smi(struct vh_vcpu *vcpu)
{
	vh_request(vcpu, VH_REQ_SMI);
	vh_vcpu_kick(vcpu);
}
