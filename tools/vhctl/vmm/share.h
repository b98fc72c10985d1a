/* SPDX-License-Identifier: GPL-2.0-only */
/* share.h - folders of the host's that a guest can mount. */
#ifndef SHARE_H
#define SHARE_H

#include <stdbool.h>
#include <stdint.h>

#define SHARE_TAG	36	/* bytes of a tag */

/**
 * struct share_config - what the VM was asked to have
 * @dir: the folder
 * @tag: what the guest calls it
 * @ro: it is only read
 */
struct share_config {
	const char *dir;
	char tag[SHARE_TAG + 1];
	bool ro;
};

struct daemon;
struct vmm;

/* share.c */
int share_create(struct vmm *v, const struct share_config *cfg);
void shares_finish(void);

/* virtiofsd.c */
int virtiofsd_start(struct daemon *d, const struct share_config *cfg, int *fd);
void virtiofsd_say(const char *dir, char *text);
void virtiofsd_failed(struct daemon *d, const struct share_config *cfg, const char *why);

#endif /* SHARE_H */
