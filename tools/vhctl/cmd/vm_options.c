// SPDX-License-Identifier: GPL-2.0-only
/* vm_options.c - the table of what can be said of a VM, and what --help and others make of it. */
#include <stdlib.h>
#include <string.h>

#include "cmd/run.h"
#include "cmd/vm_options.h"
#include "out.h"
#include "parse.h"
#include "vhctl.h"
#include "vmm/region.h"

#define HELP_COLUMN	23

const struct vm_options vm_options_none = {
	.cfg = { .confine = true, .listen_fd = -1, .log_fd = -1, .ready_fd = -1 },
};

/* --- values --- */

bool option_memory(const char *s, uint64_t *bytes)
{
	if (parse_size(s, bytes) && *bytes >= VMM_MIN_MEMORY && *bytes <= VMM_MAX_MEMORY &&
	    !(*bytes % 4096))
		return true;
	error("--memory '%s': want a size from 16M to 1T, such as 512M or 2G", s);
	return false;
}

/* What it begins with, and what it can come to have. */
static bool add_max(void *to, char *part)
{
	struct vmm_config *c = to;

	if (!strncmp(part, "max=", 4) && parse_size(part + 4, &c->memory_max) && c->memory_max > c->memory &&
	    c->memory_max <= VMM_MAX_MEMORY && !((c->memory_max - c->memory) % REGION_BLOCK))
		return true;
	error("--memory '%s': want max=SIZE, more than it begins with by a multiple of 2M", part);
	return false;
}

static bool set_memory(struct vm_options *o, const char *s)
{
	char *all = strdup(s), *next;
	bool good;

	if (!all)
		abort();
	o->cfg.memory_max = 0;
	next = parse_part(all);
	good = option_memory(all, &o->cfg.memory) && parse_parts(next, add_max, &o->cfg);
	free(all);
	return good;
}

static bool add_cpus_max(void *to, char *part)
{
	struct vmm_config *c = to;
	uint64_t n;

	if (!strncmp(part, "max=", 4) && parse_number(part + 4, VMM_MAX_CPUS, &n) && n > (uint64_t)c->cpus) {
		c->cpus_max = n;
		return true;
	}
	error("--cpus '%s': want max=N, more than it begins with, and at most %d", part, VMM_MAX_CPUS);
	return false;
}

static bool set_cpus(struct vm_options *o, const char *s)
{
	char *all = strdup(s), *next;
	bool good;

	if (!all)
		abort();
	o->cfg.cpus_max = 0;
	next = parse_part(all);
	good = option_cpus(all, &o->cfg.cpus) && parse_parts(next, add_cpus_max, &o->cfg);
	free(all);
	return good;
}

/* Of a VM that was made already: it begins with what it has reserved. */
bool maxima_fit(const struct vmm_config *cfg)
{
	if (cfg->cpus_max && cfg->cpus_max <= cfg->cpus) {
		error("--cpus: max= is to be more than the %d that the VM begins with", cfg->cpus);
		return false;
	}
	if (!cfg->memory_max || (cfg->memory_max > cfg->memory && !((cfg->memory_max - cfg->memory) % REGION_BLOCK)))
		return true;
	error("--memory: max= is to be more than the %s that the VM begins with, by a multiple of 2M",
	      human_bytes(cfg->memory));
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

static bool set_disk(struct vm_options *o, const char *s) { return option_disk(s, &o->cfg); }
static bool set_net(struct vm_options *o, const char *s) { return option_net(s, &o->cfg); }
static bool set_publish(struct vm_options *o, const char *s) { return option_publish(s, &o->cfg); }
static bool set_vsock(struct vm_options *o, const char *s) { return option_vsock(s, &o->cfg); }
static bool set_share(struct vm_options *o, const char *s) { return option_share(s, &o->cfg); }
static bool set_pmem(struct vm_options *o, const char *s) { return option_pmem(s, &o->cfg); }

/* Options whose value is kept as it is. */
#define KEEPS(name, member)						\
	static bool set_##name(struct vm_options *o, const char *s)	\
	{								\
		o->member = s;						\
		return true;						\
	}
KEEPS(kernel, cfg.kernel)
KEEPS(initrd, cfg.initrd)
KEEPS(cmdline, cfg.cmdline)
KEEPS(firmware, cfg.firmware)
KEEPS(device, cfg.device)
KEEPS(cpu, cfg.cpu)
KEEPS(cgroup, cgroup)
KEEPS(image, image.image)
KEEPS(keep, image.keep)
KEEPS(store, image.store)
KEEPS(cloud_init, image.seed.config)
KEEPS(hostname, image.seed.hostname)

static bool set_name(struct vm_options *o, const char *s)
{
	o->cfg.name = s;
	o->cfg.named = true;
	return true;
}

static bool set_stop_timeout(struct vm_options *o, const char *s)
{
	if (parse_seconds(s, &o->cfg.stop_ms))
		return true;
	error("--stop-timeout '%s': want seconds, such as 10", s);
	return false;
}

static bool set_balloon(struct vm_options *o, const char *s)
{
	o->cfg.balloon = true;
	if (!s || (parse_size(s, &o->cfg.balloon_target) && o->cfg.balloon_target >= VMM_MIN_MEMORY))
		return true;
	error("--balloon '%s': want the memory that the guest begins with, 16M or more", s);
	return false;
}

bool balloon_fits(const struct vmm_config *cfg)
{
	if (cfg->balloon_target <= cfg->memory)
		return true;
	error("--balloon: the VM has only %s of memory", human_bytes(cfg->memory));
	return false;
}

static bool set_console(struct vm_options *o, const char *s)
{
	o->cfg.virtio_console = !strcmp(s, "virtio");
	if (o->cfg.virtio_console || !strcmp(s, "serial"))
		return true;
	error("--console '%s': want serial or virtio", s);
	return false;
}

static bool set_watchdog(struct vm_options *o, const char *s)
{
	static const char *const names[] = {
		[WATCHDOG_RESET] = "reset", [WATCHDOG_POWEROFF] = "poweroff", [WATCHDOG_PAUSE] = "pause",
	};

	o->cfg.watchdog = WATCHDOG_RESET;
	if (!s)
		return true;
	for (int i = WATCHDOG_RESET; i <= WATCHDOG_PAUSE; i++)
		if (!strcmp(s, names[i])) {
			o->cfg.watchdog = i;
			return true;
		}
	error("--watchdog '%s': want reset, poweroff or pause", s);
	return false;
}

static bool set_ssh_key(struct vm_options *o, const char *s)
{
	struct image_seed *seed = &o->image.seed;

	if (seed->keys == IMAGE_SEED_KEYS) {
		error("--ssh-key: at most %d files", IMAGE_SEED_KEYS);
		return false;
	}
	seed->key[seed->keys++] = s;
	return true;
}

static bool set_confine(struct vm_options *o, const char *s)
{
	o->cfg.confine = !s || strcmp(s, "no");
	return true;
}

static bool set_stats(struct vm_options *o, const char *s)
{
	(void)s;
	o->cfg.stats = true;
	return true;
}

/* --- the table --- */

const struct vm_option vm_option[] = {
	{ .name = "config", .path = PATH_WHOLE, .of = OF_BOTH | OF_COMMAND_LINE, .shape = "FILE",
	  .help = "a description of the VM, vh.conf(5); options add to it, or replace what it says" },
	{ .name = "kernel", .letter = 'k', .path = PATH_WHOLE, .of = OF_BOTH, .shape = "FILE", .set = set_kernel,
	  .help = "bzImage, or uncompressed vmlinux with a PVH entry" },
	{ .name = "initrd", .letter = 'i', .path = PATH_WHOLE, .of = OF_BOTH, .shape = "FILE", .set = set_initrd,
	  .help = "initial RAM disk" },
	{ .name = "cmdline", .letter = 'c', .empty = true, .of = OF_BOTH, .shape = "STR", .set = set_cmdline,
	  .help = "kernel command line", .otherwise = "console=ttyS0" },
	{ .name = "memory", .letter = 'm', .of = OF_RUN, .shape = "SIZE[,max=SIZE]", .set = set_memory,
	  .help = "guest memory: 256M, 2G, ...; with max= it can have so much while it runs\n('vhctl memory')", .otherwise = "256M" },
	{ .name = "cpus", .letter = 'p', .of = OF_RUN, .shape = "N[,max=N]", .set = set_cpus,
	  .help = "virtual CPUs, 1 to 64; with max= there can be so many while it runs\n('vhctl cpus')", .otherwise = "1" },
	{ .name = "cpu", .path = PATH_OR_WORD, .of = OF_BOTH, .shape = "host|v2|v3|v4|FILE", .set = set_cpu,
	  .help = "processor that the guest sees: what there is, a level of the x86-64\nABI, or a file of 'vhctl cpu baseline'", .otherwise = "host" },
	{ .name = "name", .letter = 'n', .of = OF_RUN, .shape = "NAME", .set = set_name,
	  .help = "name of the VM (default: the kernel calls it vm-ID)" },
	{ .name = "cgroup", .letter = 'g', .of = OF_RUN, .shape = "PATH", .set = set_cgroup,
	  .help = "run, and be charged, in this cgroup" },
	{ .name = "stop-timeout", .letter = 't', .of = OF_BOTH, .shape = "S", .set = set_stop_timeout,
	  .help = "seconds that the guest has to power off when it is asked to\nstop", .otherwise = "10" },
	{ .name = "disk", .letter = 'D', .many = true, .path = PATH_PARTS, .of = OF_BOTH, .set = set_disk,
	  .shape = "FILE[,ro][,format=NAME][,serial=TEXT][,cache=writeback|none|unsafe]\n[,iops=N][,bps=SIZE]",
	  .help = "a disk: raw file, block device, or image (by its name: .qcow2, .vmdk, ...,\n"
		  "or by format=); as often as there are disks" },
	{ .name = "firmware", .letter = 'f', .path = PATH_WHOLE, .of = OF_BOTH, .shape = "FILE", .set = set_firmware,
	  .help = "what boots from a disk", .otherwise = DEFAULT_FIRMWARE },
	{ .name = "net", .letter = 'N', .many = true, .of = OF_BOTH, .set = set_net,
	  .shape = "user|tap=NAME|bridge=NAME[,mac=ADDRESS][,queues=N]",
	  .help = "a network: a user's own, a tap, a bridge; as often as there are networks" },
	{ .name = "publish", .letter = 'P', .many = true, .of = OF_BOTH, .set = set_publish,
	  .shape = "[ADDRESS:]PORT:GUESTPORT[/udp]",
	  .help = "with --net user, connections to the host's PORT are the guest's" },
	{ .name = "vsock", .letter = 'V', .of = OF_BOTH, .shape = "CID", .set = set_vsock,
	  .help = "sockets between guest and host; the guest is CID, 3 or more" },
	{ .name = "balloon", .letter = 'b', .value = VALUE_MAY, .of = OF_BOTH, .shape = "SIZE", .set = set_balloon,
	  .help = "memory can be taken back while it runs ('vhctl balloon'), and what the\n"
		  "guest frees is; with SIZE it begins with so much" },
	{ .name = "pmem", .letter = 'M', .many = true, .path = PATH_PARTS, .of = OF_BOTH, .shape = "FILE[,ro]",
	  .set = set_pmem,
	  .help = "a file as persistent memory (/dev/pmem0); VMs that read the same one share\n"
		  "the host's page cache" },
	{ .name = "share", .letter = 'S', .many = true, .path = PATH_PARTS, .of = OF_BOTH, .shape = "DIR[,tag=TAG][,ro]",
	  .set = set_share,
	  .help = "a folder, which the guest mounts: mount -t virtiofs TAG /mnt (TAG: the\n"
		  "folder's name); as often as there are folders" },
	{ .name = "console", .letter = 'C', .of = OF_BOTH, .shape = "serial|virtio", .set = set_console,
	  .help = "what this terminal is to the guest: ttyS0, or hvc0", .otherwise = "serial" },
	{ .name = "watchdog", .letter = 'w', .value = VALUE_MAY, .of = OF_BOTH, .shape = "reset|poweroff|pause",
	  .set = set_watchdog,
	  .help = "a watchdog, and what is done when the guest does not feed it\n(without a value: reset)" },
	{ .name = "image", .of = OF_BOTH, .shape = "IMAGE", .set = set_image,
	  .help = "an image of the store is the first disk; of run also without --image" },
	{ .name = "keep", .of = OF_BOTH, .shape = "NAME", .set = set_keep,
	  .help = "run on a new image of this name, which stays" },
	{ .name = "store", .path = PATH_WHOLE, .of = OF_BOTH, .shape = "DIR", .set = set_store,
	  .help = "where images are (default: as 'vhctl image' has it)" },
	{ .name = "cloud-init", .path = PATH_WHOLE, .of = OF_BOTH, .shape = "FILE|DIR", .set = set_cloud_init,
	  .help = "user-data for cloud-init, or a directory that has it" },
	{ .name = "ssh-key", .many = true, .path = PATH_WHOLE, .of = OF_BOTH, .shape = "FILE", .set = set_ssh_key,
	  .help = "public keys for the system's user, by cloud-init" },
	{ .name = "hostname", .of = OF_BOTH, .shape = "NAME", .set = set_hostname,
	  .help = "the system's name, by cloud-init" },
	{ .name = "device", .letter = 'd', .path = PATH_WHOLE, .of = OF_BOTH, .shape = "PATH", .set = set_device,
	  .help = "device with KVM's API", .otherwise = VH_DEVICE },
	{ .name = "confine", .value = VALUE_SWITCH, .of = OF_BOTH, .set = set_confine,
	  .help = "the VMM gives up what it has no need of before the guest runs", .otherwise = "yes" },
	{ .name = "no-confine", .value = VALUE_SWITCH, .of = OF_BOTH | OF_COMMAND_LINE,
	  .help = "it keeps the rights of who starts it" },
	{ .name = "stats", .letter = 's', .value = VALUE_SWITCH, .of = OF_BOTH, .set = set_stats,
	  .help = "print at the end how many exits of which kinds there were" },
	{ .name = "help", .letter = 'h', .value = VALUE_SWITCH, .of = OF_BOTH | OF_COMMAND_LINE,
	  .help = "this text" },
};

const unsigned int vm_option_count = sizeof(vm_option) / sizeof(vm_option[0]);

/**
 * vm_option_named - the option of a name
 * @name: without dashes
 *
 * NULL if there is none.
 */
const struct vm_option *vm_option_named(const char *name)
{
	for (unsigned int i = 0; i < vm_option_count; i++)
		if (!strcmp(name, vm_option[i].name))
			return &vm_option[i];
	return NULL;
}

/* Is it a key of a description? */
bool vm_option_is_key(const struct vm_option *o)
{
	return !(o->of & OF_COMMAND_LINE);
}

/**
 * vm_option_is_file - is a value the name of a file?
 * @o: the option
 * @value: of it
 */
bool vm_option_is_file(const struct vm_option *o, const char *value)
{
	return o->path != PATH_NONE && (o->path != PATH_OR_WORD || strpbrk(value, "/."));
}

/* How many letters are to be added, removed, changed or exchanged with their neighbours; more than @most is @most + 1. */
static unsigned int distance(const char *a, const char *b, unsigned int most)
{
	enum { LONGEST = 32 };
	unsigned int d[LONGEST + 1][LONGEST + 1], n = strlen(a), m = strlen(b);

	if (n > LONGEST || m > LONGEST)
		return most + 1;
	for (unsigned int i = 0; i <= n; i++)
		for (unsigned int k = 0; k <= m; k++) {
			unsigned int best = i + k, change = i && k && a[i - 1] != b[k - 1];

			if (i && k && d[i - 1][k - 1] + change < best)
				best = d[i - 1][k - 1] + change;
			if (i && d[i - 1][k] + 1 < best)
				best = d[i - 1][k] + 1;
			if (k && d[i][k - 1] + 1 < best)
				best = d[i][k - 1] + 1;
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] && d[i - 2][k - 2] + 1 < best)
				best = d[i - 2][k - 2] + 1;
			d[i][k] = best;
		}
	return d[n][m];
}

/**
 * vm_option_nearest - the key that somebody may have meant
 * @name: which is none
 *
 * NULL if none is near.
 */
const struct vm_option *vm_option_nearest(const char *name)
{
	const struct vm_option *nearest = NULL;
	unsigned int least = strlen(name) < 4 ? 2 : 3, n;

	for (unsigned int i = 0; i < vm_option_count; i++) {
		if (!vm_option_is_key(&vm_option[i]))
			continue;
		n = distance(name, vm_option[i].name, least);
		if (n >= least)
			continue;
		nearest = &vm_option[i];
		least = n;
	}
	return nearest;
}

/**
 * vm_option_default - what an option is when nobody says
 * @o: gets it
 * @name: of an option that has a default
 */
void vm_option_default(struct vm_options *o, const char *name)
{
	const struct vm_option *option = vm_option_named(name);

	if (!option->set(o, option->otherwise))
		abort();
}

static void help(const struct vm_option *o)
{
	const char *before = o->value == VALUE_MAY ? "[=" : o->shape ? " " : "", *after = o->value == VALUE_MAY ? "]" : "";
	char left[256], letter[8] = "    ";
	const char *c;
	int n;

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	snprintf(left, sizeof(left), "  %s--%s%s%s%s", letter, o->name, before, o->shape ? o->shape : "", after);
	for (c = left; *c; c++) {
		putchar(*c);
		if (*c == '\n')
			printf("%*s", (int)strlen(o->name) + 9, "");
	}
	n = strlen(left);
	if (n >= HELP_COLUMN) {
		putchar('\n');
		n = 0;
	}
	printf("%*s", HELP_COLUMN - n, "");
	for (c = o->help; *c; c++) {
		putchar(*c);
		if (*c == '\n')
			printf("%*s", HELP_COLUMN, "");
	}
	if (o->otherwise)
		printf(" (default: %s)", o->otherwise);
	putchar('\n');
}

/**
 * vm_options_help - the options, as --help has them
 * @of: the command
 */
void vm_options_help(unsigned int of)
{
	for (unsigned int i = 0; i < vm_option_count; i++)
		if (vm_option[i].of & of)
			help(&vm_option[i]);
}

/**
 * vm_options_fit - do the options fit each other, as far as they can be compared before an image is looked at?
 * @o: all of them
 *
 * False with the error told.
 */
bool vm_options_fit(const struct vm_options *o)
{
	const struct vmm_config *cfg = &o->cfg;
	const char *alone = cfg->initrd ? "--initrd" : cfg->cmdline ? "--cmdline" : NULL;

	if (cfg->kernel && cfg->firmware) {
		error("--firmware boots from a disk, and --kernel without firmware: want one of them");
		return false;
	}
	if (!cfg->kernel && !o->image.image && alone) {
		error("%s is for the kernel of --kernel, which is missing; a disk has its own", alone);
		return false;
	}
	if (!cfg->kernel && !o->image.image && !cfg->disks) {
		error("what is it to boot? want --kernel FILE, --disk FILE with a system on it, or an image's name");
		return false;
	}
	if (!o->image.image && (o->image.keep || o->image.store)) {
		error("%s is for an image, which is missing", o->image.keep ? "--keep" : "--store");
		return false;
	}
	return share_fits(cfg) && net_options_fit(cfg);
}
