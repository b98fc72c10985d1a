// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk_image.c - image formats: which one a file has, and which files it stands on.
 *
 * A guest writes what it likes into a raw disk, also the head of an image that names the host's files as
 * its own. So a file's contents never make it an image: its name does, or the user. Contents that look
 * like an image in a file of which neither says what it is are an error.
 *
 * Of qcow2 (qcow2.c) the chain of backing files is read here, by the same rule:
 * each has to say the format of the next one. qemu-storage-daemon is then told all of it, and finds
 * nothing out.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <json.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "printable.h"
#include "qcow2.h"
#include "vhctl.h"
#include "vmm/disk_image.h"

#define RAW		"raw"
#define QCOW2		"qcow2"

/* What a format begins with, and names end with. */
static const struct format {
	const char *name, *ends, *magic;
	int at, n;
} formats[] = {
	{ QCOW2, ".qcow2", "QFI\xfb", 0, 4 },
	{ "qed", ".qed", "QED\0", 0, 4 },
	{ "vdi", ".vdi", "\x7f\x10\xda\xbe", 64, 4 },
	{ "vhdx", ".vhdx", "vhdxfile", 0, 8 },
	{ "vmdk", ".vmdk", "KDMV", 0, 4 },
	{ "vmdk", NULL, "COWD", 0, 4 },
	{ "vmdk", NULL, "# Disk DescriptorFile", 0, 21 },
	{ "vpc", ".vhd", "conectix", 0, 8 },
	{ RAW, ".raw", NULL, 0, 0 },
};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

#define MAX_L1		(32u << 20)	/* bytes */
#define L1_OFFSET	0x00fffffffffffe00ULL

/* A file's first bytes */
struct head {
	uint8_t bytes[QCOW2_HEAD];
	ssize_t n;
	uint64_t size;		/* of the file */
	bool device;
};

/**
 * disk_image_known_format - is it one that --disk can have
 * @name: of the format
 */
bool disk_image_known_format(const char *name)
{
	for (size_t i = 0; i < FORMATS; i++)
		if (!strcmp(name, formats[i].name))
			return true;
	return false;
}

/**
 * disk_image_formats - all of these, for messages
 */
const char *disk_image_formats(void)
{
	return "raw, qcow2, qed, vdi, vhdx, vmdk or vpc";
}

/**
 * disk_image_name_says - the format that a name ends with, or NULL
 * @path: the name
 */
const char *disk_image_name_says(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < FORMATS; i++) {
		size_t end = formats[i].ends ? strlen(formats[i].ends) : n;

		if (end < n && !strcasecmp(path + n - end, formats[i].ends))
			return formats[i].name;
	}
	return NULL;
}

/* Its descriptor, its first bytes and their number, and its size; -1 with errno. */
static int open_head(const char *path, struct head *h)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = EINVAL;
	struct stat st;

	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))) {
		h->device = S_ISBLK(st.st_mode);
		h->size = h->device ? lseek(fd, 0, SEEK_END) : st.st_size;
		h->n = pread(fd, h->bytes, sizeof(h->bytes), 0);
		if (h->n >= 0)
			return fd;
		err = errno;
	}
	close(fd);
	errno = err;
	return -1;
}

static const char *format_of_contents(const struct head *h)
{
	for (size_t i = 0; i < FORMATS; i++)
		if (formats[i].magic && h->n >= formats[i].at + formats[i].n &&
		    !memcmp(h->bytes + formats[i].at, formats[i].magic, formats[i].n))
			return formats[i].name;
	return NULL;
}

/**
 * disk_image_format - the format of a disk's file
 * @cfg: the disk
 * @format: "raw", or another one
 *
 * 0, or -1, told. Files that cannot be read are raw: who opens them tells why.
 */
int disk_image_format(const struct disk_config *cfg, const char **format)
{
	const char *looks;
	struct head h;
	int fd;

	*format = cfg->format ? cfg->format : disk_image_name_says(cfg->path);
	if (*format)
		return 0;
	*format = RAW;
	fd = open_head(cfg->path, &h);
	if (fd < 0)
		return 0;
	close(fd);
	looks = format_of_contents(&h);
	if (!looks)
		return 0;
	error("%s: looks like %s, but its name does not say so: with ',format=%s' it is one; ',format=raw' if a guest "
	      "wrote that", cfg->path, looks, looks);
	return -1;
}

/* --- backing files --- */

/*
 * Tables that are behind the end of the file would be read as empty, and the image written on: is all of the
 * first level there, what it points to, and the reference counts?
 */
static bool truncated(int fd, uint64_t size, const struct qcow2 *q)
{
	uint64_t left = q->l1_entries * 8ULL, l1 = q->l1, part[512];

	if (q->cluster_bits < 9 || q->cluster_bits > 21 || left > MAX_L1)
		return false;	/* damaged in another way, which who opens it says */
	if (l1 > size || left > size - l1 || q->counts > size ||
	    q->count_clusters > (size - q->counts) >> q->cluster_bits)
		return true;
	for (; left; l1 += sizeof(part)) {
		size_t n = left < sizeof(part) ? left : sizeof(part);

		if (pread(fd, part, n, l1) != (ssize_t)n)
			return true;
		for (size_t i = 0; i < n / 8; i++) {
			uint64_t at = be64toh(part[i]) & L1_OFFSET;

			if (at && at + (1ULL << q->cluster_bits) > size)
				return true;
		}
		left -= n;
	}
	return false;
}

/* It may be shown on a terminal. */
static bool has_control_characters(const char *name)
{
	while (*name)
		if (control_character(name++))
			return true;
	return false;
}

/* A name like nbd://host or json:{} is no file's. */
static bool has_protocol(const char *name)
{
	size_t n = strcspn(name, ":/");

	return name[n] == ':';
}

static char *beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	char *all = NULL;

	if (*name == '/' || !slash)
		all = strdup(name);
	else if (asprintf(&all, "%.*s/%s", (int)(slash - path), path, name) < 0)
		all = NULL;
	if (!all)
		abort();
	return all;
}

static void set(struct json_object *o, const char *name, struct json_object *value)
{
	if (!o || json_object_object_add(o, name, value))
		abort();
}

static struct json_object *cache_of(const struct disk_config *cfg)
{
	struct json_object *o = json_object_new_object();

	set(o, "direct", json_object_new_boolean(cfg->cache == DISK_NONE));
	set(o, "no-flush", json_object_new_boolean(cfg->cache == DISK_UNSAFE));
	return o;
}

/* A node of a format on that of its file. Without @cfg it is a backing file's. */
static struct json_object *make_node(const struct disk_config *cfg, const struct disk_config *top,
				     const char *format, const char *path, bool device)
{
	struct json_object *node = json_object_new_object(), *file = json_object_new_object();
	bool ro = !cfg || cfg->ro;

	set(file, "driver", json_object_new_string(device ? "host_device" : "file"));
	set(file, "filename", json_object_new_string(path));
	set(file, "read-only", json_object_new_boolean(ro));
	set(file, "cache", cache_of(top));
	set(node, "driver", json_object_new_string(format));
	set(node, "read-only", json_object_new_boolean(ro));
	set(node, "cache", cache_of(top));
	if (!ro) {
		set(file, "discard", json_object_new_string("unmap"));
		set(node, "discard", json_object_new_string("unmap"));
	}
	set(node, "file", file);
	return node;
}

/* What is wrong with an image, or with what it says of the one below it; else NULL. */
static const char *look(int fd, const struct head *h, const char *format, int files, struct qcow2 *q)
{
	const char *bad;

	if (strcmp(format, QCOW2))
		return NULL;
	bad = qcow2_parse(h->bytes, h->n, q);
	if (bad)
		return bad;
	if (q->data_file)
		return "has its data in a file of its own, which is not supported; 'qemu-img convert' makes one image of it";
	if (has_control_characters(q->backing))
		return "the name of its backing file is damaged";
	if (truncated(fd, h->size, q))
		return "is truncated";
	if (!*q->backing)
		return NULL;
	if (!*q->backing_format)
		return "does not say which format its backing file has; 'qemu-img rebase -u -F FORMAT -b NAME' notes it";
	if (!disk_image_known_format(q->backing_format) || has_protocol(q->backing))
		return "its backing file is none that can be opened here";
	return files == DISK_IMAGE_MAX_FILES ? "stands on too many files" : NULL;
}

/* One image of the chain, and what is below it. NULL: told. */
static struct json_object *add_file(struct disk_image *i, const struct disk_config *cfg, const char *format,
				    struct qcow2 *q)
{
	const char *path = i->path[i->files - 1], *bad;
	struct head h;
	int fd = open_head(path, &h);

	*q = (struct qcow2){ 0 };
	if (fd < 0) {
		bad = errno == EINVAL ? "is neither a file nor a block device" : strerror(errno);
	} else {
		bad = look(fd, &h, format, i->files, q);
		close(fd);
	}
	if (!bad)
		return make_node(i->files > 1 ? NULL : cfg, cfg, format, path, h.device);
	if (i->files > 1)
		error("%s: its backing file %s: %s", cfg->path, path, bad);
	else
		error("%s: %s", path, bad);
	return NULL;
}

/**
 * disk_image_open - find out what an image stands on
 * @cfg: the disk
 * @format: of the image
 * @i: filled in
 *
 * 0, or -1, told.
 */
int disk_image_open(const struct disk_config *cfg, const char *format, struct disk_image *i)
{
	struct json_object *top = NULL, *above = NULL, *node;
	char at[sizeof(((struct qcow2 *)0)->backing_format)];
	struct qcow2 q = { 0 };
	char *path = strdup(cfg->path);

	*i = (struct disk_image){ .format = format };
	if (!path || strlen(format) >= sizeof(at))
		abort();
	if (!cfg->ro && access(path, W_OK) && errno != ENOENT) {
		error("%s: %s; with ',ro' it is only read", path, strerror(errno));
		free(path);
		return -1;
	}
	strcpy(at, format);
	while (path) {
		i->path[i->files++] = path;
		node = add_file(i, cfg, at, &q);
		if (!node) {
			json_object_put(top);
			disk_image_free(i);
			return -1;
		}
		if (above)
			set(above, "backing", node);
		else
			top = node;
		above = strcmp(at, QCOW2) ? NULL : node;
		path = *q.backing ? beside(path, q.backing) : NULL;
		strcpy(at, q.backing_format);
	}
	if (above)
		set(above, "backing", NULL);
	set(top, "node-name", json_object_new_string("disk"));
	i->blockdev = strdup(json_object_to_json_string_ext(top, JSON_C_TO_STRING_PLAIN));
	json_object_put(top);
	if (!i->blockdev)
		abort();
	return 0;
}

/**
 * disk_image_free - what disk_image_open() has filled in
 * @i: the image
 */
void disk_image_free(struct disk_image *i)
{
	while (i->files)
		free(i->path[--i->files]);
	free(i->blockdev);
	i->blockdev = NULL;
}
