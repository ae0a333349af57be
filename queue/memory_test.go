package queue_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"weak"

	"github.com/penstock-go/penstock/queue"
)

// A pointerQueue holds pointers, of which can be told who holds on to them.
type pointerQueue interface {
	Put(ctx context.Context, v *[64]int) error
	Get(ctx context.Context) (*[64]int, error)
	TryPut(v *[64]int) error
	TryGet() (*[64]int, error)
	ShutdownNow()
}

func pointerQueues(maxsize int) map[string]pointerQueue {
	return map[string]pointerQueue{
		"FIFO":     queue.New[*[64]int](maxsize),
		"LIFO":     queue.NewLIFO[*[64]int](maxsize),
		"Priority": queue.NewPriority(maxsize, func(a, b *[64]int) bool { return a[0] < b[0] }),
	}
}

// wantLetGo checks that nothing holds on to what the weak pointers point to.
func wantLetGo(t *testing.T, items []weak.Pointer[[64]int]) {
	t.Helper()
	runtime.GC() // only once: the second would empty the pool of waiters
	n := 0
	for _, p := range items {
		if p.Value() != nil {
			n++
		}
	}
	if n > 0 {
		t.Errorf("%d of %d items are still held", n, len(items))
	}
}

func TestQueueLetsGoOfWhatIsTaken(t *testing.T) {
	for name, q := range pointerQueues(0) {
		t.Run(name, func(t *testing.T) {
			var items []weak.Pointer[[64]int]
			for i := range 300 {
				v := &[64]int{i * 7919 % 300} // in no order
				items = append(items, weak.Make(v))
				if err := q.TryPut(v); err != nil {
					t.Error(err)
				}
			}
			for i := range 100 { // leave some, so that the store stays
				v, err := q.TryGet()
				if err != nil {
					t.Error(err)
				}
				items[i] = weak.Make(v)
			}
			wantLetGo(t, items[:100])
			q.ShutdownNow()
			wantLetGo(t, items)
			runtime.KeepAlive(q)
		})
	}
}

func TestQueueLetsGoOfWhatWasHandedOver(t *testing.T) {
	for name, q := range pointerQueues(1) {
		t.Run(name, func(t *testing.T) {
			items := make([]weak.Pointer[[64]int], 4)
			make1 := func(i int) *[64]int {
				v := &[64]int{i}
				items[i] = weak.Make(v)
				return v
			}
			synctest.Test(t, func(t *testing.T) {
				go func() { _, _ = q.Get(t.Context()) }()
				synctest.Wait()
				_ = q.TryPut(make1(0)) // to a getter that waits
				_ = q.TryPut(make1(1))
				go func() { _ = q.Put(t.Context(), make1(2)) }()
				ctx, cancel := context.WithCancel(t.Context())
				go func() { _ = q.Put(ctx, make1(3)) }()
				synctest.Wait()
				cancel()
				synctest.Wait()
				for range 2 {
					if _, err := q.TryGet(); err != nil {
						t.Error(err)
					}
				}
			})
			wantLetGo(t, items)
			runtime.KeepAlive(q)
		})
	}
}

func TestQueueUnboundedShrinks(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			q := k.make(0)
			const n = 1 << 17
			before := heap()
			for v := range n {
				if err := q.TryPut(v * 7919 % n); err != nil {
					t.Fatal(err)
				}
			}
			full := heap() - before
			for range n - 10 {
				if _, err := q.TryGet(); err != nil {
					t.Fatal(err)
				}
			}
			if left := heap() - before; left > 64<<10 || full < 8*n-(64<<10) {
				t.Errorf("%d bytes when full, %d when drained", full, left)
			}
			runtime.KeepAlive(q)
		})
	}
}

// Items that come in order fill the memory taken for them.
func TestPriorityPacksItemsThatComeInOrder(t *testing.T) {
	for _, sign := range []int{1, -1} {
		q := queue.NewOrdered[int](0)
		const n = 1 << 17
		before := heap()
		for v := range n {
			put(t, q, v*sign)
		}
		if perItem := float64(heap()-before) / n; perItem > 10 {
			t.Errorf("%.1f bytes for an item of 8", perItem)
		}
		runtime.KeepAlive(q)
	}
}

// heap is how many bytes are in use.
func heap() int64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestQueueBoundedTakesNoMemoryUpFront(t *testing.T) {
	for _, k := range kinds {
		q := k.make(1 << 40)
		put(t, q, 1)
		wantItems(t, q, 1)
	}
}

func TestQueueAllocatesNothingPerItem(t *testing.T) {
	for _, k := range kinds {
		q := k.make(100)
		for v := range 50 {
			put(t, q, v)
		}
		v := 0
		if n := testing.AllocsPerRun(1000, func() {
			_ = q.Put(t.Context(), v%1000)
			_, _ = q.Get(t.Context())
			v += 7919
		}); n != 0 {
			t.Errorf("%s: %v allocations", k.name, n)
		}
	}
}
