#!/usr/bin/env bash
# Draws docs/demo.svg: the terminal of a real run of penstock demo, frame by
# frame, as tmux has seen it. Run it by make picture, when the display has
# changed.
#   capture.sh FILE [COLUMNS [ROWS]]
set -euo pipefail
cd "$(dirname "$0")/.."
out=$1 columns=${2:-100} rows=${3:-20} every=0.5
command -v tmux >/dev/null || { echo 'capture.sh needs tmux; on Debian: sudo apt-get install tmux' >&2; exit 1; }

dir=$(mktemp -d)
socket=penstock-capture-$$
tmux() { command tmux -L "$socket" -f /dev/null "$@"; }
trap 'tmux kill-server 2>/dev/null || true; rm -rf "$dir"' EXIT

# The command is what a reader would type; a file says when it has ended.
cat >"$dir/run" <<EOF
clear; printf '\$ penstock demo\n'
PATH="$PWD/bin:\$PATH" TMPDIR="$dir" penstock demo; touch "$dir/ended"; sleep 60
EOF
tmux new-session -d -x "$columns" -y "$rows" "bash $dir/run"
n=0
while [[ ! -e $dir/ended ]] && ((n < 100)); do
	sleep "$every"
	tmux capture-pane -p >"$dir/$(printf %03d "$n").frame"
	n=$((n + 1))
done
sleep 0.2 # for what the last write has not yet drawn
tmux capture-pane -p >"$dir/$(printf %03d "$n").frame"
grep -q '^confirmed' "$dir"/*.frame || { echo 'the demo did not end well:' >&2; cat "$dir/$(printf %03d "$n").frame" >&2; exit 1; }

# The last frame is what shows where nothing moves.
awk -v columns="$columns" -v rows="$rows" -v every="$every" -v last="$n" '
	function escaped(s) { gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); gsub(/>/, "\\&gt;", s); return s }
	BEGIN {
		width = columns * 8.4 + 32; height = rows * 20 + 32
		printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n", width, height, width, height
		print "<title>A terminal in which penstock demo runs</title>"
		print "<style>text{white-space:pre}</style>" # xml:space alone is no longer heeded by all
		print "<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>"
		print "<g font-family=\"ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace\" font-size=\"14\" fill=\"#dfe3ea\" xml:space=\"preserve\">"
	}
	FNR == 1 {
		if (frame++) print "</g>"
		if (frame - 1 < last) printf "<g visibility=\"hidden\"><set attributeName=\"visibility\" to=\"visible\" begin=\"%.1fs\" dur=\"%.1fs\"/>\n", (frame - 1) * every, every
		else printf "<g><set attributeName=\"visibility\" to=\"hidden\" begin=\"0s\" dur=\"%.1fs\"/>\n", (frame - 1) * every
	}
	$0 != "" { printf "<text x=\"16\" y=\"%d\">%s</text>\n", 12 + FNR * 20, escaped($0) }
	END { print "</g>\n</g>\n</svg>" }
' "$dir"/*.frame >"$out"
echo "$out: $((n + 1)) frames"
