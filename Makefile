# Everything a contributor runs. `make` alone lists it; CI runs `make test`.

SHELL := /bin/bash

# For `make bench` and `make fuzz`.
BENCH  ?= .
COUNT  ?= 6
PKG    ?= ./...
INPUTS ?= 1000000
ROUNDS ?= 5
TIME   ?= 300ms
SEEDS  ?= 3
SCENARIO ?= .
ONLY     ?= .

.PHONY: help build demo check test bench bench-primitives bench-fleet bench-fetch sim fuzz dist picture clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

build: ## build bin/penstock, static and without paths of this machine
	CGO_ENABLED=0 go build -trimpath -o bin/penstock ./cmd/penstock

demo: build ## 10,000 URLs from a bundled local server, ten at a time
	bin/penstock demo

check: ## format, vet, go fix, staticcheck, golangci-lint
	@scripts/check.sh

test: ## everything CI checks; installs what is missing by apt where it can
	@scripts/test.sh

bench: ## benchmarks, ready for benchstat: BENCH=regexp COUNT=6 PKG=./...
	@go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) $(PKG)

bench-primitives: ## side by side with the peers: ROUNDS=5 TIME=300ms
	@for dir in semaphore gather queue rate keyed httplimit; do scripts/compare.sh bench/$$dir $(ROUNDS) $(TIME); done

sim: ## the limits that find themselves and their peers on simulated servers: SEEDS=3 (two minutes)
	@cd bench && go test -count 1 -v -run '^TestTable$$' ./sim -seeds $(SEEDS) | grep -v -e '^ *---' -e '^==='

bench-fleet: ## limits over Redis, side by side with the peers: ROUNDS=5
	@cd bench && go run ./redislimit -rounds $(ROUNDS)

bench-fetch: ## whole commands side by side, as a Markdown table: ROUNDS=5 SCENARIO=. ONLY=.
	@bench/fetch/setup.sh && cd bench && go run ./fetch -rounds $(ROUNDS) -scenario '$(SCENARIO)' -only '$(ONLY)'

fuzz: ## every Fuzz target with INPUTS=1000000 each
	@scripts/fuzz.sh $(INPUTS)

dist: ## archives, .deb, bills of materials and checksums for all platforms, in dist/
	@go build -C internal/dist -trimpath -o ../../bin/dist . && bin/dist

picture: build ## docs/demo.svg, from a real run of the demo in tmux
	@scripts/capture.sh docs/demo.svg

clean: ## remove what was built
	rm -rf bin dist coverage.out
