// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the family's policies (kmod/ctl/netlink.c) let through to its operations, against what
 * uapi/linux/vh.h says of each command: types, lengths, ranges, and nothing that a command does
 * not take.
 */
#include <kunit/test.h>
#include <linux/skbuff.h>
#include <net/genetlink.h>
#include <net/netlink.h>

#include "../../kmod/vh.h"
#include "../../kmod/ctl/netlink.h"

/* --- what the family calls elsewhere in the module: no message gets that far here --- */

DEFINE_RWLOCK(vh_registry_lock);

int vh_asker_init(struct vh_asker *a, struct sk_buff *skb) { return -EPERM; }
void vh_asker_exit(struct vh_asker *a) { }
void vh_asker_rests(struct vh_asker *a) { }
int vh_nl_group_dump_start(struct netlink_callback *cb) { return -EPERM; }
int vh_events_init(void) { return 0; }
void vh_events_flush(void) { }
void vh_events_exit(void) { }

#define DO(fn) int fn(struct sk_buff *skb, struct genl_info *info) { return -EPERM; }
DO(vh_nl_event)
DO(vh_nl_vm_get)
DO(vh_nl_vm_create)
DO(vh_nl_vm_destroy)
DO(vh_nl_vm_set)
DO(vh_nl_vm_control)
DO(vh_nl_vcpu_get)
DO(vh_nl_group_get)
DO(vh_nl_group_set)
DO(vh_nl_user_get)
DO(vh_nl_user_set)
#define DUMP(fn) int fn(struct sk_buff *skb, struct netlink_callback *cb) { return -EPERM; }
DUMP(vh_nl_vm_dump)
DUMP(vh_nl_vcpu_dump)
DUMP(vh_nl_group_dump)
DUMP(vh_nl_user_dump)

/* --- attributes, each made with a length and a value --- */

struct policy_case {
	const char *name;
	int cmd, type;		/* type 0: no attribute at all */
	int len;
	u64 value;		/* what it begins with; for strings what it is filled with */
	bool string;		/* of len - 1 letters and a NUL */
	bool ok;
};

static const struct policy_case cases[] = {
	{ "VM_GET, no attribute", VH_CMD_VM_GET, 0, 0, 0, false, true },
	{ "VM_GET, id 1", VH_CMD_VM_GET, VH_A_VM_ID, 4, 1, false, true },
	{ "VM_GET, id 2^32-1", VH_CMD_VM_GET, VH_A_VM_ID, 4, 0xffffffff, false, true },
	{ "VM_GET, id 0", VH_CMD_VM_GET, VH_A_VM_ID, 4, 0, false, false },
	{ "VM_GET, id of 2 bytes", VH_CMD_VM_GET, VH_A_VM_ID, 2, 1, false, false },
	{ "VM_GET, id of 8 bytes", VH_CMD_VM_GET, VH_A_VM_ID, 8, 1, false, false },
	{ "VM_GET, uuid", VH_CMD_VM_GET, VH_A_VM_UUID, 16, 1, false, true },
	{ "VM_GET, uuid of 15 bytes", VH_CMD_VM_GET, VH_A_VM_UUID, 15, 1, false, false },
	{ "VM_GET, uuid of 17 bytes", VH_CMD_VM_GET, VH_A_VM_UUID, 17, 1, false, false },
	{ "VM_GET, the longest name", VH_CMD_VM_GET, VH_A_VM_NAME, VH_VM_NAME_MAX + 1, 'a', true, true },
	{ "VM_GET, a longer name", VH_CMD_VM_GET, VH_A_VM_NAME, VH_VM_NAME_MAX + 2, 'a', true, false },
	{ "VM_GET, a name without end", VH_CMD_VM_GET, VH_A_VM_NAME, 5, 0x6161616161ULL, false, false },
	{ "VM_GET, memory", VH_CMD_VM_GET, VH_A_VM_MEMORY, 8, 4096, false, false },
	{ "VM_GET, an attribute above all", VH_CMD_VM_GET, VH_A_VM_MAX + 1, 4, 1, false, false },
	{ "VM_CREATE, memory", VH_CMD_VM_CREATE, VH_A_VM_MEMORY, 8, 1ULL << 40, false, true },
	{ "VM_CREATE, memory of 4 bytes", VH_CMD_VM_CREATE, VH_A_VM_MEMORY, 4, 4096, false, false },
	{ "VM_CREATE, no vCPUs", VH_CMD_VM_CREATE, VH_A_VM_VCPUS, 4, 0, false, true },
	{ "VM_CREATE, as many vCPUs as there can be", VH_CMD_VM_CREATE, VH_A_VM_VCPUS, 4, VH_MAX_VCPUS,
	  false, true },
	{ "VM_CREATE, one more", VH_CMD_VM_CREATE, VH_A_VM_VCPUS, 4, VH_MAX_VCPUS + 1, false, false },
	{ "VM_CREATE, device 0", VH_CMD_VM_CREATE, VH_A_VM_DEV_FD, 4, 0, false, true },
	{ "VM_CREATE, device -1", VH_CMD_VM_CREATE, VH_A_VM_DEV_FD, 4, 0xffffffff, false, false },
	{ "VM_CREATE, cgroup -1", VH_CMD_VM_CREATE, VH_A_VM_CGROUP_FD, 4, 0xffffffff, false, false },
	{ "VM_CREATE, common ancestor -1", VH_CMD_VM_CREATE, VH_A_VM_COMMON_FD, 4, 0xffffffff, false,
	  false },
	{ "VM_CREATE, an id", VH_CMD_VM_CREATE, VH_A_VM_ID, 4, 1, false, false },
	{ "VM_DESTROY, id 0", VH_CMD_VM_DESTROY, VH_A_VM_ID, 4, 0, false, false },
	{ "VM_PAUSE, id 1", VH_CMD_VM_PAUSE, VH_A_VM_ID, 4, 1, false, true },
	{ "VM_KILL, memory", VH_CMD_VM_KILL, VH_A_VM_MEMORY, 8, 1, false, false },
	{ "USER_GET, uid 0", VH_CMD_USER_GET, VH_A_USER_UID, 4, 0, false, true },
	{ "USER_GET, uid of 8 bytes", VH_CMD_USER_GET, VH_A_USER_UID, 8, 0, false, false },
	{ "USER_GET, usage", VH_CMD_USER_GET, VH_A_USER_USAGE, 8, 0, false, false },
	{ "USER_SET, uid", VH_CMD_USER_SET, VH_A_USER_UID, 4, 1000, false, true },
	{ "USER_SET, refused", VH_CMD_USER_SET, VH_A_USER_REFUSED, 8, 0, false, false },
	{ "VCPU_GET, VM 0", VH_CMD_VCPU_GET, VH_A_VCPU_VM_ID, 4, 0, false, false },
	{ "VCPU_GET, vCPU 0", VH_CMD_VCPU_GET, VH_A_VCPU_ID, 4, 0, false, true },
	{ "GROUP_GET, cgroup id", VH_CMD_GROUP_GET, VH_A_GROUP_CGROUP_ID, 8, 1, false, true },
	{ "GROUP_GET, cgroup id of 4 bytes", VH_CMD_GROUP_GET, VH_A_GROUP_CGROUP_ID, 4, 1, false, false },
	{ "GROUP_GET, descriptor -1", VH_CMD_GROUP_GET, VH_A_GROUP_CGROUP_FD, 4, 0xffffffff, false,
	  false },
	{ "GROUP_GET, parent's descriptor", VH_CMD_GROUP_GET, VH_A_GROUP_PARENT_FD, 4, 3, false, false },
	{ "GROUP_SET, parent's descriptor", VH_CMD_GROUP_SET, VH_A_GROUP_PARENT_FD, 4, 3, false, true },
	{ "GROUP_SET, a limit that is no nest", VH_CMD_GROUP_SET, VH_A_GROUP_LIMIT, 8, 1, false, false },
	{ "EVENT, no attribute", VH_CMD_EVENT, 0, 0, 0, false, true },
	{ "EVENT, any attribute", VH_CMD_EVENT, 1, 4, 1, false, false },
};

static const struct genl_ops *op_of(int cmd)
{
	unsigned int i;

	for (i = 0; i < vh_genl_family.n_ops; i++)
		if (vh_genl_family.ops[i].cmd == cmd)
			return &vh_genl_family.ops[i];
	return NULL;
}

/* As the core does it for a family that asked for strict validation of every command. */
static int parse(const struct genl_ops *op, const struct sk_buff *skb)
{
	struct nlattr *tb[64];

	if (WARN_ON(op->maxattr >= ARRAY_SIZE(tb)))
		return -EINVAL;
	return __nla_parse(tb, op->maxattr, (const struct nlattr *)skb->data, skb->len, op->policy,
			   NL_VALIDATE_STRICT, NULL);
}

static void one(struct kunit *test)
{
	const struct policy_case *c = test->param_value;
	const struct genl_ops *op = op_of(c->cmd);
	struct sk_buff *skb = nlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	u8 data[128] = { 0 };

	KUNIT_ASSERT_NOT_NULL(test, op);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	if (c->string)
		memset(data, c->value, c->len - 1);
	else
		memcpy(data, &c->value, sizeof(c->value));
	if (c->type)
		KUNIT_EXPECT_EQ(test, nla_put(skb, c->type, c->len, data), 0);
	if (c->ok)
		KUNIT_EXPECT_EQ(test, parse(op, skb), 0);
	else
		KUNIT_EXPECT_LT(test, parse(op, skb), 0);
	kfree_skb(skb);
}

static void name_of(const struct policy_case *c, char *to)
{
	strscpy(to, c->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(policy, cases, name_of);

/* Limits come in a nest; what is in it is checked as well. */
static void limits(struct kunit *test)
{
	static const struct { int type, len; bool flagged, ok; } nests[] = {
		{ VH_A_RESOURCE_VMS, 8, true, true },
		{ VH_A_RESOURCE_TABLES, 8, true, true },
		{ VH_A_RESOURCE_VMS, 4, true, false },
		{ VH_A_RESOURCE_MAX + 1, 8, true, false },
		{ VH_A_RESOURCE_VMS, 8, false, false },
	};
	const struct genl_ops *op = op_of(VH_CMD_GROUP_SET);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nests); i++) {
		struct sk_buff *skb = nlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
		struct nlattr *nest;
		u64 value = 7;

		KUNIT_ASSERT_NOT_NULL(test, skb);
		nest = nests[i].flagged ? nla_nest_start(skb, VH_A_GROUP_LIMIT) :
					  nla_nest_start_noflag(skb, VH_A_GROUP_LIMIT);
		KUNIT_EXPECT_EQ(test, nla_put(skb, nests[i].type, nests[i].len, &value), 0);
		nla_nest_end(skb, nest);
		KUNIT_EXPECT_EQ_MSG(test, parse(op, skb) == 0, nests[i].ok, "nest %u", i);
		kfree_skb(skb);
	}
}

/* A command without a policy would take anything; one that changes something has no dump. */
static void every_command(struct kunit *test)
{
	int cmd;

	for (cmd = 1; cmd <= VH_CMD_MAX; cmd++) {
		const struct genl_ops *op = op_of(cmd);

		KUNIT_ASSERT_NOT_NULL_MSG(test, op, "command %d", cmd);
		KUNIT_EXPECT_NOT_NULL(test, op->policy);
		KUNIT_EXPECT_NOT_NULL(test, op->doit);
		KUNIT_EXPECT_EQ(test, !!op->dumpit, cmd == VH_CMD_VM_GET || cmd == VH_CMD_VCPU_GET ||
						    cmd == VH_CMD_GROUP_GET || cmd == VH_CMD_USER_GET);
		KUNIT_EXPECT_FALSE(test, op->validate);
	}
	KUNIT_EXPECT_EQ(test, vh_genl_family.resv_start_op, VH_CMD_UNSPEC + 1);
}

static struct kunit_case policy_cases[] = {
	KUNIT_CASE_PARAM(one, policy_gen_params),
	KUNIT_CASE(limits),
	KUNIT_CASE(every_command),
	{ }
};

static struct kunit_suite policy_suite = { .name = "vh-netlink-policy", .test_cases = policy_cases };
kunit_test_suite(policy_suite);
