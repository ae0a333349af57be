package warc_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/penstock-go/penstock/fetch/warc"
)

// record is a record with these fields more and that block.
func record(fields, block string) string {
	return "WARC/1.1\r\nWARC-Type: metadata\r\nWARC-Record-ID: <urn:x:1>\r\nWARC-Date: 2026-01-02T03:04:05Z\r\n" +
		fields + "\r\n" + block + "\r\n\r\n"
}

func TestReadFields(t *testing.T) {
	file := record("content-length:\t3\r\nSubject: one\r\n  two\r\n\tthree\r\nWARC-Concurrent-To: <a>\r\nWARC-Concurrent-To: <b>\r\nWARC-Target-URI: <http://h/ä>\r\n", "abc")
	list, blocks := read(t, strings.NewReader(file))
	rec := list[0]
	if rec.Version != "1.1" || rec.Type() != "metadata" || rec.ID() != "urn:x:1" || rec.Length != 3 || blocks[0] != "abc" || rec.At != 0 {
		t.Errorf("%+v %q", rec, blocks[0])
	}
	if got := rec.Header.Get("Subject"); got != "one two three" {
		t.Errorf("folded: %q", got)
	}
	if got := rec.Header.Values("warc-concurrent-to"); len(got) != 2 || got[1] != "<b>" {
		t.Errorf("repeated: %q", got)
	}
	if rec.TargetURI() != "http://h/ä" {
		t.Errorf("target %q", rec.TargetURI())
	}
}

func TestReadDate(t *testing.T) {
	for value, want := range map[string]time.Time{
		"2026":                           time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		"2026-02":                        time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC),
		"2026-02-03":                     time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC),
		"2026-02-03T04:05Z":              time.Date(2026, 2, 3, 4, 5, 0, 0, time.UTC),
		"2026-02-03T04:05:06Z":           time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
		"2026-02-03T04:05:06.7Z":         time.Date(2026, 2, 3, 4, 5, 6, 700_000_000, time.UTC),
		"2026-02-03T04:05:06.123456789Z": time.Date(2026, 2, 3, 4, 5, 6, 123_456_789, time.UTC),
		"yesterday":                      {},
	} {
		rec := &warc.Record{Header: map[string][]string{"Warc-Date": {value}}}
		got, err := rec.Date()
		if !got.Equal(want) || (err != nil) != want.IsZero() {
			t.Errorf("%q: %v, %v", value, got, err)
		}
	}
}

func TestReadDigest(t *testing.T) {
	const abc = "VGMT4NSHA2AWVOR6EVYXQUGCNSONBWE5" // of RFC 3174's "abc"
	for value, want := range map[string]error{
		"sha1:" + abc:                                    nil,
		"SHA1:" + strings.ToLower(abc):                   nil,
		"sha-1:A9993E364706816ABA3E25717850C26C9CD0D89D": nil,
		"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad": nil,
		"sha256:XJ4BNP4PAHH6UQKBIDPF3LRCEOYAGYNDSYLXVHFUCD7WD4QACWWQ====":         nil,
		"md5:whatever": nil, // not known
		"sha1:short":   nil, // nothing to hold it against
		"sha1:A9993E364706816ABA3E25717850C26C9CD0D89E": warc.ErrDigest,
		"sha1:" + strings.Replace(abc, "V", "W", 1):     warc.ErrDigest,
	} {
		r := warc.NewReader(strings.NewReader(record("Content-Length: 3\r\nWARC-Block-Digest: "+value+"\r\n", "abc") + record("Content-Length: 0\r\n", "")))
		rec, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		block, err := io.ReadAll(rec.Block)
		if string(block) != "abc" || !errors.Is(err, want) {
			t.Errorf("%s: %q, %v", value, block, err)
		}
		if _, err := r.Next(); err != nil {
			t.Errorf("%s: the next record: %v", value, err)
		}
	}
}

// Blocks that nobody reads, or not to their end, are passed over, and cannot be
// read later.
func TestPassOver(t *testing.T) {
	file := record("Content-Length: 5\r\n", "first") + record("Content-Length: 6\r\n", "second")
	r := warc.NewReader(iotest.OneByteReader(strings.NewReader(file)))
	first, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 2)
	if _, err := io.ReadFull(first.Block, part); err != nil || string(part) != "fi" {
		t.Fatalf("%q, %v", part, err)
	}
	second, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := first.Block.Read(part); n != 0 || err == nil || err == io.EOF {
		t.Errorf("the first block gives %q, %v", part[:n], err)
	}
	if block, err := io.ReadAll(second.Block); string(block) != "second" || err != nil {
		t.Errorf("%q, %v", block, err)
	}
	for range 2 {
		if _, err := r.Next(); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	}
}

func pack(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, s)
	_ = z.Close()
	return b.String()
}

// However a file is packed, it reads the same.
func TestPackings(t *testing.T) {
	a, b := record("Content-Length: 1\r\n", "a"), record("Content-Length: 1\r\n", "b")
	for name, test := range map[string]struct {
		file string
		at   int64 // of b
	}{
		"plain":            {a + b, int64(len(a))},
		"a member each":    {pack(a) + pack(b), int64(len(pack(a)))},
		"one member":       {pack(a + b), 0},
		"an empty member":  {pack(a) + pack("") + pack(b), int64(len(pack(a) + pack("")))},
		"plain and packed": {a + pack(b), int64(len(a))},
	} {
		list, blocks := read(t, strings.NewReader(test.file))
		if len(list) != 2 || strings.Join(blocks, "") != "ab" || list[0].At != 0 || list[1].At != test.at {
			t.Errorf("%s: %d records, %q", name, len(list), blocks)
		}
	}
	if list, _ := read(t, strings.NewReader("")); len(list) != 0 {
		t.Errorf("%d records in nothing", len(list))
	}
}

func TestReadBad(t *testing.T) {
	good := record("Content-Length: 1\r\n", "a")
	for _, test := range []struct{ file, want string }{
		{"hello\r\n", `record at byte 0: not a WARC record: it begins with "hello"`},
		{"WARC/1\r\n\r\n", `it begins with "WARC/1"`},
		{"WARC/1.x\r\n\r\n", `it begins with "WARC/1.x"`},
		{"WARC/1.1\r\n\r\n", "0 times WARC-Record-ID"},
		{record("", ""), "0 times Content-Length"},
		{record("Content-Length: 1\r\nContent-Length: 1\r\n", "a"), "2 times Content-Length"},
		{record("Content-Length: -1\r\n", ""), `Content-Length is "-1"`},
		{record("Content-Length: +1\r\n", "a"), `Content-Length is "+1"`},
		{record("Content-Length: 99999999999999999999\r\n", ""), `Content-Length is "99999999999999999999"`},
		{record("nonsense\r\n", ""), `"nonsense" is not a named field`},
		{record("a b: c\r\n", ""), `"a b: c" is not a named field`},
		{"WARC/1.1\r\n folded: x\r\n\r\n", `" folded: x" goes on with no field`},
		{record("A: "+strings.Repeat("x", 1<<20)+"\r\n", ""), "its header is over 1048576 bytes"},
		{record("Content-Length: 1\r\n", "abc") + good, "no two empty lines after the block"},
		{good + "garbage", `: the file ends in the middle of it`},
		{good + "garbage\n", fmt.Sprintf("record at byte %d: not a WARC record: it begins with %q", len(good), "garbage")},
		{pack(good) + "\x1f\x8bgarbage, which goes on", "gzip: invalid header"},
		{pack(good)[:60], "the file ends in the middle of it"},
		{strings.Replace(good, "\r\n\r\na", "\r\n\r\nab", 1), "no two empty lines"},
		{"WARC/1.1\r\nWARC-Type: x", "the file ends in the middle of it"},
	} {
		r := warc.NewReader(strings.NewReader(test.file))
		var err error
		for err == nil {
			_, err = r.Next()
		}
		located, ok := errors.AsType[*warc.Error](err)
		if !ok || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.60q: %v, not %s", test.file, err, test.want)
			continue
		}
		if _, again := r.Next(); again != err {
			t.Errorf("%.60q: after %v, %v", test.file, err, again)
		}
		if errors.Is(err, warc.ErrFormat) == errors.Is(err, io.ErrUnexpectedEOF) && !strings.Contains(test.want, "gzip") {
			t.Errorf("%.60q: %v is of no class", test.file, located.Err)
		}
	}
}

// The error of the file comes through.
func TestReadError(t *testing.T) {
	broken := errors.New("broken")
	r := warc.NewReader(io.MultiReader(strings.NewReader(record("Content-Length: 1\r\n", "a")), iotest.ErrReader(broken)))
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
