/* SPDX-License-Identifier: GPL-2.0-only */
/* object.h - what the kernel tells: VMs, vCPUs, groups and events as C structures. */
#ifndef OBJECT_H
#define OBJECT_H

#include <linux/vh.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stdint.h>

struct counters {
	uint64_t guest_time, wait_time, poll_time;	/* ns */
	uint64_t polls, poll_hits, injected, page_faults, reclaimed, exits;
	uint64_t exit[VH_NR_EXIT_REASONS];
};

struct vm {
	uint32_t id, state, pid, uid, vcpus, reserved_vcpus;
	uint64_t cgroup_id, memory, tables, age, reserved_memory;
	uint8_t uuid[16];
	bool defined, power_button;
	bool by_cgroup;			/* it has no name of its own: @name is what cgroup_names() found */
	char name[VH_VM_NAME_MAX + 1], comm[17];
	char *cgroup;			/* or NULL */
	struct counters c;
};

struct vcpu {
	uint32_t vm, id, state, tid;
	int cpu;			/* -1: never ran */
	struct counters c;
};

struct resources {
	uint64_t v[VH_RES_TABLES + 1];	/* by enum vh_resource */
};

struct group {
	uint64_t id, parent, created;
	char *path;			/* or NULL */
	bool removed;
	struct resources usage, peak, limit, refused;
	struct counters c;
};

struct event {
	uint32_t type, vm, reason, resource;
	uint64_t time, cgroup_id, usage, limit, requested, seq;
	uint32_t quota, uid;
	bool has_vm, has_reason, has_resource, has_quota, has_uid;
	uint8_t uuid[16];
	char name[VH_VM_NAME_MAX + 1];
};

/* From a message; false when it is not one. Strings are allocated: free with *_free(). */
bool vm_parse(struct nlmsghdr *h, struct vm *vm);
bool vcpu_parse(struct nlmsghdr *h, struct vcpu *vcpu);
bool group_parse(struct nlmsghdr *h, struct group *g);
bool event_parse(struct nlmsghdr *h, struct event *e);
void vm_free(struct vm *vm);
void group_free(struct group *g);

const char *vm_state_name(uint32_t state);
const char *vcpu_state_name(uint32_t state);
const char *event_name(uint32_t type);
int event_type(const char *name);		/* -1: none */
const char *crash_name(uint32_t reason);
const char *resource_name(uint32_t resource);
int resource_by_name(const char *name);		/* -1: none */
/* Basic exit reasons (SDM Vol. 3, Appendix C); "reason N" when it has no name. */
const char *exit_name(unsigned int reason);
void uuid_text(const uint8_t *uuid, char *text);	/* 37 bytes */
bool uuid_parse(const char *text, uint8_t *uuid);
/* The name that a manager of VMs gave the cgroup of one, or a cgroup above it: at most VH_VM_NAME_MAX bytes. */
bool cgroup_names(const char *cgroup, char *name);

#endif /* OBJECT_H */
