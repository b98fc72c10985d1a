// SPDX-License-Identifier: GPL-2.0-only
/* The system file descriptor: what /dev/vh itself answers. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"

static void api_version(struct tap_result *r, const void *arg)
{
	(void)arg;
	if (ioctl(kvm_open(), KVM_GET_API_VERSION, 0) != 12)
		tap_fail(r, "not 12");
	want_errno(r, ioctl(kvm_open(), KVM_GET_API_VERSION, 1), EINVAL,
		   "argument 1");
}

static void mmap_size(struct tap_result *r, const void *arg)
{
	long size = ioctl(kvm_open(), KVM_GET_VCPU_MMAP_SIZE, 0);

	(void)arg;
	if (size < (long)sizeof(struct kvm_run) || size % 4096)
		tap_fail(r, "size %ld", size);
	want_errno(r, ioctl(kvm_open(), KVM_GET_VCPU_MMAP_SIZE, 1), EINVAL,
		   "argument 1");
}

static void create_vm(struct tap_result *r, const void *arg)
{
	int fd = ioctl(kvm_open(), KVM_CREATE_VM, 0);

	(void)arg;
	if (want_ok(r, fd, "type 0"))
		close(fd);
	want_errno(r, ioctl(kvm_open(), KVM_CREATE_VM, 12345), EINVAL,
		   "type 12345");
	want_errno(r, ioctl(kvm_open(), KVM_CREATE_VM, -1ul), EINVAL,
		   "type -1");
}

static void check_extension(struct tap_result *r, const void *arg)
{
	static const struct {
		int cap;
		const char *name;
	} needed[] = {
		{ KVM_CAP_IRQCHIP, "IRQCHIP" },
		{ KVM_CAP_HLT, "HLT" },
		{ KVM_CAP_USER_MEMORY, "USER_MEMORY" },
		{ KVM_CAP_SET_TSS_ADDR, "SET_TSS_ADDR" },
		{ KVM_CAP_EXT_CPUID, "EXT_CPUID" },
		{ KVM_CAP_NR_VCPUS, "NR_VCPUS" },
		{ KVM_CAP_MAX_VCPUS, "MAX_VCPUS" },
		{ KVM_CAP_NR_MEMSLOTS, "NR_MEMSLOTS" },
		{ KVM_CAP_PIT2, "PIT2" },
		{ KVM_CAP_PIT_STATE2, "PIT_STATE2" },
		{ KVM_CAP_MP_STATE, "MP_STATE" },
		{ KVM_CAP_SYNC_MMU, "SYNC_MMU" },
		{ KVM_CAP_DESTROY_MEMORY_REGION_WORKS, "DESTROY_MEMORY_REGION_WORKS" },
		{ KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, "JOIN_MEMORY_REGIONS_WORKS" },
		{ KVM_CAP_USER_NMI, "USER_NMI" },
		{ KVM_CAP_IRQ_ROUTING, "IRQ_ROUTING" },
		{ KVM_CAP_IRQFD, "IRQFD" },
		{ KVM_CAP_IOEVENTFD, "IOEVENTFD" },
		{ KVM_CAP_SET_IDENTITY_MAP_ADDR, "SET_IDENTITY_MAP_ADDR" },
		{ KVM_CAP_ADJUST_CLOCK, "ADJUST_CLOCK" },
		{ KVM_CAP_VCPU_EVENTS, "VCPU_EVENTS" },
		{ KVM_CAP_DEBUGREGS, "DEBUGREGS" },
		{ KVM_CAP_XSAVE, "XSAVE" },
		{ KVM_CAP_READONLY_MEM, "READONLY_MEM" },
		{ KVM_CAP_SIGNAL_MSI, "SIGNAL_MSI" },
		{ KVM_CAP_IMMEDIATE_EXIT, "IMMEDIATE_EXIT" },
		{ KVM_CAP_GET_TSC_KHZ, "GET_TSC_KHZ" },
		{ KVM_CAP_TSC_DEADLINE_TIMER, "TSC_DEADLINE_TIMER" },
		{ KVM_CAP_CHECK_EXTENSION_VM, "CHECK_EXTENSION_VM" },
		{ KVM_CAP_INTERNAL_ERROR_DATA, "INTERNAL_ERROR_DATA" },
		{ KVM_CAP_GET_MSR_FEATURES, "GET_MSR_FEATURES" },
		{ KVM_CAP_MAX_VCPU_ID, "MAX_VCPU_ID" },
	};
	unsigned int i;
	struct vm vm;

	(void)arg;
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (kvm_cap(needed[i].cap) <= 0)
			tap_fail(r, "KVM_CAP_%s is missing", needed[i].name);
	if (kvm_cap(99999) != 0)
		tap_fail(r, "capability 99999 is reported");
	if (kvm_cap(KVM_CAP_MAX_VCPUS) < 64)
		tap_fail(r, "fewer than 64 vCPUs");
	vm_create(&vm, 1 << 20, 0);
	if (ioctl(vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP) <= 0)
		tap_fail(r, "the VM's answer differs");
}

/* What is reported works; what works is reported. */
static void capabilities(struct tap_result *r, const void *arg)
{
	enum { SYSTEM, VM, VCPU };
	static const struct {
		int cap, on;
		unsigned long req;
		const char *name;
	} t[] = {
		{ KVM_CAP_MP_STATE, VCPU, KVM_GET_MP_STATE, "KVM_GET_MP_STATE" },
		{ KVM_CAP_VCPU_EVENTS, VCPU, KVM_GET_VCPU_EVENTS, "KVM_GET_VCPU_EVENTS" },
		{ KVM_CAP_DEBUGREGS, VCPU, KVM_GET_DEBUGREGS, "KVM_GET_DEBUGREGS" },
		{ KVM_CAP_XSAVE, VCPU, KVM_GET_XSAVE, "KVM_GET_XSAVE" },
		{ KVM_CAP_XSAVE2, VCPU, KVM_GET_XSAVE2, "KVM_GET_XSAVE2" },
		{ KVM_CAP_XCRS, VCPU, KVM_GET_XCRS, "KVM_GET_XCRS" },
		{ KVM_CAP_SREGS2, VCPU, KVM_GET_SREGS2, "KVM_GET_SREGS2" },
		{ KVM_CAP_VCPU_ATTRIBUTES, VCPU, KVM_HAS_DEVICE_ATTR, "KVM_HAS_DEVICE_ATTR (vCPU)" },
		{ KVM_CAP_VM_ATTRIBUTES, VM, KVM_HAS_DEVICE_ATTR, "KVM_HAS_DEVICE_ATTR (VM)" },
		{ KVM_CAP_SYS_ATTRIBUTES, SYSTEM, KVM_HAS_DEVICE_ATTR, "KVM_HAS_DEVICE_ATTR" },
		{ KVM_CAP_REINJECT_CONTROL, VM, KVM_REINJECT_CONTROL, "KVM_REINJECT_CONTROL" },
		{ KVM_CAP_X86_SMM, VCPU, KVM_SMI, "KVM_SMI" },
		{ KVM_CAP_USER_NMI, VCPU, KVM_NMI, "KVM_NMI" },
		{ KVM_CAP_HYPERV_CPUID, VCPU, KVM_GET_SUPPORTED_HV_CPUID,
		  "KVM_GET_SUPPORTED_HV_CPUID" },
		{ KVM_CAP_PIT_STATE2, VM, KVM_GET_PIT2, "KVM_GET_PIT2" },
		{ KVM_CAP_ADJUST_CLOCK, VM, KVM_GET_CLOCK, "KVM_GET_CLOCK" },
		{ KVM_CAP_IRQ_INJECT_STATUS, VM, KVM_IRQ_LINE_STATUS,
		  "KVM_IRQ_LINE_STATUS" },
		{ KVM_CAP_IRQ_ROUTING, VM, KVM_SET_GSI_ROUTING,
		  "KVM_SET_GSI_ROUTING" },
		{ KVM_CAP_X86_MSR_FILTER, VM, KVM_X86_SET_MSR_FILTER, "KVM_X86_SET_MSR_FILTER" },
		{ KVM_CAP_BINARY_STATS_FD, VM, KVM_GET_STATS_FD, "KVM_GET_STATS_FD of a VM" },
		{ KVM_CAP_BINARY_STATS_FD, VCPU, KVM_GET_STATS_FD, "KVM_GET_STATS_FD" },
		{ KVM_CAP_DEVICE_CTRL, VM, KVM_CREATE_DEVICE, "KVM_CREATE_DEVICE" },
		{ KVM_CAP_EXT_CPUID, SYSTEM, KVM_GET_SUPPORTED_CPUID,
		  "KVM_GET_SUPPORTED_CPUID" },
		{ KVM_CAP_EXT_EMUL_CPUID, SYSTEM, KVM_GET_EMULATED_CPUID,
		  "KVM_GET_EMULATED_CPUID" },
		{ KVM_CAP_GET_MSR_FEATURES, SYSTEM, KVM_GET_MSRS, "KVM_GET_MSRS" },
		{ KVM_CAP_MCE, SYSTEM, KVM_X86_GET_MCE_CAP_SUPPORTED,
		  "KVM_X86_GET_MCE_CAP_SUPPORTED" },
	};
	static uint8_t buf[65536];
	unsigned int i;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, VM_IRQCHIP | VM_PIT);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		int fd = t[i].on == SYSTEM ? kvm_open() :
			 t[i].on == VM ? vm.fd : v->fd;
		bool plain = _IOC_SIZE(t[i].req) == 0 && t[i].req != KVM_REINJECT_CONTROL;
		bool reported = ioctl(vm.fd, KVM_CHECK_EXTENSION, t[i].cap) > 0;
		int ret;

		memset(buf, 0, sizeof(buf));
		if (t[i].req == KVM_GET_SUPPORTED_CPUID ||
		    t[i].req == KVM_GET_SUPPORTED_HV_CPUID ||
		    t[i].req == KVM_GET_EMULATED_CPUID)
			buf[0] = 200;
		ret = ioctl(fd, t[i].req, plain ? 0 : (uintptr_t)buf);
		if (reported && ret < 0 && (errno == ENOTTY || errno == EINVAL))
			tap_fail(r, "%s is reported but gives %s", t[i].name,
				 strerror(errno));
		if (!reported && ret >= 0 && t[i].cap != KVM_CAP_XCRS)
			tap_fail(r, "%s works but is not reported", t[i].name);
	}
}

static void supported_cpuid(struct tap_result *r, const void *arg)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 512 * sizeof(c->entries[0]));
	unsigned int i;

	(void)arg;
	c->nent = 1;
	want_errno(r, ioctl(kvm_open(), KVM_GET_SUPPORTED_CPUID, c), E2BIG,
		   "room for one entry");
	c->nent = 256;
	want_ok(r, ioctl(kvm_open(), KVM_GET_SUPPORTED_CPUID, c), "256");
	if (c->nent < 5 || c->nent > 256)
		tap_fail(r, "%u entries", c->nent);
	/* it is there with an in-kernel irqchip only, which has a capability for it */
	for (i = 0; i < c->nent; i++)
		if (c->entries[i].function == 1 && (c->entries[i].ecx & 1u << 24))
			tap_fail(r, "the timer's TSC-deadline mode is in the list");
	want_errno(r, ioctl(kvm_open(), KVM_GET_SUPPORTED_CPUID, BAD_POINTER),
		   EFAULT, "bad pointer");
	want_errno(r, ioctl(kvm_open(), KVM_GET_SUPPORTED_CPUID,
			    KERNEL_POINTER), EFAULT, "the kernel's memory");
	c->nent = 0;
	want_errno(r, ioctl(kvm_open(), KVM_GET_SUPPORTED_CPUID, c), E2BIG,
		   "room for none");
}

static void index_list(struct tap_result *r, unsigned long req)
{
	struct kvm_msr_list *l = calloc(1, sizeof(*l) + 1000 * 4);
	unsigned int n;

	want_errno(r, ioctl(kvm_open(), req, l), E2BIG, "room for none");
	n = l->nmsrs;
	if (!n || n > 1000) {
		tap_fail(r, "the number needed is given as %u", n);
		return;
	}
	want_ok(r, ioctl(kvm_open(), req, l), "with that number");
	if (l->nmsrs != n)
		tap_fail(r, "%u then %u entries", n, l->nmsrs);
	want_errno(r, ioctl(kvm_open(), req, BAD_POINTER), EFAULT,
		   "bad pointer");
}

static void msr_index_list(struct tap_result *r, const void *arg)
{
	(void)arg;
	index_list(r, KVM_GET_MSR_INDEX_LIST);
}

static void msr_feature_list(struct tap_result *r, const void *arg)
{
	struct {
		struct kvm_msrs h;
		struct kvm_msr_entry e[1];
	} m = { .h = { .nmsrs = 1 } };
	struct kvm_msr_list *l = calloc(1, sizeof(*l) + 1000 * 4);
	unsigned int i;

	(void)arg;
	index_list(r, KVM_GET_MSR_FEATURE_INDEX_LIST);
	l->nmsrs = 1000;
	xioctl(kvm_open(), KVM_GET_MSR_FEATURE_INDEX_LIST, l);
	for (i = 0; i < l->nmsrs; i++) {
		m.e[0].index = l->indices[i];
		if (ioctl(kvm_open(), KVM_GET_MSRS, &m) != 1)
			tap_fail(r, "feature MSR %#x cannot be read",
				 l->indices[i]);
	}
	m.e[0].index = 0x12345678;
	if (ioctl(kvm_open(), KVM_GET_MSRS, &m) == 1)
		tap_fail(r, "an unknown feature MSR can be read");
	m.h.nmsrs = 0xffffffff;
	want_errno(r, ioctl(kvm_open(), KVM_GET_MSRS, &m), E2BIG,
		   "2^32-1 MSRs");
}

static void system_unknown(struct tap_result *r, const void *arg)
{
	char c[64];

	(void)arg;
	want_either(r, ioctl(kvm_open(), UNKNOWN_IOCTL, 0), EINVAL, ENOTTY,
		    "unknown ioctl");
	want_either(r, ioctl(kvm_open(), KVM_RUN, 0), EINVAL, ENOTTY,
		    "KVM_RUN on the system's");
	want_either(r, ioctl(kvm_open(), KVM_CREATE_VCPU, 0), EINVAL, ENOTTY,
		    "KVM_CREATE_VCPU on the system's");
	want_either(r, read(kvm_open(), c, sizeof(c)), EINVAL, EBADF, "read");
	want_either(r, write(kvm_open(), c, sizeof(c)), EINVAL, EBADF,
		    "write");
	if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, kvm_open(), 0) !=
	    MAP_FAILED)
		tap_fail(r, "mmap works");
}

/* A VM belongs to the process that made it. */
static void other_process(struct tap_result *r, const void *arg)
{
	struct kvm_regs regs;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, VM_IRQCHIP);
	if (!fork()) {
		uint64_t zero = 0;

		want_errno(r, ioctl(vm.fd, KVM_CREATE_VCPU, 1), EIO,
			   "KVM_CREATE_VCPU in a child");
		want_errno(r, ioctl(vm.fd, KVM_SET_IDENTITY_MAP_ADDR, &zero),
			   EIO, "a VM ioctl in a child");
		want_errno(r, ioctl(v->fd, KVM_RUN, 0), EIO,
			   "KVM_RUN in a child");
		want_errno(r, ioctl(v->fd, KVM_GET_REGS, &regs), EIO,
			   "KVM_GET_REGS in a child");
		_exit(0);
	}
	usleep(100000);
}

/* Descriptors close in any order. */
static void close_order(struct tap_result *r, const void *arg)
{
	struct kvm_regs regs;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, VM_IRQCHIP);
	close(vm.fd);
	want_ok(r, ioctl(v->fd, KVM_GET_REGS, &regs),
		"KVM_GET_REGS after the VM's was closed");
	v->run->immediate_exit = 1;
	want_errno(r, ioctl(v->fd, KVM_RUN, 0), EINTR, "KVM_RUN");
	close(v->fd);
	v->run->immediate_exit = 2;	/* the mapping still is there */
	munmap(v->run, v->run_size);
}

static void cloexec(struct tap_result *r, const void *arg)
{
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	if (!(fcntl(vm.fd, F_GETFD) & FD_CLOEXEC))
		tap_fail(r, "the VM's descriptor survives exec");
	if (!(fcntl(v->fd, F_GETFD) & FD_CLOEXEC))
		tap_fail(r, "the vCPU's descriptor survives exec");
}

/* What the host's kernel was told to leave alone, or firmware switched off beside CPUID, guests do not get either. */
static void cpuid_kept(struct tap_result *r, const void *arg)
{
	static const struct {
		unsigned int function, bit;
		char reg;
		const char *flag;
	} features[] = {
		{ 1, 0, 'c', " pni" }, { 1, 17, 'c', " pcid" }, { 1, 26, 'c', " xsave" }, { 1, 28, 'c', " avx" },
		{ 1, 30, 'c', " rdrand" }, { 7, 0, 'b', " fsgsbase" }, { 7, 5, 'b', " avx2" }, { 7, 7, 'b', " smep" },
		{ 7, 9, 'b', " erms" }, { 7, 10, 'b', " invpcid" }, { 7, 18, 'b', " rdseed" }, { 7, 20, 'b', " smap" },
		{ 7, 3, 'c', " pku" }, { 7, 4, 'd', " fsrm" }, { 0x80000001, 26, 'd', " pdpe1gb" },
	};
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 256 * sizeof(c->entries[0]));
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[8192] = "", word[32];
	unsigned int i, j;

	(void)arg;
	while (f && fgets(line, sizeof(line), f) && strncmp(line, "flags", 5))
		;
	if (f)
		fclose(f);
	if (!strstr(line, " fpu ")) {
		tap_fail(r, "no flags in /proc/cpuinfo");
		return;
	}
	line[strcspn(line, "\n")] = ' ';
	c->nent = 256;
	xioctl(kvm_open(), KVM_GET_SUPPORTED_CPUID, c);
	for (i = 0; i < c->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &c->entries[i];

		for (j = 0; j < sizeof(features) / sizeof(features[0]) && !e->index; j++) {
			uint32_t reg = features[j].reg == 'b' ? e->ebx : features[j].reg == 'c' ? e->ecx : e->edx;

			snprintf(word, sizeof(word), "%s ", features[j].flag);
			if (e->function == features[j].function && reg >> features[j].bit & 1 && !strstr(line, word))
				tap_fail(r, "guests have%s, which the host's kernel does not", features[j].flag);
		}
	}
	free(c);
}

const struct test_case system_cases[] = {
	{ "system-api-version", api_version, NULL },
	{ "system-mmap-size", mmap_size, NULL },
	{ "system-create-vm", create_vm, NULL },
	{ "system-check-extension", check_extension, NULL },
	{ "system-capabilities", capabilities, NULL },
	{ "system-supported-cpuid", supported_cpuid, NULL },
	{ "system-cpuid-kept", cpuid_kept, NULL },
	{ "system-msr-index-list", msr_index_list, NULL },
	{ "system-msr-feature-list", msr_feature_list, NULL },
	{ "system-unknown", system_unknown, NULL },
	{ "system-other-process", other_process, NULL },
	{ "system-close-order", close_order, NULL },
	{ "system-cloexec", cloexec, NULL },
	{ NULL, NULL, NULL }
};
