package fetch_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/rate"
)

// TestMelee makes runs of all that there is at random, while somebody pauses them,
// changes limits and policies, takes leases away and drains: each item has one record
// (or at most one, of a run that was drained), no permit is left, and no run hangs.
// The seed is the name of the subtest.
func TestMelee(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				newMelee(t, rand.New(rand.NewPCG(seed, 1))).run(t) //nolint:gosec // a run is to be had again
			})
		})
	}
}

// A melee is one such run.
type melee struct {
	mu sync.Mutex
	r  *rand.Rand

	hosts, redirects int
	shares           map[string]*share
	total            *share // nil for none
	items            []fetch.Item
	engine           *fetch.Engine
	seen             map[int64]int
}

func (c *melee) intN(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.r.IntN(n)
}

// once says that one of n is so.
func (c *melee) once(n int) bool { return c.intN(n) == 0 }

func newMelee(t *testing.T, r *rand.Rand) *melee {
	c := &melee{r: r, shares: map[string]*share{}, seen: map[int64]int{}}
	c.hosts, c.redirects = 1+c.intN(8), 3*c.intN(2)
	for h := range c.hosts {
		if c.once(2) {
			c.shares[fmt.Sprintf("h%d:80", h)] = newShare(1 + c.intN(4))
		}
	}
	for range 50 + c.intN(300) {
		c.items = append(c.items, c.item())
	}
	var err error
	if c.engine, err = fetch.New(c.options(t)); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *melee) item() fetch.Item {
	h := c.intN(c.hosts)
	if c.once(2) {
		h = 0
	}
	it := fetch.Item{URL: fmt.Sprintf("http://h%d/%d", h, c.intN(350))}
	if c.once(50) {
		it.Cost = 200
	}
	if c.once(10) {
		it.Method = http.MethodPost
	}
	return it
}

func (c *melee) options(t *testing.T) fetch.Options {
	o := fetch.Options{
		Concurrency: 1 + c.intN(10), Transport: roundTrip(c.answer), Redirects: c.redirects, LookAhead: 5 + c.intN(50),
		TempDir: t.TempDir(), Retry: fetch.Retry{Max: c.intN(4)}, Policy: c.policy(),
	}
	if c.once(2) {
		c.total = newShare(1 + c.intN(6))
		o.Shared = sharedBy(c.total, c.shares)
	} else {
		o.Shared = sharedBy(nil, c.shares)
	}
	if c.once(3) {
		all, err := rate.New(rate.Rate{Count: 200, Per: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		o.Rate = all
	}
	if c.once(3) {
		o.Window = int64(10 + c.intN(200))
	}
	if c.once(2) {
		o.Dedup = &fetch.Dedup{}
	}
	if c.once(3) {
		o.SpillMax = int64(c.intN(3000))
	}
	return o
}

// policy returns one of many.
func (c *melee) policy() fetch.Policy {
	per, auto, rated, grouped := c.intN(4), c.once(4), c.once(4), c.once(4)
	return policyFunc(func(u *url.URL) fetch.Bucket {
		b := fetch.Bucket{Key: fetch.HostKey(u), Limits: fetch.Limits{Concurrency: per, Auto: auto}}
		if rated {
			b.Rate = rate.List{{Count: 100, Per: time.Second}}
		}
		if grouped && u.Host > "h3" {
			b.Key = "group"
		}
		return b
	})
}

// answer is what the hosts say.
func (c *melee) answer(req *http.Request) (*http.Response, error) {
	select {
	case <-time.After(time.Duration(1+c.intN(20)) * time.Millisecond):
	case <-req.Context().Done():
		return nil, context.Cause(req.Context())
	}
	resp := response(http.StatusOK, req)
	switch c.intN(20) {
	case 0:
		resp.StatusCode = http.StatusServiceUnavailable
		resp.Header.Set("Retry-After", "1")
	case 1:
		resp.StatusCode = http.StatusInternalServerError
	case 2:
		if c.redirects > 0 {
			resp.StatusCode = http.StatusFound
			resp.Header.Set("Location", fmt.Sprintf("http://h%d/r", c.intN(c.hosts)))
		}
	case 3:
		resp.Header.Set("RateLimit-Remaining", strconv.Itoa(c.intN(3)))
		resp.Header.Set("RateLimit-Reset", "1")
		resp.Header.Set("RateLimit-Limit", "10")
	}
	return resp, nil
}

// meddle is one thing that somebody does to the run. It reports whether that was to
// drain it.
func (c *melee) meddle() (drained bool) {
	switch c.intN(10) {
	case 0, 1:
		c.engine.Pause()
	case 2, 3:
		c.engine.Resume()
	case 4, 5:
		c.engine.SetConcurrency(1 + c.intN(20))
	case 6, 7:
		c.engine.SetPolicy(c.policy())
	case 8:
		for _, s := range c.shares {
			s.lose()
		}
		if c.total != nil && c.once(2) {
			c.total.lose()
		}
	case 9:
		if c.once(10) {
			c.engine.Drain()
			return true
		}
	}
	return false
}

func (c *melee) run(t *testing.T) {
	var sum fetch.Summary
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		sum, err = c.engine.Run(t.Context(), list(c.items...), fetch.SinkFunc(func(r *fetch.Record) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.seen[r.Index]++
			return nil
		}))
	}()
	drained := false
	for range c.intN(30) {
		time.Sleep(time.Duration(c.intN(50)) * time.Millisecond)
		drained = c.meddle() || drained
	}
	c.engine.Resume()
	select {
	case <-done:
	case <-time.After(time.Hour):
		t.Fatalf("it hangs: %+v", c.engine.Stats())
	}
	if err != nil && !drained {
		t.Error(err)
	}
	for i := range int64(len(c.items)) {
		if n := c.seen[i]; n > 1 || n == 0 && err == nil {
			t.Errorf("item %d has %d records", i, n)
		}
	}
	if int64(len(c.seen)) != sum.Records {
		t.Errorf("%d records, %d in the summary", len(c.seen), sum.Records)
	}
	for key, s := range c.shares {
		if s.holding() != 0 {
			t.Errorf("a permit of %s is left", key)
		}
	}
	if c.total != nil && c.total.holding() != 0 {
		t.Error("a permit of the total is left")
	}
}
