// SPDX-License-Identifier: GPL-2.0-only
/* memory.c - vhctl memory: how much memory a VM can have, and another size of it. */
#include <stdio.h>

#include "cmd/sizes.h"
#include "fields.h"
#include "vhctl.h"

static void help(void)
{
	puts("usage: vhctl memory [OPTIONS] VM [SIZE]\n\n"
	     "How much memory a VM with --memory SIZE,max=SIZE has. With SIZE it may have so much, all in all,\n"
	     "and its guest is asked to plug it, or to give back what is above, which takes it a while.\n\n"
	     "  memory    what it began with\n"
	     "  max       what it can have\n"
	     "  target    what it may have now, and the guest is asked to have\n"
	     "  actual    what the guest has plugged, and what it began with\n"
	     "  charged   what the VM is charged for of both\n"
	     "  driver    has the guest one (virtio_mem)?\n\n"
	     OUT_OPTIONS_HELP);
}

int cmd_memory(int argc, char **argv)
{
	static const struct sizes memory = { "memory", help, { "memory", "max", "target", "actual", "charged" }, NULL };

	return sizes_command(argc, argv, &memory);
}
