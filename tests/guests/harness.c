// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

extern const uint8_t guest_image[];

struct image_header {
	char magic[8];
	uint32_t stubs64, stubs32, ap, ap_end, cases, cases_end;
	uint32_t high_load, high, high_end;	/* in the file; where it runs */
};

#define IMAGE_BASE	0x1000
#define AP_TRAMPOLINE	0x60000

const struct guest_case *guest_next(const struct guest_case *gc)
{
	const struct image_header *h = (const void *)guest_image;

	gc = gc ? gc + 1 : (const void *)(guest_image + h->cases - IMAGE_BASE);
	if ((const uint8_t *)gc == guest_image + h->cases_end - IMAGE_BASE)
		return NULL;
	return gc;
}

const struct guest_case *guest_find(const char *name)
{
	const struct guest_case *gc = NULL;

	while ((gc = guest_next(gc)))
		if (!strcmp(gc->name, name))
			return gc;
	printf("# no guest %s\n", name);
	_exit(3);
}

static void build_idt(struct ctx *c)
{
	const struct image_header *h = (const void *)guest_image;
	uint32_t *idt = (uint32_t *)(c->vm.mem + GUEST_IDT);
	unsigned int i;

	for (i = 0; i < 256; i++) {
		uint32_t stub;

		if (c->gc->mode == MODE_LONG) {
			stub = h->stubs64 + i * 16;
			idt[i * 4] = SEL_CODE64 << 16 | (stub & 0xffff);
			idt[i * 4 + 1] = (stub & 0xffff0000) | 0x8e00;
			idt[i * 4 + 2] = 0;
			idt[i * 4 + 3] = 0;
		} else {
			stub = h->stubs32 + i * 16;
			idt[i * 2] = SEL_CODE32 << 16 | (stub & 0xffff);
			idt[i * 2 + 1] = (stub & 0xffff0000) | 0x8e00;
		}
	}
}

void ctx_create(struct ctx *c, const struct guest_case *gc,
		struct tap_result *r)
{
	const struct image_header *h = (const void *)guest_image;
	unsigned int n = gc->flags >> 8 & 0xf, i;

	memset(c, 0, sizeof(*c));
	c->gc = gc;
	c->result = r;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->ended_cond, NULL);
	for (i = 0; i < 24; i++)
		c->irqfd[i] = c->resamplefd[i] = -1;
	for (i = 0; hooks[i].name; i++)
		if (!strcmp(hooks[i].name, gc->name))
			c->hook = &hooks[i];

	vm_create(&c->vm, RAM_SIZE, (gc->flags & F_IRQCHIP ? VM_IRQCHIP : 0) |
				    (gc->flags & F_PIT ? VM_PIT : 0));
	memcpy(c->vm.mem + IMAGE_BASE, guest_image, h->cases - IMAGE_BASE);
	memcpy(c->vm.mem + h->high, guest_image + h->high_load - IMAGE_BASE, h->high_end - h->high);
	memcpy(c->vm.mem + AP_TRAMPOLINE, guest_image + h->ap - IMAGE_BASE,
	       h->ap_end - h->ap);
	vm_build_tables(&c->vm);
	if (gc->mode != MODE_REAL)
		build_idt(c);
	for (i = 0; i < (n ? n : 1); i++)
		vm_add_vcpu(&c->vm);
	vcpu_set_mode(&c->vm, &c->vm.vcpu[0], gc->mode, gc->entry,
		      gc->mode == MODE_REAL ? STACK_REAL : STACK_TOP);
	if (c->hook && c->hook->setup)
		c->hook->setup(c);
}

void ctx_destroy(struct ctx *c)
{
	unsigned int i;

	for (i = 0; i < 24; i++) {
		if (c->irqfd[i] >= 0)
			close(c->irqfd[i]);
		if (c->resamplefd[i] >= 0)
			close(c->resamplefd[i]);
	}
	for (i = 0; i < c->ioeventfds; i++)
		close(c->ioeventfd[i]);
	vm_destroy(&c->vm);
}

void ctx_end(struct ctx *c)
{
	c->ended = true;
	pthread_cond_broadcast(&c->ended_cond);
}

static void fail_at(struct ctx *c, struct vcpu *v)
{
	uint32_t line = *guest_u64(c, FAIL_LINE);
	struct kvm_regs r;

	xioctl(v->fd, KVM_GET_REGS, &r);
	if (!line)
		tap_fail(c->result,
			 "exception %u, error code %#llx, at %#llx, cr2 %#llx",
			 (uint32_t)*guest_u64(c, FAULT_VEC),
			 (unsigned long long)*guest_u64(c, FAULT_ERR),
			 (unsigned long long)*guest_u64(c, FAULT_RIP),
			 (unsigned long long)*guest_u64(c, FAULT_CR2));
	else
		tap_fail(c->result,
			 "%.16s:%u: rax %llx rbx %llx rcx %llx rdx %llx rsi %llx rdi %llx last exception %d/%llx",
			 c->gc->file, line, r.rax, r.rbx, r.rcx, r.rdx, r.rsi,
			 r.rdi, (int)*guest_u64(c, FAULT_VEC),
			 (unsigned long long)*guest_u64(c, FAULT_ERR));
}

static void irq_line(struct ctx *c, unsigned int gsi, unsigned int level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	xioctl(c->vm.fd, KVM_IRQ_LINE, &l);
}

struct delayed {
	struct ctx *c;
	unsigned int what, arg, usec, data;
};

static void *delayed_thread(void *arg)
{
	struct delayed *d = arg;

	usleep(d->usec);
	if (d->what == HOST_DELAYED) {
		irq_line(d->c, d->arg, 1);
		irq_line(d->c, d->arg, 0);
	} else {
		struct kvm_msi m = { .address_lo = d->arg, .data = d->data };

		xioctl(d->c->vm.fd, KVM_SIGNAL_MSI, &m);
	}
	free(d);
	return NULL;
}

static void delay(struct ctx *c, const struct kvm_regs *r)
{
	struct delayed *d = malloc(sizeof(*d));
	pthread_t t;

	*d = (struct delayed) {
		c, (uint32_t)r->rax, r->rbx, r->rcx, r->rdx
	};
	pthread_create(&t, NULL, delayed_thread, d);
	pthread_detach(t);
}

static void signal_irqfd(struct ctx *c, unsigned int gsi, bool resample)
{
	uint64_t one = 1, n;

	if (c->irqfd[gsi] < 0) {
		struct kvm_irqfd f = { .gsi = gsi };

		c->irqfd[gsi] = eventfd(0, EFD_CLOEXEC);
		f.fd = c->irqfd[gsi];
		if (resample) {
			c->resamplefd[gsi] = eventfd(0, EFD_CLOEXEC |
							EFD_NONBLOCK);
			f.flags = KVM_IRQFD_FLAG_RESAMPLE;
			f.resamplefd = c->resamplefd[gsi];
		}
		xioctl(c->vm.fd, KVM_IRQFD, &f);
		if (resample)
			return;
	}
	if (resample) {
		if (read(c->resamplefd[gsi], &n, 8) == 8)
			c->resamples[gsi] += n;
		*guest_u64(c, RESULT) = c->resamples[gsi];
		if (c->resamples[gsi])
			return;
	}
	if (write(c->irqfd[gsi], &one, 8) != 8)
		tap_fail(c->result, "irqfd write: %s", strerror(errno));
}

static void add_ioeventfd(struct ctx *c, const struct kvm_regs *r)
{
	struct kvm_ioeventfd e = {
		.addr = (uint32_t)r->rbx,
		.len = r->rcx,
		.flags = r->rdx ? KVM_IOEVENTFD_FLAG_PIO : 0,
	};

	e.fd = c->ioeventfd[c->ioeventfds++] =
		eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	xioctl(c->vm.fd, KVM_IOEVENTFD, &e);
}

/*
 * Without an irqchip the VMM has to wait until the guest can take an
 * interrupt: KVM_EXIT_IRQ_WINDOW_OPEN tells it.
 */
static void inject(struct ctx *c, struct vcpu *v)
{
	struct kvm_interrupt irq = { .irq = c->pending_irq };

	v->run->request_interrupt_window = 0;
	if (!irq.irq)
		return;
	if (v->run->ready_for_interrupt_injection) {
		c->pending_irq = 0;
		xioctl(v->fd, KVM_INTERRUPT, &irq);
	} else {
		v->run->request_interrupt_window = 1;
	}
}

/* SMM's address space: other memory, a copy, at 0x30000, where processor n's handler is at 0x38000 - n * 0x200. */
static void smm_memory(struct ctx *c, uint32_t handler)
{
	uint8_t *p = mmap(NULL, 0x10000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int n;

	memcpy(p, c->vm.mem + 0x30000, 0x10000);
	for (n = 0; n < 4; n++)
		memcpy(p + 0x8000 - n * 0x200, c->vm.mem + handler, 0x200);
	if (vm_slot(&c->vm, 0x10000, 0, 0, 0x30000, c->vm.mem) || vm_slot(&c->vm, 0x10001, 0, 0x30000, 0x10000, p) ||
	    vm_slot(&c->vm, 0x10002, 0, 0x40000, RAM_SIZE - 0x40000, c->vm.mem + 0x40000))
		tap_fail(c->result, "memslots of SMM: %s", strerror(errno));
}

/* The guest's OUT to port 0xe0: see guest.h. */
static void service(struct ctx *c, struct vcpu *v)
{
	struct kvm_vcpu_events ev;
	struct kvm_msi msi = { 0 };
	struct kvm_regs r;
	uint64_t *res = guest_u64(c, RESULT), n;
	unsigned int i;
	void *p;

	xioctl(v->fd, KVM_GET_REGS, &r);
	switch ((uint32_t)r.rax) {
	case HOST_IRQ_LINE:
		irq_line(c, r.rbx, r.rcx);
		break;
	case HOST_MSI:
		msi.address_lo = r.rbx;
		msi.data = r.rcx;
		*res = xioctl(c->vm.fd, KVM_SIGNAL_MSI, &msi);
		break;
	case HOST_NMI:
		xioctl(v->fd, KVM_NMI, 0);
		break;
	case HOST_INTERRUPT:
		c->pending_irq = r.rbx;
		inject(c, v);
		break;
	case HOST_DELAYED:
	case HOST_DELAYED_MSI:
		delay(c, &r);
		break;
	case HOST_MMIO_LOG:
		res[0] = c->mmio_writes;
		res[1] = c->mmio_reads;
		res[2] = c->mmio_addr;
		res[3] = c->mmio_len;
		res[4] = c->mmio_data;
		c->mmio_writes = c->mmio_reads = 0;
		break;
	case HOST_PIO_LOG:
		memcpy(c->vm.mem + DATA, c->pio_log, sizeof(c->pio_log));
		*res = c->pio_logged;
		c->pio_logged = 0;
		break;
	case HOST_IRQFD:
		signal_irqfd(c, r.rbx, false);
		break;
	case HOST_RESAMPLE:
		signal_irqfd(c, r.rbx, true);
		break;
	case HOST_IOEVENTFD:
		add_ioeventfd(c, &r);
		break;
	case HOST_IOEVENTS:
		*res = 0;
		for (i = 0; i < c->ioeventfds; i++)
			if (read(c->ioeventfd[i], &n, 8) == 8)
				*res += n;
		break;
	case HOST_DONTNEED:
		madvise(c->vm.mem + (uint32_t)r.rbx, r.rcx, MADV_DONTNEED);
		break;
	case HOST_READONLY:
	case HOST_READONLY_COPY:
		p = mmap(NULL, r.rcx, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if ((uint32_t)r.rax == HOST_READONLY)
			memset(p, 0x5a, r.rcx);
		else
			memcpy(p, c->vm.mem + (uint32_t)r.rdx, r.rcx);
		i = -vm_slot(&c->vm, ++c->slots, KVM_MEM_READONLY,
			     (uint32_t)r.rbx, r.rcx, p);
		if (i)
			tap_fail(c->result, "read-only slot: %s", strerror(i));
		break;
	case HOST_GET_IRR:
		xioctl(v->fd, KVM_GET_VCPU_EVENTS, &ev);
		res[0] = ev.interrupt.injected;
		res[1] = v->run->if_flag;
		break;
	case HOST_SMM:
		smm_memory(c, r.rbx);
		break;
	case HOST_SLEEP:
		usleep(r.rcx);
		break;
	default:
		tap_fail(c->result, "service %u is unknown",
			 (uint32_t)r.rax);
	}
}

static bool handle_pio(struct ctx *c, struct vcpu *v)
{
	struct kvm_run *run = v->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	size_t total = (size_t)run->io.size * run->io.count, i;
	unsigned int port = run->io.port;
	bool in = run->io.direction == KVM_EXIT_IO_IN;

	switch (port) {
	case 0xf4:
		ctx_end(c);
		return true;
	case 0xf5:
		fail_at(c, v);
		ctx_end(c);
		return true;
	case 0xf6:
		tap_skip(c->result, "this CPU model lacks it (%.16s:%u)",
			 c->gc->file, (uint32_t)*guest_u64(c, FAIL_LINE));
		ctx_end(c);
		return true;
	case 0xe0:
		service(c, v);
		return true;
	}
	if (port < PIO_BASE || port >= PIO_BASE + sizeof(c->pio))
		return false;
	for (i = 0; i < total; i++) {
		if (in && port == PIO_COUNT)
			data[i] = c->pio_next++;
		else if (in)
			data[i] = c->pio[port - PIO_BASE + i % run->io.size];
		else if (port == PIO_LOG && c->pio_logged < sizeof(c->pio_log))
			c->pio_log[c->pio_logged++] = data[i];
		else
			c->pio[port - PIO_BASE + i % run->io.size] = data[i];
	}
	return true;
}

static bool handle_mmio(struct ctx *c, struct vcpu *v)
{
	struct kvm_run *run = v->run;
	uint64_t off = run->mmio.phys_addr - MMIO_BASE;

	/* The last 4K are also right behind the memory. */
	if (run->mmio.phys_addr - RAM_SIZE < 0x1000)
		off = run->mmio.phys_addr - RAM_SIZE + 0xf000;
	if (off + run->mmio.len > sizeof(c->mmio))
		return false;
	if (run->mmio.is_write) {
		memcpy(c->mmio + off, run->mmio.data, run->mmio.len);
		c->mmio_data = 0;
		memcpy(&c->mmio_data, run->mmio.data, run->mmio.len);
		c->mmio_writes++;
	} else {
		memcpy(run->mmio.data, c->mmio + off, run->mmio.len);
		c->mmio_reads++;
	}
	c->mmio_addr = run->mmio.phys_addr;
	c->mmio_len = run->mmio.len;
	return true;
}

static void unexpected(struct ctx *c, struct vcpu *v)
{
	struct kvm_run *run = v->run;
	struct kvm_regs r;
	char more[120] = "";

	if (c->gc->flags & F_SHUTDOWN &&
	    run->exit_reason == KVM_EXIT_SHUTDOWN)
		return;
	xioctl(v->fd, KVM_GET_REGS, &r);
	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		snprintf(more, sizeof(more), " %s of %u at %#llx",
			 run->mmio.is_write ? "write" : "read", run->mmio.len,
			 run->mmio.phys_addr);
		break;
	case KVM_EXIT_IO:
		snprintf(more, sizeof(more), " port %#x", run->io.port);
		break;
	case KVM_EXIT_UNKNOWN:
		snprintf(more, sizeof(more), " hardware reason %llu",
			 run->hw.hardware_exit_reason);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		snprintf(more, sizeof(more), " reason %#llx",
			 run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		snprintf(more, sizeof(more), " suberror %u data %u %llx %llx",
			 run->internal.suberror, run->internal.ndata,
			 run->internal.data[0], run->internal.data[1]);
		break;
	}
	tap_fail(c->result, "exit %s (%u)%s at rip %#llx",
		 exit_name(run->exit_reason), run->exit_reason, more, r.rip);
}

bool ctx_handle(struct ctx *c, struct vcpu *v)
{
	bool done = false;

	pthread_mutex_lock(&c->lock);
	if (c->ended)
		done = true;
	else if (c->hook && c->hook->exit && c->hook->exit(c, v))
		done = c->ended;
	else if (v->run->exit_reason == KVM_EXIT_IRQ_WINDOW_OPEN)
		inject(c, v);
	else if (v->run->exit_reason == KVM_EXIT_IO && handle_pio(c, v))
		done = c->ended;
	else if (v->run->exit_reason == KVM_EXIT_MMIO && handle_mmio(c, v))
		done = c->ended;
	else {
		unexpected(c, v);
		ctx_end(c);
		done = true;
	}
	pthread_mutex_unlock(&c->lock);
	return !done;
}

struct vcpu_thread {
	struct ctx *c;
	struct vcpu *v;
};

static void *vcpu_main(void *arg)
{
	struct vcpu_thread *t = arg;
	int r;

	do {
		r = vcpu_run(t->v);
		if (r == -ETIME) {
			struct kvm_regs regs;

			xioctl(t->v->fd, KVM_GET_REGS, &regs);
			tap_fail(t->c->result, "no end, rip %#llx rflags %#llx",
				 regs.rip, regs.rflags);
			_exit(0);
		}
		if (r) {
			pthread_mutex_lock(&t->c->lock);
			tap_fail(t->c->result, "KVM_RUN: %s", strerror(-r));
			ctx_end(t->c);
			pthread_mutex_unlock(&t->c->lock);
			break;
		}
	} while (ctx_handle(t->c, t->v));
	return NULL;
}

void ctx_run(struct ctx *c)
{
	struct vcpu_thread t[VM_MAX_VCPUS];
	pthread_t thread;
	unsigned int i;

	for (i = 0; i < c->vm.vcpus; i++) {
		t[i] = (struct vcpu_thread) { c, &c->vm.vcpu[i] };
		if (i)
			pthread_create(&thread, NULL, vcpu_main, &t[i]);
	}
	vcpu_main(&t[0]);
	/* An AP may have to end it; the process' alarm limits the wait. */
	pthread_mutex_lock(&c->lock);
	while (!c->ended)
		pthread_cond_wait(&c->ended_cond, &c->lock);
	pthread_mutex_unlock(&c->lock);
}
