#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# killtest.sh: VMMs killed at random moments in the lab, and what they leave
#
#   killtest.sh [--kvm] [--module vh.ko] [--count N] [LAB OPTIONS...]
. "$(dirname "$0")/../lib/in-lab.sh"
make -s -C tests/abi
in_lab "./killtest $selection \$device" --file build/tests/abi/killtest "$@"
