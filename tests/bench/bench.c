// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an exit costs, in TSC ticks per round trip. In the lab one tick is one
 * emulated instruction, so there the figures are path lengths, the same on
 * every run.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/kvm.h"

#define MEM_SIZE	(64u << 20)
#define EPT_BASE	(16u << 20)	/* guest.S touches pages from here */
#define CREATE_ROUNDS	20

extern const uint8_t guest_image[], guest_image_end[];

/* Rows whose guest is in guest.S, in its order, then the host-only ones. */
enum { ROW_OUT = 7, ROW_MMIO, ROW_EPT, ROW_ABSENT, ROW_RELOG, ROW_WP, ROW_PAGED_INVLPG, ROW_FILL, ROW_FAULT,
       ROW_SWITCH, ROW_FORK, ROW_CREATE, ROW_DESTROY, ROW_LIFE, ROWS };
#define ROW_LAST_GUEST	ROW_FORK

static const struct row {
	const char *key, *name;
	unsigned int rounds;
	double limit;		/* of vh's figure over KVM's; 0: none */
	double shadow_limit;	/* the same where both have no EPT, and no APIC virtualization */
} rows[ROWS] = {
	{ "cpuid", "CPUID", 10000, 0.6, 0.6 },
	{ "vmcall", "VMCALL (unknown)", 10000, 0.6, 0.6 },
	{ "rdmsr", "RDMSR MISC_ENABLE", 10000, 0.6, 0.6 },
	{ "tpr", "APIC TPR write by MMIO", 10000, 1, 0.6 },
	{ "pic", "IN from the in-kernel PIC", 10000, 0.6, 0.6 },
	{ "cr0", "CR0 write toggling WP", 10000, 0, 0.6 },
	{ "invlpg", "INVLPG", 10000, 0, 0.6 },
	{ "out", "OUT to userspace", 2000, 0.7, 0.7 },
	{ "mmio", "MMIO write to userspace", 2000, 0.7, 0.7 },
	{ "ept", "EPT violation, host page present", 10000, 0.7, 0.6 },
	{ "absent", "EPT violation, host page absent", 10000, 1, 0.8 },
	{ "relog", "first write after a dirty log", 10000, 1, 0 },
	{ "wp", "CR0.WP toggle, paging on", 10000, 0, 0.6 },
	{ "paged-invlpg", "INVLPG, paging on", 10000, 0, 0.6 },
	{ "fill", "page touched first, paging on", 10000, 0, 0.6 },
	{ "fault", "#PF of the guest's own", 5000, 0, 0.6 },
	{ "switch", "2 address spaces, 8 pages in each", 1000, 0, 1 },
	{ "fork", "fork+exit, 40 pages, 16 faults", 300, 0, 1 },
	{ "create", "create VM + irqchip + slot + vCPU", CREATE_ROUNDS, 0, 0 },
	{ "destroy", "destroy", CREATE_ROUNDS, 0, 0 },
	{ "life", "create + destroy", CREATE_ROUNDS, 0.5, 1 },
};

static void die(const char *what, int err)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(err));
	exit(2);
}

/*
 * Run up to the OUT to @port; other exits are what the row measures. With @at
 * the time of each is put there, up to @max of them; returns how many.
 */
static unsigned int run_to(struct vcpu *v, unsigned int port, uint64_t *at, unsigned int max)
{
	unsigned int n = 0;

	for (;;) {
		int r = vcpu_run(v);

		if (n < max)
			at[n++] = rdtsc();

		if (r)
			die("KVM_RUN", -r);
		if (v->run->exit_reason == KVM_EXIT_IO) {
			if (v->run->io.port == port)
				return n;
			if (v->run->io.port == 0x10)
				continue;
		}
		if (v->run->exit_reason == KVM_EXIT_MMIO &&
		    v->run->mmio.phys_addr == 0xd0000000)
			continue;
		fprintf(stderr, "bench: unexpected exit %s\n",
			exit_name(v->run->exit_reason));
		exit(2);
	}
}

/* Of the times between @n moments: a round that the host's timer hit is not the middle one. */
static double median(uint64_t *at, unsigned int n)
{
	unsigned int i;

	for (i = 0; i + 1 < n; i++)
		at[i] = at[i + 1] - at[i];
	qsort(at, n - 1, sizeof(*at), by_value);
	return at[(n - 1) / 2];
}

static void take_log(struct vm *vm)
{
	static uint64_t bits[MEM_SIZE / 4096 / 64];
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = bits };

	xioctl(vm->fd, KVM_GET_DIRTY_LOG, &log);
}

static double measure_guest(unsigned int row)
{
	static uint64_t at[2048];
	const bool each = row == ROW_OUT || row == ROW_MMIO;
	struct vm vm;
	struct vcpu *v;
	struct kvm_regs regs;
	unsigned int n;
	uint64_t start, end;
	uint32_t entry;

	vm_create(&vm, MEM_SIZE, VM_IRQCHIP);
	madvise(vm.mem, vm.size, MADV_NOHUGEPAGE);
	if (row == ROW_RELOG && vm_slot(&vm, 0, KVM_MEM_LOG_DIRTY_PAGES, 0, vm.size, vm.mem))
		die("logging", errno);
	if (row == ROW_EPT || row == ROW_FILL)
		memset(vm.mem + EPT_BASE, 1, (size_t)rows[row].rounds * 4096);
	memcpy(vm.mem + 0x1000, guest_image, guest_image_end - guest_image);
	memcpy(&entry, guest_image + 8 + 4 * row, 4);
	v = vm_add_vcpu(&vm);
	vm_build_tables(&vm);
	vcpu_set_mode(&vm, v, row >= ROW_WP ? MODE_LONG : MODE_FLAT32, entry, 0x8000);
	xioctl(v->fd, KVM_GET_REGS, &regs);
	regs.rbp = rows[row].rounds;
	xioctl(v->fd, KVM_SET_REGS, &regs);
	run_to(v, 0x1e, NULL, 0);
	if (row == ROW_RELOG)
		take_log(&vm);
	start = rdtsc();
	n = run_to(v, 0x1f, at, each ? sizeof(at) / sizeof(*at) : 0);
	end = rdtsc();
	vm_destroy(&vm);
	if (each)
		return median(at, n - 1);	/* the last is the OUT that ends the row */
	return (double)(end - start) / rows[row].rounds;
}

static void measure_life(double *create, double *destroy)
{
	uint64_t t0, t1, t2, made = 0, gone = 0;
	unsigned int i;

	for (i = 0; i <= CREATE_ROUNDS; i++) {
		struct vm vm;

		t0 = rdtsc();
		vm_create(&vm, MEM_SIZE, VM_IRQCHIP);
		vm_add_vcpu(&vm);
		t1 = rdtsc();
		vm_destroy(&vm);
		t2 = rdtsc();
		if (!i)		/* warms caches of the allocators */
			continue;
		made += t1 - t0;
		gone += t2 - t1;
	}
	*create = (double)made / CREATE_ROUNDS;
	*destroy = (double)gone / CREATE_ROUNDS;
}

/*
 * One device is measured in a process of its own: the device's file has to be
 * closed, and its VMs gone, before another owner of VMX can start.
 */
static void measure(const char *device, const char *only, double *ticks)
{
	int pipefd[2], status;
	unsigned int i;
	pid_t pid;

	if (pipe(pipefd))
		die("pipe", errno);
	pid = fork();
	if (pid < 0)
		die("fork", errno);
	if (!pid) {
		kvm_device = device;
		for (i = 0; i < ROWS; i++)
			ticks[i] = -1;
		for (i = 0; i <= ROW_LAST_GUEST; i++)
			if (!only || strstr(rows[i].key, only))
				ticks[i] = measure_guest(i);
		if (!only || strstr("create destroy life", only)) {
			measure_life(&ticks[ROW_CREATE], &ticks[ROW_DESTROY]);
			ticks[ROW_LIFE] = ticks[ROW_CREATE] +
					  ticks[ROW_DESTROY];
		}
		if (write(pipefd[1], ticks, ROWS * sizeof(*ticks)) !=
		    (ssize_t)(ROWS * sizeof(*ticks)))
			_exit(2);
		_exit(0);
	}
	close(pipefd[1]);
	if (read(pipefd[0], ticks, ROWS * sizeof(*ticks)) !=
	    (ssize_t)(ROWS * sizeof(*ticks))) {
		fprintf(stderr, "bench: %s gave no figures\n", device);
		exit(2);
	}
	close(pipefd[0]);
	if (waitpid(pid, &status, 0) < 0 || status)
		exit(2);
}

static void print_json(const char *device, const double *ticks, bool last)
{
	unsigned int i, n = 0;

	printf("{\"device\": \"%s\", \"unit\": \"tsc ticks\", \"rows\": {",
	       device);
	for (i = 0; i < ROWS; i++)
		if (ticks[i] >= 0)
			printf("%s\"%s\": %.1f", n++ ? ", " : "",
			       rows[i].key, ticks[i]);
	printf("}}%s\n", last ? "" : ",");
}

static int print_comparison(const double *base, const double *ticks, bool shadow)
{
	unsigned int i, over = 0;

	printf("%-34s %12s %12s %6s %6s  %s\n", "row", "kvm", "vh", "ratio",
	       "limit", "verdict");
	for (i = 0; i < ROWS; i++) {
		double ratio = ticks[i] / base[i];
		double limit = shadow ? rows[i].shadow_limit : rows[i].limit;
		/* Where nothing exits, a few ticks are the loop's. */
		bool bad = limit && ticks[i] > limit * base[i] + 2;

		if (ticks[i] < 0)
			continue;
		over += bad;
		printf("%-34s %12.0f %12.0f %6.2f ", rows[i].name, base[i],
		       ticks[i], ratio);
		if (limit)
			printf("%6.2f  %s\n", limit,
			       bad ? "EXCEEDED" : "ok");
		else
			printf("%6s  -\n", "-");
	}
	printf("# %u limits exceeded\n", over);
	return over ? 1 : 0;
}

#define ACCOUNTING_LIMIT 13.0	/* instructions an exit; the figures are averages */

static void save(const char *path, const double *ticks)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(ticks, sizeof(*ticks), ROWS, f) != ROWS || fclose(f))
		die(path, errno);
}

/* What save() kept. */
static void load(const char *path, double *ticks)
{
	FILE *f = fopen(path, "r");

	if (!f || fread(ticks, sizeof(*ticks), ROWS, f) != ROWS)
		die(path, errno);
	fclose(f);
}

static bool is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

/* What accounting adds, against the figures of a module built without it. */
static int print_accounting(const char *path, const double *ticks)
{
	unsigned int i, over = 0;
	double without[ROWS];

	load(path, without);
	printf("\n%-34s %12s %12s %6s %6s  %s\n", "accounting", "without", "with",
	       "adds", "limit", "verdict");
	for (i = 0; i <= ROW_EPT; i++) {
		double adds = ticks[i] - without[i];
		bool bad = adds > ACCOUNTING_LIMIT;

		if (ticks[i] < 0)
			continue;
		over += bad;
		printf("%-34s %12.0f %12.0f %6.1f %6.0f  %s\n", rows[i].name, without[i],
		       ticks[i], adds, ACCOUNTING_LIMIT, bad ? "EXCEEDED" : "ok");
	}
	return over ? 1 : 0;
}

static void usage(FILE *to)
{
	fprintf(to,
		"usage: bench [--device PATH] [--against PATH] [--only ROW] [--json]\n"
		"  --device PATH   device to measure (/dev/vh)\n"
		"  --against PATH  measure this one as well, first (or take what --save kept), and compare:\n"
		"                  status 1 if a limit is exceeded\n"
		"  --save FILE     keep the figures for a later --without\n"
		"  --without FILE  compare with those of a module built with VH_ACCT=0\n"
		"  --shadow        neither has EPT: the limits for that\n"
		"  --only ROW      rows whose key contains ROW\n"
		"  --json          print JSON instead of a table\n");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "against", required_argument, NULL, 'a' },
		{ "only", required_argument, NULL, 'o' },
		{ "save", required_argument, NULL, 's' },
		{ "without", required_argument, NULL, 'w' },
		{ "shadow", no_argument, NULL, 'S' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	const char *device = "/dev/vh", *against = NULL, *only = NULL;
	const char *save_to = NULL, *without = NULL;
	int status = 0;
	double ticks[ROWS], base[ROWS];
	bool json = false, shadow = false;
	unsigned int i;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			device = optarg;
			break;
		case 'a':
			against = optarg;
			break;
		case 'o':
			only = optarg;
			break;
		case 's':
			save_to = optarg;
			break;
		case 'w':
			without = optarg;
			break;
		case 'S':
			shadow = true;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (against && is_file(against))
		load(against, base);
	else if (against)
		measure(against, only, base);
	measure(device, only, ticks);
	if (save_to)
		save(save_to, ticks);
	if (json) {
		printf("[\n");
		if (against)
			print_json(against, base, false);
		print_json(device, ticks, true);
		printf("]\n");
		return 0;
	}
	if (against)
		status = print_comparison(base, ticks, shadow);
	if (without)
		status |= print_accounting(without, ticks);
	if (against || without)
		return status;
	printf("%-34s %12s\n", "row", "ticks");
	for (i = 0; i < ROWS; i++)
		if (ticks[i] >= 0)
			printf("%-34s %12.0f\n", rows[i].name, ticks[i]);
	return 0;
}
