/* SPDX-License-Identifier: GPL-2.0-only */
/* simd.h - shared by simd*.c only. */
#ifndef VH_SIMD_H
#define VH_SIMD_H

#include "insn.h"

/* simd.c */
int vh_simd_available(struct vh_emul *e, unsigned int legacy, unsigned int vex);
int vh_simd_linear(struct vh_emul *e, unsigned int size, unsigned int align, bool write,
		   u64 *linear);
void vh_simd_write(struct vh_emul *e, u8 val[64]);

/* simd_arith.c */
int vh_simd_arith(struct vh_emul *e);

/* simd_shuffle.c */
void vh_simd_shuffle(u32 key, unsigned int imm, unsigned int lane, u8 dst[16], const u8 src[16]);

#endif /* VH_SIMD_H */
