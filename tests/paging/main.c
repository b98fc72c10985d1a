// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host of the adversarial guest: a VM for each paging mode and seed, a
 * thread for each vCPU, until the guest has run as many instructions as asked
 * for. Meanwhile it takes the guest's memory through fork() and dirty logging.
 */
#include <cpuid.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/kvm.h"
#include "../lib/tap.h"
#include "../netlink/genl.h"
#include "paging.h"

#define X(name) #name,
static const char *const counter_names[] = { COUNTERS(X) };
#undef X

static const struct { const char *name; uint32_t mode; enum guest_mode start; } modes[] = {
	{ "4level", MODE_4LEVEL, MODE_LONG },
	{ "pae", MODE_PAE3, MODE_FLAT32 },
	{ "2level", MODE_2LEVEL, MODE_FLAT32 },
};

extern const uint8_t guest64[], guest64_end[], guest32[], guest32_end[];

static struct options {
	uint64_t seed, seeds, instructions, rounds;
	unsigned int vcpus, ops, without;
	const char *modes;
	bool quiet_host, tame, figures;
} opt = { .seed = 1, .seeds = 1, .vcpus = 2, .ops = 200, .modes = "4level,pae,2level" };

struct run {
	struct vm vm;
	volatile struct board *board;
	struct tap_result *result;
	pthread_mutex_t lock;		/* of result */
	struct conn conn;
	bool counted;			/* conn is open */
	uint64_t random, ticks, guest_time, exits, faults;
	uint8_t *bitmap;
};

struct thread {
	struct run *run;
	unsigned int id;
	pthread_t thread;
};

static uint64_t rnd(struct run *run)
{
	run->random = run->random * 6364136223846793005ull + 1442695040888963407ull;
	return run->random >> 33;
}

static void lost(struct run *run, struct vcpu *v, unsigned int id, const char *why)
{
	struct kvm_sregs s;
	struct kvm_regs r;

	pthread_mutex_lock(&run->lock);
	ioctl(v->fd, KVM_GET_REGS, &r);
	ioctl(v->fd, KVM_GET_SREGS, &s);
	tap_fail(run->result, "vCPU %u: %s; rip %llx rsp %llx cr0 %llx cr2 %llx cr3 %llx cr4 %llx",
		 id, why, r.rip, r.rsp, s.cr0, s.cr2, s.cr3, s.cr4);
	run->board->failed = 1;
	pthread_mutex_unlock(&run->lock);
}

/* Of what a vCPU did, what may have to do with report @r. */
static bool concerns(const volatile struct note *n, const volatile struct report *r)
{
	unsigned int i;

	switch (n->what) {
	case C_read: case C_write: case C_xchg: case C_fetch: case C_invlpg:
		return !((n->a ^ r->va) >> 12);
	case C_mod_l1: case C_mod_l2: case C_mod_l3: case C_mod_l4:
		for (i = 0; i < r->steps; i++)
			if (n->b == r->at[i])
				return true;
		return false;
	}
	return true;
}

static void reported(struct run *run, unsigned int id)
{
	volatile struct report *r = &run->board->report[id];
	unsigned int i;

	pthread_mutex_lock(&run->lock);
	printf("# vCPU %u, round %llu, op %llu, %.16s:%u: %.32s\n", id, (long long)r->round,
	       (long long)r->op, r->file, r->line, r->what);
	printf("#   va %llx want %llx got %llx; error code want %lld got %lld (-1: no fault)\n",
	       (long long)r->va, (long long)r->want, (long long)r->got, (long long)r->want_err,
	       (long long)r->got_err);
	printf("#   cr0 %llx cr3 %llx cr4 %llx efer %llx pkru %llx\n", (long long)r->cr0,
	       (long long)r->cr3, (long long)r->cr4, (long long)r->efer, (long long)r->pkru);
	/* a MOV to a control register faults by these (PAE) */
	if (r->cr3 < RAM && !(r->efer & 0x400)) {
		uint64_t *e = (uint64_t *)(run->vm.mem + (r->cr3 & ~31ull));

		printf("#   at CR3: %llx %llx %llx %llx\n", (long long)e[0], (long long)e[1], (long long)e[2], (long long)e[3]);
	}
	for (i = 0; i < r->steps && i < 4; i++)
		printf("#   entry at %llx: %llx, afterwards %llx\n", (long long)r->at[i],
		       (long long)r->before[i], (long long)r->after[i]);
	for (i = 0; i < NOTES; i++) {
		volatile struct note *n = &run->board->note[id][(run->board->noted[id] + i) % NOTES];

		if (n->op && concerns(n, r))
			printf("#   op %u: %s %llx %llx %llx\n", n->op,
			       counter_names[n->what % NR_COUNTERS], (long long)n->a,
			       (long long)n->b, (long long)n->c);
	}
	tap_fail(run->result, "vCPU %u, op %llu, %.16s:%u: %.32s: va %llx want %llx got %llx", id,
		 (long long)r->op, r->file, r->line, r->what, (long long)r->va,
		 (long long)r->want, (long long)r->got);
	pthread_mutex_unlock(&run->lock);
}

static void mine(const struct nlattr *attrs, int len, int cmd, void *arg)
{
	struct vm_info vm = { 0 };

	vm_from(attrs, len, cmd, &vm);
	if (vm.pid == (uint32_t)getpid())
		*(struct vm_info *)arg = vm;
}

/* What the module counted: guest time in ns, exits. */
static void look(struct run *run)
{
	struct vm_info vm = { 0 };

	if (!run->counted)
		return;
	msg_begin(&run->conn, VH_CMD_VM_GET, NLM_F_DUMP);
	if (msg_send(&run->conn, mine, &vm) || !vm.pid)
		return;
	run->guest_time = vm.c.v[VH_A_COUNTER_GUEST_TIME];
	run->exits = vm.c.v[VH_A_COUNTER_EXITS];
	run->faults = vm.c.v[VH_A_COUNTER_PAGE_FAULTS];
}

/* The host pulls at the guest's memory; no content is lost. */
static void disturb(struct run *run)
{
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = run->bitmap };
	static unsigned int flags;
	pid_t pid;

	if (opt.quiet_host)
		return;
	switch (rnd(run) % 4) {
	case 0:		/* copy on write */
		pid = fork();
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
		break;
	case 1:
		flags ^= KVM_MEM_LOG_DIRTY_PAGES;
		vm_slot(&run->vm, 0, flags, 0, RAM, run->vm.mem);
		break;
	case 2:
		ioctl(run->vm.fd, KVM_GET_DIRTY_LOG, &log);
		break;
	case 3:		/* unmapped and mapped again somewhere else, by mremap of a part */
		mprotect(run->vm.mem + POOLS, POOL_SIZE, PROT_READ);
		mprotect(run->vm.mem + POOLS, POOL_SIZE, PROT_READ | PROT_WRITE);
		break;
	}
}

static void tick(struct run *run)
{
	run->ticks++;
	look(run);
	disturb(run);
	if (opt.rounds ? run->ticks >= opt.rounds : run->guest_time / 10 >= opt.instructions)
		run->board->stop = 1;
}

static void *vcpu_thread(void *arg)
{
	struct thread *t = arg;
	struct run *run = t->run;
	struct vcpu *v = &run->vm.vcpu[t->id];

	for (;;) {
		int r = vcpu_run(v);

		if (r) {
			lost(run, v, t->id, strerror(-r));
			return NULL;
		}
		if (v->run->exit_reason != KVM_EXIT_IO) {
			char why[80];

			snprintf(why, sizeof(why), "exit %s", exit_name(v->run->exit_reason));
			if (v->run->exit_reason == KVM_EXIT_MMIO)
				snprintf(why, sizeof(why), "exit MMIO at %llx",
					 v->run->mmio.phys_addr);
			lost(run, v, t->id, why);
			return NULL;
		}
		switch (v->run->io.port) {
		case PORT_TICK:
			tick(run);
			break;
		case PORT_FAIL:
			reported(run, t->id);
			break;
		case PORT_DONE:
			return NULL;
		}
	}
}

static void show(struct run *run, uint64_t ticks)
{
	uint64_t n[NR_COUNTERS] = { 0 }, probes;
	unsigned int i, j;

	for (i = 0; i < opt.vcpus; i++)
		for (j = 0; j < NR_COUNTERS; j++)
			n[j] += run->board->count[i][j];
	printf("# features %x:", run->board->features);
	for (j = 0; j < NR_COUNTERS; j++)
		printf(" %s %llu", counter_names[j], (long long)n[j]);
	printf("\n");
	if (run->counted)
		printf("# %.1f M guest instructions by the module's count, %llu exits, %llu page faults; ",
		       run->guest_time / 1e7, (long long)run->exits, (long long)run->faults);
	else
		printf("# ");
	printf("%.1f M ticks of the TSC in all\n", ticks / 1e6);
	probes = n[C_ok] + n[C_pf];
	if (run->result->verdict == TAP_PASS && (probes < 100 || !n[C_rounds] || !n[C_shared_exact]))
		tap_fail(run->result, "hardly anything was tried: %llu probes", (long long)probes);
}

/* Shadow stacks or branch tracking. */
static bool has_cet(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & 1 << 7 || d & 1 << 20);
}

static void one(struct tap_result *r, unsigned int m, uint64_t seed)
{
	struct run run = { .result = r, .random = seed };
	bool wide = modes[m].start == MODE_LONG;
	struct thread t[MAX_VCPUS];
	unsigned int i;
	uint64_t start;

	pthread_mutex_init(&run.lock, NULL);
	vm_create(&run.vm, RAM, 0);
	memcpy(run.vm.mem + IMAGE_BASE, wide ? guest64 : guest32,
	       wide ? guest64_end - guest64 : guest32_end - guest32);
	vm_build_tables(&run.vm);
	run.bitmap = calloc(1, RAM / 4096 / 8);
	run.board = (void *)(run.vm.mem + BOARD);
	run.board->vcpus = opt.vcpus;
	run.board->mode = modes[m].mode;
	run.board->seed = seed;
	run.board->ops = opt.ops;
	run.board->tame = opt.tame;
	run.board->cet = has_cet();
	run.board->without = opt.without;
	if (opt.figures) {
		conn_open(&run.conn);
		run.counted = true;
	}
	for (i = 0; i < opt.vcpus; i++) {
		struct vcpu *v = vm_add_vcpu(&run.vm);
		struct kvm_regs regs;

		vcpu_set_mode(&run.vm, v, modes[m].start, IMAGE_BASE, 0);
		xioctl(v->fd, KVM_GET_REGS, &regs);
		regs.rdi = i;
		xioctl(v->fd, KVM_SET_REGS, &regs);
	}
	start = rdtsc();
	for (i = 0; i < opt.vcpus; i++) {
		t[i] = (struct thread){ .run = &run, .id = i };
		if (pthread_create(&t[i].thread, NULL, vcpu_thread, &t[i]))
			exit(2);
	}
	for (i = 0; i < opt.vcpus; i++)
		pthread_join(t[i].thread, NULL);
	look(&run);
	show(&run, rdtsc() - start);
	if (run.counted)
		conn_close(&run.conn);
	free(run.bitmap);
	vm_destroy(&run.vm);
}

static void usage(FILE *to)
{
	fprintf(to,
		"usage: paging [OPTIONS] [DEVICE]\n"
		"  --seed N          first seed (1)\n"
		"  --seeds N         how many (1)\n"
		"  --instructions N  instructions of each, as the module counts them (vh only)\n"
		"  --rounds N        rounds of each instead (20)\n"
		"  --vcpus N         1 to %u (2)\n"
		"  --ops N           operations a round (200)\n"
		"  --modes LIST      of 4level,pae,2level\n"
		"  --quiet-host      leave the guest's memory alone\n"
		"  --without MASK    leave these features alone: F_* of paging.h\n"
		"  --tame            without SMAP or keys while CR0.WP is 0, and without CR4.PSE\n"
		"                    changes: what KVM 6.1 with ept=0 gets wrong\n"
		"  DEVICE            speaks the KVM ABI (/dev/vh)\n", MAX_VCPUS);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seeds", required_argument, NULL, 'n' },
		{ "instructions", required_argument, NULL, 'i' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "vcpus", required_argument, NULL, 'v' },
		{ "ops", required_argument, NULL, 'o' },
		{ "modes", required_argument, NULL, 'm' },
		{ "quiet-host", no_argument, NULL, 'q' },
		{ "without", required_argument, NULL, 'w' },
		{ "tame", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct tap_totals totals = { 0 };
	unsigned int m;
	uint64_t s;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's': opt.seed = strtoull(optarg, NULL, 0); break;
		case 'n': opt.seeds = strtoull(optarg, NULL, 0); break;
		case 'i': opt.instructions = strtoull(optarg, NULL, 0); break;
		case 'r': opt.rounds = strtoull(optarg, NULL, 0); break;
		case 'v': opt.vcpus = atoi(optarg); break;
		case 'o': opt.ops = atoi(optarg); break;
		case 'm': opt.modes = optarg; break;
		case 'q': opt.quiet_host = true; break;
		case 'w': opt.without = strtoul(optarg, NULL, 0); break;
		case 't': opt.tame = true; break;
		case 'h': usage(stdout); return 0;
		default: usage(stderr); return 2;
		}
	}
	if (optind < argc)
		kvm_device = argv[optind];
	if (!opt.vcpus || opt.vcpus > MAX_VCPUS || optind + 1 < argc) {
		usage(stderr);
		return 2;
	}
	opt.figures = strstr(kvm_device, "vh");
	if (opt.instructions && !opt.figures) {
		fprintf(stderr, "paging: only vh counts instructions: --rounds\n");
		return 2;
	}
	if (!opt.instructions && !opt.rounds)
		opt.rounds = 20;
	for (s = 0; s < opt.seeds; s++) {
		for (m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
			struct tap_result r = { 0 };
			char name[64];

			if (!strstr(opt.modes, modes[m].name))
				continue;
			snprintf(name, sizeof(name), "%s, seed %llu, %u vCPUs", modes[m].name,
				 (long long)(opt.seed + s), opt.vcpus);
			one(&r, m, opt.seed + s);
			tap_report(&totals, name, &r);
		}
	}
	return tap_finish(&totals);
}
