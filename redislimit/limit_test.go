package redislimit_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/rate"
	"github.com/penstock-go/penstock/redislimit"
)

func TestSetLimitWhileFull(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	a := semaphore(t, open(t, srv.URL(), quick), "set", 4)
	b := semaphore(t, open(t, srv.URL(), quick), "set", 99) // what is in Redis counts
	var held []*redislimit.Permit
	for range 4 {
		p, err := a.Acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, p)
	}
	if _, ok := b.TryAcquirePermit(1); ok {
		t.Fatal("a fifth of four")
	}
	got := make(chan error, 2)
	wait := func(n int) {
		p, err := b.Acquire(t.Context(), n)
		if err == nil {
			defer p.Release(penstock.Success)
		}
		got <- err
	}
	go wait(3)
	eventually(t, patience, "one waits", func() bool { return srv.Must("ZCARD", "penstock:{set}:queue") == "1" })
	if err := a.SetLimit(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, "all know", func() bool { return a.Stats().Limit == 2 && b.Stats().Limit == 2 })
	if err := <-got; !errors.Is(err, penstock.ErrOverLimit) {
		t.Fatalf("a demand of 3 under a limit of 2: %v", err)
	}
	go wait(1)
	for _, p := range held[:2] {
		if err := p.Context().Err(); err != nil {
			t.Fatal("lowering the limit has taken a permit away")
		}
		p.Release(penstock.Success)
	}
	eventually(t, patience, "two are in use", func() bool { return inUse(t, srv, "set") == 2 })
	select {
	case err := <-got:
		t.Fatalf("a third of two: %v", err)
	default:
	}
	if err := b.SetLimit(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if err := b.SetLimit(t.Context(), -1); !errors.Is(err, penstock.ErrNegativeLimit) {
		t.Error(err)
	}
	for _, p := range held[2:] {
		p.Release(penstock.Success)
	}
	// What was set outlives the state.
	eventually(t, patience, "all is back", func() bool { return inUse(t, srv, "set") == 0 })
	srv.Must("DEL", "penstock:{set}")
	c := semaphore(t, open(t, srv.URL(), quick), "set", 7)
	if p, err := c.Acquire(t.Context(), 1); err != nil || c.Stats().Limit != 3 {
		t.Errorf("a limit of %d after %v", c.Stats().Limit, err)
	} else {
		p.Release(penstock.Success)
	}
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	store := open(t, srv.URL(), quick)
	s := semaphore(t, store, "misuse", 1)
	p, err := s.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Rate("misuse", rate.Rate{Count: 1, Per: time.Second}); !errors.Is(err, redislimit.ErrKind) {
		t.Error(err)
	}
	r, err := open(t, srv.URL(), quick).Rate("misuse", rate.Rate{Count: 1, Per: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Acquire(t.Context(), 1); !errors.Is(err, redislimit.ErrKind) {
		t.Error(err)
	}
	for _, name := range []string{"", "a b", "a*", "{a}", "ä"} {
		if _, err := store.Semaphore(name, 1); !errors.Is(err, redislimit.ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := s.Acquire(t.Context(), -1); !errors.Is(err, penstock.ErrNegativeWeight) {
		t.Error(err)
	}
	if _, err := store.Look(t.Context(), "nobody"); !errors.Is(err, redislimit.ErrUnknown) {
		t.Error(err)
	}
	p.Release(penstock.Success)
	func() {
		defer func() {
			if err, ok := recover().(error); !ok || !errors.Is(err, penstock.ErrOverRelease) {
				t.Errorf("a second release: %v", err)
			}
		}()
		p.Release(penstock.Success)
	}()
	eventually(t, patience, "it is back once", func() bool { return inUse(t, srv, "misuse") == 0 })
}

func TestClose(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	store := open(t, srv.URL(), quick)
	s := semaphore(t, store, "close", 1)
	p, err := s.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() {
		_, err := s.Acquire(t.Context(), 1)
		got <- err
	}()
	eventually(t, patience, "one waits", func() bool { return s.Stats().Waiting == 1 })
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; !errors.Is(err, redislimit.ErrClosed) {
		t.Error(err)
	}
	if p.Context().Err() == nil {
		t.Error("a permit outlives its store")
	}
	p.Release(penstock.Success)
	if state := srv.Must("HGETALL", "penstock:{close}"); inUse(t, srv, "close") != 0 || srv.Must("ZCARD", "penstock:{close}:queue") != "0" {
		t.Error("not all was given back: ", state)
	}
	if _, err := s.Acquire(t.Context(), 1); !errors.Is(err, redislimit.ErrClosed) {
		t.Error(err)
	}
}

// TestIdle: a process that does nothing leaves, and keys go when nobody is there.
func TestIdle(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	s := semaphore(t, open(t, srv.URL(), redislimit.Options{Lease: time.Second}), "idle", 1)
	for range 2 {
		p, err := s.Acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if n := srv.Must("PUBSUB", "SHARDCHANNELS", "penstock:{idle}:*"); n == "" {
			eventually(t, patience, "it listens", func() bool { return srv.Must("PUBSUB", "SHARDCHANNELS", "penstock:{idle}:*") != "" })
		}
		p.Release(penstock.Success)
		eventually(t, patience, "it listens no more", func() bool { return srv.Must("PUBSUB", "SHARDCHANNELS", "penstock:{idle}:*") == "" })
		eventually(t, patience, "the keys are gone", func() bool { return srv.Must("EXISTS", "penstock:{idle}") == "0" })
	}
}

func TestLookAndList(t *testing.T) {
	t.Parallel()
	srv := aged(t)
	store := open(t, srv.URL(), quick)
	s := semaphore(t, store, "b", 3)
	p, err := s.Acquire(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if q, err := s.Acquire(t.Context(), 1); err == nil {
			q.Release(penstock.Success)
		}
	}()
	r, err := store.Rate("a", rate.Rate{Count: 1, Per: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Acquire(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, "one waits", func() bool { return s.Stats().Waiting == 1 && srv.Must("ZCARD", "penstock:{b}:queue") == "1" })
	if err := store.SetLimit(t.Context(), "c", 9); err != nil {
		t.Fatal(err)
	}
	list, err := store.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 3 || list[0].Name != "a" || list[0].Counted || list[2].Name != "c" || list[2].Limit != 9 {
		t.Fatalf("%+v", list)
	}
	b := list[1]
	host, _ := os.Hostname()
	want := []redislimit.Holder{{Host: host, PID: os.Getpid(), InUse: 3}}
	if b.Limit != 3 || b.InUse != 3 || b.Waiting != 1 || b.LongestWait <= 0 || b.LongestWait > time.Minute || len(b.Holders) != 1 || b.Holders[0] != want[0] {
		t.Errorf("%+v", b)
	}
	p.Release(penstock.Success)
}

// TestCancelAtGrant ends waits in another process at the moment of their grants:
// whoever wins, no permit is left over and none is missing.
func TestCancelAtGrant(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	a := semaphore(t, open(t, srv.URL(), quick), "atgrant", 1)
	b := semaphore(t, open(t, srv.URL(), quick), "atgrant", 1)
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	granted := 0
	for range 300 {
		held, err := a.Acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan *redislimit.Permit, 1)
		go func() {
			p, _ := b.Acquire(ctx, 1)
			got <- p
		}()
		eventually(t, patience, "b waits", func() bool { return b.Stats().Waiting == 1 })
		time.AfterFunc(time.Duration(random.IntN(1500))*time.Microsecond, cancel)
		held.Release(penstock.Success)
		if p := <-got; p != nil {
			granted++
			p.Release(penstock.Success)
		}
	}
	eventually(t, patience, "all is back", func() bool { return inUse(t, srv, "atgrant") == 0 })
	t.Logf("%d of 300 were granted", granted)
}
