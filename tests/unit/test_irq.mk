# SPDX-License-Identifier: GPL-2.0-only
irq := tests/unit/irq_env.c $(patsubst %,kmod/irq/%.c,lapic timer ipi ioapic pic pit route bus)
srcs_test_lapic := $(irq)
srcs_test_ioapic := $(irq)
srcs_test_pic := $(irq)
srcs_test_pit := $(irq)
