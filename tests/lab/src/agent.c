// SPDX-License-Identifier: GPL-2.0-only
/*
 * PID 1 of the emulated host. It announces that the host is up, fetches the
 * payload from the second disk, runs the scripts of the job one after the
 * other and reports what happened through port 0xe9.
 *
 * Port 0xe9 carries frames: START, a type, the body, END. Body bytes that would
 * look like framing are escaped. Types:
 *   r  up and ready (body: kernel release)   o  output of the running script
 *   s  script started (body: index)          x  script ended (index status)
 *   k  one record of the kernel's log        f  piece of the tar of /p/out
 *   t  script killed at its time limit       e  all done
 *   m  mailbox message taken (body: its number)
 *
 * The second disk is read by PIO, for Debian's ATA drivers are modules:
 *   sector 0   header: "VHLAB" and the number of payload sectors
 *   sector 1   mailbox, written by the lab while the host runs
 *   sector 2.. a tar, unpacked at / here, without a tar program
 *
 * Nothing here touches the serial line: after a saved machine is restored,
 * bochs floods an open UART with interrupts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define PORT_E9		0xe9
#define PORT_SHUTDOWN	0x8900	/* bochs "unmapped" device: ends when it reads "Shutdown" */
#define ATA_DATA	0x1f0
#define ATA_COUNT	0x1f2
#define ATA_LBA0	0x1f3
#define ATA_LBA1	0x1f4
#define ATA_LBA2	0x1f5
#define ATA_DEVICE	0x1f6
#define ATA_COMMAND	0x1f7
#define ATA_CONTROL	0x3f6
#define ATA_BUSY	0x80
#define ATA_DRQ		0x08
#define ATA_READ	0x20
#define SECTOR		512
#define MAILBOX		1
#define PAYLOAD		2

enum { START = 1, END = 2, ESCAPE = 3, NAP = 4, SAVE = 5 };

static void e9(const void *data, size_t len)
{
	asm volatile("rep outsb" : "+S"(data), "+c"(len) : "d"(PORT_E9) : "memory");
}

static void frame(char type, const void *body, size_t len)
{
	static uint8_t out[2 * 65536 + 3];
	const uint8_t *in = body;
	size_t n = 0;

	out[n++] = START;
	out[n++] = type;
	for (size_t i = 0; i < len; i++) {
		if (in[i] >= START && in[i] <= SAVE) {
			out[n++] = ESCAPE;
			out[n++] = in[i] ^ 0x40;
		} else {
			out[n++] = in[i];
		}
	}
	out[n++] = END;
	e9(out, n);
}

__attribute__((format(printf, 2, 3)))
static void framef(char type, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	frame(type, text, strlen(text));
}

__attribute__((noreturn)) static void finish(void)
{
	const char *word = "Shutdown";

	frame('e', "", 0);
	while (*word)
		outb(*word++, PORT_SHUTDOWN);
	for (;;)
		pause();
}

__attribute__((noreturn)) static void die(const char *what)
{
	framef('o', "lab agent: %s: %s\n", what, strerror(errno));
	framef('x', "0 125");
	finish();
}

static void disk_read(uint32_t lba, unsigned int count, void *to)
{
	outb(2, ATA_CONTROL);		/* no interrupts: no driver listens */
	outb(0xe0 | 1 << 4 | lba >> 24, ATA_DEVICE);
	outb(count, ATA_COUNT);		/* 256 is written as 0 */
	outb(lba, ATA_LBA0);
	outb(lba >> 8, ATA_LBA1);
	outb(lba >> 16, ATA_LBA2);
	outb(ATA_READ, ATA_COMMAND);
	while (count--) {
		size_t words = SECTOR / 4;
		uint8_t status;

		while ((status = inb(ATA_COMMAND)) & ATA_BUSY)
			;
		if (!(status & ATA_DRQ)) {
			errno = EIO;
			die("payload disk");
		}
		asm volatile("rep insl" : "+D"(to), "+c"(words) : "d"(ATA_DATA) : "memory");
	}
}

/* The mailbox: what the lab tells the running host. */
struct mail {
	char magic[4];		/* "MAIL" */
	uint32_t sequence;	/* a new number is a new message */
	char type;		/* 'i' input for the shell, 't' script's time is up, 'w' window size */
	uint8_t pad;
	uint16_t len;
	uint8_t data[SECTOR - 12];
};

static uint32_t mail_seen;

static int mail_read(struct mail *mail)
{
	_Static_assert(sizeof(*mail) == SECTOR, "one sector");
	disk_read(MAILBOX, 1, mail);
	if (memcmp(mail->magic, "MAIL", 4) || mail->sequence == mail_seen)
		return 0;
	mail_seen = mail->sequence;
	return 1;
}

static int kmsg = -1;
static int console_level;

static void forward_kernel_log(void)
{
	char record[8192];
	ssize_t n;

	for (;;) {
		n = read(kmsg, record, sizeof(record));
		if (n < 0 && errno == EPIPE)
			continue;	/* overwritten before it was read */
		if (n <= 0)
			return;
		frame('k', record, n);
	}
}

static void wait_all(int *watched, pid_t child)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == child)
			*watched = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

static void child_ended(int signal)
{
	(void)signal;	/* only there to end poll() */
}

/* Creates the directories that lead to path. */
static void make_parents(const char *path)
{
	char part[4096];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		mkdir(part, 0755);
	}
}

/*
 * Reads a file's sectors straight into its pages: copying through tar and a
 * pipe costs three times as many instructions. Returns the next sector.
 */
static uint32_t fetch_file(uint32_t lba, const char *path, size_t size, mode_t mode)
{
	size_t sectors = (size + SECTOR - 1) / SECTOR;
	uint8_t *map = NULL;
	int fd;

	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || ftruncate(fd, sectors * SECTOR))
		die(path);
	if (sectors) {
		/* Populated: the disk's bytes come by string input, which must not fault. */
		map = mmap(NULL, sectors * SECTOR, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_POPULATE, fd, 0);
		if (map == MAP_FAILED)
			die(path);
	}
	for (size_t done = 0; done < sectors; ) {
		unsigned int count = sectors - done > 256 ? 256 : sectors - done;

		disk_read(lba + done, count, map + done * SECTOR);
		done += count;
	}
	if (map)
		munmap(map, sectors * SECTOR);
	if (ftruncate(fd, size) || fchmod(fd, mode))
		die(path);
	close(fd);
	return lba + sectors;
}

static uint32_t fetch_text(uint32_t lba, size_t size, char *text, size_t room)
{
	uint8_t sector[SECTOR];

	for (size_t at = 0; at < size; at += SECTOR) {
		size_t part = size - at < SECTOR ? size - at : SECTOR;

		disk_read(lba++, 1, sector);
		if (at + part >= room) {
			errno = ENAMETOOLONG;
			die("payload");
		}
		memcpy(text + at, sector, part);
	}
	text[size] = 0;
	return lba;
}

/* One header of the tar on the second disk (POSIX ustar with GNU long names). */
struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
	char link[100], magic[8], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};

static void fetch_payload(void)
{
	char path[4096], link[4096], long_name[4096] = "", long_link[4096] = "";
	uint32_t lba = PAYLOAD, end;
	uint8_t sector[SECTOR];

	disk_read(0, 1, sector);
	if (memcmp(sector, "VHLAB", 5)) {
		errno = EINVAL;
		die("payload header");
	}
	end = PAYLOAD + strtoul((char *)sector + 5, NULL, 10);
	umask(0);
	while (lba < end) {
		struct tar_header header;
		size_t size;
		mode_t mode;

		_Static_assert(sizeof(header) == SECTOR, "one sector");
		disk_read(lba++, 1, &header);
		if (!header.name[0])
			break;
		size = strtoull(header.size, NULL, 8);
		mode = strtoul(header.mode, NULL, 8);
		if (header.type == 'L') {
			lba = fetch_text(lba, size, long_name, sizeof(long_name));
			continue;
		}
		if (header.type == 'K') {
			lba = fetch_text(lba, size, long_link, sizeof(long_link));
			continue;
		}
		if (long_name[0])
			snprintf(path, sizeof(path), "/%s", long_name);
		else
			snprintf(path, sizeof(path), "/%.100s", header.name);
		if (long_link[0])
			snprintf(link, sizeof(link), "%s", long_link);
		else
			snprintf(link, sizeof(link), "%.100s", header.link);
		long_name[0] = long_link[0] = 0;
		make_parents(path);
		switch (header.type) {
		case '5':
			mkdir(path, mode);
			break;
		case '2':
			unlink(path);
			if (symlink(link, path))
				die(path);
			break;
		default:
			lba = fetch_file(lba, path, size, mode);
		}
	}
	umask(022);
}

static void send_results(void)
{
	char buffer[32768];
	FILE *tar;
	size_t n;

	if (access("/p/out", F_OK))
		return;
	/* A child that ends now must not cut a read short. */
	signal(SIGCHLD, SIG_DFL);
	tar = popen("tar -c -C /p/out .", "r");
	if (!tar)
		die("tar");
	while ((n = fread(buffer, 1, sizeof(buffer), tar)) > 0)
		frame('f', buffer, n);
	pclose(tar);
}

static void handle_mail(int terminal, pid_t child, int *killed)
{
	struct winsize size = { 0 };
	struct mail mail;

	if (!mail_read(&mail))
		return;
	switch (mail.type) {
	case 'i':
		if (terminal >= 0 && mail.len <= sizeof(mail.data) &&
		    write(terminal, mail.data, mail.len) < 0)
			break;
		break;
	case 'w':
		size.ws_row = mail.data[0] | mail.data[1] << 8;
		size.ws_col = mail.data[2] | mail.data[3] << 8;
		ioctl(terminal, TIOCSWINSZ, &size);
		break;
	case 't':
		/* What CPUs do and tasks wait for, before they are gone. */
		klogctl(8, NULL, 1);
		if (!system("echo w > /proc/sysrq-trigger; echo l > /proc/sysrq-trigger"))
			forward_kernel_log();
		klogctl(8, NULL, console_level);
		kill(-child, SIGKILL);
		*killed = 1;
		framef('t', "%u", mail.sequence);
		break;
	}
	framef('m', "%u", mail.sequence);
}

/*
 * Runs one script (index < 0: the interactive shell) in a session of its own
 * and relays what it and the kernel say. Returns when its first process is
 * gone; the rest of its session is killed, so that nothing leaks into the next
 * script.
 */
static void run_script(int index, int interactive)
{
	int channel[2], status = -1, killed = 0;
	char path[32], buffer[32768];
	struct pollfd fds[2];
	pid_t child;
	ssize_t n;

	snprintf(path, sizeof(path), "/p/.lab/%d", index);
	framef('s', "%d", index);
	if (interactive) {
		struct winsize size = { .ws_row = 24, .ws_col = 80 };

		child = forkpty(&channel[0], NULL, NULL, &size);
		if (child < 0)
			die("forkpty");
	} else {
		if (pipe(channel))
			die("pipe");
		child = fork();
		if (!child) {
			setsid();
			close(channel[0]);
			dup2(open("/dev/null", O_RDONLY), 0);
			dup2(channel[1], 1);
			dup2(channel[1], 2);
			close(channel[1]);
		} else {
			close(channel[1]);
		}
	}
	if (!child) {
		signal(SIGPIPE, SIG_DFL);
		iopl(0);	/* a task with port rights costs every VM exit a reload of TR */
		if (chdir("/p"))
			_exit(127);
		if (interactive)
			execl("/bin/sh", "sh", "-l", NULL);
		execl("/bin/sh", "sh", path, NULL);
		_exit(127);
	}
	fcntl(channel[0], F_SETFL, O_NONBLOCK);
	fds[0] = (struct pollfd){ .fd = channel[0], .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = kmsg, .events = POLLIN };
	while (status < 0) {
		uint8_t nap = NAP;
		int ready = poll(fds, 2, interactive ? 10 : 250);

		if (!ready && interactive)
			e9(&nap, 1);
		if (!ready || interactive)
			handle_mail(interactive ? channel[0] : -1, child, &killed);
		forward_kernel_log();
		while ((n = read(channel[0], buffer, sizeof(buffer))) > 0)
			frame('o', buffer, n);
		if (n == 0)
			fds[0].fd = -1;	/* closed early: the process may go on */
		wait_all(&status, child);
	}
	while ((n = read(channel[0], buffer, sizeof(buffer))) > 0)
		frame('o', buffer, n);
	kill(-child, SIGKILL);
	close(channel[0]);
	usleep(1000);
	wait_all(&status, -2);
	forward_kernel_log();
	framef('x', "%d %d", index, killed ? 137 : status);
}

int main(void)
{
	struct utsname name;
	int scripts = 0, interactive = 0, cold;
	FILE *job;

	if (iopl(3))
		return 1;
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = child_ended }, NULL);
	uname(&name);
	cold = getenv("lab_cold") != NULL;
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	if (kmsg < 0)
		die("/dev/kmsg");
	forward_kernel_log();
	framef('r', "%s", name.release);
	if (!cold) {
		outb(SAVE, PORT_E9);	/* the machine is saved here */
		framef('r', "%s", name.release);
	}
	/* From here on warnings reach the serial log even if nobody reads kmsg; or only the kernel's end does. */
	console_level = getenv("lab_quiet") ? 1 : 5;
	klogctl(8, NULL, console_level);
	fetch_payload();
	job = fopen("/p/.lab/job", "r");
	if (job && fscanf(job, "%d %d", &scripts, &interactive) != 2)
		die("job");
	if (job)
		fclose(job);
	for (int i = 0; i < scripts; i++)
		run_script(i, 0);
	if (interactive)
		run_script(scripts, 1);
	send_results();
	finish();
}
