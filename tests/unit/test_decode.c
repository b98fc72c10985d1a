// SPDX-License-Identifier: GPL-2.0-only
/* test_decode.c - instruction lengths against objdump's. The rest is in tests/kunit/. */
#include <stdlib.h>
#include <unistd.h>

#include "tap.h"
#include "test_emul.h"
#include "test_text.h"

static const struct vh_emul_ops ops = { .fetch = op_fetch };

static struct kvm_segment seg[VH_NR_SEGS];

static struct vh_emul context(unsigned int mode)
{
	flat_segments(seg, mode);
	return (struct vh_emul){
		.ops = &ops, .seg = seg, .rflags = 2, .cr0 = mode == 2 ? 0 : X86_CR0_PE,
		.cr4 = X86_CR4_PAE | X86_CR4_OSFXSR, .efer = mode == 8 ? EFER_LMA : 0,
	};
}

/* --- lengths against a disassembler --- */

#define SLOTS 4000

static unsigned int random_insn(u8 *b, const struct tmpl *t, unsigned int mode)
{
	unsigned int n = 0, opsize = mode == 2 ? 2 : 4, adsize = mode, i;
	bool rex_w = false;

	if (!rnd_below(4)) {
		static const u8 segment[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };

		b[n++] = segment[mode == 8 ? 4 + rnd_below(2) : rnd_below(6)];
	}
	/* objdump prints 66 and 67 that change nothing as instructions of their own. */
	if (!rnd_below(3) && !(t->flags & T_BRANCH) && t->opcode != 0xc3) {
		b[n++] = 0x66;
		opsize = opsize == 2 ? 4 : 2;
	}
	if (!rnd_below(3) && t->flags & (T_MODRM | T_MOFFS)) {
		b[n++] = 0x67;
		adsize = mode == 8 || mode == 2 ? 4 : 2;
	}
	if (t->flags & (T_F2 | T_F3))
		b[n++] = t->flags & T_F2 ? 0xf2 : 0xf3;
	if (mode == 8 && rnd_below(2)) {
		b[n] = 0x40 | rnd_below(16);
		rex_w = b[n++] & 8;
	}
	if (t->map > 1)
		b[n++] = 0x0f;
	if (t->map == 3)
		b[n++] = 0x38;
	i = t->opcode;
	if (t->flags & T_OPREG)
		i += rnd_below(8);
	if (t->flags & T_CC)
		i += rnd_below(16);
	b[n++] = i;
	if (t->flags & T_MODRM) {
		i = rnd() & 0xff;
		if (t->ext != ANY_EXT)
			i = (i & ~0x38) | t->ext << 3;
		if (t->flags & (T_MEM | T_BRANCH) && i >= 0xc0)
			i &= 0x3f;
		b[n++] = i;
		if (i < 0xc0 && adsize == 2) {
			if (i >> 6)
				n += i >> 6;
			else if ((i & 7) == 6)
				n += 2;
		} else if (i < 0xc0) {
			unsigned int base = i & 7;

			if (base == 4) {
				base = rnd_below(8);
				b[n++] = rnd_below(32) << 3 | base;
			}
			if (i >> 6 == 0 && base == 5)
				n += 4;
			else
				n += i >> 6 == 2 ? 4 : i >> 6;
		}
	}
	if (t->flags & T_MOFFS)
		n += adsize;
	if (t->imm == I_8)
		n++;
	else if (t->imm == I_Z)
		n += opsize == 2 && !rex_w ? 2 : 4;
	else if (t->imm == I_V)
		n += rex_w ? 8 : opsize;
	return n;
}

/* The instruction's operands are noise; its length comes from objdump alone. */
static void test_lengths(unsigned int mode, const char *machine)
{
	static u8 image[SLOTS * 32], lens[SLOTS];
	static bool starts[SLOTS * 32];
	char path[] = "/tmp/vh-decode-XXXXXX", command[200], line[400];
	unsigned int i, j, bad = 0, seen = 0;
	int fd = mkstemp(path);
	FILE *f;

	memset(image, 0x90, sizeof(image));
	memset(starts, 0, sizeof(starts));
	for (i = 0; i < SLOTS; i++) {
		struct vh_emul e = context(mode);
		const struct tmpl *t;
		u8 *slot = image + i * 32;
		unsigned int n;
		int r;

		do {
			t = &tmpls[rnd_below(ARRAY_SIZE(tmpls))];
		} while (t->flags & (mode == 8 ? T_NO64 : T_ONLY64));
		for (j = 0; j < 15; j++)
			slot[j] = rnd();
		n = random_insn(slot, t, mode);
		memset(slot + n, 0x90, 32 - n);
		memcpy(text, slot, 32);
		text_len = 32;
		r = vh_emul_decode(&e);
		lens[i] = e.len;
		if (r != VH_EMUL_OK) {
			printf("# %s: result %d vector %u\n", t->name, r, e.fault.vector);
			bad++;
		}
	}
	if (fd < 0 || write(fd, image, sizeof(image)) != sizeof(image)) {
		tap_ok(0, "a file for objdump");
		return;
	}
	close(fd);
	snprintf(command, sizeof(command), "objdump -D -z -b binary -m %s --no-show-raw-insn %s",
		 machine, path);
	f = popen(command, "r");
	while (f && fgets(line, sizeof(line), f)) {
		char *end;
		unsigned long at = strtoul(line, &end, 16);

		if (end != line && *end == ':' && at < sizeof(starts)) {
			starts[at] = true;
			seen++;
		}
	}
	if (f)
		pclose(f);
	unlink(path);
	if (!seen) {
		tap_ok(1, "lengths, %s # SKIP no objdump", machine);
		return;
	}
	for (i = 0; i < SLOTS; i++) {
		unsigned int n = 1;

		while (!starts[i * 32 + n])
			n++;
		if (n == lens[i])
			continue;
		if (bad++ < 5) {
			printf("# length %u, objdump %u:", lens[i], n);
			for (j = 0; j < 15; j++)
				printf(" %02x", image[i * 32 + j]);
			printf("\n");
		}
	}
	tap_ok(!bad, "lengths of %u instructions as objdump's, %s", SLOTS, machine);
}

int main(void)
{
	test_lengths(2, "i8086");
	test_lengths(4, "i386");
	test_lengths(8, "i386:x86-64");
	return tap_done();
}
