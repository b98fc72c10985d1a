// SPDX-License-Identifier: GPL-2.0-only
/* state.c - what the VMM's process has, thread by thread. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "intruder.h"

static void say(const char *path, const char *const *keys, const char *who)
{
	char line[256];
	FILE *f = fopen(path, "re");

	if (!f)
		die("%s is not there", path);
	while (fgets(line, sizeof(line), f))
		for (int i = 0; keys[i]; i++)
			if (!strncmp(line, keys[i], strlen(keys[i]))) {
				/* one blank between words */
				printf("%s:", who);
				for (char *w = strtok(line, " \t\n"); w; w = strtok(NULL, " \t\n"))
					printf(" %s", w);
				putchar('\n');
			}
	fclose(f);
}

static void threads(pid_t pid)
{
	static const char *const keys[] = { "Cap", "NoNewPrivs:", "Seccomp:", "Seccomp_filters:", NULL };
	char path[300], name[32];
	struct dirent *e;
	FILE *f;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", pid, e->d_name);
		f = fopen(path, "re");
		if (!f || !fgets(name, sizeof(name), f))
			die("a thread without name");
		fclose(f);
		name[strcspn(name, "\n")] = 0;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, e->d_name);
		say(path, keys, name);
	}
	if (d)
		closedir(d);
}

static void namespaces(pid_t pid)
{
	static const char *const names[] = { "mnt", "ipc", "net", "user", "pid", "cgroup" };

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct stat own, its;
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		if (stat(path, &own))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, names[i]);
		if (stat(path, &its))
			die("%s is not there", path);
		printf("namespace %s: %s\n", names[i], own.st_ino == its.st_ino ? "the host's" : "its own");
	}
}

static void descriptors(pid_t pid)
{
	char path[300], link[256];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, e->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		if (n <= 0)
			continue;
		link[n] = 0;
		printf("descriptor: %.*s\n", (int)(strncmp(link, "socket:", 7) ? strlen(link) : 6), link);
	}
	if (d)
		closedir(d);
}

void show_state(const struct target *t)
{
	static const char *const limits[] = { "Max core", "Max open files", NULL };
	char path[64], cwd[256] = "";
	struct stat st;
	DIR *d;
	int n = 0;

	threads(t->vmm);
	namespaces(t->vmm);
	snprintf(path, sizeof(path), "/proc/%d/root/", t->vmm);
	d = opendir(path);
	while (d && readdir(d))
		n++;
	printf("root: %d entries\n", n - 2);
	snprintf(path, sizeof(path), "/proc/%d/cwd", t->vmm);
	if (readlink(path, cwd, sizeof(cwd) - 1) < 0)
		die("no working directory");
	printf("working directory: %s\n", cwd);
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", t->vmm);
	say(path, (const char *const []){ "", NULL }, "mount");
	descriptors(t->vmm);
	snprintf(path, sizeof(path), "/proc/%d/limits", t->vmm);
	say(path, limits, "limit");
	/* What is not dumpable is root's. */
	snprintf(path, sizeof(path), "/proc/%d/fd", t->vmm);
	if (!stat(path, &st))
		printf("looking into it: %s\n", st.st_uid ? "its user" : "root alone");
}
