// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_tlb.c - the debug build's model of the TLB (kmod/witness/tlb.c) against what the SDM says of
 * each instruction that invalidates (Vol. 3, 29.4.3): after which of them may a CPU enter, and not.
 */
#define VH_DEBUG
#include <linux/bug.h>
static int warned;
#define WARN_ONCE(c, ...) ({ int warn_ = !!(c); warned += warn_; warn_; })
int shim_cpu;
#include "witness/tlb.c"
#include "tap.h"

static unsigned long private[2];
static char pages[2];

unsigned long *shim_page_private(const void *page)
{
	return &private[(const char *)page - pages];
}

/* How often something was warned of since this was last asked. */
static int warnings(void)
{
	int n = warned;

	warned = 0;
	return n;
}

static struct vh_tag *ept, *vpid;
static struct vh_tag *other_ept, *other_vpid;

static void run(struct vh_tag *e, struct vh_tag *v)
{
	vh_tag_enter(e, v);
	vh_tag_leave();
}

static void all(void)
{
	vh_tag_invalidated(VH_TAG_EPT, VH_TAG_ALL, 0);
	vh_tag_invalidated(VH_TAG_VPID, VH_TAG_ALL, 0);
}

/* Nothing is stale anywhere, and both CPUs have everything cached. */
static void cached(void)
{
	for (shim_cpu = SHIM_CPUS - 1; shim_cpu >= 0; shim_cpu--) {
		all();
		run(ept, vpid);
		run(other_ept, other_vpid);
	}
	shim_cpu = 0;
	warnings();
}

static void lose(struct vh_tag *tag)
{
	vh_tag_changed(tag);
	vh_tag_promised(tag);
}

static void test_new(void)
{
	struct vh_tag *tag = vh_tag_new(VH_TAG_EPT, 9), *v = vh_tag_new(VH_TAG_VPID, 9);

	run(tag, NULL);
	TAP_EQ(warnings(), 1);		/* it may have been somebody's */
	vh_tag_free(tag);
	tag = vh_tag_new(VH_TAG_EPT, 9);
	vh_tag_invalidated(VH_TAG_EPT, VH_TAG_ONE, 9);
	run(tag, NULL);
	TAP_EQ(warnings(), 0);
	shim_cpu = 1;
	run(tag, NULL);
	TAP_EQ(warnings(), 1);		/* on the other CPU it was not invalidated */
	run(NULL, v);
	TAP_EQ(warnings(), 1);
	vh_tag_invalidated(VH_TAG_VPID, VH_TAG_ONE, 9);
	run(NULL, v);
	TAP_EQ(warnings(), 0);
	shim_cpu = 0;
	vh_tag_free(tag);
	vh_tag_free(v);
}

static void test_ept(void)
{
	cached();
	run(ept, vpid);
	TAP_EQ(warnings(), 0);
	lose(ept);
	run(other_ept, other_vpid);
	TAP_EQ(warnings(), 0);
	run(ept, vpid);
	TAP_EQ(warnings(), 1);
	/* INVVPID drops combined mappings, but no guest-physical ones */
	cached();
	lose(ept);
	vh_tag_invalidated(VH_TAG_VPID, VH_TAG_ONE, vpid->key);
	vh_tag_invalidated(VH_TAG_VPID, VH_TAG_ALL, 0);
	run(ept, vpid);
	TAP_EQ(warnings(), 1);
	/* nor does INVEPT of another */
	cached();
	lose(ept);
	vh_tag_invalidated(VH_TAG_EPT, VH_TAG_ONE, other_ept->key);
	run(ept, vpid);
	TAP_EQ(warnings(), 1);
	cached();
	lose(ept);
	vh_tag_invalidated(VH_TAG_EPT, VH_TAG_ONE, ept->key);
	run(ept, vpid);
	TAP_EQ(warnings(), 0);
	/* what is cached after the change is not stale, and the other CPU has not flushed */
	run(ept, vpid);
	TAP_EQ(warnings(), 0);
	shim_cpu = 1;
	run(ept, vpid);
	TAP_EQ(warnings(), 1);
	cached();
	lose(ept);
	vh_tag_invalidated(VH_TAG_EPT, VH_TAG_ALL, 0);
	run(ept, vpid);
	TAP_EQ(warnings(), 0);
}

static void test_vpid(void)
{
	cached();
	lose(vpid);
	run(other_ept, other_vpid);
	TAP_EQ(warnings(), 0);
	run(ept, vpid);
	TAP_EQ(warnings(), 1);
	cached();
	lose(vpid);
	vh_tag_invalidated(VH_TAG_VPID, VH_TAG_ONE, vpid->key);
	run(ept, vpid);
	TAP_EQ(warnings(), 0);
	/* with EPT what a VPID has are combined mappings, which INVEPT drops */
	cached();
	lose(vpid);
	vh_tag_invalidated(VH_TAG_EPT, VH_TAG_ONE, ept->key);
	run(ept, vpid);
	TAP_EQ(warnings(), 0);
	cached();
	lose(vpid);
	vh_tag_invalidated(VH_TAG_EPT, VH_TAG_ONE, other_ept->key);
	run(ept, vpid);
	TAP_EQ(warnings(), 1);
	/* without it they are linear ones, which it does not */
	cached();
	all();
	run(NULL, vpid);
	lose(vpid);
	vh_tag_invalidated(VH_TAG_EPT, VH_TAG_ALL, 0);
	run(NULL, vpid);
	TAP_EQ(warnings(), 1);
}

/* Every entry and exit flushes. */
static void test_untagged(void)
{
	struct vh_tag *v = vh_tag_new(VH_TAG_VPID, 0);

	run(NULL, v);
	lose(v);
	run(NULL, v);
	TAP_EQ(warnings(), 0);
	vh_tag_enter(NULL, v);
	lose(v);
	TAP_EQ(warnings(), 1);		/* but not in between */
	vh_tag_leave();
	vh_tag_free(v);
}

static void test_promise(void)
{
	cached();
	shim_cpu = 1;
	vh_tag_enter(ept, vpid);
	shim_cpu = 0;
	vh_tag_changed(ept);
	TAP_EQ(warnings(), 0);		/* it is still time to take it out */
	vh_tag_promised(ept);
	TAP_EQ(warnings(), 1);
	vh_tag_promised(ept);
	TAP_EQ(warnings(), 0);		/* said once for each change */
	shim_cpu = 1;
	vh_tag_leave();
	/* in time, and it comes back flushed */
	cached();
	shim_cpu = 1;
	vh_tag_enter(ept, vpid);
	shim_cpu = 0;
	vh_tag_changed(ept);
	shim_cpu = 1;
	vh_tag_leave();
	vh_tag_invalidated(VH_TAG_EPT, VH_TAG_ONE, ept->key);
	vh_tag_enter(ept, vpid);
	shim_cpu = 0;
	vh_tag_promised(ept);
	TAP_EQ(warnings(), 0);
	/* another change of which only a table's end tells */
	vh_tag_changed(ept);
	vh_tag_took(ept, &pages[0]);
	vh_tag_frees(ept, &pages[0]);
	TAP_EQ(warnings(), 1);
	vh_tag_frees(ept, &pages[1]);	/* never was in the tables */
	TAP_EQ(warnings(), 0);
	vh_tag_promised(other_ept);
	TAP_EQ(warnings(), 0);
	shim_cpu = 1;
	vh_tag_leave();
	shim_cpu = 0;
	/* an entry between change and promise is not held against the vCPU: whoever promises looks */
	cached();
	vh_tag_changed(ept);
	run(ept, vpid);
	TAP_EQ(warnings(), 0);
	vh_tag_promised(ept);
	run(ept, vpid);
	TAP_EQ(warnings(), 1);
	/* a tag goes while it is used */
	all();
	vh_tag_enter(other_ept, other_vpid);
	vh_tag_free(other_ept);
	TAP_EQ(warnings(), 1);
	vh_tag_leave();
}

int main(void)
{
	test_new();
	ept = vh_tag_new(VH_TAG_EPT, 1);
	other_ept = vh_tag_new(VH_TAG_EPT, 2);
	vpid = vh_tag_new(VH_TAG_VPID, 3);
	other_vpid = vh_tag_new(VH_TAG_VPID, 4);
	test_ept();
	test_vpid();
	test_untagged();
	test_promise();
	vh_tag_free(ept);
	vh_tag_free(vpid);
	vh_tag_free(other_vpid);
	return tap_done();
}
