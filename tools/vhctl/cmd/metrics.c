// SPDX-License-Identifier: GPL-2.0-only
/*
 * metrics.c - vhctl metrics: figures in Prometheus' text format, for node_exporter's textfile
 * collector.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fields.h"
#include "vhctl.h"

/* In a label's value, backslash, quote and line feed are escaped. */
static void label(FILE *f, const char *name, const char *value, bool first)
{
	fprintf(f, "%s%s=\"", first ? "" : ",", name);
	for (; *value; value++) {
		if (*value == '\n') {
			fputs("\\n", f);
			continue;
		}
		if (*value == '"' || *value == '\\')
			fputc('\\', f);
		fputc(*value, f);
	}
	fputc('"', f);
}

static void family(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void vm_labels(FILE *f, const char *name, const struct vm *vm)
{
	char uuid[37];

	uuid_text(vm->uuid, uuid);
	fprintf(f, "%s{", name);
	label(f, "vm", vm->name, true);
	label(f, "uuid", uuid, false);
}

enum unit { COUNT, SECONDS };

static void value(FILE *f, uint64_t v, enum unit unit)
{
	if (unit == SECONDS)
		fprintf(f, "} %.9f\n", v / 1e9);
	else
		fprintf(f, "} %" PRIu64 "\n", v);
}

#define VM(member, name, type, unit, help)					\
	do {									\
		family(f, "vh_vm_" name, type, help);				\
		for (i = 0; i < vms->n; i++) {					\
			vm_labels(f, "vh_vm_" name, &vms->v[i]);		\
			value(f, vms->v[i].member, unit);			\
		}								\
	} while (0)

static void print_vms(FILE *f, const struct vm_list *vms)
{
	unsigned int i, r;
	char uid[12];

	family(f, "vh_vm_info", "gauge", "A VM; the value is 1.");
	for (i = 0; i < vms->n; i++) {
		vm_labels(f, "vh_vm_info", &vms->v[i]);
		snprintf(uid, sizeof(uid), "%u", vms->v[i].uid);
		label(f, "uid", uid, false);
		label(f, "state", vm_state_name(vms->v[i].state), false);
		label(f, "cgroup", vms->v[i].cgroup ? vms->v[i].cgroup : "", false);
		label(f, "command", vms->v[i].comm, false);
		fputs("} 1\n", f);
	}
	VM(vcpus, "vcpus", "gauge", COUNT, "vCPUs.");
	VM(memory, "memory_bytes", "gauge", COUNT, "Guest memory in memslots.");
	VM(tables, "page_table_bytes", "gauge", COUNT, "Page tables.");
	VM(age, "age_seconds", "gauge", SECONDS, "Time since the VM was created.");
	VM(c.guest_time, "guest_seconds_total", "counter", SECONDS, "Time in guest code.");
	VM(c.wait_time, "halted_seconds_total", "counter", SECONDS, "Time asleep in a halt.");
	VM(c.poll_time, "poll_seconds_total", "counter", SECONDS, "Time polling in a halt.");
	VM(c.injected, "injected_interrupts_total", "counter", COUNT, "Interrupts delivered.");
	VM(c.page_faults, "page_faults_total", "counter", COUNT, "Guest memory faulted in.");
	VM(c.reclaimed, "page_table_reclaimed_bytes_total", "counter", COUNT,
	   "Page tables taken back.");
	family(f, "vh_vm_exits_total", "counter", "VM exits by reason.");
	for (i = 0; i < vms->n; i++)
		for (r = 0; r < VH_NR_EXIT_REASONS; r++) {
			if (!vms->v[i].c.exit[r])
				continue;
			vm_labels(f, "vh_vm_exits_total", &vms->v[i]);
			label(f, "reason", exit_name(r), false);
			value(f, vms->v[i].c.exit[r], COUNT);
		}
}

static void print_resources(FILE *f, const struct group_list *groups, const char *name,
			    const char *type, const char *help, size_t offset)
{
	unsigned int i, r;

	family(f, name, type, help);
	for (i = 0; i < groups->n; i++) {
		const struct resources *res = (const void *)((const char *)&groups->v[i] + offset);

		for (r = 0; r <= VH_RES_TABLES; r++) {
			fprintf(f, "%s{", name);
			label(f, "cgroup", groups->v[i].path ? groups->v[i].path : "", true);
			label(f, "resource", resource_name(r), false);
			if (res->v[r] == VH_LIMIT_NONE)
				fputs("} +Inf\n", f);
			else
				value(f, res->v[r], COUNT);
		}
	}
}

#define GROUP(member, name, unit, help)						\
	do {									\
		family(f, "vh_group_" name, "counter", help);			\
		for (i = 0; i < groups->n; i++) {				\
			fprintf(f, "vh_group_" name "{");			\
			label(f, "cgroup", groups->v[i].path ? groups->v[i].path : "", true); \
			value(f, groups->v[i].member, unit);			\
		}								\
	} while (0)

static void print_groups(FILE *f, const struct group_list *groups)
{
	unsigned int i;

	print_resources(f, groups, "vh_group_usage", "gauge",
			"What is charged; memory and tables in bytes.", offsetof(struct group, usage));
	print_resources(f, groups, "vh_group_limit", "gauge",
			"Limits; +Inf: none.", offsetof(struct group, limit));
	print_resources(f, groups, "vh_group_refused_total", "counter",
			"Charges that the limit refused.", offsetof(struct group, refused));
	GROUP(created, "vms_created_total", COUNT, "VMs ever charged to the cgroup.");
	GROUP(c.guest_time, "guest_seconds_total", SECONDS,
	      "Time in guest code, of VMs that are gone as well.");
	GROUP(c.exits, "exits_total", COUNT, "VM exits, of VMs that are gone as well.");
}

static int print_all(FILE *f)
{
	struct group_list groups;
	struct vm_list vms;
	struct nl *nl = vh_open();

	family(f, "vh_up", "gauge", "Is the module loaded?");
	fprintf(f, "vh_up %d\n", !!nl);
	if (!nl)
		return -1;
	if (vms_get(nl, &vms) || groups_get(nl, &groups))
		return -1;
	print_vms(f, &vms);
	print_groups(f, &groups);
	vms_free(&vms);
	groups_free(&groups);
	vh_close(nl);
	return 0;
}

int cmd_metrics(int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *to = NULL;
	char temp[PATH_MAX];
	FILE *f = stdout;
	int opt, err;

	while ((opt = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
		switch (opt) {
		case 'o':
			to = optarg;
			break;
		case 'h':
			puts("usage: vhctl metrics [-o FILE]\n\n"
			     "Figures of VMs and cgroups in Prometheus' text format.\n\n"
			     "  -o, --output FILE  replace FILE at once, for node_exporter's textfile collector\n"
			     "  -h, --help         this text");
			return EXIT_OK;
		default:
			return usage_error(argv[0]);
		}
	}
	if (optind < argc) {
		error("unexpected argument '%s'", argv[optind]);
		return usage_error(argv[0]);
	}
	if (to) {
		/* A name that the collector does not read. */
		snprintf(temp, sizeof(temp), "%s.%d.tmp", to, (int)getpid());
		f = fopen(temp, "we");
		if (!f) {
			error("%s: %s", temp, strerror(errno));
			return EXIT_ERROR;
		}
	}
	err = print_all(f);
	if (to) {
		if (fclose(f) || rename(temp, to)) {
			error("%s: %s", to, strerror(errno));
			unlink(temp);
			return EXIT_ERROR;
		}
	}
	return err ? EXIT_ERROR : EXIT_OK;
}
