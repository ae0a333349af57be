package input_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch/input"
)

// endless repeats a text.
type endless struct {
	text string
	rest string
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if e.rest == "" {
			e.rest = e.text
		}
		k := copy(p[n:], e.rest)
		e.rest = e.rest[k:]
		n += k
	}
	return n, nil
}

func thousand(format string) string {
	var s strings.Builder
	for i := range 1000 {
		s.WriteString(fmt.Sprintf(format, i))
	}
	return s.String()
}

func benchmark(b *testing.B, r input.Reader) {
	b.ReportAllocs()
	for b.Loop() {
		it, err := r.Next()
		if err != nil || it.Err != nil {
			b.Fatal(err, it.Err)
		}
	}
}

func BenchmarkLines(b *testing.B) {
	for name, format := range map[string]string{
		"plain":   "https://www.example.com/articles/%d/index.html?page=2\n",
		"percent": "https://www.example.com/articles/caf%%C3%%A9/%d\n",
		"unicode": "https://www.example.com/articles/café/%d\n",
	} {
		b.Run(name, func(b *testing.B) {
			benchmark(b, input.NewLines(&endless{text: thousand(format)}, input.Options{}))
		})
	}
}

func BenchmarkAuto(b *testing.B) {
	benchmark(b, input.NewAuto(&endless{text: thousand("https://www.example.com/articles/%d/index.html?page=2\n")}, input.Options{}))
}

func BenchmarkJSONL(b *testing.B) {
	base, err := input.ParseBase("https://api.example.com")
	if err != nil {
		b.Fatal(err)
	}
	for name, format := range map[string]string{
		"url":     `{"url":"https://www.example.com/articles/%d/index.html?page=2","id":"article-17"}` + "\n",
		"headers": `{"url":"https://www.example.com/%d","method":"POST","headers":{"X-A":"1","X-B":["2","3"]},"body":"a=1"}` + "\n",
		"batch": `{"custom_id":"request-%d","method":"POST","url":"/v1/chat/completions","body":{"model":"small",` +
			`"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Hello world!"}],"max_tokens":1000}}` + "\n",
	} {
		b.Run(name, func(b *testing.B) {
			benchmark(b, input.NewJSONL(&endless{text: thousand(format)}, input.Options{Base: base}))
		})
	}
}

func BenchmarkCSV(b *testing.B) {
	for name, row := range map[string]string{
		"plain":  "%d,https://www.example.com/articles/index.html?page=2,title,2024-01-01\n",
		"quoted": "\"%d\",\"https://www.example.com/articles/index.html?page=2\",\"a \"\"title\"\"\nof two lines\",2024-01-01\n",
	} {
		b.Run(name, func(b *testing.B) {
			benchmark(b, input.NewCSV(&endless{text: thousand(row)}, input.CSVOptions{Column: "2", IDColumn: "1"}))
		})
	}
}
