#!/usr/bin/env bash
# Installs the commands that bench/fetch compares with, where it can.
set -euo pipefail
packages=()
for need in curl:curl wget2:wget2 aria2c:aria2 wrk:wrk nginx:nginx; do
	command -v "${need%%:*}" >/dev/null || packages+=("${need#*:}")
done
/usr/bin/python3 -c 'import aiohttp' 2>/dev/null || packages+=(python3-aiohttp)
((${#packages[@]} > 0)) || exit 0
if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
	echo "missing, so left out; on Debian: sudo apt-get install ${packages[*]}" >&2
	exit 0
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update && apt-get install -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
	cat "$log" >&2
	echo "could not install: ${packages[*]}; they are left out" >&2
fi
