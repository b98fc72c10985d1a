// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that makes the kernel complain, so that the lab can be seen to
 * notice: insmod trouble.ko kind=warn|oops|atomic|spin
 */
#include <linux/module.h>
#include <linux/delay.h>
#include <linux/preempt.h>

static char *kind = "";
module_param(kind, charp, 0444);
MODULE_PARM_DESC(kind, "warn, oops, atomic or spin");

static int __init trouble_init(void)
{
	if (!strcmp(kind, "warn")) {
		WARN(1, "asked for\n");
	} else if (!strcmp(kind, "oops")) {
		*(volatile int *)8UL = 1;
	} else if (!strcmp(kind, "atomic")) {
		preempt_disable();
		msleep(1);
		preempt_enable();
	} else if (!strcmp(kind, "spin")) {
		local_irq_disable();
		for (;;)
			cpu_relax();
	}
	return 0;
}

static void __exit trouble_exit(void)
{
}

module_init(trouble_init);
module_exit(trouble_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Provokes kernel complaints for the lab's self-test");
