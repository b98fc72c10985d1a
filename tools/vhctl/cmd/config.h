/* SPDX-License-Identifier: GPL-2.0-only */
/* config.h - what a description names, and what of it is not there. */
#ifndef CMD_CONFIG_H
#define CMD_CONFIG_H

#include "cmd/description.h"

unsigned int config_look(const struct description *d);

#endif /* CMD_CONFIG_H */
