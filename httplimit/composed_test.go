package httplimit_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/adaptive"
	"github.com/penstock-go/penstock/httplimit"
	"github.com/penstock-go/penstock/rate"
)

// A foreign is a Limiter that penstock.All knows only by its two methods.
type foreign struct{ *penstock.Semaphore }

func (f foreign) Line() {}

// One host full, by a limiter of the caller's, costs the other nothing.
func TestComposedWaiterHoldsNoSlotOfTotal(t *testing.T) {
	for name, of := range map[string]func(n int) penstock.Limiter{
		"member":  func(n int) penstock.Limiter { return penstock.NewSemaphore(n) },
		"foreign": func(n int) penstock.Limiter { return foreign{penstock.NewSemaphore(n)} },
	} {
		t.Run(name, func(t *testing.T) {
			o := httplimit.Options{Total: 3, HostLimits: func(string) httplimit.HostLimits {
				return httplimit.HostLimits{Limiter: of(2)}
			}}
			bubble(t, 2, o, func(b *bench) {
				var wg sync.WaitGroup
				for i := range 50 {
					wg.Go(func() { b.mustGet(b.url(0, "/delay/1000/%d", i), 200) })
				}
				synctest.Wait()
				for i := range 5 {
					b.mustGet(b.url(1, "/delay/10/%d", i), 200)
				}
				b.took(50 * time.Millisecond)
				wg.Wait()
				b.took(25 * time.Second)
			})
		})
	}
}

// Hosts take turns at the total also where each has limits of its own.
func TestComposedHostsTakeTurns(t *testing.T) {
	o := httplimit.Options{Total: 1, HostLimits: func(string) httplimit.HostLimits {
		return httplimit.HostLimits{Limiter: penstock.NewSemaphore(100)}
	}}
	bubble(t, 3, o, func(b *bench) {
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
		if got, want := fmt.Sprint(order), "[0/0 0/1 1/0 2/0 0/2 1/1 2/1 0/3 0/4]"; got != want {
			t.Errorf("order %v\n want %v", got, want)
		}
	})
}

func TestComposedClose(t *testing.T) {
	for name, hostLimit := range map[string]int{"waiting for the host's": 1, "waiting for the total": 100} {
		t.Run(name, func(t *testing.T) {
			semaphore := penstock.NewSemaphore(hostLimit)
			o := httplimit.Options{Total: 2, HostLimits: func(string) httplimit.HostLimits {
				return httplimit.HostLimits{Limiter: semaphore}
			}}
			bubble(t, 2, o, func(b *bench) {
				var wg sync.WaitGroup
				for i := range min(2, hostLimit) {
					wg.Go(func() { b.mustGet(b.url(i, "/delay/1000/%d", i), 200) })
				}
				synctest.Wait()
				for i := range 20 {
					wg.Go(func() {
						if _, err := b.get(b.Context(), b.url(i%2, "/item/%d", i)); !errors.Is(err, httplimit.ErrClosed) {
							t.Errorf("a waiter: %v", err)
						}
						b.took(0)
					})
				}
				synctest.Wait()
				b.t.Close()
				wg.Wait()
				if n := semaphore.Stats().InUse; n != 0 {
					t.Errorf("%d permits of the host's limiter out", n)
				}
			})
		})
	}
}

// A rate of the host, a limit of the caller's that is too narrow for the total,
// and a hold, all at once, with exact times.
func TestComposedTimes(t *testing.T) {
	o := httplimit.Options{
		Total: 10, Limiter: penstock.NewSemaphore(4), Rate: rate.List{{Count: 50, Per: time.Second}},
		HostLimits: func(string) httplimit.HostLimits {
			return httplimit.HostLimits{Rate: rate.List{{Count: 10, Per: time.Second}}, Limiter: penstock.NewSemaphore(3)}
		},
	}
	bubble(t, 2, o, func(b *bench) {
		b.many(42, func(i int) string { return b.url(i%2, "/delay/10/%d", i) })
		// 21 for each host at 10/s; the first of the second host waits 20 ms for
		// the total's rate.
		b.took(2*time.Second + 30*time.Millisecond)
	})
	bubble(t, 2, o, func(b *bench) {
		var wg sync.WaitGroup
		wg.Go(func() { b.mustGet(b.url(0, "/retry-after/10/1/x"), 200) })
		synctest.Wait()
		for i := range 5 {
			wg.Go(func() { b.mustGet(b.url(0, "/item/%d", i), 200) })
		}
		time.Sleep(time.Second)
		b.many(10, func(i int) string { return b.url(1, "/item/%d", i) })
		b.took(1900 * time.Millisecond)
		wg.Wait()
		if at := b.at(); at < 10500*time.Millisecond || at > 11500*time.Millisecond {
			t.Errorf("at %v", at)
		}
		if n := b.server.Audit().Total.TooEarly; n != 0 {
			t.Errorf("%d too early", n)
		}
	})
}

// Nothing is lost, and everything ends, in the thick of it: many hosts that come
// and go, with limits of every kind, and waiters that give up.
func TestComposedStress(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			shared := penstock.NewSemaphore(2)
			o := httplimit.Options{
				Total: 1 + r.IntN(6), Retry: httplimit.Retry{Base: time.Millisecond, Budget: -1},
				HostLimits: func(host string) httplimit.HostLimits {
					switch host {
					case hostName(0):
						return httplimit.HostLimits{Limiter: shared}
					case hostName(1):
						return httplimit.HostLimits{Limiter: shared, Limit: 1}
					case hostName(2):
						return httplimit.HostLimits{Limiter: foreign{penstock.NewSemaphore(2)}}
					case hostName(3):
						return httplimit.HostLimits{Rate: rate.List{{Count: 100, Per: time.Second}}, Limiter: shared}
					}
					return httplimit.HostLimits{Limit: 2}
				},
			}
			if seed%2 == 0 {
				o.Limiter = penstock.NewSemaphore(1 + r.IntN(4))
			}
			if seed%3 == 0 {
				o.Rate = rate.List{{Count: 500, Per: time.Second, Burst: 3}}
			}
			bubble(t, 6, o, func(b *bench) {
				var wg sync.WaitGroup
				for i := range 400 {
					host, path := r.IntN(6), []string{"/delay/5/%d", "/item/%d", "/flaky/1/%d", "/redirect/1/%d", "/429/1/%d"}[r.IntN(5)]
					if r.IntN(40) == 0 {
						path = "/retry-after/1/1/%d"
					}
					start, gives := time.Duration(r.IntN(3000))*time.Millisecond, r.IntN(4) == 0
					patience := time.Duration(r.IntN(100)) * time.Millisecond
					wg.Go(func() {
						time.Sleep(start)
						ctx := b.Context()
						if gives {
							var cancel context.CancelFunc
							ctx, cancel = context.WithTimeout(ctx, patience)
							defer cancel()
						}
						status, err := b.get(ctx, b.url(host, path, i))
						if !gives && (err != nil || status != 200) {
							b.Errorf("%d %s: %d, %v", host, path, status, err)
						}
					})
				}
				wg.Wait()
				if n := shared.Stats(); n.InUse != 0 || n.MostInUse > 2 {
					b.Errorf("%+v", n)
				}
				if n := b.server.Audit().Total.TooEarly; n != 0 {
					b.Errorf("%d too early", n)
				}
				time.Sleep(time.Minute)
				if n := b.t.Stats().Hosts; n != 0 {
					b.Errorf("%d hosts left", n)
				}
			})
		})
	}
}

// A limit learns how requests went, and of holds and hints before that.
func TestOutcomesAndHints(t *testing.T) {
	for _, test := range []struct {
		status int
		err    error
		want   string
	}{
		{200, nil, "[success]"},
		{304, nil, "[success]"},
		{404, nil, "[failure]"},
		{500, nil, "[failure]"},
		{429, nil, "[hint 30s held 30s overload]"},
		{503, nil, "[hint 30s held 30s overload]"},
		{504, nil, "[hint 30s held 30s overload]"},
		{403, nil, "[failure]"},
		{0, context.Canceled, "[ignored]"},
		{0, context.DeadlineExceeded, "[overload]"},
		{0, errors.New("nonsense"), "[failure]"},
	} {
		spy := &spyLimiter{start: time.Now()}
		o := httplimit.Options{
			Retry:      httplimit.Retry{Max: -1},
			HostLimits: func(string) httplimit.HostLimits { return httplimit.HostLimits{Limiter: spy} },
			Base: roundTripper(func(*http.Request) (*http.Response, error) {
				if test.err != nil {
					return nil, test.err
				}
				h := http.Header{}
				if test.status > 428 && test.status != 500 {
					h.Set("Retry-After", "30")
				}
				return &http.Response{StatusCode: test.status, Header: h, Body: http.NoBody}, nil
			}),
		}
		bubble(t, 0, o, func(b *bench) {
			spy.start = b.start
			_, _ = b.get(b.Context(), "http://x.test/")
			if got := fmt.Sprint(spy.heard); got != test.want {
				b.Errorf("%d, %v: heard %v, want %v", test.status, test.err, got, test.want)
			}
		})
	}
}

// A spyLimiter limits nothing and writes down what it is told.
type spyLimiter struct {
	start time.Time
	heard []string
}

func (s *spyLimiter) AcquirePermit(context.Context, int) (penstock.Permit, error) { return s, nil }
func (s *spyLimiter) TryAcquirePermit(int) (penstock.Permit, bool)                { return s, true }
func (s *spyLimiter) Release(o penstock.Outcome)                                  { s.heard = append(s.heard, o.String()) }

func (s *spyLimiter) Hint(h httplimit.Hints) {
	s.heard = append(s.heard, fmt.Sprint("hint ", h.RetryAfter))
}

func (s *spyLimiter) Hold(until time.Time) {
	s.heard = append(s.heard, fmt.Sprint("held ", until.Sub(s.start).Truncate(5*time.Second)))
}

// A limit that finds itself does so through a Transport.
func TestAdaptive(t *testing.T) {
	l, err := adaptive.New(adaptive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var _ httplimit.Holder = l
	o := httplimit.Options{HostLimits: func(string) httplimit.HostLimits { return httplimit.HostLimits{Limiter: l} }}
	bubble(t, 1, o, func(b *bench) {
		b.many(5000, func(i int) string { return b.url(0, "/workers/10/20?id=%d", i) })
		// 10 workers at 20 ms: 10 s at best.
		if at := b.at(); at > 13*time.Second {
			b.Errorf("took %v, limit %d", at, l.Limit())
		}
	})
}

// What net/http returns when a context ends is its cause: any error.
func TestOutcomeByTheContext(t *testing.T) {
	cause := errors.New("any")
	for want, end := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"[ignored]": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			return ctx, func() { cancel(cause) }
		},
		"[overload]": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeoutCause(ctx, time.Second, cause)
		},
	} {
		spy := &spyLimiter{}
		o := httplimit.Options{HostLimits: func(string) httplimit.HostLimits { return httplimit.HostLimits{Limiter: spy} }}
		bubble(t, 1, o, func(b *bench) {
			for _, path := range []string{"/hang/a", "/hang-body/a"} {
				ctx, cancel := end(b.Context())
				time.AfterFunc(2*time.Second, cancel)
				if _, err := b.get(ctx, b.url(0, "%s", path)); err == nil {
					b.Error("no error")
				}
				if got := fmt.Sprint(spy.heard); got != want {
					b.Errorf("%s: heard %v, want %v", path, got, want)
				}
				spy.heard = nil
				cancel()
			}
		})
	}
}

// An idleLimiter says itself when it is to be forgotten.
type idleLimiter struct {
	*penstock.Semaphore
	until time.Time
}

func (l *idleLimiter) Idle(now time.Time) bool { return !now.Before(l.until) }

// A host's limit that still knows something outlives a pause.
func TestHostLimiterIsKeptUntilItIsIdle(t *testing.T) {
	made := 0
	o := httplimit.Options{Base: answers(200), HostLimits: func(string) httplimit.HostLimits {
		made++
		return httplimit.HostLimits{Limiter: &idleLimiter{penstock.NewSemaphore(1), time.Now().Add(time.Minute)}}
	}}
	bubble(t, 0, o, func(b *bench) {
		for range 6 {
			b.mustGet("http://x.test/", 200)
			time.Sleep(9 * time.Second)
		}
		if made != 1 {
			b.Errorf("%d were made", made)
		}
		time.Sleep(30 * time.Second)
		if n := b.t.Stats().Hosts; n != 0 {
			b.Errorf("%d hosts when it knows nothing any more", n)
		}
		b.mustGet("http://x.test/", 200)
		if made != 2 {
			b.Errorf("%d were made", made)
		}
	})
}
