// SPDX-License-Identifier: GPL-2.0-only
/* What a tenant's own operations cost it. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "neighbour.h"

#define TRIES	25

const char *const op_names[NR_OPS] = { "create", "slot", "run", "exit", "list", "group" };

struct victim {
	struct vm vm;			/* loops of CPUID, an OUT after each */
	struct conn conn;
	void *more;			/* for another memslot */
	int cgroup;
	int shown;			/* VMs in the last list */
};

/* mov ebp, 200; cpuid; dec ebp; jnz; out 0x81, al; again */
static const uint8_t loops[] = {
	0xbd, 200, 0, 0, 0, 0x0f, 0xa2, 0x4d, 0x75, 0xfb, 0xe6, 0x81, 0xeb, 0xf2,
};
/* out 0x81, al; again */
static const uint8_t outs[] = { 0xe6, 0x81, 0xeb, 0xfc };

static int create(struct victim *v)
{
	struct kvm_userspace_memory_region m = {
		.memory_size = 1 << 20, .userspace_addr = (uintptr_t)v->more,
	};
	int fd = ioctl(kvm_open(), KVM_CREATE_VM, 0), vcpu, err = 0;

	if (fd < 0)
		return -errno;
	vcpu = ioctl(fd, KVM_CREATE_VCPU, 0);
	if (vcpu < 0 || ioctl(fd, KVM_SET_USER_MEMORY_REGION, &m))
		err = -errno;
	if (vcpu >= 0)
		close(vcpu);
	close(fd);
	return err;
}

static int slot(struct victim *v)
{
	int err = vm_slot(&v->vm, 1, 0, 1 << 20, 1 << 20, v->more);

	return err ? err : vm_slot(&v->vm, 1, 0, 1 << 20, 0, v->more);
}

static int run_at(struct victim *v, uint64_t code, unsigned int exits)
{
	struct kvm_regs regs = { .rip = code, .rsp = 0x7000, .rflags = 2 };
	int err;

	if (ioctl(v->vm.vcpu[0].fd, KVM_SET_REGS, &regs))
		return -errno;
	while (exits--) {
		err = vcpu_run(&v->vm.vcpu[0]);
		if (err)
			return err;
		if (v->vm.vcpu[0].run->exit_reason != KVM_EXIT_IO)
			return -EPROTO;
	}
	return 0;
}

static int run(struct victim *v)
{
	return run_at(v, 0x2000, 20);
}

static int exits(struct victim *v)
{
	return run_at(v, 0x1000, 1);
}

static int list(struct victim *v)
{
	v->shown = dump_count(&v->conn, VH_CMD_VM_GET);
	return v->shown < 0 ? v->shown : v->shown ? 0 : -ENOENT;
}

static int group(struct victim *v)
{
	struct group_info g;

	return get_group(&v->conn, v->cgroup, &g);
}

static int (*const ops[NR_OPS])(struct victim *v) = { create, slot, run, exits, list, group };

struct request { struct cost *cost; };

static void as_user(struct tap_result *r, void *arg)
{
	struct request *q = arg;
	uint64_t ticks[TRIES];
	struct victim v;
	unsigned int op, i;

	memset(&v, 0, sizeof(v));
	conn_open(&v.conn);
	v.cgroup = cgroup_make("victim");
	v.more = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	vm_with_code(&v.vm, loops, sizeof(loops), 0);
	memcpy(v.vm.mem + 0x2000, outs, sizeof(outs));
	for (op = 0; op < NR_OPS; op++) {
		for (i = 0; i < TRIES; i++) {
			uint64_t start;
			int err;

			usleep(3000);	/* where the others get on with theirs */
			start = rdtsc();
			err = ops[op](&v);
			ticks[i] = rdtsc() - start;
			if (op == OP_LIST && v.shown > 0)
				ticks[i] /= v.shown;
			WANT(!err, "%s: %s", op_names[op], strerror(-err));
		}
		/* the first is for the caches */
		qsort(ticks + 1, TRIES - 1, sizeof(*ticks), by_value);
		q->cost[op] = (struct cost){ ticks[TRIES / 2], ticks[TRIES - 1] };
	}
	vm_destroy(&v.vm);
	conn_close(&v.conn);
}

void victim_measure(unsigned int uid, struct cost *cost, struct tap_result *r)
{
	struct sched_param normal = { 0 }, first = { .sched_priority = 50 };
	struct request *q = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	q->cost = (void *)(q + 1);
	if (sched_setscheduler(0, SCHED_FIFO, &first))
		tap_fail(r, "no real-time priority: %s", strerror(errno));
	in_child(r, uid, as_user, q);
	sched_setscheduler(0, SCHED_OTHER, &normal);
	memcpy(cost, q->cost, NR_OPS * sizeof(*cost));
	munmap(q, 4096);
}
