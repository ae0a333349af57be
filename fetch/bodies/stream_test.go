package bodies_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/penstock-go/penstock/fetch/bodies"
)

// A body that is written in pieces is where Put would have put it; one that is
// discarded leaves nothing.
func TestStream(t *testing.T) {
	dir := t.TempDir()
	s, err := bodies.Open(dir, bodies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	body := bytes.Repeat([]byte("0123456789"), 10_000)
	for range 2 { // the second time over the first
		b, err := s.Create()
		if err != nil {
			t.Fatal(err)
		}
		for part := body; len(part) > 0; part = part[1000:] {
			if _, err := b.Write(part[:1000]); err != nil {
				t.Fatal(err)
			}
		}
		name, err := b.Commit()
		if err != nil || name != bodies.Ref(body) {
			t.Fatal(name, err)
		}
	}
	if got, err := os.ReadFile(s.Path(bodies.Ref(body))); err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	b, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Write(body[:7]); err != nil {
		t.Fatal(err)
	}
	b.Discard()
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	files := 0
	err = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files++
		}
		return err
	})
	if err != nil || files != 1 {
		t.Errorf("%d files, %v", files, err)
	}
}
