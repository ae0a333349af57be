package redislimit_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/rate"
	"github.com/penstock-go/penstock/redislimit"
)

// TestRateOfAFleet: several processes' calls, in every window, stay under the
// rate, and reach it.
func TestRateOfAFleet(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	const perSecond, burst = 200, 10
	var mu sync.Mutex
	var times []time.Time
	var all sync.WaitGroup
	for range 3 {
		r, err := open(t, srv.URL(), quick).Rate("fleet", rate.Rate{Count: perSecond, Per: time.Second, Burst: burst})
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			all.Go(func() {
				for range 20 {
					if _, err := r.Acquire(t.Context(), 1); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					times = append(times, time.Now())
					mu.Unlock()
				}
			})
		}
	}
	all.Wait()
	slices.SortFunc(times, time.Time.Compare)
	took := times[len(times)-1].Sub(times[0])
	ideal := time.Duration(len(times)-burst) * time.Second / perSecond
	if took < ideal*8/10 || took > ideal*3/2+stall {
		t.Errorf("%d in %v, the rate gives %v", len(times), took, ideal)
	}
	// Seen from here answers are late, by up to what is allowed here.
	const late = 300 * time.Millisecond
	for i := range times {
		for j := i; j < len(times); j++ {
			n, window := j-i+1, times[j].Sub(times[i])+late
			if most := burst + int(window.Seconds()*perSecond) + 1; n > most {
				t.Fatalf("%d in %v, at most %d are allowed", n, window, most)
			}
		}
	}
}

// TestCancelledLeaveNoDebt: nine who give up do not delay the tenth.
func TestCancelledLeaveNoDebt(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	r, err := open(t, srv.URL(), quick).Rate("debt", rate.Rate{Count: 2, Per: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := r.Acquire(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := contextIn(t, 100*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for range 9 {
		all.Go(func() {
			if _, err := r.Acquire(ctx, 1); err == nil {
				t.Error("had at once")
			}
		})
	}
	all.Wait()
	if _, err := r.Acquire(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 490*time.Millisecond || took > 4*time.Second {
		t.Errorf("the tenth had it after %v, want 500ms", took)
	}
}

// TestSettle gives back what an estimate was over, and charges what it was
// under.
func TestSettle(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	r, err := open(t, srv.URL(), quick).Rate("tokens", rate.Rate{Count: 100, Per: time.Hour, Burst: 100, Unit: rate.Tokens})
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.Acquire(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	p.Settle(40)
	q, ok := r.TryAcquirePermit(60)
	if !ok {
		t.Fatal("what was given back is not to be had")
	}
	if _, ok := r.TryAcquirePermit(1); ok {
		t.Fatal("more than was given back")
	}
	q.Release(penstock.Unused)
	p.Settle(95)
	if _, ok := r.TryAcquirePermit(6); ok {
		t.Fatal("what was charged is to be had")
	}
	if _, ok := r.TryAcquirePermit(5); !ok {
		t.Fatal("the rest is not to be had")
	}
}

func TestSetRates(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	a, err := open(t, srv.URL(), quick).Rate("setrates", rate.Rate{Count: 1, Per: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Acquire(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, ok := a.TryAcquirePermit(1); ok {
		t.Fatal("two in an hour")
	}
	if err := a.SetRates(t.Context(), rate.Rate{Count: 1, Per: time.Hour, Burst: 5}); err != nil {
		t.Fatal(err)
	}
	if _, ok := a.TryAcquirePermit(4); !ok {
		t.Fatal("the new burst is not to be had")
	}
	if _, ok := a.TryAcquirePermit(1); ok {
		t.Fatal("more than the new burst")
	}
}

// TestRestartGivesNoBurst: a rate whose past is lost is taken to be used up.
func TestRestartGivesNoBurst(t *testing.T) {
	t.Parallel()
	srv := aged(t)
	r, err := open(t, srv.URL(), redislimit.Options{Lease: time.Second}).Rate("r", rate.Rate{Count: 1, Per: time.Hour, Burst: 5})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Acquire(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	srv.Kill()
	srv.Start()
	ctx, cancel := contextIn(t, 2500*time.Millisecond)
	defer cancel()
	if _, err := r.Acquire(ctx, 1); err == nil {
		t.Fatal("the burst was had twice")
	}
}
