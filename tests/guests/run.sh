#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh: the exit guests in the lab, on vh or on KVM
#
#   run.sh [--kvm] [--module vh.ko] [--only PATTERN] [--skip PATTERN] [LAB OPTIONS...]
. "$(dirname "$0")/../lib/in-lab.sh"
make -s -C tests/guests
in_lab "./guests --timeout 30 $selection \$device" --file build/tests/guests/guests "$@"
