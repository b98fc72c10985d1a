/* SPDX-License-Identifier: GPL-2.0-only */
/* probed.h - the shims are like the oldest kernel. */
