// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_disk_image.c - which format a disk's file has, and what a qcow2 image stands on: names, contents, chains
 * that end, that do not, and that lead elsewhere; heads made up: test_disk_image [COUNT [SEED]].
 */
#include <endian.h>
#include <fcntl.h>
#include <json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "random.h"
#include "tap.h"
#include "vhctl.h"
#include "vmm/disk_image.h"

#define CLUSTER	65536

static char said[512];
static int messages;
static uint64_t state = 1;

void error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	messages++;
}

static uint32_t next(void)
{
	return next_random(&state);
}

static void put(uint8_t *p, uint64_t value, int n)
{
	while (n--) {
		p[n] = value;
		value >>= 8;
	}
}

/* A version 3 image: header, a refcount table, an L1 table; its first 4 KiB, and all of it in a file. */
static void qcow2(const char *path, const char *backing, const char *format, size_t size)
{
	static uint8_t p[3 * CLUSTER];
	size_t at = 104;
	int fd;

	memset(p, 0, sizeof(p));
	memcpy(p, "QFI\xfb", 4);
	put(p + 4, 3, 4);
	put(p + 20, 16, 4);
	put(p + 24, CLUSTER, 8);
	put(p + 36, 1, 4);
	put(p + 40, 2 * CLUSTER, 8);
	put(p + 48, CLUSTER, 8);
	put(p + 56, 1, 4);
	put(p + 96, 4, 4);
	put(p + 100, 104, 4);
	if (format) {
		put(p + at, 0xe2792aca, 4);
		put(p + at + 4, strlen(format), 4);
		memcpy(p + at + 8, format, strlen(format));
		at += 8 + ((strlen(format) + 7) & ~7);
	}
	at += 8;
	if (backing) {
		put(p + 8, at, 8);
		put(p + 16, strlen(backing), 4);
		memcpy(p + at, backing, strlen(backing));
	}
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	if (fd < 0 || write(fd, p, size) != (ssize_t)size)
		abort();
	close(fd);
}

static void file(const char *path, const void *data, size_t n)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	if (fd < 0 || write(fd, data, n) != (ssize_t)n)
		abort();
	close(fd);
}

static const char *format_of(const char *path, const char *asked)
{
	struct disk_config cfg = { .path = path, .format = asked };
	const char *format = "";

	return disk_image_format(&cfg, &format) ? "" : format;
}

static void formats(void)
{
	TAP_CHECK(!strcmp(format_of("none", NULL), "raw"));
	TAP_CHECK(!strcmp(format_of("a.qcow2", NULL), "qcow2"));
	TAP_CHECK(!strcmp(format_of("a.QCOW2", NULL), "qcow2"));
	TAP_CHECK(!strcmp(format_of("a.vhd", NULL), "vpc"));
	TAP_CHECK(!strcmp(format_of(".qcow2", NULL), "raw"));
	TAP_CHECK(!strcmp(format_of("a.qcow2", "raw"), "raw"));
	TAP_CHECK(disk_image_known_format("vdi") && !disk_image_known_format("nbd") && !disk_image_known_format(""));
	/* What a guest writes into its raw disk does not make it an image. */
	qcow2("disk", "/etc/passwd", "raw", 3 * CLUSTER);
	TAP_CHECK(!*format_of("disk", NULL) && strstr(said, "disk: looks like qcow2"));
	TAP_CHECK(!strcmp(format_of("disk", "raw"), "raw"));
	qcow2("disk.raw", "/etc/passwd", "raw", 3 * CLUSTER);
	TAP_CHECK(!strcmp(format_of("disk.raw", NULL), "raw"));
	file("disk", "KDMV", 4);
	TAP_CHECK(!*format_of("disk", NULL) && strstr(said, "looks like vmdk"));
	file("disk", "# Disk DescriptorFile\n", 22);
	TAP_CHECK(!*format_of("disk", NULL));
	file("disk", "conectix", 8);
	TAP_CHECK(!*format_of("disk", NULL) && strstr(said, "format=vpc"));
	file("disk", "QFI", 3);
	TAP_CHECK(!strcmp(format_of("disk", NULL), "raw"));
	unlink("disk"), unlink("disk.raw");
}

/* The image's JSON, or NULL with what was said */
static struct json_object *chain(const char *path, bool ro, int *files)
{
	struct disk_config cfg = { .path = path, .ro = ro };
	struct json_object *o = NULL;
	struct disk_image i;

	*said = 0;
	if (disk_image_open(&cfg, "qcow2", &i))
		return NULL;
	o = json_tokener_parse(i.blockdev);
	if (files)
		*files = i.files;
	disk_image_free(&i);
	return o;
}

static bool refused(const char *path, const char *why)
{
	struct json_object *o = chain(path, false, NULL);

	if (!o && strstr(said, why))
		return true;
	printf("# %s: '%s', not '%s'\n", path, o ? json_object_to_json_string(o) : said, why);
	return false;
}

static const char *word(struct json_object *o, const char *name)
{
	struct json_object *value = json_object_object_get(o, name);

	return value ? json_object_get_string(value) : "";
}

static void chains(void)
{
	struct json_object *o, *base, *f;
	int n = 0;

	mkdir("sub", 0700);
	file("sub/ba,se:\"x", "base", 4);
	qcow2("sub/mid", "ba,se:\"x", "raw", 3 * CLUSTER);
	TAP_CHECK(refused("sub/mid", "is none that can be opened here"));	/* a protocol's name, it seems */
	qcow2("sub/mid", "./ba,se:\"x", "raw", 3 * CLUSTER);
	qcow2("top", "sub/mid", "qcow2", 3 * CLUSTER);
	o = chain("top", false, &n);
	TAP_EQ(n, 3);
	TAP_CHECK(!strcmp(word(o, "driver"), "qcow2") && !strcmp(word(o, "node-name"), "disk") &&
		  !strcmp(word(o, "read-only"), "false") && !strcmp(word(o, "discard"), "unmap"));
	base = json_object_object_get(o, "backing");
	TAP_CHECK(!strcmp(word(base, "driver"), "qcow2") && !strcmp(word(base, "read-only"), "true") &&
		  !*word(base, "discard"));
	base = json_object_object_get(base, "backing");
	f = json_object_object_get(base, "file");
	TAP_CHECK(!strcmp(word(base, "driver"), "raw") && !strcmp(word(f, "filename"), "sub/./ba,se:\"x") &&
		  !strcmp(word(f, "read-only"), "true"));
	json_object_put(o);
	o = chain("top", true, NULL);
	TAP_CHECK(!strcmp(word(o, "read-only"), "true") &&
		  !strcmp(word(json_object_object_get(o, "file"), "read-only"), "true"));
	json_object_put(o);
	/* What is not below it is not to be looked for. */
	qcow2("top", NULL, NULL, 3 * CLUSTER);
	o = chain("top", false, &n);
	TAP_CHECK(n == 1 && json_object_object_get_ex(o, "backing", &base) && !base);
	json_object_put(o);

	qcow2("top", "sub/mid", NULL, 3 * CLUSTER);
	TAP_CHECK(refused("top", "does not say which format"));
	qcow2("top", "json:{}", "qcow2", 3 * CLUSTER);
	TAP_CHECK(refused("top", "none that can be opened here"));
	qcow2("top", "nbd://host/x", "raw", 3 * CLUSTER);
	TAP_CHECK(refused("top", "none that can be opened here"));
	qcow2("top", "sub/mid", "host_cdrom", 3 * CLUSTER);
	TAP_CHECK(refused("top", "none that can be opened here"));
	qcow2("top", "a\33[2Jb", "raw", 3 * CLUSTER);
	TAP_CHECK(refused("top", "name of its backing file is damaged"));
	qcow2("top", "a\xc2\x9b""2Jb", "raw", 3 * CLUSTER);
	TAP_CHECK(refused("top", "name of its backing file is damaged"));
	qcow2("top", "\xc3\x9c", "raw", 3 * CLUSTER);
	TAP_CHECK(refused("top", "its backing file \xc3\x9c: No such file"));
	qcow2("top", "none", "raw", 3 * CLUSTER);
	TAP_CHECK(refused("top", "its backing file none: No such file"));
	qcow2("top", "sub", "raw", 3 * CLUSTER);
	TAP_CHECK(refused("top", "is neither a file nor a block device"));
	qcow2("top", "top", "qcow2", 3 * CLUSTER);
	TAP_CHECK(refused("top", "stands on too many files"));
	qcow2("top", NULL, NULL, CLUSTER + 5);
	TAP_CHECK(refused("top", "is truncated"));
	qcow2("top", NULL, NULL, 2 * CLUSTER + 4);
	TAP_CHECK(refused("top", "is truncated"));
	qcow2("top", NULL, NULL, 90);
	TAP_CHECK(refused("top", "has no whole header"));
	file("top", "", 0);
	TAP_CHECK(refused("top", "is no qcow2 image"));
	mkfifo("fifo", 0600);
	TAP_CHECK(refused("fifo", "is neither a file nor a block device"));
	unlink("sub/ba,se:\"x"), unlink("sub/mid"), rmdir("sub"), unlink("fifo");
}

/* Heads in which some bytes are others; nothing of the host's is opened that is not the image. */
static void made_up(unsigned long count)
{
	unsigned long opened = 0;
	uint8_t p[4096];

	for (unsigned long i = 0; i < count; i++) {
		struct json_object *o;
		int fd, n = 1 + next() % 6;

		qcow2("top", "x", "raw", 3 * CLUSTER);
		fd = open("top", O_RDWR);
		if (pread(fd, p, sizeof(p), 0) != sizeof(p))
			abort();
		while (n--)
			p[next() % 160] = next() & 1 ? next() : next() & 1 ? 0xff : 0;
		if (pwrite(fd, p, sizeof(p), 0) != sizeof(p) || (!(next() % 4) && ftruncate(fd, next() % 4096)))
			abort();
		close(fd);
		o = chain("top", false, NULL);
		opened += !!o;
		json_object_put(o);
	}
	printf("# %lu heads, %lu opened\n", count, opened);
	TAP_CHECK(opened < count / 2);
}

int main(int argc, char **argv)
{
	char dir[4200];

	snprintf(dir, sizeof(dir), "%s-files", argv[0]);
	mkdir(dir, 0700);
	if (chdir(dir))
		return 1;
	state = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	formats();
	chains();
	file("x", "", 0);
	made_up(argc > 1 ? strtoul(argv[1], NULL, 0) : 3000);
	unlink("x"), unlink("top");
	return chdir("..") || tap_done();
}
