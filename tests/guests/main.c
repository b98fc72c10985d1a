// SPDX-License-Identifier: GPL-2.0-only
/* Every exit kind's own guest: the image's cases, then the host's. */
#include <stdlib.h>

#include "../lib/runner.h"
#include "harness.h"

static void run_guest(struct tap_result *r, const void *arg)
{
	static struct ctx c;

	ctx_create(&c, arg, r);
	ctx_run(&c);
}

static void run_host(struct tap_result *r, const void *arg)
{
	const struct host_case *hc = arg;

	hc->run(r);
}

int main(int argc, char **argv)
{
	const struct guest_case *gc = NULL;
	const struct host_case *hc;
	struct test_case *cases;
	unsigned int n = 0;

	while ((gc = guest_next(gc)))
		n++;
	for (hc = host_cases; hc->name; hc++)
		n++;
	cases = calloc(n + 1, sizeof(*cases));
	for (n = 0; (gc = guest_next(gc));)
		if (!(gc->flags & F_MANUAL))
			cases[n++] = (struct test_case) {
				gc->name, run_guest, gc
			};
	for (hc = host_cases; hc->name; hc++)
		cases[n++] = (struct test_case) { hc->name, run_host, hc };
	return runner_main(argc, argv, cases);
}
