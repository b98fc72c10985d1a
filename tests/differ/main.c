// SPDX-License-Identifier: GPL-2.0-only
/*
 * differ: run programs on a device, and write or compare a hash of what each ended in.
 *
 *   differ --cpuid FILE --merge [DEVICE]       have FILE hold the CPUID that all devices asked have in common
 *   differ --cpuid FILE [--seed N] [--first N] [--count N] [--kinds LIST] [--modes LIST] [--skip NAME]...
 *          [--write FILE | --against FILE [--list FILE]] [DEVICE]
 *   differ --cpuid FILE --show FILE [DEVICE]   tell all of the programs whose numbers FILE has
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/kvm.h"
#include "differ.h"

/* What is kept of a program. */
struct result {
	uint64_t hash, end;
};

static const char *const kind_names[KINDS] = {
	"int", "stack", "branch", "far", "string", "port", "system", "x87", "sse", "bytes"
};
static const char *const end_names[] = {
	"HLT", "SHUTDOWN", "INTERNAL_ERROR", "FAIL_ENTRY", "LIMIT", "LOOP", "REFUSED", "OTHER"
};

/* --- CPUID --- */

static struct kvm_cpuid2 *supported(void)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 256 * sizeof(c->entries[0]));

	c->nent = 256;
	xioctl(kvm_open(), KVM_GET_SUPPORTED_CPUID, c);
	return c;
}

static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid2 *c, const struct kvm_cpuid_entry2 *like)
{
	unsigned int i;

	for (i = 0; i < c->nent; i++)
		if (c->entries[i].function == like->function && c->entries[i].index == like->index)
			return &c->entries[i];
	return NULL;
}

static bool is_features(const struct kvm_cpuid_entry2 *e)
{
	return e->function == 1 || e->function == 7 || e->function == 0x80000001 ||
	       e->function == 0x80000008 || (e->function == 0xd && e->index < 2);
}

static int merge_cpuid(const char *file)
{
	struct kvm_cpuid2 *c = supported(), *old = calloc(1, sizeof(*old) + 256 * sizeof(old->entries[0]));
	FILE *f = fopen(file, "r");
	unsigned int i, n = 0;

	if (f && fread(old, sizeof(*old), 1, f) == 1)
		old->nent = fread(old->entries, sizeof(old->entries[0]), old->nent, f);
	if (f)
		fclose(f);
	for (i = 0; i < c->nent; i++) {
		struct kvm_cpuid_entry2 e = c->entries[i];
		const struct kvm_cpuid_entry2 *o = old->nent ? find(old, &e) : NULL;

		if ((e.function >> 16) == 0x4000 || (old->nent && !o))
			continue;
		if (o && is_features(&e)) {
			e.eax = e.function == 0x80000008 ? o->eax : e.eax & o->eax;
			if (e.function != 1)
				e.ebx &= o->ebx;
			e.ecx &= o->ecx;
			e.edx &= o->edx;
		} else if (o) {
			e = *o;
		}
		if (e.function == 1) {
			e.ecx &= ~((1u << 5) | (1u << 27));	/* VMX; OSXSAVE follows CR4 */
			e.ebx &= 0x00ffffff;
		}
		c->entries[n++] = e;
	}
	c->nent = n;
	f = fopen(file, "w");
	if (!f || fwrite(c, sizeof(*c) + n * sizeof(c->entries[0]), 1, f) != 1 || fclose(f)) {
		perror(file);
		return 2;
	}
	return 0;
}

/* --- what is told of a program --- */

static void show_segment(const char *name, const struct kvm_segment *s)
{
	if (s->unusable)
		printf("%s %04x unusable base %llx\n", name, s->selector, s->base);
	else
		printf("%s %04x base %llx limit %x type %x s %u dpl %u p %u avl %u l %u db %u g %u\n", name, s->selector,
		       s->base, s->limit, s->type, s->s, s->dpl, s->present, s->avl, s->l, s->db, s->g);
}

static void show_state(const struct kvm_regs *r, const struct kvm_sregs *s, const struct kvm_debugregs *d,
		       const struct fpu *f, const uint64_t *msr)
{
	static const char *const gpr[] = {
		"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
		"r15", "rip", "rflags"
	};
	static const char *const seg[] = { "cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt" };
	unsigned int i, j;

	for (i = 0; i < 18; i++)
		printf("%s %llx\n", gpr[i], (&r->rax)[i]);
	for (i = 0; i < 8; i++)
		show_segment(seg[i], &(&s->cs)[i]);
	printf("gdt %llx %x\nidt %llx %x\n", s->gdt.base, s->gdt.limit, s->idt.base, s->idt.limit);
	printf("cr0 %llx\ncr2 %llx\ncr3 %llx\ncr4 %llx\ncr8 %llx\nefer %llx\napic_base %llx\n", s->cr0, s->cr2, s->cr3,
	       s->cr4, s->cr8, s->efer, s->apic_base);
	for (i = 0; i < 4; i++)
		printf("dr%u %llx\n", i, d->db[i]);
	printf("dr6 %llx\ndr7 %llx\n", d->dr6, d->dr7);
	for (i = 0; i < DIFFER_MSRS; i++)
		printf("msr_%x %llx\n", differ_msrs[i], (unsigned long long)msr[i]);
	printf("fcw %x\nfsw %x\nftw %x\nfop %x\nfip %llx\nfdp %llx\nmxcsr %x\n", f->cw, f->sw, f->tw, f->op,
	       (unsigned long long)f->ip, (unsigned long long)f->dp, f->mxcsr);
	for (i = 0; i < 8; i++) {
		printf("st%u ", i);
		for (j = 16; j--;)
			printf("%02x", f->st[i][j]);
		printf("\n");
	}
	for (i = 0; i < 16; i++) {
		printf("xmm%u ", i);
		for (j = 16; j--;)
			printf("%02x", f->xmm[i][j]);
		printf("\nymmh%u ", i);
		for (j = 16; j--;)
			printf("%02x", f->ymmh[i][j]);
		printf("\n");
	}
}

static void show(const struct program *p, const struct state *s)
{
	unsigned int i;
	uint32_t at;

	printf("=== program %llu mode %s cpl %u at %x\ncode ", (unsigned long long)p->number, mode_names[p->mode], p->cpl,
	       p->code_at);
	for (i = 0; i < p->code_len; i++)
		printf("%02x", p->code[i]);
	printf("\n--- before\n");
	show_state(&p->regs, &p->sregs, &p->debug, &p->fpu, p->msr);
	printf("--- after\nend %s %llx\n", end_names[s->end], (unsigned long long)s->detail);
	for (i = 0; i < s->accesses; i++)
		printf("access%u %s %s %llx len %u %llx\n", i, s->access[i].port ? "port" : "mmio",
		       s->access[i].write ? "write" : "read", (unsigned long long)s->access[i].where, s->access[i].len,
		       (unsigned long long)s->access[i].data);
	if (s->end == E_HLT) {
		show_state(&s->regs, &s->sregs, &s->debug, &s->fpu, s->msr);
		printf("events exception %u %u interrupt %u shadow %u nmi %u %u %u\n", s->events.exception.injected,
		       s->events.exception.nr, s->events.interrupt.injected, s->events.interrupt.shadow,
		       s->events.nmi.injected, s->events.nmi.pending, s->events.nmi.masked);
	}
	if (s->end == E_HLT || s->end == E_SHUTDOWN)
		for (at = 0; at < RAM; at += 8)
			if (memcmp(machine_ram + at, fresh_ram + at, 8)) {
				uint64_t was, is;

				memcpy(&was, fresh_ram + at, 8);
				memcpy(&is, machine_ram + at, 8);
				printf("memory_%05x %016llx (was %016llx)\n", at, (unsigned long long)is,
				       (unsigned long long)was);
			}
	fflush(stdout);
}

/* --- all of them --- */

static struct result result_of(const struct state *s)
{
	uint64_t h = hash_bytes(s->memory, s->access, s->accesses * sizeof(s->access[0]));

	return (struct result){ hash_bytes(h, s, offsetof(struct state, access)), s->end };
}

static void one(struct program *p, struct state *s, uint64_t n)
{
	static uint8_t keep[RAM];
	static bool kept;

	if (!kept)
		memcpy(keep, fresh_ram, RAM);
	kept = true;
	memcpy(fresh_ram + CODE, keep + CODE, RAM - CODE);
	gen_program(p, n, fresh_ram);
	machine_run(p, s);
}

static unsigned int names_to_mask(char *list, const char *const *names, unsigned int n)
{
	unsigned int mask = 0, i;
	char *word;

	for (word = strtok(list, ","); word; word = strtok(NULL, ",")) {
		for (i = 0; i < n && strcmp(names[i], word); i++)
			;
		if (i == n) {
			fprintf(stderr, "%s: none of these\n", word);
			exit(2);
		}
		mask |= 1 << i;
	}
	return mask;
}

static FILE *open_file(const char *name, const char *how)
{
	FILE *f = fopen(name, how);

	if (!f) {
		perror(name);
		exit(2);
	}
	return f;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' }, { "first", required_argument, NULL, 'f' },
		{ "count", required_argument, NULL, 'n' }, { "kinds", required_argument, NULL, 'k' },
		{ "modes", required_argument, NULL, 'm' }, { "skip", required_argument, NULL, 'x' },
		{ "cpuid", required_argument, NULL, 'c' }, { "merge", no_argument, NULL, 'M' },
		{ "write", required_argument, NULL, 'w' }, { "against", required_argument, NULL, 'a' },
		{ "list", required_argument, NULL, 'l' }, { "show", required_argument, NULL, 'v' },
		{ "task-switch", no_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 }
	};
	FILE *write = NULL, *against = NULL, *list = NULL, *which = NULL;
	unsigned long long first = 0, total = 1000, n, differing = 0, at;
	unsigned long ends[8] = { };
	const char *cpuid = NULL;
	unsigned long unfinished = 0, excused[32] = { };
	const char *reason[32], *why;
	unsigned int reasons = 0;
	bool merge = false;
	static struct program p;
	static struct state s;
	struct timespec t0, t1;
	unsigned int i;
	int c;

	gen_options.kinds = (1 << KINDS) - 1;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's': gen_options.seed = strtoull(optarg, NULL, 0); break;
		case 'f': first = strtoull(optarg, NULL, 0); break;
		case 'n': total = strtoull(optarg, NULL, 0); break;
		case 'k': gen_options.kinds = names_to_mask(optarg, kind_names, KINDS); break;
		case 'm': gen_options.modes = names_to_mask(optarg, mode_names, MODES); break;
		case 'x':
			if (gen_options.skips < 64)
				gen_options.skip[gen_options.skips++] = optarg;
			break;
		case 'c': cpuid = optarg; break;
		case 'M': merge = true; break;
		case 'w': write = open_file(optarg, "w"); break;
		case 'a': against = open_file(optarg, "r"); break;
		case 'l': list = open_file(optarg, "a"); break;
		case 'v': which = open_file(optarg, "r"); break;
		case 't': gen_options.task_switch = true; break;
		default: return 2;
		}
	}
	if (optind < argc)
		kvm_device = argv[optind];
	if (merge)
		return merge_cpuid(cpuid);
	machine_init(cpuid);
	if (which) {
		while (fscanf(which, "%llu", &at) == 1) {
			if (at > first)
				one(&p, &s, at - 1);	/* what it leaves may matter */
			one(&p, &s, at);
			show(&p, &s);
		}
		return 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (n = 0; n < total; n++) {
		struct result r, ref;

		one(&p, &s, first + n);
		ends[s.end]++;
		r = result_of(&s);
		if (write && fwrite(&r, sizeof(r), 1, write) != 1)
			return 2;
		if (!against)
			continue;
		if (fread(&ref, sizeof(ref), 1, against) != 1) {
			fprintf(stderr, "no result of program %llu to compare with\n", first + n);
			return 2;
		}
		if (r.hash == ref.hash)
			continue;
		if (ref.end != E_HLT && ref.end != E_SHUTDOWN) {
			unfinished++;
			continue;
		}
		why = known(&p, &s);
		if (why) {
			for (i = 0; i < reasons && strcmp(reason[i], why); i++)
				;
			if (i == reasons && reasons < 32)
				reason[reasons++] = why;
			if (i < 32)
				excused[i]++;
			continue;
		}
		if (list && differing < 200)
			fprintf(list, "%llu\n", first + n);
		differing++;
	}
	clock_gettime(CLOCK_MONOTONIC, &t1);
	printf("# %llu programs in %.1f s:", total,
	       t1.tv_sec - t0.tv_sec + (t1.tv_nsec - t0.tv_nsec) / 1e9);
	for (i = 0; i < 8; i++)
		if (ends[i])
			printf(" %s %lu", end_names[i], ends[i]);
	printf("\n");
	if (against)
		printf("# %llu differ; %lu that the reference did not finish\n", differing, unfinished);
	for (i = 0; i < reasons; i++)
		printf("# known, %lu times: %s\n", excused[i], reason[i]);
	return differing ? 1 : 0;
}
