// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_console.c - the serial port of vhctl's VMM, and the terminal that it is shown on: what a guest writes
 * comes there, and a terminal that is stopped stops nobody.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "tap.h"
#include "vhctl.h"
#include "vmm/devices.h"
#include "vmm/vmm.h"

#define THR	0x3f8
#define IER	0x3f9
#define IIR	0x3fa
#define LSR	0x3fd
#define EMPTY	0x20

static struct vmm_config cfg = { .listen_fd = -1, .log_fd = -1 };
static struct vmm vmm = { .cfg = &cfg, .channel = -1 };
static int master, slave;
static char seen[1 << 20];
static size_t seen_n;

/* --- what the console and the port call --- */

void error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

void vmm_stop(struct vmm *v, int status, const char *reason, ...)
{
	(void)reason;
	pthread_mutex_lock(&v->lock);
	v->stopping = true;
	v->status = status;
	pthread_mutex_unlock(&v->lock);
	v->wake();
}

void hvc_resize(struct vmm *v, uint16_t rows, uint16_t cols)
{
	(void)v, (void)rows, (void)cols;
}

static void no_interrupt(struct line *l, bool level)
{
	(void)l, (void)level;
}

/* --- a guest --- */

static uint8_t in(uint16_t port)
{
	uint8_t value;

	bus_access(&vmm.bus, BUS_PORTS, port, &value, 1, false);
	return value;
}

static void out(uint16_t port, uint8_t value)
{
	bus_access(&vmm.bus, BUS_PORTS, port, &value, 1, true);
}

static bool becomes_empty(int ms)
{
	for (; ms && !(in(LSR) & EMPTY); ms--)
		usleep(1000);
	return ms;
}

/* What byte number @i of a row of them is. */
static char byte(size_t i)
{
	return i % 64 == 63 ? '\n' : 'a' + (i / 64 + i % 64) % 26;
}

/* As far as the port takes it at once. */
static size_t writes(size_t from, size_t n)
{
	size_t i = from;

	while (i < from + n && (in(LSR) & EMPTY))
		out(THR, byte(i++));
	return i - from;
}

/* --- who is at the terminal --- */

/* What comes in so many ms, to a length of @n. */
static void look(size_t n, int ms)
{
	struct pollfd p = { .fd = master, .events = POLLIN };
	long long until = now_ms() + ms;

	while (seen_n < n && now_ms() < until && poll(&p, 1, until - now_ms()) > 0) {
		ssize_t r = read(master, seen + seen_n, sizeof(seen) - seen_n);

		seen_n += r > 0 ? r : 0;
	}
}

/* How many of them are what was written, from the first on. */
static size_t right(void)
{
	size_t i = 0;

	while (i < seen_n && seen[i] == byte(i))
		i++;
	return i;
}

static void *serve(void *arg)
{
	console_loop(arg);
	return NULL;
}

static pthread_t begin(void)
{
	pthread_t loop;

	memset(seen, 0, sizeof(seen));
	seen_n = 0;
	vmm.stopping = false;
	pthread_create(&loop, NULL, serve, &vmm);
	return loop;
}

static void make_terminal(void)
{
	struct termios t;

	master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) || unlockpt(master))
		abort();
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	/* The test's own words go where they went. */
	stdout = fdopen(dup(STDOUT_FILENO), "w");
	if (slave < 0 || tcgetattr(slave, &t) || dup2(slave, STDOUT_FILENO) < 0)
		abort();
	cfmakeraw(&t);
	tcsetattr(slave, TCSANOW, &t);
	dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
}

/* --- tests --- */

static void goes_on(void)
{
	pthread_t loop = begin();

	/* a prompt, which has no end of a line */
	out(THR, 'a');
	look(1, 2000);
	TAP_CHECK(seen_n == 1 && seen[0] == 'a');
	/* one who reads slowly loses nothing */
	seen_n = 0;
	for (size_t n = 0; n < 400000; n += writes(n, 400000 - n)) {
		look(seen_n + 1000, 10);
		if (!becomes_empty(2000))
			break;
	}
	look(400000, 2000);
	TAP_EQ(seen_n, 400000);
	TAP_EQ(right(), 400000);
	vmm_stop(&vmm, 0, NULL);
	pthread_join(loop, NULL);
}

static void stopped(void)
{
	pthread_t loop = begin();
	size_t n, lost = 0;

	tcflow(slave, TCOOFF);
	/* The guest has to wait, and is told so, while others can use the bus. */
	n = writes(0, 500000);
	TAP_CHECK(n > 60000 && n < 66000);
	out(IER, 2);
	TAP_CHECK((in(IIR) & 15) == 1);
	/* But not for ever. */
	TAP_CHECK(becomes_empty(5000) && (in(IIR) & 15) == 2);
	TAP_EQ(writes(n, 10000), 10000);
	/* What was kept is there, and what was not is told of. */
	tcflow(slave, TCOON);
	look(sizeof(seen), 500);
	TAP_CHECK(right() >= n && right() < 66000);
	TAP_CHECK(sscanf(seen + right(), "\r\n[vhctl: %zu bytes of output are lost here]\r\n", &lost) == 1);
	TAP_EQ(lost, n + 10000 - right());
	/* As before. */
	out(THR, '!');
	look(seen_n + 1, 2000);
	TAP_EQ(seen[seen_n - 1], '!');
	vmm_stop(&vmm, 0, NULL);
	pthread_join(loop, NULL);
}

/* A VM ends, too. */
static void ends(void)
{
	pthread_t loop = begin();
	long long start = now_ms();

	tcflow(slave, TCOOFF);
	TAP_EQ(writes(0, 3000), 3000);
	vmm_stop(&vmm, 0, NULL);
	pthread_join(loop, NULL);
	console_close(&vmm);
	TAP_CHECK(now_ms() - start < 5000);
}

int main(void)
{
	static struct line irq = { no_interrupt };

	alarm(60);
	make_terminal();
	bus_init(&vmm.bus);
	pthread_mutex_init(&vmm.lock, NULL);
	serial_create(&vmm.bus, THR, &irq, &vmm.console);
	if (console_open(&vmm))
		return 1;
	goes_on();
	stopped();
	ends();
	return tap_done();
}
