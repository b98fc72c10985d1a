// SPDX-License-Identifier: GPL-2.0-only
/* main.c - vhctl: a table of subcommands. */
#include <stdio.h>
#include <string.h>

#include "vhctl.h"

static const struct command commands[] = {
	{ "run", cmd_run, "run a VM on this terminal" },
	{ "version", cmd_version, "print the versions of vhctl and of the module" },
};

void error(const char *fmt, ...)
{
	va_list ap;

	fputs("vhctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void usage(FILE *f)
{
	fputs("usage: vhctl COMMAND [OPTIONS]\n\ncommands:\n", f);
	for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n'vhctl COMMAND --help' tells more, vhctl(8) all.\n", f);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return EXIT_OK;
	}
	if (!strcmp(argv[1], "--version"))
		argv[1] = "version";
	for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	error("unknown command '%s'; 'vhctl --help' lists them", argv[1]);
	return EXIT_USAGE;
}
