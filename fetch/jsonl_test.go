package fetch_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s was left behind", e.Name())
	}
}

// rec is a record whose line can be told from every other.
func rec(i int64) *fetch.Record {
	return &fetch.Record{Index: i, URL: strings.Repeat(string(rune('a'+i%26)), 50+int(i%100))}
}

func line(i int64) string { return string(rec(i).AppendJSON(nil)) + "\n" }

// What waits for an earlier record waits in memory up to a limit and in a file
// beyond it, and comes out right, in order and at once.
func TestJSONLSpills(t *testing.T) {
	for name, memory := range map[string]int64{"all in memory": 0, "half of it": 100_000, "all in the file": 1} {
		t.Run(name, func(t *testing.T) {
			seeded(t, 2, func(t *testing.T, r *rand.Rand) {
				const items = 1000
				var out bytes.Buffer
				dir := t.TempDir()
				s := fetch.NewJSONL(&out, fetch.JSONLOptions{Memory: memory, TempDir: dir, FlushEvery: time.Hour})
				var want strings.Builder
				// Three rounds, so that the file is used again.
				for round := range int64(3) {
					order := r.Perm(items - 1)
					for _, i := range order {
						write(t, s, round*items+int64(i)+1) // all but the first
					}
					write(t, s, round*items)
					advance(t, s, (round+1)*items)
				}
				for i := range int64(3 * items) {
					want.WriteString(line(i))
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				wantEmpty(t, dir)
				if out.String() != want.String() {
					t.Errorf("%d bytes, want %d; they differ", out.Len(), want.Len())
				}
			})
		})
	}
}

func write(t *testing.T, s *fetch.JSONL, i int64) {
	t.Helper()
	if err := s.Write(rec(i)); err != nil {
		t.Fatal(err)
	}
}

func advance(t *testing.T, s *fetch.JSONL, low int64) {
	t.Helper()
	if err := s.Advance(low); err != nil {
		t.Fatal(err)
	}
}

// Exactly what is over Memory goes to the file: without a place for one, all
// is well up to the limit, and one byte more is an error.
func TestJSONLMemoryIsALimit(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "none")
	most := int64(len(line(1)) + len(line(2)))
	for memory, fits := range map[int64]bool{most: true, most - 1: false} {
		var out bytes.Buffer
		s := fetch.NewJSONL(&out, fetch.JSONLOptions{Memory: memory, TempDir: nowhere})
		err := errors.Join(s.Write(rec(1)), s.Write(rec(2)))
		if fits != (err == nil) || !fits && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%d bytes where %d are needed: %v", memory, most, err)
		}
		if !fits {
			if err := s.Write(rec(0)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("after the error: %v", err)
			}
			if err := s.Close(); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Close: %v", err)
			}
			continue
		}
		// What has come out makes room again.
		write(t, s, 0)
		advance(t, s, 3)
		write(t, s, 4)
		if err := s.Close(); err != nil || out.String() != line(0)+line(1)+line(2)+line(4) {
			t.Errorf("%q, %v", out.String(), err)
		}
	}
}

// A low that comes late, or again, changes nothing; one that leaves items out
// (an earlier run had them, or the run was stopped) hands on what there is.
func TestJSONLAdvance(t *testing.T) {
	for _, memory := range []int64{0, 1} {
		var out bytes.Buffer
		s := fetch.NewJSONL(&out, fetch.JSONLOptions{Memory: memory, TempDir: t.TempDir()})
		write(t, s, 2)
		write(t, s, 1)
		advance(t, s, 0)
		write(t, s, 0)
		advance(t, s, 3)
		advance(t, s, 1)
		write(t, s, 3)
		write(t, s, 1_000_000)
		write(t, s, 7)
		advance(t, s, 8)
		write(t, s, 999_999)
		advance(t, s, 999_999)
		advance(t, s, math.MaxInt64)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		var want strings.Builder
		for _, i := range []int64{0, 1, 2, 3, 7, 999_999, 1_000_000} {
			want.WriteString(line(i))
		}
		if out.String() != want.String() {
			t.Errorf("memory %d: got\n%swant\n%s", memory, out.String(), want.String())
		}
	}
}

// Close writes what is left, in order, also where the ones before it will
// never come.
func TestJSONLCloseWritesWhatIsLeft(t *testing.T) {
	for _, memory := range []int64{0, 1} {
		var out bytes.Buffer
		dir := t.TempDir()
		s := fetch.NewJSONL(&out, fetch.JSONLOptions{Memory: memory, TempDir: dir, FlushEvery: time.Hour})
		for _, i := range []int64{9, 4, 7} {
			write(t, s, i)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if want := line(4) + line(7) + line(9); out.String() != want {
			t.Errorf("got\n%swant\n%s", out.String(), want)
		}
		wantEmpty(t, dir)
	}
}

// A run that is stopped leaves whole lines in order, one for each item that
// was finished.
func TestJSONLOfStoppedRun(t *testing.T) {
	seeded(t, 6, func(t *testing.T, r *rand.Rand) {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			dir := t.TempDir()
			sink := &tee{JSONL: fetch.NewJSONL(&out, fetch.JSONLOptions{Memory: 2000, TempDir: dir})}
			o := chaoticOptions(r)
			o.Transport = newNetwork(chaos(r.Uint64()))
			e, err := fetch.New(o)
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(time.Duration(r.IntN(5000))*ms, e.Drain)
			if _, err := e.Run(t.Context(), list(chaotic(r, 300)...), sink); err != nil && !errors.Is(err, fetch.ErrDrained) {
				t.Fatal(err)
			}
			if err := sink.Close(); err != nil {
				t.Fatal(err)
			}
			var got []int64
			for _, rec := range lines(t, out.Bytes()) {
				got = append(got, rec.Index)
			}
			slices.Sort(sink.order)
			if !slices.Equal(got, sink.order) {
				t.Errorf("lines of %v, records of %v", got, sink.order)
			}
			wantEmpty(t, dir)
		})
	})
}

// A log is a writer that knows when what was written to it.
type log struct {
	start  time.Time
	mu     sync.Mutex
	writes []string
	fail   error
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return 0, l.fail
	}
	l.writes = append(l.writes, fmt.Sprint(time.Since(l.start), " ", bytes.Count(b, []byte("\n"))))
	return len(b), nil
}

// A record waits no longer than FlushEvery in the buffer, and is not written
// alone where others follow sooner.
func TestJSONLFlushes(t *testing.T) {
	for every, want := range map[time.Duration][]string{
		0:           {"100ms 3", "10.1s 1", "20s 1"},
		time.Second: {"1s 3", "11s 1", "20s 1"},
	} {
		t.Run(every.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &log{start: time.Now()}
				s := fetch.NewJSONL(w, fetch.JSONLOptions{Order: fetch.CompletionOrder, FlushEvery: every})
				for i, at := range []time.Duration{0, 50 * ms, 99 * ms, 10 * time.Second, 20 * time.Second} {
					time.Sleep(time.Until(w.start.Add(at)))
					write(t, s, int64(i))
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if !slices.Equal(w.writes, want) {
					t.Errorf("written at %q, want %q", w.writes, want)
				}
			})
		})
	}
}

// When Close returns nothing of the sink is at work any more, though its
// timer may be due in that instant: the writer can be closed.
func TestJSONLCloseEndsFlushing(t *testing.T) {
	for range 300 {
		synctest.Test(t, func(t *testing.T) {
			w := &unguarded{}
			s := fetch.NewJSONL(w, fetch.JSONLOptions{FlushEvery: ms})
			write(t, s, 0)
			time.Sleep(ms)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			w.bytes = -1 // for the race detector
		})
	}
}

// An unguarded writer must not be used by two at once.
type unguarded struct{ bytes int }

func (w *unguarded) Write(b []byte) (int, error) {
	w.bytes += len(b)
	return len(b), nil
}

// The first write that fails is the error of all that follows, and ends a
// run.
func TestJSONLWriteError(t *testing.T) {
	full := errors.New("no space left on device")
	synctest.Test(t, func(t *testing.T) {
		w := &log{start: time.Now(), fail: full}
		s := fetch.NewJSONL(w, fetch.JSONLOptions{Order: fetch.CompletionOrder})
		write(t, s, 0)
		time.Sleep(time.Second) // the flush fails
		w.mu.Lock()
		w.fail = errors.New("another")
		w.mu.Unlock()
		for _, err := range []error{s.Write(rec(1)), s.Close(), s.Close()} {
			if !errors.Is(err, full) {
				t.Errorf("%v, want %v", err, full)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := &log{start: time.Now(), fail: full}
		sink := fetch.NewJSONL(w, fetch.JSONLOptions{})
		n := newNetwork(always(10 * ms))
		_, err := fetch.Run(t.Context(), forever(), sink, fetch.Options{Transport: n})
		var sinkErr *fetch.SinkError
		if !errors.As(err, &sinkErr) || !errors.Is(err, full) {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(w.start); took > 200*ms {
			t.Errorf("the run noticed after %v", took)
		}
		if err := sink.Close(); !errors.Is(err, full) {
			t.Errorf("Close: %v", err)
		}
	})
}

// Records are written by several goroutines at once; each comes out whole.
func TestJSONLConcurrently(t *testing.T) {
	for _, order := range []fetch.Order{fetch.InputOrder, fetch.CompletionOrder} {
		var out bytes.Buffer
		s := fetch.NewJSONL(&out, fetch.JSONLOptions{Order: order, Memory: 10_000, TempDir: t.TempDir(), FlushEvery: time.Microsecond})
		var wg sync.WaitGroup
		const writers, each = 8, 200
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					if err := errors.Join(s.Write(rec(int64(i*writers+w))), s.Advance(0)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if err := errors.Join(s.Advance(writers*each), s.Close()); err != nil {
			t.Error(err)
		}
		got := strings.SplitAfter(strings.TrimSuffix(out.String(), "\n"), "\n")
		got[len(got)-1] += "\n"
		var want []string
		for i := range int64(writers * each) {
			want = append(want, line(i))
		}
		if order == fetch.CompletionOrder {
			slices.Sort(got)
			slices.Sort(want)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v order: %d lines, want %d; they differ", order, len(got), len(want))
		}
	}
}

func TestJSONLOfNothing(t *testing.T) {
	var out bytes.Buffer
	if err := fetch.NewJSONL(&out, fetch.JSONLOptions{}).Close(); err != nil || out.Len() != 0 {
		t.Errorf("%q, %v", out.String(), err)
	}
}
