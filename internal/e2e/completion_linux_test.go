package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A shell is one that completes, and how it is told to.
type shell struct {
	name   string
	needs  string // a file; "" if it needs none
	debian string // the package that has it
	script string // starts it, with a prompt that is easily seen
	setup  string // typed first
}

const bashCompletion = "/usr/share/bash-completion/bash_completion"

var shells = []shell{
	{
		"bash", bashCompletion, "bash-completion", "exec bash --norc --noprofile -i\n",
		"PS1='ready> '; bind 'set bell-style none'; . " + bashCompletion + "; . <(penstock completion bash); clear",
	},
	{
		"zsh", "", "zsh", "exec zsh -f -i\n",
		"PROMPT='ready> '; unsetopt beep; autoload -Uz compinit; compinit -u -D; . <(penstock completion zsh); clear",
	},
	{
		"fish", "", "fish", "exec fish --no-config -i\n",
		"function fish_prompt; printf 'ready> '; end; set -g fish_autosuggestion_enabled 0; set -g fish_greeting; penstock completion fish | source; clear",
	},
}

// TestCompletionInShells types half a word and TAB, in each shell.
func TestCompletionInShells(t *testing.T) {
	for _, s := range shells {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(s.name); err != nil {
				t.Skipf("no %s; on Debian: sudo apt-get install %s", s.name, s.debian)
			}
			if _, err := os.Stat(s.needs); err != nil && s.needs != "" {
				t.Skipf("no %s; on Debian: sudo apt-get install %s", s.needs, s.debian)
			}
			s.run(t)
		})
	}
}

func (s shell) run(t *testing.T) {
	t.Helper()
	m := newTerminal(t, 100, 40, []string{"LC_ALL=C.UTF-8"}, "while [ ! -e begin ]; do sleep 0.1; done\n"+s.script)
	for _, name := range []string{"records-of-mine.jsonl", "policy.toml", "policies.txt"} {
		if err := os.WriteFile(filepath.Join(m.dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m.begin()
	nothing := func([]string) {}
	m.see(nothing, `[$#%>] ?$`) // its own prompt
	m.keys("-l", s.setup)
	m.keys("Enter")
	m.see(nothing, `\A(ready>) ?$`)
	for _, test := range []struct{ typed, becomes string }{
		{"penstock fe", "penstock fetch "},
		{"penstock fetch --max-con", "penstock fetch --max-concurrent"},
		{"penstock fetch --order c", "penstock fetch --order completion"},
		{"penstock fetch --bodies no", "penstock fetch --bodies none"},
		{"penstock fetch -o rec", "penstock fetch -o records-of-mine.jsonl"},
		{"penstock fetch --policy pol", "penstock fetch --policy policy.toml"},
		{"penstock fetch --policy policy", "penstock fetch --policy policy.toml"},
		{"penstock help expl", "penstock help explain"},
		{"penstock completion po", "penstock completion powershell"},
	} {
		if s.name == "fish" && strings.HasSuffix(test.typed, "--policy pol") {
			continue // cobra's script for it knows no kinds of files, and offers all
		}
		m.keys("-l", test.typed)
		m.see(nothing, `(?m)^ready> `+regexp.QuoteMeta(test.typed)) // before TAB, so that nothing is taken for pasted
		m.keys("Tab")
		m.see(nothing, `(?m)^ready> `+regexp.QuoteMeta(strings.TrimSpace(test.becomes))+`( |$)`)
		m.keys("C-u")
		m.see(nothing, `(?m)^ready> ?$`)
	}
}
