package rate_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/rate"
)

// A line is callers that wait one behind the other, each in a goroutine.
type line struct {
	l     *rate.Limiter
	since func() time.Duration
	mu    sync.Mutex
	log   []string
}

// come makes a caller wait, and returns when it does or has been served.
func (q *line) come(ctx context.Context, name string, cost int) {
	go func() { q.note(name, q.l.Wait(ctx, cost)) }()
	synctest.Wait()
}

// note writes into the log what became of a caller, and when.
func (q *line) note(name string, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case err == nil:
	case errors.Is(err, penstock.ErrOverLimit):
		name += " over"
	case errors.Is(err, context.Canceled):
		name += " gone"
	default:
		name += " " + err.Error()
	}
	q.log = append(q.log, fmt.Sprint(name, " ", q.since()))
}

// want compares the log, in which what happens in one instant has no order.
func (q *line) want(t *testing.T, log ...string) {
	t.Helper()
	synctest.Wait()
	q.mu.Lock()
	defer q.mu.Unlock()
	slices.Sort(q.log)
	slices.Sort(log)
	if !slices.Equal(q.log, log) {
		t.Errorf("got  %q\nwant %q", q.log, log)
	}
}

func TestWaitServesInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/s"), since: since}
		q.come(t.Context(), "a", 1)
		q.come(t.Context(), "b", 5)
		q.come(t.Context(), "c", 1)
		q.come(t.Context(), "d", 2)
		time.Sleep(time.Second / 2)
		if q.l.Allow(1) {
			t.Error("a newcomer overtook")
		}
		if wait, ok := q.l.At(time.Now(), 3); ok || wait != 8500*time.Millisecond {
			t.Errorf("At gave %v, %v", wait, ok)
		}
		if got, want := q.l.Stats(), (rate.Stats{Waiting: 3, Waits: 3, Wait: 8500 * time.Millisecond}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		time.Sleep(time.Hour)
		// b is admitted when a is paid for, c when b is.
		q.want(t, "a 0s", "b 1s", "c 6s", "d 7s")
		if got, want := q.l.Stats(), (rate.Stats{Waits: 3, Served: 3, TotalWait: 14 * time.Second}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestWaitOfAllRates(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1 requests/s, 600 tokens/m burst 30"), since: since}
		for i, cost := range []int{30, 1, 30, 1, 0, 0} {
			q.come(t.Context(), string(rune('a'+i)), cost)
		}
		time.Sleep(time.Hour)
		// a uses up the tokens; b is due for its request after 1 s, when 10 have
		// come back, of which it takes 1; c needs 21 more; d comes a second later.
		q.want(t, "a 0s", "b 1s", "c 3.1s", "d 4.1s", "e 5.1s", "f 6.1s")
	})
}

// TestCancelledDelayNobody is where x/time/rate and its kin, whose waiters
// reserve a place in the future, serve the tenth after 10 s.
func TestCancelledDelayNobody(t *testing.T) {
	for _, text := range []string{"1/s", "1/s, 100/s"} {
		t.Run(text, func(t *testing.T) {
			bubble(t, func(t *testing.T, since func() time.Duration) {
				q := &line{l: limiter(t, text), since: since}
				ctx, cancel := context.WithCancel(t.Context())
				q.come(t.Context(), "first", 1)
				for range 9 {
					q.come(ctx, "x", 1)
				}
				q.come(t.Context(), "tenth", 1)
				time.Sleep(time.Second / 4)
				cancel()
				time.Sleep(time.Hour)
				q.want(t, slices.Concat([]string{"first 0s"}, slices.Repeat([]string{"x gone 250ms"}, 9), []string{"tenth 1s"})...)
			})
		})
	}
}

// TestCancelledHead has a first waiter with a demand so large that the second
// could go at once when it leaves.
func TestCancelledHead(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/s burst 10"), since: since}
		q.come(t.Context(), "a", 5)
		ctx, cancel := context.WithCancel(t.Context())
		q.come(ctx, "b", 10)
		q.come(t.Context(), "c", 6)
		q.come(t.Context(), "d", 1)
		time.Sleep(2 * time.Second)
		cancel()
		time.Sleep(time.Hour)
		q.want(t, "a 0s", "b gone 2s", "c 2s", "d 2s")
	})
}

// TestCancelledAmongMany takes waiters out of the middle and the end.
func TestCancelledAmongMany(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/s"), since: since}
		leave := map[string]context.CancelFunc{}
		for i := range 8 {
			name := string(rune('a' + i))
			ctx, cancel := context.WithCancel(t.Context())
			q.come(ctx, name, 1)
			leave[name] = cancel
		}
		for _, name := range []string{"h", "d", "e", "b"} {
			leave[name]()
			synctest.Wait()
		}
		time.Sleep(time.Hour)
		q.want(t, "a 0s", "h gone 0s", "d gone 0s", "e gone 0s", "b gone 0s", "c 1s", "f 2s", "g 3s")
		for _, cancel := range leave {
			cancel()
		}
	})
}

// TestServedAndCancelledAtOnce cancels waiters at the instant in which they are
// served: they fail, and what they got goes to the next.
func TestServedAndCancelledAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/h"), since: since}
		for range 50 {
			p := acquire(t, q.l, 1)
			ctx, cancel := context.WithCancel(t.Context())
			q.come(ctx, "x", 1)
			q.come(t.Context(), "y", 1)
			cancel()
			p.Release(penstock.Unused) // serves x, unless it has left already
			synctest.Wait()
			time.Sleep(time.Hour)
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		for i := 0; i < len(q.log); i += 2 {
			pair := q.log[i : i+2]
			slices.Sort(pair)
			at := time.Duration(i/2) * time.Hour
			if !slices.Equal(pair, []string{fmt.Sprint("x gone ", at), fmt.Sprint("y ", at)}) {
				t.Errorf("after %v, %q", at, pair)
			}
		}
	})
}

// TestCancelledWhenServed lets timers cancel waiters at the instant in which a
// timer serves them. Whoever is told that it failed holds nothing.
func TestCancelledWhenServed(t *testing.T) {
	seeded(t, func(t *testing.T, r *rand.Rand) {
		bubble(t, func(t *testing.T, since func() time.Duration) {
			l := limiter(t, "1/s")
			next := time.Duration(0)
			for range 50 {
				ctx, cancel := context.WithCancel(t.Context())
				stop := time.AfterFunc(time.Duration(r.IntN(3))*time.Second, cancel)
				if l.Wait(ctx, 1) == nil {
					if since() != next {
						t.Fatalf("served at %v instead of %v", since(), next)
					}
					next += time.Second
				}
				stop.Stop()
				cancel()
			}
		})
	})
}

func TestDeadline(t *testing.T) {
	for _, c := range []struct {
		why   string
		rates string
		ahead []int // those who wait already
		cost  int
		wait  time.Duration // of the one under test
	}{
		{"nobody waits", "1/s", nil, 1, time.Second},
		{"some wait", "1/s", []int{1, 5, 1}, 1, 8 * time.Second},
		{"some wait for a burst", "1/s burst 5", []int{3, 5, 1}, 2, 11 * time.Second},
		{"the rates take turns to be the slower", "1 requests/s, 600 tokens/m", []int{30, 1, 1, 30}, 1, 9 * time.Second},
	} {
		t.Run(c.why, func(t *testing.T) {
			bubble(t, func(t *testing.T, since func() time.Duration) {
				q := &line{l: limiter(t, c.rates), since: since}
				q.l.Allow(1)
				for range 4 { // a burst
					q.l.Allow(1)
				}
				for _, cost := range c.ahead {
					q.come(t.Context(), "ahead", cost)
				}

				ctx, cancel := context.WithTimeout(t.Context(), c.wait)
				defer cancel()
				err := q.l.Wait(ctx, c.cost)
				var detail *rate.DeadlineError
				if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &detail) || detail.Wait != c.wait || detail.Left != c.wait {
					t.Errorf("a wait that ends at the deadline gave %v, %+v", err, detail)
				}
				if since() != 0 {
					t.Errorf("it failed after %v", since())
				}
				if s := q.l.Stats(); s.Waiting != len(c.ahead) {
					t.Errorf("%d wait", s.Waiting)
				}

				ctx, cancel = context.WithTimeout(t.Context(), c.wait+1)
				defer cancel()
				if err := q.l.Wait(ctx, c.cost); err != nil || since() != c.wait {
					t.Errorf("a wait that ends just before the deadline gave %v after %v", err, since())
				}
			})
		})
	}
}

func TestDeadlineErrorText(t *testing.T) {
	err := &rate.DeadlineError{Wait: 1500 * time.Millisecond, Left: time.Second}
	if got, want := err.Error(), "rate: the wait of 1.5s would pass the deadline in 1s"; got != want {
		t.Errorf("got %q", got)
	}
}

// TestEstimateIsTheWait compares what newcomers are told that they would wait
// with what they then do wait, for rates, costs and arrivals at random.
func TestEstimateIsTheWait(t *testing.T) {
	seeded(t, func(t *testing.T, r *rand.Rand) {
		bubble(t, func(t *testing.T, _ func() time.Duration) {
			text := []string{
				"7/s", "7/s burst 9", "7/s, 100/m", "3 requests/s, 20 tokens/s burst 12", "5 requests/s burst 3, 20 tokens/s", "9/s burst 9, 11/2s burst 30, 4 requests/s",
			}[r.IntN(6)]
			l := limiter(t, text)
			var waiting sync.WaitGroup
			defer waiting.Wait()
			for range 200 {
				cost := r.IntN(10)
				past, cancel := context.WithTimeout(t.Context(), 1)
				var told rate.DeadlineError
				if detail := (*rate.DeadlineError)(nil); errors.As(l.Wait(past, cost), &detail) {
					told = *detail
				} else {
					cancel()
					continue // had at once
				}
				cancel()
				came := time.Now()
				waiting.Go(func() {
					if err := l.Wait(t.Context(), cost); err != nil || time.Since(came) != told.Wait {
						t.Errorf("%s: %d took %v instead of %v, %v", text, cost, time.Since(came), told.Wait, err)
					}
				})
				synctest.Wait()
				if r.IntN(3) > 0 {
					time.Sleep(time.Duration(r.Int64N(int64(2 * time.Second))))
				}
			}
		})
	})
}

// TestAllGone leaves nothing behind, which Idle would tell.
func TestAllGone(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/h"), since: since}
		q.come(t.Context(), "a", 1)
		q.come(t.Context(), "b", 1)
		ctx, leave := context.WithCancelCause(t.Context())
		q.come(ctx, "c", 1)
		time.Sleep(time.Second)
		leave(nil)
		q.want(t, "a 0s", "c gone 1s")
		time.Sleep(time.Hour)
		q.want(t, "a 0s", "c gone 1s", "b 1h0m0s")
		if !q.l.Idle(time.Now().Add(time.Hour)) {
			t.Error("it is not idle")
		}
	})
}

func TestStatsOfNone(t *testing.T) {
	if got := limiter(t, "1/s").Stats(); got != (rate.Stats{}) {
		t.Errorf("got %+v", got)
	}
}
