// SPDX-License-Identifier: GPL-2.0-only
/* System management mode: SMIs, what they save and where, and what waits for RSM. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../kmod/compat/kvm.h"
#include "smm.h"

/* Handlers, and what is executed outside; real-mode code, but for what is the same in all modes. */
__asm__(".pushsection .rodata\n"
	".irp n, plain, memory, move, halt, rsm, loop, hlt\n"
	".globl smm_\\n, smm_\\n\\()_end\n"
	".endr\n"
	".code16\n"
	"smm_plain: mov %eax, %ecx; out %al, $0x28; rsm; smm_plain_end:\n"
	/* a word outside, one inside; what SMM's memory has is to be seen by nobody else */
	"smm_memory: incw 0x5000; mov $0x30000, %ebx; addr32 incw 0xa000(%ebx); out %al, $0x28; rsm; smm_memory_end:\n"
	/* SMBASE is to be 0x50000 */
	"smm_move: mov $0x3ff00, %ebx; addr32 movl $0x50000, (%ebx); out %al, $0x28; rsm; smm_move_end:\n"
	"smm_halt: out %al, $0x28; 1: sti; hlt; out %al, $0x29; jmp 1b; smm_halt_end:\n"
	"smm_rsm: rsm; smm_rsm_end:\n"
	".code64\n"
	"smm_loop: 1: out %al, $0x10; jmp 1b; smm_loop_end:\n"
	"smm_hlt: 1: hlt; out %al, $0x10; jmp 1b; smm_hlt_end:\n"
	".popsection");

/* CPUID without long mode: an older layout. */
static void no_long_mode(struct vcpu *v)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 256 * sizeof(c->entries[0]));
	unsigned int i;

	c->nent = 256;
	xioctl(v->fd, KVM_GET_CPUID2, c);
	for (i = 0; i < c->nent; i++)
		if (c->entries[i].function == 0x80000001)
			c->entries[i].edx &= ~(1u << 29);
	xioctl(v->fd, KVM_SET_CPUID2, c);
	free(c);
}

bool smm_vm(struct tap_result *r, struct smm *s, enum guest_mode mode, unsigned int flags, unsigned int vcpus)
{
	unsigned int i;
	int err;

	memset(s, 0, sizeof(*s));
	if (kvm_cap(KVM_CAP_X86_SMM) <= 0)
		return tap_fail(r, "KVM_CAP_X86_SMM is 0");
	vm_create(&s->vm, SIZE, flags);
	vm_build_tables(&s->vm);
	s->ram = mmap(NULL, 0x10000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	err = vm_slot(&s->vm, SMM(0), 0, 0, SMBASE, s->vm.mem);
	if (!err)
		err = vm_slot(&s->vm, SMM(1), 0, SMBASE, 0x10000, s->ram);
	if (!err)
		err = vm_slot(&s->vm, SMM(2), 0, SMBASE + 0x10000, SIZE - SMBASE - 0x10000,
			      s->vm.mem + SMBASE + 0x10000);
	if (err)
		return tap_fail(r, "memslots of SMM: %s", strerror(-err));
	for (i = 0; i < vcpus; i++)
		vm_add_vcpu(&s->vm);
	s->v = &s->vm.vcpu[0];
	PUT(s->vm.mem + CODE, smm_loop);
	PUT(s->ram + HANDLER, smm_plain);
	vcpu_set_mode(&s->vm, s->v, mode, CODE, 0x8000);
	return true;
}

/* Until the vCPU says something at @port. */
bool smm_until(struct tap_result *r, struct vcpu *v, unsigned int port, const char *what)
{
	int ret = vcpu_run(v);

	if (ret || v->run->exit_reason != KVM_EXIT_IO || v->run->io.port != port)
		return tap_fail(r, "%s: %s, exit %s, port %#x", what, strerror(-ret), exit_name(v->run->exit_reason),
				v->run->io.port);
	return true;
}

/* The instruction that exited is done, and nothing else. */
void smm_settle(struct vcpu *v)
{
	v->run->immediate_exit = 1;
	ioctl(v->fd, KVM_RUN, 0);
	v->run->immediate_exit = 0;
}

static struct kvm_vcpu_events events(struct vcpu *v)
{
	struct kvm_vcpu_events e;

	xioctl(v->fd, KVM_GET_VCPU_EVENTS, &e);
	return e;
}

static void want_smi(struct tap_result *r, struct vcpu *v, bool smm, bool pending, bool in_nmi, const char *what)
{
	struct kvm_vcpu_events e = events(v);

	if (!(e.flags & KVM_VCPUEVENT_VALID_SMM) || e.smi.smm != smm || e.smi.pending != pending ||
	    e.smi.smm_inside_nmi != in_nmi)
		tap_fail(r, "%s: flags %#x, smm %u, pending %u, inside NMI %u", what, e.flags, e.smi.smm, e.smi.pending,
			 e.smi.smm_inside_nmi);
}

static bool same_segment(const struct kvm_segment *a, const struct kvm_segment *b)
{
	return a->base == b->base && a->limit == b->limit && a->selector == b->selector && a->type == b->type &&
	       a->present == b->present && a->dpl == b->dpl && a->db == b->db && a->s == b->s && a->l == b->l &&
	       a->g == b->g && a->avl == b->avl;
}

static bool same_sregs(const struct kvm_sregs *a, const struct kvm_sregs *b)
{
	const struct kvm_segment *x = &a->cs, *y = &b->cs;
	unsigned int i;

	for (i = 0; i < 8; i++)
		if (!same_segment(&x[i], &y[i]))
			return false;
	return a->gdt.base == b->gdt.base && a->gdt.limit == b->gdt.limit && a->idt.base == b->idt.base &&
	       a->idt.limit == b->idt.limit && a->cr0 == b->cr0 && a->cr3 == b->cr3 && a->cr4 == b->cr4 &&
	       a->efer == b->efer;
}

/* Where the layouts have what: from SMBASE + 0xfe00. */
struct place {
	uint16_t at, len;
	uint64_t value;
};

static void check_places(struct tap_result *r, const uint8_t *area, const struct place *p, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		uint64_t v = 0;

		memcpy(&v, area + p[i].at, p[i].len);
		if (v != p[i].value)
			tap_fail(r, "at %#x is %#llx, not %#llx", 0xfe00 + p[i].at, (unsigned long long)v,
				 (unsigned long long)p[i].value);
	}
}

static uint32_t rights(const struct kvm_segment *s)
{
	return s->type | s->s << 4 | s->dpl << 5 | s->present << 7 | s->avl << 12 | s->l << 13 | s->db << 14 | s->g << 15;
}

static void check_area64(struct tap_result *r, const uint8_t *area, const struct kvm_regs *g, const struct kvm_sregs *s)
{
	const struct place p[] = {
		{ 0x1f8, 8, g->rax }, { 0x1f0, 8, g->rcx }, { 0x1e8, 8, g->rdx }, { 0x1e0, 8, g->rbx },
		{ 0x1d8, 8, g->rsp }, { 0x1d0, 8, g->rbp }, { 0x1c8, 8, g->rsi }, { 0x1c0, 8, g->rdi },
		{ 0x1b8, 8, g->r8 }, { 0x180, 8, g->r15 },
		{ 0x178, 8, g->rip }, { 0x170, 4, g->rflags }, { 0x160, 4, 0x400 },
		{ 0x158, 8, s->cr0 }, { 0x150, 8, s->cr3 }, { 0x148, 8, s->cr4 }, { 0xd0, 8, s->efer },
		{ 0x100, 4, SMBASE }, { 0xfc, 4, 0x20064 },
		{ 0x00, 2, s->es.selector }, { 0x10, 2, s->cs.selector }, { 0x12, 2, rights(&s->cs) },
		{ 0x14, 4, s->cs.limit }, { 0x18, 8, s->cs.base }, { 0x20, 2, s->ss.selector }, { 0x22, 2, rights(&s->ss) },
		{ 0x30, 2, s->ds.selector }, { 0x48, 8, s->fs.base }, { 0x58, 8, s->gs.base },
		{ 0x64, 4, s->gdt.limit }, { 0x68, 8, s->gdt.base }, { 0x84, 4, s->idt.limit }, { 0x88, 8, s->idt.base },
		{ 0x90, 2, s->tr.selector }, { 0x92, 2, rights(&s->tr) }, { 0x94, 4, s->tr.limit }, { 0x98, 8, s->tr.base },
	};

	check_places(r, area, p, sizeof(p) / sizeof(p[0]));
}

static void check_area32(struct tap_result *r, const uint8_t *area, const struct kvm_regs *g, const struct kvm_sregs *s)
{
	const struct place p[] = {
		{ 0x1fc, 4, s->cr0 }, { 0x1f8, 4, s->cr3 }, { 0x1f4, 4, g->rflags }, { 0x1f0, 4, g->rip },
		{ 0x1d0, 4, (uint32_t)g->rax }, { 0x1d4, 4, (uint32_t)g->rcx }, { 0x1d8, 4, (uint32_t)g->rdx },
		{ 0x1dc, 4, (uint32_t)g->rbx }, { 0x1e0, 4, g->rsp }, { 0x1e8, 4, (uint32_t)g->rsi },
		{ 0x1ec, 4, (uint32_t)g->rdi }, { 0x1c8, 4, 0x400 }, { 0x114, 4, s->cr4 },
		{ 0xf8, 4, SMBASE }, { 0xfc, 4, 0x20000 },
		{ 0x1c4, 2, s->tr.selector }, { 0x164, 4, s->tr.base }, { 0x160, 4, s->tr.limit }, { 0x15c, 4, rights(&s->tr) << 8 },
		{ 0x174, 4, s->gdt.base }, { 0x170, 4, s->gdt.limit }, { 0x158, 4, s->idt.base }, { 0x154, 4, s->idt.limit },
		{ 0x1a8, 4, s->es.selector }, { 0x1ac, 4, s->cs.selector }, { 0x1b0, 4, s->ss.selector },
		{ 0x1b4, 4, s->ds.selector }, { 0x190, 4, rights(&s->cs) << 8 }, { 0x194, 4, s->cs.limit },
		{ 0x198, 4, s->cs.base }, { 0x12c, 4, rights(&s->ds) << 8 }, { 0x140, 4, s->fs.base }, { 0x14c, 4, s->gs.base },
	};

	check_places(r, area, p, sizeof(p) / sizeof(p[0]));
}

/* SDM Vol. 3, 32.5.1 */
static void check_entry(struct tap_result *r, struct vcpu *v)
{
	struct kvm_debugregs d;
	struct kvm_sregs s;
	struct kvm_regs g;

	xioctl(v->fd, KVM_GET_REGS, &g);
	xioctl(v->fd, KVM_GET_SREGS, &s);
	xioctl(v->fd, KVM_GET_DEBUGREGS, &d);
	if (g.rip < HANDLER || g.rip > HANDLER + 16 || g.rflags != 2)
		tap_fail(r, "SMM begins at %#llx, flags %#llx", g.rip, g.rflags);
	if (s.cr0 & 0x8000000d || s.cr4 & ~0x40ull || s.efer || d.dr7 != 0x400)
		tap_fail(r, "SMM has CR0 %#llx, CR4 %#llx, EFER %#llx, DR7 %#llx", s.cr0, s.cr4, s.efer, d.dr7);
	if (s.cs.base != SMBASE || s.cs.selector != SMBASE >> 4 || s.cs.limit != ~0u || s.ds.base || s.ds.selector ||
	    s.ds.limit != ~0u || s.ss.base || s.ss.limit != ~0u)
		tap_fail(r, "SMM has CS %#x at %#llx, limit %#x, DS %#x at %#llx, limit %#x", s.cs.selector, s.cs.base,
			 s.cs.limit, s.ds.selector, s.ds.base, s.ds.limit);
	if (s.idt.limit)
		tap_fail(r, "SMM has an IDT of %u bytes", s.idt.limit);
}

struct save_arg {
	enum guest_mode mode;
	bool old;
};

static void save(struct tap_result *r, const void *arg)
{
	const struct save_arg *a = arg;
	const uint64_t nothing[64] = { 0 };
	struct kvm_sregs before, after;
	struct kvm_regs g, h;
	struct smm s;

	if (!smm_vm(r, &s, a->mode, 0, 1))
		return;
	if (a->old)
		no_long_mode(s.v);
	xioctl(s.v->fd, KVM_GET_SREGS, &before);
	before.fs.base = 0x1230;
	before.gs.base = 0x4560;
	if (a->old)
		before.efer = 0;
	xioctl(s.v->fd, KVM_SET_SREGS, &before);
	xioctl(s.v->fd, KVM_GET_REGS, &g);
	g.rax = 0x1111, g.rcx = 0x2222, g.rdx = 0x3333, g.rbx = 0x4444, g.rbp = 0x5555, g.rsi = 0x6666, g.rdi = 0x7777;
	if (a->mode == MODE_LONG)
		g.r8 = 0x888888888888, g.r15 = 0xf0f0f0f0f0f0f0f0, g.rax |= 1ull << 40;
	xioctl(s.v->fd, KVM_SET_REGS, &g);
	if (!smm_until(r, s.v, 0x10, "outside"))
		return;
	smm_settle(s.v);
	xioctl(s.v->fd, KVM_GET_SREGS, &before);
	xioctl(s.v->fd, KVM_GET_REGS, &g);
	if (s.v->run->flags & KVM_RUN_X86_SMM)
		tap_fail(r, "KVM_RUN_X86_SMM before the SMI");
	want_ok(r, ioctl(s.v->fd, KVM_SMI, 0), "KVM_SMI");
	want_smi(r, s.v, false, true, false, "after KVM_SMI");
	if (!smm_until(r, s.v, 0x28, "in SMM"))
		return;
	smm_settle(s.v);
	if (!(s.v->run->flags & KVM_RUN_X86_SMM))
		tap_fail(r, "no KVM_RUN_X86_SMM");
	want_smi(r, s.v, true, false, false, "in SMM");
	if (!events(s.v).nmi.masked)
		tap_fail(r, "NMIs are not blocked in SMM");
	check_entry(r, s.v);
	if (a->old)
		check_area32(r, s.ram + AREA, &g, &before);
	else
		check_area64(r, s.ram + AREA, &g, &before);
	if (memcmp(s.vm.mem + SMBASE + AREA, nothing, 512))
		tap_fail(r, "the state was saved outside SMM's memory");
	/* what the handler changes counts */
	s.ram[AREA + (a->old ? 0x1dc : 0x1e0)] = 0x45;
	g.rbx = 0x4445;
	if (!smm_until(r, s.v, 0x10, "after RSM"))
		return;
	smm_settle(s.v);
	xioctl(s.v->fd, KVM_GET_SREGS, &after);
	xioctl(s.v->fd, KVM_GET_REGS, &h);
	if (!same_sregs(&before, &after))
		tap_fail(r, "RSM: CR0 %#llx CR3 %#llx CR4 %#llx EFER %#llx, CS %#x, SS %#x, TR %#x, IDT %#x", after.cr0, after.cr3,
			 after.cr4, after.efer, rights(&after.cs), rights(&after.ss), rights(&after.tr), after.idt.limit);
	if (memcmp(&g, &h, sizeof(g)))
		tap_fail(r, "RSM: RIP %#llx for %#llx, RAX %#llx, RBX %#llx, RCX %#llx, R15 %#llx, flags %#llx", h.rip, g.rip,
			 h.rax, h.rbx, h.rcx, h.r15, h.rflags);
	if (s.v->run->flags & KVM_RUN_X86_SMM)
		tap_fail(r, "KVM_RUN_X86_SMM after RSM");
	want_smi(r, s.v, false, false, false, "after RSM");
	if (events(s.v).nmi.masked)
		tap_fail(r, "NMIs are still blocked after RSM");
	if (vcpu_msr_get(s.v, MSR_SMI_COUNT) != 1)
		tap_fail(r, "IA32_SMI_COUNT is %llu", (unsigned long long)vcpu_msr_get(s.v, MSR_SMI_COUNT));
}

/* What is at SMBASE differs, all else is the same, and neither is ever seen from the wrong side. */
static void memory(struct tap_result *r, const void *arg)
{
	const enum guest_mode *mode = arg;
	unsigned int i;
	struct smm s;

	if (!smm_vm(r, &s, *mode, 0, 1))
		return;
	PUT(s.ram + HANDLER, smm_memory);
	for (i = 1; i <= 5; i++) {
		uint16_t out, in, other;

		if (!smm_until(r, s.v, 0x10, "outside"))
			return;
		xioctl(s.v->fd, KVM_SMI, 0);
		if (!smm_until(r, s.v, 0x28, "in SMM"))
			return;
		memcpy(&out, s.vm.mem + 0x5000, 2);
		memcpy(&in, s.ram + 0xa000, 2);
		memcpy(&other, s.vm.mem + 0x3a000, 2);
		if (out != i || in != i || other)
			tap_fail(r, "SMI %u: %u outside, %u inside, %u where nobody writes", i, out, in, other);
		if (i == 3) {
			/* the host takes all of it away, and what was there with it */
			madvise(s.ram + 0xa000, 4096, MADV_DONTNEED);
			s.ram[0xa000] = 3;
			madvise(s.vm.mem + 0x5000, 4096, MADV_DONTNEED);
			s.vm.mem[0x5000] = 3;
		}
	}
}

/* SMBASE goes elsewhere: by the handler, and by userspace. */
static void relocate(struct tap_result *r, const void *arg)
{
	struct kvm_sregs sregs;
	struct smm s;

	(void)arg;
	if (!smm_vm(r, &s, MODE_LONG, 0, 1))
		return;
	if (vcpu_msr_get(s.v, MSR_SMBASE) != SMBASE)
		tap_fail(r, "IA32_SMBASE begins as %#llx", (unsigned long long)vcpu_msr_get(s.v, MSR_SMBASE));
	PUT(s.ram + HANDLER, smm_move);
	PUT(s.vm.mem + 0x50000 + HANDLER, smm_plain);
	xioctl(s.v->fd, KVM_SMI, 0);
	if (!smm_until(r, s.v, 0x28, "the first SMI") || !smm_until(r, s.v, 0x10, "after it"))
		return;
	if (vcpu_msr_get(s.v, MSR_SMBASE) != 0x50000)
		tap_fail(r, "IA32_SMBASE is %#llx", (unsigned long long)vcpu_msr_get(s.v, MSR_SMBASE));
	xioctl(s.v->fd, KVM_SMI, 0);
	if (!smm_until(r, s.v, 0x28, "the second SMI"))
		return;
	xioctl(s.v->fd, KVM_GET_SREGS, &sregs);
	if (sregs.cs.base != 0x50000 || s.vm.mem[0x50000 + AREA + 0xfc] != 0x64)
		tap_fail(r, "the second SMI came to %#llx", sregs.cs.base);
	if (!smm_until(r, s.v, 0x10, "after the second"))
		return;
	if (!vcpu_msr_set(s.v, MSR_SMBASE, 0x60000))
		tap_fail(r, "userspace cannot set IA32_SMBASE");
	PUT(s.vm.mem + 0x60000 + HANDLER, smm_plain);
	xioctl(s.v->fd, KVM_SMI, 0);
	if (smm_until(r, s.v, 0x28, "the third SMI")) {
		xioctl(s.v->fd, KVM_GET_SREGS, &sregs);
		if (sregs.cs.base != 0x60000)
			tap_fail(r, "the third SMI came to %#llx", sregs.cs.base);
	}
}

/* SMIs and NMIs that come in SMM wait for RSM, one of each. */
static void latched(struct tap_result *r, const void *arg)
{
	unsigned int i;
	struct smm s;

	(void)arg;
	if (!smm_vm(r, &s, MODE_LONG, 0, 1))
		return;
	/* an NMI's handler: port 0x11 */
	memcpy(s.vm.mem + 0x1800, "\xe6\x11\x48\xcf", 4);
	memcpy(s.vm.mem + GUEST_IDT + 2 * 16, "\x00\x18\x18\x00\x00\x8e\x00\x00", 8);
	xioctl(s.v->fd, KVM_SMI, 0);
	if (!smm_until(r, s.v, 0x28, "in SMM"))
		return;
	for (i = 0; i < 3; i++) {
		xioctl(s.v->fd, KVM_SMI, 0);
		xioctl(s.v->fd, KVM_NMI, 0);
	}
	want_smi(r, s.v, true, true, false, "one waits");
	if (!smm_until(r, s.v, 0x28, "the second SMI"))
		return;
	smm_settle(s.v);
	want_smi(r, s.v, true, false, false, "in the second SMI");
	if (vcpu_msr_get(s.v, MSR_SMI_COUNT) != 2)
		tap_fail(r, "IA32_SMI_COUNT is %llu", (unsigned long long)vcpu_msr_get(s.v, MSR_SMI_COUNT));
	if (!smm_until(r, s.v, 0x11, "the NMI"))
		return;
	smm_settle(s.v);
	if (!events(s.v).nmi.masked)
		tap_fail(r, "NMIs are not blocked in the NMI's handler");
	/* an SMI in the NMI's handler: NMIs stay blocked behind it */
	xioctl(s.v->fd, KVM_SMI, 0);
	if (!smm_until(r, s.v, 0x28, "an SMI in the NMI's handler"))
		return;
	want_smi(r, s.v, true, false, true, "inside an NMI");
	s.vm.mem[0x1802] = 0xe6;	/* OUT instead of IRETQ */
	s.vm.mem[0x1803] = 0x12;
	if (!smm_until(r, s.v, 0x12, "after RSM"))
		return;
	if (!events(s.v).nmi.masked)
		tap_fail(r, "RSM has unblocked NMIs that were blocked before");
}

void smm_message(struct smm *s, unsigned int id, unsigned int data)
{
	struct kvm_msi m = { .address_lo = 0xfee00000 | id << 12, .data = data };

	xioctl(s->vm.fd, KVM_SIGNAL_MSI, &m);
}

static void *send_sipi(void *arg)
{
	struct smm *s = arg;

	usleep(300000);
	smm_message(s, 1, MSG_SIPI | 2);
	return NULL;
}

/* It is a guest that enables APICs; until then KVM may not find the last one. */
void smm_enable_apics(struct smm *s)
{
	struct kvm_lapic_state a;
	unsigned int i;

	for (i = 0; i < s->vm.vcpus; i++) {
		xioctl(s->vm.vcpu[i].fd, KVM_GET_LAPIC, &a);
		memcpy(a.regs + 0xf0, "\xff\x01", 2);
		xioctl(s->vm.vcpu[i].fd, KVM_SET_LAPIC, &a);
	}
}

/* Messages of the APIC's: an SMI wakes a halted vCPU; INIT waits for RSM. */
static void messages(struct tap_result *r, const void *arg)
{
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_vcpu_events e;
	struct kvm_regs g;
	struct vcpu *ap;
	pthread_t t;
	struct smm s;

	(void)arg;
	if (!smm_vm(r, &s, MODE_LONG, VM_IRQCHIP, 2))
		return;
	smm_enable_apics(&s);
	ap = &s.vm.vcpu[1];
	PUT(s.vm.mem + CODE, smm_hlt);
	vcpu_set_mode(&s.vm, ap, MODE_LONG, CODE, 0x9000);
	xioctl(ap->fd, KVM_SET_MP_STATE, &mp);
	mp.mp_state = KVM_MP_STATE_HALTED;
	xioctl(s.v->fd, KVM_GET_REGS, &g);
	g.rip++;
	xioctl(s.v->fd, KVM_SET_REGS, &g);
	xioctl(s.v->fd, KVM_SET_MP_STATE, &mp);
	smm_message(&s, 0, MSG_SMI | 0xff);
	want_smi(r, s.v, false, true, false, "by a message");
	if (!smm_until(r, s.v, 0x28, "an SMI while halted"))
		return;
	/* the state was that behind HLT */
	smm_settle(s.v);
	if (s.ram[AREA + 0x178] != ((CODE + 1) & 0xff))
		tap_fail(r, "RIP %#x was saved", s.ram[AREA + 0x178]);
	if (!strcmp(kvm_device, "/dev/vh") && !(s.ram[AREA + 0xc9] & 1))
		tap_fail(r, "that it was halted was not");
	/* the handler may have it go on */
	s.ram[AREA + 0xc9] = 0;
	if (!smm_until(r, s.v, 0x10, "after RSM, not halted"))
		return;
	/* INIT in SMM waits, a SIPI is lost */
	memcpy(s.vm.mem + CODE, "\xe6\x10\xeb\xfc", 4);
	if (!smm_until(r, ap, 0x10, "the other"))
		return;
	smm_message(&s, 1, MSG_SMI);
	if (!smm_until(r, ap, 0x28, "an SMI to the other"))
		return;
	smm_settle(ap);
	smm_message(&s, 1, 1 << 14 | MSG_INIT);
	smm_message(&s, 1, MSG_SIPI | 2);
	e = events(ap);
	if (!e.smi.latched_init || !e.smi.smm)
		tap_fail(r, "INIT in SMM: latched %u, smm %u", e.smi.latched_init, e.smi.smm);
	mp.mp_state = KVM_MP_STATE_INIT_RECEIVED;
	want_errno(r, ioctl(ap->fd, KVM_SET_MP_STATE, &mp), EINVAL, "INIT_RECEIVED in SMM");
	mp.mp_state = KVM_MP_STATE_SIPI_RECEIVED;
	want_errno(r, ioctl(ap->fd, KVM_SET_MP_STATE, &mp), EINVAL, "SIPI_RECEIVED in SMM");
	xioctl(ap->fd, KVM_GET_REGS, &g);
	if (g.rip < HANDLER || g.rip > HANDLER + 16)
		tap_fail(r, "INIT in SMM: at %#llx", g.rip);
	/* RSM, INIT, and it waits: a SIPI has it go on at 0x2000 */
	memcpy(s.vm.mem + 0x2000, "\xe6\x13\xeb\xfc", 4);
	alarm(20);
	pthread_create(&t, NULL, send_sipi, &s);
	smm_until(r, ap, 0x13, "INIT behind RSM, and a SIPI");
	pthread_join(t, NULL);
	xioctl(ap->fd, KVM_GET_REGS, &g);
	e = events(ap);
	if (e.smi.smm || e.smi.latched_init || e.smi.pending)
		tap_fail(r, "after INIT: smm %u, latched %u, pending %u", e.smi.smm, e.smi.latched_init, e.smi.pending);
}

static void *kick_later(void *arg)
{
	usleep(300000);
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
}

/* A vCPU that halts in SMM sleeps on: neither an SMI nor an NMI wakes it, a signal to the thread does. */
static void halt_in_smm(struct tap_result *r, const void *arg)
{
	struct sigaction sa = { .sa_handler = on_signal };
	pthread_t me = pthread_self(), t;
	struct smm s;

	(void)arg;
	sigaction(SIGUSR1, &sa, NULL);
	if (!smm_vm(r, &s, MODE_LONG, VM_IRQCHIP, 1))
		return;
	PUT(s.ram + HANDLER, smm_halt);
	xioctl(s.v->fd, KVM_SMI, 0);
	if (!smm_until(r, s.v, 0x28, "in SMM"))
		return;
	xioctl(s.v->fd, KVM_SMI, 0);
	xioctl(s.v->fd, KVM_NMI, 0);
	pthread_create(&t, NULL, kick_later, &me);
	if (ioctl(s.v->fd, KVM_RUN, 0) != -1 || errno != EINTR)
		tap_fail(r, "HLT in SMM: exit %s, port %#x", exit_name(s.v->run->exit_reason), s.v->run->io.port);
	pthread_join(t, NULL);
	want_smi(r, s.v, true, true, false, "halting in SMM");
}

/* Userspace has the state: every combination is what it was when it is got again. */
static void set_events(struct tap_result *r, const void *arg)
{
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_INIT_RECEIVED };
	struct kvm_vcpu_events e, f;
	unsigned int i;
	struct smm s;

	(void)arg;
	if (!smm_vm(r, &s, MODE_LONG, VM_IRQCHIP, 2))
		return;
	for (i = 0; i < 64; i++) {
		e = events(s.v);
		e.flags = KVM_VCPUEVENT_VALID_SMM;
		e.smi.smm = i & 1;
		e.smi.pending = i >> 1 & 1;
		e.smi.smm_inside_nmi = i >> 2 & 1;
		e.smi.latched_init = i >> 3 & 1;
		e.nmi.masked = i >> 4 & 1;
		if (i & 32)
			e.flags = 0;
		f = events(s.v);
		want_ok(r, ioctl(s.v->fd, KVM_SET_VCPU_EVENTS, &e), "KVM_SET_VCPU_EVENTS");
		if (!(i & 32))
			f = e;
		e = events(s.v);
		if (e.smi.smm != f.smi.smm || e.smi.pending != f.smi.pending || e.smi.latched_init != f.smi.latched_init ||
		    (e.smi.smm && e.smi.smm_inside_nmi != f.smi.smm_inside_nmi) || e.nmi.masked != (i >> 4 & 1))
			tap_fail(r, "%#x: smm %u, pending %u, inside NMI %u, INIT %u", i, e.smi.smm, e.smi.pending,
				 e.smi.smm_inside_nmi, e.smi.latched_init);
	}
	e.flags = 0x40;
	want_errno(r, ioctl(s.v->fd, KVM_SET_VCPU_EVENTS, &e), EINVAL, "an unknown flag");
	/* A vCPU that waits for a SIPI takes no SMI. */
	memset(&e, 0, sizeof(e));
	e.flags = KVM_VCPUEVENT_VALID_SMM;
	want_ok(r, ioctl(s.vm.vcpu[1].fd, KVM_SET_VCPU_EVENTS, &e), "nothing");
	want_ok(r, ioctl(s.vm.vcpu[1].fd, KVM_SET_MP_STATE, &mp), "INIT_RECEIVED");
	e.smi.smm = 1;
	want_errno(r, ioctl(s.vm.vcpu[1].fd, KVM_SET_VCPU_EVENTS, &e), EINVAL, "smm after INIT");
	e.smi.smm = 0;
	e.smi.pending = 1;
	want_errno(r, ioctl(s.vm.vcpu[1].fd, KVM_SET_VCPU_EVENTS, &e), EINVAL, "pending after INIT");

	/* In SMM by userspace's word alone: its address space, and RSM. */
	memset(&e, 0, sizeof(e));
	e.flags = KVM_VCPUEVENT_VALID_SMM;
	e.smi.smm = 1;
	xioctl(s.v->fd, KVM_SET_VCPU_EVENTS, &e);
	memcpy(s.ram + 0x100, "\xe6\x14\xeb\xfc", 4);
	memcpy(s.vm.mem + SMBASE + 0x100, "\xe6\x15\xeb\xfc", 4);
	vcpu_set_mode(&s.vm, s.v, MODE_LONG, SMBASE + 0x100, 0x8000);
	if (!smm_until(r, s.v, 0x14, "put into SMM"))
		return;
	e.smi.smm = 0;
	xioctl(s.v->fd, KVM_SET_VCPU_EVENTS, &e);
	smm_until(r, s.v, 0x15, "taken out of SMM");
}

/* An SMI that waits for the delivery of an exception, and userspace takes that back. */
static void waits_no_more(struct tap_result *r, const void *arg)
{
	struct { uint32_t len; uint8_t set[8]; } none = { .len = 8 };	/* struct kvm_signal_mask */
	struct kvm_vcpu_events e = { .exception = { .injected = 1, .nr = 6 } };
	sigset_t usr1;
	struct smm s;

	(void)arg;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	if (!smm_vm(r, &s, MODE_LONG, 0, 1))
		return;
	xioctl(s.v->fd, KVM_SET_VCPU_EVENTS, &e);
	xioctl(s.v->fd, KVM_SMI, 0);
	/* a signal that is there already: the SMI is looked at, but nothing is executed */
	xioctl(s.v->fd, KVM_SET_SIGNAL_MASK, &none);
	raise(SIGUSR1);
	want_errno(r, ioctl(s.v->fd, KVM_RUN, 0), EINTR, "a signal");
	xioctl(s.v->fd, KVM_SET_SIGNAL_MASK, 0);
	e.exception.injected = 0;
	xioctl(s.v->fd, KVM_SET_VCPU_EVENTS, &e);
	smm_until(r, s.v, 0x28, "no exception any more");
}

/* RSM with a state that no processor can be in is a shutdown. */
static void bad_state(struct tap_result *r, const void *arg)
{
	static const struct { uint16_t at; uint64_t value; const char *what; } bad[] = {
		{ 0x158, 0x80000030, "CR0.PG without PE" },
		{ 0x158, 0xa0000031, "CR0.NW without CD" },
		{ 0x148, 0x80000620, "a reserved bit of CR4" },
		{ 0x148, 0x600, "long mode without PAE" },
		{ 0xd0, 0x10d01, "a reserved bit of EFER" },
	};
	unsigned int i;
	struct smm s;

	(void)arg;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (!smm_vm(r, &s, MODE_LONG, 0, 1))
			return;
		xioctl(s.v->fd, KVM_SMI, 0);
		if (!smm_until(r, s.v, 0x28, "in SMM"))
			return;
		memcpy(s.ram + AREA + bad[i].at, &bad[i].value, 8);
		if (vcpu_run(s.v) || s.v->run->exit_reason != KVM_EXIT_SHUTDOWN)
			tap_fail(r, "%s: exit %s", bad[i].what, exit_name(s.v->run->exit_reason));
		vm_destroy(&s.vm);
	}
}

static const enum guest_mode real = MODE_REAL, long_mode = MODE_LONG, pae = MODE_PAE;

#define SAVE(mode, old)	(&(const struct save_arg){ mode, old })

const struct test_case smm_cases[] = {
	{ "smm-save-real", save, SAVE(MODE_REAL, false) },
	{ "smm-save-flat", save, SAVE(MODE_FLAT32, false) },
	{ "smm-save-page32", save, SAVE(MODE_PAGE32, false) },
	{ "smm-save-pae", save, SAVE(MODE_PAE, false) },
	{ "smm-save-long", save, SAVE(MODE_LONG, false) },
	{ "smm-save-old-real", save, SAVE(MODE_REAL, true) },
	{ "smm-save-old-flat", save, SAVE(MODE_FLAT32, true) },
	{ "smm-save-old-pae", save, SAVE(MODE_PAE, true) },
	{ "smm-memory-real", memory, &real },
	{ "smm-memory-pae", memory, &pae },
	{ "smm-memory-long", memory, &long_mode },
	{ "smm-relocate", relocate, NULL },
	{ "smm-latched", latched, NULL },
	{ "smm-messages", messages, NULL },
	{ "smm-halt", halt_in_smm, NULL },
	{ "smm-events", set_events, NULL },
	{ "smm-waits-no-more", waits_no_more, NULL },
	{ "smm-bad-state", bad_state, NULL },
	{ NULL, NULL, NULL }
};
