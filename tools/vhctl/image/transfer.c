// SPDX-License-Identifier: GPL-2.0-only
/* transfer.c - push and pull: from here by ssh to 'vhctl image serve' there; and serve. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/ops.h"
#include "image/wire.h"
#include "vhctl.h"

#define VERSION_HERE	1

/* --- the other host --- */

struct remote {
	struct wire wire;
	pid_t pid;
};

/* In single quotes, for a shell. */
static char *quoted(const char *s)
{
	char *q = malloc(4 * strlen(s) + 3), *to = q;

	if (!q)
		abort();
	*to++ = '\'';
	for (; *s; s++) {
		if (*s == '\'') {
			memcpy(to, "'\\''", 4);
			to += 4;
		} else {
			*to++ = *s;
		}
	}
	strcpy(to, "'");
	return q;
}

/* What the host's login shell is to run; sshd gives users a path without sbin. */
static char *remote_command(const char *store)
{
	char *dir = store ? quoted(store) : NULL, *inner, *inner_quoted, *all;

	if (asprintf(&inner, "PATH=$PATH:/usr/local/sbin:/usr/sbin exec vhctl image serve%s%s", dir ? " --store " : "",
		     dir ? dir : "") < 0)
		abort();
	inner_quoted = quoted(inner);
	if (asprintf(&all, "sh -c %s", inner_quoted) < 0)
		abort();
	free(dir);
	free(inner);
	free(inner_quoted);
	return all;
}

static int remote_open(struct remote *r, const char *host, const char *ssh, const char *store)
{
	int to[2], from[2];
	char *command, *run;

	if (!*host || *host == '-') {
		error("'%s': want a host, such as user@host", host);
		return -1;
	}
	if (!ssh)
		ssh = getenv("VH_SSH");
	if (asprintf(&run, "exec %s \"$@\"", ssh && *ssh ? ssh : "ssh") < 0)
		abort();
	command = remote_command(store);
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC)) {
		error("%s: %s", host, strerror(errno));
		return -1;
	}
	fflush(NULL);
	r->pid = fork();
	if (!r->pid) {
		dup2(to[0], STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", run, "sh", host, command, NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	free(run);
	free(command);
	r->wire = (struct wire){ .in = from[0], .out = to[1], .peer = host };
	/* Who has gone is found when it is written to. */
	signal(SIGPIPE, SIG_IGN);
	if (r->pid > 0)
		return 0;
	error("%s: %s", host, strerror(errno));
	return -1;
}

static void remote_close(struct remote *r)
{
	close(r->wire.in);
	close(r->wire.out);
	while (r->pid > 0 && waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static json_object *request(const char *op, const char *name)
{
	json_object *j = json_object_new_object();

	json_object_object_add(j, "version", json_object_new_int(VERSION_HERE));
	json_object_object_add(j, "op", json_object_new_string(op));
	json_object_object_add(j, "name", json_object_new_string(name));
	return j;
}

static json_object *member(json_object *j, const char *key)
{
	json_object *v = NULL;

	json_object_object_get_ex(j, key, &v);
	return v;
}

/**
 * image_push - a sealed image to another host, and of what it stands on what that lacks
 * @s: the store
 * @text: name or id
 * @host: as ssh takes it
 * @as: NAME:TAG there
 * @ssh: command; NULL: VH_SSH, or ssh
 * @remote_store: directory there; NULL: the user's
 */
int image_push(struct store *s, const char *text, const char *host, const char *as, const char *ssh,
	       const char *remote_store)
{
	struct wire here = { .in = -1, .out = -1, .peer = "image push" };
	struct load l = { };
	json_object *j;
	struct remote r;
	int err = -1;

	if (load_from_store(&here, s, text, &l))
		return -1;
	if (remote_open(&r, host, ssh, remote_store)) {
		load_free(&l);
		return -1;
	}
	j = request("put", as);
	json_object_object_add(j, "images", load_to_json(&l));
	if (!wire_tell(&r.wire, j) && (j = wire_ask(&r.wire))) {
		err = load_want(&r.wire, j, &l) || load_send(&r.wire, s, &l);
		json_object_put(j);
		if (!err) {
			j = wire_ask(&r.wire);
			err = !json_object_get_boolean(member(j, "done"));
			if (j && err)
				wire_fail(&r.wire, "does not say that it is done");
			json_object_put(j);
		}
	}
	remote_close(&r);
	load_free(&l);
	return err ? -1 : 0;
}

/**
 * image_pull - a sealed image from another host, and of what it stands on what is not here
 * @s: the store
 * @host: as ssh takes it
 * @name: name or id there
 * @as: NAME:TAG here
 * @ssh: command; NULL: VH_SSH, or ssh
 * @remote_store: directory there; NULL: the user's
 */
int image_pull(struct store *s, const char *host, const char *name, const char *as, const char *ssh,
	       const char *remote_store)
{
	struct load l = { };
	json_object *j;
	struct remote r;
	struct stage t;
	int err = -1;

	if (store_name_free(s, as) || stage_new(s, &t))
		return -1;
	if (!remote_open(&r, host, ssh, remote_store)) {
		if (!wire_tell(&r.wire, request("get", name)) && (j = wire_ask(&r.wire))) {
			err = load_from_json(&r.wire, member(j, "images"), &l);
			json_object_put(j);
		}
		if (!err) {
			load_lack(s, &l);
			err = wire_tell(&r.wire, load_wanted(&l)) || load_get(&r.wire, &t, &l) ||
			      load_publish(&r.wire, s, &t, &l, as);
		}
		remote_close(&r);
	}
	stage_end(&t);
	load_free(&l);
	return err ? -1 : 0;
}

/* --- serve --- */

static int serve_get(struct wire *w, struct store *s, const char *name)
{
	json_object *j = json_object_new_object(), *answer;
	struct load l = { };
	int err = load_from_store(w, s, name, &l);

	if (err) {
		json_object_put(j);
		return -1;
	}
	json_object_object_add(j, "images", load_to_json(&l));
	err = wire_tell(w, j);
	answer = err ? NULL : wire_ask(w);
	err = !answer || load_want(w, answer, &l) || load_send(w, s, &l);
	json_object_put(answer);
	load_free(&l);
	return err ? -1 : 0;
}

static int serve_put(struct wire *w, struct store *s, const char *name, json_object *images)
{
	char whole[NAME_SIZE];
	json_object *j;
	struct load l = { };
	struct stage t;
	int err;

	if (!name_complete(name, whole)) {
		wire_fail(w, "'%s' is no name for an image", text_valid(name, NAME_SIZE) ? name : "?");
		return -1;
	}
	if (load_from_json(w, images, &l)) {
		load_free(&l);
		return -1;
	}
	if (stage_new(s, &t)) {
		wire_fail(w, "the store cannot be written");
		load_free(&l);
		return -1;
	}
	load_lack(s, &l);
	err = wire_tell(w, load_wanted(&l)) || load_get(w, &t, &l) || load_publish(w, s, &t, &l, whole);
	stage_end(&t);
	load_free(&l);
	if (err)
		return -1;
	j = json_object_new_object();
	json_object_object_add(j, "done", json_object_new_boolean(true));
	return wire_tell(w, j);
}

/**
 * image_serve - answer one request of another host's push or pull
 * @s: the store
 * @in: from there
 * @out: to there
 * @read_only: push is refused
 */
int image_serve(struct store *s, int in, int out, bool read_only)
{
	struct wire w = { .in = in, .out = out };
	json_object *j, *version;
	const char *op, *name;
	int err = -1;

	signal(SIGPIPE, SIG_IGN);
	j = wire_ask(&w);
	if (!j)
		return -1;
	version = member(j, "version");
	op = json_object_get_string(member(j, "op"));
	name = json_object_get_string(member(j, "name"));
	if (!json_object_is_type(version, json_type_int) || json_object_get_int(version) != VERSION_HERE)
		wire_fail(&w, "this vhctl speaks version %d", VERSION_HERE);
	else if (!op || !name)
		wire_fail(&w, "wants nothing");
	else if (!strcmp(op, "get"))
		err = serve_get(&w, s, name);
	else if (!strcmp(op, "put") && !read_only)
		err = serve_put(&w, s, name, member(j, "images"));
	else
		wire_fail(&w, read_only ? "this store is only read" : "does not know '%.32s'",
			  text_valid(op, SIZE_MAX) ? op : "?");
	json_object_put(j);
	return err;
}
