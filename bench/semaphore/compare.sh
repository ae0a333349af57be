#!/bin/sh
# Runs every sub-benchmark in a process of its own, in interleaved rounds, and
# prints the median, the spread and the ratio to the first peer:
#   compare.sh [ROUNDS [BENCHTIME [PATTERN]]]
set -eu
cd "$(dirname "$0")"
rounds=${1:-5} time=${2:-300ms} pattern=${3:-.}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go test -c -o "$dir/bench" .
"$dir/bench" -test.run '^$' -test.bench "$pattern" -test.benchtime 1x |
	awk '/^Benchmark/ { sub(/-[0-9]+$/, "", $1); print $1 }' >"$dir/names"
for _ in $(seq "$rounds"); do
	while read -r name; do
		exact=$(printf '%s' "$name" | sed 's,/,$/^,g')
		"$dir/bench" -test.run '^$' -test.bench "^$exact\$" -test.benchtime "$time" -test.benchmem |
			awk '/^Benchmark/ { sub(/-[0-9]+$/, "", $1); print $1, $3, $5, $7 }'
	done <"$dir/names"
done >"$dir/raw"
awk '
	{ n[$1]++; t[$1, n[$1]] = $2; bytes[$1] = $3; allocs[$1] = $4 }
	END {
		while ((getline name < names) > 0) {
			m = n[name]
			for (i = 1; i <= m; i++) for (j = i; j > 1 && t[name, j] < t[name, j-1]; j--) {
				x = t[name, j]; t[name, j] = t[name, j-1]; t[name, j-1] = x
			}
			median = t[name, int((m + 1) / 2)]
			group = name; sub(/\/[^\/]*$/, "", group)
			if (group != last) { base = median; last = group; print "" }
			printf "%-58s %10.1f ns (%.1f-%.1f) %6d B %4d allocs   penstock/this %.2f\n",
				name, median, t[name, 1], t[name, m], bytes[name], allocs[name], base / median
		}
	}' names="$dir/names" "$dir/raw"
