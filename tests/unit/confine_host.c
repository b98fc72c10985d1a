// SPDX-License-Identifier: GPL-2.0-only
/* confine_host.c - confinement as it is for a VM without, for who starts threads (thread.c). */
#include <stdarg.h>

#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/plug.h"
#include "vmm/relay.h"
#include "vmm/vmm.h"

void confine_keep(int fd)
{
	(void)fd;
}

struct filter *confine_filter(struct vmm *v, enum thread_kind kind, int own, int file)
{
	(void)v, (void)kind, (void)own, (void)file;
	return (struct filter *)"";
}

int confine_thread(struct vmm *v, struct filter *f)
{
	(void)v, (void)f;
	return 0;
}

const char *confine_name(enum thread_kind kind)
{
	(void)kind;
	return "device";
}

__attribute__((weak)) bool confine_can_plug(void)
{
	return true;
}

/* relay.c: nothing comes from another process */
__attribute__((weak)) bool relay_serve(struct vmm *v, int link)
{
	(void)v, (void)link;
	return false;
}

__attribute__((weak)) const struct plug *relay_parts(void)
{
	return NULL;
}

__attribute__((weak)) void vmm_stop(struct vmm *v, int status, const char *reason, ...)
{
	(void)v, (void)status, (void)reason;
}
