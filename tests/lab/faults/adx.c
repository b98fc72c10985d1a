/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 2, ADCX and ADOX: the sum of destination, source and one flag (CF; OF), into which the
 * carry goes; the other flags stay.
 *
 * Bochs 2.7 says that ADOX of a register has a carry where it has none.
 */
#include "lib.h"

void test(void)
{
	static const u64 values[] = { 0, 1, 2, 0x7fffffffffffffff, 0x8000000000000000, ~0ull - 1, ~0ull };
	const u32 n = sizeof(values) / sizeof(*values);

	if (!(cpuid(7, 0).ebx & 1u << 19))
		skip("no ADX");
	for (u32 i = 0; i < n * n * 2; i++) {
		u64 a = values[i / 2 % n], b = values[i / 2 / n], c = a, o = a, flags;
		u32 in = i & 1;
		bool carry = a + b < a || (in && a + b == ~0ull);

		/* the flag that counts is @in, the other its opposite */
		asm volatile("pushfq\n\tpopq %1\n\tandq $~0x801, %1\n\torq %3, %1\n\tpushq %1\n\tpopfq\n\t"
			     "adcx %2, %0\n\tpushfq\n\tpopq %1"
			     : "+r"(c), "=&r"(flags) : "r"(b), "r"((u64)(in ? 1 : 0x800)) : "cc", "memory");
		expect(c, a + b + in, "ADCX");
		expect(flags & 0x801, (carry ? 1 : 0) | (in ? 0 : 0x800), "CF and OF behind ADCX");
		asm volatile("pushfq\n\tpopq %1\n\tandq $~0x801, %1\n\torq %3, %1\n\tpushq %1\n\tpopfq\n\t"
			     "adox %2, %0\n\tpushfq\n\tpopq %1"
			     : "+r"(o), "=&r"(flags) : "r"(b), "r"((u64)(in ? 0x800 : 1)) : "cc", "memory");
		expect(o, a + b + in, "ADOX");
		expect(flags & 0x801, (carry ? 0x800 : 0) | (in ? 0 : 1), "CF and OF behind ADOX");
	}
}
