package keyed_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/keyed"
	"github.com/penstock-go/penstock/rate"
)

func TestKeysHaveLimitsOfTheirOwn(t *testing.T) {
	l := semaphores(2, 0)
	a := take(t, l.For("a"), 2)
	if _, ok := l.TryAcquirePermit("a", 1); ok {
		t.Error("a third permit of a")
	}
	take(t, l.For("b"), 1).Release(penstock.Success)
	a.Release(penstock.Success)
	take(t, l.For("a"), 2).Release(penstock.Success)
	has(t, l, 2)
}

// Errors are the limit's own, and nothing is left of them.
func TestErrors(t *testing.T) {
	errGone := errors.New("gone")
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errGone)
	l := semaphores(2, 0)
	for _, c := range []struct {
		name string
		ctx  context.Context
		n    int
		want error
	}{
		{"context ended before", ended, 1, errGone},
		{"more than the limit", t.Context(), 3, penstock.ErrOverLimit},
		{"negative", t.Context(), -1, penstock.ErrNegativeWeight},
	} {
		if p, err := l.AcquirePermit(c.ctx, "a", c.n); !errors.Is(err, c.want) || p != nil {
			t.Errorf("%s: %v, %v, want %v", c.name, p, err, c.want)
		}
		if err := l.Wait(c.ctx, "a", c.n); !errors.Is(err, c.want) {
			t.Errorf("%s: Wait: %v, want %v", c.name, err, c.want)
		}
	}
	func() {
		defer func() {
			if err, _ := recover().(error); !errors.Is(err, penstock.ErrNegativeWeight) {
				t.Errorf("TryAcquirePermit of -1: %v", err)
			}
		}()
		l.TryAcquirePermit("a", -1)
	}()
	if n := l.DropIdle(); n != 1 {
		t.Errorf("%d keys dropped after errors, want 1", n)
	}
}

// Where a limit has no Allow and no Wait of its own, they take and give back.
func TestAllowAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rates(t, "1/s", 0)
		if !r.Allow("a", 1) || r.Allow("a", 1) || !r.Allow("b", 1) {
			t.Error("a rate does not admit one of each key")
		}
		start := time.Now()
		if err := r.Wait(t.Context(), "a", 1); err != nil || time.Since(start) != time.Second {
			t.Errorf("waited %v, %v", time.Since(start), err)
		}
		s := semaphores(1, 0)
		for range 2 {
			if !s.Allow("a", 1) {
				t.Error("a free semaphore does not allow")
			}
		}
		p := take(t, s.For("a"), 1)
		if s.Allow("a", 1) {
			t.Error("a full semaphore allows")
		}
		time.AfterFunc(time.Second, func() { p.Release(penstock.Success) })
		start = time.Now()
		if err := s.Wait(t.Context(), "a", 1); err != nil || time.Since(start) != time.Second {
			t.Errorf("waited %v, %v", time.Since(start), err)
		}
		if st := s.Stats(1); st.InUse+st.Waiting != 0 {
			t.Errorf("%+v after Allow and Wait", st)
		}
	})
}

// 100 goroutines ask for a key while its limit is being made.
func TestMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := 0
		l := keyed.New(func(string) *penstock.Semaphore {
			made++ // the race detector sees if two do
			time.Sleep(time.Second)
			return penstock.NewSemaphore(1)
		}, keyed.Options{})
		var wg sync.WaitGroup
		var got atomic.Int32
		for range 100 {
			wg.Go(func() {
				if _, ok := l.TryAcquirePermit("a", 1); ok {
					got.Add(1)
				}
			})
		}
		wg.Wait()
		if made != 1 || got.Load() != 1 {
			t.Errorf("made %d times, %d permits of one", made, got.Load())
		}
	})
}

// The same with all that happens by chance: every key is made once, whoever finds
// it while the tables grow.
func TestMadeOnceWhileTablesGrow(t *testing.T) {
	const keys, goroutines = 10_000, 8
	var made [keys]atomic.Int32
	l := keyed.New(func(k int) *penstock.Semaphore {
		made[k].Add(1)
		runtime.Gosched()
		return penstock.NewSemaphore(goroutines)
	}, keyed.Options{MaxIdle: keys})
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for k := range keys {
				take(t, l.For(k), 1)
			}
		})
	}
	wg.Wait()
	for k := range made {
		if n := made[k].Load(); n != 1 {
			t.Fatalf("key %d was made %d times", k, n)
		}
	}
	has(t, l, keys)
	seen := make([]int, keys)
	for k, s := range l.Range() {
		seen[k]++
		if s.Stats().InUse != goroutines {
			t.Fatalf("key %d: %+v", k, s.Stats())
		}
	}
	if i := slices.IndexFunc(seen, func(n int) bool { return n != 1 }); i >= 0 {
		t.Errorf("Range yields key %d %d times", i, seen[i])
	}
}

// What make may do wrong harms only who calls it, and the next call makes good.
func TestMakeFails(t *testing.T) {
	mode := "panic"
	l := keyed.New(func(string) penstock.Limiter {
		switch mode {
		case "panic":
			panic("no limit")
		case "exit":
			runtime.Goexit()
		case "nil":
			return nil
		}
		return penstock.NewSemaphore(1)
	}, keyed.Options{})
	for _, mode = range []string{"panic", "exit", "nil"} {
		var recovered any
		var wg sync.WaitGroup
		wg.Go(func() {
			defer func() { recovered = recover() }()
			l.Allow("a", 1)
		})
		wg.Wait()
		if (recovered == nil) != (mode == "exit") {
			t.Errorf("%s: recovered %v", mode, recovered)
		}
		has(t, l, 0)
	}
	if st := l.Stats(0); st.Made != 0 || st.Keys != 0 {
		t.Errorf("%+v", st)
	}
	mode = "good"
	if !l.Allow("a", 1) {
		t.Error("refused")
	}
	has(t, l, 1)
	defer func() {
		if recover() == nil {
			t.Error("New took a nil function")
		}
	}()
	keyed.New[string, penstock.Limiter](nil, keyed.Options{})
}

// The function may use the Limiter that it belongs to, for another key: also for one
// that has the same lock.
func TestMakeUsesOtherKeys(t *testing.T) {
	var l *keyed.Limiter[int, *penstock.Semaphore]
	l = keyed.New(func(k int) *penstock.Semaphore {
		if k > 0 {
			l.Allow(k-1, 1)
		}
		return penstock.NewSemaphore(1)
	}, keyed.Options{})
	l.Allow(500, 1)
	has(t, l, 501)
}

// A string key is the Limiter's own copy.
func TestKeyIsCopied(t *testing.T) {
	collected := make(chan struct{})
	l := semaphores(1, 0)
	func() {
		url := fmt.Appendf(make([]byte, 0, 1<<20), "https://%s/", "example.org")
		long := string(url) + string(make([]byte, 1<<20))
		runtime.AddCleanup(unsafe.StringData(long), func(c chan struct{}) { close(c) }, collected)
		l.Allow(long[8:19], 1)
	}()
	for range 10 {
		runtime.GC()
	}
	<-collected
	for k := range l.Range() {
		if k != "example.org" {
			t.Errorf("the key is %q", k)
		}
	}
}

// Whoever waits for a key is served in order of arrival, a large demand before
// the small ones behind it; and other keys' do not wait.
func TestArrivalOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := semaphores(3, -1)
		first := take(t, l.For("a"), 2)
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i, n := range []int{3, 1, 2, 1} {
			wg.Go(func() {
				p, err := l.AcquirePermit(t.Context(), "a", n)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				time.Sleep(time.Second)
				p.Release(penstock.Success)
			})
			synctest.Wait()
			l.DropIdle()
		}
		if !l.Allow("b", 3) || l.Allow("a", 1) {
			t.Error("b waits, or a newcomer overtakes")
		}
		first.Release(penstock.Success)
		wg.Wait()
		slices.Sort(order[1:3]) // these two start together
		if !slices.Equal(order, []int{0, 1, 2, 3}) {
			t.Errorf("served in the order %v", order)
		}
	})
}

func TestPermit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rates(t, "10/s burst 10", -1)
		p, err := l.AcquirePermit(t.Context(), "llm", 10)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second) // long paid for, but not yet settled
		l.DropIdle()
		p.(*keyed.Permit).Settle(30)
		p.Release(penstock.Success)
		p.(*keyed.Permit).Settle(1000)
		l.DropIdle()
		start := time.Now()
		if err := l.Wait(t.Context(), "llm", 10); err != nil || time.Since(start) != 2*time.Second {
			t.Errorf("after a debt of 20 one waits %v, %v, want 2s", time.Since(start), err)
		}
		// What was not used is there for the next.
		take(t, l.For("b"), 10).Release(penstock.Unused)
		if !l.Allow("b", 10) {
			t.Error("an unused permit did not come back")
		}
		take(t, semaphores(1, 0).For("a"), 1).(*keyed.Permit).Settle(3) // nothing to settle
		// Released twice, it raises no semaphore's limit.
		s := semaphores(1, 0)
		p = take(t, s.For("a"), 1)
		p.Release(penstock.Success)
		func() {
			defer func() {
				if err, _ := recover().(error); !errors.Is(err, penstock.ErrOverRelease) {
					t.Errorf("released twice: %v", err)
				}
			}()
			p.Release(penstock.Success)
		}()
		take(t, s.For("a"), 1)
		if s.Allow("a", 1) {
			t.Error("a second permit of one")
		}
	})
}

var (
	_ keyed.Idler     = (*rate.Limiter)(nil)
	_ penstock.Permit = (*keyed.Permit)(nil)
)
