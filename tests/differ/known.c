// SPDX-License-Identifier: GPL-2.0-only
/* Differences that are not vh's: the file known has the ones that are not even generated. */
#include <string.h>

#include "differ.h"

/* Vectors of a rule besides those that there are. */
#define NONE	-1	/* it ended at a HLT of its own */
#define ANY	-2

/* What else has to be so. Of the first three one at least. */
enum where {
	AT_KVM = 1 << 0,	/* the instruction is where KVM came to: it faulted there, or was the last */
	AT_VH = 1 << 1,
	RAN = 1 << 2,		/* or anywhere before */
	MMIO = 1 << 3,		/* something left for a device in memory */
	MMIO_WRITE = 1 << 4,	/* and wrote to it */
	VH_STEP = 1 << 5,	/* vh has a single step in DR6, KVM may have or not */
	VH_LEFT = 1 << 6,	/* vh left for a device */
	VH_MORE = 1 << 7,	/* more often than KVM */
	KVM_MORE = 1 << 8,	/* less often */
	AC = 1 << 9,		/* alignment is checked */
	USER = 1 << 10,		/* CPL 3 when it began */
	NO_COUNT = 1 << 11,	/* CX is 0, at the beginning or where KVM came to */
	WRAPS = 1 << 12,	/* KVM's CR2, or an access to a device, is at the end of 4 GB */
	FMASK = 1 << 13,	/* ECX is IA32_FMASK's, or vh shut down and KVM has more than 32 bits there */
	VIRTUAL = 1 << 14,	/* KVM ended with CR4.PVI or VME, VIF and VIP */
	STACK_END = 1 << 15,	/* SP is at the end of 64 KB when it begins, or when KVM faults */
	X87_PENDING = 1 << 16,	/* KVM has an unmasked x87 exception, vh has none */
	SMAP = 1 << 17,		/* CR4.SMAP */
	NMI_SHADOW = 1 << 18,	/* an NMI waits, in the shadow of MOV SS */
	NMI_AT = 1 << 19,	/* an NMI came with an access to a device */
	VH_FAULTS = 1 << 21,	/* vh: #SS, #GP, #PF or #AC */
	STACK_START = 1 << 22,	/* SP is at the start of 64 KB when it begins */
	BYTES = 1 << 20,	/* there are random bytes among the code */
	IRQ_SHADOW = 1 << 23,	/* KVM took the interrupt that waits before the first instruction, in whose shadow it is */
	AT_ZERO = 1 << 24,	/* one of them wrote to address 0 */
	VH_DATA = 1 << 25,	/* vh has a breakpoint in DR6, and there is one on data */
	KVM_CODE = 1 << 26,	/* KVM has a breakpoint in DR6, vh took the interrupt or NMI that waits */
	BEYOND = 1 << 28,	/* one of them has an error code of what is in memory where a 16-bit address begins anew, or goes on */
	VH_FRAME = 1u << 31,	/* the frame of the handler that vh ended in is not in memory */
	NMI_EARLY = 1 << 30,	/* KVM took the NMI that waits before the first instruction, in whose shadow it is, vh did not */
	VH_SHUTDOWN = 1 << 29,	/* vh shut down */
	VH_DISABLED = 1 << 27,	/* vh: a #DB that no cause is told of */
};

#define SHORT_ADDRESS	(1ull << 32)	/* with addresses of 16 bits */
#define VME		(1ull << 33)	/* CR4.VME */

#define WAY_EPT		1
#define WAY_EPT0	2
#define WAY_REAL	4
#define WAY_INTERPRET	8

struct rule {
	const char *name;	/* in opcodes.c; NULL: whatever instruction */
	uint64_t where;
	int kvm, vh;		/* vectors they end with */
	unsigned int only;	/* nothing else differs; 0: anything may, for the programs went different ways from there */
	unsigned int modes, ways;	/* 0: all */
	const char *why;
};

/* Vol. 2: the instruction is defined, and CPUID has it. In CPL 0 KVM ends the run. */
#define NOT_EMULATED(name)	\
	{ name, AT_KVM | USER | VH_MORE, 6, ANY, 0, 0, 0, "KVM: #UD of user code for what it does not emulate of a device" }, \
	{ name, AT_KVM | USER | VH_FAULTS, 6, ANY, 0, 0, 0, "KVM: #UD of user code for what it does not emulate of a device" }
#define ORDER(name)		\
	{ name, AT_KVM, 14, 14, D_CR2 | D_MEMORY, 0, 0, "neither: CR2 and error code of an instruction that reads twice, the order is not told" }, \
	{ name, RAN, 8, 8, D_CR2, 0, 0, "neither: CR2 and error code of an instruction that reads twice, the order is not told" }
/* 32 bits are what is popped; the processor that is emulated has them all looked at for the limit, but reads 16. */
#define POP_SEGMENT(name)	\
	{ name, AT_VH | AC, ANY, 17, 0, 0, 0, "emulator: POP of a segment register reads 16 bits of 32" },	\
	{ name, AT_VH, ANY, 12, 0, 0, 0, "emulator: POP of a segment register reads 16 bits of 32" },	\
	{ name, AT_VH, ANY, 14, 0, 0, 0, "emulator: POP of a segment register reads 16 bits of 32" }

/* Vol. 3, table 6-2: the two parts of a pointer, on two pages or at the end of a segment */
#define PARTS(name, vector)	\
	{ name, AT_KVM, 14, vector, D_RIP | D_CR2 | D_MEMORY, 0, WAY_INTERPRET, "neither: #PF of one part, #GP or #SS of the other" }
/* Vol. 2, INT n: three words, each of which is a write of its own */
#define REAL_INT(name)	\
	{ name, RAN | MMIO_WRITE | VH_MORE, ANY, ANY, D_ACCESSES, 1 << M_REAL, 0, \
	  "KVM: INT in real mode with its stack in a device: one of three writes" }

#define X87_POINTERS(vector)	\
	{ "x87", AT_KVM, vector, vector, D_POINTERS | D_FPU, 0, 0, "emulator: state of an x87 instruction whose access faults" }
/* Vol. 2, MOV, LDS: RPL and CPL are held against DPL, each of them */
#define DATA_RPL(name)	\
	{ name, AT_VH | MMIO, ANY, 13, 0, 0, 0, "KVM: a data segment by a selector in a device, whose RPL is above its DPL" }
/* Vol. 2, POP: how many of 32 bits are read is not told */
#define POP_SHORT(name)	\
	{ name, RAN | MMIO, ANY, ANY, D_ACCESSES, 0, 0, "KVM: POP of a segment register reads 16 bits of 32" }
/* Each iteration is one of its own (Vol. 2, REP). */
#define INS_FAULTS(vector)	\
	{ "ins", AT_KVM, vector, vector, D_GPR | D_MEMORY | D_ACCESSES, 0, 0, "KVM: REP INS that faults loses iterations" }
#define ALIGNED_STACK(name)	\
	{ name, AT_KVM, 13, 12, D_RIP | D_RFLAGS, 0, WAY_INTERPRET | WAY_EPT0 | WAY_REAL, "neither: #GP for the alignment, or #SS for the address" }
/* Which registers lose their upper halves then is not told. */
#define COUNT_0(name)	\
	{ name, RAN | NO_COUNT, ANY, ANY, D_GPR, 1 << M_LONG, 0, "neither: a string instruction with a count of 0 and 32-bit addresses" }
/* Vol. 2, CALL, JMP: 6 bytes at the end of what the address size reaches */
#define LOAD_WRAPS(name)	\
	{ name, AT_VH | BEYOND, ANY, 13, 0, 0, WAY_INTERPRET, "neither: a far pointer that wraps at the end of the address size" },	\
	{ name, AT_KVM | BEYOND, 13, ANY, 0, 0, WAY_INTERPRET, "neither: a far pointer that wraps at the end of the address size" }
#define FAR_WRAPS(name)	\
	{ name, AT_KVM, 13, 13, D_MEMORY, 0, 0, "neither: a far pointer that wraps at the end of the address size" }

static const struct rule rules[] = {
	{ "x87", AT_KVM | USER | VH_FAULTS, 6, ANY, 0, 0, 0, "KVM: #UD of user code for what it does not emulate of a device" },
	{ "x87", AT_KVM | USER | MMIO, 6, ANY, 0, 0, 0, "KVM: #UD of user code for what it does not emulate of a device" },
	NOT_EMULATED("sse"), NOT_EMULATED("sse3"), NOT_EMULATED("sse4"), NOT_EMULATED("avx"),
	NOT_EMULATED("crc32"), NOT_EMULATED("popcnt"), NOT_EMULATED("arpl"), NOT_EMULATED("bound"), NOT_EMULATED("movbe"),
	NOT_EMULATED("fxsave"), NOT_EMULATED("xsave"), NOT_EMULATED("fma"), NOT_EMULATED("bmi"), NOT_EMULATED("vldmxcsr"),
	NOT_EMULATED("vmaskmov"), NOT_EMULATED("cmpxchg8b"), NOT_EMULATED("gather"), NOT_EMULATED("evex"),
	/* Vol. 2, ENTER */
	{ "enter", AT_KVM | USER, 6, ANY, 0, 0, 0, "KVM: ENTER with a level is not emulated" },
	ORDER("les"), ORDER("lss"), ORDER("lfs"), ORDER("lgdt"), ORDER("retfar"), ORDER("iret"), ORDER("callfar"),
	ORDER("jmpfar"), ORDER("x87"), ORDER("sgdt"),
	DATA_RPL("movseg"), DATA_RPL("les"), DATA_RPL("lfs"), DATA_RPL("ds"), DATA_RPL("es"), DATA_RPL("fs"), DATA_RPL("gs"),
	POP_SHORT("es"), POP_SHORT("ss"), POP_SHORT("ds"), POP_SHORT("fs"), POP_SHORT("gs"),
	INS_FAULTS(12), INS_FAULTS(13), INS_FAULTS(14),
	FAR_WRAPS("jmpfar"), FAR_WRAPS("callfar"), LOAD_WRAPS("les"), LOAD_WRAPS("lss"), LOAD_WRAPS("lfs"), PARTS("les", 13), PARTS("lss", 13), PARTS("lfs", 13),
	PARTS("les", 12), PARTS("lss", 12), PARTS("lfs", 12), PARTS("sgdt", 13), PARTS("sgdt", 12),
	REAL_INT("int"), REAL_INT("int3"), REAL_INT("into"),
	{ "bound", AT_VH | SHORT_ADDRESS, ANY, 5, 0, 0, WAY_INTERPRET, "neither: BOUND whose operand wraps at the end of the address size" },
	{ "bound", AT_KVM | SHORT_ADDRESS, 5, ANY, 0, 0, WAY_INTERPRET, "neither: BOUND whose operand wraps at the end of the address size" },
	{ "lgdt", AT_VH | SHORT_ADDRESS, ANY, 13, 0, 0, WAY_INTERPRET, "emulator: LGDT and LIDT that wrap at the end of the address size" },
	/* Vol. 2, SGDT: what of 6 bytes is where the address size ends */
	{ "sgdt", RAN | AT_ZERO, ANY, ANY, D_MEMORY, 0, WAY_INTERPRET, "neither: SGDT and SIDT that wrap at the end of the address size" },
	{ "sgdt", RAN | MMIO_WRITE | VH_MORE, NONE, NONE, D_ACCESSES, 0, 0, "KVM: SGDT and SIDT to a device do nothing" },
	/* Vol. 2, MOV: 16 bits, REX.W or not */
	{ "movseg", RAN | MMIO_WRITE, ANY, ANY, D_ACCESSES, 1 << M_LONG, 0, "KVM: MOV of a segment register writes 64 bits to a device" },
	/* Vol. 2, MOVSXD: with 16 bits it reads 16 */
	{ "arpl", RAN | MMIO, ANY, ANY, D_ACCESSES, 1 << M_LONG, 0, "KVM: MOVSXD of 16 bits reads 32 of a device" },
	/* Vol. 1, 3.3.7.1; in 64-bit mode the prefix is ignored */
	{ "outs", AT_KVM, 12, 13, D_RIP, 1 << M_LONG, 0, "KVM: SS as a prefix of OUTS in 64-bit mode" },
	/* Vol. 3, table 6-2: both are of one class */
	ALIGNED_STACK("fxsave"), ALIGNED_STACK("xsave"), ALIGNED_STACK("sse"), ALIGNED_STACK("avx"), ALIGNED_STACK("evex"),
	ALIGNED_STACK("cmpxchg8b"),
	{ "popf", AT_KVM, 12, 13, D_RIP, 1 << M_VM86, WAY_INTERPRET, "neither: POPF that may not, of what cannot be popped" },
	/* Vol. 2, PUSHF: VIF is pushed as IF, and an IOPL of 3 */
	{ "popf", RAN | MMIO_WRITE | VME, ANY, ANY, D_ACCESSES, 1 << M_VM86, 0, "KVM: PUSHF to a device, with VME" },
	{ "popf", AT_KVM, 14, 13, D_RIP | D_CR2 | D_MEMORY, 1 << M_VM86, WAY_INTERPRET, "neither: POPF that may not, of what cannot be popped" },
	/* Vol. 1, 8.1.8: of the last one that was executed */
	X87_POINTERS(12), X87_POINTERS(13), X87_POINTERS(14), X87_POINTERS(17),
	{ "xsave", RAN | KVM_MORE, ANY, ANY, D_ACCESSES, 0, 0, "KVM: CLFLUSH reads the device" },
	{ "xsave", RAN | KVM_MORE | NMI_AT, 2, ANY, 0, 0, 0, "KVM: CLFLUSH reads the device" },
	{ "fxsave", AT_KVM, 14, 14, D_MEMORY, 0, 0, "neither: what an FXSAVE has stored that faults" },
	{ "lgdt", RAN | NMI_AT | MMIO, 2, 2, D_TABLES | D_MEMORY | D_ACCESSES, 0, 0, "KVM: an NMI between two reads of one instruction" },
	{ "lgdt", AT_KVM | NMI_AT, 2, 13, D_RSP | D_RIP | D_RFLAGS | D_MEMORY | D_ACCESSES, 0, 0, "KVM: an NMI between two reads of one instruction" },
	{ "lgdt", AT_KVM | NMI_AT | VH_SHUTDOWN, 2, NONE, 0, 0, 0, "KVM: an NMI between two reads of one instruction" },
	{ "lgdt", RAN | NMI_AT | KVM_MORE, 2, ANY, 0, 0, 0, "KVM: LGDT and LIDT read parts of a device again, and an NMI comes with one of those" },
	{ "xsave", AT_KVM | USER, 6, ANY, 0, 0, 0, "KVM: #UD of user code for CLWB of a device" },
	/* Vol. 3, 6.8.3: no NMI comes before that instruction */
	{ "fxsave", NMI_SHADOW | AT_VH | USER, 2, 6, D_RSP | D_RIP | D_MEMORY, 0, 0, "KVM: an NMI before an instruction on a device, behind MOV SS" },
	{ NULL, NMI_EARLY | MMIO, 2, ANY, 0, 0, 0, "KVM: an NMI before an instruction on a device, behind MOV SS" },
	{ NULL, NMI_SHADOW | VH_MORE, 2, 2, D_MEMORY | D_ACCESSES, 0, 0, "KVM: an NMI before an instruction on a device, behind MOV SS" },
	/* Vol. 2, STI; Vol. 3, 6.8.3 */
	{ NULL, IRQ_SHADOW | MMIO, ANY, ANY, 0, 0, 0, "KVM: an interrupt before an instruction on a device, behind STI or MOV SS" },
	/* Vol. 3, 6.6: behind the instruction that it came with */
	{ NULL, NMI_AT | MMIO_WRITE | VH_MORE, ANY, 2, 0, 0, 0, "KVM: goes on while an NMI waits whose frame is in a device" },
	/* Vol. 2, AAA, IMUL and others; in code that is generated CMP stands behind these */
	{ "into", AT_VH | BYTES, NONE, 4, 0, 0, 0, "neither: INTO of what leaves OF undefined" },
	{ "into", AT_KVM | BYTES, 4, NONE, 0, 0, 0, "neither: INTO of what leaves OF undefined" },
	/* Vol. 3, 18.3.1.1: a fault, before the instruction */
	{ NULL, VH_LEFT | VH_MORE | VH_FRAME, NONE, 1, 0, 0, 0, "KVM: a #DB whose frame is in a device: what stands there is executed" },
	/* Vol. 2, INT1 */
	{ "int1", RAN | VH_LEFT | MMIO_WRITE, ANY, 1, 0, 0, 0, "KVM: INT1 does nothing where its frame is in a device" },
	/* Vol. 3, 20.3.3.3 */
	{ "int", AT_KVM | USER, 6, ANY, 0, 1 << M_VM86, 0, "KVM: an INT that VME redirects, with its stack in a device" },
	/* Vol. 2, TZCNT, LZCNT */
	{ "tzcnt", RAN | MMIO, ANY, ANY, 0, 0, 0,
	  "KVM: TZCNT and LZCNT of a device are BSF and BSR" },
	{ "bsf", RAN | MMIO, ANY, ANY, 0, 0, 0,
	  "KVM: TZCNT and LZCNT of a device are BSF and BSR" },
	/* Vol. 2, PUSHA, POPA, ENTER: the operand size is that of the data */
	{ "pusha", RAN | MMIO_WRITE, ANY, ANY, D_ACCESSES, 0, 0, "KVM: PUSHA to a device does its first write alone" },
	{ "popa", RAN | MMIO, ANY, ANY, 0, 0, 0, "KVM: POPA and ENTER with the stack in a device: restarted with another RSP" },
	{ "enter", RAN | MMIO, ANY, ANY, 0, 0, 0, "KVM: POPA and ENTER with the stack in a device: restarted with another RSP" },
	/* Vol. 2, SLDT, STR: the destination is only written */
	{ "sldt", RAN | MMIO, ANY, ANY, D_ACCESSES, 0, 0, "KVM: SLDT and STR read the device that they write" },
	{ "sldt", RAN | NMI_AT | MMIO, 2, ANY, 0, 0, 0, "KVM: SLDT and STR read the device that they write" },
	{ "callfar", RAN | MMIO_WRITE, ANY, ANY, D_ACCESSES, 0, 0, "KVM: far CALL with the stack in a device: one of two writes" },
	{ "retfar", RAN | MMIO, ANY, ANY, D_MEMORY | D_RSP, 0, 0, "KVM: far RET with the stack in a device pops too much" },
	/* Vol. 2, JMP */
	{ "jmpfar", AT_VH | MMIO, ANY, 13, 0, 0, 0, "KVM: far JMP through a device: the offset is not held against the limit" },
	{ "cmps", RAN | MMIO, ANY, ANY, D_ACCESSES | D_RFLAGS | D_GPR | D_MEMORY, 0, 0, "KVM: CMPS of two devices reads one of them" },
	/* Vol. 2, LTR */
	{ "ltr", AT_KVM | MMIO, 13, 13, D_MEMORY, 0, 0, "KVM: #GP of LLDT and LTR of a device does not have the selector" },
	{ "lldt", AT_KVM | MMIO, 13, 13, D_MEMORY, 0, 0, "KVM: #GP of LLDT and LTR of a device does not have the selector" },
	/* Vol. 2, REP: with a count of 0 nothing is executed */
	{ "ins", AT_KVM | NO_COUNT, 13, ANY, 0, 0, 0, "emulator: INS and OUTS that may not, with a count of 0" },
	{ "outs", AT_KVM | NO_COUNT, 13, ANY, 0, 0, 0, "emulator: INS and OUTS that may not, with a count of 0" },
	COUNT_0("stos"), COUNT_0("movs"), COUNT_0("cmps"), COUNT_0("scas"), COUNT_0("lods"), COUNT_0("ins"), COUNT_0("outs"),
	/* Vol. 2, CALL: the target is checked before anything is pushed */
	{ "call", AT_KVM, 13, 13, D_MEMORY, 0, 0, "emulator: CALL to what is no target has pushed the return address" },
	/* Vol. 3, table 6-2: the address that is pushed to, and the one that is jumped to */
	{ "call", AT_KVM, 12, 13, D_RIP, 1 << M_LONG, WAY_INTERPRET, "neither: #SS of the stack or #GP of the target of CALL" },
	/* Vol. 2, ARPL: it is there in protected mode, also where it has nothing to write */
	{ "arpl", AT_KVM | USER, 6, ANY, 0, 0x7f & ~(1 << M_REAL | 1 << M_VM86), 0, "KVM: #UD of user code for what it does not emulate of a device" },
	POP_SEGMENT("es"), POP_SEGMENT("ss"), POP_SEGMENT("ds"), POP_SEGMENT("fs"), POP_SEGMENT("gs"),
	/* Vol. 2, ANDN and others: VEX.W1 is ignored outside 64-bit mode */
	{ "bmi", AT_KVM, 6, ANY, 0, 0xff & ~(1 << M_LONG), 0, "emulator: VEX.W of BMI outside 64-bit mode" },
	/* Vol. 3, table 6-2: faults of one class come in the processor's order */
	{ "x87", AT_VH | X87_PENDING, ANY, ANY, 0, 0, 0, "neither: an x87 store that faults, of what raises an exception" },
	/* Vol. 2, IRET: what is in the limits where SP wraps between two words is not told */
	{ "callfar", RAN, 12, ANY, 0, 1 << M_PROT16, WAY_INTERPRET, "emulator: a far CALL with SP of 0" },
	{ "callfar", RAN | STACK_START, NONE, ANY, 0, 1 << M_PROT16, 0, "neither: far CALL whose frame wraps at the start of a 16-bit stack" },
	{ "retfar", RAN | STACK_END, 12, ANY, 0, 1 << M_PROT16, 0, "neither: far RET whose frame wraps at the end of a 16-bit stack" },
	{ "iret", RAN | STACK_END, 12, ANY, 0, 1 << M_PROT16, 0, "neither: IRET whose frame wraps at the end of a 16-bit stack" },
	/* Vol. 3, 5.8.1: a call to a conforming segment is made with the CPL that there is */
	{ "callfar", AT_KVM | USER | SMAP, 14, ANY, 0, 0, 0, "emulator: far CALL to a conforming segment pushes with its DPL" },
	/* Vol. 4, table 2-2: its upper half is reserved */
	{ "wrmsr", AT_VH | FMASK, ANY, 13, 0, 0, 0, "KVM, emulator: IA32_FMASK takes 64 bits" },
	{ "wrmsr", RAN | FMASK | VH_SHUTDOWN, ANY, NONE, 0, 0, 0, "KVM, emulator: IA32_FMASK takes 64 bits" },
	/* Vol. 3, 20.4: PVI is for protected mode, and STI has the fault there */
	{ NULL, VIRTUAL, 13, ANY, 0, 0, WAY_INTERPRET, "emulator: with CR4.PVI or VME, VIF and VIP no code of CPL 3 is fetched" },
	/* Vol. 3, table 6-2 */
	{ "x87", AT_KVM | AC, 17, ANY, 0, 0, WAY_INTERPRET, "emulator: #AC of FNSAVE that is aligned to its operand size" },
	{ NULL, AC, 17, 14, 0, 0, 0, "emulator: #AC before #PF" },
	{ NULL, AC, 17, 17, D_MEMORY, 0, WAY_INTERPRET, "emulator: #AC before page tables are walked, which sets accessed flags" },
	{ NULL, AC, 17, 13, 0, 0, WAY_INTERPRET, "neither: #AC before #GP or #SS" },
	{ NULL, AC, 17, 12, 0, 0, WAY_INTERPRET, "neither: #AC before #GP or #SS" },
	{ NULL, AC | MMIO, ANY, 17, 0, 0, 0, "KVM: its interpreter does not check alignment" },
	/* Vol. 3, 18.3.1.4: the trap comes behind it, device or not, and behind each iteration. */
	{ NULL, VH_STEP | VH_LEFT, ANY, 1, 0, 0, 0, "KVM: no single-step trap behind an instruction that left for a device" },
	/* Vol. 3, 18.2.5: of what is interpreted as well; of what the processor reads of tables nothing is told */
	{ NULL, VH_DATA | VH_LEFT, ANY, 1, 0, 0, 0, "KVM: no breakpoints on data where it interprets" },
	{ "int", RAN | VH_DATA, ANY, 1, 0, 0, WAY_INTERPRET, "neither: a breakpoint on data in the IDT" },
	{ NULL, KVM_CODE, 1, ANY, 0, 0, 0, "emulator: a breakpoint on an instruction before the interrupt or NMI that waits" },
	/* Vol. 3, 25.4.2: bit 12 of pending debug exceptions is for breakpoints that are enabled */
	{ NULL, VH_DISABLED, ANY, ANY, D_GPR | D_RSP | D_RIP | D_SEGMENTS | D_RFLAGS | D_DR | D_MEMORY, 0, WAY_INTERPRET, "emulator: a breakpoint that is not enabled is pending as one that is" },
	/* Vol. 3, 18.2.3: a condition that is met may be told */
	{ NULL, VH_STEP, 1, 1, D_DR6, 0, 0, "neither: DR6 of a step tells of a breakpoint on the next instruction" },
	{ "task", RAN | VH_STEP, ANY, ANY, 0, 0, 0, "KVM: no single-step trap behind a task switch" },
	/* Vol. 3, 5.3 */
	{ NULL, WRAPS, ANY, 13, 0, 0, 0, "neither: what ends beyond 4 GB may fault or not" },
	{ NULL, WRAPS, ANY, 12, 0, 0, 0, "neither: what ends beyond 4 GB may fault or not" },
	{ NULL, WRAPS | VH_SHUTDOWN, ANY, NONE, 0, 0, 0, "neither: what ends beyond 4 GB may fault or not" },
};

/*
 * Instructions for KVM; entering and leaving the guest are some 10,000 of them. The interpreter walks page tables for each,
 * and while breakpoints are enabled it leaves them to the processor, one for each entry.
 */
#define MUCH_WORK(p)	((p)->debug.dr7 & 0xff ? 12000 : (p)->sregs.cr0 >> 31 ? 15000 : 25000)

static unsigned int way_of(const char *name)
{
	static const char *const names[] = { "ept", "ept0", "real", "interpret" };
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (!strcmp(names[i], name))
			return 1 << i;
	return 0;
}

/* Is instruction @i the one at which @s ended: it faulted, or a trap came behind it? */
static bool ended_at(const struct program *p, const struct state *s, unsigned int i)
{
	uint64_t from = p->code_at + p->start[i];
	uint64_t to = p->code_at + (i + 1 < p->ops ? p->start[i + 1] : p->code_len);

	return s->at >= from && s->at <= to;
}

/* May it have been executed? Behind a branch nobody knows. */
static bool ran(const struct program *p, const struct state *s, unsigned int i)
{
	unsigned int j;

	if (s->end != E_HLT)
		return true;
	for (j = 0; j < p->ops; j++)
		if (p->op[j]->kind == K_BRANCH || p->op[j]->kind == K_FAR || p->op[j]->kind == K_TASK)
			return true;
	return p->code_at + p->start[i] <= s->at || s->at < p->code_at;
}

static bool has_mmio(const struct state *s, bool write)
{
	unsigned int i;

	for (i = 0; i < s->accesses; i++)
		if (!s->access[i].port && (!write || s->access[i].write))
			return true;
	/* What a fault makes open is not in the list. */
	return !write && s->devices;
}

static bool has_kind(const struct program *p, unsigned int kinds)
{
	unsigned int i;

	for (i = 0; i < p->ops; i++)
		if (kinds & 1u << p->op[i]->kind)
			return true;
	return p->bytes && (kinds & 1 << K_BYTES);
}

/* What is executed there goes by flags that its AAS and the like leave undefined. */
static bool in_rom(const struct state *s)
{
	return s->end == E_HLT && s->at >= ROM && s->at < ROM + ROM_SIZE;
}

static bool has_name(const struct program *p, const char *name)
{
	unsigned int i;

	for (i = 0; i < p->ops; i++)
		if (!strcmp(p->op[i]->name, name))
			return true;
	return false;
}

/* It may have gone anywhere. */
static bool wanders(const struct program *p)
{
	return has_kind(p, 1 << K_BRANCH | 1 << K_FAR | 1 << K_BYTES) || has_name(p, "sysexit") || has_name(p, "sysret");
}

/*
 * It went where no instructions were generated: what it has executed there nobody knows. So it is where the frame of the
 * handler that it ended in cannot be read, or does not tell (#DF), and it may have gone anywhere.
 */
static bool strayed(const struct program *p, const struct state *s)
{
	if (s->end == E_SHUTDOWN)
		return wanders(p);
	if (s->vector == 8 || (s->vector >= 0 && s->at == s->sregs.cs.base + s->regs.rip))
		return wanders(p);
	return s->end == E_HLT && (s->at < p->code_at || s->at > p->code_at + p->code_len) &&
	       (s->at < HANDLERS || s->at >= HANDLERS + 0x400 || s->vector < 0);
}

static bool in_group(const struct opcode *op, unsigned int reg)
{
	const char *range = strchr(op->form, '/');

	return range && reg >= range[1] - '0' + 0u && reg <= range[3] - '0' + 0u;
}

/* What instruction @i is: one of a group is generated with another reg field now and then. */
static const char *name_of(const struct program *p, unsigned int i)
{
	const struct opcode *op = p->op[i];
	const uint8_t *c = p->code + p->start[i];
	unsigned int opcode, reg, j;

	if (!op->form || (!strchr(op->form, '/') && op->kind != K_TASK))
		return op->name;
	while (memchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", *c, 11) || (p->mode == M_LONG && (*c & 0xf0) == 0x40))
		c++;
	c += op->map - 1;
	opcode = *c++;
	if (op->kind == K_TASK)
		return opcode == 0xcf ? "iret" : opcode == 0xcd ? "int" : opcode == 0x9a ? "callfar" : "jmpfar";
	reg = *c >> 3 & 7;
	for (j = 0; j < nr_opcodes && !in_group(op, reg); j++)
		if (opcodes[j].map == op->map && opcode >= opcodes[j].first && opcode <= opcodes[j].last &&
		    in_group(&opcodes[j], reg))
			return opcodes[j].name;
	return op->name;
}

/*
 * What faulted there begins where no instruction was generated: it is of random bytes, or a branch led into the middle, or
 * it is the immediate operand of what has none.
 */
static bool nameless(const struct program *p, const struct state *s)
{
	unsigned int i;

	for (i = 0; i < p->ops; i++)
		if (s->at == p->code_at + p->start[i])
			return false;
	for (i = 0; i < p->ops; i++)
		if (p->op[i]->kind != K_TASK && strcmp(name_of(p, i), p->op[i]->name))
			return s->vector >= 0;
	return s->vector >= 0 && wanders(p);
}

/* Is there @prefix, 66 or 67, before instruction @i, or its effect in a 16-bit segment without it? */
static bool is_short(const struct program *p, unsigned int i, uint8_t prefix)
{
	const uint8_t *c = p->code + p->start[i];
	bool found = false;

	for (; memchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", *c, 11); c++)
		found |= *c == prefix;
	return p->mode <= M_PROT16 ? !found : p->mode == M_LONG && prefix == 0x67 ? false : found;
}

static bool has_short(const struct program *p, const char *name, uint8_t prefix)
{
	unsigned int i;

	for (i = 0; i < p->ops; i++)
		if (!strcmp(p->op[i]->name, name) && is_short(p, i, prefix))
			return true;
	return has_kind(p, 1 << K_BYTES | 1 << K_BRANCH | 1 << K_FAR);
}

static bool names_it(const struct rule *r, const struct program *p, const struct state *kvm, const struct state *vh)
{
	unsigned int i;

	if (!r->name || ((r->where & RAN) && strayed(p, kvm) && strayed(p, vh)) ||
	    ((r->where & AT_KVM) && nameless(p, kvm)) || ((r->where & AT_VH) && nameless(p, vh)))
		return true;
	for (i = 0; i < p->ops; i++) {
		if (strcmp(p->op[i]->name, r->name) && strcmp(name_of(p, i), r->name))
			continue;
		if (((r->where & AT_KVM) && ended_at(p, kvm, i)) || ((r->where & AT_VH) && ended_at(p, vh, i)) ||
		    ((r->where & RAN) && (ran(p, kvm, i) || ran(p, vh, i))))
			return true;
	}
	return false;
}

static bool vector_is(int wanted, const struct state *s)
{
	return wanted == ANY || wanted == s->vector;
}

static bool wraps(const struct state *kvm, const struct state *vh)
{
	return kvm->top || vh->top || kvm->sregs.cr2 >= 0xffffff80;
}

/* It has changed page tables by which it runs. */
static bool rewrote_tables(const struct program *p, const struct state *s)
{
	unsigned int i;
	uint64_t was;

	for (i = 0; i < s->words && p->sregs.cr0 >> 31; i++) {
		memcpy(&was, fresh_ram + s->word[i].at, 8);
		if (s->word[i].at >= PD32 && s->word[i].at < TABLES_END && (was ^ s->word[i].value) & ~0x6000000060ull)
			return true;
	}
	return false;
}

/* A conversion of one number with VEX.L or EVEX.L'L (Vol. 2, CVTSI2SD: not to be relied upon). */
static bool long_scalar(const struct program *p, const struct state *s)
{
	const uint8_t *c = p->code + (s->at - p->code_at);

	return s->at >= p->code_at && s->at + 6 < p->code_at + p->code_len && c[0] == 0xc4 && (c[1] & 31) == 1 && c[2] & 4 && c[2] & 2 &&
	       (c[3] == 0x2a || c[3] == 0x2c || c[3] == 0x2d);
}

/* A task was left, and nobody made one to switch to. */
static bool switched(const struct program *p, const struct state *s)
{
	unsigned int i;

	for (i = 0; i < s->words && !p->task; i++)
		if (s->word[i].at >= TSS32 + 0x20 && s->word[i].at < TSS32 + 0x60)
			return p->mode >= M_PROT16 && p->mode <= M_PAE;
	return false;
}

/* Is it @bytes that are at linear address @at of its code? With a mask for each. */
static bool is_there(const struct program *p, uint64_t at, const char *bytes, const char *masks, unsigned int n)
{
	unsigned int i;

	if (at < p->code_at || at + n > p->code_at + p->code_len)
		return false;
	for (i = 0; i < n; i++)
		if ((p->code[at - p->code_at + i] & (uint8_t)masks[i]) != (uint8_t)bytes[i])
			return false;
	return true;
}

/* INVPCID by a register of 64 bits, of which the lower 32 are a type, and all of them are none. */
static bool is_wide_invpcid(const struct program *p, uint64_t at)
{
	/* as ModRM counts them */
	const uint64_t gpr[16] = { p->regs.rax, p->regs.rcx, p->regs.rdx, p->regs.rbx, p->regs.rsp, p->regs.rbp, p->regs.rsi,
				   p->regs.rdi, p->regs.r8, p->regs.r9, p->regs.r10, p->regs.r11, p->regs.r12, p->regs.r13,
				   p->regs.r14, p->regs.r15 };
	unsigned int reg = 0;

	if (p->mode != M_LONG)
		return false;
	for (; at < p->code_at + p->code_len && !is_there(p, at, "\x0f\x38\x82", "\xff\xff\xff", 3); at++)
		reg = is_there(p, at, "\x44", "\xf4", 1) ? 8 : 0;
	if (at + 3 >= p->code_at + p->code_len || at < p->code_at)
		return false;
	reg |= p->code[at + 3 - p->code_at] >> 3 & 7;
	return gpr[reg] >> 32 && (uint32_t)gpr[reg] <= 3;
}

/* Random bytes that go by an overflow flag which BCD arithmetic left undefined (Vol. 2, DAS, AAM and others). */
static bool undefined_overflow(const struct program *p)
{
	bool undefined = false;
	unsigned int i;

	for (i = 0; p->bytes && i + 1 < p->code_len; i++) {
		const uint8_t *c = p->code + i;

		if (memchr("\x27\x2f\x37\x3f\xd4\xd5", c[0], 6))
			undefined = true;
		else if (undefined && ((c[0] & 0xfe) == 0x70 || (c[0] == 0x0f && memchr("\x40\x80\x90", c[1] & 0xfe, 3))))
			return true;
	}
	return false;
}

/* It may be met by each iteration of a string instruction, which is one of its own then, as those that go down are. */
static bool data_breakpoint(const struct program *p)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		if ((p->debug.dr7 >> 2 * i & 3) && (p->debug.dr7 >> (16 + 4 * i) & 3))
			return true;
	return false;
}

/* A #DB that nothing in DR6 explains, nor an INT1, while another breakpoint than the one that was met is enabled. */
static bool disabled_breakpoint(const struct program *p, const struct state *s)
{
	bool another = false, elsewhere = s->vector >= 0 && s->vector != 1;
	unsigned int i;

	for (i = 0; i < 4; i++)
		another |= !(s->debug.dr7 >> 2 * i & 3) && (s->debug.dr7 >> (16 + 4 * i) & 1);
	if (!elsewhere && (has_name(p, "int1") || has_kind(p, 1 << K_BYTES | 1 << K_BRANCH | 1 << K_FAR)))
		return false;
	return another && (s->debug.dr7 & 0xff) && !(s->debug.dr6 & 0xe00f) && s->vector >= 0 &&
	       s->sregs.cs.base + s->regs.rip == HANDLERS + 4 * 1 + 1;
}

/* Beneath the frame of a fault, of 16 bytes, on the same stack. */
static bool faulted_at_end(const struct program *p, const struct state *s)
{
	return s->vector == 12 && s->sregs.ss.selector == p->sregs.ss.selector && ((s->regs.rsp + 16) & 0xffff) >= 0xfff0;
}

/* Its error code is made of HLTs: they are at CODE, which is 64 KB, and where segments begin. */
static bool filler(const struct state *s)
{
	uint64_t at = s->regs.rsp + (s->sregs.efer & 0x400 ? 0 : s->sregs.ss.base), code = 0;
	unsigned int i;

	for (i = 0; i < s->words; i++)
		if (s->word[i].at == (at & ~7ull))
			code = s->word[i].value >> 8 * (at & 7);
	return s->vector == 13 && ((code & 0xff) == 0xf4 || (code >> 8 & 0xff) == 0xf4);
}

static bool wrote_zero(const struct state *s)
{
	return s->words && s->word[0].at < 8;
}

static bool fits(const struct rule *r, const struct program *p, const struct state *kvm, const struct state *vh,
		 unsigned int differs, unsigned int way)
{
	if (!vector_is(r->kvm, kvm) || !vector_is(r->vh, vh))
		return false;
	if ((r->only && (differs & ~r->only)) || (r->modes && !(r->modes & 1 << p->mode)) || (r->ways && !(r->ways & way)))
		return false;
	if ((r->where & MMIO) && !has_mmio(kvm, false) && !has_mmio(vh, false))
		return false;
	if ((r->where & MMIO_WRITE) && !has_mmio(kvm, true) && !has_mmio(vh, true))
		return false;
	if ((r->where & VH_STEP) && !(vh->debug.dr6 & 0x4000))
		return false;
	if (((r->where & VH_LEFT) && !vh->devices) || ((r->where & VH_MORE) && vh->devices <= kvm->devices) ||
	    ((r->where & KVM_MORE) && kvm->devices <= vh->devices))
		return false;
	if ((r->where & AC) && !(p->cpl == 3 && (p->sregs.cr0 & 0x40000)))
		return false;
	if ((r->where & USER) && p->cpl != 3)
		return false;
	if ((r->where & NO_COUNT) && (p->regs.rcx & 0xffff) && (kvm->regs.rcx & 0xffff))
		return false;
	if ((r->where & WRAPS) && (p->mode == M_LONG || !wraps(kvm, vh)))
		return false;
	if ((r->where & STACK_END) && (p->regs.rsp & 0xffff) < 0xfff0 && !faulted_at_end(p, kvm))
		return false;
	if ((r->where & STACK_START) && (p->regs.rsp & 0xffff) >= 16)
		return false;
	if ((r->where & VH_FAULTS) && !(vh->vector >= 12 && vh->vector <= 14) && vh->vector != 17)
		return false;
	if ((r->where & X87_PENDING) && (!(kvm->fpu.sw & 0x80) || (vh->fpu.sw & 0x80)))
		return false;
	if ((r->where & NMI_SHADOW) && !(p->nmi && (p->shadow & KVM_X86_SHADOW_INT_MOV_SS)))
		return false;
	if ((r->where & NMI_EARLY) && !(p->nmi && (p->shadow & KVM_X86_SHADOW_INT_MOV_SS) && kvm->at == p->code_at && !(vh->vector == 2 && vh->at == p->code_at)))
		return false;
	if ((r->where & NMI_AT) && !p->nmi_at)
		return false;
	if ((r->where & IRQ_SHADOW) && !(p->irq && p->shadow && kvm->vector == p->irq && kvm->at == p->code_at))
		return false;
	if ((r->where & VH_DATA) && !((vh->debug.dr6 & 15) && data_breakpoint(p)))
		return false;
	if ((r->where & KVM_CODE) && !((kvm->debug.dr6 & 15) && ((p->irq && vh->vector == p->irq) || (p->nmi && vh->vector == 2))))
		return false;
	if ((r->where & VH_DISABLED) && !disabled_breakpoint(p, vh))
		return false;
	if ((r->where & BEYOND) && !(filler(kvm) || filler(vh)))
		return false;
	if ((r->where & VME) && !(p->sregs.cr4 & 1))
		return false;
	if ((r->where & SHORT_ADDRESS) && !has_short(p, r->name, 0x67))
		return false;
	if ((r->where & VH_SHUTDOWN) && vh->end != E_SHUTDOWN)
		return false;
	if ((r->where & VH_FRAME) && !(vh->vector >= 0 && vh->at == vh->sregs.cs.base + vh->regs.rip && has_mmio(vh, true)))
		return false;
	if ((r->where & AT_ZERO) && !wrote_zero(kvm) && !wrote_zero(vh))
		return false;
	if ((r->where & BYTES) && !p->bytes)
		return false;
	if ((r->where & SMAP) && !(kvm->sregs.cr4 & 1 << 21))
		return false;
	if ((r->where & FMASK) && (uint32_t)vh->regs.rcx != 0xc0000084 && !(vh->end == E_SHUTDOWN && kvm->msr[6] >> 32))
		return false;
	if ((r->where & VIRTUAL) && (!(kvm->sregs.cr4 & 3) || (~kvm->regs.rflags & 0x180000)))
		return false;
	return names_it(r, p, kvm, vh);
}

const char *known(const struct program *p, const struct state *kvm, const struct state *vh, unsigned int differs,
		  const char *way)
{
	unsigned int i;

	/* SDM Vol. 3, 12.1.3: not before a jump; the processor need not fetch it anew for each iteration. */
	if (kvm->wrote_code || vh->wrote_code)
		return "neither: a program that writes to its own code";
	/* Vol. 3, 4.10.2, Vol. 2, INS: when it sees what it has written over is the processor's affair. */
	if (kvm->end == E_SHUTDOWN && vh->end == E_SHUTDOWN && has_kind(p, 1 << K_STRING | 1 << K_BYTES))
		return "neither: a string instruction that overwrites the tables by which it runs";
	/* Vol. 3, 4.10.4.2: until they are invalidated, which are used is open. */
	if ((kvm->end == E_SHUTDOWN || vh->end == E_SHUTDOWN || kvm->vector == 14 || vh->vector == 14) &&
	    (rewrote_tables(p, kvm) || rewrote_tables(p, vh)))
		return "neither: a program that changes the tables by which it runs";
	if ((kvm->vector == 6 && long_scalar(p, kvm)) || (vh->vector == 6 && long_scalar(p, vh)))
		return "neither: a conversion of a scalar with VEX.L";
	/* Vol. 2, ENTER: the operand size is that of what is pushed */
	if (has_name(p, "enter") && has_short(p, "enter", 0x66) && (uint16_t)(vh->regs.rbp - kvm->regs.rbp) == 2 && !(differs & ~(D_GPR | D_RSP | D_MEMORY)))
		return "KVM: ENTER of 16 bits pushes 32 where it interprets";
	/* Into how many an access to a device is cut is not architectural. */
	if (p->nmi_at && (kvm->devices < p->nmi_at) != (vh->devices < p->nmi_at) && !(differs & D_ACCESSES))
		return "neither: an NMI with a piece of an access that one of them does not make";
	if (vh->end == E_ERROR && vh->detail == KVM_INTERNAL_ERROR_DELIVERY_EV &&
	    (p->nmi || p->nmi_at || p->irq || kvm->sregs.idt.base >= RAM || (p->mode >= M_COMPAT && !p->cpl && has_name(p, "int1"))))
		return "vh: an event whose frame or gate is in a device";
	/* Vol. 3, 10.9: an IDT of real mode is none in protected mode, where vh does not deliver by software at CPL 3 */
	if (vh->end == E_ERROR && vh->detail == KVM_INTERNAL_ERROR_DELIVERY_EV && kvm->end == E_SHUTDOWN && p->mode == M_REAL)
		return "vh: an exception behind a change of mode, in a state that cannot be entered";
	/* Vol. 3, 7.3: the new task's segments are checked */
	if (switched(p, kvm) && switched(p, vh) && (has_kind(p, 1 << K_FAR | 1 << K_BYTES)))
		return "KVM: a switch to a task that faults";
	/* Tens of thousands of instructions, one by one, take longer than even LONG_PATIENCE: what took KVM no time must not. */
	if (vh->end == E_LOOP && kvm->work > MUCH_WORK(p) && (way_of(way) == WAY_INTERPRET || (p->mode == M_REAL && way_of(way) != WAY_EPT)) &&
	    has_kind(p, 1 << K_STRING | 1 << K_BRANCH | 1 << K_FAR | 1 << K_SYSTEM | 1 << K_BYTES))
		return "vh: it takes its time";
	if ((vh->end == E_LIMIT || vh->end == E_LOOP) && (data_breakpoint(p) || (p->regs.rflags & 0x400)) &&
	    has_kind(p, 1 << K_STRING | 1 << K_BYTES))
		return "vh: it takes its time";
	if (p->bytes && (uint32_t)p->regs.rcx == 0x10 && !(differs & ~(D_GPR | D_ACCESSES | D_RFLAGS | D_MEMORY)))
		return "neither: a time-stamp counter that is read by RDMSR";
	if (!(differs & ~D_GPR) && memmem(p->code, p->code_len, "\x0f\x01\xf9", 3))
		return "neither: a time-stamp counter that is read by RDTSCP";
	/* Vol. 3, table 6-2: what is no instruction is found when it is decoded (Vol. 2, MOV: DR8 to DR15 are none) */
	if (kvm->vector == 13 && vh->vector == 6 && kvm->at == vh->at && p->mode == M_LONG && p->cpl == 3 &&
	    is_there(p, kvm->at, "\x44\x0f\x21", "\xf4\xff\xfd", 3))
		return "emulator: MOV of DR8 in user code is #GP before it is #UD";
	/* Vol. 2, INVPCID: in 64-bit mode the type is of 64 bits */
	if (way_of(way) != WAY_EPT && vh->vector == 13 && vh->at != kvm->at && is_wide_invpcid(p, vh->at))
		return "emulator: INVPCID takes 32 bits of its type";
	/* Vol. 2, MOVD: VEX.W is ignored there */
	if (kvm->vector == 6 && p->mode != M_LONG && way_of(way) == WAY_INTERPRET &&
	    is_there(p, kvm->at, "\xc4\x01\x81\x6e", "\xff\x1f\x83\xef", 4))
		return "emulator: VEX.W of VMOVD outside 64-bit mode";
	/* Vol. 2, A.3: 0F 01 D9 is nothing */
	if (vh->vector == 6 && is_there(p, vh->at, "\x0f\x01\xd9", "\xff\xff\xff", 3))
		return "KVM: has hypercalls of its own";
	if (undefined_overflow(p) || ((way_of(way) == WAY_INTERPRET || p->mode == M_REAL) && in_rom(kvm) && in_rom(vh)))
		return "neither: a condition by a flag that is undefined";
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (fits(&rules[i], p, kvm, vh, differs, way_of(way)))
			return rules[i].why;
	return NULL;
}
