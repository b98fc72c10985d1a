// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into bochs, which lacks four things the lab needs:
 *
 *  - a way to save the machine without its graphical interface: when the host
 *    writes SAVE to port 0xe9 and LAB_SAVE names a folder, the emulator's own
 *    save routine is called, and the emulator ends;
 *  - the bytes written to port 0xe9 on a channel of their own, not mixed with
 *    the text display: they go to file descriptor LAB_E9_FD;
 *  - runs that repeat to the instruction: the emulator seeds RDRAND and RDSEED
 *    from the clock, here they always get the same seed;
 *  - a quick start: the emulator copies a saved machine's whole memory into a
 *    temporary file, from which it takes the pieces that are touched; here it
 *    takes them from where they are. With as much memory for the emulator as
 *    for the machine it never writes to that file.
 *
 * And where the debugger is not compiled in (bochs 3.0), SIGUSR1 tells where
 * the machine's CPUs are, and ends it (bochs/lab-where.patch).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define E9_FLUSH 0x02	/* end of a frame: hand over what is buffered */
#define E9_NAP	 0x04	/* the guest is idle: leave the CPU to others */
#define E9_SAVE	 0x05	/* the guest is up: this is the moment to save it */

static int e9_fd = -1;
static char e9_buffer[65536];
static size_t e9_used;
static int plugins;		/* port 0xe9 is in a library of its own */

/* Of our build: writes a line for each CPU. Called while an instruction is under way, it only reads. */
static void (*lab_where)(int fd);

static void where(int signal)
{
	static const char end[] = "lab: stopped\n";

	(void)signal;
	lab_where(STDERR_FILENO);
	if (write(STDERR_FILENO, end, sizeof(end) - 1) < 0)
		_exit(1);
	_exit(0);
}

__attribute__((constructor)) static void start(void)
{
	const char *fd = getenv("LAB_E9_FD");

	if (fd)
		e9_fd = atoi(fd);
	lab_where = dlsym(RTLD_DEFAULT, "lab_where");
	plugins = !lab_where;
	if (lab_where)
		signal(SIGUSR1, where);
	/* Never outlive the program that started the emulator. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void e9_flush(void)
{
	size_t done = 0;

	while (done < e9_used) {
		ssize_t n = write(e9_fd, e9_buffer + done, e9_used - done);

		if (n <= 0)
			break;
		done += n;
	}
	e9_used = 0;
}

__attribute__((destructor)) static void stop(void)
{
	if (e9_fd >= 0)
		e9_flush();
}

static void save_machine(const char *dir)
{
	unsigned char (*save)(void *sim, const char *dir);
	void **sim = dlsym(RTLD_DEFAULT, "SIM");
	char flag[512];
	int fd;

	save = dlsym(RTLD_DEFAULT, "_ZN13bx_real_sim_c10save_stateEPKc");
	if (!sim || !save) {
		fprintf(stderr, "lab: this bochs cannot save a machine\n");
		return;
	}
	mkdir(dir, 0777);
	if (!save(*sim, dir))
		return;
	snprintf(flag, sizeof(flag), "%s/.saved", dir);
	fd = open(flag, O_WRONLY | O_CREAT, 0666);
	if (fd >= 0)
		close(fd);
}

/* The debugger writes by putc() too: only the device of port 0xe9 is meant. */
static int from_e9(void *caller)
{
	static void *known;
	Dl_info info;

	if (!plugins || caller == known)
		return 1;
	if (!dladdr(caller, &info) || !strstr(info.dli_fname, "libbx_unmapped"))
		return 0;
	known = caller;
	return 1;
}

int putc(int c, FILE *stream)
{
	if (stream != stdout || e9_fd < 0 || !from_e9(__builtin_return_address(0)))
		return fputc(c, stream);
	if (c == E9_NAP) {
		e9_flush();
		usleep(5000);
		return c;
	}
	if (c == E9_SAVE) {
		const char *dir = getenv("LAB_SAVE");

		e9_flush();
		if (dir) {
			save_machine(dir);
			_exit(0);
		}
		return c;
	}
	e9_buffer[e9_used++] = c;
	if (c == E9_FLUSH || e9_used == sizeof(e9_buffer))
		e9_flush();
	return c;
}

/* Where a restored machine's memory is; the next temporary file stands for it. */
static char saved_memory[512];

static int is_saved_memory(const char *path)
{
	const char *name = path ? strrchr(path, '/') : NULL;

	return name && !strcmp(name, "/memory.ram");
}

FILE *tmpfile64(void)
{
	FILE *(*next)(void) = dlsym(RTLD_NEXT, "tmpfile64");
	FILE *(*open)(const char *, const char *) = dlsym(RTLD_NEXT, "fopen64");
	FILE *memory;

	if (!saved_memory[0])
		return next();
	memory = open(saved_memory, "rb");
	saved_memory[0] = '\0';
	return memory;
}

static FILE *open_file(const char *name, const char *path, const char *mode)
{
	FILE *(*next)(const char *, const char *) = dlsym(RTLD_NEXT, name);

	if (is_saved_memory(path) && !strcmp(mode, "rb")) {
		snprintf(saved_memory, sizeof(saved_memory), "%s", path);
		return next("/dev/null", mode);
	}
	return next(path, mode);
}

FILE *fopen(const char *path, const char *mode)
{
	return open_file("fopen", path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
	return open_file("fopen64", path, mode);
}

void srand(unsigned int seed)
{
	void (*next)(unsigned int) = dlsym(RTLD_NEXT, "srand");

	(void)seed;
	next(1);
}
