package fetch_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/penstock-go/penstock/fetch"
)

// A jsonRecord is a record as DESIGN.md promises it.
type jsonRecord struct {
	Index    int64  `json:"index"`
	ID       string `json:"id"`
	URL      string `json:"url"`
	FinalURL string `json:"final_url"`
	Status   int    `json:"status"`
	OK       bool   `json:"ok"`
	Attempts int    `json:"attempts"`
	Error    *struct {
		Class   string `json:"class"`
		Message string `json:"message"`
	} `json:"error"`
	Started     time.Time           `json:"started"`
	QueueMS     float64             `json:"queue_ms"`
	TTFBMS      float64             `json:"ttfb_ms"`
	TotalMS     float64             `json:"total_ms"`
	Bytes       int64               `json:"bytes"`
	ContentType string              `json:"content_type"`
	Proto       string              `json:"proto"`
	Headers     map[string][]string `json:"headers"`
	Body        *string             `json:"body"`
	BodyBase64  *string             `json:"body_base64"`
}

func TestAppendJSON(t *testing.T) {
	at := time.Date(2026, 7, 31, 12, 0, 0, 123456789, time.FixedZone("", 2*3600))
	tests := map[string]struct {
		rec  fetch.Record
		want string
	}{
		"all of it": {
			fetch.Record{
				Index: 7, ID: "a", URL: "http://h/", FinalURL: "http://h/2", Status: 404, Attempts: 3,
				Error:   &fetch.Error{Class: fetch.Status, Message: "404 Not Found"},
				Started: at, Queue: 1500 * time.Microsecond, TTFB: 999 * time.Nanosecond, Total: 61001 * time.Millisecond,
				Bytes: 2, ContentType: "text/plain", Header: http.Header{"B": {"1", "2"}, "A": {""}}, Body: []byte("hi"),
			},
			`{"index":7,"id":"a","url":"http://h/","final_url":"http://h/2","status":404,"ok":false,"attempts":3,` +
				`"error":{"class":"status","message":"404 Not Found"},"started":"2026-07-31T10:00:00.123456Z",` +
				`"queue_ms":1.500,"ttfb_ms":0.000,"total_ms":61001.000,"bytes":2,"content_type":"text/plain",` +
				`"headers":{"A":[""],"B":["1","2"]},"body":"hi"}`,
		},
		"elsewhere": {
			fetch.Record{Index: 1, Duplicate: true, BodyRef: "b/\"x"},
			`{"index":1,"url":"","status":0,"ok":false,"attempts":0,"started":"0001-01-01T00:00:00.000000Z",` +
				`"queue_ms":0.000,"ttfb_ms":0.000,"total_ms":0.000,"bytes":0,"duplicate_of":0,"body_ref":"b/\"x"}`,
		},
		"nothing": {
			fetch.Record{},
			`{"index":0,"url":"","status":0,"ok":false,"attempts":0,"started":"0001-01-01T00:00:00.000000Z",` +
				`"queue_ms":0.000,"ttfb_ms":0.000,"total_ms":0.000,"bytes":0}`,
		},
		"an empty body and header": {
			fetch.Record{OK: true, Body: []byte{}, Header: http.Header{}},
			`{"index":0,"url":"","status":0,"ok":true,"attempts":0,"started":"0001-01-01T00:00:00.000000Z",` +
				`"queue_ms":0.000,"ttfb_ms":0.000,"total_ms":0.000,"bytes":0,"headers":{},"body":""}`,
		},
		"a body that is not text": {
			fetch.Record{Body: []byte{0xff, 0}},
			`{"index":0,"url":"","status":0,"ok":false,"attempts":0,"started":"0001-01-01T00:00:00.000000Z",` +
				`"queue_ms":0.000,"ttfb_ms":0.000,"total_ms":0.000,"bytes":0,"body_base64":"/wA="}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := string(tt.rec.AppendJSON(nil)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if got := string(tt.rec.AppendJSON([]byte("before "))); got != "before "+tt.want {
				t.Errorf("appended: %s", got)
			}
		})
	}
}

// Cookies are credentials: a response's are not in the output.
func TestAppendJSONLeavesCookiesOut(t *testing.T) {
	for _, name := range []string{"Set-Cookie", "Set-Cookie2", "set-cookie", "SET-COOKIE"} {
		rec := fetch.Record{Header: http.Header{name: {"session=S3CRET"}, "X": {"1"}}}
		if got := string(rec.AppendJSON(nil)); strings.Contains(got, "S3CRET") || !strings.Contains(got, `"headers":{"X":["1"]}`) {
			t.Errorf("header %s: %s", name, got)
		}
	}
}

// No byte below a space stands bare in the output, whatever comes in; so a
// record is always one line.
func TestAppendJSONControlCharacters(t *testing.T) {
	var all []byte
	for c := range 256 {
		all = append(all, byte(c), 'x')
	}
	rec := fetch.Record{ID: string(all), URL: string(all), Body: all[:0x80], Error: &fetch.Error{Message: string(all)}}
	out := rec.AppendJSON(nil)
	for i, c := range out {
		if c < ' ' || c == 0x7f {
			t.Fatalf("byte %#x at %d of %q", c, i, out)
		}
	}
	if !utf8.Valid(out) {
		t.Errorf("not UTF-8: %q", out)
	}
	var got jsonRecord
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if want := asJSON(t, string(all)); got.ID != want || got.URL != want || got.Error.Message != want {
		t.Errorf("id %q, want %q", got.ID, want)
	}
}

// asJSON is s as it comes back from encoding/json, with U+FFFD for each byte
// that is not UTF-8.
func asJSON(t *testing.T, s string) (out string) {
	t.Helper()
	b, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func FuzzAppendJSON(f *testing.F) {
	f.Add("id", "http://host/", "text/plain", "X-Name", "value", []byte("body"), "message", int64(5), int64(1_500_000))
	f.Add("\x00\x1f\"\\", "\xff\xfe", "\u2028\u2029", "", "\xc3", []byte{0xc3, 0x28}, "\xed\xa0\x80", int64(-1), int64(-1))
	f.Add("\U0001f600", "\xf0\x9f\x98", "é", "Set-Cookie", "a=b", []byte{}, "<&>", int64(math.MaxInt64), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, id, url, contentType, name, value string, body []byte, message string, index, nanos int64) {
		rec := fetch.Record{
			Index: index, ID: id, URL: url, FinalURL: url, ContentType: contentType,
			Header: http.Header{name: {value, id}}, Body: body, Queue: time.Duration(nanos),
			Error: &fetch.Error{Class: fetch.Protocol, Message: message}, Started: time.Unix(nanos%(1<<33), 0),
		}
		out := rec.AppendJSON(nil)
		if bytes.ContainsAny(out, "\n\r") || !utf8.Valid(out) {
			t.Fatalf("not one line of UTF-8: %q", out)
		}
		var got jsonRecord
		d := json.NewDecoder(bytes.NewReader(out))
		d.DisallowUnknownFields()
		if err := d.Decode(&got); err != nil {
			t.Fatalf("%v: %q", err, out)
		}
		text := func(what, got, in string) {
			if want := asJSON(t, in); got != want {
				t.Errorf("%s is %q, want %q", what, got, want)
			}
		}
		text("id", got.ID, id)
		text("url", got.URL, url)
		text("final_url", got.FinalURL, url)
		text("content_type", got.ContentType, contentType)
		text("message", got.Error.Message, message)
		if !strings.HasPrefix(strings.ToLower(name), "set-cookie") {
			values := got.Headers[asJSON(t, name)]
			if len(values) != 2 {
				t.Fatalf("headers %v, want 2 values of %q", got.Headers, name)
			}
			text("header", values[0], value)
		}
		if got.Index != index || !got.Started.Equal(rec.Started) {
			t.Errorf("index %d, started %v; want %d, %v", got.Index, got.Started, index, rec.Started)
		}
		if want := float64(max(0, nanos/1000)) / 1000; math.Abs(got.QueueMS-want) > want*1e-12 {
			t.Errorf("queue_ms %v, want %v", got.QueueMS, want)
		}
		if back := decodeBody(t, got); !bytes.Equal(back, body) {
			t.Errorf("body %q came back as %q", body, back)
		}
	})
}

// decodeBody is the body of a record that has one.
func decodeBody(t *testing.T, r jsonRecord) []byte {
	t.Helper()
	switch {
	case r.Body != nil && r.BodyBase64 == nil:
		return []byte(*r.Body)
	case r.BodyBase64 != nil && r.Body == nil:
		b, err := base64.StdEncoding.DecodeString(*r.BodyBase64)
		if err != nil {
			t.Fatal(err)
		}
		if utf8.Valid(b) {
			t.Errorf("%q is text and stands as base64", b)
		}
		return b
	}
	return nil
}
