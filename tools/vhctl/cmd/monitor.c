// SPDX-License-Identifier: GPL-2.0-only
/* monitor.c - vhctl monitor: events as they happen. */
#include <string.h>
#include <time.h>

#include "fields.h"
#include "parse.h"
#include "vhctl.h"

struct watch {
	enum out_mode mode;
	uint32_t types;			/* bits; 0: all */
	uint32_t vm;			/* 0: all */
	uint64_t left;			/* 0: no end */
};

/* Boot time as the wall clock showed it. */
static void clock_text(uint64_t ns, char *to, size_t size)
{
	struct timespec wall, boot;
	long long t;
	time_t s;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	t = (wall.tv_sec - boot.tv_sec) * 1000000000LL + wall.tv_nsec - boot.tv_nsec + (long long)ns;
	s = t / 1000000000;
	localtime_r(&s, &tm);
	n = strftime(to, size, "%H:%M:%S", &tm);
	snprintf(to + n, size - n, ".%03lld", t / 1000000 % 1000);
}

static void print_line(const struct event *e)
{
	bool bytes = e->resource >= VH_RES_MEMORY;
	char when[32], plain[3][24];

	clock_text(e->time, when, sizeof(when));
	printf("%s  %-10s", when, event_name(e->type));
	if (e->has_vm)
		printf("  %u %s", e->vm, e->name);
	if (e->has_reason)
		printf("  %s", crash_name(e->reason));
	if (e->has_resource) {
		uint64_t v[3] = { e->requested, e->usage, e->limit };

		for (int i = 0; i < 3; i++)
			snprintf(plain[i], sizeof(plain[i]), "%llu", (unsigned long long)v[i]);
		printf("  %s: %s more on %s, limit %s", resource_name(e->resource),
		       bytes ? human_bytes(v[0]) : plain[0], bytes ? human_bytes(v[1]) : plain[1],
		       bytes ? human_bytes(v[2]) : plain[2]);
	}
	if (!e->has_vm || e->has_resource)
		printf("  cgroup id:%llu", (unsigned long long)e->cgroup_id);
	putchar('\n');
	fflush(stdout);
}

static bool on_event(const struct event *e, void *arg)
{
	struct watch *w = arg;
	struct out *o;

	if ((w->types && !(w->types & (1u << (e->type & 31)))) ||
	    (w->vm && !(e->has_vm && e->vm == w->vm)))
		return true;
	if (w->mode == OUT_TABLE) {
		print_line(e);
	} else {
		o = out_new(w->mode);
		event_fields(o, e);
		out_finish(o, true);
	}
	return !w->left || --w->left;
}

int cmd_monitor(int argc, char **argv)
{
	static const struct option options[] = {
		{ "event", required_argument, NULL, 'e' },
		{ "count", required_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		OUT_OPTIONS, { }
	};
	struct watch w = { .mode = OUT_TABLE };
	unsigned int timeout = 0;
	int opt, type, r;
	struct nl *nl;
	struct vm vm;

	while ((opt = getopt_long(argc, argv, "e:n:t:" OUT_OPTIONS_SHORT, options, NULL)) != -1) {
		if (out_option(opt, &w.mode))
			continue;
		switch (opt) {
		case 'e':
			type = event_type(optarg);
			if (type < 0) {
				error("--event '%s': no such event; vhctl(8) lists them", optarg);
				return EXIT_USAGE;
			}
			w.types |= 1u << type;
			break;
		case 'n':
			if (!option_count(optarg, UINT64_MAX, &w.left))
				return EXIT_USAGE;
			break;
		case 't':
			if (!parse_seconds(optarg, &timeout) || !timeout) {
				error("--timeout '%s': want seconds, such as 10", optarg);
				return EXIT_USAGE;
			}
			break;
		case 'h':
			puts("usage: vhctl monitor [OPTIONS] [VM]\n\n"
			     "Prints events of VMs that you may see, as they happen: one a line.\n\n"
			     "  -e, --event TYPE  only this one; may be given again\n"
			     "  -n, --count N     end after N events\n"
			     "  -t, --timeout S   end after S seconds\n"
			     "  -j, --json        a JSON object a line\n"
			     "  -p, --pretty      JSON, to be read\n"
			     "  -h, --help        this text");
			return EXIT_OK;
		default:
			return usage_error(argv[0]);
		}
	}
	if (argc - optind > 1) {
		error("one VM, or all");
		return usage_error(argv[0]);
	}
	nl = vh_open();
	if (!nl)
		return EXIT_ERROR;
	if (optind < argc) {
		if (vm_get(nl, argv[optind], &vm))
			return EXIT_ERROR;
		w.vm = vm.id;
	}
	if (events_begin(nl))
		return EXIT_ERROR;
	r = events_loop(nl, on_event, &w, timeout ? (int)timeout : -1);
	vh_close(nl);
	return r < 0 ? EXIT_ERROR : EXIT_OK;
}
