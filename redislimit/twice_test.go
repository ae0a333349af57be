package redislimit_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/rate"
	"github.com/penstock-go/penstock/redislimit"
	"github.com/redis/rueidis"
)

// A slowClient is a client whose calls and messages a test holds up.
type slowClient struct {
	rueidis.Client

	mu     sync.Mutex
	before func(kind string) // a call of limit.lua, which is of that kind
	heard  func()            // before a message is heard
}

func (c *slowClient) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	c.mu.Lock()
	before := c.before
	c.mu.Unlock()
	if words := cmd.Commands(); before != nil && words[0] == "EVALSHA" && len(words) > 8 {
		before(words[8])
	}
	return c.Client.Do(ctx, cmd)
}

func (c *slowClient) Receive(ctx context.Context, cmd rueidis.Completed, f func(rueidis.PubSubMessage)) error {
	return c.Client.Receive(ctx, cmd, func(m rueidis.PubSubMessage) {
		c.mu.Lock()
		heard := c.heard
		c.mu.Unlock()
		if heard != nil {
			heard()
		}
		f(m)
	})
}

func (c *slowClient) hold(before func(kind string), heard func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before, c.heard = before, heard
}

// slowStore is a store with such a client.
func slowStore(t *testing.T, srv *redistest.Server, o redislimit.Options) (*redislimit.Store, *slowClient) {
	t.Helper()
	real, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{srv.Addr}, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(real.Close)
	c := &slowClient{Client: real}
	s, err := redislimit.New(c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, c
}

// TestGrantHeardTwice has a process hear of a grant by a message, release the
// permit, and hear of the same grant once more in the answer to a sync that was
// under way. The permit is free once.
func TestGrantHeardTwice(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	lease := redislimit.Options{Lease: 2 * time.Second}
	holder := semaphore(t, open(t, srv.URL(), lease), "twice", 1)
	p, err := holder.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	other, client := slowStore(t, srv, lease)
	sem := semaphore(t, other, "twice", 1)
	released := make(chan struct{})
	var once sync.Once
	client.hold(func(kind string) {
		if kind == "s" && srv.Must("ZCARD", "penstock:{twice}:queue") == "1" {
			once.Do(func() {
				p.Release(penstock.Success)
				<-released
			})
		}
	}, nil)
	q, err := sem.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	q.Release(penstock.Success)
	close(released)
	for range 3 { // the third call of its process tells that the second is done
		q, err := sem.Acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		q.Release(penstock.Success)
	}
	eventually(t, 10*time.Second, "nothing is in use", func() bool { return inUse(t, srv, "twice") <= 0 })
	if n := inUse(t, srv, "twice"); n != 0 {
		t.Errorf("%d are in use, and nobody holds any", n)
	}
}

// TestUsedGrantIsNotRefunded has a process hear of a grant in the answer to a
// sync, use the permit, and hear of the grant once more by a message that was
// late. What was taken of the rate stays taken.
func TestUsedGrantIsNotRefunded(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	srv.Age(3 * time.Second)
	lease := redislimit.Options{Lease: 2 * time.Second}
	slow := rate.Rate{Count: 1, Per: time.Hour, Burst: 2}
	holder, err := open(t, srv.URL(), lease).Semaphore("refund", 1, slow)
	if err != nil {
		t.Fatal(err)
	}
	p, err := holder.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	other, client := slowStore(t, srv, lease)
	sem, err := other.Semaphore("refund", 1, slow)
	if err != nil {
		t.Fatal(err)
	}
	late := make(chan struct{})
	client.hold(nil, func() { <-late })
	got := acquiring(t, sem, 1)
	eventually(t, 10*time.Second, "it waits", func() bool { return srv.Must("ZCARD", "penstock:{refund}:queue") == "1" })
	p.Release(penstock.Success)
	q := <-got // by a sync
	if q == nil {
		return
	}
	q.Release(penstock.Success)
	eventually(t, 10*time.Second, "it is free", func() bool { return inUse(t, srv, "refund") == 0 })
	close(late)
	for range 50 {
		if r, ok := sem.TryAcquirePermit(1); ok {
			r.Release(penstock.Success)
			t.Fatal("a third was had of a burst of two")
		}
	}
}

// TestCost takes another number of the rates than of the permits, also of one
// who has waited.
func TestCost(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	srv.Age(3 * time.Second)
	sem, err := open(t, srv.URL(), redislimit.Options{Lease: 2 * time.Second}).Semaphore("cost", 2, rate.Rate{Count: 1, Per: time.Hour, Burst: 100})
	if err != nil {
		t.Fatal(err)
	}
	p, err := sem.AcquireCost(t.Context(), 1, 60)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := contextIn(t, 20*time.Second)
	defer stop()
	got := make(chan error)
	go func() {
		_, err := sem.AcquireCost(ctx, 1, 41)
		got <- err
	}()
	eventually(t, 10*time.Second, "it waits", func() bool { return srv.Must("ZCARD", "penstock:{cost}:queue") == "1" })
	if n := inUse(t, srv, "cost"); n != 1 {
		t.Errorf("%d units in use, of one request of cost 60", n)
	}
	p.Settle(59) // was less, and so 41 are left
	if err := <-got; err != nil {
		t.Errorf("41 of the 41 that are left: %v", err)
	}
	if _, err := sem.AcquireCost(t.Context(), 1, 101); err == nil {
		t.Error("101 were had of a burst of 100")
	}
	p.Release(penstock.Success)
}
