// SPDX-License-Identifier: GPL-2.0-only
/* run_image.c - vhctl run IMAGE: an image of the store as the first disk, and a seed for cloud-init. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/run_image.h"
#include "vhctl.h"

/* There is room. */
static void add_disk(struct vmm_config *cfg, int at, const struct disk_config *d)
{
	memmove(&cfg->disk[at + 1], &cfg->disk[at], (cfg->disks++ - at) * sizeof(cfg->disk[0]));
	cfg->disk[at] = *d;
}

/* A file without a name, which the VMM opens by its descriptor: whatever ends this process, nothing is left. */
static int add_seed(struct run_image *r, struct vmm_config *cfg)
{
	static char path[64];
	const char *tmp = getenv("TMPDIR");
	char name[PATH_MAX];
	int fd;

	snprintf(name, sizeof(name), "%s/vhctl-seed-XXXXXX", tmp ? tmp : "/tmp");
	fd = mkstemp(name);
	if (fd < 0) {
		error("%s: %s", name, strerror(errno));
		return EXIT_ERROR;
	}
	close(fd);
	fd = image_seed_make(&r->seed, name) ? -1 : open(name, O_RDONLY | O_CLOEXEC);
	unlink(name);
	if (fd < 0)
		return EXIT_ERROR;	/* told */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	add_disk(cfg, cfg->disks, &(struct disk_config){ .path = path, .format = "raw", .ro = true });
	return EXIT_OK;
}

/* What an image says, where nobody else did. 0 or -1, told. */
static int add_sizes(const char *image, uint64_t memory, unsigned int cpus, struct vmm_config *cfg)
{
	if (!cfg->memory)
		cfg->memory = memory;
	if (!cfg->cpus)
		cfg->cpus = cpus;
	if ((!cfg->memory || (cfg->memory >= VMM_MIN_MEMORY && cfg->memory <= VMM_MAX_MEMORY && !(cfg->memory % 4096))) &&
	    cfg->cpus <= VMM_MAX_CPUS)
		return 0;
	error("%s: is to have memory or vCPUs that vhctl's VMM does not do: want --memory and --cpus", image);
	return -1;
}

int run_image_wants(const struct run_image *r, struct vmm_config *cfg)
{
	unsigned int cpus;
	uint64_t memory;

	return image_wants(r->store, r->image, &memory, &cpus) ? -1 : add_sizes(r->image, memory, cpus, cfg);
}

static int add_image(struct run_image *r, struct vmm_config *cfg)
{
	struct image_disk *d = &r->disk;

	if (image_attach(r->store, r->image, r->keep, d))
		return EXIT_ERROR;
	r->attached = true;
	if (!cfg->kernel && !cfg->firmware && d->kernel) {
		cfg->kernel = d->kernel;
		if (!cfg->initrd)
			cfg->initrd = d->initrd;
		if (!cfg->cmdline)
			cfg->cmdline = d->cmdline;
	}
	if (add_sizes(r->image, d->memory, d->cpus, cfg))
		return EXIT_ERROR;
	if (!cfg->name)
		cfg->name = d->image;
	add_disk(cfg, 0, &(struct disk_config){ .path = d->path, .format = d->format });
	return EXIT_OK;
}

/*
 * What is made for the VM is to go with it, however that ends: who ends this process is heard when the VM has
 * a console, which takes signals, or when it is found that there is none. SIGQUIT ends it at once.
 */
static void hold_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int run_image_attach(struct run_image *r, struct vmm_config *cfg)
{
	bool seed = r->seed.config || r->seed.hostname || r->seed.keys;
	int status = EXIT_OK;

	if (cfg->disks + !!r->image + seed > VMM_MAX_DISKS) {
		error("--disk: a VM has at most %d, with the image and what cloud-init is told", VMM_MAX_DISKS);
		return EXIT_USAGE;
	}
	if (r->image || seed)
		hold_signals();
	if (seed)
		status = add_seed(r, cfg);
	if (!status && r->image)
		status = add_image(r, cfg);
	return status;
}

void run_image_detach(struct run_image *r)
{
	if (r->attached)
		image_detach(&r->disk, r->used);
	r->attached = false;
}
