// SPDX-License-Identifier: GPL-2.0-only
/*
 * plug_guest.c - a guest and a user who do to memory and vCPUs that come and go what an input says, beside a list of what
 * has to come of it: the entry of libFuzzer, and of test_plug.c, which makes inputs up. There is one thread: the devices'
 * do what they have to do where a command waits for them.
 */
#include <errno.h>
#include <linux/virtio_mem.h>
#include <linux/virtio_ring.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "input.h"
#include "plug_guest.h"
#include "vhctl.h"
#include "vmm/control.h"
#include "vmm/cpus.h"
#include "vmm/devices.h"
#include "vmm/mem.h"
#include "vmm/region.h"
#include "vmm/virtio.h"
#include "vmm/vmm.h"
#include "vmm/worker.h"

#define MEMORY		0x10000ULL
#define CHUNKS		3
#define CHUNK_BLOCKS	(REGION_CHUNK / REGION_BLOCK)
#define BLOCKS		(CHUNKS * CHUNK_BLOCKS)
#define REQUEST		0x4000ULL
#define ANSWER		0x5000ULL
#define SIZE		16
#define CPUS		40

struct plug_counts plug_counts;
static struct vmm vmm;
static struct vmm_config cfg = { .name = "web", .cpus = 1, .cpus_max = CPUS, .memory = MEMORY,
				 .memory_max = MEMORY + CHUNKS * REGION_CHUNK };
static struct virtio *device;
static struct worker *worker;
static struct virtio_queue queue;
static bool has[BLOCKS], there[CPUS], few_tables, woken, broken;
static unsigned int slots, most_slots, plugged, granted, makes, most_makes;

/* --- what is called --- */

static void need(bool so, const char *what)
{
	if (so)
		return;
	fprintf(stderr, "plug: not so: %s\n", what);
	abort();
}

#define NEED(cond) need(cond, #cond)

void error(const char *fmt, ...)
{
	(void)fmt;
}

void error_capture(char *text, size_t size)
{
	(void)text, (void)size;
}

void pm_event(struct pm *pm, int gpe)
{
	(void)pm;
	NEED(gpe == GPE_CPU);
}

int vcpu_make(struct vmm_vcpu *c)
{
	(void)c;
	return 0;
}

void vcpu_reset(struct vmm_vcpu *c)
{
	(void)c;
}

void vcpu_kick(struct vmm_vcpu *c)
{
	NEED(c->id && !c->present);
	there[c->id] = false;
	plug_counts.ejected++;
}

int virtio_create(struct vmm *v, struct virtio *d, const struct virtio_ops *ops, const struct virtio_kind *kind)
{
	d->v = v;
	d->ops = ops;
	d->queues = kind->queues;
	d->queue = &queue;
	device = d;
	return 0;
}

void virtio_config_changed(struct virtio *d)
{
	(void)d;
}

void virtio_interrupt(struct virtio *d, int q)
{
	(void)d, (void)q;
}

void virtio_broken(struct virtio *d, const char *why)
{
	(void)d, (void)why;
	broken = true;
}

int worker_create(struct worker *w, struct virtio *d, enum thread_kind kind, int file, void (*serve)(struct virtio *d, int q))
{
	(void)kind, (void)file;
	*w = (struct worker){ .d = d, .serve = serve };
	worker = w;
	return 0;
}

void worker_ask(struct worker *w, enum worker_asked asked)
{
	(void)w, (void)asked;
}

void worker_wake(struct worker *w)
{
	(void)w;
	woken = true;
}

void worker_finish(struct worker *w)
{
	(void)w;
}

int vhost_memory(struct vmm *v)
{
	uint64_t from = 0, first, size;

	while ((size = region_next_shown(v->region, &from, &first)))
		NEED(first + size <= v->region->size);
	errno = ENOMEM;
	return few_tables ? -1 : 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	const struct kvm_userspace_memory_region *r;
	va_list ap;

	(void)fd;
	va_start(ap, request);
	r = va_arg(ap, void *);
	va_end(ap);
	NEED(request == KVM_SET_USER_MEMORY_REGION);
	if (r->memory_size && slots == most_slots) {
		errno = EDQUOT;
		return -1;
	}
	slots += r->memory_size ? 1 : -1;
	NEED(slots <= CHUNKS);
	return 0;
}

/* A command waits: what it waits for is done, or not. */
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *until)
{
	(void)cond, (void)until;
	for (int n = 0; n < CPUS; n++) {
		struct vmm_vcpu *c = &vmm.cpu[n];

		if (!c->ordered)
			continue;
		if (makes == most_makes + 1)
			return ETIMEDOUT;
		c->failed = makes == most_makes ? EDQUOT : 0;
		makes += !c->failed;
		c->made = !c->failed;
		c->ordered = false;
		return 0;
	}
	NEED(woken);
	woken = false;
	pthread_mutex_unlock(lock);
	worker->woken(device);
	pthread_mutex_lock(lock);
	return 0;
}

/* --- user --- */

static bool ask(control_fn *command, const char *key, uint64_t n)
{
	struct json_object *request = json_object_new_object(), *answer = json_object_new_object();
	bool good;

	json_object_object_add(request, key, json_object_new_uint64(n));
	command(&vmm, request, answer);
	good = !json_object_object_get_ex(answer, "error", NULL);
	json_object_put(request);
	json_object_put(answer);
	return good;
}

static void grant(uint64_t blocks)
{
	bool good = ask(mem_command, "size", MEMORY + blocks * REGION_BLOCK);

	NEED(!good || blocks <= BLOCKS);
	if (good)
		granted = blocks;
	plug_counts.grants += good;
	plug_counts.refusals += !good;
}

static unsigned int present(void)
{
	unsigned int n = 0;

	for (int i = 0; i < CPUS; i++)
		n += vmm.cpu[i].present;
	return n;
}

static void set_cpus(unsigned int n)
{
	unsigned int before = present();
	bool good = ask(cpus_command, "count", n);

	NEED(!good || (n && n <= CPUS));
	NEED(present() == before || (good && present() == n) || (good && present() > before));
	plug_counts.came += present() - before;
	for (int i = 0; i < CPUS; i++)
		there[i] = vmm.cpu[i].present;
}

/* --- guest: memory --- */

static void *at(uint64_t gpa)
{
	return vmm.low + gpa;
}

static void serve(const struct vring_desc *d, int n)
{
	struct vring_avail *avail = at(0x1000);
	struct vring_desc *table = at(0);

	for (int i = 0; i < n; i++) {
		table[i] = d[i];
		table[i].next = i + 1;
		table[i].flags |= i + 1 < n ? VRING_DESC_F_NEXT : 0;
	}
	avail->ring[avail->idx % SIZE] = 0;
	avail->idx++;
	device->ops->start(device);
	worker->serve(device, 0);
}

static void begin_queue(void)
{
	memset(vmm.low, 0, MEMORY);
	queue.vq = (struct virtqueue){ .size = SIZE, .desc = 0, .avail = 0x1000, .used = 0x2000, .enabled = true };
	NEED(vq_start(&queue.vq, &vmm, false, true));
	broken = false;
}

static void check_all(void)
{
	unsigned int n = 0;

	for (unsigned int b = 0; b < BLOCKS; b++) {
		bool is = memory_at(&vmm, vmm.region->gpa + b * REGION_BLOCK, REGION_BLOCK);

		NEED(is == has[b]);
		NEED(!is || vmm.region->chunk[b / CHUNK_BLOCKS].shown);
		n += is;
	}
	NEED(n == plugged);
	n = 0;
	for (int c = 0; c < CHUNKS; c++)
		n += vmm.region->chunk[c].shown;
	NEED(n == slots && n == vmm.region->shown);
}

static void good_request(struct input *in)
{
	struct virtio_mem_req *q = at(REQUEST);
	struct virtio_mem_resp *a = at(ANSWER);
	unsigned int type = number(in, 1) % 5, block = number(in, 1), n = number(in, 1), some = 0, before = slots;
	bool fits;

	if (n & 0xc0)		/* mostly few */
		n %= 12;
	*q = (struct virtio_mem_req){ .type = type, .u.plug = {
		.addr = vmm.region->gpa + block * REGION_BLOCK, .nb_blocks = n } };
	memset(a, 0xff, sizeof(*a));
	serve((struct vring_desc[]){ { REQUEST, sizeof(*q), 0, 0 }, { ANSWER, sizeof(*a), VRING_DESC_F_WRITE, 0 } }, 2);
	NEED(!broken && a->type < 4);
	plug_counts.answers[a->type]++;
	fits = n && block + n <= BLOCKS;
	for (unsigned int b = block; fits && b < block + n; b++)
		some += has[b];
	if (type == VIRTIO_MEM_REQ_UNPLUG_ALL) {
		NEED(a->type == VIRTIO_MEM_RESP_ACK);
		memset(has, 0, sizeof(has));
		plugged = 0;
		return;
	}
	NEED(fits && type <= VIRTIO_MEM_REQ_STATE ? true : a->type == VIRTIO_MEM_RESP_ERROR);
	if (type == VIRTIO_MEM_REQ_PLUG) {
		NEED(a->type != VIRTIO_MEM_RESP_ACK || (!some && plugged + n <= granted));
		NEED(slots <= before || slots * CHUNK_BLOCKS < granted + CHUNK_BLOCKS);
	}
	if (type == VIRTIO_MEM_REQ_UNPLUG)
		NEED(a->type == (fits && some == n ? VIRTIO_MEM_RESP_ACK : VIRTIO_MEM_RESP_ERROR));
	if (type <= VIRTIO_MEM_REQ_UNPLUG && a->type == VIRTIO_MEM_RESP_ACK) {
		for (unsigned int b = block; b < block + n; b++)
			has[b] = type == VIRTIO_MEM_REQ_PLUG;
		plugged += type == VIRTIO_MEM_REQ_PLUG ? n : -n;
		plug_counts.changes++;
	}
	if (type == VIRTIO_MEM_REQ_STATE && fits)
		NEED(a->u.state.state == (some == n ? VIRTIO_MEM_STATE_PLUGGED : some ? VIRTIO_MEM_STATE_MIXED :
					  VIRTIO_MEM_STATE_UNPLUGGED));
}

/* Anything: what it plugged is looked up. */
static void odd_request(struct input *in)
{
	struct vring_desc d[3];
	int n = 1 + number(in, 1) % 3;

	for (int i = 0; i < n; i++) {
		uint64_t where = number(in, 1);

		d[i].addr = where < 100 ? REQUEST + where : where < 200 ? vmm.region->gpa + (where - 100) * REGION_BLOCK :
			    number(in, 8);
		d[i].len = number(in, where % 2 ? 1 : 4);
		d[i].flags = number(in, 1) & (VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT);
	}
	for (int i = 0; i < 24; i++)
		((uint8_t *)at(REQUEST))[i] = number(in, 1);
	serve(d, n);
	plug_counts.broken += broken;
	if (broken)
		begin_queue();
	plugged = 0;
	for (unsigned int b = 0; b < BLOCKS; b++)
		plugged += has[b] = region_is_plugged(vmm.region, b);
}

/* --- guest: vCPUs --- */

static void registers(struct input *in)
{
	int len = 1 << number(in, 1) % 4, offset = number(in, 1) % CPUS_SIZE;
	uint64_t value = number(in, 4);
	bool write = number(in, 1) & 1;

	if (number(in, 1) & 1)
		len = 4, offset = write ? CPUS_EJECT : offset & ~3;
	bus_access(&vmm.bus, BUS_PORTS, CPUS_PORT + offset, &value, len, write);
	for (int i = 0; i < CPUS; i++)
		NEED(there[i] == vmm.cpu[i].present);
	NEED(there[0]);
}

/* --- an input --- */

static void create(void)
{
	vmm = (struct vmm){ .cfg = &cfg, .vm = -1, .memory_fd = -1, .low_size = MEMORY };
	vmm.low = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(vmm.low != MAP_FAILED);
	bus_init(&vmm.bus);
	most_slots = CHUNKS;
	NEED(!region_create(&vmm) && !mem_create(&vmm));
	cpus_create(&vmm);
	for (int i = 0; i < CPUS; i++)
		vmm.cpu[i] = (struct vmm_vcpu){ .vmm = &vmm, .id = i };
	vmm.cpu[0].made = vmm.cpu[0].present = there[0] = true;
}

static void anew(void)
{
	if (!vmm.cfg)
		create();
	few_tables = false;
	most_slots = CHUNKS;
	begin_queue();
	good_request(&(struct input){ (const uint8_t *)"\2", 1 });
	for (int i = 1; i < CPUS; i++) {
		uint64_t value = i;

		bus_access(&vmm.bus, BUS_PORTS, CPUS_PORT + CPUS_EJECT, &value, 4, true);
		vmm.cpu[i].made = vmm.cpu[i].ordered = false;
	}
	for (uint64_t value, i = 0; i < CPUS_EJECT; i += 4)
		bus_access(&vmm.bus, BUS_PORTS, CPUS_PORT + i, &value, 4, false);
	grant(0);
	NEED(!slots && !plugged && present() == 1);
	makes = 1;
	most_makes = CPUS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct input in = { data, n };

	anew();
	while (in.left) {
		switch (number(&in, 1) % 8) {
		case 0: case 1: good_request(&in); break;
		case 2: odd_request(&in); break;
		case 3: grant(number(&in, 1)); break;
		case 4: registers(&in); break;
		case 5: set_cpus(number(&in, 1) % 50); break;
		case 6: most_slots = number(&in, 1) % (CHUNKS + 1), most_makes = number(&in, 1) % CPUS; break;
		case 7: few_tables = number(&in, 1) & 1; break;
		}
		check_all();
	}
	return 0;
}
