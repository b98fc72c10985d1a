// SPDX-License-Identifier: GPL-2.0-only
/*
 * base.c - a recipe is carried out on an image of the store, in a VM of vh: what the image runs is not this host's to trust.
 *
 * The image's kernel starts with a disk that stands on the image, and instead of init a shell that reads a second disk: the
 * script below. A third disk is the archive of the recipe's files and commands. What it says on its console is what
 * is heard of it, and its last line there that it has come to its end. Then the first disk becomes an image.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <net/route.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/build.h"
#include "image/program.h"
#include "out.h"
#include "vhctl.h"
#include "vmm/net.h"

#define BLOCK		512
#define MEMORY		(512ULL << 20)		/* where nobody says how much */
#define ROUTES		"/proc/net/route"

/* --- the network that passt gives --- */

struct network {
	bool any;
	char address[INET_ADDRSTRLEN], mask[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN];
	int prefix;
};

/* Where this host's packets go that go nowhere else. */
static bool default_route(char *name, char *gateway)
{
	unsigned int dest, via, flags, mask, metric, best = UINT_MAX;
	char line[256], dev[IFNAMSIZ];
	FILE *f = fopen(ROUTES, "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%15s %x %x %x %*s %*s %u %x", dev, &dest, &via, &flags, &metric, &mask) != 6 ||
		    dest || mask || !(flags & RTF_UP) || metric >= best)
			continue;
		best = metric;
		strcpy(name, dev);
		inet_ntop(AF_INET, &via, gateway, INET_ADDRSTRLEN);
	}
	if (f)
		fclose(f);
	return best != UINT_MAX;
}

/* passt has a guest take the host's own address; one without a DHCP client is told. */
static void find_network(struct network *n)
{
	struct ifaddrs *all, *i;
	char name[IFNAMSIZ];
	uint32_t mask;

	*n = (struct network){ };
	if (!default_route(name, n->gateway) || getifaddrs(&all))
		return;
	for (i = all; i && !n->any; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !i->ifa_netmask || strcmp(i->ifa_name, name))
			continue;
		mask = ((struct sockaddr_in *)i->ifa_netmask)->sin_addr.s_addr;
		inet_ntop(AF_INET, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, n->address, sizeof(n->address));
		inet_ntop(AF_INET, &mask, n->mask, sizeof(n->mask));
		n->prefix = __builtin_popcount(mask);
		n->any = true;
	}
	freeifaddrs(all);
}

/* --- what the VM does --- */

static const char start[] =
	"export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root TERM=dumb\n"
	"end() {\n"
	"	cd /\n"
	"	kill -9 -1 2>/dev/null\n"
	"	[ -z \"$policy\" ] || rm -f /usr/sbin/policy-rc.d\n"
	"	[ -z \"$resolv\" ] || umount \"$resolv\"\n"
	"	[ -z \"$made\" ] || rm -f \"$made\"\n"
	"	rm -f /" BUILD_SCRIPT "\n"
	"	sync && mount -o remount,ro / && echo \"vh-build-end $1\"\n"
	"	sleep 1\n"
	"	echo o >/proc/sysrq-trigger\n"
	"	while :; do sleep 60; done\n"
	"}\n"
	"mounted() { grep -q \" $1 \" /proc/mounts; }\n"
	"cd /\n"
	"[ -e /proc/mounts ] || mount -t proc proc /proc || end 1\n"
	"echo '1 1 1 1' >/proc/sys/kernel/printk\n"
	"mount -o remount,rw / || end 1\n"
	"mounted /sys || mount -t sysfs sysfs /sys\n"
	"mounted /run || mount -t tmpfs -o mode=755 tmpfs /run || end 1\n"
	"mounted /tmp || mount -t tmpfs -o mode=1777 tmpfs /tmp\n"
	"mkdir -p /dev/pts && { mounted /dev/pts || mount -t devpts devpts /dev/pts; }\n"
	"[ ! -e /etc/hostname ] || cat /etc/hostname >/proc/sys/kernel/hostname\n"
	"echo 'I: copying files'\n"
	"tar -x -p -f /dev/vdc || { echo 'the archive of the files cannot be unpacked; want tar in the image'; end 1; }\n"
	"if [ -d /etc/init.d ] && [ ! -e /usr/sbin/policy-rc.d ]; then\n"
	"	policy=yes\n"
	"	printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d\n"
	"fi\n";

/* For systems without ip(8): perl is in each Debian (SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFFLAGS, SIOCADDRT). */
static const char network[] =
	"up() {\n"
	"	if command -v ip >/dev/null; then\n"
	"		ip addr add $address/$prefix dev \"$1\" && ip link set \"$1\" up && ip route add default via $gateway dev \"$1\" onlink\n"
	"		return\n"
	"	fi\n"
	"	perl -e 'my ($dev, $address, $mask, $gateway) = @ARGV;\n"
	"		sub in { pack(\"S n C4 x8\", 2, 0, split(/[.]/, $_[0])) }\n"
	"		socket(S, 2, 2, 0) or die;\n"
	"		ioctl(S, 0x8916, pack(\"a16\", $dev) . in($address)) or die \"$!\";\n"
	"		ioctl(S, 0x891c, pack(\"a16\", $dev) . in($mask)) or die \"$!\";\n"
	"		ioctl(S, 0x8914, pack(\"a16 S x22\", $dev, 0x1043)) or die \"$!\";\n"
	"		ioctl(S, 0x890b, pack(\"x8\") . in(\"0.0.0.0\") . in($gateway) . in(\"0.0.0.0\") . pack(\"S x62\", 3)) or die \"$!\";\n"
	"	' \"$1\" \"$address\" \"$mask\" \"$gateway\"\n"
	"}\n"
	"ifconfig lo 127.0.0.1 2>/dev/null || ip link set lo up 2>/dev/null\n"
	"modprobe -q virtio_net\n"
	"for tries in 1 2 3 4 5; do\n"
	"	for i in /sys/class/net/*/device; do\n"
	"		[ -e \"$i\" ] || continue\n"
	"		i=${i%/device} i=${i##*/}\n"
	"		break 2\n"
	"	done\n"
	"	i=\n"
	"	sleep 1\n"
	"done\n"
	"[ -n \"$i\" ] && up $i || echo 'the network cannot be set up'\n"
	"resolv=$(readlink -m /etc/resolv.conf)\n"
	"mkdir -p \"${resolv%/*}\"\n"
	"[ -e \"$resolv\" ] || { : >\"$resolv\" && made=$resolv; }\n"
	"mount --bind /run/vh-resolv.conf \"$resolv\" || resolv=\n";

/*
 * How this host's apt gets packages: by which proxies, and only those of which the VM can get to. All else there is of this
 * host's files and programs.
 */
static void put_proxies(FILE *f, const char *apt)
{
	static const char *const keys[] = { "Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::ftp::Proxy" };
	char *all = strdup(apt ? apt : ""), *line, *rest = NULL, *value;

	if (!all)
		abort();
	fputs("cat >/run/vh-apt.conf <<'vh-build-text'\n", f);
	for (line = strtok_r(all, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		unsigned int i, n = strcspn(line, " ");

		for (i = 0; i < 3 && strncmp(line, keys[i], strlen(keys[i])); i++)
			;
		value = line + n;
		if (i == 3 || (n != strlen(keys[i]) && strncmp(line + strlen(keys[i]), "::", 2)) || strncmp(value, " \"", 2) ||
		    (!strstr(value, "://") && strncmp(value, " \"DIRECT\"", 9)))
			continue;
		if (strstr(value, "://127.") || strstr(value, "://localhost") || strstr(value, "://[::1]"))
			error("%.*s: the proxy is this host's own, to which a VM does not get; it does without", n, line);
		else
			fprintf(f, "%s\n", line);
	}
	fputs("vh-build-text\n", f);
	free(all);
}

static void put_network(FILE *f, const struct network *n)
{
	char servers[NET_SERVERS][INET6_ADDRSTRLEN];
	int count = passt_name_servers(servers);

	fprintf(f, "address=%s mask=%s prefix=%d gateway=%s\n", n->address, n->mask, n->prefix, n->gateway);
	fputs(": >/run/vh-resolv.conf\n", f);
	for (int i = 0; i < count; i++)
		fprintf(f, "echo 'nameserver %s' >>/run/vh-resolv.conf\n", servers[i]);
	fputs(network, f);
}

static void put_packages(FILE *f, struct build *b)
{
	const struct recipe *r = b->r;
	bool any = false;
	char *apt;

	for (unsigned int i = 0; i < r->items; i++)
		any |= r->item[i].kind == RECIPE_PACKAGE;
	if (!any)
		return;
	apt = build_apt_config(b->t);
	put_proxies(f, apt);
	free(apt);
	fputs("export APT_CONFIG=/run/vh-apt.conf DEBIAN_FRONTEND=noninteractive\n"
	      "apt='apt-get -q -y -o APT::Install-Recommends=false -o Dpkg::Use-Pty=0'\n"
	      "echo 'I: looking for packages'\n"
	      "$apt update </dev/null || end 1\n"
	      "echo 'I: installing packages'\n"
	      "$apt install --", f);
	for (unsigned int i = 0; i < r->items; i++)
		if (r->item[i].kind == RECIPE_PACKAGE)
			fprintf(f, " %s", r->item[i].text);
	/* As mmdebstrap leaves it. */
	fputs(" </dev/null || end 1\n"
	      "unset APT_CONFIG\n"
	      "apt-get clean; rm -rf /var/lib/apt/lists/*\n", f);
}

/* Its last block is filled with empty lines, as a disk has whole ones. */
static int write_disk(struct build *b, const struct network *n)
{
	char *path = stage_path(b->t, "script");
	FILE *f = fopen(path, "wxe");
	int err = -1;

	if (f) {
		fputs(start, f);
		if (n->any)
			put_network(f, n);
		put_packages(f, b);
		fputs("/bin/sh /" BUILD_SCRIPT " 2>&1\nend $?\n", f);
		while (ftell(f) % BLOCK)
			fputc('\n', f);
		err = fflush(f) || ferror(f) ? -1 : 0;
	}
	if (err)
		error("%s: %s", path, strerror(errno));
	if (f)
		fclose(f);
	free(path);
	return err;
}

/* --- the VM --- */

/* Room behind the archive's end does not hurt it. */
static int fill_block(struct stage *t, const char *file)
{
	int fd = openat(t->fd, file, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	int err = size < 0 || ftruncate(fd, (size + BLOCK - 1) / BLOCK * BLOCK) ? -1 : 0;

	if (err)
		error("%s/%s: %s", t->path, file, strerror(errno));
	if (fd >= 0)
		close(fd);
	return err;
}

/* Up to what is for init: there is another one. */
static char *command_line(const char *base)
{
	const char *whole = base ? base : "root=/dev/vda rw", *end = whole + strlen(whole), *word, *c;

	for (c = whole; *c; c = word + strcspn(word, " ")) {
		word = c + strspn(c, " ");
		if (strcspn(word, " ") == 2 && !strncmp(word, "--", 2)) {
			end = word;
			break;
		}
	}
	/* The last console is that of init. */
	return text_of("%.*s console=ttyS0 panic=-1 quiet loglevel=1 init=/bin/sh -- /dev/vdb", (int)(end - whole), whole);
}

/* The kernel that the new image has: the recipe's, or its base's. NULL: none. To be freed. */
static char *boot_file(struct build *b, const char *file, const char *digest)
{
	char sealed[FILE_SIZE];

	if (!faccessat(b->t->fd, file, F_OK, 0))
		return stage_path(b->t, file);
	if (!*digest)
		return NULL;
	sealed_name(digest, sealed);
	return store_path(b->t->s, sealed);
}

/* A comma in its name is two. */
static char *disk_option(char *path, const char *more)
{
	char *all = malloc(2 * strlen(path) + strlen(more) + 1), *to = all;

	if (!all)
		abort();
	for (const char *c = path; *c; *to++ = *c++)
		if (*c == ',')
			*to++ = ',';
	strcpy(to, more);
	free(path);
	return all;
}

static int run_vm(struct build *b, const struct image *m, bool net)
{
	char *kernel = boot_file(b, "kernel", m->kernel), *initrd = boot_file(b, "initrd", m->initrd);
	char *vm = text_of("image-build-%.6s", b->t->name);
	char *disks[] = { disk_option(stage_path(b->t, "disk"), ",format=qcow2,cache=unsafe"),
			  disk_option(stage_path(b->t, "script"), ",format=raw,ro"),
			  disk_option(stage_path(b->t, "files.tar"), ",format=raw,ro") };
	char *memory = text_of("%llu", (unsigned long long)(m->memory ? m->memory : MEMORY));
	char *cpus = text_of("%u", m->cpus ? m->cpus : 1), *cmdline = command_line(m->cmdline), self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	struct program p;
	int status = -1;

	if (n > 0 && kernel) {
		self[n] = 0;
		program_new(&p, "sh");
		/* What its console says is heard like its errors. */
		program_args(&p, "-c", "exec \"$@\" >&2", "sh", self, "run", "--name", vm, "--kernel", kernel,
			     "--cmdline", cmdline, "--memory", memory, "--cpus", cpus, "--disk", disks[0], "--disk", disks[1],
			     "--disk", disks[2], NULL);
		if (initrd)
			program_args(&p, "--initrd", initrd, NULL);
		if (net)
			program_args(&p, "--net", "user", NULL);
		if (access("/dev/vh", F_OK) && !access("/dev/kvm", F_OK))
			program_args(&p, "--device", "/dev/kvm", NULL);
		p.whole = true;
		p.stage = b->t;
		p.hears = build_hear;
		p.hearer = b;
		progress_start(&b->bar, "build", 0);
		progress_step(&b->bar, "starting a VM");
		status = program_run(&p);
		build_hear(b, "\n");
		progress_end(&b->bar);
		program_free(&p);
	} else if (!kernel) {
		recipe_error(b->r, 0, "%s has no kernel of its own, with which a VM could build on it: want kernel =", b->r->base);
		goto out;
	}
	if (status || b->end) {
		build_failed(b, "the VM");
		status = -1;
	}
out:
	for (unsigned int i = 0; i < sizeof(disks) / sizeof(disks[0]); i++)
		free(disks[i]);
	free(vm);
	free(kernel);
	free(initrd);
	free(memory);
	free(cpus);
	free(cmdline);
	return status;
}

/* --- the image --- */

/* The names under which a disk and those below it name each other are good in the stage, too. */
static int link_chain(struct store *s, struct stage *t, const struct image *base)
{
	const struct image *chain[CHAIN_MAX];
	int n = base ? index_chain(&s->index, base, chain) : -1, err = 0;
	char file[FILE_SIZE], *path;

	if (n < 0)
		error("the base was removed meanwhile");

	for (int i = 0; !err && i < n; i++) {
		disk_name(chain[i], file);
		path = store_path(s, file);
		err = symlinkat(path, t->fd, file);
		if (err)
			error("%s/%s: %s", t->path, file, strerror(errno));
		free(path);
	}
	return n < 0 ? -1 : err;
}

static int make(struct build *b, struct store *s, struct image *m, const char *name)
{
	struct network n = { };

	if (access("/dev/vh", F_OK) && access("/dev/kvm", F_OK)) {
		recipe_error(b->r, 0, "a VM builds on an image, and there is no /dev/vh: is the module loaded?");
		return -1;
	}
	if (program_there("passt"))
		find_network(&n);
	if (settings_stage(&b->r->set, b->t, m) || make_overlay(b->t, "disk", m->digest, m->size) ||
	    build_files(b) || fill_block(b->t, "files.tar") || write_disk(b, &n) || run_vm(b, m, n.any))
		return -1;
	*m->digest = 0;
	return publish_sealed(s, b->t, m, name, NULL);
}

/**
 * build_on_base - an image of a recipe that names an image
 * @s: the store
 * @r: the recipe
 * @name: NAME:TAG, which is free
 */
int build_on_base(struct store *s, const struct recipe *r, const char *name)
{
	const struct image *base = store_find(s, r->base);
	struct build b = { .r = r, .end = -1 };
	int held[CHAIN_MAX + 1], err = -1;
	unsigned int n;
	struct stage t;
	struct image m;

	if (!base)
		return -1;
	if (!base->sealed) {
		recipe_error(r, 0, "base: %s is writable, and nothing can stand on it; 'vhctl image commit' seals it", r->base);
		return -1;
	}
	if (r->size && r->size < base->size) {
		recipe_error(r, 0, "size: %s is %s large; want that or more", r->base, human_bytes(base->size));
		return -1;
	}
	if (chain_hold(s, base, held, &n))
		return -1;
	image_copy(&m, base);
	strcpy(m.parent, base->id);
	m.size = r->size ? r->size : base->size;
	if (!stage_new(s, &t)) {
		b.t = &t;
		/* The index may have been read anew. */
		if (!link_chain(s, &t, index_by_id(&s->index, m.parent)))
			err = make(&b, s, &m, name);
		stage_end(&t);
	}
	image_free(&m);
	while (n)
		close(held[--n]);
	return err;
}
