package queue_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock-go/penstock/queue"
)

// A stress is producers and consumers with real goroutines, whose contexts
// end all the time. Items are producer*perProducer + serial number.
type stress struct {
	q           anyQueue
	seed        uint64
	perProducer int
	seen        []atomic.Int32 // how often each item came out
	cancelled   atomic.Int64
}

// again calls f until it succeeds, mostly under a context that ends at once,
// soon, or while f runs.
func (s *stress) again(r *rand.Rand, f func(ctx context.Context) error) error {
	for {
		ctx, cancel := context.WithCancel(context.Background())
		switch r.IntN(8) {
		case 0:
			cancel()
		case 1, 2:
			time.AfterFunc(time.Duration(r.IntN(20_000)), cancel)
		}
		err := f(ctx)
		cancel()
		if !errors.Is(err, context.Canceled) {
			return err
		}
		s.cancelled.Add(1)
	}
}

func (s *stress) produce(t *testing.T, producer int) {
	r := rand.New(rand.NewPCG(s.seed, uint64(producer)))
	for i := range s.perProducer {
		v := producer*s.perProducer + i
		if r.IntN(4) == 0 && s.q.TryPut(v) == nil {
			continue
		}
		if err := s.again(r, func(ctx context.Context) error { return s.q.Put(ctx, v) }); err != nil {
			t.Errorf("putting %d: %v", v, err)
		}
	}
}

// consume takes items until the queue is shut down. A first-in, first-out
// queue hands each producer's items to each consumer in the order put.
func (s *stress) consume(t *testing.T, consumer int, ordered bool) {
	r := rand.New(rand.NewPCG(s.seed, uint64(1000+consumer)))
	last := map[int]int{}
	for {
		var v int
		err := s.again(r, func(ctx context.Context) (err error) {
			v, err = s.q.Get(ctx)
			return err
		})
		if err != nil {
			if !errors.Is(err, queue.ErrShutdown) {
				t.Error(err)
			}
			return
		}
		s.seen[v].Add(1)
		producer := v / s.perProducer
		if before, ok := last[producer]; ok && ordered && before > v {
			t.Errorf("producer %d: %d came before %d", producer, before, v)
		}
		last[producer] = v
		if err := s.q.TaskDone(); err != nil {
			t.Error(err)
		}
	}
}

func TestQueueStress(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const producers, consumers = 6, 5
	for _, k := range kinds {
		for _, size := range []int{0, 1, 2, 16} {
			t.Run(k.name, func(t *testing.T) {
				s := &stress{q: k.make(size), seed: seed, perProducer: 500}
				s.seen = make([]atomic.Int32, producers*s.perProducer)
				var putting, getting sync.WaitGroup
				for c := range consumers {
					getting.Go(func() { s.consume(t, c, k.name == "FIFO") })
				}
				for p := range producers {
					putting.Go(func() { s.produce(t, p) })
				}
				putting.Wait()
				if err := s.q.Join(t.Context()); err != nil {
					t.Error(err)
				}
				s.q.Shutdown()
				getting.Wait()
				for v := range s.seen {
					if n := s.seen[v].Load(); n != 1 {
						t.Errorf("item %d came out %d times", v, n)
					}
				}
				if s.cancelled.Load() == 0 {
					t.Error("nothing was cancelled")
				}
				if st := s.q.Stats(); st.Put != len(s.seen) || st.Got != st.Put || st.Unfinished != 0 || st.Getters+st.Putters != 0 {
					t.Errorf("%+v", st)
				}
			})
		}
	}
}
