package warc_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch/warc"
)

// Whatever a file holds, the reader comes to an end, goes forward, and calls
// what it cannot read by a documented name.
func FuzzReader(f *testing.F) {
	good := record("Content-Length: 3\r\nWARC-Block-Digest: sha1:VGMT4NSHA2AWVOR6EVYXQUGCNSONBWE5\r\n", "abc")
	f.Add([]byte(good + good))
	f.Add([]byte(pack(good) + pack(good)))
	f.Add([]byte(pack(good + good)[:80]))
	f.Add([]byte(strings.ReplaceAll(good, "\r\n", "\n")))
	f.Add([]byte("WARC/1.0\r\n a\r\n:\r\n\r\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		r := warc.NewReader(bytes.NewReader(file))
		last := int64(-1)
		for n := 0; ; n++ {
			rec, err := r.Next()
			if err != nil {
				if _, ok := errors.AsType[*warc.Error](err); !ok && err != io.EOF {
					t.Fatalf("%T %v", err, err)
				}
				return
			}
			// In one gzip member records share an offset.
			if rec.At < last || rec.At >= int64(len(file)) || n > 1100*len(file) {
				t.Fatalf("record %d at %d after %d, of %d", n, rec.At, last, len(file))
			}
			last = rec.At
			if got, err := io.Copy(io.Discard, rec.Block); got > rec.Length || err == nil && got != rec.Length {
				t.Fatalf("block of %d bytes gives %d, %v", rec.Length, got, err)
			}
		}
	})
}

// Whatever an exchange holds, it reads back, and no field adds another.
func FuzzWriter(f *testing.F) {
	f.Add("GET", "/a?b", "X-A", "value", "200 OK", []byte("body"), false)
	f.Add("P\r\n\r\n", "/\x00 #é", "Content-Length", "5\r\n\r\nWARC/1.1", "\n", []byte("\r\n\r\n"), true)
	f.Fuzz(func(t *testing.T, method, path, name, value, status string, body []byte, plain bool) {
		x := exchange("http://h.example/", "")
		x.Request.Method, x.Request.URL = method, &url.URL{Scheme: "http", Host: value, Path: path, RawQuery: name}
		x.Request.Header = http.Header{name: {value}}
		x.Response.Status, x.Response.Header, x.Body = status, http.Header{name: {value, status}}, body
		list, blocks := read(t, write(t, warc.Options{Plain: plain, Filename: value, Info: map[string]string{name: value}}, x))
		if len(list) != 3 {
			t.Fatalf("%d records", len(list))
		}
		for i, want := range []int{7, 9, 10} {
			if got := len(list[i].Header); got != want && (i > 0 || got != want-1) {
				t.Errorf("%s has %d fields: %v", list[i].Type(), got, list[i].Header)
			}
		}
		if _, got, ok := strings.Cut(blocks[2], "\r\n\r\n"); !ok || got != string(body) {
			t.Errorf("body %q, not %q", got, body)
		}
	})
}
