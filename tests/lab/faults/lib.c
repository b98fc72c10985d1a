/* SPDX-License-Identifier: GPL-2.0-only */
/* Output, results, interrupts, local APIC. */
#include "lib.h"

#define COM1	0x3f8

volatile u32 count[256];
volatile u32 count_total;
bool (*on_interrupt)(struct frame *frame);
volatile unsigned long fault_resume;
volatile u32 fault_error;

#ifdef __x86_64__
static struct {
	u16 offset0, selector;
	u8 ist, type;
	u16 offset1;
	u32 offset2, reserved;
} idt[256] __page;
#define CODE	0x08
#else
static struct {
	u16 offset0, selector;
	u8 reserved, type;
	u16 offset1;
} idt[256] __page;
#define CODE	0x18
#endif

extern char vectors[], ap_start[];

void *memset(void *to, int value, unsigned long size)
{
	for (u8 *p = to; size--; )
		*p++ = value;
	return to;
}

void *memcpy(void *to, const void *from, unsigned long size)
{
	const u8 *f = from;

	for (u8 *p = to; size--; )
		*p++ = *f++;
	return to;
}

static void put(char c)
{
	while (!(in8(COM1 + 5) & 0x20))
		;
	out8(COM1, c);
}

static void puts(const char *s)
{
	while (*s)
		put(*s++);
}

static void put_number(u64 value, bool hex)
{
	char digits[24], *p = digits + sizeof(digits) - 1;
	u32 low = value;

	*p = 0;
	if (hex) {
		do {
			*--p = "0123456789abcdef"[value & 15];
			value >>= 4;
		} while (value);
	} else {
		/* 32 bits will do: a division must not decide what a test of division says. */
		do {
			u32 tens = 0;

			while (low >= 10 * (u64)(tens + 1) && tens < 999)
				tens++;
			*--p = '0' + (low - 10 * tens) % 10;
			low = tens;
		} while (low);
	}
	puts(p);
}

/* %s, %d (small), %x, %llx */
static void vprint(const char *format, va_list list)
{
	for (; *format; format++) {
		if (*format != '%') {
			put(*format);
			continue;
		}
		switch (*++format) {
		case 's':
			puts(va_arg(list, const char *));
			break;
		case 'd':
		case 'u':
			put_number(va_arg(list, u32), false);
			break;
		case 'x':
			put_number(va_arg(list, u32), true);
			break;
		case 'l':
			format += 2;
			put_number(va_arg(list, u64), true);
			break;
		}
	}
}

static void __noreturn end(void)
{
	while (!(in8(COM1 + 5) & 0x40))		/* until the line is empty */
		;
	for (const char *p = "Shutdown"; *p; p++)
		out8(0x8900, *p);
	for (;;)
		asm volatile("cli; hlt");
}

void pass(void)
{
	puts("ok " NAME "\n");
	end();
}

void fail(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	puts("not ok " NAME ": ");
	vprint(format, list);
	puts("\n");
	end();
}

void skip(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	puts("skip " NAME ": ");
	vprint(format, list);
	puts("\n");
	end();
}

void interrupt(struct frame *frame)
{
	u32 vector = frame->vector & 0xff;

	count[vector]++;
	count_total++;
	fault_error = frame->error;
	if (on_interrupt && on_interrupt(frame))
		return;
	if (vector >= 32)
		return;
	if (!fault_resume)
		fail("exception %u, error code 0x%x, at 0x%llx", vector, (u32)frame->error,
		     (unsigned long long)frame->ip);
	frame->ip = fault_resume;
	fault_resume = 0;
}

void load_idt(void)
{
	struct {
		u16 limit;
		unsigned long base;
	} __attribute__((packed)) pointer = { sizeof(idt) - 1, (unsigned long)idt };

	asm volatile("lidt %0" : : "m"(pointer));
}

static void make_idt(void)
{
	for (u32 i = 0; i < 256; i++) {
		unsigned long entry = (unsigned long)vectors + 16 * i;

		idt[i].offset0 = entry;
		idt[i].selector = CODE;
		idt[i].type = 0x8e;
		idt[i].offset1 = entry >> 16;
	}
	load_idt();
}

void apic_on(void)
{
	out8(0x21, 0xff);
	out8(0xa1, 0xff);
	*apic(APIC_SVR) = 0x100 | SPURIOUS;
	*apic(APIC_TPR) = 0;
}

void apic_timer(u8 vector, u32 ticks)
{
	*apic(APIC_DIVIDE) = 0xb;		/* by 1 */
	*apic(APIC_LVT_TIMER) = vector;
	*apic(APIC_TIMER) = ticks;
}

void start_ap(void)
{
	*apic(APIC_ICR2) = 1 << 24;
	*apic(APIC_ICR) = 0x4500;		/* INIT */
	for (volatile int i = 0; i < 1000; i++)
		;
	*apic(APIC_ICR2) = 1 << 24;
	*apic(APIC_ICR) = 0x4600 | (unsigned long)ap_start >> 12;
}

__attribute__((weak)) void ap_main(void)
{
	for (;;)
		asm volatile("cli; hlt");
}

void main(void)
{
	out8(COM1 + 1, 0);			/* no interrupts; 115200 8N1 */
	out8(COM1 + 3, 0x83);
	out8(COM1, 1);
	out8(COM1 + 1, 0);
	out8(COM1 + 3, 3);
	make_idt();
	test();
	pass();
}
