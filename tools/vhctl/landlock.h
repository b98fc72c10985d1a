/* SPDX-License-Identifier: GPL-2.0-only */
/* landlock.h - what files a helper can reach. */
#ifndef LANDLOCK_H
#define LANDLOCK_H

enum landlock_access {
	LANDLOCK_READ,		/* a file, or a directory with all that is in it */
	LANDLOCK_WRITE,		/* a file, which is read, too */
	LANDLOCK_TREE,		/* a file, or a directory, in which things are made and removed */
};

int landlock_new(void);
void landlock_allow(int rules, const char *path, enum landlock_access access);
int landlock_enter(int rules);

#endif /* LANDLOCK_H */
