package fetch

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch/journal"
)

// A slowAhead writes nothing before it is let go.
type slowAhead struct {
	aheadFile
	gate   chan struct{}
	writes int
}

func (a *slowAhead) WriteAt(b []byte, at int64) (int, error) {
	<-a.gate
	a.writes++
	return a.aheadFile.WriteAt(b, at)
}

// While rows that wait for an earlier one are copied into their file, records are
// taken and rows go out, also those that are being copied; and what was copied is
// there after a crash.
func TestWritersDoNotWaitForTheAheadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	const some = 2000
	record := func(i int64) *Record {
		return &Record{Index: i, URL: "http://h/" + strings.Repeat("x", int(i%300)), Status: 200, OK: i%7 > 0}
	}
	var want bytes.Buffer
	for i := range int64(2 * some) {
		want.Write(append(record(i).AppendJSON(nil), '\n'))
	}
	synctest.Test(t, func(t *testing.T) {
		f, err := CreateFile(path, FileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		file, err := f.openAhead()
		if err != nil {
			t.Fatal(err)
		}
		slow := &slowAhead{aheadFile: file, gate: make(chan struct{})}
		f.mu.Lock()
		f.backlog.open = func() (aheadFile, error) { return slow, nil }
		f.mu.Unlock()
		write := func(from, to int64) {
			for i := from; i < to; i++ {
				if err := f.Write(record(i)); err != nil {
					t.Fatal(err)
				}
			}
		}
		write(1, some)
		time.Sleep(2*time.Second + time.Millisecond)
		synctest.Wait()
		if !f.mu.TryLock() {
			close(slow.gate)
			t.Fatal("who has a record to write waits for the ahead file")
		}
		h := f.backlog.held[1]
		f.mu.Unlock()
		if h == nil || h.at < 0 {
			t.Error("row 1 has no place in the ahead file after two commits")
		}

		write(0, 1)
		if err := f.Advance(some / 2); err != nil { // their memory is written over by the next
			t.Fatal(err)
		}
		write(some+1, 2*some)
		close(slow.gate)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if slow.writes > 8 {
			t.Errorf("%d rows were written to the ahead file in %d times", 2*some, slow.writes)
		}
		crashed := filepath.Join(t.TempDir(), "out.jsonl")
		for _, ext := range []string{"", ".journal", ".ahead"} {
			data, err := os.ReadFile(path + ext)
			if err == nil {
				err = os.WriteFile(crashed+ext, data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		again, err := ResumeFile(crashed, FileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range int64(2 * some) {
			if again.Done(i) != (i != some) {
				t.Errorf("after a crash item %d is done: %v", i, again.Done(i))
			}
		}
		for name, f := range map[string]*File{crashed: again, path: f} {
			if err := f.Write(record(some)); err != nil {
				t.Fatal(err)
			}
			if err := f.Advance(2 * some); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want.Bytes()) {
				t.Errorf("%s: %d bytes, want %d; they differ; %v", name, len(got), want.Len(), err)
			}
		}
	})
}

// A locker notes how many rows were out when others might have had it.
type locker struct{ let func() }

func (l locker) Lock()   {}
func (l locker) Unlock() { l.let() }

// Many rows are not handed on at once: others may write in between, and who wants more of
// them handed on meanwhile leaves that to the one who is at it.
func TestRowsAreReleasedByAndBy(t *testing.T) {
	const last = 5 * releaseAtOnce
	var got []int64
	q := backlog{memory: 1 << 20, spare: &spareBuffers{}, emit: func(_, _ []byte, e journal.Entry) { got = append(got, e.Index) }}
	for i := int64(1); i <= last; i++ {
		if _, err := q.put([]byte("row"), nil, journal.Entry{Index: i}); err != nil {
			t.Fatal(err)
		}
	}
	var between []int
	var mu locker
	mu.let = func() {
		between = append(between, len(got))
		if len(between) > 1 {
			return
		}
		if err := q.advance(mu, last+1); err != nil || len(got) != between[0] {
			t.Errorf("a second one has handed on %d rows, %v", len(got)-between[0], err)
		}
	}
	if err := q.advance(mu, 2*releaseAtOnce); err != nil {
		t.Fatal(err)
	}
	for i, n := range between {
		if n != (i+1)*releaseAtOnce-1 { // item 0 is one of them
			t.Errorf("others were let in after %v rows, want after each %d", between, releaseAtOnce)
		}
	}
	if len(between) != 5 || !slices.IsSorted(got) || len(got) != last {
		t.Errorf("%d rows, want %d, all in order; others were let in after %v", len(got), last, between)
	}
}
