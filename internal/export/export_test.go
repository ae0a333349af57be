package export_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/export"
)

var started = time.Date(2026, 3, 4, 5, 6, 7, 891_234_000, time.UTC)

// records are of every kind that package fetch writes.
var records = []fetch.Record{
	{
		Index: 0, ID: "a", URL: "http://h.example/0", FinalURL: "http://h.example/f", Status: 200, OK: true, Attempts: 2,
		Started: started, Queue: 1234567 * time.Nanosecond, TTFB: 5 * time.Millisecond, Total: time.Second, Connect: 2500 * time.Microsecond, Proto: "HTTP/2.0", Bytes: 5, ContentType: "text/plain",
		Header: http.Header{"Etag": {`"x,y"`}, "Vary": {"a", "b\r\nc"}, "Empty": {}}, Body: []byte("a,\"b\"\r\nc\nü\r"),
	},
	{Index: 1, URL: "http://h.example/1", Status: 404, Attempts: 1, Started: started, Error: &fetch.Error{Class: fetch.Status, Message: "404 Not Found"}, Header: http.Header{}, Body: []byte{}},
	{Index: 2, URL: "no url, =1+1", Attempts: 0, Error: &fetch.Error{Class: fetch.InvalidInput, Message: `bad "URL"`}},
	{Index: 1 << 40, ID: "=cmd|'/c calc'!A1", URL: "http://h.example/3", Status: 200, OK: true, Attempts: 1, Started: started.Add(time.Hour), Bytes: 4, Body: []byte{0xff, 0, '\n', '"'}},
}

const headersText = `{"Etag":["\"x,y\""],"Vary":["a","b\r\nc"]}`

// input is the file that package fetch writes.
func input(t testing.TB, list []fetch.Record) string {
	t.Helper()
	var b []byte
	for i := range list {
		b = append(list[i].AppendJSON(b), '\n')
	}
	return string(b)
}

func run(t testing.TB, o export.Options, in string) (string, int64, error) {
	t.Helper()
	x, err := export.New(o)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	n, err := x.Run(t.Context(), &out, strings.NewReader(in))
	return out.String(), n, err
}

// table is the CSV read back. encoding/csv cannot tell CRLF in a value from LF,
// so that bodies with one are looked at in the text.
func table(t testing.TB, text string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return rows
}

func TestCSV(t *testing.T) {
	text, n, err := run(t, export.Options{Format: export.CSV}, input(t, records))
	if err != nil || n != int64(len(records)) {
		t.Fatalf("%d rows, %v", n, err)
	}
	rows := table(t, text)
	if !slices.Equal(rows[0], export.Columns()) || len(rows) != 1+len(records) {
		t.Fatalf("%d rows, header %q", len(rows), rows[0])
	}
	for i, r := range records {
		want := map[string]string{
			"index": strconv.FormatInt(r.Index, 10), "id": r.ID, "url": r.URL, "final_url": r.FinalURL,
			"status": strconv.Itoa(r.Status), "ok": strconv.FormatBool(r.OK), "attempts": strconv.Itoa(r.Attempts),
			"bytes": strconv.FormatInt(r.Bytes, 10), "content_type": r.ContentType, "body_ref": "",
			"queue_ms": "0", "ttfb_ms": "0", "total_ms": "0", "headers": "", "body": "", "body_binary": "",
			"connect_ms": "0", "proto": r.Proto,
		}
		if r.Error != nil {
			want["error_class"], want["error_message"] = string(r.Error.Class), r.Error.Message
		}
		if !r.Started.IsZero() {
			want["started"] = r.Started.Format("2006-01-02T15:04:05.000000Z")
		}
		switch i {
		case 0:
			want["queue_ms"], want["ttfb_ms"], want["total_ms"] = "1.234", "5", "1000"
			want["connect_ms"] = "2.5"
			want["headers"], want["body"] = headersText, "a,\"b\"\nc\nü\r"
		case 1:
			want["headers"] = "{}"
		case 3:
			want["body_binary"] = base64.StdEncoding.EncodeToString(r.Body)
		}
		for k, name := range rows[0] {
			if rows[i+1][k] != want[name] {
				t.Errorf("row %d, %s: %q, not %q", i, name, rows[i+1][k], want[name])
			}
		}
	}
	// Rows end by CRLF, and what is in a value stays as it is.
	if !strings.Contains(text, "\"a,\"\"b\"\"\r\nc\nü\r\"") || !strings.HasPrefix(text, strings.Join(rows[0], ",")+"\r\n") {
		t.Errorf("%q", text)
	}
}

// The bytes, as RFC 4180 wants them.
func TestCSVBytes(t *testing.T) {
	cell := func(id string) string { return input(t, []fetch.Record{{ID: id}}) }
	for _, test := range []struct {
		columns   string
		in        string
		plain     string
		sheetOnly string // "" means as plain
	}{
		{"id", cell("x"), "x", ""},
		{"id", cell(""), `""`, ""}, // an empty line would be no row
		{"id,ok", cell(""), `,false`, ""},
		{"id", cell(`\.`), `"\."`, ""},
		{"id", cell(" x"), `" x"`, ""},
		{"id", cell("x\t"), "\"x\t\"", ""},
		{"id", cell("a b"), "a b", ""},
		{"id", cell("\n"), "\"\n\"", "\"'\n\""},
		{"id", cell(`"`), `""""`, ""},
		{"id", cell("=1+1"), "=1+1", "'=1+1"},
		{"id", cell("@SUM(A1)"), "@SUM(A1)", "'@SUM(A1)"},
		{"id", cell("-1"), "-1", "'-1"},
		{"id", cell("+1,\"2\""), `"+1,""2"""`, `"'+1,""2"""`},
		{"id", cell("\t=1"), "\"\t=1\"", "'\t=1"},
		{"id", cell("＝1"), "＝1", "'＝1"},
		{"id", cell("1=1"), "1=1", ""},
	} {
		for _, spreadsheet := range []bool{false, true} {
			bom, want := "", test.plain
			if spreadsheet {
				bom = "\ufeff"
				if test.sheetOnly != "" {
					want = test.sheetOnly
				}
			}
			got, _, err := run(t, export.Options{Format: export.CSV, Columns: strings.Split(test.columns, ","), Spreadsheet: spreadsheet}, test.in)
			if want = bom + test.columns + "\r\n" + want + "\r\n"; got != want || err != nil {
				t.Errorf("spreadsheet %v: %q, %v, not %q", spreadsheet, got, err, want)
			}
		}
	}
}

func TestNothing(t *testing.T) {
	for _, in := range []string{"", "\n\n"} {
		got, n, err := run(t, export.Options{Format: export.CSV, Columns: []string{"id", "url"}}, in)
		if got != "id,url\r\n" || n != 0 || err != nil {
			t.Errorf("%q: %q, %d, %v", in, got, n, err)
		}
	}
}

func TestColumns(t *testing.T) {
	all := export.Columns()
	for _, test := range []struct {
		names string
		want  []string
		err   string
	}{
		{names: "", want: all},
		{names: "url,index", want: []string{"url", "index"}},
		{names: "-body,-headers", want: slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == "body" || s == "headers" })},
		{names: "uri", err: `there is no column "uri"`},
		{names: "-uri", err: `there is no column "uri"`},
		{names: "url,url", err: `column "url" twice`},
		{names: "-url,-url", err: `column "url" twice`},
		{names: "url,-body", err: "not both"},
		{names: "-url,body", err: "not both"},
		{names: "-" + strings.Join(all, ",-"), err: "no column is left"},
	} {
		var names []string
		if test.names != "" {
			names = strings.Split(test.names, ",")
		}
		for _, format := range []export.Format{export.CSV, export.Parquet} {
			x, err := export.New(export.Options{Format: format, Columns: names})
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("%s: %v", test.names, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if _, err := x.Run(t.Context(), &out, strings.NewReader(input(t, records))); err != nil {
				t.Fatal(err)
			}
			got := strings.Split(strings.SplitN(out.String(), "\r\n", 2)[0], ",")
			if format == export.Parquet {
				got = parquetColumns(t, out.Bytes())
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%s, %s: %q", format, test.names, got)
			}
		}
	}
	for _, o := range []export.Options{{}, {Format: "xlsx"}, {Format: export.Parquet, Spreadsheet: true}} {
		if _, err := export.New(o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

func TestBadLines(t *testing.T) {
	good := input(t, records[:1])
	for _, test := range []struct {
		in   string
		line int64
		is   error
		want string
	}{
		{good + good[:50], 2, export.ErrTorn, "line 2: torn: the file ends in the middle of a record"},
		{good + good[:len(good)-2], 2, export.ErrTorn, ""},
		{good + "{", 2, export.ErrTorn, ""},
		{good + `{"index":1,"url":"` + strings.Repeat("x", 200_000), 2, export.ErrTorn, ""},
		{good + good[:50] + "\n" + good, 2, export.ErrNotRecord, "line 2: not a record of penstock fetch: invalid character"},
		{good + `{"index":1` + "\n" + good, 2, export.ErrNotRecord, "line 2: not a record of penstock fetch: the JSON ends in the middle"},
		{"http://h.example/\n", 1, export.ErrNotRecord, `line 1: not a record of penstock fetch: it begins with "http://h.exa"...`},
		{good + "\n\n" + "\x00\x00\x00", 4, export.ErrNotRecord, `line 4: not a record of penstock fetch: it begins with "\x00\x00\x00"`},
		{good + "[1]\n", 2, export.ErrNotRecord, "a JSON array, not an object"},
		{good + "7", 2, export.ErrNotRecord, "a JSON number, not an object"},
		{good + "{}\n", 2, export.ErrNotRecord, `no "index"`},
		{`{"url":"http://h.example/"}` + "\n", 1, export.ErrNotRecord, `no "index"`},
		{`{"index":1,"url":"x","ok":true}` + "\n", 1, export.ErrNotRecord, `no "status"`},
		{`{"index":1,"url":"x","status":"200","ok":true}` + "\n", 1, export.ErrNotRecord, `"status" cannot be string`},
		{`{"index":1,"url":"x","status":99999999999,"ok":true}` + "\n", 1, export.ErrNotRecord, `"status" cannot be number 99999999999`},
		{`{"index":1.5,"url":"x","status":1,"ok":true}` + "\n", 1, export.ErrNotRecord, `"index" cannot be number 1.5`},
		{`{"index":1,"url":"x","status":1,"ok":true,"error":{"class":3}}` + "\n", 1, export.ErrNotRecord, `"error.class" cannot be number`},
		{`{"index":1,"url":"x","status":1,"ok":true,"body_base64":"%"}` + "\n", 1, export.ErrNotRecord, "illegal base64"},
		{`{"index":1,"url":"x","status":1,"ok":true,"started":"now"}` + "\n", 1, export.ErrNotRecord, `"now"`},
		{`{"index":1 "url":"x"}` + "\n", 1, export.ErrNotRecord, "at byte 12 of it"},
		{good + good[:len(good)-1] + good, 2, export.ErrNotRecord, "invalid character '{' after top-level value"},
	} {
		for _, format := range []export.Format{export.CSV, export.Parquet} {
			_, n, err := run(t, export.Options{Format: format}, test.in)
			bad, ok := errors.AsType[*export.LineError](err)
			if !ok || bad.Line != test.line || !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.want) || n != int64(strings.Count(test.in[:min(len(test.in), len(good))], good)) {
				t.Errorf("%.80q: after %d rows: %v", test.in, n, err)
			}
		}
	}
	// A last line that only lacks its end is whole.
	if _, n, err := run(t, export.Options{Format: export.CSV}, good+strings.TrimSpace(good)); n != 2 || err != nil {
		t.Errorf("no end of line: %d, %v", n, err)
	}
	// The rows before a bad line are there.
	text, _, _ := run(t, export.Options{Format: export.CSV, Columns: []string{"index"}}, good+"x")
	if text != "index\r\n0\r\n" {
		t.Errorf("before the bad line: %q", text)
	}
	// And nothing where there are none: it was another file.
	if text, _, _ := run(t, export.Options{Format: export.CSV}, "x"); text != "" {
		t.Errorf("of another file: %q", text)
	}
}

// Errors of the files come through.
func TestErrors(t *testing.T) {
	broken := errors.New("broken")
	good := input(t, records)
	for _, format := range []export.Format{export.CSV, export.Parquet} {
		x, err := export.New(export.Options{Format: format})
		if err != nil {
			t.Fatal(err)
		}
		_, err = x.Run(t.Context(), io.Discard, io.MultiReader(strings.NewReader(good), iotest.ErrReader(broken)))
		if bad, ok := errors.AsType[*export.LineError](err); !ok || bad.Line != 5 || !errors.Is(err, broken) {
			t.Errorf("%s: reading: %v", format, err)
		}
		_, err = x.Run(t.Context(), errWriter{broken}, strings.NewReader(good))
		if !errors.Is(err, broken) {
			t.Errorf("%s: writing: %v", format, err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(broken)
		if _, err := x.Run(ctx, io.Discard, strings.NewReader(good)); !errors.Is(err, broken) {
			t.Errorf("%s: canceled: %v", format, err)
		}
	}
}

// A file of something else is given up at its first line, however long that is.
func TestEndlessLine(t *testing.T) {
	x, err := export.New(export.Options{Format: export.CSV})
	if err != nil {
		t.Fatal(err)
	}
	in := &zeros{}
	if _, err := x.Run(t.Context(), io.Discard, in); !errors.Is(err, export.ErrNotRecord) || in.n > 1<<20 {
		t.Errorf("after %d bytes: %v", in.n, err)
	}
}

// zeros is /dev/zero, up to a point.
type zeros struct{ n int }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n += len(p); z.n > 64<<20 {
		return 0, io.EOF
	}
	clear(p)
	return len(p), nil
}

type errWriter struct{ err error }

func (w errWriter) Write([]byte) (int, error) { return 0, w.err }

func FuzzLines(f *testing.F) {
	f.Add([]byte(input(f, records)))
	f.Add([]byte(`{"index":1,"url":"","status":0,"ok":false,"headers":{"":[],"a":[""]}}`))
	f.Add([]byte("{\"index\":1,\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		text, n, err := run(t, export.Options{Format: export.CSV}, string(in))
		if _, ok := errors.AsType[*export.LineError](err); err != nil && !ok {
			t.Fatal(err)
		}
		rows := table(t, text)
		if len(rows) == 0 && n == 0 && err != nil {
			return
		}
		if int64(len(rows)) != n+1 {
			t.Fatalf("%d rows, %d lines in the CSV", n, len(rows))
		}
		for _, row := range rows[1:] {
			if h := row[15]; h != "" && !json.Valid([]byte(h)) {
				t.Errorf("headers %q", h)
			}
		}
	})
}
