package redislimit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/redislimit"
)

// TestNetworkCut cuts a holder off: it is told by its own clock, before the
// server gives what it had to another.
func TestNetworkCut(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	p := redistest.StartProxy(t, srv.Addr)
	cut := semaphore(t, open(t, "redis://"+p.Addr, quick), "cut", 1)
	other := semaphore(t, open(t, srv.URL(), quick), "cut", 1)
	held, err := cut.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	p.Cut.Store(true)
	start := time.Now()
	next, err := other.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	select {
	case <-held.Context().Done():
	default:
		t.Fatalf("two held it after %v", took)
	}
	if cause := context.Cause(held.Context()); !errors.Is(cause, redislimit.ErrLost) {
		t.Errorf("the cause is %v", cause)
	}
	if next.Fence().Compare(held.Fence()) <= 0 {
		t.Errorf("the fence is %v after %v", next.Fence(), held.Fence())
	}
	if most := quick.Lease + quick.Lease/4 + stall; took > most {
		t.Errorf("it was had after %v, more than %v", took, most)
	}
	held.Release(penstock.Success) // of what was lost there is nothing to give back
	if n := inUse(t, srv, "cut"); n != 1 {
		t.Errorf("%d in use", n)
	}
	next.Release(penstock.Success)
}

// TestShortOutage: no job is aborted when the outage is shorter than the lease.
func TestShortOutage(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	p := redistest.StartProxy(t, srv.Addr)
	begun(t, srv, "short", 1)
	s := semaphore(t, open(t, "redis://"+p.Addr, redislimit.Options{Lease: 6 * time.Second}), "short", 1)
	held, err := s.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	p.Cut.Store(true)
	pause(t, 2*time.Second)
	p.Cut.Store(false)
	p.HangUp()
	pause(t, 5*time.Second) // past the end of the lease as it was
	if err := context.Cause(held.Context()); err != nil {
		t.Fatalf("aborted: %v", err)
	}
	if n := inUse(t, srv, "short"); n != 1 {
		t.Errorf("%d in use", n)
	}
	held.Release(penstock.Success)
}

// TestDroppedReplies loses the answers to calls that were done.
func TestDroppedReplies(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	p := redistest.StartProxy(t, srv.Addr)
	s := semaphore(t, open(t, "redis://"+p.Addr, quick), "dropped", 3)
	for i := range 20 {
		one, err := s.Acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		p.Deaf.Store(true)
		if i%2 == 0 {
			one.Release(penstock.Success)
		}
		got := acquiring(t, s, 2)
		eventually(t, patience, "calls fail", func() bool { return s.Stats().Away })
		p.Deaf.Store(false)
		(<-got).Release(penstock.Success)
		if i%2 == 1 {
			one.Release(penstock.Success)
		}
	}
	eventually(t, patience, "all is back", func() bool { return inUse(t, srv, "dropped") == 0 })
}

// TestLostWakeUp takes away the right to hear of grants: the heartbeat makes
// good for what was not heard, within a quarter lease.
func TestLostWakeUp(t *testing.T) {
	t.Parallel()
	srv := aged(t)
	lease := redislimit.Options{Lease: 8 * time.Second} // a heartbeat is 2 s, a stall less than two more
	srv.Must("ACL", "SETUSER", "deaf", "on", "nopass", "~*", "+@all", "resetchannels")
	begun(t, srv, "deaf", 1)
	deaf := semaphore(t, open(t, "redis://deaf:x@"+srv.Addr, lease), "deaf", 1)
	other := semaphore(t, open(t, srv.URL(), lease), "deaf", 1)
	held, err := other.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() {
		p, err := deaf.Acquire(t.Context(), 1)
		if err == nil {
			defer p.Release(penstock.Success)
		}
		got <- err
	}()
	eventually(t, patience, "it waits", func() bool { return srv.Must("ZCARD", "penstock:{deaf}:queue") == "1" })
	start := time.Now()
	held.Release(penstock.Success)
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	t.Logf("it heard of it after %v", time.Since(start))
	if took, most := time.Since(start), lease.Lease/2; took > most {
		t.Errorf("it heard of it after %v: not by the next heartbeat", took)
	}
}

func TestDownAtStart(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	srv.Kill()
	store := open(t, srv.URL(), redislimit.Options{Lease: 2 * time.Second})
	if err := store.Ping(t.Context()); err == nil {
		t.Fatal("it answers")
	}
	s := semaphore(t, store, "down", 1)
	got := make(chan error)
	go func() {
		p, err := s.Acquire(t.Context(), 1)
		if err == nil {
			p.Release(penstock.Success)
		}
		got <- err
	}()
	eventually(t, patience, "it is away", func() bool { return s.Stats().Away })
	srv.Start()
	if err := <-got; err != nil {
		t.Fatal(err)
	}
}

// TestStop: who waits is refused after a lease, who comes then at once, and
// when Redis is back all goes on.
func TestStop(t *testing.T) {
	t.Parallel()
	srv := aged(t)
	lines := &logged{}
	s := semaphore(t, open(t, srv.URL(), redislimit.Options{Lease: time.Second, Logger: lines.logger()}), "stop", 1)
	held, err := s.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	srv.Kill()
	start := time.Now()
	_, err = s.Acquire(t.Context(), 1)
	took := time.Since(start)
	if !errors.Is(err, redislimit.ErrAway) || took < 900*time.Millisecond {
		t.Fatalf("after %v: %v", took, err)
	}
	if away, ok := errors.AsType[*redislimit.AwayError](err); !ok || away.Err == nil {
		t.Fatalf("it does not say why: %v", err)
	}
	if cause := context.Cause(held.Context()); !errors.Is(cause, redislimit.ErrLost) {
		t.Fatalf("held past its lease: %v", cause)
	}
	if _, err := s.Acquire(t.Context(), 1); !errors.Is(err, redislimit.ErrAway) {
		t.Fatal(err)
	}
	srv.Start()
	eventually(t, patience, "it goes on", func() bool {
		p, err := s.Acquire(t.Context(), 1)
		if err == nil {
			p.Release(penstock.Success)
		}
		return err == nil
	})
	if n := lines.count("redis is away"); n != 1 {
		t.Errorf("%d lines say that it is away:\n%s", n, lines)
	}
	if n := lines.count("redis is back"); n != 1 {
		t.Errorf("%d lines say that it is back:\n%s", n, lines)
	}
}

// TestLease passes on what is held while Redis is away, and no more than that.
func TestLease(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	p := redistest.StartProxy(t, srv.Addr)
	lease := redislimit.Options{Lease: 8 * time.Second, Away: redislimit.Lease}
	s := semaphore(t, open(t, "redis://"+p.Addr, lease), "lease", 2)
	other := semaphore(t, open(t, srv.URL(), lease), "lease", 2)
	mine, err := s.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := other.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	p.Cut.Store(true)
	p.HangUp()
	eventually(t, patience, "it is away", func() bool { return s.Stats().Away })
	theirs.Release(penstock.Success) // free, but not for s, which does not know
	got := make(chan *redislimit.Permit, 2)
	for range 2 {
		go func() {
			q, err := s.Acquire(t.Context(), 1)
			if err != nil {
				t.Error(err)
			}
			got <- q
		}()
	}
	eventually(t, patience, "both wait", func() bool { return s.Stats().Waiting == 2 })
	mine.Release(penstock.Success)
	first := <-got
	if st := s.Stats(); st.InUse != 1 || st.Waiting != 1 {
		t.Fatalf("%+v", st)
	}
	p.Cut.Store(false)
	p.HangUp()
	second := <-got // Redis is back
	if n := inUse(t, srv, "lease"); n != 2 {
		t.Errorf("%d in use, want 2", n)
	}
	if err := context.Cause(first.Context()); err != nil {
		t.Errorf("what was passed on was lost: %v", err)
	}
	first.Release(penstock.Success)
	second.Release(penstock.Success)
	eventually(t, patience, "all is back", func() bool { return inUse(t, srv, "lease") == 0 })
}

// TestLocal goes on by a share of its own for as long as it takes.
func TestLocal(t *testing.T) {
	t.Parallel()
	srv := aged(t)
	local := redislimit.Options{Lease: 3 * time.Second, Away: redislimit.Local}
	a := semaphore(t, open(t, srv.URL(), local), "local", 4)
	b := semaphore(t, open(t, srv.URL(), local), "local", 4)
	for _, s := range []*redislimit.Semaphore{a, b, a} { // the latest hears that there are two
		p, err := s.Acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Release(penstock.Success) })
	}
	eventually(t, patience, "a knows of b", func() bool { return a.Stats().Processes == 2 })
	srv.Kill()
	eventually(t, patience, "it is away", func() bool { return a.Stats().Away && b.Stats().Away })
	pause(t, 4*time.Second) // past all leases
	if st := a.Stats(); st.InUse != 2 || st.Lost != 0 {
		t.Fatalf("%+v", st)
	}
	one, err := b.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := b.TryAcquirePermit(1); ok {
		t.Error("a third of a share of two")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := a.Acquire(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third of a share of two: %v", err)
	}
	srv.Start()
	eventually(t, patience, "Redis knows all of it", func() bool { return inUse(t, srv, "local") == 4 })
	if err := context.Cause(one.Context()); err != nil {
		t.Errorf("lost: %v", err)
	}
	one.Release(penstock.Success)
	eventually(t, patience, "it is given back", func() bool { return inUse(t, srv, "local") == 3 })
}
