// SPDX-License-Identifier: GPL-2.0-only
/* parse.c - sizes, counts and cgroups as people write them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parse.h"
#include "vhctl.h"

bool parse_size(const char *s, uint64_t *bytes)
{
	unsigned int shift = 0;
	long double n;
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	n = strtold(s, &end);
	switch (*end) {
	case 'k': case 'K': shift = 10; end++; break;
	case 'm': case 'M': shift = 20; end++; break;
	case 'g': case 'G': shift = 30; end++; break;
	case 't': case 'T': shift = 40; end++; break;
	}
	if (!strcmp(end, "iB") || !strcmp(end, "B"))
		end = "";
	n *= 1ULL << shift;
	/* Whole bytes; and "0x10" or "1e3" are no sizes. */
	if (*end || n >= 0x1p63L || n != floorl(n) || strpbrk(s, "xXeEpP"))
		return false;
	*bytes = n;
	return true;
}

bool parse_number(const char *s, uint64_t max, uint64_t *n)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*n = strtoull(s, &end, 10);
	return !*end && !errno && *n <= max;
}

char *parse_part(char *s)
{
	char *to = s;

	for (; *s; *to++ = *s++) {
		if (*s != ',')
			continue;
		if (s[1] != ',') {
			*to = 0;
			return s + 1;
		}
		s++;
	}
	*to = 0;
	return NULL;
}

bool parse_parts(char *list, bool (*set)(void *to, char *part), void *to)
{
	for (char *part; (part = list);) {
		list = parse_part(part);
		if (!set(to, part))
			return false;
	}
	return true;
}

bool parse_seconds(const char *s, unsigned int *ms)
{
	char *end;
	double n;

	if (*s < '0' || *s > '9')
		return false;
	n = strtod(s, &end);
	if (*end || n > 1e6)
		return false;
	*ms = n * 1000 + 0.5;
	return true;
}

bool option_delay(const char *s, unsigned int *ms)
{
	if (parse_seconds(s, ms) && *ms)
		return true;
	error("--delay '%s': want seconds, such as 2 or 0.5", s);
	return false;
}

bool option_count(const char *s, uint64_t max, uint64_t *n)
{
	if (parse_number(s, max, n) && *n)
		return true;
	error("--count '%s': want a number", s);
	return false;
}

const char *cgroup_mount(void)
{
	static char path[PATH_MAX];
	struct mntent *m;
	FILE *f;

	if (path[0])
		return path;
	f = setmntent("/proc/self/mounts", "r");
	while (f && (m = getmntent(f)))
		if (!strcmp(m->mnt_type, "cgroup2")) {
			snprintf(path, sizeof(path), "%s", m->mnt_dir);
			break;
		}
	if (f)
		endmntent(f);
	if (path[0])
		return path;
	errno = ENOENT;
	return NULL;
}

int cgroup_dir(const char *name, char *path, size_t size)
{
	const char *mount = cgroup_mount();
	size_t n = mount ? strlen(mount) : 0;
	struct stat st;

	if (!mount) {
		error("no cgroup v2 hierarchy is mounted here: all VMs are in one group, the root");
		return -1;
	}
	if (!strncmp(name, mount, n) && (!name[n] || name[n] == '/'))
		snprintf(path, size, "%s", name);
	else
		snprintf(path, size, "%s%s%s", mount, name[0] == '/' ? "" : "/",
			 strcmp(name, "/") ? name : "");
	for (n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = 0;
	if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
		error("no cgroup '%s': there is no directory %s (mkdir makes one)", name, path);
		return -1;
	}
	return 0;
}

int cgroup_procs(const char *dir)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	return open(path, O_WRONLY | O_CLOEXEC);
}

int cgroup_enter(const char *name)
{
	char dir[PATH_MAX];
	int fd, err = 0;

	if (cgroup_dir(name, dir, sizeof(dir)))
		return -1;
	fd = cgroup_procs(dir);
	if (fd < 0 || write(fd, "0", 1) != 1) {
		err = errno;
		error("cannot enter cgroup %s: %s%s", dir, strerror(err),
		      err == EACCES || err == EPERM ?
		      "; who moves a process writes cgroup.procs there and in the common ancestor" :
		      err == EOPNOTSUPP || err == EBUSY ?
		      "; a cgroup with controllers in subtree_control takes no processes" : "");
	}
	if (fd >= 0)
		close(fd);
	return err ? -1 : 0;
}

void cgroup_self(char *path, size_t size)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX + 8];

	snprintf(path, size, "/");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "0::", 3))
			snprintf(path, size, "%s", line + 3);
	}
	if (f)
		fclose(f);
}

void cgroup_common(const char *a, const char *b, char *common, size_t size)
{
	size_t i, last = 0;

	for (i = 0; a[i] && a[i] == b[i]; i++)
		if (a[i] == '/')
			last = i;
	if ((!a[i] || a[i] == '/') && (!b[i] || b[i] == '/'))
		last = i;
	snprintf(common, size, "%.*s", (int)last, a);
}
