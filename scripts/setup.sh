#!/usr/bin/env bash
# Installs what the tests need beyond Go, where it can (root, apt-get); else
# says in one line what to install.
set -euo pipefail

# command or file:packages
needs=(
	'cc:gcc libc6-dev' # the race detector
	'curl:curl'        # commands in the documents
	'jq:jq'            # the same
	'nginx:nginx'      # judges the limits end to end
	'haproxy:haproxy'  # so does it
	'tmux:tmux'        # shows the display
	'zsh:zsh'          # completes
	'fish:fish'        # the same
	'/usr/share/bash-completion/bash_completion:bash-completion' # the same
	'chromium:chromium' # opens the pages
	'wget:wget'        # writes the archives that fetch/warc has to read
	'redis-server:redis-server' # shared limits
)

packages=()
for need in "${needs[@]}"; do
	if [[ ! -e ${need%%:*} ]] && ! command -v "${need%%:*}" >/dev/null; then
		read -ra words <<<"${need#*:}"
		packages+=("${words[@]}")
	fi
done
((${#packages[@]} > 0)) || exit 0

if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
	echo "missing, so that some tests are skipped; on Debian: sudo apt-get install ${packages[*]}" >&2
	exit 0
fi

# The tests start their own servers: a policy of 101 keeps the packages from
# starting theirs.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
	trap 'rm -f "$policy"' EXIT
fi

export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y --no-install-recommends "${packages[@]}"; }
log=$(mktemp)
if ! { apt-get update && install; } >"$log" 2>&1; then
	cat "$log" >&2
	echo "could not install: ${packages[*]}" >&2
	exit 1
fi
echo "    installed: ${packages[*]}"
rm -f "$log"
