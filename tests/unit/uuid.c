// SPDX-License-Identifier: GPL-2.0-only
/* uuid.c - what runtime.c calls of object.c, which brings netlink along. */
#include <stdio.h>

#include "object.h"

void uuid_text(const uint8_t *uuid, char *text)
{
	for (int i = 0; i < 16; i++)
		sprintf(text + 2 * i, "%02x", uuid[i]);
}
