// SPDX-License-Identifier: GPL-2.0-only
/* What a program begins with in memory, and what it leaves there. */
#include <string.h>

#include "differ.h"

static uint64_t hash_bytes(uint64_t h, const void *p, size_t n)
{
	const uint8_t *at = p;
	uint64_t x;

	for (; n >= 8; n -= 8, at += 8) {
		memcpy(&x, at, 8);
		h = (h ^ x) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
	}
	while (n--)
		h = (h ^ *at++) * 0x100000001b3;
	return h;
}

/*
 * These two would be most of what a program costs: each instruction costs the lab's emulator about the same, and what the C
 * library makes of bytes are many, or slow ones (VPTERNLOG, which compilers make of such loops).
 */
typedef uint64_t wide __attribute__((vector_size(64)));

__attribute__((target("avx512f")))
static bool page_changed_wide(const wide *now, const wide *was)
{
	wide differs = { }, x;
	unsigned int i, j;

	for (i = 0; i < 0x1000 / sizeof(wide); i += 16)
#pragma GCC unroll 16
		for (j = i; j < i + 16; j++) {
			x = now[j] ^ was[j];
			asm("" : "+v"(x));
			differs |= x;
		}
	return differs[0] | differs[1] | differs[2] | differs[3] | differs[4] | differs[5] | differs[6] | differs[7];
}

static bool page_changed(uint32_t at)
{
	static int is_wide = -1;

	if (is_wide < 0)
		is_wide = __builtin_cpu_supports("avx512f");
	return is_wide ? page_changed_wide((const wide *)(machine_ram + at), (const wide *)(fresh_ram + at)) :
			 memcmp(machine_ram + at, fresh_ram + at, 0x1000) != 0;
}

__attribute__((target_clones("avx512f", "default")))
static void copy_page(uint32_t at)
{
	const wide *from = (const wide *)(fresh_ram + at);
	wide *to = (wide *)(machine_ram + at);
	unsigned int i, j;

	for (i = 0; i < 0x1000 / sizeof(wide); i += 16)
#pragma GCC unroll 16
		for (j = i; j < i + 16; j++)
			to[j] = from[j];
}

static uint32_t ran_pages = ~0u;	/* that the program before has changed */

void memory_reset(void)
{
	uint32_t pages = ran_pages | gen_pages;

	for (; pages; pages &= pages - 1)
		copy_page(__builtin_ctz(pages) * 0x1000);
	gen_pages = 0;
	ran_pages = ~0u;
}

/* What differs from what it was: all of it, and its first words. */
void memory_gather(const struct program *p, struct state *s)
{
	uint64_t h = 0, now, was;
	uint32_t at, i;

	s->wrote_code = memcmp(machine_ram + p->code_at, fresh_ram + p->code_at, p->code_len) != 0;

	ran_pages = 0;
	for (at = 0; at < RAM; at += 0x1000) {
		if (!page_changed(at))
			continue;
		ran_pages |= 1u << at / 0x1000;
		for (i = at; i < at + 0x1000; i += 8) {
			memcpy(&now, machine_ram + i, 8);
			memcpy(&was, fresh_ram + i, 8);
			if (now == was)
				continue;
			h = hash_bytes(h ^ i, &now, 8);
			if (s->words < WORDS)
				s->word[s->words++] = (struct word){ i, now };
		}
	}
	s->memory = h;
}
