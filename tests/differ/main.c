// SPDX-License-Identifier: GPL-2.0-only
/*
 * differ: run programs on a device, and write or compare a hash of what each ended in.
 *
 *   differ --cpuid FILE --merge [DEVICE]       have FILE hold the CPUID that all devices asked have in common
 *   differ --cpuid FILE OPTIONS --write FILE DEVICE             run programs, and write what they ended in
 *   differ --cpuid FILE OPTIONS --against FILE --way NAME --list FILE DEVICE
 *                                              run them, compare; what differs and is not known goes to the list
 *   differ --cpuid FILE OPTIONS --again LIST --way NAME --list KVM.TXT DEVICE
 *                                              run those once more on the reference; what differs still is told, as
 *                                              the reference ends it in KVM.TXT, as the way did in LIST.txt
 *
 * OPTIONS: [--seed N] [--first N] [--count N] [--kinds LIST] [--modes LIST] [--skip NAME]... [--no-events]; --every:
 * compare and tell all programs as if they differed
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/kvm.h"
#include "differ.h"

static const char *const kind_names[KINDS] = {
	"int", "stack", "branch", "far", "string", "port", "system", "x87", "sse", "avx", "task", "bytes"
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

static void show_segment(FILE *f, const char *name, const struct kvm_segment *s)
{
	if (s->unusable)
		fprintf(f, "%s %04x unusable base %llx\n", name, s->selector, s->base);
	else
		fprintf(f, "%s %04x base %llx limit %x type %x s %u dpl %u p %u avl %u l %u db %u g %u\n", name, s->selector,
		       s->base, s->limit, s->type, s->s, s->dpl, s->present, s->avl, s->l, s->db, s->g);
}

static void show_state(FILE *f, const struct kvm_regs *r, const struct kvm_sregs *s, const struct kvm_debugregs *d,
		       const struct fpu *x, const struct fpu512 *y, const uint64_t *msr)
{
	static const char *const gpr[] = {
		"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
		"r15", "rip", "rflags"
	};
	static const char *const seg[] = { "cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt" };
	unsigned int i, j;

	for (i = 0; i < 18; i++)
		fprintf(f, "%s %llx\n", gpr[i], (&r->rax)[i]);
	for (i = 0; i < 8; i++)
		show_segment(f, seg[i], &(&s->cs)[i]);
	fprintf(f, "gdt %llx %x\nidt %llx %x\n", s->gdt.base, s->gdt.limit, s->idt.base, s->idt.limit);
	fprintf(f, "cr0 %llx\ncr2 %llx\ncr3 %llx\ncr4 %llx\ncr8 %llx\nefer %llx\napic_base %llx\n", s->cr0, s->cr2, s->cr3,
	       s->cr4, s->cr8, s->efer, s->apic_base);
	for (i = 0; i < 4; i++)
		fprintf(f, "dr%u %llx\n", i, d->db[i]);
	fprintf(f, "dr6 %llx\ndr7 %llx\n", d->dr6, d->dr7);
	for (i = 0; i < DIFFER_MSRS; i++)
		fprintf(f, "msr_%x %llx\n", differ_msrs[i], (unsigned long long)msr[i]);
	fprintf(f, "fcw %x\nfsw %x\nftw %x\nfop %x\nfip %llx\nfdp %llx\nmxcsr %x\n", x->cw, x->sw, x->tw, x->op,
	       (unsigned long long)x->ip, (unsigned long long)x->dp, x->mxcsr);
	for (i = 0; i < 8; i++) {
		fprintf(f, "st%u ", i);
		for (j = 16; j--;)
			fprintf(f, "%02x", x->st[i][j]);
		fprintf(f, "\n");
	}
	for (i = 0; i < 16; i++) {
		fprintf(f, "xmm%u ", i);
		for (j = 16; j--;)
			fprintf(f, "%02x", x->xmm[i][j]);
		fprintf(f, "\nymmh%u ", i);
		for (j = 16; j--;)
			fprintf(f, "%02x", x->ymmh[i][j]);
		fprintf(f, "\n");
	}
	for (i = 0; i < 16 && gen_options.has.avx512; i++) {
		if (i < 8)
			fprintf(f, "k%u %llx\n", i, (unsigned long long)y->k[i]);
		fprintf(f, "zmmh%u ", i);
		for (j = 32; j--;)
			fprintf(f, "%02x", y->zmmh[i][j]);
		fprintf(f, "\nzmm%u ", i + 16);
		for (j = 64; j--;)
			fprintf(f, "%02x", y->zmm16[i][j]);
		fprintf(f, "\n");
	}
}

static void show(FILE *f, const struct program *p, const struct state *s)
{
	unsigned int i;

	fprintf(f, "=== program %llu mode %s cpl %u at %x\ncode ", (unsigned long long)p->number, mode_names[p->mode], p->cpl,
	       p->code_at);
	for (i = 0; i < p->code_len; i++)
		fprintf(f, "%02x", p->code[i]);
	fprintf(f, "\n--- before\n");
	show_state(f, &p->regs, &p->sregs, &p->debug, &p->fpu, &p->fpu512, p->msr);
	fprintf(f, "events interrupt %u nmi %u masked %u shadow %u nmi-at %u\n", p->irq, p->nmi, p->nmi_masked, p->shadow, p->nmi_at);
	fprintf(f, "took exits %llu work %llu\n", (unsigned long long)s->exits, (unsigned long long)s->work);
	fprintf(f, "--- after\nend %s %llx\n", end_names[s->end], (unsigned long long)s->detail);
	for (i = 0; i < s->accesses; i++)
		fprintf(f, "access%u %s %s %llx len %u %llx\n", i, s->access[i].port ? "port" : "mmio",
		       s->access[i].write ? "write" : "read", (unsigned long long)s->access[i].where, s->access[i].len,
		       (unsigned long long)s->access[i].data);
	if (s->end == E_HLT) {
		show_state(f, &s->regs, &s->sregs, &s->debug, &s->fpu, &s->fpu512, s->msr);
		fprintf(f, "xcr0 %llx\n", (unsigned long long)s->xcr0);
		fprintf(f, "events exception %u %u interrupt %u shadow %u nmi %u %u %u\n", s->events.exception.injected,
		       s->events.exception.nr, s->events.interrupt.injected, s->events.interrupt.shadow,
		       s->events.nmi.injected, s->events.nmi.pending, s->events.nmi.masked);
	}
	for (i = 0; i < s->words; i++)
		fprintf(f, "memory_%05llx %016llx\n", (unsigned long long)s->word[i].at, (unsigned long long)s->word[i].value);
	
}

/* --- all of them --- */

/* A state in a file, without what its lists do not use. */
static void write_state(FILE *f, const struct state *s)
{
	size_t head = offsetof(struct state, access), tail = offsetof(struct state, vector);

	if (fwrite(s, head, 1, f) != 1 || fwrite(s->access, sizeof(s->access[0]), s->accesses, f) != s->accesses ||
	    fwrite(&s->vector, offsetof(struct state, word) - tail, 1, f) != 1 ||
	    fwrite(s->word, sizeof(s->word[0]), s->words, f) != s->words) {
		perror("write");
		exit(2);
	}
}

static bool read_state(FILE *f, struct state *s)
{
	size_t head = offsetof(struct state, access), tail = offsetof(struct state, vector);

	memset(s, 0, offsetof(struct state, word));
	return fread(s, head, 1, f) == 1 && s->accesses <= LOG &&
	       fread(s->access, sizeof(s->access[0]), s->accesses, f) == s->accesses &&
	       fread(&s->vector, offsetof(struct state, word) - tail, 1, f) == 1 && s->words <= WORDS &&
	       fread(s->word, sizeof(s->word[0]), s->words, f) == s->words;
}

static void one(struct program *p, struct state *s, uint64_t n)
{
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

	if (!f || setvbuf(f, NULL, _IOFBF, 1 << 18)) {
		perror(name);
		exit(2);
	}
	return f;
}

/* --- how often what was known --- */

static struct { const char *why; unsigned long times; uint64_t program; } reasons[64];
static unsigned int nr_reasons;

static void note_reason(const char *why, uint64_t program)
{
	unsigned int i;

	for (i = 0; i < nr_reasons && strcmp(reasons[i].why, why); i++)
		;
	if (i == sizeof(reasons) / sizeof(reasons[0]))
		return;
	if (i == nr_reasons) {
		reasons[nr_reasons].program = program;	/* for --program, which shows what is known as well */
		reasons[nr_reasons++].why = why;
	}
	reasons[i].times++;
}

static void print_reasons(void)
{
	unsigned int i;

	for (i = 0; i < nr_reasons; i++)
		printf("# known, %lu times, program %llu: %s\n", reasons[i].times, (unsigned long long)reasons[i].program,
		       reasons[i].why);
}

/* --- what is asked for --- */

static uint64_t first, total = 1000;
static const char *way = "";

static void print_rate(const struct timespec *since, const unsigned long *ends)
{
	struct timespec now;
	double seconds;
	unsigned int i;

	clock_gettime(CLOCK_MONOTONIC, &now);
	seconds = now.tv_sec - since->tv_sec + (now.tv_nsec - since->tv_nsec) / 1e9;
	printf("# %llu programs in %.1f s:", (unsigned long long)total, seconds);
	for (i = 0; i < 8; i++)
		if (ends[i])
			printf(" %s %lu", end_names[i], ends[i]);
	printf("\n");
}

/* Run them, and write what they ended in. */
static int write_all(FILE *to)
{
	static struct program p;
	static struct state s;
	unsigned long ends[8] = { };
	struct timespec start;
	uint64_t n;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (n = 0; n < total; n++) {
		one(&p, &s, first + n);
		ends[s.end]++;
		gen_save(to, &p, fresh_ram);
		write_state(to, &s);
	}
	print_rate(&start, ends);
	return fclose(to) ? 2 : 0;
}

/* Run them; what is neither as @ref has it nor known goes to @list, with its number. @every: all of them do. */
static int compare_all(FILE *ref, FILE *list, bool every)
{
	static struct program p;
	static struct state s, r;
	unsigned long ends[8] = { }, unfinished = 0, differ = 0;
	struct timespec start;
	unsigned int mask;
	const char *why;
	uint64_t n;
	bool ended;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (n = 0; n < total; n++) {
		if (!gen_load(ref, &p, fresh_ram) || !read_state(ref, &r) || p.number != first + n) {
			fprintf(stderr, "no result of program %llu to compare with\n", (unsigned long long)(first + n));
			return 2;
		}
		/* Where there is nothing to compare with, vh has only to survive. */
		ended = r.end == E_HLT || r.end == E_SHUTDOWN;
		machine_limits(ended || every ? LONG_PATIENCE : 1, ended || every ? EXITS : EXITS / 24);
		machine_run(&p, &s);
		ends[s.end]++;
		mask = compare(&r, &s);
		if (!mask && !every)
			continue;
		if (!ended && !every) {
			unfinished++;
			continue;
		}
		why = every ? NULL : known(&p, &r, &s, mask, way);
		if (why) {
			note_reason(why, p.number);
			continue;
		}
		if (fwrite(&p.number, sizeof(p.number), 1, list) != 1)
			return 2;
		write_state(list, &s);
		differ++;
	}
	print_rate(&start, ends);
	printf("# %lu differ; %lu that the reference did not finish\n", differ, unfinished);
	print_reasons();
	return fclose(list) ? 2 : 0;
}

/*
 * What KVM left of the program before may have been part of the difference: once more, after one that leaves nothing.
 * What still differs is told twice, as KVM ended it and as the way did.
 */
static int once_more(FILE *list, const char *kvm_txt, const char *way_txt, bool every)
{
	static struct program p;
	static struct state s, r;
	unsigned long differ = 0, again = 0;
	FILE *both[2] = { open_file(kvm_txt, "w"), open_file(way_txt, "w") };
	unsigned int mask;
	const char *why;
	uint64_t n;

	while (fread(&n, sizeof(n), 1, list) == 1 && read_state(list, &s)) {
		machine_flush();
		one(&p, &r, n);
		if (r.end != E_HLT && r.end != E_SHUTDOWN && !every) {
			again++;
			continue;
		}
		mask = compare(&r, &s);
		why = every || !mask ? NULL : known(&p, &r, &s, mask, way);
		if ((!mask || why) && !every) {
			again++;
			continue;
		}
		differ++;
		if (differ > 150)
			continue;
		show(both[0], &p, &r);
		show(both[1], &p, &s);
		fprintf(both[1], "differs");
		print_differences(both[1], mask);
		fprintf(both[1], "\n");
	}
	fclose(both[0]);
	fclose(both[1]);
	printf("# %s: %lu differ; %lu did not when KVM ran them again\n", way, differ, again);
	return differ && !every ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' }, { "first", required_argument, NULL, 'f' },
		{ "count", required_argument, NULL, 'n' }, { "kinds", required_argument, NULL, 'k' },
		{ "modes", required_argument, NULL, 'm' }, { "skip", required_argument, NULL, 'x' },
		{ "cpuid", required_argument, NULL, 'c' }, { "merge", no_argument, NULL, 'M' },
		{ "write", required_argument, NULL, 'w' }, { "against", required_argument, NULL, 'a' },
		{ "list", required_argument, NULL, 'l' }, { "again", required_argument, NULL, 'g' },
		{ "way", required_argument, NULL, 'y' }, { "every", no_argument, NULL, 'e' },
		{ "no-events", no_argument, NULL, 'E' },
		{ NULL, 0, NULL, 0 }
	};
	const char *cpuid = NULL, *write = NULL, *against = NULL, *list = NULL, *again = NULL;
	bool merge = false, every = false;
	char text[256];
	int c;

	gen_options.kinds = (1 << KINDS) - 1;
	gen_options.events = true;
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
		case 'w': write = optarg; break;
		case 'a': against = optarg; break;
		case 'l': list = optarg; break;
		case 'g': again = optarg; break;
		case 'y': way = optarg; break;
		case 'e': every = true; break;
		case 'E': gen_options.events = false; break;
		default: return 2;
		}
	}
	if (optind < argc)
		kvm_device = argv[optind];
	if (merge)
		return merge_cpuid(cpuid);
	machine_init(cpuid);
	if (write)
		return write_all(open_file(write, "w"));
	if (against && list)
		return compare_all(open_file(against, "r"), open_file(list, "w"), every);
	if (!again)
		return 2;
	snprintf(text, sizeof(text), "%s.txt", again);
	return once_more(open_file(again, "r"), list, text, every);
}
