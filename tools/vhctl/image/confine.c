// SPDX-License-Identifier: GPL-2.0-only
/*
 * confine.c - a program that reads what strangers wrote opens nothing else, whatever that makes it
 * do: a disk image may name other files of the host. By Landlock (Linux 5.13 and newer); without it
 * what is known of the formats has to do.
 */
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "image/program.h"

/* What a file can have; a rule for one may say no more. */
#define FILE_READ	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE)
#define FILE_ALL	(FILE_READ | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define READ		(FILE_READ | LANDLOCK_ACCESS_FS_READ_DIR)
/* All that its first version knows. */
#define ALL		(LANDLOCK_ACCESS_FS_MAKE_SYM | (LANDLOCK_ACCESS_FS_MAKE_SYM - 1))

static void allow(int rules, const char *path, __u64 access)
{
	struct landlock_path_beneath_attr beneath = {
		.parent_fd = open(path, O_PATH | O_CLOEXEC),
	};
	struct stat st;

	if (beneath.parent_fd < 0)
		return;
	if (!fstat(beneath.parent_fd, &st) && !S_ISDIR(st.st_mode))
		access &= FILE_ALL;
	beneath.allowed_access = access;
	syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
	close(beneath.parent_fd);
}

/**
 * confine - this process, and those that it becomes, open nothing but this
 * @reads: to be read
 * @nr_reads: how many
 * @writes: to be read and written; directories with all that is in them
 * @nr_writes: how many
 */
void confine(const char *const *reads, unsigned int nr_reads, const char *const *writes, unsigned int nr_writes)
{
	static const char *const system[] = {
		"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.preload",
		"/etc/mke2fs.conf", "/etc/alternatives", "/proc",
	};
	static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/urandom" };
	struct landlock_ruleset_attr attr = { .handled_access_fs = ALL };
	int rules = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	unsigned int i;

	/* Nor is it more than its user, whatever it runs. */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (rules < 0)
		return;
	for (i = 0; i < sizeof(system) / sizeof(system[0]); i++)
		allow(rules, system[i], READ);
	for (i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		allow(rules, devices[i], FILE_ALL);
	for (i = 0; i < nr_reads; i++)
		allow(rules, reads[i], READ);
	for (i = 0; i < nr_writes; i++)
		allow(rules, writes[i], ALL);
	syscall(SYS_landlock_restrict_self, rules, 0);
	close(rules);
}
