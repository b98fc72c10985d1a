// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuse.h"

#define FILE_SIZE	(64u << 20)
#define LATE_MS		20
#define MOST_LATE	64

int fuse_mount(const char *dir, unsigned int uid)
{
	char options[120];
	int server;

	mkdir(dir, 0755);
	server = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (server < 0)
		return -1;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40755,user_id=%u,group_id=%u,allow_other",
		 server, uid, uid);
	if (!mount("vh-tests", dir, "fuse", MS_NOSUID | MS_NODEV, options))
		return server;
	close(server);
	return -1;
}

static struct fuse_attr attr_of(uint64_t node, unsigned int uid)
{
	return (struct fuse_attr){
		.ino = node, .mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0666, .nlink = 1,
		.uid = uid, .gid = uid, .size = node == 1 ? 0 : FILE_SIZE, .blksize = 4096,
	};
}

unsigned int fuse_read_ahead;
static uint8_t fill;		/* what the file is full of */

static bool answer(int server, uint64_t unique, int error, const void *body, size_t size)
{
	static struct { struct fuse_out_header h; char body[1 << 18]; } out;

	out.h = (struct fuse_out_header){ sizeof(out.h) + size, error, unique };
	if (body)
		memcpy(out.body, body, size);
	else
		memset(out.body, fill, size);
	return write(server, &out, out.h.len) >= 0 || errno == ENOENT || errno == EINTR;
}

struct read_request { uint64_t unique; uint32_t size; };

static bool answer_late(int server, struct read_request *late, unsigned int *n)
{
	while (*n) {
		--*n;
		if (!answer(server, late[*n].unique, 0, NULL, late[*n].size))
			return false;
	}
	return true;
}

/* One request; false: the file system is gone. */
static bool request(int server, unsigned int uid, enum fuse_read (*how)(void),
		    struct read_request *late, unsigned int *n)
{
	static union { struct fuse_in_header h; char bytes[1 << 18]; } in;
	const struct fuse_read_in *r = (const void *)(&in.h + 1);
	union {
		struct fuse_init_out init;
		struct fuse_entry_out entry;
		struct fuse_attr_out attr;
		struct fuse_open_out open;
	} body;

	if (read(server, &in, sizeof(in)) <= 0)
		return errno == EINTR || errno == EAGAIN || errno == ENOENT;
	memset(&body, 0, sizeof(body));
	switch (in.h.opcode) {
	case FUSE_INIT:
		body.init = (struct fuse_init_out){ .major = 7, .minor = 31, .max_write = 4096 };
		if (fuse_read_ahead) {
			body.init.max_readahead = fuse_read_ahead;
			body.init.flags = FUSE_ASYNC_READ;
			body.init.max_background = 1000;
		}
		return answer(server, in.h.unique, 0, &body, sizeof(body.init));
	case FUSE_LOOKUP:
		body.entry = (struct fuse_entry_out){ .nodeid = 2, .attr_valid = 100, .entry_valid = 100,
						      .attr = attr_of(2, uid) };
		return answer(server, in.h.unique, 0, &body, sizeof(body.entry));
	case FUSE_GETATTR:
		body.attr = (struct fuse_attr_out){ .attr_valid = 100, .attr = attr_of(in.h.nodeid, uid) };
		return answer(server, in.h.unique, 0, &body, sizeof(body.attr));
	case FUSE_OPEN:
		return answer(server, in.h.unique, 0, &body, sizeof(body.open));
	case FUSE_FORGET: case FUSE_INTERRUPT:
		return true;
	case FUSE_READ:
		break;
	default:
		return answer(server, in.h.unique, -ENOSYS, NULL, 0);
	}
	switch (how()) {
	case FUSE_READ_NOW:
		return answer(server, in.h.unique, 0, NULL, r->size);
	case FUSE_READ_FAILS:
		return answer(server, in.h.unique, -EIO, NULL, 0);
	case FUSE_READ_LATE:
		if (*n == MOST_LATE && !answer_late(server, late, n))
			return false;
		late[(*n)++] = (struct read_request){ in.h.unique, r->size };
		return true;
	case FUSE_READ_NEVER:
		break;
	}
	return true;
}

void fuse_serve(int server, unsigned int uid, uint8_t with, enum fuse_read (*how)(void))
{
	struct pollfd p = { .fd = server, .events = POLLIN };
	struct read_request late[MOST_LATE];
	unsigned int n = 0;

	fill = with;
	for (;;) {
		int r = poll(&p, 1, n ? LATE_MS : -1);

		if (r < 0 && errno != EINTR)
			return;
		if (r > 0 && !request(server, uid, how, late, &n))
			return;
		if (!r && !answer_late(server, late, &n))
			return;
	}
}

int fuse_open(const char *dir)
{
	char path[120];

	snprintf(path, sizeof(path), "%s/file", dir);
	return open(path, O_RDWR | O_CLOEXEC);
}

void *fuse_map(const char *dir, size_t size)
{
	int fd = fuse_open(dir);
	void *at;

	at = fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	return at;
}
