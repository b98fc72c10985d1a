/* SPDX-License-Identifier: GPL-2.0-only */
/* The flat guest image named by IMAGE, as data of the host program. */
	.section .rodata
	.globl	guest_image, guest_image_end
	.balign	16
guest_image:
	.incbin	IMAGE
guest_image_end:
	.section .note.GNU-stack, "", @progbits
