// SPDX-License-Identifier: GPL-2.0-only
/* top.c - vhctl top: VMs by what they use. */
#include "cmd/live.h"
#include "vhctl.h"

struct vm_sample {
	struct vm_list now, last;
};

static const struct vm *find(const struct vm_list *l, uint32_t id)
{
	for (unsigned int i = 0; i < l->n; i++)
		if (l->v[i].id == id)
			return &l->v[i];
	return NULL;
}

static int sample(struct live *live, void *arg, double seconds)
{
	struct vm_sample *s = arg;

	vms_free(&s->last);
	s->last = s->now;
	s->now = (struct vm_list){ };
	if (vms_get(live->nl, &s->now))
		return -1;
	for (unsigned int i = 0; i < s->now.n; i++) {
		const struct vm *vm = &s->now.v[i], *old = find(&s->last, vm->id);
		struct live_row *r = live_add(live);
		struct counters zero = { };
		const struct counters *was = old ? &old->c : &zero;

		live_number(r, 0, vm->id, "%.0f");
		live_text(r, 1, vm->name);
		live_text(r, 2, vm_state_name(vm->state));
		live_number(r, 3, (vm->c.guest_time - was->guest_time) / 1e7 / seconds, "%.1f");
		live_number(r, 4, (vm->c.exits - was->exits) / seconds, "%.0f");
		live_number(r, 5, (vm->c.page_faults - was->page_faults) / seconds, "%.0f");
		live_number(r, 6, vm->vcpus, "%.0f");
		live_bytes(r, 7, vm->memory);
		live_bytes(r, 8, vm->tables);
		live_text(r, 9, vm->cgroup ? vm->cgroup : "?");
	}
	return 0;
}

int cmd_top(int argc, char **argv)
{
	static const struct live_column columns[] = {
		{ "id", "ID" }, { "name", "NAME" }, { "state", "STATE" }, { "cpu", "%CPU" },
		{ "exits", "EXITS/s" }, { "faults", "FAULTS/s" }, { "vcpus", "VCPUS" },
		{ "memory", "MEMORY" }, { "tables", "TABLES" }, { "cgroup", "CGROUP" }, { },
	};
	struct vm_sample s = { };

	return live_main(argc, argv, "top", columns, sample, &s);
}
