// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers of the netlink family at their edges: reservations, limits, ids. What is refused is
 * refused in words, nothing stays of it, and the next VM of the same cgroup runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host.h"

static const uint64_t numbers[] = {
	0, 1, 2, 0x11f, 0x120, 0x121, 0xfff, 0x1000, 0x1001, 0x7fffffff, 0x80000000, 0xfffff000,
	0xfffffffe, 0xffffffff, 0x100000000, 0x7fffffffffff, 0x800000000000, 0x000fffffffffffff,
	0x0010000000000000, 0x3fffffffffffffff, 0x4000000000000000, 0x7ffffffffffff000,
	0x7ffffffffffffffe, 0x7fffffffffffffff, 0x8000000000000000, 0x8000000000000001,
	0xfffffffffffff000, 0xfffffffffffffffe, 0xffffffffffffffff,
};
#define N (sizeof(numbers) / sizeof(numbers[0]))

static bool clean(int err)
{
	return err == -EINVAL || err == -ERANGE || err == -EDQUOT || err == -ENOMEM ||
	       err == -ENOENT || err == -EOVERFLOW || err == -E2BIG;
}

/* A VM with a vCPU and memory, here and now. */
static int can_run(void)
{
	struct kvm_userspace_memory_region mem = { .memory_size = 4096 };
	static char page[8192];
	int vm = ioctl(kvm_open(), KVM_CREATE_VM, 0), vcpu, err = 0;

	if (vm < 0)
		return -errno;
	mem.userspace_addr = ((unsigned long)page + 4095) & ~4095ul;
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0 || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &mem))
		err = -errno;
	if (vcpu >= 0)
		close(vcpu);
	close(vm);
	return err;
}

static void reserve_one(struct tap_result *r, struct conn *c, uint32_t vcpus, uint64_t memory)
{
	int id = vm_define(c, kvm_open(), NULL, vcpus, memory, -1, -1), fd;

	if (id < 0) {
		WANT(clean(id) && c->message[0], "%u vCPUs, %#llx bytes: %d, \"%s\"", vcpus,
		     (unsigned long long)memory, id, c->message);
	} else {
		/* whoever attaches finds what was reserved */
		fd = ioctl(kvm_open(), VH_ATTACH_VM, &id);
		WANT(fd >= 0, "attach: %s", strerror(errno));
		close(fd);
		WANT_EQ(vm_command(c, VH_CMD_VM_DESTROY, id), 0);
	}
	WANT_EQ(can_run(), 0);
}

static void reserve(struct tap_result *r, const void *arg)
{
	struct group_info g;
	struct conn c;
	unsigned int i;
	int dir;

	(void)arg;
	conn_open(&c);
	dir = cgroup_make("hostile");
	cgroup_enter("hostile");
	for (i = 0; i < N; i++) {
		reserve_one(r, &c, 1, numbers[i]);
		reserve_one(r, &c, numbers[i], 0);
		reserve_one(r, &c, numbers[i], numbers[i]);
	}
	WANT_EQ(get_group(&c, dir, &g), 0);
	WANT_EQ(g.usage[VH_RES_VMS], 0);
	WANT_EQ(g.usage[VH_RES_VCPUS], 0);
	WANT_EQ(g.usage[VH_RES_MEMORY], 0);
	cgroup_enter(".");
	cgroup_remove("hostile");
}

static void limits(struct tap_result *r, const void *arg)
{
	struct group_info g;
	struct conn c;
	unsigned int i, res;
	int dir, err;

	(void)arg;
	conn_open(&c);
	dir = cgroup_make("hostile");
	cgroup_enter("hostile");
	for (res = 0; res < 4; res++) {
		for (i = 0; i < N; i++) {
			err = set_limit(&c, dir, -1, res, numbers[i]);
			WANT(!err || clean(err), "limit %#llx of resource %u: %d",
			     (unsigned long long)numbers[i], res, err);
			err = can_run();
			WANT(!err || (err == -EDQUOT && numbers[i] < 8192) || err == -ENOMEM,
			     "limit %#llx of resource %u: a VM gives %d",
			     (unsigned long long)numbers[i], res, err);
			WANT_EQ(get_group(&c, dir, &g), 0);
			WANT_EQ(g.usage[res], 0);
		}
		WANT_EQ(set_limit(&c, dir, -1, res, ~0ull), 0);
		WANT_EQ(can_run(), 0);
	}
	cgroup_enter(".");
	cgroup_remove("hostile");
}

static void ids(struct tap_result *r, const void *arg)
{
	static const int commands[] = {
		VH_CMD_VM_DESTROY, VH_CMD_VM_PAUSE, VH_CMD_VM_RESUME, VH_CMD_VM_STOP, VH_CMD_VM_KILL,
	};
	struct vcpu_info v;
	struct group_info g;
	struct vm_info info;
	struct conn c;
	unsigned int i, j;
	struct vm vm;

	(void)arg;
	conn_open(&c);
	vm_with_code(&vm, guest_spin, sizeof(guest_spin), 0);
	for (i = 0; i < N; i++) {
		if ((uint32_t)numbers[i] == id_of(&vm))
			continue;
		WANT(clean(get_vm(&c, numbers[i], &info)), "VM %#x", (uint32_t)numbers[i]);
		WANT(ioctl(kvm_open(), VH_ATTACH_VM, &numbers[i]) < 0 && clean(-errno), "attach to VM %#x",
		     (uint32_t)numbers[i]);
		for (j = 0; j < sizeof(commands) / sizeof(commands[0]); j++)
			WANT(clean(vm_command(&c, commands[j], numbers[i])), "command %d on VM %#x",
			     commands[j], (uint32_t)numbers[i]);
		if ((uint32_t)numbers[i])
			WANT(clean(get_vcpu(&c, id_of(&vm), numbers[i], &v)), "vCPU %#x",
			     (uint32_t)numbers[i]);
		if (numbers[i] > 0x1001)	/* below are cgroups that there are */
			WANT(clean(get_group_id(&c, numbers[i], &g)), "group %#llx",
			     (unsigned long long)numbers[i]);
	}
	WANT_EQ(get_vm(&c, id_of(&vm), &info), 0);
	vm_destroy(&vm);
	WANT_EQ(can_run(), 0);
}

/* What users may have, and which user is meant. */
static void users(struct tap_result *r, const void *arg)
{
	static const uint32_t uids[] = { 0, 1, 1000, 0x7fffffff, 0x80000000, 0xfffffffe };
	struct user_info u;
	unsigned int i, q;
	struct conn c;
	uint64_t want;
	int err;

	(void)arg;
	conn_open(&c);
	for (q = 0; q < 4; q++)
		for (i = 0; i < N; i++) {
			err = set_quota(&c, 1234, q, numbers[i]);
			WANT(!err || (clean(err) && c.message[0]), "quota %u, %#llx: %d \"%s\"", q,
			     (unsigned long long)numbers[i], err, c.message);
			WANT_EQ(get_user(&c, 1234, &u), 0);
			want = numbers[i];
			if (q == VH_QUOTA_RESERVED && want < VH_LIMIT_DEFAULT)
				want &= ~0xfffull;
			if (err || numbers[i] == VH_LIMIT_DEFAULT)
				continue;
			WANT(u.limit[q] == want, "quota %u, %#llx: it is %#llx", q, (unsigned long long)numbers[i],
			     (unsigned long long)u.limit[q]);
			WANT_EQ(can_run(), 0);
		}
	for (q = 0; q < 4; q++)
		WANT_EQ(set_quota(&c, 1234, q, VH_LIMIT_DEFAULT), 0);
	for (i = 0; i < sizeof(uids) / sizeof(uids[0]); i++) {
		msg_begin(&c, VH_CMD_USER_GET, 0);
		msg_u32(&c, VH_A_USER_UID, uids[i]);
		WANT_EQ(msg_send(&c, user_from, &u), 0);
		WANT_EQ(u.uid, uids[i]);
	}
	/* no user, which would be all of them */
	msg_begin(&c, VH_CMD_USER_GET, 0);
	msg_u32(&c, VH_A_USER_UID, -1);
	WANT_EQ(msg_send(&c, NULL, NULL), -ENOENT);
	WANT_EQ(can_run(), 0);
}

/* Dumps of one: of a VM's vCPUs, of a group. */
static void dumps(struct tap_result *r, const void *arg)
{
	struct conn c;
	unsigned int i;
	int err;

	(void)arg;
	conn_open(&c);
	for (i = 0; i < N; i++) {
		msg_begin(&c, VH_CMD_VCPU_GET, NLM_F_DUMP);
		msg_u32(&c, VH_A_VCPU_VM_ID, numbers[i]);
		err = msg_send(&c, NULL, NULL);
		WANT(clean(err), "vCPUs of VM %#x: %d", (uint32_t)numbers[i], err);
		msg_begin(&c, VH_CMD_GROUP_GET, NLM_F_DUMP);
		msg_u64(&c, VH_A_GROUP_CGROUP_ID, numbers[i]);
		err = msg_send(&c, NULL, NULL);
		WANT(clean(err) || numbers[i] <= 0x1001, "group %#llx: %d", (unsigned long long)numbers[i], err);
		msg_begin(&c, VH_CMD_GROUP_GET, NLM_F_DUMP);
		msg_u32(&c, VH_A_GROUP_CGROUP_FD, numbers[i]);
		err = msg_send(&c, NULL, NULL);
		WANT(clean(err) || err == -EBADF, "group of descriptor %#x: %d", (uint32_t)numbers[i], err);
	}
	WANT_EQ(can_run(), 0);
}

/* Cgroups as deep as one likes: what is done for each ancestor has a bound. */
static void deep_cgroups(struct tap_result *r, const void *arg)
{
	char path[40 * 4] = "h", all[40][40 * 4];
	struct conn c;
	int i, id;

	(void)arg;
	conn_open(&c);
	for (i = 0; i < 34; i++) {
		close(cgroup_make(path));
		strcpy(all[i], path);
		strcat(path, "/h");
	}
	id = vm_define(&c, kvm_open(), "deep", 1, 0, cgroup_procs(all[31]), -1);
	WANT(id > 0, "32 levels: %d", id);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id), 0);
	WANT_EQ(vm_define(&c, kvm_open(), "deep", 1, 0, cgroup_procs(all[32]), -1), -ELOOP);
	WANT(strstr(c.message, "32 levels"), "'%s'", c.message);
	WANT_EQ(set_limit(&c, open(CGROUP "/h", O_RDONLY), -1, VH_RES_VMS, VH_LIMIT_NONE), 0);
	WANT_EQ(can_run(), 0);
	while (i--)
		cgroup_remove(all[i]);
}

const struct test_case hostile_cases[] = {
	{ "hostile-reserve", reserve, NULL },
	{ "hostile-limits", limits, NULL },
	{ "hostile-ids", ids, NULL },
	{ "hostile-users", users, NULL },
	{ "hostile-dumps", dumps, NULL },
	{ "hostile-depth", deep_cgroups, NULL },
	{ NULL, NULL, NULL }
};
