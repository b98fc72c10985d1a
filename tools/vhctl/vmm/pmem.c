// SPDX-License-Identifier: GPL-2.0-only
/*
 * pmem.c - files as persistent memory (Virtual I/O Device Version 1.2, 5.19): the guest reads and writes
 * the host's page cache itself, which VMs that have the same file share, and asks only for what it wrote to
 * be kept.
 */
#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_pmem.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/disk_image.h"
#include "vmm/pci.h"
#include "vmm/pmem.h"
#include "vmm/virtio.h"
#include "vmm/vmm.h"
#include "vmm/worker.h"

#define PAGE		4096ULL
#define ALIGN		(2ULL << 20)	/* of a guest's memory that is not its RAM: Linux wants it so */
#define PLACE_ALIGN	(1ULL << 30)

struct pmem {
	struct virtio virtio;
	struct virtio_pmem_config config;	/* const, as the next three are */
	const struct pmem_config *cfg;
	struct disk disk;
	char name[160];
	uint8_t *at;				/* the file's pages, const; so many bytes of them, const, */
	uint64_t bytes, there;			/* and so many that are still the file's; any thread */
	struct pmem *next;
	int complaints;				/* bus.lock: of writes */

	struct worker worker;
	struct vq_chain chain;			/* the thread's, as the next one is */
	int flush_complaints;
};

static struct pmem *pmems;	/* const while vCPUs run */
static uint64_t place;		/* where the next one can be; 0: it is the first */

/* --- files that get shorter while they are mapped --- */

static unsigned int cuts;	/* how often one did; pmem_mend()'s */

static uint64_t whole_pages(uint64_t bytes)
{
	return (bytes + PAGE - 1) & ~(PAGE - 1);
}

/*
 * Behind its end zeroes take the place of the file: the kernel has nothing to give there, and ends whom it
 * cannot give what they access. In a handler of SIGBUS, too, so without locks that somebody else may have.
 */
static bool mend(struct pmem *p)
{
	uint64_t size = disk_size(&p->disk), from = whole_pages(size);

	if (from >= p->there)
		return false;
	error("%s: has been cut to %llu bytes while the VM runs; it goes on with zeroes behind them, of which nothing is kept",
	      p->name, (unsigned long long)size);
	if (mmap(p->at + from, p->there - from, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		return false;
	__atomic_store_n(&p->there, from, __ATOMIC_RELEASE);
	return true;
}

/**
 * pmem_mend - a vCPU has found that there is no memory where there should be some
 * @seen: the vCPU's, 0 at the start
 *
 * True: a file was cut, and it can try again.
 */
bool pmem_mend(unsigned int *seen)
{
	static bool at_it;
	unsigned int before = *seen;

	while (__atomic_exchange_n(&at_it, true, __ATOMIC_ACQUIRE))
		sched_yield();
	for (struct pmem *p = pmems; p; p = p->next)
		cuts += mend(p);
	*seen = cuts;
	__atomic_store_n(&at_it, false, __ATOMIC_RELEASE);
	return *seen != before;
}

static bool is_mapped(const uint8_t *at)
{
	for (const struct pmem *p = pmems; p; p = p->next)
		if (at >= p->at && at < p->at + p->bytes)
			return true;
	return false;
}

/* A device has met the end of a file; its thread tries again. */
static void bus_error(int sig, siginfo_t *info, void *context)
{
	static __thread unsigned int seen;

	(void)context;
	if (info->si_code == BUS_ADRERR && is_mapped(info->si_addr)) {
		if (pmem_mend(&seen))
			return;
		error("memory of --pmem cannot be had any more: its file system is full, or its disk fails");
	}
	signal(sig, SIG_DFL);
	raise(sig);
}

/* --- the thread: flushes --- */

static uint32_t flush(struct pmem *p)
{
	/* Of what was behind its end something may have been written, and is not kept. */
	if (__atomic_load_n(&p->there, __ATOMIC_ACQUIRE) < p->bytes)
		return 1;
	/* One of a file that is only read has nothing to keep. */
	if (p->cfg->ro || !fdatasync(p->disk.fd))
		return 0;
	if (may_complain(&p->flush_complaints))
		error("%s: flush: %s", p->name, strerror(errno));
	return 1;
}

/* False: it makes no sense. */
static bool answer(struct pmem *p)
{
	struct vq_chain *c = &p->chain;
	struct virtio_pmem_resp resp;
	struct virtio_pmem_req req;

	if (c->out != 1 || c->iov[0].iov_len < sizeof(req) || c->in != 1 || c->iov[1].iov_len < sizeof(resp))
		return false;
	memcpy(&req, c->iov[0].iov_base, sizeof(req));
	resp.ret = req.type == VIRTIO_PMEM_REQ_TYPE_FLUSH ? flush(p) : 1;
	memcpy(c->iov[1].iov_base, &resp, sizeof(resp));
	return true;
}

static void serve(struct virtio *d, int n)
{
	struct pmem *p = (struct pmem *)d;
	struct virtqueue *q = &d->queue[0].vq;

	if (n < 0)
		return;
	do {
		while (vq_pop(q, &p->chain)) {
			if (!answer(p)) {
				q->broken = "a request of an odd form";
				break;
			}
			vq_push(q, p->chain.head, sizeof(struct virtio_pmem_resp));
		}
	} while (vq_want_kicks(q));
	if (q->broken)
		virtio_broken(d, q->broken);
	if (vq_wants_interrupt(q))
		virtio_interrupt(d, 0);
}

/* --- the device; bus->lock is held --- */

static void start(struct virtio *d)
{
	worker_ask(&((struct pmem *)d)->worker, WORKER_START);
}

static void stop(struct virtio *d)
{
	worker_ask(&((struct pmem *)d)->worker, WORKER_STOP);
}

static const struct virtio_ops ops = { .start = start, .stop = stop };

/* What reaches this is written to what the guest can only read, and lost. */
static uint64_t lost_read(void *device, uint64_t offset, int len)
{
	(void)device, (void)offset, (void)len;
	return ~0ULL;
}

static void lost_write(void *device, uint64_t offset, int len, uint64_t value)
{
	struct pmem *p = device;

	(void)len, (void)value;
	if (may_complain(&p->complaints))
		error("%s: is read-only; the guest wrote at %#llx, which is lost", p->name, (unsigned long long)offset);
}

static const struct device_ops lost_ops = { .read = lost_read, .write = lost_write };

/* --- making one --- */

/*
 * The file, and zeroes up to a whole piece. What may only be read is a private mapping all the same: so
 * devices that are given a buffer there fault nobody, and what they write is this VM's alone.
 */
static void *map(const struct pmem *p, uint64_t bytes)
{
	int flags = p->cfg->ro ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED;
	uint8_t *at = mmap(NULL, p->config.size + ALIGN, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	at += -(uintptr_t)at % ALIGN;
	if (mmap(at, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, p->disk.fd, 0) == MAP_FAILED)
		return NULL;
	return at;
}

static int find_place(struct vmm *v, struct pmem *p)
{
	uint64_t first, size;

	if (!place) {
		pci_high_window(v, &first, &size);
		place = first + size;
	}
	p->config.start = (place + PLACE_ALIGN - 1) & ~(PLACE_ALIGN - 1);
	if (p->config.size > memory_limit() || p->config.start > memory_limit() - p->config.size) {
		error("%s: the processor's addresses end at %llu GiB, and there is no room for it above the memory",
		      p->name, (unsigned long long)memory_limit() >> 30);
		return -1;
	}
	place = p->config.start + p->config.size;
	return 0;
}

/* The file is open; the guest gets it as memory. */
static int give(struct vmm *v, struct pmem *p)
{
	uint64_t bytes = disk_size(&p->disk);

	p->config.size = (bytes + ALIGN - 1) & ~(ALIGN - 1);
	if (bytes != p->config.size && !p->cfg->ro) {
		error("%s: its size is no multiple of 2M, and what the guest writes behind its end would be lost; "
		      "'truncate -s %%2M' mends that, or ',ro'", p->cfg->path);
		return -1;
	}
	if (find_place(v, p))
		return -1;
	p->at = map(p, bytes);
	if (!p->at) {
		error("%s: cannot be mapped: %s", p->cfg->path, strerror(errno));
		return -1;
	}
	p->bytes = p->there = whole_pages(bytes);
	return memory_add(v, p->config.start, p->at, p->config.size, p->cfg->ro);
}

/**
 * pmem_create - a file as memory
 * @v: the VM, with a PCI host
 * @cfg: what it is
 *
 * 0, or -1, told.
 */
int pmem_create(struct vmm *v, const struct pmem_config *cfg)
{
	/* Whatever it looks like: it is memory, and the guest may have made it look so. */
	struct disk_config file = { .path = cfg->path, .format = "raw", .ro = cfg->ro };
	const char *format = disk_image_name_says(cfg->path);
	struct sigaction sa = { .sa_sigaction = bus_error, .sa_flags = SA_SIGINFO };
	struct virtio_kind kind = {
		.type = VIRTIO_ID_PMEM, .class = 0x058000, .queues = 1, .config_size = sizeof(((struct pmem *)0)->config),
	};
	struct pmem *p;

	if (format && strcmp(format, "raw")) {
		error("%s: is an image, and only a raw file can be memory; 'qemu-img convert -O raw' makes one", cfg->path);
		return -1;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		abort();
	p->cfg = cfg;
	snprintf(p->name, sizeof(p->name), "pmem %s", cfg->path);
	if (disk_open(&file, &p->disk) || give(v, p)) {
		disk_close(&p->disk);
		free(p);
		return -1;
	}
	if (cfg->ro)
		bus_claim(&v->bus, BUS_MEMORY, p->config.start, p->config.size, &lost_ops, p);
	kind.name = p->name;
	kind.config = &p->config;
	if (virtio_create(v, &p->virtio, &ops, &kind) ||
	    worker_create(&p->worker, &p->virtio, THREAD_PMEM, p->disk.fd, serve))
		return -1;
	confine_keep(p->disk.fd);
	confine_keep(p->disk.lock);
	p->next = pmems;
	pmems = p;
	sigaction(SIGBUS, &sa, NULL);
	return 0;
}

/**
 * pmem_finish - the threads end; what they flush is flushed
 */
void pmem_finish(void)
{
	for (struct pmem *p = pmems; p; p = p->next)
		worker_finish(&p->worker);
	pmems = NULL;
}
