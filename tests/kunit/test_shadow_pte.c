// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shadow entry builder (kmod/mmu/shadow_pte.c) against the model of paging_model.c.
 *
 * Each entry that it makes is put into tables as the hardware has them, and the model
 * says of every access what the hardware would do and what the guest's tables say. An
 * entry lives longer than the fault that it was made for: RFLAGS.AC and PKRU change
 * without an exit, so accesses are tried with every value of them.
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/sched.h>

#include "paging_model.h"
#include "../../kmod/mmu/shadow_pte.h"

#define GVA	0x0a5a5a5a5a5a5a5aULL
#define PFN	0x3c0000UL	/* of the host's page; of any size */

static u64 entries;

/* Paging of the guest, its page's size, the size of the host's. */
struct pair { struct pm_shape guest; int host; };

static const struct pair pairs[] = {
	{ { PM_NONE, 0 }, PM_4K }, { { PM_NONE, 0 }, PM_LARGE },
	{ { PM_32, PM_4K }, PM_4K }, { { PM_32_PSE, PM_4K }, PM_4K },
	{ { PM_32_PSE, PM_LARGE }, PM_4K }, { { PM_32_PSE, PM_LARGE }, PM_LARGE },
	{ { PM_PAE, PM_4K }, PM_4K }, { { PM_PAE, PM_LARGE }, PM_4K },
	{ { PM_PAE, PM_LARGE }, PM_LARGE },
	{ { PM_4, PM_4K }, PM_4K }, { { PM_4, PM_LARGE }, PM_4K },
	{ { PM_4, PM_LARGE }, PM_LARGE }, { { PM_4, PM_1G }, PM_4K },
	{ { PM_4, PM_1G }, PM_LARGE }, { { PM_4, PM_1G }, PM_1G },
	{ { PM_5, PM_4K }, PM_4K }, { { PM_5, PM_LARGE }, PM_4K },
	{ { PM_5, PM_LARGE }, PM_LARGE }, { { PM_5, PM_1G }, PM_4K },
	{ { PM_5, PM_1G }, PM_LARGE }, { { PM_5, PM_1G }, PM_1G },
};

/* The hardware has the guest's mode, but never less than PAE paging. */
static enum pm_mode hw_mode(const struct pair *p)
{
	return p->guest.mode > PM_PAE ? p->guest.mode : PM_PAE;
}

static void pair_desc(const struct pair *p, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s page of the guest in %s of the host",
		 pm_mode_name[p->guest.mode], pm_leaf_name(p->guest),
		 pm_leaf_name((struct pm_shape){ PM_PAE, p->host }));
}
KUNIT_ARRAY_PARAM(pair, pairs, pair_desc);

/* --- what may happen: each access with each AC, and each right that PKRU gives the key --- */

#define PROBES	64

/* PKRU with these rights of a key; others have the opposite, to show which key is used. */
static u32 pkru_of(unsigned int key, u32 deny)
{
	return (deny ? 0 : ~(3u << (2 * key))) | deny << (2 * key);
}

/* A bit for each probe that is allowed: the access happens. */
static u64 allowed(struct pm_guest *g, const struct pm_translation *t, unsigned int key)
{
	u64 mask = 0;
	u32 code;
	int i;

	for (i = 0; i < PROBES; i++) {
		if (i == 16 && !(g->p.cr4 & CR4_PKE))	/* PKRU does not count */
			return mask * 0x0001000100010001ULL;
		g->p.rflags = i & 8 ? AC : 0;
		g->p.pkru = pkru_of(key, i >> 4);
		if (!pm_check(g, t, pm_access[i & 7], &code))
			mask |= BIT_ULL(i);
	}
	return mask;
}

/* The same access whatever AC and PKRU are; and whatever AC is. */
static u64 whenever(int access)
{
	return 0x0101010101010101ULL << access;
}

static u64 with_key(int access, int deny)
{
	return 0x0101ULL << (access + 16 * deny);
}

/* --- one translation of the guest, and the hardware that is to have it --- */

struct state {
	struct pm_tally tally;
	const struct pair *pair;
	struct pm_guest *guest, *hw;
	struct pm_translation t;	/* the guest's */
	struct vh_walk w;		/* the same */
	u64 allows;			/* the guest's tables; probes */
	u64 hw_allows, hw_entry;	/* what @hw allows with this entry */
	struct pm_translation hw_t;
	u32 role;
};

/* @probes: the first of them is an example; 0: there is none */
static void complain(struct state *s, int access, bool writable, u64 probes, const char *wrong)
{
	const struct pm_translation *t = &s->t;
	const struct vh_paging *p = &s->guest->p;
	int i = probes ? __ffs64(probes) : 0;

	pm_wrong(&s->tally, "entry %#llx for %s %s%s%s (AC=%d AD=%d WD=%d); guest's page W=%d U=%d "
		 "NX=%d D=%d G=%d key %d, WP=%d SMEP=%d SMAP=%d PKE=%d, host's page is %s",
		 s->hw_entry, pm_access_name(pm_access[access]), wrong, probes ? ": " : "",
		 probes ? pm_access_name(pm_access[i & 7]) : "", i >> 3 & 1, i >> 4 & 1, i >> 5,
		 t->write, t->user, t->nx, t->dirty, t->global, t->key, !!(p->cr0 & CR0_WP),
		 !!(p->cr4 & CR4_SMEP), !!(p->cr4 & CR4_SMAP), !!(p->cr4 & CR4_PKE),
		 writable ? "writable" : "read-only");
}

/* Put an entry where the hardware finds it. */
static void hw_set(struct state *s, u64 e)
{
	if (e == s->hw_entry)
		return;
	s->hw_entry = e;
	s->hw->m.entry[s->pair->host] = e;
	pm_translate(s->hw, &s->hw_t);
	s->hw_allows = s->hw_t.present && !s->hw_t.reserved ?
		       allowed(s->hw, &s->hw_t, s->t.key) : 0;
}

/* Is there any entry that allows one of these, and nothing that the guest forbids? */
static bool possible(struct state *s, u64 probes)
{
	int r;

	for (r = 0; r < 8; r++) {
		hw_set(s, (u64)PFN << 12 | P | A | D | (s->pair->host > 1 ? PS : 0) |
			  (r & 1 ? W : 0) | (r & 2 ? U : 0) | (r & 4 ? NX : 0) |
			  (u64)s->t.key << 59);
		if ((s->hw_allows & s->allows & probes) && !(s->hw_allows & ~s->allows))
			return true;
	}
	return false;
}

/* What the guest allows and the hardware does not: another fault. Each has to have a reason. */
static u64 reasons(const struct state *s, int access, bool writable)
{
	const bool wp0 = s->role & SH_WP0;
	u64 why = 0;
	int i;

	for (i = 0; i < PM_ACCESSES; i++) {
		bool user = pm_access[i] & USER, write = pm_access[i] & WR;

		/* the first write sets the dirty bit; the host copies, or logs */
		if (write && (!s->t.dirty || !writable))
			why |= whenever(i);
		/* the hardware's CR0.WP is 1: it heeds a key's WD */
		if (wp0 && s->t.user && write && !user)
			why |= with_key(i, 2);
		/* and a user page is the supervisor's to write, or the user's */
		if (wp0 && s->t.user && !s->t.write) {
			bool for_write = (pm_access[access] & WR) && !(pm_access[access] & USER);

			if (for_write && writable ? user : write && !user)
				why |= whenever(i);
		}
	}
	return why;
}

/* @mapped: the probes whose faults the entry is made for; they differ in AC and PKRU. */
static void check(struct state *s, int access, u64 mapped, bool writable)
{
	const struct vh_shadow_host host = {
		.pfn = PFN, .level = s->pair->host, .writable = writable,
	};
	const u64 e = vh_shadow_leaf(&s->w, &host, s->role, pm_access[access]);
	const u64 writes = whenever(1) | whenever(4) | whenever(7);
	const u64 offset = s->hw->gva & ((1ULL << (12 + 9 * (host.level - 1))) - 1);
	const bool seen = !s->t.dirty || !writable;	/* a write has to be */
	const char *wrong = NULL;
	u64 probes = 0;

	s->tally.tried++;
	hw_set(s, e);
	if (!s->hw_t.present || s->hw_t.reserved)
		wrong = "is none to the hardware";
	else if (s->hw_t.leaf != host.level || s->hw_t.gpa != ((u64)PFN << 12) + offset)
		wrong = "maps another page";
	else if ((probes = s->hw_allows & ~s->allows))
		wrong = "allows what the guest does not";
	else if (seen && ((probes = s->hw_allows & writes) || s->hw_t.write))
		wrong = "allows a write that has to be seen";
	else if (s->hw_t.key != s->t.key)
		wrong = "has another key";
	else if (s->t.nx && !s->hw_t.nx)
		wrong = "lacks NX";
	else if (s->hw_t.global && !s->t.global)
		wrong = "is global";
	else if (!(seen && (writes & mapped)) && (probes = s->allows & mapped & ~s->hw_allows))
		wrong = "does not allow the access that faulted";
	else if ((probes = s->allows & ~s->hw_allows & ~reasons(s, access, writable)))
		wrong = "denies without a reason";
	/* the rest of a role is other code's */
	else if (e != vh_shadow_leaf(&s->w, &host, s->role ^ ~(SH_WP0 | SH_SMEP),
				     pm_access[access]))
		wrong = "depends on more than WP0 and SMEP";
	if (wrong)
		complain(s, access, writable, probes, wrong);
}

/* One translation, one setting: every access that may have faulted, both kinds of host pages. */
static void check_accesses(struct state *s)
{
	struct vh_paging *p = &s->guest->p;
	int access, deny;

	for (access = 0; access < PM_ACCESSES; access++) {
		u64 mapped = 0;

		for (deny = 0; deny < 4; deny++) {
			u64 probes = with_key(access, deny);

			p->pkru = pkru_of(s->t.key, deny);
			if (vh_shadow_can_map(&s->w, p, pm_access[access]))
				mapped |= probes;
			else if ((s->allows & probes) && s->t.dirty && possible(s, probes))
				complain(s, access, true, probes, "is possible, but not made");
			else if (pm_access[access] != WR && pm_access[access] != (WR | IMPL))
				complain(s, access, true, probes, "of no write by CR0.WP=0 is not made");
		}
		if (!mapped)
			continue;
		check(s, access, mapped, true);
		check(s, access, mapped, false);
	}
}

#define S_WP	BIT(0)
#define S_SMEP	BIT(1)
#define S_SMAP	BIT(2)
#define S_PKE	BIT(3)
#define SETTINGS	16

static void set(struct state *s, unsigned int n)
{
	struct vh_paging *g = &s->guest->p, *hw = &s->hw->p;

	g->cr0 = n & S_WP ? CR0_WP : 0;
	g->cr4 = (n & S_SMEP ? CR4_SMEP : 0) | (n & S_SMAP ? CR4_SMAP : 0) |
		 (n & S_PKE ? CR4_PKE : 0);
	g->efer = NXE;
	pm_set_mode(g, s->pair->guest.mode);

	hw->cr0 = CR0_WP;
	hw->cr4 = s->pair->guest.mode == PM_NONE ? 0 : g->cr4 & (CR4_SMEP | CR4_SMAP | CR4_PKE);
	hw->efer = NXE;
	pm_set_mode(hw, hw_mode(s->pair));

	s->role = 0;
	if (s->pair->guest.mode != PM_NONE && !(n & S_WP))
		s->role = SH_WP0;
	if (n & S_SMEP)
		s->role |= SH_SMEP;
}

/* A translation by number: rights and bits. False: this mode has none such. */
static bool translation(struct state *s, unsigned int n, unsigned int key)
{
	enum pm_mode mode = s->pair->guest.mode;
	struct pm_translation *t = &s->t;

	*t = (struct pm_translation){
		.present = true, .leaf = s->pair->guest.leaf, .write = n & 1, .user = n & 2,
		.nx = n & 4, .dirty = n & 8, .global = n & 16, .key = key,
	};
	if (mode == PM_NONE && (!t->write || !t->user || t->nx || !t->dirty || t->global))
		return false;
	if ((t->nx && !pm_has_nx(mode)) || (key && !pm_has_keys(mode)))
		return false;
	s->w = (struct vh_walk){
		.writable = t->write, .user = t->user, .nx = t->nx, .global = t->global,
		.dirty = t->dirty, .pkey = key,
	};
	return true;
}

static void test_entries(struct kunit *test)
{
	static const u8 keys[] = { 0, 1, 10, 15 };
	struct state *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned int n, k, i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s);
	s->guest = kunit_kzalloc(test, sizeof(*s->guest), GFP_KERNEL);
	s->hw = kunit_kzalloc(test, sizeof(*s->hw), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s->guest);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s->hw);
	s->tally.test = test;
	s->pair = test->param_value;
	s->guest->shape = s->pair->guest;
	s->hw->p.maxphyaddr = 36;
	s->hw->p.gbpages = true;
	pm_build(s->hw, (struct pm_shape){ hw_mode(s->pair), s->pair->host }, GVA, 0);
	for (n = 0; n < 32; n++)
	for (k = 0; k < ARRAY_SIZE(keys); k++)
	for (i = 0; i < SETTINGS; i++) {
		if ((n & 16) && i)
			continue;	/* G gives and takes no rights */
		if (!translation(s, n, keys[k]))
			continue;
		set(s, i);
		s->hw_entry = 0;
		s->allows = allowed(s->guest, &s->t, keys[k]);
		check_accesses(s);
		cond_resched();
	}
	pm_tally_end(&s->tally, &entries);
}

/* Page frames, each bit of them, at each level. */
static void test_frames(struct kunit *test)
{
	const struct vh_walk w = { .writable = true, .user = true, .dirty = true };
	static const enum pm_mode modes[] = { PM_PAE, PM_4, PM_5 };
	struct pm_guest *hw = kunit_kzalloc(test, sizeof(*hw), GFP_KERNEL);
	struct pm_tally tally = { test };
	struct pm_translation t;
	int m, level, b;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, hw);
	hw->p.maxphyaddr = 52;
	hw->p.gbpages = true;
	hw->p.efer = NXE;
	for (m = 0; m < ARRAY_SIZE(modes); m++)
	for (level = 1; level <= (modes[m] == PM_PAE ? 2 : 3); level++)
	for (b = 12 + 9 * (level - 1); b <= 52; b++) {
		const u64 at = b == 52 ? 0 : BIT_ULL(b);
		const struct vh_shadow_host host = { .pfn = at >> 12, .level = level };

		pm_build(hw, (struct pm_shape){ modes[m], level }, GVA, 0);
		hw->m.entry[level] = vh_shadow_leaf(&w, &host, 0, RD);
		pm_translate(hw, &t);
		tally.tried++;
		if (!t.present || t.reserved || t.leaf != level || t.gpa != at + (hw->gva & (t.size - 1)))
			pm_wrong(&tally, "%s, level %d, page at %#llx: entry %#llx maps %#llx",
				 pm_mode_name[modes[m]], level, at, hw->m.entry[level], t.gpa);
	}
	pm_tally_end(&tally, &entries);
}

/* --- cases by hand: what CR0.WP=0 makes of one page --- */

struct hand {
	const char *what;
	bool writable, user, nx, dirty, host_writable;
	u32 role, access;
	u64 bits;		/* of W, U and NX */
};

static const struct hand hands[] = {
	{ "all rights", 1, 1, 0, 1, 1, 0, RD | USER, W | U },
	{ "NX", 1, 1, 1, 1, 1, 0, RD, W | U | NX },
	{ "clean", 1, 1, 0, 0, 1, 0, RD, U },
	{ "host read-only", 1, 1, 0, 1, 0, 0, RD, U },
	{ "supervisor page", 1, 0, 0, 1, 1, 0, WR, W },
	{ "read-only", 0, 1, 0, 1, 1, 0, RD, U },
	{ "WP=0, read-only user page, read", 0, 1, 0, 1, 1, SH_WP0, RD, U },
	{ "WP=0, read-only user page, write", 0, 1, 0, 1, 1, SH_WP0, WR, W },
	{ "WP=0, read-only user page, write, SMEP", 0, 1, 0, 1, 1, SH_WP0 | SH_SMEP, WR, W | NX },
	{ "WP=0, read-only user page, write, host read-only", 0, 1, 0, 1, 0, SH_WP0, WR, U },
	{ "WP=0, read-only supervisor page, read", 0, 0, 0, 1, 1, SH_WP0, RD, W },
	{ "WP=0, read-only supervisor page, SMEP", 0, 0, 0, 1, 1, SH_WP0 | SH_SMEP, WR, W },
	{ "WP=0, read-only supervisor page, clean", 0, 0, 0, 0, 1, SH_WP0, RD, 0 },
	{ "WP=0, writable user page, write", 1, 1, 0, 1, 1, SH_WP0 | SH_SMEP, WR, W | U },
};

static void hand_desc(const struct hand *h, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", h->what);
}
KUNIT_ARRAY_PARAM(hand, hands, hand_desc);

static void test_by_hand(struct kunit *test)
{
	const struct hand *h = test->param_value;
	const struct vh_walk w = {
		.writable = h->writable, .user = h->user, .nx = h->nx, .dirty = h->dirty, .pkey = 5,
	};
	const struct vh_shadow_host host = { .pfn = PFN, .level = 1, .writable = h->host_writable };

	KUNIT_EXPECT_EQ(test, (u64)PFN << 12 | 5ULL << 59 | P | A | D | h->bits,
			vh_shadow_leaf(&w, &host, h->role, h->access));
}

/* A supervisor's access to a user page, CR0.WP=0. */
static void test_can_map(struct kunit *test)
{
	const struct vh_walk ro_user = { .user = true, .pkey = 1 }, ro_super = { .pkey = 1 };
	const struct vh_walk rw_user = { .user = true, .writable = true, .pkey = 1 };
	struct vh_paging p = { .cr0 = CR0_PG, .cr4 = CR4_PAE | CR4_SMEP, .efer = LMA };

	KUNIT_EXPECT_TRUE(test, vh_shadow_can_map(&ro_user, &p, WR));
	p.cr4 |= CR4_SMAP;
	KUNIT_EXPECT_FALSE(test, vh_shadow_can_map(&ro_user, &p, WR));
	KUNIT_EXPECT_FALSE(test, vh_shadow_can_map(&ro_user, &p, WR | IMPL));
	KUNIT_EXPECT_TRUE(test, vh_shadow_can_map(&ro_user, &p, RD));
	KUNIT_EXPECT_TRUE(test, vh_shadow_can_map(&rw_user, &p, WR));
	KUNIT_EXPECT_TRUE(test, vh_shadow_can_map(&ro_super, &p, WR));
	p.cr4 = CR4_PAE | CR4_PKE;
	KUNIT_EXPECT_FALSE(test, vh_shadow_can_map(&ro_user, &p, WR));
	KUNIT_EXPECT_TRUE(test, vh_shadow_can_map(&rw_user, &p, WR));
	p.pkru = 0x8;		/* key 1 write-disabled: the hardware's CR0.WP would heed it */
	KUNIT_EXPECT_FALSE(test, vh_shadow_can_map(&rw_user, &p, WR));
	KUNIT_EXPECT_TRUE(test, vh_shadow_can_map(&rw_user, &p, RD));
	KUNIT_EXPECT_TRUE(test, vh_shadow_can_map(&ro_super, &p, WR));
	p.cr0 |= CR0_WP;
	KUNIT_EXPECT_TRUE(test, vh_shadow_can_map(&rw_user, &p, WR));
	p.cr0 = CR0_PG;
	p.efer = 0;		/* no keys, no matter what CR4 says */
	KUNIT_EXPECT_TRUE(test, vh_shadow_can_map(&ro_user, &p, WR));
}

static void say_entries(struct kunit_suite *suite)
{
	kunit_info(suite, "%llu entries compared", entries);
}

static struct kunit_case shadow_pte_cases[] = {
	KUNIT_CASE_PARAM(test_by_hand, hand_gen_params),
	KUNIT_CASE(test_can_map),
	KUNIT_CASE_PARAM(test_entries, pair_gen_params),
	KUNIT_CASE(test_frames),
	{}
};

static struct kunit_suite shadow_pte_suite = {
	.name = "vh-shadow-pte",
	.suite_exit = say_entries,
	.test_cases = shadow_pte_cases,
};
kunit_test_suite(shadow_pte_suite);
