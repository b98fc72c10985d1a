// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_pmem.c - files as memory of a guest of vhctl's VMM: what is where, what is kept, what is lost, drivers
 * that err.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/virtio_pmem.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"
#include "virtio_driver.h"

#define MEMORY	(64ULL << 20)
#define A	DRIVER_DATA
#define MIB	(1ULL << 20)

static char file[4096];
static struct kvm_userspace_memory_region slot;

/* There is no VM that could get memory. */
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request != KVM_SET_USER_MEMORY_REGION)
		return __real_ioctl(fd, request, arg);
	slot = *(struct kvm_userspace_memory_region *)arg;
	return 0;
}

static bool make_file(uint64_t size)
{
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);
	bool good = !ftruncate(fd, size) && (size < 4096 || pwrite(fd, "at 4096", 7, 4096) == 7);

	close(fd);
	return good;
}

static bool put_magic(void)
{
	int fd = open(file, O_RDWR);
	bool good = pwrite(fd, "QFI\xfb", 4, 0) == 4;

	close(fd);
	return good;
}

static bool in_file(uint64_t at, const char *text)
{
	int fd = open(file, O_RDONLY);
	char got[64] = "";
	bool same = pread(fd, got, strlen(text), at) == (ssize_t)strlen(text) && !strcmp(got, text);

	close(fd);
	return same;
}

static bool makes(const struct pmem_config *cfg, const char *words)
{
	driver_said[0] = 0;
	if (!pmem_create(&driver_vm, cfg) && !threads_start(&driver_vm))
		return !words;
	if (words && strstr(driver_said, words))
		return true;
	printf("# %s\n", driver_said);
	return false;
}

static uint64_t where(int slot)
{
	return driver_bar(slot, 0x2000, 8, false, 0);
}

static uint32_t ask(int slot, uint32_t type)
{
	*(uint32_t *)driver_at(A) = type;
	*(uint32_t *)driver_at(A + 8) = 77;
	driver_add(slot, 0, (struct vring_desc[]){ OUT(A, 4), IN(A + 8, 4) }, 2);
	return driver_done(0) ? *(uint32_t *)driver_at(A + 8) : 99;
}

static void errs(int slot, const struct vring_desc *d, int n)
{
	TAP_CHECK(driver_start(slot, 0, 1));
	driver_add(slot, 0, d, n);
	TAP_CHECK(driver_breaks(slot, "odd form"));
	TAP_CHECK(driver_reset(slot));
}

static uint64_t state = 1;

static uint32_t next(uint32_t n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % n;
}

static void at_random(int slot, uint64_t area)
{
	int started = 0;

	for (int i = 0; i < 300 && driver_start(slot, 0, 1); i++, started++)
		for (int k = next(8); k; k--) {
			struct vring_desc d[3];

			for (int j = 0; j < 3; j++)
				d[j] = (struct vring_desc){ next(4) ? A + next(64) : next(2) ? area + next(6 * MIB) : next(~0u),
							    next(4) ? 4 : next(10000), j && next(8) ? VRING_DESC_F_WRITE : 0, 0 };
			driver_add(slot, 0, d, 1 + next(3));
		}
	TAP_EQ(started, 300);
	TAP_CHECK(driver_reset(slot));
}

int main(int argc, char **argv)
{
	static struct pmem_config rw, ro;
	unsigned int seen = 0;
	uint64_t at;
	char *p;

	(void)argc;
	snprintf(file, sizeof(file), "%s-file.%d", argv[0], getpid());
	rw = (struct pmem_config){ .path = file };
	ro = (struct pmem_config){ .path = file, .ro = true };
	driver_begin(MEMORY);
	TAP_CHECK(makes(&rw, "No such file"));
	TAP_CHECK(make_file(0) && makes(&rw, "is empty"));
	TAP_CHECK(make_file(3 * MIB) && makes(&rw, "no multiple of 2M"));
	TAP_CHECK(make_file(5 * MIB + 1000));

	/* read-only, slot 1 */
	TAP_CHECK(makes(&ro, NULL));
	at = where(1);
	TAP_CHECK(at >= FOUR_GIB && at % MIB == 0 && slot.guest_phys_addr == at && slot.flags == KVM_MEM_READONLY);
	TAP_EQ(driver_bar(1, 0x2008, 8, false, 0), 6 * MIB);
	TAP_EQ(slot.memory_size, 6 * MIB);
	p = memory_at(&driver_vm, at, 6 * MIB);
	TAP_CHECK(p && !memcmp(p + 4096, "at 4096", 8) && !p[6 * MIB - 1]);
	TAP_CHECK(!memory_at(&driver_vm, at, 6 * MIB + 1) && !memory_at(&driver_vm, at - 1, 2) &&
		  !memory_at(&driver_vm, at + 6 * MIB, 1) && !memory_at(&driver_vm, at + 1, ~0ULL));
	TAP_CHECK(makes(&rw, "in use by another program"));
	/* what a device writes there is not in the file */
	TAP_CHECK(driver_start(1, 0, 1));
	driver_add(1, 0, (struct vring_desc[]){ OUT(at, 4), IN(at + 4096, 4) }, 2);
	TAP_CHECK(driver_done(0) && memcmp(p + 4096, "at 4096", 8) && in_file(4096, "at 4096"));
	/* what the guest writes is told, and lost */
	bus_access(&driver_vm.bus, BUS_MEMORY, at + 16, p, 4, true);
	TAP_CHECK(strstr(driver_said, "is read-only; the guest wrote at 0x10"));
	TAP_EQ(ask(1, VIRTIO_PMEM_REQ_TYPE_FLUSH), 0);

	TAP_CHECK(driver_reset(1));
	/* to be written, slot 2: another file */
	strcat(file, "2");
	TAP_CHECK(make_file(4 * MIB) && makes(&rw, NULL));
	TAP_CHECK(where(2) >= at + 6 * MIB && slot.flags == 0 && slot.memory_size == 4 * MIB);
	at = where(2);
	p = memory_at(&driver_vm, at, 4 * MIB);
	TAP_CHECK(driver_start(2, 0, 1));
	strcpy(p + 2 * MIB, "written");
	TAP_EQ(ask(2, VIRTIO_PMEM_REQ_TYPE_FLUSH), 0);
	TAP_CHECK(in_file(2 * MIB, "written"));
	TAP_EQ(ask(2, 5), 1);
	errs(2, (struct vring_desc[]){ OUT(A, 4) }, 1);
	errs(2, (struct vring_desc[]){ IN(A, 4) }, 1);
	errs(2, (struct vring_desc[]){ OUT(A, 3), IN(A, 4) }, 2);
	errs(2, (struct vring_desc[]){ OUT(A, 4), IN(A, 3) }, 2);
	errs(2, (struct vring_desc[]){ OUT(A, 2), OUT(A + 2, 2), IN(A, 4) }, 3);
	at_random(2, at);
	/* The file is cut while the VM runs: zeroes, and nothing is kept any more. */
	strcpy(p + 4096, "stays");
	strcpy(p + 3 * MIB, "goes");
	TAP_CHECK(driver_start(2, 0, 1));
	TAP_CHECK(!truncate(file, MIB + 100));
	*(uint32_t *)driver_at(A) = VIRTIO_PMEM_REQ_TYPE_FLUSH;
	driver_add(2, 0, (struct vring_desc[]){ OUT(at + 3 * MIB, 4), IN(A + 8, 4) }, 2);
	TAP_CHECK(driver_done(0) && *(uint32_t *)driver_at(A + 8) == 1);
	TAP_CHECK(strstr(driver_said, "2: has been cut to 1048") && !p[3 * MIB] && !strcmp(p + 4096, "stays"));
	strcpy(p + 4 * MIB - 8, "more");
	TAP_CHECK(!p[2 * MIB] && !strcmp(p + 4 * MIB - 8, "more") && in_file(4096, "stays"));
	/* As a vCPU finds it out: once more, also behind another cut, and not for ever. */
	TAP_CHECK(pmem_mend(&seen) && !pmem_mend(&seen) && !truncate(file, 0));
	driver_said[0] = 0;
	TAP_CHECK(pmem_mend(&seen) && strstr(driver_said, "2: has been cut to 0 bytes") && !pmem_mend(&seen));
	TAP_CHECK(!p[4096] && !strcmp(p + 4 * MIB - 8, "more"));
	TAP_CHECK(driver_reset(2));
	/* A guest may make it look like an image; a name is the user's. */
	file[strlen(file) - 1] = '3';
	rw.path = file;
	TAP_CHECK(make_file(2 * MIB) && put_magic() && makes(&rw, NULL));
	strcat(file, ".qcow2");
	TAP_CHECK(makes(&rw, "is an image, and only a raw file can be memory"));
	file[strlen(file) - 6] = 0;
	pmem_finish();
	unlink(file);
	file[strlen(file) - 1] = '2';
	unlink(file);
	file[strlen(file) - 1] = 0;
	unlink(file);
	return tap_done();
}
