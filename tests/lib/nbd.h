/* SPDX-License-Identifier: GPL-2.0-only */
/* A disk that answers when it is told to: the kernel's network block device, with a server here. */
#ifndef VH_TESTS_NBD_H
#define VH_TESTS_NBD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define NBD_DEVICE	"/dev/nbd0"

struct nbd {
	int fd;
	pid_t server, client;
};

/**
 * nbd_start() - NBD_DEVICE is a disk of @size bytes, which is a multiple of 4096
 * @held: in memory that children share: reads wait while it is true
 *
 * Return: false: there is no such device, or not so much memory.
 */
bool nbd_start(struct nbd *n, uint64_t size, const volatile bool *held);

/* nbd_stop() - no more of it; nobody uses it */
void nbd_stop(struct nbd *n);

#endif
