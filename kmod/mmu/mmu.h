/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mmu.h - guest memory: memslots, EPT, the guest page-table walker.
 *
 * Guest memory is the VMM's own memory. Nothing here pins it: a mapping lives
 * in the EPT under the protection of the MMU notifier (notifier.c) and is gone
 * before the host page is.
 */
#ifndef VH_MMU_H
#define VH_MMU_H

#include <linux/kvm.h>
#include <linux/kvm_types.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct vh_vm;
struct vh_vcpu;
struct vh_late_page;

/* Access of a fault or a walk. */
#define VH_ACC_READ	BIT(0)
#define VH_ACC_WRITE	BIT(1)
#define VH_ACC_EXEC	BIT(2)
#define VH_ACC_USER	BIT(3)	/* walk: CPL 3 access */
#define VH_ACC_IMPLICIT	BIT(4)	/* walk: implicit supervisor access (no AC override) */

#define VH_ACC_NOSET	BIT(5)	/* walk: leave accessed and dirty bits alone */
#define VH_ACC_NOWAIT	BIT(6)	/* fault: VH_FAULT_LATER rather than wait for a page that comes by itself */

/* vh_mmu_fault() results beside 0 and -errno. */
#define VH_FAULT_MMIO	1	/* no memslot, or a write to a read-only one: emulate */
#define VH_FAULT_RETRY	2	/* raced with an invalidation: enter the guest again */
#define VH_FAULT_LATER	4	/* with VH_ACC_NOWAIT alone: the page is on its way, vcpu->late is which */

#define VH_MAX_SLOTS	32764		/* as KVM has them, of each address space */

/*
 * Guest-physical addresses are of 52 bits at most. In SMM there are others: here both address spaces are one, with
 * this bit. No address that a guest or userspace gives has it: vcpu->space is added here in mmu/.
 */
#define VH_SPACES	2
#define VH_SPACE_SHIFT	52
#define VH_SPACE	BIT_ULL(VH_SPACE_SHIFT)
#define VH_SPACE_GFN	BIT_ULL(VH_SPACE_SHIFT - PAGE_SHIFT)

/**
 * struct vh_ept_caps - EPT features of the processor; written once by vmx/caps.c
 */
struct vh_ept_caps { bool ad, huge_2m, huge_1g, exec_only, pml, nx_huge; };
extern struct vh_ept_caps vh_ept_caps;
extern atomic_long_t vh_ept_splits;	/* large pages split because code in them was executed */

/**
 * struct vh_table_cache - zeroed pages for a vCPU's next fault; own thread
 *
 * A fault links in at most three tables, and cannot allocate under the lock.
 */
struct vh_table_cache {
	void *table[3];
	unsigned int n;
};

struct vh_slot;			/* slots.h */
struct vh_mmu_ops;		/* likewise */

/**
 * struct vh_slots - one of the two sets of trees that have all memslots of a VM (slot_tree.c)
 */
struct vh_slots {
	struct rb_root by_gfn, by_hva;
	unsigned int which;		/* 0 or 1; const */
};

/**
 * struct vh_ept - the tables of one address space
 */
struct vh_ept {
	u64 *root;			/* PML4, never freed before the VM is; slots_lock, lock (write) */
	u64 eptp;			/* as written to the VMCS; slots_lock; changes: vh_ept_drop_ad() */
#ifdef VH_DEBUG
	struct vh_tag *tag;		/* witness/witness.h; as @root */
#endif
};

/**
 * struct vh_mmu - memory of one VM
 */
struct vh_mmu {
	struct vh_vm *vm;		/* const */
	struct mutex slots_lock;	/* memslot changes; nests inside vm->lock */
	/* read inside vh_slots_enter() or with lock; writers: slots_lock, lock */
	struct vh_slots __rcu *slots;	/* one of @sets; the other is changed, under slots_lock, and takes its place */
	struct vh_slots sets[2];
	struct xarray slot_ids;		/* memslots by id; slots_lock */
	unsigned int logged;		/* memslots with a bitmap; slots_lock */
	unsigned int nr_mmu_pages;	/* KVM_SET_NR_MMU_PAGES, or 0; vm->lock */
	unsigned int epoch;		/* bit 0: which of @readers counts who comes in; slots_lock */
	atomic_t readers[2];		/* who is inside vh_slots_enter() */
	struct mmu_notifier notifier;
	rwlock_t lock;			/* read: map with cmpxchg; write: zap */
	unsigned long seq;		/* bumped at the end of each invalidation; lock */
	long invalidating;		/* invalidations under way; lock (write) */
	unsigned long inv_start;	/* hva range of those under way; lock (write) */
	unsigned long inv_end;
	struct vh_ept ept[VH_SPACES];	/* of each address space; the second when a vCPU first is in it */
	const struct vh_mmu_ops *ops;	/* lock (write) */
	bool ad;			/* the processor sets accessed and dirty bits; slots_lock, lock (write) */
	unsigned long slots_gen;	/* of the memslots; never 0; as @slots */
	unsigned long pages[VH_SPACES];	/* in all memslots; slots_lock */
	const struct vh_slot *moving;	/* or NULL; slots_lock, drains: vh_slots_enter() */
	u32 ring_bytes;			/* of each vCPU's dirty ring, or 0; vm->lock, const with vCPUs */
	u32 manual_log;			/* KVM_DIRTY_LOG_*: who clears bits, how they begin; slots_lock */
	bool pml;			/* a memslot is logged by PML; slots_lock */
	bool pml_armed;			/* and it is on in every vCPU (witness); slots_lock */
	struct list_head shadows;	/* of the vCPUs, without EPT; lock (write) */
	gfn_t hand;			/* where the next reclaim goes on; lock (write) */
	struct page *apic_page;		/* page behind the APIC-access address, or NULL; vm->lock */
	struct page *identity_page;	/* page directory for unpaged guests, or NULL; const with vCPUs */
};

/* Life cycle; process context. */
int vh_mmu_init(struct vh_vm *vm);		/* current->mm is the VM's */
void vh_mmu_destroy(struct vh_vm *vm);		/* last reference gone, no vCPU left */
int vh_mmu_module_init(void);
void vh_mmu_module_exit(void);

/*
 * vm->lock held, once: a page at gpa 0xfee00000 for "virtualize APIC accesses"
 * (SDM 30.4), in the EPT unless a memslot covers it. -ENOMEM.
 */
int vh_mmu_create_apic_page(struct vh_vm *vm);
void vh_mmu_free_apic_page(struct vh_vm *vm);

/*
 * vm->lock held, before the first vCPU: the page directory at vm->identity_addr
 * that maps 4 GiB to themselves, for processors without unrestricted guest.
 * It is in the EPT above whatever memslot is there. -ENOMEM.
 */
int vh_mmu_create_identity_page(struct vh_vm *vm);

/* memslots (KVM_SET_USER_MEMORY_REGION) */
int vh_mmu_set_region(struct vh_vm *vm, const struct kvm_userspace_memory_region *r);
int vh_mmu_set_nr_pages(struct vh_vm *vm, unsigned long n);
int vh_mmu_nr_pages(struct vh_vm *vm);

/* dirty.c */
#define VH_LOG_MANUAL	(KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET)
int vh_log_manual(struct vh_vm *vm, u64 flags);
int vh_mmu_get_dirty_log(struct vh_vm *vm, const struct kvm_dirty_log *log);
int vh_mmu_clear_dirty_log(struct vh_vm *vm, const struct kvm_clear_dirty_log *log);

/* ring.c */
#define VH_RING_MAX_BYTES	(1u << 20)
int vh_ring_enable(struct vh_vm *vm, u64 bytes);
int vh_ring_reset(struct vh_vm *vm);
bool vh_ring_full(struct vh_vcpu *vcpu);
struct page *vh_ring_page(struct vh_vcpu *vcpu, unsigned long n);

/* What a vCPU's processor has logged by PML: @n gpas of written pages. Interrupts may be off. */
void vh_pml_log(struct vh_vcpu *vcpu, const u64 *gpa, unsigned int n);

/*
 * EPT violation at @gpa; process context, may sleep (GUP). @access is of
 * VH_ACC_READ/WRITE/EXEC/NOWAIT. Returns 0 (mapped), VH_FAULT_*, or -EFAULT (no host
 * page behind the memslot), -ENOMEM, -EINTR (a signal is due first).
 */
int vh_mmu_fault(struct vh_vcpu *vcpu, gpa_t gpa, u32 access);
/* Is a page that was to come later still on its way? Own thread, process context. */
bool vh_mmu_is_late(struct vh_vcpu *vcpu, const struct vh_late_page *late);
/* KVM_PRE_FAULT_MEMORY: map what is at @gpa, as if it were read; how many bytes from there on are mapped now. */
long vh_mmu_prefault(struct vh_vcpu *vcpu, gpa_t gpa);
/* pml.c: a walk of the guest's tables met a read-only memslot. */
void vh_ept_drop_ad(struct vh_vm *vm);

/*
 * Guest-physical access through the memslots by the kernel: -ENXIO outside
 * them (or a write to a read-only one), -EFAULT when nothing is behind one,
 * -EINTR when a signal is due first. They may sleep. Own thread, in the address space where the vCPU is.
 */
int vh_gpa_read(struct vh_vcpu *vcpu, gpa_t gpa, void *buf, unsigned long len);
int vh_gpa_write(struct vh_vcpu *vcpu, gpa_t gpa, const void *buf, unsigned long len);
/* Compare and exchange of 1, 2, 4 or 8 bytes inside one page; also -EAGAIN (old differs). */
int vh_gpa_cmpxchg(struct vh_vcpu *vcpu, gpa_t gpa, u64 *old, u64 new, unsigned int len);
bool vh_gpa_is_ram(struct vh_vcpu *vcpu, gpa_t gpa, bool write);
bool vh_gpa_is_ram_outside(struct vh_vcpu *vcpu, u64 gpa);	/* writable, outside SMM; @gpa: anything */
/* As vh_gpa_read() and vh_gpa_write(), where the vCPU is outside SMM; @gpa: anything. */
int vh_gpa_read_outside(struct vh_vcpu *vcpu, u64 gpa, void *buf, unsigned long len);
int vh_gpa_write_outside(struct vh_vcpu *vcpu, u64 gpa, const void *buf, unsigned long len);
int vh_gpa_try_write_outside(struct vh_vcpu *vcpu, u64 gpa, const void *buf, unsigned int len);

/* Into SMM's address space, or out of it; own thread, process context. -ENOMEM, -EINTR: nothing is changed. */
int vh_mmu_smm(struct vh_vcpu *vcpu, bool smm);

int vh_mmu_vcpu_create(struct vh_vcpu *vcpu);
void vh_mmu_vcpu_free(struct vh_vcpu *vcpu);

/* What the guest's processor would drop of its TLB (SDM Vol. 3, 4.10.4). */
enum vh_flush {
	VH_FLUSH_PCID,		/* one PCID's translations, but for global ones */
	VH_FLUSH_LOCAL,		/* every PCID's, but for global ones */
	VH_FLUSH_ALL,
};

/* invalidate.c; own thread, process context; done before the next entry. */
void vh_mmu_flush(struct vh_vcpu *vcpu, enum vh_flush what, u16 pcid);
void vh_mmu_invlpg(struct vh_vcpu *vcpu, u64 va);
/* Control registers that paging depends on have new values. */
void vh_mmu_new_paging(struct vh_vcpu *vcpu);
/* CPUID or userspace changed what the guest's tables mean. */
void vh_mmu_forget(struct vh_vcpu *vcpu);

/*
 * #PF without EPT; own thread, process context. Results as vh_mmu_fault(), or
 * VH_FAULT_GUEST: the guest's own, with the error code in *error (its input is
 * the processor's). @nowait: VH_ACC_NOWAIT, or 0.
 */
#define VH_FAULT_GUEST	3
int vh_shadow_fault(struct vh_vcpu *vcpu, u64 va, u32 *error, u32 nowait);
int vh_shadow_load(struct vh_vcpu *vcpu);		/* VH_REQ_MMU; -ENOMEM */
unsigned long vh_shadow_forget(struct vh_vcpu *vcpu);
/* In the window. */
int vh_shadow_fault_fast(struct vh_vcpu *vcpu, u64 va, u32 *error);
bool vh_shadow_device(const struct vh_vcpu *vcpu);
bool vh_shadow_switch(struct vh_vcpu *vcpu, u64 cr0, u64 cr3, bool flush);
void vh_shadow_invlpg(struct vh_vcpu *vcpu, u64 va);
u64 vh_shadow_hw_cr3(struct vh_vcpu *vcpu);

/* Page tables (tables.c). alloc: process context, may reclaim; NULL. */
void *vh_table_alloc(struct vh_vm *vm);
void vh_table_free(struct vh_vm *vm, void *table);

/**
 * struct vh_paging - what the guest's paging looks like, input of the walker
 *
 * Plain values: the walker needs no vCPU, so KUnit and host tests can use it.
 */
struct vh_paging {
	u64 cr0, cr3, cr4, efer;
	u64 rflags;			/* AC, for SMAP */
	u64 pdptr[4];			/* PAE: the loaded PDPTEs */
	u32 pkru;
	u8 maxphyaddr;
	bool gbpages;			/* CPUID.80000001:EDX.Page1GB of the guest */
};

/* The vCPU's paging, from what of its state is valid; own thread. */
void vh_paging_in_memory(const struct vh_vcpu *vcpu, struct vh_paging *p);

/**
 * struct vh_walk - result of a walk
 *
 * @gpa and what follows @error_code are valid when the walk returned 0.
 */
struct vh_walk {
	gpa_t gpa;			/* else 0 */
	u32 error_code;			/* #PF error code when it returned -EFAULT */
	u64 page_size;			/* of the leaf */
	bool writable, user, nx, global, dirty;	/* effective rights of the translation */
	u8 pkey;			/* protection key of the leaf */
	u8 steps;			/* entries read: none without paging, PDPTEs do not count */
	struct vh_walk_step {
		gpa_t at;
		u64 entry;		/* with the accessed and dirty bits that the walk set */
	} step[5];			/* from the root to the leaf */
};

/* The result without paging: @gpa is the linear address itself. */
static inline void vh_walk_unpaged(gpa_t gpa, struct vh_walk *w)
{
	w->gpa = gpa;
	w->error_code = 0;
	w->page_size = 1ULL << 32;
	w->writable = w->user = w->dirty = true;
	w->nx = w->global = false;
	w->pkey = 0;
	w->steps = 0;
}

/**
 * struct vh_walk_mem - how the walker touches guest page tables
 */
struct vh_walk_mem {
	int (*read)(void *ctx, gpa_t gpa, void *buf, unsigned int len);
	int (*cas)(void *ctx, gpa_t gpa, u64 *old, u64 new, unsigned int len);
	void *ctx;
};

/*
 * SDM Vol. 3, 4.3 to 4.7. Returns 0, -EFAULT with w->error_code for a guest
 * page fault, -ENXIO when a table lies outside guest memory, -EINTR. @set_ad: set
 * accessed/dirty bits as the processor would.
 */
int vh_walk_paging(const struct vh_paging *p, const struct vh_walk_mem *mem,
		   u64 gva, u32 access, bool set_ad, struct vh_walk *w);

#endif /* VH_MMU_H */
