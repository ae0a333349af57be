package input_test

import (
	"fmt"
	"io"
	"strings"

	"github.com/penstock-go/penstock/fetch/input"
)

// show writes the items of a reader.
func show(r input.Reader) {
	for {
		it, err := r.Next()
		switch {
		case err == io.EOF:
			return
		case err != nil:
			fmt.Println("cannot go on:", err)
			return
		case it.Err != nil:
			fmt.Println(it.Index, "bad:", it.Err)
		default:
			fmt.Println(strings.TrimSpace(fmt.Sprintln(it.Index, it.URL, it.ID)))
		}
	}
}

func ExampleNewLines() {
	text := `# our sites
https://example.com/

example.org
`
	show(input.NewLines(strings.NewReader(text), input.Options{Source: "urls.txt"}))
	// Output:
	// 0 https://example.com/
	// 1 bad: urls.txt:4: missing scheme: did you mean https://example.org
}

func ExampleNewJSONL() {
	text := `{"url":"https://example.com/a","id":"first"}
{"url":"https://example.com/b","header":{"Accept":"text/html"}}
{"url":"https://example.com/c"`
	show(input.NewJSONL(strings.NewReader(text), input.Options{Source: "urls.jsonl"}))
	// Output:
	// 0 https://example.com/a first
	// 1 bad: urls.jsonl:2: unknown field "header"; did you mean "headers"?
	// 2 bad: urls.jsonl:3: bad JSON: the line ends within the value
}

// A batch file of an API names paths; the base says where they are.
func ExampleNewJSONL_batch() {
	text := `{"custom_id":"request-1","method":"POST","url":"/v1/chat/completions","body":{"model":"small"}}`
	base, err := input.ParseBase("https://api.example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	it, _ := input.NewJSONL(strings.NewReader(text), input.Options{Base: base}).Next()
	fmt.Println(it.Method, it.URL, it.ID)
	fmt.Printf("%s %s\n", it.Header.Get("Content-Type"), it.Body)
	// Output:
	// POST https://api.example.com/v1/chat/completions request-1
	// application/json {"model":"small"}
}

// What failed, of whatever kind, makes one file that can be fetched again.
func ExampleNewAuto() {
	text := `https://example.com/a
{"url":"https://example.com/b","id":7}`
	show(input.NewAuto(strings.NewReader(text), input.Options{}))
	// Output:
	// 0 https://example.com/a
	// 1 https://example.com/b 7
}

func ExampleNewCSV() {
	text := `id,title,address
7,"Hello, world",https://example.com/hello
8,Help,https://example.com/help?a,b
`
	show(input.NewCSV(strings.NewReader(text), input.CSVOptions{
		Options: input.Options{Source: "pages.csv"}, Column: "address", IDColumn: "id",
	}))
	show(input.NewCSV(strings.NewReader(text), input.CSVOptions{
		Options: input.Options{Source: "pages.csv"}, Column: "link",
	}))
	// Output:
	// 0 https://example.com/hello 7
	// 1 bad: pages.csv:3: 4 fields here, but 3 fields in the first record: is there a comma that is not in quotes?
	// cannot go on: pages.csv:1: no column "link"; the columns are "id", "title", "address"
}

func ExampleNewArgs() {
	show(input.NewArgs([]string{"https://example.com", "ftp://example.com"}, input.Options{}))
	// Output:
	// 0 https://example.com
	// 1 bad: arg:2: unsupported scheme "ftp": only http and https can be fetched
}

func ExampleConcat() {
	show(input.Concat(
		input.Opened(input.NewArgs([]string{"https://example.com"}, input.Options{})),
		input.Opened(input.NewLines(strings.NewReader("https://example.org"), input.Options{Source: "urls.txt"})),
	))
	// Output:
	// 0 https://example.com
	// 1 https://example.org
}
