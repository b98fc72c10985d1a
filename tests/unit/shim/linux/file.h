/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_FILE_H
#define SHIM_LINUX_FILE_H

struct file;
#define fd_file(f) ((f).file)

#endif
