package redislimit_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/rate"
	"github.com/penstock-go/penstock/redislimit"
)

// A heldRate is a Rate that has been used, of which a test holds up the calls.
type heldRate struct {
	*redislimit.Rate

	store *redislimit.Store
	last  *redislimit.Permit
	begun chan string   // has the stack of the goroutine that makes a call
	goOn  chan struct{} // closed to let calls through
}

func newHeldRate(t *testing.T, name string) *heldRate {
	t.Helper()
	s, client := slowStore(t, redistest.Shared(t), quick)
	r, err := s.Rate(name, rate.Rate{Count: 1000, Per: time.Second, Burst: 1000})
	if err != nil {
		t.Fatal(err)
	}
	srv := redistest.Shared(t)
	channel := "penstock:{" + name + "}:*"
	var last *redislimit.Permit
	for range 3 { // the first joins, and the third goes the short way
		if last, err = r.Acquire(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		eventually(t, patience, "it listens, and need not be told everything again", func() bool {
			return srv.Must("PUBSUB", "SHARDCHANNELS", channel) != ""
		})
	}
	h := &heldRate{Rate: r, store: s, last: last, begun: make(chan string, 100), goOn: make(chan struct{})}
	var calls atomic.Int64
	client.hold(func(string) {
		if calls.Add(1) > 1 {
			t.Error("two calls at a time")
		}
		defer calls.Add(-1)
		stack := make([]byte, 64<<10)
		h.begun <- string(stack[:runtime.Stack(stack, false)])
		<-h.goOn
	}, nil)
	return h
}

// TestOwnCall: one who is alone, and whose context never ends, makes its call itself.
// Those who come meanwhile are served afterwards.
func TestOwnCall(t *testing.T) {
	t.Parallel()
	r := newHeldRate(t, "own")
	var all sync.WaitGroup
	acquire := func() {
		if _, err := r.Acquire(context.WithoutCancel(t.Context()), 1); err != nil {
			t.Error(err)
		}
	}
	all.Go(acquire)
	if stack := <-r.begun; !strings.Contains(stack, "TestOwnCall") {
		t.Errorf("the call was made by another:\n%s", stack)
	}
	for range 3 {
		all.Go(acquire)
	}
	eventually(t, patience, "all wait", func() bool { return r.Stats().Waiting == 4 })
	start := time.Now()
	close(r.goOn)
	all.Wait()
	if took := time.Since(start); took > quick.Lease/2 {
		t.Errorf("they were served after %v", took)
	}
}

// TestOneCallAtATime: no call is one's own while another is under way.
func TestOneCallAtATime(t *testing.T) {
	t.Parallel()
	r := newHeldRate(t, "oneatatime")
	var all sync.WaitGroup
	r.last.Release(penstock.Unused)
	<-r.begun
	all.Go(func() {
		if _, err := r.Acquire(context.WithoutCancel(t.Context()), 1); err != nil {
			t.Error(err)
		}
	})
	eventually(t, patience, "one waits", func() bool { return r.Stats().Waiting == 1 })
	for range 1000 {
		runtime.Gosched() // to its call, if it makes one
	}
	close(r.goOn)
	all.Wait()
}

// TestNoOwnCall: one whose context ends while its call is under way is not kept there.
func TestNoOwnCall(t *testing.T) {
	t.Parallel()
	r := newHeldRate(t, "notown")
	defer close(r.goOn)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		<-r.begun
		stop()
	}()
	if _, err := r.Acquire(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestCloseDuringOwnCall closes the store while somebody's own call is under way.
func TestCloseDuringOwnCall(t *testing.T) {
	t.Parallel()
	r := newHeldRate(t, "closedinown")
	got := make(chan error)
	go func() {
		_, err := r.Acquire(context.WithoutCancel(t.Context()), 1)
		got <- err
	}()
	<-r.begun
	closed := make(chan error)
	go func() { closed <- r.store.Close() }()
	eventually(t, patience, "it is refused", func() bool { return r.Stats().Waiting == 0 })
	close(r.goOn)
	if err := <-got; !errors.Is(err, redislimit.ErrClosed) {
		t.Errorf("%v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// TestOwnCallsAway has one alone find out that Redis is away: it waits for as long as one
// who has not made its call itself.
func TestOwnCallsAway(t *testing.T) {
	t.Parallel()
	srv := aged(t)
	proxy := redistest.StartProxy(t, srv.Addr)
	sem := semaphore(t, open(t, "redis://"+proxy.Addr, redislimit.Options{Lease: time.Second}), "away", 2)
	ctx := context.WithoutCancel(t.Context())
	for range 5 {
		p, err := sem.Acquire(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		p.Release(penstock.Success)
	}
	proxy.Cut.Store(true)
	if _, err := sem.Acquire(ctx, 1); !errors.Is(err, redislimit.ErrAway) {
		t.Errorf("%v", err)
	}
	proxy.Cut.Store(false)
	proxy.HangUp()
	eventually(t, patience, "it is back", func() bool {
		p, err := sem.Acquire(ctx, 1)
		if err == nil {
			p.Release(penstock.Success)
		}
		return err == nil
	})
}

// TestOwnCallsAmongOthers has callers of two processes come and go, now alone and now not:
// no more than the limit are ever at work, all are served, and nothing stays in use.
func TestOwnCallsAmongOthers(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	const limit = 3
	var busy atomic.Int64
	var all sync.WaitGroup
	for range 2 {
		sem := semaphore(t, open(t, srv.URL(), quick), "among", limit)
		for range 4 {
			all.Go(func() {
				random := rand.New(rand.NewPCG(rand.Uint64(), 1))
				for range 100 {
					p, err := sem.Acquire(context.WithoutCancel(t.Context()), 1)
					if err != nil {
						t.Error(err)
						return
					}
					if n := busy.Add(1); n > limit {
						t.Errorf("%d at work", n)
					}
					for range random.IntN(2000) {
						runtime.Gosched()
					}
					busy.Add(-1)
					p.Release(penstock.Success)
					for range random.IntN(10_000) {
						runtime.Gosched()
					}
				}
			})
		}
	}
	all.Wait()
	eventually(t, patience, "nothing is in use", func() bool { return inUse(t, srv, "among") == 0 })
}
