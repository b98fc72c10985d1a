// SPDX-License-Identifier: GPL-2.0-only
/* disk.c - --disk of run and start: FILE[,ro][,format=NAME][,serial=TEXT][,cache=HOW][,iops=N][,bps=SIZE] */
#include <stdlib.h>
#include <string.h>

#include "cmd/run.h"
#include "parse.h"
#include "vhctl.h"
#include "vmm/disk_image.h"

static bool set_cache(struct disk_config *d, const char *how)
{
	static const char *const names[] = {
		[DISK_WRITEBACK] = "writeback", [DISK_NONE] = "none", [DISK_UNSAFE] = "unsafe",
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(how, names[i])) {
			d->cache = i;
			return true;
		}
	error("--disk: cache '%s': want writeback, none or unsafe", how);
	return false;
}

static bool set_serial(struct disk_config *d, const char *text)
{
	size_t n = strlen(text);
	bool good = n && n < sizeof(d->serial);

	for (size_t i = 0; i < n; i++)
		good &= text[i] > ' ' && text[i] <= '~';
	if (!good) {
		error("--disk: serial '%s': want 1 to %zu printable characters", text,
		      sizeof(d->serial) - 1);
		return false;
	}
	strcpy(d->serial, text);
	return true;
}

static bool set_option(void *to, char *word)
{
	struct disk_config *d = to;
	char *value = strchr(word, '=');

	if (!value) {
		d->ro = !strcmp(word, "ro");
		if (!d->ro)
			error("--disk: '%s': want ro, format=, serial=, cache=, iops= or bps=", word);
		return d->ro;
	}
	*value++ = 0;
	if (!strcmp(word, "format")) {
		d->format = value;
		if (disk_image_known_format(value))
			return true;
		error("--disk: format '%s': want %s", value, disk_image_formats());
		return false;
	}
	if (!strcmp(word, "serial"))
		return set_serial(d, value);
	if (!strcmp(word, "cache"))
		return set_cache(d, value);
	if (!strcmp(word, "iops")) {
		if (parse_number(value, 1000000000, &d->iops) && d->iops)
			return true;
		error("--disk: iops '%s': want requests a second, such as 500", value);
		return false;
	}
	if (!strcmp(word, "bps")) {
		if (parse_size(value, &d->bps) && d->bps)
			return true;
		error("--disk: bps '%s': want bytes a second, such as 20M", value);
		return false;
	}
	error("--disk: '%s': want ro, format=, serial=, cache=, iops= or bps=", word);
	return false;
}

/**
 * option_disk - another disk
 * @s: value of the option
 * @cfg: gets it
 *
 * False with the error told.
 */
bool option_disk(const char *s, struct vmm_config *cfg)
{
	struct disk_config *d = &cfg->disk[cfg->disks];
	char *all, *word, *next;
	bool good;

	if (cfg->disks == VMM_MAX_DISKS) {
		error("--disk: a VM has at most %d", VMM_MAX_DISKS);
		return false;
	}
	all = word = strdup(s);
	if (!word)
		abort();
	*d = (struct disk_config){ .path = word };
	next = parse_part(word);
	good = *d->path;
	if (!good)
		error("--disk '%s': which file?", s);
	good = good && parse_parts(next, set_option, d);
	if (!good) {
		free(all);
		d->path = NULL;
	}
	cfg->disks += good;
	return good;
}
