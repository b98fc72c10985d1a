// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <x86intrin.h>

#include "genl.h"

#define CONTROL_SIZE	(NLMSG_HDRLEN + GENL_HDRLEN)

static void parse_family(const struct nlattr *attrs, int len, int cmd, void *arg)
{
	const struct nlattr *groups, *g;
	struct conn *c = arg;
	int left;

	(void)cmd;
	c->family = *(const uint16_t *)attr_data(attr_find(attrs, len, CTRL_ATTR_FAMILY_ID));
	groups = attr_find(attrs, len, CTRL_ATTR_MCAST_GROUPS);
	if (!groups)
		return;
	g = attr_data(groups);	/* one group */
	left = attr_len(g);
	c->events_group = attr_u(attr_data(g), left, CTRL_ATTR_MCAST_GRP_ID);
}

void conn_open(struct conn *c)
{
	conn_open_small(c, 0);
}

void conn_open_small(struct conn *c, unsigned int recv_size)
{
	int on = 1;

	memset(c, 0, sizeof(*c));
	c->recv_size = recv_size;
	c->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	setsockopt(c->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(c->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(c->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	c->family = GENL_ID_CTRL;
	msg_begin(c, CTRL_CMD_GETFAMILY, 0);
	msg_str(c, CTRL_ATTR_FAMILY_NAME, VH_GENL_NAME);
	if (c->fd < 0 || msg_send(c, parse_family, c)) {
		printf("# no netlink family " VH_GENL_NAME "\n");
		exit(2);
	}
}

void conn_close(struct conn *c)
{
	close(c->fd);
}

void msg_begin(struct conn *c, int cmd, int flags)
{
	struct nlmsghdr *h = (void *)c->out;
	struct genlmsghdr *g = NLMSG_DATA(h);

	memset(c->out, 0, CONTROL_SIZE);
	h->nlmsg_type = c->family;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	h->nlmsg_seq = ++c->seq;
	g->cmd = cmd;
	g->version = VH_GENL_VERSION;
	c->len = CONTROL_SIZE;
}

void *msg_put(struct conn *c, int type, const void *data, int len)
{
	struct nlattr *a = (void *)(c->out + c->len);

	memset(a, 0, NLA_HDRLEN + NLA_ALIGN(len));
	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy(a + 1, data, len);
	c->len += NLA_ALIGN(a->nla_len);
	return a;
}

void msg_u32(struct conn *c, int type, uint32_t v)
{
	msg_put(c, type, &v, sizeof(v));
}

void msg_u64(struct conn *c, int type, uint64_t v)
{
	msg_put(c, type, &v, sizeof(v));
}

void msg_str(struct conn *c, int type, const char *s)
{
	msg_put(c, type, s, strlen(s) + 1);
}

static int on_error(struct conn *c, const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	const struct nlattr *a = (const void *)(e + 1);
	int left = h->nlmsg_len - NLMSG_HDRLEN - sizeof(*e);

	c->message[0] = 0;
	c->attr = -1;
	if (h->nlmsg_flags & NLM_F_ACK_TLVS) {
		const struct nlattr *m = attr_find(a, left, NLMSGERR_ATTR_MSG);
		const struct nlattr *o = attr_find(a, left, NLMSGERR_ATTR_OFFS);

		if (m)
			snprintf(c->message, sizeof(c->message), "%s", (char *)attr_data(m));
		if (o)
			c->attr = *(const uint32_t *)attr_data(o);
	}
	return e->error;
}

static int only_send(struct conn *c)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct nlmsghdr *h = (void *)c->out;

	h->nlmsg_len = c->len;
	if (c->plain_write ? write(c->fd, c->out, c->len) < 0 :
			     sendto(c->fd, c->out, c->len, 0, (void *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

static int answer(struct conn *c, answer_fn fn, void *arg)
{
	static __thread unsigned char in[65536];
	struct nlmsghdr *h;
	ssize_t n;

	for (;;) {
		n = recv(c->fd, in, c->recv_size ? c->recv_size : sizeof(in), MSG_TRUNC);
		if (n < 0)
			return -errno;
		if (n > (ssize_t)(c->recv_size ? c->recv_size : sizeof(in)))
			return -ENOBUFS;	/* cut off */
		for (h = (void *)in; NLMSG_OK(h, (size_t)n); h = NLMSG_NEXT(h, n)) {
			struct genlmsghdr *g = NLMSG_DATA(h);

			if (h->nlmsg_seq != c->seq)
				continue;	/* an event between */
			if (h->nlmsg_type == NLMSG_NOOP)
				continue;	/* a dump that has only begun */
			if (h->nlmsg_type == NLMSG_ERROR)
				return on_error(c, h);
			if (h->nlmsg_type == NLMSG_DONE)
				return *(int *)NLMSG_DATA(h);
			if (fn)
				fn((void *)(g + 1), h->nlmsg_len - CONTROL_SIZE, g->cmd, arg);
		}
	}
}

int msg_send(struct conn *c, answer_fn fn, void *arg)
{
	int err = only_send(c);

	return err ? err : answer(c, fn, arg);
}

uint64_t dump_begin_cost(struct conn *c, int cmd, int *err)
{
	uint64_t at;

	msg_begin(c, cmd, NLM_F_DUMP);
	at = __rdtsc();
	*err = only_send(c);
	at = __rdtsc() - at;
	if (!*err)
		*err = answer(c, NULL, NULL);
	return at;
}

const struct nlattr *attr_next(const struct nlattr *a, int *len)
{
	int n = NLA_ALIGN(a->nla_len);

	*len -= n;
	return (const void *)((const char *)a + n);
}

const struct nlattr *attr_find(const struct nlattr *a, int len, int type)
{
	for (; len >= NLA_HDRLEN && a->nla_len >= NLA_HDRLEN; a = attr_next(a, &len))
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

uint64_t attr_u(const struct nlattr *attrs, int len, int type)
{
	const struct nlattr *a = attr_find(attrs, len, type);
	uint64_t v = 0;

	if (a)
		memcpy(&v, attr_data(a), attr_len(a) < 8 ? 4 : 8);
	return v;
}

static void text(const struct nlattr *attrs, int len, int type, char *to, size_t size)
{
	const struct nlattr *a = attr_find(attrs, len, type);

	if (a)
		snprintf(to, size, "%.*s", attr_len(a), (const char *)attr_data(a));
}

static void counters_from(const struct nlattr *nest, struct counters *c)
{
	const struct nlattr *a;
	int len, i;

	if (!nest)
		return;
	a = attr_data(nest);
	len = attr_len(nest);
	for (i = VH_A_COUNTER_GUEST_TIME; i < VH_A_COUNTER_EXIT; i++)
		c->v[i] = attr_u(a, len, i);
	for (; len >= NLA_HDRLEN; a = attr_next(a, &len))
		if ((a->nla_type & NLA_TYPE_MASK) == VH_A_COUNTER_EXIT)
			c->exit[attr_u(attr_data(a), attr_len(a), VH_A_EXIT_REASON) %
				VH_NR_EXIT_REASONS] =
				attr_u(attr_data(a), attr_len(a), VH_A_EXIT_COUNT);
}

void vm_from(const struct nlattr *a, int len, int cmd, void *arg)
{
	const struct nlattr *uuid = attr_find(a, len, VH_A_VM_UUID);
	struct vm_info *vm = arg;

	(void)cmd;
	memset(vm, 0, sizeof(*vm));
	vm->found = true;
	vm->id = attr_u(a, len, VH_A_VM_ID);
	vm->state = attr_u(a, len, VH_A_VM_STATE);
	vm->pid = attr_u(a, len, VH_A_VM_PID);
	vm->uid = attr_u(a, len, VH_A_VM_UID);
	vm->vcpus = attr_u(a, len, VH_A_VM_VCPUS);
	vm->reserved_vcpus = attr_u(a, len, VH_A_VM_RESERVED_VCPUS);
	vm->cgroup = attr_u(a, len, VH_A_VM_CGROUP_ID);
	vm->memory = attr_u(a, len, VH_A_VM_MEMORY);
	vm->tables = attr_u(a, len, VH_A_VM_TABLES);
	vm->age = attr_u(a, len, VH_A_VM_AGE);
	vm->reserved_memory = attr_u(a, len, VH_A_VM_RESERVED_MEMORY);
	vm->defined = attr_find(a, len, VH_A_VM_DEFINED);
	vm->power_button = attr_find(a, len, VH_A_VM_POWER_BUTTON);
	if (uuid)
		memcpy(vm->uuid, attr_data(uuid), 16);
	text(a, len, VH_A_VM_NAME, vm->name, sizeof(vm->name));
	text(a, len, VH_A_VM_COMM, vm->comm, sizeof(vm->comm));
	text(a, len, VH_A_VM_CGROUP_PATH, vm->path, sizeof(vm->path));
	counters_from(attr_find(a, len, VH_A_VM_COUNTERS), &vm->c);
}

int get_vm(struct conn *c, uint32_t id, struct vm_info *vm)
{
	memset(vm, 0, sizeof(*vm));
	msg_begin(c, VH_CMD_VM_GET, 0);
	msg_u32(c, VH_A_VM_ID, id);
	return msg_send(c, vm_from, vm);
}

static void vcpu_from(const struct nlattr *a, int len, int cmd, void *arg)
{
	struct vcpu_info *v = arg;

	(void)cmd;
	v->found = true;
	v->vm = attr_u(a, len, VH_A_VCPU_VM_ID);
	v->id = attr_u(a, len, VH_A_VCPU_ID);
	v->state = attr_u(a, len, VH_A_VCPU_STATE);
	v->cpu = attr_u(a, len, VH_A_VCPU_CPU);
	v->tid = attr_u(a, len, VH_A_VCPU_TID);
	counters_from(attr_find(a, len, VH_A_VCPU_COUNTERS), &v->c);
}

int get_vcpu(struct conn *c, uint32_t vm, uint32_t id, struct vcpu_info *v)
{
	memset(v, 0, sizeof(*v));
	msg_begin(c, VH_CMD_VCPU_GET, 0);
	msg_u32(c, VH_A_VCPU_VM_ID, vm);
	msg_u32(c, VH_A_VCPU_ID, id);
	return msg_send(c, vcpu_from, v);
}

static void figures(const struct nlattr *a, int len, int type, uint64_t *v)
{
	const struct nlattr *nest = attr_find(a, len, type);
	int i;

	for (i = 0; nest && i < 4; i++)
		v[i] = attr_u(attr_data(nest), attr_len(nest), VH_A_RESOURCE_VMS + i);
}

static void group_from(const struct nlattr *a, int len, int cmd, void *arg)
{
	struct group_info *g = arg;

	(void)cmd;
	g->found = true;
	g->removed = attr_find(a, len, VH_A_GROUP_REMOVED);
	g->id = attr_u(a, len, VH_A_GROUP_CGROUP_ID);
	g->parent = attr_u(a, len, VH_A_GROUP_PARENT_ID);
	g->created = attr_u(a, len, VH_A_GROUP_CREATED_VMS);
	figures(a, len, VH_A_GROUP_USAGE, g->usage);
	figures(a, len, VH_A_GROUP_PEAK, g->peak);
	figures(a, len, VH_A_GROUP_LIMIT, g->limit);
	figures(a, len, VH_A_GROUP_REFUSED, g->refused);
	text(a, len, VH_A_GROUP_CGROUP_PATH, g->path, sizeof(g->path));
	counters_from(attr_find(a, len, VH_A_GROUP_COUNTERS), &g->c);
}

int get_group(struct conn *c, int dir_fd, struct group_info *g)
{
	int err;

	memset(g, 0, sizeof(*g));
	msg_begin(c, VH_CMD_GROUP_GET, NLM_F_DUMP);
	msg_u32(c, VH_A_GROUP_CGROUP_FD, dir_fd);
	err = msg_send(c, group_from, g);
	return err || g->found ? err : -ENOENT;
}

int get_group_at_once(struct conn *c, int dir_fd, struct group_info *g)
{
	memset(g, 0, sizeof(*g));
	msg_begin(c, VH_CMD_GROUP_GET, 0);
	msg_u32(c, VH_A_GROUP_CGROUP_FD, dir_fd);
	return msg_send(c, group_from, g);
}

int get_group_id(struct conn *c, uint64_t id, struct group_info *g)
{
	memset(g, 0, sizeof(*g));
	msg_begin(c, VH_CMD_GROUP_GET, 0);
	msg_u64(c, VH_A_GROUP_CGROUP_ID, id);
	return msg_send(c, group_from, g);
}

void user_from(const struct nlattr *a, int len, int cmd, void *arg)
{
	static const int types[] = { VH_A_USER_USAGE, VH_A_USER_LIMIT, VH_A_USER_REFUSED };
	struct user_info *u = arg;
	uint64_t *to[] = { u->usage, u->limit, u->refused };
	int i, q;

	(void)cmd;
	u->found = true;
	u->all = !attr_find(a, len, VH_A_USER_UID);
	u->uid = attr_u(a, len, VH_A_USER_UID);
	for (i = 0; i < 3; i++) {
		const struct nlattr *nest = attr_find(a, len, types[i]);

		for (q = 0; nest && q < 4; q++)
			to[i][q] = attr_u(attr_data(nest), attr_len(nest), VH_A_QUOTA_VMS + q);
	}
}

int get_user(struct conn *c, int uid, struct user_info *u)
{
	memset(u, 0, sizeof(*u));
	msg_begin(c, VH_CMD_USER_GET, 0);
	if (uid >= 0)
		msg_u32(c, VH_A_USER_UID, uid);
	return msg_send(c, user_from, u);
}

/* The request ends with one attribute in a nest. */
static int send_nested(struct conn *c, int nest_type, int type, uint64_t value)
{
	struct nlattr *nest = msg_put(c, nest_type | NLA_F_NESTED, NULL, 0);

	msg_u64(c, type, value);
	nest->nla_len = c->out + c->len - (unsigned char *)nest;
	return msg_send(c, NULL, NULL);
}

int set_quota(struct conn *c, int uid, int quota, uint64_t limit)
{
	msg_begin(c, VH_CMD_USER_SET, 0);
	if (uid >= 0)
		msg_u32(c, VH_A_USER_UID, uid);
	return send_nested(c, VH_A_USER_LIMIT, VH_A_QUOTA_VMS + quota, limit);
}

int vm_command(struct conn *c, int cmd, uint32_t id)
{
	msg_begin(c, cmd, 0);
	msg_u32(c, VH_A_VM_ID, id);
	return msg_send(c, NULL, NULL);
}

int vm_rename(struct conn *c, uint32_t id, const char *name)
{
	msg_begin(c, VH_CMD_VM_SET, 0);
	msg_u32(c, VH_A_VM_ID, id);
	msg_str(c, VH_A_VM_NAME, name);
	return msg_send(c, NULL, NULL);
}

int vm_define(struct conn *c, int dev, const char *name, uint32_t vcpus, uint64_t memory,
	      int cgroup_fd, int common_fd)
{
	struct vm_info vm = { .found = false };
	int err;

	msg_begin(c, VH_CMD_VM_CREATE, 0);
	if (name)
		msg_str(c, VH_A_VM_NAME, name);
	msg_u32(c, VH_A_VM_VCPUS, vcpus);
	msg_u64(c, VH_A_VM_MEMORY, memory);
	if (dev >= 0)
		msg_u32(c, VH_A_VM_DEV_FD, dev);
	if (cgroup_fd >= 0)
		msg_u32(c, VH_A_VM_CGROUP_FD, cgroup_fd);
	if (common_fd >= 0)
		msg_u32(c, VH_A_VM_COMMON_FD, common_fd);
	err = msg_send(c, vm_from, &vm);
	return err ? err : (int)vm.id;
}

int set_limit(struct conn *c, int dir_fd, int parent_fd, int resource, uint64_t limit)
{
	msg_begin(c, VH_CMD_GROUP_SET, 0);
	msg_u32(c, VH_A_GROUP_CGROUP_FD, dir_fd);
	if (parent_fd >= 0)
		msg_u32(c, VH_A_GROUP_PARENT_FD, parent_fd);
	return send_nested(c, VH_A_GROUP_LIMIT, VH_A_RESOURCE_VMS + resource, limit);
}

int events_ask(struct conn *c)
{
	int size = 8 << 20;

	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	msg_begin(c, VH_CMD_EVENT, 0);
	return msg_send(c, NULL, NULL);
}

bool event_next(struct conn *c, struct event_info *e, int ms)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	unsigned char in[4096];
	struct nlmsghdr *h = (void *)in;
	struct genlmsghdr *g = NLMSG_DATA(h);
	const struct nlattr *a = (void *)(g + 1);
	ssize_t n;
	int len;

	if (poll(&p, 1, ms) <= 0)
		return false;
	n = recv(c->fd, in, sizeof(in), 0);
	if (n < (ssize_t)CONTROL_SIZE || h->nlmsg_type != c->family || g->cmd != VH_CMD_EVENT)
		return false;
	len = h->nlmsg_len - CONTROL_SIZE;
	if (c->raw)
		c->raw(a, len, g->cmd, NULL);
	memset(e, 0, sizeof(*e));
	e->type = attr_u(a, len, VH_A_EVENT_TYPE);
	e->vm = attr_u(a, len, VH_A_EVENT_VM_ID);
	e->has_vm = attr_find(a, len, VH_A_EVENT_VM_ID);
	e->has_reason = attr_find(a, len, VH_A_EVENT_REASON);
	e->reason = attr_u(a, len, VH_A_EVENT_REASON);
	e->resource = attr_u(a, len, VH_A_EVENT_RESOURCE);
	e->has_quota = attr_find(a, len, VH_A_EVENT_QUOTA);
	e->quota = attr_u(a, len, VH_A_EVENT_QUOTA);
	e->has_uid = attr_find(a, len, VH_A_EVENT_UID);
	e->uid = attr_u(a, len, VH_A_EVENT_UID);
	e->seq = attr_u(a, len, VH_A_EVENT_SEQ);
	e->cgroup = attr_u(a, len, VH_A_EVENT_CGROUP_ID);
	e->usage = attr_u(a, len, VH_A_EVENT_USAGE);
	e->limit = attr_u(a, len, VH_A_EVENT_LIMIT);
	e->requested = attr_u(a, len, VH_A_EVENT_REQUESTED);
	text(a, len, VH_A_EVENT_VM_NAME, e->name, sizeof(e->name));
	return true;
}

static void count_one(const struct nlattr *a, int len, int cmd, void *arg)
{
	(void)a, (void)len, (void)cmd;
	++*(int *)arg;
}

int dump_count(struct conn *c, int cmd)
{
	int n = 0, err;

	msg_begin(c, cmd, NLM_F_DUMP);
	err = msg_send(c, count_one, &n);
	return err ? err : n;
}
