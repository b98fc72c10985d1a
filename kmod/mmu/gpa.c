// SPDX-License-Identifier: GPL-2.0-only
/*
 * gpa.c - guest-physical memory, reached by the kernel through the memslots.
 *
 * The caller runs in the VM's address space, and may sleep.
 */
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

	/* Once: it may be a device's. */
	if (len == 8)
		return __get_user(*(u64 *)buf, (const u64 __user *)at);
	if (len < 8 || len > 16)
		return raw_copy_from_user(buf, at, len) ? -EFAULT : 0;
	if (__get_user(first, (const u64 __user *)at) ||
	    __get_user(last, (const u64 __user *)(at + len - 8)))
		return -EFAULT;
	memcpy(buf, &first, 8);
	memcpy(buf + len - 8, &last, 8);
	return 0;
}

/*
 * One access inside a page that does not sleep; @writer: NULL, it is a read. 0, -ENXIO, -EFAULT, or VH_BRING_IN with
 * *hva. Inline: an exit that is emulated has several.
 */
static __always_inline int try_page(struct vh_vm *vm, gpa_t gpa, void *buf, unsigned int len,
				    struct vh_vcpu *writer, unsigned long *hva)
{
	gfn_t gfn = gpa >> PAGE_SHIFT;
	const struct vh_slot *slot;
	int idx, err = -ENXIO;

	idx = vh_slots_enter(vm);
	slot = vh_slot_find(vh_slots(vm), gfn);
	if (unlikely(slot && writer && !vh_slot_writable(writer, slot))) {
		err = -EFAULT;
	} else if (slot && !(writer && (slot->flags & KVM_MEM_READONLY))) {
		/* The memslot's range was checked when it was set: only the copy is left to do. */
		*hva = vh_slot_hva(slot, gfn) + offset_in_page(gpa);
		pagefault_disable();
		err = writer ? raw_copy_to_user((void __user *)*hva, buf, len) :
			       copy_in(buf, (void __user *)*hva, len);
		pagefault_enable();
		if (err)
			err = VH_BRING_IN;
		else if (writer)
			vh_slot_mark(writer, slot, gfn);
	}
	vh_slots_leave(vm, idx);
	return err;
}

/*
 * One access inside a page. The page is brought in without anything held, and
 * what it is reached by is looked up again: it is never written to after its
 * memslot has been deleted.
 */
static int one_page(struct vh_vm *vm, gpa_t gpa, void *buf, unsigned int len, struct vh_vcpu *writer)
{
	unsigned long hva;
	int err;

	while (unlikely((err = try_page(vm, gpa, buf, len, writer, &hva)) == VH_BRING_IN)) {
		err = vh_host_bring_in(hva, writer);
		if (err)
			return err;
	}
	return err;
}

static int access_gpa(struct vh_vm *vm, gpa_t gpa, void *buf, unsigned long len, struct vh_vcpu *writer)
{
	while (len) {
		unsigned int part = min_t(unsigned long, len, PAGE_SIZE - offset_in_page(gpa));
		int err = one_page(vm, gpa, buf, part, writer);

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
 * @vcpu: whose read it is, own thread
 * @gpa: where
 * @buf: filled in
 * @len: bytes
 *
 * Returns 0, -ENXIO (not in a memslot), -EFAULT (nothing behind it), -EINTR (a
 * signal is to be handled first).
 */
int vh_gpa_read(struct vh_vcpu *vcpu, gpa_t gpa, void *buf, unsigned long len)
{
	return access_gpa(vcpu->vm, gpa | vcpu->space, buf, len, NULL);
}

/**
 * vh_gpa_write - write guest-physical memory
 * @vcpu: whose write it is, own thread
 * @gpa: where
 * @buf: what
 * @len: bytes
 *
 * Returns 0, -ENXIO (not in a writable memslot), -EFAULT (nothing behind it, or its
 * dirty ring has no room at all), -EINTR (a signal is to be handled first).
 */
int vh_gpa_write(struct vh_vcpu *vcpu, gpa_t gpa, const void *buf, unsigned long len)
{
	return access_gpa(vcpu->vm, gpa | vcpu->space, (void *)buf, len, vcpu);
}

/* May be any number: one of the other address space is none. */
static bool outside(u64 gpa, unsigned long len)
{
	return gpa < VH_SPACE && len <= VH_SPACE - gpa;
}

/**
 * vh_gpa_read_outside - read the memory that is there outside SMM
 * @vcpu: whose read it is, own thread
 * @gpa: where; need not be an address
 * @buf: filled in
 * @len: bytes
 *
 * As vh_gpa_read().
 */
int vh_gpa_read_outside(struct vh_vcpu *vcpu, u64 gpa, void *buf, unsigned long len)
{
	return outside(gpa, len) ? access_gpa(vcpu->vm, gpa, buf, len, NULL) : -ENXIO;
}

/**
 * vh_gpa_write_outside - write the memory that is there outside SMM
 * @vcpu: whose write it is, own thread
 * @gpa: where; need not be an address
 * @buf: what
 * @len: bytes
 *
 * As vh_gpa_write().
 */
int vh_gpa_write_outside(struct vh_vcpu *vcpu, u64 gpa, const void *buf, unsigned long len)
{
	return outside(gpa, len) ? access_gpa(vcpu->vm, gpa, (void *)buf, len, vcpu) : -ENXIO;
}

/**
 * vh_gpa_try_write_outside - vh_gpa_write_outside(), if the page is there
 * @vcpu: whose write it is, own thread
 * @gpa: where; need not be an address. Inside one page.
 * @buf: what
 * @len: bytes
 *
 * Does not sleep, and may be called with preemption off. VH_BRING_IN: the page is not there.
 */
int vh_gpa_try_write_outside(struct vh_vcpu *vcpu, u64 gpa, const void *buf, unsigned int len)
{
	unsigned long hva;

	return outside(gpa, len) ? try_page(vcpu->vm, gpa, (void *)buf, len, vcpu, &hva) : -ENXIO;
}

static bool is_ram(struct vh_vm *vm, gfn_t gfn, bool write)
{
	const struct vh_slot *slot;
	int idx = vh_slots_enter(vm);
	bool ram;

	slot = vh_slot_find(vh_slots(vm), gfn);
	ram = slot && !(write && (slot->flags & KVM_MEM_READONLY));
	vh_slots_leave(vm, idx);
	return ram;
}

/**
 * vh_gpa_is_ram - is there a memslot for this kind of access?
 * @vcpu: whose, own thread
 * @gpa: where
 * @write: read-only memslots do not count
 */
bool vh_gpa_is_ram(struct vh_vcpu *vcpu, gpa_t gpa, bool write)
{
	return is_ram(vcpu->vm, vh_space_gfn(vcpu, gpa >> PAGE_SHIFT), write);
}

/**
 * vh_gpa_is_ram_outside - is there a memslot to be written to, outside SMM?
 * @vcpu: whose, own thread
 * @gpa: where; need not be an address
 */
bool vh_gpa_is_ram_outside(struct vh_vcpu *vcpu, u64 gpa)
{
	return outside(gpa, 1) && is_ram(vcpu->vm, gpa >> PAGE_SHIFT, true);
}

/* In the VMM's memory. 0, -EAGAIN, or VH_BRING_IN. */
#define EXCHANGE(type, hva, old, new)						\
	({									\
		type __user *p_ = (type __user *)(hva);				\
		type was_ = *(old);						\
		int r_ = VH_BRING_IN;						\
										\
		if (user_access_begin(p_, sizeof(type))) {			\
			__label__ fault_, end_;					\
			r_ = unsafe_try_cmpxchg_user(p_, &was_, (type)(new), fault_) ?	\
			     0 : -EAGAIN;					\
			goto end_;						\
fault_:			r_ = VH_BRING_IN;						\
end_:			user_access_end();					\
			*(old) = r_ == -EAGAIN ? was_ : *(old);			\
		}								\
		r_;								\
	})

/**
 * vh_slot_cmpxchg - vh_gpa_cmpxchg() that does not sleep
 * @vcpu: whose write it is, own thread
 * @slot: where @gpa is
 * @gpa: where, with VH_SPACE; the operand must not cross a page
 * @old: expected value; what was there is put here
 * @new: stored when it was as expected
 * @len: 1, 2, 4 or 8 bytes
 *
 * Inside vh_slots_enter(). 0, -EAGAIN (the value differed), VH_BRING_IN, -EFAULT.
 */
int vh_slot_cmpxchg(struct vh_vcpu *vcpu, const struct vh_slot *slot, gpa_t gpa, u64 *old, u64 new,
		    unsigned int len)
{
	gfn_t gfn = gpa >> PAGE_SHIFT;
	unsigned long hva = vh_slot_hva(slot, gfn) + offset_in_page(gpa);
	int err = -EFAULT;

	if ((slot->flags & KVM_MEM_READONLY) || !vh_slot_writable(vcpu, slot))
		return -EFAULT;
	pagefault_disable();
	switch (len) {
	case 1:
		err = EXCHANGE(u8, hva, old, new);
		break;
	case 2:
		err = EXCHANGE(u16, hva, old, new);
		break;
	case 4:
		err = EXCHANGE(u32, hva, old, new);
		break;
	case 8:
		err = EXCHANGE(u64, hva, old, new);
		break;
	}
	pagefault_enable();
	if (!err)
		vh_slot_mark(vcpu, slot, gfn);
	return err;
}

static int try_cmpxchg_page(struct vh_vcpu *vcpu, gpa_t gpa, u64 *old, u64 new, unsigned int len,
			    unsigned long *hva)
{
	const struct vh_slot *slot;
	int idx, err = -EFAULT;

	idx = vh_slots_enter(vcpu->vm);
	slot = vh_slot_find(vh_slots(vcpu->vm), gpa >> PAGE_SHIFT);
	if (slot) {
		*hva = vh_slot_hva(slot, gpa >> PAGE_SHIFT);
		err = vh_slot_cmpxchg(vcpu, slot, gpa, old, new, len);
	}
	vh_slots_leave(vcpu->vm, idx);
	return err;
}

/**
 * vh_gpa_cmpxchg - compare and exchange in guest-physical memory
 * @vcpu: whose write it is, own thread
 * @gpa: where; the operand must not cross a page
 * @old: expected value; what was there is put here
 * @new: stored when it was as expected
 * @len: 1, 2, 4 or 8 bytes
 *
 * Returns 0, -EAGAIN (the value differed), -EFAULT, -EINTR (a signal is to be
 * handled first).
 */
int vh_gpa_cmpxchg(struct vh_vcpu *vcpu, gpa_t gpa, u64 *old, u64 new, unsigned int len)
{
	unsigned long hva;
	int err;

	if (offset_in_page(gpa) + len > PAGE_SIZE)
		return -EFAULT;
	gpa |= vcpu->space;
	while ((err = try_cmpxchg_page(vcpu, gpa, old, new, len, &hva)) == VH_BRING_IN) {
		err = vh_host_bring_in(hva, true);
		if (err)
			return err;
	}
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
