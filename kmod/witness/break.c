// SPDX-License-Identifier: GPL-2.0-only
/* break.c - debug build: the parameter break=, one thing that is left out, for tests/witness.sh --bites. */
#include <linux/module.h>
#include <linux/string.h>

#include "witness.h"

static const char *const names[VH_NR_BREAKS] = {
	"none", "invept", "invvpid", "vmclear", "flush", "protect", "dr", "gsbase", "tscaux",
};

unsigned int vh_broken;

static int break_set(const char *value, const struct kernel_param *kp)
{
	int i = sysfs_match_string(names, value);

	if (i < 0)
		return i;
	WRITE_ONCE(vh_broken, i);
	return 0;
}

static int break_get(char *buffer, const struct kernel_param *kp)
{
	return sprintf(buffer, "%s\n", names[READ_ONCE(vh_broken)]);
}

static const struct kernel_param_ops break_ops = { .set = break_set, .get = break_get };
module_param_cb(break, &break_ops, NULL, 0600);
MODULE_PARM_DESC(break, "debug build: leave one thing out that a witness has to miss (invept, invvpid, vmclear, flush, protect, dr, gsbase, tscaux)");
