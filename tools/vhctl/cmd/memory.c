// SPDX-License-Identifier: GPL-2.0-only
/* memory.c - vhctl memory: how much memory a VM can have, and another size of it. */
#include <stdlib.h>

#include "ask.h"
#include "fields.h"
#include "parse.h"
#include "vhctl.h"

static void help(void)
{
	puts("usage: vhctl memory [OPTIONS] VM [SIZE]\n\n"
	     "How much memory a VM with --memory SIZE,max=SIZE has. With SIZE it may have so much, all in all,\n"
	     "and its guest is asked to plug it, or to give back what is above, which takes it a while.\n\n"
	     "  memory    what it began with\n"
	     "  max       what it can have\n"
	     "  target    what it may have now, and the guest is asked to have\n"
	     "  actual    what the guest has plugged, and what it began with\n"
	     "  charged   what the VM is charged for of both\n"
	     "  driver    has the guest one (virtio_mem)?\n\n"
	     OUT_OPTIONS_HELP);
}

int cmd_memory(int argc, char **argv)
{
	static const struct option options[] = { OUT_OPTIONS, { } };
	static const char *const sizes[] = { "memory", "max", "target", "actual", "charged" };
	enum out_mode mode = OUT_LINES;
	struct json_object *request, *answer, *driver;
	uint64_t size = 0;
	struct out *o;
	int opt;

	while ((opt = getopt_long(argc, argv, OUT_OPTIONS_SHORT, options, NULL)) != -1) {
		if (out_option(opt, &mode))
			continue;
		if (opt != 'h')
			return usage_error(argv[0]);
		help();
		return EXIT_OK;
	}
	if (argc - optind < 1 || argc - optind > 2) {
		error(optind == argc ? "which VM?" : "too many arguments");
		return usage_error(argv[0]);
	}
	if (optind + 1 < argc && !parse_size(argv[optind + 1], &size)) {
		error("'%s': want a size, such as 512M", argv[optind + 1]);
		return EXIT_USAGE;
	}
	request = ask_new("memory");
	if (optind + 1 < argc)
		json_object_object_add(request, "size", json_object_new_uint64(size));
	answer = ask_vm(argv[optind], request);
	if (!answer)
		return EXIT_ERROR;
	o = out_new(mode);
	out_object(o);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		out_bytes(o, sizes[i], NULL, answer_number(answer, sizes[i]));
	out_bool(o, "driver", NULL, json_object_object_get_ex(answer, "driver", &driver) &&
		 json_object_get_boolean(driver));
	out_finish(o, true);
	json_object_put(answer);
	return EXIT_OK;
}
