// SPDX-License-Identifier: GPL-2.0-only
/* image.c - vhctl image: the table of its commands, and those that make and change images. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/image.h"
#include "image/recipe.h"
#include "vhctl.h"

static int done(struct store *s, int err)
{
	store_close(s);
	return err ? EXIT_ERROR : EXIT_OK;
}

/* A name for what is in a file: that of the file, without what says its kind. EXIT_OK, or why not, told. */
static int derive_name(const char *file, char name[NAME_SIZE])
{
	static const char *const ends[] = {
		".gz", ".xz", ".zst", ".bz2", ".tar", ".tgz", ".txz", ".qcow2", ".raw", ".img", ".vmdk", ".vhdx",
		".vdi", ".recipe",
	};
	char *whole = realpath(file, NULL), *base, *slash;
	int status = EXIT_USAGE;
	bool again = true;
	size_t n, m;

	if (!strcmp(file, "-")) {
		error("image import: which name?");
		free(whole);
		return status;
	}
	if (!whole) {
		error("%s: %s", file, strerror(errno));
		return EXIT_ERROR;
	}
	slash = strrchr(whole, '/');
	base = slash ? slash + 1 : whole;
	while (again) {
		again = false;
		for (unsigned int i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
			n = strlen(base);
			m = strlen(ends[i]);
			if (n > m && !strcmp(base + n - m, ends[i])) {
				base[n - m] = 0;
				again = true;
			}
		}
	}
	if (!strchr(base, ':') && name_complete(base, name))
		status = EXIT_OK;
	else
		error("'%s' is no name for an image; give one of small letters, digits and ._-", base);
	free(whole);
	return status;
}

static int import(struct image_args *a)
{
	int status = EXIT_OK;
	char name[NAME_SIZE];
	struct store *s;

	if (a->args < 2)
		status = derive_name(a->arg[0], name);
	else if (!image_name(a->arg[1], name))
		status = EXIT_USAGE;
	if (status)
		return status;
	s = store_open(a->store, true);
	if (!s)
		return EXIT_ERROR;
	status = done(s, image_import(s, a->arg[0], name, a->format, a->size, &a->set));
	if (status == EXIT_OK)
		puts(name);
	return status;
}

/* What the command line says has the last word. */
static void set_over(struct settings *set, const struct settings *over)
{
	set->kernel = over->kernel ? over->kernel : set->kernel;
	/* The recipe's would not fit another kernel. */
	set->initrd = over->initrd || over->kernel ? over->initrd : set->initrd;
	set->cmdline = over->cmdline ? over->cmdline : set->cmdline;
	set->memory = over->memory ? over->memory : set->memory;
	set->cpus = over->cpus ? over->cpus : set->cpus;
	for (unsigned int i = 0; i < over->labels && set->labels < LABELS_MAX; i++)
		set->label[set->labels++] = over->label[i];
}

static int build(struct image_args *a)
{
	char name[NAME_SIZE];
	struct recipe r;
	struct store *s;
	int status = EXIT_OK;

	if (a->args < 2)
		status = derive_name(a->arg[0], name);
	else if (!image_name(a->arg[1], name))
		status = EXIT_USAGE;
	if (status)
		return status;
	if (recipe_read(a->arg[0], &r)) {
		recipe_free(&r);
		return EXIT_ERROR;
	}
	set_over(&r.set, &a->set);
	r.size = a->size ? a->size : r.size;
	s = store_open(a->store, true);
	status = s ? done(s, image_build(s, &r, name)) : EXIT_ERROR;
	recipe_free(&r);
	if (status == EXIT_OK)
		puts(name);
	return status;
}

static int export(struct image_args *a)
{
	struct store *s = store_open(a->store, true);

	if (!s)
		return EXIT_ERROR;
	return done(s, image_export(s, a->arg[0], a->arg[1], a->format, a->compress, a->force));
}

static int new(struct image_args *a)
{
	char name[NAME_SIZE];
	struct store *s;

	if (!image_name(a->arg[0], name))
		return EXIT_USAGE;
	if (!a->from) {
		error("image new: on which image is it to stand? --from IMAGE");
		return usage_error("image");
	}
	s = store_open(a->store, true);
	return s ? done(s, image_new(s, name, a->from, a->size, &a->set)) : EXIT_ERROR;
}

static int commit(struct image_args *a)
{
	char name[NAME_SIZE];
	struct store *s;

	if (a->args > 1 && !image_name(a->arg[1], name))
		return EXIT_USAGE;
	s = store_open(a->store, true);
	return s ? done(s, image_commit(s, a->arg[0], a->args > 1 ? name : NULL, &a->set)) : EXIT_ERROR;
}

static int flatten(struct image_args *a)
{
	struct store *s = store_open(a->store, true);

	return s ? done(s, image_flatten(s, a->arg[0])) : EXIT_ERROR;
}

static int resize(struct image_args *a)
{
	struct store *s;

	if (!a->size) {
		error("image resize: how large? --size SIZE");
		return usage_error("image");
	}
	s = store_open(a->store, true);
	return s ? done(s, image_resize(s, a->arg[0], a->size, a->shrink)) : EXIT_ERROR;
}

static int tag(struct image_args *a)
{
	char name[NAME_SIZE];
	struct store *s;

	if (!image_name(a->arg[1], name))
		return EXIT_USAGE;
	s = store_open(a->store, true);
	return s ? done(s, image_tag(s, a->arg[0], name)) : EXIT_ERROR;
}

static int rm(struct image_args *a)
{
	struct store *s = store_open(a->store, true);
	int err = 0;

	if (!s)
		return EXIT_ERROR;
	for (int i = 0; i < a->args; i++)
		if (image_rm(s, a->arg[i]))
			err = -1;
	return done(s, err);
}

static int push(struct image_args *a)
{
	struct store *s = store_open(a->store, false);
	char name[NAME_SIZE];
	const char *own;
	struct image *m;

	if (!s)
		return EXIT_ERROR;
	/* Under the same name, unless another is given. */
	if (a->args > 2) {
		if (!image_name(a->arg[2], name)) {
			store_close(s);
			return EXIT_USAGE;
		}
	} else {
		m = store_find(s, a->arg[0]);
		if (!m)
			return done(s, -1);
		own = name_complete(a->arg[0], name) ? NULL : index_name_of(&s->index, m->id);
		if (own)
			strcpy(name, own);
		else if (!name_valid(name)) {
			error("image push: %s has no name; which is it to have there?", a->arg[0]);
			return done(s, -1);
		}
	}
	return done(s, image_push(s, a->arg[0], a->arg[1], name, a->ssh, a->remote_store));
}

static int pull(struct image_args *a)
{
	char name[NAME_SIZE];
	struct store *s;

	if (!image_name(a->arg[a->args - 1], name))
		return EXIT_USAGE;
	s = store_open(a->store, true);
	return s ? done(s, image_pull(s, a->arg[0], a->arg[1], name, a->ssh, a->remote_store)) : EXIT_ERROR;
}

static int serve(struct image_args *a)
{
	struct store *s;

	if (isatty(STDIN_FILENO) || isatty(STDOUT_FILENO)) {
		error("image serve: is for 'vhctl image push' and 'pull' of another host, which run it by ssh");
		return EXIT_USAGE;
	}
	s = store_open(a->store, true);
	return s ? done(s, image_serve(s, STDIN_FILENO, STDOUT_FILENO, a->read_only)) : EXIT_ERROR;
}

static int seed(struct image_args *a)
{
	if (!a->seed.config && !a->seed.keys && !a->seed.hostname) {
		error("image seed: want --cloud-init, --ssh-key or --hostname");
		return usage_error("image");
	}
	if (!a->force && !access(a->arg[0], F_OK)) {
		error("%s: is there already; --force replaces it", a->arg[0]);
		return EXIT_ERROR;
	}
	return image_seed_make(&a->seed, a->arg[0]) ? EXIT_ERROR : EXIT_OK;
}

#define SETTINGS "kicmPl"

static const struct image_command commands[] = {
	{ "ls", "[OPTIONS] [NAME]...", "aqSjph", 0, INT_MAX, NULL, image_ls,
	  "Lists images: names and tags, ids, whether they are sealed or writable, what they stand on,\n"
	  "age, size of the disk and what it takes here." },
	{ "show", "[OPTIONS] IMAGE...", "Sjph", 1, INT_MAX, "which image?", image_show,
	  "All that is known of images." },
	{ "import", "[OPTIONS] FILE|DIR|- [NAME[:TAG]]", "fs" SETTINGS "Sh", 1, 2, "which file?", import,
	  "Makes a sealed image of a disk image (raw, qcow2, vmdk, vhdx, vdi), or of a root file system: a\n"
	  "tar archive or a directory, which becomes ext4, and whose kernel and initrd it is booted with.\n"
	  "Compressed files are unpacked. What looks like a format is taken as raw only by --format raw; a\n"
	  "file that names other files is refused. Prints the name." },
	{ "build", "[OPTIONS] FILE [NAME[:TAG]]", "s" SETTINGS "Sh", 1, 2, "which recipe?", build,
	  "Makes a sealed image of what a recipe says: a Debian (by mmdebstrap) or another\n"
	  "image (in a VM), with packages, files and commands. The options have the last word. vhctl-image(8) has\n"
  "the recipe's keys. Prints the name." },
	{ "export", "[OPTIONS] IMAGE FILE|-", "fFzSh", 2, 2, "want an image, and a file or -", export,
	  "Writes an image as one file that stands on nothing; the format is by the file's name, and raw." },
	{ "new", "[OPTIONS] NAME[:TAG] --from IMAGE", "bs" SETTINGS "Sh", 1, 1, "which name?", new,
	  "Makes a writable image that stands on a sealed one, and takes no room until it is written." },
	{ "commit", "[OPTIONS] IMAGE [NAME[:TAG]]", SETTINGS "Sh", 1, 2, "which image?", commit,
	  "Seals what is in a writable image: the image itself, or, with a second name, what is in it now, on\n"
	  "which it stands from then on." },
	{ "flatten", "[OPTIONS] IMAGE", "Sh", 1, 1, "which image?", flatten,
	  "Makes an image stand on nothing, with the same content." },
	{ "resize", "[OPTIONS] IMAGE --size SIZE", "sHSh", 1, 1, "which image?", resize,
	  "Makes the disk of a writable image larger or smaller." },
	{ "tag", "[OPTIONS] IMAGE NAME[:TAG]", "Sh", 2, 2, "want an image and a name", tag,
	  "Gives an image another name. Of another sealed image it is taken away." },
	{ "rm", "[OPTIONS] IMAGE...", "Sh", 1, INT_MAX, "which image?", rm,
	  "Takes a name away, and with its last the image; not while others stand on it or a VM runs." },
	{ "diff", "[OPTIONS] IMAGE", "xSjph", 1, 1, "which image?", image_do_diff,
	  "What an image has beyond what it stands on." },
	{ "verify", "[OPTIONS] [IMAGE]...", "Sjph", 0, INT_MAX, NULL, image_do_verify,
	  "Compares every file with its SHA-256, and checks the disks' tables. Exit status 1: something is wrong." },
	{ "gc", "[OPTIONS]", "nSjph", 0, 0, NULL, image_do_gc,
	  "Removes sealed images without a name on which nothing stands, and what was left behind." },
	{ "push", "[OPTIONS] IMAGE HOST [NAME[:TAG]]", "eRSh", 2, 3, "want an image and a host", push,
	  "Sends a sealed image to another host by ssh, and of what it stands on what is not there." },
	{ "pull", "[OPTIONS] HOST IMAGE [NAME[:TAG]]", "eRSh", 2, 3, "want a host and an image", pull,
	  "Gets a sealed image from another host by ssh, and of what it stands on what is not here." },
	{ "serve", "[OPTIONS]", "rSh", 0, 0, NULL, serve,
	  "The other side of push and pull, on standard input and output." },
	{ "seed", "[OPTIONS] FILE", "CKNFh", 1, 1, "which file?", seed,
	  "Makes a small disk that cloud-init in a VM finds (NoCloud, label CIDATA), to be attached read-only." },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void help(void)
{
	puts("usage: vhctl image COMMAND [OPTIONS]\n\n"
	     "Images of disks, and what was built on them. A sealed image is never written, and others may stand\n"
	     "on it; a writable one stands on a sealed one. An IMAGE is NAME[:TAG], where TAG is latest when it is\n"
	     "not said, or the beginning of an id or of the SHA-256 of its disk.\n");
	for (unsigned int i = 0; i < NR_COMMANDS; i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].usage);
	puts("\n'vhctl image COMMAND --help' tells more, vhctl-image(8) all.");
}

int cmd_image(int argc, char **argv)
{
	struct image_args a = { .mode = OUT_TABLE };
	int status;

	/* Before the command it is the same as behind it. */
	if (argc > 2 && !strcmp(argv[1], "--store")) {
		a.store = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc < 2) {
		error("image: which command?");
		return usage_error("image");
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		help();
		return EXIT_OK;
	}
	for (unsigned int i = 0; i < NR_COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		status = image_options(argc - 1, argv + 1, &commands[i], &a);
		return status < 0 ? commands[i].run(&a) : status;
	}
	error("image: unknown command '%s'", argv[1]);
	return usage_error("image");
}
