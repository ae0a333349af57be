package redislimit_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/rate"
	"github.com/penstock-go/penstock/redislimit"
)

// TestFastRateBurst has some take units at once, and give them back: then as many are to
// be had as before, and not one more.
func TestFastRateBurst(t *testing.T) {
	t.Parallel()
	srv := aged(t)
	s := open(t, srv.URL(), quick)
	r, err := s.Rate("back", rate.Rate{Count: 1, Per: time.Hour, Burst: 1000}, rate.Rate{Count: 1, Per: time.Hour, Burst: 200, Unit: rate.Requests})
	if err != nil {
		t.Fatal(err)
	}
	left := 1000 - goShort(t, s, r)
	var mu sync.Mutex
	var all sync.WaitGroup
	got := make(map[redislimit.Fence]*redislimit.Permit)
	for i := range 30 {
		all.Go(func() {
			p, err := r.Acquire(t.Context(), 1+i%3)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			got[p.Fence()] = p
		})
	}
	all.Wait()
	if len(got) != 30 {
		t.Errorf("%d fences of 30 permits", len(got))
	}
	if _, ok := r.TryAcquirePermit(left - 60 + 1); ok {
		t.Error("more was had than the burst")
	}
	for _, p := range got {
		p.Release(penstock.Unused)
	}
	if _, ok := r.TryAcquirePermit(left); !ok {
		t.Error("what was given back is not to be had")
	}
	if _, ok := r.TryAcquirePermit(1); ok {
		t.Error("more is to be had than was given back")
	}
}

// What number is asked for: when the first rate is paid for, and the time, in microseconds.
const (
	paid = "return redis.call('HGET', KEYS[1], 't'):match('%S+')"
	now  = "local t = redis.call('TIME') return string.format('%.0f', t[1] * 1e6 + t[2])"
)

func number(t *testing.T, srv *redistest.Server, script string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(srv.Must("EVAL", script, "1", "penstock:{rate}"), 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestFastRateRefund has all there is taken, and given back at once: it is to be had again.
func TestFastRateRefund(t *testing.T) {
	t.Parallel()
	srv := aged(t)
	s := open(t, srv.URL(), quick)
	r, err := s.Rate("rate", rate.Rate{Count: 10, Per: time.Second, Burst: 20}, rate.Rate{Count: 2, Per: time.Second, Burst: 4, Unit: rate.Requests})
	if err != nil {
		t.Fatal(err)
	}
	n := goShort(t, s, r)
	until := number(t, srv, now) + float64(n)*500_000
	eventually(t, patience, "nothing is owed", func() bool { return number(t, srv, now) >= until })
	if _, ok := r.TryAcquirePermit(21); ok { // and everything was told just now
		t.Fatal("more than the burst")
	}
	var all []*redislimit.Permit
	for _, n := range []int{17, 1, 1, 1} {
		p, err := r.Acquire(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	for _, p := range all {
		p.Release(penstock.Unused)
	}
	for _, n := range []int{17, 1, 1, 1} {
		if _, ok := r.TryAcquirePermit(n); !ok {
			t.Errorf("%d of what was given back are not to be had", n)
		}
	}
}

// TestFastRateRefundsNoTime has units taken, and given back when time has done so: that
// changes nothing.
func TestFastRateRefundsNoTime(t *testing.T) {
	t.Parallel()
	srv := aged(t)
	s := open(t, srv.URL(), quick)
	r, err := s.Rate("rate", rate.Rate{Count: 10, Per: time.Second, Burst: 500})
	if err != nil {
		t.Fatal(err)
	}
	n := goShort(t, s, r)
	p, err := r.Acquire(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	until := number(t, srv, now) + float64(n+5)*100_000
	if _, err := r.Acquire(t.Context(), 400); err != nil {
		t.Fatal(err)
	}
	before := number(t, srv, paid)
	eventually(t, patience, "it is paid for", func() bool { return number(t, srv, now) >= until })
	p.Release(penstock.Unused)
	if _, ok := r.TryAcquirePermit(1); !ok {
		t.Fatal("refused")
	}
	if took := number(t, srv, paid) - before; took < 99_999 || took > 100_001 {
		t.Errorf("the next has cost %.0f us of 100,000", took)
	}
}
