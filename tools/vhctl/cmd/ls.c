// SPDX-License-Identifier: GPL-2.0-only
/* ls.c - vhctl ls, vhctl show. */
#include "fields.h"
#include "vhctl.h"

static int list(int argc, char **argv, bool show)
{
	static const struct option options[] = { OUT_OPTIONS, { } };
	enum out_mode mode = show ? OUT_LINES : OUT_TABLE;
	int opt, status = EXIT_OK;
	struct vm_list vms;
	struct out *o;
	struct nl *nl;

	while ((opt = getopt_long(argc, argv, OUT_OPTIONS_SHORT, options, NULL)) != -1) {
		if (out_option(opt, &mode))
			continue;
		if (opt != 'h')
			return usage_error(argv[0]);
		printf("usage: vhctl %s\n\n%s\n\n" OUT_OPTIONS_HELP,
		       show ? "show [OPTIONS] VM..." : "ls [OPTIONS] [VM...]",
		       show ? "All that is known of VMs." :
		       "Lists the VMs that you may see: your own, or as root all.");
		return EXIT_OK;
	}
	if (show && optind == argc) {
		error("which VM?");
		return usage_error(argv[0]);
	}
	nl = vh_open();
	if (!nl)
		return EXIT_ERROR;
	o = out_new(mode);
	if (optind == argc) {
		if (vms_get(nl, &vms))
			status = EXIT_ERROR;
		for (unsigned int i = 0; i < vms.n; i++)
			vm_fields(o, &vms.v[i]);
		vms_free(&vms);
	}
	for (int i = optind; i < argc; i++) {
		struct vm vm;

		if (vm_get(nl, argv[i], &vm)) {
			status = EXIT_ERROR;
			continue;
		}
		vm_fields(o, &vm);
		vm_free(&vm);
	}
	out_finish(o, show && argc - optind == 1 && !status);
	vh_close(nl);
	return status;
}

int cmd_ls(int argc, char **argv)
{
	return list(argc, argv, false);
}

int cmd_show(int argc, char **argv)
{
	return list(argc, argv, true);
}
