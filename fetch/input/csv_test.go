package input_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/penstock-go/penstock/fetch/input"
)

var urlsCSV = input.Options{Source: "urls.csv"}

func TestCSV(t *testing.T) {
	const a, b = "https://a.example", "https://b.example"
	for name, test := range map[string]struct {
		o          input.CSVOptions
		text, want string
	}{
		"column url":         {input.CSVOptions{}, "url\n" + a + "\n" + b, "2 " + a + "\n3 " + b},
		"by name":            {input.CSVOptions{Column: "link"}, "id,link\n1," + a, "2 " + a},
		"with id":            {input.CSVOptions{Column: "link", IDColumn: "id"}, "id,link\n1," + a + "\n," + b, "2 " + a + " id=\"1\"\n3 " + b},
		"capitals":           {input.CSVOptions{Column: "Link"}, "id, LINK \n1," + a, "2 " + a},
		"the very same name": {input.CSVOptions{Column: "url"}, "URL,url\nx," + a, "2 " + a},
		"by number":          {input.CSVOptions{Column: "2", IDColumn: "1"}, "x," + a + "\ny," + b, "1 " + a + " id=\"x\"\n2 " + b + " id=\"y\""},
		"CRLF and mark":      {input.CSVOptions{}, "\xef\xbb\xbfurl,x\r\n" + a + ",\r\n", "2 " + a},
		"blank lines":        {input.CSVOptions{}, "\n\nurl\n\n" + a + "\n  \n\r\n" + b + "\n\n", "5 " + a + "\n8 " + b},
		"no comments":        {input.CSVOptions{Column: "2"}, "#1," + a, "1 " + a},
		"spaces around":      {input.CSVOptions{Column: "2"}, "x,  " + a + "\t", "1 " + a},
		"quotes":             {input.CSVOptions{Column: "2", IDColumn: "1"}, `"x, ""y""","` + a + `"`, "1 " + a + ` id="x, \"y\""`},
		"line break":         {input.CSVOptions{Column: "2", IDColumn: "1"}, "\"x\ny\r\nz\"," + a + "\nw," + b, "1 " + a + ` id="x\ny\r\nz"` + "\n4 " + b + ` id="w"`},
		"quoted header":      {input.CSVOptions{Column: "the\nurl"}, "\"the\nurl\"\n" + a, "3 " + a},
		"empty fields":       {input.CSVOptions{Column: "3"}, ",\"\"," + a, "1 " + a},
		"tabs":               {input.CSVOptions{Comma: '\t'}, "id\turl\n1,5\t" + a, "2 " + a},
		"only a header":      {input.CSVOptions{}, "url\n", ""},
		"empty, by number":   {input.CSVOptions{Column: "1"}, "", ""},

		"header not there":  {input.CSVOptions{}, "", `end: urls.csv: empty: there is no header with a column "url"`},
		"column not there":  {input.CSVOptions{Column: "link"}, "id,url,title\n", `end: urls.csv:1: no column "link"; the columns are "id", "url", "title"`},
		"id not there":      {input.CSVOptions{IDColumn: "key"}, "id,url,title\n", `end: urls.csv:1: no column "key"; the columns are "id", "url", "title"`},
		"semicolons":        {input.CSVOptions{}, "id;url\n", `end: urls.csv:1: no column "url"; the columns are "id;url" (are the fields separated by ';'?)`},
		"header is a URL":   {input.CSVOptions{}, "1,https://u:secret@a.example\n", `end: urls.csv:1: no column "url"; the columns are "1", a URL (for a file without a header give the column's number)`},
		"many columns":      {input.CSVOptions{}, strings.Repeat("c,", 24) + "c", `end: urls.csv:1: no column "url"; the columns are ` + strings.Repeat(`"c", `, 19) + `"c", 5 more`},
		"twice":             {input.CSVOptions{}, "url,x,url\n", `end: urls.csv:1: column "url" appears twice: rename one`},
		"twice in capitals": {input.CSVOptions{}, "URL,x,Url\n", `end: urls.csv:1: column "url" appears twice: rename one`},
		"broken header":     {input.CSVOptions{}, "\nurl,\"x\"y\n", `end: urls.csv:2: header: text after a field's closing quote: double the quotes within a field`},
		"header too long":   {input.CSVOptions{Options: input.Options{Source: "urls.csv", MaxLine: 5}}, "url,xy\n", `end: urls.csv:1: header: line is longer than 5 bytes`},
		"header not closed": {input.CSVOptions{}, "url,\"x\ny\n", `end: urls.csv:1: header: a quoted field is not closed`},
		"header never ends": {input.CSVOptions{Options: input.Options{Source: "urls.csv", MaxLine: 8}}, "url,\"x\nyyyy\n", `end: urls.csv:1: header: a quoted field is not closed within 8 bytes`},
		"UTF-16":            {input.CSVOptions{}, "\xff\xfeu\x00", `end: urls.csv: the text is UTF-16: make it UTF-8 with iconv -f UTF-16 -t UTF-8`},
		"number too great":  {input.CSVOptions{Column: "3"}, "\nx," + a, `end: urls.csv:2: no column 3: the first record has 2 fields`},
		"id too great":      {input.CSVOptions{Column: "1", IDColumn: "2"}, a, `end: urls.csv:1: no column 2: the first record has 1 field`},
		"column 0":          {input.CSVOptions{Column: "0"}, a, `end: urls.csv: columns are counted from 1`},
		"id column -1":      {input.CSVOptions{Column: "1", IDColumn: "-1"}, a, `end: urls.csv: columns are counted from 1`},
		"name and number":   {input.CSVOptions{Column: "1", IDColumn: "id"}, a, `end: urls.csv: columns "1" and "id": give both by name, or both by number if there is no header`},

		"header by number": {
			input.CSVOptions{Column: "1"},
			"url\n" + a,
			"urls.csv:1: missing scheme: a URL begins with http:// or https://\n2 " + a,
		},
		"ragged": {
			input.CSVOptions{},
			"url,x\n" + a + ",1\n" + a + "/x,y,1\n" + a + "\n" + b + ",2",
			"2 " + a + "\nurls.csv:3: 3 fields here, but 2 fields in the first record: is there a comma that is not in quotes?" +
				"\nurls.csv:4: 1 field here, but 2 fields in the first record: is there a comma that is not in quotes?\n5 " + b,
		},
		"bad URLs": {
			input.CSVOptions{IDColumn: "x"},
			"url,x\n,1\na.example,2\n" + a + ",3\n\"https://a\nb\",4",
			"urls.csv:2: empty URL\nurls.csv:3: missing scheme: did you mean https://a.example\n4 " + a + " id=\"3\"\nurls.csv:5: control character U+000A at byte 10",
		},
		"bad id": {
			input.CSVOptions{IDColumn: "x"},
			"url,x\n" + a + ",caf\xe9\n" + b + ",café",
			"urls.csv:2: the id is not valid UTF-8: another encoding?\n3 " + b + ` id="café"`,
		},
		"quote in the middle": {
			input.CSVOptions{},
			"url,x\n" + a + ",5\" disk\n" + b + ",2",
			"urls.csv:2: a quote within a field that does not begin with one: quote the field and double the quote\n3 " + b,
		},
		"text after a quote": {
			input.CSVOptions{},
			"url,x\n" + a + ",\"5\" disk\n" + b + ",2",
			"urls.csv:2: text after a field's closing quote: double the quotes within a field\n3 " + b,
		},
		"quote not closed": {
			input.CSVOptions{},
			"url,x\n" + a + ",\"1\n" + b + ",2\n\n" + a + ",3",
			"urls.csv:2: a quoted field is not closed\n3 " + b + "\n5 " + a,
		},
		"quote closed by another": {
			input.CSVOptions{},
			"url,x\n" + a + ",\"1\n" + b + ",2\n" + a + ",\"3\"",
			"urls.csv:2: text after a field's closing quote: double the quotes within a field\n3 " + b + "\n4 " + a,
		},
		"line too long": {
			input.CSVOptions{Options: input.Options{Source: "urls.csv", MaxLine: 30}},
			"url,x\n" + a + ",1\n" + a + ",12345678901234567890\n" + b + ",2",
			"2 " + a + "\nurls.csv:3: line is longer than 30 bytes\n4 " + b,
		},
		"record of the greatest length": {
			input.CSVOptions{Options: input.Options{Source: "urls.csv", MaxLine: 28}},
			"url,x\n" + a + ",\"345\r\n890\"\r\n" + b + ",\"345\r\n8901\"\r\n" + a + ",x",
			"2 " + a + "\nurls.csv:4: a quoted field is not closed within 28 bytes\nurls.csv:5: a quote within a field that does not begin with one: quote the field and double the quote\n6 " + a,
		},
		"record too long": {
			input.CSVOptions{Options: input.Options{Source: "urls.csv", MaxLine: 40}},
			"url,x\n" + a + ",\"1\n" + b + ",2\n" + a + ",3\n" + b + ",4\"",
			"urls.csv:2: a quoted field is not closed within 40 bytes\n3 " + b + "\n4 " + a + "\nurls.csv:5: a quote within a field that does not begin with one: quote the field and double the quote",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := test.o
			if o.Source == "" {
				o.Options = urlsCSV
			}
			items := check(t, input.NewCSV(strings.NewReader(test.text), o), test.want)
			checkRaw(t, items, input.Options{})
			check(t, input.NewCSV(iotest.OneByteReader(strings.NewReader(test.text)), o), test.want)
		})
	}
}

func TestCSVRaw(t *testing.T) {
	text := "id,url\n1,https://a.example/?a=b&c=<d>\n,https://b.example\n\"x\"\"\t\u00e9\x0f\x10\n\",https://c.example\nbad,no url\na,b,c\n\"\x01\\\n"
	items, err := all(t, input.NewCSV(strings.NewReader(text), input.CSVOptions{IDColumn: "id"}))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"url":"https://a.example/?a=b&c=<d>","id":"1"}`,
		`{"url":"https://b.example"}`,
		`{"url":"https://c.example","id":"x\"\u0009é\u000f\u0010\u000a"}`,
		`{"url":"no url","id":"bad"}`,
		`{"csv":"a,b,c"}`,
		`{"csv":"\"\u0001\\"}`,
	}
	var got []string
	for _, it := range items {
		got = append(got, string(it.Raw))
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
	checkRaw(t, items, input.Options{})
}

// A path in a cell is joined for the fetch, and stays a path in Raw.
func TestCSVBase(t *testing.T) {
	base, err := input.ParseBase("https://api.example.com")
	if err != nil {
		t.Fatal(err)
	}
	o := input.Options{Base: base}
	items := check(t, input.NewCSV(strings.NewReader("url\n/v1"), input.CSVOptions{Options: o}), "2 https://api.example.com/v1")
	if string(items[0].Raw) != `{"url":"/v1"}` {
		t.Errorf("%s", items[0].Raw)
	}
	checkRaw(t, items, o)
}

// A line made of URL and id is no longer than a line may be.
func TestCSVRawTooLong(t *testing.T) {
	id := strings.Repeat("\x01", 10_000)
	items, err := all(t, input.NewCSV(strings.NewReader("https://a.example,"+id), input.CSVOptions{
		Options: input.Options{Source: "urls.csv", MaxLine: 20_000}, Column: "1", IDColumn: "2",
	}))
	if err != nil || len(items) != 1 || !errors.Is(items[0].Err, input.ErrTooLong) || len(items[0].Raw) > 20_000 {
		t.Fatalf("%d items, error %v", len(items), err)
	}
	if got := items[0].Err.Error(); got != "urls.csv:1: URL and id make a line longer than 20000 bytes" {
		t.Error(got)
	}
}

func TestCSVHeader(t *testing.T) {
	r := input.NewCSV(strings.NewReader("id, URL \n1,https://a.example"), input.CSVOptions{})
	for range 2 {
		names, err := r.Header()
		if err != nil || fmt.Sprintf("%q", names) != `["id" "URL"]` {
			t.Errorf("%q, %v", names, err)
		}
	}
	check(t, r, "2 https://a.example")
	if names, err := r.Header(); err != nil || len(names) != 2 {
		t.Errorf("at the end: %q, %v", names, err)
	}
	r = input.NewCSV(strings.NewReader("https://a.example"), input.CSVOptions{Column: "1"})
	if names, err := r.Header(); err != nil || names != nil {
		t.Errorf("by number: %q, %v", names, err)
	}
	check(t, r, "1 https://a.example")
	r = input.NewCSV(strings.NewReader("id"), input.CSVOptions{Options: urlsCSV})
	if _, err := r.Header(); err == nil || err.Error() != `urls.csv:1: no column "url"; the columns are "id"` {
		t.Errorf("error %v", err)
	}
}

// A quote that is never closed costs its own line and no other, wherever it
// is in a file of any length. That ends soon only because no line is looked at
// more often than twice on its account.
func TestCSVOpenQuotes(t *testing.T) {
	rows := strings.Repeat("https://a.example/,x\n", 60_000) // more than MaxLine
	for name, test := range map[string]struct {
		text, bad string
		every     int
	}{
		"far apart": {strings.Repeat("https://a.example/,\"x\n"+rows, 5), "a quoted field is not closed within 1 MiB", 60_001},
		"in pairs":  {strings.Repeat("https://a.example/,\"x\nhttps://a.example/,\"\"\n", 60_000) + "https://a.example/,\"x", "text after a field's closing quote: double the quotes within a field", 2},
	} {
		t.Run(name, func(t *testing.T) {
			items, err := all(t, input.NewCSV(strings.NewReader(test.text), input.CSVOptions{Options: urlsCSV, Column: "1"}))
			if n := strings.Count(test.text, "https"); err != nil || len(items) != n {
				t.Fatalf("%d items, want %d, error %v", len(items), n, err)
			}
			for i, it := range items[:len(items)-1] {
				want := ""
				if i%test.every == 0 {
					want = fmt.Sprintf("urls.csv:%d: %s", i+1, test.bad)
				}
				if got := list(items[i : i+1]); it.Line != int64(i+1) || want != "" && got != want || want == "" && it.Err != nil {
					t.Fatalf("item %d, line %d: %s, want %s", i, it.Line, got, want)
				}
			}
		})
	}
}
