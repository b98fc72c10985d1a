/* SPDX-License-Identifier: GPL-2.0-only */
/* events.h - what the multicast group "events" is told. */
#ifndef VH_EVENTS_H
#define VH_EVENTS_H

#include "registry.h"

/*
 * Process context, any lock but raw ones may be held: the event is queued, with what there is to
 * tell of it now, and sent later, in order. Nothing is done when nobody listens.
 */
void vh_event_vm(const struct vh_record *r, enum vh_event type);
void vh_event_crash(const struct vh_record *r, enum vh_crash reason);
/* @r may be a record that is not registered yet. */
void vh_event_limit(const struct vh_record *r, struct vh_group *full, enum vh_resource res,
		    u64 requested);
/* @r may be NULL. */
void vh_event_user_limit(const struct vh_record *r, const struct vh_payer *p, kuid_t full,
			 enum vh_quota q, u64 requested);
/* @g, or else the limits of @whose (INVALID_UID: of all users). */
void vh_event_limits_set(struct vh_group *g, kuid_t whose);

int vh_netlink_init(void);
void vh_netlink_exit(void);

#endif /* VH_EVENTS_H */
