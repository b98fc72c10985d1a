// SPDX-License-Identifier: GPL-2.0-only
/* virtio_pci.c - virtio devices on PCI (Virtual I/O Device Version 1.2, 2.1 to 2.4, 3.1 and 4.1). */
#include <errno.h>
#include <linux/kvm.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/virtio.h"
#include "vmm/vmm.h"

/* The BAR: a page for each structure. */
#define COMMON		0x0000
#define ISR		0x1000
#define CONFIG		0x2000
#define NOTIFY		0x3000
#define MSIX_TABLE	0x4000
#define MSIX_PBA	0x5000
#define BAR_SIZE	0x8000
#define PAGE		0x1000
#define NOTIFY_STEP	4

#define VENDOR_VIRTIO	0x1af4
#define DEVICE_VIRTIO	0x1040		/* and the type */
#define RESET_SECONDS	1		/* that a driver waits at once; then it has to look again */

#define STATUS_BITS	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | \
			 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK | \
			 VIRTIO_CONFIG_S_FAILED)
#define FEATURES	(1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_RING_F_EVENT_IDX | \
			 1ULL << VIRTIO_RING_F_INDIRECT_DESC)

/* --- device to driver --- */

static uint8_t status(const struct virtio *d)
{
	return __atomic_load_n(&d->status, __ATOMIC_ACQUIRE);
}

static void interrupt(struct virtio *d, const uint16_t *vector, uint8_t isr)
{
	int fd = pci_vector_fd(&d->pci, __atomic_load_n(vector, __ATOMIC_RELAXED));

	if (fd >= 0)
		msi_signal(fd);
	else
		__atomic_fetch_or(&d->isr, isr, __ATOMIC_RELEASE);
}

/**
 * virtio_interrupt - something was given back in a queue, and the driver wants to know
 * @d: the device
 * @q: the queue
 *
 * Any thread.
 */
void virtio_interrupt(struct virtio *d, int q)
{
	interrupt(d, &d->queue[q].vector, 1);
}

/**
 * virtio_config_changed - the device's configuration has changed
 * @d: the device; bus->lock is held
 */
void virtio_config_changed(struct virtio *d)
{
	d->generation++;
	if (status(d) & VIRTIO_CONFIG_S_DRIVER_OK)
		interrupt(d, &d->config_vector, VIRTIO_PCI_ISR_CONFIG);
}

/**
 * virtio_broken - the driver did what makes no sense: the device needs a reset
 * @d: the device, which takes nothing more from its queues
 * @why: for people
 *
 * Any thread.
 */
void virtio_broken(struct virtio *d, const char *why)
{
	uint8_t old = __atomic_fetch_or(&d->status, VIRTIO_CONFIG_S_NEEDS_RESET, __ATOMIC_ACQ_REL);

	if (old & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	if (old & VIRTIO_CONFIG_S_DRIVER_OK)
		interrupt(d, &d->config_vector, VIRTIO_PCI_ISR_CONFIG);
	if (may_complain(&d->complaints))
		error("%s: the device stops until the guest resets it: %s", d->name, why);
}

/* --- reset --- */

static void forget(struct virtio *d)
{
	d->accepted = 0;
	d->feature_select[0] = d->feature_select[1] = 0;
	d->select = 0;
	d->running = false;
	d->config_vector = VIRTIO_MSI_NO_VECTOR;
	for (int i = 0; i < d->queues; i++) {
		__atomic_store_n(&d->queue[i].vector, VIRTIO_MSI_NO_VECTOR, __ATOMIC_RELAXED);
		d->queue[i].vq = (struct virtqueue){ .size = VQ_SIZE };
	}
	__atomic_store_n(&d->isr, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&d->status, 0, __ATOMIC_RELEASE);
}

/**
 * virtio_stopped - nothing is in flight any more
 * @d: the device, whose stop was called; bus->lock is held
 */
void virtio_stopped(struct virtio *d)
{
	forget(d);
	d->resetting = false;
	pthread_cond_broadcast(&d->stopped);
}

/*
 * A driver has to read the status until it is 0; to one that does not, waiting here for a while is
 * of help. The bus is free meanwhile.
 */
static void reset(struct virtio *d)
{
	struct timespec until;

	if (d->resetting)
		return;
	if (!d->running || !d->ops->stop) {
		forget(d);
		return;
	}
	d->resetting = true;
	d->ops->stop(d);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += RESET_SECONDS;
	d->waiters++;
	while (d->resetting && !pthread_cond_timedwait(&d->stopped, &d->v->bus.lock, &until))
		;
	d->waiters--;
}

/* --- status and features --- */

static bool features_fit(const struct virtio *d)
{
	return !(d->accepted & ~d->offered) && d->accepted >> VIRTIO_F_VERSION_1 & 1;
}

static void start(struct virtio *d)
{
	for (int i = 0; i < d->queues; i++) {
		struct virtqueue *q = &d->queue[i].vq;

		if (q->enabled && !vq_start(q, d->v, d->accepted >> VIRTIO_RING_F_EVENT_IDX & 1,
					    d->accepted >> VIRTIO_RING_F_INDIRECT_DESC & 1)) {
			virtio_broken(d, q->broken);
			return;
		}
	}
	d->running = true;
	d->ops->start(d);
}

static void set_status(struct virtio *d, uint8_t value)
{
	uint8_t old = status(d), new = value & STATUS_BITS & ~old;

	if (!value) {
		reset(d);
		return;
	}
	if ((new & VIRTIO_CONFIG_S_FEATURES_OK) && !features_fit(d))
		new &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	__atomic_fetch_or(&d->status, new, __ATOMIC_ACQ_REL);
	if (!(new & VIRTIO_CONFIG_S_DRIVER_OK))
		return;
	if (!(status(d) & VIRTIO_CONFIG_S_FEATURES_OK))
		virtio_broken(d, "the driver starts without features");
	else if (!(old & VIRTIO_CONFIG_S_NEEDS_RESET))
		start(d);
}

static uint32_t half(uint64_t features, uint32_t select)
{
	return select < 2 ? features >> select * 32 : 0;
}

static void accept_features(struct virtio *d, uint32_t value)
{
	uint32_t select = d->feature_select[1];

	if (select > 1 || (status(d) & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	d->accepted &= ~(0xffffffffULL << select * 32);
	d->accepted |= (uint64_t)value << select * 32;
}

/* --- the common structure --- */

static uint32_t common_read(struct virtio *d, uint64_t offset)
{
	static const struct virtio_queue none;
	const struct virtio_queue *q = d->select < d->queues ? &d->queue[d->select] : &none;

	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT: return d->feature_select[0];
	case VIRTIO_PCI_COMMON_DF: return half(d->offered, d->feature_select[0]);
	case VIRTIO_PCI_COMMON_GFSELECT: return d->feature_select[1];
	case VIRTIO_PCI_COMMON_GF: return half(d->accepted, d->feature_select[1]);
	case VIRTIO_PCI_COMMON_MSIX: return d->config_vector;
	case VIRTIO_PCI_COMMON_NUMQ: return d->queues;
	case VIRTIO_PCI_COMMON_STATUS: return status(d);
	case VIRTIO_PCI_COMMON_CFGGENERATION: return d->generation;
	case VIRTIO_PCI_COMMON_Q_SELECT: return d->select;
	case VIRTIO_PCI_COMMON_Q_SIZE: return q->vq.size;
	case VIRTIO_PCI_COMMON_Q_MSIX: return q->vector;
	case VIRTIO_PCI_COMMON_Q_ENABLE: return q->vq.enabled;
	case VIRTIO_PCI_COMMON_Q_NOFF: return q == &none ? 0 : d->select;
	case VIRTIO_PCI_COMMON_Q_DESCLO: return q->vq.desc;
	case VIRTIO_PCI_COMMON_Q_DESCHI: return q->vq.desc >> 32;
	case VIRTIO_PCI_COMMON_Q_AVAILLO: return q->vq.avail;
	case VIRTIO_PCI_COMMON_Q_AVAILHI: return q->vq.avail >> 32;
	case VIRTIO_PCI_COMMON_Q_USEDLO: return q->vq.used;
	case VIRTIO_PCI_COMMON_Q_USEDHI: return q->vq.used >> 32;
	}
	return 0;
}

static void set_half(uint64_t *address, bool high, uint32_t value)
{
	*address = high ? (*address & 0xffffffff) | (uint64_t)value << 32 :
			  (*address & ~0xffffffffULL) | value;
}

static uint16_t vector_of(const struct virtio *d, uint32_t value)
{
	return value < (uint32_t)d->pci.vectors ? value : VIRTIO_MSI_NO_VECTOR;
}

/* Of a queue in use nothing changes but where its interrupts go. */
static void queue_write(struct virtio *d, uint64_t offset, uint32_t value)
{
	struct virtio_queue *q = &d->queue[d->select];

	if (offset == VIRTIO_PCI_COMMON_Q_MSIX) {
		__atomic_store_n(&q->vector, vector_of(d, value), __ATOMIC_RELAXED);
		if (d->running && d->ops->vector)
			d->ops->vector(d, d->select);
		return;
	}
	if (q->vq.enabled || (status(d) & VIRTIO_CONFIG_S_DRIVER_OK))
		return;
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE: q->vq.size = value; break;
	case VIRTIO_PCI_COMMON_Q_ENABLE: q->vq.enabled = value == 1; break;
	case VIRTIO_PCI_COMMON_Q_DESCLO: set_half(&q->vq.desc, false, value); break;
	case VIRTIO_PCI_COMMON_Q_DESCHI: set_half(&q->vq.desc, true, value); break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO: set_half(&q->vq.avail, false, value); break;
	case VIRTIO_PCI_COMMON_Q_AVAILHI: set_half(&q->vq.avail, true, value); break;
	case VIRTIO_PCI_COMMON_Q_USEDLO: set_half(&q->vq.used, false, value); break;
	case VIRTIO_PCI_COMMON_Q_USEDHI: set_half(&q->vq.used, true, value); break;
	}
}

static void common_write(struct virtio *d, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		d->feature_select[0] = value;
		break;
	case VIRTIO_PCI_COMMON_GFSELECT:
		d->feature_select[1] = value;
		break;
	case VIRTIO_PCI_COMMON_GF:
		accept_features(d, value);
		break;
	case VIRTIO_PCI_COMMON_MSIX:
		__atomic_store_n(&d->config_vector, vector_of(d, value), __ATOMIC_RELAXED);
		break;
	case VIRTIO_PCI_COMMON_STATUS:
		set_status(d, value);
		break;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		d->select = value;
		break;
	default:
		if (d->select < d->queues)
			queue_write(d, offset, value);
	}
}

/* Each field has to be accessed as a whole. */
static bool whole(uint64_t offset, int len)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_STATUS:
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		return len == 1;
	}
	return len == (offset >= VIRTIO_PCI_COMMON_MSIX && offset < VIRTIO_PCI_COMMON_Q_DESCLO ? 2 : 4);
}

/* --- the BAR --- */

static void kick(struct virtio *d, int q)
{
	if (!(status(d) & VIRTIO_CONFIG_S_DRIVER_OK) || q >= d->queues || !d->queue[q].vq.enabled)
		return;
	if (d->ops->kick && d->running)
		d->ops->kick(d, q);
	else if (d->queue[q].kick >= 0)
		msi_signal(d->queue[q].kick);	/* only where the kernel does not */
}

static uint32_t bar_read(struct pci_device *pci, uint64_t offset, int len)
{
	struct virtio *d = (struct virtio *)pci;
	uint32_t value = 0;

	switch (offset & ~(PAGE - 1ULL)) {
	case COMMON:
		return whole(offset, len) ? common_read(d, offset) : 0;
	case ISR:
		return offset == ISR ? __atomic_exchange_n(&d->isr, 0, __ATOMIC_ACQ_REL) : 0;
	case CONFIG:
		offset -= CONFIG;
		if (offset + len <= d->config_size)
			memcpy(&value, (const char *)d->config + offset, len);
		return value;
	}
	return 0;
}

static void bar_write(struct pci_device *pci, uint64_t offset, int len, uint32_t value)
{
	struct virtio *d = (struct virtio *)pci;

	if (d->resetting)
		return;
	switch (offset & ~(PAGE - 1ULL)) {
	case COMMON:
		if (whole(offset, len))
			common_write(d, offset, value);
		break;
	case CONFIG:
		offset -= CONFIG;
		if (d->ops->configure && offset + len <= d->config_size)
			d->ops->configure(d, offset, len, value);
		break;
	case NOTIFY:
		kick(d, (offset - NOTIFY) / NOTIFY_STEP);
		break;
	}
}

static int bind_kick(struct virtio *d, int q, uint64_t bar, bool on)
{
	struct kvm_ioeventfd e = {
		.addr = bar + NOTIFY + (uint64_t)q * NOTIFY_STEP, .fd = d->queue[q].kick,
		.flags = on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN,
	};

	return ioctl(d->v->vm, KVM_IOEVENTFD, &e);
}

/* Where the kernel does not take an eventfd, kicks come as other accesses do. */
static void moved(struct pci_device *pci, uint64_t old)
{
	struct virtio *d = (struct virtio *)pci;

	for (int i = 0; i < d->queues; i++) {
		struct virtio_queue *q = &d->queue[i];

		if (q->bound)
			bind_kick(d, i, old, false);
		q->bound = q->kick >= 0 && pci->at && !bind_kick(d, i, pci->at, true);
	}
}

/*
 * The capability that is a window to the BAR, for who cannot reach that: what and where is in the
 * capability's own fields, and the guest's to write.
 */
static void config_access(struct pci_device *pci, int offset, int len, bool write)
{
	struct virtio *d = (struct virtio *)pci;
	int data = d->config_access + sizeof(struct virtio_pci_cap);
	struct virtio_pci_cap cap;
	uint32_t value;

	if (offset >= data + 4 || offset + len <= data)
		return;
	memcpy(&cap, pci->config + d->config_access, sizeof(cap));
	if (cap.bar || (cap.length != 1 && cap.length != 2 && cap.length != 4) ||
	    cap.offset % cap.length || cap.offset >= MSIX_TABLE)
		return;
	memcpy(&value, pci->config + data, 4);
	if (write) {
		if (cap.length < 4)
			value &= (1u << cap.length * 8) - 1;
		bar_write(pci, cap.offset, cap.length, value);
	} else {
		value = bar_read(pci, cap.offset, cap.length);
		memcpy(pci->config + data, &value, cap.length);
	}
}

static const struct pci_ops pci_ops = {
	.read = bar_read, .write = bar_write, .moved = moved, .config_access = config_access,
};

/* --- making one --- */

static int add_cap(struct virtio *d, uint8_t type, uint32_t offset, uint32_t length, uint32_t more,
		   int size)
{
	struct {
		struct virtio_pci_cap cap;
		uint32_t more;
	} c = { { .cap_len = size, .cfg_type = type, .offset = offset, .length = length }, more };

	return pci_add_cap(&d->pci, PCI_CAP_ID_VNDR, (uint8_t *)&c + 2, size - 2);
}

static void add_caps(struct virtio *d)
{
	int size = sizeof(struct virtio_pci_cap);

	add_cap(d, VIRTIO_PCI_CAP_COMMON_CFG, COMMON, VIRTIO_PCI_COMMON_Q_USEDHI + 4, 0, size);
	add_cap(d, VIRTIO_PCI_CAP_ISR_CFG, ISR, 1, 0, size);
	if (d->config_size)
		add_cap(d, VIRTIO_PCI_CAP_DEVICE_CFG, CONFIG, d->config_size, 0, size);
	add_cap(d, VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY, d->queues * NOTIFY_STEP, NOTIFY_STEP, size + 4);
	d->config_access = add_cap(d, VIRTIO_PCI_CAP_PCI_CFG, 0, 0, 0, size + 4);
	/* bar, offset, length and data are the driver's */
	d->pci.writable[d->config_access + VIRTIO_PCI_CAP_BAR] = 0xff;
	memset(d->pci.writable + d->config_access + VIRTIO_PCI_CAP_OFFSET, 0xff, 12);
}

/**
 * virtio_create - a device on the bus
 * @v: the VM, with a PCI host
 * @d: the device
 * @ops: its functions
 * @kind: what it is
 *
 * bus->lock is not held. 0, or -1, told: then there is nothing to destroy.
 */
int virtio_create(struct vmm *v, struct virtio *d, const struct virtio_ops *ops,
		  const struct virtio_kind *kind)
{
	int i, err;

	*d = (struct virtio){
		.v = v, .name = kind->name, .ops = ops, .queues = kind->queues,
		.offered = kind->features | FEATURES,
		.config = kind->config, .config_size = kind->config_size,
	};
	pthread_cond_init(&d->stopped, NULL);
	d->queue = calloc(d->queues, sizeof(*d->queue));
	if (!d->queue)
		abort();
	for (i = 0; i < d->queues; i++)
		d->queue[i].kick = -1;
	for (i = 0; i < d->queues && !ops->kick; i++) {
		/* Who waits for it may block, unless he waits for others, too. */
		d->queue[i].kick = eventfd(0, EFD_CLOEXEC | (kind->watched ? EFD_NONBLOCK : 0));
		if (d->queue[i].kick < 0) {
			error("%s: cannot make an eventfd: %s", d->name, strerror(errno));
			virtio_destroy(d);
			return -1;
		}
		confine_keep(d->queue[i].kick);
	}
	forget(d);
	pci_init_device(&d->pci, &pci_ops, VENDOR_VIRTIO, DEVICE_VIRTIO + kind->type, kind->class,
			BAR_SIZE);
	add_caps(d);
	pthread_mutex_lock(&v->bus.lock);
	/* One message for the configuration, one for each queue. */
	err = pci_add_msix(v, &d->pci, d->queues + 1, MSIX_TABLE, MSIX_PBA) || pci_plug(v, &d->pci) ? -1 : 0;
	pthread_mutex_unlock(&v->bus.lock);
	if (err)
		virtio_destroy(d);
	return err;
}

/**
 * virtio_destroy - what virtio_create() made
 * @d: the device, which is on no bus, and serves its queues no more; bus->lock is not held
 */
void virtio_destroy(struct virtio *d)
{
	pthread_mutex_t *lock = &d->v->bus.lock;

	pthread_mutex_lock(lock);
	/* A vCPU that has begun a reset is still at it. */
	while (d->waiters) {
		virtio_stopped(d);
		pthread_mutex_unlock(lock);
		usleep(1000);
		pthread_mutex_lock(lock);
	}
	pci_forget(&d->pci);
	pthread_mutex_unlock(lock);
	for (int i = 0; i < d->queues; i++)
		if (d->queue[i].kick >= 0)
			close(d->queue[i].kick);
	free(d->queue);
	pthread_cond_destroy(&d->stopped);
}
