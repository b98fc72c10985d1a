/* SPDX-License-Identifier: GPL-2.0-only */
/* nl.h - requests to the netlink family "vh". Errors are told by the functions themselves. */
#ifndef NL_H
#define NL_H

#include <netlink/genl/genl.h>

#include "object.h"

struct nl {
	struct nl_sock *sock;
	int family;
	int error;		/* of the last request: an errno, 0 when it succeeded */
	char message[256];	/* what the kernel said about it */
};

/* A socket and the family. NULL with the error told: is the module loaded? */
struct nl *vh_open(void);
void vh_close(struct nl *nl);

struct nl_msg *vh_request(struct nl *nl, int cmd, int flags);
/*
 * Send @msg (freed), call @each for every answer. Returns 0 or a negative
 * errno; nl->message has the kernel's words. An interrupted dump begins anew.
 */
int vh_talk(struct nl *nl, struct nl_msg *msg, void (*each)(struct nlmsghdr *h, void *arg),
	    void *arg);
/* What went wrong with the last request: the kernel's words, or the errno's. */
const char *vh_words(const struct nl *nl);
/* As vh_talk(), and tells the error: "vhctl: WHAT: the kernel's words". Exit status. */
int vh_do(struct nl *nl, struct nl_msg *msg, const char *what);

/* --- objects --- */
struct vm_list { struct vm *v; unsigned int n; };
struct vcpu_list { struct vcpu *v; unsigned int n; };
struct group_list { struct group *v; unsigned int n; };

/* 0, or -errno with the error told. */
int vms_get(struct nl *nl, struct vm_list *list);
int vcpus_get(struct nl *nl, uint32_t vm, struct vcpu_list *list);	/* vm 0: all */
int groups_get(struct nl *nl, struct group_list *list);
void vms_free(struct vm_list *list);
void vcpus_free(struct vcpu_list *list);
void groups_free(struct group_list *list);

/* A VM by id, name or UUID; -errno with the error told. */
int vm_get(struct nl *nl, const char *ref, struct vm *vm);
/* The attribute that says which VM is meant; 0, or -errno with the error told. */
int put_vm_ref(struct nl *nl, struct nl_msg *msg, const char *ref);
/* A group by path or by "id:N". */
int group_get(struct nl *nl, const char *ref, struct group *g);

/* Events from now on; 0 or -errno, told. */
int events_begin(struct nl *nl);
/*
 * Calls @each until it returns false, or the time is over (ms; -1: none).
 * Returns 1 when @each ended it, 0 when the time is over, -errno (told).
 */
int events_loop(struct nl *nl, bool (*each)(const struct event *e, void *arg), void *arg,
		int timeout);

#endif /* NL_H */
