// SPDX-License-Identifier: GPL-2.0-only
/* end.c - how a VM ends: the first reason counts, and who waits for it is woken. */
#include <stdio.h>

#include "vhctl.h"
#include "vmm/devices.h"
#include "vmm/vmm.h"

void vmm_stop(struct vmm *v, int status, const char *reason, ...)
{
	va_list ap;

	pthread_mutex_lock(&v->lock);
	if (!v->stopping) {
		v->stopping = true;
		v->status = status;
		if (reason) {
			va_start(ap, reason);
			vsnprintf(v->reason, sizeof(v->reason), reason, ap);
			va_end(ap);
		}
	}
	pthread_mutex_unlock(&v->lock);
	if (v->wake)
		v->wake();
}

void vmm_ask_stop(struct vmm *v)
{
	bool pressed;

	pthread_mutex_lock(&v->bus.lock);
	pressed = pm_press(v->pm);
	pthread_mutex_unlock(&v->bus.lock);
	pthread_mutex_lock(&v->lock);
	if (pressed && !v->stop_at)
		v->stop_at = now_ms() + v->cfg->stop_ms;
	pthread_mutex_unlock(&v->lock);
	if (!pressed)
		vmm_stop(v, EXIT_QUIT, "stopped; the guest does not listen to its power button");
	if (v->wake)
		v->wake();	/* for the time limit */
}
