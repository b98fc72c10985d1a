// SPDX-License-Identifier: GPL-2.0-only
/*
 * foreign.c - files that come from elsewhere: which kind they are, and whether they may be opened.
 *
 * A disk image can name other files, and who opens it reads them: a backing file (qcow2), a data file
 * (qcow2), extents and a parent (vmdk). A guest that writes such a header at the beginning of its raw
 * disk has one. So a file that looks like a format is raw only for who says so, and none that names
 * another is opened.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <string.h>
#include <unistd.h>

#include "image/ops.h"
#include "image/program.h"
#include "qcow2.h"
#include "vhctl.h"

#define VMDK_SECTOR	512
#define VMDK_TEXT_MAX	(1U << 20)

static bool begins(const uint8_t *head, ssize_t n, size_t at, const char *magic, size_t size)
{
	return n >= (ssize_t)(at + size) && !memcmp(head + at, magic, size);
}

const char *foreign_kind(int fd)
{
	static const struct {
		const char *kind, *magic;
		size_t at, size;
	} kinds[] = {
		{ "qcow2", "QFI\xfb", 0, 4 },
		{ "vmdk", "KDMV", 0, 4 },
		{ "vmdk", "COWD", 0, 4 },
		{ "vmdk", "# Disk DescriptorFile", 0, 21 },
		{ "vhdx", "vhdxfile", 0, 8 },
		{ "vdi", "\x7f\x10\xda\xbe", 64, 4 },
		{ "tar", "ustar", 257, 5 },
		{ "gzip", "\x1f\x8b\x08", 0, 3 },
		{ "xz", "\xfd" "7zXZ\0", 0, 6 },
		{ "zstd", "\x28\xb5\x2f\xfd", 0, 4 },
		{ "bzip2", "BZh", 0, 3 },
	};
	uint8_t head[512];
	ssize_t n = pread(fd, head, sizeof(head), 0);

	if (n < 0)
		return NULL;
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (begins(head, n, kinds[i].at, kinds[i].magic, kinds[i].size))
			return kinds[i].kind;
	return "raw";
}

/*
 * A sparse extent (VMware's "Virtual Disk Format 5.0", "Hosted Sparse Extent Header") has its size at
 * byte 12; 0 makes it a descriptor of other files. The text inside it can name a parent.
 */
static const char *vmdk_check(int fd)
{
	static char text[VMDK_TEXT_MAX + 1];
	uint64_t capacity, offset, size;
	uint8_t head[VMDK_SECTOR];
	ssize_t n = pread(fd, head, sizeof(head), 0);

	if (n == (ssize_t)sizeof(head) && !memcmp(head, "COWD", 4))
		return NULL;
	if (n != (ssize_t)sizeof(head) || memcmp(head, "KDMV", 4))
		return "is a vmdk that only names other files; give it as one file (monolithicSparse)";
	memcpy(&capacity, head + 12, 8);
	memcpy(&offset, head + 28, 8);
	memcpy(&size, head + 36, 8);
	if (!capacity)
		return "is a vmdk that only names other files; give it as one file (monolithicSparse)";
	offset = le64toh(offset);
	size = le64toh(size);
	if (!offset)
		return NULL;
	if (size > VMDK_TEXT_MAX / VMDK_SECTOR || offset > SIZE_MAX_DISK / VMDK_SECTOR)
		return "has a descriptor of no sensible size";
	n = pread(fd, text, size * VMDK_SECTOR, offset * VMDK_SECTOR);
	text[n < 0 ? 0 : n] = 0;
	return strcasestr(text, "parentFileNameHint") ? "stands on another file (parentFileNameHint)" : NULL;
}

static json_object *member(json_object *j, const char *key)
{
	json_object *v = NULL;

	if (json_object_is_type(j, json_type_object))
		json_object_object_get_ex(j, key, &v);
	return v;
}

/* What qemu-img found, when it opened the file and nothing else. */
static const char *info_check(json_object *j, const char *path)
{
	json_object *data = member(member(j, "format-specific"), "data"), *extents = member(data, "extents"), *name;

	if (!json_object_is_type(member(j, "virtual-size"), json_type_int))
		return "has no size";
	if (json_object_get_int64(member(j, "virtual-size")) <= 0)
		return "is empty";
	if (json_object_get_uint64(member(j, "virtual-size")) > SIZE_MAX_DISK)
		return "is larger than 64T";
	if (member(j, "backing-filename") || member(j, "full-backing-filename"))
		return "stands on another file; flatten it first (qemu-img convert)";
	if (member(data, "data-file"))
		return "keeps its data in another file";
	if (json_object_get_boolean(member(j, "encrypted")))
		return "is encrypted";
	if (!json_object_is_type(extents, json_type_array))
		return NULL;
	for (size_t i = 0; i < json_object_array_length(extents); i++) {
		name = member(json_object_array_get_idx(extents, i), "filename");
		if (!name || strcmp(json_object_get_string(name), path))
			return "names other files";
	}
	return NULL;
}

static const char *header_check(const char *path, const char *format)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *why = NULL;
	struct qcow2 q;

	if (fd < 0)
		return strerror(errno);
	if (!strcmp(format, "qcow2")) {
		why = qcow2_read(fd, &q);
		if (!why && *q.backing)
			why = "stands on another file; flatten it first (qemu-img convert)";
		/* That it was not closed is no matter here: qemu-img goes by its tables. */
		if (!why && q.data_file)
			why = "keeps its data in another file";
		if (!why && q.encrypted)
			why = "is encrypted";
	} else if (!strcmp(format, "vmdk")) {
		why = vmdk_check(fd);
	}
	close(fd);
	return why;
}

/**
 * foreign_check - may this file be opened as a disk of that format?
 * @path: absolute
 * @format: as qemu-img calls it
 * @shown: the file, to the user
 *
 * 0, or -1, told.
 */
int foreign_check(const char *path, const char *format, const char *shown)
{
	const char *why = header_check(path, format);
	struct program p;
	json_object *j;
	int err;

	if (why) {
		error("%s: %s", shown, why);
		return -1;
	}
	program_new(&p, "qemu-img");
	program_args(&p, "info", "--output=json", "-f", format, path, NULL);
	program_reads(&p, path);
	err = program_must(&p, shown);
	if (!err) {
		j = json_parse(p.output ? p.output : "", p.size);
		why = j ? info_check(j, path) : "qemu-img says nothing of it";
		json_object_put(j);
	}
	program_free(&p);
	if (why)
		error("%s: %s", shown, why);
	return err || why ? -1 : 0;
}
