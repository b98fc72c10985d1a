#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# faults.sh: what fails on demand, in the lab: VMX instructions, on the debug build
#
#   faults.sh [--only PATTERN] [LAB OPTIONS...]
. "$(dirname "$0")/lib/in-lab.sh"
make -s -C tests/faults
module=$(tests/lib/module-variant debug-faults VH_DEBUG=1)
in_lab "./vmx $selection \$device" --file build/tests/faults/vmx "$@"
