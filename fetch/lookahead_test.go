package fetch_test

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// A reader counts what is read from a source and not finished.
type reader struct {
	read, done atomic.Int64
	most       atomic.Int64 // of the difference
	furthest   atomic.Int64 // the highest index, less that of the oldest unfinished item
	oldest     func() int64
	bad        int64 // every so manieth item is one that cannot be fetched
	items      int64
	urlOf      func(i int64) string
}

func (r *reader) source() *sourced {
	return from(func(_ context.Context, i int64) (fetch.Item, error) {
		if i >= r.items {
			return fetch.Item{}, io.EOF
		}
		n := r.read.Add(1)
		r.most.Store(max(r.most.Load(), n-r.done.Load()))
		if r.oldest != nil {
			r.furthest.Store(max(r.furthest.Load(), i-r.oldest()))
		}
		if r.bad > 0 && i%r.bad == 0 {
			return fetch.Item{}, nil
		}
		return fetch.Item{URL: r.urlOf(i)}, nil
	})
}

// No more than the look-ahead is read and not finished, whatever waits for
// what; and the look-ahead is used.
func TestLookAhead(t *testing.T) {
	for _, ahead := range []int{1, 2, 7, 100} {
		t.Run(fmt.Sprint(ahead), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &reader{items: 500, bad: 9, urlOf: func(i int64) string { return fmt.Sprintf("http://host%d/%d", i%3, i) }}
				n := newNetwork(func(h hit) reply {
					if h.nth == 0 {
						return reply{status: 503, wait: 10 * ms}
					}
					return reply{wait: 10 * ms}
				})
				sum, err := fetch.Run(t.Context(), r.source(), fetch.SinkFunc(func(*fetch.Record) error {
					r.done.Add(1)
					return nil
				}), fetch.Options{
					Transport: n, Concurrency: 5, PerHost: 3, LookAhead: ahead, SpillMax: -1, Retry: fetch.Retry{Max: 1, Base: time.Second},
				})
				if err != nil || sum.Records != 500 {
					t.Fatalf("%d records: %v", sum.Records, err)
				}
				if got := r.most.Load(); got != int64(ahead) {
					t.Errorf("%d items were read and not finished, want at most, and at some time, %d", got, ahead)
				}
			})
		})
	}
}

// The default is 1,000, or ten times the concurrency.
func TestLookAheadDefault(t *testing.T) {
	for concurrency, want := range map[int]int64{1: 1000, 200: 2000} {
		synctest.Test(t, func(t *testing.T) {
			r := &reader{items: 5000, urlOf: func(int64) string { return "http://a/" }}
			s := start(t.Context(), t, newNetwork(always(time.Hour)), r.source(), fetch.Options{Concurrency: concurrency, Timeout: -1})
			time.Sleep(time.Second)
			s.Drain()
			s.end(t)
			if got := r.most.Load(); got != want {
				t.Errorf("-c %d: %d were read ahead, want %d", concurrency, got, want)
			}
		})
	}
}

// The source gets no further ahead of the oldest unfinished item than the
// window, which one slow item alone can make the limit.
func TestWindow(t *testing.T) {
	for _, window := range []int64{1, 5, 64, 100, 1000} {
		t.Run(fmt.Sprint(window), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &advancer{t: t, has: map[int64]bool{}}
				r := &reader{items: 2000, urlOf: func(i int64) string { return fmt.Sprint("http://a/", i) }}
				r.oldest = func() int64 {
					a.mu.Lock()
					defer a.mu.Unlock()
					return a.low
				}
				n := newNetwork(func(h hit) reply {
					if h.url == "http://a/0" || h.url == "http://a/1234" {
						return reply{wait: time.Minute}
					}
					return reply{}
				})
				began := time.Now()
				sum, err := fetch.Run(t.Context(), r.source(), a,
					fetch.Options{Transport: n, Concurrency: 3, LookAhead: 10000, Window: window, Timeout: -1})
				if err != nil || sum.OK != 2000 {
					t.Fatalf("summary %+v: %v", sum, err)
				}
				if got := r.furthest.Load(); got != window {
					t.Errorf("the source was %d ahead of the oldest item, want at most, and at some time, %d", got, window)
				}
				wantTime(t, "the run", time.Since(began), 2*time.Minute)
			})
		})
	}
}

// A source may leave out items that an earlier run had finished: they do not
// hold up the window.
func TestWindowOverGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		indexes := []int64{5, 6, 9, 100, 101, 5000, 5001, 1_000_000, 1_000_003}
		src := &gaps{indexes: indexes}
		n, s := newNetwork(always(time.Second)), newShelf()
		sum, err := fetch.Run(t.Context(), src, s, fetch.Options{Transport: n, Window: 10})
		if err != nil || sum.OK != int64(len(indexes)) {
			t.Fatalf("summary %+v: %v", sum, err)
		}
		for i, at := range []time.Duration{1, 1, 1, 2, 2, 3, 3, 4, 4} {
			wantTime(t, fmt.Sprint("item ", indexes[i]), s.doneAt(indexes[i]), at*time.Second)
		}
	})
}

// gaps is a source of items with these indexes.
type gaps struct{ indexes []int64 }

func (g *gaps) Next(context.Context) (fetch.Item, error) {
	if len(g.indexes) == 0 {
		return fetch.Item{}, io.EOF
	}
	it := fetch.Item{Index: g.indexes[0], URL: "http://a/"}
	g.indexes = g.indexes[1:]
	return it, nil
}
