package queue_test

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/queue"
)

// The numbers are those of the behaviours that asyncio's own tests pin down.

func TestQueue22MaxsizeOfZeroOrLessIsUnbounded(t *testing.T) {
	for _, maxsize := range []int{0, -1, -1 << 63} {
		eachKind(t, maxsize, func(t *testing.T, q anyQueue) {
			for v := range 5000 {
				put(t, q, v)
			}
			if q.Full() || q.Cap() != 0 || q.Len() != 5000 {
				t.Errorf("full %v, cap %d, len %d", q.Full(), q.Cap(), q.Len())
			}
		})
	}
}

func TestQueue22SizesAgreeAtEveryStep(t *testing.T) {
	for _, maxsize := range []int{1, 3, 1000} {
		eachKind(t, maxsize, func(t *testing.T, q anyQueue) {
			n := 0
			r := rand.New(rand.NewPCG(22, uint64(maxsize)))
			for range 10_000 {
				if r.IntN(2) == 0 {
					if q.TryPut(0) == nil {
						n++
					}
				} else if _, err := q.TryGet(); err == nil {
					n--
				}
				if n < 0 || n > maxsize {
					t.Fatalf("%d items in a queue for %d", n, maxsize)
				}
				if q.Len() != n || q.Cap() != maxsize || q.Empty() != (n == 0) || q.Full() != (n == maxsize) {
					t.Fatalf("with %d of %d: len %d, cap %d, empty %v, full %v",
						n, maxsize, q.Len(), q.Cap(), q.Empty(), q.Full())
				}
			}
		})
	}
}

func TestQueue23GetOnEmptyWaits(t *testing.T) {
	eachKind(t, 1, func(t *testing.T, q anyQueue) {
		_, err := q.TryGet()
		wantErr(t, err, queue.ErrEmpty)
		g := startGet(t, q)
		time.Sleep(time.Hour)
		wantWaiting(t, g)
		put(t, q, 7)
		synctest.Wait()
		want(t, g, 7, nil)
	})
}

func TestQueue23PutOnFullWaits(t *testing.T) {
	eachKind(t, 1, func(t *testing.T, q anyQueue) {
		put(t, q, 7)
		wantErr(t, q.TryPut(8), queue.ErrFull)
		p := startPut(t, q, 9)
		time.Sleep(time.Hour)
		wantWaiting(t, p)
		wantFirst(t, q, 7)
		synctest.Wait()
		want(t, p, 0, nil)
		wantItems(t, q, 9)
	})
}

func TestQueue24GettersAreServedInArrivalOrder(t *testing.T) {
	eachKind(t, 0, func(t *testing.T, q anyQueue) {
		g1, g2, g3 := startGet(t, q), startGet(t, q), startGet(t, q)
		put(t, q, 30, 10, 20) // none of them runs before the last put
		synctest.Wait()
		want(t, g1, 30, nil)
		want(t, g2, 10, nil)
		want(t, g3, 20, nil)
	})
}

func TestQueue24ANewcomerTakesNothingFromAGetter(t *testing.T) {
	eachKind(t, 0, func(t *testing.T, q anyQueue) {
		g := startGet(t, q)
		put(t, q, 1)
		_, err := q.TryGet() // before g has come to run
		wantErr(t, err, queue.ErrEmpty)
		wantLen(t, q, 0)
		synctest.Wait()
		want(t, g, 1, nil)
	})
}

func TestQueue24PuttersAreServedInArrivalOrder(t *testing.T) {
	eachKind(t, 1, func(t *testing.T, q anyQueue) {
		put(t, q, 0)
		p1, p2, p3 := startPut(t, q, 30), startPut(t, q, 10), startPut(t, q, 20)
		for _, w := range []int{0, 30, 10, 20} {
			wantFirst(t, q, w)
		}
		synctest.Wait()
		want(t, p1, 0, nil)
		want(t, p2, 0, nil)
		want(t, p3, 0, nil)
	})
}

func TestQueue24ANewcomerTakesNoRoomFromAPutter(t *testing.T) {
	eachKind(t, 1, func(t *testing.T, q anyQueue) {
		put(t, q, 0)
		p := startPut(t, q, 1)
		wantFirst(t, q, 0)
		wantErr(t, q.TryPut(2), queue.ErrFull) // before p has come to run
		synctest.Wait()
		want(t, p, 0, nil)
		wantItems(t, q, 1)
	})
}

func TestQueue25ACancelledGetterLeavesNoTrace(t *testing.T) {
	eachKind(t, 0, func(t *testing.T, q anyQueue) {
		gone := make([]*call, 1000)
		for i := range gone {
			gone[i] = startGet(t, q)
		}
		g := startGet(t, q)
		for _, c := range gone {
			c.cancel(errBoom)
		}
		put(t, q, 1) // before any of them has come to run
		synctest.Wait()
		for _, c := range gone {
			want(t, c, 0, errBoom)
		}
		want(t, g, 1, nil)
		if n := q.Stats().Getters; n != 0 {
			t.Errorf("%d getters are said to wait", n)
		}

		c1, g2 := startGet(t, q), startGet(t, q)
		c1.cancel(errBoom)
		synctest.Wait() // now with time to leave
		want(t, c1, 0, errBoom)
		put(t, q, 2)
		synctest.Wait()
		want(t, g2, 2, nil)
	})
}

func TestQueue26AGetterCancelledAsItsItemArrivesLeavesTheItem(t *testing.T) {
	wants := map[string][]int{"FIFO": {12, 5, 11}, "LIFO": {11, 5, 12}, "Priority": {5, 12, 11}}
	eachMoment(t, 3, func(t *testing.T, kind string, q anyQueue, cancelLast bool) (met bool) {
		g := startGet(t, q)
		both(cancelLast, func() { g.cancel(errBoom) }, func() { put(t, q, 12) })
		if cancelLast && g.err == nil {
			want(t, g, 12, nil) // it came to run in between
			return false
		}
		want(t, g, 0, errBoom)
		put(t, q, 5, 11)
		wantErr(t, q.TryPut(0), queue.ErrFull)
		wantItems(t, q, wants[kind]...)
		return true
	})
}

func TestQueue26AGetterCancelledAsItsItemArrivesLeavesItToTheNext(t *testing.T) {
	eachMoment(t, 0, func(t *testing.T, _ string, q anyQueue, cancelLast bool) (met bool) {
		g1, g2, g3 := startGet(t, q), startGet(t, q), startGet(t, q)
		both(cancelLast, func() { g1.cancel(errBoom) }, func() { put(t, q, 1) })
		if cancelLast && g1.err == nil {
			want(t, g1, 1, nil)
			wantWaiting(t, g2)
			return false
		}
		want(t, g1, 0, errBoom)
		want(t, g2, 1, nil)
		wantWaiting(t, g3)
		wantLen(t, q, 0)
		return true
	})
}

// A grant that somebody could already have built on stands.
func TestQueue26AGetterCancelledTooLateHasItsItem(t *testing.T) {
	eachKind(t, 0, func(t *testing.T, q anyQueue) {
		g1, g2 := startGet(t, q), startGet(t, q)
		put(t, q, 1, 2)
		g1.cancel(errBoom)
		synctest.Wait()
		want(t, g1, 1, nil)
		want(t, g2, 2, nil)

		g3 := startGet(t, q)
		put(t, q, 3)
		_, err := q.TryGet()
		wantErr(t, err, queue.ErrEmpty) // so it cannot be there again
		g3.cancel(errBoom)
		synctest.Wait()
		want(t, g3, 3, nil)

		g4, g5 := startGet(t, q), startGet(t, q)
		put(t, q, 4)
		wantErr(t, q.TaskDone(), nil) // a join could have returned
		g4.cancel(errBoom)
		synctest.Wait()
		want(t, g4, 4, nil)
		put(t, q, 5)
		q.Shutdown() // others are told that none is left
		g5.cancel(errBoom)
		synctest.Wait()
		want(t, g5, 5, nil)
		wantItems(t, q)
	})
}

func TestQueue27ACancelledPutterPutsNothing(t *testing.T) {
	eachKind(t, 1, func(t *testing.T, q anyQueue) {
		put(t, q, 0)
		p1, p2 := startPut(t, q, 1), startPut(t, q, 2)
		p1.cancel(errBoom)
		synctest.Wait()
		want(t, p1, 0, errBoom)
		wantItems(t, q, 0, 2)
		synctest.Wait()
		want(t, p2, 0, nil)
	})
}

func TestQueue27APutterCancelledAsRoomArrivesLeavesTheRoom(t *testing.T) {
	wants := map[string][]int{"FIFO": {10, 11, 12, 15}, "LIFO": {12, 15, 11, 10}, "Priority": {10, 11, 12, 15}}
	eachMoment(t, 3, func(t *testing.T, kind string, q anyQueue, cancelLast bool) (met bool) {
		put(t, q, 10, 11, 12)
		p := startPut(t, q, 5)
		var first int
		both(cancelLast, func() { p.cancel(errBoom) }, func() { first, _ = q.TryGet() })
		if cancelLast && p.err == nil {
			want(t, p, 0, nil)
			wantLen(t, q, 3)
			return false
		}
		want(t, p, 0, errBoom)
		wantLen(t, q, 2)
		put(t, q, 15)
		if first != wants[kind][0] {
			t.Errorf("got %d first", first)
		}
		wantItems(t, q, wants[kind][1:]...)
		return true
	})
}

func TestQueue27APutterCancelledAsRoomArrivesLeavesItToTheNext(t *testing.T) {
	eachMoment(t, 1, func(t *testing.T, _ string, q anyQueue, cancelLast bool) (met bool) {
		put(t, q, 0)
		p1, p2, p3 := startPut(t, q, 1), startPut(t, q, 2), startPut(t, q, 3)
		both(cancelLast, func() { p1.cancel(errBoom) }, func() { wantFirst(t, q, 0) })
		if cancelLast && p1.err == nil {
			want(t, p1, 0, nil)
			wantItems(t, q, 1, 2, 3)
			return false
		}
		want(t, p1, 0, errBoom)
		want(t, p2, 0, nil)
		wantWaiting(t, p3)
		wantItems(t, q, 2, 3)
		return true
	})
}

func TestQueue27APutterCancelledTooLateHasPut(t *testing.T) {
	eachKind(t, 1, func(t *testing.T, q anyQueue) {
		put(t, q, 0)
		p := startPut(t, q, 1)
		wantFirst(t, q, 0)
		wantFirst(t, q, 1) // it is gone
		p.cancel(errBoom)
		synctest.Wait()
		want(t, p, 0, nil)

		put(t, q, 2)
		p = startPut(t, q, 3)
		wantFirst(t, q, 2)
		wantErr(t, q.TryPut(4), queue.ErrFull) // so there cannot be room
		p.cancel(errBoom)
		synctest.Wait()
		want(t, p, 0, nil)
		wantItems(t, q, 3)
	})
}

// Wherever in a Priority the item was, undoing its put leaves the others as
// they were.
func TestQueue27UndoingAPutLeavesTheOrder(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 27))
	orders := []func([]int){slices.Sort[[]int], func(in []int) { slices.Sort(in); slices.Reverse(in) }, func([]int) {}}
	met := 0
	for i := range 1500 {
		n := 1 + i%200
		if i%2 == 0 {
			n = 64 * (1 + i%4) // just fills its runs
		}
		in := r.Perm(n)
		orders[r.IntN(3)](in)
		v := []int{-1, n, r.IntN(n)}[r.IntN(3)]
		synctest.Test(t, func(t *testing.T) {
			q := queue.NewOrdered[int](len(in))
			put(t, q, in...)
			p := startPut(t, q, v)
			both(true, func() { p.cancel(errBoom) }, func() { wantFirst(t, q, 0) })
			left := slices.Sorted(slices.Values(in))[1:]
			if p.err == nil {
				left = slices.Sorted(slices.Values(append(left, v)))
			} else {
				met++
			}
			wantItems(t, q, left...)
		})
		if t.Failed() {
			t.Fatalf("put %v, and %d", in, v)
		}
	}
	if met < 1000 {
		t.Errorf("only %d puts were undone", met)
	}
}

func TestQueue28Order(t *testing.T) {
	leaves := map[string]func(in []int){
		"FIFO": func([]int) {},
		"LIFO": slices.Reverse[[]int],
		"Priority": func(in []int) {
			slices.SortStableFunc(in, func(a, b int) int { return cmp.Compare(a/10, b/10) })
		},
	}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(28, 1))
			for _, n := range []int{1, 2, 100, 5000} {
				in := make([]int, n)
				q := k.make(0)
				for i := range in {
					in[i] = r.IntN(1000)
					put(t, q, in[i])
				}
				leaves[k.name](in)
				wantItems(t, q, in...)
			}
		})
	}
}

func TestQueue29Join(t *testing.T) {
	eachKind(t, 0, func(t *testing.T, q anyQueue) {
		want(t, startJoin(t, q), 0, nil) // nothing was ever put
		put(t, q, 1, 2, 3)
		j1, j2 := startJoin(t, q), startJoin(t, q)
		for range 3 {
			wantWaiting(t, j1)
			if _, err := q.TryGet(); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			wantWaiting(t, j1) // taken is not done
			wantErr(t, q.TaskDone(), nil)
			synctest.Wait()
		}
		want(t, j1, 0, nil)
		want(t, j2, 0, nil)
		want(t, startJoin(t, q), 0, nil)
	})
}

func TestQueue29TaskDoneOnceTooOften(t *testing.T) {
	eachKind(t, 0, func(t *testing.T, q anyQueue) {
		wantErr(t, q.TaskDone(), queue.ErrTaskDone)
		put(t, q, 1, 2)
		wantErr(t, q.TaskDone(), nil)
		wantErr(t, q.TaskDone(), nil)
		wantErr(t, q.TaskDone(), queue.ErrTaskDone)
		if n := q.Stats().Unfinished; n != 0 {
			t.Errorf("%d unfinished", n)
		}
		put(t, q, 3) // the error has changed nothing
		j := startJoin(t, q)
		wantWaiting(t, j)
		wantErr(t, q.TaskDone(), nil)
		synctest.Wait()
		want(t, j, 0, nil)
	})
}

func TestQueue29JoinReturnsAlthoughMoreIsPut(t *testing.T) {
	eachKind(t, 0, func(t *testing.T, q anyQueue) {
		put(t, q, 1)
		j := startJoin(t, q)
		wantErr(t, q.TaskDone(), nil)
		put(t, q, 2) // before j has come to run
		j.cancel(errBoom)
		synctest.Wait()
		want(t, j, 0, nil)
		j = startJoin(t, q)
		wantWaiting(t, j)
		j.cancel(errBoom)
		synctest.Wait()
		want(t, j, 0, errBoom)
	})
}

func TestQueue29JoinReturnsWhenThePutItWaitsForIsUndone(t *testing.T) {
	eachMoment(t, 1, func(t *testing.T, _ string, q anyQueue, cancelLast bool) (met bool) {
		put(t, q, 1)
		p := startPut(t, q, 2)
		wantErr(t, q.TaskDone(), nil) // for 1, ahead of its getter
		j := new(call)
		both(cancelLast, func() { p.cancel(errBoom) }, func() {
			wantFirst(t, q, 1) // lets 2 in, which is not done
			go func() {
				j.err = q.Join(t.Context())
				j.ended = true
			}()
		})
		if cancelLast && p.err == nil {
			wantWaiting(t, j)
			wantErr(t, q.TaskDone(), nil)
			return false
		}
		want(t, p, 0, errBoom)
		want(t, j, 0, nil)
		return true
	})
}

func TestQueue30ShutdownDrains(t *testing.T) {
	eachKind(t, 2, func(t *testing.T, q anyQueue) {
		put(t, q, 1, 1)
		p := startPut(t, q, 2)
		j := startJoin(t, q)
		q.Shutdown()
		q.Shutdown()
		synctest.Wait()
		want(t, p, 0, queue.ErrShutdown)
		want(t, startPut(t, q, 3), 0, queue.ErrShutdown)
		wantErr(t, q.TryPut(3), queue.ErrShutdown)
		for range 2 {
			want(t, startGet(t, q), 1, nil)
		}
		want(t, startGet(t, q), 0, queue.ErrShutdown)
		_, err := q.TryGet()
		wantErr(t, err, queue.ErrShutdown)
		wantErr(t, q.TaskDone(), nil)
		synctest.Wait()
		wantWaiting(t, j)
		wantErr(t, q.TaskDone(), nil)
		synctest.Wait()
		want(t, j, 0, nil)
	})
}

func TestQueue30ShutdownWakesGetters(t *testing.T) {
	eachKind(t, 0, func(t *testing.T, q anyQueue) {
		g1, g2, g3 := startGet(t, q), startGet(t, q), startGet(t, q)
		put(t, q, 1) // is g1's, though it has not come to run
		g2.cancel(errBoom)
		q.Shutdown()
		synctest.Wait()
		want(t, g1, 1, nil)
		want(t, g2, 0, errBoom)
		want(t, g3, 0, queue.ErrShutdown)
		if !q.Stats().Shutdown {
			t.Error("the statistics do not tell")
		}
	})
}

func TestQueue31ShutdownNowDropsTheItems(t *testing.T) {
	eachKind(t, 3, func(t *testing.T, q anyQueue) {
		put(t, q, 1, 2, 3)
		if _, err := q.TryGet(); err != nil {
			t.Error(err)
		}
		put(t, q, 4)
		p := startPut(t, q, 5)
		j := startJoin(t, q)
		q.ShutdownNow()
		synctest.Wait()
		want(t, p, 0, queue.ErrShutdown)
		wantErr(t, q.TryPut(6), queue.ErrShutdown)
		want(t, startGet(t, q), 0, queue.ErrShutdown)
		wantWaiting(t, j) // somebody holds an item
		wantErr(t, q.TaskDone(), nil)
		synctest.Wait()
		want(t, j, 0, nil)
		wantErr(t, q.TaskDone(), queue.ErrTaskDone)
		if s := q.Stats(); s.Put != 4 || s.Got != 1 || s.Dropped != 3 || s.Len != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestQueue31ShutdownNowEndsJoinAndGet(t *testing.T) {
	eachKind(t, 0, func(t *testing.T, q anyQueue) {
		g := startGet(t, q)
		q.ShutdownNow()
		synctest.Wait()
		want(t, g, 0, queue.ErrShutdown)
	})
	eachKind(t, 0, func(t *testing.T, q anyQueue) {
		put(t, q, 1, 2)
		j := startJoin(t, q)
		q.Shutdown()
		synctest.Wait()
		wantWaiting(t, j)
		wantErr(t, q.TaskDone(), nil) // ahead of its item
		q.ShutdownNow()
		synctest.Wait()
		want(t, j, 0, nil)
		if n := q.Stats().Unfinished; n != 0 {
			t.Errorf("%d unfinished", n)
		}
	})
}

func TestQueue32RangingEndsAtShutdown(t *testing.T) {
	eachKind(t, 0, func(t *testing.T, q anyQueue) {
		var got []int
		r := start(t, func(ctx context.Context, _ *call) {
			for v := range q.All(ctx) {
				got = append(got, v)
			}
		})
		put(t, q, 1)
		synctest.Wait()
		wantWaiting(t, r)
		put(t, q, 2)
		q.Shutdown()
		synctest.Wait()
		want(t, r, 0, nil)
		if !slices.Equal(got, []int{1, 2}) {
			t.Errorf("got %v", got)
		}
	})
}

func TestQueue32RangingEndsWithTheContext(t *testing.T) {
	eachKind(t, 0, func(t *testing.T, q anyQueue) {
		put(t, q, 1, 1, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin, n := time.Now(), 0
		for range q.All(ctx) {
			n++
		}
		if d := time.Since(begin); n != 3 || d != time.Minute {
			t.Errorf("%d items in %v", n, d)
		}

		put(t, q, 1, 1, 1)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		for range q.All(ctx) {
			stop()
		}
		wantLen(t, q, 2) // the context ended before the second
	})
}

func TestQueue32BreakLosesNoItem(t *testing.T) {
	eachKind(t, 0, func(t *testing.T, q anyQueue) {
		put(t, q, 1, 1, 1)
		for range q.All(t.Context()) {
			break
		}
		wantItems(t, q, 1, 1)
	})
}

func TestQueueUnderAnEndedContextDoesNothing(t *testing.T) {
	eachKind(t, 0, func(t *testing.T, q anyQueue) {
		put(t, q, 1)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errBoom)
		for range 100 { // a plain select would take every other time
			wantErr(t, q.Put(ctx, 2), errBoom)
			_, err := q.Get(ctx)
			wantErr(t, err, errBoom)
			wantErr(t, q.Join(ctx), errBoom)
		}
		wantItems(t, q, 1)
	})
}

// What TryPut has told its caller, that the queue is full of an item, is not made
// untrue: a Put whose context ends in the instant of its grant then keeps it.
func TestQueueFullStaysTrue(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			q := queue.New[int](1)
			if err := q.TryPut(1); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			put := make(chan error, 1)
			go func() { put <- q.Put(ctx, 2) }()
			synctest.Wait()
			if v, err := q.TryGet(); v != 1 || err != nil { // makes room for 2
				t.Fatal(v, err)
			}
			full := q.TryPut(3)
			cancel()
			if err := <-put; errors.Is(full, queue.ErrFull) != (err == nil) {
				t.Fatalf("TryPut said %v, the Put that filled the queue %v", full, err)
			}
		})
	}
}
