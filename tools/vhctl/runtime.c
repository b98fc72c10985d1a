// SPDX-License-Identifier: GPL-2.0-only
/* runtime.c - the folder that a user's VMs have their sockets and logs in. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "object.h"
#include "runtime.h"
#include "vhctl.h"

int runtime_path(const uint8_t *uuid, const char *suffix, char *path, size_t size)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	char text[37], dir[PATH_MAX];
	struct stat st;

	if (!geteuid())
		snprintf(dir, sizeof(dir), "/run/vh");
	else if (run)
		snprintf(dir, sizeof(dir), "%s/vh", run);
	else
		snprintf(dir, sizeof(dir), "/tmp/vh-%u", geteuid());
	/* In /tmp somebody else may have been faster. */
	if ((mkdir(dir, 0700) && errno != EEXIST) || lstat(dir, &st) || !S_ISDIR(st.st_mode) ||
	    st.st_uid != geteuid() || (st.st_mode & 077 && mkdir(dir, 0700) && chmod(dir, 0700))) {
		error("cannot use %s for sockets: %s", dir, strerror(errno));
		return -1;
	}
	uuid_text(uuid, text);
	if ((size_t)snprintf(path, size, "%s/%s%s", dir, text, suffix) >= size) {
		error("%s: the path is too long", dir);
		return -1;
	}
	return 0;
}
