// SPDX-License-Identifier: GPL-2.0-only
/* memory.c - guest memory: one or two memslots around the hole below 4 GiB. */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "quota.h"
#include "vhctl.h"
#include "vmm/region.h"
#include "vmm/vmm.h"

#define LARGE_PAGE (2UL << 20)
#define FIRST_SLOT 8		/* of what is added */

/*
 * A file that is nowhere, for who serves queues in a process of its own. Nobody can change its size: a page that is
 * not there any more would be the VMM's end.
 */
static int make_file(struct vmm *v)
{
	v->memory_fd = memfd_create("memory of a VM", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (v->memory_fd >= 0 && !ftruncate(v->memory_fd, v->cfg->memory) &&
	    !fcntl(v->memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return 0;
	error("no memory of %llu MiB that can be shared: %s", (unsigned long long)v->cfg->memory >> 20, strerror(errno));
	return -1;
}

static void *add_slot(struct vmm *v, int slot, uint64_t gpa, uint64_t size, uint64_t offset)
{
	/* At a 2-MiB boundary as in the guest: one large page then maps to one large page. */
	uint8_t *p = mmap(NULL, size + LARGE_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct kvm_userspace_memory_region r = {
		.slot = slot, .guest_phys_addr = gpa, .memory_size = size,
	};

	if (p != MAP_FAILED) {
		p += -(uintptr_t)p % LARGE_PAGE;
		r.userspace_addr = (uintptr_t)p;
	}
	if (p == MAP_FAILED || (v->memory_fd >= 0 && mmap(p, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
							  v->memory_fd, offset) == MAP_FAILED)) {
		error("no memory of %llu MiB: %s", (unsigned long long)size >> 20,
		      strerror(errno));
		return NULL;
	}
	/* As the host has it for private memory by itself. */
	if (v->memory_fd >= 0)
		madvise(p, size, MADV_HUGEPAGE);
	if (ioctl(v->vm, KVM_SET_USER_MEMORY_REGION, &r)) {
		error("cannot give the guest its memory: %s", errno == EDQUOT ?
		      limit_words(VH_RES_MEMORY, r.memory_size) : strerror(errno));
		return NULL;
	}
	return p;
}

/**
 * memory_create - as much as was asked for
 * @v: the VM
 *
 * Private, unless it has shared folders. 0, or -1, told.
 */
int memory_create(struct vmm *v)
{
	uint64_t size = v->cfg->memory;

	if ((size <= MMIO_START ? FOUR_GIB : FOUR_GIB + size - MMIO_START) > memory_limit()) {
		error("--memory: the processor's addresses end at %llu GiB, and there is no room for so much",
		      (unsigned long long)memory_limit() >> 30);
		return -1;
	}
	if (v->cfg->shares && make_file(v))
		return -1;
	v->low_size = size < MMIO_START ? size : MMIO_START;
	v->low = add_slot(v, 0, 0, v->low_size, 0);
	if (!v->low)
		return -1;
	v->high_size = size - v->low_size;
	if (v->high_size) {
		v->high = add_slot(v, 1, FOUR_GIB, v->high_size, v->low_size);
		if (!v->high)
			return -1;
	}
	return 0;
}

int memory_add(struct vmm *v, uint64_t gpa, void *p, uint64_t size, bool ro)
{
	struct kvm_userspace_memory_region r = {
		.slot = FIRST_SLOT + v->areas, .flags = ro ? KVM_MEM_READONLY : 0, .guest_phys_addr = gpa,
		.memory_size = size, .userspace_addr = (uintptr_t)p,
	};

	if (v->areas == VMM_MAX_AREAS)
		abort();
	if (ioctl(v->vm, KVM_SET_USER_MEMORY_REGION, &r)) {
		error("cannot give the guest more memory: %s", errno == EDQUOT ?
		      limit_words(VH_RES_MEMORY, size) : strerror(errno));
		return -1;
	}
	v->area[v->areas++] = (struct memory_area){ gpa, size, p };
	return 0;
}

static unsigned int limit_bits;	/* const once there is memory */

void memory_limit_bits(unsigned int bits)
{
	limit_bits = bits;
}

uint64_t memory_limit(void)
{
	unsigned int a, b, c, d, bits = __get_cpuid(0x80000008, &a, &b, &c, &d) ? a & 0xff : 36;

	return 1ULL << (limit_bits && limit_bits < bits ? limit_bits : bits);
}

void *memory_at(struct vmm *v, uint64_t gpa, uint64_t len)
{
	if (gpa < v->low_size && len <= v->low_size - gpa)
		return v->low + gpa;
	if (gpa >= FOUR_GIB && gpa - FOUR_GIB < v->high_size &&
	    len <= v->high_size - (gpa - FOUR_GIB))
		return v->high + (gpa - FOUR_GIB);
	for (int i = 0; i < v->areas; i++) {
		const struct memory_area *m = &v->area[i];

		if (gpa >= m->gpa && gpa - m->gpa < m->size && len <= m->size - (gpa - m->gpa))
			return m->at + (gpa - m->gpa);
	}
	return v->region ? region_at(v->region, gpa, len) : NULL;
}
