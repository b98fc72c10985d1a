// SPDX-License-Identifier: GPL-2.0-only
/* test_mem.c - memory that comes and goes: which blocks are memory, which memslots there are, drivers that err. */
#include <errno.h>
#include <linux/vh.h>
#include <linux/virtio_mem.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "virtio_driver.h"
#include "vmm/control.h"
#include "vmm/mem.h"
#include "vmm/region.h"
#include "vmm/vhost.h"

#define MEMORY		(64ULL << 20)
#define CHUNKS		4
#define SLOT		1
#define REQUEST		DRIVER_DATA
#define ANSWER		(DRIVER_DATA + 0x1000)
#define BLOCK		REGION_BLOCK
#define CHUNK_BLOCKS	(REGION_CHUNK / REGION_BLOCK)

static struct vmm_config cfg;
static uint64_t slot[CHUNKS];	/* what the kernel has: sizes */
static unsigned int slots, most = CHUNKS, refusals;
static int tables = 1;		/* vhost takes them */

int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	const struct kvm_userspace_memory_region *r;
	unsigned int c;
	va_list ap;

	va_start(ap, request);
	r = va_arg(ap, void *);
	va_end(ap);
	if (request != KVM_SET_USER_MEMORY_REGION)
		return __real_ioctl(fd, request, (void *)r);
	c = r->slot - REGION_SLOT;
	if (c >= CHUNKS || r->guest_phys_addr != driver_vm.region->gpa + c * REGION_CHUNK || !slot[c] == !r->memory_size)
		abort();
	if (r->memory_size && slots == most) {
		refusals++;
		errno = EDQUOT;
		return -1;
	}
	slots += r->memory_size ? 1 : -1;
	slot[c] = r->memory_size;
	return 0;
}

int vhost_memory(struct vmm *v)
{
	(void)v;
	errno = ENOMEM;
	return tables ? 0 : -1;
}

static struct json_object *ask(const char *fmt, uint64_t n)
{
	struct json_object *request, *answer = json_object_new_object();
	char text[100];

	snprintf(text, sizeof(text), fmt, n);
	request = json_tokener_parse(text);
	mem_command(&driver_vm, request, answer);
	json_object_put(request);
	return answer;
}

static uint64_t figure(const char *key)
{
	struct json_object *answer = ask("{}", 0), *o;
	uint64_t value = json_object_object_get_ex(answer, key, &o) ? json_object_get_uint64(o) : ~0ULL;

	json_object_put(answer);
	return value;
}

static bool fails(const char *fmt, uint64_t n)
{
	struct json_object *answer = ask(fmt, n);
	bool failed = json_object_object_get_ex(answer, "error", NULL);

	json_object_put(answer);
	return failed;
}

static bool grant(uint64_t blocks)
{
	return !fails("{\"size\":%lu}", MEMORY + blocks * BLOCK);
}

/* The type of the answer, with @state of one that has it; -1: none came. */
static int request(uint16_t type, uint64_t addr, uint16_t n, uint16_t *state)
{
	struct virtio_mem_req *q = driver_at(REQUEST);
	struct virtio_mem_resp *a = driver_at(ANSWER);
	struct vring_desc d[] = { OUT(REQUEST, 10), OUT(REQUEST + 10, sizeof(*q) - 10), IN(ANSWER, 4),
				  IN(ANSWER + 4, sizeof(*a) - 4) };

	*q = (struct virtio_mem_req){ .type = type, .u.plug = { .addr = addr, .nb_blocks = n } };
	memset(a, 0xff, sizeof(*a));
	driver_add(SLOT, 0, d, 4);
	if (!driver_done(0))
		return -1;
	if (state)
		*state = a->u.state.state;
	return a->type;
}

static uint64_t at(uint64_t block)
{
	return driver_vm.region->gpa + block * BLOCK;
}

static int plug(uint64_t block, uint16_t n) { return request(VIRTIO_MEM_REQ_PLUG, at(block), n, NULL); }
static int unplug(uint64_t block, uint16_t n) { return request(VIRTIO_MEM_REQ_UNPLUG, at(block), n, NULL); }

static bool is(uint64_t block, uint16_t n, uint16_t want)
{
	uint16_t state = 9;

	return request(VIRTIO_MEM_REQ_STATE, at(block), n, &state) == VIRTIO_MEM_RESP_ACK && state == want;
}

static bool memory(uint64_t block, uint64_t n)
{
	return memory_at(&driver_vm, at(block), n * BLOCK);
}

static bool has_slots(void *n)
{
	return __atomic_load_n(&slots, __ATOMIC_RELAXED) == *(unsigned int *)n;
}

/* They go when the command has been answered. */
static unsigned int slots_soon(unsigned int n)
{
	driver_until(has_slots, &n);
	return slots;
}

static void blocks(void)
{
	uint8_t *p;

	TAP_EQ(plug(0, 1), VIRTIO_MEM_RESP_NACK);		/* nothing is granted */
	TAP_CHECK(!memory(0, 1) && !slots);
	TAP_CHECK(grant(4));
	TAP_EQ(figure("target"), MEMORY + 4 * BLOCK);
	TAP_EQ(figure("actual"), MEMORY);
	TAP_EQ(slots, 1);
	TAP_EQ(plug(0, 5), VIRTIO_MEM_RESP_NACK);
	TAP_EQ(plug(1, 2), VIRTIO_MEM_RESP_ACK);
	TAP_EQ(plug(0, 4), VIRTIO_MEM_RESP_ERROR);		/* some are */
	TAP_EQ(unplug(0, 2), VIRTIO_MEM_RESP_ERROR);		/* one is not */
	TAP_CHECK(is(0, 1, VIRTIO_MEM_STATE_UNPLUGGED) && is(1, 2, VIRTIO_MEM_STATE_PLUGGED));
	TAP_CHECK(is(0, 3, VIRTIO_MEM_STATE_MIXED) && is(0, CHUNKS * CHUNK_BLOCKS, VIRTIO_MEM_STATE_MIXED));
	TAP_CHECK(!memory(0, 1) && memory(1, 2) && !memory(1, 3) && !memory(0, 2) && !memory(3, 1));
	TAP_CHECK(memory_at(&driver_vm, at(3) - 1, 1) && !memory_at(&driver_vm, at(3) - 1, 2));
	TAP_CHECK(memory_at(&driver_vm, at(1), 0) && !memory_at(&driver_vm, at(1), ~0ULL) && !memory_at(&driver_vm, ~0ULL, 1));
	TAP_EQ(figure("actual"), MEMORY + 2 * BLOCK);
	TAP_EQ(figure("charged"), MEMORY + REGION_CHUNK);

	/* what is unplugged is gone, and is still an address of the VMM's */
	p = memory_at(&driver_vm, at(2), 1);
	*p = 0x55;
	TAP_EQ(unplug(2, 1), VIRTIO_MEM_RESP_ACK);
	TAP_CHECK(!memory(2, 1) && memory(1, 1));
	TAP_EQ(*p, 0);
	*p = 0x55;						/* a device that is late */
	TAP_EQ(request(VIRTIO_MEM_REQ_UNPLUG_ALL, ~0ULL, 7, NULL), VIRTIO_MEM_RESP_ACK);
	TAP_EQ(*p, 0);
	TAP_CHECK(!memory(1, 1));
	TAP_EQ(figure("actual"), MEMORY);
	TAP_EQ(slots, 1);					/* as it is granted */
	TAP_CHECK(grant(0));
	TAP_EQ(slots_soon(0), 0);
}

/* As a guest would that begins elsewhere, or has something left in each chunk. */
static void chunks(void)
{
	TAP_CHECK(grant(CHUNK_BLOCKS + 1));
	TAP_EQ(slots, 2);
	TAP_CHECK(slot[0] && slot[1]);
	TAP_EQ(plug(3 * CHUNK_BLOCKS, 1), VIRTIO_MEM_RESP_ACK);
	TAP_CHECK(slot[3] && slots == 2);
	TAP_EQ(plug(0, 1), VIRTIO_MEM_RESP_ACK);
	TAP_EQ(plug(2 * CHUNK_BLOCKS, 1), VIRTIO_MEM_RESP_NACK);	/* a block in each would be more than it may have */
	TAP_EQ(plug(CHUNK_BLOCKS, 1), VIRTIO_MEM_RESP_NACK);
	TAP_EQ(slots, 2);
	TAP_EQ(plug(CHUNK_BLOCKS - 1, 2), VIRTIO_MEM_RESP_NACK);
	TAP_CHECK(!memory(CHUNK_BLOCKS - 1, 1));
	/* it has less, and keeps what it has */
	TAP_CHECK(grant(1));
	TAP_EQ(slots_soon(2), 2);
	TAP_CHECK(memory(3 * CHUNK_BLOCKS, 1) && memory(0, 1));
	TAP_EQ(figure("actual"), MEMORY + 2 * BLOCK);
	TAP_EQ(plug(1, 1), VIRTIO_MEM_RESP_NACK);
	TAP_EQ(unplug(3 * CHUNK_BLOCKS, 1), VIRTIO_MEM_RESP_ACK);
	TAP_EQ(slots, 1);
	TAP_EQ(plug(1, 1), VIRTIO_MEM_RESP_NACK);
	TAP_EQ(unplug(0, 1), VIRTIO_MEM_RESP_ACK);
	/* one that lies in two of them */
	TAP_CHECK(grant(CHUNK_BLOCKS + 2));
	TAP_EQ(plug(CHUNK_BLOCKS - 1, 2), VIRTIO_MEM_RESP_ACK);
	TAP_CHECK(memory(CHUNK_BLOCKS - 1, 2));
	TAP_EQ(request(VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL), VIRTIO_MEM_RESP_ACK);
	TAP_CHECK(grant(0));
	TAP_EQ(slots_soon(0), 0);
}

static void limits(void)
{
	struct json_object *answer, *o;

	most = 1;
	refusals = 0;
	answer = ask("{\"size\":%lu}", MEMORY + 3 * REGION_CHUNK);
	TAP_CHECK(json_object_object_get_ex(answer, "error", NULL) && json_object_object_get_ex(answer, "resource", &o) &&
		  json_object_get_int(o) == VH_RES_MEMORY);
	json_object_put(answer);
	TAP_CHECK(refusals && !slots);
	TAP_EQ(figure("target"), MEMORY);
	TAP_CHECK(grant(CHUNK_BLOCKS));
	TAP_EQ(plug(0, CHUNK_BLOCKS), VIRTIO_MEM_RESP_ACK);
	TAP_CHECK(!grant(CHUNK_BLOCKS + 1));
	TAP_EQ(figure("target"), MEMORY + REGION_CHUNK);
	TAP_CHECK(memory(0, CHUNK_BLOCKS) && slots == 1);
	most = CHUNKS;
	/* a backend that does not take it */
	tables = 0;
	TAP_CHECK(!grant(CHUNK_BLOCKS + 1));
	TAP_EQ(slots, 1);
	/* nor that it goes: it stays */
	TAP_EQ(unplug(0, CHUNK_BLOCKS), VIRTIO_MEM_RESP_ACK);
	TAP_CHECK(grant(0));
	TAP_EQ(slots, 1);
	tables = 1;
	TAP_CHECK(grant(0));
	TAP_EQ(slots_soon(0), 0);
	TAP_CHECK(fails("{\"size\":%lu}", MEMORY - BLOCK) && fails("{\"size\":%lu}", MEMORY + CHUNKS * REGION_CHUNK));
	TAP_CHECK(fails("{\"size\":%lu}", MEMORY + 4096) && fails("{\"size\":-1}", 0) && fails("{\"size\":\"1G\"}", 0));
	TAP_CHECK(fails("{\"size\":1e30}", 0) && fails("{\"size\":null}", 0) && fails("{\"size\":18446744073709551615}", 0));
}

static void drivers(void)
{
	struct virtio_mem_req *q = driver_at(REQUEST);
	uint64_t all = CHUNKS * CHUNK_BLOCKS;

	TAP_CHECK(grant(4));
	TAP_EQ(request(VIRTIO_MEM_REQ_PLUG, at(0) + 1, 1, NULL), VIRTIO_MEM_RESP_ERROR);
	TAP_EQ(request(VIRTIO_MEM_REQ_PLUG, at(0) + 4096, 1, NULL), VIRTIO_MEM_RESP_ERROR);
	TAP_EQ(request(VIRTIO_MEM_REQ_PLUG, at(0) - BLOCK, 1, NULL), VIRTIO_MEM_RESP_ERROR);
	TAP_EQ(request(VIRTIO_MEM_REQ_PLUG, 0, 1, NULL), VIRTIO_MEM_RESP_ERROR);
	TAP_EQ(request(VIRTIO_MEM_REQ_PLUG, ~0ULL, 1, NULL), VIRTIO_MEM_RESP_ERROR);
	TAP_EQ(request(VIRTIO_MEM_REQ_PLUG, at(0) | 1ULL << 63, 1, NULL), VIRTIO_MEM_RESP_ERROR);
	TAP_EQ(plug(0, 0), VIRTIO_MEM_RESP_ERROR);
	TAP_EQ(plug(all, 1), VIRTIO_MEM_RESP_ERROR);
	TAP_EQ(plug(all - 1, 2), VIRTIO_MEM_RESP_ERROR);
	TAP_EQ(plug(1, 65535), VIRTIO_MEM_RESP_ERROR);
	TAP_EQ(unplug(all - 1, 65535), VIRTIO_MEM_RESP_ERROR);
	TAP_EQ(unplug(0, 1), VIRTIO_MEM_RESP_ERROR);
	TAP_EQ(request(4, at(0), 1, NULL), VIRTIO_MEM_RESP_ERROR);
	TAP_EQ(request(65535, at(0), 1, NULL), VIRTIO_MEM_RESP_ERROR);
	TAP_EQ(slots, 1);
	TAP_EQ(figure("actual"), MEMORY);
	/* of an odd form */
	driver_add(SLOT, 0, (struct vring_desc[]){ OUT(REQUEST, sizeof(*q) - 1), IN(ANSWER, 64) }, 2);
	TAP_CHECK(driver_breaks(SLOT, "of an odd form"));
	TAP_CHECK(driver_start(SLOT, 1 << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE, 1));
	driver_add(SLOT, 0, (struct vring_desc[]){ OUT(REQUEST, sizeof(*q)), IN(ANSWER, 9) }, 2);
	TAP_CHECK(driver_breaks(SLOT, "of an odd form"));
	/* what is plugged is still so when another driver comes */
	TAP_CHECK(driver_start(SLOT, 1 << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE, 1));
	TAP_EQ(plug(0, 4), VIRTIO_MEM_RESP_ACK);
	TAP_CHECK(driver_reset(SLOT));
	TAP_CHECK(memory(0, 4));
	TAP_EQ(figure("actual"), MEMORY + 4 * BLOCK);
	TAP_CHECK(grant(CHUNK_BLOCKS + 1));	/* granted all the same, while there is none */
	TAP_EQ(slots, 2);
	TAP_CHECK(driver_start(SLOT, 1 << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE, 1));
	TAP_CHECK(is(0, 4, VIRTIO_MEM_STATE_PLUGGED));
	/* its configuration: nothing of it is the driver's */
	TAP_EQ(driver_bar(SLOT, 0x2000, 4, false, 0), BLOCK);
	driver_bar(SLOT, 0x2000 + offsetof(struct virtio_mem_config, requested_size), 4, true, 5);
	TAP_EQ(driver_bar(SLOT, 0x2000 + offsetof(struct virtio_mem_config, requested_size), 4, false, 0),
	       (CHUNK_BLOCKS + 1) * BLOCK);
	TAP_EQ(driver_bar(SLOT, 0x2000 + offsetof(struct virtio_mem_config, plugged_size), 4, false, 0), 4 * BLOCK);
	/* a buffer in what the request takes away */
	TAP_CHECK(memory_at(&driver_vm, at(0), BLOCK));
	*q = (struct virtio_mem_req){ .type = VIRTIO_MEM_REQ_UNPLUG, .u.unplug = { .addr = at(0), .nb_blocks = 4 } };
	driver_add(SLOT, 0, (struct vring_desc[]){ OUT(REQUEST, sizeof(*q)), IN(at(0), 64) }, 2);
	TAP_CHECK(driver_done(0) && !memory(0, 1));
	driver_add(SLOT, 0, (struct vring_desc[]){ OUT(REQUEST, sizeof(*q)), IN(at(0), 64) }, 2);
	TAP_CHECK(driver_breaks(SLOT, "not in memory"));
	TAP_CHECK(driver_start(SLOT, 1 << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE, 1));
	TAP_CHECK(grant(0));
	TAP_EQ(slots_soon(0), 0);
}

static uint64_t seed = 1;

static uint32_t next(uint32_t n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % n;
}

/* Beside a list of what is plugged: so it is, and no more than was granted, and no more memslots than that takes. */
static void at_random(void)
{
	static bool has[CHUNKS * CHUNK_BLOCKS];
	unsigned int all = CHUNKS * CHUNK_BLOCKS, granted = 0, n = 0, wrong = 0, plugs = 0;

	for (int i = 0; i < 4000; i++) {
		unsigned int block = next(all), count = 1 + next(next(4) ? 8 : all), some = 0;
		int answer, fits = block + count <= all;

		for (unsigned int b = block; fits && b < block + count; b++)
			some += has[b];
		if (!next(20)) {
			wrong += !grant(granted = next(all));
			continue;
		}
		if (next(2)) {
			unsigned int before = slots;

			answer = plug(block, count);
			wrong += !fits || some ? answer != VIRTIO_MEM_RESP_ERROR : answer == VIRTIO_MEM_RESP_ERROR;
			wrong += answer == VIRTIO_MEM_RESP_ACK && n + count > granted;
			wrong += slots > before && slots > (granted + CHUNK_BLOCKS - 1) / CHUNK_BLOCKS;
			plugs += answer == VIRTIO_MEM_RESP_ACK;
		} else {
			answer = unplug(block, count);
			wrong += answer != (fits && some == count ? VIRTIO_MEM_RESP_ACK : VIRTIO_MEM_RESP_ERROR);
		}
		if (answer == VIRTIO_MEM_RESP_ACK) {
			for (unsigned int b = block; b < block + count; b++) {
				n += some ? -1 : 1;
				has[b] = !some;
			}
		}
		for (unsigned int b = 0; b < all; b++)
			wrong += !!memory(b, 1) != has[b] || (has[b] && !slot[b / CHUNK_BLOCKS]);
	}
	TAP_EQ(wrong, 0);
	TAP_CHECK(plugs > 100);
	TAP_EQ(figure("actual"), MEMORY + n * BLOCK);
	TAP_EQ(request(VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL), VIRTIO_MEM_RESP_ACK);
	TAP_CHECK(driver_reset(SLOT));
}

int main(void)
{
	driver_begin(MEMORY);
	TAP_CHECK(fails("{}", 0));		/* there is none yet */
	cfg = *driver_vm.cfg;
	cfg.memory_max = MEMORY + CHUNKS * REGION_CHUNK - BLOCK;
	driver_vm.cfg = &cfg;
	if (region_create(&driver_vm) || mem_create(&driver_vm) || threads_start(&driver_vm))
		return 1;
	TAP_EQ(driver_vm.region->size, CHUNKS * REGION_CHUNK);
	TAP_CHECK(grant(1) && grant(0));	/* before there is a driver */
	TAP_CHECK(driver_start(SLOT, 1 << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE, 1));
	blocks();
	chunks();
	limits();
	drivers();
	at_random();
	mem_finish();
	return tap_done();
}
