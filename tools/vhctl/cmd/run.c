// SPDX-License-Identifier: GPL-2.0-only
/* run.c - vhctl run and vhctl start: options, then the VMM, here or in the background. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/run.h"
#include "cmd/run_image.h"
#include "nl.h"
#include "out.h"
#include "parse.h"
#include "runtime.h"
#include "vhctl.h"

#define DEFAULT_CMDLINE		"console=ttyS0"
#define DEFAULT_MEMORY		(256ULL << 20)
#define DEFAULT_FIRMWARE	"/usr/share/seabios/bios-256k.bin"

#define DISK_HELP \
	"  -D, --disk FILE[,ro][,format=NAME][,serial=TEXT][,cache=writeback|none|unsafe]\n" \
	"             [,iops=N][,bps=SIZE]\n" \
	"                       a disk: raw file, block device, or image (by its name: .qcow2, .vmdk, ...,\n" \
	"                       or by format=); as often as there are disks\n"

#define FIRMWARE_HELP \
	"  -f, --firmware FILE  what boots from a disk (default:\n" \
	"                       " DEFAULT_FIRMWARE ")\n"

#define NET_HELP \
	"  -N, --net user|tap=NAME|bridge=NAME[,mac=ADDRESS][,queues=N]\n" \
	"                       a network: a user's own, a tap, a bridge; as often as there are networks\n" \
	"  -P, --publish [ADDRESS:]PORT:GUESTPORT[/udp]\n" \
	"                       with --net user, connections to the host's PORT are the guest's\n" \
	"  -V, --vsock CID      sockets between guest and host; the guest is CID, 3 or more\n"

#define DEVICE_HELP \
	"  -b, --balloon[=SIZE] memory can be taken back while it runs ('vhctl balloon'), and what the\n" \
	"                       guest frees is; with SIZE it begins with so much\n" \
	"  -M, --pmem FILE[,ro] a file as persistent memory (/dev/pmem0); VMs that read the same one share\n" \
	"                       the host's page cache\n" \
	"  -S, --share DIR[,tag=TAG][,ro]\n" \
	"                       a folder, which the guest mounts: mount -t virtiofs TAG /mnt (TAG: the\n" \
	"                       folder's name); as often as there are folders\n" \
	"  -C, --console serial|virtio\n" \
	"                       what this terminal is to the guest: ttyS0 (default), or hvc0\n" \
	"  -w, --watchdog[=reset|poweroff|pause]\n" \
	"                       a watchdog, and what is done when the guest does not feed it\n" \
	"                       (default: reset)\n"

#define CONFINE_HELP \
	"      --no-confine     the VMM keeps the rights of who starts it; else it gives up what it has\n" \
	"                       no need of before the guest runs\n"

enum { OPTION_CONFINE = 256, OPTION_NO_CONFINE };

static void run_usage(void)
{
	fputs("usage: vhctl run --kernel FILE [OPTIONS]\n"
	      "       vhctl run --disk FILE [OPTIONS]\n"
	      "       vhctl run [OPTIONS] IMAGE\n"
	      "\n"
	      "Runs a VM whose console is this terminal. Ctrl-A x ends it, Ctrl-A Ctrl-A sends Ctrl-A.\n"
	      "Without a kernel a firmware boots what is on the first disk that can be booted. IMAGE,\n"
	      "of the store ('vhctl image'), is the first disk; what is written to a sealed one is gone\n"
	      "with the VM.\n"
	      "\n"
	      "  -k, --kernel FILE    bzImage, or uncompressed vmlinux with a PVH entry\n"
	      "  -i, --initrd FILE    initial RAM disk\n"
	      "  -c, --cmdline STR    kernel command line (default: " DEFAULT_CMDLINE ")\n"
	      "  -m, --memory SIZE    guest memory: 256M, 2G, ... (default: 256M)\n"
	      "  -p, --cpus N         virtual CPUs, 1 to 64 (default: 1)\n"
	      "  -n, --name NAME      name of the VM (default: the kernel calls it vm-ID)\n"
	      "  -g, --cgroup PATH    run, and be charged, in this cgroup\n"
	      "  -t, --stop-timeout S seconds that the guest has to power off when it is asked to\n"
	      "                       stop (default: 10)\n"
	      DISK_HELP
	      FIRMWARE_HELP
	      NET_HELP
	      DEVICE_HELP
	      RUN_IMAGE_HELP
	      "  -d, --device PATH    /dev/vh (default), or another device with KVM's API\n"
	      CONFINE_HELP
	      "  -s, --stats          print at the end how many exits of which kinds there were\n"
	      "  -h, --help           this text\n"
	      "\n"
	      "exit status: 0 the guest powered off, 1 error, 2 usage, 3 the guest reset,\n"
	      "4 the guest crashed, 5 ended from outside\n", stdout);
}

static void start_usage(void)
{
	fputs("usage: vhctl start --kernel FILE [OPTIONS] VM\n"
	      "       vhctl start --disk FILE [OPTIONS] VM\n"
	      "\n"
	      "Runs a VM that vhctl create made, in the background, with the memory and the vCPUs\n"
	      "that it reserved. 'vhctl attach' connects a terminal to its console. Without a kernel a\n"
	      "firmware boots what is on the first disk that can be booted.\n"
	      "\n"
	      "  -k, --kernel FILE    bzImage, or uncompressed vmlinux with a PVH entry\n"
	      "  -i, --initrd FILE    initial RAM disk\n"
	      "  -c, --cmdline STR    kernel command line (default: " DEFAULT_CMDLINE ")\n"
	      "  -t, --stop-timeout S seconds that the guest has to power off when it is asked to\n"
	      "                       stop (default: 10)\n"
	      DISK_HELP
	      FIRMWARE_HELP
	      NET_HELP
	      DEVICE_HELP
	      "  -d, --device PATH    default: /dev/vh\n"
	      CONFINE_HELP
	      "  -h, --help           this text\n", stdout);
}

bool option_memory(const char *s, uint64_t *bytes)
{
	if (parse_size(s, bytes) && *bytes >= VMM_MIN_MEMORY && *bytes <= VMM_MAX_MEMORY &&
	    !(*bytes % 4096))
		return true;
	error("--memory '%s': want a size from 16M to 1T, such as 512M or 2G", s);
	return false;
}

bool option_cpus(const char *s, int *cpus)
{
	uint64_t n;

	if (!parse_number(s, VMM_MAX_CPUS, &n) || !n) {
		error("--cpus '%s': want a number from 1 to %d", s, VMM_MAX_CPUS);
		return false;
	}
	*cpus = n;
	return true;
}

/*
 * A kernel with what belongs to it, or else a disk and a firmware. An empty --kernel is none, and the
 * command line beside it nobody's: so a unit's file may leave the kernel out.
 */
static bool check_boot(struct vmm_config *cfg)
{
	const char *alone = cfg->initrd ? "--initrd" : cfg->cmdline ? "--cmdline" : NULL;

	if (cfg->kernel && *cfg->kernel) {
		if (!cfg->cmdline)
			cfg->cmdline = cfg->virtio_console ? "console=hvc0" : DEFAULT_CMDLINE;
		return true;
	}
	if (!cfg->kernel && alone) {
		error("%s is for the kernel of --kernel, which is missing; a disk has its own", alone);
		return false;
	}
	if (!cfg->disks) {
		error("what is it to boot? want --kernel FILE, --disk FILE with a system on it, or an image's name");
		return false;
	}
	cfg->kernel = cfg->initrd = cfg->cmdline = NULL;
	if (!cfg->firmware)
		cfg->firmware = DEFAULT_FIRMWARE;
	return true;
}

static bool option_watchdog(const char *s, struct vmm_config *cfg)
{
	static const char *const names[] = {
		[WATCHDOG_RESET] = "reset", [WATCHDOG_POWEROFF] = "poweroff", [WATCHDOG_PAUSE] = "pause",
	};

	cfg->watchdog = WATCHDOG_RESET;
	if (!s)
		return true;
	for (int i = WATCHDOG_RESET; i <= WATCHDOG_PAUSE; i++)
		if (!strcmp(s, names[i])) {
			cfg->watchdog = i;
			return true;
		}
	error("--watchdog '%s': want reset, poweroff or pause", s);
	return false;
}

/* @image: of run, which makes it the first disk; NULL: this is start. */
static int parse_options(int argc, char **argv, struct vmm_config *cfg, const char **cgroup,
			 struct run_image *image)
{
	static const struct option options[] = {
		{ "kernel", required_argument, NULL, 'k' },
		{ "initrd", required_argument, NULL, 'i' },
		{ "cmdline", required_argument, NULL, 'c' },
		{ "device", required_argument, NULL, 'd' },
		{ "stop-timeout", required_argument, NULL, 't' },
		{ "disk", required_argument, NULL, 'D' },
		{ "firmware", required_argument, NULL, 'f' },
		{ "net", required_argument, NULL, 'N' },
		{ "publish", required_argument, NULL, 'P' },
		{ "vsock", required_argument, NULL, 'V' },
		{ "balloon", optional_argument, NULL, 'b' },
		{ "pmem", required_argument, NULL, 'M' },
		{ "share", required_argument, NULL, 'S' },
		{ "console", required_argument, NULL, 'C' },
		{ "watchdog", optional_argument, NULL, 'w' },
		{ "confine", no_argument, NULL, OPTION_CONFINE },
		{ "no-confine", no_argument, NULL, OPTION_NO_CONFINE },
		{ "help", no_argument, NULL, 'h' },
		/* of run alone */
		{ "memory", required_argument, NULL, 'm' },
		{ "cpus", required_argument, NULL, 'p' },
		{ "name", required_argument, NULL, 'n' },
		{ "cgroup", required_argument, NULL, 'g' },
		{ "stats", no_argument, NULL, 's' },
		RUN_IMAGE_OPTIONS,
		{ }
	};
	const bool start = !image;
	int opt;

	while ((opt = getopt_long(argc, argv, start ? "k:i:c:d:t:D:f:N:P:V:b::M:S:C:w::h" :
				  "k:i:c:d:t:D:f:N:P:V:b::M:S:C:w::hm:p:n:g:s", options, NULL)) != -1) {
		if (opt >= OPTION_KEEP && opt <= OPTION_HOSTNAME) {
			if (start) {
				error("start: images and seeds are for 'vhctl run'");
				return EXIT_USAGE;
			}
			if (!run_image_option(image, opt, optarg))
				return EXIT_USAGE;
			continue;
		}
		if (start && opt < OPTION_CONFINE && strchr("mpngs", opt)) {
			error("start: memory, vCPUs, name and cgroup are those of 'vhctl create'");
			return EXIT_USAGE;
		}
		switch (opt) {
		case 'k': cfg->kernel = optarg; break;
		case 'i': cfg->initrd = optarg; break;
		case 'c': cfg->cmdline = optarg; break;
		case 'n': cfg->name = optarg; cfg->named = true; break;
		case 'd': cfg->device = optarg; break;
		case 'f': cfg->firmware = optarg; break;
		case 'g': *cgroup = optarg; break;
		case 's': cfg->stats = true; break;
		case OPTION_CONFINE: cfg->confine = true; break;
		case OPTION_NO_CONFINE: cfg->confine = false; break;
		case 't':
			if (!parse_seconds(optarg, &cfg->stop_ms)) {
				error("--stop-timeout '%s': want seconds, such as 10", optarg);
				return EXIT_USAGE;
			}
			break;
		case 'D':
			if (!option_disk(optarg, cfg))
				return EXIT_USAGE;
			break;
		case 'N':
			if (!option_net(optarg, cfg))
				return EXIT_USAGE;
			break;
		case 'P':
			if (!option_publish(optarg, cfg))
				return EXIT_USAGE;
			break;
		case 'V':
			if (!option_vsock(optarg, cfg))
				return EXIT_USAGE;
			break;
		case 'b':
			if (!option_balloon(optarg, cfg))
				return EXIT_USAGE;
			break;
		case 'M':
			if (!option_pmem(optarg, cfg))
				return EXIT_USAGE;
			break;
		case 'S':
			if (!option_share(optarg, cfg))
				return EXIT_USAGE;
			break;
		case 'C':
			cfg->virtio_console = !strcmp(optarg, "virtio");
			if (!cfg->virtio_console && strcmp(optarg, "serial")) {
				error("--console '%s': want serial or virtio", optarg);
				return EXIT_USAGE;
			}
			break;
		case 'w':
			if (!option_watchdog(optarg, cfg))
				return EXIT_USAGE;
			break;
		case 'm':
			if (!option_memory(optarg, &cfg->memory))
				return EXIT_USAGE;
			break;
		case 'p':
			if (!option_cpus(optarg, &cfg->cpus))
				return EXIT_USAGE;
			break;
		case 'h':
			if (start)
				start_usage();
			else
				run_usage();
			return -1;
		default:
			return usage_error(argv[0]);
		}
	}
	if (argc - optind > 1) {
		error("unexpected argument '%s'", argv[optind + 1]);
		return usage_error(argv[0]);
	}
	if (start && optind == argc) {
		error("which VM?");
		return usage_error(argv[0]);
	}
	if (image)
		image->image = argv[optind];
	if (cfg->kernel && *cfg->kernel && cfg->firmware) {
		error("--firmware boots from a disk, and --kernel without firmware: want one of them");
		return usage_error(argv[0]);
	}
	return share_fits(cfg) && net_options_fit(cfg) ? 0 : EXIT_USAGE;
}

static const struct vmm_config defaults = {
	.device = VH_DEVICE, .memory = DEFAULT_MEMORY, .cpus = 1, .confine = true,
	.stop_ms = 10000, .listen_fd = -1, .log_fd = -1, .ready_fd = -1,
};

static int run(struct vmm_config *cfg, struct run_image *image)
{
	int status = run_image_attach(image, cfg);

	if (status)
		return status;
	if (!check_boot(cfg))
		return usage_error("run");
	if (!cfg->memory)
		cfg->memory = DEFAULT_MEMORY;
	if (!cfg->cpus)
		cfg->cpus = 1;
	if (!cfg->name) {
		const char *file = cfg->kernel ? cfg->kernel : cfg->disk[0].path, *slash = strrchr(file, '/');

		cfg->name = slash ? slash + 1 : file;
	}
	return balloon_fits(cfg) ? vmm_run(cfg) : EXIT_USAGE;
}

int cmd_run(int argc, char **argv)
{
	struct vmm_config cfg = defaults;
	struct run_image image = { };
	const char *cgroup = NULL;
	int status;

	cfg.memory = cfg.cpus = 0;	/* an image may say */
	cfg.started = &image.used;
	status = parse_options(argc, argv, &cfg, &cgroup, &image);
	/* First: what is done to an image is charged there, too. */
	if (!status && cgroup && cgroup_enter(cgroup))
		status = EXIT_ERROR;
	if (!status)
		status = run(&cfg, &image);
	run_image_detach(&image);
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

static int background(struct vmm_config *cfg, const uint8_t *uuid)
{
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

int cmd_start(int argc, char **argv)
{
	struct vmm_config cfg = defaults;
	int status = parse_options(argc, argv, &cfg, NULL, NULL);
	struct nl *nl;
	struct vm vm;

	if (status)
		return status < 0 ? EXIT_OK : status;
	if (!check_boot(&cfg))
		return usage_error(argv[0]);
	nl = vh_open();
	if (!nl || vm_get(nl, argv[optind], &vm))
		return EXIT_ERROR;
	vh_close(nl);
	if (!vm.defined) {
		error("%s: not a VM of 'vhctl create'", argv[optind]);
		return EXIT_ERROR;
	}
	if (vm.state != VH_VM_DEFINED) {
		error("%s: it runs already", argv[optind]);
		return EXIT_ERROR;
	}
	if (vm.reserved_memory < VMM_MIN_MEMORY || vm.reserved_vcpus < 1 ||
	    vm.reserved_vcpus > VMM_MAX_CPUS) {
		error("%s: it reserves %s of memory and %u vCPUs; vhctl's VMM wants 16M or more, and 1 to %d",
		      argv[optind], human_bytes(vm.reserved_memory), vm.reserved_vcpus,
		      VMM_MAX_CPUS);
		return EXIT_ERROR;
	}
	cfg.attach = vm.id;
	cfg.name = vm.name;
	cfg.memory = vm.reserved_memory;
	cfg.cpus = vm.reserved_vcpus;
	if (!balloon_fits(&cfg))
		return EXIT_USAGE;
	return background(&cfg, vm.uuid);
}
