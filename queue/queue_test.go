package queue_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/penstock-go/penstock/queue"
)

// anyQueue is what the three kinds have in common.
type anyQueue interface {
	Put(ctx context.Context, v int) error
	Get(ctx context.Context) (int, error)
	TryPut(v int) error
	TryGet() (int, error)
	All(ctx context.Context) iter.Seq[int]
	TaskDone() error
	Join(ctx context.Context) error
	Shutdown()
	ShutdownNow()
	Len() int
	Cap() int
	Empty() bool
	Full() bool
	Stats() queue.Stats
}

// kinds are the three kinds of queue. The priority of v is v / 10, so that
// the numbers of one decade are equal.
var kinds = []struct {
	name string
	make func(maxsize int) anyQueue
}{
	{"FIFO", func(n int) anyQueue { return queue.New[int](n) }},
	{"LIFO", func(n int) anyQueue { return queue.NewLIFO[int](n) }},
	{"Priority", func(n int) anyQueue {
		return queue.NewPriority(n, func(a, b int) bool { return cmp.Less(a/10, b/10) })
	}},
}

// eachKind runs f with a queue of each kind, each in a bubble of its own.
func eachKind(t *testing.T, maxsize int, f func(t *testing.T, q anyQueue)) {
	t.Helper()
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, k.make(maxsize)) })
		})
	}
}

// eachMoment runs f with a queue of each kind for a race between a
// cancellation and what would end the wait: cancelLast says which comes last.
// The waiter itself may come to run between the two; f then reports that it
// has not met the moment that it is about, and is tried again. With a single
// processor that is rare.
func eachMoment(t *testing.T, maxsize int, f func(t *testing.T, kind string, q anyQueue, cancelLast bool) (met bool)) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, k := range kinds {
		for _, cancelLast := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/CancelLast=%v", k.name, cancelLast), func(t *testing.T) {
				for range 1000 {
					met := false
					synctest.Test(t, func(t *testing.T) { met = f(t, k.name, k.make(maxsize), cancelLast) })
					if met || t.Failed() {
						return
					}
				}
				t.Error("the moment was never met")
			})
		}
	}
}

// both does two things, and waits for what comes of them.
func both(cancelLast bool, cancel, end func()) {
	if cancelLast {
		end()
		cancel()
	} else {
		cancel()
		end()
	}
	synctest.Wait()
}

var errBoom = errors.New("boom")

// A call is a blocking call that runs in a goroutine of its own.
type call struct {
	cancel context.CancelCauseFunc // its context, for the reason given
	ended  bool
	v      int
	err    error
}

// start starts f and waits until it has ended or is blocked. Every call is
// cancelled when the test ends.
func start(t *testing.T, f func(ctx context.Context, c *call)) *call {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	c := &call{cancel: cancel}
	go func() {
		f(ctx, c)
		c.ended = true
	}()
	synctest.Wait()
	return c
}

func startPut(t *testing.T, q anyQueue, v int) *call {
	t.Helper()
	return start(t, func(ctx context.Context, c *call) { c.err = q.Put(ctx, v) })
}

func startGet(t *testing.T, q anyQueue) *call {
	t.Helper()
	return start(t, func(ctx context.Context, c *call) { c.v, c.err = q.Get(ctx) })
}

func startJoin(t *testing.T, q anyQueue) *call {
	t.Helper()
	return start(t, func(ctx context.Context, c *call) { c.err = q.Join(ctx) })
}

// wantWaiting checks that c is still blocked.
func wantWaiting(t *testing.T, c *call) {
	t.Helper()
	if c.ended {
		t.Errorf("a call that was to wait returned %d, %v", c.v, c.err)
	}
}

// want checks that c has returned v and an error that is err.
func want(t *testing.T, c *call, v int, err error) {
	t.Helper()
	switch {
	case !c.ended:
		t.Error("a call still waits that was to return")
	case c.v != v || !errors.Is(c.err, err):
		t.Errorf("a call returned %d, %v; want %d, %v", c.v, c.err, v, err)
	}
}

// wantItems takes out all that is left and checks that it is items.
func wantItems(t *testing.T, q anyQueue, items ...int) {
	t.Helper()
	for i, w := range items {
		if v, err := q.TryGet(); v != w || err != nil {
			t.Errorf("item %d is %d, %v; want %d", i, v, err, w)
		}
	}
	if v, err := q.TryGet(); err == nil {
		t.Errorf("another item is left: %d", v)
	}
}

// wantFirst takes one item out and checks that it is v.
func wantFirst(t *testing.T, q anyQueue, v int) {
	t.Helper()
	if got, err := q.TryGet(); got != v || err != nil {
		t.Errorf("got %d, %v; want %d", got, err, v)
	}
}

// put puts items for which there is room.
func put(t *testing.T, q anyQueue, items ...int) {
	t.Helper()
	for _, v := range items {
		if err := q.TryPut(v); err != nil {
			t.Errorf("putting %d: %v", v, err)
		}
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func wantLen(t *testing.T, q anyQueue, n int) {
	t.Helper()
	if q.Len() != n {
		t.Errorf("%d items, want %d", q.Len(), n)
	}
}
