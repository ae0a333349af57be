#!/usr/bin/env bash
# Runs every Fuzz target of the repository with COUNT inputs each.
# Usage: scripts/fuzz.sh [COUNT]
#
# A count and not a time: with a time, go 1.26 now and then reports its own
# deadline as a failure (go.dev/issue/75804, fixed in go 1.27). A target that
# failed is run once more: an input that was found is kept in testdata and fails
# again, a worker that was starved does not.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

count=${1:-50000}
# shellcheck disable=SC2016 # a template of go list, not of the shell
test_files='{{$d := .Dir}}{{range .TestGoFiles}}{{$d}}/{{.}}
{{end}}{{range .XTestGoFiles}}{{$d}}/{{.}}
{{end}}'

# targets prints "FOLDER NAME" for each Fuzz target of the module here.
targets() {
	local file name
	go list -f "$test_files" ./... | while read -r file; do
		[[ -n $file ]] || continue
		{ grep -Eo '^func Fuzz[A-Za-z0-9_]+' "$file" || true; } | while read -r _ name; do
			printf '%s %s\n' "$(dirname "$file")" "$name"
		done
	done
}

fuzz() {
	local args=(-run "^$1\$" -fuzz "^$1\$" -fuzztime "${count}x" .)
	go test "${args[@]}" || { printf '    once more\n' && go test "${args[@]}"; }
}

for m in $(modules); do
	while read -r dir name; do
		step "fuzz ${dir#"$root/"} $name" within "$dir" fuzz "$name"
	done < <(within "$m" targets)
done
finish "make fuzz ($count inputs each)"
