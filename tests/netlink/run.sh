#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh: the control plane's tests in the lab: registry, figures, limits, permissions, events
#
#   run.sh [--module vh.ko] [--only PATTERN] [--skip PATTERN] [LAB OPTIONS...]
. "$(dirname "$0")/../lib/in-lab.sh"
make -s -C tests/netlink
in_lab "./netlink --timeout 60 $selection \$device" --file build/tests/netlink/netlink "$@"
