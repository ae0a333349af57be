package bodies

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// What Sync has returned for was forced to the disk by then, and not only begun: each
// file, however it came, then its folder, then the folder of the Store.
func TestSyncForcesAll(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var forced []string
	s.force = func(f *os.File) error {
		mu.Lock()
		defer mu.Unlock()
		forced = append(forced, f.Name())
		return f.Sync()
	}
	var want []string
	for i := range 40 {
		name, err := keep(s, bytes.Repeat([]byte{byte(i)}, 1+i*i*i*100), i%2 == 0) // up to 6 MB: begun twice
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, s.Path(name))
	}
	if len(forced) > 0 {
		t.Errorf("forced before Sync: %q", forced)
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	for _, path := range want {
		file, folder := slices.Index(forced, path), slices.Index(forced, filepath.Dir(path))
		if file < 0 || folder < file {
			t.Errorf("%s is forced as number %d, its folder as %d", path, file, folder)
		}
	}
	if last := forced[len(forced)-1]; last != dir {
		t.Errorf("the last one is %s", last)
	}
	n := len(forced)
	if err := s.Sync(); err != nil || len(forced) != n {
		t.Errorf("with nothing new: %v, %q", err, forced[n:])
	}
}

// A disk that fails one file fails Sync, for good, and the file is gone; that writing
// was begun before has not taken the error away.
func TestSyncFails(t *testing.T) {
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	name, err := keep(s, make([]byte, beginEvery+1), true)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	s.force = func(f *os.File) error {
		if f.Name() == s.Path(name) {
			return broken
		}
		return f.Sync()
	}
	for range 2 {
		if err := s.Sync(); !errors.Is(err, broken) {
			t.Errorf("Sync: %v", err)
		}
	}
	if _, err := s.Create(); !errors.Is(err, broken) {
		t.Errorf("then Create: %v", err)
	}
	if _, err := os.Stat(s.Path(name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
}

// keep stores body as it comes, or whole.
func keep(s *Store, body []byte, comes bool) (string, error) {
	if !comes {
		return s.Put(body)
	}
	b, err := s.Create()
	if err != nil {
		return "", err
	}
	for part := range slices.Chunk(body, 100_000) {
		if _, err := b.Write(part); err != nil {
			return "", err
		}
	}
	return b.Commit()
}
