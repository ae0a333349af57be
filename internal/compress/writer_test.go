package compress_test

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"strconv"
	"testing"

	"github.com/penstock-go/penstock/internal/compress"
)

func itoa(n int) string { return strconv.Itoa(n) }

var names = []string{"out.jsonl", "out.jsonl.gz", "out.jsonl.zst", "OUT.GZ"}

// A file that is cut after a flush is a whole one, and one that is cut later
// still gives everything up to that flush.
func TestReadableToTheLastFlush(t *testing.T) {
	text := lines(30_000)
	for _, name := range names {
		var file bytes.Buffer
		w := compress.NewWriter(name, &file)
		type mark struct{ packed, plain int }
		marks := []mark{{}}
		for plain := 0; plain < len(text); {
			n := min(7001, len(text)-plain)
			if k, err := w.Write(text[plain : plain+n]); k != n || err != nil {
				t.Fatalf("%s: Write: %d, %v", name, k, err)
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			plain += n
			marks = append(marks, mark{file.Len(), plain})
		}
		if err := w.Close(); err != nil || file.Len() != marks[len(marks)-1].packed {
			t.Errorf("%s: Close with nothing to write wrote %d bytes, error %v", name, file.Len()-marks[len(marks)-1].packed, err)
		}
		for i, m := range marks {
			got, err := read(bytes.NewReader(file.Bytes()[:m.packed]))
			if err != nil || !bytes.Equal(got, text[:m.plain]) {
				t.Errorf("%s cut at flush %d: %d bytes of %d, error %v", name, i, len(got), m.plain, err)
			}
			if i == 0 {
				continue
			}
			before := marks[i-1]
			for _, cut := range []int{before.packed + 4, (before.packed + m.packed) / 2, m.packed - 1} {
				got, err := read(bytes.NewReader(file.Bytes()[:cut]))
				if len(got) < before.plain || !bytes.HasPrefix(text, got) {
					t.Errorf("%s cut at %d: %d bytes, want at least %d (%v)", name, cut, len(got), before.plain, err)
				}
			}
		}
	}
}

func TestNewWriterByName(t *testing.T) {
	for name, want := range map[string]string{
		"out.jsonl": "text", "gz": "text", "out.gz.txt": "text", "out.gz": "\x1f\x8b\x08", "OUT.GZ": "\x1f\x8b\x08", "out.Zst": "\x28\xb5\x2f\xfd",
	} {
		var file bytes.Buffer
		w := compress.NewWriter(name, &file)
		_, err := io.WriteString(w, "text")
		if err := errors.Join(err, w.Close()); err != nil || !bytes.HasPrefix(file.Bytes(), []byte(want)) {
			t.Errorf("%s: %q, error %v", name, file.Bytes(), err)
		}
	}
}

// Going on behind the last flush of a file that was cut there makes one file.
func TestAppend(t *testing.T) {
	text := lines(2000)
	for _, name := range names {
		var file bytes.Buffer
		for _, part := range [][]byte{text[:1000], text[1000:]} {
			w := compress.NewWriter(name, &file)
			_, err := w.Write(part)
			if err := errors.Join(err, w.Close()); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := read(&file); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s: %d bytes, error %v", name, len(got), err)
		}
	}
}

// The programs that people have can read it, also when nothing was written.
func TestOtherPrograms(t *testing.T) {
	for name, program := range map[string]string{"x.gz": "gzip", "x.zst": "zstd"} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Logf("%s is not installed", program)
			continue
		}
		for _, text := range [][]byte{nil, lines(3000)} {
			var file bytes.Buffer
			w := compress.NewWriter(name, &file)
			for part := range bytes.Lines(text) {
				_, err := w.Write(part)
				if err := errors.Join(err, w.Flush()); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), path, "-dc")
			cmd.Stdin = &file
			if got, err := cmd.Output(); err != nil || !bytes.Equal(got, text) {
				t.Errorf("%s -dc: %d bytes of %d, error %v", program, len(got), len(text), err)
			}
		}
	}
}

func TestFlushWithNothingNew(t *testing.T) {
	for _, name := range names {
		var file bytes.Buffer
		w := compress.NewWriter(name, &file)
		if err := errors.Join(w.Flush(), w.Flush()); err != nil || file.Len() != 0 {
			t.Errorf("%s: %d bytes, error %v", name, file.Len(), err)
		}
	}
}

// A fullDisk takes so many bytes and no more.
type fullDisk struct{ room int }

var errFull = errors.New("no space left")

func (d *fullDisk) Write(p []byte) (int, error) {
	n := min(len(p), d.room)
	d.room -= n
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestWriteError(t *testing.T) {
	for _, name := range names {
		disk := &fullDisk{room: 100}
		w := compress.NewWriter(name, disk)
		_, err := w.Write(lines(3000))
		if err := errors.Join(err, w.Flush()); !errors.Is(err, errFull) {
			t.Errorf("%s: %v", name, err)
		}
		disk.room = 1 << 20 // what follows a hole is of no use
		_, err = io.WriteString(w, "more")
		if !errors.Is(err, errFull) || !errors.Is(w.Flush(), errFull) || !errors.Is(w.Close(), errFull) {
			t.Errorf("%s: goes on after an error", name)
		}
		if disk.room != 1<<20 {
			t.Errorf("%s: wrote %d bytes after an error", name, 1<<20-disk.room)
		}
	}
}

func BenchmarkWriter(b *testing.B) {
	text := lines(1 << 20)
	for _, name := range names[1:3] {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			w := compress.NewWriter(name, io.Discard)
			for b.Loop() {
				_, err := w.Write(text)
				if err := errors.Join(err, w.Flush()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
