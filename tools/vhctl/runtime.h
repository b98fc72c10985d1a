/* SPDX-License-Identifier: GPL-2.0-only */
/* runtime.h - where the sockets and logs of a user's VMs are. */
#ifndef RUNTIME_H
#define RUNTIME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RUNTIME_CONSOLE	".sock"
#define RUNTIME_LOG	".log"
#define RUNTIME_CONTROL	".control"

/* <folder>/<uuid><suffix> in the user's runtime folder, made if need be. 0 or -1, told. */
int runtime_path(const uint8_t *uuid, const char *suffix, char *path, size_t size);
int runtime_folder(uid_t uid, const char *session, const char *users, const char *all, char *dir, size_t size);
void runtime_clean(const char *folder);

#endif /* RUNTIME_H */
