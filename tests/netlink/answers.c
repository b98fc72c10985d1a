// SPDX-License-Identifier: GPL-2.0-only
/* Prints what the kernel answers, a message a line: the command and its attributes in hex (spec.py). */
#include <stdio.h>
#include <unistd.h>

#include "host.h"

static void print(const struct nlattr *a, int len, int cmd, void *arg)
{
	const unsigned char *p = (const void *)a;

	(void)arg;
	printf("answer %d ", cmd);
	while (len-- > 0)
		printf("%02x", *p++);
	putchar('\n');
}

int main(void)
{
	static const int dumps[] = { VH_CMD_VM_GET, VH_CMD_VCPU_GET, VH_CMD_GROUP_GET };
	static const uint8_t code[] = { 0x0f, 0xa2, 0xe6, 0x81 };
	struct event_info e;
	unsigned int i, n;
	struct conn c, events;
	struct vm vm;
	int id;

	conn_open(&c);
	conn_open(&events);
	events_ask(&events);
	vm_with_code(&vm, code, sizeof(code), VM_IRQCHIP);
	if (ioctl(vm.fd, VH_SET_POWER_BUTTON, 1) || vcpu_run(&vm.vcpu[0]))
		return 1;
	close(cgroup_make("spec"));
	cgroup_enter("spec");
	id = vm_define(&c, kvm_open(), "defined", 2, 1 << 20, -1, -1);
	if (id < 0)
		return 1;
	set_limit(&c, cgroup_make("spec"), -1, VH_RES_VMS, 1);
	vm_define(&c, kvm_open(), "refused", 2, 1 << 20, -1, -1);
	for (i = 0; i < sizeof(dumps) / sizeof(dumps[0]); i++) {
		msg_begin(&c, dumps[i], NLM_F_DUMP);
		if (msg_send(&c, print, NULL))
			return 1;
	}
	vm_command(&c, VH_CMD_VM_DESTROY, id);
	vm_destroy(&vm);
	events.raw = print;
	for (n = 0; event_next(&events, &e, 500); n++)
		;
	cgroup_enter(".");
	cgroup_remove("spec");
	return n < 5;
}
