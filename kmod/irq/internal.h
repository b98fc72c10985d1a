/* SPDX-License-Identifier: GPL-2.0-only */
/* internal.h - shared by the files of irq/ only. */
#ifndef VH_IRQ_INTERNAL_H
#define VH_IRQ_INTERNAL_H

#include <linux/hashtable.h>
#include <linux/hrtimer.h>
#include <linux/spinlock.h>

#include "irq.h"
#include "../bound.h"
#include "../kick.h"

/* Register offsets of the xAPIC page (SDM Table 11-1). */
#define APIC_ID_		0x020
#define APIC_LVR_		0x030
#define APIC_TPR_		0x080
#define APIC_APR_		0x090
#define APIC_PPR_		0x0a0
#define APIC_EOI_		0x0b0
#define APIC_LDR_		0x0d0
#define APIC_DFR_		0x0e0
#define APIC_SVR_		0x0f0
#define APIC_ISR_		0x100
#define APIC_TMR_		0x180
#define APIC_IRR_		0x200
#define APIC_ESR_		0x280
#define APIC_ICR_		0x300
#define APIC_ICR2_		0x310
#define APIC_LVTT_		0x320
#define APIC_LVTTHMR_		0x330
#define APIC_LVTPC_		0x340
#define APIC_LVT0_		0x350
#define APIC_LVT1_		0x360
#define APIC_LVTERR_		0x370
#define APIC_TMICT_		0x380
#define APIC_TMCCT_		0x390
#define APIC_TDCR_		0x3e0
#define APIC_SELF_IPI_		0x3f0

#define LVT_MASKED		BIT(16)
#define LVT_TIMER_MODE		(3u << 17)
#define LVT_TIMER_PERIODIC	(1u << 17)
#define LVT_TIMER_DEADLINE	(2u << 17)

/* Delivery modes (SDM 11.6.1). */
enum { MODE_FIXED, MODE_LOWEST, MODE_SMI, MODE_REMOTE, MODE_NMI, MODE_INIT, MODE_SIPI, MODE_EXTINT };

/**
 * struct vh_posted - posted-interrupt descriptor (SDM Table 30-1)
 *
 * Atomic; any CPU, and the processor while it is in the guest.
 */
struct vh_posted {
	unsigned long pir[256 / BITS_PER_LONG];
	unsigned long control;		/* bit VH_POSTED_ON: somebody has been told */
	unsigned long unused[3];
} __aligned(64);
#define VH_POSTED_ON	0

/**
 * struct vh_lapic - a vCPU's local APIC
 *
 * @regs, @base and the timer's settings: own thread, but for TMR, which is
 * atomic. @id to @sw_enabled: written by the own thread, read by all that match
 * destinations.
 */
struct vh_lapic {
	struct vh_vcpu *vcpu;
	void *regs;			/* the virtual-APIC page */
	struct vh_posted *posted;
	u64 base;			/* IA32_APIC_BASE */
	bool virtual;			/* the processor delivers; own thread */
	bool changed;			/* IRR or ISR, and the processor has to be told; own thread */
	bool notified;			/* posted interrupts need no exit; own thread writes */
	unsigned long ended[256 / BITS_PER_LONG];	/* vectors whose EOI userspace has yet to see; own thread */

	u32 id, ldr, dfr;
	bool x2apic, hw_enabled, sw_enabled;
	bool renamed, grouped;		/* counted in the irqchip's; own thread */

	struct hrtimer timer;
	u32 timer_mode;			/* LVT_TIMER_*, as last acted on */
	u32 divided_by;			/* of a count that is under way, likewise */
	u64 deadline;			/* guest TSC; 0: not armed */
	ktime_t expires;
	u64 reload_ns, period_ns;	/* periodic mode: the guest's, and between expiries */
	bool armed;
	bool lapsed;			/* periodic, and waits for the own thread */
};

static inline u32 apic_reg(const struct vh_lapic *a, u32 offset)
{
	return READ_ONCE(*(u32 *)(a->regs + offset));
}

static inline void apic_set(struct vh_lapic *a, u32 offset, u32 value)
{
	WRITE_ONCE(*(u32 *)(a->regs + offset), value);
}

/* KVM_CAP_X2APIC_API: ids of 32 bits in an x2APIC's state, and in messages, whose upper address's low byte is reserved. */
static inline bool vh_apic_wide_ids(const struct vh_vm *vm)
{
	return READ_ONCE(vm->x2apic_api) & KVM_X2APIC_API_USE_32BIT_IDS;
}

/* posted.c; own thread */
void vh_apic_fold(struct vh_lapic *a);
void vh_apic_unpost(struct vh_lapic *a);
static inline void vh_apic_changed(struct vh_lapic *a)
{
	a->changed = a->virtual;
}

/* lapic.c */
void vh_apic_publish(struct vh_lapic *a);
int vh_apic_reg_read(struct vh_vcpu *vcpu, u32 offset, u32 *value);
void vh_apic_reg_write(struct vh_vcpu *vcpu, u32 offset, u32 value);

/* timer.c; own thread */
void vh_apic_timer_init(struct vh_lapic *a);
void vh_apic_timer_divide(struct vh_lapic *a);
void vh_apic_timer_stop(struct vh_lapic *a);
void vh_apic_timer_start(struct vh_lapic *a, u32 count);	/* TMICT was written */
void vh_apic_timer_lvt(struct vh_lapic *a);	/* LVTT was written */
u32 vh_apic_timer_count(struct vh_lapic *a);	/* TMCCT */

/* ipi.c */
void vh_apic_send_icr(struct vh_vcpu *vcpu, u32 low, u32 dest);

/* Between expiries of a periodic timer, as KVM has it: a guest could ask for any number. */
#define MIN_PERIOD_NS		200000

/* Who drives a line of the chips; lines of several sources are ORed. */
enum vh_irq_source { SRC_USER, SRC_PIT, SRC_RESAMPLE };

/**
 * struct vh_irqchip - IOAPIC and the two 8259s of a VM, and what its GSIs are wired to
 *
 * @split: the chips are userspace's and only the LAPICs are here. Routes are messages alone, @announced the
 * vectors that its IOAPIC's @user_pins have ever sent level-triggered, and @pic_intr is up for ever.
 */
struct vh_irqchip {
	struct vh_vm *vm;
	bool split;			/* const */
	u32 user_pins;			/* GSIs from 0 on that are pins of userspace's IOAPICs; const */
	raw_spinlock_t pic_lock;
	struct kvm_pic_state pic[2];	/* pic_lock */
	u8 pic_lines[16];		/* by source; pic_lock */
	u16 pic_acked;			/* services that ended, to be told of; pic_lock */
	bool pic_intr;			/* INTR output; written under pic_lock */
	raw_spinlock_t ioapic_lock;
	struct kvm_ioapic_state ioapic;	/* ioapic_lock */
	u8 ioapic_lines[VH_IOAPIC_PINS];	/* by source; ioapic_lock */
	u64 announced[4];		/* vectors about to be level-triggered; ioapic_lock */
	unsigned int announcing;	/* who is about to make some so; ioapic_lock */
	struct vh_routes __rcu *routes;	/* writers: vm->lock */
	struct mutex acks_lock;		/* which GSIs of a pin resample; inside vm->lock */
	u64 resample_pins;		/* of GSIs with irqfds that resample; writers: vm->lock */
	unsigned long acked;		/* of these: acknowledged, and irqfds not yet told; atomic */
	u32 again;			/* IOAPIC pins to be sent again, to many vCPUs; ioapic_lock */
	u16 storm[VH_IOAPIC_PINS];	/* EOIs in a row after which the line was up; ioapic_lock */
	u32 held;			/* pins with too many, to be sent again by @storm_work; ioapic_lock */
	struct delayed_work storm_work;
	unsigned int round_robin;	/* lowest-priority arbitration; racy on purpose */
	/* xAPICs whose id the guest has chosen, which may be others' too; that are in logical destinations, an x2APIC's too */
	atomic_t renamed, grouped;
};

/* pic.c; any CPU */
void vh_pic_init(struct vh_irqchip *chip);
int vh_pic_set_line(struct vh_irqchip *chip, unsigned int pin, unsigned int source, int level);
int vh_pic_io(struct vh_irqchip *chip, u16 port, u8 *data, bool write);
void vh_pic_set(struct vh_irqchip *chip, unsigned int n, const struct kvm_pic_state *new);

/* ioapic.c; any CPU; mmio and set in process context */
void vh_ioapic_init(struct vh_irqchip *chip);
int vh_ioapic_set_line(struct vh_irqchip *chip, unsigned int pin, unsigned int source, int level);
void vh_ioapic_eoi(struct vh_vm *vm, u8 vector);
void vh_ioapic_again(struct vh_irqchip *chip);	/* process context */
void vh_ioapic_stop(struct vh_irqchip *chip);	/* process context: nothing comes by itself any more */
bool vh_ioapic_is_wide(struct vh_irqchip *chip, unsigned int pin);
void vh_ioapic_announce(struct vh_irqchip *chip, const u64 vectors[4]);	/* process context */
void vh_ioapic_mmio(struct vh_irqchip *chip, u32 offset, void *data, unsigned int len, bool write);
void vh_ioapic_get(struct vh_irqchip *chip, struct kvm_ioapic_state *s);
int vh_ioapic_set(struct vh_irqchip *chip, const struct kvm_ioapic_state *s);

/* route.c */
int vh_irq_set(struct vh_vm *vm, u32 gsi, unsigned int source, int level);
/* Pin @pin of chip @chip (KVM_IRQCHIP_*) was acknowledged: resampling irqfds are to be told. */
void vh_irq_acked(struct vh_vm *vm, unsigned int chip, unsigned int pin);
void vh_routes_resample(struct vh_vm *vm);
bool vh_irq_gsi_is_wide(struct vh_vm *vm, u32 gsi);
/* After what may have acknowledged something; own thread. */
static inline void vh_irq_note_acks(struct vh_vcpu *vcpu)
{
	const struct vh_irqchip *chip = vcpu->vm->irqchip;

	if (unlikely(READ_ONCE(chip->acked) || READ_ONCE(chip->again)))
		vh_request(vcpu, VH_REQ_ACKED);
}

/**
 * struct vh_eventfds - irqfds and ioeventfds of a VM
 */
struct vh_eventfds {
	DECLARE_HASHTABLE(irqfds, 7);	/* by eventfd; irqfd_lock */
	/*
	 * Interrupts on. Whoever waits spins: the work items that shut down irqfds of all VMs, which would
	 * otherwise wait for a holder whose cgroup keeps it from a processor.
	 */
	spinlock_t irqfd_lock;
	unsigned int nr_irqfds;		/* irqfd_lock */
	u64 next_nr;			/* irqfd_lock */
	struct hlist_head *resample;	/* by GSI, those with a resample fd; irqfd_lock */
	atomic_t nr_resample;
	atomic_t closing;		/* irqfds whose eventfd is being closed */
	DECLARE_HASHTABLE(ioeventfds, 7);	/* by address: RCU; ioeventfd_lock */
	struct mutex ioeventfd_lock;
	unsigned int nr_ioeventfds;	/* ioeventfd_lock */
	struct vh_zones __rcu *zones[2];	/* of writes that are coalesced: of memory, of ports; writers ioeventfd_lock */
	spinlock_t ring_lock;		/* what is put into @ring, and that @zones change; inside ioeventfd_lock */
	void *ring;			/* set once; a page shared with userspace */
	/* ioeventfds and zones, read with READ_ONCE: 0, and a write needs no look; ioeventfd_lock */
	unsigned int watched;
};
#define VH_MAX_ZONES		1000	/* of each bus */
#define VH_MAX_IRQFDS		2048
#define VH_MAX_IOEVENTFDS	1000

/* irqfd.c */
void vh_irqfd_resample(struct vh_vm *vm, u32 gsi);
bool vh_irqfd_resamples(struct vh_vm *vm, u32 gsi);

/* pit.c */
bool vh_pit_io(struct vh_vm *vm, u16 port, u8 *data, bool write);

/* ioeventfd.c */
bool vh_ioeventfd_hit(struct vh_vm *vm, u64 addr, const void *data, unsigned int len, bool pio);

/* coalesce.c */
bool vh_coalesce(struct vh_vm *vm, u64 addr, const void *data, unsigned int len, bool pio);
void vh_coalesced_free(struct vh_vm *vm);

#endif /* VH_IRQ_INTERNAL_H */
