// SPDX-License-Identifier: GPL-2.0-only
/*
 * landlock.c - a helper can reach the files that it was started for, and those that programs are made of,
 * which it can only read (Landlock: landlock(7)). So an image cannot name other files of the host's, and
 * who has broken into its helper by it has not got far.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/landlock.h"

#define READ_FILE	LANDLOCK_ACCESS_FS_READ_FILE
#define READ		(READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE)
#define WRITE		(READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
/* All of the first version, which Linux 5.13 has */
#define ALL		((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

static const char *const programs[] = { "/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/ld.so.preload",
					"/dev/urandom" };

static int allow(int rules, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr a = { .allowed_access = access };
	struct stat st;
	int err;

	a.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (a.parent_fd < 0)
		return -1;
	if (!fstat(a.parent_fd, &st) && !S_ISDIR(st.st_mode))
		a.allowed_access &= ~LANDLOCK_ACCESS_FS_READ_DIR;
	err = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &a, 0);
	close(a.parent_fd);
	return err;
}

/**
 * landlock_rules - what there is to reach
 * @path: files
 * @n: how many
 * @writable: the first of them is written; the others never are
 *
 * For landlock_enter(). -1: this kernel has no such thing.
 */
int landlock_rules(char *const *path, int n, bool writable)
{
	struct landlock_ruleset_attr a = { .handled_access_fs = ALL };
	int rules = syscall(SYS_landlock_create_ruleset, &a, sizeof(a), 0);

	if (rules < 0)
		return -1;
	for (unsigned int i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		allow(rules, programs[i], READ);
	allow(rules, "/dev/null", WRITE);	/* where QEMU's programs find out which locks there are */
	for (int i = 0; i < n; i++)
		allow(rules, path[i], writable && !i ? WRITE : READ_FILE);
	return rules;
}

/**
 * landlock_enter - from now on this process and its children reach nothing else
 * @rules: of landlock_rules()
 *
 * 0 or -1. Takes no lock: for a child of fork().
 */
int landlock_enter(int rules)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return rules < 0 ? 0 : syscall(SYS_landlock_restrict_self, rules, 0);
}
