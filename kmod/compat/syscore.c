// SPDX-License-Identifier: GPL-2.0-only
/* syscore.c - suspend and resume with one CPU left, before and after callbacks took data. */
#include <linux/syscore_ops.h>

#include "compat.h"

static int (*on_suspend)(void);
static void (*on_resume)(void);

#ifdef VH_HAVE_SYSCORE_DATA

static int suspend(void *data)
{
	return on_suspend();
}

static void resume(void *data)
{
	on_resume();
}

static const struct syscore_ops ops = { .suspend = suspend, .resume = resume };
static struct syscore core = { .ops = &ops };

#define register_it()	register_syscore(&core)
#define unregister_it()	unregister_syscore(&core)

#else

static int suspend(void)
{
	return on_suspend();
}

static void resume(void)
{
	on_resume();
}

static struct syscore_ops ops = { .suspend = suspend, .resume = resume };

#define register_it()	register_syscore_ops(&ops)
#define unregister_it()	unregister_syscore_ops(&ops)

#endif

/**
 * vh_syscore_register - be called when the host suspends and resumes
 * @suspend_fn: one CPU online, interrupts off
 * @resume_fn: the same
 *
 * Process context. There is one user.
 */
void vh_syscore_register(int (*suspend_fn)(void), void (*resume_fn)(void))
{
	on_suspend = suspend_fn;
	on_resume = resume_fn;
	register_it();
}

/**
 * vh_syscore_unregister - and no more
 */
void vh_syscore_unregister(void)
{
	unregister_it();
}
