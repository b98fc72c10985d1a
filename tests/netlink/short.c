// SPDX-License-Identifier: GPL-2.0-only
/* VMs that are short of page tables, or of processor time. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

/* The guest walks over much memory while its tables may have few pages. */
static void tables(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = {
		0xbb, 0x03, 0x00, 0x00, 0x00,		/* mov ebx, 3 rounds */
		0xbf, 0x00, 0x00, 0x20, 0x00,		/* next: mov edi, 2M */
		0x89, 0x3f,				/* store: mov [edi], edi */
		0x81, 0xc7, 0x00, 0x00, 0x20, 0x00,	/* add edi, 2M */
		0x81, 0xff, 0x00, 0x00, 0x00, 0x08,	/* cmp edi, 128M */
		0x72, 0xf0,				/* jb store */
		0x4b,					/* dec ebx */
		0x75, 0xe8,				/* jnz next */
		0xe6, 0x81,
	};
	int dir = cgroup_make("tight"), i;
	struct group_info g;
	struct event_info e;
	struct vm_info info;
	struct conn c, events;
	struct vm vm;

	(void)arg;
	conn_open(&c);
	WANT_EQ(set_limit(&c, dir, -1, VH_RES_TABLES, 32 << 12), 0);
	cgroup_enter("tight");
	vm_create(&vm, 128 << 20, 0);
	madvise(vm.mem, vm.size, MADV_NOHUGEPAGE);
	vm_build_tables(&vm);
	vm_add_vcpu(&vm);
	memcpy(vm.mem + 0x1000, code, sizeof(code));
	vcpu_set_mode(&vm, &vm.vcpu[0], MODE_FLAT32, 0x1000, 0x7000);
	WANT_EQ(vcpu_run(&vm.vcpu[0]), 0);
	WANT_EQ(vm.vcpu[0].run->exit_reason, KVM_EXIT_IO);
	for (i = 1; i < 64; i++)
		WANT(*(uint32_t *)(vm.mem + (i << 21)) == (uint32_t)i << 21, "a store is lost at %d M", 2 * i);
	WANT_EQ(get_vm(&c, id_of(&vm), &info), 0);
	WANT(info.c.v[VH_A_COUNTER_RECLAIMED] >= 64 << 12, "only %llu bytes were taken back",
	     (long long)info.c.v[VH_A_COUNTER_RECLAIMED]);
	WANT_EQ(get_group(&c, dir, &g), 0);
	WANT(g.peak[VH_RES_TABLES] <= 32 << 12, "the peak is above the limit");
	WANT(g.refused[VH_RES_TABLES], "the limit was not met");
	/* too little for one VM: the run fails, and says so */
	WANT_EQ(set_limit(&c, dir, -1, VH_RES_TABLES, 4 << 12), 0);
	vcpu_set_mode(&vm, &vm.vcpu[0], MODE_FLAT32, 0x1000, 0x7000);
	madvise(vm.mem, vm.size, MADV_DONTNEED);
	memcpy(vm.mem + 0x1000, code, sizeof(code));
	conn_open(&events);
	WANT_EQ(events_ask(&events), 0);
	WANT_EQ(vcpu_run(&vm.vcpu[0]), -ENOMEM);
	WANT_EQ(get_vm(&c, id_of(&vm), &info), 0);
	WANT_EQ(info.state, VH_VM_CRASHED);
	WANT(event_next(&events, &e, 2000), "no event");
	WANT_EQ(e.type, VH_EVENT_LIMIT);
	WANT_EQ(e.resource, VH_RES_TABLES);
	WANT_EQ(e.limit, 4 << 12);
	WANT_EQ(e.cgroup, cgroup_id("tight"));
	WANT_EQ(e.vm, id_of(&vm));
	WANT(e.usage + e.requested > e.limit, "usage %llu and %llu more would be below the limit",
	     (long long)e.usage, (long long)e.requested);
	/* with ept=0 refused twice: without the tables that the vCPU then gives up, and with them */
	do
		WANT(event_next(&events, &e, 2000), "no event of the crash");
	while (e.type == VH_EVENT_LIMIT);
	WANT_EQ(e.type, VH_EVENT_CRASHED);
	WANT_EQ(e.reason, VH_CRASH_MEMORY);
	/* and with more it goes on */
	WANT_EQ(set_limit(&c, dir, -1, VH_RES_TABLES, VH_LIMIT_NONE), 0);
	WANT_EQ(vcpu_run(&vm.vcpu[0]), 0);
	WANT_EQ(vm.vcpu[0].run->exit_reason, KVM_EXIT_IO);
	vm_destroy(&vm);
	WANT_EQ(get_group(&c, dir, &g), 0);
	WANT_EQ(g.usage[VH_RES_TABLES], 0);
	cgroup_enter(".");
	cgroup_remove("tight");
}

/* 64 MB in small pages, of which the guest writes one in each 2 MB, then OUT, and so on. */
static void vm_that_strides(struct vm *vm)
{
	static const uint8_t code[] = {
		0xbf, 0x00, 0x00, 0x20, 0x00, 0x89, 0x3f, 0x81, 0xc7, 0x00, 0x00, 0x20, 0x00,
		0x81, 0xff, 0x00, 0x00, 0x00, 0x04, 0x72, 0xf0, 0xe6, 0x81, 0xeb, 0xe7,
	};

	vm_create(vm, 64 << 20, 0);
	madvise(vm->mem, vm->size, MADV_NOHUGEPAGE);
	vm_build_tables(vm);
	vm_add_vcpu(vm);
	memcpy(vm->mem + 0x1000, code, sizeof(code));
	vcpu_set_mode(vm, &vm->vcpu[0], MODE_FLAT32, 0x1000, 0x7000);
}

/* One group, two VMs: the one that is idle gives its tables to the one that works. */
static void shared_tables(struct tap_result *r, const void *arg)
{
	int dir = cgroup_make("two"), i;
	struct vm_info idle;
	struct conn c;
	struct vm vm[2];

	(void)arg;
	conn_open(&c);
	WANT_EQ(set_limit(&c, dir, -1, VH_RES_TABLES, 60 << 12), 0);
	cgroup_enter("two");
	for (i = 0; i < 2; i++)
		vm_that_strides(&vm[i]);
	WANT_EQ(vcpu_run(&vm[0].vcpu[0]), 0);
	for (i = 0; i < 4; i++)
		WANT_EQ(vcpu_run(&vm[1].vcpu[0]), 0);
	WANT_EQ(get_vm(&c, id_of(&vm[0]), &idle), 0);
	WANT(idle.c.v[VH_A_COUNTER_RECLAIMED], "the idle VM keeps all its tables");
	for (i = 0; i < 2; i++)
		vm_destroy(&vm[i]);
	cgroup_enter(".");
	cgroup_remove("two");
}

/*
 * cpu.max holds for a guest that spins, and whose vCPU never comes out by itself: where the kernel throttles on the way
 * to user mode (7.x), too.
 */
static void cpu_max(struct tap_result *r, const void *arg)
{
	static const uint8_t spin[] = { 0xeb, 0xfe };
	struct timespec t = { 0 }, end;
	struct runner run;
	long long wall, used;
	struct vm vm;

	(void)arg;
	slow_make("10000 100000");
	cgroup_enter("slow");
	vm_with_code(&vm, spin, sizeof(spin), 0);
	clock_gettime(CLOCK_MONOTONIC, &t);
	runner_start(&run, &vm.vcpu[0]);
	usleep(800000);
	clock_gettime(CLOCK_MONOTONIC, &end);
	used = cgroup_read("slow", "cpu.stat");
	slow_released();
	runner_stop(&run);
	wall = (end.tv_sec - t.tv_sec) * 1000000ll + (end.tv_nsec - t.tv_nsec) / 1000;
	WANT(used > 10000, "it did not run: %lld us of %lld", used, wall);
	WANT(used < wall / 5, "a tenth of a processor: %lld us of %lld", used, wall);
	vm_destroy(&vm);
	cgroup_enter(".");
	slow_remove();
}

/* The shrinker: memory pressure on the whole host takes cold tables back. */
static void pressure(struct tap_result *r, const void *arg)
{
	struct vm_info before, after;
	struct conn c;
	struct vm vm;
	int fd, i;

	(void)arg;
	conn_open(&c);
	vm_that_strides(&vm);
	WANT_EQ(vcpu_run(&vm.vcpu[0]), 0);
	WANT_EQ(get_vm(&c, id_of(&vm), &before), 0);
	fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
	for (i = 0; i < 4; i++)
		if (write(fd, "2", 1) != 1)
			tap_fail(r, "drop_caches: %s", strerror(errno));
	close(fd);
	WANT_EQ(get_vm(&c, id_of(&vm), &after), 0);
	WANT(after.tables < before.tables, "page tables: %lld before, %lld after",
	     (long long)before.tables, (long long)after.tables);
	WANT_EQ(vcpu_run(&vm.vcpu[0]), 0);	/* it faults in again */
	for (i = 1; i < 32; i++)
		WANT(*(uint32_t *)(vm.mem + (i << 21)) == (uint32_t)i << 21, "a store is lost");
	vm_destroy(&vm);
}

/* Memory pressure on a cgroup, first while its VM has no tables, takes them back when it has some. */
static void cgroup_pressure(struct tap_result *r, const void *arg)
{
	struct vm_info before, after;
	struct conn c;
	struct vm vm;
	int i;

	(void)arg;
	conn_open(&c);
	cgroup_write(".", "cgroup.subtree_control", "+memory");
	close(cgroup_make("pressed"));
	cgroup_enter("pressed");
	vm_that_strides(&vm);
	for (i = 0; i < 4; i++)
		cgroup_try("pressed", "memory.reclaim", "1M");
	WANT_EQ(get_vm(&c, id_of(&vm), &before), 0);
	WANT_EQ(before.c.v[VH_A_COUNTER_RECLAIMED], 0);
	WANT_EQ(vcpu_run(&vm.vcpu[0]), 0);
	for (i = 0; i < 8; i++)
		cgroup_try("pressed", "memory.reclaim", "1M");
	WANT_EQ(get_vm(&c, id_of(&vm), &after), 0);
	printf("# %llu bytes of tables taken back\n", (long long)after.c.v[VH_A_COUNTER_RECLAIMED]);
	fflush(stdout);
	vm_destroy(&vm);
	cgroup_enter(".");
	cgroup_remove("pressed");
	cgroup_write(".", "cgroup.subtree_control", "-memory");
	WANT(after.c.v[VH_A_COUNTER_RECLAIMED], "no page tables are taken back");
}

const struct test_case short_cases[] = {
	{ "limits-tables", tables, NULL },
	{ "limits-tables-shared", shared_tables, NULL },
	{ "limits-cpu-max", cpu_max, NULL },
	{ "limits-pressure", pressure, NULL },
	{ "limits-pressure-cgroup", cgroup_pressure, NULL },
	{ NULL, NULL, NULL }
};
