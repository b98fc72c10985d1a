// SPDX-License-Identifier: GPL-2.0-only
/* group.c - vhctl group ls, show, set, top. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cmd/live.h"
#include "fields.h"
#include "parse.h"
#include "vhctl.h"

static void help(void)
{
	puts("usage: vhctl group ls [OPTIONS]\n"
	     "       vhctl group show [OPTIONS] CGROUP...\n"
	     "       vhctl group set CGROUP RESOURCE=LIMIT...\n"
	     "       vhctl group top [OPTIONS]\n\n"
	     "Cgroups that VMs are charged to, with all below them. A CGROUP is a path under the\n"
	     "cgroup v2 mount, or id:N. RESOURCE is vms, vcpus, memory or tables (page tables);\n"
	     "LIMIT a number, a size such as 64G, or max. Who may write the parent's cgroup.procs\n"
	     "may set limits.\n\n"
	     OUT_OPTIONS_HELP);
}

static int no_cgroup_note(void)
{
	if (!cgroup_mount())
		fputs("no cgroup v2 hierarchy is mounted here: all VMs are in one group, the root\n",
		      stderr);
	return 0;
}

static int ls(struct nl *nl, enum out_mode mode)
{
	struct group_list groups;
	struct out *o;

	no_cgroup_note();
	if (groups_get(nl, &groups))
		return EXIT_ERROR;
	o = out_new(mode);
	for (unsigned int i = 0; i < groups.n; i++)
		group_fields(o, &groups.v[i]);
	out_finish(o, false);
	groups_free(&groups);
	return EXIT_OK;
}

static int show(struct nl *nl, enum out_mode mode, char **names, int n)
{
	int status = EXIT_OK, i;
	struct out *o;

	if (!n) {
		error("which cgroup?");
		return usage_error("group");
	}
	o = out_new(mode == OUT_TABLE ? OUT_LINES : mode);
	for (i = 0; i < n; i++) {
		struct group g;

		if (group_get(nl, names[i], &g)) {
			status = EXIT_ERROR;
			continue;
		}
		group_fields(o, &g);
		group_free(&g);
	}
	out_finish(o, n == 1 && !status);
	return status;
}

/* "memory=64G" into the nest. False, told, when it is none. */
static bool put_limit(struct nl_msg *msg, const char *text)
{
	const char *equals = strchr(text, '=');
	char name[16] = "";
	uint64_t limit;
	int res;

	if (equals)
		snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
	res = resource_by_name(name);
	if (!equals || res < 0) {
		error("'%s': want vms=, vcpus=, memory= or tables= and a limit", text);
		return false;
	}
	if (!strcmp(equals + 1, "max") || !strcmp(equals + 1, "none"))
		limit = VH_LIMIT_NONE;
	else if (res >= VH_RES_MEMORY ? !parse_size(equals + 1, &limit) :
					!parse_number(equals + 1, INT64_MAX, &limit)) {
		error("'%s': want %s or max", text,
		      res >= VH_RES_MEMORY ? "a size such as 512M" : "a number");
		return false;
	}
	nla_put_u64(msg, VH_A_RESOURCE_VMS + res, limit);
	return true;
}

static int set(struct nl *nl, char **args, int n)
{
	char dir[PATH_MAX], parent[PATH_MAX];
	struct nlattr *nest;
	struct nl_msg *msg;
	uint64_t id;
	int fd, i;

	if (n < 2) {
		error(n ? "which limits?" : "which cgroup?");
		return usage_error("group");
	}
	msg = vh_request(nl, VH_CMD_GROUP_SET, 0);
	nest = nla_nest_start(msg, VH_A_GROUP_LIMIT | NLA_F_NESTED);
	for (i = 1; i < n; i++)
		if (!put_limit(msg, args[i]))
			return EXIT_USAGE;
	nla_nest_end(msg, nest);
	if (!strncmp(args[0], "id:", 3) && parse_number(args[0] + 3, UINT64_MAX, &id)) {
		nla_put_u64(msg, VH_A_GROUP_CGROUP_ID, id);
	} else if (!cgroup_mount() && !strcmp(args[0], "/")) {
		nla_put_u64(msg, VH_A_GROUP_CGROUP_ID, 1);
	} else {
		if (cgroup_dir(args[0], dir, sizeof(dir)))
			return EXIT_ERROR;
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0) {
			error("%s: %s", dir, strerror(errno));
			return EXIT_ERROR;
		}
		nla_put_s32(msg, VH_A_GROUP_CGROUP_FD, fd);
		snprintf(parent, sizeof(parent), "%s", dir);
		fd = strcmp(dir, cgroup_mount()) ? cgroup_procs(dirname(parent)) : -1;
		if (fd >= 0)	/* root needs none; others hear from the kernel */
			nla_put_s32(msg, VH_A_GROUP_PARENT_FD, fd);
	}
	if (!vh_talk(nl, msg, NULL, NULL))
		return EXIT_OK;
	error("cannot set limits of %s: %s%s", args[0], vh_words(nl),
	      nl->error == EPERM ? "; who may write the parent's cgroup.procs may set limits" : "");
	return EXIT_ERROR;
}

/* --- top --- */

struct group_sample {
	struct group_list now, last;
};

static const struct group *find(const struct group_list *l, uint64_t id)
{
	for (unsigned int i = 0; i < l->n; i++)
		if (l->v[i].id == id)
			return &l->v[i];
	return NULL;
}

static int sample_groups(struct live *live, void *arg, double seconds)
{
	struct group_sample *s = arg;

	groups_free(&s->last);
	s->last = s->now;
	s->now = (struct group_list){ };
	if (groups_get(live->nl, &s->now))
		return -1;
	for (unsigned int i = 0; i < s->now.n; i++) {
		const struct group *g = &s->now.v[i], *old = find(&s->last, g->id);
		struct live_row *r = live_add(live);
		uint64_t guest = old ? g->c.guest_time - old->c.guest_time : 0;
		uint64_t exits = old ? g->c.exits - old->c.exits : 0;

		live_number(r, 0, guest / 1e7 / seconds, "%.1f");
		live_number(r, 1, exits / seconds, "%.0f");
		live_number(r, 2, g->usage.v[VH_RES_VMS], "%.0f");
		live_number(r, 3, g->usage.v[VH_RES_VCPUS], "%.0f");
		live_bytes(r, 4, g->usage.v[VH_RES_MEMORY]);
		live_bytes(r, 5, g->usage.v[VH_RES_TABLES]);
		live_text(r, 6, g->path ? g->path : "?");
	}
	return 0;
}

static int top(int argc, char **argv)
{
	static const struct live_column columns[] = {
		{ "cpu", "%CPU" }, { "exits", "EXITS/s" }, { "vms", "VMS" }, { "vcpus", "VCPUS" },
		{ "memory", "MEMORY" }, { "tables", "TABLES" }, { "cgroup", "CGROUP" }, { },
	};
	struct group_sample s = { };

	return live_main(argc, argv, "group top", columns, sample_groups, &s);
}

int cmd_group(int argc, char **argv)
{
	static const char *const words[] = { "ls", "show", "set", NULL };
	enum out_mode mode = OUT_TABLE;
	int word, status;
	struct nl *nl;

	if (argc > 1 && !strcmp(argv[1], "top"))
		return top(argc - 1, argv + 1);
	word = out_command(argc, argv, words, help, &mode, &status);
	if (word < 0)
		return status;
	nl = vh_open();
	if (!nl)
		return EXIT_ERROR;
	argv += optind + 1;
	argc -= optind + 1;
	if (word == 2)
		status = set(nl, argv, argc);
	else if (word == 1)
		status = show(nl, mode, argv, argc);
	else
		status = ls(nl, mode);
	vh_close(nl);
	return status;
}
