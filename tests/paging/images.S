/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest, built for 64-bit and for 32-bit code, as data of the host program. */
	.section .rodata
	.globl	guest64, guest64_end, guest32, guest32_end
	.balign	16
guest64:
	.incbin	IMAGE64
guest64_end:
	.balign	16
guest32:
	.incbin	IMAGE32
guest32_end:
	.section .note.GNU-stack, "", @progbits
