// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk.c - in a guest: load on a disk that knows what it has to read, and what a shell cannot do.
 *
 *   disk load DEVICE FIRST COUNT SECONDS SEED   random writes and reads of blocks FIRST, ... of 4 KiB
 *   disk check DEVICE FIRST COUNT SEED          what "load" left in the end, by the versions it left there
 *   disk zero DEVICE OFFSET BYTES               BLKZEROOUT
 *   disk reads DEVICE COUNT                     reads of a block each, and how many milliseconds they took
 *   disk reset PCI                              reset of a virtio device behind its driver's back, through
 *                                               the window in its configuration space
 *   disk port PORT VALUE TIMES                 32 bits to a port
 *   disk wreck PCI                              a driver that gives queues at addresses that are not memory
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BLOCK	4096
#define MOST	16	/* blocks at once */

/* Of virtio's common structure, at the start of the BAR. */
enum { DRIVER_FEATURE_SELECT = 8, DRIVER_FEATURE = 12, STATUS = 20, QUEUE_SELECT = 22,
       QUEUE_ENABLE = 28, QUEUE_DESC_LO = 32, QUEUE_AVAIL_LO = 40, QUEUE_USED_LO = 48 };

static uint64_t state;

static uint32_t pick(uint32_t n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % n;
}

static long long ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void die(const char *what)
{
	printf("disk: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_disk(const char *path)
{
	int fd = open(path, O_RDWR | O_DIRECT);

	if (fd < 0)
		fd = open(path, O_RDONLY | O_DIRECT);
	if (fd < 0)
		die(path);
	return fd;
}

static void *buffer(void)
{
	void *p = aligned_alloc(BLOCK, MOST * BLOCK);

	if (!p)
		abort();
	return p;
}

/* A block tells where it is, which version, and whose. */
static void fill(uint64_t *p, uint64_t block, uint64_t version, uint64_t seed)
{
	for (int i = 0; i < BLOCK / 8; i += 4) {
		p[i] = block;
		p[i + 1] = version;
		p[i + 2] = seed;
		p[i + 3] = block * 0x9e3779b97f4a7c15ULL + version + seed + i;
	}
}

static int is(const uint64_t *p, uint64_t block, uint64_t version, uint64_t seed)
{
	uint64_t want[BLOCK / 8];

	fill(want, block, version, seed);
	if (!memcmp(p, want, BLOCK))
		return 1;
	printf("disk: block %llu: is block %llu version %llu of %llu, not version %llu of %llu\n",
	       (unsigned long long)block, (unsigned long long)p[0], (unsigned long long)p[1],
	       (unsigned long long)p[2], (unsigned long long)version, (unsigned long long)seed);
	return 0;
}

static int load(const char *path, uint64_t first, uint32_t count, int seconds, uint64_t seed)
{
	uint64_t *version = calloc(count, sizeof(*version));
	int fd = open_disk(path), reads = 0, writes = 0;
	long long end = ms() + seconds * 1000;
	uint32_t at = 0, n, i;
	uint8_t *p = buffer();
	int write;

	state = seed;
	while (ms() < end || at < count) {
		/* All of it once, then here and there. */
		write = at < count || pick(2);
		n = 1 + pick(MOST);
		if (at < count) {
			i = at;
			n = n < count - at ? n : count - at;
			at += n;
		} else {
			i = pick(count);
			n = n < count - i ? n : count - i;
		}
		if (write) {
			for (uint32_t k = 0; k < n; k++)
				fill((void *)(p + k * BLOCK), first + i + k, ++version[i + k], seed);
			if (pwrite(fd, p, n * BLOCK, (first + i) * BLOCK) != (ssize_t)n * BLOCK)
				die("write");
			writes++;
			if (!(writes % 64) && fdatasync(fd))
				die("flush");
			continue;
		}
		if (pread(fd, p, n * BLOCK, (first + i) * BLOCK) != (ssize_t)n * BLOCK)
			die("read");
		for (uint32_t k = 0; k < n; k++)
			if (!is((void *)(p + k * BLOCK), first + i + k, version[i + k], seed))
				return 1;
		reads++;
	}
	for (i = 0; i < count; i++)
		if (pread(fd, p, BLOCK, (first + i) * BLOCK) != BLOCK ||
		    !is((void *)p, first + i, version[i], seed))
			die("the last look");
	if (fdatasync(fd))
		die("flush");
	printf("disk: load on %s: %d writes, %d reads\n", path, writes, reads);
	return 0;
}

static int check(const char *path, uint64_t first, uint32_t count, uint64_t seed)
{
	int fd = open(path, O_RDONLY);
	uint64_t *p = buffer();

	if (fd < 0)
		die(path);
	for (uint32_t i = 0; i < count; i++)
		if (pread(fd, p, BLOCK, (first + i) * BLOCK) != BLOCK || !is(p, first + i, p[1], seed))
			return 1;
	return 0;
}

static int zero(const char *path, uint64_t offset, uint64_t bytes)
{
	uint64_t range[2] = { offset, bytes };

	if (ioctl(open_disk(path), BLKZEROOUT, range))
		die("BLKZEROOUT");
	return 0;
}

static int reads(const char *path, int count)
{
	int fd = open_disk(path);
	long long began = ms();
	void *p = buffer();

	for (int i = 0; i < count; i++)
		if (pread(fd, p, BLOCK, i * BLOCK) != BLOCK)
			die("read");
	printf("%lld\n", ms() - began);
	return 0;
}

static volatile uint8_t *registers(const char *device)
{
	char path[128];
	void *p;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/enable", device);
	fd = open(path, O_WRONLY);	/* a device without driver is not decoded */
	if (fd < 0 || write(fd, "1", 1) != 1)
		die(path);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", device);
	fd = open(path, O_RDWR | O_SYNC);
	p = fd < 0 ? MAP_FAILED : mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die(path);
	return p;
}

static int reset(volatile uint8_t *r)
{
	long long end = ms() + 10000;

	r[STATUS] = 0;
	while (r[STATUS])
		if (ms() > end) {
			printf("disk: no reset: status %#x\n", r[STATUS]);
			return 1;
		}
	return 0;
}

static uint8_t config_byte(int fd, int at)
{
	uint8_t byte;

	if (pread(fd, &byte, 1, at) != 1)
		die("configuration space");
	return byte;
}

static int reset_behind(const char *device)
{
	uint32_t place = STATUS, one = 1;
	uint8_t bar = 0, zero = 0;
	long long end;
	char path[128];
	int fd, cap;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", device);
	fd = open(path, O_RDWR);
	if (fd < 0)
		die(path);
	/* VIRTIO_PCI_CAP_PCI_CFG */
	for (cap = config_byte(fd, 0x34); cap; cap = config_byte(fd, cap + 1))
		if (config_byte(fd, cap) == 9 && config_byte(fd, cap + 3) == 5)
			break;
	if (!cap || pwrite(fd, &bar, 1, cap + 4) != 1 || pwrite(fd, &place, 4, cap + 8) != 4 ||
	    pwrite(fd, &one, 4, cap + 12) != 4)
		die("the window in configuration space");
	if (config_byte(fd, cap + 16) != 15) {
		printf("disk: status %#x in the window\n", config_byte(fd, cap + 16));
		return 1;
	}
	end = ms() + 10000;
	if (pwrite(fd, &zero, 1, cap + 16) != 1)
		die("status");
	while (config_byte(fd, cap + 16))
		if (ms() > end) {
			printf("disk: no reset: status %#x\n", config_byte(fd, cap + 16));
			return 1;
		}
	return 0;
}

static void set32(volatile uint8_t *r, int at, uint32_t value)
{
	*(volatile uint32_t *)(r + at) = value;
}

static int wreck(volatile uint8_t *r)
{
	uint8_t status;

	if (reset(r))
		return 1;
	r[STATUS] = 1;
	r[STATUS] = 3;
	set32(r, DRIVER_FEATURE_SELECT, 1);
	set32(r, DRIVER_FEATURE, 0);
	r[STATUS] = 11;
	if (r[STATUS] & 8) {
		printf("disk: it takes a driver without version 1\n");
		return 1;
	}
	set32(r, DRIVER_FEATURE, 1);	/* VIRTIO_F_VERSION_1 */
	r[STATUS] = 11;
	if (r[STATUS] != 11) {
		printf("disk: status %#x, not 0xb\n", r[STATUS]);
		return 1;
	}
	*(volatile uint16_t *)(r + QUEUE_SELECT) = 0;
	set32(r, QUEUE_DESC_LO, 0xfffff000);
	set32(r, QUEUE_AVAIL_LO, 0xfffff000);
	set32(r, QUEUE_USED_LO, 0xfffff000);
	*(volatile uint16_t *)(r + QUEUE_ENABLE) = 1;
	r[STATUS] = 15;
	status = r[STATUS];
	if (!(status & 0x40)) {
		printf("disk: status %#x: needs no reset\n", status);
		return 1;
	}
	return reset(r);
}

/* 32 bits to a port, so often, 10 ms between. */
static int port(unsigned int at, uint32_t value, int times)
{
	if (iopl(3)) {
		perror("iopl");
		return 1;
	}
	while (times--) {
		outl(value, at);
		usleep(10000);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (!strcmp(what, "load") && argc == 7)
		return load(argv[2], atoi(argv[3]), atoi(argv[4]), atoi(argv[5]), atoi(argv[6]));
	if (!strcmp(what, "check") && argc == 6)
		return check(argv[2], atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
	if (!strcmp(what, "zero") && argc == 5)
		return zero(argv[2], atoll(argv[3]), atoll(argv[4]));
	if (!strcmp(what, "reads") && argc == 4)
		return reads(argv[2], atoi(argv[3]));
	if (!strcmp(what, "reset"))
		return reset_behind(argv[2]);
	if (!strcmp(what, "port") && argc == 5)
		return port(atoi(argv[2]), strtoul(argv[3], NULL, 0), atoi(argv[4]));
	if (!strcmp(what, "wreck"))
		return wreck(registers(argv[2]));
	fprintf(stderr, "usage: disk load|check|zero|reads|reset|port|wreck ...\n");
	return 2;
}
