// SPDX-License-Identifier: GPL-2.0-only
/*
 * unload.c: VH_CMD_VM_CREATE and the module's unloading at the same time. Its only user, the open
 * device, is closed while the request is under way, and the module is asked to go: either there is
 * a VM, and the module stays until that is destroyed, or the module goes, and there was none.
 *
 *   unload vh.ko, which is loaded
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"

#define TRIES	600
#define ENOUGH	3		/* of each way it can end */
#define STEP	200		/* instructions that the close comes later, try by try ... */
#define LATEST	30000		/* ... until all is over by then */

static struct conn conn;
static int dev, made;
static volatile int go;

static void on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int unload(void)
{
	return syscall(SYS_delete_module, "vh", O_NONBLOCK) ? -errno : 0;
}

static void load(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0)) {
		printf("not ok: %s cannot be loaded: %s\n", file, strerror(errno));
		exit(1);
	}
	close(fd);
}

static void *define(void *arg)
{
	(void)arg;
	on_cpu(1);
	go = 1;
	while (go != 2)
		;
	made = vm_define(&conn, dev, NULL, 0, 0, -1, -1);
	return NULL;
}

/* What is wrong, or NULL. @gone: the module is. */
static const char *one(unsigned int late, unsigned int *stayed, unsigned int *went, bool *gone)
{
	pthread_t thread;
	uint64_t at;
	int err;

	dev = open("/dev/vh", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		return "the device cannot be opened";
	conn_open(&conn);
	go = 0;
	pthread_create(&thread, NULL, define, NULL);
	while (!go)
		;
	go = 2;
	for (at = rdtsc(); rdtsc() - at < late;)
		;
	close(dev);
	err = unload();
	*gone = !err;
	pthread_join(thread, NULL);
	conn_close(&conn);
	if (made > 0 && *gone)
		return "the module goes, and there is a VM";
	if (made > 0) {
		++*stayed;
		if (unload() != -EWOULDBLOCK)
			return "a VM without a process does not keep the module";
		conn_open(&conn);
		err = vm_command(&conn, VH_CMD_VM_DESTROY, made);
		conn_close(&conn);
		if (err)
			return "the VM cannot be destroyed";
	} else if (made == -ENODEV) {
		++*went;
		if (!*gone)
			return "the module refuses a VM, and does not go";
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned int i, stayed = 0, went = 0;
	const char *why = NULL;
	bool gone = false;

	if (argc != 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	on_cpu(0);
	for (i = 0; i < TRIES && !why && (stayed < ENOUGH || went < ENOUGH); i++) {
		if (gone)
			load(argv[1]);
		why = one(i * STEP % LATEST, &stayed, &went, &gone);
	}
	if (gone)
		load(argv[1]);
	if (!why && (stayed < ENOUGH || went < ENOUGH))
		why = "one of the two came hardly first";
	printf("# %u tries: a VM kept the module %u times, the module refused one and went %u times\n", i, stayed, went);
	if (why)
		printf("not ok: %s\n", why);
	return !!why;
}
