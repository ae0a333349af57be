package fetch_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// A shelf is a sink that keeps what it is given, and when.
type shelf struct {
	start time.Time

	mu   sync.Mutex
	recs []fetch.Record // in order of completion
	at   []time.Duration
}

func newShelf() *shelf { return &shelf{start: time.Now()} }

func (s *shelf) Write(r *fetch.Record) error {
	kept := *r
	kept.Body = slices.Clone(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recs = append(s.recs, kept)
	s.at = append(s.at, time.Since(s.start))
	return nil
}

func (s *shelf) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.recs)
}

// indexes is the items in the order of their completion.
func (s *shelf) indexes() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]int64, len(s.recs))
	for i, r := range s.recs {
		list[i] = r.Index
	}
	return list
}

// each returns the records by index, and fails the test unless there is
// exactly one for each of n items.
func (s *shelf) each(t *testing.T, n int) []fetch.Record {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]fetch.Record, n)
	seen := make([]int, n)
	for _, r := range s.recs {
		if r.Index < 0 || r.Index >= int64(n) {
			t.Fatalf("a record of item %d; there are %d items", r.Index, n)
		}
		list[r.Index] = r
		seen[r.Index]++
	}
	for i, k := range seen {
		if k != 1 {
			t.Fatalf("item %d has %d records, want 1", i, k)
		}
	}
	return list
}

// doneAt is when the record of an item came, -1 if it did not.
func (s *shelf) doneAt(index int64) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, r := range s.recs {
		if r.Index == index {
			return s.at[i]
		}
	}
	return -1
}

// A source that is a function of the index, which is set by it.
type source func(ctx context.Context, index int64) (fetch.Item, error)

type sourced struct {
	next   source
	index  int64
	closed int
}

func from(next source) *sourced { return &sourced{next: next} }

func (s *sourced) Next(ctx context.Context) (fetch.Item, error) {
	it, err := s.next(ctx, s.index)
	it.Index = s.index
	s.index++
	return it, err
}

func (s *sourced) Close() error {
	s.closed++
	return nil
}

// list is a source of the items given.
func list(items ...fetch.Item) *sourced {
	return from(func(_ context.Context, i int64) (fetch.Item, error) {
		if i >= int64(len(items)) {
			return fetch.Item{}, io.EOF
		}
		return items[i], nil
	})
}

// gets is a source of URLs.
func gets(urls ...string) *sourced {
	items := make([]fetch.Item, len(urls))
	for i, u := range urls {
		items[i].URL = u
	}
	return list(items...)
}

// many is n URLs of a host.
func many(n int, host string) []string {
	urls := make([]string, n)
	for i := range urls {
		urls[i] = "http://" + host + "/" + strconv.Itoa(i)
	}
	return urls
}

// An outcome is what a run brought.
type outcome struct {
	*shelf
	sum  fetch.Summary
	err  error
	took time.Duration
}

// run fetches src over n and checks what holds for every run.
func run(t *testing.T, n *network, src fetch.Source, o fetch.Options) outcome {
	t.Helper()
	o.Transport = n
	s := newShelf()
	sum, err := fetch.Run(t.Context(), src, s, o)
	took := time.Since(s.start)
	n.settled(t)
	n.within(t, o.Concurrency, o.PerHost)
	if int64(s.count()) != sum.Records {
		t.Errorf("the sink was given %d records, the summary says %d", s.count(), sum.Records)
	}
	return outcome{s, sum, err, took}
}

// mustRun is run where every item has its record and nothing ends it early.
func mustRun(t *testing.T, n *network, src fetch.Source, o fetch.Options) outcome {
	t.Helper()
	out := run(t, n, src, o)
	if out.err != nil {
		t.Fatalf("Run: %v", out.err)
	}
	if out.sum.Items != out.sum.Records {
		t.Fatalf("%d records for %d items", out.sum.Records, out.sum.Items)
	}
	return out
}

// one fetches one item over a fake network.
func one(t *testing.T, answer func(hit) reply, it fetch.Item, o fetch.Options) (fetch.Record, *network) {
	t.Helper()
	n := newNetwork(answer)
	return mustRun(t, n, list(it), o).each(t, 1)[0], n
}

// classOf is the class of a record's error, "" if it has none.
func classOf(r fetch.Record) fetch.Class {
	if r.Error == nil {
		return ""
	}
	return r.Error.Class
}

// seeds are numbers to draw from: new ones each time, or the one in
// FETCH_SEED, to see again what a failed test saw.
func seeds(n int) []uint64 {
	if s, err := strconv.ParseUint(os.Getenv("FETCH_SEED"), 10, 64); err == nil {
		return []uint64{s}
	}
	list := make([]uint64, n)
	for i := range list {
		list[i] = rand.Uint64()
	}
	return list
}

// seeded runs f for n seeds, each named in the test's name.
func seeded(t *testing.T, n int, f func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	for _, seed := range seeds(n) {
		t.Run("seed="+strconv.FormatUint(seed, 10), func(t *testing.T) {
			f(t, rand.New(rand.NewPCG(seed, 1)))
		})
	}
}

// wantTime fails the test unless a time is exactly right.
func wantTime(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// retryAfter is a 503 that says when to come back.
func retryAfter(value string) reply {
	return reply{status: http.StatusServiceUnavailable, header: http.Header{"Retry-After": {value}}}
}
