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

/**
 * struct vh_dump - state of a dump, in cb->ctx
 */
struct vh_dump {
	struct vh_asker *asker;
	u64 next;			/* id to go on with */
	u64 sub;			/* vCPU dump: position in the VM */
	u32 only;			/* vCPU dump: the one VM; 0: all */
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
int vh_nl_group_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vh_nl_group_set(struct sk_buff *skb, struct genl_info *info);
int vh_nl_user_get(struct sk_buff *skb, struct genl_info *info);
int vh_nl_user_dump(struct sk_buff *skb, struct netlink_callback *cb);
int vh_nl_user_set(struct sk_buff *skb, struct genl_info *info);

/* nl_group.c: says what vh_group_of() failed with. */
void vh_nl_group_error(struct netlink_ext_ack *extack, int err);

#endif /* VH_NETLINK_H */
