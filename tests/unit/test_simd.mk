# SPDX-License-Identifier: GPL-2.0-only
srcs_test_simd := $(emul)
