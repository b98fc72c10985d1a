// SPDX-License-Identifier: GPL-2.0-only
/* ls.c - vhctl ls, vhctl ps, vhctl show. */
#include "fields.h"
#include "vhctl.h"

enum which { LS, PS, SHOW };

static void help(enum which which)
{
	static const char *const texts[] = {
		[LS] = "ls [OPTIONS] [VM...]\n\nLists the VMs that you may see: your own, or as root all.",
		[PS] = "ps [OPTIONS] [VM...]\n\nLists the VMs that have a VMM: as ls, without those that are only defined.",
		[SHOW] = "show [OPTIONS] VM...\n\nAll that is known of VMs.",
	};

	printf("usage: vhctl %s\n\n", texts[which]);
	if (which == PS)
		puts("  -a, --all       those that are only defined, too");
	if (which != SHOW)
		puts("  -q, --quiet     ids, and nothing else");
	fputs(OUT_OPTIONS_HELP, stdout);
}

/* @o: NULL: only the id. */
static void show(struct out *o, const struct vm *vm)
{
	if (o)
		vm_fields(o, vm);
	else
		printf("%u\n", vm->id);
}

/* VMs that are named, or all of them; of these @defined, too. An exit status, told. */
static int each(struct nl *nl, struct out *o, char **name, bool defined)
{
	int status = EXIT_OK;
	struct vm_list vms;
	struct vm vm;

	if (!*name) {
		if (vms_get(nl, &vms))
			status = EXIT_ERROR;
		for (unsigned int i = 0; i < vms.n; i++)
			if (defined || vms.v[i].state != VH_VM_DEFINED)
				show(o, &vms.v[i]);
		vms_free(&vms);
	}
	for (; *name; name++) {
		if (vm_get(nl, *name, &vm)) {
			status = EXIT_ERROR;
			continue;
		}
		show(o, &vm);
		vm_free(&vm);
	}
	return status;
}

static int list(int argc, char **argv, enum which which)
{
	static const char *const titles[] = {
		"ID", "NAME", "STATE", "VCPUS", "MEMORY", "TABLES", "AGE", "USER", "PID", "COMMAND", "CGROUP", NULL,
	};
	static const struct option options[] = {
		OUT_OPTIONS, { "quiet", no_argument, NULL, 'q' }, { "all", no_argument, NULL, 'a' }, { }
	};
	enum out_mode mode = which == SHOW ? OUT_LINES : OUT_TABLE;
	bool all = which != PS, quiet = false;
	struct out *o = NULL;
	struct nl *nl;
	int opt, status;

	while ((opt = getopt_long(argc, argv, which == SHOW ? OUT_OPTIONS_SHORT : OUT_OPTIONS_SHORT "qa", options,
				  NULL)) != -1) {
		if (out_option(opt, &mode))
			continue;
		if (opt == 'h') {
			help(which);
			return EXIT_OK;
		}
		if (which == SHOW || (opt != 'q' && opt != 'a'))
			return usage_error(argv[0]);
		quiet |= opt == 'q';
		all |= opt == 'a';
	}
	if (which == SHOW && optind == argc) {
		error("which VM?");
		return usage_error(argv[0]);
	}
	nl = vh_open();
	if (!nl)
		return EXIT_ERROR;
	if (!quiet)
		o = out_new(mode);
	status = each(nl, o, argv + optind, all);
	if (o && !status)
		out_titles(o, titles);
	if (o)
		out_finish(o, which == SHOW && argc - optind == 1 && !status);
	vh_close(nl);
	return status;
}

int cmd_ls(int argc, char **argv)
{
	return list(argc, argv, LS);
}

int cmd_ps(int argc, char **argv)
{
	return list(argc, argv, PS);
}

int cmd_show(int argc, char **argv)
{
	return list(argc, argv, SHOW);
}
