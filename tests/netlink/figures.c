// SPDX-License-Identifier: GPL-2.0-only
/* What is counted, against what a guest did. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

/* A loop of N rounds around one instruction, then OUT to port 0x80. */
struct loop { const char *name; unsigned int n, reason; uint8_t insn[5]; unsigned int len; };

static void exact(struct tap_result *r, const void *arg)
{
	const struct loop *l = arg;
	uint8_t code[32] = { 0xb9, 0xa0, 0x01, 0, 0, 0xbe };	/* mov ecx, MISC_ENABLE; mov esi, n */
	struct counters before;
	struct vm_info info;
	struct vcpu_info v;
	unsigned int at = 10, i;
	struct conn c;
	struct vm vm;
	uint32_t id;

	memcpy(code + 6, &l->n, 4);
	memcpy(code + at, l->insn, l->len);
	at += l->len;
	code[at++] = 0x4e;			/* dec esi */
	code[at++] = 0x75;			/* jnz */
	code[at] = -(l->len + 3);
	at++;
	code[at++] = 0xe6;			/* out 0x81, al */
	code[at++] = 0x81;
	conn_open(&c);
	vm_with_code(&vm, code, at, 0);
	id = id_of(&vm);
	/* the page is there, so that nothing else exits but interrupts */
	WANT_EQ(get_vm(&c, id, &info), 0);
	before = info.c;
	for (;;) {
		struct kvm_run *run = vm.vcpu[0].run;

		WANT_EQ(vcpu_run(&vm.vcpu[0]), 0);
		if (run->exit_reason == KVM_EXIT_IO && run->io.port == 0x81)
			break;
		WANT(run->exit_reason == KVM_EXIT_IO || run->exit_reason == KVM_EXIT_HLT,
		     "exit %s", exit_name(run->exit_reason));
	}
	WANT_EQ(get_vm(&c, id, &info), 0);
	WANT_EQ(info.c.exit[l->reason] - before.exit[l->reason],
		l->n + (l->reason == 30));	/* and the OUT at the end */
	WANT_EQ(info.c.exit[30] - before.exit[30], l->reason == 30 ? l->n + 1 : 1);
	WANT_EQ(get_vcpu(&c, id, 0, &v), 0);
	for (i = 0; i < VH_NR_EXIT_REASONS; i++)
		WANT(v.c.exit[i] == info.c.exit[i], "reason %u: the vCPU has %llu, the VM %llu", i,
		     (long long)v.c.exit[i], (long long)info.c.exit[i]);
	WANT(info.c.v[VH_A_COUNTER_EXITS] >= l->n + 1, "the sum is too low");
	WANT(info.c.v[VH_A_COUNTER_GUEST_TIME] > 0, "no guest time");
	WANT(info.c.v[VH_A_COUNTER_GUEST_TIME] < info.age, "more guest time than the VM is old");
	vm_destroy(&vm);
}

static bool spinning(void *arg)
{
	return GUEST_COUNTER((struct vm *)arg) > 100000;
}

static void times(struct tap_result *r, const void *arg)
{
	static const uint8_t halt[] = { 0xfb, 0xf4, 0xeb, 0xfc };	/* sti; hlt; again */
	struct vcpu_info a, b;
	struct runner run;
	struct conn c;
	struct vm vm;
	uint32_t id;
	int i, in_guest = 0;

	(void)arg;
	conn_open(&c);
	vm_with_code(&vm, guest_spin, sizeof(guest_spin), VM_IRQCHIP);
	id = id_of(&vm);
	WANT_EQ(get_vcpu(&c, id, 0, &a), 0);
	WANT_EQ(a.state, VH_VCPU_IDLE);
	runner_start(&run, &vm.vcpu[0]);
	WANT(wait_for(spinning, &vm, 5000), "the guest does not run");
	WANT_EQ(get_vcpu(&c, id, 0, &a), 0);
	for (i = 0; i < 50; i++) {
		usleep(2000);
		WANT_EQ(get_vcpu(&c, id, 0, &b), 0);
		WANT(b.c.v[VH_A_COUNTER_GUEST_TIME] >= a.c.v[VH_A_COUNTER_GUEST_TIME],
		     "guest time goes back");
		in_guest += b.state == VH_VCPU_GUEST;
	}
	WANT(b.c.v[VH_A_COUNTER_GUEST_TIME] > a.c.v[VH_A_COUNTER_GUEST_TIME],
	     "guest time stands still while it spins");
	WANT_EQ(b.tid != 0, 1);
	/* with one host CPU this thread never sees it run */
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		WANT(in_guest, "never seen in the guest");
	runner_stop(&run);
	WANT_EQ(get_vcpu(&c, id, 0, &b), 0);
	WANT_EQ(b.state, VH_VCPU_IDLE);
	vm_destroy(&vm);

	vm_with_code(&vm, halt, sizeof(halt), VM_IRQCHIP);
	id = id_of(&vm);
	runner_start(&run, &vm.vcpu[0]);
	usleep(50000);
	WANT_EQ(get_vcpu(&c, id, 0, &b), 0);
	WANT_EQ(b.state, VH_VCPU_HALTED);
	runner_stop(&run);
	WANT_EQ(get_vcpu(&c, id, 0, &b), 0);
	WANT(b.c.v[VH_A_COUNTER_WAIT_TIME] + b.c.v[VH_A_COUNTER_POLL_TIME] >= 20000000,
	     "halted for 50 ms, counted %lld ns", (long long)b.c.v[VH_A_COUNTER_WAIT_TIME]);
	WANT_EQ(b.c.exit[12], 1);
	vm_destroy(&vm);
}

/* Exceptions, and what EPT has instead of page faults. */
static uint64_t mmio_exits(const struct vm_info *info)
{
	return info->c.exit[0] + info->c.exit[48] + info->c.exit[49];
}

/* A device page is not mapped: each access exits, the first as a violation, the rest as vh likes. */
static void mmio(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = { 0xa3, 0, 0, 0, 0xd0, 0xeb, 0xf9 };	/* mov [0xd0000000], eax; again */
	struct vm_info before, info;
	struct conn c;
	struct vm vm;
	int i;

	(void)arg;
	conn_open(&c);
	vm_with_code(&vm, code, sizeof(code), 0);
	for (i = 0; i < 500; i++) {
		WANT_EQ(vcpu_run(&vm.vcpu[0]), 0);
		WANT_EQ(vm.vcpu[0].run->exit_reason, KVM_EXIT_MMIO);
		if (!i)
			WANT_EQ(get_vm(&c, id_of(&vm), &before), 0);
	}
	WANT_EQ(get_vm(&c, id_of(&vm), &info), 0);
	WANT_EQ(mmio_exits(&info) - mmio_exits(&before), 499);
	vm_destroy(&vm);
}

/* Interrupts are counted by the host, and by the guest's handler. */
static void interrupts(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = { 0xfb, 0x90, 0xe6, 0x80, 0xeb, 0xfa };	/* sti; nop; out; again */
	static const uint8_t handler[] = { 0xff, 0x05, 0x00, 0x80, 0x00, 0x00, 0xcf };
	struct kvm_interrupt irq = { 0x30 };
	struct vm_info info;
	struct conn c;
	struct vm vm;
	int i;

	(void)arg;
	conn_open(&c);
	vm_with_code(&vm, code, sizeof(code), 0);
	memcpy(vm.mem + 0x1800, handler, sizeof(handler));
	memcpy(vm.mem + GUEST_IDT + 8 * 0x30, "\x00\x18\x08\x00\x00\x8e\x00\x00", 8);
	WANT_EQ(vcpu_run(&vm.vcpu[0]), 0);
	for (i = 0; i < 200; i++) {
		WANT(!ioctl(vm.vcpu[0].fd, KVM_INTERRUPT, &irq), "KVM_INTERRUPT");
		WANT_EQ(vcpu_run(&vm.vcpu[0]), 0);
		WANT_EQ(vm.vcpu[0].run->exit_reason, KVM_EXIT_IO);
	}
	WANT_EQ(GUEST_COUNTER(&vm), 200);
	WANT_EQ(get_vm(&c, id_of(&vm), &info), 0);
	WANT_EQ(info.c.v[VH_A_COUNTER_INJECTED], 200);
	vm_destroy(&vm);
}

/* NMIs that the host sends are injected interrupts. */
static void injected(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = { 0xfb, 0xeb, 0xfe };	/* sti; for ever */
	struct vm_info info;
	struct runner run;
	struct conn c;
	struct vm vm;
	int i, n;

	(void)arg;
	conn_open(&c);
	vm_with_code(&vm, code, sizeof(code), VM_IRQCHIP);
	/* IDT entry 2: a gate to 0x1800, where it is counted: inc dword [0x8000]; iret */
	memcpy(vm.mem + 0x1800, "\xff\x05\x00\x80\x00\x00\xcf", 7);
	GUEST_COUNTER(&vm) = 0;
	memcpy(vm.mem + GUEST_IDT + 16, "\x00\x18\x08\x00\x00\x8e\x00\x00", 8);
	runner_start(&run, &vm.vcpu[0]);
	for (i = 0; i < 10; i++) {
		runner_stop(&run);
		xioctl(vm.vcpu[0].fd, KVM_NMI, NULL);
		runner_start(&run, &vm.vcpu[0]);
		for (n = 0; GUEST_COUNTER(&vm) == (uint32_t)i && n < 1000; n++)
			usleep(2000);
	}
	runner_stop(&run);
	WANT_EQ(GUEST_COUNTER(&vm), 10);
	WANT_EQ(get_vm(&c, id_of(&vm), &info), 0);
	WANT_EQ(info.c.v[VH_A_COUNTER_INJECTED], 10);
	vm_destroy(&vm);
}

static int parameter(const char *name)
{
	char path[80];
	FILE *f;
	int v = -1;

	snprintf(path, sizeof(path), "/sys/module/vh/parameters/%s", name);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%d", &v) != 1)
		v = -1;
	if (f)
		fclose(f);
	return v;
}

static void pin(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(thread, sizeof(set), &set);
}

/* Interrupts to a vCPU that runs on another CPU: posted (apicv=2) they end no run, else about one each. */
static void posted(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = {
		0xc7, 0x05, 0xf0, 0x00, 0xe0, 0xfe, 0xff, 0x01, 0, 0,	/* the APIC on */
		0xc7, 0x05, 0x50, 0x03, 0xe0, 0xfe, 0, 0, 0x01, 0,	/* nothing from the 8259s */
		0xfb, 0xff, 0x05, 0x00, 0x90, 0, 0, 0xeb, 0xf8,		/* sti; inc [0x9000]; again */
	};
	static const uint8_t handler[] = {
		0xff, 0x05, 0x00, 0x80, 0, 0,				/* inc [0x8000]; EOI; iret */
		0xc7, 0x05, 0xb0, 0x00, 0xe0, 0xfe, 0, 0, 0, 0, 0xcf,
	};
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x30 };
	volatile uint32_t *turns;
	struct vm_info a, b;
	struct runner run;
	struct conn c;
	struct vm vm;
	uint32_t i, lost;
	long long exits;
	const uint32_t n = 400;

	(void)arg;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		tap_skip(r, "the sender needs a CPU of its own");
		return;
	}
	conn_open(&c);
	pin(pthread_self(), 0);
	vm_with_code(&vm, code, sizeof(code), VM_IRQCHIP);
	memcpy(vm.mem + 0x1800, handler, sizeof(handler));
	memcpy(vm.mem + GUEST_IDT + 8 * 0x30, "\x00\x18\x08\x00\x00\x8e\x00\x00", 8);
	turns = (volatile uint32_t *)(vm.mem + 0x9000);
	runner_start(&run, &vm.vcpu[0]);
	pin(run.thread, 1);
	while (*turns < 1000)
		usleep(1000);
	WANT_EQ(get_vm(&c, id_of(&vm), &a), 0);
	for (i = 0; i < n; i++) {
		xioctl(vm.fd, KVM_SIGNAL_MSI, &msi);
		for (lost = 0; GUEST_COUNTER(&vm) == i && lost < 100000000; lost++)
			;
		WANT(GUEST_COUNTER(&vm) == i + 1, "of %u interrupts %u came", i + 1, GUEST_COUNTER(&vm));
	}
	WANT_EQ(get_vm(&c, id_of(&vm), &b), 0);
	exits = b.c.exit[1] - a.c.exit[1];
	printf("# %u interrupts: %lld exits by interrupts, apicv=%d\n", n, exits, parameter("apicv"));
	fflush(stdout);
	if (parameter("apicv") == 2)
		WANT(exits < n / 8, "%u interrupts, %lld exits", n, exits);
	else
		WANT(exits > n * 3 / 4, "%u interrupts, %lld exits", n, exits);
	runner_stop(&run);
	vm_destroy(&vm);
}

static void one_life(struct tap_result *r, void *arg)
{
	static const uint8_t code[] = { 0xbe, 0xe8, 0x03, 0, 0, 0x0f, 0xa2, 0x4e, 0x75, 0xfb,
					0xe6, 0x81 };
	struct vm vm;

	cgroup_enter(arg);
	vm_with_code(&vm, code, sizeof(code), 0);
	WANT_EQ(vcpu_run(&vm.vcpu[0]), 0);
	vm_destroy(&vm);
}

/* A VM's past stays with its group and the ancestors. */
static void past(struct tap_result *r, const void *arg)
{
	int top = cgroup_make("t"), leaf = cgroup_make("t/leaf"), i;
	struct group_info g, p, root;
	struct conn c;
	struct vm vm;

	(void)arg;
	conn_open(&c);
	for (i = 0; i < 3; i++)
		in_child(r, 0, one_life, "t/leaf");
	in_child(r, 0, one_life, "t");
	WANT_EQ(get_group(&c, leaf, &g), 0);
	WANT_EQ(g.c.exit[10], 3000);
	WANT_EQ(g.created, 3);
	WANT_EQ(g.usage[VH_RES_VMS], 0);
	WANT_EQ(g.usage[VH_RES_TABLES], 0);
	WANT(!strcmp(g.path, "/t/leaf"), "the path is '%s'", g.path);
	WANT_EQ(get_group(&c, top, &p), 0);
	WANT_EQ(p.c.exit[10], 4000);
	WANT_EQ(p.created, 4);
	WANT_EQ(g.parent, p.id);
	WANT(p.c.v[VH_A_COUNTER_GUEST_TIME] > g.c.v[VH_A_COUNTER_GUEST_TIME], "guest time is lost");
	WANT_EQ(get_group_id(&c, p.parent, &root), 0);
	WANT(root.c.exit[10] >= 4000, "the root has %lld", (long long)root.c.exit[10]);
	/* a living one counts as well */
	cgroup_enter("t");
	vm_with_code(&vm, "\x0f\xa2\xe6\x81", 4, 0);
	WANT_EQ(vcpu_run(&vm.vcpu[0]), 0);
	cgroup_enter(".");	/* it stays charged where it was made */
	WANT_EQ(get_group(&c, top, &p), 0);
	WANT_EQ(p.c.exit[10], 4001);
	WANT_EQ(p.usage[VH_RES_VMS], 1);
	WANT_EQ(p.usage[VH_RES_MEMORY], 1 << 20);
	WANT(p.usage[VH_RES_TABLES] > 0, "no page tables are charged");
	vm_destroy(&vm);
	WANT_EQ(get_group(&c, top, &p), 0);
	WANT_EQ(p.usage[VH_RES_TABLES], 0);
	cgroup_remove("t/leaf");
	cgroup_remove("t");
}

/* What a group has is what its VMs have, while they live. */
static void sums(struct tap_result *r, const void *arg)
{
	struct counters sum = { 0 };
	int dir = cgroup_make("sum");
	unsigned int i, j;
	struct group_info g;
	struct vm_info info;
	struct conn c;
	struct vm vm[3];

	(void)arg;
	conn_open(&c);
	cgroup_enter("sum");
	for (i = 0; i < 3; i++) {
		vm_with_code(&vm[i], "\x0f\xa2\xe6\x81\xeb\xfa", 6, 0);
		for (j = 0; j <= i; j++)
			WANT_EQ(vcpu_run(&vm[i].vcpu[0]), 0);
		WANT_EQ(get_vm(&c, id_of(&vm[i]), &info), 0);
		WANT_EQ(info.c.exit[10], i + 1);
		for (j = VH_A_COUNTER_GUEST_TIME; j < VH_A_COUNTER_EXIT; j++)
			sum.v[j] += info.c.v[j];
		for (j = 0; j < VH_NR_EXIT_REASONS; j++)
			sum.exit[j] += info.c.exit[j];
	}
	for (i = 0; i < 2; i++) {
		WANT_EQ(get_group(&c, dir, &g), 0);
		for (j = VH_A_COUNTER_GUEST_TIME; j < VH_A_COUNTER_EXIT; j++)
			WANT(g.c.v[j] == sum.v[j], "counter %u%s: %lld, not %lld", j,
			     i ? " after their end" : "", (long long)g.c.v[j], (long long)sum.v[j]);
		for (j = 0; j < VH_NR_EXIT_REASONS; j++)
			WANT(g.c.exit[j] == sum.exit[j], "exit %u%s: %lld, not %lld", j,
			     i ? " after their end" : "", (long long)g.c.exit[j],
			     (long long)sum.exit[j]);
		for (j = 0; !i && j < 3; j++)
			vm_destroy(&vm[j]);
	}
	cgroup_enter(".");
	cgroup_remove("sum");
}

static const struct loop loops[] = {
	{ "cpuid", 3000, 10, { 0x0f, 0xa2 }, 2 },
	{ "vmcall", 3000, 18, { 0x0f, 0x01, 0xc1 }, 3 },
	{ "rdmsr", 3000, 31, { 0x0f, 0x32 }, 2 },
	{ "out", 500, 30, { 0xe6, 0x80 }, 2 },
	{ "hlt", 500, 12, { 0xf4 }, 1 },
};

const struct test_case figures_cases[] = {
	{ "figures-cpuid", exact, &loops[0] },
	{ "figures-vmcall", exact, &loops[1] },
	{ "figures-rdmsr", exact, &loops[2] },
	{ "figures-out", exact, &loops[3] },
	{ "figures-hlt", exact, &loops[4] },
	{ "figures-times", times, NULL },
	{ "figures-mmio", mmio, NULL },
	{ "figures-interrupts", interrupts, NULL },
	{ "figures-nmi", injected, NULL },
	{ "figures-posted", posted, NULL },
	{ "figures-sums", sums, NULL },
	{ "figures-past", past, NULL },
	{ NULL, NULL, NULL }
};
