package fetch

import (
	"bytes"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A slowDisk forces nothing to the disk before it is let go.
type slowDisk struct {
	disk
	gate  chan struct{}
	syncs atomic.Int64
}

func (d *slowDisk) Sync() error {
	d.syncs.Add(1)
	<-d.gate
	return d.disk.Sync()
}

// A disk that is slower than the network holds up who writes to it: what is not
// in the journal yet is bounded, however long that takes, and nothing is lost.
func TestSlowDiskHoldsUpWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	const all = 20 * mostEntries
	synctest.Test(t, func(t *testing.T) {
		f, err := CreateFile(path, FileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		slow := &slowDisk{disk: f.out, gate: make(chan struct{})}
		f.mu.Lock()
		f.out = slow
		f.mu.Unlock()
		var written atomic.Int64
		done := make(chan error, 1)
		go func() {
			for i := range int64(all) {
				if err := f.Write(&Record{Index: i, URL: "http://h/", Status: 200, OK: true}); err != nil {
					done <- err
					return
				}
				written.Store(i + 1)
			}
			done <- nil
		}()

		// One commit is under way, with what there was when it began; then eight
		// times mostEntries may follow.
		for range 3 {
			time.Sleep(time.Hour)
			synctest.Wait()
			if n := written.Load(); n < 8*mostEntries || n > 16*mostEntries {
				t.Errorf("%d records taken by a disk that has kept none; want 8 to 16 times %d", n, mostEntries)
			}
		}
		if n := slow.syncs.Load(); n != 1 {
			t.Errorf("%d commits at once", n)
		}
		f.mu.Lock()
		if f.safe != 0 || len(f.entries) != 8*mostEntries {
			t.Errorf("%d safe, %d entries wait", f.safe, len(f.entries))
		}
		f.mu.Unlock()

		close(slow.gate)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	text, err := os.ReadFile(path)
	if err != nil || bytes.Count(text, []byte("\n")) != all {
		t.Errorf("%d rows of %d, %v", bytes.Count(text, []byte("\n")), all, err)
	}
	again, err := ResumeFile(path, FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n := again.Earlier().Records; n != all {
		t.Errorf("the journal has %d records of %d", n, all)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// What Commit was called for is in the journal, also where it waits for an earlier
// record, and where a commit has passed over it before.
func TestCommitIsForAll(t *testing.T) {
	for _, passed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out.jsonl")
			f, err := CreateFile(path, FileOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for _, i := range []int64{0, 2, 3} {
				if err := f.Write(&Record{Index: i, URL: "http://h/", OK: true}); err != nil {
					t.Fatal(err)
				}
			}
			if passed {
				time.Sleep(1500 * time.Millisecond) // one commit
			}
			if err := f.Commit(); err != nil {
				t.Fatal(err)
			}
			// As it would be found after kill -9.
			dead := filepath.Join(t.TempDir(), "out.jsonl")
			for _, ext := range []string{"", ".journal", ".ahead"} {
				if data, err := os.ReadFile(path + ext); err != nil {
					t.Error(err)
				} else if err := os.WriteFile(dead+ext, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			again, err := ResumeFile(dead, FileOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if !again.Done(0) || again.Done(1) || !again.Done(2) || !again.Done(3) {
				t.Errorf("commit before: %v: done are %v, %v, %v, %v of the first four", passed, again.Done(0), again.Done(1), again.Done(2), again.Done(3))
			}
			if err := f.Commit(); err != nil { // with nothing new
				t.Error(err)
			}
		})
	}
}
