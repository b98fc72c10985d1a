/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vhost_user.h - queues that another process serves, which has the guest's memory and talks over a socket
 * (the vhost-user protocol, https://qemu-project.gitlab.io/qemu/interop/vhost-user.html). As with kernel backends
 * (vhost.h) kicks go to it by ioeventfd and its calls to the guest by irqfd, and the VMM sees neither.
 */
#ifndef VHOST_USER_H
#define VHOST_USER_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/virtio.h"

/**
 * struct vhost_user - the connection
 * @fd: a socket; const
 * @nobody: an eventfd for calls that nobody wants; const
 * @features: what the other side can do; const from vhost_user_greet() on, as @protocol is
 * @protocol: of the protocol
 * @why: it is of no use any more, or NULL
 */
struct vhost_user {
	int fd, nobody;
	uint64_t features, protocol;
	const char *why;
};

int vhost_user_greet(struct vhost_user *u, int fd);
int vhost_user_start(struct vhost_user *u, struct virtio *d);
int vhost_user_stop(struct vhost_user *u, struct virtio *d);
int vhost_user_vector(struct vhost_user *u, struct virtio *d, int q);
void vhost_user_close(struct vhost_user *u);

#endif /* VHOST_USER_H */
