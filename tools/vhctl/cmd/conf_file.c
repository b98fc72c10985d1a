// SPDX-License-Identifier: GPL-2.0-only
/* conf_file.c - a description of a VM as a file, vh.conf(5): its lines, and where it is. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/description.h"
#include "printable.h"
#include "vhctl.h"

#define LARGEST		(1 << 20)	/* bytes of a file */
#define SHOWN		60		/* at most so much of a line is repeated */

/* --- where --- */

/**
 * description_folder - where this user's descriptions are
 * @path: gets it
 * @size: of @path
 *
 * False if there is no such place.
 */
bool description_folder(char *path, size_t size)
{
	const char *own = getenv("VH_CONFIG"), *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n;

	if (own && *own)
		n = snprintf(path, size, "%s", own);
	else if (!geteuid())
		n = snprintf(path, size, "/etc/vh");
	else if (base && *base == '/')
		n = snprintf(path, size, "%s/vh", base);
	else if (home && *home == '/')
		n = snprintf(path, size, "%s/.config/vh", home);
	else
		return false;
	return (size_t)n < size;
}

/**
 * description_path - where the description of a VM is, if there is one
 * @name: the VM's
 * @path: gets it
 * @size: of @path
 *
 * False if there can be none: the name is none of a file's.
 */
bool description_path(const char *name, char *path, size_t size)
{
	char folder[PATH_MAX];

	if (!*name || *name == '.' || strchr(name, '/') || !description_folder(folder, sizeof(folder)))
		return false;
	return (size_t)snprintf(path, size, "%s/%s.conf", folder, name) < size;
}

/* --- values --- */

/* Does a value have to be in quotes to be read as it is? */
bool description_quoted(const char *value)
{
	size_t n = strlen(value);

	return n && (isblank((unsigned char)value[0]) || isblank((unsigned char)value[n - 1]) ||
		     (n > 1 && value[0] == '"' && value[n - 1] == '"'));
}

/* A file that is named in a description is where the description says, seen from its own folder. */
static char *from_folder(const char *file, const struct vm_option *o, const char *value)
{
	const char *slash = strrchr(file, '/');
	size_t n = slash ? slash + 1 - file : 0;
	char *path, *to;

	path = to = malloc(2 * n + strlen(value) + 1);
	if (!path)
		abort();
	if (!vm_option_is_file(o, value) || *value == '/')
		n = 0;
	for (size_t i = 0; i < n; i++) {
		*to++ = file[i];
		if (o->path == PATH_PARTS && file[i] == ',')
			*to++ = ',';
	}
	strcpy(to, value);
	return path;
}

/* --- lines --- */

struct reader {
	struct description *d;
	unsigned int line, mistakes;
};

#define mistake(r, ...) do {						\
	(r)->mistakes++;						\
	description_mistake((r)->d, (r)->line, __VA_ARGS__);		\
} while (0)

/* "--a b --c=d --e" of the first form, as what they are now. */
static void old_options(struct reader *r, char *value)
{
	char now[1024] = "", *word, *equals;
	bool bare = false;	/* the last one has no value yet */
	size_t n = 0;

	while ((word = strsep(&value, " \t")) && n < sizeof(now)) {
		if (!strncmp(word, "--", 2)) {
			equals = strchr(word, '=');
			n += snprintf(now + n, sizeof(now) - n, "%s%s%.*s%s%s", bare ? " = yes" : "", n ? "; " : "",
				      (int)strcspn(word + 2, "="), word + 2, equals ? " = " : "", equals ? equals + 1 : "");
			bare = !equals;
		} else if (*word) {
			n += snprintf(now + n, sizeof(now) - n, " = %s", word);
			bare = false;
		}
	}
	mistake(r, "OPTIONS= is of the old form; write each option on a line of its own: %s%s", now, bare ? " = yes" : "");
}

/* The first form of these files was one of variables for systemd: says what a line of it is now. */
static bool old_form(struct reader *r, const char *key, char *value)
{
	static const char *const names[] = { "KERNEL", "CMDLINE", "MEMORY", "CPUS" };
	char now[16] = "";

	if (!strcmp(key, "OPTIONS")) {
		old_options(r, value);
		return true;
	}
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(key, names[i]))
			continue;
		for (size_t n = 0; key[n]; n++)
			now[n] = tolower((unsigned char)key[n]);
		if (*value)
			mistake(r, "%s= is of the old form; write: %s = %s", key, now, value);
		else
			mistake(r, "%s= is of the old form; leave it out", key);
		return true;
	}
	return false;
}

static void take(struct reader *r, const char *key, char *value)
{
	const struct vm_option *o = vm_option_named(key), *near;
	const struct vm_setting *before;
	char *whole;

	if (o && !vm_option_is_key(o))
		o = NULL;
	if (!o) {
		if (old_form(r, key, value))
			return;
		near = vm_option_nearest(key);
		if (near)
			mistake(r, "unknown key '%.*s'; did you mean '%s'?", SHOWN, key, near->name);
		else
			mistake(r, "unknown key '%.*s'; 'vhctl config keys' lists them", SHOWN, key);
		return;
	}
	before = description_says(r->d, key);
	if (before && !o->many) {
		mistake(r, "'%s' is in line %u already, and there can be one", key, before->line);
		return;
	}
	if (o->value != VALUE_NEEDED && !*value) {
		mistake(r, "'%s' is empty; want yes%s%s or no", key, o->shape ? ", " : "", o->shape ? o->shape : "");
		return;
	}
	whole = *value ? from_folder(r->d->file, o, value) : strdup("");
	if (!whole)
		abort();
	r->mistakes += !description_add(r->d, o, whole, r->line);
	free(whole);
}

static char *trim(char *s)
{
	char *end = s + strlen(s);

	while (isblank((unsigned char)*s))
		s++;
	while (end > s && isblank((unsigned char)end[-1]))
		*--end = 0;
	return s;
}

static void read_line(struct reader *r, char *line, size_t length)
{
	char *equals, *value;
	size_t n;

	if (length && line[length - 1] == '\r')
		line[--length] = 0;
	for (const char *c = line; c < line + length; c++)
		if (*c != '\t' && (!*c || control_character(c))) {
			mistake(r, "has a control character, of which this is a file without");
			return;
		}
	line = trim(line);
	if (!*line || *line == '#')
		return;
	equals = strchr(line, '=');
	if (!equals || equals == line) {
		mistake(r, "'%.*s': want KEY = VALUE, such as memory = 512M", SHOWN, line);
		return;
	}
	*equals = 0;
	value = trim(equals + 1);
	n = strlen(value);
	if (n > 1 && value[0] == '"' && value[n - 1] == '"') {
		value[n - 1] = 0;
		value++;
	}
	take(r, trim(line), value);
}

/* All of a file, and a zero behind it. NULL, told. */
static char *read_all(struct description *d, size_t *size)
{
	int fd = open(d->file, O_RDONLY | O_CLOEXEC);
	char *text = malloc(LARGEST + 2);
	ssize_t n = 0;
	struct stat st;

	if (!text)
		abort();
	*size = 0;
	if (fd >= 0 && !fstat(fd, &st) && S_ISDIR(st.st_mode)) {
		close(fd);
		fd = -1;
		errno = EISDIR;
	}
	if (fd < 0)
		n = -1;
	while (n >= 0 && *size <= LARGEST && (n = read(fd, text + *size, LARGEST + 1 - *size)) > 0)
		*size += n;
	if (n < 0)
		description_mistake(d, WHOLE_FILE, "%s%s", strerror(errno),
				    errno == ENOENT ? "; vh.conf(5) says what is to be in it" : "");
	else if (*size > LARGEST)
		description_mistake(d, WHOLE_FILE, "larger than 1M: this is no description of a VM");
	if (fd >= 0)
		close(fd);
	if (n < 0 || *size > LARGEST) {
		free(text);
		return NULL;
	}
	text[*size] = 0;
	return text;
}

/**
 * description_read - the settings of a file
 * @d: empty
 * @path: the file
 *
 * How many mistakes were told: what has none is in @d all the same.
 */
int description_read(struct description *d, const char *path)
{
	struct reader r = { .d = d };
	char *text, *line, *end, *next;
	size_t size;

	d->file = strdup(path);
	if (!d->file)
		abort();
	text = read_all(d, &size);
	if (!text)
		return 1;
	end = text + size;
	for (line = text; line < end; line = next) {
		next = memchr(line, '\n', end - line);
		if (!next)
			next = end;
		*next++ = 0;
		r.line++;
		read_line(&r, line, next - 1 - line);
	}
	free(text);
	return r.mistakes;
}
