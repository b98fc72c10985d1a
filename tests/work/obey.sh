# SPDX-License-Identifier: GPL-2.0-only
# In a guest, behind what it can do: it does what its console says, a line at a time.
stty -echo
echo "guest: ready"
while read -r line; do eval "$line"; done
