// SPDX-License-Identifier: GPL-2.0-only
/*
 * stats.c - KVM_GET_STATS_FD: figures of a VM or a vCPU, with their names.
 *
 * The file is as Documentation/virt/kvm/api.rst has it: a header, an id, descriptors, data. A name means what it
 * means on KVM; what vh does not count is not there. For vh's own figures there is netlink.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <asm/vmx.h>

#include "acct/acct.h"
#include "ctl/registry.h"
#include "objects.h"
#include "vh.h"

#define NAME_SIZE	48		/* as KVM's: the id's, too */

/* What a figure is. */
#define COUNT	(KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_NONE | KVM_STATS_BASE_POW10)
#define TIME_NS	(KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_SECONDS | KVM_STATS_BASE_POW10)
#define YES_NO	(KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_BOOLEAN | KVM_STATS_BASE_POW10)

/* Of a vCPU @get gives it, or it is a member, or the exits of a basic reason. */
struct figure {
	const char *name;
	u32 flags;
	u64 (*get)(const struct vh_vcpu *vcpu);
	u16 member;
	u8 reason;
};

#define MEMBER(text, is, m)	{ .name = text, .flags = is, .member = offsetof(struct vh_vcpu, m) }
#define EXITS(text, why)	{ .name = text, .flags = COUNT, .reason = EXIT_REASON_##why }

static u64 all_exits(const struct vh_vcpu *vcpu)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < VH_NR_EXIT_REASONS; i++)
		sum += READ_ONCE(vcpu->exits[i]);
	return sum;
}

static u64 poll_fail_ns(const struct vh_vcpu *vcpu)
{
	u64 hit = READ_ONCE(vcpu->halt_poll_hit_ns), all = READ_ONCE(vcpu->halt_polled);

	return all > hit ? all - hit : 0;
}

static u64 blocking(const struct vh_vcpu *vcpu)
{
	return rcuwait_active((struct rcuwait *)&vcpu->wait);
}

static const struct figure vcpu_stats[] = {
	MEMBER("halt_successful_poll", COUNT, halt_poll_hit),
	MEMBER("halt_attempted_poll", COUNT, halt_polls),
	MEMBER("halt_wakeup", COUNT, halt_wakeups),
	MEMBER("halt_poll_success_ns", TIME_NS, halt_poll_hit_ns),
	{ .name = "halt_poll_fail_ns", .flags = TIME_NS, .get = poll_fail_ns },
	MEMBER("halt_wait_ns", TIME_NS, halt_waited),
	{ .name = "blocking", .flags = YES_NO, .get = blocking },
	MEMBER("pf_taken", COUNT, faults),
	EXITS("invlpg", INVLPG),
	{ .name = "exits", .flags = COUNT, .get = all_exits },
	EXITS("io_exits", IO_INSTRUCTION),
	MEMBER("mmio_exits", COUNT, mmio_exits),
	MEMBER("signal_exits", COUNT, signal_exits),
	EXITS("irq_window_exits", INTERRUPT_WINDOW),
	EXITS("nmi_window_exits", NMI_WINDOW),
	EXITS("halt_exits", HLT),
	EXITS("irq_exits", EXTERNAL_INTERRUPT),
	EXITS("hypercalls", VMCALL),
	EXITS("notify_window_exits", NOTIFY),
};

static const char *const vm_stats[] = { "remote_tlb_flush", "remote_tlb_flush_requests" };

static u64 vcpu_figure(const struct vh_vcpu *vcpu, const struct figure *s)
{
	if (s->get)
		return s->get(vcpu);
	if (s->member)
		return READ_ONCE(*(const u64 *)((const char *)vcpu + s->member));
	return READ_ONCE(vcpu->exits[s->reason]);
}

/* struct kvm_stats_desc, its name included. */
struct desc {
	u32 flags;
	s16 exponent;
	u16 size;
	u32 offset, bucket_size;
	char name[NAME_SIZE];
};

/* The whole file. */
struct image {
	struct kvm_stats_header h;
	char id[NAME_SIZE];
	struct desc desc[ARRAY_SIZE(vcpu_stats)];
	u64 data[ARRAY_SIZE(vcpu_stats)];
};

static void describe(struct desc *e, unsigned int n, const char *name, u32 flags)
{
	BUILD_BUG_ON(offsetof(struct desc, name) != offsetof(struct kvm_stats_desc, name) ||
		     offsetof(struct desc, offset) != offsetof(struct kvm_stats_desc, offset));
	e->flags = flags;
	e->exponent = flags == TIME_NS ? -9 : 0;
	e->size = 1;
	e->offset = n * sizeof(u64);
	strscpy(e->name, name, sizeof(e->name));
}

/* @vcpu: NULL: of the VM. Returns how many figures there are. */
static unsigned int fill(struct image *im, struct vh_vm *vm, const struct vh_vcpu *vcpu)
{
	unsigned int i;

	BUILD_BUG_ON(ARRAY_SIZE(vm_stats) > ARRAY_SIZE(vcpu_stats));
	if (!vcpu) {
		snprintf(im->id, sizeof(im->id), "vh-%u", vm->rec->id);
		for (i = 0; i < ARRAY_SIZE(vm_stats); i++)
			describe(&im->desc[i], i, vm_stats[i], COUNT);
		im->data[0] = atomic_long_read(&vm->flush_kicks);
		im->data[1] = atomic_long_read(&vm->flushes);
		return i;
	}
	snprintf(im->id, sizeof(im->id), "vh-%u/vcpu-%u", vm->rec->id, vcpu->id);
	for (i = 0; i < ARRAY_SIZE(vcpu_stats); i++) {
		describe(&im->desc[i], i, vcpu_stats[i].name, vcpu_stats[i].flags);
		im->data[i] = vcpu_figure(vcpu, &vcpu_stats[i]);
	}
	return i;
}

static ssize_t read_stats(struct vh_vm *vm, const struct vh_vcpu *vcpu, char __user *to, size_t len, loff_t *pos)
{
	struct image *im = kzalloc(sizeof(*im), GFP_KERNEL_ACCOUNT);
	unsigned int n;
	ssize_t r;

	if (!im)
		return -ENOMEM;
	n = fill(im, vm, vcpu);
	im->h.name_size = NAME_SIZE;
	im->h.num_desc = n;
	im->h.id_offset = offsetof(struct image, id);
	im->h.desc_offset = offsetof(struct image, desc);
	im->h.data_offset = offsetof(struct image, data);
	r = simple_read_from_buffer(to, len, pos, im, offsetof(struct image, data[n]));
	kfree(im);
	return r;
}

static ssize_t vm_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	return read_stats(file->private_data, NULL, to, len, pos);
}

static ssize_t vcpu_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	const struct vh_vcpu *vcpu = file->private_data;

	return read_stats(vcpu->vm, vcpu, to, len, pos);
}

static int vm_release(struct inode *inode, struct file *file)
{
	vh_vm_put(file->private_data);
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	const struct vh_vcpu *vcpu = file->private_data;

	vh_vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations vm_stats_fops = {
	.owner		= THIS_MODULE,
	.read		= vm_read,
	.release	= vm_release,
	.llseek		= noop_llseek,
};

static const struct file_operations vcpu_stats_fops = {
	.owner		= THIS_MODULE,
	.read		= vcpu_read,
	.release	= vcpu_release,
	.llseek		= noop_llseek,
};

/**
 * vh_stats_fd - KVM_GET_STATS_FD
 * @vm: the VM
 * @vcpu: one of its vCPUs, or NULL: the VM's own figures
 *
 * Process context. Returns a file descriptor that keeps the VM, as the vCPUs' do; -EMFILE, -ENOMEM.
 */
int vh_stats_fd(struct vh_vm *vm, struct vh_vcpu *vcpu)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;

	if (fd < 0)
		return fd;
	file = vcpu ? anon_inode_getfile("vh-vcpu-stats", &vcpu_stats_fops, vcpu, O_RDONLY) :
		      anon_inode_getfile("vh-vm-stats", &vm_stats_fops, vm, O_RDONLY);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	file->f_mode |= FMODE_PREAD;
	vh_vm_get(vm);
	fd_install(fd, file);
	return fd;
}
