// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU that runs programs: state in, accesses answered, state out. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <x86intrin.h>

#include "../lib/kvm.h"
#include "differ.h"

#define TICK_US	20000

uint8_t *machine_ram, *fresh_ram;
static unsigned int patience = 3, most_exits = EXITS;
static uint8_t template[RAM], rom_template[ROM_SIZE], *rom;
static struct vm vm;
static struct vcpu *v;
static volatile unsigned int ticks;
static unsigned int msrs;			/* that the device has */
static uint64_t xfeatures;			/* XCR0 at its widest; 0: there is no XSAVE */
static struct {
	struct kvm_msrs head;
	struct kvm_msr_entry entry[DIFFER_MSRS];
} msr_buf;

static void on_tick(int sig)
{
	(void)sig;
	ticks++;
}

/* What programs may use. */
static void tell_features(const struct kvm_cpuid_entry2 *e)
{
	struct gen_features *has = &gen_options.has;

	if (e->function == 1) {
		has->xsave = e->ecx >> 26 & 1;
		has->avx = e->ecx >> 28 & 1;
		has->pcid = e->ecx >> 17 & 1;
	} else if (e->function == 7 && !e->index) {
		has->fsgsbase = e->ebx & 1;
		has->avx512 = e->ebx >> 16 & 1;
		has->smep = e->ebx >> 7 & 1;
		has->smap = e->ebx >> 20 & 1;
		has->umip = e->ecx >> 2 & 1;
		has->la57 = e->ecx >> 16 & 1;
	} else if (e->function == 0xd && !e->index) {
		xfeatures = e->eax & (7 | XCR0_AVX512);
	}
}

static void set_cpuid(const char *file)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 256 * sizeof(c->entries[0]));
	FILE *f = fopen(file, "r");
	unsigned int i;

	if (!f || fread(c, sizeof(*c), 1, f) != 1 || c->nent > 256 ||
	    fread(c->entries, sizeof(c->entries[0]), c->nent, f) != c->nent) {
		fprintf(stderr, "%s: cannot be read\n", file);
		exit(2);
	}
	fclose(f);
	for (i = 0; i < c->nent; i++)
		tell_features(&c->entries[i]);
	gen_options.has.avx512 &= (xfeatures & XCR0_AVX512) == XCR0_AVX512;
	xioctl(v->fd, KVM_SET_CPUID2, c);
	free(c);
}

/*
 * Every page has been touched before the first program: what an emulator saves of RFLAGS.RF when an EPT violation cuts
 * the delivery of an event short is wrong (SDM Vol. 3, 28.3.3), and KVM delivers it so.
 */
static void touch_all(void)
{
	/* PCMPEQB MM1, MM1; from here on MASKMOVQ MM0, MM1, which vh's interpreter does not know; ADD EDI, 0x1000; CMP EDI, EBX; JB; HLT */
	static const uint8_t code[] = { 0x0f, 0x74, 0xc9, 0x0f, 0xf7, 0xc1, 0x81, 0xc7, 0x00, 0x10, 0x00, 0x00, 0x39, 0xdf,
					0x72, 0xf3, 0xf4 };
	struct kvm_sregs real, s;
	struct kvm_regs r = { .rip = CODE + 0x800, .rbx = RAM, .rflags = 2 };
	unsigned int tries = 100;

	xioctl(v->fd, KVM_GET_SREGS, &real);
	s = real;
	s.cr0 |= 1;
	s.cs = (struct kvm_segment){ .selector = 8, .limit = 0xffffffff, .type = 11, .present = 1, .s = 1, .db = 1, .g = 1 };
	s.ss = s.ds = s.es = s.fs = s.gs = (struct kvm_segment){ .selector = 16, .limit = 0xffffffff, .type = 3, .present = 1,
								 .s = 1, .db = 1, .g = 1 };
	memcpy(machine_ram + r.rip, code, sizeof(code));
	xioctl(v->fd, KVM_SET_SREGS, &s);
	xioctl(v->fd, KVM_SET_REGS, &r);
	while (--tries && (ioctl(v->fd, KVM_RUN, 0) < 0 || v->run->exit_reason != KVM_EXIT_HLT))
		;
	xioctl(v->fd, KVM_SET_SREGS, &real);
	memcpy(machine_ram, template, RAM);
	if (!tries) {
		fprintf(stderr, "memory cannot be touched: exit %u\n", v->run->exit_reason);
		exit(2);
	}
}

void machine_init(const char *cpuid_file)
{
	struct itimerval tick = { { 0, TICK_US }, { 0, TICK_US } };
	uint64_t identity = 0xb6ad5000;
	struct sigaction sa = { .sa_handler = on_tick };
	unsigned int i;

	vm_create(&vm, 1 << 20, 0);
	machine_ram = vm.mem;
	rom = vm.mem + ROM;
	/* The slot ends where devices begin. */
	vm_slot(&vm, 0, 0, 0, 0, vm.mem);
	if (vm_slot(&vm, 0, 0, 0, RAM, vm.mem) || vm_slot(&vm, 1, KVM_MEM_READONLY, ROM, ROM_SIZE, rom)) {
		fprintf(stderr, "memslots refused\n");
		exit(2);
	}
	fresh_ram = aligned_alloc(0x1000, RAM);
	gen_template(template, rom_template);
	memcpy(fresh_ram, template, RAM);
	memcpy(machine_ram, template, RAM);
	memcpy(rom, rom_template, ROM_SIZE);
	/*
	 * Nobody may have a device there (Documentation/virt/kvm/api.rst, KVM_SET_IDENTITY_MAP_ADDR), but here all else is
	 * devices: a page that programs do not come to.
	 */
	if (ioctl(vm.fd, KVM_SET_IDENTITY_MAP_ADDR, &identity)) {
		perror("KVM_SET_IDENTITY_MAP_ADDR");
		exit(2);
	}
	v = vm_add_vcpu(&vm);
	if (cpuid_file)
		set_cpuid(cpuid_file);
	for (i = 0; i < DIFFER_MSRS; i++)
		msr_buf.entry[i].index = differ_msrs[i];
	msr_buf.head.nmsrs = DIFFER_MSRS;
	msrs = ioctl(v->fd, KVM_GET_MSRS, &msr_buf);
	if (msrs != DIFFER_MSRS)
		printf("# MSR %#x and those after it are left out\n", differ_msrs[msrs]);
	touch_all();
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
}

/* --- state in --- */

/* An XSAVE area, of which a processor without XSAVE has the first 512 bytes. */
static struct {
	struct fpu_head { uint8_t bytes[416]; } head;	/* of struct fpu, but for ymmh */
	uint8_t reserved[96];
	uint64_t bv, header[7];
	uint8_t ymmh[16][16];
	uint8_t bounds[1088 - 832];
	struct fpu512 fpu512;		/* at 1088: k, at 1152: zmmh, at 1664: zmm16 */
	uint8_t rest[4096 - 2688];
} xsave;
_Static_assert(sizeof(xsave) == 4096 && offsetof(struct fpu512, zmm16) == 1664 - 1088, "XSAVE");

static void fpu_load(const struct fpu *f, const struct fpu512 *f512)
{
	memset(&xsave, 0, sizeof(xsave));
	xsave.fpu512 = *f512;
	memcpy(&xsave.head, f, sizeof(xsave.head));
	memcpy(xsave.ymmh, f->ymmh, sizeof(xsave.ymmh));
	xsave.bv = xfeatures;
	xioctl(v->fd, KVM_SET_XSAVE, &xsave);
}

/* What the header says is in its initial state. */
static void fpu_store(struct fpu *f, struct fpu512 *f512)
{
	xioctl(v->fd, KVM_GET_XSAVE, &xsave);
	memcpy(f, &xsave.head, sizeof(xsave.head));
	memcpy(f->ymmh, xsave.ymmh, sizeof(xsave.ymmh));
	f->mxcsr_mask = 0;
	memset(f512, 0, sizeof(*f512));
	if (!xfeatures)
		return;
	if (xsave.bv & 1 << 5)
		memcpy(f512->k, xsave.fpu512.k, sizeof(f512->k));
	if (xsave.bv & 1 << 6)
		memcpy(f512->zmmh, xsave.fpu512.zmmh, sizeof(f512->zmmh));
	if (xsave.bv & 1 << 7)
		memcpy(f512->zmm16, xsave.fpu512.zmm16, sizeof(f512->zmm16));
	if (!(xsave.bv & 1)) {
		memset(f, 0, offsetof(struct fpu, mxcsr));
		memset(f->st, 0, sizeof(f->st));
		f->cw = 0x37f;
	}
	if (!(xsave.bv & 2))
		memset(f->xmm, 0, sizeof(f->xmm));
	if (!(xsave.bv & 4))
		memset(f->ymmh, 0, sizeof(f->ymmh));
}

#define SYNCED	(KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS)

static uint8_t irq_waits;			/* the interrupt that has not been taken yet */
static uint8_t nmi_at;				/* the access to a device that an NMI comes with */

/* What the vCPU holds, as it said itself; it is not told again. */
static struct {
	bool known;
	struct kvm_debugregs debug;
	uint64_t msr[DIFFER_MSRS], xcr0;
} held;

/*
 * Most of what a program costs is calls of the device: what KVM_RUN itself can take along (KVM_CAP_SYNC_REGS) has none of
 * its own, nor has what is there already.
 */
static void load_held(const struct program *p)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = p->xcr0 | 1 };
	unsigned int i, n = 0;

	if (xfeatures && !(held.known && held.xcr0 == xcrs.xcrs[0].value))
		xioctl(v->fd, KVM_SET_XCRS, &xcrs);
	if (!held.known || memcmp(&held.debug, &p->debug, sizeof(held.debug)))
		xioctl(v->fd, KVM_SET_DEBUGREGS, &p->debug);
	for (i = 0; i < msrs; i++)
		if (!held.known || held.msr[i] != p->msr[i]) {
			msr_buf.entry[n].index = differ_msrs[i];
			msr_buf.entry[n++].data = p->msr[i];
		}
	msr_buf.head.nmsrs = n;
	if (n && ioctl(v->fd, KVM_SET_MSRS, &msr_buf) != (int)n) {
		fprintf(stderr, "program %llu: MSRs refused\n", (unsigned long long)p->number);
		exit(2);
	}
	held.known = false;
}

static void load(const struct program *p)
{
	static struct kvm_sregs real;
	struct kvm_sync_regs *sync = &v->run->s.regs;

	/* Paging off and on again: nothing is left of earlier translations. */
	if (!real.apic_base) {
		xioctl(v->fd, KVM_GET_SREGS, &real);
		real.apic_base = 0xfee00900;
	}
	if (p->sregs.cr0 >> 31)
		xioctl(v->fd, KVM_SET_SREGS, &real);
	fpu_load(&p->fpu, &p->fpu512);
	load_held(p);
	sync->regs = p->regs;
	sync->sregs = p->sregs;
	sync->events = (struct kvm_vcpu_events){
		.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW,
		.interrupt.shadow = p->shadow,
		.nmi.pending = p->nmi,
		.nmi.masked = p->nmi_masked,
	};
	v->run->kvm_dirty_regs = v->run->kvm_valid_regs = SYNCED;
	irq_waits = p->irq;
	nmi_at = p->nmi_at;
	v->run->request_interrupt_window = !!p->irq;
	v->run->cr8 = 0;
}

/* --- devices: what is read follows from the address, byte by byte --- */

static uint8_t device_byte(uint64_t where)
{
	return (where * 0x9e3779b97f4a7c15) >> 41;
}

static void log_access(struct state *s, bool port, uint64_t where, const void *data, unsigned int len, bool write)
{
	struct access *a = &s->access[s->accesses];

	if (s->accesses == LOG)
		return;
	memset(a, 0, sizeof(*a));
	a->where = where;
	memcpy(&a->data, data, len);
	a->len = len;
	a->port = port;
	a->write = write;
	s->accesses++;
}

/*
 * How an access to devices is cut into pieces is not architectural: what is contiguous goes into
 * records of 8 bytes.
 */
static void log_mmio(struct state *s, uint64_t where, const uint8_t *data, unsigned int len, bool write)
{
	struct access *last = s->accesses ? &s->access[s->accesses - 1] : NULL;

	while (last && len && last->where + last->len == where && last->len < 8 && last->write == write &&
	       !last->port) {
		last->data |= (uint64_t)*data << 8 * last->len;
		last->len++;
		where++;
		data++;
		len--;
	}
	if (len)
		log_access(s, false, where, data, len, write);
}

static void answer_mmio(struct state *s)
{
	struct kvm_run *run = v->run;
	unsigned int i;

	if (!run->mmio.is_write)
		for (i = 0; i < run->mmio.len; i++)
			run->mmio.data[i] = device_byte(run->mmio.phys_addr + i);
	if (run->mmio.phys_addr >= 0xffffff80)
		s->top = 1;
	log_mmio(s, run->mmio.phys_addr, run->mmio.data, run->mmio.len, run->mmio.is_write);
}

static void answer_io(struct state *s)
{
	struct kvm_run *run = v->run;
	bool write = run->io.direction == KVM_EXIT_IO_OUT;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	unsigned int i, j;

	/* INS may read ahead of its destination (SDM Vol. 2, INS says no order): reads are not compared. */
	for (j = 0; j < run->io.count; j++, data += run->io.size) {
		if (write)
			log_access(s, true, run->io.port, data, run->io.size, true);
		else
			for (i = 0; i < run->io.size; i++)
				data[i] = device_byte(run->io.port + i + 0x10000);
	}
}

/* Nothing is left of an access that was not finished. */
static void abandon(void)
{
	unsigned int i;

	v->run->immediate_exit = 1;
	for (i = 0; i < 100; i++)
		if (ioctl(v->fd, KVM_RUN, 0) < 0)
			break;
	v->run->immediate_exit = 0;
}

static void interrupt(void)
{
	struct kvm_interrupt irq = { irq_waits };

	xioctl(v->fd, KVM_INTERRUPT, &irq);
	irq_waits = 0;
	v->run->request_interrupt_window = 0;
}

/* An NMI that waits comes before interrupts (SDM Vol. 3, table 6-2). */
static bool nmi_first(void)
{
	const struct kvm_vcpu_events *events = &v->run->s.regs.events;

	return events->nmi.injected || (events->nmi.pending && !events->nmi.masked);
}

/* HLT is done; does something end it that is there already? (SDM Vol. 2, HLT) */
static bool wakes_up(void)
{
	const struct kvm_vcpu_events *events = &v->run->s.regs.events;

	if (nmi_first())
		return true;
	if (irq_waits && v->run->if_flag && v->run->ready_for_interrupt_injection) {
		interrupt();
		return true;
	}
	return events->exception.injected || events->exception.pending || events->interrupt.injected;
}

/* An NMI that comes now is taken when the instruction is done (SDM Vol. 3, 6.3.1). */
static void device_exit(struct state *s)
{
	if (++s->devices == nmi_at)
		xioctl(v->fd, KVM_NMI, 0);
}

static enum end run(struct state *s)
{
	struct kvm_run *run = v->run;

	ticks = 0;
	for (;;) {
		if (ioctl(v->fd, KVM_RUN, 0) < 0) {
			if (errno == EINTR && ticks < patience)
				continue;
			s->detail = errno == EINTR ? 0 : errno;
			return errno == EINTR ? E_LOOP : E_REFUSED;
		}
		switch (run->exit_reason) {
		case KVM_EXIT_HLT:
			if (!wakes_up())
				return E_HLT;
			break;
		case KVM_EXIT_IRQ_WINDOW_OPEN:
			if (irq_waits && !nmi_first())
				interrupt();
			break;
		case KVM_EXIT_MMIO:
			device_exit(s);
			answer_mmio(s);
			break;
		case KVM_EXIT_IO:
			device_exit(s);
			answer_io(s);
			break;
		case KVM_EXIT_SET_TPR:
			break;
		case KVM_EXIT_SHUTDOWN:
			return E_SHUTDOWN;
		case KVM_EXIT_INTERNAL_ERROR:
			s->detail = run->internal.suberror;
			return E_ERROR;
		case KVM_EXIT_FAIL_ENTRY:
			s->detail = run->fail_entry.hardware_entry_failure_reason;
			return E_ENTRY;
		default:
			s->detail = run->exit_reason;
			return E_OTHER;
		}
		if (s->accesses == LOG || ++s->exits == most_exits) {
			abandon();
			return E_LIMIT;
		}
	}
}

/* --- state out --- */

/* Of an unusable segment only the selector means something (SDM Vol. 3, 25.4.1), and FS's and GS's base. */
static void normalize_segment(struct kvm_segment *seg, bool base)
{
	struct kvm_segment s = { .selector = seg->selector, .unusable = 1 };

	if (seg->unusable || !seg->present) {
		if (base)
			s.base = seg->base;
		*seg = s;
	}
	seg->padding = 0;
}

#define ARITHMETIC	0x8d5

/* The flags that the SDM leaves undefined once the program has come to linear address @at. */
static uint64_t undefined_flags(const struct program *p, uint64_t at)
{
	uint64_t flags = 0;
	unsigned int i;

	if (at < p->code_at || at > p->code_at + p->code_len)
		at = p->code_at + p->code_len + 1;
	if (p->bytes)
		return ARITHMETIC;
	for (i = 0; i < p->ops; i++) {
		/* Who jumps may land in the middle. */
		if (p->op[i]->kind == K_BRANCH)
			return ARITHMETIC;
		if (p->code_at + p->start[i] < at)
			flags |= p->op[i]->undefined;
	}
	return flags;
}

/* A frame on the stack: where it is, where in it RIP and RFLAGS are, where the one before it is; in real mode where CS is. */
struct frame {
	uint64_t start, rip, flags, before, cs;
};

/* What is at a linear address: pages that have two (layout.c). */
static uint64_t physical(uint64_t at)
{
	if (at >= L_BIG && at < L_BIG + RAM)
		return at - L_BIG;
	if (at >> 12 == L_ALIAS >> 12)
		return at - L_ALIAS + DATA + 0x2000;
	if (at >= L_READONLY && at < L_CLEAN + 0x1000)
		return (at & 0xfff) + DATA + 0x1000;
	return at;
}

static uint64_t ram_read(uint64_t at, unsigned int len)
{
	uint64_t value = 0;

	at = physical(at);
	if (at <= RAM - len)
		memcpy(&value, machine_ram + at, len);
	return value;
}

static struct frame frame_of(const struct state *s, int vector, uint64_t start)
{
	bool error = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;

	/* SP wraps at 64 KB, also between the parts. */
	if (!(s->sregs.cr0 & 1)) {
		uint64_t base = s->sregs.ss.base, sp = start - base;

		return (struct frame){ start, start, base + ((sp + 4) & 0xffff), base + ((sp + 6) & 0xffff), base + ((sp + 2) & 0xffff) };
	}
	if (s->sregs.efer & 0x400) {
		start += error ? 8 : 0;
		return (struct frame){ start, start, start + 16, ram_read(start + 24, 8), 0 };
	}
	start += error ? 4 : 0;
	return (struct frame){ start, start, start + 8, start + 12, 0 };
}

/*
 * The vector whose handler the program ended in, or -1. Where an NMI or another event came before that handler's first
 * instruction the handler's own vector, and *frame its frame.
 */
static int state_vector(const struct state *s, struct frame *frame)
{
	uint64_t linear = s->sregs.cs.base + s->regs.rip - HANDLERS, start = s->regs.rsp;
	bool real = !(s->sregs.cr0 & 1), wide = s->sregs.efer & 0x400;
	unsigned int depth;
	int vector = linear / 4;

	if (s->end != E_HLT || linear >= 0x400 || linear % 4 != 1)
		return -1;
	if (!wide)
		start = (real || !s->sregs.ss.db ? start & 0xffff : (uint32_t)start) + s->sregs.ss.base;
	*frame = frame_of(s, vector, start);
	for (depth = 0; depth < 3; depth++) {
		linear = ram_read(frame->rip, real ? 2 : wide ? 8 : 4) - HANDLERS;
		if (real)
			linear += ram_read(frame->cs, 2) * 16;
		else if ((ram_read(frame->rip + (wide ? 8 : 4), 2) & ~3u) != (s->sregs.cs.selector & ~3u))
			break;
		if (linear >= 0x400 || linear % 4)
			break;
		vector = linear / 4;
		*frame = frame_of(s, vector, frame->before);
	}
	return vector;
}

static void gather(struct state *s)
{
	struct kvm_segment *seg = &s->sregs.cs;
	unsigned int i;

	s->regs = v->run->s.regs.regs;
	s->sregs = v->run->s.regs.sregs;
	s->events = v->run->s.regs.events;
	xioctl(v->fd, KVM_GET_DEBUGREGS, &s->debug);
	fpu_store(&s->fpu, &s->fpu512);
	if (xfeatures) {
		struct kvm_xcrs xcrs;

		xioctl(v->fd, KVM_GET_XCRS, &xcrs);
		s->xcr0 = xcrs.xcrs[0].value;
	}
	for (i = 0; i < msrs; i++)
		msr_buf.entry[i].index = differ_msrs[i];
	msr_buf.head.nmsrs = msrs;
	xioctl(v->fd, KVM_GET_MSRS, &msr_buf);
	for (i = 0; i < msrs; i++)
		s->msr[i] = held.msr[i] = msr_buf.entry[i].data;
	held.debug = s->debug;
	held.xcr0 = s->xcr0;
	held.known = true;
	/* In real mode it is without meaning; processors differ in what loads leave there. */
	if (!(s->sregs.cr0 & 1))
		s->sregs.cs.type = 0;
	for (i = 0; i < 8; i++)
		normalize_segment(&seg[i], (s->sregs.efer & 0x400) && (i == 3 || i == 4));
	s->sregs.gdt.padding[0] = s->sregs.gdt.padding[1] = s->sregs.gdt.padding[2] = 0;
	s->sregs.idt.padding[0] = s->sregs.idt.padding[1] = s->sregs.idt.padding[2] = 0;
	memset(s->sregs.interrupt_bitmap, 0, sizeof(s->sregs.interrupt_bitmap));
	/* What of these a device tells is its own affair. */
	s->events = (struct kvm_vcpu_events){
		.exception.injected = s->events.exception.injected,
		.exception.nr = s->events.exception.injected ? s->events.exception.nr : 0,
		.interrupt.injected = s->events.interrupt.injected,
		.interrupt.shadow = s->events.interrupt.shadow,
		.nmi.injected = s->events.nmi.injected,
		.nmi.pending = s->events.nmi.pending,
		.nmi.masked = s->events.nmi.masked,
	};
}

/* What the SDM leaves open beyond flags. */
static void mask_open(struct state *s)
{
	struct frame frame = { };
	unsigned int i, n = 0, width = s->sregs.efer & 0x400 ? 16 : 8;
	int vector = s->vector = state_vector(s, &frame);

	/* Of a breakpoint that is not on DR6 may tell or not (Vol. 3, 18.2.3). */
	for (i = 0; i < 4; i++)
		if (!(s->debug.dr7 & 3u << 2 * i))
			s->debug.dr6 &= ~(1ull << i);
	/* An instruction that faults may have read before. */
	if (vector >= 12 && vector <= 14) {
		for (i = 0; i < s->accesses; i++)
			if (s->access[i].write)
				s->access[n++] = s->access[i];
		memset(s->access + n, 0, (s->accesses - n) * sizeof(s->access[0]));
		s->accesses = n;
	}
	/* Of #DF CS and RIP are undefined (Vol. 3, 6.15). */
	if (vector == 8 && (s->sregs.cr0 & 1) && frame.rip <= RAM - width)
		memset(machine_ram + frame.rip, 0, width);
}

static void mask_flags(const struct program *p, struct state *s)
{
	uint64_t at = s->sregs.cs.base + s->regs.rip, undefined;
	struct frame frame = { .flags = RAM };
	uint16_t flags;

	if (state_vector(s, &frame) >= 0 && frame.flags <= RAM - 2)
		at = !(s->sregs.cr0 & 1) ? ram_read(frame.rip, 2) + ram_read(frame.cs, 2) * 16 :
		     !(s->sregs.efer & 0x400) && (ram_read(frame.flags, 4) & 0x20000) ?
		     ram_read(frame.rip, 4) + ram_read(frame.rip + 4, 2) * 16 : ram_read(frame.rip, 4) + p->sregs.cs.base;
	else
		frame.flags = RAM;
	s->at = at;
	undefined = undefined_flags(p, at);
	s->regs.rflags &= ~undefined;
	if (p->task) {
		/* of the old task */
		memcpy(&flags, machine_ram + TSS32 + 0x24, 2);
		flags &= ~undefined;
		memcpy(machine_ram + TSS32 + 0x24, &flags, 2);
	}
	if (!undefined || frame.flags == RAM)
		return;
	memcpy(&flags, machine_ram + frame.flags, 2);
	flags &= ~undefined;
	memcpy(machine_ram + frame.flags, &flags, 2);
}

/* A program of one HLT, so that nothing of one that did not end is taken up by the next. */
void machine_flush(void)
{
	static struct program p;
	static struct state s;
	unsigned int i;

	if (!p.sregs.apic_base) {
		for (i = 0; i < 6; i++)
			(&p.sregs.cs)[i] = (struct kvm_segment){
				.limit = 0xffff, .type = i ? 3 : 0xb, .s = 1, .present = 1
			};
		p.sregs.ds.selector = 0xc000;
		p.sregs.ds.base = 0xc0000;
		p.sregs.tr = (struct kvm_segment){ .limit = 0xff, .type = 0xb, .present = 1 };
		p.sregs.ldt = (struct kvm_segment){ .limit = 0xff, .type = 2, .present = 1 };
		p.sregs.apic_base = 0xfee00900;
		p.sregs.cr0 = 0x30;
		p.sregs.idt.limit = 0x3ff;
		p.regs.rip = HANDLERS;
		p.regs.rflags = 2;
		p.debug.dr6 = 0xffff0ff0;
		p.debug.dr7 = 0x400;
		p.msr[DIFFER_MSRS - 1] = 0x0007040600070406;
		p.fpu.cw = 0x37f;
		p.fpu.mxcsr = 0x1f80;
	}
	/* MOV AL of a device, HLT */
	memcpy(machine_ram + HANDLERS, "\xa0\x00\x00\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4", 16);
	load(&p);
	memset(&s, 0, sizeof(s));
	run(&s);
	memcpy(machine_ram + HANDLERS, fresh_ram + HANDLERS, 16);
}

void machine_limits(unsigned int n_ticks, unsigned int n_exits)
{
	patience = n_ticks;
	most_exits = n_exits;
}

void machine_run(const struct program *p, struct state *s)
{
	memset(s, 0, offsetof(struct state, word));
	s->vector = -1;
	memory_reset();
	load(p);
	s->work = __rdtsc();
	s->end = run(s);
	s->work = __rdtsc() - s->work;
	if (s->end == E_HLT)
		gather(s);
	if (s->end == E_HLT) {
		mask_open(s);
		mask_flags(p, s);
	}
	if (s->end == E_HLT || s->end == E_SHUTDOWN)
		memory_gather(p, s);
	else
		s->accesses = 0;
	if (s->end != E_HLT)
		machine_flush();
}
