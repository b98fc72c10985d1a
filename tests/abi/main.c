// SPDX-License-Identifier: GPL-2.0-only
/* Every ioctl with right and with wrong arguments. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "abi.h"

extern const uint8_t guest_image[], guest_image_end[];

struct vcpu *vm_simple(struct vm *vm, unsigned int flags)
{
	vm_create(vm, 1 << 20, flags);
	vm_build_tables(vm);
	return vm_add_vcpu(vm);
}

uint32_t guest_entry(const char *name)
{
	const uint8_t *entry = guest_image + 8;
	uint32_t rip;

	while (strncmp((const char *)entry, name, 12)) {
		entry += 16;
		if (entry >= guest_image_end) {
			printf("# no guest %s\n", name);
			_exit(3);
		}
	}
	memcpy(&rip, entry + 12, 4);
	return rip;
}

void guest_start(struct vm *vm, struct vcpu *v, const char *name, uint32_t esi,
		 uint32_t ecx)
{
	struct kvm_regs regs;

	memcpy(vm->mem + 0x1000, guest_image, guest_image_end - guest_image);
	vcpu_set_mode(vm, v, MODE_FLAT32, guest_entry(name), 0x8000);
	xioctl(v->fd, KVM_GET_REGS, &regs);
	regs.rsi = esi;
	regs.rcx = ecx;
	xioctl(v->fd, KVM_SET_REGS, &regs);
}

bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

bool on_kvm(void)
{
	return strstr(kvm_device, "kvm");
}

int vcpu_exit(struct vcpu *v)
{
	int err = vcpu_run(v);

	return err ? err : (int)v->run->exit_reason;
}

void want_exit(struct tap_result *r, struct vcpu *v, int reason, const char *what)
{
	int got = vcpu_exit(v);

	if (got != reason)
		tap_fail(r, "%s: exit %s, not %s", what, exit_name(got), exit_name(reason));
}

int vm_enable(struct vm *vm, uint32_t cap, uint64_t arg)
{
	struct kvm_enable_cap c = { .cap = cap, .args = { arg } };

	return ioctl(vm->fd, KVM_ENABLE_CAP, &c);
}

void guest_code(struct vm *vm, struct vcpu *v, const void *code, size_t size)
{
	memcpy(vm->mem + 0x1000, code, size);
	vcpu_set_mode(vm, v, MODE_FLAT32, 0x1000, 0x8000);
}

uint64_t vcpu_msr_get(struct vcpu *v, uint32_t index)
{
	struct { struct kvm_msrs h; struct kvm_msr_entry e; } m = { .h.nmsrs = 1, .e.index = index };

	if (ioctl(v->fd, KVM_GET_MSRS, &m) != 1)
		return ~0ull;
	return m.e.data;
}

bool vcpu_msr_set(struct vcpu *v, uint32_t index, uint64_t data)
{
	struct { struct kvm_msrs h; struct kvm_msr_entry e; } m = {
		.h.nmsrs = 1, .e = { .index = index, .data = data }
	};

	return ioctl(v->fd, KVM_SET_MSRS, &m) == 1;
}

int main(int argc, char **argv)
{
	static const struct test_case *const lists[] = {
		system_cases, vm_cases, irqchip_cases, vcpu_cases, state_cases, mce_cases, memory_cases,
		backing_cases, dirty_cases, ring_cases, slots_cases, coalesced_cases, shadow_cases, storm_cases,
		apicv_cases, clock_cases, scale_cases, broadcast_cases, timer_cases, hostile_cases, host_cases,
		debug_cases, event_cases, attr_cases, quirk_cases, pit_cases, split_cases, msr_cases,
		exits_cases, stats_cases, device_cases, pv_cases, apf_cases, smm_cases, smm_space_cases
	};
	struct test_case *all;
	unsigned int i, j, n = 0;

	all = calloc(500, sizeof(*all));
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (j = 0; lists[i][j].name; j++)
			all[n++] = lists[i][j];
	return runner_main(argc, argv, all);
}
