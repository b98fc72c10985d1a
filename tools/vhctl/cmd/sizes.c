// SPDX-License-Identifier: GPL-2.0-only
/* sizes.c - what vhctl memory and vhctl balloon have in common. */
#include "ask.h"
#include "cmd/sizes.h"
#include "fields.h"
#include "parse.h"
#include "vhctl.h"

/**
 * sizes_command - "vhctl COMMAND [OPTIONS] VM [SIZE]"
 * @argc: of the command
 * @argv: the same
 * @s: which
 *
 * An exit status.
 */
int sizes_command(int argc, char **argv, const struct sizes *s)
{
	static const struct option options[] = { OUT_OPTIONS, { } };
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
		s->help();
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
	request = ask_new(s->command);
	if (optind + 1 < argc)
		json_object_object_add(request, "size", json_object_new_uint64(size));
	answer = ask_vm(argv[optind], request);
	if (!answer)
		return EXIT_ERROR;
	o = out_new(mode);
	out_object(o);
	for (const char *const *key = s->key; *key; key++)
		out_bytes(o, *key, NULL, answer_number(answer, *key));
	out_bool(o, "driver", NULL, json_object_object_get_ex(answer, "driver", &driver) &&
		 json_object_get_boolean(driver));
	if (s->more)
		s->more(o, answer);
	out_finish(o, true);
	json_object_put(answer);
	return EXIT_OK;
}
