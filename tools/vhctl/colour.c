// SPDX-License-Identifier: GPL-2.0-only
/* colour.c - colours on a terminal, for who wants them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "colour.h"

/**
 * colour - what makes a terminal write in a colour from now on
 * @f: where
 * @c: the colour, or PLAIN again
 *
 * "" where @f is no terminal that can, or NO_COLOR says that nobody wants it.
 */
const char *colour(FILE *f, enum colour c)
{
	static const char *const codes[] = { "\033[0m", "\033[31m", "\033[32m", "\033[33m" };
	const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

	return (none && *none) || !term || !*term || !strcmp(term, "dumb") || !isatty(fileno(f)) ? "" : codes[c];
}
