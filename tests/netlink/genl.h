/* SPDX-License-Identifier: GPL-2.0-only */
/* genl.h - the family "vh" over a raw netlink socket: what is sent is what the test says. */
#ifndef GENL_H
#define GENL_H

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/vh.h>
#include <stdbool.h>
#include <stdint.h>

typedef void (*answer_fn)(const struct nlattr *attrs, int len, int cmd, void *arg);

struct conn {
	answer_fn raw;			/* event_next() shows each message to it */
	int fd;
	uint16_t family;
	uint32_t events_group;		/* of the multicast group */
	uint32_t seq;
	char message[256];		/* the kernel's words about the last error */
	int attr;			/* offset of the attribute it names in the request; -1: none */
	unsigned char out[8192];
	unsigned int len;		/* of the request being built */
	unsigned int recv_size;		/* of receive buffers; 0: large */
	bool plain_write;		/* write(2) instead of an address: the kernel checks differently */
};


void conn_open(struct conn *c);		/* exits with status 2 when the family is not there */
/* With small receive buffers from the first answer on: the kernel remembers the largest. */
void conn_open_small(struct conn *c, unsigned int recv_size);
void conn_close(struct conn *c);

void msg_begin(struct conn *c, int cmd, int flags);
void *msg_put(struct conn *c, int type, const void *data, int len);
void msg_u32(struct conn *c, int type, uint32_t v);
void msg_u64(struct conn *c, int type, uint64_t v);
void msg_str(struct conn *c, int type, const char *s);
/* Send it and read until the ACK, error or end of the dump: 0 or -errno. */
int msg_send(struct conn *c, answer_fn fn, void *arg);

const struct nlattr *attr_find(const struct nlattr *attrs, int len, int type);
const struct nlattr *attr_next(const struct nlattr *a, int *len);
static inline const void *attr_data(const struct nlattr *a) { return a + 1; }
static inline int attr_len(const struct nlattr *a) { return a->nla_len - NLA_HDRLEN; }
uint64_t attr_u(const struct nlattr *attrs, int len, int type);	/* u32 or u64; 0 when absent */

/* --- objects, as far as the tests look at them --- */
struct counters {
	uint64_t v[VH_A_COUNTER_EXIT];	/* by VH_A_COUNTER_* */
	uint64_t exit[VH_NR_EXIT_REASONS];
};

struct vm_info {
	bool found;
	uint32_t id, state, pid, uid, vcpus, reserved_vcpus;
	uint64_t cgroup, memory, tables, age, reserved_memory;
	uint8_t uuid[16];
	bool defined, power_button;
	char name[64], comm[20], path[256];
	struct counters c;
};

struct vcpu_info { bool found; uint32_t vm, id, state, cpu, tid; struct counters c; };

struct group_info {
	bool found, removed;
	uint64_t id, parent, created, usage[4], peak[4], limit[4], refused[4];
	char path[256];
	struct counters c;
};

struct user_info {
	bool found, all;		/* all: what every user may have */
	uint32_t uid;
	uint64_t usage[4], limit[4], refused[4];
};

struct event_info {
	uint32_t type, vm, reason, resource, quota, uid;
	uint64_t seq, cgroup, usage, limit, requested;
	bool has_vm, has_reason, has_quota, has_uid;
	char name[64];
};

void vm_from(const struct nlattr *attrs, int len, int cmd, void *vm_info);	/* an answer_fn */
int get_vm(struct conn *c, uint32_t id, struct vm_info *vm);
int get_vcpu(struct conn *c, uint32_t vm, uint32_t id, struct vcpu_info *v);
int get_group(struct conn *c, int dir_fd, struct group_info *g);	/* by a dump, however many VMs */
int get_group_at_once(struct conn *c, int dir_fd, struct group_info *g);	/* -E2BIG: too many */
/* What sending the request of a dump costs, in ticks: its first part. The dump is then read. */
uint64_t dump_begin_cost(struct conn *c, int cmd, int *err);
int get_group_id(struct conn *c, uint64_t id, struct group_info *g);
int get_user(struct conn *c, int uid, struct user_info *u);	/* -1: the asker */
int set_quota(struct conn *c, int uid, int quota, uint64_t limit);	/* -1: of all users */
void user_from(const struct nlattr *attrs, int len, int cmd, void *user_info);	/* an answer_fn */
int vm_command(struct conn *c, int cmd, uint32_t id);
int vm_rename(struct conn *c, uint32_t id, const char *name);
/* VH_CMD_VM_CREATE with /dev/vh; the id, or -errno. @name may be NULL, @cgroup_fd -1. */
int vm_define(struct conn *c, int dev, const char *name, uint32_t vcpus, uint64_t memory,
	      int cgroup_fd, int common_fd);
int set_limit(struct conn *c, int dir_fd, int parent_fd, int resource, uint64_t limit);

/* Events: ask for them; the next one, or false after @ms. */
int events_ask(struct conn *c);
bool event_next(struct conn *c, struct event_info *e, int ms);

/* How many messages a dump of @cmd has; -errno. */
int dump_count(struct conn *c, int cmd);

#endif
