// SPDX-License-Identifier: GPL-2.0-only
/* config.c - vhctl config: descriptions of VMs, vh.conf(5), checked and shown. */
#include <errno.h>
#include <glob.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/config.h"
#include "cmd/run.h"
#include "colour.h"
#include "fields.h"
#include "vhctl.h"

static void help(void)
{
	puts("usage: vhctl config check [FILE|NAME]...\n"
	     "       vhctl config show [-j|--pretty] [FILE|NAME] [OPTIONS of run]\n"
	     "       vhctl config keys [-j|-p]\n\n"
	     "Descriptions of VMs, vh.conf(5). A NAME is that of a VM, whose description is NAME.conf in\n"
	     "/etc/vh for root, in ~/.config/vh for others; FILE has a / in it, or ends in .conf.\n\n"
	     "  check  tells every mistake, with file and line, and looks whether what is named there can\n"
	     "         be read; without arguments it checks all. Exit status 1: there are mistakes\n"
	     "  show   prints what comes of a description, with defaults, and of the options behind it, as\n"
	     "         a description\n"
	     "  keys   lists what may be in one\n\n"
	     OUT_OPTIONS_HELP);
}

/* The file that a word means. False, told. */
static bool file_of(const char *word, char *path, size_t size)
{
	size_t n = strlen(word);

	if (strchr(word, '/') || (n > 5 && !strcmp(word + n - 5, ".conf"))) {
		snprintf(path, size, "%s", word);
		return true;
	}
	if (description_path(word, path, size))
		return true;
	error("'%s': want the name of a VM, or a file", word);
	return false;
}

/* --- check --- */

static bool fit(struct vm_options *o, const void *arg)
{
	(void)arg;
	if (!vm_options_fit(o))
		return false;
	if (!o->cfg.memory && !o->image.image)
		vm_option_default(o, "memory");
	return !o->cfg.memory || balloon_fits(&o->cfg);
}

/* Of what nobody has said, too. */
static unsigned int look_firmware(struct description *d, const struct vm_options *o)
{
	if (o->cfg.kernel || o->cfg.firmware || o->image.image || !access(DEFAULT_FIRMWARE, R_OK))
		return 0;
	description_mistake(d, WHOLE_FILE, "%s: %s; install the package seabios, or name a firmware or a kernel",
			    DEFAULT_FIRMWARE, strerror(errno));
	return 1;
}

static bool check(const char *path)
{
	struct description d = { .plain = true };
	struct vm_options o = vm_options_none;
	unsigned int mistakes = description_read(&d, path);

	mistakes += description_apply(&d, &o);
	mistakes += config_look(&d);
	if (!mistakes)
		mistakes = !description_try(&d, WHOLE_FILE, fit, &o, NULL) || look_firmware(&d, &o);
	if (!mistakes)
		printf("%s: %sok%s\n", path, colour(stdout, GREEN), colour(stdout, PLAIN));
	fflush(stdout);
	description_free(&d);
	return !mistakes;
}

static int check_all(void)
{
	char folder[PATH_MAX], pattern[PATH_MAX + 8];
	int status = EXIT_OK;
	glob_t found;

	if (!description_folder(folder, sizeof(folder))) {
		error("where are the descriptions? neither HOME nor XDG_CONFIG_HOME says it");
		return EXIT_ERROR;
	}
	snprintf(pattern, sizeof(pattern), "%s/*.conf", folder);
	if (glob(pattern, 0, NULL, &found)) {
		printf("no descriptions in %s\n", folder);
		return EXIT_OK;
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (!check(found.gl_pathv[i]))
			status = EXIT_ERROR;
	globfree(&found);
	return status;
}

static int config_check(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { } };
	int status = EXIT_OK, opt;
	char path[PATH_MAX];

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt != 'h')
			return usage_error("config");
		help();
		return EXIT_OK;
	}
	if (optind == argc)
		return check_all();
	for (int i = optind; i < argc; i++)
		if (!file_of(argv[i], path, sizeof(path)))
			return EXIT_USAGE;
		else if (!check(path))
			status = EXIT_ERROR;
	return status;
}

/* --- show --- */

/* A file's name as it is from everywhere. */
static char *whole(const struct vm_setting *s)
{
	char here[PATH_MAX], *text;

	if (!s->value || !vm_option_is_file(s->option, s->value) || *s->value == '/' || !getcwd(here, sizeof(here)))
		return strdup(s->value ? s->value : "yes");
	text = malloc(2 * strlen(here) + strlen(s->value) + 2);
	if (!text)
		abort();
	char *to = text;

	for (const char *c = here; *c; *to++ = *c++)
		if (*c == ',' && s->option->path == PATH_PARTS)
			*to++ = ',';
	sprintf(to, "/%s", s->value);
	return text;
}

static void show_line(const char *key, const char *value)
{
	bool quoted = description_quoted(value);

	printf("%s = %s%s%s\n", key, quoted ? "\"" : "", value, quoted ? "\"" : "");
}

/* Has an option a default that counts here, where nobody says anything? */
static bool counts(const struct description *d, const struct vm_option *o)
{
	bool kernel = description_says(d, "kernel"), image = description_says(d, "image");

	if (!o->otherwise || description_says(d, o->name))
		return false;
	if (!strcmp(o->name, "cmdline"))
		return kernel && !description_says(d, "console");
	if (!strcmp(o->name, "firmware"))
		return !kernel && !image;
	if (!strcmp(o->name, "memory") || !strcmp(o->name, "cpus"))
		return !image;
	return true;
}

static void show_lines(const struct description *d)
{
	bool any = false;

	for (unsigned int i = 0; i < vm_option_count; i++)
		for (unsigned int k = 0; k < d->settings; k++)
			if (d->setting[k].option == &vm_option[i]) {
				char *value = whole(&d->setting[k]);

				show_line(vm_option[i].name, value);
				free(value);
			}
	for (unsigned int i = 0; i < vm_option_count; i++) {
		if (!counts(d, &vm_option[i]))
			continue;
		if (!any)
			puts("# by default");
		any = true;
		show_line(vm_option[i].name, vm_option[i].otherwise);
	}
}

static void show_json(const struct description *d, enum out_mode mode)
{
	struct json_object *all = json_object_new_object();

	for (unsigned int i = 0; i < vm_option_count; i++) {
		const struct vm_option *o = &vm_option[i];
		struct json_object *list = o->many ? json_object_new_array() : NULL, *last = NULL;

		for (unsigned int k = 0; k < d->settings; k++)
			if (d->setting[k].option == o) {
				char *value = whole(&d->setting[k]);

				last = json_object_new_string(value);
				if (list)
					json_object_array_add(list, last);
				free(value);
			}
		if (!last && counts(d, o))
			last = json_object_new_string(o->otherwise);
		if (last)
			json_object_object_add(all, o->name, list ? list : last);
		else
			json_object_put(list);
	}
	puts(json_object_to_json_string_ext(all, JSON_C_TO_STRING_NOSLASHESCAPE |
					    (mode == OUT_PRETTY ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : 0)));
	json_object_put(all);
}

/* --json and --pretty, which are no options of a VM, are taken out of the arguments; -p is --cpus here. */
static enum out_mode mode_of(int *argc, char **argv)
{
	enum out_mode mode = OUT_LINES;
	int n = 1;

	for (int i = 1; i < *argc; i++)
		if (!strcmp(argv[i], "-j") || !strcmp(argv[i], "--json"))
			mode = OUT_JSON;
		else if (!strcmp(argv[i], "--pretty"))
			mode = OUT_PRETTY;
		else
			argv[n++] = argv[i];
	argv[n] = NULL;
	*argc = n;
	return mode;
}

static int show(struct description *d, const struct description *said, const char *file, enum out_mode mode)
{
	struct vm_options o = vm_options_none;
	unsigned int mistakes = file ? description_read(d, file) : 0;

	mistakes += !description_merge(d, said);
	mistakes += description_apply(d, &o);
	if (mistakes)
		return EXIT_ERROR;
	for (unsigned int i = 0; i < d->settings; i++)
		if (d->setting[i].value && strpbrk(d->setting[i].value, "\n\r")) {
			error("--%s: has a line's end in it, which a description cannot have", d->setting[i].option->name);
			return EXIT_ERROR;
		}
	if (mode == OUT_LINES)
		show_lines(d);
	else
		show_json(d, mode);
	return EXIT_OK;
}

static int config_show(int argc, char **argv)
{
	struct description said = { }, d = { };
	enum out_mode mode = mode_of(&argc, argv);
	char path[PATH_MAX];
	const char *file;
	int status = description_options(&said, OF_RUN, argc, argv);

	file = said.file;
	if (status < 0) {
		help();
	} else if (!status && argc - optind > !file) {
		error("config show: unexpected argument '%s'", argv[optind + !file]);
		status = usage_error("config");
	} else if (!status && optind < argc) {
		file = path;
		if (!file_of(argv[optind], path, sizeof(path)))
			status = EXIT_USAGE;
	}
	if (!status)
		status = show(&d, &said, file, mode);
	description_free(&said);
	description_free(&d);
	return status < 0 ? EXIT_OK : status;
}

/* --- keys --- */

/* The first line of a help text, for a table. */
static void short_text(const char *text, char *to, size_t size)
{
	snprintf(to, size, "%s", text);
	for (char *c = to; *c; c++)
		if (*c == '\n')
			*c = ' ';
}

static int config_keys(int argc, char **argv)
{
	static const struct option options[] = { OUT_OPTIONS, { } };
	enum out_mode mode = OUT_TABLE;
	char shape[160], text[256];
	struct out *o;
	int opt;

	while ((opt = getopt_long(argc, argv, OUT_OPTIONS_SHORT, options, NULL)) != -1) {
		if (out_option(opt, &mode))
			continue;
		if (opt != 'h')
			return usage_error("config");
		help();
		return EXIT_OK;
	}
	o = out_new(mode);
	for (unsigned int i = 0; i < vm_option_count; i++) {
		const struct vm_option *k = &vm_option[i];

		if (!vm_option_is_key(k))
			continue;
		short_text(k->value == VALUE_SWITCH ? "yes|no" : k->shape, shape, sizeof(shape));
		short_text(k->help, text, sizeof(text));
		out_object(o);
		out_text(o, "key", "KEY", k->name);
		out_bool(o, "several", "SEVERAL", k->many);
		out_text(o, "default", "DEFAULT", k->otherwise);
		out_text(o, "value", NULL, shape);
		out_text(o, "what", "WHAT", text);
	}
	out_finish(o, false);
	return EXIT_OK;
}

int cmd_config(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = { { "check", config_check }, { "show", config_show }, { "keys", config_keys } };

	if (argc < 2) {
		error("config: want check, show or keys");
		return usage_error(argv[0]);
	}
	for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name)) {
			argv[1] = argv[0];
			return commands[i].run(argc - 1, argv + 1);
		}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		help();
		return EXIT_OK;
	}
	error("config: unknown command '%s'; want check, show or keys", argv[1]);
	return usage_error(argv[0]);
}
