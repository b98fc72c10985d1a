// SPDX-License-Identifier: GPL-2.0-only
/* stats.c - vhctl stats, vhctl exits: counters, at once or as differences over time. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fields.h"
#include "parse.h"
#include "vhctl.h"

int cmd_stats(int argc, char **argv)
{
	static const struct option options[] = { OUT_OPTIONS, { } };
	enum out_mode mode = OUT_TABLE;
	struct vcpu_list vcpus;
	struct out *o;
	struct nl *nl;
	struct vm vm;
	int opt;

	while ((opt = getopt_long(argc, argv, OUT_OPTIONS_SHORT, options, NULL)) != -1) {
		if (out_option(opt, &mode))
			continue;
		if (opt != 'h')
			return usage_error(argv[0]);
		puts("usage: vhctl stats [OPTIONS] [VM]\n\n"
		     "Counters of the vCPUs of a VM, or of all VMs.\n\n" OUT_OPTIONS_HELP);
		return EXIT_OK;
	}
	if (argc - optind > 1) {
		error("one VM at a time");
		return usage_error(argv[0]);
	}
	nl = vh_open();
	if (!nl || (optind < argc && vm_get(nl, argv[optind], &vm)))
		return EXIT_ERROR;
	if (vcpus_get(nl, optind < argc ? vm.id : 0, &vcpus))
		return EXIT_ERROR;
	o = out_new(mode);
	for (unsigned int i = 0; i < vcpus.n; i++)
		vcpu_fields(o, &vcpus.v[i]);
	out_finish(o, false);
	vcpus_free(&vcpus);
	vh_close(nl);
	return EXIT_OK;
}

/* --- exits --- */

#define BAR	40

static int read_counters(struct nl *nl, const char *ref, struct counters *c)
{
	struct vm_list vms;
	struct vm vm;

	memset(c, 0, sizeof(*c));
	if (ref) {
		if (vm_get(nl, ref, &vm))
			return -1;
		*c = vm.c;
		vm_free(&vm);
		return 0;
	}
	if (vms_get(nl, &vms))
		return -1;
	for (unsigned int v = 0; v < vms.n; v++)
		for (unsigned int i = 0; i < VH_NR_EXIT_REASONS; i++) {
			c->exit[i] += vms.v[v].c.exit[i];
			c->exits += vms.v[v].c.exit[i];
		}
	vms_free(&vms);
	return 0;
}

static const struct counters *sorted;

static int by_count(const void *a, const void *b)
{
	uint64_t x = sorted->exit[*(const int *)a], y = sorted->exit[*(const int *)b];

	return x < y ? 1 : x > y ? -1 : *(const int *)a - *(const int *)b;
}

static void print_histogram(const struct counters *c, enum out_mode mode)
{
	int order[VH_NR_EXIT_REASONS], i;
	struct out *o;

	for (i = 0; i < VH_NR_EXIT_REASONS; i++)
		order[i] = i;
	sorted = c;
	qsort(order, VH_NR_EXIT_REASONS, sizeof(order[0]), by_count);
	o = out_new(mode);
	for (i = 0; i < VH_NR_EXIT_REASONS && c->exit[order[i]]; i++) {
		uint64_t n = c->exit[order[i]];
		char share[16], bar[BAR + 1];
		int len = (n * BAR + c->exits - 1) / c->exits;

		snprintf(share, sizeof(share), "%5.1f%%", 100.0 * n / c->exits);
		memset(bar, '#', len);
		bar[len] = 0;
		out_object(o);
		out_text(o, "name", "REASON", exit_name(order[i]));
		out_number(o, "reason", NULL, order[i]);
		out_number(o, "count", "EXITS", n);
		if (!out_is_json(o)) {
			out_text(o, "share", " SHARE", share);
			out_text(o, "bar", "", bar);
		}
	}
	out_finish(o, false);
}

int cmd_exits(int argc, char **argv)
{
	static const struct option options[] = {
		{ "watch", no_argument, NULL, 'w' },
		{ "delay", required_argument, NULL, 'd' },
		{ "count", required_argument, NULL, 'n' },
		OUT_OPTIONS, { }
	};
	struct counters last = { }, now, diff;
	enum out_mode mode = OUT_TABLE;
	unsigned int delay = 1000;
	uint64_t count = 0;
	bool watch = false;
	const char *ref;
	struct nl *nl;
	int opt;

	while ((opt = getopt_long(argc, argv, "wd:n:" OUT_OPTIONS_SHORT, options, NULL)) != -1) {
		if (out_option(opt, &mode))
			continue;
		switch (opt) {
		case 'w':
			watch = true;
			break;
		case 'd':
			if (!option_delay(optarg, &delay))
				return EXIT_USAGE;
			watch = true;
			break;
		case 'n':
			if (!option_count(optarg, 1000000, &count))
				return EXIT_USAGE;
			watch = true;
			break;
		case 'h':
			puts("usage: vhctl exits [OPTIONS] [VM]\n\n"
			     "VM exits by reason, of one VM or of all, since they were created.\n\n"
			     "  -w, --watch     again and again, what was added each time\n"
			     "  -d, --delay S   seconds between (default: 1)\n"
			     "  -n, --count N   so often, then end\n" OUT_OPTIONS_HELP);
			return EXIT_OK;
		default:
			return usage_error(argv[0]);
		}
	}
	if (argc - optind > 1) {
		error("one VM at a time");
		return usage_error(argv[0]);
	}
	ref = optind < argc ? argv[optind] : NULL;
	nl = vh_open();
	if (!nl || read_counters(nl, ref, &now))
		return EXIT_ERROR;
	if (!watch) {
		print_histogram(&now, mode);
		vh_close(nl);
		return EXIT_OK;
	}
	for (uint64_t n = 0; !count || n < count; n++) {
		last = now;
		poll(NULL, 0, delay);
		if (read_counters(nl, ref, &now))
			return EXIT_ERROR;
		diff = now;
		diff.exits = 0;
		for (int i = 0; i < VH_NR_EXIT_REASONS; i++) {
			/* VMs that ended took theirs along. */
			diff.exit[i] = now.exit[i] > last.exit[i] ? now.exit[i] - last.exit[i] : 0;
			diff.exits += diff.exit[i];
		}
		if (isatty(STDOUT_FILENO) && mode == OUT_TABLE)
			fputs("\033[H\033[2J", stdout);
		print_histogram(&diff, mode);
	}
	vh_close(nl);
	return EXIT_OK;
}
