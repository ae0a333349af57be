package fetch

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch/bodies"
	"github.com/penstock-go/penstock/fetch/journal"
)

// A buffer for a body whose length is told is no larger than that, give or take a
// step, and a length is not believed beyond what has come; a body of a little over
// 1 MiB is moved once only.
func TestGrow(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		name       string
		have       int
		length     int64
		least, cap int
	}{
		{"first", 0, -1, 4 << 10, 4 << 10},
		{"no length", mib, -1, 2 * mib, 2 * mib},
		{"1 MiB and a line", 4 << 10, mib + 17, mib + 18, mib + 18 + spareStep},
		{"100 KB", 4 << 10, 100_000, 100_001, 100_001 + spareStep},
		{"a lie", 4 << 10, 1 << 40, believed + 1, believed + 1 + spareStep},
		{"the second step to 1.5 MiB", believed + 1, mib + mib/2, mib + mib/2 + 1, mib + mib/2 + 1 + spareStep},
		{"the second step of a lie", believed + 1, 1 << 40, 2*believed + 2, 2*believed + 3 + spareStep},
		{"more than was told", 100_001, 100_000, 200_002, 200_002 + spareStep},
	} {
		w := &worker{e: &Engine{}}
		buf := bytes.Repeat([]byte("x"), c.have)
		got := w.grow(buf[:c.have:c.have], c.length)
		if cap(got) < c.least || cap(got) > c.cap || !bytes.Equal(got, buf) {
			t.Errorf("%s: %d bytes and room for %d, want %d to %d", c.name, len(got), cap(got), c.least, c.cap)
		}
	}
}

// A large row has room for what is to be escaped or encoded without being made anew,
// and little more.
func TestLargeRowsFit(t *testing.T) {
	for name, piece := range map[string]string{
		"plain": "0123456789", "lines": "a line of some length, as in a text or a log of something\n",
		"JSON": `{"id":17,"name":"an item","tags":["one","two"],"price":12.5},`, "HTML": "<a href=\"/x\">x</a>\n\t<p class='y'>\n",
		"all of it": "\"", "controls": "\x01", "binary": "\xff\xfe\x00\x01", "binary without a beginning": "\x80",
		"umlauts": "ä ö ü ", "a rune on the sample's edge": strings.Repeat("a", 4095) + "ä",
	} {
		var p rowPool
		r := &Record{URL: "http://h/", Body: []byte(strings.Repeat(piece, 1_000_000/len(piece)))}
		want := len(r.AppendJSON(nil)) + 1
		row := *p.render(r)
		if p.render(r); len(row) != want || cap(row) > want*135/100+2*spareStep {
			t.Errorf("%s: a row of %d bytes has room for %d", name, want, cap(row))
		}
		if room := (bodyLength(r.Body) + rowRest + spareStep - 1) / spareStep * spareStep; cap(row) != room {
			t.Errorf("%s: room for %d was made, %d is there: it was not enough", name, room, cap(row))
		}
	}
}

// A beginning that is all to be escaped, as that of a disk's image, says little of the
// rest: the room made for it is bounded.
func TestLargeRowOfOddBeginning(t *testing.T) {
	for name, rest := range map[string]string{"binary": "\xff", "text": "a"} {
		body := append(make([]byte, 8<<10), bytes.Repeat([]byte(rest), 1_000_000)...)
		if n := bodyLength(body); n > 2*len(body) {
			t.Errorf("%s: room for %d bytes is made for a body of %d", name, n, len(body))
		}
	}
}

// Large rows that come back from the file come into memory that others left.
func TestRowsComeBackIntoSpareMemory(t *testing.T) {
	var spare spareBuffers
	const size = 300_000
	row := bytes.Repeat([]byte("r"), size)
	out := 0
	q := backlog{
		memory: 1, spare: &spare, open: func() (aheadFile, error) { return os.Create(filepath.Join(t.TempDir(), "ahead")) },
		emit: func(got, _ []byte, _ journal.Entry) {
			if out++; !bytes.Equal(got, row) {
				t.Errorf("row %d is another", out)
			}
		},
	}
	defer func() { _ = q.close() }()
	for i := range int64(20) {
		if _, err := q.put(row, nil, journal.Entry{Index: i + 1, Length: size}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := q.release(21); err != nil {
		t.Fatal(err)
	}
	if out != 20 || len(spare.free) != 1 {
		t.Errorf("%d rows are out, %d buffers were made for them", out, len(spare.free))
	}
}

// The journal does not know of a record before its body was synced: here that fails.
func TestBodiesBeforeJournal(t *testing.T) {
	for _, large := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "out.jsonl")
		store, err := bodies.Open(filepath.Join(t.TempDir(), "bodies"), bodies.Options{})
		if err != nil {
			t.Fatal(err)
		}
		f, err := CreateFile(path, FileOptions{Bodies: store})
		if err != nil {
			t.Fatal(err)
		}
		r := &Record{URL: "http://h/", Status: 200, OK: true, Body: []byte("abc")}
		if large { // as the engine does it
			b, err := store.Create()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Write(r.Body); err != nil {
				t.Fatal(err)
			}
			if r.BodyRef, err = b.Commit(); err != nil {
				t.Fatal(err)
			}
			r.Body = nil
		}
		f.mu.Lock() // no commit ends before the gate is open
		slow := &slowDisk{disk: f.out, gate: make(chan struct{})}
		f.out = slow
		f.mu.Unlock()
		if err := f.Write(r); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(store.Path(bodies.Ref([]byte("abc")))); err != nil {
			t.Fatal(err)
		}
		close(slow.gate)
		if err := f.Commit(); err == nil {
			t.Error("committed without its body")
		}
		_ = f.Close()
		again, err := ResumeFile(path, FileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if again.Done(0) {
			t.Error("the journal has a record whose body is not safe")
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
}
