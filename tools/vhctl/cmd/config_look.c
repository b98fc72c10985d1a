// SPDX-License-Identifier: GPL-2.0-only
/* config_look.c - vhctl config check: is what a description names there, and can it be used? */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/config.h"
#include "cmd/run.h"
#include "cpu/cpu.h"
#include "image/program.h"
#include "parse.h"
#include "vhctl.h"
#include "vmm/disk_image.h"

/* --- files --- */

static bool usable(const char *path, int mode)
{
	struct stat st;

	if (stat(path, &st)) {
		error("%s: %s", path, strerror(errno));
		return false;
	}
	if (S_ISDIR(st.st_mode)) {
		error("%s: is a directory; want a file", path);
		return false;
	}
	if (faccessat(AT_FDCWD, path, mode, AT_EACCESS)) {
		error("%s: cannot be %s by uid %d: %s", path, faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) ? "read" : "written",
		      (int)geteuid(), strerror(errno));
		return false;
	}
	return true;
}

static bool look_kernel(const struct vm_options *o) { return usable(o->cfg.kernel, R_OK); }
static bool look_initrd(const struct vm_options *o) { return usable(o->cfg.initrd, R_OK); }
static bool look_device(const struct vm_options *o) { return usable(o->cfg.device, R_OK | W_OK); }
static bool look_ssh_key(const struct vm_options *o) { return usable(o->image.seed.key[0], R_OK); }
static bool look_firmware(const struct vm_options *o) { return usable(o->cfg.firmware, R_OK); }

/* As the VMM opens it, without a lock. */
static bool look_disk(const struct vm_options *o)
{
	const struct disk_config *d = &o->cfg.disk[0];
	struct disk_image image;
	const char *format;

	if (!usable(d->path, d->ro ? R_OK : R_OK | W_OK) || disk_image_format(d, &format))
		return false;
	if (!strcmp(format, "raw"))
		return true;
	if (disk_image_open(d, format, &image))
		return false;
	disk_image_free(&image);
	return true;
}

static bool look_pmem(const struct vm_options *o)
{
	const struct pmem_config *p = &o->cfg.pmem[0];

	return usable(p->path, p->ro ? R_OK : R_OK | W_OK);
}

static bool look_share(const struct vm_options *o)
{
	const struct share_config *c = &o->cfg.share[0];
	struct stat st;

	if (!stat(c->dir, &st) && !S_ISDIR(st.st_mode)) {
		error("%s: is no folder; a file is shared with its folder", c->dir);
		return false;
	}
	if (!faccessat(AT_FDCWD, c->dir, R_OK | X_OK, AT_EACCESS))
		return true;
	error("%s: %s", c->dir, strerror(errno));
	return false;
}

static bool look_cloud_init(const struct vm_options *o)
{
	const char *path = o->image.seed.config;
	char file[PATH_MAX + 16];
	struct stat st;

	if (stat(path, &st) || !S_ISDIR(st.st_mode))
		return usable(path, R_OK);
	snprintf(file, sizeof(file), "%s/user-data", path);
	return usable(file, R_OK);
}

/* --- what is no file --- */

static bool look_cgroup(const struct vm_options *o)
{
	char dir[PATH_MAX];

	return !cgroup_dir(o->cgroup, dir, sizeof(dir));
}

static bool look_cpu(const struct vm_options *o)
{
	struct cpu_model m;

	return !strcmp(o->cfg.cpu, "host") || !cpu_model_read(o->cfg.cpu, &m);
}

static bool look_image(const struct vm_options *o)
{
	uint64_t memory;
	unsigned int cpus;

	return !image_wants(o->image.store, o->image.image, &memory, &cpus);
}

static bool look_keep(const struct vm_options *o)
{
	if (!image_exists(o->image.store, o->image.keep))
		return true;
	error("--keep: there is an image '%s' already; as the image of the VM it keeps what is written", o->image.keep);
	return false;
}

static bool look_net(const struct vm_options *o)
{
	const struct net_config *n = &o->cfg.net[0];

	if (n->kind == NET_USER) {
		if (program_there("passt"))
			return true;
		error("--net user: there is no passt; install the package passt");
	} else {
		if (if_nametoindex(n->ifname))
			return true;
		error("--net: there is no interface '%s'; make it: ip %s%s%s", n->ifname,
		      n->kind == NET_TAP ? "tuntap add " : "link add ", n->ifname, n->kind == NET_TAP ? " mode tap" : " type bridge");
	}
	return false;
}

static const struct {
	const char *key;
	bool (*look)(const struct vm_options *o);
} looks[] = {
	{ "kernel", look_kernel }, { "initrd", look_initrd }, { "firmware", look_firmware }, { "device", look_device }, { "cpu", look_cpu },
	{ "disk", look_disk }, { "pmem", look_pmem }, { "share", look_share }, { "cloud-init", look_cloud_init }, { "ssh-key", look_ssh_key },
	{ "cgroup", look_cgroup }, { "image", look_image }, { "keep", look_keep }, { "net", look_net },
};

static bool look(struct vm_options *o, const void *arg)
{
	const struct vm_setting *s = arg;

	for (unsigned int i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		if (!strcmp(looks[i].key, s->option->name))
			return looks[i].look(o);
	return true;
}

/* A setting that is wrong by itself has been told. */
static bool is_good(const struct vm_setting *s, struct vm_options *o)
{
	char told[1024];
	bool good;

	error_capture(told, sizeof(told));
	good = s->option->set(o, s->value);
	error_capture(NULL, 0);
	return good;
}

/**
 * config_look - is what settings name there?
 * @d: settings
 *
 * How many mistakes were told.
 */
unsigned int config_look(const struct description *d)
{
	const struct vm_setting *store = description_says(d, "store");
	unsigned int mistakes = 0;
	struct vm_options o;

	for (unsigned int i = 0; i < d->settings; i++) {
		o = vm_options_none;
		if (store)
			o.image.store = store->value;
		if (is_good(&d->setting[i], &o))
			mistakes += !description_try(d, d->setting[i].line, look, &o, &d->setting[i]);
	}
	return mistakes;
}
