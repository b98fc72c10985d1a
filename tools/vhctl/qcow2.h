/* SPDX-License-Identifier: GPL-2.0-only */
/* qcow2.h - what the header of a qcow2 image says (QEMU's docs/interop/qcow2, versions 2 and 3). */
#ifndef QCOW2_H
#define QCOW2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QCOW2_HEAD	4096	/* what is looked for is in these bytes; all of it is in the first cluster */

/**
 * struct qcow2 - a header; nothing in it is to be trusted
 * @version: 2 or 3
 * @cluster_bits: of the size of a cluster
 * @l1_entries: of the first level's table, eight bytes each
 * @l1: where that is
 * @counts: where the table of reference counts is
 * @count_clusters: of that table
 * @size: of the disk
 * @encrypted: it has a method for that
 * @dirty: it was not closed
 * @corrupt: it is marked as that
 * @data_file: its data are in another file
 * @unknown: it needs features that are not known here
 * @backing: name of the file that it stands on, or ""; may have control characters
 * @backing_format: of that; "" where it does not say
 */
struct qcow2 {
	unsigned int version;
	uint32_t cluster_bits, l1_entries, count_clusters;
	uint64_t l1, counts;
	uint64_t size;
	bool encrypted, dirty, corrupt, data_file, unknown;
	char backing[1024];
	char backing_format[32];
};

const char *qcow2_parse(const uint8_t *head, size_t n, struct qcow2 *q);
const char *qcow2_read(int fd, struct qcow2 *q);

#endif /* QCOW2_H */
