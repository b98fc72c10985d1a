// SPDX-License-Identifier: GPL-2.0-only
/* Guests that count their interrupts, and vCPUs that run in threads (lane.h). */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lane.h"

volatile uint32_t *count(struct vm *vm, unsigned int vector)
{
	return (volatile uint32_t *)(vm->mem + COUNTS) + vector;
}

uint32_t total(struct vm *vm)
{
	uint32_t n = 0;
	unsigned int i;

	for (i = 0; i < 256; i++)
		n += *count(vm, i);
	return n;
}

void gate(struct vm *vm, unsigned int vector, uint32_t to)
{
	uint32_t *idt = (uint32_t *)(vm->mem + GUEST_IDT);

	idt[vector * 2] = SEL_CODE32 << 16 | (to & 0xffff);
	idt[vector * 2 + 1] = (to & 0xffff0000) | 0x8e00;
}

/* Each vector's handler: lock incl its counter; EOI; IRET. */
void make_handlers(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < 256; i++) {
		uint8_t *p = vm->mem + HANDLERS + i * 32;
		uint32_t at = COUNTS + 4 * i, eoi = 0xfee000b0, zero = 0;

		memcpy(p, "\xf0\xff\x05", 3);
		memcpy(p + 3, &at, 4);
		memcpy(p + 7, "\xc7\x05", 2);
		memcpy(p + 9, &eoi, 4);
		memcpy(p + 13, &zero, 4);
		p[17] = 0xcf;
		gate(vm, i, HANDLERS + i * 32);
	}
}

struct vcpu *vm_irqs(struct vm *vm, const char *guest, unsigned int flags)
{
	struct vcpu *v = vm_simple(vm, VM_IRQCHIP | flags);

	guest_start(vm, v, guest, TURNS, 0);
	make_handlers(vm);
	return v;
}

void msi_to(struct vm *vm, unsigned int id, uint32_t data)
{
	struct kvm_msi m = { .address_lo = 0xfee00000 | id << 12, .data = data };

	xioctl(vm->fd, KVM_SIGNAL_MSI, &m);
}

/* Pins 16 to 23 of the IOAPIC: vectors 0x30 to 0x37. */
void set_pins(struct vm *vm, bool level)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	unsigned int i;

	xioctl(vm->fd, KVM_GET_IRQCHIP, &chip);
	for (i = 16; i < 24; i++)
		chip.chip.ioapic.redirtbl[i].bits = (0x20 + i) | (level ? 0x8000 : 0);
	xioctl(vm->fd, KVM_SET_IRQCHIP, &chip);
}

/* --- a vCPU that runs in a thread --- */

static void nothing(int sig)
{
	(void)sig;
}

static void *lane_main(void *arg)
{
	struct lane *l = arg;

	l->tid = syscall(SYS_gettid);
	while (!l->stop) {
		if (!ioctl(l->v->fd, KVM_RUN, 0)) {
			if (l->v->run->exit_reason != KVM_EXIT_IO) {
				l->failed = 1000 + l->v->run->exit_reason;
				break;
			}
			/* a while outside */
			if (l->v->run->io.port == 0x10)
				usleep(10);
			else
				break;
		} else if (errno != EINTR) {
			l->failed = errno;
			break;
		}
	}
	l->stop = true;
	return NULL;
}

void lane_start(struct lane *l, struct vcpu *v)
{
	struct sigaction sa = { .sa_handler = nothing };

	sigaction(SIGUSR1, &sa, NULL);
	memset(l, 0, sizeof(*l));
	l->v = v;
	pthread_create(&l->thread, NULL, lane_main, l);
}

void lane_stop(struct tap_result *r, struct lane *l)
{
	l->stop = true;
	l->v->run->immediate_exit = 1;
	pthread_kill(l->thread, SIGUSR1);
	pthread_join(l->thread, NULL);
	l->v->run->immediate_exit = 0;
	if (l->failed)
		tap_fail(r, "KVM_RUN: %d", l->failed);
}

bool cpu_online(int cpu, bool on)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	return write_file(path, on ? "1" : "0");
}

static void *mover_main(void *arg)
{
	struct mover *m = arg;
	unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int us, turns;
	cpu_set_t set;

	while (!m->stop) {
		CPU_ZERO(&set);
		CPU_SET(m->moves++ % cpus, &set);
		if (m->lane->tid)
			sched_setaffinity(m->lane->tid, sizeof(set), &set);
		if (!(m->moves & 7))
			pthread_kill(m->lane->thread, SIGUSR1);
		/* 300 us are less than what an exit takes in a VM: a guest that had no turn meanwhile gets longer */
		turns = *m->turns;
		us = 150;
		do {
			us *= 2;
			usleep(us);
		} while (*m->turns == turns && us < 2000 && !m->stop);
		/* with room for the vCPU to come back to a CPU that is there again */
		if (m->hotplug && !(m->moves & 31))
			cpu_online(1, m->moves & 32);
	}
	if (m->hotplug)
		cpu_online(1, true);
	return NULL;
}

void mover_start(struct mover *m, struct vm *vm, struct lane *l, bool hotplug)
{
	memset(m, 0, sizeof(*m));
	m->lane = l;
	m->turns = (volatile uint32_t *)(vm->mem + TURNS);
	m->hotplug = hotplug;
	pthread_create(&m->thread, NULL, mover_main, m);
}

void mover_stop(struct mover *m)
{
	m->stop = true;
	pthread_join(m->thread, NULL);
}

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* Until the counter has got there; 10 s of emulated time are for ever. */
bool wait_count(volatile uint32_t *c, uint32_t n)
{
	uint64_t end = now_ms() + 10000;
	unsigned int i;

	for (i = 0; *c < n; i++) {
		if (i < 200)
			sched_yield();
		else
			usleep(50);
		if (!(i & 127) && now_ms() > end)
			return false;
	}
	return true;
}
