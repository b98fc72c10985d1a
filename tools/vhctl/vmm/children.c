// SPDX-License-Identifier: GPL-2.0-only
/* children.c - this process's children, as the kernel lists them. */
#include <dirent.h>
#include <stdio.h>

#include "vmm/children.h"

/**
 * children - this process's children
 * @found: gets their numbers
 * @most: so many at most
 *
 * How many there are; where the kernel has no list of them (CONFIG_PROC_CHILDREN) none.
 */
int children(pid_t *found, int most)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	char path[300];
	int n = 0;
	FILE *f;

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/children", e->d_name);
		f = *e->d_name == '.' ? NULL : fopen(path, "re");
		while (f && n < most && fscanf(f, "%d", &found[n]) == 1)
			n++;
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return n;
}
