// SPDX-License-Identifier: GPL-2.0-only
/*
 * control.c - pause, resume, stop, kill, and the states they lead to.
 *
 * A command sets a bit of vm->control and makes a request to each vCPU; the
 * run loop looks at the word before every section, and while it is 0 nothing
 * else of this costs anything.
 */
#include <linux/sched/task.h>
#include <linux/sched/signal.h>

#include "../kick.h"
#include "asker.h"
#include "events.h"
#include "registry.h"
#include "whose.h"

/**
 * vh_vcpu_state - VH_A_VCPU_STATE
 * @vcpu: a vCPU; vh_registry_lock held
 */
enum vh_vcpu_state vh_vcpu_state(const struct vh_vcpu *vcpu)
{
	if (READ_ONCE(vcpu->mode) != VH_OUTSIDE)
		return VH_VCPU_GUEST;
	if (READ_ONCE(vcpu->parked))
		return VH_VCPU_PAUSED;
	if (rcuwait_active((struct rcuwait *)&vcpu->wait))
		return VH_VCPU_HALTED;
	return mutex_is_locked((struct mutex *)&vcpu->lock) ? VH_VCPU_HOST : VH_VCPU_IDLE;
}

/* A stop that no vCPU takes for so long lapses: its VMM has the VM stopped, and would be told when it goes on. */
#define STOP_LAPSES	(10 * HZ)
/* Told, a VMM that goes on for so long does not end its VM; with a button it is the guest that does not. */
#define VMM_ENDS	(2 * HZ)
#define GUEST_ENDS	(120 * HZ)

static unsigned long since_stop(const struct vh_vm *vm)
{
	return jiffies - READ_ONCE(vm->stop_at);
}

/* vh_registry_lock held. */
static bool stopping(struct vh_record *r)
{
	const struct vh_vm *vm = r->vm;

	if (test_bit(VH_CTL_STOP, &vm->control) && since_stop(vm) <= STOP_LAPSES)
		return true;
	if (!test_bit(VH_ST_STOPPED, &r->status))
		return false;
	if (since_stop(vm) > (READ_ONCE(vm->power_button) ? GUEST_ENDS : VMM_ENDS) &&
	    vh_vcpu_state(vh_vcpu_at(vm, READ_ONCE(vm->stop_told))) != VH_VCPU_IDLE)
		clear_bit(VH_ST_STOPPED, &r->status);
	return test_bit(VH_ST_STOPPED, &r->status);
}

/**
 * vh_vm_state - VH_A_VM_STATE
 * @r: a registered record; vh_registry_lock held
 */
enum vh_vm_state vh_vm_state(struct vh_record *r)
{
	const struct vh_vm *vm = r->vm;

	if (!vm)
		return VH_VM_DEFINED;
	if (test_bit(VH_CTL_DEAD, &vm->control))
		return VH_VM_DEAD;
	if (test_bit(VH_ST_CRASHED, &vm->rec->status))
		return VH_VM_CRASHED;
	if (test_bit(VH_CTL_PAUSED, &vm->control))
		return VH_VM_PAUSED;
	if (stopping(r))
		return VH_VM_STOPPING;
	return test_bit(VH_ST_STARTED, &vm->rec->status) ? VH_VM_RUNNING : VH_VM_CREATED;
}

/*
 * SIGKILL to the VMM, unless its process has become another program. exec
 * changes a process's memory with exec_update_lock held for writing, from
 * where it cannot fail any more but by killing the process: whoever holds it
 * for reading finds the process before that or after. It is only tried for,
 * for exec may sleep with it; then there is nothing to kill. The kernel goes
 * over all threads of the process: nobody's lock is held but that.
 */
static int kill_vmm(struct pid *victim, const struct vh_vm *vm, const struct vh_right *by)
{
	struct task_struct *task = get_pid_task(victim, PIDTYPE_TGID);
	int err = 0;

	if (!task)
		return 0;
	if (down_read_trylock(&task->signal->exec_update_lock)) {
		if (vh_record_runs(victim, vm))
			err = vh_right_signal(by, victim, SIGKILL);
		up_read(&task->signal->exec_update_lock);
	}
	put_task_struct(task);
	return err == -ESRCH ? 0 : err;
}

/* What a command, but KILL, does to the VM's word: 0, or -EIO, and nothing has changed. */
static int change(struct vh_vm *vm, u8 cmd, enum vh_event *event)
{
	if (test_bit(VH_CTL_DEAD, &vm->control))
		return -EIO;
	if (cmd == VH_CMD_VM_STOP) {
		WRITE_ONCE(vm->stop_at, jiffies);
		smp_mb__before_atomic();
		set_bit(VH_CTL_STOP, &vm->control);	/* the first vCPU that looks tells the VMM */
	} else if (cmd == VH_CMD_VM_PAUSE && !test_and_set_bit(VH_CTL_PAUSED, &vm->control)) {
		*event = VH_EVENT_PAUSED;
	} else if (cmd == VH_CMD_VM_RESUME && test_and_clear_bit(VH_CTL_PAUSED, &vm->control)) {
		*event = VH_EVENT_RESUMED;
	}
	return 0;
}

/**
 * vh_control_begin - VH_CMD_VM_PAUSE, _RESUME, _STOP and _KILL
 * @c: to be filled in
 * @r: a registered record
 * @cmd: which of them
 *
 * vh_registry_lock held, which is to be dropped before vh_control_end(). 0, -ENOTCONN (no VMM),
 * -EIO (dead).
 */
int vh_control_begin(struct vh_control *c, struct vh_record *r, u8 cmd)
{
	int err;

	if (!r->vm)
		return -ENOTCONN;
	c->event = 0;
	c->victim = NULL;
	c->kill = cmd == VH_CMD_VM_KILL;
	if (c->kill) {
		c->victim = get_pid(vh_record_process(r));
	} else {
		err = change(r->vm, cmd, &c->event);
		if (err)
			return err;
	}
	c->r = r;
	c->vm = r->vm;
	vh_record_get(r);
	vh_reclaim_pin(r->vm);
	return 0;
}

/**
 * vh_control_end - each vCPU follows a command
 * @c: of vh_control_begin()
 * @by: who wants it
 *
 * Process context, vh_registry_lock not held. Of KILL the VMM gets SIGKILL, and no vCPU runs
 * again. When it returns, no vCPU executes guest code that is not to. 0, or -EPERM (security
 * modules): then nothing has happened.
 */
int vh_control_end(struct vh_control *c, const struct vh_right *by)
{
	int err = c->victim ? kill_vmm(c->victim, c->vm, by) : 0;

	if (!err) {
		if (c->kill && !test_and_set_bit(VH_CTL_DEAD, &c->vm->control))
			c->event = VH_EVENT_KILLED;
		/* Also when another request for the same may not be done yet. */
		vh_vm_request_sync(c->vm, VH_REQ_CONTROL);
		vh_vm_request_all(c->vm, VH_REQ_CONTROL);
	}
	/* While it is pinned the VM's end is not told. */
	if (c->event) {
		vh_registry_read_lock();
		vh_event_vm(c->r, c->event);
		vh_registry_read_unlock();
	}
	vh_reclaim_unpin(c->vm);
	put_pid(c->victim);
	vh_record_put(c->r);
	return err;
}

static bool paused(const struct vh_vm *vm)
{
	return (READ_ONCE(vm->control) & (BIT(VH_CTL_PAUSED) | BIT(VH_CTL_STOP) | BIT(VH_CTL_DEAD)))
	       == BIT(VH_CTL_PAUSED);
}

static void wait_for_resume(struct vh_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->parked, true);
	rcuwait_wait_event(&vcpu->wait, !paused(vcpu->vm) || signal_pending(current),
			   TASK_INTERRUPTIBLE);
	WRITE_ONCE(vcpu->parked, false);
	vh_request(vcpu, VH_REQ_STOPPED);
}

/**
 * vh_control - what vm->control asks of a vCPU
 * @vcpu: the vCPU
 *
 * Own thread, process context. Returns 1 when it may go on (or a signal is
 * pending), 0 to return to userspace, -EIO when the VM is dead.
 */
int vh_control(struct vh_vcpu *vcpu)
{
	struct vh_vm *vm = vcpu->vm;

	for (;;) {
		if (test_bit(VH_CTL_DEAD, &vm->control))
			return -EIO;
		if (test_and_clear_bit(VH_CTL_STOP, &vm->control) && since_stop(vm) <= STOP_LAPSES) {
			WRITE_ONCE(vm->stop_told, vcpu->idx);
			WRITE_ONCE(vm->stop_at, jiffies);
			set_bit(VH_ST_STOPPED, &vm->rec->status);
			vcpu->run->exit_reason = KVM_EXIT_SYSTEM_EVENT;
			vcpu->run->system_event.type = KVM_SYSTEM_EVENT_SHUTDOWN;
			vcpu->run->system_event.ndata = 0;
			vh_event_vm(vm->rec, VH_EVENT_STOPPED);
			return 0;
		}
		if (test_bit(VH_CTL_PAUSED, &vm->control)) {
			if (signal_pending(current))
				return 1;
			wait_for_resume(vcpu);
			continue;
		}
		if (test_and_clear_bit(VH_CTL_NEW, &vm->control)) {
			vh_whose_calls(vm);
			clear_bit(VH_ST_CRASHED, &vm->rec->status);
			if (!test_and_set_bit(VH_ST_STARTED, &vm->rec->status))
				vh_event_vm(vm->rec, VH_EVENT_STARTED);
		}
		return 1;
	}
}

/**
 * vh_vm_crashed - a vCPU ended in a way that a guest does not come back from
 * @vm: the VM
 * @reason: which way
 *
 * Process context. The next KVM_RUN, after the VMM's reset, makes it a running
 * VM again.
 */
void vh_vm_crashed(struct vh_vm *vm, enum vh_crash reason)
{
	set_bit(VH_CTL_NEW, &vm->control);
	if (!test_and_set_bit(VH_ST_CRASHED, &vm->rec->status))
		vh_event_crash(vm->rec, reason);
}

/**
 * vh_vm_lost - a VMX instruction failed that cannot: the VM ends here
 * @vcpu: whose state is lost
 *
 * Own thread, process context. No vCPU of the VM runs again.
 */
void vh_vm_lost(struct vh_vcpu *vcpu)
{
	struct vh_vm *vm = vcpu->vm;

	vcpu->lost = true;
	if (!test_and_set_bit(VH_CTL_DEAD, &vm->control))
		vh_err("VM %u: a VMX instruction failed for vCPU %u; the VM is stopped\n",
		       vm->rec->id, vcpu->id);
	vh_vm_request_all(vm, VH_REQ_CONTROL);
}
