# SPDX-License-Identifier: GPL-2.0-only
"""The lab: a stock Debian host with VMX, emulated by Debian's own bochs."""
