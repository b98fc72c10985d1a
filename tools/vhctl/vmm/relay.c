// SPDX-License-Identifier: GPL-2.0-only
/*
 * relay.c - requests to a confined VM. Who waits for the VMM (supervise.c) has the socket, and has each request answered
 * by the VMM, over a socket between the two. What a new device is made of he opens himself, from what the
 * request says, and sends it along: the VMM can open nothing.
 *
 * The VMM may have been broken into. It is sent what its user wants it to have, and what it answers is passed on
 * to who has asked, as a line that is not looked into.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/run.h"
#include "runtime.h"
#include "vhctl.h"
#include "vmm/control.h"
#include "vmm/hotplug.h"
#include "vmm/plug.h"
#include "vmm/relay.h"
#include "vmm/storage.h"
#include "vmm/supervise.h"
#include "vmm/vmm.h"

#define PATIENCE	15000		/* ms for an answer: less than who asks has (ask.c) */
#define LONGEST		(128 << 10)	/* of an answer; a message of such a socket can be longer */

/* A request is behind one of these, an answer behind @serial. */
struct head {
	uint32_t serial;
	struct plug plug;
};

struct control_space {
	_Alignas(struct cmsghdr) char space[CMSG_SPACE(PLUG_MAX_FDS * sizeof(int))];
};

static char *failure(const char *why)
{
	struct json_object *o = json_object_new_object();
	char *line;

	control_fail(o, "%s", why);
	line = strdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
	if (!line)
		abort();
	return line;
}

/* --- in the process that waits: opening --- */

/* As hotplug.c takes it. False, told. */
static bool open_disk(struct json_object *request, struct plug *p)
{
	struct vmm_config *c = calloc(1, sizeof(*c));
	struct disk *d = &p->disk.disk;
	int ring;

	if (!c)
		abort();
	if (!option_disk(control_text(request, "options"), c) || disk_open(&c->disk[0], d)) {
		free((char *)c->disk[0].path);
		free(c);
		return false;
	}
	free((char *)c->disk[0].path);
	free(c);
	p->fds = disk_fds(d, p->fd);
	ring = blk_ring_make(&p->disk.ring);
	if (ring < 0)
		error("cannot set up io_uring: %s%s", strerror(errno), errno == EPERM ?
		      " (see /proc/sys/kernel/io_uring_disabled)" : "");
	else
		supervise_offer(ring);
	return ring >= 0;
}

static void close_disk(struct plug *p, bool sent)
{
	struct disk *d = &p->disk.disk;

	supervise_offer(-1);
	if (d->image && !sent) {
		storage_end(d->image, "disk");
	} else if (d->image) {
		supervise_helper(d->image->daemon.pid);
		storage_close(d->image);
	}
	disk_close(d);
}

/* The same of a network. */
static bool open_net(struct json_object *request, struct plug *p)
{
	struct vmm_config *c = calloc(1, sizeof(*c));
	struct net_ports ports;
	bool good;

	if (!c)
		abort();
	good = hotplug_net_options(request, c);
	if (good) {
		ports = (struct net_ports){ c->publish, c->publishes };
		good = !net_open(&c->net[0], &ports, &p->net);
	}
	free(c);
	if (good)
		p->fds = net_fds(&p->net, p->fd);
	return good;
}

static void close_net(struct plug *p, bool sent)
{
	if (!sent)
		net_end(&p->net);
	else if (p->net.pid)
		supervise_helper(p->net.pid);
	net_close(&p->net);
}

/*
 * A line for each kind of device that can be plugged in: what the request needs opened, which is the VMM's then, or
 * nobody's; and in the VMM, to take it, and to give it back if it has not become a device.
 */
static void adopt_disk(struct plug *p);
static void drop_disk(struct plug *p);
static void adopt_net(struct plug *p);
static void drop_net(struct plug *p);

static const struct {
	const char *kind;
	bool (*open)(struct json_object *request, struct plug *p);
	void (*close)(struct plug *p, bool sent);
	void (*adopt)(struct plug *p);
	void (*drop)(struct plug *p);
} kinds[] = {
	[PLUG_DISK] = { "disk", open_disk, close_disk, adopt_disk, drop_disk },
	[PLUG_NET] = { "net", open_net, close_net, adopt_net, drop_net },
};

/* False, told. Of what is no such request the VMM says what is wrong with it. */
static bool open_parts(struct json_object *request, struct plug *p)
{
	const char *command = request ? control_text(request, "command") : NULL;
	const char *kind;

	if (!command || strcmp(command, "device-add"))
		return true;
	kind = control_text(request, "kind");
	for (unsigned int i = 0; kind && control_text(request, "options") && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kind, kinds[i].kind)) {
			p->kind = i;
			return kinds[i].open(request, p);
		}
	return true;
}

/* They are the VMM's now, or nobody's. */
static void close_parts(struct plug *p, bool sent)
{
	if (p->fds)
		kinds[p->kind].close(p, sent);
}

/* --- in the process that waits: asking --- */

static int link_fd = -1;	/* const while there is a thread, as the next is */
static bool can_plug;		/* it has a bus for devices */
static uint32_t serial;		/* the thread's */

static bool send_request(const struct plug *p, const char *text)
{
	struct head head = { .serial = ++serial, .plug = *p };
	struct iovec iov[] = { { &head, sizeof(head) }, { (char *)text, strlen(text) } };
	struct control_space space = { 0 };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	struct cmsghdr *c = (struct cmsghdr *)space.space;

	if (p->kind == PLUG_DISK)
		head.plug.disk.disk.image = NULL;
	if (p->fds) {
		m.msg_control = &space;
		m.msg_controllen = CMSG_SPACE(p->fds * sizeof(int));
		*c = (struct cmsghdr){ CMSG_LEN(p->fds * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(c), p->fd, p->fds * sizeof(int));
	}
	return sendmsg(link_fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
}

/* A line, or NULL with @why. An answer that came too late is not taken for another one's. */
static char *receive_answer(const char **why)
{
	char *text = malloc(LONGEST + 1);
	long long until = now_ms() + PATIENCE;
	struct pollfd p = { .fd = link_fd, .events = POLLIN };
	uint32_t of;

	if (!text)
		abort();
	for (;;) {
		struct iovec iov[] = { { &of, sizeof(of) }, { text, LONGEST } };
		struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
		long long left = until - now_ms();
		ssize_t n;

		*why = "the VMM does not answer; is its process stopped?";
		if (left <= 0 || (poll(&p, 1, left) <= 0 && errno != EINTR))
			break;
		n = recvmsg(link_fd, &m, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		*why = "the VM has ended";
		if (n <= 0)
			break;
		if (n < (ssize_t)sizeof(of) || of != serial)
			continue;
		text[n - sizeof(of)] = 0;
		*why = "the VMM answers nonsense";
		if (m.msg_flags & MSG_TRUNC || strlen(text) != n - sizeof(of) || strchr(text, '\n'))
			break;
		return text;
	}
	free(text);
	return NULL;
}

/* In the thread of control.c. */
static char *ask(struct vmm *v, struct json_object *request)
{
	struct plug p = { 0 };
	const char *why;
	char told[512] = "", *answer = NULL;
	bool sent = false, opened;

	(void)v;
	error_capture(told, sizeof(told));
	opened = !can_plug || open_parts(request, &p);
	error_capture(NULL, 0);
	why = told;
	if (opened) {
		errno = 0;
		sent = send_request(&p, request ? json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN) : "");
	}
	if (opened && !sent)
		why = errno == EAGAIN ? "the VMM does not answer; is its process stopped?" : "the VM has ended";
	if (sent)
		answer = receive_answer(&why);
	close_parts(&p, sent);
	return answer ? answer : failure(why);
}

/**
 * relay_open - the VM can be asked from now on
 * @name: of the VM, in messages
 * @uuid: of it
 * @link: to the VMM
 * @bus: it has a bus; to one without nothing is given
 */
void relay_open(const char *name, const uint8_t *uuid, int link, bool bus)
{
	/* Of the thread, which is confined by nothing */
	static const struct vmm_config cfg = { .confine = false };
	static struct vmm none = { .cfg = &cfg, .running = true };
	char path[108];

	link_fd = link;
	can_plug = bus;
	control_answered_by(ask);
	if (runtime_path(uuid, RUNTIME_CONTROL, path, sizeof(path)) || control_listen(&none, path))
		error("%s: 'vhctl cpus', 'memory', 'balloon' and 'device' will not find it", name);
}

/**
 * relay_close - the VM has ended
 */
void relay_close(void)
{
	control_close();
	control_finish();
}

/* --- in the VMM --- */

static const struct plug *parts;	/* the thread's */

const struct plug *relay_parts(void)
{
	const struct plug *p = parts;

	parts = NULL;
	return p;
}

static void adopt_disk(struct plug *p)
{
	disk_adopt(&p->disk.disk, p->fd, p->fds);
}

static void drop_disk(struct plug *p)
{
	struct disk *d = &p->disk.disk;

	if (d->image)
		storage_end(d->image, "disk");
	disk_close(d);
}

static void adopt_net(struct plug *p)
{
	net_adopt(&p->net, p->fd);
}

static void drop_net(struct plug *p)
{
	net_end(&p->net);
}

/* Where there is a limit of descriptors some of them may be missing: then it is none. */
static void take_parts(struct plug *p, struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int want = p->fds;

	p->fds = 0;
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return;
	p->fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(p->fd, CMSG_DATA(c), p->fds * sizeof(int));
	if (p->fds == want) {
		kinds[p->kind].adopt(p);
		return;
	}
	while (p->fds)
		close(p->fd[--p->fds]);
}

static void send_answer(int link, uint32_t of, char *line)
{
	size_t n = strlen(line);
	struct iovec iov[] = { { &of, sizeof(of) }, { line, n } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	if (n > LONGEST) {
		free(line);
		line = failure("the answer is too long");
		iov[1] = (struct iovec){ line, strlen(line) };
	}
	if (sendmsg(link, &m, MSG_NOSIGNAL) < 0)
		error("cannot answer: %s", strerror(errno));
	free(line);
}

bool relay_serve(struct vmm *v, int link)
{
	static char text[CONTROL_MAX_LINE * 2];		/* as it is written, it may be longer than it came */
	struct control_space space;
	struct json_object *request;
	struct head head;
	struct iovec iov[] = { { &head, sizeof(head) }, { text, sizeof(text) - 1 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2, .msg_control = &space, .msg_controllen = sizeof(space) };
	ssize_t n = recvmsg(link, &m, MSG_CMSG_CLOEXEC);
	char *answer;

	if (n < (ssize_t)sizeof(head))
		return false;
	take_parts(&head.plug, &m);
	text[n - sizeof(head)] = 0;
	request = control_parse(text, n - sizeof(head));
	parts = head.plug.fds ? &head.plug : NULL;
	answer = control_answer(v, request);
	if (parts)	/* it did not become a device, and is free again when that is known */
		kinds[head.plug.kind].drop(&head.plug);
	parts = NULL;
	send_answer(link, head.serial, answer);
	json_object_put(request);
	return true;
}
