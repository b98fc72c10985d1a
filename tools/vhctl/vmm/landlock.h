/* SPDX-License-Identifier: GPL-2.0-only */
/* landlock.h - what files a helper can reach. */
#ifndef LANDLOCK_H
#define LANDLOCK_H

#include <stdbool.h>

int landlock_rules(char *const *path, int n, bool writable);
int landlock_enter(int rules);

#endif /* LANDLOCK_H */
