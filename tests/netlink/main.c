// SPDX-License-Identifier: GPL-2.0-only
/* The control plane: registry, figures, limits, permissions, events. */
#include <stdlib.h>

#include "host.h"

int main(int argc, char **argv)
{
	static const struct test_case *const lists[] = {
		registry_cases, figures_cases, limits_cases, short_cases, permissions_cases, containers_cases,
		many_cases, sums_cases, waits_cases, hostile_cases,
	};
	struct test_case *all = calloc(200, sizeof(*all));
	unsigned int i, j, n = 0;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (j = 0; lists[i][j].name; j++)
			all[n++] = lists[i][j];
	return runner_main(argc, argv, all);
}
