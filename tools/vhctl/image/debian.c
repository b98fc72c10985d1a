// SPDX-License-Identifier: GPL-2.0-only
/*
 * debian.c - a Debian of a recipe: mmdebstrap makes its root file system, as an archive, which is imported. Of a user it
 * does so in a user namespace.
 *
 * mmdebstrap works in a directory of its own outside of the store, since root of a user namespace does not get into the
 * user's home. What it is told to execute in the new system goes there in the archive that has the recipe's
 * files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/build.h"
#include "image/program.h"
#include "vhctl.h"

#define KEYRING		"/usr/share/keyrings/debian-archive-keyring.gpg"

/* --- where Debian comes from --- */

/* Lines of sources.list for the suite and its updates, as this machine's apt has them; NULL: it does not. */
static char *host_sources(const struct recipe *r, struct stage *t)
{
	static const char *const targets[] = {
		"apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI) $(RELEASE) $(COMPONENT)",
		"Created-By: Packages", "Origin: Debian", NULL,
	};
	char *said = build_ask(t, targets), *line, *rest = NULL, *sources = NULL;
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
	char *sources = b->r->mirror ? NULL : host_sources(b->r, b->t), *acquire = build_apt_config(b->t);
	char *path = text_of("%s/sources", b->work), *conf = text_of("%s/apt.conf", b->work), *text;
	int err;

	if (!sources)
		sources = text_of("deb [signed-by=" KEYRING "] %s %s main\n",
				  b->r->mirror ? b->r->mirror : "http://deb.debian.org/debian", b->r->suite);
	/* A mirror may be a snapshot of some time ago: the keys are what says that it is Debian's. */
	text = text_of("%sAcquire::Check-Valid-Until \"false\";\n", acquire ? acquire : "");
	err = build_write(path, sources, 0644) || build_write(conf, text, 0644) ? -1 : 0;
	free(sources);
	free(acquire);
	free(path);
	free(conf);
	free(text);
	return err;
}

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
		     "--customize-hook=chroot \"$1\" /bin/sh /" BUILD_SCRIPT, "--customize-hook=rm \"$1\"/" BUILD_SCRIPT, b->r->suite, tar,
		     sources, NULL);
	p.whole = true;
	p.stage = b->t;
	p.hears = build_hear;
	p.hearer = b;
	setenv("TMPDIR", b->work, 1);
	progress_start(&b->bar, "build", 0);
	status = program_run(&p);
	build_hear(b, "\n");
	progress_end(&b->bar);
	program_free(&p);
	if (status > 0)
		build_failed(b, "mmdebstrap");
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

	if (!prepare_apt(b) && !build_files(b) && !make_root(b, tar)) {
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
 * build_debian - an image of a recipe that names a suite
 * @s: the store
 * @r: the recipe
 * @name: NAME:TAG, which is free
 */
int build_debian(struct store *s, const struct recipe *r, const char *name)
{
	struct build b = { .r = r, .end = -1 };
	struct stage t;
	int err = -1;

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
