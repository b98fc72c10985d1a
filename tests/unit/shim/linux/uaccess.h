/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_UACCESS_H
#define SHIM_LINUX_UACCESS_H

#include <signal.h>
#include <linux/kernel.h>

#endif
