// SPDX-License-Identifier: GPL-2.0-only
/* nl.c - the connection to the kernel, over libnl. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nl.h"
#include "parse.h"
#include "vhctl.h"

#define DUMP_TRIES	10
#define EVENT_BUFFER	(4 << 20)

struct nl *vh_open(void)
{
	struct nl *nl = calloc(1, sizeof(*nl));
	int on = 1, fd;

	if (nl)
		nl->sock = nl_socket_alloc();
	if (!nl || !nl->sock || genl_connect(nl->sock)) {
		error("cannot open a netlink socket: %s", strerror(errno));
		vh_close(nl);
		return NULL;
	}
	fd = nl_socket_get_fd(nl->sock);
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	nl->family = genl_ctrl_resolve(nl->sock, VH_GENL_NAME);
	if (nl->family < 0) {
		error("the module vh is not loaded; load it as root: modprobe vh");
		vh_close(nl);
		return NULL;
	}
	return nl;
}

void vh_close(struct nl *nl)
{
	if (nl && nl->sock)
		nl_socket_free(nl->sock);
	free(nl);
}

struct nl_msg *vh_request(struct nl *nl, int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0,
				 NLM_F_REQUEST | NLM_F_ACK | flags, cmd, VH_GENL_VERSION)) {
		error("out of memory");
		exit(EXIT_ERROR);
	}
	return msg;
}

struct talk {
	struct nl *nl;
	void (*each)(struct nlmsghdr *h, void *arg);
	void *arg;
	bool done, interrupted;
};

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct talk *t = arg;

	if (nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP_INTR)
		t->interrupted = true;
	if (t->each)
		t->each(nlmsg_hdr(msg), t->arg);
	return NL_OK;
}

static int on_end(struct nl_msg *msg, void *arg)
{
	(void)msg;
	((struct talk *)arg)->done = true;
	return NL_STOP;
}

/* The kernel's words are in attributes after the error (and the request, if it is there). */
static void kernel_words(struct nl *nl, struct nlmsgerr *e)
{
	struct nlmsghdr *h = (struct nlmsghdr *)((char *)e - NLMSG_HDRLEN);
	size_t skip = sizeof(*e);
	struct nlattr *a;
	int left;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - NLMSG_HDRLEN;
	left = (int)h->nlmsg_len - NLMSG_HDRLEN - (int)NLMSG_ALIGN(skip);
	for (a = (struct nlattr *)((char *)e + NLMSG_ALIGN(skip)); nla_ok(a, left);
	     a = nla_next(a, &left))
		if (nla_type(a) == NLMSGERR_ATTR_MSG)
			snprintf(nl->message, sizeof(nl->message), "%.*s", nla_len(a),
				 (char *)nla_data(a));
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct talk *t = arg;

	(void)from;
	t->nl->error = -e->error;
	t->done = true;
	kernel_words(t->nl, e);
	return NL_STOP;
}

static int talk_once(struct nl *nl, struct nl_msg *msg, struct talk *t)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int err;

	if (!cb)
		return -ENOMEM;
	nl->error = 0;
	nl->message[0] = 0;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, t);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, t);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, t);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, t);
	err = nl_send_auto(nl->sock, msg);
	while (err >= 0 && !t->done)
		err = nl_recvmsgs(nl->sock, cb);
	nl_cb_put(cb);
	if (err < 0 && !nl->error) {
		nl->error = EIO;
		snprintf(nl->message, sizeof(nl->message), "netlink: %s", nl_geterror(err));
	}
	return -nl->error;
}

int vh_talk(struct nl *nl, struct nl_msg *msg, void (*each)(struct nlmsghdr *h, void *arg),
	    void *arg)
{
	struct talk t = { .nl = nl, .each = each, .arg = arg };
	int err = talk_once(nl, msg, &t);

	nlmsg_free(msg);
	if (!err && t.interrupted)
		err = -EAGAIN;
	return err;
}

const char *vh_words(const struct nl *nl)
{
	if (nl->message[0])
		return nl->message;
	return nl->error == EDQUOT ? "a limit of the cgroup is reached" : strerror(nl->error);
}

static void tell(const struct nl *nl, const char *what)
{
	error("%s: %s", what, vh_words(nl));
}

int vh_do(struct nl *nl, struct nl_msg *msg, const char *what)
{
	if (!vh_talk(nl, msg, NULL, NULL))
		return EXIT_OK;
	tell(nl, what);
	return EXIT_ERROR;
}

/* --- objects --- */

static void *grow(void *v, unsigned int n, size_t size)
{
	if (n & (n - 1))	/* doubled at powers of 2 */
		return v;
	v = realloc(v, (n ? 2 * n : 1) * size);
	if (!v) {
		error("out of memory");
		exit(EXIT_ERROR);
	}
	return v;
}

static void add_vm(struct nlmsghdr *h, void *arg)
{
	struct vm_list *l = arg;

	l->v = grow(l->v, l->n, sizeof(*l->v));
	l->n += vm_parse(h, &l->v[l->n]);
}

static void add_vcpu(struct nlmsghdr *h, void *arg)
{
	struct vcpu_list *l = arg;

	l->v = grow(l->v, l->n, sizeof(*l->v));
	l->n += vcpu_parse(h, &l->v[l->n]);
}

static void add_group(struct nlmsghdr *h, void *arg)
{
	struct group_list *l = arg;

	l->v = grow(l->v, l->n, sizeof(*l->v));
	l->n += group_parse(h, &l->v[l->n]);
}

void vms_free(struct vm_list *l)
{
	for (unsigned int i = 0; i < l->n; i++)
		vm_free(&l->v[i]);
	free(l->v);
	*l = (struct vm_list){ };
}

void vcpus_free(struct vcpu_list *l)
{
	free(l->v);
	*l = (struct vcpu_list){ };
}

void groups_free(struct group_list *l)
{
	for (unsigned int i = 0; i < l->n; i++)
		group_free(&l->v[i]);
	free(l->v);
	*l = (struct group_list){ };
}

/* A dump of all, or of one VM's, into a list that @clear empties. 0 or -errno, told. */
static int dump(struct nl *nl, int cmd, uint32_t vm, void (*add)(struct nlmsghdr *h, void *list),
		void (*clear)(void *list), void *list, const char *what)
{
	int err = -EAGAIN, tries;

	for (tries = 0; err == -EAGAIN && tries < DUMP_TRIES; tries++) {
		struct nl_msg *msg = vh_request(nl, cmd, NLM_F_DUMP);

		if (vm)
			nla_put_u32(msg, VH_A_VCPU_VM_ID, vm);
		clear(list);
		err = vh_talk(nl, msg, add, list);
	}
	if (err)
		tell(nl, what);
	return err;
}

static void clear_vms(void *list)
{
	vms_free(list);
}

static void clear_vcpus(void *list)
{
	vcpus_free(list);
}

static void clear_groups(void *list)
{
	groups_free(list);
}

int vms_get(struct nl *nl, struct vm_list *list)
{
	*list = (struct vm_list){ };
	return dump(nl, VH_CMD_VM_GET, 0, add_vm, clear_vms, list, "cannot list the VMs");
}

int vcpus_get(struct nl *nl, uint32_t vm, struct vcpu_list *list)
{
	*list = (struct vcpu_list){ };
	return dump(nl, VH_CMD_VCPU_GET, vm, add_vcpu, clear_vcpus, list, "cannot list the vCPUs");
}

int groups_get(struct nl *nl, struct group_list *list)
{
	*list = (struct group_list){ };
	return dump(nl, VH_CMD_GROUP_GET, 0, add_group, clear_groups, list,
		    "cannot list the groups");
}

/*
 * The kernel does not know names that are a cgroup's: 1 and the UUID of the VM whose name that is; 0 if it is none's, or
 * one of one's own VMs has it itself; -errno, told.
 */
static int vm_by_cgroup(struct nl *nl, const char *ref, uint8_t *uuid)
{
	unsigned int found = 0, others = 0;
	struct vm_list vms;
	bool own = false;
	int err;

	err = vms_get(nl, &vms);
	for (unsigned int i = 0; !err && i < vms.n; i++) {
		const struct vm *vm = &vms.v[i];

		if (strcmp(vm->name, ref))
			continue;
		if (!vm->by_cgroup) {
			own |= vm->uid == geteuid();
			others++;
		} else if (!found++) {
			memcpy(uuid, vm->uuid, sizeof(vm->uuid));
		}
	}
	vms_free(&vms);
	if (err || !found || own)
		return err;
	if (found + others == 1)
		return 1;
	error("%s: several VMs have this name, or their cgroups: say its id", ref);
	return -ENOTUNIQ;
}

int put_vm_ref(struct nl *nl, struct nl_msg *msg, const char *ref)
{
	uint8_t uuid[16];
	uint64_t id;
	int found = 1;

	if (parse_number(ref, UINT32_MAX, &id)) {
		nla_put_u32(msg, VH_A_VM_ID, id);
		return 0;
	}
	if (!uuid_parse(ref, uuid))
		found = vm_by_cgroup(nl, ref, uuid);
	if (found > 0)
		nla_put(msg, VH_A_VM_UUID, sizeof(uuid), uuid);
	else if (!found)
		nla_put_string(msg, VH_A_VM_NAME, ref);
	return found < 0 ? found : 0;
}

static void one_vm(struct nlmsghdr *h, void *arg)
{
	vm_parse(h, arg);
}

int vm_get(struct nl *nl, const char *ref, struct vm *vm)
{
	struct nl_msg *msg = vh_request(nl, VH_CMD_VM_GET, 0);
	int err;

	*vm = (struct vm){ };
	err = put_vm_ref(nl, msg, ref);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	err = vh_talk(nl, msg, one_vm, vm);
	if (err)
		tell(nl, ref);
	return err;
}

/* The one that is asked for; a module that does not know dumps of one group tells all. */
struct one_group {
	uint64_t id;
	struct group *g;
};

static void one_group(struct nlmsghdr *h, void *arg)
{
	struct one_group *one = arg;
	struct group g = { };

	group_parse(h, &g);
	if (g.id != one->id) {
		group_free(&g);
		return;
	}
	group_free(one->g);
	*one->g = g;
}

/* The id of a cgroup, by its directory; 0: unknown. */
static uint64_t cgroup_id(int fd)
{
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + 8];
	} u = { .h.handle_bytes = 8 };
	uint64_t id;
	int mount;

	if (name_to_handle_at(fd, "", &u.h, &mount, AT_EMPTY_PATH))
		return 0;
	memcpy(&id, u.h.f_handle, sizeof(id));
	return id;
}

int group_get(struct nl *nl, const char *ref, struct group *g)
{
	struct one_group one = { .g = g };
	struct nl_msg *msg;
	char dir[PATH_MAX];
	int fd = -1, err;
	uint64_t id;

	*g = (struct group){ };
	if (!strncmp(ref, "id:", 3) && parse_number(ref + 3, UINT64_MAX, &id)) {
		one.id = id;
		msg = vh_request(nl, VH_CMD_GROUP_GET, NLM_F_DUMP);
		nla_put_u64(msg, VH_A_GROUP_CGROUP_ID, id);
	} else if (!cgroup_mount() && !strcmp(ref, "/")) {
		msg = vh_request(nl, VH_CMD_GROUP_GET, NLM_F_DUMP);
		nla_put_u64(msg, VH_A_GROUP_CGROUP_ID, 1);
		one.id = 1;
	} else {
		if (cgroup_dir(ref, dir, sizeof(dir)))
			return -ENOENT;
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0) {
			err = -errno;
			error("%s: %s", dir, strerror(errno));
			return err;
		}
		msg = vh_request(nl, VH_CMD_GROUP_GET, NLM_F_DUMP);
		nla_put_s32(msg, VH_A_GROUP_CGROUP_FD, fd);
		one.id = cgroup_id(fd);
	}
	err = vh_talk(nl, msg, one_group, &one);
	if (!err && !g->id) {
		err = -ENOENT;
		error("%s: the cgroup is gone", ref);
	} else if (err) {
		tell(nl, ref);
	}
	if (fd >= 0)
		close(fd);
	return err;
}

/* --- events --- */

int events_begin(struct nl *nl)
{
	int err, size = EVENT_BUFFER;

	nl_socket_disable_seq_check(nl->sock);
	if (setsockopt(nl_socket_get_fd(nl->sock), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		nl_socket_set_buffer_size(nl->sock, size, 0);
	err = vh_talk(nl, vh_request(nl, VH_CMD_EVENT, 0), NULL, NULL);
	if (err)
		tell(nl, "cannot listen to events");
	return err;
}

struct listening {
	bool (*each)(const struct event *e, void *arg);
	void *arg;
	bool ended;
	uint64_t seq;
};

static int on_event(struct nl_msg *msg, void *arg)
{
	struct listening *l = arg;
	struct event e;

	if (l->ended || !event_parse(nlmsg_hdr(msg), &e))
		return NL_OK;
	if (l->seq && e.seq != l->seq + 1)
		error("%llu events were lost: this program was too slow",
		      (unsigned long long)(e.seq - l->seq - 1));
	l->seq = e.seq;
	l->ended = !l->each(&e, l->arg);
	return NL_OK;
}

int events_loop(struct nl *nl, bool (*each)(const struct event *e, void *arg), void *arg,
		int timeout)
{
	struct listening l = { .each = each, .arg = arg };
	struct pollfd p = { .fd = nl_socket_get_fd(nl->sock), .events = POLLIN };
	long long end = now_ms() + timeout;

	nl_socket_modify_cb(nl->sock, NL_CB_VALID, NL_CB_CUSTOM, on_event, &l);
	while (!l.ended) {
		long long left = timeout < 0 ? -1 : end - now_ms();
		int n;

		if (timeout >= 0 && left <= 0)
			return 0;
		n = poll(&p, 1, left);
		if (n < 0 && errno == EINTR)
			return 0;
		if (n <= 0)
			continue;
		n = nl_recvmsgs_default(nl->sock);
		if (n < 0 && n != -NLE_NOMEM && n != -NLE_AGAIN && n != -NLE_INTR) {
			error("netlink: %s", nl_geterror(n));
			return -EIO;
		}
	}
	return 1;
}
