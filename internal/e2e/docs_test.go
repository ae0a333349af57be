package e2e_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock/internal/redistest"
)

// A shellBlock is a fenced block of commands in a document.
type shellBlock struct {
	line   int // of its first line, from 1
	script string
	skip   string // why it is not run; "" if it is
}

var notRun = regexp.MustCompile(`^<!-- not run: (.+) -->$`)

// shellBlocks are the blocks marked sh (all of it is commands) and console
// (what follows "$ " is). A comment <!-- not run: WHY --> right above a block
// excuses it. Bare blocks that look like commands are mistakes.
func shellBlocks(text string) (blocks []shellBlock, bare []int) {
	language, why := "", ""
	inside := false
	for i, line := range strings.Split(text, "\n") {
		switch {
		case !inside && strings.HasPrefix(line, "```"):
			inside, language = true, strings.TrimPrefix(line, "```")
			if language == "sh" || language == "console" {
				blocks = append(blocks, shellBlock{line: i + 2, skip: why})
			}
			why = ""
		case inside && line == "```":
			inside = false
		case inside && language == "" && strings.HasPrefix(line, "$ "):
			bare = append(bare, i+1)
		case inside && language == "sh":
			blocks[len(blocks)-1].script += line + "\n"
		case inside && language == "console":
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				blocks[len(blocks)-1].script += command + "\n"
			}
		case !inside && line != "":
			why = ""
			if m := notRun.FindStringSubmatch(line); m != nil {
				why = m[1]
			}
		}
	}
	return blocks, bare
}

func TestShellBlocks(t *testing.T) {
	blocks, bare := shellBlocks("a\n```sh\nx\ny\n```\n<!-- not run: z -->\n\n```console\n$ a\nb\n$ c\n```\n```\n$ d\n```\n<!-- not run: z -->\ntext\n```sh\ne\n```\n")
	want := []shellBlock{{3, "x\ny\n", ""}, {9, "a\nc\n", "z"}, {19, "e\n", ""}}
	if len(blocks) != 3 || blocks[0] != want[0] || blocks[1] != want[1] || blocks[2] != want[2] {
		t.Errorf("got %+v", blocks)
	}
	if len(bare) != 1 || bare[0] != 14 {
		t.Errorf("bare blocks at %d, want 14", bare)
	}
}

// TestDocsCommands runs every command of README.md and docs as it is written:
// each block in a folder of its own that holds testdata/docs, with the command
// on PATH and with the world played by this machine (see startWorld).
func TestDocsCommands(t *testing.T) {
	root := filepath.Join("..", "..")
	docs, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	world := startWorld(t)
	ran := 0
	for _, doc := range append(docs, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		blocks, bare := shellBlocks(string(text))
		for _, line := range bare {
			t.Errorf("%s:%d: a command in a block that is not marked: write console after the fence", doc, line)
		}
		for _, b := range blocks {
			if b.skip != "" {
				t.Logf("%s:%d: not run: %s", doc, b.line, b.skip)
				continue
			}
			ran++
			world.run(t, doc, b)
		}
	}
	if ran == 0 {
		t.Error("no command in any document: the test looks in the wrong place")
	}
}

// run runs one block; every command in it must succeed, and the whole not
// take a minute.
func (w *world) run(t *testing.T, doc string, b shellBlock) {
	t.Helper()
	for _, program := range []string{"jq", "curl", "make", "go"} {
		if _, err := exec.LookPath(program); err != nil && regexp.MustCompile(`\b`+program+` `).MatchString(b.script) {
			t.Logf("%s:%d: not run: no %s on this machine", doc, b.line, program)
			return
		}
	}
	if usesStore(b.script) && !haveRedis() {
		t.Logf("%s:%d: not run: no redis-server on this machine", doc, b.line)
		return
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "docs"))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", b.script)
	cmd.Dir, cmd.Env = dir, w.environ(dir)
	if usesStore(b.script) {
		// The leases of a Redis that has just been started are to be short.
		cmd.Env = append(cmd.Env, "PENSTOCK_STORE="+redistest.Start(t).URL(), "PENSTOCK_LEASE=3s")
	}
	cmd.WaitDelay = time.Second
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		text := said.String()
		t.Errorf("%s:%d: %v\n%s\nsaid:\n%s", doc, b.line, err, b.script, text[max(0, len(text)-2000):])
	}
}

// usesStore says that a script is about a store that the environment names.
func usesStore(script string) bool {
	return strings.Contains(script, "--fleet ") || strings.Contains(script, "penstock limits ")
}

// TestDocsNameTests checks that the tests that docs/guarantees.md and
// docs/fleet-cases.md name are there.
func TestDocsNameTests(t *testing.T) {
	root := filepath.Join("..", "..")
	var code strings.Builder
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		code.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range []string{"guarantees.md", "fleet-cases.md"} {
		text, err := os.ReadFile(filepath.Join(root, "docs", doc))
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile("`(Test[A-Z][A-Za-z0-9]+)`").FindAllStringSubmatch(string(text), -1)
		if len(names) < 20 {
			t.Errorf("%s names %d tests: the pattern is wrong", doc, len(names))
		}
		for _, m := range names {
			if !strings.Contains(code.String(), "\nfunc "+m[1]+"(t *testing.T)") {
				t.Errorf("%s names %s, which is no test", doc, m[1])
			}
		}
	}
}
