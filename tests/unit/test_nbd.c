// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_nbd.c - the NBD client of vhctl's VMM, with servers made up: test_nbd [COUNT [SEED]]. Those of a
 * seed are always the same. libFuzzer has the same entry: make fuzz-nbd.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nbd_server.h"
#include "random.h"
#include "tap.h"
#include "vmm/nbd.h"

#define MOST	600

static uint64_t state;

/* A server that says nothing more after so many bytes is not waited for for ever. */
static void hangs(size_t n)
{
	struct nbd_export e;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) || write(fd[1], "NBDMAGICIHAVEOPT\0\3", n) != (ssize_t)n)
		abort();
	TAP_EQ(nbd_greet(fd[0], &e, 50), -ETIMEDOUT);
	close(fd[1]);
	TAP_EQ(nbd_greet(fd[0], &e, 10000), -EPROTO);
	close(fd[0]);
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 0) : 20000;
	uint64_t seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	static uint8_t data[MOST];

	for (unsigned long i = 0; i < count; i++) {
		size_t n = random_input(&state, seed, i, data, 2, MOST);

		LLVMFuzzerTestOneInput(data, n);
	}
	printf("# %lu inputs: %llu requests sent, %llu done, %llu of them failed, %llu read, %llu answered early; "
	       "%llu handshakes, %llu that failed; %llu ended\n", count, (unsigned long long)nbd_counts.requests,
	       (unsigned long long)nbd_counts.done, (unsigned long long)nbd_counts.failed,
	       (unsigned long long)nbd_counts.read, (unsigned long long)nbd_counts.early,
	       (unsigned long long)nbd_counts.greeted, (unsigned long long)nbd_counts.not_greeted,
	       (unsigned long long)nbd_counts.over);
	TAP_CHECK(nbd_counts.requests > count);
	TAP_CHECK(nbd_counts.done > count);
	TAP_CHECK(nbd_counts.done - nbd_counts.failed > count / 4);
	TAP_CHECK(nbd_counts.read > count / 20);
	TAP_CHECK(nbd_counts.early > count / 20);
	TAP_CHECK(nbd_counts.over > count / 20 && nbd_counts.over < count);
	TAP_CHECK(nbd_counts.greeted > count / 1000);
	TAP_CHECK(nbd_counts.not_greeted > count / 1000);
	hangs(0);
	hangs(10);
	hangs(18);
	return tap_done();
}
