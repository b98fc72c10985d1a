// SPDX-License-Identifier: GPL-2.0-only
/*
 * net.c - in a guest: a driver that errs, of any virtio device; and what goes by sockets.
 *
 *   net wreck PCI QUEUE MISTAKE   gives the queue a chain that loops, is far (outside of memory) or huge, a
 *                                 ring that is ahead, a table that is odd, or itself: the device has to need
 *                                 a reset, and to get over it
 *   net gro INTERFACE             turns off that packets are merged by the device, and on again
 *   net receive PORT              what comes by a connection, to standard output
 *   net send ADDRESS PORT         standard input, by a connection, until the other side has it
 *   net echo PORT                 sends datagrams back
 *   net ask ADDRESS PORT          sends some, all of which have to come back
 *   net knock ADDRESS PORT        sends one after another, until it is killed
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <linux/virtio_ring.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAGE	4096
#define SIZE	16

/* Of virtio's common structure, at the start of the BAR; kicks are in its fourth page. */
enum { DRIVER_FEATURE_SELECT = 8, DRIVER_FEATURE = 12, STATUS = 20, QUEUE_SELECT = 22, QUEUE_SIZE = 24,
       QUEUE_ENABLE = 28, QUEUE_DESC = 32, QUEUE_AVAIL = 40, QUEUE_USED = 48, KICK = 3 * PAGE };

struct ring {
	uint8_t *page;
	uint64_t at;		/* in the guest's memory */
};

static long long ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void die(const char *what)
{
	printf("net: %s: %s\n", what, strerror(errno));
	exit(1);
}

static volatile uint8_t *registers(const char *device)
{
	char path[128];
	uint16_t command = 6;		/* memory, and master: as a driver would */
	void *p;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/enable", device);
	fd = open(path, O_WRONLY);	/* a device without driver is not decoded */
	if (fd < 0 || write(fd, "1", 1) != 1)
		die(path);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", device);
	fd = open(path, O_RDWR);
	if (fd < 0 || pwrite(fd, &command, 2, 4) != 2)
		die(path);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", device);
	fd = open(path, O_RDWR | O_SYNC);
	p = fd < 0 ? MAP_FAILED : mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die(path);
	return p;
}

/* A page that stays where it is, and where that is. */
static struct ring make_page(void)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	struct ring r = { mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0), 0 };

	memset(r.page, 0, PAGE);
	if (fd < 0 || pread(fd, &r.at, 8, (uintptr_t)r.page / PAGE * 8) != 8)
		die("pagemap");
	r.at = (r.at & ((1ULL << 55) - 1)) * PAGE;
	close(fd);
	return r;
}

static void set16(volatile uint8_t *r, int at, uint16_t value)
{
	*(volatile uint16_t *)(r + at) = value;
}

static void set32(volatile uint8_t *r, int at, uint32_t value)
{
	*(volatile uint32_t *)(r + at) = value;
}

static void set64(volatile uint8_t *r, int at, uint64_t value)
{
	set32(r, at, value);
	set32(r, at + 4, value >> 32);
}

static int reset(volatile uint8_t *r)
{
	long long end = ms() + 10000;

	r[STATUS] = 0;
	while (r[STATUS])
		if (ms() > end) {
			printf("net: no reset: status %#x\n", r[STATUS]);
			return 1;
		}
	return 0;
}

static void make_mistake(const char *what, struct ring desc, struct ring avail)
{
	struct vring_desc *d = (void *)desc.page;
	struct vring_avail *a = (void *)avail.page;

	/* A good one, of two buffers that the device may read. */
	d[0] = (struct vring_desc){ .addr = desc.at + 2048, .len = 512, .flags = VRING_DESC_F_NEXT, .next = 1 };
	d[1] = (struct vring_desc){ .addr = desc.at + 2560, .len = 512 };
	a->idx = 1;
	if (!strcmp(what, "loop"))
		d[1] = (struct vring_desc){ .addr = desc.at + 2560, .len = 512, .flags = VRING_DESC_F_NEXT };
	else if (!strcmp(what, "far"))
		d[1].addr = 1ULL << 40;
	else if (!strcmp(what, "huge"))
		d[1].len = ~0u;
	else if (!strcmp(what, "ahead"))
		a->idx = 1000;
	else if (!strcmp(what, "odd"))
		d[0] = (struct vring_desc){ .addr = desc.at, .len = 7, .flags = VRING_DESC_F_INDIRECT };
	else if (!strcmp(what, "itself"))
		d[0] = (struct vring_desc){ .addr = desc.at, .len = SIZE * sizeof(*d), .flags = VRING_DESC_F_INDIRECT };
	else
		die(what);
}

static int wreck(volatile uint8_t *r, int queue, const char *what)
{
	struct ring idle[3] = { make_page(), make_page(), make_page() };
	struct ring desc = make_page(), avail = make_page(), used = make_page();
	long long end;

	if (reset(r))
		return 1;
	r[STATUS] = 3;
	set32(r, DRIVER_FEATURE_SELECT, 0);
	set32(r, DRIVER_FEATURE, 1u << VIRTIO_RING_F_INDIRECT_DESC | 1u << 17);	/* a control queue */
	set32(r, DRIVER_FEATURE_SELECT, 1);
	set32(r, DRIVER_FEATURE, 1);	/* VIRTIO_F_VERSION_1 */
	r[STATUS] = 11;
	if (r[STATUS] != 11) {
		/* a device without control queue */
		reset(r);
		r[STATUS] = 3;
		set32(r, DRIVER_FEATURE_SELECT, 0);
		set32(r, DRIVER_FEATURE, 1u << VIRTIO_RING_F_INDIRECT_DESC);
		set32(r, DRIVER_FEATURE_SELECT, 1);
		set32(r, DRIVER_FEATURE, 1);
		r[STATUS] = 11;
	}
	/* All first ones have to be there; those that are idle are empty, and share. */
	for (int i = 0; i < 3; i++) {
		set16(r, QUEUE_SELECT, i);
		set16(r, QUEUE_SIZE, SIZE);
		set64(r, QUEUE_DESC, (i == queue ? desc : idle[0]).at);
		set64(r, QUEUE_AVAIL, (i == queue ? avail : idle[1]).at);
		set64(r, QUEUE_USED, (i == queue ? used : idle[2]).at);
		set16(r, QUEUE_ENABLE, 1);
	}
	make_mistake(what, desc, avail);
	r[STATUS] = 15;
	set16(r, KICK + 4 * queue, queue);
	for (end = ms() + 10000; !(r[STATUS] & 0x40);)
		if (ms() > end) {
			printf("net: %s in queue %d: status %#x: needs no reset\n", what, queue, r[STATUS]);
			return 1;
		}
	return reset(r);
}

/* --- sockets --- */

static int ethtool(int s, const char *interface, void *what)
{
	struct ifreq r = { .ifr_data = what };

	strncpy(r.ifr_name, interface, IFNAMSIZ - 1);
	return ioctl(s, SIOCETHTOOL, &r);
}

/* The driver asks the device for it, and has what that answers (VIRTIO_NET_CTRL_GUEST_OFFLOADS). */
static int gro(const char *interface)
{
	static char strings[sizeof(struct ethtool_gstrings) + 256 * ETH_GSTRING_LEN];
	static uint32_t set[2 + 16], get[2 + 32];	/* struct ethtool_sfeatures, struct ethtool_gfeatures */
	struct ethtool_gstrings *names = (void *)strings;
	int s = socket(AF_INET, SOCK_DGRAM, 0), bit, word;

	*names = (struct ethtool_gstrings){ .cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES };
	if (ethtool(s, interface, names))
		die("names of features");
	for (bit = 0; bit < 256 && strcmp((char *)names->data + bit * ETH_GSTRING_LEN, "rx-gro-hw"); bit++)
		;
	word = bit / 32;
	for (int on = 0; on < 2; on++) {
		set[0] = ETHTOOL_SFEATURES;
		set[1] = names->len / 32 + !!(names->len % 32);
		set[2 + 2 * word] = 1u << bit % 32;
		set[2 + 2 * word + 1] = on ? 1u << bit % 32 : 0;
		get[0] = ETHTOOL_GFEATURES;
		get[1] = set[1];
		if (ethtool(s, interface, set) || ethtool(s, interface, get))
			die("rx-gro-hw");
		/* available, requested, active, never_changed */
		if ((get[2 + 4 * word + 2] >> bit % 32 & 1) != (uint32_t)on) {
			printf("net: rx-gro-hw is not %s\n", on ? "on" : "off");
			return 1;
		}
	}
	return 0;
}

static int receive(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	char data[65536];
	ssize_t n;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s, (void *)&at, sizeof(at)) || listen(s, 1))
		die("listen");
	s = accept(s, NULL, NULL);
	while ((n = read(s, data, sizeof(data))) > 0)
		if (write(1, data, n) != n)
			die("write");
	if (n || write(s, "", 1) != 1)
		die("receive");
	return 0;
}

static int send_all(const char *address, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address) };
	int s = socket(AF_INET, SOCK_STREAM, 0);
	char data[65536];
	ssize_t n;

	if (connect(s, (void *)&to, sizeof(to)))
		die("connect");
	while ((n = read(0, data, sizeof(data))) > 0)
		if (send(s, data, n, MSG_NOSIGNAL) != n)
			die("send");
	shutdown(s, SHUT_WR);
	if (read(s, data, 1) != 1)
		die("the other side");
	return 0;
}

static int echo(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	char data[2048];

	if (bind(s, (void *)&at, sizeof(at)))
		die("bind");
	for (;;) {
		socklen_t size = sizeof(at);
		ssize_t n = recvfrom(s, data, sizeof(data), 0, (void *)&at, &size);

		if (n < 0 || sendto(s, data, n, 0, (void *)&at, size) != n)
			break;
	}
	die("echo");
	return 1;
}

static int ask(const char *address, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address) };
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct timeval patience = { .tv_sec = 2 };
	char data[1200], back[2048];

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(s, (void *)&to, sizeof(to)))
		die("connect");
	for (int i = 0, tries = 0; i < 10; tries++) {
		if (tries == 20)
			die("nothing comes back");
		memset(data, 'a' + i, sizeof(data));
		/* one may be lost, but not be another */
		if (send(s, data, sizeof(data), 0) < 0 || recv(s, back, sizeof(back), 0) != sizeof(data))
			continue;
		if (!memcmp(data, back, sizeof(data)))
			i++;
		else
			die("something else comes back");
	}
	return 0;
}

static void knock(const char *address, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address) };
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	if (s < 0)
		die("socket");
	/* whether somebody is there or not */
	for (;; usleep(100000))
		sendto(s, "knock", 5, 0, (void *)&to, sizeof(to));
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (argc == 5 && !strcmp(what, "wreck"))
		return wreck(registers(argv[2]), atoi(argv[3]), argv[4]);
	if (argc == 3 && !strcmp(what, "gro"))
		return gro(argv[2]);
	if (argc == 3 && !strcmp(what, "receive"))
		return receive(atoi(argv[2]));
	if (argc == 4 && !strcmp(what, "send"))
		return send_all(argv[2], atoi(argv[3]));
	if (argc == 3 && !strcmp(what, "echo"))
		return echo(atoi(argv[2]));
	if (argc == 4 && !strcmp(what, "ask"))
		return ask(argv[2], atoi(argv[3]));
	if (argc == 4 && !strcmp(what, "knock"))
		knock(argv[2], atoi(argv[3]));
	fprintf(stderr, "usage: net wreck|gro|receive|send|echo|ask|knock ...\n");
	return 2;
}
