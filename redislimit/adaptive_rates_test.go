package redislimit_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/rate"
	"github.com/penstock-go/penstock/redislimit"
)

func steady(_, most, start int) adaptive.Control { return &counter{limit: start, most: most} }

// TestAdaptiveRateOfAnother ends a leader that has found a rate, whose successor cannot
// go on with what it has learned: it knows of no rate, so there is none. One that
// somebody has set stays.
func TestAdaptiveRateOfAnother(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	first := open(t, srv.URL(), quick)
	a := adaptiveOf(t, first, "rates", redislimit.AdaptiveOptions{Start: 5, Control: func(_, _, start int) adaptive.Control {
		return paced{&counter{limit: start, most: start}}
	}})
	stop := keepBusy(t, a, 5, penstock.Success)
	rates := func() string { return srv.Must("HGET", "penstock:{rates}", "r") }
	eventually(t, time.Minute, "the first paces", func() bool { return rates() != "" })
	stop()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := open(t, srv.URL(), quick)
	b := adaptiveOf(t, second, "rates", redislimit.AdaptiveOptions{Start: 5, Max: 5, Control: steady})
	stop = keepBusy(t, b, 5, penstock.Success)
	eventually(t, time.Minute, "there is no rate any more", func() bool { return rates() == "" })
	if err := second.SetRates(t.Context(), "rates", rate.Rate{Count: 500, Per: time.Second}); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	c := adaptiveOf(t, open(t, srv.URL(), quick), "rates", redislimit.AdaptiveOptions{Start: 5, Max: 5, Control: steady})
	keepBusy(t, c, 5, penstock.Success)
	eventually(t, time.Minute, "the third leads", func() bool { return c.Stats().Leading && c.Stats().Acquired > 100 })
	if rates() == "" {
		t.Error("what was set is gone")
	}
}

// cutting is a control that wants a rate, and has the network drop the call that
// tells of it.
type cutting struct {
	*counter

	proxy *redistest.Proxy
	once  *atomic.Bool
}

func (c cutting) Rate(time.Time) float64 {
	if c.once.CompareAndSwap(false, true) {
		c.proxy.Cut.Store(true)
	}
	return 50
}

// TestAdaptiveRateUnheard drops the call that writes a rate: it is written by a later
// one.
func TestAdaptiveRateUnheard(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	proxy := redistest.StartProxy(t, srv.Addr)
	once := new(atomic.Bool)
	a := adaptiveOf(t, open(t, "redis://"+proxy.Addr, quick), "unheard", redislimit.AdaptiveOptions{Start: 5, Control: func(_, _, start int) adaptive.Control {
		return cutting{&counter{limit: start, most: start}, proxy, once}
	}})
	keepBusy(t, a, 5, penstock.Success)
	eventually(t, time.Minute, "the network is cut", once.Load)
	eventually(t, time.Minute, "that is found out", func() bool { return a.Stats().Away })
	proxy.Cut.Store(false)
	eventually(t, time.Minute, "Redis knows the rate", func() bool { return srv.Must("HGET", "penstock:{unheard}", "r") != "" })
}
