/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cpu.h - what processor a VM sees: a list of what it may have, by which it can move between hosts that differ.
 *
 *   features.c  names of features, and the levels v2, v3 and v4
 *   model.c     a model as a file, in JSON, and what several have in common
 *   host.c      what this host's processor and module can give
 *   apply.c     CPUID and MSRs of a vCPU, of a model
 */
#ifndef CPU_H
#define CPU_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

/* Registers of CPUID whose bits are features (SDM, vol. 2, CPUID; 0x40000001 is KVM's). */
enum cpu_word {
	CPU_1_EDX, CPU_1_ECX, CPU_6_EAX, CPU_7_EBX, CPU_7_ECX, CPU_7_EDX, CPU_7_1_EAX, CPU_7_1_EDX, CPU_7_2_EDX,
	CPU_D_1_EAX, CPU_EXT_1_EDX, CPU_EXT_1_ECX, CPU_EXT_8_EBX, CPU_KVM_EAX, CPU_WORDS
};

/* MSRs that tell features. */
enum cpu_msr { CPU_ARCH_CAPABILITIES, CPU_CORE_CAPABILITIES, CPU_MSRS };

/**
 * struct cpu_model - a processor as VMs see it
 * @name: of the model
 * @vendor: as leaf 0 has it; "": any
 * @signature: leaf 1's EAX: family, model, stepping; 0: the host's
 * @word: features, a bit each
 * @xcr0: parts of the extended state that may be enabled
 * @xss: the same of the supervisor's
 * @msr: values
 * @width: bits of a physical address; 0: the host's
 * @tsc_khz: 0: the host's
 */
struct cpu_model {
	char name[64], vendor[13];
	uint32_t signature, word[CPU_WORDS];
	uint64_t xcr0, xss, msr[CPU_MSRS];
	unsigned int width, tsc_khz;
};

/**
 * struct cpu_host - what VMs can have here
 * @all: of everything; its @width and @tsc_khz are the host's
 * @scales: the TSC of a VM can have another frequency
 */
struct cpu_host {
	struct cpu_model all;
	bool scales;
};

/* Where a word stands. */
struct cpu_place {
	uint32_t leaf, index;
	int reg;		/* 0 to 3: EAX, EBX, ECX, EDX */
};
extern const struct cpu_place cpu_place[CPU_WORDS];
extern const uint32_t cpu_msr_index[CPU_MSRS];
extern const char *const cpu_msr_name[CPU_MSRS];

/* What the guest has enabled, and no features: of leaf 1's ECX, of leaf 7's ECX. */
#define CPU_OSXSAVE	(1u << 27)
#define CPU_OSPKE	(1u << 4)

/* --- features.c --- */
#define CPU_NAME_SIZE	32
const char *cpu_feature_name(enum cpu_word word, int bit, char name[CPU_NAME_SIZE]);
bool cpu_feature_find(const char *name, enum cpu_word *word, int *bit);
const char *cpu_state_name(int part, char name[CPU_NAME_SIZE]);
bool cpu_level(const char *name, struct cpu_model *m);

/* --- model.c --- */
struct json_object;
int cpu_model_read(const char *text, struct cpu_model *m);
int cpu_model_from_json(struct json_object *j, const char *shown, struct cpu_model *m);
struct json_object *cpu_model_to_json(const struct cpu_model *m);
int cpu_model_common(struct cpu_model *to, const char *to_name, const struct cpu_model *with, const char *with_name);
int cpu_model_fits(const struct cpu_model *m, const struct cpu_host *host);

/* --- host.c --- */
#define CPU_LEAVES	256
struct kvm_cpuid2 *cpu_supported(int dev);
int cpu_host_look(int dev, int vm, const struct kvm_cpuid2 *supported, struct cpu_host *h);

/* --- apply.c --- */
void cpu_apply(const struct cpu_model *m, struct kvm_cpuid2 *l);
int cpu_apply_vm(const struct cpu_model *m, const struct cpu_host *host, int vm);
int cpu_apply_vcpu(const struct cpu_model *m, const struct cpu_host *host, int vcpu);

#endif /* CPU_H */
