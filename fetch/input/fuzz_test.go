package input_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/penstock-go/penstock/fetch/input"
)

// fuzzMax is MaxLine in the fuzz tests: small, so that lines over it occur.
const fuzzMax = 60

var fuzzOptions = input.Options{Source: "fuzz", MaxLine: fuzzMax}

// atBufferEnd returns data behind a comment of such a length that data lies
// across the end of the reader's buffer, which is 64 KiB at first.
func atBufferEnd(data []byte, at uint8) []byte {
	pad := 65536 - 2 - int(at)
	return append(append([]byte{'#'}, bytes.Repeat([]byte("x"), pad)...), append([]byte{'\n'}, data...)...)
}

// sameItems checks that two runs gave the same, lines shifted by so many.
func sameItems(t *testing.T, how string, a, b []input.Item, shift int64) {
	t.Helper()
	if len(a) != len(b) {
		t.Fatalf("%s: %d items, and %d", how, len(a), len(b))
	}
	for i := range a {
		if err := same(a[i], b[i]); err != nil {
			t.Errorf("%s: item %d: %v", how, i, err)
		}
		if a[i].Line+shift != b[i].Line || !bytes.Equal(a[i].Raw, b[i].Raw) {
			t.Errorf("%s: item %d: line %d, Raw %q, and line %d, Raw %q", how, i, a[i].Line, a[i].Raw, b[i].Line, b[i].Raw)
		}
	}
}

// checkItems checks what holds of all items: little is held, an order is kept,
// and what is said to be good can be requested.
func checkItems(t *testing.T, items []input.Item, maxRaw int) {
	t.Helper()
	line := int64(0)
	for _, it := range items {
		if it.Line <= line {
			t.Errorf("line %d after line %d", it.Line, line)
		}
		line = it.Line
		if len(it.Raw) > maxRaw {
			t.Errorf("Raw is %d bytes long", len(it.Raw))
		}
		if bytes.IndexByte(it.Raw, '\n') >= 0 {
			t.Errorf("Raw is more than a line: %q", it.Raw)
		}
		if it.Err == nil {
			checkGood(t, it)
		}
	}
	checkRaw(t, items, input.Options{})
}

func checkGood(t *testing.T, it input.Item) {
	t.Helper()
	req, err := http.NewRequest(it.Method, it.URL, bytes.NewReader(it.Body))
	if err != nil {
		t.Fatalf("%q %q passes, but net/http says: %v", it.Method, it.URL, err)
	}
	if req.URL.Hostname() == "" || req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		t.Errorf("%q passes", it.URL)
	}
	// Only a small http takes the short way through the check.
	if rest, ok := strings.CutPrefix(it.URL, "http"); ok {
		if r := reason(t, "HTTP"+rest); r != "" && len(it.URL) < 1<<20 {
			t.Errorf("%q passes, but with capitals: %s", it.URL, r)
		}
	}
	if bytes.IndexByte([]byte(it.URL), 0) >= 0 || it.Cost < 0 {
		t.Errorf("%q, cost %d pass", it.URL, it.Cost)
	}
}

// wantLines says in the plainest way which lines are items, as line and text;
// the text of a line too long is "".
func wantLines(data []byte) (numbers []int64, texts []string) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	number := int64(0)
	for line := range bytes.Lines(data) {
		number++
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		text := bytes.Trim(line, " \t\v\f\r")
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		if len(line) > fuzzMax {
			line = nil
		}
		numbers, texts = append(numbers, number), append(texts, string(line))
	}
	return numbers, texts
}

func isUTF16(data []byte) bool {
	return bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff"))
}

func fuzzLineReader(f *testing.F, read func(io.Reader, input.Options) *input.LineReader) {
	f.Fuzz(func(t *testing.T, data []byte, at uint8) {
		if isUTF16(data) {
			return
		}
		items, err := all(t, read(bytes.NewReader(data), fuzzOptions))
		if err != nil {
			t.Fatal(err)
		}
		numbers, texts := wantLines(data)
		if len(items) != len(numbers) {
			t.Fatalf("%d items, want %d", len(items), len(numbers))
		}
		for i, it := range items {
			switch long := errors.Is(it.Err, input.ErrTooLong); {
			case it.Line != numbers[i], long != (texts[i] == ""), !long && string(it.Raw) != texts[i]:
				t.Errorf("item %d is line %d, %q, %v, want line %d, %q", i, it.Line, it.Raw, it.Err, numbers[i], texts[i])
			}
		}
		checkItems(t, items, fuzzMax)
		slow, err := all(t, read(iotest.OneByteReader(bytes.NewReader(data)), fuzzOptions))
		if err != nil {
			t.Fatal(err)
		}
		sameItems(t, "byte by byte", items, slow, 0)
		if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
			return
		}
		late, err := all(t, read(bytes.NewReader(atBufferEnd(data, at)), fuzzOptions))
		if err != nil {
			t.Fatal(err)
		}
		sameItems(t, "across buffers", items, late, 1)
	})
}

func FuzzLines(f *testing.F) {
	for _, s := range []string{
		"https://a.example\r\n\n# x\n b.example \nftp://c\nhttps://u:p@[::1]:80/%41?%zz#f",
		"\xef\xbb\xbfhttp://a.example:65536/\nhttps:/x\nhttps://é.example/\u00a0\n\xff\x00",
		strings.Repeat("x", fuzzMax) + "\r\n" + strings.Repeat(" ", fuzzMax+2) + "#\n" + strings.Repeat("y", fuzzMax+1),
		"user:pass@a.example\nhttp:\nhttps://\nlocalhost:80\n[1]\n\"x\"\n/p\n//\n://",
	} {
		f.Add([]byte(s), uint8(len(s)/2))
	}
	fuzzLineReader(f, input.NewLines)
}

func FuzzAuto(f *testing.F) {
	f.Add([]byte("https://a.example\n{\"url\":\"https://b.example\"}\n {\n[]\n"), uint8(20))
	f.Add([]byte("{\"url\":\"http://a.example\",\"body\":{\"a\":[{}]}}\r\n\r\n#{}\n{}"), uint8(9))
	fuzzLineReader(f, input.NewAuto)
}

// FuzzJSONL compares with what encoding/json makes of a line.
func FuzzJSONL(f *testing.F) {
	for _, s := range []string{
		`{"url":"https://a.example","id":7,"method":"put","headers":{"a":"b","c":["d"]},"body":"x","cost":2}`,
		`{"custom_id":"\u00e9\ud83d\ude00","url":"https:\/\/a.example","body":{"a":["}",{"\"":1}]}}`,
		`{"url":"https://a.example","id":"\\","id":null}`,
		` { "x" : [ 1 , { } ] , "url" : "http://a.example" , "body" : [ ] } `,
		`{"url":"https://a.example","headers":{"A":"\ud800"},"cost":1e3}`,
		`{}{}`, `[]`, `"`, `{"\u0075rl":null,"header":1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		line := bytes.ReplaceAll(data, []byte("\n"), []byte(" "))
		items, err := all(t, input.NewJSONL(bytes.NewReader(append([]byte("#\n"), line...)), urlsJSON))
		if err != nil {
			t.Fatal(err)
		}
		checkItems(t, items, len(line))
		if len(items) != 1 || items[0].Err != nil {
			return
		}
		it := items[0]
		var want map[string]json.RawMessage
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatalf("%s passes, but encoding/json says: %v", line, err)
		}
		text := func(name string) (s string) {
			if json.Unmarshal(want[name], &s) != nil {
				s = string(want[name])
			}
			return s
		}
		if got := strings.Trim(text("url"), " \t\n\v\f\r"); got != it.URL {
			t.Errorf("%s: URL is %q, want %q", line, it.URL, got)
		}
		if got := text("id") + text("custom_id"); got != it.ID {
			t.Errorf("%s: ID is %q, want %q", line, it.ID, got)
		}
		if got := text("method"); !strings.EqualFold(got, it.Method) {
			t.Errorf("%s: method is %q, want %q", line, it.Method, got)
		}
		if got := text("body"); got != string(it.Body) {
			t.Errorf("%s: body is %q, want %q", line, it.Body, got)
		}
		checkHeader(t, it, want)
	})
}

func checkHeader(t *testing.T, it input.Item, want map[string]json.RawMessage) {
	t.Helper()
	var headers map[string]any
	if want["headers"] != nil {
		if err := json.Unmarshal(want["headers"], &headers); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for name, value := range headers {
		var values []string
		switch value := value.(type) {
		case string:
			values = []string{value}
		case []any:
			for _, v := range value {
				values = append(values, v.(string))
			}
		}
		if !slices.Equal(it.Header.Values(name), values) {
			t.Errorf("header %s is %q, want %q", name, it.Header.Values(name), values)
		}
		if len(values) > 0 {
			n++
		}
		if strings.ContainsAny(name+strings.Join(values, ""), "\r\n\x00") {
			t.Errorf("header %q: %q passes", name, values)
		}
	}
	if len(it.Body) > 0 && it.Header.Get("Content-Type") == "application/json" && n < len(it.Header) {
		n++
	}
	if n != len(it.Header) {
		t.Errorf("headers %v of %v", it.Header, headers)
	}
}

// FuzzCSV compares with encoding/csv where that finds nothing wrong.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"https://a.example,x\r\n\r\nhttps://b.example,\"y\n\"\"z\"\"\"\n",
		"a,\"b\nc,d\ne,\"f\"\n,\n\"\"\n",
		"a,b\"c\n\"a\"b,c\n\"\n\"\n",
		"\xef\xbb\xbf\"https://a.example\",\"\n" + strings.Repeat("x\n", fuzzMax),
		"\"" + strings.Repeat("y,", fuzzMax) + "\"\nhttps://a.example",
		"a\r\r\n\"\r\n\"\n \n#,#\n\"\"\"\"",
	} {
		f.Add([]byte(s), uint8(len(s)/2))
	}
	f.Fuzz(func(t *testing.T, data []byte, at uint8) {
		if isUTF16(data) {
			return
		}
		o := input.CSVOptions{Options: fuzzOptions, Column: "1"}
		items, err := all(t, input.NewCSV(bytes.NewReader(data), o))
		if err != nil {
			t.Fatal(err)
		}
		checkItems(t, items, 8<<10)
		slow, err := all(t, input.NewCSV(iotest.OneByteReader(bytes.NewReader(data)), o))
		if err != nil {
			t.Fatal(err)
		}
		sameItems(t, "byte by byte", items, slow, 0)
		compareCSV(t, data, items)
		if bytes.IndexByte(data, '"') < 0 && bytes.IndexByte(data, '#') < 0 {
			if numbers, _ := wantLines(data); len(numbers) != len(items) {
				t.Errorf("%d items of %d lines", len(items), len(numbers))
			}
		}
		if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
			return
		}
		late, err := all(t, input.NewCSV(bytes.NewReader(atBufferEnd(data, at)), o))
		if err != nil {
			t.Fatal(err)
		}
		// What goes before it is a line too long.
		for i := range late {
			late[i].Index--
		}
		sameItems(t, "across buffers", items, late[1:], 1)
	})
}

func compareCSV(t *testing.T, data []byte, items []input.Item) {
	t.Helper()
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	for line := range bytes.Lines(data) {
		ended := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if len(ended) > 0 && len(bytes.Trim(ended, " \t\r\v\f")) == 0 || len(line) > fuzzMax {
			return // a record to encoding/csv, or one that is too long
		}
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	if err != nil {
		return
	}
	if len(items) != len(records) {
		if !slices.ContainsFunc(items, func(it input.Item) bool { return errors.Is(it.Err, input.ErrTooLong) }) {
			t.Fatalf("%d items, encoding/csv finds %d", len(items), len(records))
		}
		return
	}
	for i, it := range items {
		// A ragged record has no URL here.
		if len(records[i]) == len(records[0]) && !errors.Is(it.Err, input.ErrTooLong) {
			got := strings.ReplaceAll(it.URL, "\r\n", "\n")
			if want := strings.Trim(records[i][0], " \t\r\n\v\f"); got != want {
				t.Errorf("record %d: %q, encoding/csv finds %q", i, got, want)
			}
		}
	}
}
