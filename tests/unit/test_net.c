// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_net.c - a network device of vhctl's VMM with its thread, and a socket in place of passt: frames
 * both ways in any framing, buffers that are short, resets with frames under way, commands, nonsense on
 * either side.
 */
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"
#include "vhctl.h"
#include "vmm/devices.h"
#include "vmm/net.h"
#include "vmm/pci.h"
#include "vmm/vmm.h"

#define MEMORY	(16ULL << 20)
#define SIZE	64			/* entries of a queue */
#define RING	0x4000ULL		/* for each queue: descriptors, and what the sides say at 4 and 8 KiB */
#define BUFFERS	0x100000ULL		/* 64 KiB and a bit for each descriptor of a queue */
#define STEP	0x11000ULL
#define RX	0
#define TX	1
#define CONTROL	2
#define PIECE	36544			/* of what is sent: nine pages, less what the kernel needs */
#define END	0			/* of the eventfds, what the threads are told by; others are kicks */
#define ASKED	2
#define MRG	(1u << VIRTIO_NET_F_MRG_RXBUF)
#define BASE	(1u << VIRTIO_NET_F_CTRL_VQ | 1u << VIRTIO_NET_F_MAC | 1u << VIRTIO_NET_F_CTRL_RX)

static struct vmm vmm;
static struct vmm_config cfg = { .cpus = 1, .memory = MEMORY, .name = "vm", .named = true, .nets = 1 };
static uint64_t bar = PCI_WINDOW;
static uint16_t made[3], seen[3];
static int passt;			/* its end of the socket */
static char said[256];
static int gone;			/* how often that is said */
static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;

/* --- what the device calls --- */

void error(const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&said_lock);
	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	gone += !!strstr(said, "the network is gone");
	printf("# %s\n", said);
	pthread_mutex_unlock(&said_lock);
}

/* It is said before long. */
static bool says(const char *words)
{
	bool yes = false;

	for (int i = 0; i < 3000 && !yes; i++, usleep(1000)) {
		pthread_mutex_lock(&said_lock);
		yes = strstr(said, words);
		pthread_mutex_unlock(&said_lock);
	}
	return yes;
}

/* In the kernel a kick signals the eventfd, whatever the device is at. */
static int eventfds[16], made_eventfds;

int __real_eventfd(unsigned int count, int flags);
int __wrap_eventfd(unsigned int count, int flags);

int __wrap_eventfd(unsigned int count, int flags)
{
	return eventfds[made_eventfds++] = __real_eventfd(count, flags);
}

/* The kernel makes pieces of what is sent, and others may run before the next is there. */
static bool slow;

ssize_t __real_send(int fd, const void *data, size_t n, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t n, int flags);

ssize_t __wrap_send(int fd, const void *data, size_t n, int flags)
{
	ssize_t done = 0, part, r;

	if (!slow)
		return __real_send(fd, data, n, flags);
	for (; done < (ssize_t)n; usleep(300)) {
		part = n - done < PIECE ? n - done : PIECE;
		r = __real_send(fd, (const char *)data + done, part, flags);
		if (r < 0)
			return done ? done : r;
		done += r;
		if (r < part)
			break;
	}
	return done;
}

int passt_start(const char *name, const struct net_ports *ports, int *process, pid_t *pid)
{
	int ends[2];

	(void)name, (void)ports;
	*process = -1;
	*pid = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		abort();
	passt = ends[1];
	return ends[0];
}

void passt_end(const char *name, int sock, int process)
{
	(void)name, (void)process;
	if (sock >= 0)
		close(sock);
}

/* taps are tested in the lab */
const struct net_backend net_tap;

/* --- a driver --- */

static uint64_t access_bar(uint64_t at, int len, bool write, uint64_t value)
{
	bus_access(&vmm.bus, BUS_MEMORY, bar + at, &value, len, write);
	return value;
}

static uint8_t status(void)
{
	return access_bar(20, 1, false, 0);
}

static void start_driver(uint32_t features)
{
	memset(vmm.low, 0, 3 * RING);
	memset(made, 0, sizeof(made));
	memset(seen, 0, sizeof(seen));
	access_bar(20, 1, true, 3);
	access_bar(8, 4, true, 0);
	access_bar(12, 4, true, features | BASE);
	access_bar(8, 4, true, 1);
	access_bar(12, 4, true, 1);
	access_bar(20, 1, true, 11);
	for (int q = 0; q < 3; q++) {
		access_bar(22, 2, true, q);
		access_bar(24, 2, true, SIZE);
		access_bar(32, 4, true, q * RING);
		access_bar(40, 4, true, q * RING + 0x1000);
		access_bar(48, 4, true, q * RING + 0x2000);
		access_bar(28, 2, true, 1);
	}
	access_bar(20, 1, true, 15);
}

static uint8_t reset_driver(void)
{
	access_bar(20, 1, true, 0);
	return status();
}

static void *at(uint64_t gpa)
{
	return memory_at(&vmm, gpa, 1);
}

static uint8_t *buffer(int q, int i)
{
	return at(BUFFERS + (q * SIZE + i) * STEP);
}

static void offer(int q, int head)
{
	struct vring_avail *avail = at(q * RING + 0x1000);

	avail->ring[made[q] % SIZE] = head;
	__atomic_store_n(&avail->idx, ++made[q], __ATOMIC_RELEASE);
}

/* Only where the device wants it: that is how a driver is. */
static void kick(int q)
{
	struct vring_used *used = at(q * RING + 0x2000);

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY))
		access_bar(0x3000 + 4 * q, 2, true, q);
}

static void describe(int q, int i, uint32_t n, uint16_t flags, uint16_t next)
{
	((struct vring_desc *)at(q * RING))[i] =
		(struct vring_desc){ BUFFERS + (q * SIZE + i) * STEP, n, flags, next };
}

/* Buffers to receive into: @n of @bytes each, of which each is one in @pieces. */
static void offer_buffers(int n, uint32_t bytes, int pieces)
{
	static int next;

	if (made[RX] == 0)
		next = 0;
	for (; n--; next = (next + pieces) % SIZE) {
		for (int i = 0; i < pieces; i++)
			describe(RX, (next + i) % SIZE, i < pieces - 1 ? 5 : bytes - 5 * (pieces - 1),
				 VRING_DESC_F_WRITE | (i < pieces - 1 ? VRING_DESC_F_NEXT : 0), (next + i + 1) % SIZE);
		offer(RX, next);
	}
	kick(RX);
}

static uint16_t used_index(int q)
{
	return __atomic_load_n(&((struct vring_used *)at(q * RING + 0x2000))->idx, __ATOMIC_ACQUIRE);
}

static bool wait_used(int q, uint16_t idx)
{
	for (int i = 0; i < 3000; i++, usleep(1000))
		if ((int16_t)(used_index(q) - idx) >= 0)
			return true;
	return false;
}

/* What a chain has of a packet, at @to; its bytes. */
static size_t gather(int head, uint32_t n, uint8_t *to)
{
	struct vring_desc *d = at(RX * RING);
	size_t done = 0;

	for (int i = head; done < n; i = d[i].next) {
		size_t part = d[i].len < n - done ? d[i].len : n - done;

		memcpy(to + done, at(d[i].addr), part);
		done += part;
	}
	return done;
}

/* The next packet that came, without its header; 0: none, in a while. */
static size_t received(uint8_t *frame, int *chains)
{
	static uint8_t all[NET_MAX_FRAME + SIZE * 64];
	struct vring_used *used = at(RX * RING + 0x2000);
	struct vring_used_elem *e;
	size_t n = 0;
	int left = 1;

	*chains = 0;
	while (left) {
		if (!wait_used(RX, seen[RX] + 1))
			return 0;
		e = &used->ring[seen[RX]++ % SIZE];
		n += gather(e->id, e->len, all + n);
		if (!(*chains)++)
			left = all[10] | all[11] << 8;
		/* All of them are there at once. */
		if (--left && (int16_t)(used_index(RX) - seen[RX]) < left)
			return 0;
	}
	memcpy(frame, all + NET_HEADER, n - NET_HEADER);
	return n - NET_HEADER;
}

/* A packet of @n bytes to transmit, its buffers cut at @cut. */
static void transmit(int slot, const uint8_t *frame, uint32_t n, uint32_t cut)
{
	uint8_t *first = buffer(TX, 2 * slot), *second = buffer(TX, 2 * slot + 1), all[NET_MAX_FRAME + NET_HEADER];

	memset(all, 0, NET_HEADER);
	memcpy(all + NET_HEADER, frame, n);
	n += NET_HEADER;
	memcpy(first, all, cut);
	memcpy(second, all + cut, n - cut);
	describe(TX, 2 * slot, cut, VRING_DESC_F_NEXT, 2 * slot + 1);
	describe(TX, 2 * slot + 1, n - cut, 0, 0);
	offer(TX, 2 * slot);
	kick(TX);
}

/* --- passt --- */

static void passt_sends(const uint8_t *frame, uint32_t n)
{
	uint8_t length[4] = { n >> 24, n >> 16, n >> 8, n };

	if (send(passt, length, 4, 0) != 4 || send(passt, frame, n, 0) != (ssize_t)n)
		abort();
}

static bool take(void *to, size_t n)
{
	struct pollfd p = { .fd = passt, .events = POLLIN };

	while (n) {
		ssize_t r = poll(&p, 1, 3000) == 1 ? recv(passt, to, n, 0) : 0;

		if (r <= 0)
			return false;
		to = (char *)to + r;
		n -= r;
	}
	return true;
}

/* Its next frame; 0: none, in a while. */
static size_t passt_takes(uint8_t *frame)
{
	uint8_t length[4];
	size_t n;

	if (!take(length, 4))
		return 0;
	n = length[0] << 24 | length[1] << 16 | length[2] << 8 | length[3];
	return n <= NET_MAX_FRAME && take(frame, n) ? n : 0;
}

static void pattern(uint8_t *p, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = seed >> 24;
	}
}

static uint8_t sent[NET_MAX_FRAME], got[NET_MAX_FRAME];

static void to_guest(size_t n, int *chains)
{
	pattern(sent, n, n);
	passt_sends(sent, n);
	tap_ok(received(got, chains) == n && !memcmp(sent, got, n), "%zu bytes to the guest, in %d", n, *chains);
}

static void from_guest(size_t n, uint32_t cut)
{
	static int slot;

	pattern(sent, n, n + cut);
	transmit(slot++ % (SIZE / 2), sent, n, cut);
	tap_ok(passt_takes(got) == n && !memcmp(sent, got, n), "%zu bytes from the guest, cut at %u", n, cut);
}

static int command(uint8_t class, uint8_t cmd, const void *data, size_t n)
{
	uint8_t *p = buffer(CONTROL, 0), *ack = buffer(CONTROL, 1);

	p[0] = class;
	p[1] = cmd;
	memcpy(p + 2, data, n);
	*ack = 0x55;
	describe(CONTROL, 0, n + 2, VRING_DESC_F_NEXT, 1);
	describe(CONTROL, 1, 1, VRING_DESC_F_WRITE, 0);
	offer(CONTROL, 0);
	kick(CONTROL);
	return wait_used(CONTROL, ++seen[CONTROL]) ? *ack : -1;
}

static bool needs_reset(void)
{
	for (int i = 0; i < 3000; i++, usleep(1000))
		if (status() & VIRTIO_CONFIG_S_NEEDS_RESET)
			return true;
	return false;
}

/* --- tests --- */

static void addresses(void)
{
	uint8_t a[6], b[6];

	net_address("web", 0, 0, "host", a);
	net_address("web", 0, 0, "host", b);
	TAP_CHECK(!memcmp(a, b, 6) && (a[0] & 3) == 2);
	/* what this is today it has to be with the next version */
	TAP_CHECK(!memcmp(a, "\xee\x9c\xda\x35\x55\x2c", 6));
	net_address("web", 0, 1, "host", b);
	TAP_CHECK(memcmp(a, b, 6));
	net_address("web", 1, 0, "host", b);
	TAP_CHECK(memcmp(a, b, 6));
	net_address("web2", 0, 0, "host", b);
	TAP_CHECK(memcmp(a, b, 6));
	net_address("web", 0, 0, "other", b);
	TAP_CHECK(memcmp(a, b, 6));
}

static void frames(void)
{
	int chains;

	start_driver(MRG);
	offer_buffers(32, 1536, 1);
	to_guest(60, &chains);
	to_guest(1514, &chains);
	TAP_EQ(chains, 1);
	to_guest(1525, &chains);
	TAP_EQ(chains, 2);
	to_guest(20000, &chains);
	TAP_EQ(chains, 14);
	from_guest(60, 12);
	from_guest(1514, 5);
	from_guest(1514, 1000);
	from_guest(65534, 30000);
	from_guest(65534, 1);
	/* The smallest, and headers in pieces. */
	TAP_EQ(reset_driver(), 0);
	start_driver(MRG);
	offer_buffers(16, 30, 4);
	to_guest(60, &chains);
	TAP_EQ(chains, 3);
	to_guest(14, &chains);
	/* One buffer at a time: nothing is told before the packet is whole. */
	TAP_EQ(reset_driver(), 0);
	start_driver(MRG);
	pattern(sent, 5000, 1);
	passt_sends(sent, 5000);
	for (int i = 0; i < 5; i++) {
		offer_buffers(1, 1000, 1);
		usleep(20000);
		TAP_EQ(used_index(RX), 0);
	}
	offer_buffers(1, 1000, 1);
	TAP_CHECK(received(got, &chains) == 5000 && !memcmp(sent, got, 5000) && chains == 6);
	/* What does not fit is lost, and nothing else. */
	TAP_EQ(reset_driver(), 0);
	start_driver(0);
	offer_buffers(4, 1526, 1);
	passt_sends(sent, 1515);
	to_guest(1514, &chains);
	TAP_EQ(reset_driver(), 0);
	start_driver(MRG);
	offer_buffers(SIZE, 100, 1);
	passt_sends(sent, SIZE * 100);
	to_guest(SIZE * 100 - NET_HEADER, &chains);
	TAP_EQ(chains, SIZE);
	TAP_EQ(reset_driver(), 0);
}

/* passt does not read, and the guest goes on sending; then it does. */
static void waits(void)
{
	int n = 0, chains;

	start_driver(MRG);
	offer_buffers(8, 1536, 1);
	for (int i = 0; i < SIZE / 2; i++) {
		pattern(sent, 65534, i);
		transmit(i, sent, 65534, 12);
	}
	usleep(100000);
	TAP_CHECK(used_index(TX) < SIZE / 2);
	/* meanwhile the other way is open */
	to_guest(1000, &chains);
	for (int i = 0; i < SIZE / 2; i++) {
		pattern(sent, 65534, i);
		n += passt_takes(got) == 65534 && !memcmp(sent, got, 65534);
	}
	TAP_EQ(n, SIZE / 2);
	TAP_CHECK(wait_used(TX, SIZE / 2));
	TAP_EQ(reset_driver(), 0);
}

/*
 * As Debian 12's passt reads: what there is, and then, once, what is missing of the last frame. How many
 * of the frames come through until the last one, which is a header only.
 */
static int read_once(void)
{
	static uint8_t data[4 << 20];
	struct pollfd p = { .fd = passt, .events = POLLIN };
	int frames = 0;

	while (poll(&p, 1, 3000) == 1) {
		uint8_t *at = data;
		ssize_t n = recv(passt, at, sizeof(data) / 2, MSG_DONTWAIT);

		for (; n > 4; frames++) {
			ssize_t length = (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];

			at += 4;
			n -= 4;
			if (length < 0 || length > NET_MAX_FRAME)
				return frames;
			if (length > n) {
				ssize_t rest = poll(&p, 1, 3000) == 1 ? recv(passt, at + n, length - n, 0) : 0;

				if (rest != length - n)
					return frames;
				n = length;
			}
			if (length == ETH_HLEN)
				return frames;
			at += length;
			n -= length;
		}
	}
	return frames;
}

/* Whatever else runs between two pieces of what is sent. */
static void pieces(void)
{
	int rows = 0;

	slow = true;
	for (int size = 38000; size <= 65000; size += 3000) {
		start_driver(MRG);
		for (int i = 0; i < SIZE / 2 - 1; i++)
			transmit(i, sent, size, 12);
		transmit(SIZE / 2 - 1, sent, ETH_HLEN, 12);
		rows += read_once() == SIZE / 2 - 1;
		/* what is left when it failed */
		while (recv(passt, got, sizeof(got), MSG_DONTWAIT) > 0 || used_index(TX) < SIZE / 2)
			usleep(100);
		TAP_EQ(reset_driver(), 0);
	}
	TAP_EQ(rows, 10);
	slow = false;
}

/* The stream stays one of frames, whatever is under way. */
static void resets(void)
{
	int whole = 0, other = 0, chains, i;
	size_t n;

	for (i = 0; i < 50; i++) {
		start_driver(MRG);
		offer_buffers(3, 1536, 1);
		pattern(sent, 9000, i);
		passt_sends(sent, 9000);
		for (int k = 0; k < 8; k++)
			transmit(k, sent, 9000, 100);
		if (reset_driver())
			break;
	}
	TAP_EQ(i, 50);
	start_driver(MRG);
	pattern(sent, 77, 1);
	transmit(0, sent, 77, 12);
	while ((n = passt_takes(got)) == 9000)
		whole++;
	other = n == 77 && !memcmp(sent, got, 77);
	printf("# %d frames came through\n", whole);
	TAP_CHECK(other);
	/* What waited for a driver that is gone is gone as well. */
	offer_buffers(8, 1536, 1);
	to_guest(100, &chains);
	TAP_EQ(reset_driver(), 0);
}

static void commands(void)
{
	uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 }, group[6] = { 3 }, on = 1, tables[8] = { }, pairs[2] = { 1 };
	uint64_t before;

	start_driver(MRG | 1u << VIRTIO_NET_F_CTRL_MAC_ADDR % 32);
	before = access_bar(0x2000, 4, false, 0);
	TAP_CHECK(before & 2);
	TAP_EQ(command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &on, 1), VIRTIO_NET_OK);
	TAP_EQ(command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOBCAST, &on, 1), VIRTIO_NET_ERR);
	TAP_EQ(command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &on, 0), VIRTIO_NET_ERR);
	TAP_EQ(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables, 8), VIRTIO_NET_OK);
	TAP_EQ(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, group, 6), VIRTIO_NET_ERR);
	TAP_EQ(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, mac, 5), VIRTIO_NET_ERR);
	TAP_EQ(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, mac, 6), VIRTIO_NET_OK);
	TAP_EQ(access_bar(0x2000, 4, false, 0), 2);
	/* not offered: several queues, offloads; and what nobody knows */
	TAP_EQ(command(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, pairs, 2), VIRTIO_NET_ERR);
	TAP_EQ(command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, tables, 8), VIRTIO_NET_ERR);
	TAP_EQ(command(200, 1, tables, 8), VIRTIO_NET_ERR);
	/* The address is what it was when another driver comes. */
	TAP_EQ(reset_driver(), 0);
	TAP_EQ(access_bar(0x2000, 4, false, 0), before);
	/* a command without room for an answer */
	start_driver(MRG);
	describe(CONTROL, 0, 2, 0, 0);
	offer(CONTROL, 0);
	kick(CONTROL);
	TAP_CHECK(needs_reset() && says("without room for its answer"));
	TAP_EQ(reset_driver(), 0);
}

/* A driver that errs, in each queue, with packets under way. */
static void mistakes(void)
{
	static const char *const words[] = {
		"is not in memory", "ahead of its ring", "shorter than its headers", "no room for a header",
	};
	int chains;

	start_driver(MRG);
	describe(TX, 0, 60000, VRING_DESC_F_NEXT, 1);
	describe(TX, 1, 60000, 0, 0);
	offer(TX, 0);
	kick(TX);
	TAP_CHECK(needs_reset() && says("longer than packets are"));
	TAP_EQ(reset_driver(), 0);
	for (int i = 0; i < 4; i++) {
		int q = i == 3 ? RX : i == 2 ? TX : i;

		start_driver(MRG);
		describe(q, 0, i == 2 ? 25 : i == 3 ? 11 : 100, q == RX ? VRING_DESC_F_WRITE : 0, 0);
		if (!i)
			((struct vring_desc *)at(q * RING))->addr = MEMORY;
		offer(q, 0);
		if (i == 1)
			__atomic_store_n(&((struct vring_avail *)at(q * RING + 0x1000))->idx, 1000, __ATOMIC_RELEASE);
		kick(q);
		if (q == RX)
			passt_sends(sent, 100);
		tap_ok(needs_reset() && says(words[i]), "needs a reset: %s", words[i]);
		passt_sends(sent, 100);
		TAP_EQ(reset_driver(), 0);
	}
	/* A table that is the queue's own, and names itself. */
	start_driver(MRG | 1u << VIRTIO_RING_F_INDIRECT_DESC);
	((struct vring_desc *)at(TX * RING))[0] =
		(struct vring_desc){ TX * RING, SIZE * sizeof(struct vring_desc), VRING_DESC_F_INDIRECT, 0 };
	offer(TX, 0);
	kick(TX);
	TAP_CHECK(needs_reset() && says("a table of descriptors makes no sense"));
	TAP_EQ(reset_driver(), 0);
	/* Kicks of queues that are not there, of a driver that is not. */
	for (int i = 0; i < made_eventfds; i++)
		if (i != END && i != ASKED)
			msi_signal(eventfds[i]);
	usleep(20000);
	TAP_EQ(status(), 0);
	start_driver(MRG);
	offer_buffers(8, 1536, 1);
	to_guest(200, &chains);
	from_guest(200, 12);
	TAP_EQ(reset_driver(), 0);
}

/* passt speaks nonsense: it is no longer listened to, and the guest has no link, but its frames go away. */
static void nonsense(void)
{
	start_driver(MRG);
	TAP_EQ(access_bar(0x2006, 2, false, 0), 1);
	if (send(passt, "\xff\xff\xff\xff", 4, 0) != 4)
		abort();
	for (int i = 0; i < 3000 && access_bar(0x2006, 2, false, 0); i++)
		usleep(1000);
	TAP_EQ(access_bar(0x2006, 2, false, 0), 0);
	TAP_CHECK(says("the network is gone: passt sends a frame of a length"));
	for (int i = 0; i < 8; i++)
		transmit(i, sent, 1000, 12);
	TAP_CHECK(wait_used(TX, 8));
	TAP_EQ(status(), 15);
	TAP_EQ(reset_driver(), 0);
	start_driver(MRG);
	TAP_EQ(reset_driver(), 0);
	TAP_EQ(gone, 1);
}

int main(void)
{
	vmm.cfg = &cfg;
	vmm.vm = -1;
	bus_init(&vmm.bus);
	pci_create(&vmm);
	vmm.low_size = MEMORY;
	vmm.low = aligned_alloc(4096, MEMORY);
	if (!vmm.low || watch_create(&vmm) || nets_prepare(&vmm) || net_create(&vmm, &cfg.net[0]) || threads_start(&vmm))
		return 1;
	addresses();
	frames();
	waits();
	pieces();
	resets();
	commands();
	mistakes();
	nonsense();
	watch_finish(&vmm);
	nets_finish(&vmm);
	return tap_done();
}
