/* SPDX-License-Identifier: GPL-2.0-only */
/* sizes.h - vhctl memory and vhctl balloon: sizes of a VM, and another one for it. */
#ifndef SIZES_H
#define SIZES_H

#include "out.h"

struct json_object;

/**
 * struct sizes - a command of this form
 * @command: what the VM is asked for
 * @help: prints it
 * @key: of the answer's sizes, to a NULL; beside them it says whether the guest has a driver
 * @more: prints what else there is; or NULL
 */
struct sizes {
	const char *command;
	void (*help)(void);
	const char *key[8];
	void (*more)(struct out *o, struct json_object *answer);
};

int sizes_command(int argc, char **argv, const struct sizes *s);

#endif /* SIZES_H */
