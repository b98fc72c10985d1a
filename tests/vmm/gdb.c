// SPDX-License-Identifier: GPL-2.0-only
/*
 * gdb - a debugger's requests to a VMM's stub, by the remote serial protocol (gdb's manual, appendix E).
 *
 *   gdb SOCKET ADDRESS
 *
 * ADDRESS is where the guest will come by once. A breakpoint of the processor's stops it there, single steps lead on from
 * it, one in its memory (INT3) and one on what it writes stop it again; then it goes on by itself.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define STEPS	200
#define RSP	7	/* of 8 bytes each, EFLAGS of 4: what "g" tells of amd64 */
#define RIP	16
#define EFLAGS	17
#define TF	0x100
#define PATIENCE_S 300

static int fd, failed;
static char answer[4096];

static void bad(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	printf("not ok: ");
	vprintf(format, ap);
	printf("\n");
	va_end(ap);
	failed++;
}

static int next(void)
{
	unsigned char c;

	if (read(fd, &c, 1) == 1)
		return c;
	printf("not ok: the stub says no more: %s\n", strerror(errno));
	exit(1);
}

static void send_packet(const char *text)
{
	char packet[256];
	uint8_t sum = 0;
	const char *p;
	int n;

	for (p = text; *p; p++)
		sum += *p;
	n = snprintf(packet, sizeof(packet), "$%s#%02x", text, sum);
	if (write(fd, packet, n) != n) {
		printf("not ok: the stub is gone\n");
		exit(1);
	}
}

/* One packet of the stub's, acknowledged. */
static const char *receive(void)
{
	unsigned int n = 0;
	int c;

	while (next() != '$')
		;
	while ((c = next()) != '#')
		if (n < sizeof(answer) - 1)
			answer[n++] = c;
	answer[n] = 0;
	next();
	next();
	if (write(fd, "+", 1) != 1)
		exit(1);
	return answer;
}

static const char *ask(const char *format, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	send_packet(text);
	return receive();
}

static uint64_t reg(unsigned int n)
{
	unsigned int i, byte, bytes = n == EFLAGS ? 4 : 8;
	const char *hex = ask("g");
	uint64_t value = 0;

	if (strlen(hex) < (EFLAGS + 1) * 16) {
		bad("registers: %s", hex);
		return 0;
	}
	for (i = 0; i < bytes && sscanf(hex + 16 * n + 2 * i, "%2x", &byte) == 1; i++)
		value |= (uint64_t)byte << 8 * i;
	return value;
}

static void want_ok(const char *what, const char *got)
{
	if (strcmp(got, "OK"))
		bad("%s: %s", what, got);
}

static bool stopped(const char *what, const char *got)
{
	if (got[0] == 'T' || got[0] == 'S')
		return true;
	bad("%s: %s", what, got);
	return false;
}

int main(int argc, char **argv)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	uint64_t at, rip, last, sp;
	unsigned int i, moved = 0;

	if (argc != 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	at = strtoull(argv[2], NULL, 0);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", argv[1]);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	for (i = 0; connect(fd, (struct sockaddr *)&un, sizeof(un)); i++) {
		if (i == 100) {
			printf("not ok: %s: %s\n", argv[1], strerror(errno));
			return 1;
		}
		usleep(100000);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	stopped("at the start", ask("?"));
	rip = reg(RIP);
	if (rip != 0xfff0)
		bad("at the start RIP is %#llx", (unsigned long long)rip);

	/* a breakpoint of the processor's */
	want_ok("hardware breakpoint", ask("Z1,%llx,1", (unsigned long long)at));
	stopped("hardware breakpoint", ask("c"));
	rip = reg(RIP);
	if (rip != at)
		bad("it stops at %#llx, not %#llx", (unsigned long long)rip, (unsigned long long)at);
	want_ok("its removal", ask("z1,%llx,1", (unsigned long long)at));

	/* single steps; a jump to itself is none of what this kernel begins with */
	last = rip;
	for (i = 0; i < STEPS && stopped("step", ask("s")); i++) {
		rip = reg(RIP);
		moved += rip != last;
		last = rip;
		if (reg(EFLAGS) & TF) {
			bad("step %u: the trap flag is set", i);
			break;
		}
	}
	if (moved < STEPS / 2)	/* but REP strings are stepped through */
		bad("%u of %u steps moved on", moved, STEPS);

	/* one in memory: where it is now */
	rip = reg(RIP);
	want_ok("software breakpoint", ask("Z0,%llx,1", (unsigned long long)rip));
	stopped("software breakpoint", ask("c"));
	if (reg(RIP) != rip)
		bad("INT3 stops it at %#llx, not %#llx", (unsigned long long)reg(RIP), (unsigned long long)rip);
	want_ok("its removal", ask("z0,%llx,1", (unsigned long long)rip));

	/* what is pushed next */
	sp = reg(RSP) - 8;
	want_ok("watchpoint", ask("Z2,%llx,8", (unsigned long long)sp));
	if (stopped("watchpoint", ask("c")) && !strstr(answer, "watch"))
		bad("a watchpoint is told of as %s", answer);
	want_ok("its removal", ask("z2,%llx,8", (unsigned long long)sp));
	send_packet("D");
	receive();
	printf("%s\n", failed ? "failed" : "ok");
	return failed != 0;
}
