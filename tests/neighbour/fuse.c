// SPDX-License-Identifier: GPL-2.0-only
/* A file system of one file, whose server opens it and then never answers a read. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "neighbour.h"

#define FILE_SIZE	(64u << 20)

static int server = -1;

void fuse_prepare(void)
{
	char options[120];

	server = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40755,user_id=%d,group_id=%d,allow_other",
		 server, ATTACKER, ATTACKER);
	if (server < 0 || mount("neighbour", "/tmp/fuse", "fuse", MS_NOSUID | MS_NODEV, options)) {
		printf("# fuse: %s\n", strerror(errno));
		_exit(3);
	}
}

static struct fuse_attr attr_of(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node, .mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0666, .nlink = 1,
		.uid = ATTACKER, .gid = ATTACKER, .size = node == 1 ? 0 : FILE_SIZE, .blksize = 4096,
	};
}

static void serve(void)
{
	static union { struct fuse_in_header h; char bytes[1 << 18]; } in;
	union {
		struct fuse_init_out init;
		struct fuse_entry_out entry;
		struct fuse_attr_out attr;
		struct fuse_open_out open;
	} body;
	struct { struct fuse_out_header h; char body[sizeof(body)]; } out;

	while (read(server, &in, sizeof(in)) > 0 || errno == EINTR) {
		size_t size = 0;

		memset(&body, 0, sizeof(body));
		out.h.error = 0;
		switch (in.h.opcode) {
		case FUSE_INIT:
			body.init = (struct fuse_init_out){ .major = 7, .minor = 31, .max_write = 4096 };
			size = sizeof(body.init);
			break;
		case FUSE_LOOKUP:
			body.entry = (struct fuse_entry_out){ .nodeid = 2, .attr_valid = 100,
							      .entry_valid = 100, .attr = attr_of(2) };
			size = sizeof(body.entry);
			break;
		case FUSE_GETATTR:
			body.attr = (struct fuse_attr_out){ .attr_valid = 100, .attr = attr_of(in.h.nodeid) };
			size = sizeof(body.attr);
			break;
		case FUSE_OPEN:
			size = sizeof(body.open);
			break;
		case FUSE_READ: case FUSE_FORGET: case FUSE_INTERRUPT:
			continue;
		default:
			out.h.error = -ENOSYS;
		}
		out.h.len = sizeof(out.h) + size;
		out.h.unique = in.h.unique;
		memcpy(out.body, &body, size);
		if (write(server, &out, out.h.len) < 0)
			break;
	}
}

/*
 * The server is a process of its own: one that waits for itself cannot be killed, whatever it
 * waits in.
 */
void *fuse_map(size_t size)
{
	void *at;
	int fd;

	if (!fork()) {
		serve();
		_exit(0);
	}
	close(server);
	fd = open("/tmp/fuse/file", O_RDWR | O_CLOEXEC);
	at = fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED) {
		printf("# the file of fuse: %s\n", strerror(errno));
		_exit(3);
	}
	return at;
}
