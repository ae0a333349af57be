package rate_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/rate"
)

// A step is a demand at an instant, and what becomes of it.
type step struct {
	at   time.Duration
	cost int
	want time.Duration // 0: taken; else how long until it can be
	why  string
}

func TestAt(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		rates string
		steps []step
	}{
		{"100/s", []step{
			{0, 1, 0, "the first is had at once"},
			{0, 1, 10 * ms, "there is no burst at the start"},
			{9 * ms, 1, 1 * ms, "a refusal has taken nothing"},
			{10 * ms, 1, 0, "one comes every 10 ms"},
			{10 * ms, 1, 10 * ms, "and only one"},
			{25 * ms, 1, 0, "one that comes late is had at once"},
			{30 * ms, 1, 5 * ms, "and what was missed is not made up for"},
			{5000 * ms, 1, 0, "after a long pause one is had"},
			{5000 * ms, 1, 10 * ms, "and there is no burst either"},
		}},
		{"100/s burst 3", []step{
			{0, 2, 0, "two of a burst of three"},
			{0, 2, 10 * ms, "the third is not enough for two"},
			{0, 1, 0, "but for one"},
			{0, 1, 10 * ms, "the burst is used up"},
			{10 * ms, 1, 0, "then one comes every 10 ms"},
			{15 * ms, 1, 5 * ms, "and not sooner"},
			{30 * ms, 2, 0, "two have come since"},
			{35 * ms, 3, 25 * ms, "the burst is full 30 ms after the last was taken"},
			{60 * ms, 3, 0, "and it is"},
			{9000 * ms, 4, rate.Never, "more than the burst is never had"},
			{9000 * ms, 3, 0, "and the burst never grows beyond three"},
			{9000 * ms, 1, 10 * ms, "not even after 9 s"},
		}},
		{"10/15s", []step{
			{0, 1, 0, "the first at once"},
			{1499 * ms, 1, 1 * ms, "10 in 15 s is one in 1.5 s"},
			{1500 * ms, 1, 0, "evenly spaced"},
		}},
		{"1/h", []step{
			{0, 1, 0, "the first at once"},
			{1, 1, time.Hour - 1, "to the nanosecond"},
			{time.Hour - 1, 1, 1, "an hour means an hour"},
			{time.Hour, 1, 0, "and no more"},
		}},
		{"3/s burst 3", []step{
			{0, 1, 0, "an interval that is no whole number"},
			{0, 1, 0, "does not make the burst smaller"},
			{0, 1, 0, "not by a nanosecond"},
			{0, 1, 333333334, "a third of a second, rounded up"},
			{333333334, 1, 0, "rounding up is enough"},
			{333333334, 1, 333333333, "and is not added up: two thirds, rounded up"},
		}},
		{"1000 tokens/m", []step{
			{0, 800, 0, "without a burst a demand of any size is had"},
			{0, 1, 48 * time.Second, "and paid for before the next"},
			{48 * time.Second, 5000, 0, "also one that is more than a minute's"},
			{50 * time.Second, 5000, 298 * time.Second, "which takes five minutes"},
			{348 * time.Second, 0, 0, "nothing is had at once"},
			{348 * time.Second, -1, rate.Never, "less than nothing never is"},
			{348 * time.Second, math.MaxInt, rate.Never, "nor what takes longer than MaxDebt"},
			{348 * time.Second, 1, 0, "none of which has taken anything"},
		}},
		{"60 requests/m, 1000 tokens/m burst 1000", []step{
			{0, 900, 0, "a request of 900 tokens"},
			{0, 10, 1000 * ms, "there are tokens, but it is not time for a request"},
			{1000 * ms, 200, 5000 * ms, "it is time for a request, but the tokens are short by 83.3"},
			{1000 * ms, 100, 0, "neither refusal has taken from either rate"},
			{2000 * ms, 0, 0, "no tokens at all are still a request"},
			{2000 * ms, 0, 1000 * ms, "and only one"},
			{3000 * ms, 1001, rate.Never, "no rate gives more than its burst"},
			{3000 * ms, 51, 60 * ms, "3000 ms have brought back 50 of the 1000"},
			{3060 * ms, 51, 0, "and 60 ms more bring one"},
		}},
		{"10/s, 100/m", []step{
			{0, 1, 0, "both give the first"},
			{100 * ms, 1, 500 * ms, "the slower one decides"},
			{600 * ms, 1, 0, "when it is due"},
			{600 * ms, 3, 600 * ms, "and again"},
			{1200 * ms, 6, 0, "a large one is charged to both"},
			{1800 * ms, 1, 3000 * ms, "and takes six times as long of the slower"},
		}},
	} {
		t.Run(c.rates, func(t *testing.T) {
			l, start := limiter(t, c.rates), time.Now()
			// The limiter was made a little before start, where its time begins.
			for _, s := range c.steps {
				wait, ok := l.At(start.Add(s.at), s.cost)
				if wait != s.want || ok != (s.want == 0) {
					t.Errorf("%d at %v gave %v, %v, want %v: %s", s.cost, s.at, wait, ok, s.want, s.why)
				}
			}
		})
	}
}

// TestAtFarAway has readings of the clock that no Limiter lives to see.
func TestAtFarAway(t *testing.T) {
	for _, text := range []string{"100/s", "1/365d", "1/s, 1/d", "1/ns burst 1000000"} {
		for _, at := range []time.Duration{math.MinInt64, -time.Hour, 6 * 365 * 24 * time.Hour, math.MaxInt64} {
			l := limiter(t, text)
			if wait, ok := l.At(time.Now().Add(at), 1); !ok {
				t.Errorf("%s: the first, at %v, has to wait for %v", text, at, wait)
			}
			if wait, ok := l.At(time.Time{}, 10_000_000); ok || wait <= 0 {
				t.Errorf("%s: at the zero time it gives %v, %v", text, wait, ok)
			}
		}
	}
}

func TestAllow(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		for _, text := range []string{"100/s", "100/s, 100/s", "100 requests/s"} {
			l := limiter(t, text)
			admitted := 0
			for range 1001 {
				if l.Allow(1) {
					admitted++
				}
				time.Sleep(time.Millisecond)
			}
			if admitted != 101 { // the first, and 100 in the second after it
				t.Errorf("%s admitted %d in a second", text, admitted)
			}
			if l.Allow(-1) {
				t.Errorf("%s admitted -1", text)
			}
		}
	})
}

// TestAllowBeyond has demands that can never be had: every method says so.
func TestOverLimit(t *testing.T) {
	for _, c := range []struct {
		rates string
		cost  int
		want  string
	}{
		{"10/s burst 5", 6, "rate: a cost of 6 at 10/s burst 5: penstock: demand exceeds the limit"},
		{"10/s, 100/m burst 5", 6, "rate: a cost of 6 at 10/s, 100/m burst 5: penstock: demand exceeds the limit"},
		{"1/d", 834, "rate: a cost of 834 at 1/d: penstock: demand exceeds the limit"},
		{"1 tokens/d burst 3, 1 requests/s", 4, "rate: a cost of 4 at 1 tokens/d burst 3, 1 requests/s: penstock: demand exceeds the limit"},
	} {
		t.Run(c.rates, func(t *testing.T) {
			l := limiter(t, c.rates)
			if err := l.Wait(t.Context(), c.cost); err == nil || err.Error() != c.want || !errors.Is(err, penstock.ErrOverLimit) {
				t.Errorf("Wait: %v\nwant  %s", err, c.want)
			}
			if p, err := l.AcquirePermit(t.Context(), c.cost); p != nil || !errors.Is(err, penstock.ErrOverLimit) {
				t.Errorf("AcquirePermit: %v, %v", p, err)
			}
			if p, ok := l.TryAcquirePermit(c.cost); p != nil || ok {
				t.Errorf("TryAcquirePermit: %v, %v", p, ok)
			}
			if !l.Allow(c.cost - 1) {
				t.Error("one less is not had, so something was taken")
			}
		})
	}
}

// TestRequestsAreOne has a rate that counts requests and no cost.
func TestRequestsAreOne(t *testing.T) {
	l := limiter(t, "10 requests/s burst 2")
	for _, cost := range []int{math.MaxInt, 0} {
		if !l.Allow(cost) {
			t.Errorf("a request of %d is not had", cost)
		}
	}
	if l.Allow(1) {
		t.Error("a third is had")
	}
}

func TestNegativeCost(t *testing.T) {
	l := limiter(t, "100/s")
	if err := l.Wait(t.Context(), -1); !errors.Is(err, penstock.ErrNegativeWeight) {
		t.Errorf("got %v", err)
	}
	if !l.Allow(1) {
		t.Error("something was taken")
	}
}

func TestWaitWhenEnded(t *testing.T) {
	cause := errors.New("closing time")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	l := limiter(t, "100/s")
	for _, cost := range []int{1, 0} {
		if err := l.Wait(ctx, cost); !errors.Is(err, cause) || !errors.Is(err, context.Canceled) {
			t.Errorf("Wait: %v", err)
		}
		if p, err := l.AcquirePermit(ctx, cost); p != nil || !errors.Is(err, cause) {
			t.Errorf("AcquirePermit: %v, %v", p, err)
		}
	}
	if !l.Allow(1) {
		t.Error("something was taken")
	}
}

func TestFresh(t *testing.T) {
	bubble(t, func(t *testing.T, _ func() time.Duration) {
		l := limiter(t, "1/s")
		if !l.Allow(1) || l.Allow(1) {
			t.Fatal("the first limiter is wrong")
		}
		f := l.Fresh()
		if !f.Allow(1) || f.Allow(1) {
			t.Error("the fresh one has not a state of its own")
		}
		if err := l.SetRate(rates(t, "1/h")...); err != nil {
			t.Fatal(err)
		}
		if got := f.Rates().String(); got != "1/s" {
			t.Errorf("SetRate changed another limiter to %v", got)
		}
		if got := l.Fresh().Rates().String(); got != "1/h" {
			t.Errorf("a fresh one has %v", got)
		}
	})
}

func TestFreshIsSmall(t *testing.T) {
	l := limiter(t, "100/s")
	keep := make([]*rate.Limiter, 10_000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range keep {
		keep[i] = l.Fresh()
		keep[i].Allow(1)
		keep[i].Allow(1)
	}
	runtime.ReadMemStats(&after)
	// 1 byte is for what the rest of the process does meanwhile.
	if bytes := (after.TotalAlloc - before.TotalAlloc) / uint64(len(keep)); bytes > 49 {
		t.Errorf("a limiter takes %d bytes", bytes)
	}
	runtime.KeepAlive(keep)
}

func TestIdle(t *testing.T) {
	bubble(t, func(t *testing.T, _ func() time.Duration) {
		for _, text := range []string{"10/s burst 2", "10/s burst 2, 100/s"} {
			l, start := limiter(t, text), time.Now()
			l.Allow(2)
			for _, c := range []struct {
				after time.Duration
				want  bool
			}{{0, false}, {200*time.Millisecond - 1, false}, {200 * time.Millisecond, true}} {
				if got := l.Idle(start.Add(c.after)); got != c.want {
					t.Errorf("%s: %v after, it is %v", text, c.after, got)
				}
			}
			if !limiter(t, text).Idle(start) {
				t.Errorf("%s: a new one is not idle", text)
			}
		}
	})
}

// TestIdleWhileOneWaits asks about a time at which all would be paid for.
func TestIdleWhileOneWaits(t *testing.T) {
	bubble(t, func(t *testing.T, since func() time.Duration) {
		q := &line{l: limiter(t, "1/s"), since: since}
		q.come(t.Context(), "a", 1)
		q.come(t.Context(), "b", 1)
		if q.l.Idle(time.Now().Add(time.Hour)) {
			t.Error("it is idle")
		}
		time.Sleep(time.Hour)
		if !q.l.Idle(time.Now()) {
			t.Error("it is not idle")
		}
	})
}

// TestDropped drops a Limiter in which somebody has waited: no timer keeps it.
func TestDropped(t *testing.T) {
	l := limiter(t, "1/h")
	l.Allow(1)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if err := l.Wait(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	kept := weak.Make(l)
	runtime.GC()
	runtime.GC()
	if kept.Value() != nil {
		t.Error("it is kept")
	}
}

func TestRatesAreACopy(t *testing.T) {
	list := rates(t, "1/s, 2/s")
	l, _ := rate.New(list...)
	list[0].Count = 9
	l.Rates()[1].Count = 9
	if got := l.Rates().String(); got != "1/s, 2/s" {
		t.Errorf("got %v", got)
	}
}
