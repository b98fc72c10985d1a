// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_relay.c - requests to a confined VM: passed on, answered, and disks and networks that its parent opens for it;
 * VMMs that somebody has broken into, which answer what they like.
 */
#include <dirent.h>
#include <errno.h>
#include <liburing.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "virtio_driver.h"
#include "runtime.h"
#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/control.h"
#include "vmm/devices.h"
#include "vmm/hotplug.h"
#include "vmm/net.h"
#include "vmm/pci.h"
#include "vmm/relay.h"
#include "vmm/supervise.h"

static const uint8_t uuid[16] = { 1, 2, 3 };
static struct sockaddr_un at = { .sun_family = AF_UNIX };
static char file[64], text[200000];
static int links[2], served, helper;
static bool listened;

/* --- what the devices and the relay call --- */

void pm_event(struct pm *pm, int gpe)
{
	(void)pm, (void)gpe;
}

/* Of the parent's thread, and of the VMM's while that one waits. */
void error_capture(char *to, size_t size)
{
	static struct {
		char *to;
		size_t size;
	} last;

	if (to)
		driver_said[0] = 0;
	else if (last.to)
		snprintf(last.to, last.size, "%s", driver_said);
	last.to = to;
	last.size = size;
}

bool confine_can_plug(void)
{
	return !listened;
}

static int offered = -1, offers;

void supervise_offer(int fd)
{
	if (offered >= 0)
		close(offered);
	offered = fd;
	offers += fd >= 0;
}

void supervise_helper(pid_t pid)
{
	helper = pid;
}

/* A ring is asked for as no program asks: supervise.c answers. */
long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == SYS_io_uring_setup && !a[1]) {
		int fd = offered;

		offered = -1;
		return fd;
	}
	return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* --- in place of taps --- */

static bool whole;		/* what came was what was sent */

/* Files, whose sizes tell which one it is. */
static int parts_open(const struct net_config *net, const char *name, const struct net_ports *ports, struct net_parts *p)
{
	int *fd[] = { &p->tap[0], &p->tap[1], &p->vhost[0], &p->vhost[1], &p->link };

	(void)net, (void)name, (void)ports;
	p->pairs = 2;
	for (int i = 0; i < 5; i++) {
		*fd[i] = memfd_create("part", MFD_CLOEXEC);
		if (*fd[i] < 0 || ftruncate(*fd[i], i + 1))
			abort();
	}
	return 0;
}

static int parts_make(struct net *n)
{
	struct net_parts *p = &n->parts;
	int fd[] = { p->tap[0], p->tap[1], p->vhost[0], p->vhost[1], p->link };

	whole = p->pairs == 2;
	for (int i = 0; i < 5; i++)
		whole &= lseek(fd[i], 0, SEEK_END) == i + 1;
	n->behind = n;
	error("a part is missing");
	return -1;
}

static void parts_finish(struct net *n)
{
	net_end(&n->parts);
}

const struct net_backend net_tap = { .open = parts_open, .make = parts_make, .finish = parts_finish };

/* --- who asks --- */

static int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = { .tv_sec = 20 };

	if (connect(fd, (struct sockaddr *)&at, sizeof(at)))
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* The line that comes back. */
static const char *ask(const char *request)
{
	size_t n = 0;
	int fd = dial();

	if (fd < 0 || dprintf(fd, "%s\n", request) < 0)
		abort();
	while (n < sizeof(text) - 1) {
		ssize_t r = read(fd, text + n, 1);

		if (r < 0 && errno == EINTR)	/* a child has ended */
			continue;
		if (r != 1 || text[n] == '\n')
			break;
		n++;
	}
	text[n] = 0;
	close(fd);
	return text;
}

static const char *add(const char *path)
{
	char request[256];

	snprintf(request, sizeof(request), "{\"command\":\"device-add\",\"kind\":\"disk\",\"options\":\"%s\"}", path);
	return ask(request);
}

static bool says(const char *answer, const char *words)
{
	if (strstr(answer, words))
		return true;
	printf("# %s\n", answer);
	return false;
}

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static bool free_again(void)
{
	struct disk_config cfg = { .path = file, .format = "raw" };
	struct disk d;
	bool is = !disk_open(&cfg, &d);

	disk_close(&d);
	return is;
}

static bool is_free(void *arg)
{
	(void)arg;
	return free_again();
}

static void begin(void)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, links))
		abort();
	relay_open("test", uuid, links[0], true);
}

/* --- a VMM --- */

static void *vmm(void *arg)
{
	(void)arg;
	while (relay_serve(&driver_vm, links[1]))
		__atomic_fetch_add(&served, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void disks(void)
{
	int before, n;

	TAP_CHECK(says(ask("{\"command\":\"device-ls\"}"), "{\"devices\":[]}"));
	TAP_CHECK(says(ask("[1]"), "want a JSON object"));
	TAP_CHECK(says(ask("{\"command\":\"device-add\",\"kind\":\"sofa\",\"options\":\"x\"}"), "only a disk or a net can be added"));
	usleep(50000);		/* who asked has been let go */
	before = descriptors();
	n = served;
	/* What the parent cannot open the VMM does not hear of. */
	TAP_CHECK(says(add("/none"), "none: No such file"));
	TAP_CHECK(says(add("/dev/null"), "is neither a file nor a block device"));
	TAP_CHECK(served == n && offers == 0);
	listened = true;
	TAP_CHECK(says(add(file), "with --no-confine it can"));
	listened = false;
	TAP_CHECK(offers == 1 && offered < 0);
	/* Nothing of that is left. */
	TAP_CHECK(free_again());
	usleep(50000);
	TAP_EQ(descriptors(), before);
	TAP_CHECK(says(add(file), "{\"id\":\"disk0\"}"));
	TAP_CHECK(offers == 2 && offered < 0);
	TAP_CHECK(!free_again());
	TAP_CHECK(says(add(file), "is in use by another program"));
	TAP_CHECK(says(ask("{\"command\":\"device-ls\"}"), "\"id\":\"disk0\""));
}

/* It is a disk, as others are, and goes as they do. */
static void works(void)
{
	struct virtio_blk_outhdr *head = driver_at(DRIVER_DATA);
	uint32_t slots = ~0u;

	driver_config(1, PCI_BASE_ADDRESS_0, 4, true, PCI_WINDOW + 0x1010000);
	driver_config(1, PCI_COMMAND, 2, true, PCI_COMMAND_MEMORY);
	TAP_CHECK(driver_start(1, 0, 1));
	*head = (struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_IN };
	driver_add(1, 0, (struct vring_desc[]){ OUT(DRIVER_DATA, 16), IN(DRIVER_DATA + 0x1000, 512), IN(DRIVER_DATA + 16, 1) }, 3);
	TAP_CHECK(driver_done(0) && !*(uint8_t *)driver_at(DRIVER_DATA + 16));
	TAP_CHECK(says(ask("{\"command\":\"device-rm\",\"id\":\"disk0\"}"), "{}"));
	bus_access(&driver_vm.bus, BUS_PORTS, HOTPLUG_PORT + HOTPLUG_EJECT, &slots, 4, true);
	TAP_CHECK(driver_until(is_free, NULL));
	TAP_CHECK(says(ask("{\"command\":\"device-ls\"}"), "{\"devices\":[]}"));
}

static void image(void)
{
	char path[80], command[200];

	snprintf(path, sizeof(path), "%s.qcow2", file);
	snprintf(command, sizeof(command), "command -v qemu-storage-daemon >/dev/null && qemu-img create -q -f qcow2 '%s' 16M", path);
	if (system(command)) {
		printf("ok %d - an image # SKIP no qemu-img or no qemu-storage-daemon here\n", ++tap_count);
		return;
	}
	TAP_CHECK(says(add(path), "{\"id\":\"disk"));
	/* The daemon is the parent's child, and the VMM ends it. */
	TAP_CHECK(helper > 0 && !kill(helper, 0));
	blk_finish(&driver_vm);
	for (int i = 0; i < 100 && !kill(helper, 0); i++)
		usleep(10000);
	TAP_CHECK(kill(helper, 0) && errno == ESRCH);
	unlink(path);
}

static bool no_child(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

/* With a program in place of passt, which the parent starts and the VMM ends. */
static void networks(void)
{
	const char *user = "{\"command\":\"device-add\",\"kind\":\"net\",\"options\":\"user\"}";
	const char *tap = "{\"command\":\"device-add\",\"kind\":\"net\",\"options\":\"tap=x,queues=2\"}";
	char path[] = "/tmp/vhctl-test-relay-dir.XXXXXX", program[80], *old = strdup(getenv("PATH"));
	uint32_t slots = ~0u;
	int before, n;
	FILE *f;

	if (!mkdtemp(path))
		abort();
	snprintf(program, sizeof(program), "%s/passt", path);
	setenv("PATH", path, 1);
	n = served;
	usleep(50000);		/* who asked has been let go */
	before = descriptors();
	TAP_CHECK(says(ask(user), "passt is not installed"));
	TAP_CHECK(says(ask("{\"command\":\"device-add\",\"kind\":\"net\",\"options\":\"user,frob\"}"), "want mac= or queues="));
	TAP_EQ(served, n);
	f = fopen(program, "w");
	if (!f || fputs("#!/bin/sh\nPATH=/bin:/usr/bin; cat <&3 >/dev/null 2>&1 &\n", f) < 0 || fclose(f) || chmod(program, 0755))
		abort();
	listened = true;
	TAP_CHECK(says(ask(user), "with --no-confine it can"));
	listened = false;
	TAP_CHECK(no_child());
	helper = 0;
	TAP_CHECK(says(ask(user), "{\"id\":\"net0\"}"));
	TAP_CHECK(helper > 0 && !kill(helper, 0));
	TAP_CHECK(says(ask("{\"command\":\"device-ls\"}"), "\"what\":\"user,mac="));
	bus_access(&driver_vm.bus, BUS_PORTS, HOTPLUG_PORT + HOTPLUG_EJECT, &slots, 4, true);
	TAP_CHECK(says(ask("{\"command\":\"device-ls\"}"), "{\"devices\":[]}"));
	TAP_CHECK(no_child());
	/* Of a tap all parts come as what they are, and are gone when no device is made of them. */
	TAP_CHECK(says(ask(tap), "{\"error\":\"a part is missing\"}") && whole);
	usleep(50000);
	TAP_EQ(descriptors(), before);
	setenv("PATH", old, 1);
	free(old);
	unlink(program);
	rmdir(path);
}

/* --- one that is somebody else's --- */

enum odd { LATE, TWO_LINES, ZERO, EMPTY, SHORT, LARGE, GONE };

static void say(uint32_t of, const char *data, size_t n)
{
	struct iovec iov[] = { { &of, sizeof(of) }, { (char *)data, n } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	sendmsg(links[1], &m, MSG_NOSIGNAL);
}

static void *odd_vmm(void *arg)
{
	static char large[150000];
	enum odd how = *(enum odd *)arg;
	uint32_t of;

	if (recv(links[1], &of, sizeof(of), 0) != sizeof(of))
		return NULL;
	memset(large, 'x', sizeof(large));
	switch (how) {
	case LATE: say(of - 1, "{\"old\":1}", 9); say(of, "{\"new\":1}", 9); break;
	case TWO_LINES: say(of, "{}\n{}", 5); break;
	case ZERO: say(of, "{}\0{}", 5); break;
	case EMPTY: say(of, "", 0); break;
	case SHORT: send(links[1], "x", 1, 0); say(of, "{}", 2); break;
	case LARGE: say(of, large, sizeof(large)); break;
	case GONE: shutdown(links[1], SHUT_RDWR); break;
	}
	return NULL;
}

static bool answers(enum odd how, const char *words)
{
	pthread_t thread;
	bool good;

	pthread_create(&thread, NULL, odd_vmm, &how);
	good = says(ask("{\"command\":\"x\"}"), words);
	pthread_join(thread, NULL);
	return good;
}

static void odd(void)
{
	TAP_CHECK(answers(LATE, "{\"new\":1}"));
	TAP_CHECK(answers(TWO_LINES, "{\"error\":\"the VMM answers nonsense\"}"));
	TAP_CHECK(answers(ZERO, "{\"error\":\"the VMM answers nonsense\"}"));
	TAP_CHECK(answers(EMPTY, ""));
	TAP_CHECK(answers(SHORT, "{}"));
	TAP_CHECK(answers(LARGE, "{\"error\":\"the VMM answers nonsense\"}"));
	TAP_CHECK(answers(GONE, "{\"error\":\"the VM has ended\"}"));
	TAP_CHECK(says(ask("{\"command\":\"x\"}"), "{\"error\":\"the VM has ended\"}"));
	/* What it was to get is nobody's, then. */
	TAP_CHECK(says(add(file), "{\"error\":\"the VM has ended\"}") && free_again() && offered < 0);
}

int main(void)
{
	static struct vmm_config cfg = { .cpus = 1, .confine = true, .memory = 64 << 20, .name = "vm" };
	struct io_uring ring;
	pthread_t thread;
	int fd;

	strcpy(file, "/tmp/vhctl-test-relay.XXXXXX");
	fd = mkstemp(file);
	setenv("XDG_RUNTIME_DIR", "/tmp", 0);
	if (fd < 0 || ftruncate(fd, 1 << 20) || runtime_path(uuid, RUNTIME_CONTROL, at.sun_path, sizeof(at.sun_path)))
		return 1;
	close(fd);
	if (io_uring_queue_init(1, &ring, 0)) {
		printf("ok 1 - plugging # SKIP no io_uring here\n1..1\n");
		return 0;
	}
	io_uring_queue_exit(&ring);
	driver_begin(cfg.memory);
	driver_vm.cfg = &cfg;
	hotplug_create(&driver_vm);
	if (watch_create(&driver_vm) || nets_prepare(&driver_vm) || threads_start(&driver_vm))
		return 1;
	driver_vm.running = true;
	control_add("device-add", hotplug_add_command);
	control_add("device-rm", hotplug_remove_command);
	control_add("device-ls", hotplug_list_command);
	begin();
	pthread_create(&thread, NULL, vmm, NULL);
	disks();
	works();
	networks();
	image();
	relay_close();
	TAP_CHECK(access(at.sun_path, F_OK));
	shutdown(links[0], SHUT_RDWR);
	pthread_join(thread, NULL);
	begin();
	odd();
	relay_close();
	watch_finish(&driver_vm);
	unlink(file);
	return tap_done();
}
