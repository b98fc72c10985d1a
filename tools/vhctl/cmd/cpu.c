// SPDX-License-Identifier: GPL-2.0-only
/* cpu.c - vhctl cpu: what processor VMs can have here, and what several hosts have in common. */
#include <getopt.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/vh.h>

#include "cpu/cpu.h"
#include "fields.h"
#include "out.h"
#include "vhctl.h"

#define LINE	76

static void help(void)
{
	puts("usage: vhctl cpu show [-j|-p] [-d PATH] [MODEL]\n"
	     "       vhctl cpu baseline FILE...\n"
	     "       vhctl cpu check [-d PATH] MODEL...\n\n"
	     "What processor a VM sees (--cpu of run). A MODEL is host, a level of the x86-64 ABI (v2, v3, v4), or a\n"
	     "file. show tells what a model has, without one what VMs can have here; -j prints it as such a\n"
	     "file. baseline prints a file of what all these have, which is what VMs that move between their\n"
	     "hosts may see. check says whether VMs can have a model here, and what is missing.\n\n"
	     "  -d, --device PATH  device with KVM's API (default: " VH_DEVICE ")\n"
	     OUT_OPTIONS_HELP);
}

/* This host, by its device. */
static int look(const char *device, struct cpu_host *h)
{
	int dev = device_open(device), err = -1;
	struct kvm_cpuid2 *l;

	if (dev < 0)
		return -1;
	l = cpu_supported(dev);
	if (l)
		err = cpu_host_look(dev, -1, l, h);
	free(l);
	close(dev);
	return err;
}

static int read_model(const char *text, const char *device, struct cpu_model *m)
{
	struct cpu_host h;

	if (strcmp(text, "host"))
		return cpu_model_read(text, m);
	if (look(device, &h))
		return -1;
	*m = h.all;
	return 0;
}

static void print_json(const struct cpu_model *m, bool pretty)
{
	struct json_object *j = cpu_model_to_json(m);

	puts(json_object_to_json_string_ext(j, pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE :
							JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(j);
}

/* Names, in lines that a terminal has room for. */
static void wrap(const char *name, size_t *column)
{
	size_t n = strlen(name) + 1;

	if (*column + n > LINE) {
		printf("\n%17s", "");
		*column = 17;
	}
	printf(" %s", name);
	*column += n;
}

static void print_lines(const struct cpu_model *m)
{
	char room[CPU_NAME_SIZE];
	size_t column = 17;

	if (*m->name)
		printf("%-17s %s\n", "name", m->name);
	if (*m->vendor)
		printf("%-17s %s\n", "vendor", m->vendor);
	if (m->signature)
		printf("%-17s %#x\n", "signature", m->signature);
	printf("%-17s", "features");
	for (int w = 0; w < CPU_WORDS; w++)
		for (int b = 0; b < 32; b++)
			if (m->word[w] >> b & 1)
				wrap(cpu_feature_name(w, b, room), &column);
	printf("\n%-17s", "state");
	column = 17;
	for (int b = 0; b < 64; b++)
		if ((m->xcr0 | m->xss) >> b & 1)
			wrap(cpu_state_name(b, room), &column);
	putchar('\n');
	for (int i = 0; i < CPU_MSRS; i++)
		if (m->msr[i])
			printf("%-17s %#llx\n", cpu_msr_name[i], (unsigned long long)m->msr[i]);
	if (m->width)
		printf("%-17s %u bits\n", "addresses", m->width);
	if (m->tsc_khz)
		printf("%-17s %u kHz\n", "tsc", m->tsc_khz);
}

static int show(char **arg, int args, const char *device, enum out_mode mode)
{
	struct cpu_model m;

	if (args > 1) {
		error("too many arguments");
		return usage_error("cpu");
	}
	if (read_model(args ? arg[0] : "host", device, &m))
		return EXIT_ERROR;
	if (mode == OUT_LINES)
		print_lines(&m);
	else
		print_json(&m, mode == OUT_PRETTY);
	return EXIT_OK;
}

static int baseline(char **arg, int args, const char *device)
{
	struct cpu_model all, m;

	if (!args) {
		error("which files? 'vhctl cpu show -j' prints one on each host");
		return usage_error("cpu");
	}
	for (int i = 0; i < args; i++) {
		if (read_model(arg[i], device, i ? &m : &all) || (i && cpu_model_common(&all, arg[0], &m, arg[i])))
			return EXIT_ERROR;
	}
	strcpy(all.name, "baseline");
	print_json(&all, true);
	return EXIT_OK;
}

static int check(char **arg, int args, const char *device)
{
	int status = EXIT_OK;
	struct cpu_model m;
	struct cpu_host h;

	if (!args) {
		error("which model?");
		return usage_error("cpu");
	}
	if (look(device, &h))
		return EXIT_ERROR;
	for (int i = 0; i < args; i++) {
		if (!strcmp(arg[i], "host"))
			m = h.all;
		else if (cpu_model_read(arg[i], &m)) {
			status = EXIT_ERROR;
			continue;
		}
		if (cpu_model_fits(&m, &h))
			status = EXIT_ERROR;
		else
			printf("%s: VMs can have it here\n", arg[i]);
	}
	return status;
}

int cmd_cpu(int argc, char **argv)
{
	static const struct option options[] = { { "device", required_argument, NULL, 'd' }, OUT_OPTIONS, { } };
	const char *word = argc > 1 ? argv[1] : "", *device = VH_DEVICE;
	enum out_mode mode = OUT_LINES;
	int opt;

	if (argc > 1 && word[0] != '-') {
		argc--;
		argv++;
	}
	while ((opt = getopt_long(argc, argv, "d:" OUT_OPTIONS_SHORT, options, NULL)) != -1) {
		if (out_option(opt, &mode))
			continue;
		if (opt == 'h') {
			help();
			return EXIT_OK;
		}
		if (opt != 'd')
			return usage_error("cpu");
		device = optarg;
	}
	argc -= optind;
	argv += optind;
	if (!strcmp(word, "show"))
		return show(argv, argc, device, mode);
	if (!strcmp(word, "baseline"))
		return baseline(argv, argc, device);
	if (!strcmp(word, "check"))
		return check(argv, argc, device);
	error(*word && word[0] != '-' ? "'%s': want show, baseline or check" : "want show, baseline or check", word);
	return usage_error("cpu");
}
