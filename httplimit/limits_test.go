package httplimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/httplimit"
	"github.com/penstock-go/penstock/rate"
)

// many gets n URLs at once and waits for them all.
func (b *bench) many(n int, url func(i int) string) {
	b.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { b.mustGet(url(i), 200) })
	}
	wg.Wait()
}

func TestTotalAndPerHost(t *testing.T) {
	bubble(t, 3, httplimit.Options{Total: 5, PerHost: 2}, func(b *bench) {
		b.many(30, func(i int) string { return b.url(i%3, "/delay/100/%d", i) })
		a := b.server.Audit()
		if a.Total.MaxInFlight != 5 {
			b.Errorf("%d in flight, want 5", a.Total.MaxInFlight)
		}
		for _, h := range a.Hosts {
			if h.MaxInFlight != 2 || h.Requests != 10 {
				b.Errorf("%+v", h)
			}
		}
		// Six rounds of five at best. At worst all of one host come last, and it has one slot
		// of the five until the others are done, after five rounds; then it has five to go,
		// two at a time.
		if at := b.at(); at < 600*time.Millisecond || at > 800*time.Millisecond {
			b.Errorf("took %v", at)
		}
	})
}

// A connector without numbers has a total of 100 and none per host (aiohttp's
// TCPConnector).
func TestDefaultTotal(t *testing.T) {
	for _, test := range []struct {
		o    httplimit.Options
		want int
	}{
		{httplimit.Options{}, 100},
		{httplimit.Options{Total: httplimit.NoLimit}, 150},
		{httplimit.Options{Total: 500, PerHost: 40}, 40},
		{httplimit.Options{PerHost: 500}, 100}, // the lesser of the two
	} {
		bubble(t, 1, test.o, func(b *bench) {
			b.many(150, func(i int) string { return b.url(0, "/delay/100/%d", i) })
			if got := b.server.Audit().Total.MaxInFlight; got != test.want {
				b.Errorf("Total %d, PerHost %d: %d in flight, want %d", test.o.Total, test.o.PerHost, got, test.want)
			}
		})
	}
}

// A hundred waiters of a full host cost the others nothing.
func TestWaiterOfFullHostHoldsNoSlotOfTotal(t *testing.T) {
	bubble(t, 2, httplimit.Options{Total: 3, PerHost: 2}, func(b *bench) {
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() { b.mustGet(b.url(0, "/delay/1000/%d", i), 200) })
		}
		synctest.Wait()
		for i := range 5 {
			b.mustGet(b.url(1, "/delay/10/%d", i), 200)
		}
		b.took(50 * time.Millisecond)
		wg.Wait()
	})
}

// Slots of the total go to the hosts in turn, however long one's queue is, and
// within a host to whom came first.
func TestHostsTakeTurns(t *testing.T) {
	bubble(t, 3, httplimit.Options{Total: 1}, func(b *bench) {
		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		send := func(host, n int) {
			wg.Go(func() {
				b.mustGet(b.url(host, "/delay/10/%d", n), 200)
				mu.Lock()
				defer mu.Unlock()
				order = append(order, fmt.Sprintf("%d/%d", host, n))
			})
			synctest.Wait()
		}
		for n := range 5 {
			send(0, n)
		}
		for n := range 2 {
			send(1, n)
			send(2, n)
		}
		wg.Wait()
		want := "[0/0 0/1 1/0 2/0 0/2 1/1 2/1 0/3 0/4]"
		if got := fmt.Sprint(order); got != want {
			b.Errorf("order %v\n want %v", got, want)
		}
	})
}

func TestCancelledWaiterLeavesNoTrace(t *testing.T) {
	bubble(t, 1, httplimit.Options{Total: 1}, func(b *bench) {
		var wg sync.WaitGroup
		wg.Go(func() { b.mustGet(b.url(0, "/delay/1000/first"), 200) })
		synctest.Wait()
		cause := errors.New("no longer wanted")
		for i := range 9 {
			ctx, cancel := context.WithCancelCause(b.Context())
			wg.Go(func() {
				if _, err := b.get(ctx, b.url(0, "/delay/1000/cancelled%d", i)); !errors.Is(err, cause) {
					b.Errorf("%v, want the cause", err)
				}
			})
			synctest.Wait()
			defer cancel(nil)
			time.AfterFunc(500*time.Millisecond, func() { cancel(cause) })
		}
		wg.Go(func() { b.mustGet(b.url(0, "/delay/1000/last"), 200) })
		wg.Wait()
		b.took(2 * time.Second)
		if n := b.server.Audit().Total.Requests; n != 2 {
			b.Errorf("%d requests", n)
		}
	})
}

// The end of a context in the instant of the grant hands the permit on.
func TestCancelAtTheMomentOfTheGrant(t *testing.T) {
	bubble(t, 1, httplimit.Options{Total: 1}, func(b *bench) {
		for i := range 50 {
			var wg sync.WaitGroup
			wg.Go(func() { b.mustGet(b.url(0, "/delay/10/a%d", i), 200) })
			synctest.Wait()
			ctx, cancel := context.WithTimeout(b.Context(), 10*time.Millisecond)
			wg.Go(func() { _, _ = b.get(ctx, b.url(0, "/delay/10/b%d", i)) })
			synctest.Wait()
			wg.Go(func() { b.mustGet(b.url(0, "/delay/10/c%d", i), 200) })
			wg.Wait()
			cancel()
		}
		// By our count: over a pipe the server sees late that one has gone.
		// TestNeverOver has the server's.
		if m := b.t.Stats().MostInFlight; m != 1 {
			b.Errorf("%d in flight", m)
		}
	})
}

func TestCancelledContextNeverSends(t *testing.T) {
	bubble(t, 1, httplimit.Options{}, func(b *bench) {
		ctx, cancel := context.WithCancel(b.Context())
		cancel()
		if _, err := b.get(ctx, b.url(0, "/item/1")); !errors.Is(err, context.Canceled) {
			b.Error(err)
		}
		if n := b.server.Audit().Total.Requests; n != 0 {
			b.Errorf("%d requests", n)
		}
	})
}

func TestRates(t *testing.T) {
	perSecond := func(n int64) rate.List { return rate.List{{Count: n, Per: time.Second}} }
	bubble(t, 2, httplimit.Options{Rate: perSecond(20), PerHostRate: perSecond(5)}, func(b *bench) {
		b.many(11, func(i int) string { return b.url(0, "/item/%d", i) })
		b.took(2 * time.Second)
		b.many(5, func(i int) string { return b.url(i%2, "/item/%d", 100+i) })
		// Host 0 is at its own rate for three of the five.
		b.took(2*time.Second + 600*time.Millisecond)
	})
	bubble(t, 10, httplimit.Options{Rate: perSecond(20), PerHostRate: perSecond(5)}, func(b *bench) {
		b.many(21, func(i int) string { return b.url(i%10, "/item/%d", i) })
		b.took(time.Second)
	})
}

// What a cancelled waiter would have taken of a rate others get.
func TestCancelledWaitersTakeNothingOfARate(t *testing.T) {
	bubble(t, 1, httplimit.Options{PerHostRate: rate.List{{Count: 1, Per: time.Second}}}, func(b *bench) {
		b.mustGet(b.url(0, "/item/0"), 200)
		ctx, cancel := context.WithCancel(b.Context())
		var wg sync.WaitGroup
		for i := range 9 {
			wg.Go(func() { _, _ = b.get(ctx, b.url(0, "/item/%d", 10+i)) })
		}
		synctest.Wait()
		wg.Go(func() { b.mustGet(b.url(0, "/item/1"), 200) })
		synctest.Wait()
		cancel()
		wg.Wait()
		b.took(time.Second)
	})
}

func TestCost(t *testing.T) {
	o := httplimit.Options{
		PerHostRate: rate.List{{Count: 10, Per: time.Second, Unit: rate.Tokens}},
		Cost:        func(r *http.Request) int { return int(r.ContentLength) + 5 },
	}
	bubble(t, 1, o, func(b *bench) {
		b.many(5, func(i int) string { return b.url(0, "/item/%d", i) })
		b.took(2 * time.Second)
	})
}

func TestHostEntriesAreDropped(t *testing.T) {
	bubble(t, 50, httplimit.Options{}, func(b *bench) {
		b.many(50, func(i int) string { return b.url(i, "/delay/100/%d", i) })
		if n := b.t.Stats().Hosts; n != 50 {
			b.Errorf("%d hosts right after the requests", n)
		}
		time.Sleep(1100 * time.Millisecond)
		if s := b.t.Stats(); s.Hosts != 0 {
			b.Errorf("%+v", s)
		}
	})
	// One that is held stays as long as it is.
	bubble(t, 1, httplimit.Options{Retry: httplimit.Retry{Max: -1}}, func(b *bench) {
		b.mustGet(b.url(0, "/retry-after/60/1/x"), 429)
		time.Sleep(59 * time.Second)
		if n := b.t.Stats().Hosts; n != 1 {
			b.Errorf("%d hosts while one is held", n)
		}
		time.Sleep(3 * time.Second)
		if n := b.t.Stats().Hosts; n != 0 {
			b.Errorf("%d hosts", n)
		}
	})
}

func TestCloseFailsWaiters(t *testing.T) {
	bubble(t, 2, httplimit.Options{Total: 2, PerHost: 1}, func(b *bench) {
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() { b.mustGet(b.url(i, "/delay/1000/%d", i), 200) })
		}
		synctest.Wait()
		for i := range 20 {
			wg.Go(func() {
				if _, err := b.get(b.Context(), b.url(i%2, "/item/%d", i)); !errors.Is(err, httplimit.ErrClosed) {
					b.Errorf("a waiter: %v", err)
				}
				b.took(100 * time.Millisecond)
			})
		}
		synctest.Wait()
		time.Sleep(100 * time.Millisecond)
		b.t.Close()
		b.t.Close()
		if _, err := b.get(b.Context(), b.url(0, "/item/1")); !errors.Is(err, httplimit.ErrClosed) {
			b.Errorf("after Close: %v", err)
		}
		wg.Wait()
		b.took(time.Second) // those under way went on
	})
}

// One whose context ends in the instant in which it is let go sends nothing, and
// what it was given, a rate's tokens included, goes to the next.
func TestGrantedTooLate(t *testing.T) {
	for range 200 {
		var cancel context.CancelFunc
		var sent []string
		o := httplimit.Options{
			Total: 1, PerHostRate: rate.List{{Count: 1, Per: time.Hour, Burst: 2}},
			Base: roundTripper(func(r *http.Request) (*http.Response, error) {
				sent = append(sent, r.URL.Path)
				if r.URL.Path == "/a" {
					time.Sleep(time.Second)
					cancel()
				}
				return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
			}),
		}
		bubble(t, 0, o, func(b *bench) {
			var ctx context.Context
			ctx, cancel = context.WithCancel(b.Context())
			var wg sync.WaitGroup
			wg.Go(func() { b.mustGet("http://x.test/a", 200) })
			synctest.Wait()
			wg.Go(func() {
				if _, err := b.get(ctx, "http://x.test/b"); !errors.Is(err, context.Canceled) {
					b.Error(err)
				}
			})
			synctest.Wait()
			wg.Go(func() { b.mustGet("http://x.test/c", 200) })
			wg.Wait()
			b.took(time.Second)
			if fmt.Sprint(sent) != "[/a /c]" {
				b.Errorf("sent %v", sent)
			}
		})
	}
}

// A small demand does not pass a large one that came before it, neither at its
// host's rate nor at the total's.
func TestSmallOnesDoNotPass(t *testing.T) {
	list := rate.List{{Count: 10, Per: time.Second, Burst: 10}}
	cost := func(r *http.Request) int { return len(r.URL.Path) - 1 }
	limiter := func(string) httplimit.HostLimits {
		return httplimit.HostLimits{Limiter: penstock.PerCall(penstock.NewSemaphore(9))}
	}
	for name, o := range map[string]httplimit.Options{
		"host":              {PerHostRate: list},
		"total":             {Rate: list},
		"host, composed":    {PerHostRate: list, Limiter: penstock.PerCall(penstock.NewSemaphore(9))},
		"total, composed":   {Rate: list, HostLimits: limiter},
		"other host's turn": {Rate: list},
	} {
		t.Run(name, func(t *testing.T) {
			o.Cost = cost
			o.Base = answers(200)
			bubble(t, 0, o, func(b *bench) {
				b.mustGet("http://x.test/12345", 200)
				var wg sync.WaitGroup
				wg.Go(func() {
					b.mustGet("http://x.test/1234567890", 200)
					b.took(500 * time.Millisecond)
				})
				synctest.Wait()
				host := "x"
				if strings.HasPrefix(name, "total") || name == "other host's turn" {
					host = "y"
				}
				wg.Go(func() {
					b.mustGet("http://"+host+".test/1", 200)
					b.took(600 * time.Millisecond)
				})
				wg.Wait()
			})
		})
	}
}

// Hosts that become free at the same time share the total at once.
func TestHostsTakeTurnsAfterAHold(t *testing.T) {
	for name, limiter := range map[string]penstock.Limiter{"": nil, "composed": penstock.NewSemaphore(50)} {
		t.Run(name, func(t *testing.T) {
			// Told to wait longer than the cap, both are held for exactly that.
			o := httplimit.Options{Total: 2, Limiter: limiter, MaxRetryAfter: 10 * time.Second}
			bubble(t, 2, o, func(b *bench) {
				b.mustGet(b.url(0, "/retry-after/3600/1/x"), 429)
				b.mustGet(b.url(1, "/retry-after/3600/1/x"), 429)
				b.took(0)
				var wg sync.WaitGroup
				for i := range 6 {
					wg.Go(func() { b.mustGet(b.url(i/3, "/delay/1000/%d", i), 200) })
					synctest.Wait()
				}
				time.Sleep(10*time.Second + time.Millisecond)
				for _, h := range b.t.HostStats() {
					if h.InFlight != 1 {
						b.Errorf("%+v", h)
					}
				}
				wg.Wait()
				b.took(13 * time.Second)
			})
		})
	}
}
