// SPDX-License-Identifier: GPL-2.0-only
/* balloon.c - vhctl balloon: how much memory a guest has, and another size of it. */
#include <string.h>

#include "ask.h"
#include "cmd/sizes.h"
#include "fields.h"
#include "vhctl.h"

static void help(void)
{
	puts("usage: vhctl balloon [OPTIONS] VM [SIZE]\n\n"
	     "How much memory the guest of a VM with --balloon has. With SIZE it is asked to have no more\n"
	     "than that, which takes it a while; without a driver, or in need, it keeps what it has.\n\n"
	     "  memory    what the VM was made with\n"
	     "  target    what the guest is asked to have\n"
	     "  actual    what it has, as it says\n"
	     "  returned  what the host got back so far, also of pages that the guest reported as free\n"
	     "  guest     the guest's own figures: free, available, caches, faults, swap\n\n"
	     OUT_OPTIONS_HELP);
}

static void show_guest(struct out *o, struct json_object *answer)
{
	static const char *const bytes[] = { "total", "free", "available", "caches", "swap_in", "swap_out" };
	struct json_object *guest;

	if (!json_object_object_get_ex(answer, "guest", &guest) || !json_object_is_type(guest, json_type_object))
		return;
	out_down(o, "guest");
	json_object_object_foreach(guest, key, value) {
		bool size = false;

		if (strspn(key, "abcdefghijklmnopqrstuvwxyz_") != strlen(key))
			continue;	/* none of the VMM's that this is */
		for (unsigned int i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
			size |= !strcmp(key, bytes[i]);
		if (size)
			out_bytes(o, key, NULL, json_object_get_uint64(value));
		else
			out_number(o, key, NULL, json_object_get_uint64(value));
	}
	out_up(o);
}

int cmd_balloon(int argc, char **argv)
{
	static const struct sizes balloon = { "balloon", help, { "memory", "target", "actual", "returned" }, show_guest };

	return sizes_command(argc, argv, &balloon);
}
