/* SPDX-License-Identifier: GPL-2.0-only */
/* parse.h - sizes, counts, cgroups and VMs as people write them. */
#ifndef PARSE_H
#define PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "512M", "2G", "1.5G", "4096": bytes. False when it is no size. */
bool parse_size(const char *s, uint64_t *bytes);
bool parse_number(const char *s, uint64_t max, uint64_t *n);
/* "2", "0.5": seconds as milliseconds. */
bool parse_seconds(const char *s, unsigned int *ms);
/*
 * The next part of a list, up to a comma; two commas are one of the part. Returns where the part behind
 * it begins, or NULL.
 */
char *parse_part(char *s);
/* @set gets each part of a list, NULL: there are none, until it refuses one. False then. */
bool parse_parts(char *list, bool (*set)(void *to, char *part), void *to);

/* Values of --delay and --count (1 to @max); false with the error told. */
bool option_delay(const char *s, unsigned int *ms);
bool option_count(const char *s, uint64_t max, uint64_t *n);

/* Where cgroup v2 is mounted, or NULL with errno = ENOENT. */
const char *cgroup_mount(void);
/*
 * The directory of a cgroup given by its path: below the mount point, or with
 * it. 0, or -1 with the error told.
 */
int cgroup_dir(const char *name, char *path, size_t size);
/* Move this process into the cgroup. 0, or -1 with the error told. */
int cgroup_enter(const char *name);
/* This process's cgroup, relative to the mount; "/" when there is none. */
void cgroup_self(char *path, size_t size);
/* cgroup.procs of a cgroup directory, open for writing, or -1. */
int cgroup_procs(const char *dir);
/* The directory of the nearest common ancestor of two cgroup directories. */
void cgroup_common(const char *a, const char *b, char *common, size_t size);

#endif /* PARSE_H */
