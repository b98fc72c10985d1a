// SPDX-License-Identifier: GPL-2.0-only
/* recipe.c - recipes of images: KEY = VALUE, a line each. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/recipe.h"
#include "parse.h"
#include "printable.h"
#include "vhctl.h"
#include "vmm/vmm.h"

#define SIZE_MAX_RECIPE	(1 << 20)
#define BLANKS		" \t"

void recipe_error(const struct recipe *r, unsigned int line, const char *fmt, ...)
{
	char text[1024], where[16] = "";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (line)
		snprintf(where, sizeof(where), ":%u", line);
	error("%s%s: %s", r->shown, where, printable(text));
}

static char *own(struct recipe *r, char *text)
{
	r->owned = realloc(r->owned, (r->nr_owned + 1) * sizeof(*r->owned));
	if (!text || !r->owned)
		abort();
	return r->owned[r->nr_owned++] = text;
}

/* Files begin at the recipe's folder. */
static const char *path_of(struct recipe *r, const char *name)
{
	char *path;

	if (*name == '/')
		return name;
	if (asprintf(&path, "%s/%s", r->dir, name) < 0)
		abort();
	return own(r, path);
}

static void add(struct recipe *r, struct recipe_item item)
{
	r->item = realloc(r->item, (r->items + 1) * sizeof(*r->item));
	if (!r->item)
		abort();
	r->item[r->items++] = item;
}

/* --- keys; each gives what is wrong with its value, or NULL. @value may be changed, and stays --- */

/* What apt and the shell take for a word and nothing else. */
static bool plain(const char *s, const char *also)
{
	if (!*s || *s == '-')
		return false;
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr(also, *s)))
			return false;
	return true;
}

static const char *set_suite(struct recipe *r, unsigned int line, char *value)
{
	(void)line;
	r->suite = value;
	return plain(value, "-.") ? NULL : "want a suite of Debian, such as bookworm";
}

static const char *set_mirror(struct recipe *r, unsigned int line, char *value)
{
	(void)line;
	r->mirror = value;
	return strchr(value, ':') && plain(value, "+-._~:/@%") ? NULL :
	       "want the address of a Debian mirror, such as http://deb.debian.org/debian";
}

static const char *set_packages(struct recipe *r, unsigned int line, char *value)
{
	char *word, *rest = NULL;

	for (word = strtok_r(value, BLANKS ",", &rest); word; word = strtok_r(NULL, BLANKS ",", &rest)) {
		if (!plain(word, "+-.:"))
			return "want names of packages with blanks between";
		add(r, (struct recipe_item){ .kind = RECIPE_PACKAGE, .line = line, .text = word });
	}
	return NULL;
}

/* "/", or names and nothing that leads up. */
static bool inside(const char *path)
{
	size_t n;

	if (*path != '/' || strlen(path) >= PATH_MAX / 2)
		return false;
	for (; *path; path += n) {
		path += strspn(path, "/");
		n = strcspn(path, "/");
		if ((n == 1 && !strncmp(path, ".", 1)) || (n == 2 && !strncmp(path, "..", 2)))
			return false;
	}
	return true;
}

static const char *set_file(struct recipe *r, unsigned int line, char *value)
{
	static const char want[] = "want FILE /PATH/IN/IMAGE [MODE], such as: file = site.conf /etc/nginx/site.conf 644";
	char *rest = NULL, *from = strtok_r(value, BLANKS, &rest), *to = strtok_r(NULL, BLANKS, &rest);
	char *mode = strtok_r(NULL, BLANKS, &rest);
	struct recipe_item i = { .kind = RECIPE_FILE, .line = line, .to = to, .mode = mode };
	struct stat st;

	if (!from || !to || strtok_r(NULL, BLANKS, &rest) || !inside(to))
		return want;
	if (mode && (strlen(mode) > 4 || strspn(mode, "01234567") != strlen(mode)))
		return "want an octal mode of a file, such as 644";
	i.text = path_of(r, from);
	if (stat(i.text, &st)) {
		recipe_error(r, line, "%s: %s", i.text, strerror(errno));
		return "";
	}
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return "is neither a file nor a folder";
	if (S_ISDIR(st.st_mode) && mode)
		return "a folder's files keep their modes";
	if (S_ISREG(st.st_mode) && to[strlen(to) - 1] == '/')
		return "want the file's name there, too, and not only the folder's";
	add(r, i);
	return NULL;
}

static const char *set_run(struct recipe *r, unsigned int line, char *value)
{
	add(r, (struct recipe_item){ .kind = RECIPE_RUN, .line = line, .text = value });
	return NULL;
}

static const char *set_size(struct recipe *r, unsigned int line, char *value)
{
	(void)line;
	return parse_size(value, &r->size) && r->size && r->size % 512 == 0 && r->size <= SIZE_MAX_DISK ? NULL :
	       "want a size in blocks of 512, such as 20G, up to 64T";
}

static const char *set_kernel(struct recipe *r, unsigned int line, char *value)
{
	(void)line;
	r->set.kernel = path_of(r, value);
	return access(r->set.kernel, R_OK) ? strerror(errno) : NULL;
}

static const char *set_initrd(struct recipe *r, unsigned int line, char *value)
{
	(void)line;
	r->set.initrd = path_of(r, value);
	return access(r->set.initrd, R_OK) ? strerror(errno) : NULL;
}

static const char *set_cmdline(struct recipe *r, unsigned int line, char *value)
{
	(void)line;
	r->set.cmdline = value;
	return text_valid(value, CMDLINE_MAX) ? NULL : "want at most 2047 printable characters";
}

static const char *set_memory(struct recipe *r, unsigned int line, char *value)
{
	(void)line;
	return parse_size(value, &r->set.memory) && r->set.memory >= VMM_MIN_MEMORY &&
	       r->set.memory <= VMM_MAX_MEMORY && r->set.memory % 4096 == 0 ? NULL :
	       "want a size from 16M to 1T, such as 512M or 2G";
}

static const char *set_cpus(struct recipe *r, unsigned int line, char *value)
{
	uint64_t n;

	(void)line;
	if (!parse_number(value, VMM_MAX_CPUS, &n) || !n)
		return "want a number from 1 to 64";
	r->set.cpus = n;
	return NULL;
}

static const char *set_label(struct recipe *r, unsigned int line, char *value)
{
	char *equals = strchr(value, '=');
	bool good;

	(void)line;
	if (r->set.labels == LABELS_MAX)
		return "an image has at most 32";
	if (equals)
		*equals = 0;
	good = equals && label_valid(value, equals + 1);
	if (equals)
		*equals = '=';
	r->set.label[r->set.labels++] = value;
	return good ? NULL : "want KEY=VALUE: letters, digits and ._/-, and a line of text";
}

static const char *set_base(struct recipe *r, unsigned int line, char *value)
{
	char name[NAME_SIZE];

	(void)line;
	r->base = value;
	return hex_valid(value) || name_complete(value, name) ? NULL : "want the name or the id of an image of the store";
}

static const struct key {
	const char *name;
	bool several;
	const char *(*set)(struct recipe *r, unsigned int line, char *value);
} keys[] = {
	{ "suite", false, set_suite }, { "mirror", false, set_mirror }, { "packages", true, set_packages },
	{ "file", true, set_file }, { "run", true, set_run }, { "size", false, set_size },
	{ "kernel", false, set_kernel }, { "initrd", false, set_initrd }, { "cmdline", false, set_cmdline },
	{ "memory", false, set_memory }, { "cpus", false, set_cpus }, { "label", true, set_label },
	{ "base", false, set_base },
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

/* --- lines --- */

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, BLANKS);
	for (n = strlen(s); n && strchr(BLANKS, s[n - 1]); n--)
		s[n - 1] = 0;
	return s;
}

/* As in descriptions of VMs: quotes around it are not of it. */
static char *unquote(char *s)
{
	size_t n = strlen(s);

	if (n < 2 || *s != '"' || s[n - 1] != '"')
		return s;
	s[n - 1] = 0;
	return s + 1;
}

/* 0 or -1, told. @seen: by each key, the line. */
static int take_line(struct recipe *r, unsigned int line, char *text, unsigned int *seen)
{
	char *value = strchr(text, '='), *name;
	const char *why;
	unsigned int i;

	if (!text[strspn(text, BLANKS)] || text[strspn(text, BLANKS)] == '#')
		return 0;
	if (!value) {
		recipe_error(r, line, "want KEY = VALUE");
		return -1;
	}
	*value++ = 0;
	name = trim(text);
	value = trim(value);
	for (i = 0; i < KEYS && strcmp(name, keys[i].name); i++)
		;
	if (i == KEYS) {
		recipe_error(r, line, "unknown key '%s': want suite, base, mirror, packages, file, run, size, kernel, initrd, "
			     "cmdline, memory, cpus or label", name);
		return -1;
	}
	if (seen[i] && !keys[i].several) {
		recipe_error(r, line, "%s: is there twice, first in line %u", name, seen[i]);
		return -1;
	}
	seen[i] = line;
	/* But a shell has quotes of its own. */
	if (keys[i].set != set_run)
		value = unquote(value);
	why = *value ? keys[i].set(r, line, value) : "is empty";
	if (why && *why)
		recipe_error(r, line, "%s: %s", name, why);
	return why ? -1 : 0;
}

/* All mistakes are told. */
static int take_lines(struct recipe *r)
{
	unsigned int line = 0, seen[KEYS] = { };
	char *text = r->text, *end;
	int err = 0;

	for (; *text; text = end) {
		end = strchrnul(text, '\n');
		if (*end)
			*end++ = 0;
		if (++line > RECIPE_LINES) {
			recipe_error(r, line, "has more than %d lines", RECIPE_LINES);
			return -1;
		}
		if (take_line(r, line, text, seen))
			err = -1;
	}
	if (!err && !r->suite == !r->base) {
		recipe_error(r, 0, r->base ? "has both suite and base: it is made of the one or on the other" :
			     "says no suite of Debian and no image: want a line such as: suite = bookworm, or: base = debian");
		err = -1;
	}
	if (!err && r->base && r->mirror) {
		recipe_error(r, 0, "mirror is for a suite: on an image packages come from where its own apt gets them");
		err = -1;
	}
	return err;
}

static int read_text(struct recipe *r)
{
	int fd = open(r->shown, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = -1, at = 0;
	struct stat st;

	r->text = malloc(SIZE_MAX_RECIPE + 1);
	if (!r->text)
		abort();
	if (fd >= 0 && !fstat(fd, &st) && S_ISDIR(st.st_mode))
		errno = EISDIR;
	else if (fd >= 0)
		while (at < SIZE_MAX_RECIPE && (n = read(fd, r->text + at, SIZE_MAX_RECIPE - at)) > 0)
			at += n;
	if (n < 0)
		recipe_error(r, 0, "%s", strerror(errno));
	else if (n || memchr(r->text, 0, at))
		recipe_error(r, 0, "is no recipe: it is longer than 1M, or no text");
	r->text[at] = 0;
	if (fd >= 0)
		close(fd);
	return n || memchr(r->text, 0, at) ? -1 : 0;
}

/**
 * recipe_read - a recipe
 * @file: its name
 * @r: filled in; recipe_free() in each case
 *
 * The files that it names are there. 0, or -1, told.
 */
int recipe_read(const char *file, struct recipe *r)
{
	char whole[PATH_MAX], *slash;

	*r = (struct recipe){ .shown = file };
	if (read_text(r))
		return -1;
	if (!realpath(file, whole)) {
		recipe_error(r, 0, "%s", strerror(errno));
		return -1;
	}
	slash = strrchr(whole, '/');
	*slash = 0;
	r->dir = strdup(whole);
	if (!r->dir)
		abort();
	return take_lines(r);
}

/**
 * recipe_free - what recipe_read() made
 * @r: the recipe
 */
void recipe_free(struct recipe *r)
{
	for (unsigned int i = 0; i < r->nr_owned; i++)
		free(r->owned[i]);
	free(r->owned);
	free(r->item);
	free(r->dir);
	free(r->text);
}
