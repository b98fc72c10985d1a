// SPDX-License-Identifier: GPL-2.0-only
/*
 * seed.c - what cloud-init is to find: its NoCloud data source looks for a file system labelled
 * CIDATA, with the files user-data and meta-data and, optionally, vendor-data and network-config.
 * It is a FAT file system of the size of a floppy disk, which mtools makes of nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"
#include "image/program.h"
#include "image/store.h"
#include "vhctl.h"

#define FILE_MAX	(1U << 20)
#define PARTS		4

enum part { USER, META, VENDOR, NETWORK };

static const char *const part_names[PARTS] = { "user-data", "meta-data", "vendor-data", "network-config" };

/**
 * struct text - text that grows
 */
struct text {
	char *s;
	size_t n;
};

static void add(struct text *t, const char *s)
{
	size_t n = strlen(s);

	t->s = realloc(t->s, t->n + n + 1);
	if (!t->s)
		abort();
	memcpy(t->s + t->n, s, n + 1);
	t->n += n;
}

/* All of a file that is text. @dir_ok: a directory is 1. */
static int read_text(const char *path, struct text *t, bool optional)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = -1;
	struct stat st;
	char *b;
	ssize_t n;

	if (fd < 0 && errno == ENOENT && optional)
		return 0;
	if (fd < 0 || fstat(fd, &st)) {
		error("%s: %s", path, strerror(errno));
		return -1;
	}
	b = malloc(FILE_MAX + 2);
	if (!b)
		abort();
	n = S_ISREG(st.st_mode) ? read(fd, b, FILE_MAX + 1) : -1;
	if (!S_ISREG(st.st_mode))
		error("%s: is no file", path);
	else if (n < 0)
		error("%s: %s", path, strerror(errno));
	else if (n > (ssize_t)FILE_MAX)
		error("%s: is larger than 1M", path);
	else if (memchr(b, 0, n))
		error("%s: is no text", path);
	else
		err = 0;
	if (!err) {
		b[n] = 0;
		add(t, b);
	}
	free(b);
	close(fd);
	return err;
}

static int read_config(const char *config, struct text *part)
{
	struct stat st;
	char *path;
	int err;

	if (stat(config, &st)) {
		error("%s: %s", config, strerror(errno));
		return -1;
	}
	if (!S_ISDIR(st.st_mode))
		return read_text(config, &part[USER], false);
	for (int i = 0; i < PARTS; i++) {
		if (asprintf(&path, "%s/%s", config, part_names[i]) < 0)
			abort();
		err = read_text(path, &part[i], i != USER);
		free(path);
		if (err)
			return -1;
	}
	return 0;
}

/* TYPE BASE64 [COMMENT] (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"), without options. */
static bool key_valid(const char *line)
{
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
	size_t type = strcspn(line, " "), blob;

	if (strncmp(line, "ssh-", 4) && strncmp(line, "ecdsa-", 6) && strncmp(line, "sk-", 3))
		return false;
	if (!line[type] || !text_valid(line, 16384))
		return false;
	blob = strspn(line + type + 1, base64);
	return blob > 16 && (!line[type + 1 + blob] || line[type + 1 + blob] == ' ');
}

static int read_keys(const char *path, json_object *keys)
{
	struct text t = { };
	char *at, *line;
	int n = 0, err = read_text(path, &t, false);

	if (!err && strstr(t.s ? t.s : "", "PRIVATE KEY")) {
		error("%s: is a private key, which no VM may have; give the public one, %s.pub", path, path);
		err = -1;
	}
	for (at = t.s; !err && (line = strsep(&at, "\r\n"));) {
		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		if (!key_valid(line)) {
			error("%s: '%.40s' is no public key", path, text_valid(line, SIZE_MAX) ? line : "?");
			err = -1;
		}
		json_object_array_add(keys, json_object_new_string(line));
		n++;
	}
	if (!err && !n) {
		error("%s: has no key", path);
		err = -1;
	}
	free(t.s);
	return err;
}

static bool has_key(const char *yaml, const char *key)
{
	for (const char *at = yaml; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, key, strlen(key)) && at[strlen(key)] == ':')
			return true;
		if (!*at)
			break;
	}
	return false;
}

/* Another key of meta-data, which is YAML; a value in JSON is YAML, too. */
static int add_meta(struct text *meta, const char *key, json_object *value)
{
	const char *s = meta->s ? meta->s + strspn(meta->s, " \t\r\n") : "";

	if (*s == '{' || has_key(s, key)) {
		error("meta-data: %s cannot be added to it%s", key, *s == '{' ? "; it is JSON" : "; it has one");
		return -1;
	}
	if (meta->n && meta->s[meta->n - 1] != '\n')
		add(meta, "\n");
	add(meta, key);
	add(meta, ": ");
	add(meta, json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	add(meta, "\n");
	return 0;
}

/* cloud-init does its work once for each instance-id: another one for what is configured otherwise. */
static int add_instance(struct text *part)
{
	struct sha256_ctx ctx;
	json_object *value;
	uint8_t d[SHA256_DIGEST_SIZE];
	char id[24] = "vh-";
	int err;

	if (part[META].s && has_key(part[META].s, "instance-id"))
		return 0;
	if (part[META].s && part[META].s[strspn(part[META].s, " \t\r\n")] == '{')
		return 0;
	sha256_init(&ctx);
	for (int i = 0; i < PARTS; i++)
		sha256_update(&ctx, part[i].n + !!part[i].n, (const uint8_t *)part[i].s);
	sha256_digest(&ctx, sizeof(d), d);
	for (int i = 0; i < 8; i++)
		sprintf(id + 3 + 2 * i, "%02x", d[i]);
	value = json_object_new_string(id);
	err = add_meta(&part[META], "instance-id", value);
	json_object_put(value);
	return err;
}

static bool hostname_valid(const char *name)
{
	size_t n = strlen(name);

	return n && n <= 253 && name[0] != '-' && name[0] != '.' &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")];
}

static int collect(const struct image_seed *seed, struct text *part)
{
	json_object *keys = json_object_new_array(), *value;
	int err = seed->config ? read_config(seed->config, part) : 0;

	for (unsigned int i = 0; !err && i < seed->keys; i++)
		err = read_keys(seed->key[i], keys);
	if (!err && seed->keys)
		err = add_meta(&part[META], "public-keys", keys);
	json_object_put(keys);
	if (!err && seed->hostname && !hostname_valid(seed->hostname)) {
		error("--hostname '%s': want letters, digits and -", seed->hostname);
		err = -1;
	}
	if (!err && seed->hostname) {
		value = json_object_new_string(seed->hostname);
		err = add_meta(&part[META], "local-hostname", value);
		json_object_put(value);
	}
	/* It has to be there, and says by its first line what it is. */
	if (!err && !part[USER].n)
		add(&part[USER], "#cloud-config\n{}\n");
	return err || add_instance(part) ? -1 : 0;
}

static int write_part(int dir, const char *name, const struct text *t)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), err = -1;

	if (fd >= 0 && write(fd, t->s, t->n) == (ssize_t)t->n)
		err = 0;
	if (fd >= 0)
		close(fd);
	return err;
}

/* mtools' own configuration files could say anything. */
static int mtools(struct program *p, const char *work)
{
	program_writes(p, work);
	return program_must(p, "seed");
}

static int make_fat(const char *work, const char *disk, int dir, const struct text *part)
{
	char *path[PARTS] = { };
	struct program p;
	int err;

	program_new(&p, "mformat");
	program_args(&p, "-i", disk, "-C", "-f", "2880", "-v", "CIDATA", "::", NULL);
	err = mtools(&p, work);
	program_free(&p);
	program_new(&p, "mcopy");
	program_args(&p, "-i", disk, NULL);
	for (int i = 0; !err && i < PARTS; i++) {
		if (!part[i].n)
			continue;
		if (write_part(dir, part_names[i], &part[i])) {
			error("%s/%s: %s", work, part_names[i], strerror(errno));
			err = -1;
		}
		if (asprintf(&path[i], "%s/%s", work, part_names[i]) < 0)
			abort();
		program_args(&p, path[i], NULL);
	}
	program_args(&p, "::", NULL);
	if (!err)
		err = mtools(&p, work);
	program_free(&p);
	for (int i = 0; i < PARTS; i++)
		free(path[i]);
	return err;
}

int image_seed_make(const struct image_seed *seed, const char *path)
{
	struct text part[PARTS] = { };
	char *made = NULL, *work = NULL, *disk = NULL;
	int dir = -1, fd, err = collect(seed, part);

	if (err)
		goto out;
	/* To mtools a name may be that of a drive, but not an absolute one. */
	if (asprintf(&made, "%s.XXXXXX", path) < 0 || !mkdtemp(made) || !(work = realpath(made, NULL)) ||
	    (dir = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		error("%s: %s", path, strerror(errno));
		err = -1;
		goto out;
	}
	if (asprintf(&disk, "%s/disk", work) < 0)
		abort();
	/* It may have passwords. */
	fd = openat(dir, "disk", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	err = make_fat(work, disk, dir, part);
	if (!err && (fd < 0 || fsync(fd) || rename(disk, path))) {
		error("%s: %s", path, strerror(errno));
		err = -1;
	}
	if (fd >= 0)
		close(fd);
	tree_remove(AT_FDCWD, work);
out:
	if (dir >= 0)
		close(dir);
	for (int i = 0; i < PARTS; i++)
		free(part[i].s);
	free(disk);
	free(work);
	free(made);
	return err;
}
