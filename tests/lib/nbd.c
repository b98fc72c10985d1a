// SPDX-License-Identifier: GPL-2.0-only
#include "nbd.h"

#include <arpa/inet.h>
#include <endian.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/nbd.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static bool all(int fd, void *p, size_t n, bool out)
{
	ssize_t did;

	for (; n; n -= did, p = (char *)p + did) {
		did = out ? send(fd, p, n, MSG_NOSIGNAL) : recv(fd, p, n, 0);
		if (did <= 0)
			return false;
	}
	return true;
}

/* One request after the other, as doc/proto.md of the NBD project has it. */
static void serve(int sock, uint8_t *disk, uint64_t size, const volatile bool *held)
{
	struct nbd_request q;
	struct nbd_reply a = { .magic = htonl(NBD_REPLY_MAGIC) };
	uint64_t from;
	uint32_t len;

	while (all(sock, &q, sizeof(q), false)) {
		from = be64toh(q.from);
		len = ntohl(q.len);
		memcpy(a.handle, q.handle, sizeof(a.handle));
		switch (ntohl(q.type)) {
		case NBD_CMD_READ:
			while (*held)
				usleep(1000);
			if (from + len > size || !all(sock, &a, sizeof(a), true) || !all(sock, disk + from, len, true))
				return;
			break;
		case NBD_CMD_WRITE:
			if (from + len > size || !all(sock, disk + from, len, false) || !all(sock, &a, sizeof(a), true))
				return;
			break;
		default:
			return;
		}
	}
}

/* From Linux 6.12 on it has its size when it is connected, and not before. */
static bool grows(int fd, uint64_t size)
{
	uint64_t is = 0;

	for (int tries = 0; is != size && tries < 200; tries++) {
		usleep(10000);
		if (ioctl(fd, BLKGETSIZE64, &is))
			return false;
	}
	return is == size;
}

bool nbd_start(struct nbd *n, uint64_t size, const volatile bool *held)
{
	uint8_t *disk = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	int pair[2];

	n->fd = open(NBD_DEVICE, O_RDWR | O_CLOEXEC);
	if (n->fd < 0 || disk == MAP_FAILED || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return false;
	n->server = fork();
	if (!n->server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(n->fd);
		close(pair[0]);
		serve(pair[1], disk, size, held);
		_exit(0);
	}
	close(pair[1]);
	munmap(disk, size);
	if (ioctl(n->fd, NBD_SET_BLKSIZE, 4096) || ioctl(n->fd, NBD_SET_SIZE_BLOCKS, size / 4096) ||
	    ioctl(n->fd, NBD_SET_SOCK, pair[0]))
		return false;
	n->client = fork();
	if (!n->client) {
		ioctl(n->fd, NBD_DO_IT);
		ioctl(n->fd, NBD_CLEAR_QUE);
		ioctl(n->fd, NBD_CLEAR_SOCK);
		_exit(0);
	}
	close(pair[0]);
	return grows(n->fd, size);
}

void nbd_stop(struct nbd *n)
{
	ioctl(n->fd, NBD_DISCONNECT);
	waitpid(n->client, NULL, 0);
	kill(n->server, SIGKILL);
	waitpid(n->server, NULL, 0);
	close(n->fd);
}
