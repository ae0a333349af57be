package adaptive_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
)

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		name  string
		o     adaptive.Options
		limit int    // at first
		err   string // part of
	}{
		{"zero", adaptive.Options{}, 4, ""},
		{"a small Max", adaptive.Options{Max: 2}, 2, ""},
		{"a large Min", adaptive.Options{Min: 50}, 50, ""},
		{"a Start over the default Max", adaptive.Options{Start: 5000}, 5000, ""},
		{"Min over Max", adaptive.Options{Min: 5, Max: 4}, 0, "Max is 4 and Min is 5"},
		{"Start below Min", adaptive.Options{Min: 5, Start: 4}, 0, "Start is 4"},
		{"Start over Max", adaptive.Options{Max: 5, Start: 6}, 0, "Start is 6"},
		{"a negative Min", adaptive.Options{Min: -1}, 0, "Min is -1"},
		{"a negative MaxHold", adaptive.Options{MaxHold: -1}, 0, "MaxHold is -1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := adaptive.New(c.o)
			switch {
			case c.err == "" && (err != nil || l.Limit() != c.limit):
				t.Errorf("error %v", err)
			case c.err != "" && (!errors.Is(err, adaptive.ErrOptions) || !strings.Contains(err.Error(), c.err)):
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}

// stepping returns a Limiter whose limit goes up by one with each success.
func stepping(tb testing.TB, o adaptive.Options) *adaptive.Limiter {
	l, f := limiter(tb, 1, o)
	f.step = func(f *fixed) adaptive.Reason {
		f.limit++
		return adaptive.Increased
	}
	return l
}

func limits(changes []adaptive.Change) []int {
	var out []int
	for _, c := range changes {
		out = append(out, c.Limit)
	}
	return out
}

func TestHistory(t *testing.T) {
	bubble(t, func(t *testing.T, _ func() time.Duration) {
		for _, c := range []struct {
			keep int
			want []int
		}{{0, []int{1, 2, 3, 4, 5, 6}}, {3, []int{4, 5, 6}}, {-1, nil}} {
			l := stepping(t, adaptive.Options{History: c.keep})
			begin := time.Now()
			for range 5 {
				time.Sleep(time.Second)
				must(t, l, 1).Release(penstock.Success)
			}
			h := l.History()
			if got := limits(h); !slices.Equal(got, c.want) {
				t.Errorf("keep %d: %v, want %v", c.keep, got, c.want)
			}
			if n := len(h); n > 0 {
				want := adaptive.Change{Seq: 6, At: begin.Add(5 * time.Second), Reason: adaptive.Increased, Limit: 6}
				if h[n-1] != want {
					t.Errorf("%+v, want %+v", h[n-1], want)
				}
			}
			if s := l.Stats(); s.Changes != 6 {
				t.Errorf("%+v", s)
			}
		}
	})
}

// TestObserve has many goroutines that make changes: the observer hears of each,
// in order, one at a time, and may use the Limiter.
func TestObserve(t *testing.T) {
	var mu sync.Mutex
	var heard []adaptive.Change
	var l *adaptive.Limiter
	l = stepping(t, adaptive.Options{Max: 1 << 20, Observe: func(c adaptive.Change) {
		if !mu.TryLock() {
			t.Error("called twice at once")
			return
		}
		defer mu.Unlock()
		heard = append(heard, c)
		if l != nil {
			_ = l.Stats()
		}
	}})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 500 {
				p, err := l.AcquirePermit(t.Context(), 1)
				if err != nil {
					t.Error(err)
					return
				}
				p.Release(penstock.Success)
			}
		})
	}
	group.Wait()
	mu.Lock()
	defer mu.Unlock()
	for i, c := range heard {
		if c.Seq != int64(i+1) || c.Limit != i+1 {
			t.Fatalf("%d: %+v", i, c)
		}
	}
	if len(heard) != 4001 {
		t.Errorf("heard of %d changes", len(heard))
	}
}

func TestStatsAsJSON(t *testing.T) {
	l, err := adaptive.New(adaptive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	must(t, l, 1)
	b, err := json.Marshal(l.Stats())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"limit":4`, `"in_flight":1`, `"refuses":"unknown"`, `"total_wait_ns":0`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
}
