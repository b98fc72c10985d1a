// SPDX-License-Identifier: GPL-2.0-only
/*
 * late.c - a page of the guest's is not there yet: may the guest do something else meanwhile?
 *
 * cpu/apf.c has what it is told, and when the page has come.
 */
#include "internal.h"

/* What is under way goes first, and a debugger wants to see nothing that the program does not do. */
static bool undisturbed(const struct vh_vcpu *vcpu)
{
	return !vh_delivery_pending(vcpu) && !vcpu->debug && !vcpu->smm &&
	       !(READ_ONCE(vcpu->requests) & (BIT(VH_REQ_PAYLOAD) | BIT(VH_REQ_DEBUG) | BIT(VH_REQ_TRIPLE_FAULT)));
}

/**
 * vh_page_comes_later - tell the guest that the page of its fault is on its way (VH_FAULT_LATER)
 * @vcpu: the vCPU, own thread; vcpu->late is the page
 *
 * Process context. True: a #PF is injected, whose CR2 is the token that "page ready" will have. False: it cannot take
 * one, and the page has to be waited for.
 */
bool vh_page_comes_later(struct vh_vcpu *vcpu)
{
	u32 token;

	if (!undisturbed(vcpu))
		return false;
	vh_need(vcpu, VH_S_RFLAGS | VH_S_INTR | VH_S_CR0);
	/* A kernel that has paging off for a while has nobody who expects a page fault. */
	if (!(vcpu->s.cr0 & X86_CR0_PG) || !vh_irq_allowed(vcpu) || (!vh_cpl(vcpu) && !vh_apf_in_kernel(vcpu)))
		return false;
	token = vh_apf_begin(vcpu);
	if (!token)
		return false;
	vh_inject_pf(vcpu, token, 0);
	return true;
}
