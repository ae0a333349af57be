# shellcheck shell=bash
# Steps with a heading and a duration. Sourced by the other scripts, which run
# at the root of the repository.

# tool NAME runs a tool of tools/go.mod, built once and cached by go.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tool() { go tool -modfile="$root/tools/go.mod" "$@"; }

# modules lists the folders of this repository's modules, but for the tools.
modules() {
	find . -name go.mod -not -path './tools/*' -not -path '*/testdata/*' -printf '%h\n' | sort
}

failed=()
skipped=()
reruns=$(mktemp -d)
trap 'rm -rf "$reruns"' EXIT

# gotest PACKAGES FLAG... is go test for the module here. One more try is given
# to a few tests that failed, because a machine of CI may stand still for
# seconds; never to a data race, a panic or a build. finish names those that
# needed it: each is a mistake to be found.
gotest() {
	local packages=$1
	shift
	tool gotestsum --format standard-quiet --hide-summary skipped --packages "$packages" \
		--rerun-fails=1 --rerun-fails-max-failures 10 --rerun-fails-abort-on-data-race --rerun-fails-run-root-test \
		--rerun-fails-report "$(mktemp -p "$reruns")" -- -timeout 30m "$@"
}

# step NAME COMMAND... runs COMMAND under a heading. A failure is remembered
# for finish, so that one run tells everything that is wrong.
step() {
	local name=$1 start=$SECONDS rc=0
	shift
	printf '==> %s\n' "$name"
	"$@" || rc=$?
	if ((rc == 0)); then
		printf '    ok, %d s\n' $((SECONDS - start))
	else
		printf '    FAILED, %d s (exit status %d)\n' $((SECONDS - start)) "$rc"
		failed+=("$name")
	fi
}

# skip NAME WHY says that a step was not run.
skip() {
	printf '==> %s\n    SKIPPED: %s\n' "$1" "$2"
	skipped+=("$1")
}

# finish WHAT sums up, and fails if a step failed.
finish() {
	local s
	for s in "${skipped[@]}"; do printf 'skipped: %s\n' "$s"; done
	{ cat "$reruns"/* 2>/dev/null || true; } | sed 's/^/needed a second run: /'
	for s in "${failed[@]}"; do printf 'failed: %s\n' "$s"; done
	if ((${#failed[@]} > 0)); then
		printf '%s: FAILED after %d s\n' "$1" "$SECONDS"
		return 1
	fi
	printf '%s: ok, %d s\n' "$1" "$SECONDS"
}

# silent COMMAND... fails if COMMAND fails or prints anything on stdout.
silent() {
	local out rc=0
	out=$("$@") || rc=$?
	[[ -z $out ]] || printf '%s\n' "$out"
	[[ -z $out && $rc -eq 0 ]]
}

# within DIR COMMAND... runs COMMAND in DIR.
within() (
	cd "$1" || return
	shift
	"$@"
)
