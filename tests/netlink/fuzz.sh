#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# fuzz.sh: random and mutated netlink messages, as root and as a user
#
#   fuzz.sh [--module vh.ko] [--count N] [--seed N] [LAB OPTIONS...]
. "$(dirname "$0")/../lib/in-lab.sh"
make -s -C tests/netlink
in_lab "./nlfuzz $selection \$device" --file build/tests/netlink/nlfuzz "$@"
