// SPDX-License-Identifier: GPL-2.0-only
/* check.c - vhctl check: is this host able, and if not, what is to be done? */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <linux/kvm.h>

#include "colour.h"
#include "fields.h"
#include "parse.h"
#include "vhctl.h"

enum verdict { OK, WARN, FAIL };

static struct out *out;
static bool failed, lines;

static void tell(const char *what, enum verdict v, const char *found, const char *remedy)
{
	static const char *const names[] = { "ok", "warn", "FAIL" };
	static const enum colour colours[] = { GREEN, YELLOW, RED };

	failed |= v == FAIL;
	if (lines) {
		printf("%s%-4s%s  %-12s %s\n", colour(stdout, colours[v]), names[v], colour(stdout, PLAIN), what, found);
		if (v != OK && remedy)
			printf("      %-12s -> %s\n", "", remedy);
		return;
	}
	out_object(out);
	out_text(out, "check", NULL, what);
	out_text(out, "verdict", NULL, names[v]);
	out_text(out, "found", NULL, found);
	out_text(out, "remedy", NULL, v != OK ? remedy : NULL);
}

/* A line of /proc/cpuinfo that begins with @key, after the colon. */
static bool cpuinfo(const char *key, char *value, size_t size)
{
	char line[4096];
	bool found = false;
	FILE *f = fopen("/proc/cpuinfo", "re");

	while (f && !found && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');
		size_t n = strlen(key);

		if (!colon || strncmp(line, key, n) || !isspace((unsigned char)line[n]))
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(value, size, "%s", colon[1] ? colon + 2 : "");
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += n)
		if ((p == list || p[-1] == ' ') && (!p[n] || p[n] == ' '))
			return true;
	return false;
}

static bool read_line(const char *path, char *to, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(to, size, f);

	if (f)
		fclose(f);
	if (ok)
		to[strcspn(to, "\n")] = 0;
	return ok;
}

static void check_cpu(void)
{
	char model[256] = "unknown", flags[4096] = "", vmx[1024] = "", value[16], path[128];
	char used[128] = "", unused[128] = "", text[300];
	/* In /proc/cpuinfo and as parameters of the module, which read as what is in use. */
	static const char *const features[] = { "ept", "unrestricted_guest", "vpid", "pml",
						 "apicv" };
	bool loaded = read_line("/sys/module/vh/parameters/ept", value, sizeof(value));

	cpuinfo("model name", model, sizeof(model));
	cpuinfo("flags", flags, sizeof(flags));
	if (!has_word(flags, "vmx")) {
		tell("cpu", FAIL, model, has_word(flags, "svm") ?
		     "vh needs Intel VMX; this processor has AMD SVM" :
		     "no VMX: turn on Intel VT-x in the firmware's setup; inside a VM, nested virtualization");
		return;
	}
	tell("cpu", OK, model, NULL);
	if (!cpuinfo("vmx flags", vmx, sizeof(vmx)))
		return;
	for (unsigned int i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		bool has = has_word(vmx, features[i]);
		char *list;

		snprintf(path, sizeof(path), "/sys/module/vh/parameters/%s", features[i]);
		if (loaded && read_line(path, value, sizeof(value)))
			has = strchr("Y12", value[0]);
		list = has ? used : unused;
		if (list[0])
			strcat(list, ", ");
		strcat(list, features[i]);
	}
	snprintf(text, sizeof(text), "%s%s%s%s", used[0] ? used : "nothing optional",
		 loaded ? " in use" : "", unused[0] ? "; not: " : "", unused);
	tell("vmx", OK, text, NULL);
}

/* IA32_FEATURE_CONTROL: locked without VMX is the firmware's doing (SDM Vol. 3, 24.7). */
static void check_firmware(void)
{
	int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
	uint64_t v;

	if (fd < 0 || pread(fd, &v, 8, 0x3a) != 8) {
		tell("firmware", OK, "IA32_FEATURE_CONTROL cannot be read here (as root: modprobe msr)",
		     NULL);
	} else if ((v & 1) && !(v & 4)) {
		tell("firmware", FAIL, "VMX is locked off",
		     "turn on Intel VT-x in the firmware's setup, then power the machine off and on");
	} else {
		tell("firmware", OK, "VMX is allowed", NULL);
	}
	if (fd >= 0)
		close(fd);
}

static void check_kernel(void)
{
	static const char *const wanted[] = {
		"CONFIG_MODULES", "CONFIG_MMU_NOTIFIER", "CONFIG_CGROUPS", "CONFIG_HIGH_RES_TIMERS",
		"CONFIG_PREEMPT_NOTIFIERS",
	};
	char path[128], line[256], missing[256] = "";
	bool seen[5] = { false };
	struct utsname u;
	int major = 0, minor = 0;
	FILE *f;

	uname(&u);
	sscanf(u.release, "%d.%d", &major, &minor);
	if (major < 6 || (major == 6 && minor < 1))
		tell("kernel", FAIL, u.release, "vh needs Linux 6.1 or newer");
	else
		tell("kernel", OK, u.release, NULL);
	snprintf(path, sizeof(path), "/boot/config-%s", u.release);
	f = fopen(path, "re");
	if (!f) {
		tell("config", OK, "no /boot/config of this kernel to read", NULL);
		return;
	}
	while (fgets(line, sizeof(line), f))
		for (int i = 0; i < 5; i++) {
			size_t n = strlen(wanted[i]);

			if (!strncmp(line, wanted[i], n) && line[n] == '=')
				seen[i] = true;
		}
	fclose(f);
	for (int i = 0; i < 4; i++)
		if (!seen[i]) {
			strcat(missing, " ");
			strcat(missing, wanted[i]);
		}
	tell("config", missing[0] ? FAIL : OK, missing[0] ? missing : "has what vh needs",
	     "use a kernel with these options; Debian's has them");
}

static void check_module(void)
{
	char version[64];

	if (!read_line("/sys/module/vh/version", version, sizeof(version)))
		tell("module", FAIL, "vh is not loaded", "as root: modprobe vh");
	else
		tell("module", OK, version, NULL);
	if (access(VH_DEVICE, F_OK))
		tell("device", FAIL, VH_DEVICE " does not exist", "load the module: modprobe vh");
	else if (access(VH_DEVICE, R_OK | W_OK))
		tell("device", FAIL, VH_DEVICE " may not be opened",
		     "be a member of group kvm: adduser USER kvm, and log in again");
	else
		tell("device", OK, VH_DEVICE, NULL);
}

/* Whose VMX operation VMs run in, and whether one can be: what the module knows best. */
static void check_root(void)
{
	int dev = open(VH_DEVICE, O_RDWR | O_CLOEXEC), vm = -1, err = 0;
	char found[160];

	if (dev >= 0) {
		/* First this: where the kernel lets only KVM turn VMX on, it loads KVM. */
		vm = ioctl(dev, KVM_CREATE_VM, 0);
		err = vm < 0 ? errno : 0;
	}
	if (read_line("/sys/module/vh/parameters/vmx_root", found, sizeof(found))) {
		if (err == EOPNOTSUPP || !strncmp(found, "none", 4))
			tell("root", FAIL, found, "as root: modprobe kvm_intel; with kvm loaded with enable_virt_at_load=1, its default");
		else if (err == EIO)
			tell("root", FAIL, "VMX cannot be turned on", "dmesg tells more");
		else
			tell("root", OK, found, NULL);
	}
	if (vm >= 0)
		close(vm);
	if (dev >= 0)
		close(dev);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Each weakness of the processor, and what the module does about it, if it is loaded. */
static void check_weaknesses(void)
{
	static const char dir[] = "/sys/module/vh/mitigations";
	struct dirent **names;
	int n = scandir(dir, &names, NULL, by_name);
	char path[300], line[256];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && strcmp(names[i]->d_name, "counts") &&
		    read_line(path, line, sizeof(line)))
			tell(names[i]->d_name, !strncmp(line, "Vulnerable", 10) ||
			     strstr(line, "SMT vulnerable") ? WARN : OK, line,
			     "do not run guests that you do not trust (docs/security.md)");
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static void check_mitigations(void)
{
	static const char dir[] = "/sys/devices/system/cpu/vulnerabilities";
	char path[300], line[256], bad[1024] = "";
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_name[0] == '.' || !read_line(path, line, sizeof(line)))
			continue;
		if (!strncmp(line, "Vulnerable", 10) &&
		    strlen(bad) + strlen(e->d_name) + 3 < sizeof(bad)) {
			strcat(bad, bad[0] ? ", " : "vulnerable: ");
			strcat(bad, e->d_name);
		}
	}
	if (d)
		closedir(d);
	tell("mitigations", bad[0] ? WARN : OK, bad[0] ? bad : "the host reports no open weakness",
	     "see docs/security.md before running guests that you do not trust");
	check_weaknesses();
}

static void check_cgroup(void)
{
	const char *mount = cgroup_mount();

	if (mount)
		tell("cgroup", OK, mount, NULL);
	else
		tell("cgroup", WARN, "no cgroup v2 hierarchy is mounted",
		     "all VMs are in one group; boot with systemd.unified_cgroup_hierarchy=1, or mount -t cgroup2");
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = { OUT_OPTIONS, { } };
	enum out_mode mode = OUT_TABLE;
	int opt;

	while ((opt = getopt_long(argc, argv, OUT_OPTIONS_SHORT, options, NULL)) != -1) {
		if (out_option(opt, &mode))
			continue;
		if (opt != 'h')
			return usage_error(argv[0]);
		puts("usage: vhctl check [OPTIONS]\n\n"
		     "Is this host able to run VMs on vh? Each line: ok, warn or FAIL, and a remedy.\n"
		     "Exit status 1 when one is FAIL.\n\n" OUT_OPTIONS_HELP);
		return EXIT_OK;
	}
	lines = mode == OUT_TABLE;
	if (!lines)
		out = out_new(mode);
	check_cpu();
	check_firmware();
	check_kernel();
	check_module();
	check_root();
	check_mitigations();
	check_cgroup();
	if (!lines)
		out_finish(out, false);
	return failed ? EXIT_ERROR : EXIT_OK;
}
