// SPDX-License-Identifier: GPL-2.0-only
/* create.c - vhctl create: a VM described to the kernel, before it has a VMM. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/run.h"
#include "fields.h"
#include "parse.h"
#include "vhctl.h"

static void help(void)
{
	puts("usage: vhctl create [OPTIONS] NAME\n\n"
	     "Makes a VM that is named, charged to its cgroup and listed before it runs.\n"
	     "'vhctl start' runs it; other VMMs take it by VH_ATTACH_VM. It stays until\n"
	     "'vhctl destroy'.\n\n"
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

int cmd_create(int argc, char **argv)
{
	static const struct option options[] = {
		{ "memory", required_argument, NULL, 'm' },
		{ "cpus", required_argument, NULL, 'c' },
		{ "cgroup", required_argument, NULL, 'g' },
		{ "device", required_argument, NULL, 'd' },
		OUT_OPTIONS, { }
	};
	const char *device = VH_DEVICE, *cgroup = NULL;
	uint64_t memory = 256ULL << 20;
	enum out_mode mode = OUT_TABLE;
	struct answer a = { };
	struct nl_msg *msg;
	struct out *o;
	struct nl *nl;
	char uuid[37];
	int opt, dev, cpus = 1;

	while ((opt = getopt_long(argc, argv, "m:c:g:d:" OUT_OPTIONS_SHORT, options, NULL)) != -1) {
		if (out_option(opt, &mode))
			continue;
		switch (opt) {
		case 'm':
			if (!option_memory(optarg, &memory))
				return EXIT_USAGE;
			break;
		case 'c':
			if (!option_cpus(optarg, &cpus))
				return EXIT_USAGE;
			break;
		case 'g':
			cgroup = optarg;
			break;
		case 'd':
			device = optarg;
			break;
		case 'h':
			help();
			return EXIT_OK;
		default:
			return usage_error(argv[0]);
		}
	}
	if (argc - optind != 1) {
		error(optind == argc ? "which name?" : "too many arguments");
		return usage_error(argv[0]);
	}
	if (strlen(argv[optind]) > VH_VM_NAME_MAX) {
		error("'%s': a name has at most %d bytes", argv[optind], VH_VM_NAME_MAX);
		return EXIT_ERROR;
	}
	nl = vh_open();
	if (!nl)
		return EXIT_ERROR;
	dev = device_open(device);
	if (dev < 0)
		return EXIT_ERROR;
	msg = vh_request(nl, VH_CMD_VM_CREATE, 0);
	nla_put_string(msg, VH_A_VM_NAME, argv[optind]);
	nla_put_u32(msg, VH_A_VM_VCPUS, cpus);
	nla_put_u64(msg, VH_A_VM_MEMORY, memory);
	nla_put_s32(msg, VH_A_VM_DEV_FD, dev);
	if (cgroup && put_cgroup(msg, cgroup))
		return EXIT_ERROR;
	if (vh_talk(nl, msg, on_answer, &a) || !a.valid) {
		error("cannot create '%s': %s", argv[optind], vh_words(nl));
		return EXIT_ERROR;
	}
	if (mode == OUT_TABLE) {
		printf("%u\n", a.vm.id);
	} else {
		uuid_text(a.vm.uuid, uuid);
		o = out_new(mode);
		out_object(o);
		out_number(o, "id", NULL, a.vm.id);
		out_text(o, "name", NULL, a.vm.name);
		out_text(o, "uuid", NULL, uuid);
		out_finish(o, true);
	}
	vh_close(nl);
	return EXIT_OK;
}
