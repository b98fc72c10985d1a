/* SPDX-License-Identifier: GPL-2.0-only */
/* input.h - tests that do what bytes tell them. */
#ifndef INPUT_H
#define INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct input {
	const uint8_t *at;
	size_t left;
};

/* The next @n bytes; what is not there is zero. */
static inline uint64_t number(struct input *in, size_t n)
{
	uint64_t value = 0;

	if (n > in->left)
		n = in->left;
	memcpy(&value, in->at, n);
	in->at += n;
	in->left -= n;
	return value;
}

#endif /* INPUT_H */
