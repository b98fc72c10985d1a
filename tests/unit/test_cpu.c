// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_cpu.c - models of processors: files and back, what several have in common, what a host lacks, and that a VM is told of
 * nothing that its model lacks.
 */
#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "random.h"
#include "tap.h"
#include "vhctl.h"

#define RANDOM	2000

static char said[4096];
static int errors;

void error(const char *fmt, ...)
{
	size_t n = strlen(said);
	va_list ap;

	errors++;
	va_start(ap, fmt);
	vsnprintf(said + n, sizeof(said) - n, fmt, ap);
	va_end(ap);
}

static uint64_t state = 0x1234567;

static uint32_t random_number(void)
{
	return next_random(&state);
}

static void hush(void)
{
	errors = 0;
	said[0] = 0;
}

static bool same(const struct cpu_model *a, const struct cpu_model *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->vendor, b->vendor) && a->signature == b->signature &&
	       !memcmp(a->word, b->word, sizeof(a->word)) && a->xcr0 == b->xcr0 && a->xss == b->xss &&
	       !memcmp(a->msr, b->msr, sizeof(a->msr)) && a->width == b->width && a->tsc_khz == b->tsc_khz;
}

static bool from_text(const char *text, struct cpu_model *m)
{
	struct json_object *j = json_tokener_parse(text);
	bool good;

	hush();
	good = !cpu_model_from_json(j, "file", m);
	json_object_put(j);
	return good;
}

/* Through a file, and back. */
static bool survives(const struct cpu_model *m)
{
	struct json_object *j = cpu_model_to_json(m);
	struct cpu_model again;
	bool good = from_text(json_object_to_json_string(j), &again) && same(m, &again);

	json_object_put(j);
	return good;
}

static uint64_t number64(void)
{
	return (uint64_t)random_number() << 32 | (uint32_t)random_number();
}

static struct cpu_model any_model(void)
{
	struct cpu_model m = { .name = "any", .vendor = "GenuineIntel", .signature = random_number(), .xcr0 = number64() | 3,
			       .xss = number64(), .width = 32 + random_number() % 21, .tsc_khz = 10000 + random_number() % 1000000 };

	for (int w = 0; w < CPU_WORDS; w++)
		m.word[w] = random_number() & random_number();
	for (int i = 0; i < CPU_MSRS; i++)
		m.msr[i] = number64() & number64();
	return m;
}

/* --- */

static void test_levels(void)
{
	struct cpu_model v2, v3, v4, v5;
	enum cpu_word word;
	int bit;

	TAP_CHECK(cpu_level("v2", &v2) && cpu_level("v3", &v3) && cpu_level("v4", &v4) && !cpu_level("v5", &v5) &&
		  !cpu_level("host", &v5) && !cpu_level("", &v5));
	for (int w = 0; w < CPU_WORDS; w++)
		TAP_CHECK(!(v2.word[w] & ~v3.word[w]) && !(v3.word[w] & ~v4.word[w]));
	TAP_CHECK(cpu_feature_find("avx2", &word, &bit) && word == CPU_7_EBX && bit == 5);
	TAP_CHECK(!(v2.word[CPU_7_EBX] & 1 << 5) && (v3.word[CPU_7_EBX] & 1 << 5));
	TAP_CHECK(v2.xcr0 == 3 && v3.xcr0 == 7 && v4.xcr0 == 0xe7);
	TAP_CHECK(survives(&v2) && survives(&v3) && survives(&v4));
	for (int w = 0; w < CPU_WORDS; w++)
		for (int b = 0; b < 32; b++) {
			char room[CPU_NAME_SIZE];
			const char *name = cpu_feature_name(w, b, room);

			if (!cpu_feature_find(name, &word, &bit) || word != (enum cpu_word)w || bit != b)
				tap_ok(false, "%s is a name for two", name);
		}
}

static void test_files(void)
{
	static const char *const wrong[] = {
		"", "[]", "{}", "3", "{\"cpu-model\": 0}", "{\"cpu-model\": 2, \"features\": [], \"xcr0\": 3}",
		"{\"cpu-model\": 1}", "{\"cpu-model\": 1, \"xcr0\": 3}", "{\"cpu-model\": 1, \"features\": {}, \"xcr0\": 3}",
		"{\"cpu-model\": 1, \"features\": [\"avx9\"], \"xcr0\": 3}", "{\"cpu-model\": 1, \"features\": [null], \"xcr0\": 3}",
		"{\"cpu-model\": 1, \"features\": [3], \"xcr0\": 3}", "{\"cpu-model\": 1, \"features\": [\"\\u001b[2J\"], \"xcr0\": 3}",
		"{\"cpu-model\": 1, \"features\": [], \"xcr0\": 1}", "{\"cpu-model\": 1, \"features\": [], \"xcr0\": -1}",
		"{\"cpu-model\": 1, \"features\": [], \"xcr0\": \"0x3g\"}",
		"{\"cpu-model\": 1, \"features\": [], \"xcr0\": \"0x10000000000000003\"}",
		"{\"cpu-model\": 1, \"features\": [], \"xcr0\": 3, \"signature\": \"0x100000000\"}",
		"{\"cpu-model\": 1, \"features\": [], \"xcr0\": 3, \"address-width\": 31}",
		"{\"cpu-model\": 1, \"features\": [], \"xcr0\": 3, \"address-width\": 53}",
		"{\"cpu-model\": 1, \"features\": [], \"xcr0\": 3, \"tsc-khz\": 1}",
		"{\"cpu-model\": 1, \"features\": [], \"xcr0\": 3, \"tsc-khz\": {}}",
		"{\"cpu-model\": 1, \"features\": [], \"xcr0\": 3, \"vendor\": \"GenuineIntelXX\"}",
		"{\"cpu-model\": 1, \"features\": [], \"xcr0\": 3, \"name\": \"a\\nb\"}",
		"{\"cpu-model\": 1, \"features\": [], \"xcr0\": 3, \"name\": 3}",
		"{\"cpu-model\": 1, \"features\": [], \"xcr0\": 3, \"msrs\": []}",
		"{\"cpu-model\": 1, \"features\": [], \"xcr0\": 3, \"msrs\": {\"other\": 1}}",
		"{\"cpu-model\": 1, \"features\": [], \"xcr0\": 3, \"msrs\": {\"arch-capabilities\": \"x\"}}",
	};
	struct cpu_model m;

	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		bool good = from_text(wrong[i], &m);

		tap_ok(!good && errors == 1 && !strchr(said, '\x1b') && !strchr(said, '\n'), "wrong model %u: %s", i, said);
	}
	TAP_CHECK(from_text("{\"cpu-model\": 1, \"features\": [\"fpu\", \"cpuid-7-0-ecx-15\"], \"xcr0\": \"0x7\"}", &m));
	TAP_CHECK(m.word[CPU_1_EDX] == 1 && m.word[CPU_7_ECX] == 1 << 15 && m.xcr0 == 7);
	hush();
	TAP_CHECK(cpu_model_read("/nonexistent", &m) && errors == 1 && cpu_model_read("/", &m) && errors == 2);
}

static void test_random(void)
{
	int lost = 0, more = 0, unfit = 0, moved = 0;

	for (int n = 0; n < RANDOM; n++) {
		struct cpu_model a = any_model(), b = any_model(), both = a;
		struct cpu_host ha = { .all = a, .scales = true }, hb = { .all = b, .scales = true };

		lost += !survives(&a);
		hush();
		if (cpu_model_common(&both, "a", &b, "b"))
			abort();
		for (int w = 0; w < CPU_WORDS; w++)
			more += both.word[w] != (a.word[w] & b.word[w]);
		/* A baseline runs on both, and what is more than a host has does not. */
		unfit += cpu_model_fits(&both, &ha) || cpu_model_fits(&both, &hb);
		both.word[n % CPU_WORDS] |= ~a.word[n % CPU_WORDS];
		moved += !cpu_model_fits(&both, &ha);
	}
	TAP_CHECK(!lost && !more && !unfit && !moved);
}

static void test_fits(void)
{
	struct cpu_model v4, m;
	struct cpu_host h = { .all = { .vendor = "GenuineIntel", .width = 39, .tsc_khz = 2000000 } };

	cpu_level("v4", &v4);
	cpu_level("v3", &m);
	memcpy(h.all.word, m.word, sizeof(m.word));
	h.all.xcr0 = m.xcr0;
	hush();
	TAP_CHECK(!cpu_model_fits(&m, &h) && !errors);
	TAP_CHECK(cpu_model_fits(&v4, &h) && errors == 2);
	TAP_CHECK(strstr(said, "lacks avx512f, avx512dq, rdseed") && strstr(said, "opmask, zmm_hi256, hi16_zmm"));
	m.tsc_khz = 2000400;
	hush();
	TAP_CHECK(!cpu_model_fits(&m, &h));
	m.tsc_khz = 2001000;
	TAP_CHECK(cpu_model_fits(&m, &h) && strstr(said, "2001000 kHz, and 2000000 here"));
	h.scales = true;
	TAP_CHECK(!cpu_model_fits(&m, &h));
	m.width = 40;
	TAP_CHECK(cpu_model_fits(&m, &h));
	m.width = 38;
	TAP_CHECK(!cpu_model_fits(&m, &h));
	m.msr[CPU_ARCH_CAPABILITIES] = 1 << 19;	/* RRSBA is a weakness: known of, it does no harm */
	TAP_CHECK(!cpu_model_fits(&m, &h));
	m.msr[CPU_ARCH_CAPABILITIES] = 1 << 2;	/* and so is RSBA */
	TAP_CHECK(!cpu_model_fits(&m, &h));
	m.msr[CPU_ARCH_CAPABILITIES] = 0;
	h.all.msr[CPU_ARCH_CAPABILITIES] = 1 << 2;
	TAP_CHECK(!cpu_model_fits(&m, &h));	/* it has no such MSR */
	m.word[CPU_7_EDX] |= 1 << 29;
	h.all.word[CPU_7_EDX] |= 1 << 29;
	hush();
	TAP_CHECK(cpu_model_fits(&m, &h) && strstr(said, "weakness"));
	v4.msr[CPU_ARCH_CAPABILITIES] = 1;
	m.msr[CPU_ARCH_CAPABILITIES] = 1 << 2 | 1;
	TAP_CHECK(!cpu_model_common(&v4, "a", &m, "b") && v4.msr[CPU_ARCH_CAPABILITIES] == (1 << 2 | 1));
	h.all.msr[CPU_ARCH_CAPABILITIES] = 0;
	m.msr[CPU_ARCH_CAPABILITIES] = 1;
	TAP_CHECK(cpu_model_fits(&m, &h));
	m.msr[CPU_ARCH_CAPABILITIES] = 0;
	strcpy(m.vendor, "AuthenticAMD");
	TAP_CHECK(cpu_model_fits(&m, &h) && cpu_model_common(&m, "a", &v4, "b"));
}

/* Each part of the state is of so many bytes, one behind the other. */
#define PART	100

static uint32_t most(const struct cpu_model *m)
{
	uint64_t parts = m->xcr0 >> 2;

	return parts ? 576 + (64 - __builtin_clzll(parts)) * PART : 576;
}

/* Every leaf that there can be says all that it can: what is left is the model's. */
static void test_apply(void)
{
	struct kvm_cpuid2 *l = calloc(1, sizeof(*l) + CPU_LEAVES * sizeof(l->entries[0]));
	static const uint32_t first[] = { 0, 0x40000000, 0x80000000 };
	int more = 0, states = 0, others = 0;
	struct cpu_model m;

	if (!l)
		abort();
	for (int n = 0; n < RANDOM; n++) {
		m = any_model();
		l->nent = 0;
		for (unsigned int f = 0; f < 3; f++)
			for (uint32_t i = 0; i < 0x28; i++)
				for (uint32_t k = 0; k < (first[f] + i == 7 ? 3u : first[f] + i == 0xd ? 64u : 1u); k++)
					l->entries[l->nent++] = (struct kvm_cpuid_entry2){
						.function = first[f] + i, .index = k, .eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u,
					};
		for (unsigned int i = 0; i < l->nent; i++)
			if (l->entries[i].function == 0xd && l->entries[i].index > 1)
				l->entries[i].eax = PART, l->entries[i].ebx = 576 + (l->entries[i].index - 2) * PART;
		cpu_apply(&m, l);
		for (unsigned int i = 0; i < l->nent; i++) {
			const struct kvm_cpuid_entry2 *e = &l->entries[i];

			for (int w = 0; w < CPU_WORDS; w++)
				if (cpu_place[w].leaf == e->function && cpu_place[w].index == e->index)
					more += !!((&e->eax)[cpu_place[w].reg] & ~m.word[w] &
						   ~(w == CPU_1_ECX ? 1u << 27 : w == CPU_7_ECX ? 1u << 4 : 0));
			if (e->function == 0xd && !e->index)
				states += (e->eax | (uint64_t)e->edx << 32) != m.xcr0;
			if (e->function == 0xd && e->index == 0)
				states += e->ecx != most(&m);
			if (e->function == 0xd && e->index == 1)
				states += !(m.word[CPU_D_1_EAX] & 0xa) && e->ebx;
			if (e->function == 0xd && e->index > 1)
				states += !!e->eax != ((m.xcr0 | m.xss) >> e->index & 1);
			/* Leaves that nobody has thought of */
			if (e->function == 0x27 || e->function == 0x80000020 || e->function == 0x40000010 || e->function == 0xa)
				others += e->eax || e->ebx || e->ecx || e->edx;
			if (e->function == 0x80000008)
				others += (e->eax & 0xff) != m.width;
		}
	}
	TAP_CHECK(!more && !states && !others);
	free(l);
}

int main(void)
{
	test_levels();
	test_files();
	test_random();
	test_fits();
	test_apply();
	return tap_done();
}
