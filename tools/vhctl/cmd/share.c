// SPDX-License-Identifier: GPL-2.0-only
/* share.c - --share of run and start: DIR[,tag=TAG][,ro] */
#include <stdlib.h>
#include <string.h>

#include "cmd/run.h"
#include "parse.h"
#include "vhctl.h"

/* How the guest mounts it: a word of /etc/fstab. */
static bool set_tag(struct share_config *c, const char *tag)
{
	size_t n = strlen(tag);

	for (size_t i = 0; i < n; i++)
		if (tag[i] <= ' ' || tag[i] > '~')
			n = 0;
	if (n && n <= SHARE_TAG) {
		strcpy(c->tag, tag);
		return true;
	}
	error("--share: tag '%s': want 1 to %d printable characters without spaces", tag, SHARE_TAG);
	return false;
}

/* Without another one it is what the folder is called. */
static bool own_name(struct share_config *c)
{
	char *dir = strdup(c->dir), *name;
	bool good;

	if (!dir)
		abort();
	for (size_t n = strlen(dir); n && dir[n - 1] == '/'; n--)
		dir[n - 1] = 0;
	name = strrchr(dir, '/') ? strrchr(dir, '/') + 1 : dir;
	good = *name && strcmp(name, ".") && strcmp(name, "..");
	if (good)
		good = set_tag(c, name);
	else
		error("--share '%s': want tag=, by which the guest mounts it", c->dir);
	free(dir);
	return good;
}

static bool set_option(void *to, char *word)
{
	struct share_config *c = to;

	if (!strncmp(word, "tag=", 4))
		return set_tag(c, word + 4);
	c->ro = !strcmp(word, "ro");
	if (!c->ro)
		error("--share: '%s': want tag= or ro", word);
	return c->ro;
}

/* The guest has one folder of a tag. */
static bool only_one(const struct vmm_config *cfg, const struct share_config *c)
{
	for (int i = 0; i < cfg->shares; i++)
		if (!strcmp(cfg->share[i].tag, c->tag)) {
			error("--share: two folders have the tag '%s': want another tag=", c->tag);
			return false;
		}
	return true;
}

/**
 * option_share - another folder
 * @s: value of the option
 * @cfg: gets it
 *
 * False with the error told.
 */
bool option_share(const char *s, struct vmm_config *cfg)
{
	struct share_config *c = &cfg->share[cfg->shares];
	char *all, *word, *next;
	bool good;

	if (cfg->shares == VMM_MAX_SHARES) {
		error("--share: a VM has at most %d", VMM_MAX_SHARES);
		return false;
	}
	all = word = strdup(s);
	if (!word)
		abort();
	*c = (struct share_config){ .dir = word };
	next = parse_part(word);
	good = *c->dir;
	if (!good)
		error("--share '%s': which folder?", s);
	good = good && parse_parts(next, set_option, c);
	good = good && (*c->tag || own_name(c)) && only_one(cfg, c);
	if (!good) {
		free(all);
		*c = (struct share_config){ };
	}
	cfg->shares += good;
	return good;
}

/**
 * share_fits - can a VM have its folders?
 * @cfg: what was asked for, all of it
 *
 * A guest's program can have a file read into a file that is memory, which virtiofsd does not have; nor has it memory
 * that comes later. False with the error told.
 */
bool share_fits(const struct vmm_config *cfg)
{
	if (!cfg->shares)
		return true;
	if (cfg->memory_max) {
		error("--share: not with max= of --memory: virtiofsd does not learn of memory that comes later");
		return false;
	}
	if (!cfg->pmems)
		return true;
	error("--share: not with --pmem: virtiofsd reaches the VM's memory alone; share the file's folder, or want --disk");
	return false;
}
