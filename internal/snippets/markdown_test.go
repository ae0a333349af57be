package snippets_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A block is a fenced block of Go in a Markdown document.
type block struct {
	line  int // of its first line, counted from 1
	lines []string
}

// goBlocks returns the blocks of text that are marked as Go. A block that
// could not be checked, because it is empty or has no end, is an error.
func goBlocks(text string) (blocks []block, err error) {
	var fence, language string // of the block that is open
	for i, line := range strings.Split(text, "\n") {
		mark := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence == "" && len(mark) >= 3:
			fence, language = mark, strings.TrimSpace(line[len(mark):])
			if language == "go" {
				blocks = append(blocks, block{line: i + 2})
			}
		case fence != "" && line == fence:
			if language == "go" && len(blocks[len(blocks)-1].lines) == 0 {
				err = errors.Join(err, fmt.Errorf("line %d: empty Go block", i+1))
				blocks = blocks[:len(blocks)-1]
			}
			fence = ""
		case fence != "" && language == "go":
			last := &blocks[len(blocks)-1]
			last.lines = append(last.lines, line)
		}
	}
	if fence != "" {
		err = errors.Join(err, errors.New("the last block has no end"))
	}
	return blocks, err
}

func TestGoBlocks(t *testing.T) {
	for _, c := range []struct {
		about, text string
		want        []block
		fails       bool
	}{
		{"none", "text `code` text\n", nil, false},
		{"one", "a\n```go\nx()\n\n\ty()\n```\nb\n", []block{{3, []string{"x()", "", "\ty()"}}}, false},
		{"other languages", "```python\nx()\n```\n```\ny()\n```\n", nil, false},
		{"two", "```go\nx()\n```\n```go\ny()\n```", []block{{2, []string{"x()"}}, {5, []string{"y()"}}}, false},
		{"a longer fence", "````go\n```\n````\n", []block{{2, []string{"```"}}}, false},
		{"empty", "```go\n```\n", nil, true},
		{"no end", "```go\nx()\n", []block{{2, []string{"x()", ""}}}, true},
	} {
		got, err := goBlocks(c.text)
		if (err != nil) != c.fails || !slices.EqualFunc(got, c.want, func(a, b block) bool {
			return a.line == b.line && slices.Equal(a.lines, b.lines)
		}) {
			t.Errorf("%s: got %v, %v", c.about, got, err)
		}
	}
}

func TestContains(t *testing.T) {
	file := strings.Split("func f() {\n\tx()\n\n\tif y {\n\t\tz()\n\t}\n}", "\n")
	for _, c := range []struct {
		about, block string
		want         bool
	}{
		{"indented", "x()\n\nif y {\n\tz()\n}", true},
		{"as it stands", "func f() {\n\tx()", true},
		{"the end", "}\n}", false},
		{"other order", "if y {\n}", false},
		{"indented unevenly", "if y {\nz()", false},
		{"part of a line", "()", false},
		{"past the end", "}\n", false},
	} {
		if got := contains(file, strings.Split(c.block, "\n")); got != c.want {
			t.Errorf("%s: got %v", c.about, got)
		}
	}
}
