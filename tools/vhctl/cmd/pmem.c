// SPDX-License-Identifier: GPL-2.0-only
/* pmem.c - --pmem of run and start: FILE[,ro] */
#include <stdlib.h>
#include <string.h>

#include "cmd/run.h"
#include "parse.h"
#include "vhctl.h"

static bool set_option(void *to, char *word)
{
	struct pmem_config *p = to;

	p->ro = !strcmp(word, "ro");
	if (!p->ro)
		error("--pmem: '%s': want ro", word);
	return p->ro;
}

/**
 * option_pmem - another file as memory
 * @s: value of the option
 * @cfg: gets it
 *
 * False with the error told.
 */
bool option_pmem(const char *s, struct vmm_config *cfg)
{
	struct pmem_config *p = &cfg->pmem[cfg->pmems];
	char *all, *word, *next;
	bool good;

	if (cfg->pmems == VMM_MAX_PMEMS) {
		error("--pmem: a VM has at most %d", VMM_MAX_PMEMS);
		return false;
	}
	all = word = strdup(s);
	if (!word)
		abort();
	*p = (struct pmem_config){ .path = word };
	next = parse_part(word);
	good = *p->path;
	if (!good)
		error("--pmem '%s': which file?", s);
	good = good && parse_parts(next, set_option, p);
	if (!good) {
		free(all);
		*p = (struct pmem_config){ };
	}
	cfg->pmems += good;
	return good;
}
