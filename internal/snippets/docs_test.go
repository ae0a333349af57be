// Package snippets_test holds the Go code of README.md and of the guides in
// docs, where it is compiled and run. TestDocs keeps the two the same.
package snippets_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the top of the repository.
var root = filepath.Join("..", "..")

// TestDocs checks that every Go block of the documents stands in a file of
// this package, line for line, only perhaps further to the right.
func TestDocs(t *testing.T) {
	docs, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	files := readLines(t, "*_test.go")
	total := 0
	for _, doc := range append(docs, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		blocks, err := goBlocks(string(text))
		if err != nil {
			t.Errorf("%s: %v", doc, err)
		}
		total += len(blocks)
		for _, b := range blocks {
			if !slices.ContainsFunc(files, func(f []string) bool { return contains(f, b.lines) }) {
				t.Errorf("%s:%d: this Go block stands in no file of internal/snippets, so nobody compiles it:\n%s",
					doc, b.line, strings.Join(b.lines, "\n"))
			}
		}
	}
	if total == 0 {
		t.Error("no Go block in any document: the test looks in the wrong place")
	}
}

// readLines reads the files that match, as lines.
func readLines(t *testing.T, pattern string) (files [][]string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, strings.Split(string(text), "\n"))
	}
	return files
}

// contains says whether the lines of block stand together in file, all of them
// indented by the same.
func contains(file, block []string) bool {
	for i := range len(file) - len(block) + 1 {
		indent, ok := strings.CutSuffix(file[i], block[0])
		if ok && strings.Trim(indent, "\t") == "" && follows(file[i:], indent, block) {
			return true
		}
	}
	return false
}

func follows(file []string, indent string, block []string) bool {
	for i, line := range block {
		if line != "" {
			line = indent + line
		}
		if file[i] != line {
			return false
		}
	}
	return true
}
