// SPDX-License-Identifier: GPL-2.0-only
/* run.c - vhctl run: options, then the VMM. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vhctl.h"
#include "vmm/vmm.h"

static void usage(FILE *f)
{
	fputs("usage: vhctl run --kernel FILE [OPTIONS]\n"
	      "\n"
	      "Runs a VM whose console is this terminal. Ctrl-A x ends it, Ctrl-A Ctrl-A sends Ctrl-A.\n"
	      "\n"
	      "  -k, --kernel FILE    bzImage, or uncompressed vmlinux with a PVH entry\n"
	      "  -i, --initrd FILE    initial RAM disk\n"
	      "  -c, --cmdline STR    kernel command line (default: console=ttyS0)\n"
	      "  -m, --memory SIZE    guest memory: 256M, 2G, ... (default: 256M)\n"
	      "  -p, --cpus N         virtual CPUs, 1 to 64 (default: 1)\n"
	      "  -n, --name NAME      name of the VM (default: the kernel's file name)\n"
	      "  -d, --device PATH    /dev/vh (default), or another device with KVM's API\n"
	      "  -s, --stats          print at the end how many exits of which kinds there were\n"
	      "  -h, --help           this text\n"
	      "\n"
	      "exit status: 0 the guest powered off, 1 error, 2 usage, 3 the guest reset,\n"
	      "4 the guest crashed, 5 ended from outside\n", f);
}

/* "512M": bytes, or 0 when it is no size. */
static uint64_t parse_size(const char *s)
{
	unsigned long long n;
	char *end;
	int shift = 0;

	errno = 0;
	if (*s < '0' || *s > '9')
		return 0;
	n = strtoull(s, &end, 10);
	switch (*end) {
	case 'k': case 'K': shift = 10; end++; break;
	case 'm': case 'M': shift = 20; end++; break;
	case 'g': case 'G': shift = 30; end++; break;
	case 't': case 'T': shift = 40; end++; break;
	}
	if (!strcmp(end, "iB") || !strcmp(end, "B"))
		end = "";
	if (*end || errno || n > ULLONG_MAX >> shift)
		return 0;
	return n << shift;
}

static int parse_cpus(const char *s)
{
	char *end;
	long n = strtol(s, &end, 10);

	return *s && !*end && n >= 1 && n <= VMM_MAX_CPUS ? (int)n : 0;
}

int cmd_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "kernel", required_argument, NULL, 'k' },
		{ "initrd", required_argument, NULL, 'i' },
		{ "cmdline", required_argument, NULL, 'c' },
		{ "memory", required_argument, NULL, 'm' },
		{ "cpus", required_argument, NULL, 'p' },
		{ "name", required_argument, NULL, 'n' },
		{ "device", required_argument, NULL, 'd' },
		{ "stats", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct vmm_config cfg = {
		.device = "/dev/vh", .cmdline = "console=ttyS0", .memory = 256ULL << 20, .cpus = 1,
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "k:i:c:m:p:n:d:sh", options, NULL)) != -1) {
		switch (opt) {
		case 'k': cfg.kernel = optarg; break;
		case 'i': cfg.initrd = optarg; break;
		case 'c': cfg.cmdline = optarg; break;
		case 'n': cfg.name = optarg; break;
		case 'd': cfg.device = optarg; break;
		case 's': cfg.stats = true; break;
		case 'm':
			cfg.memory = parse_size(optarg);
			if (cfg.memory < VMM_MIN_MEMORY || cfg.memory > VMM_MAX_MEMORY ||
			    cfg.memory % 4096) {
				error("--memory '%s': want a size from 16M to 1T, such as 512M or 2G",
				      optarg);
				return EXIT_USAGE;
			}
			break;
		case 'p':
			cfg.cpus = parse_cpus(optarg);
			if (!cfg.cpus) {
				error("--cpus '%s': want a number from 1 to %d", optarg,
				      VMM_MAX_CPUS);
				return EXIT_USAGE;
			}
			break;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		default:
			fputs("'vhctl run --help' lists the options\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		error("unexpected argument '%s'; 'vhctl run --help' lists the options",
		      argv[optind]);
		return EXIT_USAGE;
	}
	if (!cfg.kernel) {
		error("--kernel FILE is missing; 'vhctl run --help' lists the options");
		return EXIT_USAGE;
	}
	if (!cfg.name) {
		const char *slash = strrchr(cfg.kernel, '/');

		cfg.name = slash ? slash + 1 : cfg.kernel;
	}
	return vmm_run(&cfg);
}
