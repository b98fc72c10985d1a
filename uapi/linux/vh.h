/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * vh.h - what userspace may include of vh.
 *
 * /dev/vh speaks the KVM ioctl ABI of <linux/kvm.h>. This header holds what
 * vh adds to it (the magic is vh's own, no KVM ioctl is changed), and the
 * generic-netlink family "vh", by which VMs are governed. The family is
 * described in docs/netlink/vh.yaml and vh-netlink(7).
 */
#ifndef _UAPI_LINUX_VH_H
#define _UAPI_LINUX_VH_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define VH_DEVICE	"/dev/vh"
#define VHIO		0xB7

/* One counter for each basic exit reason of the SDM (Vol. 3, Appendix C). */
#define VH_NR_EXIT_REASONS	80

/**
 * struct vh_exit_stats - exits of one vCPU since its creation
 * @nr: number of valid entries in @counts
 * @pad: zero
 * @counts: exits, indexed by basic exit reason
 */
struct vh_exit_stats {
	__u32 nr;
	__u32 pad;
	__u64 counts[VH_NR_EXIT_REASONS];
};

/**
 * struct vh_vm_id - how the netlink family names a VM
 * @id: number, unique while the module is loaded
 * @pad: zero
 * @uuid: random, of this VM alone
 */
struct vh_vm_id {
	__u32 id;
	__u32 pad;
	__u8 uuid[16];
};

/* vCPU ioctl: read the vCPU's exit counters; allowed while it runs. */
#define VH_GET_EXIT_STATS	_IOR(VHIO, 0x10, struct vh_exit_stats)
/* VM ioctl: id and UUID of the VM. */
#define VH_GET_VM_ID		_IOR(VHIO, 0x11, struct vh_vm_id)
/*
 * /dev/vh ioctl: become the VMM of a VM that VH_CMD_VM_CREATE made, given by
 * its id. Returns a VM file descriptor, as KVM_CREATE_VM does. ENOENT: no such
 * VM that the caller may see; EBUSY: it has a VMM.
 */
#define VH_ATTACH_VM		_IOW(VHIO, 0x12, __u32)
/*
 * VM ioctl: 1: on KVM_SYSTEM_EVENT_SHUTDOWN of VH_CMD_VM_STOP the VMM presses the guest's power button,
 * 0 (unless said): it ends the VM, as it does when a guest itself says so.
 */
#define VH_SET_POWER_BUTTON	_IO(VHIO, 0x13)

/* --- generic netlink --- */

#define VH_GENL_NAME		"vh"
#define VH_GENL_VERSION		1
#define VH_GENL_MCGRP_EVENTS	"events"

#define VH_VM_NAME_MAX		63	/* bytes, without the terminating zero */
#define VH_VM_MEMORY_MAX	(1ULL << 48)	/* bytes that memslots can hold, and a VM can reserve */

/**
 * enum vh_cmd - commands; attributes of a request and of its answer
 * @VH_CMD_UNSPEC: reserved
 * @VH_CMD_VM_GET: vm; do: one VM by id, uuid or name, dump: all that the asker may see
 * @VH_CMD_VM_CREATE: vm; name, vcpus, memory, cgroup-fd, dev-fd; answer: id, uuid, name
 * @VH_CMD_VM_DESTROY: vm; a VM of VH_CMD_VM_CREATE that has no VMM
 * @VH_CMD_VM_SET: vm; give the VM (by id or uuid) another name
 * @VH_CMD_VM_PAUSE: vm; returns when no vCPU is in the guest
 * @VH_CMD_VM_RESUME: vm
 * @VH_CMD_VM_STOP: vm; one vCPU returns KVM_EXIT_SYSTEM_EVENT, shutdown, to the VMM, unless none runs for 10 s
 * @VH_CMD_VM_KILL: vm; no vCPU runs again, the VMM gets SIGKILL
 * @VH_CMD_VCPU_GET: vcpu; do: one vCPU, dump: those of one VM, or of all
 * @VH_CMD_GROUP_GET: group; do: by cgroup-id or cgroup-fd, E2BIG and EBUSY: too many VMs and vCPUs to
 *	be added up at once (64 and the groups count), ask by a dump; dump: all, or the one of a
 *	cgroup-id or cgroup-fd
 * @VH_CMD_GROUP_SET: group; limits, by cgroup-id or cgroup-fd
 * @VH_CMD_EVENT: event; do: from now on this socket gets the events that the asker may see. The
 *	multicast group "events", which only CAP_SYS_ADMIN may join, carries all of them
 * @VH_CMD_USER_GET: user; do: by uid, or the asker, dump: what every user may have (without uid), and
 *	all users that the asker may see
 * @VH_CMD_USER_SET: user; limits of a uid, or of all users that have none of their own; needs
 *	CAP_SYS_ADMIN
 */
enum vh_cmd {
	VH_CMD_UNSPEC,
	VH_CMD_VM_GET,
	VH_CMD_VM_CREATE,
	VH_CMD_VM_DESTROY,
	VH_CMD_VM_SET,
	VH_CMD_VM_PAUSE,
	VH_CMD_VM_RESUME,
	VH_CMD_VM_STOP,
	VH_CMD_VM_KILL,
	VH_CMD_VCPU_GET,
	VH_CMD_GROUP_GET,
	VH_CMD_GROUP_SET,
	VH_CMD_EVENT,
	VH_CMD_USER_GET,
	VH_CMD_USER_SET,
	__VH_CMD_MAX,
	VH_CMD_MAX = __VH_CMD_MAX - 1
};

/**
 * enum vh_vm_state - VH_A_VM_STATE
 * @VH_VM_DEFINED: made by VH_CMD_VM_CREATE, has no VMM
 * @VH_VM_CREATED: has a VMM, no vCPU has run
 * @VH_VM_RUNNING: vCPUs may run
 * @VH_VM_PAUSED: no vCPU runs until VH_CMD_VM_RESUME
 * @VH_VM_STOPPING: the VMM was asked to stop, and has not gone on for 2 s since it was told, with a power
 *	button the guest for 120 s
 * @VH_VM_CRASHED: a vCPU ended with a fault that the guest cannot survive
 * @VH_VM_DEAD: killed, or stopped by vh; no vCPU will run again
 */
enum vh_vm_state {
	VH_VM_DEFINED,
	VH_VM_CREATED,
	VH_VM_RUNNING,
	VH_VM_PAUSED,
	VH_VM_STOPPING,
	VH_VM_CRASHED,
	VH_VM_DEAD
};

/**
 * enum vh_vcpu_state - VH_A_VCPU_STATE
 * @VH_VCPU_IDLE: its thread is not in KVM_RUN
 * @VH_VCPU_HOST: in KVM_RUN, the kernel works for it
 * @VH_VCPU_GUEST: executes guest code
 * @VH_VCPU_HALTED: in KVM_RUN, waits for an interrupt, INIT or SIPI
 * @VH_VCPU_PAUSED: in KVM_RUN, waits for VH_CMD_VM_RESUME
 */
enum vh_vcpu_state {
	VH_VCPU_IDLE,
	VH_VCPU_HOST,
	VH_VCPU_GUEST,
	VH_VCPU_HALTED,
	VH_VCPU_PAUSED
};

/**
 * enum vh_event - VH_A_EVENT_TYPE
 * @VH_EVENT_CREATED: a VM exists
 * @VH_EVENT_ATTACHED: a VMM took a VM of VH_CMD_VM_CREATE
 * @VH_EVENT_STARTED: its first vCPU runs for the first time
 * @VH_EVENT_PAUSED: by VH_CMD_VM_PAUSE
 * @VH_EVENT_RESUMED: by VH_CMD_VM_RESUME
 * @VH_EVENT_STOPPED: its VMM was told to stop it
 * @VH_EVENT_CRASHED: see VH_A_EVENT_REASON
 * @VH_EVENT_KILLED: by VH_CMD_VM_KILL
 * @VH_EVENT_RENAMED: by VH_CMD_VM_SET
 * @VH_EVENT_DETACHED: the VMM of a VM of VH_CMD_VM_CREATE is gone
 * @VH_EVENT_DESTROYED: the VM exists no more
 * @VH_EVENT_LIMIT: a charge was refused
 * @VH_EVENT_LIMITS_SET: by VH_CMD_GROUP_SET or VH_CMD_USER_SET
 */
enum vh_event {
	VH_EVENT_CREATED,
	VH_EVENT_ATTACHED,
	VH_EVENT_STARTED,
	VH_EVENT_PAUSED,
	VH_EVENT_RESUMED,
	VH_EVENT_STOPPED,
	VH_EVENT_CRASHED,
	VH_EVENT_KILLED,
	VH_EVENT_RENAMED,
	VH_EVENT_DETACHED,
	VH_EVENT_DESTROYED,
	VH_EVENT_LIMIT,
	VH_EVENT_LIMITS_SET
};

/**
 * enum vh_crash - VH_A_EVENT_REASON
 * @VH_CRASH_TRIPLE_FAULT: also how some guests reset their machine
 * @VH_CRASH_INTERNAL_ERROR: KVM_EXIT_INTERNAL_ERROR: an instruction vh cannot emulate, or a damaged VM
 * @VH_CRASH_FAIL_ENTRY: KVM_EXIT_FAIL_ENTRY: the processor refused the guest's state
 * @VH_CRASH_MEMORY: KVM_RUN failed for guest memory: nothing behind a memslot, or no page tables
 */
enum vh_crash {
	VH_CRASH_TRIPLE_FAULT,
	VH_CRASH_INTERNAL_ERROR,
	VH_CRASH_FAIL_ENTRY,
	VH_CRASH_MEMORY
};

/**
 * enum vh_resource - VH_A_EVENT_RESOURCE: what is charged to groups
 * @VH_RES_VMS: VMs
 * @VH_RES_VCPUS: vCPUs
 * @VH_RES_MEMORY: guest memory: bytes in memslots
 * @VH_RES_TABLES: bytes of page tables
 */
enum vh_resource {
	VH_RES_VMS,
	VH_RES_VCPUS,
	VH_RES_MEMORY,
	VH_RES_TABLES
};

#define VH_LIMIT_NONE	(~0ULL)

/**
 * enum vh_quota - VH_A_EVENT_QUOTA: what users have limits of
 * @VH_QUOTA_VMS: VMs, with and without a VMM
 * @VH_QUOTA_DEFINED: of these, VMs of VH_CMD_VM_CREATE
 * @VH_QUOTA_RESERVED: bytes of memory that these reserve
 * @VH_QUOTA_SOCKETS: sockets that asked for events
 */
enum vh_quota {
	VH_QUOTA_VMS,
	VH_QUOTA_DEFINED,
	VH_QUOTA_RESERVED,
	VH_QUOTA_SOCKETS
};

#define VH_LIMIT_DEFAULT	(~0ULL - 1)	/* of a user: what every user may have */

/**
 * enum vh_attr_vm - attributes of VM commands
 * @VH_A_VM_UNSPEC: reserved
 * @VH_A_VM_PAD: padding
 * @VH_A_VM_ID: u32
 * @VH_A_VM_UUID: 16 bytes
 * @VH_A_VM_NAME: string; letters, digits and "._+:@-"; no number, no UUID, nor "vm-" and a number, which is
 *	what a VM without a name is called. One user has no two of a name in a PID namespace; of several VMs
 *	with a name the asker's own is meant
 * @VH_A_VM_STATE: u32, enum vh_vm_state
 * @VH_A_VM_PID: u32, VMM (or creator) in the asker's PID namespace; absent when not visible there
 * @VH_A_VM_UID: u32, owner, in the asker's user namespace
 * @VH_A_VM_COMM: string, command name of the VMM (or creator)
 * @VH_A_VM_CGROUP_ID: u64, cgroup v2 that the VM is charged to
 * @VH_A_VM_CGROUP_PATH: string, as seen from the asker's cgroup namespace
 * @VH_A_VM_MEMORY: u64, bytes in memslots; create: bytes to reserve, VH_VM_MEMORY_MAX at most
 * @VH_A_VM_VCPUS: u32, vCPUs; create: vCPUs to reserve
 * @VH_A_VM_TABLES: u64, bytes of page tables
 * @VH_A_VM_AGE: u64, ns since creation
 * @VH_A_VM_RESERVED_MEMORY: u64, charged by VH_CMD_VM_CREATE
 * @VH_A_VM_RESERVED_VCPUS: u32, charged by VH_CMD_VM_CREATE
 * @VH_A_VM_DEFINED: flag, the VM is one of VH_CMD_VM_CREATE
 * @VH_A_VM_COUNTERS: nest of enum vh_attr_counter; of all its vCPUs
 * @VH_A_VM_DEV_FD: s32, create: /dev/vh, open, as proof that the caller may use it
 * @VH_A_VM_CGROUP_FD: s32, create: cgroup.procs of the VM's cgroup, open for writing
 * @VH_A_VM_COMMON_FD: s32, create: cgroup.procs of the nearest common ancestor of that cgroup and the
 *	caller's, open for writing (as for moving a task there); not needed with CAP_SYS_ADMIN
 * @VH_A_VM_POWER_BUTTON: flag, VH_CMD_VM_STOP presses the guest's power button (VH_SET_POWER_BUTTON)
 */
enum vh_attr_vm {
	VH_A_VM_UNSPEC,
	VH_A_VM_PAD,
	VH_A_VM_ID,
	VH_A_VM_UUID,
	VH_A_VM_NAME,
	VH_A_VM_STATE,
	VH_A_VM_PID,
	VH_A_VM_UID,
	VH_A_VM_COMM,
	VH_A_VM_CGROUP_ID,
	VH_A_VM_CGROUP_PATH,
	VH_A_VM_MEMORY,
	VH_A_VM_VCPUS,
	VH_A_VM_TABLES,
	VH_A_VM_AGE,
	VH_A_VM_RESERVED_MEMORY,
	VH_A_VM_RESERVED_VCPUS,
	VH_A_VM_DEFINED,
	VH_A_VM_COUNTERS,
	VH_A_VM_DEV_FD,
	VH_A_VM_CGROUP_FD,
	VH_A_VM_COMMON_FD,
	VH_A_VM_POWER_BUTTON,
	__VH_A_VM_MAX,
	VH_A_VM_MAX = __VH_A_VM_MAX - 1
};

/**
 * enum vh_attr_vcpu - attributes of VH_CMD_VCPU_GET
 * @VH_A_VCPU_UNSPEC: reserved
 * @VH_A_VCPU_PAD: padding
 * @VH_A_VCPU_VM_ID: u32, its VM
 * @VH_A_VCPU_ID: u32, KVM_CREATE_VCPU's argument
 * @VH_A_VCPU_STATE: u32, enum vh_vcpu_state
 * @VH_A_VCPU_CPU: u32, host CPU where it ran last; absent when it never ran
 * @VH_A_VCPU_TID: u32, its thread in the asker's PID namespace; absent when not visible there
 * @VH_A_VCPU_COUNTERS: nest of enum vh_attr_counter
 */
enum vh_attr_vcpu {
	VH_A_VCPU_UNSPEC,
	VH_A_VCPU_PAD,
	VH_A_VCPU_VM_ID,
	VH_A_VCPU_ID,
	VH_A_VCPU_STATE,
	VH_A_VCPU_CPU,
	VH_A_VCPU_TID,
	VH_A_VCPU_COUNTERS,
	__VH_A_VCPU_MAX,
	VH_A_VCPU_MAX = __VH_A_VCPU_MAX - 1
};

/**
 * enum vh_attr_counter - what was counted, u64 unless said otherwise
 * @VH_A_COUNTER_UNSPEC: reserved
 * @VH_A_COUNTER_PAD: padding
 * @VH_A_COUNTER_GUEST_TIME: ns in guest code
 * @VH_A_COUNTER_WAIT_TIME: ns asleep in a halt
 * @VH_A_COUNTER_POLL_TIME: ns polling in a halt, before sleeping
 * @VH_A_COUNTER_POLLS: halts that polled
 * @VH_A_COUNTER_POLL_HITS: of these, halts that ended while polling
 * @VH_A_COUNTER_INJECTED: interrupts delivered to the guest
 * @VH_A_COUNTER_PAGE_FAULTS: guest memory faulted in
 * @VH_A_COUNTER_RECLAIMED: bytes of page tables taken back
 * @VH_A_COUNTER_EXITS: VM exits
 * @VH_A_COUNTER_EXIT: nest of enum vh_attr_exit, once for each reason that occurred
 */
enum vh_attr_counter {
	VH_A_COUNTER_UNSPEC,
	VH_A_COUNTER_PAD,
	VH_A_COUNTER_GUEST_TIME,
	VH_A_COUNTER_WAIT_TIME,
	VH_A_COUNTER_POLL_TIME,
	VH_A_COUNTER_POLLS,
	VH_A_COUNTER_POLL_HITS,
	VH_A_COUNTER_INJECTED,
	VH_A_COUNTER_PAGE_FAULTS,
	VH_A_COUNTER_RECLAIMED,
	VH_A_COUNTER_EXITS,
	VH_A_COUNTER_EXIT,
	__VH_A_COUNTER_MAX,
	VH_A_COUNTER_MAX = __VH_A_COUNTER_MAX - 1
};

/**
 * enum vh_attr_exit - exits of one reason
 * @VH_A_EXIT_UNSPEC: reserved
 * @VH_A_EXIT_PAD: padding
 * @VH_A_EXIT_REASON: u32, basic exit reason (SDM Vol. 3, Appendix C)
 * @VH_A_EXIT_COUNT: u64
 */
enum vh_attr_exit {
	VH_A_EXIT_UNSPEC,
	VH_A_EXIT_PAD,
	VH_A_EXIT_REASON,
	VH_A_EXIT_COUNT,
	__VH_A_EXIT_MAX,
	VH_A_EXIT_MAX = __VH_A_EXIT_MAX - 1
};

/**
 * enum vh_attr_resource - a figure for each resource, u64
 * @VH_A_RESOURCE_UNSPEC: reserved
 * @VH_A_RESOURCE_PAD: padding
 * @VH_A_RESOURCE_VMS: VMs
 * @VH_A_RESOURCE_VCPUS: vCPUs
 * @VH_A_RESOURCE_MEMORY: bytes in memslots
 * @VH_A_RESOURCE_TABLES: bytes of page tables
 */
enum vh_attr_resource {
	VH_A_RESOURCE_UNSPEC,
	VH_A_RESOURCE_PAD,
	VH_A_RESOURCE_VMS,
	VH_A_RESOURCE_VCPUS,
	VH_A_RESOURCE_MEMORY,
	VH_A_RESOURCE_TABLES,
	__VH_A_RESOURCE_MAX,
	VH_A_RESOURCE_MAX = __VH_A_RESOURCE_MAX - 1
};

/**
 * enum vh_attr_group - attributes of group commands; all figures include descendants
 * @VH_A_GROUP_UNSPEC: reserved
 * @VH_A_GROUP_PAD: padding
 * @VH_A_GROUP_CGROUP_ID: u64
 * @VH_A_GROUP_PARENT_ID: u64, absent for the root
 * @VH_A_GROUP_CGROUP_PATH: string, as seen from the asker's cgroup namespace
 * @VH_A_GROUP_REMOVED: flag, the cgroup was removed, VMs are still charged to it
 * @VH_A_GROUP_USAGE: nest of enum vh_attr_resource
 * @VH_A_GROUP_PEAK: nest of enum vh_attr_resource, highest usage
 * @VH_A_GROUP_LIMIT: nest of enum vh_attr_resource, VH_LIMIT_NONE: none; set: those to change
 * @VH_A_GROUP_REFUSED: nest of enum vh_attr_resource, charges that this group's limit refused
 * @VH_A_GROUP_COUNTERS: nest of enum vh_attr_counter; also of VMs that are gone
 * @VH_A_GROUP_CREATED_VMS: u64, VMs that were ever charged to it
 * @VH_A_GROUP_CGROUP_FD: s32, request: the cgroup's directory, open
 * @VH_A_GROUP_PARENT_FD: s32, set: cgroup.procs of the cgroup's parent, open for writing; not needed
 *	with CAP_SYS_ADMIN
 */
enum vh_attr_group {
	VH_A_GROUP_UNSPEC,
	VH_A_GROUP_PAD,
	VH_A_GROUP_CGROUP_ID,
	VH_A_GROUP_PARENT_ID,
	VH_A_GROUP_CGROUP_PATH,
	VH_A_GROUP_REMOVED,
	VH_A_GROUP_USAGE,
	VH_A_GROUP_PEAK,
	VH_A_GROUP_LIMIT,
	VH_A_GROUP_REFUSED,
	VH_A_GROUP_COUNTERS,
	VH_A_GROUP_CREATED_VMS,
	VH_A_GROUP_CGROUP_FD,
	VH_A_GROUP_PARENT_FD,
	__VH_A_GROUP_MAX,
	VH_A_GROUP_MAX = __VH_A_GROUP_MAX - 1
};

/**
 * enum vh_attr_quota - a figure for each quota, u64
 * @VH_A_QUOTA_UNSPEC: reserved
 * @VH_A_QUOTA_PAD: padding
 * @VH_A_QUOTA_VMS: VMs, with and without a VMM
 * @VH_A_QUOTA_DEFINED: of these, VMs of VH_CMD_VM_CREATE
 * @VH_A_QUOTA_RESERVED: bytes of memory that these reserve
 * @VH_A_QUOTA_SOCKETS: sockets that asked for events
 */
enum vh_attr_quota {
	VH_A_QUOTA_UNSPEC,
	VH_A_QUOTA_PAD,
	VH_A_QUOTA_VMS,
	VH_A_QUOTA_DEFINED,
	VH_A_QUOTA_RESERVED,
	VH_A_QUOTA_SOCKETS,
	__VH_A_QUOTA_MAX,
	VH_A_QUOTA_MAX = __VH_A_QUOTA_MAX - 1
};

/**
 * enum vh_attr_user - attributes of user commands
 * @VH_A_USER_UNSPEC: reserved
 * @VH_A_USER_PAD: padding
 * @VH_A_USER_UID: u32, in the asker's user namespace; absent: what every user may have
 * @VH_A_USER_USAGE: nest of enum vh_attr_quota
 * @VH_A_USER_LIMIT: nest of enum vh_attr_quota, VH_LIMIT_NONE: none; set: those to change,
 *	VH_LIMIT_DEFAULT: as every user again
 * @VH_A_USER_REFUSED: nest of enum vh_attr_quota, what this limit refused
 */
enum vh_attr_user {
	VH_A_USER_UNSPEC,
	VH_A_USER_PAD,
	VH_A_USER_UID,
	VH_A_USER_USAGE,
	VH_A_USER_LIMIT,
	VH_A_USER_REFUSED,
	__VH_A_USER_MAX,
	VH_A_USER_MAX = __VH_A_USER_MAX - 1
};

/**
 * enum vh_attr_event - attributes of VH_CMD_EVENT
 * @VH_A_EVENT_UNSPEC: reserved
 * @VH_A_EVENT_PAD: padding
 * @VH_A_EVENT_TYPE: u32, enum vh_event
 * @VH_A_EVENT_TIME: u64, ns of CLOCK_BOOTTIME
 * @VH_A_EVENT_VM_ID: u32, absent when the event is not of one VM
 * @VH_A_EVENT_VM_UUID: 16 bytes, with VM_ID
 * @VH_A_EVENT_VM_NAME: string, with VM_ID
 * @VH_A_EVENT_CGROUP_ID: u64, the VM's, or the group whose limit it is
 * @VH_A_EVENT_REASON: u32, enum vh_crash
 * @VH_A_EVENT_RESOURCE: u32, enum vh_resource
 * @VH_A_EVENT_USAGE: u64, of the group or user whose limit refused; it and LIMIT are left out for who
 *	does not see the group
 * @VH_A_EVENT_LIMIT: u64, of the group or user whose limit refused
 * @VH_A_EVENT_REQUESTED: u64, what was to be charged
 * @VH_A_EVENT_SEQ: u64, counts what was sent to this socket, or to the multicast group, from 1 on:
 *	a gap tells that events were lost
 * @VH_A_EVENT_UID: u32, the user whose limit it is, in the receiver's user namespace
 * @VH_A_EVENT_QUOTA: u32, enum vh_quota, instead of RESOURCE when a user's limit refused
 */
enum vh_attr_event {
	VH_A_EVENT_UNSPEC,
	VH_A_EVENT_PAD,
	VH_A_EVENT_TYPE,
	VH_A_EVENT_TIME,
	VH_A_EVENT_VM_ID,
	VH_A_EVENT_VM_UUID,
	VH_A_EVENT_VM_NAME,
	VH_A_EVENT_CGROUP_ID,
	VH_A_EVENT_REASON,
	VH_A_EVENT_RESOURCE,
	VH_A_EVENT_USAGE,
	VH_A_EVENT_LIMIT,
	VH_A_EVENT_REQUESTED,
	VH_A_EVENT_SEQ,
	VH_A_EVENT_UID,
	VH_A_EVENT_QUOTA,
	__VH_A_EVENT_MAX,
	VH_A_EVENT_MAX = __VH_A_EVENT_MAX - 1
};

#endif /* _UAPI_LINUX_VH_H */
