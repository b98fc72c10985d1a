#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# fuzz.sh: random ioctls with nearly right arguments, in the lab
#
#   fuzz.sh [--kvm] [--module vh.ko] [--rounds N] [--count N] [--seed N] [LAB OPTIONS...]
. "$(dirname "$0")/../lib/in-lab.sh"
make -s -C tests/abi
in_lab "./fuzz $selection \$device" --file build/tests/abi/fuzz "$@"
