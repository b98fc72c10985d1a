// SPDX-License-Identifier: GPL-2.0-only
/*
 * speed.c - what a request to a disk costs, in ticks of the time-stamp counter: in the lab with one CPU that is
 * instructions of all, guest, VMM and host.
 *
 *   speed DISK DEVICE    lines "DISK ROW TICKS", the middle of many
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <x86intrin.h>

#define MOST	1000
#define LARGE	(1 << 20)

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void row(const char *disk, const char *name, int fd, off_t size, size_t bytes, int times, int writes, int in_order)
{
	static uint64_t took[MOST], state = 1;
	void *p = aligned_alloc(4096, LARGE);
	uint64_t began;
	off_t at = 0;
	int i;

	memset(p, 0x5a, LARGE);
	for (i = 0; i < times; i++) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		at = in_order ? (i ? at + (off_t)bytes : 0) % size : (off_t)((state >> 33) % (size / bytes) * bytes);
		began = __rdtsc();
		if ((writes ? pwrite(fd, p, bytes, at) : pread(fd, p, bytes, at)) != (ssize_t)bytes) {
			perror(name);
			exit(1);
		}
		took[i] = __rdtsc() - began;
	}
	qsort(took, times, sizeof(*took), by_value);
	printf("guest: %s %s %llu\n", disk, name, (unsigned long long)took[times / 2]);
	free(p);
}

int main(int argc, char **argv)
{
	int fd = argc == 3 ? open(argv[2], O_RDWR | O_DIRECT) : -1;
	off_t size;

	if (fd < 0) {
		perror("speed");
		return 1;
	}
	size = lseek(fd, 0, SEEK_END);
	row(argv[1], "write-1m", fd, size, LARGE, 16, 1, 1);
	row(argv[1], "read-1m", fd, size, LARGE, 16, 0, 1);
	row(argv[1], "write-4k", fd, size, 4096, MOST, 1, 0);
	row(argv[1], "read-4k", fd, size, 4096, MOST, 0, 0);
	return 0;
}
