// SPDX-License-Identifier: GPL-2.0-only
/* create.c - vhctl create: a VM described to the kernel, before it has a VMM. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/description.h"
#include "cmd/run.h"
#include "fields.h"
#include "parse.h"
#include "vhctl.h"

static void help(void)
{
	puts("usage: vhctl create [OPTIONS] NAME\n\n"
	     "Makes a VM that is named, charged to its cgroup and listed before it runs.\n"
	     "'vhctl start' runs it; other VMMs take it by VH_ATTACH_VM. It stays until\n"
	     "'vhctl destroy'. What no option says its description does, if there is one (vh.conf(5)).\n\n"
	     "      --config FILE  its description (default: NAME.conf, where descriptions are)\n"
	     "  -m, --memory SIZE  memory to reserve, such as 512M or 2G (default: 256M)\n"
	     "  -c, --cpus N       vCPUs to reserve, 1 to 64 (default: 1)\n"
	     "  -g, --cgroup PATH  cgroup to charge (default: this process's)\n"
	     "  -d, --device PATH  default: " VH_DEVICE "\n"
	     OUT_OPTIONS_HELP);
}

struct answer {
	struct vm vm;
	bool valid;
};

static void on_answer(struct nlmsghdr *h, void *arg)
{
	struct answer *a = arg;

	a->valid |= vm_parse(h, &a->vm);
}

/* The descriptors that prove the right to put a VM into the cgroup. 0 or -1, told. */
static int put_cgroup(struct nl_msg *msg, const char *cgroup)
{
	char dir[PATH_MAX], own[PATH_MAX], full[PATH_MAX * 2], common[PATH_MAX];
	int fd;

	if (cgroup_dir(cgroup, dir, sizeof(dir)))
		return -1;
	fd = cgroup_procs(dir);
	if (fd < 0) {
		error("cannot put a VM into %s: its cgroup.procs: %s", dir, strerror(errno));
		return -1;
	}
	nla_put_s32(msg, VH_A_VM_CGROUP_FD, fd);
	cgroup_self(own, sizeof(own));
	snprintf(full, sizeof(full), "%s%s", cgroup_mount(), strcmp(own, "/") ? own : "");
	cgroup_common(dir, full, common, sizeof(common));
	fd = cgroup_procs(common);
	if (fd >= 0)	/* without it the kernel says what is missing, if anything is */
		nla_put_s32(msg, VH_A_VM_COMMON_FD, fd);
	return 0;
}

/* What a description, and an image that it names, say of memory and vCPUs, and defaults of the rest. 0 or -1, told. */
static int complete(struct vm_options *o)
{
	struct vmm_config *cfg = &o->cfg;

	if (o->image.image && (!cfg->memory || !cfg->cpus) && run_image_wants(&o->image, cfg))
		return -1;
	if (!cfg->memory)
		vm_option_default(o, "memory");
	if (!cfg->cpus)
		vm_option_default(o, "cpus");
	return 0;
}

static int create(struct nl *nl, const char *name, const struct vm_options *o, struct vm *vm)
{
	struct answer a = { };
	struct nl_msg *msg;
	int dev;

	if (strlen(name) > VH_VM_NAME_MAX) {
		error("'%s': a name has at most %d bytes", name, VH_VM_NAME_MAX);
		return -1;
	}
	dev = device_open(o->cfg.device);
	if (dev < 0)
		return -1;
	msg = vh_request(nl, VH_CMD_VM_CREATE, 0);
	nla_put_string(msg, VH_A_VM_NAME, name);
	nla_put_u32(msg, VH_A_VM_VCPUS, o->cfg.cpus);
	nla_put_u64(msg, VH_A_VM_MEMORY, o->cfg.memory);
	nla_put_s32(msg, VH_A_VM_DEV_FD, dev);
	if (o->cgroup && put_cgroup(msg, o->cgroup))
		return -1;
	if (vh_talk(nl, msg, on_answer, &a) || !a.valid) {
		error("cannot create '%s': %s", name, vh_words(nl));
		return -1;
	}
	close(dev);
	*vm = a.vm;
	return 0;
}

/* What can come while it runs is not the kernel's to keep: its start finds it in the description. */
static bool keeps(const struct description *d, const struct vm_options *o)
{
	const char *said = o->cfg.memory_max && !description_says(d, "memory")->line ? "memory" :
			   o->cfg.cpus_max && !description_says(d, "cpus")->line ? "cpus" : NULL;

	if (!said)
		return true;
	error("--%s: max= is of the VM's start, and is kept by a description alone, vh.conf(5)", said);
	return false;
}

/* The description in a file, or else the name's, if there is one; on top of it @said. An exit status, told. */
static int describe(struct description *d, const struct description *said, const char *name, const char *file,
		    struct vm_options *o)
{
	char path[PATH_MAX];
	unsigned int mistakes = 0;

	if (!file && description_path(name, path, sizeof(path)) && !access(path, F_OK))
		file = path;
	if (file)
		mistakes = description_read(d, file);
	*o = vm_options_none;
	mistakes += !description_merge(d, said);
	mistakes += description_apply(d, o);
	if (mistakes)
		return EXIT_USAGE;
	if (o->cfg.name && strcmp(o->cfg.name, name)) {
		description_mistake(d, description_says(d, "name")->line,
				    "--name '%s': the VM is called '%s'; leave the name out", o->cfg.name, name);
		return EXIT_USAGE;
	}
	return keeps(d, o) ? EXIT_OK : EXIT_USAGE;
}

int create_described(struct nl *nl, const char *name, const char *file)
{
	static const struct description nothing;
	struct description d = { };
	struct vm_options o;
	struct vm vm;
	int err = -1;

	if (!describe(&d, &nothing, name, file, &o) && !complete(&o))
		err = create(nl, name, &o, &vm);
	description_free(&d);
	return err;
}

static void print(const struct vm *vm, enum out_mode mode)
{
	struct out *o;
	char uuid[37];

	if (mode == OUT_TABLE) {
		printf("%u\n", vm->id);
		return;
	}
	uuid_text(vm->uuid, uuid);
	o = out_new(mode);
	out_object(o);
	out_number(o, "id", NULL, vm->id);
	out_text(o, "name", NULL, vm->name);
	out_text(o, "uuid", NULL, uuid);
	out_finish(o, true);
}

/* Its options, which have letters of their own. An exit status, told; -1: go on. */
static int options(int argc, char **argv, struct description *said, enum out_mode *mode)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'C' },
		{ "memory", required_argument, NULL, 'm' },
		{ "cpus", required_argument, NULL, 'c' },
		{ "cgroup", required_argument, NULL, 'g' },
		{ "device", required_argument, NULL, 'd' },
		OUT_OPTIONS, { }
	};
	int opt, at = 0;

	while ((opt = getopt_long(argc, argv, "m:c:g:d:" OUT_OPTIONS_SHORT, options, &at)) != -1) {
		if (out_option(opt, mode))
			continue;
		if (opt == 'h') {
			help();
			return EXIT_OK;
		}
		if (opt == '?')
			return usage_error(argv[0]);
		if (opt == 'C') {
			free(said->file);
			said->file = strdup(optarg);
			continue;
		}
		for (at = 0; options[at].val != opt; at++)
			;
		if (!description_add(said, vm_option_named(options[at].name), optarg, 0))
			return EXIT_USAGE;
	}
	if (argc - optind == 1)
		return -1;
	error(optind == argc ? "which name?" : "too many arguments");
	return usage_error(argv[0]);
}

int cmd_create(int argc, char **argv)
{
	struct description said = { }, d = { };
	enum out_mode mode = OUT_TABLE;
	struct vm_options o;
	struct nl *nl;
	struct vm vm;
	int status = options(argc, argv, &said, &mode);

	if (status < 0 && !(status = describe(&d, &said, argv[optind], said.file, &o))) {
		nl = vh_open();
		status = nl && !complete(&o) && !create(nl, argv[optind], &o, &vm) ? EXIT_OK : EXIT_ERROR;
		if (!status)
			print(&vm, mode);
		vh_close(nl);
	}
	description_free(&said);
	description_free(&d);
	return status;
}
