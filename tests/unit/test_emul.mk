# SPDX-License-Identifier: GPL-2.0-only
emul := kmod/emul/alu.c kmod/emul/arith.c kmod/emul/decode.c kmod/emul/exec.c \
	kmod/emul/opcodes.c kmod/emul/operand.c kmod/emul/stack.c kmod/emul/string.c \
	kmod/emul/system.c kmod/emul/branch.c kmod/emul/far.c kmod/emul/control.c \
	kmod/emul/bcd.c kmod/emul/x87.c kmod/emul/simd.c kmod/emul/simd_arith.c kmod/emul/simd_shuffle.c \
	kmod/emul/native.c kmod/emul/bmi.c kmod/emul/bits.c kmod/emul/task.c kmod/emul/gate.c
srcs_test_emul := $(emul)
srcs_test_decode := $(emul)
srcs_test_task := $(emul)
srcs_test_event := $(emul)
