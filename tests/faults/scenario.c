// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../lib/kvm.h"
#include "scenario.h"

const char *const op_name[OPS] = {
	"CREATE_VM", "CREATE_IRQCHIP", "CREATE_PIT2", "SET_USER_MEMORY_REGION", "CREATE_VCPU",
	"CREATE_VCPU of a second", "SET_CPUID2", "SET_SREGS", "SET_REGS", "IRQFD", "IOEVENTFD",
	"SET_GSI_ROUTING", "RUN", "SET_USER_MEMORY_REGION, logged", "RUN, logged", "GET_DIRTY_LOG",
	"SET_USER_MEMORY_REGION, moved", "SET_USER_MEMORY_REGION, deleted", "RUN after a change", "RUN of the second",
	"GET_REGS", "GET_SREGS", "GET_XSAVE", "GET_LAPIC"
};

/* 32-bit: writes to four pages from ESI on, CPUID, reads MISC_ENABLE, OUT 0x10; then again. */
static const uint8_t code[] = {
	0x89, 0xf7,				/* 1: mov %esi, %edi */
	0xbd, 0x04, 0x00, 0x00, 0x00,		/* mov $4, %ebp */
	0xff, 0x07,				/* 2: incl (%edi) */
	0x81, 0xc7, 0x00, 0x10, 0x00, 0x00,	/* add $0x1000, %edi */
	0x4d,					/* dec %ebp */
	0x75, 0xf5,				/* jnz 2b */
	0x31, 0xc0, 0x0f, 0xa2,			/* xor %eax, %eax; cpuid */
	0xb9, 0xa0, 0x01, 0x00, 0x00, 0x0f, 0x32,	/* mov $0x1a0, %ecx; rdmsr */
	0xe6, 0x10,				/* out %al, $0x10 */
	0xeb, 0xdf,				/* jmp 1b */
};

#define MEMORY	(1u << 20)
#define FIRST	0x10000000u	/* where the second memslot is */
#define SECOND	0x20000000u
#define SLOT	0x10000u

static const struct scenario *now;
static int *errs;

static void begin(enum op op)
{
	if (now && now->before)
		now->before(op);
}

static bool end(enum op op, long r)
{
	errs[op] = r < 0 ? errno : 0;
	if (now && now->after)
		now->after(op, errs[op]);
	return r >= 0;
}

#define DO(op, call)						\
	({							\
		bool ok_;					\
								\
		begin(op);					\
		ok_ = end(op, call);				\
		if (!ok_ && now && now->retry)			\
			ok_ = (call) >= 0;			\
		ok_;						\
	})

static bool run(enum op op, struct vcpu *v)
{
	return DO(op, ioctl(v->fd, KVM_RUN, 0)) && v->run->exit_reason == KVM_EXIT_IO &&
	       v->run->io.port == 0x10;
}

static struct kvm_userspace_memory_region slot(uint64_t gpa, uint64_t size, unsigned int flags, uint8_t *mem)
{
	return (struct kvm_userspace_memory_region){ .slot = 1, .flags = flags, .guest_phys_addr = gpa,
						     .memory_size = size, .userspace_addr = (uintptr_t)mem };
}

static void begin_state(struct kvm_sregs *s)
{
	struct kvm_segment *seg = &s->cs;
	unsigned int i;

	for (i = 0; i < 6; i++)
		seg[i] = (struct kvm_segment){ .limit = 0xffffffff, .selector = i ? 16 : 8, .type = i ? 3 : 11,
					       .s = 1, .present = 1, .db = 1, .g = 1 };
	s->cr0 = 0x31;
}

bool scenario_run(const struct scenario *s, int err[OPS])
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[256];
	} cpuid;
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e;
	} routing = { .head.nr = 1, .e = { .gsi = 5, .type = KVM_IRQ_ROUTING_IRQCHIP } };
	struct kvm_userspace_memory_region m;
	struct kvm_pit_config pit = { };
	struct kvm_mp_state mp = { KVM_MP_STATE_RUNNABLE };
	struct kvm_irqfd irqfd = { .gsi = 5 };
	struct kvm_ioeventfd io = { .addr = 0x77, .len = 1, .flags = KVM_IOEVENTFD_FLAG_PIO };
	struct kvm_regs regs = { .rip = 0x1000, .rsp = 0x8000, .rflags = 2, .rsi = FIRST }, got;
	uint64_t bits[SLOT / 4096 / 8 + 8];
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bits };
	struct kvm_lapic_state lapic;
	struct kvm_xsave xsave;
	struct kvm_sregs sregs;
	struct vm vm = { .fd = -1 };
	struct vcpu *v = vm.vcpu;
	int event = eventfd(0, EFD_CLOEXEC), i;
	bool ok = true;

	now = s;
	errs = err;
	for (i = 0; i < OPS; i++)
		err[i] = -1;
	if (!cpuid.head.nent) {
		cpuid.head.nent = 256;
		xioctl(kvm_open(), KVM_GET_SUPPORTED_CPUID, &cpuid);
	}
	vm.mem = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(vm.mem + 0x1000, code, sizeof(code));
	ok &= DO(OP_VM, vm.fd = ioctl(kvm_open(), KVM_CREATE_VM, 0));
	if (vm.fd < 0)
		goto out;
	if (s && s->irqchip) {
		ok &= DO(OP_IRQCHIP, ioctl(vm.fd, KVM_CREATE_IRQCHIP, 0));
		ok &= DO(OP_PIT, ioctl(vm.fd, KVM_CREATE_PIT2, &pit));
	}
	m = slot(0, MEMORY, 0, vm.mem);
	m.slot = 0;
	xioctl(vm.fd, KVM_SET_USER_MEMORY_REGION, &m);
	m = slot(FIRST, SLOT, 0, vm.mem + 0x40000);
	ok &= DO(OP_SLOT, ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION, &m));
	ok &= DO(OP_VCPU, v[0].fd = ioctl(vm.fd, KVM_CREATE_VCPU, 0));
	ok &= DO(OP_VCPU2, v[1].fd = ioctl(vm.fd, KVM_CREATE_VCPU, 1));
	for (i = 0; i < 2; i++) {
		if (v[i].fd < 0)
			continue;
		v[i].run = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, v[i].fd, 0);
		ok &= DO(OP_CPUID, ioctl(v[i].fd, KVM_SET_CPUID2, &cpuid));
		if (ioctl(v[i].fd, KVM_GET_SREGS, &sregs) < 0)
			sregs = (struct kvm_sregs){ };
		begin_state(&sregs);
		ok &= DO(OP_SREGS, ioctl(v[i].fd, KVM_SET_SREGS, &sregs));
		ok &= DO(OP_REGS, ioctl(v[i].fd, KVM_SET_REGS, &regs));
		ioctl(v[i].fd, KVM_SET_MP_STATE, &mp);
	}
	irqfd.fd = io.fd = event;
	if (s && s->irqchip) {
		ok &= DO(OP_IRQFD, ioctl(vm.fd, KVM_IRQFD, &irqfd));
		ok &= DO(OP_ROUTING, ioctl(vm.fd, KVM_SET_GSI_ROUTING, &routing));
	}
	ok &= DO(OP_IOEVENTFD, ioctl(vm.fd, KVM_IOEVENTFD, &io));
	if (v[0].fd < 0 || v[1].fd < 0)
		goto out;
	ok &= run(OP_RUN, &v[0]);
	m.flags = KVM_MEM_LOG_DIRTY_PAGES;
	ok &= DO(OP_LOG, ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION, &m));
	ok &= run(OP_RUN_LOGGED, &v[0]);
	memset(bits, 0, sizeof(bits));
	ok &= DO(OP_GET_LOG, ioctl(vm.fd, KVM_GET_DIRTY_LOG, &log));
	/* the second round of the guest wrote to all four; vCPUs that found pages may have earlier */
	ok &= (bits[0] & 0xf) == 0xf;
	m.flags = 0;
	m.guest_phys_addr = SECOND;
	ok &= DO(OP_MOVE, ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION, &m));
	m.memory_size = 0;
	ok &= DO(OP_DELETE, ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION, &m));
	/* over what they were: the page tables are made once more */
	m = slot(FIRST, SLOT, 0, vm.mem + 0x80000);
	xioctl(vm.fd, KVM_SET_USER_MEMORY_REGION, &m);
	ok &= run(OP_RUN_AGAIN, &v[0]);
	ok &= run(OP_RUN2, &v[1]);
	ok &= DO(OP_GET_REGS, ioctl(v[0].fd, KVM_GET_REGS, &got));
	ok &= DO(OP_GET_SREGS, ioctl(v[0].fd, KVM_GET_SREGS, &sregs));
	ok &= DO(OP_GET_XSAVE, ioctl(v[0].fd, KVM_GET_XSAVE, &xsave));
	if (s && s->irqchip)
		ok &= DO(OP_GET_LAPIC, ioctl(v[0].fd, KVM_GET_LAPIC, &lapic));
	/* rounds before: two of the first vCPU in one place, one of each in the other */
	ok &= vm.mem[0x40000] == 2 && vm.mem[0x80000] == 2;
out:
	for (i = 0; i < 2; i++) {
		if (v[i].run)
			munmap(v[i].run, 8192);
		if (v[i].fd > 0)
			close(v[i].fd);
	}
	if (vm.fd >= 0)
		close(vm.fd);
	close(event);
	munmap(vm.mem, MEMORY);
	return ok;
}
