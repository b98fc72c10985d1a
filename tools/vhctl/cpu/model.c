// SPDX-License-Identifier: GPL-2.0-only
/* model.c - a model of a processor as a file, what models have in common, and whether a host has all of one. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "printable.h"
#include "vhctl.h"

#define MODEL_VERSION		1
#define SIZE_MAX_MODEL	(1 << 20)
#define WIDTH_MIN	32
#define WIDTH_MAX	52
#define KHZ_MIN		10000
#define KHZ_MAX		100000000
#define WEAK		(1ULL << 2 | 1ULL << 19)	/* RSBA and RRSBA: weaknesses, of which a guest knows if one host has them */
#define TSC_PPM		250		/* by which the TSC may differ: as KVM has it */

/* --- names, one behind the other --- */

struct list {
	char text[512];
	unsigned int n, left;
};

static void list_add(struct list *l, const char *name)
{
	size_t at = strlen(l->text);

	if (at + strlen(name) + 3 > sizeof(l->text)) {
		l->left++;
		return;
	}
	snprintf(l->text + at, sizeof(l->text) - at, "%s%s", l->n++ ? ", " : "", name);
}

static const char *list_text(struct list *l)
{
	size_t at = strlen(l->text);

	if (l->left)
		snprintf(l->text + at, sizeof(l->text) - at, " ...");
	return l->text;
}

/* --- from a file --- */

static int wrong(const char *shown, const char *key, const char *want)
{
	error("%s: %s: want %s", shown, key, want);
	return -1;
}

/* "0x..." or a number; false: it is none. What is not there is 0. */
static bool get_number(struct json_object *j, const char *key, uint64_t max, uint64_t *value)
{
	struct json_object *o;
	const char *text;
	char *end;

	*value = 0;
	if (!json_object_object_get_ex(j, key, &o))
		return true;
	text = json_object_get_string(o);
	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, 0);
	return !*end && !errno && *value <= max;
}

/* A text of printable characters, or "". */
static bool get_text(struct json_object *j, const char *key, char *to, size_t size)
{
	struct json_object *o;
	const char *text = "";

	if (json_object_object_get_ex(j, key, &o)) {
		if (!json_object_is_type(o, json_type_string))
			return false;
		text = json_object_get_string(o);
	}
	for (const char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			return false;
	return (size_t)snprintf(to, size, "%s", text) < size;
}

static int get_features(struct json_object *j, const char *shown, struct cpu_model *m)
{
	struct json_object *list;
	enum cpu_word word;
	int bit;

	if (!json_object_object_get_ex(j, "features", &list) || !json_object_is_type(list, json_type_array))
		return wrong(shown, "features", "a list of names");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(list, i));
		char copy[CPU_NAME_SIZE * 2];

		if (name && cpu_feature_find(name, &word, &bit)) {
			m->word[word] |= 1u << bit;
			continue;
		}
		snprintf(copy, sizeof(copy), "%s", name ? name : "");
		error("%s: features: '%s' is not known", shown, printable(copy));
		return -1;
	}
	return 0;
}

static int get_msrs(struct json_object *j, const char *shown, struct cpu_model *m)
{
	struct json_object *msrs;

	if (!json_object_object_get_ex(j, "msrs", &msrs))
		return 0;
	if (!json_object_is_type(msrs, json_type_object))
		return wrong(shown, "msrs", "names and values");
	json_object_object_foreach(msrs, key, value) {
		int i;

		(void)value;
		for (i = 0; i < CPU_MSRS && strcmp(key, cpu_msr_name[i]); i++)
			;
		if (i == CPU_MSRS || !get_number(msrs, key, UINT64_MAX, &m->msr[i]))
			return wrong(shown, "msrs", "arch-capabilities and core-capabilities, each with a number");
	}
	return 0;
}

/**
 * cpu_model_from_json - a model
 * @j: what a file has
 * @shown: its name
 * @m: filled in
 *
 * 0 or -1, told.
 */
int cpu_model_from_json(struct json_object *j, const char *shown, struct cpu_model *m)
{
	uint64_t version, signature, width, khz;

	*m = (struct cpu_model){ };
	if (!json_object_is_type(j, json_type_object) || !get_number(j, "cpu-model", UINT64_MAX, &version) || !version) {
		error("%s: is no model of a processor; 'vhctl cpu show' makes one", shown);
		return -1;
	}
	if (version != MODEL_VERSION) {
		error("%s: is of version %" PRIu64 ", and this vhctl knows %d", shown, version, MODEL_VERSION);
		return -1;
	}
	if (!get_text(j, "name", m->name, sizeof(m->name)))
		return wrong(shown, "name", "a text of at most 63 characters");
	if (!get_text(j, "vendor", m->vendor, sizeof(m->vendor)))
		return wrong(shown, "vendor", "what CPUID says, such as GenuineIntel");
	if (!get_number(j, "signature", UINT32_MAX, &signature))
		return wrong(shown, "signature", "leaf 1's EAX, such as 0x50654");
	if (!get_number(j, "xcr0", UINT64_MAX, &m->xcr0) || (m->xcr0 & 3) != 3)
		return wrong(shown, "xcr0", "a number with x87 and SSE in it, such as 0x7");
	if (!get_number(j, "xss", UINT64_MAX, &m->xss))
		return wrong(shown, "xss", "a number, such as 0x0");
	if (!get_number(j, "address-width", WIDTH_MAX, &width) || (width && width < WIDTH_MIN))
		return wrong(shown, "address-width", "32 to 52");
	if (!get_number(j, "tsc-khz", KHZ_MAX, &khz) || (khz && khz < KHZ_MIN))
		return wrong(shown, "tsc-khz", "the frequency in kHz, such as 2100000");
	m->signature = signature;
	m->width = width;
	m->tsc_khz = khz;
	return get_features(j, shown, m) || get_msrs(j, shown, m) ? -1 : 0;
}

/**
 * cpu_model_read - a model by what people call it
 * @text: v2, v3, v4, or a file
 * @m: filled in
 *
 * 0 or -1, told. "host" is none.
 */
int cpu_model_read(const char *text, struct cpu_model *m)
{
	struct json_object *j = NULL;
	struct json_tokener *t;
	char *file;
	size_t n;
	FILE *f;
	int err;

	if (cpu_level(text, m))
		return 0;
	f = fopen(text, "re");
	if (!f) {
		error("%s: %s; want host, v2, v3, v4 or a file that 'vhctl cpu baseline' or 'vhctl cpu show' has made", text,
		      strerror(errno));
		return -1;
	}
	file = malloc(SIZE_MAX_MODEL);
	t = json_tokener_new();
	if (!file || !t)
		abort();
	n = fread(file, 1, SIZE_MAX_MODEL, f);
	if (n && n < SIZE_MAX_MODEL && !ferror(f))
		j = json_tokener_parse_ex(t, file, n);
	fclose(f);
	json_tokener_free(t);
	free(file);
	err = cpu_model_from_json(j, text, m);
	json_object_put(j);
	return err;
}

/* --- to a file --- */

static void put(struct json_object *o, const char *key, struct json_object *value)
{
	if (!o || !value || json_object_object_add(o, key, value))
		abort();
}

static struct json_object *hex(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_object_new_string(text);
}

/**
 * cpu_model_to_json - as a file has it
 * @m: the model
 */
struct json_object *cpu_model_to_json(const struct cpu_model *m)
{
	struct json_object *o = json_object_new_object(), *features = json_object_new_array(), *msrs = json_object_new_object();
	char room[CPU_NAME_SIZE];
	bool any = false;

	put(o, "cpu-model", json_object_new_int(MODEL_VERSION));
	if (*m->name)
		put(o, "name", json_object_new_string(m->name));
	if (*m->vendor)
		put(o, "vendor", json_object_new_string(m->vendor));
	if (m->signature)
		put(o, "signature", hex(m->signature));
	for (int w = 0; w < CPU_WORDS; w++)
		for (int b = 0; b < 32; b++)
			if (m->word[w] >> b & 1)
				json_object_array_add(features, json_object_new_string(cpu_feature_name(w, b, room)));
	put(o, "features", features);
	put(o, "xcr0", hex(m->xcr0));
	put(o, "xss", hex(m->xss));
	for (int i = 0; i < CPU_MSRS; i++) {
		if (m->msr[i])
			put(msrs, cpu_msr_name[i], hex(m->msr[i]));
		any |= m->msr[i];
	}
	if (any)
		put(o, "msrs", msrs);
	else
		json_object_put(msrs);
	if (m->width)
		put(o, "address-width", json_object_new_int(m->width));
	if (m->tsc_khz)
		put(o, "tsc-khz", json_object_new_int(m->tsc_khz));
	return o;
}

/* --- several --- */

/**
 * cpu_model_common - what two have in common
 * @to: the one, which becomes that
 * @to_name: of it
 * @with: the other
 * @with_name: of that
 *
 * -1, told, when a guest could not move between them: other makers.
 */
int cpu_model_common(struct cpu_model *to, const char *to_name, const struct cpu_model *with, const char *with_name)
{
	if (*to->vendor && *with->vendor && strcmp(to->vendor, with->vendor)) {
		error("%s is %s, and %s is %s: no guest moves between them", to_name, to->vendor, with_name, with->vendor);
		return -1;
	}
	if (!*to->vendor)
		strcpy(to->vendor, with->vendor);
	for (int w = 0; w < CPU_WORDS; w++)
		to->word[w] &= with->word[w];
	/* The older one's, which has no less than the guest is told. */
	if (!to->signature || (with->signature && with->signature < to->signature))
		to->signature = with->signature;
	to->xcr0 &= with->xcr0;
	to->xss &= with->xss;
	for (int i = 0; i < CPU_MSRS; i++) {
		uint64_t weak = i == CPU_ARCH_CAPABILITIES ? (to->msr[i] | with->msr[i]) & WEAK : 0;

		to->msr[i] = (to->msr[i] & with->msr[i]) | weak;
	}
	if (!to->width || (with->width && with->width < to->width))
		to->width = with->width;
	/* Slower ones are made of faster ones as well as the other way round; one of them it has to be. */
	if (!to->tsc_khz || (with->tsc_khz && with->tsc_khz < to->tsc_khz))
		to->tsc_khz = with->tsc_khz;
	return 0;
}

static bool tsc_near(unsigned int a, unsigned int b)
{
	uint64_t more = a > b ? a - b : b - a;

	return more * 1000000 <= (uint64_t)b * TSC_PPM;
}

/**
 * cpu_model_fits - can VMs have it here?
 * @m: the model
 * @host: what this host has
 *
 * 0; or -1, and all that is missing is told.
 */
int cpu_model_fits(const struct cpu_model *m, const struct cpu_host *host)
{
	const char *name = *m->name ? m->name : "the model";
	struct list features = { .n = 0 }, states = { .n = 0 };
	char room[CPU_NAME_SIZE];
	int err = 0;

	if (*m->vendor && strcmp(m->vendor, host->all.vendor)) {
		error("%s: is a processor of %s, and this one is of %s", name, m->vendor, host->all.vendor);
		err = -1;
	}
	for (int w = 0; w < CPU_WORDS; w++)
		for (int b = 0; b < 32; b++)
			if ((m->word[w] & ~host->all.word[w]) >> b & 1)
				list_add(&features, cpu_feature_name(w, b, room));
	for (int b = 0; b < 64; b++)
		if (((m->xcr0 & ~host->all.xcr0) | (m->xss & ~host->all.xss)) >> b & 1)
			list_add(&states, cpu_state_name(b, room));
	if (features.n) {
		error("%s: this host lacks %s", name, list_text(&features));
		err = -1;
	}
	if (states.n) {
		error("%s: this host does not keep the state of %s", name, list_text(&states));
		err = -1;
	}
	for (int i = 0; i < CPU_MSRS; i++) {
		uint64_t missing = m->msr[i] & ~host->all.msr[i];

		/* A guest that guards itself against a weakness that is not there does no harm. */
		if (i == CPU_ARCH_CAPABILITIES)
			missing &= ~WEAK;
		if (missing) {
			error("%s: this host lacks bits 0x%" PRIx64 " of %s (MSR 0x%x)", name, missing, cpu_msr_name[i],
			      cpu_msr_index[i]);
			err = -1;
		}
	}
	if (host->all.msr[CPU_ARCH_CAPABILITIES] & ~m->msr[CPU_ARCH_CAPABILITIES] & WEAK &&
	    m->word[CPU_7_EDX] >> 29 & 1) {
		error("%s: its guests are not told of a weakness of this processor's returns (RSBA, MSR 0x10a)", name);
		err = -1;
	}
	if (m->width > host->all.width) {
		error("%s: physical addresses have %u bits, and %u here", name, m->width, host->all.width);
		err = -1;
	}
	if (m->tsc_khz && host->all.tsc_khz && !host->scales && !tsc_near(m->tsc_khz, host->all.tsc_khz)) {
		error("%s: the TSC has %u kHz, and %u here, where VMs cannot have another frequency", name, m->tsc_khz,
		      host->all.tsc_khz);
		err = -1;
	}
	return err;
}
