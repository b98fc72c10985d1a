/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netlink.h - the parts of the generic-netlink family, for the files of ctl/ only.
 *
 *   netlink.c    the family: operations and their policies
 *   nl_vm.c      VM commands
 *   nl_vcpu.c    vCPU commands, counters
 *   nl_group.c   group commands
 *   nl_user.c    user commands
 *   events.c     the multicast group
 */
#ifndef VH_NETLINK_H
#define VH_NETLINK_H

#include <net/genetlink.h>

#include "asker.h"
#include "events.h"

extern struct genl_family vh_genl_family;

/*
 * A request, and the first part of a dump, are answered while the kernel's lock of all families
 * (cb_lock) is held for reading: who registers or removes a family waits for it, and whoever comes
 * after. So there is no rescheduling and no waiting for other tasks in it, what is transient is not
 * charged to a memory cgroup, which might be at its limit, and what is looked at has a bound. The
 * other parts of a dump are made with nothing held but what is the socket's own.
 */
#define VH_DUMP_BRIEF	8		/* of the first part: objects told, or batches looked at */

/**
 * struct vh_dump - state of a dump, in cb->ctx
 */
struct vh_dump {
	struct vh_asker *asker;
	u64 next;			/* id to go on with */
	u64 sub;			/* vCPU dump: position in the VM */
	unsigned int steps;		/* of the first part */
	bool later;			/* the first part is over */
	bool one;			/* group dump: of the group @next alone, which may be told */
};

/* .start and .done of all dumps */
int vh_dump_start(struct netlink_callback *cb);
int vh_dump_done(struct netlink_callback *cb);
static inline struct vh_dump *vh_dump(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct vh_dump) > sizeof(cb->ctx));
	return (struct vh_dump *)cb->ctx;
}

/* A nest of counters: 0 or -EMSGSIZE. */
int vh_put_counters(struct sk_buff *skb, int attr, const struct vh_counts *c);

/* Room for one object with all its counters and paths. */
#define VH_MSG_SIZE	(PATH_MAX + 4096)

/*
 * Answer a request with one object, whose attributes @fill puts into the
 * message: 0 or -errno, extack set. No lock is held.
 */
int vh_nl_limits(struct genl_info *info, int attr, int max, struct nlattr **limits);
int vh_nl_answer(struct sk_buff *skb, struct genl_info *info,
		 int (*fill)(struct sk_buff *msg, struct vh_asker *a, struct genl_info *info));
/* One object of a dump: its header, or NULL when the message is full ... */
void *vh_dump_begin(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd);
/* ... and its end; @err: not all attributes found room. False: the message is full. */
bool vh_dump_end(struct sk_buff *skb, void *head, int err);
/* After an object or a batch: is there time for another? */
bool vh_dump_goes_on(struct vh_dump *d);
/* What a dump returns at the end of a part. @more: there are more objects. */
int vh_dump_part(struct sk_buff *skb, struct netlink_callback *cb, bool more);

int vh_events_init(void);
void vh_events_flush(void);
void vh_events_exit(void);
int vh_nl_event(struct sk_buff *skb, struct genl_info *info);

int vh_nl_vm_get(struct sk_buff *skb, struct genl_info *info);
int vh_nl_vm_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vh_nl_vm_create(struct sk_buff *skb, struct genl_info *info);
int vh_nl_vm_destroy(struct sk_buff *skb, struct genl_info *info);
int vh_nl_vm_set(struct sk_buff *skb, struct genl_info *info);
int vh_nl_vm_control(struct sk_buff *skb, struct genl_info *info);
int vh_nl_vcpu_get(struct sk_buff *skb, struct genl_info *info);
int vh_nl_vcpu_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vh_nl_group_get(struct sk_buff *skb, struct genl_info *info);
int vh_nl_group_dump_start(struct netlink_callback *cb);
int vh_nl_group_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vh_nl_group_set(struct sk_buff *skb, struct genl_info *info);
int vh_nl_user_get(struct sk_buff *skb, struct genl_info *info);
int vh_nl_user_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vh_nl_user_set(struct sk_buff *skb, struct genl_info *info);

/* nl_group.c: says what vh_group_of() failed with. */
void vh_nl_group_error(struct netlink_ext_ack *extack, int err);

#endif /* VH_NETLINK_H */
