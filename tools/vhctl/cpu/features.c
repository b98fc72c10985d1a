// SPDX-License-Identifier: GPL-2.0-only
/*
 * features.c - names of features, as /proc/cpuinfo has them where it does (SDM, vol. 2, CPUID), and the levels of the
 * System V ABI for x86-64.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"

#define EAX 0
#define EBX 1
#define ECX 2
#define EDX 3

const struct cpu_place cpu_place[CPU_WORDS] = {
	[CPU_1_EDX] = { 1, 0, EDX }, [CPU_1_ECX] = { 1, 0, ECX }, [CPU_6_EAX] = { 6, 0, EAX },
	[CPU_7_EBX] = { 7, 0, EBX }, [CPU_7_ECX] = { 7, 0, ECX }, [CPU_7_EDX] = { 7, 0, EDX },
	[CPU_7_1_EAX] = { 7, 1, EAX }, [CPU_7_1_EDX] = { 7, 1, EDX }, [CPU_7_2_EDX] = { 7, 2, EDX },
	[CPU_D_1_EAX] = { 0xd, 1, EAX }, [CPU_EXT_1_EDX] = { 0x80000001, 0, EDX }, [CPU_EXT_1_ECX] = { 0x80000001, 0, ECX },
	[CPU_EXT_8_EBX] = { 0x80000008, 0, EBX }, [CPU_KVM_EAX] = { 0x40000001, 0, EAX },
};

static const char *const names[CPU_WORDS][32] = {
	[CPU_1_EDX] = {
		[0] = "fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", NULL, "sep", "mtrr", "pge", "mca",
		"cmov", "pat", "pse36", "pn", "clflush", NULL, "dts", "acpi", "mmx", "fxsr", "sse", "sse2", "ss", "ht", "tm",
		"ia64", "pbe",
	},
	[CPU_1_ECX] = {
		[0] = "pni", "pclmulqdq", "dtes64", "monitor", "ds_cpl", "vmx", "smx", "est", "tm2", "ssse3", "cid", "sdbg", "fma",
		"cx16", "xtpr", "pdcm", NULL, "pcid", "dca", "sse4_1", "sse4_2", "x2apic", "movbe", "popcnt",
		"tsc_deadline_timer", "aes", "xsave", "osxsave", "avx", "f16c", "rdrand", "hypervisor",
	},
	[CPU_6_EAX] = { [2] = "arat" },
	[CPU_7_EBX] = {
		[0] = "fsgsbase", "tsc_adjust", "sgx", "bmi1", "hle", "avx2", "fdp_excptn_only", "smep", "bmi2", "erms", "invpcid",
		"rtm", "cqm", "zero_fcs_fds", "mpx", "rdt_a", "avx512f", "avx512dq", "rdseed", "adx", "smap", "avx512ifma", NULL,
		"clflushopt", "clwb", "intel_pt", "avx512pf", "avx512er", "avx512cd", "sha_ni", "avx512bw", "avx512vl",
	},
	[CPU_7_ECX] = {
		[0] = "prefetchwt1", "avx512vbmi", "umip", "pku", "ospke", "waitpkg", "avx512_vbmi2", "shstk", "gfni", "vaes",
		"vpclmulqdq", "avx512_vnni", "avx512_bitalg", "tme", "avx512_vpopcntdq", [16] = "la57", [22] = "rdpid", "kl",
		"bus_lock_detect", "cldemote", [27] = "movdiri", "movdir64b", "enqcmd", "sgx_lc", "pks",
	},
	[CPU_7_EDX] = {
		[2] = "avx512_4vnniw", "avx512_4fmaps", "fsrm", "uintr", [8] = "avx512_vp2intersect", "srbds_ctrl", "md_clear",
		"rtm_always_abort", [13] = "tsx_force_abort", "serialize", "hybrid_cpu", "tsxldtrk", [18] = "pconfig", "arch_lbr",
		"ibt", [22] = "amx_bf16", "avx512_fp16", "amx_tile", "amx_int8", "spec_ctrl", "stibp", "flush_l1d",
		"arch_capabilities", "core_capabilities", "ssbd",
	},
	[CPU_7_1_EAX] = {
		[0] = "sha512", "sm3", "sm4", [4] = "avx_vnni", "avx512_bf16", "lass", "cmpccxadd", "arch_perfmon_ext",
		[10] = "fzrm", "fsrs", "fsrc", [17] = "fred", "lkgs", "wrmsrns", [21] = "amx_fp16", "hreset", "avx_ifma",
		[26] = "lam",
	},
	[CPU_7_1_EDX] = {
		[4] = "avx_vnni_int8", "avx_ne_convert", [8] = "amx_complex", [10] = "avx_vnni_int16", [14] = "prefetchi",
		[19] = "avx10",
	},
	[CPU_7_2_EDX] = { [0] = "intel_psfd", "ipred_ctrl", "rrsba_ctrl", "ddpd_u", "bhi_ctrl", "mcdt_no" },
	[CPU_D_1_EAX] = { [0] = "xsaveopt", "xsavec", "xgetbv1", "xsaves", "xfd" },
	[CPU_EXT_1_EDX] = { [11] = "syscall", [20] = "nx", [22] = "mmxext", [25] = "fxsr_opt", "pdpe1gb", "rdtscp", [29] = "lm",
			    "3dnowext", "3dnow" },
	[CPU_EXT_1_ECX] = {
		[0] = "lahf_lm", "cmp_legacy", "svm", "extapic", "cr8_legacy", "abm", "sse4a", "misalignsse", "3dnowprefetch", "osvw",
		"ibs", "xop", "skinit", "wdt", [15] = "lwp", "fma4", "tce", [21] = "tbm", "topoext", "perfctr_core",
	},
	[CPU_EXT_8_EBX] = { [0] = "clzero", "irperf", "xsaveerptr", [9] = "wbnoinvd", [12] = "amd_ibpb", [14] = "amd_ibrs",
			    "amd_stibp", [24] = "amd_ssbd", "virt_ssbd", "amd_ssb_no", [28] = "amd_psfd" },
	[CPU_KVM_EAX] = {
		[0] = "kvm_clock_old", "kvm_nopiodelay", "kvm_mmu", "kvm_clock", "kvm_asyncpf", "kvm_steal_time", "kvm_pv_eoi",
		"kvm_pv_unhalt", [9] = "kvm_pv_tlb_flush", "kvm_asyncpf_vmexit", "kvm_pv_ipi", "kvm_poll_control",
		"kvm_pv_sched_yield", "kvm_asyncpf_int", "kvm_msi_ext_dest_id", "kvm_hc_map_gpa_range", "kvm_migration_control",
		[24] = "kvm_clock_stable",
	},
};

const uint32_t cpu_msr_index[CPU_MSRS] = { 0x10a, 0xcf };
const char *const cpu_msr_name[CPU_MSRS] = { "arch-capabilities", "core-capabilities" };

/**
 * cpu_feature_name - what a bit is called
 * @word: where it is
 * @bit: of it
 * @name: room for one that has no name of its own
 */
const char *cpu_feature_name(enum cpu_word word, int bit, char name[CPU_NAME_SIZE])
{
	static const char *const regs[] = { "eax", "ebx", "ecx", "edx" };
	const struct cpu_place *p = &cpu_place[word];

	if (names[word][bit])
		return names[word][bit];
	snprintf(name, CPU_NAME_SIZE, "cpuid-%x-%u-%s-%d", p->leaf, p->index, regs[p->reg], bit);
	return name;
}

/**
 * cpu_feature_find - the bit of a name
 * @name: as cpu_feature_name() has it
 * @word: where it is
 * @bit: of it
 */
bool cpu_feature_find(const char *name, enum cpu_word *word, int *bit)
{
	char room[CPU_NAME_SIZE];

	for (int w = 0; w < CPU_WORDS; w++)
		for (int b = 0; b < 32; b++)
			if (!strcmp(cpu_feature_name(w, b, room), name)) {
				*word = w;
				*bit = b;
				return true;
			}
	return false;
}

/**
 * cpu_state_name - what a part of the extended state is called
 * @part: bit of XCR0 or IA32_XSS (SDM, vol. 1, 13.1)
 * @name: room for one that has no name of its own
 */
const char *cpu_state_name(int part, char name[CPU_NAME_SIZE])
{
	static const char *const parts[] = {
		"x87", "sse", "avx", "bndregs", "bndcsr", "opmask", "zmm_hi256", "hi16_zmm", "pt", "pkru", "pasid", "cet_u",
		"cet_s", "hdc", "uintr", "lbr", "hwp", "tilecfg", "tiledata", "apx",
	};

	if ((unsigned int)part < sizeof(parts) / sizeof(parts[0]))
		return parts[part];
	snprintf(name, CPU_NAME_SIZE, "state-%d", part);
	return name;
}

/* --- levels --- */

/*
 * What each level has beyond the one below it: the ABI's list, what kernels need, and what VMs have of the hypervisor
 * whatever the processor is. What all processors of a level share, and nothing that some lack.
 */
static const char *const levels[][2] = {
	{ "", "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx lm "
	      "hypervisor x2apic tsc_deadline_timer tsc_adjust arat kvm_clock kvm_clock_old kvm_nopiodelay kvm_clock_stable" },
	{ "v2", "pni ssse3 cx16 sse4_1 sse4_2 popcnt lahf_lm rdtscp" },
	{ "v3", "pcid fma movbe xsave avx f16c aes pclmulqdq rdrand fsgsbase bmi1 avx2 smep bmi2 invpcid xsaveopt abm pdpe1gb" },
	{ "v4", "avx512f avx512dq avx512cd avx512bw avx512vl rdseed adx smap clflushopt xsavec xgetbv1 3dnowprefetch" },
};

static void add_all(struct cpu_model *m, const char *list)
{
	char *words = strdup(list), *word, *rest = NULL;
	enum cpu_word w;
	int bit;

	if (!words)
		abort();
	for (word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (!cpu_feature_find(word, &w, &bit))
			abort();
		m->word[w] |= 1u << bit;
	}
	free(words);
}

/**
 * cpu_level - a level
 * @name: v2, v3 or v4
 * @m: filled in
 *
 * False: there is no such level.
 */
bool cpu_level(const char *name, struct cpu_model *m)
{
	const unsigned int n = sizeof(levels) / sizeof(levels[0]);
	unsigned int which;

	for (which = 1; which < n && strcmp(levels[which][0], name); which++)
		;
	if (which == n)
		return false;
	*m = (struct cpu_model){ .vendor = "GenuineIntel", .xcr0 = 3 };
	snprintf(m->name, sizeof(m->name), "%s", name);
	for (unsigned int i = 0; i <= which; i++)
		add_all(m, levels[i][1]);
	if (which >= 2)
		m->xcr0 |= 1 << 2;
	if (which >= 3)
		m->xcr0 |= 7 << 5;
	return true;
}
