// SPDX-License-Identifier: GPL-2.0-only
/* run_image.c - vhctl run IMAGE: an image of the store as the first disk, and a seed for cloud-init. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/run_image.h"
#include "vhctl.h"

bool run_image_option(struct run_image *r, int opt, const char *value)
{
	switch (opt) {
	case OPTION_KEEP: r->keep = value; break;
	case OPTION_STORE: r->store = value; break;
	case OPTION_CLOUD_INIT: r->seed.config = value; break;
	case OPTION_HOSTNAME: r->seed.hostname = value; break;
	case OPTION_SSH_KEY:
		if (r->seed.keys == IMAGE_SEED_KEYS) {
			error("--ssh-key: at most %d files", IMAGE_SEED_KEYS);
			return false;
		}
		r->seed.key[r->seed.keys++] = value;
		break;
	}
	return true;
}

static int add_disk(struct vmm_config *cfg, int at, const struct disk_config *d)
{
	if (cfg->disks == VMM_MAX_DISKS) {
		error("at most %d disks", VMM_MAX_DISKS);
		return EXIT_USAGE;
	}
	memmove(&cfg->disk[at + 1], &cfg->disk[at], (cfg->disks++ - at) * sizeof(cfg->disk[0]));
	cfg->disk[at] = *d;
	return EXIT_OK;
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
	return add_disk(cfg, cfg->disks, &(struct disk_config){ .path = path, .format = "raw", .ro = true });
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
	if (!cfg->memory)
		cfg->memory = d->memory;
	if (!cfg->cpus)
		cfg->cpus = d->cpus;
	if ((cfg->memory && (cfg->memory < VMM_MIN_MEMORY || cfg->memory > VMM_MAX_MEMORY || cfg->memory % 4096)) ||
	    cfg->cpus > VMM_MAX_CPUS) {
		error("%s: is to have memory or vCPUs that vhctl's VMM does not do: want --memory and --cpus", r->image);
		return EXIT_ERROR;
	}
	if (!cfg->name)
		cfg->name = d->image;
	return add_disk(cfg, 0, &(struct disk_config){ .path = d->path, .format = d->format });
}

int run_image_attach(struct run_image *r, struct vmm_config *cfg)
{
	int status = EXIT_OK;

	if (!r->image && (r->keep || r->store)) {
		error("%s is for an image, which is missing", r->keep ? "--keep" : "--store");
		return EXIT_USAGE;
	}
	if (r->image)
		status = add_image(r, cfg);
	if (!status && (r->seed.config || r->seed.hostname || r->seed.keys))
		status = add_seed(r, cfg);
	return status;
}

void run_image_detach(struct run_image *r)
{
	if (r->attached)
		image_detach(&r->disk);
	r->attached = false;
}
