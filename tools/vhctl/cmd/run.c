// SPDX-License-Identifier: GPL-2.0-only
/* run.c - vhctl run and vhctl start: options, then the VMM, here or in the background. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/description.h"
#include "cmd/run.h"
#include "cmd/run_image.h"
#include "nl.h"
#include "out.h"
#include "parse.h"
#include "runtime.h"
#include "vhctl.h"

static void run_usage(void)
{
	fputs("usage: vhctl run --kernel FILE [OPTIONS]\n"
	      "       vhctl run --disk FILE [OPTIONS]\n"
	      "       vhctl run --config FILE [OPTIONS]\n"
	      "       vhctl run [OPTIONS] IMAGE\n"
	      "\n"
	      "Runs a VM whose console is this terminal. Ctrl-A x ends it, Ctrl-A Ctrl-A sends Ctrl-A.\n"
	      "Without a kernel a firmware boots what is on the first disk that can be booted. IMAGE,\n"
	      "of the store ('vhctl image'), is the first disk; what is written to a sealed one is gone\n"
	      "with the VM.\n"
	      "\n", stdout);
	vm_options_help(OF_RUN);
	fputs("\n"
	      "exit status: 0 the guest powered off, 1 error, 2 usage, 3 the guest reset,\n"
	      "4 the guest crashed, 5 ended from outside\n", stdout);
}

static void start_usage(void)
{
	fputs("usage: vhctl start [OPTIONS] VM\n"
	      "\n"
	      "Runs a VM that vhctl create made, in the background, with the memory and the vCPUs\n"
	      "that it reserved. 'vhctl attach' connects a terminal to its console. What it is comes\n"
	      "from the options and from its description, if there is one (vh.conf(5)); with a\n"
	      "description the VM is created if it is not there.\n"
	      "\n", stdout);
	vm_options_help(OF_START);
}

/* What an image may have added: a kernel with what belongs to it, or else a disk and a firmware. */
static bool boots(struct vm_options *o)
{
	struct vmm_config *cfg = &o->cfg;

	if (!cfg->kernel && (cfg->initrd || cfg->cmdline)) {
		error("%s is for a kernel, and the image names none: it has its own", cfg->initrd ? "--initrd" : "--cmdline");
		return false;
	}
	if (!cfg->kernel && !cfg->firmware)
		vm_option_default(o, "firmware");
	if (cfg->kernel && !cfg->cmdline && cfg->virtio_console)
		cfg->cmdline = "console=hvc0";
	else if (cfg->kernel && !cfg->cmdline)
		vm_option_default(o, "cmdline");
	return true;
}

/* Behind the command line's options: what there is of a file, and on top of it @said. An exit status, told. */
static int options(struct description *d, const struct description *said, const char *file, struct vm_options *o)
{
	unsigned int mistakes = file ? description_read(d, file) : 0;

	*o = vm_options_none;
	mistakes += !description_merge(d, said);
	mistakes += description_apply(d, o);
	return mistakes ? EXIT_USAGE : EXIT_OK;
}

static int run(struct vm_options *o)
{
	struct vmm_config *cfg = &o->cfg;
	int status;

	/* First: what is done to an image is charged there, too. */
	if (o->cgroup && cgroup_enter(o->cgroup))
		return EXIT_ERROR;
	status = run_image_attach(&o->image, cfg);
	if (status)
		return status;
	if (!boots(o))
		return usage_error("run");
	if (!cfg->memory)
		vm_option_default(o, "memory");
	if (!cfg->cpus)
		vm_option_default(o, "cpus");
	if (!cfg->name) {
		const char *file = cfg->kernel ? cfg->kernel : cfg->disk[0].path, *slash = strrchr(file, '/');

		cfg->name = slash ? slash + 1 : file;
	}
	return balloon_fits(cfg) ? vmm_run(cfg) : EXIT_USAGE;
}

int cmd_run(int argc, char **argv)
{
	struct description said = { }, d = { };
	struct vm_options o;
	int status = description_options(&said, OF_RUN, argc, argv);

	if (status < 0)
		run_usage();
	else if (!status && argc - optind > 1) {
		error("unexpected argument '%s'", argv[optind + 1]);
		status = usage_error(argv[0]);
	} else if (!status && optind < argc && !description_add(&said, vm_option_named("image"), argv[optind], 0)) {
		status = EXIT_USAGE;
	}
	if (!status)
		status = options(&d, &said, said.file, &o);
	if (!status && !vm_options_fit(&o))
		status = usage_error(argv[0]);
	if (!status) {
		o.cfg.started = &o.image.used;
		status = run(&o);
		run_image_detach(&o.image);
	}
	description_free(&said);
	description_free(&d);
	return status < 0 ? EXIT_OK : status;
}

/* --- in the background --- */

static int open_console(struct vmm_config *cfg, const uint8_t *uuid)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char log[PATH_MAX];

	if (runtime_path(uuid, RUNTIME_CONSOLE, at.sun_path, sizeof(at.sun_path)) ||
	    runtime_path(uuid, RUNTIME_LOG, log, sizeof(log)))
		return -1;
	unlink(at.sun_path);
	cfg->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (cfg->listen_fd < 0 || bind(cfg->listen_fd, (struct sockaddr *)&at, sizeof(at)) ||
	    listen(cfg->listen_fd, 1)) {
		error("%s: %s", at.sun_path, strerror(errno));
		return -1;
	}
	cfg->log_fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (cfg->log_fd < 0) {
		error("%s: %s", log, strerror(errno));
		return -1;
	}
	return 0;
}

static int background(struct vm_options *o, const uint8_t *uuid)
{
	struct vmm_config *cfg = &o->cfg;
	char path[108];
	int ready[2], status, null;
	pid_t pid;
	char c;

	if (open_console(cfg, uuid) || pipe2(ready, O_CLOEXEC))
		return EXIT_ERROR;
	pid = fork();
	if (pid < 0) {
		error("fork: %s", strerror(errno));
		return EXIT_ERROR;
	}
	if (pid) {
		o->image.attached = false;	/* it is the other's */
		close(ready[1]);
		if (read(ready[0], &c, 1) == 1)
			return EXIT_OK;
		/* It has told why on this terminal. */
		return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) ?
		       WEXITSTATUS(status) : EXIT_ERROR;
	}
	close(ready[0]);
	setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	cfg->ready_fd = ready[1];
	status = vmm_run(cfg);
	if (!runtime_path(uuid, RUNTIME_CONSOLE, path, sizeof(path)))
		unlink(path);
	return status;
}

/* The VM of a name, or of another word for one; if there is none, but a description of it, it is made. 0 or -1, told. */
static int find_vm(const char *word, const char *file, struct vm *vm)
{
	char told[512], path[PATH_MAX];
	struct nl *nl = vh_open();
	int err;

	if (!nl)
		return -1;
	error_capture(told, sizeof(told));
	err = vm_get(nl, word, vm);
	error_capture(NULL, 0);
	if (!file && description_path(word, path, sizeof(path)) && !access(path, F_OK))
		file = path;
	if (err == -ENOENT && file)
		err = create_described(nl, word, file) ? -1 : vm_get(nl, word, vm);
	else if (err)
		error("%s", told);
	vh_close(nl);
	return err;
}

/* Can this VM be run by this VMM? */
static bool can_start(const char *word, const struct vm *vm)
{
	if (!vm->defined)
		error("%s: not a VM of 'vhctl create'", word);
	else if (vm->state != VH_VM_DEFINED)
		error("%s: it runs already", word);
	else if (vm->reserved_memory < VMM_MIN_MEMORY || vm->reserved_vcpus < 1 || vm->reserved_vcpus > VMM_MAX_CPUS)
		error("%s: it reserves %s of memory and %u vCPUs; vhctl's VMM wants 16M or more, and 1 to %d", word,
		      human_bytes(vm->reserved_memory), vm->reserved_vcpus, VMM_MAX_CPUS);
	else
		return true;
	return false;
}

static int start(struct vm_options *o, const struct vm *vm)
{
	struct vmm_config *cfg = &o->cfg;
	int status;

	cfg->attach = vm->id;
	cfg->name = vm->name;
	cfg->memory = vm->reserved_memory;
	cfg->cpus = vm->reserved_vcpus;
	status = run_image_attach(&o->image, cfg);
	if (status)
		return status;
	if (!boots(o))
		return usage_error("start");
	return maxima_fit(cfg) && balloon_fits(cfg) ? background(o, vm->uuid) : EXIT_USAGE;
}

/* A description says of a VM that is already there: what it has reserved is as it is. */
static int start_described(const struct description *said, const char *word)
{
	struct description d = { };
	const char *file = said->file;
	char path[PATH_MAX];
	struct vm_options o;
	struct vm vm;
	int status;

	if (find_vm(word, file, &vm))
		return EXIT_ERROR;
	if (!file && description_path(vm.name, path, sizeof(path)) && !access(path, F_OK))
		file = path;
	status = can_start(word, &vm) ? options(&d, said, file, &o) : EXIT_ERROR;
	if (!status && !vm_options_fit(&o))
		status = usage_error("start");
	if (!status) {
		o.cfg.started = &o.image.used;
		status = start(&o, &vm);
		run_image_detach(&o.image);
	}
	description_free(&d);
	return status;
}

int cmd_start(int argc, char **argv)
{
	struct description said = { };
	int status = description_options(&said, OF_START, argc, argv);

	if (status < 0)
		start_usage();
	else if (!status && argc - optind != 1) {
		if (optind == argc)
			error("which VM?");
		else
			error("unexpected argument '%s'", argv[optind + 1]);
		status = usage_error(argv[0]);
	}
	if (!status)
		status = start_described(&said, argv[optind]);
	description_free(&said);
	return status < 0 ? EXIT_OK : status;
}
