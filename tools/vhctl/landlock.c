// SPDX-License-Identifier: GPL-2.0-only
/*
 * landlock.c - a helper can reach the files that it was started for, and those that programs are made of,
 * which it can only read (landlock(7), Linux 5.13 and newer). So an image cannot name other files of the host's, and
 * who has broken into its helper by it has not got far. Without it what is known of the formats has to do.
 */
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "landlock.h"

#define READ		(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE		(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
/* What a file can have; a rule for one may say no more. */
#define OF_FILES	(WRITE | LANDLOCK_ACCESS_FS_EXECUTE)
/* All of the first version */
#define ALL		((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

static void allow(int rules, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr a = { .allowed_access = access, .parent_fd = open(path, O_PATH | O_CLOEXEC) };
	struct stat st;

	if (a.parent_fd < 0)
		return;
	if (!fstat(a.parent_fd, &st) && !S_ISDIR(st.st_mode))
		a.allowed_access &= OF_FILES;
	syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &a, 0);
	close(a.parent_fd);
}

/**
 * landlock_new - what programs are made of, to be read and executed, and nothing else
 *
 * For landlock_allow() and landlock_enter(); -1: this kernel has no such thing.
 */
int landlock_new(void)
{
	static const char *const programs[] = {
		"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.preload", "/dev/urandom",
	};
	struct landlock_ruleset_attr a = { .handled_access_fs = ALL };
	int rules = syscall(SYS_landlock_create_ruleset, &a, sizeof(a), 0);

	for (unsigned int i = 0; rules >= 0 && i < sizeof(programs) / sizeof(programs[0]); i++)
		allow(rules, programs[i], READ | LANDLOCK_ACCESS_FS_EXECUTE);
	return rules;
}

/**
 * landlock_allow - what else there is to reach
 * @rules: of landlock_new(), -1 too
 * @path: nothing is allowed of one that is not there
 * @access: what may be done with it
 */
void landlock_allow(int rules, const char *path, enum landlock_access access)
{
	static const uint64_t rights[] = { [LANDLOCK_READ] = READ, [LANDLOCK_WRITE] = WRITE, [LANDLOCK_TREE] = ALL };

	if (rules >= 0)
		allow(rules, path, rights[access]);
}

/**
 * landlock_enter - from now on this process and its children reach nothing else, and have no more rights than it has
 * @rules: of landlock_new(), -1 too
 *
 * 0 or -1. Takes no lock: for a child of fork().
 */
int landlock_enter(int rules)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return rules < 0 ? 0 : syscall(SYS_landlock_restrict_self, rules, 0);
}
