/* SPDX-License-Identifier: GPL-2.0-only */
/* fuse.h - a file system of one file, whose server answers reads as it likes. */
#ifndef VH_TESTS_FUSE_H
#define VH_TESTS_FUSE_H

#include <stddef.h>
#include <stdint.h>

/**
 * fuse_mount() - mount it at a directory, as root
 * @dir: made if need be
 * @uid: whose it is
 *
 * Return: the server's descriptor, or -1 with errno.
 */
int fuse_mount(const char *dir, unsigned int uid);

enum fuse_read { FUSE_READ_NOW, FUSE_READ_LATE, FUSE_READ_FAILS, FUSE_READ_NEVER };

/* Bytes that the kernel may read ahead, by requests that nobody waits in; set before fuse_serve(). */
extern unsigned int fuse_read_ahead;

/**
 * fuse_serve() - answer requests until the file system goes
 * @server: of fuse_mount()
 * @uid: likewise
 * @with: each byte of the file
 * @how: asked at each read; late is some milliseconds
 *
 * In a process of its own: one that waits for itself cannot be killed, whatever it waits in.
 */
void fuse_serve(int server, unsigned int uid, uint8_t with, enum fuse_read (*how)(void));

/* fuse_open() - the file, for reading and writing, or -1 with errno; @dir: of fuse_mount() */
int fuse_open(const char *dir);

/**
 * fuse_map() - map the file, private and writable
 * @dir: of fuse_mount()
 * @size: bytes, 64 MiB at most
 *
 * Return: MAP_FAILED with errno.
 */
void *fuse_map(const char *dir, size_t size);

#endif
