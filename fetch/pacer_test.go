package fetch_test

import (
	"context"
	"math"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
)

// A metronome is a Pacer that lets one unit of cost through in each interval,
// and nothing that costs more than most.
type metronome struct {
	every time.Duration
	most  int

	mu    sync.Mutex
	next  time.Time
	taken []int // costs
}

func (m *metronome) At(now time.Time, cost int) (time.Duration, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.most > 0 && cost > m.most {
		return math.MaxInt64, false // as rate.Never
	}
	if wait := m.next.Sub(now); wait > 0 {
		return wait, false
	}
	m.next = now.Add(time.Duration(cost) * m.every)
	m.taken = append(m.taken, cost)
	return 0, true
}

// wantStarts fails the test unless the requests began at multiples of every.
func wantStarts(t *testing.T, n *network, every time.Duration) {
	t.Helper()
	for i, h := range n.log() {
		wantTime(t, "start of "+h.url, h.at, time.Duration(i)*every)
	}
}

// The rate is for requests: those of retries and redirects wait for it too.
func TestRatePacesEveryRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(h hit) reply {
			switch {
			case h.url == "http://a/3":
				return reply{status: 302, header: http.Header{"Location": {"/4"}}}
			case h.url == "http://a/5" && h.nth == 0:
				return retryAfter("0")
			}
			return reply{wait: 250 * ms}
		})
		out := mustRun(t, n, gets(many(10, "a")...), fetch.Options{
			Rate: &metronome{every: 100 * ms}, Redirects: 1, Retry: fetch.Retry{Max: 1, Cap: 1},
		})
		if len(n.log()) != 12 || out.sum.OK != 10 {
			t.Errorf("%d requests, summary %+v", len(n.log()), out.sum)
		}
		wantStarts(t, n, 100*ms)
		if n.most != 3 {
			t.Errorf("%d in flight, want the 3 that fit into 250 ms", n.most)
		}
	})
}

// Where the limit on what is in flight is the narrower one, the rate is not
// asked for what could not start.
func TestRateUnderTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &metronome{every: 10 * ms}
		n := newNetwork(always(100 * ms))
		out := mustRun(t, n, gets(many(8, "a")...), fetch.Options{Concurrency: 2, Rate: m})
		wantTime(t, "all of it", out.took, 410*ms)
		if len(m.taken) != 8 {
			t.Errorf("the rate was taken from %d times, want 8", len(m.taken))
		}
	})
}

// What waits for the rate holds no slot, and is not in the attempt's time.
func TestRateWaitIsQueueing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(always(ms))
		out := mustRun(t, n, gets(many(3, "a")...), fetch.Options{Rate: &metronome{every: time.Minute}, Timeout: time.Second})
		for i, rec := range out.each(t, 3) {
			wantTime(t, "queue", rec.Queue, time.Duration(i)*time.Minute)
			wantTime(t, "total", rec.Total, ms)
		}
	})
}

func TestRateCosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &metronome{every: 100 * ms}
		n := newNetwork(nil)
		mustRun(t, n, list(
			fetch.Item{URL: "http://a/", Cost: 3}, fetch.Item{URL: "http://a/"},
			fetch.Item{URL: "http://a/", Cost: 5}, fetch.Item{URL: "http://a/", Cost: -1},
		), fetch.Options{Rate: m})
		for i, want := range []time.Duration{0, 300 * ms, 400 * ms, 900 * ms} {
			wantTime(t, "start", n.log()[i].at, want)
		}
		if got := m.taken; got[0] != 3 || got[1] != 1 || got[2] != 5 || got[3] != 1 {
			t.Errorf("costs %v", got)
		}
	})
}

// A host on hold takes nothing from the rate that others could have.
func TestRateGoesToWhoMayStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(h hit) reply {
			if h.url == "http://held/0" && h.nth == 0 {
				return retryAfter("60")
			}
			return reply{}
		})
		urls := append(many(5, "held"), many(20, "a")...)
		out := mustRun(t, n, gets(urls...), fetch.Options{Rate: &metronome{every: 100 * ms}, Retry: fetch.Retry{Max: 1}})
		for i := range 20 {
			wantTime(t, "start", n.log()[i+1].at, time.Duration(i+1)*100*ms)
		}
		if out.sum.OK != 25 {
			t.Errorf("summary %+v", out.sum)
		}
	})
}

// An item that costs more than the rate ever gives has its record; it does
// not stop all that come after it.
func TestRateThatNeverComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		n, s := newNetwork(nil), newShelf()
		_, err := fetch.Run(ctx, list(
			fetch.Item{URL: "http://a/0"}, fetch.Item{URL: "http://a/1", Cost: 100}, fetch.Item{URL: "http://a/2"},
		), s, fetch.Options{Transport: n, Rate: &metronome{every: 100 * ms, most: 10}})
		if err != nil {
			t.Fatalf("%d records after %v: %v", s.count(), time.Since(s.start), err)
		}
		recs := s.each(t, 3)
		if !recs[0].OK || !recs[2].OK || classOf(recs[1]) != fetch.InvalidInput || recs[1].Started.Before(s.start) {
			t.Errorf("records %+v", recs)
		}
	})
}
