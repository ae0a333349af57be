package queue_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/penstock-go/penstock/queue"
)

func TestQueueZeroValues(t *testing.T) {
	var q queue.Queue[int]
	put(t, &q, 1, 2)
	wantItems(t, &q, 1, 2)

	var l queue.LIFO[int]
	put(t, &l, 1, 2)
	wantItems(t, &l, 2, 1)

	var p queue.Priority[int]
	wantPanic(t, "queue: a Priority that was not made by NewPriority or NewOrdered", func() { _ = p.TryPut(1) })
	wantLen(t, &p, 0) // and is not locked
}

func TestNewPriorityWithoutLessPanics(t *testing.T) {
	wantPanic(t, "queue: NewPriority with a nil less function", func() { queue.NewPriority[int](0, nil) })
}

func wantPanic(t *testing.T, message string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if r := recover(); fmt.Sprint(r) != message {
			t.Errorf("panic %v, want %s", r, message)
		}
	}()
	f()
}

// A less function that panics must not leave the queue locked or disorderly.
func TestPriorityGoesOnAfterLessPanicked(t *testing.T) {
	broken := false
	q := queue.NewPriority(0, func(a, b int) bool {
		if broken {
			panic("less")
		}
		return a < b
	})
	in := []int{5, 3, 200, 1, 4}
	for v := range 150 {
		put(t, q, 300+v)
	}
	put(t, q, in...)
	broken = true
	for _, v := range []int{0, 4, 350, 1000} {
		wantPanic(t, "less", func() { _ = q.TryPut(v) })
		wantPanic(t, "less", func() { _ = q.Put(t.Context(), v) })
	}
	broken = false
	put(t, q, 2)
	wantLen(t, q, 156)
	for _, v := range []int{1, 2, 3, 4, 5, 200} {
		wantFirst(t, q, v)
	}
	for v := range 150 {
		wantFirst(t, q, 300+v)
	}
}

func TestOrderedPutsNaNFirst(t *testing.T) {
	q := queue.NewOrdered[float64](0)
	var zero float64
	for _, v := range []float64{2, zero / zero, 1} {
		if err := q.TryPut(v); err != nil {
			t.Error(err)
		}
	}
	for i, want := range []string{"NaN", "1", "2"} {
		if v, err := q.TryGet(); err != nil || fmt.Sprint(v) != want {
			t.Errorf("item %d is %v, %v; want %s", i, v, err, want)
		}
	}
}

func TestErrorsSayWhatWasBeingDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New[int](1)
		put(t, q, 1)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errBoom)
		_, get := q.Get(ctx)
		for want, err := range map[string]error{
			"queue: put: boom":  q.Put(ctx, 1),
			"queue: get: boom":  get,
			"queue: join: boom": q.Join(ctx),
		} {
			if err.Error() != want {
				t.Errorf("%q, want %q", err, want)
			}
		}
	})
}

// A queue may be a package's variable that several tests in bubbles use, one
// after the other: nothing that belongs to one bubble may stay behind.
func TestQueueCrossesBubbles(t *testing.T) {
	for _, k := range kinds {
		q := k.make(1)
		for range 3 {
			synctest.Test(t, func(t *testing.T) {
				g := startGet(t, q)
				put(t, q, 1)
				synctest.Wait()
				want(t, g, 1, nil)
				put(t, q, 2)
				p, j := startPut(t, q, 3), startJoin(t, q)
				wantItems(t, q, 2, 3)
				for range 3 {
					wantErr(t, q.TaskDone(), nil)
				}
				synctest.Wait()
				want(t, p, 0, nil)
				want(t, j, 0, nil)
			})
		}
	}
}

// A hooked context does something when it is asked for its Done channel.
type hooked struct {
	context.Context //nolint:containedctx // it is one
	done            func()
}

func (c hooked) Done() <-chan struct{} {
	c.done()
	return c.Context.Done()
}

// Before it waits, a call asks the context for its Done channel, which is
// anybody's code: the queue must not be locked, and may have changed.
func TestQueueChangesBeforeTheWait(t *testing.T) {
	eachKind(t, 1, func(t *testing.T, q anyQueue) {
		v, err := q.Get(hooked{t.Context(), func() { put(t, q, 1) }})
		if v != 1 || err != nil {
			t.Errorf("got %d, %v", v, err)
		}
		put(t, q, 2)
		wantErr(t, q.Put(hooked{t.Context(), func() { wantFirst(t, q, 2) }}, 3), nil)
		wantErr(t, q.Put(hooked{t.Context(), q.Shutdown}, 4), queue.ErrShutdown)
		wantItems(t, q, 3)
	})
	eachKind(t, 1, func(t *testing.T, q anyQueue) {
		_, err := q.Get(hooked{t.Context(), q.Shutdown})
		wantErr(t, err, queue.ErrShutdown)
	})
}
