// SPDX-License-Identifier: GPL-2.0-only
/* vmm.c - a VM from its configuration to its end. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "quota.h"
#include "nl.h"
#include "vhctl.h"
#include "vmm/balloon.h"
#include "vmm/confine.h"
#include "vmm/control.h"
#include "vmm/cpus.h"
#include "vmm/devices.h"
#include "vmm/hotplug.h"
#include "vmm/mem.h"
#include "vmm/net.h"
#include "vmm/pci.h"
#include "vmm/region.h"
#include "vmm/supervise.h"
#include "vmm/vmm.h"
#include "vmm/watch.h"

/* --- what is at the other end of the devices' lines --- */

struct wire {
	struct line line;
	struct vmm *v;
	int gsi;
};

static void wire_irq(struct line *l, bool level)
{
	struct wire *w = (struct wire *)l;
	struct kvm_irq_level irq = { .irq = w->gsi, .level = level };

	ioctl(w->v->vm, KVM_IRQ_LINE, &irq);
}

static void wire_off(struct line *l, bool level)
{
	(void)level;
	vmm_stop(((struct wire *)l)->v, EXIT_OK, NULL);
}

static void wire_reset(struct line *l, bool level)
{
	(void)level;
	vmm_stop(((struct wire *)l)->v, EXIT_GUEST_RESET, "the guest asked for a reset");
}

static void wire_panic(struct line *l, bool level)
{
	(void)level;
	vmm_stop(((struct wire *)l)->v, EXIT_GUEST_CRASH, "the guest crashed: its kernel panicked");
}

static int create_devices(struct vmm *v)
{
	static struct wire serial, sci, rtc, off, reset, panic;

	serial = (struct wire){ { wire_irq }, v, SERIAL_IRQ };
	sci = (struct wire){ { wire_irq }, v, SCI_IRQ };
	rtc = (struct wire){ { wire_irq }, v, RTC_IRQ };
	off = (struct wire){ { wire_off }, v, -1 };
	reset = (struct wire){ { wire_reset }, v, -1 };
	panic = (struct wire){ { wire_panic }, v, -1 };
	serial_create(&v->bus, SERIAL_PORT, &serial.line, &v->console);
	reset_create(&v->bus, &reset.line);
	pvpanic_create(&v->bus, &panic.line);
	v->pm = pm_create(&v->bus, PM_EVENT_PORT, &sci.line, &off.line);
	v->rtc = rtc_create(&v->bus, &rtc.line);
	cpus_create(v);
	return rtc_start(v, v->rtc);
}

bool vmm_has_bus(const struct vmm_config *c)
{
	return c->disks || c->nets || c->vsock_cid || c->pmems || c->shares || c->balloon || c->virtio_console ||
	       c->memory_max;
}

/* What is on the PCI bus, in the order of its slots. */
static int create_pci_devices(struct vmm *v)
{
	const struct vmm_config *c = v->cfg;

	if (!vmm_has_bus(c))
		return 0;
	pci_create(v);
	hotplug_create(v);
	if (watch_create(v) || nets_prepare(v) || rng_create(v))
		return -1;
	for (int i = 0; i < c->disks; i++)
		if (blk_create(v, &c->disk[i]))
			return -1;
	for (int i = 0; i < c->nets; i++)
		if (net_create(v, &c->net[i]))
			return -1;
	if (c->vsock_cid && vsock_create(v, c->vsock_cid))
		return -1;
	for (int i = 0; i < c->pmems; i++)
		if (pmem_create(v, &c->pmem[i]))
			return -1;
	for (int i = 0; i < c->shares; i++)
		if (share_create(v, &c->share[i]))
			return -1;
	if (c->virtio_console && hvc_create(v, &v->hvc))
		return -1;
	if (c->memory_max && mem_create(v))
		return -1;
	return c->balloon ? balloon_create(v) : 0;
}

/* What the VM can be asked for. */
static void add_commands(void)
{
	control_add("balloon", balloon_command);
	control_add("cpus", cpus_command);
	control_add("memory", mem_command);
	control_add("generation", generation_command);
	control_add("resize", hvc_command);
	control_add("device-add", hotplug_add_command);
	control_add("device-rm", hotplug_remove_command);
	control_add("device-ls", hotplug_list_command);
}

/* --- life --- */

static int open_device(struct vmm *v)
{
	v->dev = device_open(v->cfg->device);
	if (v->dev < 0)
		return -1;
	if (ioctl(v->dev, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		error("%s: does not speak KVM's API version %d", v->cfg->device, KVM_API_VERSION);
		return -1;
	}
	return 0;
}

static const char *create_error(const struct vmm *v, int err)
{
	switch (err) {
	case EBUSY:
		return v->cfg->attach ? "it runs already" :
		       "another hypervisor is using VMX; stop its VMs or unload it";
	case EDQUOT:
		return limit_words(VH_RES_VMS, 1);
	case ELOOP:
		return "the cgroup is more than 32 levels deep";
	case ENOENT:
		return "no such VM";
	}
	return strerror(err);
}

/* The name that listings show. */
static int set_name(struct vmm *v)
{
	struct nl_msg *msg;
	struct vh_vm_id id;
	struct nl *nl;
	int status;

	if (ioctl(v->vm, VH_GET_VM_ID, &id))
		return 0;	/* not vh: nobody else keeps names */
	nl = vh_open();
	if (!nl)
		return -1;
	msg = vh_request(nl, VH_CMD_VM_SET, 0);
	nla_put_u32(msg, VH_A_VM_ID, id.id);
	nla_put_string(msg, VH_A_VM_NAME, v->cfg->name);
	status = vh_do(nl, msg, v->cfg->name);
	vh_close(nl);
	return status ? -1 : 0;
}

static int create_vm(struct vmm *v)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	uint64_t identity = GPA_IDENTITY;
	int size;

	v->vm = v->cfg->attach ? ioctl(v->dev, VH_ATTACH_VM, &v->cfg->attach) :
				 ioctl(v->dev, KVM_CREATE_VM, 0);
	if (v->vm < 0) {
		error("cannot create a VM on %s: %s", v->cfg->device, create_error(v, errno));
		return -1;
	}
	ioctl(v->vm, VH_SET_POWER_BUTTON, 1);	/* end.c; not vh: nobody presses it */
	if (v->cfg->named && set_name(v))
		return -1;
	size = ioctl(v->dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < (int)sizeof(struct kvm_run)) {
		error("%s: no vCPU mapping size", v->cfg->device);
		return -1;
	}
	v->run_size = size;
	confine_keep(v->vm);
	if (ioctl(v->vm, KVM_SET_TSS_ADDR, GPA_TSS) ||
	    ioctl(v->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity) ||
	    ioctl(v->vm, KVM_CREATE_IRQCHIP, 0) || ioctl(v->vm, KVM_CREATE_PIT2, &pit)) {
		error("cannot create the VM's interrupt controllers: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static int open_all(struct vmm *v)
{
	if (open_device(v) || create_vm(v) || cpuid_prepare(v) || memory_create(v) || region_create(v))
		return -1;
	confine_keep(v->memory_fd);	/* for who serves shared folders */
	if (create_devices(v) || generation_create(v) || watchdog_create(v) || create_pci_devices(v))
		return -1;
	if (v->cfg->kernel) {
		if (load_guest(v))
			return -1;
		acpi_create(v);
	} else if (firmware_create(v)) {
		return -1;
	}
	for (int i = 0; i < vmm_most_cpus(v->cfg); i++)
		if (vcpu_create(v, i))
			return -1;
	add_commands();
	if (v->link >= 0 && control_link(v, v->link))
		return -1;
	return console_open(v);
}

/* By its UUID, which only vh gives it. */
static int let_ask(struct vmm *v)
{
	struct vh_vm_id id;

	if (v->channel < 0)
		control_open(v);
	else if (!ioctl(v->vm, VH_GET_VM_ID, &id))
		return supervise_name(v->channel, id.uuid);
	return 0;
}

/*
 * Confined as a process, then thread by thread, unless that was not wanted; the guest's first instruction is the
 * last thing.
 */
static int start(struct vmm *v)
{
	if (open_all(v) || confine_process(v) || threads_start(v))
		return -1;
	for (int i = 0; i < vmm_most_cpus(v->cfg); i++)
		if (vcpu_start(v, i))
			return -1;
	if (confine_wait(v))
		return -1;
	v->running = true;
	if (v->cfg->started)
		*v->cfg->started = true;
	if (let_ask(v)) {
		error("nobody waits for the VM");
		return -1;
	}
	if (v->channel >= 0 && v->cfg->log_fd >= 0)
		dup2(v->cfg->log_fd, STDERR_FILENO);	/* from now on nobody reads the terminal */
	return confine_main(v);
}

static void finish(struct vmm *v)
{
	int i;

	confine_open(false);
	vcpus_kick(v);
	cpus_wake(v);
	for (i = 0; i < vmm_most_cpus(v->cfg); i++)
		thread_join(&v->cpu[i].thread);
	control_close();
	watchdog_finish();
	balloon_finish();
	mem_finish();
	hvc_finish();
	pmem_finish();
	shares_finish();
	blk_finish(v);
	control_finish();	/* daemons of disks that it added are done */
	watch_finish(v);
	nets_finish(v);
	console_close(v);
}

static void tell_running(struct vmm *v)
{
	const struct vmm_config *cfg = v->cfg;

	if (v->channel >= 0) {
		supervise_runs(v->channel);
	} else if (cfg->ready_fd >= 0) {
		if (write(cfg->ready_fd, "", 1) < 0)
			error("nobody waits for the VM to run");
		close(cfg->ready_fd);
		dup2(cfg->log_fd, STDERR_FILENO);	/* from now on nobody reads the terminal */
	}
}

static int run(const struct vmm_config *cfg, int channel, int link)
{
	static struct vmm vmm;
	struct vmm *v = &vmm;
	int status = EXIT_ERROR;

	*v = (struct vmm){ .cfg = cfg, .dev = -1, .vm = -1, .memory_fd = -1, .channel = channel, .link = link };
	pthread_mutex_init(&v->lock, NULL);
	bus_init(&v->bus);
	if (cfg->confine) {
		/* What the C library does at its first use of it, threads have no call for later. */
		mallopt(M_ARENA_MAX, 1);
		tzset();
		confine_keep_from_now();
		confine_keep(channel);
	}
	if (start(v)) {
		vmm_stop(v, EXIT_ERROR, NULL);
		finish(v);
		return EXIT_ERROR;
	}
	tell_running(v);
	console_loop(v);
	finish(v);
	status = v->status;
	if (v->reason[0])
		error("%s: %s", cfg->name, v->reason);
	if (cfg->stats)
		stats_print(v);
	return status;
}

/**
 * vmm_run - run a VM to its end
 * @cfg: what to run
 *
 * Returns an exit status of vhctl; what went wrong is printed.
 */
int vmm_run(const struct vmm_config *cfg)
{
	struct vmm_config c = *cfg;
	int status;

	if (!cfg->confine)
		return run(cfg, -1, -1);
	/* The VMM is another process. */
	c.started = mmap(NULL, sizeof(*c.started), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c.started == MAP_FAILED) {
		error("no memory: %s", strerror(errno));
		return EXIT_ERROR;
	}
	status = supervise(&c, run);
	if (cfg->started)
		*cfg->started = *c.started;
	munmap(c.started, sizeof(*c.started));
	return status;
}
