// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every number that is a size, a time, a frequency, a count or an index: least and greatest, one
 * beside them, a change of sign. The answer is an errno that says so, and after each of them the
 * VM still runs.
 */
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../kmod/compat/kvm.h"
#include "lane.h"

#define CODE		0x9000u
#define MSR_DEADLINE	0x6e0u

static const uint64_t numbers[] = {
	0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x100, 0x101, 0xfff, 0x1000, 0x7fff, 0x8000, 0xffff, 0x10000,
	0x10001, 0xfffff, 0x100000, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xfffff000,
	0xfffffffe, 0xffffffff, 0x100000000, 0x100000001, 0x7fffffffffff, 0x800000000000,
	0xffffffffffff, 0xffff800000000000, 0x000ffffffffff000, 0x0010000000000000,
	0x3fffffffffffffff, 0x7ffffffffffff000, 0x7ffffffffffffffe, 0x7fffffffffffffff,
	0x8000000000000000, 0x8000000000000001, 0xfffffffffffff000, 0xfffffffffffffffe,
	0xffffffffffffffff,
};

struct target {
	struct vm vm;
	struct vcpu *v;
	uint32_t msr;		/* of set_msr() */
	int fd;			/* an eventfd */
};

/* One number into one field: 0 or what ioctl() answered. */
struct field {
	const char *name;
	int (*set)(struct target *t, uint64_t n);
	unsigned int flags;	/* vm_create()'s */
};

static bool clean(int err)
{
	static const int known[] = {
		EINVAL, E2BIG, ENOMEM, EFAULT, EDQUOT, EEXIST, ENOSPC, EBUSY, ENXIO, ENOENT, EBADF,
	};
	unsigned int i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (err == known[i])
			return true;
	return false;
}

/* The guest's code to its first OUT; the port. -1: another exit. */
static int run(struct target *t, const uint8_t *code, size_t len, struct kvm_regs *regs)
{
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_regs now;

	ioctl(t->v->fd, KVM_SET_MP_STATE, &mp);
	memcpy(t->vm.mem + CODE, code, len);
	vcpu_set_mode(&t->vm, t->v, MODE_FLAT32, CODE, 0x8000);
	if (regs) {
		xioctl(t->v->fd, KVM_GET_REGS, &now);
		now.rax = regs->rax;
		now.rcx = regs->rcx;
		now.rdx = regs->rdx;
		now.rsi = regs->rsi;
		xioctl(t->v->fd, KVM_SET_REGS, &now);
	}
	if (vcpu_run(t->v) || t->v->run->exit_reason != KVM_EXIT_IO)
		return -1;
	return t->v->run->io.port;
}

static bool runs(struct target *t)
{
	/* rdtsc; the LAPIC's current count; out */
	static const uint8_t code[] = { 0x0f, 0x31, 0xa1, 0x90, 0x03, 0xe0, 0xfe, 0xe6, 0x10 };
	int port = -1, i;

	/* without an irqchip that count is the VMM's to read */
	for (i = 0; i < 3 && port < 0; i++) {
		port = run(t, code, sizeof(code), NULL);
		if (t->v->run->exit_reason == KVM_EXIT_MMIO)
			port = vcpu_run(t->v) ? -1 : t->v->run->io.port;
	}
	return port == 0x10;
}

static void target_new(struct target *t, unsigned int flags)
{
	memset(t, 0, sizeof(*t));
	t->v = vm_simple(&t->vm, flags);
	t->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void target_free(struct target *t)
{
	vm_destroy(&t->vm);
	close(t->fd);
}

static void field(struct tap_result *r, const void *arg)
{
	const struct field *f = arg;
	struct target t;
	unsigned int i;
	int ret;

	target_new(&t, f->flags);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		ret = f->set(&t, numbers[i]);
		if (ret < 0 && !clean(errno))
			tap_fail(r, "%#llx: %s", (unsigned long long)numbers[i], strerror(errno));
		if (!runs(&t))
			tap_fail(r, "%#llx: the guest does not run, exit %s",
				 (unsigned long long)numbers[i],
				 exit_name(t.v->run->exit_reason));
	}
	target_free(&t);
}

/* --- frequencies and times --- */

static int vcpu_tsc_khz(struct target *t, uint64_t n)
{
	int ret = ioctl(t->v->fd, KVM_SET_TSC_KHZ, n), got = ioctl(t->v->fd, KVM_GET_TSC_KHZ, 0);

	/* what GET returns is a frequency, not an errno */
	if (got <= 0 || (ret == 0 && n && (uint64_t)got != n)) {
		errno = EPROTO;
		return -1;
	}
	return ret;
}

static int vm_tsc_khz(struct target *t, uint64_t n)
{
	int ret = ioctl(t->vm.fd, KVM_SET_TSC_KHZ, n), saved = errno;

	/* a vCPU that has it */
	if (!ret && t->vm.vcpus < 8)
		vm_add_vcpu(&t->vm);
	errno = saved;
	return ret;
}

static int set_clock(struct target *t, uint64_t n)
{
	struct kvm_clock_data c = { .clock = n };

	return ioctl(t->vm.fd, KVM_SET_CLOCK, &c);
}

static int set_clock_realtime(struct target *t, uint64_t n)
{
	struct kvm_clock_data c = { .clock = ~n, .realtime = n, .flags = KVM_CLOCK_REALTIME };

	return ioctl(t->vm.fd, KVM_SET_CLOCK, &c);
}

static int set_msr(struct target *t, uint64_t n)
{
	struct { struct kvm_msrs h; struct kvm_msr_entry e; } m = {
		.h.nmsrs = 1, .e.index = t->msr, .e.data = n,
	};

	return ioctl(t->v->fd, KVM_SET_MSRS, &m) < 0 ? -1 : 0;
}

static int set_lapic(struct target *t, uint32_t mode, uint32_t at, uint32_t n)
{
	struct kvm_lapic_state s;

	xioctl(t->v->fd, KVM_GET_LAPIC, &s);
	*(uint32_t *)(s.regs + 0xf0) = 0x1ff;
	*(uint32_t *)(s.regs + 0x320) = mode << 17 | 0x30;
	*(uint32_t *)(s.regs + 0x380) = 1000;
	*(uint32_t *)(s.regs + at) = n;
	return ioctl(t->v->fd, KVM_SET_LAPIC, &s);
}

/* Initial count, current count and divisor, in every mode. */
static int lapic_timer(struct target *t, uint64_t n)
{
	static const uint32_t at[] = { 0x380, 0x390, 0x3e0 };
	unsigned int mode, i;
	int ret = 0;

	for (mode = 0; mode < 4; mode++)
		for (i = 0; i < 3; i++) {
			ret |= set_lapic(t, mode, at[i], n);
			ret |= set_lapic(t, mode, at[i], n);
			if (!runs(t)) {
				errno = EPROTO;
				return -1;
			}
		}
	return ret;
}

/* At the slowest TSC there is, its own, and the fastest. */
static int deadline(struct target *t, uint64_t n)
{
	static const uint32_t khz[] = { 1, 0, 1000000, 0x7fffffff };
	unsigned int i;
	int ret = 0;

	t->msr = MSR_DEADLINE;
	for (i = 0; i < 4; i++) {
		ioctl(t->v->fd, KVM_SET_TSC_KHZ, khz[i]);
		ret |= set_lapic(t, 2, 0x380, 0);
		ret |= set_msr(t, n);
	}
	return ret;
}

static int pit(struct target *t, uint64_t n)
{
	static const struct { size_t at, size; } fields[] = {
		{ offsetof(struct kvm_pit_channel_state, count), 4 },
		{ offsetof(struct kvm_pit_channel_state, count_load_time), 8 },
		{ offsetof(struct kvm_pit_channel_state, bcd), 1 },
	};
	struct kvm_pit_state2 ps;
	unsigned int mode;
	int ret = 0;

	for (mode = 0; mode < 6 * 3; mode++) {
		xioctl(t->vm.fd, KVM_GET_PIT2, &ps);
		ps.channels[0].mode = ps.channels[2].mode = mode / 3;
		memcpy((char *)&ps.channels[0] + fields[mode % 3].at, &n, fields[mode % 3].size);
		memcpy((char *)&ps.channels[2] + fields[mode % 3].at, &n, fields[mode % 3].size);
		ret |= ioctl(t->vm.fd, KVM_SET_PIT2, &ps);
	}
	return ret;
}

/* --- interrupts --- */

static int irq_line(struct target *t, uint64_t n)
{
	struct kvm_irq_level l = { .irq = n, .level = n >> 32 };

	return ioctl(t->vm.fd, KVM_IRQ_LINE, &l);
}

static int msi(struct target *t, uint64_t n)
{
	struct kvm_msi m = { .address_lo = n, .address_hi = n >> 32, .data = n >> 8 };

	return ioctl(t->vm.fd, KVM_SIGNAL_MSI, &m);
}

static int irqfd(struct target *t, uint64_t n)
{
	struct kvm_irqfd f = { .fd = t->fd, .gsi = n };
	uint64_t one = 1;
	int ret = ioctl(t->vm.fd, KVM_IRQFD, &f), saved = errno;

	if (!ret) {
		if (write(t->fd, &one, 8) != 8)
			_exit(3);
		f.flags = KVM_IRQFD_FLAG_DEASSIGN;
		xioctl(t->vm.fd, KVM_IRQFD, &f);
	}
	errno = saved;
	return ret;
}

static int ioevent(struct target *t, struct kvm_ioeventfd *e)
{
	int ret, saved;

	e->fd = t->fd;
	ret = ioctl(t->vm.fd, KVM_IOEVENTFD, e);
	saved = errno;
	if (!ret) {
		e->flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
		xioctl(t->vm.fd, KVM_IOEVENTFD, e);
	}
	errno = saved;
	return ret;
}

static int ioevent_addr(struct target *t, uint64_t n)
{
	struct kvm_ioeventfd mem = { .addr = n, .len = 8 };
	struct kvm_ioeventfd pio = { .addr = n, .flags = KVM_IOEVENTFD_FLAG_PIO };

	return ioevent(t, &mem) | ioevent(t, &pio);
}

static int ioevent_len(struct target *t, uint64_t n)
{
	struct kvm_ioeventfd e = { .addr = 0xd0000000, .len = n, .datamatch = n,
				   .flags = KVM_IOEVENTFD_FLAG_DATAMATCH };

	return ioevent(t, &e);
}

static int coalesced(struct target *t, uint64_t n)
{
	struct kvm_coalesced_mmio_zone at = { .addr = n, .size = 4096 }, size = { .addr = 0xd0000000, .size = n },
				       pio = { .addr = n, .size = n >> 8, .pio = n };

	return ioctl(t->vm.fd, KVM_REGISTER_COALESCED_MMIO, &at) |
	       ioctl(t->vm.fd, KVM_REGISTER_COALESCED_MMIO, &size) |
	       ioctl(t->vm.fd, KVM_REGISTER_COALESCED_MMIO, &pio) |
	       ioctl(t->vm.fd, KVM_UNREGISTER_COALESCED_MMIO, &at) |
	       ioctl(t->vm.fd, KVM_UNREGISTER_COALESCED_MMIO, &size) |
	       ioctl(t->vm.fd, KVM_UNREGISTER_COALESCED_MMIO, &pio);
}

static int routes(struct target *t, uint64_t n)
{
	struct { struct kvm_irq_routing h; struct kvm_irq_routing_entry e[2]; } table = {
		.h.nr = n, .e = { { .gsi = n, .type = KVM_IRQ_ROUTING_IRQCHIP,
				    .u.irqchip = { n >> 16, n } },
				  { .gsi = n >> 32, .type = KVM_IRQ_ROUTING_IRQCHIP,
				    .u.irqchip = { 2, n >> 48 } } },
	};
	int ret = ioctl(t->vm.fd, KVM_SET_GSI_ROUTING, &table);

	table.h.nr = 2;
	return ret | ioctl(t->vm.fd, KVM_SET_GSI_ROUTING, &table);
}

static int interrupt(struct target *t, uint64_t n)
{
	struct kvm_interrupt irq = { .irq = n };
	struct kvm_vcpu_events ev;
	int ret = ioctl(t->v->fd, KVM_INTERRUPT, &irq), saved = errno;

	/* IF is 0: it waits, until all of it is forgotten */
	xioctl(t->v->fd, KVM_GET_VCPU_EVENTS, &ev);
	errno = saved;
	return ret;
}

static int mce_setup(struct target *t, uint64_t n)
{
	return ioctl(t->v->fd, KVM_X86_SETUP_MCE, &n);
}

static int mce_bank(struct target *t, uint64_t n)
{
	struct kvm_x86_mce e = { .status = 1ull << 63, .bank = n, .addr = n, .misc = n };

	return ioctl(t->v->fd, KVM_X86_SET_MCE, &e);
}

/* A filter that denies whatever has such numbers; with none again the guest runs as before. */
static int msr_filter(struct target *t, uint64_t n)
{
	static uint8_t none[KVM_MSR_FILTER_MAX_BITMAP_SIZE];
	const struct kvm_msr_filter_range range = { .flags = 3, .nmsrs = n, .base = n >> 32, .bitmap = none };
	struct kvm_msr_filter f = { .flags = n >> 63, .ranges = { range, range } }, off = { .flags = 0 };
	int ret = ioctl(t->vm.fd, KVM_X86_SET_MSR_FILTER, &f), saved = errno;

	xioctl(t->vm.fd, KVM_X86_SET_MSR_FILTER, &off);
	errno = saved;
	return ret;
}

/* --- sizes and counts; the lists end at a page that is not there --- */

static void *at_end(size_t size)
{
	static char *p;

	if (!p) {
		p = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
		if (p == MAP_FAILED || munmap(p + 2 * 4096, 4096))
			_exit(3);
	}
	memset(p, 0, 2 * 4096);
	return p + 2 * 4096 - size;
}

static int counted(int fd, unsigned long cmd, uint32_t n, size_t entry)
{
	uint32_t *list = at_end(8 + entry);
	int ret;

	*list = n;
	ret = ioctl(fd, cmd, list);
	return ret < 0 ? ret : 0;
}

static int lists(struct target *t, uint64_t n)
{
	int dev = kvm_open(), ret = 0;

	ret |= counted(t->v->fd, KVM_GET_MSRS, n, 16);
	ret |= counted(t->v->fd, KVM_SET_MSRS, n, 16);
	ret |= counted(t->v->fd, KVM_GET_CPUID2, n, 40);
	ret |= counted(dev, KVM_GET_SUPPORTED_CPUID, n, 40);
	ret |= counted(dev, KVM_GET_EMULATED_CPUID, n, 40);
	ret |= counted(dev, KVM_GET_MSR_INDEX_LIST, n, 4);
	ret |= counted(dev, KVM_GET_MSR_FEATURE_INDEX_LIST, n, 4);
	ret |= counted(dev, KVM_GET_MSRS, n, 16);
	ret |= counted(t->v->fd, KVM_SET_SIGNAL_MASK, n, 8);
	return ret < 0 ? -1 : 0;
}

static int cpuid(struct target *t, uint64_t n)
{
	struct { struct kvm_cpuid2 h; struct kvm_cpuid_entry2 e[4]; } c = {
		.h.nent = 4, .e = {
			{ .function = 0, .eax = n },
			{ .function = 0xd, .eax = n, .ebx = n, .ecx = n, .flags = 1 },
			{ .function = 0x80000000, .eax = 0x80000008 },
			{ .function = 0x80000008, .eax = n },
		},
	};

	return counted(t->v->fd, KVM_SET_CPUID2, n, 40) | ioctl(t->v->fd, KVM_SET_CPUID2, &c);
}

static int region(struct target *t, struct kvm_userspace_memory_region r)
{
	int ret = ioctl(t->vm.fd, KVM_SET_USER_MEMORY_REGION, &r), saved = errno;

	if (!ret) {
		r.memory_size = 0;
		ioctl(t->vm.fd, KVM_SET_USER_MEMORY_REGION, &r);
	}
	errno = saved;
	return ret;
}

/* What is not a multiple of a page has to fail; what is, is tried too. */
static int memory_size(struct target *t, uint64_t n)
{
	struct kvm_userspace_memory_region r = { .slot = 5, .guest_phys_addr = 1ull << 32,
						 .userspace_addr = 0x100000, .memory_size = n };
	int ret = region(t, r);

	r.memory_size = n & ~4095ull;
	return ret | region(t, r);
}

static int memory_gpa(struct target *t, uint64_t n)
{
	struct kvm_userspace_memory_region r = { .slot = 5, .guest_phys_addr = n & ~4095ull,
						 .userspace_addr = 0x100000, .memory_size = 4096 };
	int ret = region(t, r);

	r.memory_size = 1ull << 40;
	return ret | region(t, r);
}

static int memory_hva(struct target *t, uint64_t n)
{
	struct kvm_userspace_memory_region r = { .slot = 5, .guest_phys_addr = 1ull << 32,
						 .userspace_addr = n & ~4095ull,
						 .memory_size = 8192 };

	return region(t, r);
}

static int memory_slot(struct target *t, uint64_t n)
{
	struct kvm_userspace_memory_region r = { .slot = n, .guest_phys_addr = 1ull << 32,
						 .userspace_addr = 0x100000, .memory_size = 4096 };
	struct kvm_dirty_log log = { .slot = n, .dirty_bitmap = at_end(8) };
	int ret = (uint32_t)n ? region(t, r) : 0;

	return ret | ioctl(t->vm.fd, KVM_GET_DIRTY_LOG, &log);
}

static int clear_log(struct target *t, uint64_t n)
{
	struct kvm_clear_dirty_log slot = { .slot = n, .num_pages = 64, .dirty_bitmap = at_end(8) };
	struct kvm_clear_dirty_log first = { .first_page = n, .num_pages = 64, .dirty_bitmap = at_end(8) };
	struct kvm_clear_dirty_log pages = { .num_pages = n, .dirty_bitmap = at_end(8) };
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { n } };

	vm_slot(&t->vm, 0, KVM_MEM_LOG_DIRTY_PAGES, 0, t->vm.size, t->vm.mem);
	return ioctl(t->vm.fd, KVM_CLEAR_DIRTY_LOG, &slot) | ioctl(t->vm.fd, KVM_CLEAR_DIRTY_LOG, &first) |
	       ioctl(t->vm.fd, KVM_CLEAR_DIRTY_LOG, &pages) | ioctl(t->vm.fd, KVM_ENABLE_CAP, &cap);
}

static int pre_fault(struct target *t, uint64_t n)
{
	struct kvm_pre_fault_memory at = { .gpa = n, .size = 4096 }, size = { .size = n & ~4095ull },
				    flags = { .size = 4096, .flags = n };
	int ret = ioctl(t->v->fd, KVM_PRE_FAULT_MEMORY, &at) | ioctl(t->v->fd, KVM_PRE_FAULT_MEMORY, &size) |
		  ioctl(t->v->fd, KVM_PRE_FAULT_MEMORY, &flags) | ioctl(t->vm.fd, KVM_SET_NR_MMU_PAGES, n);

	/* without EPT, or on a KVM that has none of it */
	if (ret && (errno == EOPNOTSUPP || errno == ENOTTY))
		errno = EINVAL;
	return ret;
}

static int vcpu_id(struct target *t, uint64_t n)
{
	int fd = ioctl(t->vm.fd, KVM_CREATE_VCPU, n);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static int vm_numbers(struct target *t, uint64_t n)
{
	int dev = kvm_open(), fd = ioctl(dev, KVM_CREATE_VM, n), ret = 0;

	(void)t;
	if (fd < 0)
		fd = xioctl(dev, KVM_CREATE_VM, 0);
	ret |= ioctl(fd, KVM_SET_TSS_ADDR, n);
	ret |= ioctl(fd, KVM_SET_IDENTITY_MAP_ADDR, &n);
	ret |= ioctl(fd, KVM_SET_BOOT_CPU_ID, n);
	if (ioctl(dev, KVM_CHECK_EXTENSION, n) < 0 || ioctl(fd, KVM_CHECK_EXTENSION, n) < 0)
		ret = -1;
	close(fd);
	return ret;
}

static int capability(struct target *t, uint64_t n)
{
	static const uint32_t caps[] = {
		KVM_CAP_X86_DISABLE_EXITS, KVM_CAP_DIRTY_LOG_RING, KVM_CAP_X86_USER_SPACE_MSR,
		KVM_CAP_EXIT_ON_EMULATION_FAILURE, KVM_CAP_X86_BUS_LOCK_EXIT, KVM_CAP_X86_NOTIFY_VMEXIT,
	};
	struct kvm_enable_cap one = { .cap = n, .args = { n, n, n, n } };
	struct kvm_enable_cap flags = { .cap = KVM_CAP_X86_DISABLE_EXITS, .flags = n };
	int ret = ioctl(t->vm.fd, KVM_ENABLE_CAP, &one) | ioctl(t->vm.fd, KVM_ENABLE_CAP, &flags);
	unsigned int i;

	for (i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		struct kvm_enable_cap c = { .cap = caps[i], .args = { n } };

		ret |= ioctl(t->vm.fd, KVM_ENABLE_CAP, &c);
	}
	return ret;
}

static int attributes(struct target *t, uint64_t n)
{
	struct kvm_device_attr offset = { .addr = (uintptr_t)&n }, group = { .group = n }, which = { .attr = n },
			       addr = { .addr = n };
	int ret = ioctl(t->v->fd, KVM_SET_DEVICE_ATTR, &offset);

	ret |= ioctl(t->v->fd, KVM_GET_DEVICE_ATTR, &addr) | ioctl(t->v->fd, KVM_SET_DEVICE_ATTR, &addr) |
	       ioctl(kvm_open(), KVM_GET_DEVICE_ATTR, &addr);
	ret |= ioctl(t->v->fd, KVM_HAS_DEVICE_ATTR, &group) | ioctl(t->v->fd, KVM_HAS_DEVICE_ATTR, &which) |
	       ioctl(kvm_open(), KVM_HAS_DEVICE_ATTR, &group) | ioctl(kvm_open(), KVM_HAS_DEVICE_ATTR, &which);
	return ret;
}

static int synced(struct target *t, uint64_t n)
{
	struct kvm_run *run = t->v->run;
	struct kvm_vcpu_events was;
	struct kvm_sregs sregs;
	int ret;

	xioctl(t->v->fd, KVM_GET_VCPU_EVENTS, &was);
	xioctl(t->v->fd, KVM_GET_SREGS, &sregs);
	run->immediate_exit = 1;
	memset(&run->s.regs, n, sizeof(run->s.regs));
	run->s.regs.events.flags = n;
	run->s.regs.events.exception.nr = n;
	run->kvm_valid_regs = n;
	run->kvm_dirty_regs = n;
	ret = ioctl(t->v->fd, KVM_RUN, 0);
	run->kvm_dirty_regs = n & KVM_SYNC_X86_VALID_FIELDS;
	run->kvm_valid_regs = KVM_SYNC_X86_VALID_FIELDS;
	ret |= ioctl(t->v->fd, KVM_RUN, 0);
	run->kvm_valid_regs = run->kvm_dirty_regs = 0;
	run->immediate_exit = 0;
	xioctl(t->v->fd, KVM_SET_SREGS, &sregs);
	xioctl(t->v->fd, KVM_SET_VCPU_EVENTS, &was);
	/* nothing was run */
	if (errno == EINTR)
		errno = EINVAL;
	return ret;
}

static int chip_id(struct target *t, uint64_t n)
{
	struct kvm_irqchip chip = { .chip_id = n };
	int ret = ioctl(t->vm.fd, KVM_GET_IRQCHIP, &chip);

	/* what was got is put back */
	return ret ? ret | ioctl(t->vm.fd, KVM_SET_IRQCHIP, &chip) : ioctl(t->vm.fd, KVM_SET_IRQCHIP, &chip);
}

static int pit_flags(struct target *t, uint64_t n)
{
	struct kvm_pit_config config = { .flags = n };
	struct kvm_pit_state2 ps;

	xioctl(t->vm.fd, KVM_GET_PIT2, &ps);
	ps.flags = n;
	return ioctl(t->vm.fd, KVM_CREATE_PIT2, &config) | ioctl(t->vm.fd, KVM_SET_PIT2, &ps);
}

/* --- indexes, counts and addresses of a vCPU --- */

static int xcrs(struct target *t, uint64_t n)
{
	struct kvm_xcrs x, was;
	int ret;

	/* not all processors have it */
	if (ioctl(t->v->fd, KVM_GET_XCRS, &was))
		return 0;
	x = was;
	x.nr_xcrs = n;
	ret = ioctl(t->v->fd, KVM_SET_XCRS, &x);
	x = was;
	x.xcrs[0].xcr = n;
	ret |= ioctl(t->v->fd, KVM_SET_XCRS, &x);
	x = was;
	x.xcrs[0].value = n;
	ret |= ioctl(t->v->fd, KVM_SET_XCRS, &x);
	xioctl(t->v->fd, KVM_SET_XCRS, &was);	/* errno stays */
	return ret;
}

static int mp_state(struct target *t, uint64_t n)
{
	struct kvm_mp_state mp = { .mp_state = n };

	return ioctl(t->v->fd, KVM_SET_MP_STATE, &mp);
}

/* Vectors, and what says which of them are valid; all of it is taken back. */
static int events(struct target *t, uint64_t n)
{
	struct kvm_vcpu_events e, was;
	int ret = 0;

	xioctl(t->v->fd, KVM_GET_VCPU_EVENTS, &was);
	e = was;
	e.flags = n;
	ret |= ioctl(t->v->fd, KVM_SET_VCPU_EVENTS, &e);
	e = was;
	e.exception.injected = 1;
	e.exception.nr = n;
	e.exception.error_code = n;
	ret |= ioctl(t->v->fd, KVM_SET_VCPU_EVENTS, &e);
	e = was;
	e.interrupt.injected = n;
	e.interrupt.nr = n;
	e.interrupt.shadow = n;
	e.nmi.injected = n;
	ret |= ioctl(t->v->fd, KVM_SET_VCPU_EVENTS, &e);
	e = was;
	e.sipi_vector = n;
	e.flags = KVM_VCPUEVENT_VALID_SIPI_VECTOR;
	ret |= ioctl(t->v->fd, KVM_SET_VCPU_EVENTS, &e);
	xioctl(t->v->fd, KVM_SET_VCPU_EVENTS, &was);	/* errno stays */
	return ret;
}

static int addresses(struct target *t, uint64_t n)
{
	struct kvm_translation tr = { .linear_address = n };
	struct kvm_vapic_addr va = { .vapic_addr = n };

	return ioctl(t->v->fd, KVM_TRANSLATE, &tr) | ioctl(t->v->fd, KVM_SET_VAPIC_ADDR, &va);
}

/* --- MSRs, by the VMM and by the guest --- */

static uint32_t *msr_list(unsigned int *n)
{
	struct kvm_msr_list *l = calloc(1, sizeof(*l) + 1024 * 4);
	int dev = kvm_open();
	unsigned int i;

	l->nmsrs = 900;
	xioctl(dev, KVM_GET_MSR_INDEX_LIST, l);
	l->indices[l->nmsrs++] = MSR_DEADLINE;
	for (i = 0x800; i < 0x840; i++)
		l->indices[l->nmsrs++] = i;
	*n = l->nmsrs;
	return l->indices;
}

static void msrs(struct tap_result *r, const void *arg)
{
	struct target t;
	unsigned int n, i, j;
	uint32_t *list = msr_list(&n);

	(void)arg;
	target_new(&t, VM_IRQCHIP);
	set_lapic(&t, 2, 0x380, 0);
	for (i = 0; i < n; i++)
		for (j = 0; j < sizeof(numbers) / sizeof(numbers[0]); j++) {
			t.msr = list[i];
			if (set_msr(&t, numbers[j]) && !clean(errno))
				tap_fail(r, "MSR %#x = %#llx: %s", list[i],
					 (unsigned long long)numbers[j], strerror(errno));
			if (!runs(&t))
				tap_fail(r, "MSR %#x = %#llx: the guest does not run", list[i],
					 (unsigned long long)numbers[j]);
		}
	target_free(&t);
}

/* The guest's own WRMSR: done, or #GP. */
static void guest_msrs(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = { 0x0f, 0x30, 0x0f, 0x31, 0xe6, 0x10 };
	bool x2apic = arg;
	struct kvm_regs regs = { 0 };
	struct target t;
	unsigned int n, i, j;
	uint32_t *list = msr_list(&n);
	int port;

	target_new(&t, VM_IRQCHIP);
	for (i = 0; i < n; i++)
		for (j = 0; j < sizeof(numbers) / sizeof(numbers[0]); j++) {
			/* kvmclock may have been written anywhere */
			vm_build_tables(&t.vm);
			gate(&t.vm, 13, CODE + 0x100);
			memcpy(t.vm.mem + CODE + 0x100, (uint8_t[]){ 0xe6, 0x11 }, 2);
			t.msr = 0x1b;
			set_msr(&t, x2apic ? 0xfee00d00 : 0xfee00900);
			set_lapic(&t, 2, 0x380, 0);
			regs.rcx = list[i];
			regs.rax = (uint32_t)numbers[j];
			regs.rdx = numbers[j] >> 32;
			port = run(&t, code, sizeof(code), &regs);
			/* an INIT that it sent itself is taken, and its code is not there */
			if (port != 0x10 && port != 0x11 && list[i] != 0x830)
				tap_fail(r, "WRMSR %#x = %#llx: exit %s, port %d", list[i],
					 (unsigned long long)numbers[j],
					 exit_name(t.v->run->exit_reason), port);
		}
	target_free(&t);
}

static const struct field fields[] = {
	{ "hostile-tsc-khz", vcpu_tsc_khz, VM_IRQCHIP },
	{ "hostile-tsc-khz-vm", vm_tsc_khz, VM_IRQCHIP },
	{ "hostile-clock", set_clock, 0 },
	{ "hostile-clock-realtime", set_clock_realtime, 0 },
	{ "hostile-lapic-timer", lapic_timer, VM_IRQCHIP },
	{ "hostile-deadline", deadline, VM_IRQCHIP },
	{ "hostile-pit", pit, VM_IRQCHIP | VM_PIT },
	{ "hostile-irq-line", irq_line, VM_IRQCHIP },
	{ "hostile-msi", msi, VM_IRQCHIP },
	{ "hostile-irqfd", irqfd, VM_IRQCHIP },
	{ "hostile-ioeventfd-address", ioevent_addr, 0 },
	{ "hostile-ioeventfd-length", ioevent_len, 0 },
	{ "hostile-coalesced", coalesced, VM_IRQCHIP },
	{ "hostile-routes", routes, VM_IRQCHIP },
	{ "hostile-interrupt", interrupt, 0 },
	{ "hostile-mce-setup", mce_setup, 0 },
	{ "hostile-msr-filter", msr_filter, 0 },
	{ "hostile-mce-bank", mce_bank, 0 },
	{ "hostile-lists", lists, 0 },
	{ "hostile-cpuid", cpuid, VM_IRQCHIP },
	{ "hostile-memory-size", memory_size, 0 },
	{ "hostile-memory-gpa", memory_gpa, 0 },
	{ "hostile-memory-hva", memory_hva, 0 },
	{ "hostile-memory-slot", memory_slot, 0 },
	{ "hostile-clear-log", clear_log, 0 },
	{ "hostile-pre-fault", pre_fault, 0 },
	{ "hostile-vcpu-id", vcpu_id, VM_IRQCHIP },
	{ "hostile-vm", vm_numbers, 0 },
	{ "hostile-capability", capability, VM_IRQCHIP },
	{ "hostile-attributes", attributes, 0 },
	{ "hostile-sync-regs", synced, VM_IRQCHIP },
	{ "hostile-chip-id", chip_id, VM_IRQCHIP },
	{ "hostile-pit-flags", pit_flags, VM_IRQCHIP | VM_PIT },
	{ "hostile-xcrs", xcrs, 0 },
	{ "hostile-mp-state", mp_state, VM_IRQCHIP },
	{ "hostile-events", events, VM_IRQCHIP },
	{ "hostile-addresses", addresses, VM_IRQCHIP },
};

struct test_case hostile_cases[sizeof(fields) / sizeof(fields[0]) + 4] = {
	{ "hostile-msrs", msrs, NULL },
	{ "hostile-guest-msrs", guest_msrs, NULL },
	{ "hostile-guest-msrs-x2apic", guest_msrs, "x2apic" },
};

/* Names come from the table above. */
static void __attribute__((constructor)) fill(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		hostile_cases[i + 3] = (struct test_case){ fields[i].name, field, &fields[i] };
}
