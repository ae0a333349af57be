package main

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/bsm/redislock"
	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/redislimit"
	goredis9 "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidislock"
)

var names = []string{"penstock", "rueidislock", "redsync", "bsm"}

// A take takes a permit for caller i and returns what gives it back.
type take func(ctx context.Context, i int) (release func(), err error)

// newTake makes the peer ready in this process.
func newTake(peer, addr string, limit int) take {
	key := func(i int) string { return "lock" + strconv.Itoa(i%limit) }
	switch peer {
	case "penstock":
		s, err := redislimit.Open("redis://"+addr, redislimit.Options{Lease: time.Second})
		check(err)
		sem, err := s.Semaphore("bench", limit)
		check(err)
		return func(ctx context.Context, _ int) (func(), error) {
			p, err := sem.Acquire(ctx, 1)
			if err != nil {
				return nil, err
			}
			return func() { p.Release(penstock.Success) }, nil
		}
	case "rueidislock":
		l, err := rueidislock.NewLocker(rueidislock.LockerOption{
			ClientOption: rueidis.ClientOption{InitAddress: []string{addr}},
			KeyMajority:  1,
		})
		check(err)
		return func(ctx context.Context, i int) (func(), error) {
			_, cancel, err := l.WithContext(ctx, key(i))
			return cancel, err
		}
	case "redsync":
		c := goredis9.NewClient(&goredis9.Options{Addr: addr})
		rs := redsync.New(goredis.NewPool(c))
		return func(ctx context.Context, i int) (func(), error) {
			m := rs.NewMutex(key(i), redsync.WithTries(1<<20)) // its own delays: 50 to 250 ms
			if err := m.LockContext(ctx); err != nil {
				return nil, err
			}
			return func() { _, _ = m.UnlockContext(context.Background()) }, nil
		}
	}
	c := redislock.New(goredis9.NewClient(&goredis9.Options{Addr: addr}))
	return func(ctx context.Context, i int) (func(), error) {
		l, err := c.Obtain(ctx, key(i), 8*time.Second, &redislock.Options{RetryStrategy: redislock.LinearBackoff(10 * time.Millisecond)})
		if err != nil {
			return nil, err
		}
		return func() { _ = l.Release(context.Background()) }, nil
	}
}

// work is what a worker process does: every caller takes, holds and gives back
// until the time is over.
func (r *run) work() {
	take := newTake(r.Peer, r.Addr, r.Limit)
	ctx, stop := context.WithTimeout(context.Background(), r.Warm+r.Time)
	defer stop()
	begin := time.Now().Add(r.Warm)
	end := begin.Add(r.Time)
	r.Count = make([]int, r.Callers)
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range r.Callers {
		all.Go(func() {
			for {
				start := time.Now()
				release, err := take(ctx, r.First+i)
				now := time.Now()
				if now.After(end) {
					if err == nil {
						release()
					}
					return
				}
				if err != nil {
					mu.Lock()
					r.Errors++
					r.LastError = err.Error()
					mu.Unlock()
					continue
				}
				if r.Hold > 0 {
					time.Sleep(r.Hold)
				}
				release()
				if now.After(begin) {
					r.Count[i]++
					if r.Hold > 0 || r.Count[i]%4 == 0 {
						mu.Lock()
						r.Waits = append(r.Waits, now.Sub(start))
						mu.Unlock()
					}
				}
			}
		})
	}
	all.Wait()
}
