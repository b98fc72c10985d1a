/* SPDX-License-Identifier: GPL-2.0-only */
/* children.h - this process's children. */
#ifndef CHILDREN_H
#define CHILDREN_H

#include <sys/types.h>

int children(pid_t *found, int most);

#endif /* CHILDREN_H */
