// SPDX-License-Identifier: GPL-2.0-only
/* What single cases need of the host. */
#include <string.h>

#include "harness.h"

static bool hlt_exit(struct ctx *c, struct vcpu *v)
{
	if (v->run->exit_reason != KVM_EXIT_HLT)
		return false;
	*(uint32_t *)(c->vm.mem + DATA) = 1;
	return true;
}

/* A hypervisor without task switches has to say so. */
static bool task_switch_exit(struct ctx *c, struct vcpu *v)
{
	if (v->run->exit_reason != KVM_EXIT_INTERNAL_ERROR)
		return false;
	tap_skip(c->result, "not emulated, and says so");
	ctx_end(c);
	return true;
}

static bool set_tpr_exit(struct ctx *c, struct vcpu *v)
{
	(void)c;
	return v->run->exit_reason == KVM_EXIT_SET_TPR;
}

static void mmio_real_setup(struct ctx *c)
{
	struct kvm_sregs s;

	xioctl(c->vm.vcpu[0].fd, KVM_GET_SREGS, &s);
	s.es.base = MMIO_BASE;
	xioctl(c->vm.vcpu[0].fd, KVM_SET_SREGS, &s);
}

/* A port that is nobody's. */
static bool pio_imm_exit(struct ctx *c, struct vcpu *v)
{
	(void)c;
	return v->run->exit_reason == KVM_EXIT_IO && v->run->io.port == 0xf0;
}

const struct hook hooks[] = {
	{ "hlt-exit", NULL, hlt_exit },
	{ "task-switch", NULL, task_switch_exit },
	{ "cr8-no-irqchip", NULL, set_tpr_exit },
	{ "mmio-real", mmio_real_setup, NULL },
	{ "pio-imm", NULL, pio_imm_exit },
	{ NULL, NULL, NULL }
};

const struct host_case host_cases[] = {
	{ NULL, NULL }
};
