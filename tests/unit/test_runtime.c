// SPDX-License-Identifier: GPL-2.0-only
/* test_runtime.c - where vhctl's VMs have their sockets: a folder that is nobody else's, and what is left there. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "runtime.h"
#include "tap.h"
#include "vhctl.h"

static char top[] = "/tmp/vh-test-XXXXXX", said[512];
static long later;		/* seconds that have gone by */

time_t __real_time(time_t *t);
time_t __wrap_time(time_t *t);

time_t __wrap_time(time_t *t)
{
	return __real_time(t) + later;
}

void error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

static const char *in(const char *name)
{
	static char path[4][64];
	static int n;

	n = (n + 1) % 4;
	snprintf(path[n], sizeof(path[n]), "%s/%s", top, name);
	return path[n];
}

static bool has(const char *name)
{
	return !access(in(name), F_OK);
}

/* The folder is this, and private. */
static bool is(uid_t uid, const char *session, const char *want)
{
	struct stat st;
	char dir[256];

	return !runtime_folder(uid, session, in("users"), in("all"), dir, sizeof(dir)) && !strcmp(dir, in(want)) &&
	       !stat(dir, &st) && S_ISDIR(st.st_mode) && !(st.st_mode & 077);
}

static bool refused(uid_t uid, const char *words)
{
	char dir[256];

	*said = 0;
	return runtime_folder(uid, NULL, in("users"), in("all"), dir, sizeof(dir)) && strstr(said, words) &&
	       strstr(said, "set XDG_RUNTIME_DIR to a folder of yours");
}

static void folders(void)
{
	uid_t me = geteuid();
	char mine[32], of_user[32], other[32];

	snprintf(mine, sizeof(mine), "all/vh-%u", me);
	snprintf(other, sizeof(other), "all/vh-%u", me + 1);
	snprintf(of_user, sizeof(of_user), "users/%u", me);
	TAP_CHECK(refused(me, "No such file"));
	TAP_CHECK(!mkdir(in("all"), 0777) && !mkdir(in("users"), 0755) && !mkdir(in("session"), 0700));
	TAP_CHECK(is(me, in("session"), "session/vh"));
	TAP_CHECK(is(me, NULL, mine));
	/* of a session that is not there, or a path that is none */
	TAP_CHECK(is(me, in("none"), mine));
	TAP_CHECK(is(me, "", mine));
	/* open to others, by whatever mistake */
	TAP_CHECK(!chmod(in(mine), 0777) && is(me, NULL, mine));
	/* somebody was faster: a folder, a link to one that is right, a file */
	TAP_CHECK(!mkdir(in(other), 0777) && refused(me + 1, "is not your folder"));
	TAP_CHECK(!rmdir(in(mine)) && !symlink(in("session"), in(mine)) && refused(me, "is not your folder"));
	TAP_CHECK(!unlink(in(mine)) && mknod(in(mine), S_IFREG | 0600, 0) == 0 && refused(me, "is not your folder"));
	/* a folder of another's session is not taken either */
	TAP_CHECK(!mkdir(in(of_user), 0700));
	strcat(of_user, "/vh");
	TAP_CHECK(is(me, NULL, of_user));
	TAP_CHECK(refused(me + 1, "is not your folder"));
}

static int make_socket(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(at.sun_path, in(name));
	if (bind(s, (struct sockaddr *)&at, sizeof(at)))
		abort();
	return s;
}

static void leftovers(void)
{
	int used = make_socket("used.control"), left = make_socket("left.control"), sock = make_socket("a.sock");

	listen(used, 1);
	close(left);
	close(sock);
	TAP_CHECK(!mknod(in("file.control"), S_IFREG | 0600, 0));
	/* It may be one at which somebody is about to listen. */
	runtime_clean(top);
	TAP_CHECK(has("left.control"));
	later = 60;
	runtime_clean(top);
	TAP_CHECK(!has("left.control") && has("used.control") && has("file.control") && has("a.sock"));
	close(used);
	runtime_clean(top);
	TAP_CHECK(!has("used.control"));
	runtime_clean(in("none"));
}

int main(void)
{
	char command[64];

	if (!mkdtemp(top))
		return 1;
	folders();
	leftovers();
	snprintf(command, sizeof(command), "rm -r %s", top);
	return system(command) || tap_done();
}
