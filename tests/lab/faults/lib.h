/* SPDX-License-Identifier: GPL-2.0-only */
/* What every test uses. A test is a function test(); see pae-readonly.c for a short one. */
#ifndef FAULTS_LIB_H
#define FAULTS_LIB_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define PAGE		4096
#define __page		__attribute__((aligned(PAGE)))
#define __noreturn	__attribute__((noreturn))

#define DE	0
#define UD	6
#define GP	13
#define PF	14

void test(void);
/* Prints "ok NAME" and ends the emulator; test() may also just return. */
void pass(void) __noreturn;
/* "not ok NAME: ...": what the machine gave, and what it should have. */
void fail(const char *format, ...) __noreturn __attribute__((format(printf, 1, 2)));
/* "skip NAME: ...": this machine does not have it. */
void skip(const char *format, ...) __noreturn __attribute__((format(printf, 1, 2)));

#define expect(got, want, what) do {						\
	u64 got_ = (got), want_ = (want);					\
										\
	if (got_ != want_)							\
		fail("%s is 0x%llx, not 0x%llx", what, (unsigned long long)got_,	\
		     (unsigned long long)want_);				\
} while (0)

/* What the entries of start.S leave on the stack. */
struct frame {
#ifdef __x86_64__
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	u64 vector, error, ip, cs, flags, sp, ss;
#else
	u32 edi, esi, ebp, esp, ebx, edx, ecx, eax;
	u32 vector, error, ip, cs, flags;
#endif
};

/*
 * Interrupts and exceptions are counted. One that on_interrupt does not take (returns false), and
 * fault_resume does not, is an exception of the test itself: it fails.
 */
extern volatile u32 count[256];
extern volatile u32 count_total;
extern bool (*on_interrupt)(struct frame *frame);
/* Where the next exception is to go on, once; its error code is left in fault_error. */
extern volatile unsigned long fault_resume;
extern volatile u32 fault_error;
void load_idt(void);

/*
 * Runs instructions of which one may have an exception; it then goes on behind them. What it was
 * is in count[].
 */
#ifdef __x86_64__
#define MAY_FAULT(code)								\
	"movq $9f, fault_resume\n\t" code "\n9:\tmovq $0, fault_resume\n\t"
#else
#define MAY_FAULT(code)								\
	"movl $9f, fault_resume\n\t" code "\n9:\tmovl $0, fault_resume\n\t"
#endif

static inline void out8(u16 port, u8 value)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline u8 in8(u16 port)
{
	u8 value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline u64 rdmsr(u32 index)
{
	u32 low, high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
	return low | (u64)high << 32;
}

static inline void wrmsr(u32 index, u64 value)
{
	asm volatile("wrmsr" : : "a"((u32)value), "d"((u32)(value >> 32)), "c"(index) : "memory");
}

struct cpuid {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(u32 leaf, u32 index)
{
	struct cpuid r;

	asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(index));
	return r;
}

#define read_reg(name) ({							\
	unsigned long value_;							\
	asm volatile("mov %%" name ", %0" : "=r"(value_));			\
	value_;									\
})
#define write_reg(name, value)							\
	asm volatile("mov %0, %%" name : : "r"((unsigned long)(value)) : "memory")

/* The local APIC, in xAPIC mode. */
#define APIC_ID		0x020
#define APIC_TPR	0x080
#define APIC_PPR	0x0a0
#define APIC_EOI	0x0b0
#define APIC_SVR	0x0f0
#define APIC_ISR	0x100
#define APIC_IRR	0x200
#define APIC_ICR	0x300
#define APIC_ICR2	0x310
#define APIC_LVT_TIMER	0x320
#define APIC_TIMER	0x380
#define APIC_DIVIDE	0x3e0
#define SPURIOUS	0xff
#define SELF		0x40000		/* the ICR's shorthand */

static inline volatile u32 *apic(u32 offset)
{
	return (volatile u32 *)(0xfee00000ul + offset);
}

/* Enables the local APIC and masks both PICs. */
void apic_on(void);
/* One interrupt after that many instructions, about. */
void apic_timer(u8 vector, u32 ticks);

/* Starts the second CPU at ap_main(). */
void start_ap(void);
void ap_main(void);

void *memset(void *to, int value, unsigned long size);
void *memcpy(void *to, const void *from, unsigned long size);

#endif
