// SPDX-License-Identifier: GPL-2.0-only
/* user.c - vhctl user ls, set. */
#include <errno.h>
#include <pwd.h>
#include <string.h>

#include "fields.h"
#include "parse.h"
#include "quota.h"
#include "vhctl.h"

static void help(void)
{
	puts("usage: vhctl user ls [OPTIONS]\n"
	     "       vhctl user set USER|default QUOTA=LIMIT...\n\n"
	     "What users have and may have without an administrator: vms; of these defined, which\n"
	     "'vhctl create' made; reserved, bytes of memory of these; sockets that get events.\n"
	     "LIMIT is a number, a size such as 64G, max, or default: as every user. Setting limits\n"
	     "takes CAP_SYS_ADMIN.\n\n"
	     OUT_OPTIONS_HELP);
}

static void show(const struct user *u, void *arg)
{
	static const char *const titles[] = { "VMS", "DEFINED", "RESERVED", "SOCKETS" };
	const struct passwd *pw = u->all ? NULL : getpwuid(u->uid);
	struct out *o = arg;
	char uid[12], text[64];
	int q;

	snprintf(uid, sizeof(uid), "%u", u->uid);
	out_object(o);
	out_text(o, "user", "USER", u->all ? "default" : pw ? pw->pw_name : uid);
	if (!u->all)
		out_number(o, "uid", NULL, u->uid);
	for (q = 0; q <= VH_QUOTA_SOCKETS; q++) {
		bool bytes = q == VH_QUOTA_RESERVED;
		char use[24], limit[24] = "max";

		if (!out_is_table(o))
			break;
		snprintf(use, sizeof(use), "%llu", (unsigned long long)u->usage[q]);
		if (u->limit[q] != VH_LIMIT_NONE)
			snprintf(limit, sizeof(limit), "%llu", (unsigned long long)u->limit[q]);
		snprintf(text, sizeof(text), "%s/%s", bytes ? human_bytes(u->usage[q]) : use,
			 bytes && u->limit[q] != VH_LIMIT_NONE ? human_bytes(u->limit[q]) : limit);
		out_text(o, titles[q], titles[q], text);
	}
	out_down(o, "usage");
	for (q = 0; q <= VH_QUOTA_SOCKETS; q++)
		out_limit(o, quota_name(q), NULL, u->usage[q], q == VH_QUOTA_RESERVED);
	out_up(o);
	out_down(o, "limit");
	for (q = 0; q <= VH_QUOTA_SOCKETS; q++)
		out_limit(o, quota_name(q), NULL, u->limit[q], q == VH_QUOTA_RESERVED);
	out_up(o);
	out_down(o, "refused");
	for (q = 0; q <= VH_QUOTA_SOCKETS; q++)
		out_number(o, quota_name(q), NULL, u->refused[q]);
	out_up(o);
}

static int ls(struct nl *nl, enum out_mode mode)
{
	struct out *o = out_new(mode);

	if (users_get(nl, show, o)) {
		error("cannot list the users: %s", vh_words(nl));
		return EXIT_ERROR;
	}
	out_finish(o, false);
	return EXIT_OK;
}

/* "vms=10" into the nest. False, told, when it is none. */
static bool put_quota(struct nl_msg *msg, const char *text)
{
	const char *equals = strchr(text, '=');
	uint64_t limit;
	int q;

	for (q = 0; equals && q <= VH_QUOTA_SOCKETS; q++)
		if (strlen(quota_name(q)) == (size_t)(equals - text) &&
		    !strncmp(text, quota_name(q), equals - text))
			break;
	if (!equals || q > VH_QUOTA_SOCKETS) {
		error("'%s': want vms=, defined=, reserved= or sockets= and a limit", text);
		return false;
	}
	equals++;
	if (!strcmp(equals, "max") || !strcmp(equals, "none")) {
		limit = VH_LIMIT_NONE;
	} else if (!strcmp(equals, "default")) {
		limit = VH_LIMIT_DEFAULT;
	} else if (q == VH_QUOTA_RESERVED ? !parse_size(equals, &limit) :
					    !parse_number(equals, INT64_MAX, &limit)) {
		error("'%s': want %s, max or default", text,
		      q == VH_QUOTA_RESERVED ? "a size such as 64G" : "a number");
		return false;
	}
	nla_put_u64(msg, VH_A_QUOTA_VMS + q, limit);
	return true;
}

static int set(struct nl *nl, char **args, int n)
{
	struct nlattr *nest;
	struct nl_msg *msg;
	struct passwd *pw;
	uint64_t uid;
	int i;

	if (n < 2) {
		error(n ? "which limits?" : "which user?");
		return usage_error("user");
	}
	msg = vh_request(nl, VH_CMD_USER_SET, 0);
	if (strcmp(args[0], "default")) {
		pw = getpwnam(args[0]);
		if (pw) {
			uid = pw->pw_uid;
		} else if (!parse_number(args[0], UINT32_MAX - 1, &uid)) {
			error("there is no user '%s'", args[0]);
			return EXIT_ERROR;
		}
		nla_put_u32(msg, VH_A_USER_UID, uid);
	}
	nest = nla_nest_start(msg, VH_A_USER_LIMIT | NLA_F_NESTED);
	for (i = 1; i < n; i++)
		if (!put_quota(msg, args[i]))
			return EXIT_USAGE;
	nla_nest_end(msg, nest);
	if (!vh_talk(nl, msg, NULL, NULL))
		return EXIT_OK;
	error("cannot set limits of %s: %s", args[0], vh_words(nl));
	return EXIT_ERROR;
}

int cmd_user(int argc, char **argv)
{
	static const char *const words[] = { "ls", "set", NULL };
	enum out_mode mode = OUT_TABLE;
	int word, status;
	struct nl *nl;

	word = out_command(argc, argv, words, help, &mode, &status);
	if (word < 0)
		return status;
	nl = vh_open();
	if (!nl)
		return EXIT_ERROR;
	argv += optind + 1;
	argc -= optind + 1;
	status = word ? set(nl, argv, argc) : ls(nl, mode);
	vh_close(nl);
	return status;
}
