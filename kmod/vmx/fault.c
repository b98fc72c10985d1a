// SPDX-License-Identifier: GPL-2.0-only
/* fault.c - debug build: VMX instructions that fail on demand (fault.h). */
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "fault.h"

static const char *const names[VMX_NR_INSNS] = {
	"vmxon", "vmclear", "vmptrld", "enter", "invept", "invvpid", "vmread", "vmwrite",
	"mce", "mce-entry", "perf", "bus-lock", "notify",
};

unsigned int vmx_fault_mask;
static DEFINE_RAW_SPINLOCK(lock);	/* all below; interrupts off */
static unsigned long to_go;		/* the instruction that is to fail: 1 is the next */
static unsigned long failed;
static bool forever;

/**
 * vmx_fault_due - count one that may have to fail
 * @insn: which
 *
 * Any context but NMI. Returns true when it fails.
 */
bool vmx_fault_due(enum vmx_insn insn)
{
	unsigned long flags;
	bool due = false;

	raw_spin_lock_irqsave(&lock, flags);
	if (forever && failed) {
		due = true;
	} else if (vmx_fault_mask & BIT(insn) && to_go && !--to_go) {
		due = true;
		if (!forever)
			vmx_fault_mask = 0;
	}
	failed += due;
	raw_spin_unlock_irqrestore(&lock, flags);
	return due;
}

static int fault_set(const char *value, const struct kernel_param *kp)
{
	char text[80], how[8] = "", *name, *at = text;
	unsigned int mask = 0;
	unsigned long n;
	char list[64];
	int i;

	strscpy(text, value, sizeof(text));
	if (sscanf(text, "%63s %lu %7s", list, &n, how) < 2 || (how[0] && strcmp(how, "forever")))
		return -EINVAL;
	at = list;
	while ((name = strsep(&at, ","))) {
		i = match_string(names, VMX_NR_INSNS, name);
		if (i < 0 && strcmp(name, "none"))
			return -EINVAL;
		if (i >= 0)
			mask |= BIT(i);
	}
	raw_spin_lock_irq(&lock);
	to_go = n;
	failed = 0;
	forever = how[0];
	WRITE_ONCE(vmx_fault_mask, n ? mask : 0);
	raw_spin_unlock_irq(&lock);
	return 0;
}

static int fault_get(char *buffer, const struct kernel_param *kp)
{
	return sprintf(buffer, "%lu %lu\n", READ_ONCE(to_go), READ_ONCE(failed));
}

static const struct kernel_param_ops fault_ops = { .set = fault_set, .get = fault_get };
module_param_cb(fail_vmx, &fault_ops, NULL, 0600);
MODULE_PARM_DESC(fail_vmx, "debug build: the N-th of these VMX instructions fails, \"vmptrld,enter N [forever]\"");
