package warc_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch/warc"
)

var started = time.Date(2026, 3, 4, 5, 6, 7, 891_234_567, time.FixedZone("", 3600))

// exchange is a simple one; tests change what they are about.
func exchange(target, body string) warc.Exchange {
	u, err := url.Parse(target)
	if err != nil {
		panic(err)
	}
	return warc.Exchange{
		Date:    started,
		Request: &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{"User-Agent": {"test"}}},
		Response: &http.Response{
			Status: "200 Fine", StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Content-Type": {"text/plain"}},
		},
		Body: []byte(body),
	}
}

// read reads a whole file: the records, and their blocks.
func read(t *testing.T, r io.Reader) (records []*warc.Record, blocks []string) {
	t.Helper()
	z := warc.NewReader(r)
	for {
		rec, err := z.Next()
		if err == io.EOF {
			return records, blocks
		}
		if err != nil {
			t.Fatal(err)
		}
		block, err := io.ReadAll(rec.Block)
		if err != nil {
			t.Fatalf("record at %d: %v", rec.At, err)
		}
		records, blocks = append(records, rec), append(blocks, string(block))
	}
}

// write writes exchanges to a new file.
func write(t *testing.T, o warc.Options, list ...warc.Exchange) *bytes.Buffer {
	t.Helper()
	var file bytes.Buffer
	w := warc.NewWriter(&file, o)
	for _, x := range list {
		if _, _, err := w.WriteExchange(x); err != nil {
			t.Fatal(err)
		}
	}
	if w.Size() != o.At+int64(file.Len()) {
		t.Fatalf("Size is %d, the file has %d", w.Size(), file.Len())
	}
	return &file
}

// one writes and reads a single exchange.
func one(t *testing.T, x warc.Exchange) (request, response *warc.Record, requestBlock, responseBlock string) {
	t.Helper()
	records, blocks := read(t, write(t, warc.Options{}, x))
	if len(records) != 3 {
		t.Fatalf("%d records, not 3", len(records))
	}
	return records[1], records[2], blocks[1], blocks[2]
}

// The bytes of a plain file, as the standard wants them. The digests were
// computed by Python's hashlib and base64.
func TestBytes(t *testing.T) {
	x := exchange("http://h.example/a?b=c#part", "hello\n")
	x.IP = netip.MustParseAddr("::ffff:127.0.0.1")
	file := write(t, warc.Options{Plain: true, Filename: "x.warc", Info: map[string]string{"software": "test 1"}}, x).String()
	ids := regexp.MustCompile(`urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
	names := map[string]string{}
	file = ids.ReplaceAllStringFunc(file, func(id string) string {
		if names[id] == "" {
			names[id] = string(rune('A' + len(names)))
		}
		return names[id]
	})
	file = regexp.MustCompile(`(?m)^(WARC-Date: )(.*Z)\r\nWARC-Filename`).ReplaceAllString(file, "${1}now\r\nWARC-Filename")
	want := strings.ReplaceAll(`WARC/1.1
WARC-Type: warcinfo
WARC-Record-ID: <A>
WARC-Date: now
WARC-Filename: x.warc
Content-Type: application/warc-fields
WARC-Block-Digest: sha1:UFWH6JHEPM6ZXSVL2UZJHMFEXPKQPPKX
Content-Length: 140

software: test 1
format: WARC File Format 1.1
conformsTo: http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/


WARC/1.1
WARC-Type: request
WARC-Record-ID: <B>
WARC-Warcinfo-ID: <A>
WARC-Concurrent-To: <C>
WARC-Target-URI: http://h.example/a?b=c
WARC-Date: 2026-03-04T04:06:07.891234Z
WARC-IP-Address: 127.0.0.1
Content-Type: application/http;msgtype=request
WARC-Block-Digest: sha1:4WBJVCJPYDEQATZFE2SDT6VN5BT2JUE4
Content-Length: 58

GET /a?b=c HTTP/1.1
Host: h.example
User-Agent: test



WARC/1.1
WARC-Type: response
WARC-Record-ID: <C>
WARC-Warcinfo-ID: <A>
WARC-Concurrent-To: <B>
WARC-Target-URI: http://h.example/a?b=c
WARC-Date: 2026-03-04T04:06:07.891234Z
WARC-IP-Address: 127.0.0.1
Content-Type: application/http;msgtype=response
WARC-Payload-Digest: sha1:6VZNHFX25EQGMKDRJ6ZM4AHXF2KPEJMP
WARC-Block-Digest: sha1:JAUZHAXHEWAJUO6YL732FSHRZKPCRWHH
Content-Length: 72

HTTP/1.1 200 Fine
Content-Type: text/plain
Content-Length: 6

hello


`, "\n", "\r\n")
	want = strings.Replace(want, "hello\r\n", "hello\n", 1)
	if file != want {
		t.Errorf("got\n%s\nwant\n%s", file, want)
	}
}

// Each record is one gzip member, and where it stands is what was said.
func TestMembers(t *testing.T) {
	var file bytes.Buffer
	w := warc.NewWriter(&file, warc.Options{})
	var at []int64
	var length []int
	for i := range 5 {
		a, n, err := w.WriteExchange(exchange("http://h.example/", fmt.Sprint("body ", i)))
		if err != nil {
			t.Fatal(err)
		}
		at, length = append(at, a), append(length, n)
	}
	records, _ := read(t, bytes.NewReader(file.Bytes()))
	if len(records) != 1+2*5 {
		t.Fatalf("%d records", len(records))
	}
	for i := range at {
		if got := records[2+2*i]; got.At != at[i] || got.Type() != "response" {
			t.Errorf("response %d: read at %d, written at %d", i, got.At, at[i])
		}
		member := file.Bytes()[at[i] : at[i]+int64(length[i])]
		_, blocks := read(t, bytes.NewReader(member))
		if len(blocks) != 1 || !strings.HasSuffix(blocks[0], fmt.Sprint("\r\n\r\nbody ", i)) {
			t.Errorf("response %d by itself: %q", i, blocks)
		}
		z, err := gzip.NewReader(bytes.NewReader(member))
		if err != nil {
			t.Fatal(err)
		}
		z.Multistream(false)
		if text, err := io.ReadAll(z); err != nil || !bytes.HasPrefix(text, []byte("WARC/1.1\r\n")) {
			t.Errorf("member %d: %q, %v", i, text, err)
		}
	}
}

// A file that was cut at a Size is gone on with, whatever stood behind it.
func TestCut(t *testing.T) {
	for _, plain := range []bool{false, true} {
		var file bytes.Buffer
		w := warc.NewWriter(&file, warc.Options{Plain: plain})
		var sizes []int64
		for i := range 2 {
			if _, _, err := w.WriteExchange(exchange("http://h.example/", fmt.Sprint("first ", i))); err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, w.Size())
		}
		for keep, size := range sizes {
			cut := file.Bytes()[:size]
			more := write(t, warc.Options{Plain: plain, At: size}, exchange("http://h.example/", "second"))
			records, blocks := read(t, io.MultiReader(bytes.NewReader(cut), more))
			if want := 1 + 2*(keep+1) + 3; len(records) != want {
				t.Errorf("plain %v, cut at %d: %d records, not %d", plain, size, len(records), want)
			}
			if !strings.HasSuffix(blocks[len(blocks)-1], "second") {
				t.Errorf("plain %v, cut at %d: the last record is %q", plain, size, blocks[len(blocks)-1])
			}
		}
		whole := map[int64]bool{}
		for _, rec := range records(t, file.Bytes()) {
			whole[rec.At] = true
		}
		for size := range file.Len() {
			if size%4 != 0 && !whole[int64(size)] {
				continue // a quarter will do
			}
			var err error
			for r := warc.NewReader(bytes.NewReader(file.Bytes()[:size])); err == nil; {
				_, err = r.Next()
			}
			if want := io.ErrUnexpectedEOF; !whole[int64(size)] && !errors.Is(err, want) {
				t.Fatalf("plain %v, torn at %d: %v", plain, size, err)
			} else if whole[int64(size)] && err != io.EOF {
				t.Fatalf("plain %v, cut between records at %d: %v", plain, size, err)
			}
		}
	}
}

func records(t *testing.T, file []byte) []*warc.Record {
	t.Helper()
	list, _ := read(t, bytes.NewReader(file))
	return list
}

func TestConcurrentWriters(t *testing.T) {
	var file bytes.Buffer
	w := warc.NewWriter(&file, warc.Options{})
	type place struct {
		at int64
		n  int
	}
	var places sync.Map
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 20 {
				body := strings.Repeat(fmt.Sprint(g, " ", i, "\n"), 100*g)
				at, n, err := w.WriteExchange(exchange(fmt.Sprintf("http://h.example/%d/%d", g, i), body))
				if err != nil {
					t.Error(err)
				}
				places.Store(place{at, n}, body)
			}
		})
	}
	wg.Wait()
	places.Range(func(k, body any) bool {
		p := k.(place)
		_, blocks := read(t, io.NewSectionReader(bytes.NewReader(file.Bytes()), p.at, int64(p.n)))
		if _, got, _ := strings.Cut(blocks[0], "\r\n\r\n"); got != body {
			t.Errorf("at %d: %d bytes, not %d", p.at, len(got), len(body.(string)))
		}
		return true
	})
	if n := len(records(t, file.Bytes())); n != 1+2*8*20 {
		t.Errorf("%d records", n)
	}
}

// A disk that has room for so many bytes.
type disk struct {
	bytes.Buffer

	room int
}

var errFull = errors.New("no space left on device")

func (d *disk) Write(p []byte) (int, error) {
	if len(p) > d.room {
		n, _ := d.Buffer.Write(p[:d.room])
		d.room = 0
		return n, errFull
	}
	d.room -= len(p)
	return d.Buffer.Write(p)
}

func TestFullDisk(t *testing.T) {
	whole := write(t, warc.Options{Plain: true}, exchange("http://h.example/", "x"), exchange("http://h.example/", "x")).Len()
	for room := 0; room < whole; room += 3 {
		d := &disk{room: room}
		w := warc.NewWriter(d, warc.Options{Plain: true})
		_, _, err1 := w.WriteExchange(exchange("http://h.example/", "x"))
		_, _, err2 := w.WriteExchange(exchange("http://h.example/", "x"))
		if err1 != nil && err2 != err1 || !errors.Is(err2, errFull) {
			t.Fatalf("room %d: %v, then %v", room, err1, err2)
		}
		d.room = 1 << 20
		if _, _, err := w.WriteExchange(exchange("http://h.example/", "x")); err != err2 {
			t.Fatalf("room %d: written after an error: %v", room, err)
		}
		// What Size counts is whole.
		list := records(t, d.Bytes()[:w.Size()])
		if err1 == nil && len(list) != 3 {
			t.Fatalf("room %d: %d records", room, len(list))
		}
	}
}

func TestNoExchange(t *testing.T) {
	var file bytes.Buffer
	w := warc.NewWriter(&file, warc.Options{})
	x := exchange("http://h.example/", "")
	for _, bad := range []warc.Exchange{{}, {Request: x.Request}, {Response: x.Response}, {Request: &http.Request{}, Response: x.Response}} {
		if _, _, err := w.WriteExchange(bad); !errors.Is(err, warc.ErrNoExchange) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if file.Len() != 0 || w.Size() != 0 {
		t.Errorf("wrote %d bytes", file.Len())
	}
	if _, _, err := w.WriteExchange(x); err != nil {
		t.Errorf("cannot go on: %v", err)
	}
}
