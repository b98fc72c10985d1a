// SPDX-License-Identifier: GPL-2.0-only
/* qcow2.c - disks of a store, and what their headers may say. */
#include <string.h>

#include "image/store.h"
#include "qcow2.h"

/**
 * qcow2_check - is it a disk that may be in a store?
 * @fd: the file
 * @backing: the name of the file that it must stand on, or "" for none
 * @size: that it must have to the guest; 0: any
 *
 * NULL, or what is wrong with it.
 */
const char *qcow2_check(int fd, const char *backing, uint64_t size)
{
	struct qcow2 q;
	const char *why = qcow2_read(fd, &q);

	if (why)
		return why;
	if (q.data_file)
		return "keeps its data in another file";
	if (q.encrypted)
		return "is encrypted";
	if (q.dirty || q.corrupt)
		return "was not closed, or is marked as corrupt";
	if (q.unknown)
		return "needs features that are not known here";
	if (strcmp(q.backing, backing))
		return *backing ? "does not stand on its parent" : "stands on another file";
	if (*backing && strcmp(q.backing_format, "qcow2"))
		return "does not say that its parent is a qcow2 file";
	if (size && q.size != size)
		return "has another size than what is said of it";
	return NULL;
}
