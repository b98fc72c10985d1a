// SPDX-License-Identifier: GPL-2.0-only
/* fields.c - the fields of each object. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "fields.h"
#include "quota.h"
#include "vhctl.h"

void counter_fields(struct out *o, const struct counters *c)
{
	out_ns(o, "guest_time", NULL, c->guest_time);
	out_ns(o, "wait_time", NULL, c->wait_time);
	out_ns(o, "poll_time", NULL, c->poll_time);
	out_number(o, "polls", NULL, c->polls);
	out_number(o, "poll_hits", NULL, c->poll_hits);
	out_number(o, "injected", NULL, c->injected);
	out_number(o, "page_faults", NULL, c->page_faults);
	out_bytes(o, "reclaimed", NULL, c->reclaimed);
	out_number(o, "exits", NULL, c->exits);
}

void exit_fields(struct out *o, const struct counters *c)
{
	out_down(o, "exit");
	for (unsigned int i = 0; i < VH_NR_EXIT_REASONS; i++)
		if (c->exit[i])
			out_number(o, exit_name(i), NULL, c->exit[i]);
	out_up(o);
}

static const char *user_name(uint32_t uid)
{
	static char text[40];
	struct passwd *p = getpwuid(uid);

	if (p)
		return p->pw_name;
	snprintf(text, sizeof(text), "%u", uid);
	return text;
}

void vm_fields(struct out *o, const struct vm *vm)
{
	char uuid[37];

	uuid_text(vm->uuid, uuid);
	out_object(o);
	out_number(o, "id", "ID", vm->id);
	out_text(o, "name", "NAME", vm->name);
	out_text(o, "state", "STATE", vm_state_name(vm->state));
	out_text(o, "uuid", NULL, uuid);
	out_number(o, "vcpus", "VCPUS", vm->state == VH_VM_DEFINED && out_is_table(o) ?
		   vm->reserved_vcpus : vm->vcpus);
	out_bytes(o, "memory", "MEMORY", vm->state == VH_VM_DEFINED && out_is_table(o) ?
		  vm->reserved_memory : vm->memory);
	out_bytes(o, "tables", "TABLES", vm->tables);
	out_ns(o, "age", "AGE", vm->age);
	out_text(o, "user", "USER", user_name(vm->uid));
	out_number(o, "uid", NULL, vm->uid);
	if (vm->pid)
		out_number(o, "pid", "PID", vm->pid);
	else
		out_text(o, "pid", "PID", NULL);
	out_text(o, "command", "COMMAND", vm->comm);
	out_text(o, "cgroup", "CGROUP", vm->cgroup);
	out_number(o, "cgroup_id", NULL, vm->cgroup_id);
	out_bool(o, "defined", NULL, vm->defined);
	if (vm->defined) {
		out_number(o, "reserved_vcpus", NULL, vm->reserved_vcpus);
		out_bytes(o, "reserved_memory", NULL, vm->reserved_memory);
	}
	out_down(o, "counters");
	counter_fields(o, &vm->c);
	exit_fields(o, &vm->c);
	out_up(o);
}

void vcpu_fields(struct out *o, const struct vcpu *vcpu)
{
	out_object(o);
	out_number(o, "vm", "VM", vcpu->vm);
	out_number(o, "id", "VCPU", vcpu->id);
	out_text(o, "state", "STATE", vcpu_state_name(vcpu->state));
	if (vcpu->cpu >= 0)
		out_number(o, "cpu", "CPU", vcpu->cpu);
	else
		out_text(o, "cpu", "CPU", NULL);
	out_number(o, "tid", "TID", vcpu->tid);
	out_ns(o, "guest_time", "GUEST", vcpu->c.guest_time);
	out_ns(o, "wait_time", "HALTED", vcpu->c.wait_time);
	out_number(o, "exits", "EXITS", vcpu->c.exits);
	out_number(o, "injected", "IRQS", vcpu->c.injected);
	out_number(o, "page_faults", "FAULTS", vcpu->c.page_faults);
	out_down(o, "counters");
	counter_fields(o, &vcpu->c);
	exit_fields(o, &vcpu->c);
	out_up(o);
}

static void resource_fields(struct out *o, const char *key, const struct resources *r)
{
	out_down(o, key);
	for (uint32_t i = 0; i <= VH_RES_TABLES; i++)
		out_limit(o, resource_name(i), NULL, r->v[i], i >= VH_RES_MEMORY);
	out_up(o);
}

/* "3/10" */
static void use_column(struct out *o, const struct group *g, enum vh_resource res,
		       const char *title)
{
	bool bytes = res >= VH_RES_MEMORY;
	char text[64], limit[24] = "max", usage[24];

	if (!out_is_table(o))
		return;
	snprintf(usage, sizeof(usage), "%llu", (unsigned long long)g->usage.v[res]);
	if (g->limit.v[res] != VH_LIMIT_NONE)
		snprintf(limit, sizeof(limit), "%llu", (unsigned long long)g->limit.v[res]);
	snprintf(text, sizeof(text), "%s/%s", bytes ? human_bytes(g->usage.v[res]) : usage,
		 bytes && g->limit.v[res] != VH_LIMIT_NONE ? human_bytes(g->limit.v[res]) : limit);
	out_text(o, title, title, text);
}

void group_fields(struct out *o, const struct group *g)
{
	out_object(o);
	out_text(o, "cgroup", "CGROUP", g->path ? g->path : "?");
	out_number(o, "cgroup_id", NULL, g->id);
	if (g->parent)
		out_number(o, "parent_id", NULL, g->parent);
	out_bool(o, "removed", NULL, g->removed);
	use_column(o, g, VH_RES_VMS, "VMS");
	use_column(o, g, VH_RES_VCPUS, "VCPUS");
	use_column(o, g, VH_RES_MEMORY, "MEMORY");
	use_column(o, g, VH_RES_TABLES, "TABLES");
	out_number(o, "created_vms", "CREATED", g->created);
	out_ns(o, "guest_time", "GUEST", g->c.guest_time);
	out_number(o, "exits", "EXITS", g->c.exits);
	resource_fields(o, "usage", &g->usage);
	resource_fields(o, "limit", &g->limit);
	resource_fields(o, "peak", &g->peak);
	resource_fields(o, "refused", &g->refused);
	out_down(o, "counters");
	counter_fields(o, &g->c);
	exit_fields(o, &g->c);
	out_up(o);
}

void event_fields(struct out *o, const struct event *e)
{
	char uuid[37];

	out_object(o);
	out_text(o, "event", "EVENT", event_name(e->type));
	out_number(o, "time", NULL, e->time);
	if (e->has_vm) {
		uuid_text(e->uuid, uuid);
		out_number(o, "vm", "VM", e->vm);
		out_text(o, "name", "NAME", e->name);
		out_text(o, "uuid", NULL, uuid);
	}
	out_number(o, "cgroup_id", NULL, e->cgroup_id);
	if (e->has_reason)
		out_text(o, "reason", NULL, crash_name(e->reason));
	if (e->has_uid)
		out_number(o, "uid", NULL, e->uid);
	if (e->has_quota)
		out_text(o, "quota", NULL, quota_name(e->quota));
	if (e->has_resource || e->has_quota) {
		if (e->has_resource)
			out_text(o, "resource", NULL, resource_name(e->resource));
		out_number(o, "usage", NULL, e->usage);
		out_number(o, "limit", NULL, e->limit);
		out_number(o, "requested", NULL, e->requested);
	}
	out_number(o, "seq", NULL, e->seq);
}

int out_command(int argc, char **argv, const char *const *words, void (*help)(void),
		enum out_mode *mode, int *status)
{
	static const struct option options[] = { OUT_OPTIONS, { } };
	const char *what = argc > 1 ? argv[1] : "";
	int opt, word;

	*status = EXIT_OK;
	if (!strcmp(what, "--help") || !strcmp(what, "-h")) {
		help();
		return -1;
	}
	for (word = 0; words[word] && strcmp(what, words[word]); word++)
		;
	if (!words[word]) {
		if (*what)
			error("%s: unknown command '%s'", argv[0], what);
		else
			error("%s: which command?", argv[0]);
		*status = usage_error(argv[0]);
		return -1;
	}
	while ((opt = getopt_long(argc - 1, argv + 1, OUT_OPTIONS_SHORT, options, NULL)) != -1) {
		if (out_option(opt, mode))
			continue;
		if (opt == 'h')
			help();
		else
			*status = usage_error(argv[0]);
		return -1;
	}
	return word;
}
