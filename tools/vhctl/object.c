// SPDX-License-Identifier: GPL-2.0-only
/* object.c - messages of the netlink family become structures, numbers become names. */
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "object.h"
#include "printable.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t u64(struct nlattr *a)
{
	return a && nla_len(a) >= 8 ? nla_get_u64(a) : 0;
}

static uint32_t u32(struct nlattr *a)
{
	return a && nla_len(a) >= 4 ? nla_get_u32(a) : 0;
}

static void text(struct nlattr *a, char *to, size_t size)
{
	if (a)
		snprintf(to, size, "%.*s", nla_len(a), (char *)nla_data(a));
}

static void bytes(struct nlattr *a, void *to, int n)
{
	if (a && nla_len(a) >= n)
		memcpy(to, nla_data(a), n);
}

static void parse_exit(struct nlattr *nest, struct counters *c)
{
	struct nlattr *a[VH_A_EXIT_MAX + 1];

	if (nla_parse_nested(a, VH_A_EXIT_MAX, nest, NULL))
		return;
	if (u32(a[VH_A_EXIT_REASON]) < VH_NR_EXIT_REASONS)
		c->exit[u32(a[VH_A_EXIT_REASON])] = u64(a[VH_A_EXIT_COUNT]);
}

static void parse_counters(struct nlattr *nest, struct counters *c)
{
	struct nlattr *a;
	int left;

	memset(c, 0, sizeof(*c));
	if (!nest)
		return;
	nla_for_each_nested(a, nest, left) {
		switch (nla_type(a)) {
		case VH_A_COUNTER_GUEST_TIME:	c->guest_time = u64(a); break;
		case VH_A_COUNTER_WAIT_TIME:	c->wait_time = u64(a); break;
		case VH_A_COUNTER_POLL_TIME:	c->poll_time = u64(a); break;
		case VH_A_COUNTER_POLLS:	c->polls = u64(a); break;
		case VH_A_COUNTER_POLL_HITS:	c->poll_hits = u64(a); break;
		case VH_A_COUNTER_INJECTED:	c->injected = u64(a); break;
		case VH_A_COUNTER_PAGE_FAULTS:	c->page_faults = u64(a); break;
		case VH_A_COUNTER_RECLAIMED:	c->reclaimed = u64(a); break;
		case VH_A_COUNTER_EXITS:	c->exits = u64(a); break;
		case VH_A_COUNTER_EXIT:		parse_exit(a, c); break;
		}
	}
}

static void parse_resources(struct nlattr *nest, struct resources *r)
{
	struct nlattr *a[VH_A_RESOURCE_MAX + 1];
	int i;

	memset(r, 0, sizeof(*r));
	if (!nest || nla_parse_nested(a, VH_A_RESOURCE_MAX, nest, NULL))
		return;
	for (i = 0; i <= VH_RES_TABLES; i++)
		r->v[i] = u64(a[VH_A_RESOURCE_VMS + i]);
}

static bool is_command(struct nlmsghdr *h, int cmd)
{
	return genlmsg_valid_hdr(h, 0) && genlmsg_hdr(h)->cmd == cmd;
}

bool vm_parse(struct nlmsghdr *h, struct vm *vm)
{
	struct nlattr *a[VH_A_VM_MAX + 1];

	memset(vm, 0, sizeof(*vm));
	if (!(is_command(h, VH_CMD_VM_GET) || is_command(h, VH_CMD_VM_CREATE)) ||
	    genlmsg_parse(h, 0, a, VH_A_VM_MAX, NULL) || !a[VH_A_VM_ID])
		return false;
	vm->id = u32(a[VH_A_VM_ID]);
	vm->state = u32(a[VH_A_VM_STATE]);
	vm->pid = u32(a[VH_A_VM_PID]);
	vm->uid = u32(a[VH_A_VM_UID]);
	vm->vcpus = u32(a[VH_A_VM_VCPUS]);
	vm->reserved_vcpus = u32(a[VH_A_VM_RESERVED_VCPUS]);
	vm->cgroup_id = u64(a[VH_A_VM_CGROUP_ID]);
	vm->memory = u64(a[VH_A_VM_MEMORY]);
	vm->tables = u64(a[VH_A_VM_TABLES]);
	vm->age = u64(a[VH_A_VM_AGE]);
	vm->reserved_memory = u64(a[VH_A_VM_RESERVED_MEMORY]);
	vm->defined = a[VH_A_VM_DEFINED];
	vm->power_button = a[VH_A_VM_POWER_BUTTON];
	bytes(a[VH_A_VM_UUID], vm->uuid, sizeof(vm->uuid));
	text(a[VH_A_VM_NAME], vm->name, sizeof(vm->name));
	text(a[VH_A_VM_COMM], vm->comm, sizeof(vm->comm));
	printable(vm->comm);
	if (a[VH_A_VM_CGROUP_PATH])
		vm->cgroup = printable(nla_strdup(a[VH_A_VM_CGROUP_PATH]));
	vm->by_cgroup = vm->cgroup && !strncmp(vm->name, "vm-", 3) && cgroup_names(vm->cgroup, vm->name);
	parse_counters(a[VH_A_VM_COUNTERS], &vm->c);
	return true;
}

void vm_free(struct vm *vm)
{
	free(vm->cgroup);
	vm->cgroup = NULL;
}

bool vcpu_parse(struct nlmsghdr *h, struct vcpu *vcpu)
{
	struct nlattr *a[VH_A_VCPU_MAX + 1];

	memset(vcpu, 0, sizeof(*vcpu));
	if (!is_command(h, VH_CMD_VCPU_GET) || genlmsg_parse(h, 0, a, VH_A_VCPU_MAX, NULL))
		return false;
	vcpu->vm = u32(a[VH_A_VCPU_VM_ID]);
	vcpu->id = u32(a[VH_A_VCPU_ID]);
	vcpu->state = u32(a[VH_A_VCPU_STATE]);
	vcpu->tid = u32(a[VH_A_VCPU_TID]);
	vcpu->cpu = a[VH_A_VCPU_CPU] ? (int)u32(a[VH_A_VCPU_CPU]) : -1;
	parse_counters(a[VH_A_VCPU_COUNTERS], &vcpu->c);
	return true;
}

bool group_parse(struct nlmsghdr *h, struct group *g)
{
	struct nlattr *a[VH_A_GROUP_MAX + 1];

	memset(g, 0, sizeof(*g));
	if (!is_command(h, VH_CMD_GROUP_GET) || genlmsg_parse(h, 0, a, VH_A_GROUP_MAX, NULL))
		return false;
	g->id = u64(a[VH_A_GROUP_CGROUP_ID]);
	g->parent = u64(a[VH_A_GROUP_PARENT_ID]);
	g->created = u64(a[VH_A_GROUP_CREATED_VMS]);
	g->removed = a[VH_A_GROUP_REMOVED];
	if (a[VH_A_GROUP_CGROUP_PATH])
		g->path = printable(nla_strdup(a[VH_A_GROUP_CGROUP_PATH]));
	parse_resources(a[VH_A_GROUP_USAGE], &g->usage);
	parse_resources(a[VH_A_GROUP_PEAK], &g->peak);
	parse_resources(a[VH_A_GROUP_LIMIT], &g->limit);
	parse_resources(a[VH_A_GROUP_REFUSED], &g->refused);
	parse_counters(a[VH_A_GROUP_COUNTERS], &g->c);
	return true;
}

void group_free(struct group *g)
{
	free(g->path);
	g->path = NULL;
}

bool event_parse(struct nlmsghdr *h, struct event *e)
{
	struct nlattr *a[VH_A_EVENT_MAX + 1];

	memset(e, 0, sizeof(*e));
	if (!is_command(h, VH_CMD_EVENT) || genlmsg_parse(h, 0, a, VH_A_EVENT_MAX, NULL))
		return false;
	e->type = u32(a[VH_A_EVENT_TYPE]);
	e->time = u64(a[VH_A_EVENT_TIME]);
	e->seq = u64(a[VH_A_EVENT_SEQ]);
	e->has_vm = a[VH_A_EVENT_VM_ID];
	e->vm = u32(a[VH_A_EVENT_VM_ID]);
	bytes(a[VH_A_EVENT_VM_UUID], e->uuid, sizeof(e->uuid));
	text(a[VH_A_EVENT_VM_NAME], e->name, sizeof(e->name));
	e->cgroup_id = u64(a[VH_A_EVENT_CGROUP_ID]);
	e->has_reason = a[VH_A_EVENT_REASON];
	e->reason = u32(a[VH_A_EVENT_REASON]);
	e->has_resource = a[VH_A_EVENT_RESOURCE];
	e->resource = u32(a[VH_A_EVENT_RESOURCE]);
	e->has_quota = a[VH_A_EVENT_QUOTA];
	e->quota = u32(a[VH_A_EVENT_QUOTA]);
	e->has_uid = a[VH_A_EVENT_UID];
	e->uid = u32(a[VH_A_EVENT_UID]);
	e->usage = u64(a[VH_A_EVENT_USAGE]);
	e->limit = u64(a[VH_A_EVENT_LIMIT]);
	e->requested = u64(a[VH_A_EVENT_REQUESTED]);
	return true;
}

/* --- names --- */

static const char *const vm_states[] = {
	"defined", "created", "running", "paused", "stopping", "crashed", "dead",
};

static const char *const vcpu_states[] = { "idle", "host", "guest", "halted", "paused" };

static const char *const events[] = {
	"created", "attached", "started", "paused", "resumed", "stopped", "crashed", "killed",
	"renamed", "detached", "destroyed", "limit", "limits-set",
};

static const char *const crashes[] = {
	"triple fault", "internal error", "VM entry failed", "memory",
};

static const char *const resources[] = { "vms", "vcpus", "memory", "tables" };

static const char *const reasons[VH_NR_EXIT_REASONS] = {
	[0] = "exception or NMI", [1] = "external interrupt", [2] = "triple fault",
	[3] = "INIT", [4] = "SIPI", [7] = "interrupt window", [8] = "NMI window",
	[9] = "task switch", [10] = "CPUID", [12] = "HLT", [13] = "INVD", [14] = "INVLPG",
	[15] = "RDPMC", [16] = "RDTSC", [18] = "VMCALL", [28] = "control register",
	[29] = "MOV DR", [30] = "I/O instruction", [31] = "RDMSR", [32] = "WRMSR",
	[33] = "entry failed: guest state", [34] = "entry failed: MSR loading", [36] = "MWAIT",
	[37] = "monitor trap flag", [39] = "MONITOR", [40] = "PAUSE",
	[43] = "TPR below threshold", [44] = "APIC access", [45] = "virtualized EOI",
	[46] = "GDTR or IDTR", [47] = "LDTR or TR", [48] = "EPT violation",
	[49] = "EPT misconfiguration", [52] = "preemption timer", [54] = "WBINVD",
	[55] = "XSETBV", [56] = "APIC write", [58] = "INVPCID", [62] = "PML full",
	[63] = "XSAVES", [64] = "XRSTORS",
};

static const char *name_of(const char *const *names, unsigned int n, uint32_t i)
{
	return i < n && names[i] ? names[i] : "unknown";
}

static int by_name(const char *const *names, unsigned int n, const char *name)
{
	for (unsigned int i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

const char *vm_state_name(uint32_t state)
{
	return name_of(vm_states, ARRAY_SIZE(vm_states), state);
}

const char *vcpu_state_name(uint32_t state)
{
	return name_of(vcpu_states, ARRAY_SIZE(vcpu_states), state);
}

const char *event_name(uint32_t type)
{
	return name_of(events, ARRAY_SIZE(events), type);
}

int event_type(const char *name)
{
	return by_name(events, ARRAY_SIZE(events), name);
}

const char *crash_name(uint32_t reason)
{
	return name_of(crashes, ARRAY_SIZE(crashes), reason);
}

const char *resource_name(uint32_t resource)
{
	return name_of(resources, ARRAY_SIZE(resources), resource);
}

int resource_by_name(const char *name)
{
	return by_name(resources, ARRAY_SIZE(resources), name);
}

const char *exit_name(unsigned int reason)
{
	static char unnamed[20];

	if (reason < VH_NR_EXIT_REASONS && reasons[reason])
		return reasons[reason];
	snprintf(unnamed, sizeof(unnamed), "reason %u", reason);
	return unnamed;
}

void uuid_text(const uint8_t *u, char *to)
{
	sprintf(to, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11],
		u[12], u[13], u[14], u[15]);
}

bool uuid_parse(const char *s, uint8_t *u)
{
	int i, at = 0;

	if (strlen(s) != 36)
		return false;
	for (i = 0; i < 16; i++) {
		if (at == 8 || at == 13 || at == 18 || at == 23)
			if (s[at++] != '-')
				return false;
		if (sscanf(s + at, "%2hhx", &u[i]) != 1)
			return false;
		at += 2;
	}
	return true;
}
