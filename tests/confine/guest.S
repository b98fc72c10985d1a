/* SPDX-License-Identifier: GPL-2.0-only */
/* guest.S - a small kernel: says that it runs, and halts for ever, or, with OFF, powers off. */
	.section .note, "a", @note
	.long 4, 4, 18			/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long start
	.text
	.code32
	.globl start
start:	mov $0x3f8, %dx
	mov $'r', %al
	out %al, %dx			/* it has run */
	mov $'\n', %al
	out %al, %dx
#ifdef OFF
	mov $0x604, %dx			/* PM1 control: SLP_EN, and S5 (pm.c) */
	mov $0x3400, %ax
	out %ax, %dx
#endif
1:	hlt
	jmp 1b
