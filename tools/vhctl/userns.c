// SPDX-License-Identifier: GPL-2.0-only
/* userns.c - user namespaces (user_namespaces(7)). */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "userns.h"

extern char **environ;

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -1;
	err = write(fd, text, strlen(text)) < 0 ? -1 : 0;
	close(fd);
	return err;
}

/* The ids of /proc/@who: each is one inside. */
static int map_one(const char *who, uid_t uid, uid_t uid_inside, gid_t gid, gid_t gid_inside)
{
	char path[64], map[64];

	snprintf(path, sizeof(path), "/proc/%s/uid_map", who);
	snprintf(map, sizeof(map), "%u %u 1\n", uid_inside, uid);
	if (write_file(path, map))
		return -1;
	snprintf(path, sizeof(path), "/proc/%s/setgroups", who);
	write_file(path, "deny");
	snprintf(path, sizeof(path), "/proc/%s/gid_map", who);
	snprintf(map, sizeof(map), "%u %u 1\n", gid_inside, gid);
	return write_file(path, map);
}

int userns_map_ids(uid_t uid, gid_t gid)
{
	return map_one("self", uid, uid, gid, gid);
}

/* --- ids that a user has been given --- */

struct range {
	unsigned int first, count;
};

/* The first that a file has for the user (subuid(5)). */
static bool find_range(const char *path, const char *user, struct range *r)
{
	char line[256], name[64], number[16];
	bool found = false;
	FILE *f = fopen(path, "re");

	snprintf(number, sizeof(number), "%u", getuid());
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%63[^:]:%u:%u", name, &r->first, &r->count) == 3 && r->count &&
			(!strcmp(name, number) || (user && !strcmp(name, user)));
	if (f)
		fclose(f);
	return found;
}

static bool run(char *const *argv)
{
	posix_spawn_file_actions_t f;
	int err, status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&f);
	posix_spawn_file_actions_addopen(&f, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	err = posix_spawnp(&pid, argv[0], &f, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&f);
	while (!err && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return !err && WIFEXITED(status) && !WEXITSTATUS(status);
}

/* By a program of root's, which looks at the file itself. */
static bool map_range(const char *program, pid_t pid, unsigned int own, const struct range *r)
{
	char process[16], id[16], first[16], count[16];
	char *argv[] = { (char *)program, process, "0", id, "1", "1", first, count, NULL };

	snprintf(process, sizeof(process), "%d", pid);
	snprintf(id, sizeof(id), "%u", own);
	snprintf(first, sizeof(first), "%u", r->first);
	snprintf(count, sizeof(count), "%u", r->count);
	return run(argv);
}

int userns_map_root(pid_t pid, bool *more)
{
	const struct passwd *user = getpwuid(getuid());
	const char *name = user ? user->pw_name : NULL;
	struct range uids, gids;
	char who[16];

	*more = geteuid() && find_range("/etc/subuid", name, &uids) && find_range("/etc/subgid", name, &gids) &&
		map_range("newgidmap", pid, getegid(), &gids) && map_range("newuidmap", pid, geteuid(), &uids);
	if (*more)
		return 0;
	snprintf(who, sizeof(who), "%d", pid);
	return map_one(who, geteuid(), 0, getegid(), 0);
}
