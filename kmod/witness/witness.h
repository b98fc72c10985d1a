/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * witness.h - what witness/ promises: models of the processor that the debug build (VH_DEBUG) keeps.
 *
 *   tlb.c    which translations each CPU may hold, and whether they are stale
 *   host.c   the host's state before and after
 *   break.c  what is left out on demand, so that tests see the witnesses bite
 *
 * A broken rule is a WARN. In other builds there is nothing of it.
 */
#ifndef VH_WITNESS_H
#define VH_WITNESS_H

#include <linux/types.h>

/* --- tlb.c: a tag is what the processor knows translations by (SDM Vol. 3, 29.4.1) --- */

enum vh_tag_kind {
	VH_TAG_EPT,		/* EP4TA: bits 51:12 of the EPTP */
	VH_TAG_VPID,		/* 0: not tagged, every entry and exit flushes */
	VH_NR_TAGS
};
struct vh_tag;

/* What an executed INVEPT or INVVPID covers (SDM Vol. 3, 29.4.3.1). */
enum vh_tag_scope { VH_TAG_ONE, VH_TAG_ALL };

/* --- host.c: from where to where the host's state has to come back --- */

enum vh_host_span {
	VH_HOST_WINDOW,		/* around a window, interrupts off */
	VH_HOST_BESIDE,		/* the same, where VMX is KVM's */
	VH_HOST_SECTION,	/* around a section, preemption off */
	VH_HOST_USER,		/* from a section up to the return to user mode */
	VH_NR_HOST_SPANS
};

/* --- break.c: what can be left out --- */

enum vh_break {
	VH_BREAK_,		/* nothing */
	VH_BREAK_invept,	/* INVEPT of one EPT */
	VH_BREAK_invvpid,	/* INVVPID of one VPID */
	VH_BREAK_vmclear,	/* VMCLEAR of a VMCS that moves or goes */
	VH_BREAK_flush,		/* the wait for vCPUs to leave the guest, when mappings went */
	VH_BREAK_protect,	/* the request to flush, when a dirty log was taken */
	VH_BREAK_dr,		/* the host's DR0, after a guest that used its own */
	VH_BREAK_gsbase,	/* the host's KERNEL_GS_BASE, after a section */
	VH_BREAK_tscaux,	/* the host's TSC_AUX, before user mode; beside KVM, after a window */
	VH_NR_BREAKS
};

#ifdef VH_DEBUG
struct vh_tag *vh_tag_new(enum vh_tag_kind kind, u64 key);
void vh_tag_free(struct vh_tag *tag);
void vh_tag_changed(struct vh_tag *tag);
void vh_tag_changed_own(struct vh_tag *tag);
void vh_tag_promised(struct vh_tag *tag);
void vh_tag_took(const struct vh_tag *tag, const void *table);
void vh_tag_frees(const struct vh_tag *tag, const void *table);
void vh_tag_invalidated(enum vh_tag_kind kind, enum vh_tag_scope scope, u64 key);
void vh_tag_enter(struct vh_tag *ept, struct vh_tag *vpid);
void vh_tag_leave(void);

void vh_host_save(enum vh_host_span span);
void vh_host_check(enum vh_host_span span);

extern unsigned int vh_broken;		/* enum vh_break; parameter break= */
#define VH_BROKEN(name)	unlikely(READ_ONCE(vh_broken) == VH_BREAK_##name)
/* The tag of a vCPU's own translations, of a VM's EPT; it comes and goes with the object. */
#define VH_TAG_OF(object)		((object)->tag)
#define VH_TAG_NEW(object, kind, key)	((object)->tag = vh_tag_new(kind, key))
#define VH_TAG_FREE(object)		vh_tag_free((object)->tag)
#else
static inline void vh_tag_changed(struct vh_tag *tag) { }
static inline void vh_tag_changed_own(struct vh_tag *tag) { }
static inline void vh_tag_promised(struct vh_tag *tag) { }
static inline void vh_tag_took(const struct vh_tag *tag, const void *table) { }
static inline void vh_tag_frees(const struct vh_tag *tag, const void *table) { }
static inline void vh_tag_invalidated(enum vh_tag_kind kind, enum vh_tag_scope scope, u64 key) { }
static inline void vh_host_save(enum vh_host_span span) { }
static inline void vh_host_check(enum vh_host_span span) { }

/* VH_BREAK=NAME of the build, which tests/nested.sh has to find by what guests see. */
#ifndef VH_BREAK
#define VH_BREAK VH_BREAK_
#endif
#define VH_BROKEN(name)	(VH_BREAK == VH_BREAK_##name)
#define VH_TAG_OF(object)		((struct vh_tag *)NULL)
#define VH_TAG_NEW(object, kind, key)	((void)0)
#define VH_TAG_FREE(object)		((void)0)
#endif

#endif /* VH_WITNESS_H */
