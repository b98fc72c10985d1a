/* SPDX-License-Identifier: GPL-2.0-only */
/* printable.h - what others wrote, and a terminal is to show: it obeys control characters (ECMA-48, 5.2 and 5.3). */
#ifndef PRINTABLE_H
#define PRINTABLE_H

/* How many bytes of a control character begin at @s: none, one, or the two that UTF-8 has for 0x80 to 0x9f. */
static inline int control_character(const char *s)
{
	const unsigned char *c = (const unsigned char *)s;

	if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
		return 2;
	return *c && (*c < ' ' || *c == 0x7f);
}

/* Nothing of @s is to mean something to a terminal, or to make a line of its own. As ls does. Returns @s, which may be NULL. */
static inline char *printable(char *s)
{
	for (char *c = s; c && *c; c++)
		for (int n = control_character(c); n; n--)
			c[n - 1] = '?';
	return s;
}

#endif /* PRINTABLE_H */
