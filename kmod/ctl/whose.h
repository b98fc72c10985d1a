/* SPDX-License-Identifier: GPL-2.0-only */
/* whose.h - what a VMM's ioctls tell of whose its VM is. */
#ifndef VH_WHOSE_H
#define VH_WHOSE_H

#include <linux/sched/signal.h>

#include "../vh.h"

/* The VMM has other credentials than before; vh_registry_lock not held. */
void vh_whose_changed(struct vh_vm *vm);

/* The VMM of @vm calls, but for KVM_RUN, where it is asked for when the VM starts: only VMs that stay. */
static inline void vh_whose_calls(struct vh_vm *vm)
{
	if (unlikely(rcu_access_pointer(current->group_leader->real_cred) != READ_ONCE(vm->seen)))
		vh_whose_changed(vm);
}

#endif /* VH_WHOSE_H */
