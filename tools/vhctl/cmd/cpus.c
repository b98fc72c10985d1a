// SPDX-License-Identifier: GPL-2.0-only
/* cpus.c - vhctl cpus: how many vCPUs a VM has, and another number of them. */
#include <stdlib.h>
#include <unistd.h>

#include "ask.h"
#include "fields.h"
#include "parse.h"
#include "vhctl.h"

#define POLL_US		100000
#define MOST		65536		/* the VM says how many it takes */

static void help(void)
{
	puts("usage: vhctl cpus [OPTIONS] VM [N]\n\n"
	     "How many vCPUs a VM with --cpus N,max=N has. With N there come some, or the guest is asked to let\n"
	     "go of those with the highest numbers, and it is waited for that.\n\n"
	     "  cpus      how many it began with\n"
	     "  max       how many it can have\n"
	     "  target    how many there are to be\n"
	     "  actual    how many are there\n"
	     "  charged   how many it is charged for: those that were there once\n"
	     "  refused   of how many the guest does not let go\n\n"
	     "  -t, --timeout S  how long the guest is waited for (default: 10)\n"
	     OUT_OPTIONS_HELP);
}

static void show(struct json_object *answer, enum out_mode mode)
{
	static const char *const numbers[] = { "cpus", "max", "target", "actual", "charged", "refused" };
	struct out *o = out_new(mode);

	out_object(o);
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		out_number(o, numbers[i], NULL, answer_number(answer, numbers[i]));
	out_finish(o, true);
}

/* Until the guest has as few as it is to have. An exit status, told. */
static int wait_for(const char *vm, struct json_object **answer, unsigned int timeout_ms)
{
	long long until = now_ms() + timeout_ms;

	while (answer_number(*answer, "actual") > answer_number(*answer, "target")) {
		if (answer_number(*answer, "refused")) {
			error("%s: the guest refuses to let go of vCPUs", vm);
			return EXIT_ERROR;
		}
		if (now_ms() >= until) {
			error("%s: the guest has not let go of its vCPUs, which stay until it does; it may be busy, or know no "
			      "hot-plug", vm);
			return EXIT_TIMEOUT;
		}
		usleep(POLL_US);
		json_object_put(*answer);
		*answer = ask_vm(vm, ask_new("cpus"));
		if (!*answer)
			return EXIT_ERROR;
	}
	return EXIT_OK;
}

int cmd_cpus(int argc, char **argv)
{
	static const struct option options[] = { { "timeout", required_argument, NULL, 't' }, OUT_OPTIONS, { } };
	struct json_object *request, *answer;
	enum out_mode mode = OUT_LINES;
	unsigned int timeout_ms = 10000;
	int opt, status = EXIT_OK;
	uint64_t n = 0;

	while ((opt = getopt_long(argc, argv, "t:" OUT_OPTIONS_SHORT, options, NULL)) != -1) {
		if (out_option(opt, &mode))
			continue;
		if (opt == 't' && parse_seconds(optarg, &timeout_ms))
			continue;
		if (opt == 't') {
			error("--timeout '%s': want seconds, such as 10", optarg);
			return EXIT_USAGE;
		}
		if (opt != 'h')
			return usage_error(argv[0]);
		help();
		return EXIT_OK;
	}
	if (argc - optind < 1 || argc - optind > 2) {
		error(optind == argc ? "which VM?" : "too many arguments");
		return usage_error(argv[0]);
	}
	if (optind + 1 < argc && !parse_number(argv[optind + 1], MOST, &n)) {
		error("'%s': want a number of vCPUs", argv[optind + 1]);
		return EXIT_USAGE;
	}
	request = ask_new("cpus");
	if (optind + 1 < argc)
		json_object_object_add(request, "count", json_object_new_uint64(n));
	answer = ask_vm(argv[optind], request);
	if (!answer)
		return EXIT_ERROR;
	if (optind + 1 < argc)
		status = wait_for(argv[optind], &answer, timeout_ms);
	if (!status)
		show(answer, mode);
	json_object_put(answer);
	return status;
}
