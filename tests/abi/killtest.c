// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMMs killed at random moments: nothing may stay behind. After a number of
 * rounds that let caches and pools fill, the host's memory figures are taken;
 * after all the rest they must be the same but for noise, no process may be
 * left, and the module's reference count must be zero.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#include "../lib/kvm.h"

extern const uint8_t guest_image[], guest_image_end[];

#define WARM_UP	30
#define MEM_SIZE	(8u << 20)

static unsigned int seed = 1;

static unsigned int random_below(unsigned int n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

static void *run_vcpu(void *arg)
{
	struct vcpu *v = arg;

	for (;;)
		if (vcpu_run(v))
			usleep(1000);
	return NULL;
}

static void entry_of(const char *name, uint32_t *rip)
{
	const uint8_t *e = guest_image + 8;

	while (strncmp((const char *)e, name, 12))
		e += 16;
	memcpy(rip, e + 12, 4);
}

/* A VMM; it never returns. What it does depends on the random seed. */
static void vmm(void)
{
	static const char *const guests[] = { "mixed", "spin", "touch", "halt" };
	unsigned int vcpus = 1 + random_below(3), i;
	unsigned int flags = VM_IRQCHIP | (random_below(2) ? VM_PIT : 0);
	pthread_t t;
	struct vm vm;

	vm_create(&vm, MEM_SIZE, flags);
	vm_build_tables(&vm);
	memcpy(vm.mem + 0x1000, guest_image, guest_image_end - guest_image);
	for (i = 0; i < vcpus; i++) {
		struct kvm_mp_state mp = { KVM_MP_STATE_RUNNABLE };
		struct kvm_regs regs;
		struct vcpu *v;
		uint32_t rip;

		v = vm_add_vcpu(&vm);
		entry_of(guests[random_below(4)], &rip);
		vcpu_set_mode(&vm, v, MODE_FLAT32, rip, 0x8000);
		xioctl(v->fd, KVM_GET_REGS, &regs);
		regs.rsi = 0x100000;
		regs.rcx = 500;
		xioctl(v->fd, KVM_SET_REGS, &regs);
		xioctl(v->fd, KVM_SET_MP_STATE, &mp);
	}
	for (i = 0; i < 4; i++) {
		struct kvm_irqfd f = { .gsi = 5 + i };
		struct kvm_ioeventfd e = { .addr = 0x2000 + i, .len = 1 };

		f.fd = eventfd(0, EFD_CLOEXEC);
		ioctl(vm.fd, KVM_IRQFD, &f);
		e.fd = f.fd;
		ioctl(vm.fd, KVM_IOEVENTFD, &e);
	}
	for (i = 0; i < vcpus; i++)
		pthread_create(&t, NULL, run_vcpu, &vm.vcpu[i]);
	for (;;) {
		switch (random_below(4)) {
		case 0:
			madvise(vm.mem + 0x100000, 0x100000, MADV_DONTNEED);
			break;
		case 1:
			vm_slot(&vm, 1, KVM_MEM_LOG_DIRTY_PAGES, 0x10000000,
				0x100000, vm.mem + 0x100000);
			break;
		case 2:
			vm_slot(&vm, 1, 0, 0x10000000, 0, vm.mem);
			break;
		case 3:
			if (!fork()) {	/* a second process has the VM's files */
				usleep(random_below(5000));
				_exit(0);
			}
			break;
		}
		usleep(random_below(2000));
	}
}

static bool round_(unsigned int limit_us)
{
	int status;
	pid_t pid;

	seed += 7919;
	pid = fork();
	if (pid < 0) {
		perror("fork");
		return false;
	}
	if (!pid) {
		setpgid(0, 0);
		if (!freopen("/dev/null", "w", stdout))
			_exit(1);
		vmm();
	}
	setpgid(pid, pid);
	usleep(random_below(limit_us));
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid) {
		perror("waitpid");
		return false;
	}
	if (!WIFSIGNALED(status)) {
		printf("not ok: the VMM ended by itself, status %#x\n", status);
		return false;
	}
	while (waitpid(-1, &status, WNOHANG) > 0)
		;
	return true;
}

static long meminfo(const char *key)
{
	char line[200], name[100];
	long kb, found = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%99[^:]: %ld", name, &kb) == 2 &&
		    !strcmp(name, key))
			found = kb;
	if (f)
		fclose(f);
	return found;
}

static void settle(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	usleep(300000);		/* RCU, deferred puts, the last exits */
	if (fd >= 0) {
		if (write(fd, "3", 1) != 1)
			perror("drop_caches");
		close(fd);
	}
	usleep(200000);
}

static const struct figure {
	const char *key;
	long noise;		/* kB that it may grow (or, MemFree, shrink) */
} figures[] = {
	{ "MemFree", 4096 },
	{ "Slab", 1024 },
	{ "PageTables", 128 },
	{ "SecPageTables", 64 },
	{ "KernelStack", 128 },
	{ "VmallocUsed", 512 },
	{ "Percpu", 256 },
	{ "Mlocked", 0 },
	{ "Unevictable", 64 },
};

#define FIGURES	(sizeof(figures) / sizeof(figures[0]))

/* Caches of the module's own have to be empty. */
static bool caches_empty(const char *module)
{
	char line[400], name[100];
	unsigned long active;
	bool ok = true;
	FILE *f = fopen("/proc/slabinfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%99s %lu", name, &active) == 2 &&
		    !strncmp(name, module, strlen(module)) &&
		    name[strlen(module)] == '_' && active) {
			printf("# slab cache %s: %lu objects\n", name, active);
			/* per-CPU slabs are counted as active */
			if (active > 256)
				ok = false;
		}
	if (f)
		fclose(f);
	return ok;
}

static long refcount(const char *module)
{
	char path[200];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	f = fopen(path, "r");
	if (f && fscanf(f, "%ld", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

static void usage(FILE *to)
{
	fprintf(to,
		"usage: killtest [--count N] [--module NAME] [--seed N] [--window US] [DEVICE]\n"
		"  --count N      VMMs to kill (200)\n"
		"  --module NAME  whose references are counted (vh; kvm_intel for /dev/kvm)\n"
		"  --seed N       another sequence of random moments\n"
		"  --window US    a VMM lives less than that (60000)\n");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'c' },
		{ "module", required_argument, NULL, 'm' },
		{ "seed", required_argument, NULL, 's' },
		{ "window", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	unsigned int count = 200, window = 60000, i;
	const char *module = NULL;
	long before[FIGURES];
	bool ok = true;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			count = atoi(optarg);
			break;
		case 'm':
			module = optarg;
			break;
		case 's':
			seed = atoi(optarg);
			break;
		case 'w':
			window = atoi(optarg);
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc)
		kvm_device = argv[optind];
	if (!module)
		module = strstr(kvm_device, "kvm") ? "kvm_intel" : "vh";
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < count + WARM_UP; i++) {
		if (i == WARM_UP) {
			settle();
			for (c = 0; c < (int)FIGURES; c++)
				before[c] = meminfo(figures[c].key);
		}
		if (!round_(window))
			return 1;
	}
	settle();
	for (i = 0; i < FIGURES; i++) {
		long now = meminfo(figures[i].key);
		long grown = strcmp(figures[i].key, "MemFree") ?
			     now - before[i] : before[i] - now;

		if (before[i] < 0)
			continue;
		printf("# %s: %ld kB, then %ld kB\n", figures[i].key,
		       before[i], now);
		if (grown > figures[i].noise) {
			printf("not ok: %s has changed by %ld kB in %u rounds\n",
			       figures[i].key, grown, count);
			ok = false;
		}
	}
	if (!caches_empty(module)) {
		printf("not ok: slab caches of %s are not empty\n", module);
		ok = false;
	}
	if (refcount(module) > 0) {
		printf("not ok: %s has %ld references\n", module,
		       refcount(module));
		ok = false;
	} else {
		printf("# references of %s: %ld\n", module, refcount(module));
	}
	if (ok)
		printf("ok: %u VMMs killed, nothing left\n", count);
	return !ok;
}
