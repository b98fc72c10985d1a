// SPDX-License-Identifier: GPL-2.0-only
/*
 * lapic.c - the local APIC (SDM Vol. 3, chapter 11).
 *
 * The register page is the hardware's virtual-APIC page: it may change IRR,
 * ISR, TPR and PPR by itself, so nothing of these is kept elsewhere.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "internal.h"

#define APIC_BASE_ADDR	0xfee00000ULL
#define BASE_BSP	BIT_ULL(8)
#define BASE_X2APIC	BIT_ULL(10)
#define BASE_ENABLE	BIT_ULL(11)
#define SVR_ENABLE	BIT(8)
/* Integrated APIC, six LVT entries. */
#define VERSION		(0x14 | 5 << 16)

/* --- bitmaps of 256 vectors in the page: 32 bits every 16 bytes --- */

static int highest(const struct vh_lapic *a, u32 base)
{
	int i;

#pragma GCC unroll 8		/* each entry looks */
	for (i = 7; i >= 0; i--) {
		u32 word = apic_reg(a, base + i * 16);

		if (word)
			return i * 32 + __fls(word);
	}
	return -1;
}

static void vector_set(struct vh_lapic *a, u32 base, u8 vector)
{
	apic_set(a, base + (vector >> 5) * 16,
		 apic_reg(a, base + (vector >> 5) * 16) | BIT(vector & 31));
}

static void vector_clear(struct vh_lapic *a, u32 base, u8 vector)
{
	apic_set(a, base + (vector >> 5) * 16,
		 apic_reg(a, base + (vector >> 5) * 16) & ~BIT(vector & 31));
}

/* --- what is requested and in service --- */

/**
 * vh_lapic_sync - fold posted vectors into IRR
 * @vcpu: own thread
 *
 * Returns the highest IRR vector, or -1.
 */
int vh_lapic_sync(struct vh_vcpu *vcpu)
{
	vh_apic_fold(vcpu->lapic);
	return highest(vcpu->lapic, APIC_IRR_);
}

/**
 * vh_lapic_highest_isr - highest vector in service, or -1
 * @vcpu: own thread
 */
int vh_lapic_highest_isr(struct vh_vcpu *vcpu)
{
	return highest(vcpu->lapic, APIC_ISR_);
}

/* SDM 11.8.3.1: the higher of the TPR and the interrupt in service. */
static u8 ppr_update(struct vh_lapic *a)
{
	int isr = highest(a, APIC_ISR_);
	u8 tpr = apic_reg(a, APIC_TPR_), ppr = tpr;

	if (isr >= 0 && (isr & 0xf0) > (tpr & 0xf0))
		ppr = isr & 0xf0;
	apic_set(a, APIC_PPR_, ppr);
	return ppr;
}

/**
 * vh_lapic_pending - the vector that would be delivered now, or -1
 * @vcpu: own thread
 */
int vh_lapic_pending(struct vh_vcpu *vcpu)
{
	struct vh_lapic *a = vcpu->lapic;
	int irr;

	if (!a->hw_enabled || !a->sw_enabled)
		return -1;
	irr = vh_lapic_sync(vcpu);
	if (irr < 0 || (irr & 0xf0) <= (ppr_update(a) & 0xf0))
		return -1;
	return irr;
}

/**
 * vh_lapic_ack - the interrupt is being delivered: IRR to ISR
 * @vcpu: own thread
 * @vector: from vh_lapic_pending()
 */
void vh_lapic_ack(struct vh_vcpu *vcpu, u8 vector)
{
	struct vh_lapic *a = vcpu->lapic;

	vector_clear(a, APIC_IRR_, vector);
	vector_set(a, APIC_ISR_, vector);
	ppr_update(a);
	vh_apic_changed(a);
}

/**
 * vh_lapic_eoi_induced - the hardware took an EOI that must be broadcast
 * @vcpu: own thread
 * @vector: that was in service
 */
void vh_lapic_eoi_induced(struct vh_vcpu *vcpu, u8 vector)
{
	struct vh_irqchip *chip = vcpu->vm->irqchip;

	if (!(apic_reg(vcpu->lapic, APIC_TMR_ + (vector >> 5) * 16) & BIT(vector & 31)))
		return;
	if (!chip->split) {
		vh_ioapic_eoi(vcpu->vm, vector);
		vh_irq_note_acks(vcpu);
	} else if (READ_ONCE(chip->announced[vector / 64]) & BIT_ULL(vector % 64)) {
		__set_bit(vector, vcpu->lapic->ended);
		vh_request(vcpu, VH_REQ_EOI_EXIT);
	}
}

/**
 * vh_lapic_ended - the EOI that userspace's IOAPIC is to see next
 * @vcpu: own thread; VH_REQ_EOI_EXIT was there
 *
 * Its vector. The request is made again for another: one instruction may have ended several.
 */
u8 vh_lapic_ended(struct vh_vcpu *vcpu)
{
	unsigned long *ended = vcpu->lapic->ended;
	unsigned int vector = find_first_bit(ended, 256);

	__clear_bit(vector, ended);
	if (!bitmap_empty(ended, 256))
		vh_request(vcpu, VH_REQ_EOI_EXIT);
	return vector;
}

/**
 * vh_lapic_eoi - a write to the EOI register
 * @vcpu: own thread
 */
void vh_lapic_eoi(struct vh_vcpu *vcpu)
{
	struct vh_lapic *a = vcpu->lapic;
	int isr = highest(a, APIC_ISR_);

	if (isr < 0)
		return;
	vector_clear(a, APIC_ISR_, isr);
	ppr_update(a);
	vh_apic_changed(a);
	vh_lapic_eoi_induced(vcpu, isr);
}

/**
 * vh_lapic_tpr - the task-priority register
 * @vcpu: own thread
 */
u8 vh_lapic_tpr(struct vh_vcpu *vcpu)
{
	return apic_reg(vcpu->lapic, APIC_TPR_);
}

/**
 * vh_lapic_set_tpr - set it
 * @vcpu: own thread
 * @tpr: bits 7:0
 */
void vh_lapic_set_tpr(struct vh_vcpu *vcpu, u8 tpr)
{
	apic_set(vcpu->lapic, APIC_TPR_, tpr);
	ppr_update(vcpu->lapic);
}

/**
 * vh_lapic_accepts_pic - does the 8259's INTR reach this vCPU?
 * @vcpu: the vCPU; any CPU may ask
 */
bool vh_lapic_accepts_pic(struct vh_vcpu *vcpu)
{
	struct vh_lapic *a = vcpu->lapic;
	u32 lvt0 = apic_reg(a, APIC_LVT0_);

	if (!READ_ONCE(a->hw_enabled))
		return vcpu->id == vcpu->vm->bsp_id;
	return !(lvt0 & LVT_MASKED) && ((lvt0 >> 8) & 7) == MODE_EXTINT;
}

/**
 * vh_irq_pic_pending - has this vCPU to take an interrupt of the 8259s?
 * @vcpu: own thread, with a LAPIC
 */
bool vh_irq_pic_pending(struct vh_vcpu *vcpu)
{
	return vh_pic_pending(vcpu->vm) && vh_lapic_accepts_pic(vcpu) &&
	       (!vcpu->user_pic || vcpu->user_irq >= 0);
}

/**
 * vh_irq_pending - the vector that INTR would deliver now, or -1
 * @vcpu: own thread
 *
 * For the 8259s it is only known at the acknowledge: 256 stands for it.
 */
int vh_irq_pending(struct vh_vcpu *vcpu)
{
	if (vh_irq_pic_pending(vcpu))
		return 256;
	return vh_lapic_pending(vcpu);
}

/**
 * vh_irq_ack_pic - acknowledge what the 8259s have
 * @vcpu: own thread
 *
 * Returns the vector. With automatic EOI the service ends here. Userspace's were acknowledged
 * before KVM_INTERRUPT.
 */
int vh_irq_ack_pic(struct vh_vcpu *vcpu)
{
	int vector;

	if (unlikely(vcpu->user_pic)) {
		vector = vcpu->user_irq;
		vcpu->user_irq = -1;
		return vector;
	}
	vector = vh_pic_ack(vcpu->vm);
	vh_irq_note_acks(vcpu);
	return vector;
}

/**
 * vh_irq_ack - acknowledge what vh_irq_pending() announced
 * @vcpu: own thread
 *
 * Returns the vector, or -1 when there is none after all.
 */
int vh_irq_ack(struct vh_vcpu *vcpu)
{
	int vector;

	if (vh_irq_pic_pending(vcpu))
		return vh_irq_ack_pic(vcpu);
	vector = vh_lapic_pending(vcpu);
	if (vector >= 0)
		vh_lapic_ack(vcpu, vector);
	return vector;
}

/* --- registers --- */

static void count_in(bool *counted, bool now, atomic_t *all)
{
	atomic_add(now - *counted, all);
	*counted = now;
}

/**
 * vh_apic_publish - let others match destinations with the registers as they are
 * @a: the LAPIC; own thread
 */
void vh_apic_publish(struct vh_lapic *a)
{
	const bool xapic = (a->base & (BASE_ENABLE | BASE_X2APIC)) == BASE_ENABLE;

	WRITE_ONCE(a->x2apic, !!(a->base & BASE_X2APIC));
	WRITE_ONCE(a->hw_enabled, !!(a->base & BASE_ENABLE));
	WRITE_ONCE(a->sw_enabled, !!(apic_reg(a, APIC_SVR_) & SVR_ENABLE));
	WRITE_ONCE(a->id, a->x2apic ? apic_reg(a, APIC_ID_) : apic_reg(a, APIC_ID_) >> 24);
	WRITE_ONCE(a->ldr, apic_reg(a, APIC_LDR_));
	WRITE_ONCE(a->dfr, apic_reg(a, APIC_DFR_));
	count_in(&a->renamed, xapic && a->id != (a->vcpu->id & 0xff), &a->vcpu->vm->irqchip->renamed);
	count_in(&a->grouped, xapic && a->ldr, &a->vcpu->vm->irqchip->grouped);
}

/**
 * vh_apic_reg_read - read a register
 * @vcpu: own thread
 * @offset: in the page, 16-byte aligned
 * @value: filled in
 *
 * -EINVAL when there is no such register.
 */
int vh_apic_reg_read(struct vh_vcpu *vcpu, u32 offset, u32 *value)
{
	struct vh_lapic *a = vcpu->lapic;

	switch (offset) {
	case APIC_TMCCT_:
		*value = vh_apic_timer_count(a);
		return 0;
	case APIC_PPR_:
		*value = ppr_update(a);
		return 0;
	case APIC_IRR_ ... APIC_IRR_ + 0x70:
		vh_apic_fold(a);
		fallthrough;
	case APIC_ISR_ ... APIC_ISR_ + 0x70:
	case APIC_TMR_ ... APIC_TMR_ + 0x70:
	case APIC_ID_: case APIC_LVR_: case APIC_TPR_: case APIC_APR_: case APIC_LDR_:
	case APIC_DFR_: case APIC_SVR_: case APIC_ESR_: case APIC_ICR_: case APIC_ICR2_:
	case APIC_LVTT_: case APIC_LVTTHMR_: case APIC_LVTPC_: case APIC_LVT0_:
	case APIC_LVT1_: case APIC_LVTERR_: case APIC_TMICT_: case APIC_TDCR_:
		*value = apic_reg(a, offset);
		return 0;
	}
	*value = 0;
	return -EINVAL;
}

static u32 lvt_bits(u32 offset)
{
	switch (offset) {
	case APIC_LVTT_:	return 0x000700ff;
	case APIC_LVT0_:
	case APIC_LVT1_:	return 0x0001a7ff;
	case APIC_LVTERR_:	return 0x000100ff;
	default:		return 0x000107ff;
	}
}

static void write_svr(struct vh_lapic *a, u32 value)
{
	u32 lvt;

	apic_set(a, APIC_SVR_, value & 0x1ff);
	/* SDM 11.4.7.2: a disabled APIC masks its LVTs. */
	if (!(value & SVR_ENABLE))
		for (lvt = APIC_LVTT_; lvt <= APIC_LVTERR_; lvt += 16)
			apic_set(a, lvt, apic_reg(a, lvt) | LVT_MASKED);
	vh_apic_publish(a);
}

/**
 * vh_apic_reg_write - write a register of the xAPIC page, with its effects
 * @vcpu: own thread
 * @offset: in the page, 16-byte aligned
 * @value: new value
 */
void vh_apic_reg_write(struct vh_vcpu *vcpu, u32 offset, u32 value)
{
	struct vh_lapic *a = vcpu->lapic;

	switch (offset) {
	case APIC_ID_:
		if (!a->x2apic)
			apic_set(a, APIC_ID_, value & 0xff000000);
		vh_apic_publish(a);
		break;
	case APIC_TPR_:
		vh_lapic_set_tpr(vcpu, value);
		break;
	case APIC_EOI_:
		vh_lapic_eoi(vcpu);
		break;
	case APIC_LDR_:
		if (!a->x2apic)
			apic_set(a, APIC_LDR_, value & 0xff000000);
		vh_apic_publish(a);
		break;
	case APIC_DFR_:
		apic_set(a, APIC_DFR_, value | 0x0fffffff);
		vh_apic_publish(a);
		break;
	case APIC_SVR_:
		write_svr(a, value);
		break;
	case APIC_ESR_:
		apic_set(a, APIC_ESR_, 0);
		break;
	case APIC_ICR_:
		value &= ~BIT(12);	/* delivery status: always idle */
		apic_set(a, APIC_ICR_, value);
		vh_apic_send_icr(vcpu, value, apic_reg(a, APIC_ICR2_) >> 24);
		break;
	case APIC_ICR2_:
		apic_set(a, APIC_ICR2_, value & 0xff000000);
		break;
	case APIC_LVTT_: case APIC_LVTTHMR_: case APIC_LVTPC_: case APIC_LVT0_:
	case APIC_LVT1_: case APIC_LVTERR_:
		value &= lvt_bits(offset);
		if (!a->sw_enabled)
			value |= LVT_MASKED;
		apic_set(a, offset, value);
		if (offset == APIC_LVTT_)
			vh_apic_timer_lvt(a);
		break;
	case APIC_TMICT_:
		/* SDM 11.5.4.1: ignored in TSC-deadline mode. */
		if ((apic_reg(a, APIC_LVTT_) & LVT_TIMER_MODE) == LVT_TIMER_DEADLINE)
			value = 0;
		apic_set(a, APIC_TMICT_, value);
		if ((apic_reg(a, APIC_LVTT_) & LVT_TIMER_MODE) != LVT_TIMER_DEADLINE)
			vh_apic_timer_start(a, value);
		break;
	case APIC_TDCR_:
		apic_set(a, APIC_TDCR_, value & 0xb);
		vh_apic_timer_divide(a);
		break;
	}
}

/* Vectors below 16 are illegal; they are sent nowhere (SDM 11.5.2). */
static void self_ipi(struct vh_vcpu *vcpu, u8 vector)
{
	if (vector >= 16 && vcpu->lapic->sw_enabled)
		vh_lapic_post(vcpu, vector, false);
}

/**
 * vh_lapic_apic_write - exit "APIC write": the page already holds the value
 * @vcpu: own thread
 * @offset: in the page
 */
void vh_lapic_apic_write(struct vh_vcpu *vcpu, u32 offset)
{
	struct vh_lapic *a = vcpu->lapic;
	u32 value = apic_reg(a, offset & 0xff0);

	/* What cannot be written was written to the page: put it right. */
	switch (offset & 0xff0) {
	case APIC_LVR_:
		apic_set(a, APIC_LVR_, VERSION);
		return;
	case APIC_SELF_IPI_:
		if (a->x2apic)
			self_ipi(vcpu, value);
		return;
	}
	if (a->x2apic && (offset & 0xff0) == APIC_ICR_)
		vh_apic_send_icr(vcpu, value, apic_reg(a, APIC_ICR_ + 4));
	else
		vh_apic_reg_write(vcpu, offset & 0xff0, value);
}

/**
 * vh_lapic_mmio_read - a read of the xAPIC page
 * @vcpu: own thread
 * @offset: in the page
 * @data: filled in
 * @len: bytes
 */
void vh_lapic_mmio_read(struct vh_vcpu *vcpu, u32 offset, void *data, unsigned int len)
{
	u32 value = 0;

	memset(data, 0, len);
	if ((offset & 15) + len > 4)
		return;
	vh_apic_reg_read(vcpu, offset & ~15, &value);
	memcpy(data, (u8 *)&value + (offset & 15), len);
}

/**
 * vh_lapic_mmio_write - a write to the xAPIC page
 * @vcpu: own thread
 * @offset: in the page
 * @data: what
 * @len: bytes; only aligned 32-bit writes have an effect
 */
void vh_lapic_mmio_write(struct vh_vcpu *vcpu, u32 offset, const void *data, unsigned int len)
{
	u32 value;

	if (len != 4 || (offset & 15))
		return;
	memcpy(&value, data, 4);
	vh_apic_reg_write(vcpu, offset, value);
}

/**
 * vh_lapic_msr_read - RDMSR of 0x800 to 0x8ff (SDM Table 11-6)
 * @vcpu: own thread
 * @msr: its index
 * @value: filled in
 *
 * -EINVAL: #GP.
 */
int vh_lapic_msr_read(struct vh_vcpu *vcpu, u32 msr, u64 *value)
{
	u32 offset = (msr - 0x800) << 4, v;
	int err;

	if (!vcpu->lapic->x2apic)
		return -EINVAL;
	/* No DFR and no high half of the ICR; EOI and self-IPI are write-only. */
	if (offset == APIC_DFR_ || offset == APIC_ICR2_ || offset == APIC_APR_)
		return -EINVAL;
	err = vh_apic_reg_read(vcpu, offset, &v);
	*value = v;
	if (offset == APIC_ICR_)
		*value |= (u64)apic_reg(vcpu->lapic, APIC_ICR_ + 4) << 32;
	return err;
}

/**
 * vh_lapic_msr_write - WRMSR of 0x800 to 0x8ff
 * @vcpu: own thread; interrupts may be off
 * @msr: its index
 * @value: new value
 *
 * -EINVAL: #GP.
 */
int vh_lapic_msr_write(struct vh_vcpu *vcpu, u32 msr, u64 value)
{
	u32 offset = (msr - 0x800) << 4;
	struct vh_lapic *a = vcpu->lapic;

	if (!a->x2apic)
		return -EINVAL;
	if (offset != APIC_ICR_ && value >> 32)
		return -EINVAL;
	switch (offset) {
	case APIC_ICR_:
		if (value & 0xfff32000)
			return -EINVAL;
		apic_set(a, APIC_ICR_, (u32)value & ~BIT(12));
		apic_set(a, APIC_ICR_ + 4, value >> 32);
		vh_apic_send_icr(vcpu, value, value >> 32);
		return 0;
	case APIC_SELF_IPI_:
		if (value & ~0xffULL)
			return -EINVAL;
		self_ipi(vcpu, value);
		return 0;
	case APIC_EOI_: case APIC_ESR_:
		if (value)
			return -EINVAL;
		break;
	case APIC_TPR_:
		if (value & ~0xffULL)
			return -EINVAL;
		break;
	case APIC_SVR_:
		if (value & ~0x11ffULL)
			return -EINVAL;
		break;
	case APIC_TDCR_:
		if (value & ~0xbULL)
			return -EINVAL;
		break;
	case APIC_TMICT_:
		break;
	case APIC_LVTT_: case APIC_LVTTHMR_: case APIC_LVTPC_: case APIC_LVT0_:
	case APIC_LVT1_: case APIC_LVTERR_:
		if (value & ~(u64)(lvt_bits(offset) | BIT(12) | BIT(14)))
			return -EINVAL;
		break;
	default:
		return -EINVAL;	/* read-only, or no such register */
	}
	vh_apic_reg_write(vcpu, offset, value);
	return 0;
}

/* --- base, reset, state --- */

/**
 * vh_lapic_page - the virtual-APIC page
 * @vcpu: the vCPU
 */
struct page *vh_lapic_page(struct vh_vcpu *vcpu)
{
	return virt_to_page(vcpu->lapic->regs);
}

/**
 * vh_lapic_base - IA32_APIC_BASE
 * @vcpu: own thread
 */
u64 vh_lapic_base(struct vh_vcpu *vcpu)
{
	return vcpu->lapic->base;
}

/**
 * vh_lapic_x2apic - in x2APIC mode?
 * @vcpu: the vCPU
 */
bool vh_lapic_x2apic(struct vh_vcpu *vcpu)
{
	return READ_ONCE(vcpu->lapic->x2apic);
}

/**
 * vh_lapic_hw_enabled - enabled in IA32_APIC_BASE?
 * @vcpu: the vCPU
 */
bool vh_lapic_hw_enabled(struct vh_vcpu *vcpu)
{
	return READ_ONCE(vcpu->lapic->hw_enabled);
}

static void x2apic_ids(struct vh_lapic *a)
{
	u32 id = a->vcpu->id;

	/* SDM 11.12.10.2: the logical id follows from the id. */
	apic_set(a, APIC_ID_, id);
	apic_set(a, APIC_LDR_, (id >> 4) << 16 | BIT(id & 15));
}

/**
 * vh_lapic_set_base - write IA32_APIC_BASE
 * @vcpu: own thread
 * @value: new value
 * @host: userspace: any legal state, not only legal transitions (SDM 11.12.5)
 *
 * -EINVAL: #GP. The APIC cannot be moved from its default address.
 */
int vh_lapic_set_base(struct vh_vcpu *vcpu, u64 value, bool host)
{
	struct vh_lapic *a = vcpu->lapic;
	u64 old = a->base, changed;

	if ((value & ~(u64)(BASE_BSP | BASE_X2APIC | BASE_ENABLE)) != APIC_BASE_ADDR)
		return -EINVAL;
	if ((value & BASE_X2APIC) && !(value & BASE_ENABLE))
		return -EINVAL;
	if (!host) {
		if ((old & BASE_X2APIC) && (value & BASE_ENABLE) && !(value & BASE_X2APIC))
			return -EINVAL;
		if (!(old & BASE_ENABLE) && (value & BASE_X2APIC))
			return -EINVAL;
	}
	changed = old ^ value;
	a->base = value;
	if (changed & BASE_X2APIC) {
		if (value & BASE_X2APIC) {
			x2apic_ids(a);
		} else {
			apic_set(a, APIC_ID_, vcpu->id << 24);
			apic_set(a, APIC_LDR_, 0);
		}
	}
	if ((changed & BASE_ENABLE) && !(value & BASE_ENABLE))
		vh_apic_timer_stop(a);
	vh_apic_publish(a);
	if (changed)
		vh_request(vcpu, VH_REQ_APIC_MODE);
	return 0;
}

/**
 * vh_lapic_reset - RESET or INIT (SDM 11.4.7)
 * @vcpu: own thread
 * @init: INIT: IA32_APIC_BASE and the id stay
 */
void vh_lapic_reset(struct vh_vcpu *vcpu, bool init)
{
	struct vh_lapic *a = vcpu->lapic;
	u32 lvt;

	vh_apic_timer_stop(a);
	memset(a->regs, 0, PAGE_SIZE);
	vh_apic_unpost(a);
	a->deadline = 0;
	if (!init)
		a->base = APIC_BASE_ADDR | BASE_ENABLE |
			  (vcpu->id == vcpu->vm->bsp_id ? BASE_BSP : 0);
	apic_set(a, APIC_LVR_, VERSION);
	apic_set(a, APIC_DFR_, ~0u);
	apic_set(a, APIC_SVR_, 0xff);
	for (lvt = APIC_LVTT_; lvt <= APIC_LVTERR_; lvt += 16)
		apic_set(a, lvt, LVT_MASKED);
	vh_apic_timer_lvt(a);
	/* What firmware does on the bootstrap processor: virtual wire from the 8259s. */
	if (vcpu->id == vcpu->vm->bsp_id && vh_has_quirk(vcpu->vm, KVM_X86_QUIRK_LINT0_REENABLED))
		apic_set(a, APIC_LVT0_, MODE_EXTINT << 8);
	if (a->base & BASE_X2APIC)
		x2apic_ids(a);
	else
		apic_set(a, APIC_ID_, vcpu->id << 24);
	vh_apic_publish(a);
	vh_request(vcpu, VH_REQ_APIC_MODE);
	vh_request(vcpu, VH_REQ_EVENT);
}

/**
 * vh_lapic_get_state - KVM_GET_LAPIC
 * @vcpu: own thread
 * @s: filled in
 */
int vh_lapic_get_state(struct vh_vcpu *vcpu, struct kvm_lapic_state *s)
{
	struct vh_lapic *a = vcpu->lapic;

	vh_apic_fold(a);
	ppr_update(a);
	memcpy(s->regs, a->regs, sizeof(s->regs));
	/* The ABI shows the id in the xAPIC's place in both modes, unless it was asked not to, and the ICR in halves. */
	if (a->x2apic) {
		*(u32 *)(s->regs + APIC_ID_) = apic_reg(a, APIC_ID_) << (vh_apic_wide_ids(vcpu->vm) ? 0 : 24);
		*(u32 *)(s->regs + APIC_ICR2_) = apic_reg(a, APIC_ICR_ + 4);
	}
	*(u32 *)(s->regs + APIC_TMCCT_) = vh_apic_timer_count(a);
	return 0;
}

/**
 * vh_lapic_set_state - KVM_SET_LAPIC
 * @vcpu: own thread
 * @s: registers; read-only ones are put right
 */
int vh_lapic_set_state(struct vh_vcpu *vcpu, const struct kvm_lapic_state *s)
{
	struct vh_lapic *a = vcpu->lapic;
	u32 id = *(const u32 *)(s->regs + APIC_ID_), remaining;
	unsigned int i;

	if (a->x2apic && (vh_apic_wide_ids(vcpu->vm) ? id != vcpu->id : id >> 24 != (vcpu->id & 0xff)))
		return -EINVAL;
	vh_apic_timer_stop(a);
	memcpy(a->regs, s->regs, sizeof(s->regs));
	vh_apic_unpost(a);
	apic_set(a, APIC_LVR_, VERSION);
	apic_set(a, APIC_SVR_, apic_reg(a, APIC_SVR_) & 0x1ff);
	for (i = APIC_LVTT_; i <= APIC_LVTERR_; i += 16)
		apic_set(a, i, apic_reg(a, i) & lvt_bits(i));
	if (a->x2apic) {
		x2apic_ids(a);
		apic_set(a, APIC_ICR_ + 4, *(const u32 *)(s->regs + APIC_ICR2_));
	}
	vh_request(vcpu, VH_REQ_EOI_BITMAP);
	vh_request(vcpu, VH_REQ_EVENT);
	vh_apic_publish(a);
	ppr_update(a);
	vh_apic_timer_lvt(a);
	remaining = *(const u32 *)(s->regs + APIC_TMCCT_);
	if (!remaining && (apic_reg(a, APIC_LVTT_) & LVT_TIMER_PERIODIC))
		remaining = apic_reg(a, APIC_TMICT_);
	if ((apic_reg(a, APIC_LVTT_) & LVT_TIMER_MODE) != LVT_TIMER_DEADLINE)
		vh_apic_timer_start(a, remaining);
	else if (a->deadline)
		vh_lapic_set_deadline(vcpu, a->deadline);
	return 0;
}

/**
 * vh_lapic_create - a LAPIC for a new vCPU
 * @vcpu: the vCPU
 *
 * Process context. -ENOMEM.
 */
int vh_lapic_create(struct vh_vcpu *vcpu)
{
	struct vh_lapic *a = kzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);

	if (!a)
		return -ENOMEM;
	a->regs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	/* Aligned to its size, as kmalloc() aligns what is a power of two large. */
	a->posted = kzalloc(sizeof(*a->posted), GFP_KERNEL_ACCOUNT);
	if (!a->regs || !a->posted) {
		free_page((unsigned long)a->regs);
		kfree(a->posted);
		kfree(a);
		return -ENOMEM;
	}
	a->vcpu = vcpu;
	vh_apic_timer_init(a);
	vcpu->lapic = a;
	return 0;
}

/**
 * vh_lapic_destroy - free it; its timer is cancelled
 * @vcpu: the vCPU
 */
void vh_lapic_destroy(struct vh_vcpu *vcpu)
{
	struct vh_lapic *a = vcpu->lapic;

	if (!a)
		return;
	hrtimer_cancel(&a->timer);
	a->base = 0;
	vh_apic_publish(a);
	free_page((unsigned long)a->regs);
	kfree(a->posted);
	kfree(a);
	vcpu->lapic = NULL;
}
