/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest code at random: bytes, or instructions that leave the guest. */
#ifndef VH_TESTS_CODE_H
#define VH_TESTS_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * code_fill() - code that goes somewhere
 * @at: where
 * @size: bytes
 * @protected_mode: of the vCPU that will run it
 *
 * It ends in HLT. It does not disable interrupts if it may loop.
 *
 * Return: may it loop? Then run it with interrupts enabled.
 */
bool code_fill(uint8_t *at, size_t size, bool protected_mode);

#endif
