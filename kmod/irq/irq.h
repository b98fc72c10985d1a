/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * irq.h - interrupt controllers and timers of a VM, in the kernel.
 *
 * LAPIC (lapic.c, posted.c, timer.c, ipi.c), IOAPIC, two 8259s, 8254, GSI routes, irqfd
 * and ioeventfd. Ownership: a LAPIC's register page belongs to the thread that
 * runs its vCPU; everybody else posts vectors (posted.c).
 * All locks are raw and taken with interrupts off: every function here may be
 * called with interrupts disabled unless it says "process context".
 */
#ifndef VH_IRQ_H
#define VH_IRQ_H

#include <linux/kvm.h>
#include <linux/kvm_types.h>
#include <linux/hrtimer.h>
#include <linux/types.h>

struct vh_vm;
struct vh_vcpu;
struct vh_lapic;
struct vh_irqchip;
struct vh_pit;

/* --- LAPIC: life cycle and register access --- */

/* Process context. The vCPU's LAPIC; NULL stays in vcpu->lapic without in-kernel irqchip. */
int vh_lapic_create(struct vh_vcpu *vcpu);
void vh_lapic_destroy(struct vh_vcpu *vcpu);
void vh_lapic_reset(struct vh_vcpu *vcpu, bool init);	/* SDM 11.4.7; init: INIT, keeps base and id */
/* The virtual-APIC page (SDM 30.1), for the VMCS. */
struct page *vh_lapic_page(struct vh_vcpu *vcpu);
u64 vh_lapic_base(struct vh_vcpu *vcpu);		/* IA32_APIC_BASE */
/* 0, or -EINVAL for what a WRMSR would answer with #GP (@host: userspace sets, any legal value). */
int vh_lapic_set_base(struct vh_vcpu *vcpu, u64 value, bool host);
bool vh_lapic_x2apic(struct vh_vcpu *vcpu);
bool vh_lapic_hw_enabled(struct vh_vcpu *vcpu);

/* xAPIC MMIO at @offset of the page; own thread. len 1..8; only aligned 32-bit accesses are defined. */
void vh_lapic_mmio_read(struct vh_vcpu *vcpu, u32 offset, void *data, unsigned int len);
void vh_lapic_mmio_write(struct vh_vcpu *vcpu, u32 offset, const void *data, unsigned int len);
/* x2APIC MSRs 0x800..0x8ff: 0, or -EINVAL for #GP; own thread, interrupts may be off. */
int vh_lapic_msr_read(struct vh_vcpu *vcpu, u32 msr, u64 *value);
int vh_lapic_msr_write(struct vh_vcpu *vcpu, u32 msr, u64 value);
/* IA32_TSC_DEADLINE; guest TSC units. */
u64 vh_lapic_deadline(struct vh_vcpu *vcpu);
void vh_lapic_set_deadline(struct vh_vcpu *vcpu, u64 value);
u8 vh_lapic_tpr(struct vh_vcpu *vcpu);			/* bits 7:0 of TPR */
void vh_lapic_set_tpr(struct vh_vcpu *vcpu, u8 tpr);
int vh_lapic_get_state(struct vh_vcpu *vcpu, struct kvm_lapic_state *s);
int vh_lapic_set_state(struct vh_vcpu *vcpu, const struct kvm_lapic_state *s);

/* --- LAPIC: what the run loop and the window call (own thread) --- */

/* Fold posted vectors into IRR. Returns the highest IRR vector, or -1. */
int vh_lapic_sync(struct vh_vcpu *vcpu);
/* Anything posted since the last sync, or changed, that the processor does not know? */
bool vh_lapic_posted(struct vh_vcpu *vcpu);
/* Highest vector that would be delivered now (IRR above PPR, software-enabled), or -1. Folds first. */
int vh_lapic_pending(struct vh_vcpu *vcpu);
int vh_lapic_highest_isr(struct vh_vcpu *vcpu);		/* highest vector in service, or -1 */
/* Virtual-interrupt delivery, in the window: on or off; RVI and SVI; where vectors are posted. */
void vh_lapic_set_virtual(struct vh_vcpu *vcpu, bool virtual, bool posted);
u16 vh_lapic_status(struct vh_vcpu *vcpu);
u64 vh_lapic_posted_address(struct vh_vcpu *vcpu);
/* The interrupt @vector is being delivered: IRR -> ISR, PPR updated. */
void vh_lapic_ack(struct vh_vcpu *vcpu, u8 vector);
void vh_lapic_eoi(struct vh_vcpu *vcpu);		/* write to EOI */
/* Exit "virtualized EOI": ISR is already clear, only the broadcast is due. */
void vh_lapic_eoi_induced(struct vh_vcpu *vcpu, u8 vector);
/* Exit "APIC write": the page already holds the new value; do the side effects. */
void vh_lapic_apic_write(struct vh_vcpu *vcpu, u32 offset);
/* Vectors whose EOI must exit (IOAPIC level, resample): 256-bit EOI-exit bitmap. */
void vh_lapic_eoi_exit_bitmap(struct vh_vcpu *vcpu, u64 bitmap[4]);
/* LVT0 in ExtINT mode (or LAPIC hardware-disabled): does this vCPU take the 8259's interrupts? */
bool vh_lapic_accepts_pic(struct vh_vcpu *vcpu);
/* VH_REQ_EOI_EXIT: the vector of the EOI that userspace is to see next. */
u8 vh_lapic_ended(struct vh_vcpu *vcpu);
/* Is the timer's interrupt already due, or due in less than @ns? For the halt poll. */
bool vh_lapic_timer_due(struct vh_vcpu *vcpu, u64 ns);
void vh_lapic_timer_resume(struct vh_vcpu *vcpu);	/* VH_REQ_TIMER */

bool vh_lapic_enabled(struct vh_vcpu *vcpu);		/* in hardware and by software: it takes interrupts up */
/* Post @vector from any CPU, and have the vCPU notice. False: it was waiting already. */
bool vh_lapic_post(struct vh_vcpu *vcpu, u8 vector, bool level);

/**
 * struct vh_msi - an interrupt message, as an IOAPIC, MSI or ICR write makes it
 */
struct vh_msi {
	u32 dest;		/* 8-bit xAPIC or 32-bit x2APIC destination */
	u8 vector;
	u8 delivery_mode;	/* APIC_MODE_*: 0 fixed, 1 lowest, 2 SMI, 4 NMI, 5 INIT, 6 SIPI, 7 ExtINT */
	u8 shorthand;		/* 0 none, 1 self, 2 all, 3 all but self */
	bool logical;
	bool level;		/* trigger mode */
	bool assert;		/* level bit of the ICR (INIT de-assert is ignored) */
};
/* Deliver; @src is the sender or NULL. Number of vCPUs it went to, -1 when nobody matched. */
int vh_irq_deliver(struct vh_vm *vm, struct vh_vcpu *src, const struct vh_msi *msi);

/* Might a message go to many vCPUs? Then it is sent with interrupts on. */
bool vh_irq_is_wide(struct vh_vm *vm, struct vh_vcpu *src, const struct vh_msi *msi);
bool vh_lapic_icr_is_wide(struct vh_vcpu *vcpu, u32 low, u32 dest);
bool vh_lapic_write_is_wide(struct vh_vcpu *vcpu, u32 offset);

/* --- both controllers as the run loop sees them (own thread) --- */

/* Vector waiting for INTR now (LAPIC first? no: ExtINT from the PIC if accepted, else LAPIC), or -1. */
int vh_irq_pending(struct vh_vcpu *vcpu);
/* Acknowledge what vh_irq_pending() announced; returns the vector or -1 (spurious PIC included). */
int vh_irq_ack(struct vh_vcpu *vcpu);
int vh_irq_ack_pic(struct vh_vcpu *vcpu);
/* The 8259s alone, the VMM's as well: an interrupt that this vCPU takes? Own thread. */
bool vh_irq_pic_pending(struct vh_vcpu *vcpu);

/* The 8259s alone: is their INTR line up? Acknowledge (INTA): the vector. Any CPU. */
bool vh_pic_pending(struct vh_vm *vm);
int vh_pic_ack(struct vh_vm *vm);

/* --- chips: ioctls, process context, vm->lock held where it says (L) --- */
int vh_irqchip_create(struct vh_vm *vm);			/* L: IOAPIC, PICs, default routes */
int vh_irqchip_create_split(struct vh_vm *vm, u32 pins);	/* L: routes alone */
bool vh_irqchip_is_split(struct vh_vm *vm);
void vh_irqchip_stop(struct vh_vm *vm);
void vh_irqchip_destroy(struct vh_vm *vm);			/* L or last reference */
int vh_irqchip_get(struct vh_vm *vm, struct kvm_irqchip *chip);
int vh_irqchip_set(struct vh_vm *vm, const struct kvm_irqchip *chip);
int vh_pit_create(struct vh_vm *vm, const struct kvm_pit_config *cfg);	/* L */
void vh_pit_destroy(struct vh_vm *vm);
void vh_pit_get(struct vh_vm *vm, struct kvm_pit_state2 *ps);
int vh_pit_set(struct vh_vm *vm, const struct kvm_pit_state2 *ps, bool flags);
void vh_pit_reinject(struct vh_vm *vm, bool on);
/* KVM_IRQ_LINE: 1 delivered, 0 coalesced, -EINVAL. */
int vh_irq_line(struct vh_vm *vm, u32 gsi, int level);
int vh_irq_set_routing(struct vh_vm *vm, const struct kvm_irq_routing_entry *e, u32 nr, u32 flags);
/* Tell irqfds of what was acknowledged (VH_REQ_ACKED); process context. */
void vh_irq_tell_acks(struct vh_vm *vm);
int vh_irq_signal_msi(struct vh_vm *vm, const struct kvm_msi *msi);
int vh_irqfd(struct vh_vm *vm, const struct kvm_irqfd *args);
void vh_irqfd_release_all(struct vh_vm *vm);
int vh_ioeventfd(struct vh_vm *vm, const struct kvm_ioeventfd *args);
void vh_ioeventfd_release_all(struct vh_vm *vm);
int vh_coalesced_zone(struct vh_vm *vm, const struct kvm_coalesced_mmio_zone *args, bool remove);
void *vh_coalesced_page(struct vh_vm *vm);		/* NULL */
int vh_irq_vm_init(struct vh_vm *vm);			/* -ENOMEM */
void vh_irq_vm_free(struct vh_vm *vm);
int vh_irq_module_init(void);
void vh_irq_module_exit(void);

/*
 * In-kernel devices on the buses: PIC, PIT, port 0x61, IOAPIC, ioeventfds, and the
 * vCPU's own LAPIC page. True when a device took the access (reads fill @data). MMIO in
 * process context.
 */
bool vh_bus_pio_chip(struct vh_vcpu *vcpu, u16 port, void *data, unsigned int len, bool write);
bool vh_bus_pio(struct vh_vcpu *vcpu, u16 port, void *data, unsigned int len, bool write);
bool vh_bus_pio_watched(struct vh_vcpu *vcpu, u16 port, const void *data, unsigned int len);
bool vh_bus_mmio(struct vh_vcpu *vcpu, gpa_t gpa, void *data, unsigned int len, bool write);

#endif /* VH_IRQ_H */
