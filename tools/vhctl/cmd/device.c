// SPDX-License-Identifier: GPL-2.0-only
/* device.c - vhctl device: devices of a VM that come and go while it runs. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "fields.h"
#include "parse.h"
#include "vhctl.h"

#define POLL_US		100000

static void help(void)
{
	puts("usage: vhctl device add VM disk FILE[,OPTIONS]\n"
	     "       vhctl device add [-P PORTS]... VM net user|tap=NAME|bridge=NAME[,OPTIONS]\n"
	     "       vhctl device rm [-t S] VM ID\n"
	     "       vhctl device ls [-j|-p] VM\n\n"
	     "Devices on the PCI bus of a VM of 'vhctl run' or 'vhctl start', while it runs. add takes what\n"
	     "the option of run takes, and prints the name by which rm removes it. rm asks the guest to let\n"
	     "go of a device, and waits until it has.\n\n"
	     "  -P, --publish [ADDRESS:]PORT:GUESTPORT[/udp]\n"
	     "                   of a user's network: a port of the host's that is the guest's; may be repeated\n"
	     "  -t, --timeout S  how long rm waits (default: 10)\n"
	     OUT_OPTIONS_HELP);
}

/* What is behind the first comma that is one, for two are one of the file's name; NULL: nothing. */
static const char *options_of(const char *text)
{
	for (; *text; text++) {
		if (*text != ',')
			continue;
		if (text[1] != ',')
			return text + 1;
		text++;
	}
	return NULL;
}

/* FILE[,OPTIONS] with the file's whole path, for the VMM has another folder; NULL, told. */
static char *whole_path(const char *text)
{
	const char *options = options_of(text);
	char *file = strdup(text), *path, *to, *result;

	if (!file)
		abort();
	parse_part(file);
	path = realpath(file, NULL);
	if (!path)
		error("%s: %s", *file ? file : "which file?", strerror(errno));
	free(file);
	if (!path)
		return NULL;
	result = to = malloc(2 * strlen(path) + strlen(text) + 2);
	if (!result)
		abort();
	for (const char *p = path; *p; *to++ = *p++)
		if (*p == ',')
			*to++ = ',';
	*to = 0;
	if (options)
		sprintf(to, ",%s", options);
	free(path);
	return result;
}

/* @ports: what --publish said; NULL: it was not there */
static int add(char **argv, int n, struct json_object *ports)
{
	struct json_object *request, *answer;
	bool net = n > 1 && !strcmp(argv[1], "net");
	char *options;

	if (n > 1 && !net && strcmp(argv[1], "disk")) {
		error("'%s': only a disk or a net can be added while the VM runs", argv[1]);
		return EXIT_USAGE;
	}
	if (n != 3) {
		error("want VM disk FILE[,OPTIONS] or VM net user|tap=NAME|bridge=NAME[,OPTIONS]");
		return usage_error("device");
	}
	if (ports && !net) {
		error("--publish: goes with a net");
		return EXIT_USAGE;
	}
	options = net ? strdup(argv[2]) : whole_path(argv[2]);
	if (!options)
		return EXIT_ERROR;
	request = ask_new("device-add");
	json_object_object_add(request, "kind", json_object_new_string(argv[1]));
	json_object_object_add(request, "options", json_object_new_string(options));
	if (ports)
		json_object_object_add(request, "publish", json_object_get(ports));
	free(options);
	answer = ask_vm(argv[0], request);
	if (!answer)
		return EXIT_ERROR;
	puts(answer_text(answer, "id"));
	json_object_put(answer);
	return EXIT_OK;
}

static struct json_object *list(const char *vm)
{
	return ask_vm(vm, ask_new("device-ls"));
}

/* The state of a device; "" when it is gone, NULL when the VM does not answer. */
static const char *state_of(const char *vm, const char *id)
{
	struct json_object *answer = list(vm), *devices;
	static char state[16];

	if (!answer)
		return NULL;
	state[0] = 0;
	devices = answer_list(answer, "devices");
	if (devices)
		for (size_t i = 0; i < json_object_array_length(devices); i++) {
			struct json_object *d = json_object_array_get_idx(devices, i);

			if (!strcmp(answer_text(d, "id"), id))
				snprintf(state, sizeof(state), "%s", answer_text(d, "state"));
		}
	json_object_put(answer);
	return state;
}

static int rm(char **argv, int n, unsigned int timeout_ms)
{
	struct json_object *request, *answer;
	long long until;
	const char *state;

	if (n != 2) {
		error("want VM ID");
		return usage_error("device");
	}
	request = ask_new("device-rm");
	json_object_object_add(request, "id", json_object_new_string(argv[1]));
	answer = ask_vm(argv[0], request);
	if (!answer)
		return EXIT_ERROR;
	json_object_put(answer);
	until = now_ms() + timeout_ms;
	for (;;) {
		state = state_of(argv[0], argv[1]);
		if (!state)
			return EXIT_ERROR;
		if (!*state)
			return EXIT_OK;
		if (!strcmp(state, "refused")) {
			error("%s: the guest refuses to let go of %s", argv[0], argv[1]);
			return EXIT_ERROR;
		}
		if (now_ms() >= until)
			break;
		usleep(POLL_US);
	}
	error("%s: the guest has not let go of %s, which stays until it does; it may be busy, or know no hot-plug",
	      argv[0], argv[1]);
	return EXIT_TIMEOUT;
}

static int ls(char **argv, int n, enum out_mode mode)
{
	struct json_object *answer, *devices, *driver;
	struct out *o;

	if (n != 1) {
		error(n ? "too many arguments" : "which VM?");
		return usage_error("device");
	}
	answer = list(argv[0]);
	if (!answer)
		return EXIT_ERROR;
	o = out_new(mode);
	devices = answer_list(answer, "devices");
	if (devices)
		for (size_t i = 0; i < json_object_array_length(devices); i++) {
			struct json_object *d = json_object_array_get_idx(devices, i);

			out_object(o);
			out_text(o, "id", "ID", answer_text(d, "id"));
			out_text(o, "kind", "KIND", answer_text(d, "kind"));
			out_number(o, "slot", "SLOT", answer_number(d, "slot"));
			out_text(o, "state", "STATE", answer_text(d, "state"));
			out_text(o, "driver", "DRIVER", json_object_object_get_ex(d, "driver", &driver) &&
				 json_object_get_boolean(driver) ? "yes" : "no");
			out_text(o, "what", "WHAT", answer_text(d, "what"));
		}
	out_finish(o, false);
	json_object_put(answer);
	return EXIT_OK;
}

int cmd_device(int argc, char **argv)
{
	static const struct option options[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ "publish", required_argument, NULL, 'P' },
		OUT_OPTIONS, { }
	};
	enum out_mode mode = OUT_TABLE;
	unsigned int timeout_ms = 10000;
	const char *word = argc > 1 ? argv[1] : "";
	struct json_object *ports = NULL;
	int opt, status;

	if (argc > 1 && word[0] != '-') {
		argc--;
		argv++;
	}
	while ((opt = getopt_long(argc, argv, "t:P:" OUT_OPTIONS_SHORT, options, NULL)) != -1) {
		if (out_option(opt, &mode))
			continue;
		switch (opt) {
		case 't':
			if (!parse_seconds(optarg, &timeout_ms)) {
				error("--timeout '%s': want seconds, such as 10", optarg);
				return EXIT_USAGE;
			}
			break;
		case 'P':
			if (!ports)
				ports = json_object_new_array();
			json_object_array_add(ports, json_object_new_string(optarg));
			break;
		case 'h':
			help();
			return EXIT_OK;
		default:
			return usage_error("device");
		}
	}
	argc -= optind;
	argv += optind;
	if (!strcmp(word, "add")) {
		status = add(argv, argc, ports);
		json_object_put(ports);
		return status;
	}
	if (!strcmp(word, "rm"))
		return rm(argv, argc, timeout_ms);
	if (!strcmp(word, "ls"))
		return ls(argv, argc, mode);
	error(*word && word[0] != '-' ? "'%s': want add, rm or ls" : "want add, rm or ls", word);
	return usage_error("device");
}
