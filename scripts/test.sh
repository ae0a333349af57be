#!/usr/bin/env bash
# Everything that CI checks.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

step 'what the tests need' scripts/setup.sh

# Where it could be installed it must be there: a judge that silently stays at
# home would pass every run.
if [[ ${CI:-} == true ]]; then
	export PENSTOCK_REQUIRE=nginx,haproxy,wget,redis-server,tmux
fi

# long PATTERN PACKAGES runs tests that take minutes.
long() { PENSTOCK_LONG=1 gotest "$2" -run "$1" -v; }

step 'make check' scripts/check.sh
step 'go test' gotest ./... -shuffle=on
if command -v "$(go env CC)" >/dev/null; then
	race=-race
	step 'go test -race' gotest ./... -race -shuffle=on
else
	race=
	skip 'go test -race' 'no C compiler; on Debian: sudo apt-get install gcc libc6-dev'
fi
step 'make fuzz' scripts/fuzz.sh 20000
step "end to end ${race:-without -race}" within internal/e2e gotest ./... ${race:+"$race"} -shuffle=on
step 'end to end, the long runs' within internal/e2e long '^TestLong' ./...
step 'shared limits, the long cases' long '^TestLong' ./redislimit
step 'limits that find themselves, three seeds each' long '^Test(Scenarios|HeldOut|Wired)$' ./adaptive
step 'more scripts for asyncio and us' long '^TestSameOrderOfEventsAsAsyncio$' ./internal/difftest
step 'the memory of a million keys' long '^TestMemoryOfAMillionKeys$' ./keyed
step 'the limits, judged for longer' long '^TestJudges$' ./httplimit
for judge in nginx haproxy; do
	command -v "$judge" >/dev/null ||
		skip "the limits, judged by $judge" "no $judge; on Debian: sudo apt-get install $judge"
done
command -v wget >/dev/null ||
	skip 'archives written by GNU wget' 'no wget; on Debian: sudo apt-get install wget'
command -v tmux >/dev/null ||
	skip 'the display, in a terminal' 'no tmux; on Debian: sudo apt-get install tmux'
for shell in zsh fish; do
	command -v "$shell" >/dev/null || skip "completion in $shell" "no $shell; on Debian: sudo apt-get install $shell"
done
command -v chromium >/dev/null ||
	skip 'the pages, in a browser' 'no chromium; on Debian: sudo apt-get install chromium'
if command -v dpkg >/dev/null; then
	step 'packages: made twice, installed, run' within internal/dist gotest ./...
else
	skip 'packages' 'no dpkg; make dist makes them all the same'
fi
command -v redis-server >/dev/null ||
	skip 'shared limits' 'no redis-server; on Debian: sudo apt-get install redis-server'
for m in $(modules); do
	case $m in
	. | ./internal/e2e | ./internal/dist) ;;
	*) step "compile $m" within "$m" go test -run '^$' ./... ;;
	esac
done
finish 'make test'
