// SPDX-License-Identifier: GPL-2.0-only
/* What single cases need of the host. */
#include <errno.h>
#include <string.h>

#include "harness.h"

static bool hlt_exit(struct ctx *c, struct vcpu *v)
{
	if (v->run->exit_reason != KVM_EXIT_HLT)
		return false;
	*(uint32_t *)(c->vm.mem + DATA) = 1;
	return true;
}

/* A task that is in no memory: the run ends, and says so. */
static bool task_device_exit(struct ctx *c, struct vcpu *v)
{
	if (v->run->exit_reason != KVM_EXIT_INTERNAL_ERROR)
		return false;
	ctx_end(c);
	return true;
}

static bool set_tpr_exit(struct ctx *c, struct vcpu *v)
{
	(void)c;
	return v->run->exit_reason == KVM_EXIT_SET_TPR;
}

static void mmio_real_setup(struct ctx *c)
{
	struct kvm_sregs s;

	xioctl(c->vm.vcpu[0].fd, KVM_GET_SREGS, &s);
	s.es.base = MMIO_BASE;
	xioctl(c->vm.vcpu[0].fd, KVM_SET_SREGS, &s);
}

/* A port that is nobody's. */
static bool pio_imm_exit(struct ctx *c, struct vcpu *v)
{
	(void)c;
	return v->run->exit_reason == KVM_EXIT_IO && v->run->io.port == 0xf0;
}

#define XMM1	0x1122334455667788ull
#define XMM2	0x8877665544332211ull

static bool fpu_userspace_exit(struct ctx *c, struct vcpu *v)
{
	static unsigned int exits;
	uint64_t value = XMM1;
	struct kvm_fpu f;

	if (!pio_imm_exit(c, v))
		return false;
	xioctl(v->fd, KVM_GET_FPU, &f);
	if (!exits++) {
		memcpy(f.xmm[1], &value, 8);
		xioctl(v->fd, KVM_SET_FPU, &f);
		return true;
	}
	memcpy(&value, f.xmm[2], 8);
	if (value != XMM2)
		tap_fail(c->result, "KVM_GET_FPU has %#llx in XMM2",
			 (unsigned long long)value);
	return true;
}

/* VMs that share the host's CPUs keep their registers to themselves. */
#define FPU_VMS	3

static void *fpu_thread(void *arg)
{
	ctx_run(arg);
	return NULL;
}

static void fpu_vms(struct tap_result *r)
{
	static struct ctx c[FPU_VMS];
	pthread_t t[FPU_VMS];
	unsigned int i;

	for (i = 0; i < FPU_VMS; i++) {
		ctx_create(&c[i], guest_find("fpu-pattern"), r);
		*guest_u64(&c[i], PARAM) = 0x1111111111111111ull * (i + 1);
		pthread_create(&t[i], NULL, fpu_thread, &c[i]);
	}
	for (i = 0; i < FPU_VMS; i++) {
		pthread_join(t[i], NULL);
		ctx_destroy(&c[i]);
	}
}

/* The guest's device that ctx_handle() does not know: 1, 2, 3, 4. */
static bool odd_device(struct vcpu *v)
{
	static const uint8_t bytes[8] = { 1, 2, 3, 4 };
	struct kvm_run *run = v->run;

	if (run->exit_reason != KVM_EXIT_MMIO || run->mmio.is_write ||
	    run->mmio.phys_addr != MMIO_BASE + 0x10000)
		return false;
	memcpy(run->mmio.data, bytes, run->mmio.len);
	return true;
}

/* As another thread of the guest might while the instruction waits for its answer. */
static bool rewrite_exit(struct ctx *c, struct vcpu *v)
{
	struct kvm_regs r;

	if (!odd_device(v))
		return false;
	xioctl(v->fd, KVM_GET_REGS, &r);
	c->vm.mem[r.rip] = 0x8a;
	return true;
}

static bool remap_exit(struct ctx *c, struct vcpu *v)
{
	if (!odd_device(v))
		return false;
	*guest_u64(c, DATA) = MMIO_BASE | 7;
	return true;
}

/* Is what @what says of the last accesses to DATA + 0x8000 and on in the log, page by page? */
static void rom_logged(struct ctx *c, const char *want)
{
	static uint64_t bits[RAM_SIZE / 4096 / 64];
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = bits };
	unsigned int i, page;

	xioctl(c->vm.fd, KVM_GET_DIRTY_LOG, &log);
	for (i = 0; want[i]; i++) {
		page = (DATA + 0x8000) / 4096 + i;
		if ((bits[page / 64] >> page % 64 & 1) != (want[i] == 'w'))
			tap_fail(c->result, "page %u of \"%s\" is wrong in the log", i, want);
	}
}

/* The guest asks for a log, goes over to tables in read-only memory, and asks how the log goes on. */
static bool rom_tables_log_exit(struct ctx *c, struct vcpu *v)
{
	static const char *const want[] = { "-www--", "--ww--", "-wr-ww" };
	static unsigned int exits;

	if (!pio_imm_exit(c, v))
		return false;
	if (!exits)
		vm_slot(&c->vm, 0, KVM_MEM_LOG_DIRTY_PAGES, 0, RAM_SIZE, c->vm.mem);
	else if (exits <= 3)
		rom_logged(c, want[exits - 1]);
	exits++;
	return true;
}

/* What CPUID of leaf @function does not say any more. */
static void cpuid_clear(struct ctx *c, uint32_t function, uint32_t index, uint32_t eax, uint32_t ebx,
			uint32_t ecx, uint32_t edx)
{
	static struct {
		struct kvm_cpuid2 list;
		struct kvm_cpuid_entry2 entry[256];
	} id;
	unsigned int i;

	id.list.nent = 256;
	xioctl(c->vm.vcpu[0].fd, KVM_GET_CPUID2, &id);
	for (i = 0; i < id.list.nent; i++) {
		struct kvm_cpuid_entry2 *e = &id.entry[i];

		if (e->function != function || e->index != index)
			continue;
		e->eax &= ~eax;
		e->ebx &= ~ebx;
		e->ecx &= ~ecx;
		e->edx &= ~edx;
	}
	xioctl(c->vm.vcpu[0].fd, KVM_SET_CPUID2, &id);
}

/* RDRAND; INVPCID, RDSEED, RDPID; RDTSCP */
static void hidden_setup(struct ctx *c)
{
	cpuid_clear(c, 1, 0, 0, 0, 1u << 30, 0);
	cpuid_clear(c, 7, 0, 0, 1u << 10 | 1u << 18, 1u << 22, 0);
	cpuid_clear(c, 0x80000001, 0, 0, 0, 0, 1u << 27);
}

/* Once it has run, a vCPU's CPUID is what it is: another list is refused, the same one is not. */
static bool hidden_stays_exit(struct ctx *c, struct vcpu *v)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[128];
	} id = { .head.nent = 128 };

	if (!pio_imm_exit(c, v) || ioctl(v->fd, KVM_GET_CPUID2, &id) || ioctl(v->fd, KVM_SET_CPUID2, &id))
		return false;
	id.e[0].ebx ^= 1;
	if (!ioctl(v->fd, KVM_SET_CPUID2, &id) || errno != EINVAL)
		return false;
	id.e[0].ebx ^= 1;
	id.head.nent--;
	return ioctl(v->fd, KVM_SET_CPUID2, &id) && errno == EINVAL;
}

static void hidden_xsaves_setup(struct ctx *c)
{
	cpuid_clear(c, 0xd, 1, 1u << 3, 0, 0, 0);
}

/* SSE3, SSSE3, SSE4, MOVBE, POPCNT; BMI1, BMI2, ADX; LZCNT */
static void operand_hidden_setup(struct ctx *c)
{
	cpuid_clear(c, 1, 0, 0, 0, 1u << 0 | 1u << 9 | 1u << 19 | 1u << 20 | 1u << 22 | 1u << 23, 0);
	cpuid_clear(c, 7, 0, 0, 1u << 3 | 1u << 8 | 1u << 19, 0, 0);
	cpuid_clear(c, 0x80000001, 0, 0, 0, 1u << 5, 0);
}

const struct hook hooks[] = {
	{ "operand-hidden", operand_hidden_setup, NULL },
	{ "hidden-instructions", hidden_setup, NULL },
	{ "hidden-stays", hidden_setup, hidden_stays_exit },
	{ "hidden-xsaves", hidden_xsaves_setup, NULL },
	{ "rom-tables-log", NULL, rom_tables_log_exit },
	{ "hlt-exit", NULL, hlt_exit },
	{ "task-device", NULL, task_device_exit },
	{ "cr8-no-irqchip", NULL, set_tpr_exit },
	{ "mmio-real", mmio_real_setup, NULL },
	{ "operand-real", mmio_real_setup, NULL },
	{ "pio-imm", NULL, pio_imm_exit },
	{ "fpu-userspace", NULL, fpu_userspace_exit },
	{ "fpu-pattern", NULL, pio_imm_exit },
	{ "mmio-rewritten", NULL, rewrite_exit },
	{ "user-mmio-rewritten", NULL, rewrite_exit },
	{ "mmio-remapped", NULL, remap_exit },
	{ "user-mmio-remapped", NULL, remap_exit },
	{ NULL, NULL, NULL }
};

const struct host_case host_cases[] = {
	{ "fpu-vms", fpu_vms },
	{ NULL, NULL }
};
