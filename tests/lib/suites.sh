# SPDX-License-Identifier: GPL-2.0-only
# Several suites in one boot of the lab; sourced, from the top of the tree.
#
#   suites_new DIR                    an empty collection, kept in DIR
#   suite NAME COMMAND...             adds one: COMMAND is a run.sh that uses in-lab.sh
#   suites_run OPTIONS...             runs all; OPTIONS are the lab's
#   suites_counts                     one line for each, "NAME PASSED FAILED SKIPPED"
#   suites_end STATUS                 after suites_run, with its status: the line of totals; a status too
#
# A suite that could not be added, or ended without its line of totals, or with the host reporting something, has failed.

suites_new() {
	suites_dir=$1
	rm -rf "$suites_dir"
	mkdir -p "$suites_dir"
	suites_names=()
}

suite() {
	local name=$1
	shift
	suites_names+=("$name")
	IN_LAB_COLLECT=$suites_dir/$name "$@" >"$suites_dir/log" 2>&1 || { cat "$suites_dir/log" >&2; return 1; }
}

suites_run() {
	local options name scripts=()
	for name in "${suites_names[@]}"; do
		[ ! -e "$suites_dir/$name.sh" ] || scripts+=("$suites_dir/$name.sh")
	done
	# The same option of two suites is given once.
	mapfile -t options < <(cat "$suites_dir"/*.options | paste -d '\t' - - | sort -u | tr '\t' '\n')
	tests/lab/lab run "${options[@]}" "$@" "${scripts[@]}" 2>&1 | tee "$suites_dir/log"
	return "${PIPESTATUS[0]}"
}

suites_counts() {
	local name
	for name in "${suites_names[@]}"; do
		awk -v name="$name" '
			/[0-9]+ passed, [0-9]+ failed/ { totals = $0 }
			index($0, "=== " name ".sh: ") { verdict = $3; exit }
			/^=== / { totals = "" }
			END {
				if (verdict && match(totals, /[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?/))
					split(substr(totals, RSTART, RLENGTH), n, /[ ,]+/)
				failed = n[3] + 0
				if (!failed && (verdict != "passed" || !n[1])) failed = 1
				print name, n[1] + 0, failed, n[5] + 0
			}' "$suites_dir/log"
	done
}

suites_end() {
	local status=$1 passed failed skipped
	read -r passed failed skipped <<<"$(suites_counts |
		awk '{ p += $2; f += $3; s += $4 } END { print p + 0, f + 0, s + 0 }')"
	[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
}
