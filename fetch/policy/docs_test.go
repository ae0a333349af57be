package policy_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch/policy"
)

func readDocs(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The examples of docs/policy.md are whole files.
func TestDocsExamples(t *testing.T) {
	examples := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(readDocs(t), -1)
	if len(examples) != 3 {
		t.Fatalf("%d examples", len(examples))
	}
	want := []map[string]string{
		{"https://www.archive.example/x": "archive/archive.example", "http://127.0.0.1:8080": "own/127.0.0.1", "https://a.b.example.org": "example.org"},
		{"https://api.example.com/v1/search?q=x": "search/*", "https://api.example.com/v1/users": "api/*", "https://api.example.com/": "api.example.com:443"},
		{"https://llm.example.com/v1/chat/completions": "chat/*", "https://llm.example.com/v1/embeddings": "embeddings/*", "https://x": "x:443"},
	}
	for i, e := range examples {
		f, err := policy.Parse("policy.md", []byte(e[1]))
		if err != nil {
			t.Errorf("example %d: %v", i+1, err)
			continue
		}
		for u, key := range want[i] {
			if got := f.Bucket(parseURL(t, u)).Key; got != key {
				t.Errorf("example %d: %s is in %s, want %s", i+1, u, got, key)
			}
		}
	}
}

// The table of patterns says what they do.
func TestDocsPatterns(t *testing.T) {
	_, rest, _ := strings.Cut(readDocs(t), "| pattern | matches | does not match |\n|---|---|---|\n")
	rows, _, _ := strings.Cut(rest, "\n\n")
	code := regexp.MustCompile("`([^`]+)`")
	checked := 0
	for row := range strings.SplitSeq(rows, "\n") {
		cells := strings.Split(row, "|")
		if len(cells) != 5 {
			t.Fatalf("%q", row)
		}
		pattern := strings.Trim(strings.TrimSpace(cells[1]), "`")
		if !strings.HasPrefix(pattern, "[\"") {
			pattern = `"` + pattern + `"`
		}
		f := parse(t, "[[rule]]\nname = 'it'\nmatch = "+pattern+"\n")
		for i, rule := range map[int]string{2: "it", 3: "default"} {
			for _, u := range code.FindAllStringSubmatch(cells[i], -1) {
				target := u[1]
				if target[0] == '/' {
					target = "http://example.com" + target
				}
				if got := f.Explain(parseURL(t, target)).Rule; got != rule {
					t.Errorf("%s, %s: %s, want %s", pattern, target, got, rule)
				}
				checked++
			}
		}
	}
	if checked < 25 {
		t.Errorf("only %d URLs looked at", checked)
	}
}
