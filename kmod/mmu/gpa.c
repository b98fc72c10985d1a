// SPDX-License-Identifier: GPL-2.0-only
/*
 * gpa.c - guest-physical memory, reached by the kernel through the memslots.
 *
 * The caller runs in the VM's address space, and may sleep.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "slots.h"

/*
 * raw_copy_from_user() of few bytes: two loads that overlap. The copy by string
 * instruction costs more than the rest of a small access.
 */
static int copy_in(void *buf, const void __user *at, unsigned int len)
{
	u64 first, last;

	if (len < 8 || len > 16)
		return raw_copy_from_user(buf, at, len) ? -EFAULT : 0;
	if (__get_user(first, (const u64 __user *)at) ||
	    __get_user(last, (const u64 __user *)(at + len - 8)))
		return -EFAULT;
	memcpy(buf, &first, 8);
	memcpy(buf + len - 8, &last, 8);
	return 0;
}

/* One access inside a page. */
static int one_page(struct vh_vm *vm, gpa_t gpa, void *buf, unsigned int len, bool write)
{
	gfn_t gfn = gpa >> PAGE_SHIFT;
	const struct vh_slot *slot;
	int idx, err = -ENXIO;
	void __user *at;

	idx = srcu_read_lock(&vh_slots_srcu);
	slot = vh_slot_find(vh_slots(vm), gfn);
	if (slot && !(write && (slot->flags & KVM_MEM_READONLY))) {
		at = (void __user *)(vh_slot_hva(slot, gfn) + offset_in_page(gpa));
		/* The memslot's range was checked when it was set: only the copy is left to do. */
		might_fault();
		if (write) {
			err = raw_copy_to_user(at, buf, len) ? -EFAULT : 0;
			if (!err)
				vh_slot_mark(slot, gfn);
		} else {
			err = copy_in(buf, at, len);
		}
	}
	srcu_read_unlock(&vh_slots_srcu, idx);
	return err;
}

static int access_gpa(struct vh_vm *vm, gpa_t gpa, void *buf, unsigned long len, bool write)
{
	while (len) {
		unsigned int part = min_t(unsigned long, len, PAGE_SIZE - offset_in_page(gpa));
		int err = one_page(vm, gpa, buf, part, write);

		if (err)
			return err;
		gpa += part;
		buf += part;
		len -= part;
	}
	return 0;
}

/**
 * vh_gpa_read - read guest-physical memory
 * @vm: the VM
 * @gpa: where
 * @buf: filled in
 * @len: bytes
 *
 * Returns 0, -ENXIO (not in a memslot), -EFAULT (nothing behind it).
 */
int vh_gpa_read(struct vh_vm *vm, gpa_t gpa, void *buf, unsigned long len)
{
	return access_gpa(vm, gpa, buf, len, false);
}

/**
 * vh_gpa_write - write guest-physical memory
 * @vm: the VM
 * @gpa: where
 * @buf: what
 * @len: bytes
 *
 * Returns 0, -ENXIO (not in a writable memslot), -EFAULT (nothing behind it).
 */
int vh_gpa_write(struct vh_vm *vm, gpa_t gpa, const void *buf, unsigned long len)
{
	return access_gpa(vm, gpa, (void *)buf, len, true);
}

/**
 * vh_gpa_is_ram - is there a memslot for this kind of access?
 * @vm: the VM
 * @gpa: where
 * @write: read-only memslots do not count
 */
bool vh_gpa_is_ram(struct vh_vm *vm, gpa_t gpa, bool write)
{
	const struct vh_slot *slot;
	int idx = srcu_read_lock(&vh_slots_srcu);
	bool ram;

	slot = vh_slot_find(vh_slots(vm), gpa >> PAGE_SHIFT);
	ram = slot && !(write && (slot->flags & KVM_MEM_READONLY));
	srcu_read_unlock(&vh_slots_srcu, idx);
	return ram;
}

#define TRY(type, p, old, new)						\
	({								\
		type o_ = (type)*(old), r_ = cmpxchg((type *)(p), o_, (type)(new)); \
		int e_ = r_ == o_ ? 0 : -EAGAIN;			\
		*(old) = r_;						\
		e_;							\
	})

/**
 * vh_gpa_cmpxchg - compare and exchange in guest-physical memory
 * @vm: the VM
 * @gpa: where; the operand must not cross a page
 * @old: expected value; what was there is put here
 * @new: stored when it was as expected
 * @len: 1, 2, 4 or 8 bytes
 *
 * Returns 0, -EAGAIN (the value differed), -EFAULT.
 */
int vh_gpa_cmpxchg(struct vh_vm *vm, gpa_t gpa, u64 *old, u64 new, unsigned int len)
{
	gfn_t gfn = gpa >> PAGE_SHIFT;
	const struct vh_slot *slot;
	int idx, err = -EFAULT;
	struct page *page;
	void *p;

	if (offset_in_page(gpa) + len > PAGE_SIZE)
		return -EFAULT;
	idx = srcu_read_lock(&vh_slots_srcu);
	slot = vh_slot_find(vh_slots(vm), gfn);
	if (!slot || (slot->flags & KVM_MEM_READONLY) ||
	    get_user_pages_fast(vh_slot_hva(slot, gfn), 1, FOLL_WRITE, &page) != 1)
		goto out;
	p = kmap_local_page(page) + offset_in_page(gpa);
	switch (len) {
	case 1:
		err = TRY(u8, p, old, new);
		break;
	case 2:
		err = TRY(u16, p, old, new);
		break;
	case 4:
		err = TRY(u32, p, old, new);
		break;
	case 8:
		err = TRY(u64, p, old, new);
		break;
	}
	kunmap_local(p);
	if (!err) {
		set_page_dirty_lock(page);
		vh_slot_mark(slot, gfn);
	}
	put_page(page);
out:
	srcu_read_unlock(&vh_slots_srcu, idx);
	return err;
}

/**
 * vh_paging_in_memory - the vCPU's paging as the walker wants it
 * @vcpu: the vCPU; what of its state counts is valid
 * @p: filled in
 *
 * Own thread.
 */
void vh_paging_in_memory(const struct vh_vcpu *vcpu, struct vh_paging *p)
{
	const struct vh_cpu_state *s = &vcpu->s;

	*p = (struct vh_paging){
		.cr0 = s->cr0, .cr3 = s->cr3, .cr4 = s->cr4, .efer = s->efer,
		.rflags = s->rflags, .pkru = s->pkru,
		.pdptr = { s->pdptr[0], s->pdptr[1], s->pdptr[2], s->pdptr[3] },
		.maxphyaddr = vcpu->maxphyaddr, .gbpages = vcpu->gbpages,
	};
}
