// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_blk.c - a disk of vhctl's VMM with its thread and io_uring, on files of this machine: what has
 * to be copied as its addresses are odd, requests in any framing, resets with requests in flight; and on
 * an image, which a qemu-storage-daemon serves, that is killed in the end.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"
#include "vhctl.h"
#include "vmm/blk_request.h"
#include "vmm/devices.h"
#include "vmm/pci.h"
#include "vmm/vmm.h"

#define MEMORY	(80ULL << 20)
#define SIZE	16			/* entries of the queue */
#define DESC	0x0000ULL
#define AVAIL	0x1000ULL
#define USED	0x2000ULL
#define HEAD	0x3000ULL		/* of request i: 32 bytes at 32 * i */
#define DATA	0x100000ULL
#define FILE_SIZE (64ULL << 20)

static struct vmm vmm;
static struct vmm_config cfg = { .cpus = 1, .memory = MEMORY };
static uint64_t bar;
static int slot;
static uint16_t made, seen;
static char said[256];
static bool image;			/* what is in the file is not what is on the disk */

/* --- what the devices call --- */

void error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	printf("# %s\n", said);
}

/* --- a driver --- */

static uint64_t access_bar(uint64_t at, int len, bool write, uint64_t value)
{
	bus_access(&vmm.bus, BUS_MEMORY, bar + at, &value, len, write);
	return value;
}

static void move_bar(uint64_t to)
{
	uint64_t config = PCI_ECAM + slot * 0x8000ULL, command = 0, high = to >> 32;

	bus_access(&vmm.bus, BUS_MEMORY, config + PCI_COMMAND, &command, 2, true);
	bus_access(&vmm.bus, BUS_MEMORY, config + PCI_BASE_ADDRESS_0, &to, 4, true);
	bus_access(&vmm.bus, BUS_MEMORY, config + PCI_BASE_ADDRESS_1, &high, 4, true);
	command = PCI_COMMAND_MEMORY;
	bus_access(&vmm.bus, BUS_MEMORY, config + PCI_COMMAND, &command, 2, true);
	bar = to;
}

static void start_driver(void)
{
	memset(vmm.low, 0, 0x4000);
	made = seen = 0;
	access_bar(20, 1, true, 3);
	access_bar(8, 4, true, 1);
	access_bar(12, 4, true, 1);
	access_bar(20, 1, true, 11);
	access_bar(22, 2, true, 0);
	access_bar(24, 2, true, SIZE);
	access_bar(32, 4, true, DESC);
	access_bar(40, 4, true, AVAIL);
	access_bar(48, 4, true, USED);
	access_bar(28, 2, true, 1);
	access_bar(20, 1, true, 15);
}

static uint8_t reset_driver(void)
{
	access_bar(20, 1, true, 0);
	return access_bar(20, 1, false, 0);
}

/* A request of which the data begins at @at; its slot. */
static int submit(uint32_t type, uint64_t sector, uint64_t at, uint32_t n, bool in)
{
	struct vring_desc *d = memory_at(&vmm, DESC, 4096);
	struct vring_avail *avail = memory_at(&vmm, AVAIL, 4096);
	int slot = made % (SIZE / 4), i = slot * 4;
	struct virtio_blk_outhdr *head = memory_at(&vmm, HEAD + 32 * slot, 32);

	*head = (struct virtio_blk_outhdr){ .type = type, .sector = sector };
	((uint8_t *)head)[31] = 0xff;
	d[i] = (struct vring_desc){ HEAD + 32 * slot, 16, VRING_DESC_F_NEXT, i + 1 };
	/* in two pieces */
	d[i + 1] = (struct vring_desc){ at, n / 2, VRING_DESC_F_NEXT | (in ? VRING_DESC_F_WRITE : 0), i + 2 };
	d[i + 2] = (struct vring_desc){ at + n / 2, n - n / 2, VRING_DESC_F_NEXT | (in ? VRING_DESC_F_WRITE : 0), i + 3 };
	d[i + 3] = (struct vring_desc){ HEAD + 32 * slot + 31, 1, VRING_DESC_F_WRITE, 0 };
	avail->ring[made % SIZE] = i;
	__atomic_store_n(&avail->idx, ++made, __ATOMIC_RELEASE);
	access_bar(0x3000, 2, true, 0);
	return slot;
}

static bool finished(void)
{
	struct vring_used *used = memory_at(&vmm, USED, 4096);

	for (int i = 0; i < 5000; i++, usleep(1000))
		if (__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) == made)
			return true;
	return false;
}

static int result(int slot)
{
	return finished() ? ((uint8_t *)memory_at(&vmm, HEAD, 4096))[32 * slot + 31] : -1;
}

static void pattern(uint8_t *p, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = seed >> 24;
	}
}

/* Written from one odd address, read to another, and in the file. */
static void there_and_back(const char *path, uint32_t n, uint32_t odd, uint64_t sector)
{
	uint8_t *from = memory_at(&vmm, DATA + odd, n), *to = memory_at(&vmm, DATA + MEMORY / 2 + odd * 3, n);
	uint8_t *file = malloc(n);
	int fd = open(path, O_RDONLY);

	pattern(from, n, n + odd);
	memset(to, 0, n);
	tap_ok(!result(submit(VIRTIO_BLK_T_OUT, sector, DATA + odd, n, false)), "%u bytes from %u are written", n, odd);
	tap_ok(!result(submit(VIRTIO_BLK_T_IN, sector, DATA + MEMORY / 2 + odd * 3, n, true)), "and read");
	tap_ok(!memcmp(from, to, n), "and the same");
	if (!image)
		tap_ok(pread(fd, file, n, sector * 512) == n && !memcmp(from, file, n), "and in the file");
	free(file);
	close(fd);
}

static bool make_file(char *path)
{
	int fd = mkstemp(path);
	bool good = fd >= 0 && !ftruncate(fd, FILE_SIZE);

	close(fd);
	return good;
}

static bool disk(const char *path, enum disk_cache cache)
{
	struct disk_config d = { .path = path, .cache = cache, .serial = "serial" };

	bar = PCI_WINDOW + slot++ * 0x8000;
	return !blk_create(&vmm, &d) && !threads_start(&vmm);
}

static bool is_zero(const uint8_t *p)
{
	for (int i = 0; i < 512; i++)
		if (p[i])
			return false;
	return true;
}

static void all(const char *path)
{
	struct stat st;
	int i;

	start_driver();
	there_and_back(path, 4096, 0, 0);
	there_and_back(path, 4096, 3, 8);
	there_and_back(path, 512 * 77, 1, 100);
	there_and_back(path, 20 << 20, 0, 2048);
	there_and_back(path, (20 << 20) + 512, 5, 2048);	/* more than is copied at once */
	TAP_EQ(result(submit(VIRTIO_BLK_T_FLUSH, 0, DATA, 512, false)), 0);
	TAP_EQ(result(submit(VIRTIO_BLK_T_IN, FILE_SIZE / 512, DATA, 512, true)), VIRTIO_BLK_S_IOERR);
	TAP_EQ(result(submit(VIRTIO_BLK_T_IN, ~0ULL, DATA, 512, true)), VIRTIO_BLK_S_IOERR);
	TAP_EQ(result(submit(VIRTIO_BLK_T_IN, 0, DATA, 500, true)), VIRTIO_BLK_S_IOERR);
	TAP_EQ(result(submit(1234, 0, DATA, 512, true)), VIRTIO_BLK_S_UNSUPP);
	TAP_EQ(result(submit(VIRTIO_BLK_T_GET_ID, 0, DATA, 20, true)), 0);
	TAP_CHECK(!memcmp(memory_at(&vmm, DATA, 20), "serial\0\0\0", 9));
	*(struct virtio_blk_discard_write_zeroes *)memory_at(&vmm, DATA, 16) =
		(struct virtio_blk_discard_write_zeroes){ 2048, (20 << 20) / 512 + 1, 0 };
	TAP_EQ(result(submit(VIRTIO_BLK_T_DISCARD, 0, DATA, 16, false)), 0);
	TAP_CHECK(!stat(path, &st) && st.st_blocks < 2048 && (image || st.st_size == FILE_SIZE));
	/* Given back or not, it is zero: one sector less is not there to see what is beside it. */
	for (int unmap = 0; unmap < 2; unmap++) {
		pattern(memory_at(&vmm, DATA, 1536), 1536, 7);
		TAP_EQ(result(submit(VIRTIO_BLK_T_OUT, 5000, DATA, 1536, false)), 0);
		*(struct virtio_blk_discard_write_zeroes *)memory_at(&vmm, DATA, 16) =
			(struct virtio_blk_discard_write_zeroes){ 5001, 2, unmap };
		TAP_EQ(result(submit(VIRTIO_BLK_T_WRITE_ZEROES, 0, DATA, 16, false)), 0);
		TAP_EQ(result(submit(VIRTIO_BLK_T_IN, 5000, DATA, 1536, true)), 0);
		TAP_CHECK(!is_zero(memory_at(&vmm, DATA, 512)) && is_zero(memory_at(&vmm, DATA + 512, 512)) &&
			  is_zero(memory_at(&vmm, DATA + 1024, 512)));
	}
	*(struct virtio_blk_discard_write_zeroes *)memory_at(&vmm, DATA, 16) =
		(struct virtio_blk_discard_write_zeroes){ 2048, (20 << 20) / 512 + 1, 0 };
	TAP_EQ(result(submit(VIRTIO_BLK_T_WRITE_ZEROES, 0, DATA, 16, false)), 0);

	/* Whatever is in flight. */
	for (i = 0; i < 50; i++) {
		submit(VIRTIO_BLK_T_OUT, 2048, DATA + i % 3, 1 << 20, false);
		submit(VIRTIO_BLK_T_IN, 2048, DATA, 8 << 20, true);
		submit(VIRTIO_BLK_T_FLUSH, 0, DATA, 512, false);
		if (reset_driver())
			break;
		start_driver();
	}
	TAP_EQ(i, 50);
	there_and_back(path, 8192, 0, 0);

	/* A driver that errs, and its reset. */
	((struct vring_desc *)memory_at(&vmm, DESC, 4096))[0].next = 60000;
	((struct vring_avail *)memory_at(&vmm, AVAIL, 4096))->idx += 1000;
	access_bar(0x3000, 2, true, 0);
	for (i = 0; i < 5000 && !(access_bar(20, 1, false, 0) & 0x40); i++)
		usleep(1000);
	TAP_EQ(access_bar(20, 1, false, 0), 0x4f);
	TAP_CHECK(strstr(said, "the driver's index is ahead of its ring"));
	TAP_EQ(reset_driver(), 0);
	start_driver();
	there_and_back(path, 8192, 0, 0);

	/* Elsewhere, and nowhere. */
	move_bar(bar + 0x100000);
	there_and_back(path, 4096, 0, 16);
	move_bar(~0xfffffULL);
	TAP_EQ(access_bar(20, 1, false, 0), 0xff);
	move_bar(PCI_WINDOW + 0x200000 + slot * 0x8000);
	TAP_EQ(access_bar(20, 1, false, 0), 15);

	if (image)
		return;
	/* It grows. */
	TAP_CHECK(!truncate(path, 2 * FILE_SIZE));
	for (i = 0; i < 5000 && access_bar(0x2000, 4, false, 0) != 2 * FILE_SIZE / 512; i++)
		usleep(1000);
	TAP_EQ(access_bar(0x2000, 4, false, 0), 2 * FILE_SIZE / 512);
	TAP_CHECK(access_bar(0x1000, 1, false, 0) & 2);		/* told so */
	there_and_back(path, 4096, 0, FILE_SIZE / 512 + 8);
}

/* Commands about a file; false when it fails. */
static bool command(const char *format, const char *path)
{
	char text[4200];

	snprintf(text, sizeof(text), format, path);
	return !system(text);
}

/* This process's child that was made last and runs; 0: there is none. */
static int the_daemon(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	int newest = 0;

	while (dir && (e = readdir(dir))) {
		char path[300], how;
		int pid, parent;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fscanf(f, "%d (%*[^)]) %c %d", &pid, &how, &parent) == 3 && parent == getpid() && how != 'Z' &&
		    pid > newest)
			newest = pid;
		fclose(f);
	}
	closedir(dir);
	return newest;
}

/* One on a file that nobody writes, and which is ended in order: before the others, what it has is known. */
static void an_overlay(const char *path)
{
	uint8_t *p = memory_at(&vmm, DATA, 8192);

	TAP_CHECK(command("f=%s; head -c 1M /dev/urandom >$f.base && truncate -s 64M $f.base && md5sum $f.base >$f.sum && "
			  "qemu-img create -q -f qcow2 -F raw -b $(basename $f.base) $f", path));
	TAP_CHECK(disk(path, DISK_NONE));
	start_driver();
	TAP_EQ(result(submit(VIRTIO_BLK_T_IN, 16, DATA, 8192, true)), 0);
	TAP_CHECK(!is_zero(p));
	there_and_back(path, 8192, 0, 16);
	TAP_EQ(reset_driver(), 0);
}

static void check_overlay(const char *path)
{
	uint8_t is[8192], want[8192];
	char raw[4200];
	int fd;

	TAP_CHECK(command("qemu-img check -q %s", path));
	TAP_CHECK(command("md5sum --quiet -c %s.sum", path));
	TAP_CHECK(command("f=%s; qemu-img convert -O raw $f $f.raw", path));
	snprintf(raw, sizeof(raw), "%s.raw", path);
	fd = open(raw, O_RDONLY);
	pattern(want, sizeof(want), sizeof(want));
	TAP_CHECK(pread(fd, is, sizeof(is), 16 * 512) == sizeof(is) && !memcmp(is, want, sizeof(is)));
	TAP_CHECK(command("f=%s; cmp -n 8192 $f.raw $f.base && cmp -i 16384 $f.raw $f.base", path));
	close(fd);
	command("rm -f %s*", path);
}

static void an_image(char *path, const char *overlay)
{
	struct disk_config again = { .path = path };
	struct disk d;
	int i, pid;

	if (!command("command -v qemu-img >/dev/null && command -v qemu-storage-daemon >/dev/null%.0s", path)) {
		printf("ok %d - an image # SKIP no qemu-img or no qemu-storage-daemon here\n", ++tap_count);
		return;
	}
	image = true;
	an_overlay(overlay);
	strcat(path, ".qcow2");
	TAP_CHECK(command("qemu-img create -q -f qcow2 %s 64M", path));
	TAP_CHECK(disk(path, DISK_WRITEBACK));
	all(path);
	TAP_CHECK(disk_open(&again, &d) && strstr(said, "is in use by another program"));

	/* Who serves it is killed: requests fail, and nothing else. */
	pid = the_daemon();
	TAP_CHECK(pid > 1);
	*said = 0;
	for (i = 0; i < 3; i++)
		submit(VIRTIO_BLK_T_OUT, 2048, DATA, 16 << 20, false);
	kill(pid, SIGKILL);
	TAP_CHECK(finished());
	TAP_EQ(result(submit(VIRTIO_BLK_T_IN, 0, DATA, 512, true)), VIRTIO_BLK_S_IOERR);
	TAP_EQ(result(submit(VIRTIO_BLK_T_FLUSH, 0, DATA, 512, false)), VIRTIO_BLK_S_IOERR);
	TAP_EQ(reset_driver(), 0);
	start_driver();
	TAP_EQ(result(submit(VIRTIO_BLK_T_IN, 0, DATA, 512, true)), VIRTIO_BLK_S_IOERR);
	TAP_EQ(result(submit(VIRTIO_BLK_T_GET_ID, 0, DATA, 20, true)), 0);
}

static bool stopped;			/* a daemon is, before it opens anything */

pid_t __real_fork(void);
pid_t __wrap_fork(void);

pid_t __wrap_fork(void)
{
	pid_t pid = __real_fork();

	if (pid > 0 && stopped)
		kill(pid, SIGSTOP);
	return pid;
}

/* One that hangs while it opens an image is told of, and gone. */
static void a_daemon_that_hangs(const char *path)
{
	struct disk_config hangs = { .path = path };
	struct disk d;

	stopped = true;
	TAP_CHECK(disk_open(&hangs, &d) && strstr(said, "qemu-storage-daemon has not opened it in 4 seconds"));
	TAP_CHECK(!the_daemon());
	stopped = false;
}

int main(int argc, char **argv)
{
	char a[4096], b[4096], c[4096], d[4096];
	struct disk_config again = { .path = a };
	struct disk open;

	(void)argc;
	/* beside this program */
	snprintf(a, sizeof(a), "%s-a.XXXXXX", argv[0]);
	snprintf(b, sizeof(b), "%s-b.XXXXXX", argv[0]);
	vmm.cfg = &cfg;
	vmm.vm = -1;
	bus_init(&vmm.bus);
	pci_create(&vmm);
	vmm.low_size = MEMORY;
	vmm.low = aligned_alloc(4096, MEMORY);
	if (!vmm.low || !make_file(a) || !make_file(b))
		return 1;
	if (!disk(a, DISK_WRITEBACK)) {
		if (strstr(said, "io_uring")) {
			printf("ok 1 - disks # SKIP no io_uring here\n1..1\n");
			unlink(a), unlink(b);
			return 0;
		}
		return 1;
	}
	all(a);
	TAP_CHECK(disk_open(&again, &open) && strstr(said, "is in use by another program"));
	if (disk(b, DISK_NONE))
		all(b);
	else
		printf("ok %d - cache=none # SKIP no O_DIRECT here\n", ++tap_count);
	snprintf(c, sizeof(c), "%s-c", argv[0]);
	snprintf(d, sizeof(d), "%s-d.qcow2", argv[0]);
	an_image(c, d);
	blk_finish(&vmm);
	if (image)
		check_overlay(d);
	if (image)
		a_daemon_that_hangs(c);
	/* 3: clusters that nobody has any more, as who served it was killed */
	if (image)
		TAP_CHECK(command("qemu-img check -q %s >/dev/null 2>&1; [ $? = 0 -o $? = 3 ]", c));
	unlink(a);
	unlink(b);
	unlink(c);
	return tap_done();
}
