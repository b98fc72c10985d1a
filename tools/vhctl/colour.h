/* SPDX-License-Identifier: GPL-2.0-only */
/* colour.h - colours on a terminal, for who wants them. */
#ifndef COLOUR_H
#define COLOUR_H

#include <stdio.h>

enum colour { PLAIN, RED, GREEN, YELLOW };

const char *colour(FILE *f, enum colour c);

#endif /* COLOUR_H */
