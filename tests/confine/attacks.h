/* SPDX-License-Identifier: GPL-2.0-only */
/* attacks.h - calls that an intruder tries. */
#ifndef ATTACKS_H
#define ATTACKS_H

/* Arguments that are found out when it comes to it. */
enum {
	A_STARTED = 0x7eed0000,	/* the process that was started */
	A_VMM,
	A_VM, A_VCPU, A_OTHER_VCPU, A_DISK, A_RING, A_OTHER_RING, A_EVENT, A_SOCKET,	/* descriptors */
	A_TEXT,			/* address of the attack's text */
	A_BUFFER,		/* of zeroes */
};

/* A bit for each kind of thread; BY_EACH: what counts most, by all of them. */
enum {
	BY_MAIN = 1, BY_VCPU = 2, BY_DISK = 4, BY_CLOCK = 8, BY_ALL = 15,
	BY_CONTROL = 16, BY_WATCH = 32, BY_NET = 64, BY_BALLOON = 128, BY_HVC = 256, BY_PMEM = 512, BY_WATCHDOG = 1024,
	BY_MEM = 2048, BY_SPARE = 4096, BY_SHARE = 8192,
	BY_OTHERS = 16383 & ~BY_ALL, BY_EACH = 16383
};

/**
 * struct attack - a call that must not be made
 * @name: of the call
 * @more: what distinguishes it
 * @nr: its number
 * @by: which threads try
 * @how: as other programs do; by INT 0x80, or with x32's bit: the kernel kills for that, and nobody tells
 * @args: A_* or what they are
 * @text: for A_TEXT
 */
struct attack {
	const char *name, *more;
	long nr;
	unsigned int by;
	enum { PLAIN, COMPAT, X32 } how;
	long args[6];
	const char *text;
};

extern const struct attack attacks[];

#endif /* ATTACKS_H */
