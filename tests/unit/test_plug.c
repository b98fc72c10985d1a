// SPDX-License-Identifier: GPL-2.0-only
/* test_plug.c - memory and vCPUs that come and go, by guests and users who do anything (plug_guest.c). */
#include <stdio.h>

#include "plug_guest.h"
#include "random.h"
#include "tap.h"

#define INPUTS	10000

int main(void)
{
	uint8_t input[400];
	uint64_t state;

	for (int i = 0; i < INPUTS; i++)
		LLVMFuzzerTestOneInput(input, random_input(&state, 1, i, input, 50, sizeof(input)));
	printf("# %d inputs: %llu ACK, %llu NACK, %llu ERROR, %llu broken, %llu granted, %llu refused, %llu ejected, %llu came\n",
	       INPUTS, (unsigned long long)plug_counts.answers[0], (unsigned long long)plug_counts.answers[1],
	       (unsigned long long)plug_counts.answers[3], (unsigned long long)plug_counts.broken,
	       (unsigned long long)plug_counts.grants, (unsigned long long)plug_counts.refusals,
	       (unsigned long long)plug_counts.ejected, (unsigned long long)plug_counts.came);
	TAP_CHECK(plug_counts.answers[0] > 1000 && plug_counts.answers[1] > 1000 && plug_counts.answers[3] > 1000 && plug_counts.changes > 1000);
	TAP_CHECK(plug_counts.broken > 1000 && plug_counts.grants > 1000 && plug_counts.refusals > 1000);
	TAP_CHECK(plug_counts.ejected > 1000 && plug_counts.came > 1000);
	return tap_done();
}
