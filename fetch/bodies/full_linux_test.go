package bodies_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// A disk that is full fails the body that has no room, wholly, and no other;
// with room again the Store goes on.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a small file system: %v: %s", err, bytes.TrimSpace(out))
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	s := open(t, dir)
	var refs []string
	var err error
	for i := 0; err == nil && i < 100; i++ {
		var ref string
		if ref, err = s.Put([]byte(strings.Repeat(string(rune('A'+i)), 100_000))); err == nil {
			refs = append(refs, ref)
		}
	}
	if !errors.Is(err, syscall.ENOSPC) || len(refs) < 5 {
		t.Fatalf("after %d bodies: %v", len(refs), err)
	}
	if n := check(t, dir); n != len(refs) { // also: nothing is left in .tmp
		t.Errorf("%d files of %d", n, len(refs))
	}
	if err := s.Sync(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(s.Path(refs[0])); err != nil {
		t.Fatal(err)
	}
	put(t, s, strings.Repeat("z", 100_000))
	if err := s.Sync(); err != nil {
		t.Error(err)
	}
	if n := check(t, dir); n != len(refs) {
		t.Errorf("%d files of %d", n, len(refs))
	}
}
