// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC, its timer and its messages, against SDM Vol. 3 chapter 11. */
#include "irq_env.h"

#define MS 1000000ULL

static void msi(u8 mode, u8 vector, u32 dest, bool logical)
{
	const struct vh_msi m = {
		.dest = dest, .vector = vector, .delivery_mode = mode, .logical = logical,
		.assert = true,
	};

	vh_irq_deliver(vm, NULL, &m);
}

static void reset_values(struct kunit *test)
{
	u32 offset;

	env_create(2);
	TAP_EQ(vh_lapic_base(vcpus[0]), 0xfee00900);
	TAP_EQ(vh_lapic_base(vcpus[1]), 0xfee00800);
	vh_lapic_reset(vcpus[1], false);
	TAP_EQ(rd(1, APIC_ID_), 1 << 24);
	TAP_EQ(rd(1, APIC_SVR_), 0xff);
	TAP_EQ(rd(1, APIC_DFR_), 0xffffffff);
	TAP_EQ(rd(1, APIC_LDR_), 0);
	TAP_EQ(rd(1, APIC_TPR_), 0);
	TAP_EQ(rd(1, APIC_LVR_) & 0xff, 0x14);
	for (offset = APIC_LVTT_; offset <= APIC_LVTERR_; offset += 16)
		TAP_EQ(rd(1, offset), 0x10000);
	/* LVTs cannot be unmasked while it is disabled (11.4.7.2). */
	wr(1, APIC_LVTT_, 0x30);
	TAP_EQ(rd(1, APIC_LVTT_), 0x10030);
	env_destroy();
}

static void priorities(struct kunit *test)
{
	env_create(1);
	vh_lapic_post(vcpus[0], 0x31, false);
	vh_lapic_post(vcpus[0], 0x52, false);
	vh_lapic_post(vcpus[0], 0x51, false);
	TAP_EQ(rd(0, APIC_IRR_ + 0x20), BIT(0x11) | BIT(0x12));
	TAP_EQ(take(0), 0x52);
	TAP_EQ(rd(0, APIC_PPR_), 0x50);
	TAP_EQ(rd(0, APIC_ISR_ + 0x20), BIT(0x12));
	/* The same class does not interrupt the one in service, a higher one does. */
	TAP_EQ(take(0), -1);
	vh_lapic_post(vcpus[0], 0x60, false);
	TAP_EQ(take(0), 0x60);
	wr(0, APIC_EOI_, 0);
	TAP_EQ(rd(0, APIC_PPR_), 0x50);
	wr(0, APIC_EOI_, 0);
	TAP_EQ(rd(0, APIC_PPR_), 0);
	wr(0, APIC_TPR_, 0x50);
	TAP_EQ(rd(0, APIC_PPR_), 0x50);
	TAP_EQ(take(0), -1);
	wr(0, APIC_TPR_, 0x4f);
	TAP_EQ(rd(0, APIC_PPR_), 0x4f);
	TAP_EQ(take(0), 0x51);
	/* PPR takes the whole TPR only where its class is not lower (11.8.3.1). */
	TAP_EQ(rd(0, APIC_PPR_), 0x50);
	wr(0, APIC_TPR_, 0x52);
	TAP_EQ(rd(0, APIC_PPR_), 0x52);
	wr(0, APIC_TPR_, 0x20);
	wr(0, APIC_EOI_, 0);
	TAP_EQ(take_eoi(0), 0x31);
	TAP_EQ(take_eoi(0), -1);
	wr(0, APIC_EOI_, 0);
	TAP_EQ(vh_lapic_tpr(vcpus[0]), 0x20);
	/* One waiting beside the one in service, the next is lost. */
	TAP_CHECK(vh_lapic_post(vcpus[0], 0x41, false));
	TAP_CHECK(!vh_lapic_post(vcpus[0], 0x41, false));
	TAP_EQ(take(0), 0x41);
	TAP_CHECK(vh_lapic_post(vcpus[0], 0x41, false));
	vh_lapic_sync(vcpus[0]);
	TAP_CHECK(!vh_lapic_post(vcpus[0], 0x41, false));
	wr(0, APIC_EOI_, 0);
	TAP_EQ(take_eoi(0), 0x41);
	TAP_EQ(take_eoi(0), -1);
	env_destroy();
}

static void accesses(struct kunit *test)
{
	u64 wide = ~0ULL;
	u8 byte = 0xff;

	env_create(1);
	/* Read-only and reserved places swallow writes. */
	wr(0, APIC_LVR_, 0);
	TAP_EQ(rd(0, APIC_LVR_) & 0xff, 0x14);
	wr(0, APIC_IRR_, ~0u);
	wr(0, APIC_ISR_, ~0u);
	TAP_EQ(vh_lapic_sync(vcpus[0]), -1);
	TAP_EQ(vh_lapic_highest_isr(vcpus[0]), -1);
	wr(0, 0x3f0, 0x40);
	wr(0, 0xff0, 0x40);
	TAP_EQ(rd(0, 0x3f0), 0);
	TAP_EQ(rd(0, 0x000), 0);
	/* Only aligned 32-bit writes count. */
	vh_lapic_mmio_write(vcpus[0], APIC_TPR_, &byte, 1);
	vh_lapic_mmio_write(vcpus[0], APIC_TPR_ + 1, &wide, 4);
	vh_lapic_mmio_write(vcpus[0], APIC_TPR_, &wide, 8);
	TAP_EQ(rd(0, APIC_TPR_), 0);
	vh_lapic_mmio_read(vcpus[0], 0xffc, &wide, 8);
	TAP_EQ(wide, 0);
	wr(0, APIC_LVTT_, ~0u);
	TAP_EQ(rd(0, APIC_LVTT_), 0x700ff);
	wr(0, APIC_LVT0_, ~0u);
	TAP_EQ(rd(0, APIC_LVT0_), 0x1a7ff);
	wr(0, APIC_LVTERR_, ~0u);
	TAP_EQ(rd(0, APIC_LVTERR_), 0x100ff);
	wr(0, APIC_ICR2_, ~0u);
	TAP_EQ(rd(0, APIC_ICR2_), 0xff000000);
	wr(0, APIC_DFR_, 0);
	TAP_EQ(rd(0, APIC_DFR_), 0x0fffffff);
	/* Disabling in software masks the LVTs and keeps what waits. */
	vh_lapic_post(vcpus[0], 0x40, false);
	wr(0, APIC_LVT1_, 0x400);
	wr(0, APIC_SVR_, 0xff);
	TAP_EQ(rd(0, APIC_LVT1_), 0x10400);
	TAP_EQ(vh_lapic_pending(vcpus[0]), -1);
	wr(0, APIC_SVR_, 0x1ff);
	TAP_EQ(vh_lapic_pending(vcpus[0]), 0x40);
	env_destroy();
}

static void one_shot(struct kunit *test)
{
	env_create(1);
	wr(0, APIC_TDCR_, 0xb);			/* by 1 */
	wr(0, APIC_LVTT_, 0x40);
	wr(0, APIC_TMICT_, 1000000);
	TAP_EQ(rd(0, APIC_TMCCT_), 1000000);
	shim_advance(400000);
	TAP_EQ(rd(0, APIC_TMCCT_), 600000);
	TAP_CHECK(vh_lapic_timer_due(vcpus[0], 600000));
	TAP_CHECK(!vh_lapic_timer_due(vcpus[0], 599999));
	shim_advance(599999);
	TAP_EQ(take_eoi(0), -1);
	shim_advance(1);
	TAP_EQ(take_eoi(0), 0x40);
	TAP_EQ(rd(0, APIC_TMCCT_), 0);
	shim_advance(10 * MS);
	TAP_EQ(take_eoi(0), -1);
	/* The divider: 000 is 2, 111 is 1, 1010 is 128. */
	wr(0, APIC_TDCR_, 0);
	wr(0, APIC_TMICT_, 500);
	shim_advance(999);
	TAP_EQ(take_eoi(0), -1);
	shim_advance(1);
	TAP_EQ(take_eoi(0), 0x40);
	wr(0, APIC_TDCR_, 0xa);
	wr(0, APIC_TMICT_, 1000);
	shim_advance(64000);
	TAP_EQ(rd(0, APIC_TMCCT_), 500);
	/* 0 stops it. */
	wr(0, APIC_TMICT_, 0);
	shim_advance(100 * MS);
	TAP_EQ(take_eoi(0), -1);
	/* Masked it counts, and says nothing. */
	wr(0, APIC_LVTT_, 0x10040);
	wr(0, APIC_TMICT_, 1000);
	shim_advance(10 * MS);
	TAP_EQ(take_eoi(0), -1);
	env_destroy();
}

static void periodic(struct kunit *test)
{
	int i, n = 0;

	env_create(1);
	wr(0, APIC_TDCR_, 0xb);
	wr(0, APIC_LVTT_, 0x20041);
	wr(0, APIC_TMICT_, 1000000);
	for (i = 0; i < 10; i++) {
		shim_advance(MS);
		n += take_eoi(0) == 0x41;
	}
	TAP_EQ(n, 10);
	shim_advance(MS / 4);
	TAP_EQ(rd(0, APIC_TMCCT_), 750000);
	/* A period of 1 ns is made one that the host can stand. */
	wr(0, APIC_TMICT_, 1);
	for (i = n = 0; i < 1000; i++) {
		shim_advance(MS / 1000);
		n += take_eoi(0) == 0x41;
	}
	TAP_CHECK(n >= 4 && n <= 6);
	/* One-shot ends the series with the next expiry. */
	wr(0, APIC_LVTT_, 0x41);
	shim_advance(MS);
	take_eoi(0);
	shim_advance(10 * MS);
	TAP_EQ(take_eoi(0), -1);
	env_destroy();
}

/* Whose vCPU is not there expires twice at most, and is as if it had gone on. */
static void lapsed(struct kunit *test)
{
	unsigned int i;
	u64 now;

	env_create(1);
	wr(0, APIC_TDCR_, 0xb);
	wr(0, APIC_LVTT_, 0x20041);
	wr(0, APIC_TMICT_, 1000000);
	shim_advance(MS);
	TAP_CHECK(shim_timers());
	shim_advance(MS);
	TAP_CHECK(!shim_timers());
	TAP_CHECK(vcpus[0]->requests & BIT(VH_REQ_TIMER));
	for (i = 0; i < 5; i++) {
		shim_advance(3 * MS + MS / 10);
		TAP_EQ(rd(0, APIC_TMCCT_), 1000000 - (i + 1) * 100000);
	}
	TAP_CHECK(!vh_lapic_timer_due(vcpus[0], MS));
	/* It comes back in the middle of a period: one was posted, the next comes in time. */
	vh_lapic_timer_resume(vcpus[0]);
	TAP_CHECK(shim_timers());
	TAP_EQ(take_eoi(0), 0x41);
	TAP_EQ(take_eoi(0), -1);
	TAP_EQ(rd(0, APIC_TMCCT_), 500000);
	shim_advance(MS / 2 - 1);
	TAP_EQ(take_eoi(0), -1);
	shim_advance(1);
	TAP_EQ(take_eoi(0), 0x41);
	/* In the guest it goes on, taken or not. */
	vcpus[0]->mode = VH_IN_GUEST;
	shim_advance(10 * MS);
	TAP_CHECK(shim_timers());
	TAP_EQ(take_eoi(0), 0x41);
	vcpus[0]->mode = VH_OUTSIDE;
	/* Masked it posts nothing, and lapses with the first. */
	wr(0, APIC_LVTT_, 0x30041);
	shim_advance(MS);
	TAP_CHECK(!shim_timers());
	TAP_EQ(take_eoi(0), -1);
	now = shim_now;
	shim_advance(MS / 4);
	/* One-shot: the period under way is the last. */
	wr(0, APIC_LVTT_, 0x41);
	TAP_CHECK(shim_timers());
	shim_advance(now + MS - shim_now);
	TAP_EQ(take_eoi(0), 0x41);
	TAP_CHECK(!shim_timers());
	/* A lapsed one that is stopped stays so. */
	wr(0, APIC_LVTT_, 0x20041);
	wr(0, APIC_TMICT_, 1000000);
	shim_advance(5 * MS);
	wr(0, APIC_TMICT_, 0);
	vh_lapic_timer_resume(vcpus[0]);
	TAP_CHECK(!shim_timers());
	TAP_EQ(rd(0, APIC_TMCCT_), 0);
	/* Shorter than the host's expiries, the count is the guest's all the same. */
	wr(0, APIC_TMICT_, 30000);
	shim_advance(31000);
	TAP_EQ(rd(0, APIC_TMCCT_), 29000);
	env_destroy();
}

static void conversions(struct kunit *test)
{
	TAP_EQ(vh_mul_div(10, 7, 3), 23);
	TAP_EQ(vh_mul_div(0, 7, 3), 0);
	TAP_EQ(vh_mul_div(~0ULL, 1, 1), ~0ULL);
	TAP_EQ(vh_mul_div(~0ULL, UINT_MAX, UINT_MAX), ~0ULL);
	/* The last that fits, and the first that does not. */
	TAP_EQ(vh_mul_div(~0ULL / 10, 1000000, 100000), ~0ULL / 10 * 10);
	TAP_EQ(vh_mul_div(~0ULL / 10 + 1, 1000000, 100000), ~0ULL);
	TAP_EQ(vh_mul_div(~0ULL, 1000000, 100000), ~0ULL);
	TAP_EQ(vh_mul_div(~0ULL, UINT_MAX, 1), ~0ULL);
	TAP_EQ(vh_mul_div(1, 1, 0), ~0ULL);
}

static void deadline(struct kunit *test)
{
	static const u32 khz[] = { 1, 100000, 999999, 1000001, 4000000, INT_MAX };
	unsigned int i, bit;
	u64 now;

	env_create(1);
	env_tsc_offset = 5000;
	/* Ignored unless the LVT is in that mode. */
	vh_lapic_set_deadline(vcpus[0], 1);
	TAP_EQ(vh_lapic_deadline(vcpus[0]), 0);
	wr(0, APIC_TMICT_, 1000000);
	wr(0, APIC_LVTT_, 0x40042);
	/* The change disarms what counted (11.5.4.1). */
	shim_advance(10 * MS);
	TAP_EQ(take_eoi(0), -1);
	now = vh_tsc_read(vcpus[0]);
	vh_lapic_set_deadline(vcpus[0], now + 2 * MS);
	TAP_EQ(vh_lapic_deadline(vcpus[0]), now + 2 * MS);
	/* TMICT is ignored, TMCCT reads 0. */
	wr(0, APIC_TMICT_, 1);
	TAP_EQ(rd(0, APIC_TMICT_), 0);
	TAP_EQ(rd(0, APIC_TMCCT_), 0);
	shim_advance(2 * MS - 1);
	TAP_EQ(take_eoi(0), -1);
	shim_advance(1);
	TAP_EQ(take_eoi(0), 0x42);
	TAP_EQ(vh_lapic_deadline(vcpus[0]), 0);
	/* One in the past is due at once. */
	vh_lapic_set_deadline(vcpus[0], 1);
	TAP_EQ(take_eoi(0), 0x42);
	TAP_EQ(vh_lapic_deadline(vcpus[0]), 0);
	/* 0 disarms; so does another mode. */
	vh_lapic_set_deadline(vcpus[0], vh_tsc_read(vcpus[0]) + MS);
	vh_lapic_set_deadline(vcpus[0], 0);
	shim_advance(10 * MS);
	TAP_EQ(take_eoi(0), -1);
	vh_lapic_set_deadline(vcpus[0], vh_tsc_read(vcpus[0]) + MS);
	wr(0, APIC_LVTT_, 0x42);
	shim_advance(10 * MS);
	TAP_EQ(take_eoi(0), -1);
	/* The farthest there is does not wrap. */
	wr(0, APIC_LVTT_, 0x40042);
	vh_lapic_set_deadline(vcpus[0], ~0ULL);
	shim_advance(1000 * MS);
	TAP_EQ(take_eoi(0), -1);
	/* Nor does it where a tick is longer than a nanosecond, or shorter. */
	for (i = 0; i < ARRAY_SIZE(khz); i++) {
		vcpus[0]->tsc_khz = khz[i];
		for (bit = 40; bit < 64; bit++) {
			vh_lapic_set_deadline(vcpus[0], BIT_ULL(bit) - 1);
			vh_lapic_set_deadline(vcpus[0], BIT_ULL(bit));
		}
		vh_lapic_set_deadline(vcpus[0], ~0ULL);
		shim_advance(1000 * MS);
		TAP_EQ(take_eoi(0), -1);
	}
	vcpus[0]->tsc_khz = 1000000;
	/* With APIC-register virtualization the page has the new mode before we do. */
	apic_set(vcpus[0]->lapic, APIC_LVTT_, 0x43);
	vh_lapic_apic_write(vcpus[0], APIC_LVTT_);
	TAP_EQ(vh_lapic_deadline(vcpus[0]), 0);
	TAP_CHECK(!shim_timers());
	env_destroy();
}

static void physical(struct kunit *test)
{
	unsigned int i;

	env_create(4);
	wr(0, APIC_ICR2_, 2 << 24);
	wr(0, APIC_ICR_, 0x4050);
	TAP_EQ(take_eoi(2), 0x50);
	TAP_EQ(env_kicks[2], 1);
	TAP_EQ(env_kicks[1], 0);
	TAP_EQ(rd(0, APIC_ICR_) & BIT(12), 0);
	/* A guest may renumber an xAPIC. */
	wr(2, APIC_ID_, 9 << 24);
	wr(0, APIC_ICR2_, 9 << 24);
	wr(0, APIC_ICR_, 0x4051);
	TAP_EQ(take_eoi(2), 0x51);
	wr(0, APIC_ICR2_, 2 << 24);
	wr(0, APIC_ICR_, 0x4052);
	for (i = 0; i < 4; i++)
		TAP_EQ(take_eoi(i), -1);
	wr(0, APIC_ICR2_, 0xff000000);
	wr(0, APIC_ICR_, 0x4053);
	for (i = 0; i < 4; i++)
		TAP_EQ(take_eoi(i), 0x53);
	/* Shorthands: self, all, all but self. */
	wr(1, APIC_ICR_, 0x44054);
	wr(1, APIC_ICR_, 0x84055);
	wr(1, APIC_ICR_, 0xc4056);
	TAP_EQ(take_eoi(1), 0x55);
	TAP_EQ(take_eoi(1), 0x54);
	TAP_EQ(take_eoi(1), -1);
	TAP_EQ(take_eoi(0), 0x56);
	TAP_EQ(take_eoi(0), 0x55);
	TAP_EQ(take_eoi(0), -1);
	for (i = 2; i < 4; i++) {
		TAP_EQ(take_eoi(i), 0x56);
		TAP_EQ(take_eoi(i), 0x55);
	}
	/* NMI, INIT, its de-assert, SIPI. */
	wr(0, APIC_ICR2_, 3 << 24);
	wr(0, APIC_ICR_, 0x4400);
	TAP_EQ(env_nmis[3], 1);
	wr(0, APIC_ICR_, 0xc500);
	TAP_EQ(env_inits[3], 1);
	wr(0, APIC_ICR_, 0x8500);
	TAP_EQ(env_inits[3], 1);
	wr(0, APIC_ICR_, 0x4699);
	TAP_EQ(env_sipi[3], 0x99);
	TAP_EQ(env_sipi[1], -1);
	/* Vectors below 16 and disabled LAPICs take nothing. */
	wr(0, APIC_ICR_, 0x400f);
	TAP_EQ(vh_lapic_sync(vcpus[3]), -1);
	wr(3, APIC_SVR_, 0xff);
	wr(0, APIC_ICR_, 0x4060);
	TAP_EQ(vh_lapic_sync(vcpus[3]), -1);
	vh_lapic_set_base(vcpus[3], 0xfee00000, false);
	wr(0, APIC_ICR_, 0x4400);
	TAP_EQ(env_nmis[3], 1);
	env_destroy();
}

static void logical(struct kunit *test)
{
	unsigned int i, hits[4] = { 0 };

	env_create(4);
	for (i = 0; i < 4; i++)
		wr(i, APIC_LDR_, BIT(i) << 24);
	msi(0, 0x40, 0x5, true);
	TAP_EQ(take_eoi(0), 0x40);
	TAP_EQ(take_eoi(1), -1);
	TAP_EQ(take_eoi(2), 0x40);
	TAP_EQ(take_eoi(3), -1);
	/* Lowest priority: one of those that match, in turn. */
	for (i = 0; i < 40; i++) {
		unsigned int j;

		msi(1, 0x41, 0x6, true);
		for (j = 0; j < 4; j++)
			hits[j] += take_eoi(j) == 0x41;
	}
	TAP_EQ(hits[0] + hits[3], 0);
	TAP_EQ(hits[1], 20);
	TAP_EQ(hits[2], 20);
	/* Cluster model: clusters of four. */
	for (i = 0; i < 4; i++) {
		wr(i, APIC_DFR_, 0x0fffffff);
		wr(i, APIC_LDR_, ((i / 2) << 4 | BIT(i & 1)) << 24);
	}
	msi(0, 0x42, 0x12, true);
	TAP_EQ(take_eoi(3), 0x42);
	for (i = 0; i < 3; i++)
		TAP_EQ(take_eoi(i), -1);
	msi(0, 0x43, 0xff, true);
	for (i = 0; i < 4; i++)
		TAP_EQ(take_eoi(i), 0x43);
	env_destroy();
}

static void x2apic(struct kunit *test)
{
	struct vh_vcpu *v;
	unsigned int i;
	u64 value;

	env_create(4);
	v = vcpus[2];
	TAP_EQ(vh_lapic_msr_read(v, 0x802, &value), -EINVAL);
	/* Legal transitions only (11.12.5), userspace may do more. */
	TAP_EQ(vh_lapic_set_base(v, 0xfee00400, false), -EINVAL);
	TAP_EQ(vh_lapic_set_base(v, 0xfee01800, false), -EINVAL);
	TAP_EQ(vh_lapic_set_base(v, 0xfee00c01, false), -EINVAL);
	TAP_EQ(vh_lapic_set_base(v, 0xfee00c00, false), 0);
	TAP_EQ(vh_lapic_set_base(v, 0xfee00800, false), -EINVAL);
	TAP_EQ(vh_lapic_set_base(v, 0xfee00000, false), 0);
	TAP_EQ(vh_lapic_set_base(v, 0xfee00c00, false), -EINVAL);
	TAP_EQ(vh_lapic_set_base(v, 0xfee00800, false), 0);
	for (i = 0; i < 4; i++) {
		wr(i, APIC_SVR_, 0x1ff);
		TAP_EQ(vh_lapic_set_base(vcpus[i], vh_lapic_base(vcpus[i]) | 0x400, false), 0);
	}
	TAP_EQ(vh_lapic_msr_read(v, 0x802, &value), 0);
	TAP_EQ(value, 2);
	TAP_EQ(vh_lapic_msr_read(v, 0x80d, &value), 0);
	TAP_EQ(value, 4);
	/* Holes, read-only and write-only registers, reserved bits. */
	TAP_EQ(vh_lapic_msr_read(v, 0x80e, &value), -EINVAL);
	TAP_EQ(vh_lapic_msr_read(v, 0x831, &value), -EINVAL);
	TAP_EQ(vh_lapic_msr_read(v, 0x80b, &value), -EINVAL);
	TAP_EQ(vh_lapic_msr_read(v, 0x83f, &value), -EINVAL);
	TAP_EQ(vh_lapic_msr_read(v, 0x8ff, &value), -EINVAL);
	TAP_EQ(vh_lapic_msr_write(v, 0x802, 1), -EINVAL);
	TAP_EQ(vh_lapic_msr_write(v, 0x80b, 1), -EINVAL);
	TAP_EQ(vh_lapic_msr_write(v, 0x80b, 0), 0);
	TAP_EQ(vh_lapic_msr_write(v, 0x808, 0x100), -EINVAL);
	TAP_EQ(vh_lapic_msr_write(v, 0x808, 1ULL << 32), -EINVAL);
	TAP_EQ(vh_lapic_msr_write(v, 0x808, 0x20), 0);
	TAP_EQ(vh_lapic_msr_write(v, 0x8ff, 0), -EINVAL);
	TAP_EQ(vh_lapic_msr_write(v, 0x808, 0), 0);
	/* ICR in one write, self-IPI, 32-bit destinations. */
	TAP_EQ(vh_lapic_msr_write(vcpus[0], 0x830, 3ULL << 32 | 0x4061), 0);
	TAP_EQ(take_eoi(3), 0x61);
	TAP_EQ(vh_lapic_msr_read(vcpus[0], 0x830, &value), 0);
	TAP_EQ(value, 3ULL << 32 | 0x4061);
	TAP_EQ(vh_lapic_msr_write(v, 0x83f, 0x62), 0);
	TAP_EQ(take(2), 0x62);
	TAP_EQ(vh_lapic_msr_write(v, 0x80b, 0), 0);
	TAP_EQ(vh_lapic_highest_isr(v), -1);
	/* 0xff is an id like others, 0xffffffff is everybody. */
	vh_lapic_msr_write(vcpus[0], 0x830, 0xffULL << 32 | 0x4063);
	for (i = 0; i < 4; i++)
		TAP_EQ(take(i), -1);
	vh_lapic_msr_write(vcpus[0], 0x830, 0xffffffffULL << 32 | 0x4064);
	for (i = 0; i < 4; i++) {
		TAP_EQ(take(i), 0x64);
		vh_lapic_msr_write(vcpus[i], 0x80b, 0);
	}
	/* Logical: cluster 0, bits of ids 1 and 3. */
	vh_lapic_msr_write(vcpus[0], 0x830, 0xaULL << 32 | 0x4865);
	TAP_EQ(take(0), -1);
	TAP_EQ(take(1), 0x65);
	TAP_EQ(take(2), -1);
	TAP_EQ(take(3), 0x65);
	env_destroy();
}

static void state(struct kunit *test)
{
	static struct kvm_lapic_state s, t;

	env_create(2);
	wr(0, APIC_TDCR_, 0xb);
	wr(0, APIC_LVTT_, 0x20041);
	wr(0, APIC_TMICT_, 1000000);
	shim_advance(300000);
	vh_lapic_post(vcpus[0], 0x51, true);
	vh_lapic_post(vcpus[0], 0x61, false);
	TAP_EQ(take(0), 0x61);
	TAP_EQ(vh_lapic_get_state(vcpus[0], &s), 0);
	TAP_EQ(*(u32 *)(s.regs + APIC_TMCCT_), 700000);
	vh_lapic_reset(vcpus[0], false);
	TAP_EQ(vh_lapic_highest_isr(vcpus[0]), -1);
	TAP_CHECK(!shim_timers());
	TAP_EQ(vh_lapic_set_state(vcpus[0], &s), 0);
	TAP_EQ(vh_lapic_get_state(vcpus[0], &t), 0);
	TAP_CHECK(!memcmp(&s, &t, sizeof(s)));
	TAP_EQ(vh_lapic_highest_isr(vcpus[0]), 0x61);
	TAP_EQ(vh_lapic_sync(vcpus[0]), 0x51);
	TAP_EQ(apic_reg(vcpus[0]->lapic, APIC_TMR_ + 0x20), BIT(0x11));
	/* The rest of the period first, then whole ones. */
	wr(0, APIC_EOI_, 0);
	TAP_EQ(take_eoi(0), 0x51);
	shim_advance(699999);
	TAP_EQ(take_eoi(0), -1);
	shim_advance(1);
	TAP_EQ(take_eoi(0), 0x41);
	shim_advance(999999);
	TAP_EQ(take_eoi(0), -1);
	shim_advance(1);
	TAP_EQ(take_eoi(0), 0x41);
	/* In x2APIC mode the ABI has the id in bits 31:24, and checks it. */
	vh_lapic_set_base(vcpus[1], 0xfee00c00, true);
	vh_lapic_get_state(vcpus[1], &s);
	TAP_EQ(*(u32 *)(s.regs + APIC_ID_), 1 << 24);
	TAP_EQ(vh_lapic_set_state(vcpus[1], &s), 0);
	*(u32 *)(s.regs + APIC_ID_) = 3 << 24;
	TAP_EQ(vh_lapic_set_state(vcpus[1], &s), -EINVAL);
	/* Garbage does not hurt. */
	memset(&s, 0xff, sizeof(s));
	vh_lapic_set_state(vcpus[0], &s);
	shim_advance(MS);
	TAP_EQ(rd(0, APIC_LVR_) & 0xff, 0x14);
	env_destroy();
}

static void reset_init(struct kunit *test)
{
	env_create(1);
	vh_lapic_set_base(vcpus[0], 0xfee00d00, true);
	vh_lapic_msr_write(vcpus[0], 0x832, 0x20040);
	vh_lapic_msr_write(vcpus[0], 0x838, 100000);
	vh_lapic_post(vcpus[0], 0x50, false);
	/* INIT keeps base and id (11.4.7.3), and stops the rest. */
	vh_lapic_reset(vcpus[0], true);
	TAP_EQ(vh_lapic_base(vcpus[0]), 0xfee00d00);
	TAP_CHECK(vh_lapic_x2apic(vcpus[0]));
	TAP_EQ(vh_lapic_sync(vcpus[0]), -1);
	TAP_CHECK(!shim_timers());
	vh_lapic_reset(vcpus[0], false);
	TAP_EQ(vh_lapic_base(vcpus[0]), 0xfee00900);
	env_destroy();
}

/* Who is told of a posted vector, and how; what the processor is told. */
static void posting(struct kunit *test)
{
	struct vh_vcpu *vcpu;
	struct vh_posted *p;
	int other;

	env_create(1);
	vcpu = vcpus[0];
	p = vcpu->lapic->posted;
	TAP_EQ((unsigned long)vh_lapic_posted_address(vcpu) & 63, 0);
	/* By a kick, and only by the first of several. */
	TAP_CHECK(vh_lapic_post(vcpu, 0x50, true));
	TAP_CHECK(vh_lapic_post(vcpu, 0x60, false));
	TAP_CHECK(!vh_lapic_post(vcpu, 0x50, true));
	TAP_EQ(env_kicks[0], 1);
	TAP_EQ(env_notified, 0);
	TAP_CHECK(vh_lapic_posted(vcpu));
	TAP_EQ(p->control & 1, 1);
	TAP_EQ(vh_lapic_sync(vcpu), 0x60);
	TAP_EQ(p->control, 0);
	TAP_EQ(p->pir[1], 0);
	TAP_EQ(apic_reg(vcpu->lapic, APIC_TMR_ + 0x20), BIT(0x10));
	/* Software delivers: nobody has to be told of what it takes. */
	TAP_CHECK(!vh_lapic_posted(vcpu));
	TAP_EQ(take(0), 0x60);
	TAP_CHECK(!vh_lapic_posted(vcpu));

	/* The processor delivers: it has to be told of every change. */
	vh_lapic_set_virtual(vcpu, true, false);
	TAP_CHECK(vh_lapic_posted(vcpu));
	TAP_EQ(vh_lapic_status(vcpu), 0x6050);
	TAP_CHECK(!vh_lapic_posted(vcpu));
	wr(0, APIC_EOI_, 0);
	TAP_CHECK(vh_lapic_posted(vcpu));
	TAP_EQ(vh_lapic_status(vcpu), 0x0050);
	/* Not in the guest: by a kick. In it, elsewhere: not before it takes notifications. */
	env_kicks[0] = 0;
	other = cpumask_any_but(cpu_online_mask, get_cpu());
	if (other < nr_cpu_ids) {
		vcpu->cpu = other;
		vcpu->mode = VH_IN_GUEST;
		vh_lapic_post(vcpu, 0x70, false);
		TAP_EQ(env_kicks[0], 1);
		TAP_EQ(vh_lapic_status(vcpu), 0x0070);
		vh_lapic_set_virtual(vcpu, true, true);
		vh_lapic_status(vcpu);
		vh_lapic_post(vcpu, 0x80, false);
		vh_lapic_post(vcpu, 0x81, false);
		TAP_EQ(env_kicks[0], 1);
		TAP_EQ(env_notified, 1);
		/* As the processor does. */
		p->control = 0;
		vh_lapic_post(vcpu, 0x82, false);
		TAP_EQ(env_notified, 2);
		TAP_EQ(vh_lapic_status(vcpu), 0x0082);
		vcpu->mode = VH_KICKED;
		vh_lapic_post(vcpu, 0x83, false);
		TAP_EQ(env_notified, 2);
		TAP_EQ(env_kicks[0], 2);
		vh_lapic_status(vcpu);
	}
	/* On its own CPU it is not in the guest, whatever mode says. */
	vcpu->cpu = raw_smp_processor_id();
	vcpu->mode = VH_IN_GUEST;
	env_kicks[0] = env_notified = 0;
	vh_lapic_post(vcpu, 0x90, false);
	TAP_EQ(env_kicks[0], 1);
	TAP_EQ(env_notified, 0);
	put_cpu();
	/* What is requested of a disabled APIC is not told. */
	wr(0, APIC_SVR_, 0xff);
	TAP_EQ(vh_lapic_status(vcpu) & 0xff, 0);
	wr(0, APIC_SVR_, 0x1ff);
	TAP_EQ(vh_lapic_status(vcpu) & 0xff, 0x90);
	vcpu->mode = VH_OUTSIDE;
	vh_lapic_reset(vcpu, true);
	TAP_EQ(vh_lapic_status(vcpu), 0);
	env_destroy();
}

static bool wide(int src, u8 mode, u32 dest, bool logical)
{
	const struct vh_msi m = { .dest = dest, .vector = 0x40, .delivery_mode = mode, .logical = logical, .assert = true };

	return vh_irq_is_wide(vm, src < 0 ? NULL : vcpus[src], &m);
}

/* What may wake many vCPUs, or has to look for one among many, is not sent with interrupts off. */
static void wide_messages(struct kunit *test)
{
	unsigned int i;

	env_create(9);
	TAP_CHECK(wide(-1, 0, 0xff, false) && wide(0, 0, 0xff, false) && wide(-1, 0, 1, true));
	TAP_CHECK(!wide(-1, 0, 3, false) && !wide(-1, 0, 77, false) && !wide(-1, 1, 1, true));
	/* Ids are the guest's to write: eight that are 77. */
	for (i = 1; i < 9; i++) {
		TAP_CHECK(!wide(-1, 0, 77, false) && !wide(0, 0, 77, false));
		wr(i, APIC_ID_, 77 << 24);
	}
	TAP_CHECK(wide(-1, 0, 77, false) && wide(0, 0, 77, false) && !wide(-1, 0, 0, false) && !wide(-1, 1, 77, false));
	msi(0, 0x41, 77, false);
	for (i = 0; i < 9; i++)
		TAP_EQ(take_eoi(i), i ? 0x41 : -1);
	wr(8, APIC_ID_, 8 << 24);
	TAP_CHECK(!wide(-1, 0, 77, false));
	/* An x2APIC's logical destination is 16 x2APICs, or any number of xAPICs that are in these groups. */
	vh_lapic_set_base(vcpus[0], vh_lapic_base(vcpus[0]) | 0x400, true);
	for (i = 1; i < 9; i++) {
		TAP_CHECK(!wide(0, 0, 1, true));
		wr(i, APIC_LDR_, 1 << 24);
	}
	TAP_CHECK(wide(0, 0, 1, true) && wide(0, 0, ~0u, true) && wide(0, 0, ~0u, false));
	/* One more that is an x2APIC, or off. */
	vh_lapic_set_base(vcpus[7], vh_lapic_base(vcpus[7]) | 0x400, true);
	TAP_CHECK(!wide(0, 0, 1, true) && !wide(0, 0, 0x00010001, true));
	vh_lapic_set_base(vcpus[7], 0xfee00000, true);
	TAP_CHECK(!wide(0, 0, 1, true));
	/* Among so many it takes long to find out that it is nobody. */
	vm->nr_vcpus = 1000;
	TAP_CHECK(wide(0, 0, 1, true) && wide(-1, 1, 1, true) && wide(-1, 0, 2000, false) && !wide(-1, 0, 8, false));
	vm->nr_vcpus = 9;
	env_destroy();
}

static struct kunit_case lapic_cases[] = {
	KUNIT_CASE(posting),
	KUNIT_CASE(reset_values),
	KUNIT_CASE(priorities),
	KUNIT_CASE(accesses),
	KUNIT_CASE(one_shot),
	KUNIT_CASE(periodic),
	KUNIT_CASE(lapsed),
	KUNIT_CASE(conversions),
	KUNIT_CASE(deadline),
	KUNIT_CASE(physical),
	KUNIT_CASE(logical),
	KUNIT_CASE(wide_messages),
	KUNIT_CASE(x2apic),
	KUNIT_CASE(state),
	KUNIT_CASE(reset_init),
	{}
};

TAP_SUITE("vh-lapic", lapic_cases);
