// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random and mutated messages to the family "vh", seeded: half as root, half as
 * a user, while another process has VMs. At the end the registry answers, and
 * nothing of the fuzzers' is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

static uint64_t state;

static uint32_t rnd(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below ? (state >> 11) % below : 0;
}

static int fds[6];
static unsigned int nr_fds;
static bool is_root;

/* What all processes know: VMs that may be hit, of the fuzzers or of victims. */
#define VICTIMS	3
#define KNOWN	64
static struct shared {
	volatile uint32_t victim[VICTIMS];	/* ids of VMs with a VMM that may be killed */
	volatile unsigned int deaths;
	volatile bool end;
	uint32_t known[KNOWN];			/* ids of VMs that a fuzzer defined */
	unsigned int next;
} *shared;

static uint32_t rnd(uint32_t below);

static uint32_t target(void)
{
	uint32_t id = rnd(3) ? shared->known[rnd(KNOWN)] : shared->victim[rnd(VICTIMS)];

	/* the bystander's VMs have the ids 1 to 3: they are left alone */
	return id ? id : 4 + rnd(200);
}

/* A value that means something now and then. */
static uint64_t value(void)
{
	static const uint64_t edges[] = { 0, 1, 2, 3, 0x7fffffff, 0xffffffff, 1ULL << 63, ~0ULL, 4096 };

	switch (rnd(4)) {
	case 0:
		return edges[rnd(sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return rnd(64);
	case 2:
		return fds[rnd(nr_fds)];
	}
	return state;
}

static void attribute(struct conn *c, int depth)
{
	static const char *const names[] = { "web", "", "12", "a b", "vm-1", "vm-2", "x" };
	int type = rnd(28);
	struct nlattr *nest;
	unsigned int i, n;
	uint64_t v;
	char raw[80];

	if (c->len > 4000)
		return;
	switch (rnd(8)) {
	case 0:
	case 1:
	case 2:
		msg_u32(c, type, value());
		break;
	case 3:
		msg_u64(c, type, value());
		break;
	case 4:
		msg_str(c, type, names[rnd(7)]);
		break;
	case 5:
		nest = msg_put(c, type | (rnd(4) ? NLA_F_NESTED : 0), NULL, 0);
		for (i = 0; depth < 4 && i < rnd(5); i++)
			attribute(c, depth + 1);
		nest->nla_len = c->out + c->len - (unsigned char *)nest;
		break;
	case 6:
		n = rnd(sizeof(raw));
		for (i = 0; i < n; i += 8) {
			v = (rnd(0), state);
			memcpy(raw + i, &v, 8 < n - i ? 8 : n - i);
		}
		msg_put(c, type, raw, n);
		break;
	default:
		msg_put(c, type, NULL, 0);
	}
}

static void template(struct conn *c)
{
	struct nlattr *nest;
	int cmd = 1 + rnd(VH_CMD_MAX);

	msg_begin(c, cmd, rnd(6) ? 0 : NLM_F_DUMP);
	switch (cmd) {
	case VH_CMD_VM_CREATE:
		msg_u32(c, VH_A_VM_DEV_FD, rnd(8) ? kvm_open() : (int)value());
		if (rnd(2))
			msg_u32(c, VH_A_VM_VCPUS, rnd(4) ? rnd(1025) : value());
		if (rnd(2))
			msg_u64(c, VH_A_VM_MEMORY, rnd(4) ? (uint64_t)rnd(1 << 20) << 12 : value());
		if (!rnd(3))
			msg_u32(c, VH_A_VM_CGROUP_FD, fds[rnd(nr_fds)]);
		if (!rnd(3))
			msg_u32(c, VH_A_VM_COMMON_FD, fds[rnd(nr_fds)]);
		break;
	case VH_CMD_VCPU_GET:
		msg_u32(c, VH_A_VCPU_VM_ID, rnd(2) ? target() : rnd(20));
		if (rnd(4))
			msg_u32(c, VH_A_VCPU_ID, rnd(2));
		break;
	case VH_CMD_GROUP_GET:
	case VH_CMD_GROUP_SET:
		if (rnd(2))
			msg_u64(c, VH_A_GROUP_CGROUP_ID, rnd(40));
		else
			msg_u32(c, VH_A_GROUP_CGROUP_FD, fds[rnd(nr_fds)]);
		if (cmd == VH_CMD_GROUP_SET) {
			nest = msg_put(c, VH_A_GROUP_LIMIT | NLA_F_NESTED, NULL, 0);
			/* none so low that the bystander's VMs are in the way */
			msg_u64(c, VH_A_RESOURCE_VMS + rnd(4), VH_LIMIT_NONE - rnd(3));
			nest->nla_len = c->out + c->len - (unsigned char *)nest;
			if (rnd(2))
				msg_u32(c, VH_A_GROUP_PARENT_FD, fds[rnd(nr_fds)]);
		}
		break;
	default:
		msg_u32(c, VH_A_VM_ID, target());
		if (cmd == VH_CMD_VM_SET)
			msg_str(c, VH_A_VM_NAME, rnd(2) ? "fuzz" : "other");
	}
}

static void mutate(struct conn *c)
{
	unsigned int i, n = 1 + rnd(6);

	for (i = 0; i < n; i++)
		switch (rnd(5)) {
		case 0:
			c->out[16 + rnd(c->len - 16)] = rnd(256);
			break;
		case 1:
			c->out[16 + rnd(c->len - 16)] ^= 1 << rnd(8);
			break;
		case 2:
			c->len = 16 + rnd(c->len - 15);
			break;
		case 3:
			attribute(c, 0);
			break;
		case 4:
			c->len += c->len < 4000 ? rnd(64) : 0;
			break;
		}
}

/* Root is not to kill, pause or stop the bystander by accident. */
static void spare_bystander(struct conn *c, bool mutated)
{
	struct genlmsghdr *g = NLMSG_DATA((struct nlmsghdr *)c->out);

	if (is_root && mutated && (g->cmd == VH_CMD_VM_KILL || g->cmd == VH_CMD_VM_SET))
		g->cmd = VH_CMD_VM_PAUSE + rnd(2);
}

static void remember(const struct nlmsghdr *h, ssize_t n)
{
	const struct genlmsghdr *g = NLMSG_DATA(h);

	if (h->nlmsg_type >= NLMSG_MIN_TYPE && g->cmd == VH_CMD_VM_CREATE &&
	    n > (ssize_t)(NLMSG_HDRLEN + GENL_HDRLEN))
		shared->known[shared->next++ % KNOWN] =
			attr_u((void *)(g + 1), h->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN, VH_A_VM_ID);
}

static unsigned int fuzz(unsigned int count)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	static unsigned char in[65536];
	unsigned int i, accepted = 0;
	struct conn c;

	conn_open(&c);
	for (i = 0; i < count; i++) {
		struct nlmsghdr *h = (void *)c.out, *answer;
		bool mutated = true;
		ssize_t n;

		if (rnd(3)) {
			template(&c);
			mutated = rnd(2);
			if (mutated)
				mutate(&c);
		} else {
			msg_begin(&c, rnd(16), rnd(8) ? 0 : NLM_F_DUMP);
			for (n = rnd(5); n > 0; n--)
				attribute(&c, 0);
		}
		h->nlmsg_len = c.len;
		h->nlmsg_type = c.family;
		h->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
		h->nlmsg_seq = i;
		spare_bystander(&c, mutated);
		if (sendto(c.fd, c.out, c.len, 0, (void *)&kernel, sizeof(kernel)) < 0)
			continue;
		/* read a part of the answers; a dump may stay unfinished */
		while ((n = recv(c.fd, in, sizeof(in), MSG_DONTWAIT)) > 0) {
			answer = (void *)in;
			if (answer->nlmsg_type == NLMSG_ERROR)
				accepted += !((struct nlmsgerr *)NLMSG_DATA(answer))->error;
			else
				remember(answer, n);
			if (!rnd(16))
				break;
		}
		if (!rnd(2000)) {	/* a socket with everything that hangs on it */
			conn_close(&c);
			conn_open(&c);
		}
	}
	conn_close(&c);
	return accepted;
}

static void collect(const struct nlattr *a, int len, int cmd, void *arg)
{
	uint32_t *ids = arg;

	(void)cmd;
	if (attr_find(a, len, VH_A_VM_DEFINED) && ids[0] < 60000)
		ids[++ids[0]] = attr_u(a, len, VH_A_VM_ID);
}

static int as_user(unsigned int uid, unsigned int count, uint64_t seed)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		state = seed;
		is_root = !uid;
		if (uid && (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
			_exit(2);
		printf("# uid %u: %u of %u messages accepted\n", uid, fuzz(count), count);
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

/* A VMM of the user's, halted in KVM_RUN, for others to pause, stop, rename and kill. */
static void victim(unsigned int n)
{
	static const uint8_t halt[] = { 0xfb, 0xf4, 0xeb, 0xfd };
	struct vm vm;

	if (setgroups(0, NULL) || setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
		_exit(2);
	vm_with_code(&vm, halt, sizeof(halt), VM_IRQCHIP);
	shared->victim[n] = id_of(&vm);
	for (;;)
		if (vcpu_run(&vm.vcpu[0]))
			usleep(1000);
}

/* Keeps victims alive: each that is killed gets a successor. */
static void keep_victims(void)
{
	pid_t pid[VICTIMS] = { 0 };
	unsigned int i;

	while (!shared->end) {
		for (i = 0; i < VICTIMS; i++) {
			if (pid[i] && waitpid(pid[i], NULL, WNOHANG) == pid[i]) {
				pid[i] = 0;
				shared->deaths++;
			}
			if (!pid[i]) {
				pid[i] = fork();
				if (!pid[i])
					victim(i);
			}
		}
		usleep(200000);
	}
	for (i = 0; i < VICTIMS; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'c' }, { "seed", required_argument, NULL, 's' }, { }
	};
	static uint32_t ids[60001];
	struct tap_totals totals = { 0 };
	struct tap_result r = { 0 };
	unsigned int count = 200000, i;
	struct vm bystander[3];
	uint64_t seed = 1;
	struct vm_info vm;
	struct group_info g;
	struct conn c;
	int opt, status;
	pid_t keeper;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'c')
			count = atoi(optarg);
		else if (opt == 's')
			seed = strtoull(optarg, NULL, 0) * 2654435761u + 1;
		else
			return 2;
	}
	if (optind < argc)
		kvm_device = argv[optind];
	conn_open(&c);
	for (i = 0; i < 3; i++)
		vm_with_code(&bystander[i], guest_spin, sizeof(guest_spin), 0);
	fds[nr_fds++] = kvm_open();
	fds[nr_fds++] = cgroup_make(".");
	fds[nr_fds++] = cgroup_make("fuzz");
	fds[nr_fds++] = cgroup_procs("fuzz");
	fds[nr_fds++] = cgroup_procs(".");
	fds[nr_fds++] = open("/dev/null", O_RDWR);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	keeper = fork();
	if (!keeper)
		keep_victims();
	status = as_user(0, count / 2, seed);
	status |= as_user(1000, count - count / 2, seed * 3);
	if (status)
		tap_fail(&r, "a fuzzer ended with %#x", status);
	shared->end = true;
	waitpid(keeper, &status, 0);
	if (status)
		tap_fail(&r, "the victims' keeper ended with %#x", status);
	printf("# %u VMMs were killed\n", shared->deaths);
	if (count >= 20000 && !shared->deaths)
		tap_fail(&r, "no VM was ever killed");
	for (i = 0; i < 3; i++)
		if (get_vm(&c, id_of(&bystander[i]), &vm) || vm.vcpus != 1 || vm.uid)
			tap_fail(&r, "bystander %u is not as it was", i);
	msg_begin(&c, VH_CMD_VM_GET, NLM_F_DUMP);
	if (msg_send(&c, collect, ids))
		tap_fail(&r, "the registry does not answer");
	for (i = 1; i <= ids[0]; i++)
		if (vm_command(&c, VH_CMD_VM_DESTROY, ids[i]))
			tap_fail(&r, "VM %u cannot be destroyed", ids[i]);
	printf("# %u VMs were defined\n", ids[0]);
	for (i = 0; i < 3; i++)
		vm_destroy(&bystander[i]);
	if (get_group(&c, fds[1], &g) || g.usage[VH_RES_VMS] || g.usage[VH_RES_VCPUS] ||
	    g.usage[VH_RES_MEMORY] || g.usage[VH_RES_TABLES])
		tap_fail(&r, "charges are left: %lld VMs, %lld vCPUs, %lld, %lld",
			 (long long)g.usage[0], (long long)g.usage[1], (long long)g.usage[2],
			 (long long)g.usage[3]);
	cgroup_remove("fuzz");
	tap_report(&totals, "nlfuzz", &r);
	return tap_finish(&totals);
}
