/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests for the memory tests, 32-bit without paging. Each round ends by an
 * OUT to port 0x10.
 */
	.section .header, "a"
	.ascii	"vhabi\0\0\0"

	.macro	ENTRY name
	.section .header, "a"
98:	.ascii	"\name"
	.org	98b + 12
	.long	entry_\name
	.section .text
	.code32
entry_\name:
	.endm

	/* increments the first word of ECX pages from ESI */
	ENTRY	touch
1:	mov	%esi, %edi
	mov	%ecx, %edx
2:	incl	(%edi)
	add	$0x1000, %edi
	dec	%edx
	jnz	2b
	out	%al, $0x10
	jmp	1b

	/* the same without ever leaving: the host watches the memory */
	ENTRY	spin
	sti
1:	mov	%esi, %edi
	mov	%ecx, %edx
2:	incl	(%edi)
	add	$0x1000, %edi
	dec	%edx
	jnz	2b
	jmp	1b

	/* reads a word every ESI bytes from 4 MiB on, ECX of them; then writes CR3 for ever */
	ENTRY	switches
	mov	$0x400000, %edi
1:	mov	(%edi), %eax
	add	%esi, %edi
	dec	%ecx
	jnz	1b
	out	%al, $0x10
2:	mov	%cr3, %eax
	mov	%eax, %cr3
	jmp	2b

	/* as spin, but to pages in no order; ECX is a power of 2 */
	ENTRY	scatter
	sti
	rdtsc
	mov	%eax, %ebx
	dec	%ecx
1:	imul	$1664525, %ebx
	add	$1013904223, %ebx
	mov	%ebx, %edi
	shr	$8, %edi
	and	%ecx, %edi
	shl	$12, %edi
	incl	(%esi,%edi)
	jmp	1b

	/*
	 * Each page but the first in turn is where the stack of an INT 0x20 or
	 * a #UD begins; EAX: how many arrived. What comes first goes to the
	 * start of a page: bochs 2.7 logs the offset as well, and KVM warns of it.
	 */
	ENTRY	stacks
1:	mov	%esi, %edi
	mov	%ecx, %edx
	xor	%eax, %eax
	incl	(%edi)
	dec	%edx
2:	add	$0x1000, %edi
	lea	4(%edi), %esp
	int	$0x20
	dec	%edx
	jz	3f
	add	$0x1000, %edi
	lea	4(%edi), %esp
	ud2
	dec	%edx
	jnz	2b
3:	out	%eax, $0x10
	jmp	1b

	/* where its gates go: INT 0x20, #UD */
	ENTRY	on_int
	inc	%eax
	iret

	ENTRY	on_ud
	inc	%eax
	addl	$2, (%esp)
	iret

	/* takes no interrupts for ESI ticks of its TSC, then takes them for ECX */
	ENTRY	deaf
	cli
	rdtsc
	mov	%eax, %ebx
1:	pause
	rdtsc
	sub	%ebx, %eax
	cmp	%esi, %eax
	jb	1b
	sti
	rdtsc
	mov	%eax, %ebx
2:	pause
	rdtsc
	sub	%ebx, %eax
	cmp	%ecx, %eax
	jb	2b
	cli
	out	%al, $0x10
	jmp	entry_deaf

	/* a word from a device to memory by one instruction, which is emulated */
	ENTRY	device
1:	mov	%esi, %edi
	push	%esi
	mov	$0xd0000000, %esi
	cld
	movsl
	pop	%esi
	out	%al, $0x10
	jmp	1b

	/* ECX words, numbered from 1, all to ESI */
	ENTRY	stores
1:	xor	%eax, %eax
2:	inc	%eax
	mov	%eax, (%esi)
	cmp	%ecx, %eax
	jb	2b
	out	%al, $0x10
	jmp	1b

	/* the same to a port, in bytes */
	ENTRY	outs
	mov	%esi, %edx
1:	xor	%eax, %eax
2:	inc	%eax
	out	%al, %dx
	cmp	%ecx, %eax
	jb	2b
	out	%al, $0x10
	jmp	1b

	/* EAX: sum of the first words */
	ENTRY	sum
1:	mov	%esi, %edi
	mov	%ecx, %edx
	xor	%eax, %eax
2:	add	(%edi), %eax
	add	$0x1000, %edi
	dec	%edx
	jnz	2b
	out	%eax, $0x10
	jmp	1b

	/* an exit of every second kind, for ever */
	ENTRY	mixed
1:	incl	(%esi)
	xor	%eax, %eax
	cpuid
	out	%al, $0x10
	mov	%eax, 0xd0000000
	mov	$0x1a0, %ecx
	rdmsr
	pause
	mov	%cr0, %eax
	mov	%eax, %cr0
	add	$0x1000, %esi
	and	$0xfffff, %esi
	or	$0x80000, %esi
	jmp	1b

	ENTRY	halt
	hlt
	jmp	entry_halt

	/*
	 * Interrupts, counted by the handlers that apicv.c makes. The APIC is
	 * switched on, its 8259 input off.
	 */
	.macro	APIC_ON
	movl	$0x1ff, 0xfee000f0
	movl	$0x10000, 0xfee00350
	.endm

	ENTRY	irq_spin
	APIC_ON
	sti
1:	incl	(%esi)
	jmp	1b

	ENTRY	irq_pause
	APIC_ON
	sti
1:	pause
	incl	(%esi)
	jmp	1b

	ENTRY	irq_halt
	APIC_ON
	sti
1:	incl	(%esi)
	hlt
	jmp	1b

	/* in userspace most of the time */
	ENTRY	irq_exit
	APIC_ON
	sti
1:	out	%al, $0x10
	incl	(%esi)
	jmp	1b

	ENTRY	irq_closed
	APIC_ON
1:	out	%al, $0x10
	jmp	1b

	/* ECX IPIs to APIC id 1, eight vectors in turn; each is waited for at its counter */
	ENTRY	irq_ipis
	APIC_ON
	sti
	mov	%ecx, %ebp
	xor	%edi, %edi
1:	mov	%edi, %ebx
	and	$7, %ebx
	mov	%edi, %edx
	shr	$3, %edx
	movl	$0x01000000, 0xfee00310
	lea	0x50(%ebx), %eax
	mov	%eax, 0xfee00300
2:	cmp	%edx, 0x60140(, %ebx, 4)
	jbe	2b
	inc	%edi
	cmp	%ebp, %edi
	jb	1b
	out	%al, $0x11
	hlt

	/* a handler that leaves at 0x70010 what its EOI took */
	ENTRY	on_eoi
	push	%eax
	push	%edx
	push	%ecx
	rdtsc
	mov	%eax, %ecx
	movl	$0, 0xfee000b0
	rdtsc
	sub	%ecx, %eax
	mov	%eax, 0x70010
	pop	%ecx
	pop	%edx
	pop	%eax
	iret

	/* a handler of two levels: 0x60 ends, then what it had interrupted */
	ENTRY	on_nest
	out	%al, $0x11
	movl	$0, 0xfee000b0
	out	%al, $0x11
	sti
	nop
	cli
	out	%al, $0x11
	movl	$0, 0xfee000b0
	out	%al, $0x11
	iret

	/*
	 * Pages that come late (apf.c). The sum of ECX words, a page apart from ESI, goes to 0x7001c; 0x70018: it is done.
	 * An interrupt may come at any time, if it may at the start.
	 */
	ENTRY	late
	APIC_ON
	mov	%esi, %edi
	mov	%ecx, %edx
	xor	%eax, %eax
1:	add	(%edi), %eax
	add	$0x1000, %edi
	dec	%edx
	jnz	1b
	mov	%eax, 0x7001c
	incl	0x70018
2:	pause
	jmp	2b

	/* #PF, "not present": its token, the area's flags, how many. Then something else, until the page is ready. */
	ENTRY	on_late
	push	%eax
	movl	$0, 0x70030
	mov	%cr2, %eax
	mov	%eax, 0x70020
	mov	0x9040, %eax
	mov	%eax, 0x70024
	movl	$0, 0x9040
	incl	0x70028
1:	cli
	mov	0x70030, %eax
	cmp	%eax, 0x70020
	je	3f
	cmp	$-1, %eax
	je	3f
	incl	0x7002c
	cmpl	$0, 0x70038
	je	2f
	sti
	hlt
	jmp	1b
2:	sti
	pause
	jmp	1b
3:	pop	%eax
	add	$4, %esp
	iret

	/* the same, but the page is given up: ADD is two bytes long */
	ENTRY	on_late_skip
	push	%eax
	push	%ecx
	mov	%cr2, %eax
	mov	0x70028, %ecx
	mov	%eax, 0x70100(, %ecx, 4)
	mov	0x9040, %eax
	mov	%eax, 0x70024
	movl	$0, 0x9040
	incl	0x70028
	pop	%ecx
	pop	%eax
	add	$4, %esp
	addl	$2, (%esp)
	iret

	/* "ready": its token, how many; taken, and acknowledged */
	ENTRY	on_ready
	push	%eax
	push	%ecx
	push	%edx
	mov	0x9044, %eax
	mov	%eax, 0x70030
	mov	0x70034, %ecx
	mov	%eax, 0x70400(, %ecx, 4)
	incl	0x70034
	movl	$0, 0x9044
	movl	$0, 0xfee000b0
	mov	$0x4b564d07, %ecx
	mov	$1, %eax
	xor	%edx, %edx
	wrmsr
	pop	%edx
	pop	%ecx
	pop	%eax
	iret

	.section .note.GNU-stack, "", @progbits
