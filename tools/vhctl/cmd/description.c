// SPDX-License-Identifier: GPL-2.0-only
/* description.c - settings of a VM: of a file, then of the command line, and what they come to. */
#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/description.h"
#include "vhctl.h"

#define FIRST	1024		/* what getopt_long() returns for the table's first option */

/**
 * description_free - forgets everything
 * @d: what is empty then; options made of it must not be used any more
 */
void description_free(struct description *d)
{
	for (unsigned int i = 0; i < d->settings; i++)
		free(d->setting[i].value);
	free(d->setting);
	free(d->file);
	*d = (struct description){ };
}

/* --- mistakes --- */

/* In a file an option is called without its dashes. */
static void without_dashes(char *text)
{
	char *to = text;

	for (const char *c = text; *c; *to++ = *c++)
		if (!strncmp(c, "--", 2) && islower((unsigned char)c[2]) && (c == text || strchr(" '(", c[-1])))
			c += 2;
	*to = 0;
}

/**
 * description_mistake - tells one, with its place
 * @d: what it is in
 * @line: of the file, or WHOLE_FILE; 0: it is not in the file, or not there alone
 * @fmt: what is wrong, and what to do
 */
void description_mistake(const struct description *d, unsigned int line, const char *fmt, ...)
{
	char text[2048], place[PATH_MAX + 16] = "";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (line)
		without_dashes(text);
	if (line == WHOLE_FILE)
		snprintf(place, sizeof(place), "%s: ", d->file);
	else if (line)
		snprintf(place, sizeof(place), "%s:%u: ", d->file, line);
	if (d->plain)
		fprintf(stderr, "%s%s\n", place, text);
	else
		error("%s%s", place, text);
}

/**
 * description_try - does what tells its errors itself, and has them told with their place
 * @d: what it is of
 * @line: as for description_mistake()
 * @look: false with the error told
 * @o: for it
 * @arg: for it
 */
bool description_try(const struct description *d, unsigned int line,
		     bool (*look)(struct vm_options *o, const void *arg), struct vm_options *o, const void *arg)
{
	char told[1024];
	bool good;

	error_capture(told, sizeof(told));
	good = look(o, arg);
	error_capture(NULL, 0);
	if (!good)
		description_mistake(d, line, "%s", told);
	return good;
}

/* --- settings --- */

/**
 * description_says - is there a setting of an option?
 * @d: where
 * @name: of the option
 *
 * The setting that counts, of those that add the first; or NULL.
 */
const struct vm_setting *description_says(const struct description *d, const char *name)
{
	for (unsigned int i = 0; i < d->settings; i++)
		if (!strcmp(d->setting[i].option->name, name))
			return &d->setting[i];
	return NULL;
}

static void forget(struct description *d, const struct vm_option *o)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < d->settings; i++)
		if (d->setting[i].option == o)
			free(d->setting[i].value);
		else
			d->setting[n++] = d->setting[i];
	d->settings = n;
}

static void keep(struct description *d, const struct vm_option *o, const char *value, unsigned int line)
{
	char *copy = value ? strdup(value) : NULL;

	d->setting = realloc(d->setting, (d->settings + 1) * sizeof(*d->setting));
	if (!d->setting || (value && !copy))
		abort();
	d->setting[d->settings++] = (struct vm_setting){ .option = o, .value = copy, .line = line };
}

/**
 * description_add - one more setting, which adds to those of its option, or replaces the one that there is
 * @d: gets it
 * @o: the option
 * @value: of it; NULL: it has none
 * @line: where it stands; 0: on the command line
 *
 * False with the error told.
 */
bool description_add(struct description *d, const struct vm_option *o, const char *value, unsigned int line)
{
	bool off = false;

	if (o->value != VALUE_NEEDED && value) {
		off = !strcmp(value, "no");
		if (off || !strcmp(value, "yes"))
			value = NULL;
		else if (o->value == VALUE_SWITCH) {
			description_mistake(d, line, "--%s '%s': want yes or no", o->name, value);
			return false;
		}
	} else if (o->value == VALUE_NEEDED && !*value && !o->empty) {
		description_mistake(d, line, "--%s: is empty; want %.*s", o->name, (int)strcspn(o->shape, "\n"), o->shape);
		return false;
	}
	if (!o->many || off)
		forget(d, o);
	if (off && o->otherwise)
		keep(d, o, "no", line);
	else if (!off)
		keep(d, o, value, line);
	return true;
}

static bool set(struct vm_options *o, const void *arg)
{
	const struct vm_setting *s = arg;

	return s->option->set(o, s->value);
}

/**
 * description_apply - what all settings come to
 * @d: of which strings are used, so that it has to stay
 * @o: gets them, and defaults of what nobody said but memory and vCPUs, which an image may say
 *
 * How many mistakes were told.
 */
unsigned int description_apply(struct description *d, struct vm_options *o)
{
	unsigned int mistakes = 0;

	vm_option_default(o, "device");
	vm_option_default(o, "stop-timeout");
	for (unsigned int i = 0; i < d->settings; i++)
		mistakes += !description_try(d, d->setting[i].line, set, o, &d->setting[i]);
	return mistakes;
}

/* --- the command line --- */

/* The table as getopt_long() wants it. */
static void for_getopt(struct option *options, char *letters)
{
	static const int kinds[] = {
		[VALUE_NEEDED] = required_argument, [VALUE_MAY] = optional_argument, [VALUE_SWITCH] = optional_argument,
	};

	for (unsigned int i = 0; i < vm_option_count; i++) {
		const struct vm_option *o = &vm_option[i];

		*options++ = (struct option){ o->name, kinds[o->value], NULL, FIRST + i };
		if (!o->letter)
			continue;
		*letters++ = o->letter;
		if (o->value != VALUE_SWITCH)
			*letters++ = ':';
		if (o->value == VALUE_MAY)
			*letters++ = ':';
	}
	*letters = 0;
	*options = (struct option){ };
}

static const struct vm_option *option_of(int c)
{
	if (c >= FIRST)
		return &vm_option[c - FIRST];
	for (unsigned int i = 0; i < vm_option_count; i++)
		if (vm_option[i].letter == c)
			return &vm_option[i];
	return NULL;
}

/* An option that getopt_long() has told to be none. */
static void suggest(const char *word)
{
	const struct vm_option *near;
	char name[32];

	if (strncmp(word, "--", 2) || strlen(word) >= sizeof(name))
		return;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	near = vm_option_named(name) ? NULL : vm_option_nearest(name);
	if (near)
		error("did you mean --%s?", near->name);
}

/**
 * description_options - what a command line says
 * @said: gets it as it stands there, for description_merge(), and the file of --config, which is not read
 * @of: the command
 * @argc: of @argv
 * @argv: argv[0] is the command; sorted, so that arguments begin at optind
 *
 * An exit status, told; or -1: this was --help.
 */
int description_options(struct description *said, unsigned int of, int argc, char **argv)
{
	struct option options[vm_option_count + 1];
	char letters[3 * vm_option_count + 1];
	const struct vm_option *o;
	int c;

	for_getopt(options, letters);
	while ((c = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		o = option_of(c);
		if (!o) {
			suggest(argv[optind - 1]);
			return usage_error(argv[0]);
		}
		if (!strcmp(o->name, "help"))
			return -1;
		if (!(o->of & of)) {
			error("%s: memory, vCPUs, name and cgroup are those of 'vhctl create'", argv[0]);
			return EXIT_USAGE;
		}
		if (!strcmp(o->name, "no-confine")) {
			keep(said, vm_option_named("confine"), "no", 0);
			continue;
		}
		if (strcmp(o->name, "config")) {
			keep(said, o, optarg, 0);
			continue;
		}
		free(said->file);
		said->file = strdup(optarg);
		if (!said->file)
			abort();
	}
	return EXIT_OK;
}

/**
 * description_merge - the command line has the last word
 * @d: what a file says
 * @said: what the command line says
 *
 * False with the error told.
 */
bool description_merge(struct description *d, const struct description *said)
{
	bool good = true;

	for (unsigned int i = 0; i < said->settings; i++)
		good &= description_add(d, said->setting[i].option, said->setting[i].value, 0);
	return good;
}
