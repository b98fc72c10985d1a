/* SPDX-License-Identifier: GPL-2.0-only */
/* fields.h - the fields of each object, for tables, lines and JSON alike. */
#ifndef FIELDS_H
#define FIELDS_H

#include <getopt.h>

#include "nl.h"
#include "out.h"

void vm_fields(struct out *o, const struct vm *vm);
void vcpu_fields(struct out *o, const struct vcpu *vcpu);
void group_fields(struct out *o, const struct group *g);
void event_fields(struct out *o, const struct event *e);
void counter_fields(struct out *o, const struct counters *c);	/* without the exits by reason */
void exit_fields(struct out *o, const struct counters *c);

/* Options that listings share. */
#define OUT_OPTIONS_SHORT "jph"
#define OUT_OPTIONS				\
	{ "json", no_argument, NULL, 'j' },	\
	{ "pretty", no_argument, NULL, 'p' },	\
	{ "help", no_argument, NULL, 'h' }
#define OUT_OPTIONS_HELP					\
	"  -j, --json      JSON, in one line\n"		\
	"  -p, --pretty    JSON, to be read\n"			\
	"  -h, --help      this text\n"

/* Sets *mode for 'j' and 'p'; false: another option. */
static inline bool out_option(int opt, enum out_mode *mode)
{
	if (opt == 'j')
		*mode = OUT_JSON;
	else if (opt == 'p')
		*mode = OUT_PRETTY;
	else
		return false;
	return true;
}

/*
 * "vhctl COMMAND WORD [OPTIONS]": which of @words, whose end is NULL, and the listing's options;
 * optind says where arguments begin in @argv + 1. -1: nothing is left to do, *status is to be returned.
 */
int out_command(int argc, char **argv, const char *const *words, void (*help)(void),
		enum out_mode *mode, int *status);

#endif /* FIELDS_H */
