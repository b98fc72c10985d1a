// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_share.c - a folder that this machine's virtiofsd serves to a guest of vhctl's VMM, who asks as FUSE
 * does: what it reads and writes, what it does not get, and what becomes of it when virtiofsd is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "virtio_driver.h"

#define MEMORY	(64ULL << 20)
#define ASK	DRIVER_DATA		/* where requests are, and answers */
#define ANSWER	(DRIVER_DATA + 0x10000)
#define NOBODY	65534
#define TEXT	"what is in the file"

static char dir[64];

static char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static bool make_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return good;
}

static bool has(const char *path, const char *text)
{
	char got[64] = "";
	int fd = open(path, O_RDONLY);
	bool good = fd >= 0 && read(fd, got, sizeof(got) - 1) >= 0 && !strcmp(got, text);

	close(fd);
	return good;
}

/* Guest memory that others can have, as memory.c makes it. */
static void share_memory(void)
{
	driver_vm.memory_fd = memfd_create("guest", MFD_CLOEXEC);
	if (driver_vm.memory_fd < 0 || ftruncate(driver_vm.memory_fd, MEMORY) ||
	    mmap(driver_vm.low, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, driver_vm.memory_fd, 0) == MAP_FAILED)
		abort();
}

/* --- FUSE --- */

static uint64_t unique;

static void ask(int slot, int q, uint32_t op, uint64_t node, const void *arg, size_t size, const char *name,
		size_t out)
{
	struct fuse_in_header h = { .opcode = op, .nodeid = node, .unique = ++unique };
	size_t n = name ? strlen(name) + 1 : 0;

	h.len = sizeof(h) + size + n;
	memcpy(driver_at(ASK), &h, sizeof(h));
	if (size)
		memcpy(driver_at(ASK + sizeof(h)), arg, size);
	if (n)
		memcpy(driver_at(ASK + sizeof(h) + size), name, n);
	memset(driver_at(ANSWER), 0, sizeof(struct fuse_out_header) + out);
	driver_add(slot, q, (struct vring_desc[]){ OUT(ASK, h.len), IN(ANSWER, sizeof(struct fuse_out_header) + out) },
		   out == ~0UL ? 1 : 2);
}

/* What came of a request: 0, an error's number, or 1000: no answer. */
static int answered(int q)
{
	const struct fuse_out_header *h = driver_at(ANSWER);

	return driver_done(q) && h->unique == unique ? -h->error : 1000;
}

static void *body(void)
{
	return driver_at(ANSWER + sizeof(struct fuse_out_header));
}

static int fuse(int slot, uint32_t op, uint64_t node, const void *arg, size_t size, const char *name, size_t out)
{
	ask(slot, 1, op, node, arg, size, name, out);
	return answered(1);
}

static int begin(int slot)
{
	struct fuse_init_in init = { .major = FUSE_KERNEL_VERSION, .minor = 36, .max_readahead = 4096 };

	return fuse(slot, FUSE_INIT, 0, &init, sizeof(init), NULL, sizeof(struct fuse_init_out));
}

/* Its number; 0: it is not there. */
static uint64_t look_up(int slot, uint64_t parent, const char *name)
{
	return fuse(slot, FUSE_LOOKUP, parent, NULL, 0, name, sizeof(struct fuse_entry_out)) ? 0 :
	       ((struct fuse_entry_out *)body())->nodeid;
}

static int open_file(int slot, uint64_t node, uint32_t flags, uint64_t *handle)
{
	struct fuse_open_in in = { .flags = flags };
	int err = fuse(slot, FUSE_OPEN, node, &in, sizeof(in), NULL, sizeof(struct fuse_open_out));

	*handle = err ? 0 : ((struct fuse_open_out *)body())->fh;
	return err;
}

static bool reads(int slot, uint64_t node, const char *text)
{
	struct fuse_read_in in = { .size = strlen(text) };

	return !open_file(slot, node, O_RDONLY, &in.fh) &&
	       !fuse(slot, FUSE_READ, node, &in, sizeof(in), NULL, strlen(text)) && !memcmp(body(), text, strlen(text));
}

static int makes(int slot, const char *name, uint32_t mode, uint32_t rdev)
{
	struct fuse_mknod_in in = { .mode = mode, .rdev = rdev };

	return fuse(slot, FUSE_MKNOD, FUSE_ROOT_ID, &in, sizeof(in), name, sizeof(struct fuse_entry_out));
}

static int writes(int slot, uint64_t node, const char *text)
{
	struct fuse_write_in in = { .size = strlen(text) + 1 };
	int err = open_file(slot, node, O_WRONLY, &in.fh);

	return err ? err : fuse(slot, FUSE_WRITE, node, &in, sizeof(in), text, sizeof(struct fuse_write_out));
}

/* --- the device --- */

static bool starts(int slot)
{
	return driver_start(slot, 1u << 28 | 1u << 29, 2);
}

static bool says(const char *words)
{
	if (strstr(driver_said, words))
		return true;
	printf("# %s\n", driver_said);
	return false;
}

static bool refuses(const char *path, const char *words)
{
	struct share_config cfg = { .dir = path, .tag = "x" };

	driver_said[0] = 0;
	return share_create(&driver_vm, &cfg) && says(words);
}

/* How many processes this one has started that are there, virtiofsd's; the first's number in *@pid. */
static int children(pid_t *pid)
{
	FILE *f = fopen("/proc/thread-self/children", "r");
	int n = 0, p;

	while (f && fscanf(f, "%d", &p) == 1)
		if (!n++ && pid)
			*pid = p;
	if (f)
		fclose(f);
	return n;
}

static bool one_left(void *arg)
{
	(void)arg;
	return children(NULL) == 1;
}

static void read_and_write(void)
{
	uint64_t node;

	TAP_CHECK(starts(1) && !begin(1));
	TAP_CHECK((node = look_up(1, FUSE_ROOT_ID, "file")) && reads(1, node, TEXT));
	TAP_CHECK(!look_up(1, FUSE_ROOT_ID, "none"));
	TAP_CHECK(!makes(1, "new", S_IFREG | 0600, 0));
	TAP_CHECK((node = look_up(1, FUSE_ROOT_ID, "new")) && !writes(1, node, "the guest's") &&
		  has(in_dir("new"), "the guest's"));
}

/* Requests that no guest's kernel makes */
static void stays_inside(void)
{
	uint64_t node, handle;
	struct stat st;

	/* Above the folder is the folder, or nothing. */
	TAP_CHECK(!look_up(1, FUSE_ROOT_ID, "..") ||
		  (!stat(dir, &st) && ((struct fuse_entry_out *)body())->attr.ino == st.st_ino));
	TAP_CHECK(!look_up(1, FUSE_ROOT_ID, "../secret") && !look_up(1, FUSE_ROOT_ID, "/etc/passwd"));
	/* A link out is a link, to whatever is there in the guest. */
	node = look_up(1, FUSE_ROOT_ID, "out");
	TAP_CHECK(node && open_file(1, node, O_RDONLY, &handle));
	TAP_CHECK(!look_up(1, node, "passwd"));
	/* No device of the host's, whoever made it */
	if (!makes(1, "null", S_IFCHR | 0666, makedev(1, 3))) {
		node = look_up(1, FUSE_ROOT_ID, "null");
		TAP_CHECK(node && open_file(1, node, O_WRONLY, &handle));
	}
}

static void only_reads(void)
{
	uint64_t node, handle;

	TAP_CHECK(starts(2) && !begin(2));
	TAP_CHECK((node = look_up(2, FUSE_ROOT_ID, "file")) && reads(2, node, TEXT));
	TAP_EQ(makes(2, "more", S_IFREG | 0600, 0), EROFS);
	TAP_EQ(open_file(2, node, O_WRONLY, &handle), EROFS);
	TAP_EQ(fuse(2, FUSE_UNLINK, FUSE_ROOT_ID, NULL, 0, "file", 0), EROFS);
}

/* One is killed. */
static void ends(void)
{
	pid_t pid = 0;

	if (!TAP_EQ(children(&pid), 2))
		return;
	TAP_CHECK(starts(1) && !begin(1));
	driver_said[0] = 0;
	TAP_CHECK(!kill(pid, SIGKILL) && driver_until(one_left, NULL));
	TAP_EQ(fuse(1, FUSE_LOOKUP, FUSE_ROOT_ID, NULL, 0, "file", sizeof(struct fuse_entry_out)), ENOTCONN);
	TAP_CHECK(says("virtiofsd is lost: it has ended"));
	/* to be told only; too short; no room */
	ask(1, 0, FUSE_FORGET, FUSE_ROOT_ID, &(struct fuse_forget_in){ 1 }, sizeof(struct fuse_forget_in), NULL, ~0UL);
	TAP_CHECK(driver_done(0) && !driver_length(0));
	driver_add(1, 1, (struct vring_desc[]){ OUT(ASK, 39), IN(ANSWER, 100) }, 2);
	TAP_CHECK(driver_done(1) && !driver_length(1));
	driver_add(1, 1, (struct vring_desc[]){ OUT(ASK, 40), IN(ANSWER, 15) }, 2);
	TAP_CHECK(driver_done(1) && !driver_length(1));
	driver_add(1, 1, (struct vring_desc[]){ OUT(ASK, 7), OUT(ASK + 7, 33), IN(ANSWER, 7), IN(ANSWER + 7, 9) }, 4);
	TAP_CHECK(driver_done(1) && answered(1) == ENOTCONN);
	/* a driver that begins again */
	TAP_CHECK(starts(1));
	TAP_EQ(begin(1), ENOTCONN);
	driver_add(1, 1, (struct vring_desc[]){ OUT(MEMORY, 40), IN(ANSWER, 100) }, 2);
	TAP_CHECK(driver_breaks(1, "a buffer is not in memory"));
	TAP_CHECK(starts(1));
	TAP_EQ(begin(1), ENOTCONN);
}

static int all(const char *no_folder)
{
	static struct share_config rw = { .dir = dir, .tag = "the folder" }, ro = { .dir = dir, .tag = "2", .ro = true };
	int err;

	snprintf(dir, sizeof(dir), "/tmp/test-share.%d", getpid());
	driver_begin(MEMORY);
	share_memory();
	TAP_CHECK(refuses(dir, "No such file"));
	TAP_CHECK(refuses(no_folder, "is no folder"));
	if (mkdir(dir, 0700) || !make_file(in_dir("file"), TEXT) || symlink("/etc", in_dir("out")))
		abort();
	if (access("/usr/lib/qemu/virtiofsd", X_OK) && access("/usr/libexec/virtiofsd", X_OK)) {
		printf("ok %d - a folder # SKIP no virtiofsd here\n", ++tap_count);
		TAP_CHECK(refuses(dir, "need virtiofsd"));
	} else if ((err = share_create(&driver_vm, &rw)) && strstr(driver_said, "takes root or user namespaces")) {
		printf("ok %d - a user's folder # SKIP no user namespaces here\n", ++tap_count);
	} else {
		TAP_CHECK(!err);
		TAP_CHECK(!share_create(&driver_vm, &ro) && !threads_start(&driver_vm));
		read_and_write();
		stays_inside();
		only_reads();
		ends();
		shares_finish();
		TAP_EQ(children(NULL), 0);
	}
	if (system("rm -r /tmp/test-share.$PPID"))
		abort();
	return tap_done();
}

/* The same as a user who has no other ids, nor groups. */
static int as_user(void)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid) {
		if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
			abort();
		exit(all("/etc/passwd"));
	}
	waitpid(pid, &status, 0);
	return status;
}

int main(int argc, char **argv)
{
	int status;

	(void)argc;
	status = geteuid() ? 0 : as_user();
	return all("/etc/passwd") || status;
}
