// SPDX-License-Identifier: GPL-2.0-only
/*
 * build.c - a Debian of a recipe becomes a sealed image: mmdebstrap makes its root file system, as an archive, which
 * is imported. Of a user it does so in a user namespace.
 *
 * mmdebstrap works in a directory of its own outside of the store, since root of a user namespace does not get into the
 * user's home. What it is told to execute in the new system goes there in the archive that has the recipe's
 * files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/program.h"
#include "image/progress.h"
#include "image/recipe.h"
#include "printable.h"
#include "vhctl.h"

#define KEYRING		"/usr/share/keyrings/debian-archive-keyring.gpg"
#define SCRIPT		".vh-build"	/* in the new system's root, as long as it is made */
#define MARK		"vh-build-line "	/* it says so which line of the recipe is next */
#define LINES		16		/* of what is said that are shown when it fails */
#define WIDTH		400

/**
 * struct build - what is being made
 * @work: mmdebstrap's directory
 * @line: of the recipe, whose command runs; 0: none does
 * @said: the last lines, in a ring
 * @part: a line that has not ended yet
 */
struct build {
	const struct recipe *r;
	struct stage *t;
	char *work;
	struct progress bar;
	unsigned int line, lines;
	char said[LINES][WIDTH], part[WIDTH];
};

static char *text_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *text_of(const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	return text;
}

/* --- what it says --- */

static const struct recipe_item *item_of(const struct recipe *r, enum recipe_kind kind, unsigned int line)
{
	for (unsigned int i = 0; i < r->items; i++)
		if (r->item[i].kind == kind && r->item[i].line == line)
			return &r->item[i];
	return NULL;
}

static void take_said(struct build *b, char *line)
{
	const struct recipe_item *i;

	printable(line);
	if (!strncmp(line, MARK, strlen(MARK))) {
		b->line = atoi(line + strlen(MARK));
		i = item_of(b->r, RECIPE_RUN, b->line);
		if (i)
			progress_step(&b->bar, i->text);
		return;
	}
	if (!strncmp(line, "I: ", 3)) {
		if (!b->line)
			progress_step(&b->bar, line + 3);
		return;
	}
	if (*line)
		snprintf(b->said[b->lines++ % LINES], WIDTH, "%s", line);
}

static void hear(void *arg, const char *text)
{
	struct build *b = arg;
	size_t n = strlen(b->part);

	for (; *text; text++) {
		if (*text == '\n' || *text == '\r') {
			b->part[n] = 0;
			take_said(b, b->part);
			n = 0;
		} else if (n < WIDTH - 1) {
			b->part[n++] = *text;
		}
	}
	b->part[n] = 0;
}

/* A package that is not there is some line's fault. */
static bool tell_package(const struct build *b, const char *said)
{
	static const char *const words[] = { "E: Unable to locate package ", "has no installation candidate" };
	const char *name = strstr(said, words[0]);
	bool told = false;
	char *quote;
	size_t n;

	if (name) {
		name += strlen(words[0]);
	} else if (strstr(said, words[1]) && (quote = strchr(said, '\''))) {
		name = quote + 1;
	} else {
		return false;
	}
	n = strcspn(name, " '");
	for (unsigned int i = 0; i < b->r->items; i++) {
		const struct recipe_item *p = &b->r->item[i];

		if (p->kind != RECIPE_PACKAGE || strncmp(p->text, name, n) || (p->text[n] && p->text[n] != ':'))
			continue;
		recipe_error(b->r, p->line, "packages: %s has no package '%s'", b->r->suite, p->text);
		told = true;
	}
	return told;
}

static void tell_failed(const struct build *b)
{
	unsigned int first = b->lines > LINES ? b->lines - LINES : 0;
	const struct recipe_item *i = b->line ? item_of(b->r, RECIPE_RUN, b->line) : NULL;
	bool told = false;

	for (unsigned int n = first; n < b->lines && !told; n++)
		told = tell_package(b, b->said[n % LINES]);
	if (told)
		return;
	for (unsigned int n = first; n < b->lines; n++)
		fprintf(stderr, "| %s\n", b->said[n % LINES]);
	if (i)
		recipe_error(b->r, b->line, "run: '%s' failed", i->text);
	else
		recipe_error(b->r, 0, "mmdebstrap cannot make it: see above");
}

/* --- where Debian comes from --- */

static int write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t n = strlen(text);
	bool good = fd >= 0 && write(fd, text, n) == (ssize_t)n && !fchmod(fd, mode);

	if (!good)
		error("%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return good ? 0 : -1;
}

/* What a program of apt's says; NULL: nothing. To be freed. */
static char *ask(struct stage *t, const char *const *arg)
{
	struct program p;
	char *text = NULL;

	program_new(&p, arg[0]);
	while (*++arg)
		program_args(&p, *arg, NULL);
	p.whole = true;
	p.stage = t;
	if (!program_run(&p) && p.size) {
		text = p.output;
		p.output = NULL;
	}
	program_free(&p);
	return text;
}

/* Lines of sources.list for the suite and its updates, as this machine's apt has them; NULL: it does not. */
static char *host_sources(const struct recipe *r, struct stage *t)
{
	static const char *const targets[] = {
		"apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI) $(RELEASE) $(COMPONENT)",
		"Created-By: Packages", "Origin: Debian", NULL,
	};
	char *said = ask(t, targets), *line, *rest = NULL, *sources = NULL;
	char name[80], uri[512], release[80], component[80];
	size_t n = strlen(r->suite);

	for (line = said ? strtok_r(said, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
		char *more;

		if (sscanf(line, "%79s %511s %79s %79s", name, uri, release, component) != 4 || strncmp(name, r->suite, n) ||
		    (name[n] && name[n] != '-'))
			continue;
		more = text_of("%sdeb [signed-by=" KEYRING "] %s %s %s\n", sources ? sources : "", uri, release, component);
		/* One line for each, whatever architectures there are */
		if (sources && strstr(sources, more + strlen(sources))) {
			free(more);
			continue;
		}
		free(sources);
		sources = more;
	}
	free(said);
	return sources;
}

/* What stands in files for mmdebstrap: where packages are, and how this machine gets them (proxies and the like). */
static int prepare_apt(struct build *b)
{
	static const char *const config[] = { "apt-config", "dump", "--format", "%F \"%v\";%n", "Acquire", NULL };
	char *sources = b->r->mirror ? NULL : host_sources(b->r, b->t), *acquire = ask(b->t, config);
	char *path = text_of("%s/sources", b->work), *conf = text_of("%s/apt.conf", b->work), *text;
	int err;

	if (!sources)
		sources = text_of("deb [signed-by=" KEYRING "] %s %s main\n",
				  b->r->mirror ? b->r->mirror : "http://deb.debian.org/debian", b->r->suite);
	/* A mirror may be a snapshot of some time ago: the keys are what says that it is Debian's. */
	text = text_of("%sAcquire::Check-Valid-Until \"false\";\n", acquire ? acquire : "");
	err = write_file(path, sources, 0644) || write_file(conf, text, 0644) ? -1 : 0;
	free(sources);
	free(acquire);
	free(path);
	free(conf);
	free(text);
	return err;
}

/* --- files and commands --- */

/* The directories that a path is in. */
static int make_parents(const char *tree, const char *path)
{
	char *whole = text_of("%s/%s", tree, path), *c;
	int err = 0;

	for (c = whole + strlen(tree) + 1; !err && (c = strchr(c, '/')); c++) {
		*c = 0;
		err = mkdir(whole, 0700) && errno != EEXIST ? -1 : 0;
		*c = '/';
	}
	free(whole);
	return err;
}

static int copy_file(struct build *b, const struct recipe_item *i, const char *tree)
{
	char *to = text_of("%s/%s", tree, i->to), *from;
	struct program p;
	struct stat st;
	int err = -1;

	if (stat(i->text, &st) || make_parents(tree, i->to) ||
	    (S_ISDIR(st.st_mode) && mkdir(to, 0700) && errno != EEXIST)) {
		recipe_error(b->r, i->line, "%s: %s", i->text, strerror(errno));
		free(to);
		return -1;
	}
	/* Of a folder what is in it; of a link what it leads to */
	from = text_of("%s%s", i->text, S_ISDIR(st.st_mode) ? "/." : "");
	program_new(&p, "cp");
	program_args(&p, "-rH", "--no-target-directory", "--preserve=mode,links", "--remove-destination", "--", from, to, NULL);
	program_reads(&p, i->text);
	program_writes(&p, tree);
	p.stage = b->t;
	err = program_run(&p);
	if (err > 0)
		recipe_error(b->r, i->line, "file: %s", p.said);
	if (!err && i->mode && chmod(to, strtoul(i->mode, NULL, 8))) {
		recipe_error(b->r, i->line, "%s: %s", to, strerror(errno));
		err = -1;
	}
	free(from);
	free(to);
	return err ? -1 : 0;
}

/* As the shell takes it for one word. */
static void quote(FILE *f, const char *text)
{
	fputc('\'', f);
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", f);
		else
			fputc(*text, f);
	fputc('\'', f);
}

static int write_script(const struct recipe *r, const char *path)
{
	FILE *f = fopen(path, "wxe");
	int err;

	if (!f) {
		error("%s: %s", path, strerror(errno));
		return -1;
	}
	fputs("export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root\ncd /\nexec </dev/null >&2\n", f);
	for (unsigned int i = 0; i < r->items; i++) {
		if (r->item[i].kind != RECIPE_RUN)
			continue;
		fprintf(f, "echo '" MARK "%u'\n/bin/sh -ec ", r->item[i].line);
		quote(f, r->item[i].text);
		fputs(" || exit 1\n", f);
	}
	err = fflush(f) || ferror(f) ? -1 : 0;
	if (err)
		error("%s: %s", path, strerror(errno));
	fclose(f);
	return err;
}

/*
 * All of it as stage/files.tar, root's. Directories are not in it: those that are there stay as they are, others are
 * made.
 */
static int prepare_files(struct build *b)
{
	char *tree = stage_path(b->t, "files"), *tar = stage_path(b->t, "files.tar"), *script = text_of("%s/" SCRIPT, tree);
	struct program p;
	int err;

	err = mkdir(tree, 0700);
	if (err)
		error("%s: %s", tree, strerror(errno));
	for (unsigned int i = 0; !err && i < b->r->items; i++)
		if (b->r->item[i].kind == RECIPE_FILE)
			err = copy_file(b, &b->r->item[i], tree);
	err = err || write_script(b->r, script);
	if (!err) {
		program_new(&p, "sh");
		program_args(&p, "-c", "cd \"$1\" && find . ! -type d -print0 | tar -c -f \"$2\" --null --no-recursion "
			     "--owner=0 --group=0 --numeric-owner -T -", "sh", tree, tar, NULL);
		program_writes(&p, b->t->path);
		p.stage = b->t;
		err = program_must(&p, b->r->shown);
	}
	free(tree);
	free(tar);
	free(script);
	return err ? -1 : 0;
}

/* --- all of it --- */

/* "a,b,c" */
static char *packages(const struct recipe *r)
{
	char *all = text_of("ca-certificates"), *more;

	for (unsigned int i = 0; i < r->items; i++) {
		if (r->item[i].kind != RECIPE_PACKAGE)
			continue;
		more = text_of("%s,%s", all, r->item[i].text);
		free(all);
		all = more;
	}
	return all;
}

static int make_root(struct build *b, const char *tar)
{
	char *files = stage_path(b->t, "files.tar"), *copy = text_of("--customize-hook=tar-in '%s' /", files);
	char *include = packages(b->r), *all = text_of("--include=%s", include);
	char *conf = text_of("--aptopt=%s/apt.conf", b->work), *sources = text_of("%s/sources", b->work);
	struct program p;
	int status;

	program_new(&p, "mmdebstrap");
	program_args(&p, geteuid() ? "--mode=unshare" : "--mode=root", "--variant=apt", "--format=tar", conf, all, copy,
		     "--customize-hook=chroot \"$1\" /bin/sh /" SCRIPT, "--customize-hook=rm \"$1\"/" SCRIPT, b->r->suite, tar,
		     sources, NULL);
	p.whole = true;
	p.stage = b->t;
	p.hears = hear;
	p.hearer = b;
	setenv("TMPDIR", b->work, 1);
	progress_start(&b->bar, "build", 0);
	status = program_run(&p);
	hear(b, "\n");
	progress_end(&b->bar);
	program_free(&p);
	if (status > 0)
		tell_failed(b);
	free(files);
	free(copy);
	free(include);
	free(all);
	free(conf);
	free(sources);
	return status ? -1 : 0;
}

static int build(struct build *b, struct store *s, const char *name)
{
	char *tar = stage_path(b->t, "root.tar");
	int err = -1;

	if (!prepare_apt(b) && !prepare_files(b) && !make_root(b, tar)) {
		unlinkat(b->t->fd, "files.tar", 0);
		err = import_tar(s, b->t, tar, name, b->r->size, &b->r->set, b->r->shown);
	}
	free(tar);
	return err;
}

/* Not in the store, which a user's namespace cannot get into, nor where memory is. */
static char *make_work(void)
{
	const char *tmp = getenv("TMPDIR");
	char *work = text_of("%s/vh-build-XXXXXX", tmp && *tmp == '/' ? tmp : "/var/tmp");

	if (mkdtemp(work) && !chmod(work, 0711))
		return work;
	error("%s: %s", work, strerror(errno));
	free(work);
	return NULL;
}

/**
 * image_build - a sealed image of what a recipe says
 * @s: the store
 * @r: the recipe
 * @name: NAME:TAG
 */
int image_build(struct store *s, const struct recipe *r, const char *name)
{
	struct build b = { .r = r };
	struct stage t;
	int err = -1;

	if (store_name_free(s, name))
		return -1;
	b.work = make_work();
	if (b.work && !stage_new_with(s, &t, b.work)) {
		b.t = &t;
		err = build(&b, s, name);
		stage_end(&t);
	} else if (b.work) {
		rmdir(b.work);
	}
	free(b.work);
	return err;
}
