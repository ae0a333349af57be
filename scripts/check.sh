#!/usr/bin/env bash
# What needs no test to be wrong: format, vet, go fix, tidiness and linters,
# for every module of the repository but the tools.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

step 'gofumpt -l' silent tool gofumpt -l .
for m in $(modules); do
	step "go mod tidy -diff ($m)" silent within "$m" go mod tidy -diff
	step "go vet ($m)" within "$m" go vet ./...
	step "go fix -diff ($m)" silent within "$m" go fix -diff ./...
	step "staticcheck ($m)" within "$m" tool staticcheck ./...
	step "golangci-lint ($m)" within "$m" tool golangci-lint run --config "$root/.golangci.yml" ./...
done
finish 'make check'
