// SPDX-License-Identifier: GPL-2.0-only
/* named.c - the name of a VM that has none of its own: its cgroup's. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "object.h"

/* As the kernel takes them: what a cgroup is called is anybody's choice. */
static bool name_ok(const char *name)
{
	size_t n = strlen(name);
	uint8_t uuid[16];

	if (!n || n > VH_VM_NAME_MAX || name[0] == '-' || uuid_parse(name, uuid) ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+:@-")])
		return false;
	if (!strncmp(name, "vm-", 3))
		name += 3;
	return name[strspn(name, "0123456789")];
}

/* What systemd made of a character that a unit's name cannot have: \xHH. */
static void unescape(char *s)
{
	unsigned int c;
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] == 'x' && isxdigit(s[2]) && isxdigit(s[3]) && sscanf(s + 2, "%2x", &c) == 1 && c) {
			*to++ = c;
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = 0;
}

/* Cuts @end off @s, if it ends so. */
static bool cut(char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	if (n < m || strcmp(s + n - m, end))
		return false;
	s[n - m] = 0;
	return true;
}

/* libvirt's: machine-qemu\x2d1\x2dweb.scope of systemd, qemu-1-web.libvirt-qemu where there is none. */
static bool libvirt_name(char *part, char *name)
{
	size_t digits;

	if (!strncmp(part, "machine-", 8) && cut(part, ".scope")) {
		part += 8;
		unescape(part);
	} else if (!cut(part, ".libvirt-qemu")) {
		return false;
	}
	if (strncmp(part, "qemu-", 5))
		return false;
	part += 5;
	digits = strspn(part, "0123456789");
	if (!digits || part[digits] != '-' || !name_ok(part + digits + 1))
		return false;
	strcpy(name, part + digits + 1);
	return true;
}

bool cgroup_names(const char *cgroup, char *name)
{
	char *copy = strdup(cgroup), *at = copy, *part;
	bool found = false;

	while (!found && (part = strsep(&at, "/")))
		found = libvirt_name(part, name);
	free(copy);
	return found;
}
