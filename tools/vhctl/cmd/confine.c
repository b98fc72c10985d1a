// SPDX-License-Identifier: GPL-2.0-only
/* confine.c - --confine of run and start: which VMs can have it. */
#include <string.h>

#include "cmd/run.h"
#include "vhctl.h"
#include "vmm/disk_image.h"

/**
 * confine_fits - can a VM that is to be confined be?
 * @cfg: what was asked for, all of it
 *
 * The lists of vmm/confine.c know its threads, and what these need. What has others is refused.
 * False with the error told.
 */
bool confine_fits(const struct vmm_config *cfg)
{
	const struct {
		bool is;
		const char *option;
	} others[] = {
		{ cfg->nets, "--net" }, { cfg->publishes, "--publish" }, { cfg->vsock_cid, "--vsock" },
		{ cfg->balloon, "--balloon" }, { cfg->pmems, "--pmem" }, { cfg->shares, "--share" },
		{ cfg->virtio_console, "--console virtio" }, { cfg->watchdog != WATCHDOG_NONE, "--watchdog" },
	};
	const char *format;

	if (!cfg->confine)
		return true;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i].is) {
			error("--confine: not with %s: a confined VM has raw disks and a serial console, and nothing else",
			      others[i].option);
			return false;
		}
	for (int i = 0; i < cfg->disks; i++) {
		if (disk_image_format(&cfg->disk[i], &format))
			return false;
		if (strcmp(format, "raw")) {
			error("--confine: not with --disk %s: it is an image (%s), and a confined VM has raw disks",
			      cfg->disk[i].path, format);
			return false;
		}
	}
	return true;
}
