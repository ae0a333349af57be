package input_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/penstock-go/penstock/fetch/input"
)

var urls = input.Options{Source: "urls.txt"}

func TestLines(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"nothing":                 {"", ""},
		"only blanks":             {"\n \t\r\n\n# comment\n  # another", ""},
		"one a line":              {"https://a.example/\nhttp://b.example/x?y=z#f\n", "1 https://a.example/\n2 http://b.example/x?y=z#f"},
		"no last line end":        {"https://a.example", "1 https://a.example"},
		"CRLF":                    {"https://a.example\r\nhttps://b.example\r\n", "1 https://a.example\n2 https://b.example"},
		"CR at the end":           {"https://a.example\r", "1 https://a.example"},
		"byte order mark":         {"\xef\xbb\xbfhttps://a.example\n", "1 https://a.example"},
		"mark and comment":        {"\xef\xbb\xbf# list\nhttps://a.example\n", "2 https://a.example"},
		"nothing but a mark":      {"\xef\xbb\xbf", ""},
		"mark in the middle":      {"https://a.example\n\xef\xbb\xbfhttps://b.example", "1 https://a.example\nurls.txt:2: byte order mark (U+FEFF) at byte 1"},
		"spaces around":           {"  https://a.example\t \n", "1 https://a.example"},
		"blank lines are counted": {"\n\n#\nhttps://a.example\n\nx", "4 https://a.example\nurls.txt:6: missing scheme: a URL begins with http:// or https://"},
		"# within a line":         {"https://a.example/ # home", "urls.txt:1: space at byte 19: one URL a line; within a URL write %20"},
		"UTF-16, little":          {"\xff\xfeh\x00t\x00", "end: urls.txt: the text is UTF-16: make it UTF-8 with iconv -f UTF-16 -t UTF-8"},
		"UTF-16, big":             {"\xfe\xff\x00h\x00t", "end: urls.txt: the text is UTF-16: make it UTF-8 with iconv -f UTF-16 -t UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, input.NewLines(strings.NewReader(test.text), urls), test.want)
			check(t, input.NewLines(iotest.OneByteReader(strings.NewReader(test.text)), urls), test.want)
			check(t, input.NewLines(iotest.DataErrReader(strings.NewReader(test.text)), urls), test.want)
		})
	}
}

func TestRawIsTheLine(t *testing.T) {
	text := "\xef\xbb\xbf  https://a.example \r\nbad\x00line\n\n{\"url\": \"https://b.example\" }"
	items, err := all(t, input.NewAuto(strings.NewReader(text), urls))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, it := range items {
		got = append(got, string(it.Raw))
		if it.Source != "urls.txt" {
			t.Errorf("source %q", it.Source)
		}
	}
	want := []string{"  https://a.example ", "bad\x00line", `{"url": "https://b.example" }`}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	// The items are the caller's: what is read later does not change them.
	if items[0].URL != "https://a.example" || items[2].URL != "https://b.example" {
		t.Errorf("%q %q", items[0].URL, items[2].URL)
	}
}

// A line may be MaxLine long and no longer, whichever way it ends; the lines
// around a longer one are read as ever.
func TestLineTooLong(t *testing.T) {
	fits := "https://a.example/" + strings.Repeat("x", 82) // 100 bytes
	for name, test := range map[string]struct{ text, want string }{
		"LF":         {fits + "\n" + fits + "x\n" + fits + "\n", "1 " + fits + "\nurls.txt:2: line is longer than 100 bytes\n3 " + fits},
		"CRLF":       {fits + "\r\n" + fits + "x\r\n" + fits + "\r\n", "1 " + fits + "\nurls.txt:2: line is longer than 100 bytes\n3 " + fits},
		"end":        {fits, "1 " + fits},
		"end, over":  {fits + "x", "urls.txt:1: line is longer than 100 bytes"},
		"mark":       {"\xef\xbb\xbf" + fits, "1 " + fits},
		"comment":    {"#" + fits + "\n" + fits, "2 " + fits},
		"indented":   {strings.Repeat(" ", 150) + "#\n" + strings.Repeat(" ", 150) + "https:\n", "urls.txt:2: line is longer than 100 bytes"},
		"all blanks": {strings.Repeat(" ", 150) + "\n" + fits, "2 " + fits},
		"NUL first":  {strings.Repeat("\x00", 150) + "\n" + fits, "urls.txt:1: line is longer than 100 bytes\n2 " + fits},
		"huge":       {strings.Repeat("x", 300_000) + "\n" + fits, "urls.txt:1: line is longer than 100 bytes\n2 " + fits},
	} {
		t.Run(name, func(t *testing.T) {
			o := input.Options{Source: "urls.txt", MaxLine: 100}
			for _, r := range []io.Reader{strings.NewReader(test.text), iotest.OneByteReader(strings.NewReader(test.text))} {
				for _, it := range check(t, input.NewLines(r, o), test.want) {
					if it.Err == nil {
						continue
					}
					if !errors.Is(it.Err, input.ErrTooLong) || len(it.Raw) != 100 {
						t.Errorf("%d bytes of Raw, error %v", len(it.Raw), it.Err)
					}
				}
			}
		})
	}
}

func TestMaxLineInWords(t *testing.T) {
	for _, test := range []struct {
		n    int
		want string
	}{{1 << 10, "1 KiB"}, {1000, "1000 bytes"}, {3 << 20, "3 MiB"}, {1<<20 + 1, "1048577 bytes"}} {
		r := &endless{text: "x"}
		it, err := input.NewLines(io.LimitReader(r, int64(test.n+1)), input.Options{MaxLine: test.n}).Next()
		if err != nil || it.Err == nil || it.Err.Error() != "-:1: line is longer than "+test.want {
			t.Errorf("%d: %v, %v", test.n, err, it.Err)
		}
	}
}

func TestDefaultMaxLine(t *testing.T) {
	fits := "https://a.example/" + strings.Repeat("x", 1<<20-18)
	items, err := all(t, input.NewLines(strings.NewReader(fits+"\n"+fits+"x\nhttps://b.example\n"), urls))
	if err != nil || len(items) != 3 {
		t.Fatalf("%d items, error %v", len(items), err)
	}
	if items[0].Err != nil || items[0].URL != fits || items[2].URL != "https://b.example" {
		t.Errorf("%v, %d bytes, %q", items[0].Err, len(items[0].URL), items[2].URL)
	}
	if items[1].Err == nil || items[1].Err.Error() != "urls.txt:2: line is longer than 1 MiB" || string(items[1].Raw) != fits[:1024] {
		t.Errorf("%v, %d bytes", items[1].Err, len(items[1].Raw))
	}
}

// A source that breaks off within a line does not give half a URL.
func TestSourceBreaksOff(t *testing.T) {
	lost := errors.New("the disk is gone")
	for name, read := range map[string]func(io.Reader) input.Reader{
		"lines": func(r io.Reader) input.Reader { return input.NewLines(r, urls) },
		"auto":  func(r io.Reader) input.Reader { return input.NewAuto(r, urls) },
		"csv": func(r io.Reader) input.Reader {
			return input.NewCSV(r, input.CSVOptions{Options: urls, Column: "1"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := io.MultiReader(strings.NewReader("https://a.example/1\nhttps://a.example/12"), iotest.ErrReader(lost))
			items, err := all(t, read(r))
			if list(items) != "1 https://a.example/1" {
				t.Errorf("items:\n%s", list(items))
			}
			if !errors.Is(err, lost) || err.Error() != "urls.txt:2: cannot read on: the disk is gone" {
				t.Errorf("error: %v", err)
			}
		})
	}
}

func TestSourceBreaksOffInAQuotedField(t *testing.T) {
	lost := errors.New("the disk is gone")
	r := io.MultiReader(strings.NewReader("https://a.example,\"\n\n"), iotest.ErrReader(lost))
	items, err := all(t, input.NewCSV(r, input.CSVOptions{Options: urls, Column: "1"}))
	if len(items) != 0 || !errors.Is(err, lost) || err.Error() != "urls.txt:3: cannot read on: the disk is gone" {
		t.Errorf("%d items, error %v", len(items), err)
	}
}

func TestReaderThatGivesNothing(t *testing.T) {
	_, err := all(t, input.NewLines(emptyReader{}, urls))
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("error: %v", err)
	}
}

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, nil }

func TestAuto(t *testing.T) {
	check(t, input.NewAuto(strings.NewReader(`https://a.example
  {"url":"https://b.example","id":7}
# comment
{"url":"c.example"}
{"url":"https://d.example"
d.example
["https://e.example"]
`), urls), `1 https://a.example
2 https://b.example id="7"
urls.txt:4: missing scheme: did you mean https://c.example
urls.txt:5: bad JSON: the line ends within the value
urls.txt:6: missing scheme: did you mean https://d.example
urls.txt:7: not a URL but JSON: as JSON Lines it is one object a line (jq -c '.[]' makes lines of an array)`)
}

// The zero Options read the standard input.
func TestDefaultSource(t *testing.T) {
	check(t, input.NewLines(strings.NewReader("x"), input.Options{}), "-:1: missing scheme: a URL begins with http:// or https://")
}

// However long a line is, little of it is in memory.
func TestLongLineIsNotHeld(t *testing.T) {
	const size = 64 << 20
	for name, read := range map[string]func(io.Reader) input.Reader{
		"lines": func(r io.Reader) input.Reader { return input.NewLines(r, urls) },
		"jsonl": func(r io.Reader) input.Reader { return input.NewJSONL(r, urls) },
		"csv": func(r io.Reader) input.Reader {
			return input.NewCSV(r, input.CSVOptions{Options: urls, Column: "1"})
		},
		"csv, open quote": func(r io.Reader) input.Reader {
			return input.NewCSV(io.MultiReader(strings.NewReader(`"`), r), input.CSVOptions{Options: urls, Column: "1"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			long := &endless{text: strings.Repeat("https://example.com/", 1000)}
			r := read(io.MultiReader(io.LimitReader(long, size), strings.NewReader("\nx\n")))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			items, err := all(t, r)
			runtime.ReadMemStats(&after)
			if err != nil || len(items) != 2 || !errors.Is(items[0].Err, input.ErrTooLong) {
				t.Errorf("error %v, items\n%s", err, list(items))
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
				t.Errorf("allocated %d bytes for a line of %d", n, size)
			}
		})
	}
}

func TestManyLinesAcrossBuffers(t *testing.T) {
	var text bytes.Buffer
	var want []string
	for i := range 3000 {
		line := "https://a.example/" + strings.Repeat("x", i*i%5003)
		text.WriteString(line + "\n")
		want = append(want, line)
	}
	items, err := all(t, input.NewLines(&text, urls))
	if err != nil || len(items) != len(want) {
		t.Fatalf("%d items, error %v", len(items), err)
	}
	for i, it := range items {
		if it.URL != want[i] || string(it.Raw) != want[i] || it.Line != int64(i+1) || it.Err != nil {
			t.Fatalf("item %d: line %d, %d bytes, want %d, error %v", i, it.Line, len(it.URL), len(want[i]), it.Err)
		}
	}
}
