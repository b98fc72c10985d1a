// SPDX-License-Identifier: GPL-2.0-only
/* image_options.c - the options of vhctl image: one table, of which each command has some. */
#include <string.h>

#include "cmd/image.h"
#include "cmd/run.h"
#include "parse.h"
#include "vhctl.h"

static const struct {
	char c;
	const char *name, *value, *help;
} known[] = {
	{ 'f', "format", "FORMAT", "raw, qcow2, vmdk, vhdx or vdi" },
	{ 'b', "from", "IMAGE", "the sealed image that it stands on" },
	{ 's', "size", "SIZE", "of the disk, such as 20G" },
	{ 'k', "kernel", "FILE", "kernel to boot it with, a copy of which is kept" },
	{ 'i', "initrd", "FILE", "its initial RAM disk" },
	{ 'c', "cmdline", "STR", "the kernel's command line" },
	{ 'm', "memory", "SIZE", "memory that a VM of it has" },
	{ 'P', "cpus", "N", "vCPUs that a VM of it has" },
	{ 'l', "label", "KEY=VALUE", "a label; as often as there are labels" },
	{ 'a', "all", NULL, "those without a name, too" },
	{ 'q', "quiet", NULL, "ids, and nothing else" },
	{ 'F', "force", NULL, "replace the file" },
	{ 'z', "compress", NULL, "compress, where the format can" },
	{ 'H', "shrink", NULL, "cut off what is behind a smaller size" },
	{ 'n', "dry-run", NULL, "only say what would go" },
	{ 'x', "extents", NULL, "where it differs" },
	{ 'e', "ssh", "CMD", "instead of ssh (also: VH_SSH)" },
	{ 'R', "remote-store", "DIR", "the store there" },
	{ 'r', "read-only", NULL, "push is refused" },
	{ 'C', "cloud-init", "FILE|DIR", "user-data, or a directory that has it" },
	{ 'K', "ssh-key", "FILE", "public keys for the image's user" },
	{ 'N', "hostname", "NAME", "of the VM" },
	{ 'S', "store", "DIR", "the store (also: VH_STORE)" },
	{ 'j', "json", NULL, "JSON, in one line" },
	{ 'p', "pretty", NULL, "JSON, to be read" },
	{ 'h', "help", NULL, "this text" },
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

static void help(const struct image_command *c)
{
	char left[40];

	printf("usage: vhctl image %s %s\n\n%s\n\n", c->name, c->usage, c->help);
	for (unsigned int i = 0; i < KNOWN; i++) {
		if (!strchr(c->options, known[i].c))
			continue;
		snprintf(left, sizeof(left), "-%c, --%s%s%s", known[i].c, known[i].name, known[i].value ? " " : "",
			 known[i].value ? known[i].value : "");
		printf("  %-26s %s\n", left, known[i].help);
	}
}

bool image_name(const char *text, char name[NAME_SIZE])
{
	if (name_complete(text, name))
		return true;
	error("'%s': want NAME or NAME:TAG, of small letters, digits and ._-", text);
	return false;
}

static bool known_format(const char *s)
{
	static const char *const formats[] = { "raw", "qcow2", "vmdk", "vhdx", "vdi" };

	for (unsigned int i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(s, formats[i]))
			return true;
	error("--format '%s': want raw, qcow2, vmdk, vhdx or vdi", s);
	return false;
}

static bool set(struct image_args *a, int opt)
{
	uint64_t n;
	int cpus;

	switch (opt) {
	case 'f': a->format = optarg; return known_format(optarg);
	case 'b': a->from = optarg; return true;
	case 'k': a->set.kernel = optarg; return true;
	case 'i': a->set.initrd = optarg; return true;
	case 'c': a->set.cmdline = optarg; return true;
	case 'm': return option_memory(optarg, &a->set.memory);
	case 'e': a->ssh = optarg; return true;
	case 'R': a->remote_store = optarg; return true;
	case 'C': a->seed.config = optarg; return true;
	case 'N': a->seed.hostname = optarg; return true;
	case 'S': a->store = optarg; return true;
	case 'a': a->all = true; return true;
	case 'q': a->quiet = true; return true;
	case 'F': a->force = true; return true;
	case 'z': a->compress = true; return true;
	case 'H': a->shrink = true; return true;
	case 'n': a->dry = true; return true;
	case 'x': a->extents = true; return true;
	case 'r': a->read_only = true; return true;
	case 'j': a->mode = OUT_JSON; return true;
	case 'p': a->mode = OUT_PRETTY; return true;
	case 's':
		if (parse_size(optarg, &n) && n && n % 512 == 0 && n <= SIZE_MAX_DISK) {
			a->size = n;
			return true;
		}
		error("--size '%s': want a size in blocks of 512, such as 20G, up to 64T", optarg);
		return false;
	case 'P':
		if (!option_cpus(optarg, &cpus))
			return false;
		a->set.cpus = cpus;
		return true;
	case 'l':
		if (a->set.labels == LABELS_MAX) {
			error("--label: an image has at most %d", LABELS_MAX);
			return false;
		}
		a->set.label[a->set.labels++] = optarg;
		return true;
	case 'K':
		if (a->seed.keys == IMAGE_SEED_KEYS) {
			error("--ssh-key: at most %d files", IMAGE_SEED_KEYS);
			return false;
		}
		a->seed.key[a->seed.keys++] = optarg;
		return true;
	}
	return false;
}

/**
 * image_options - the command line of one of vhctl image's commands
 * @argc: of @argv
 * @argv: argv[0] is the command
 * @c: the command
 * @a: filled in
 *
 * -1: go on; else the exit status.
 */
int image_options(int argc, char **argv, const struct image_command *c, struct image_args *a)
{
	struct option options[KNOWN + 1] = { };
	char letters[2 * KNOWN + 1], *to = letters;
	unsigned int n = 0;
	int opt;

	for (unsigned int i = 0; i < KNOWN; i++) {
		if (!strchr(c->options, known[i].c))
			continue;
		*to++ = known[i].c;
		if (known[i].value)
			*to++ = ':';
		options[n++] = (struct option){ known[i].name, known[i].value ? required_argument : no_argument, NULL,
						known[i].c };
	}
	*to = 0;
	a->command = c->name;
	while ((opt = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		if (opt == 'h') {
			help(c);
			return EXIT_OK;
		}
		if (opt == '?')
			return usage_error("image");
		if (!set(a, opt))
			return EXIT_USAGE;
	}
	a->arg = argv + optind;
	a->args = argc - optind;
	if (a->args < c->least || a->args > c->most) {
		error("image %s: %s", c->name, a->args < c->least ? c->missing : "too many arguments");
		return usage_error("image");
	}
	return -1;
}
