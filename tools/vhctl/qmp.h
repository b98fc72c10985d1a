/* SPDX-License-Identifier: GPL-2.0-only */
/* qmp.h - the monitor of a QEMU (QEMU Machine Protocol). */
#ifndef QMP_H
#define QMP_H

#include "object.h"

enum qmp { QMP_DONE, QMP_NONE, QMP_FAILED };

/*
 * Press the power button of a guest of QEMU. QMP_NONE: the VM's process is no QEMU that has a monitor on a UNIX socket
 * (what is there for somebody else is told); QMP_FAILED: there is one, and why it did not is told.
 */
enum qmp qmp_powerdown(const struct vm *vm);

#endif
