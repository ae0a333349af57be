package journal_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-go/penstock/fetch/journal"
)

const (
	header = 4096
	entry  = 32
	perEnd = 5 // entries that end a batch: four sizes and the end
)

// write makes a journal of batches, each of rows items with consecutive
// indexes, and returns its path.
func write(t *testing.T, batches, rows int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "j")
	j, err := journal.Create(path, journal.Header{Input: []byte(`"in"`), Options: map[string]string{"--order": "input"}})
	if err != nil {
		t.Fatal(err)
	}
	for b := range batches {
		commit(t, j, b*rows, rows)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func commit(t *testing.T, j *journal.Journal, first, rows int) {
	t.Helper()
	var entries []journal.Entry
	for i := range rows {
		entries = append(entries, journal.Entry{Index: int64(first + i), OK: i%2 == 0, Status: 200, Class: uint8(i % 3), Length: 10})
	}
	end := int64(first + rows)
	if err := j.Commit(entries, journal.Sizes{journal.Output: end * 10, journal.Failed: end}, true); err != nil {
		t.Fatal(err)
	}
}

// reopen opens the journal and fails the test unless exactly the first rows
// items are done.
func reopen(t *testing.T, path string, rows int) (*journal.Journal, *journal.State) {
	t.Helper()
	j, st, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	if st.Done.Low() != int64(rows) || st.Done.Has(int64(rows)) || st.Rows != int64(rows) || st.Sizes[journal.Output] != int64(rows)*10 {
		t.Fatalf("low %d, rows %d, output of %d bytes; want %d rows", st.Done.Low(), st.Rows, st.Sizes[journal.Output], rows)
	}
	return j, st
}

func TestOpenTellsWhatWasCommitted(t *testing.T) {
	j, st := reopen(t, write(t, 3, 7), 21)
	if st.OK != 12 || st.Statuses[200] != 21 || st.Classes[1] != 6 || st.Classes[2] != 6 || st.Sizes[journal.Failed] != 21 || st.Cut != 0 {
		t.Errorf("state %+v", st)
	}
	if string(st.Header.Input) != `"in"` || st.Header.Options["--order"] != "input" || st.Header.PID != os.Getpid() {
		t.Errorf("header %+v", st.Header)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// Wherever the tail is torn, what whole batches say holds, and the journal can
// be written on.
func TestTornTailAtEveryByte(t *testing.T) {
	whole, err := os.ReadFile(write(t, 3, 2))
	if err != nil {
		t.Fatal(err)
	}
	batch := entry * (2 + perEnd)
	for cut := header; cut < len(whole); cut++ {
		path := filepath.Join(t.TempDir(), "j")
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		rows := (cut - header) / batch * 2
		j, st := reopen(t, path, rows)
		if want := int64((cut - header) % batch); st.Cut != want {
			t.Fatalf("cut at %d: %d bytes of a torn tail, want %d", cut, st.Cut, want)
		}
		commit(t, j, rows, 2)
		j.Close()
		reopen(t, path, rows+2)
	}
}

// A bad byte anywhere is noticed: in the last batch it is as if that had not
// been written, earlier it is damage, and in the header it is no journal.
func TestBadByteAnywhere(t *testing.T) {
	whole, err := os.ReadFile(write(t, 4, 2))
	if err != nil {
		t.Fatal(err)
	}
	last := len(whole) - entry*(2+perEnd)
	end := last - entry // without it the last two batches are one
	path := filepath.Join(t.TempDir(), "j")
	for at := header; at < len(whole); at++ {
		bad := bytes.Clone(whole)
		bad[at] ^= 0x10
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		j, st, err := journal.Open(path)
		switch {
		case at < end && !errors.Is(err, journal.ErrDamaged):
			t.Fatalf("byte %d: error %v, want ErrDamaged", at, err)
		case at >= end && at < last && (err != nil || st.Rows != 4):
			t.Fatalf("byte %d of the last end but one: %v, %+v", at, err, st)
		case at >= last && (err != nil || st.Rows != 6):
			t.Fatalf("byte %d of the last batch: %v, %+v", at, err, st)
		}
		if err == nil {
			j.Close()
		} else if got, _ := os.ReadFile(path); !bytes.Equal(got, bad) {
			t.Fatalf("byte %d: a damaged journal was changed", at)
		}
	}
}

func TestBadByteInTheHeader(t *testing.T) {
	whole, err := os.ReadFile(write(t, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "j")
	for at := range header - 1 { // the newline is for those who look at it
		bad := bytes.Clone(whole)
		bad[at] ^= 0x01
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		j, _, err := journal.Open(path)
		if err == nil {
			j.Close()
		}
		// A version that has become larger may be taken for one.
		if !errors.Is(err, journal.ErrNotJournal) && !errors.Is(err, journal.ErrNewer) {
			t.Fatalf("byte %d: %v, want ErrNotJournal", at, err)
		}
	}
}

func TestWhatIsNoJournal(t *testing.T) {
	whole, err := os.ReadFile(write(t, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	newer := bytes.Replace(whole, []byte(`"version":1`), []byte(`"version":9`), 1)
	for name, tt := range map[string]struct {
		content []byte
		want    error
	}{
		"empty":         {nil, journal.ErrNotJournal},
		"short":         {whole[:100], journal.ErrNotJournal},
		"another file":  {bytes.Repeat([]byte("http://example.com/\n"), 1000), journal.ErrNotJournal},
		"other magic":   {bytes.Replace(whole, []byte("penstock journal"), []byte("peNstock journal"), 1), journal.ErrNotJournal},
		"newer version": {newer, journal.ErrNewer},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "j")
			if err := os.WriteFile(path, tt.content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := journal.Open(path)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want %v and the path", err, tt.want)
			}
		})
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	path := write(t, 1, 1)
	j, _ := reopen(t, path, 1)
	if _, _, err := journal.Open(path); !errors.Is(err, journal.ErrLocked) || !strings.Contains(err.Error(), "pid") {
		t.Errorf("error %v, want ErrLocked with the pid", err)
	}
	j.Close()
	reopen(t, path, 1)
}

func TestCreateOverwritesNothing(t *testing.T) {
	path := write(t, 1, 1)
	if _, err := journal.Create(path, journal.Header{}); !errors.Is(err, os.ErrExist) {
		t.Errorf("error %v, want os.ErrExist", err)
	}
	reopen(t, path, 1)
}

// A record that was ahead and then got its row is ahead no more, and counts
// once.
func TestAheadThenRow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, err := journal.Create(path, journal.Header{})
	if err != nil {
		t.Fatal(err)
	}
	ahead := func(i, at int64) journal.Entry {
		return journal.Entry{Index: i, Ahead: true, At: at, OK: true, Length: 5}
	}
	for _, batch := range [][]journal.Entry{
		{ahead(1, 0), ahead(2, 5)},
		{{Index: 0, OK: true, Length: 5}, {Index: 1, OK: true, Length: 5}, ahead(3, 10)},
	} {
		if err := j.Commit(batch, journal.Sizes{}, false); err != nil {
			t.Fatal(err)
		}
	}
	j.Close()
	_, st, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if st.Rows != 4 || st.Done.Low() != 4 || len(st.Ahead) != 2 || st.Ahead[2].At != 5 || st.Ahead[3].At != 10 {
		t.Errorf("state %+v", st)
	}
}

func TestBitmapAgainstMap(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	var b journal.Bitmap
	set := map[int64]bool{}
	for range 5000 {
		i := r.Int64N(3000)
		b.Set(i)
		set[i] = true
	}
	low := int64(0)
	for set[low] {
		low++
	}
	for i := int64(-1); i < 4000; i++ {
		if b.Has(i) != set[i] {
			t.Fatalf("seed %d: Has(%d) is %v", seed, i, b.Has(i))
		}
	}
	if b.Low() != low {
		t.Errorf("seed %d: Low is %d, want %d", seed, b.Low(), low)
	}
}

func FuzzRead(f *testing.F) {
	path := filepath.Join(f.TempDir(), "j")
	j, err := journal.Create(path, journal.Header{})
	if err != nil {
		f.Fatal(err)
	}
	if err := j.Commit([]journal.Entry{{Index: 3}}, journal.Sizes{}, false); err != nil {
		f.Fatal(err)
	}
	j.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Fuzz(func(t *testing.T, b []byte) {
		st, good, err := journal.Read(bytes.NewReader(b))
		if err == nil && (st == nil || good < 0 || header+good*entry > int64(len(b))) {
			t.Errorf("%d entries of %d bytes, state %v", good, len(b), st)
		}
	})
}
