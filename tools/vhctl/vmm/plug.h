/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plug.h - what a device that comes while a confined VM runs is made of: supervise.c's process opens it (relay.c), and
 * the VMM gets it with the request (hotplug.c).
 */
#ifndef PLUG_H
#define PLUG_H

#include "vmm/blk.h"
#include "vmm/net.h"

struct json_object;

#define PLUG_MAX_FDS	NET_FDS		/* a disk has fewer */

/**
 * struct plug - the parts
 * @kind: of what
 * @fds: how many descriptors; 0: there is nothing
 * @fd: the descriptors, numbers of whose process it is
 * @disk: of a disk, without these
 * @net: of a network, without these
 */
struct plug {
	enum { PLUG_DISK, PLUG_NET } kind;
	int fds;
	int fd[PLUG_MAX_FDS];
	union {
		struct blk_parts disk;
		struct net_parts net;
	};
};

/* relay.c, in the VMM: the parts that came with the request that is answered, the caller's from now on; NULL: none came. */
const struct plug *relay_parts(void);

#endif /* PLUG_H */
