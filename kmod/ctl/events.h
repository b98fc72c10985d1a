/* SPDX-License-Identifier: GPL-2.0-only */
/* events.h - what the multicast group "events" is told. */
#ifndef VH_EVENTS_H
#define VH_EVENTS_H

#include "registry.h"

/* Process context; any lock but a spinlock may be held. Nothing is done when nobody listens. */
void vh_event_vm(const struct vh_record *r, enum vh_event type);
void vh_event_crash(const struct vh_record *r, enum vh_crash reason);
/* @r may be a record that is not registered yet. */
void vh_event_limit(const struct vh_record *r, struct vh_group *full, enum vh_resource res,
		    u64 requested);
void vh_event_limits_set(struct vh_group *g);

int vh_netlink_init(void);
void vh_netlink_exit(void);

#endif /* VH_EVENTS_H */
