# SPDX-License-Identifier: GPL-2.0-only
# until_ SECONDS COMMAND...: waits until it succeeds; what it says in the end, if it does not. In the lab and in guests.
until_() {
	local n=0 most=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		n=$((n + 1))
		[ $n -lt $most ] || { "$@"; return 1; }
		usleep 100000
	done
}
