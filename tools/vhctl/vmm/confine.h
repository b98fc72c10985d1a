/* SPDX-License-Identifier: GPL-2.0-only */
/* confine.h - what files a helper can reach. */
#ifndef CONFINE_H
#define CONFINE_H

#include <stdbool.h>

int confine_rules(char *const *path, int n, bool writable);
int confine_enter(int rules);

#endif /* CONFINE_H */
