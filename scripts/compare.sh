#!/usr/bin/env bash
# Runs every sub-benchmark of a folder in a process of its own, in interleaved rounds, and
# prints medians with their spread and the ratio of the first peer to each:
#   compare.sh FOLDER [ROUNDS [BENCHTIME [PATTERN]]]
# Where there is processor time (cpu), the last ratio is of that: it says more
# than the clock on a machine that does other things as well.
set -euo pipefail
cd "$1"
rounds=${2:-5} time=${3:-300ms} pattern=${4:-.}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go test -c -o "$dir/bench" .
"$dir/bench" -test.run '^$' -test.bench "$pattern" -test.benchtime 1x |
	awk '/^Benchmark/ { sub(/-[0-9]+$/, "", $1); print $1 }' >"$dir/names"
for _ in $(seq "$rounds"); do
	while read -r name; do
		exact=$(printf '%s' "$name" | sed 's,/,$/^,g')
		"$dir/bench" -test.run '^$' -test.bench "^$exact\$" -test.benchtime "$time" -test.benchmem |
			awk '/^Benchmark/ {
				sub(/-[0-9]+$/, "", $1)
				for (i = 3; i < NF; i += 2) v[$(i+1)] = $i
				print $1, v["ns/op"], v["cpu-ns/op"] + 0, v["B/op"], v["allocs/op"]
			}'
	done <"$dir/names"
done >"$dir/raw"
awk '
	function sorted(a, name, m,   i, j, x) {
		for (i = 1; i <= m; i++) for (j = i; j > 1 && a[name, j] < a[name, j-1]; j--) {
			x = a[name, j]; a[name, j] = a[name, j-1]; a[name, j-1] = x
		}
		return a[name, int((m + 1) / 2)]
	}
	{ n[$1]++; t[$1, n[$1]] = $2 + 0; c[$1, n[$1]] = $3 + 0; bytes[$1] = $4; allocs[$1] = $5 }
	END {
		while ((getline name < names) > 0) {
			m = n[name]
			wall = sorted(t, name, m); cpu = sorted(c, name, m)
			group = name; sub(/\/[^\/]*$/, "", group)
			if (group != last) { wall1 = wall; cpu1 = cpu; last = group; print "" }
			printf "%-56s %8.1f ns (%.1f-%.1f) %5d B %3d allocs, ratio %.2f", substr(name, 10),
				wall, t[name, 1], t[name, m], bytes[name], allocs[name], wall1 / wall
			if (cpu > 0) printf "; cpu %.1f (%.1f-%.1f), ratio %.2f", cpu, c[name, 1], c[name, m], cpu1 / cpu
			print ""
		}
	}' names="$dir/names" "$dir/raw"
