package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/rate"
	"github.com/penstock-go/penstock/redislimit"
	"github.com/redis/rueidis"
)

// bare is the least that a script can do.
var bare = rueidis.NewLuaScript("return 1")

// small is a small script that does something.
var small = rueidis.NewLuaScript("return redis.call('INCR', KEYS[1])")

func client(addr string) rueidis.Client {
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true, PipelineMultiplex: -1})
	check(err)
	return c
}

// latency compares an acquire where nobody else wants anything with a bare
// EVALSHA, in turn: one whose context never ends, which makes its call itself, and
// one that can be called away. The release is on its way while nothing is measured.
func latency(rounds int) {
	srv := startServer()
	defer srv.stop()
	c := client(srv.addr)
	defer c.Close()
	s, err := redislimit.Open("redis://"+srv.addr, redislimit.Options{Lease: time.Second})
	check(err)
	defer s.Close()
	sem, err := s.Semaphore("alone", 10)
	check(err)
	never := context.Background()
	cancellable, cancel := context.WithCancel(never)
	defer cancel()
	var held *redislimit.Permit
	acquire := func(ctx context.Context) {
		held, err = sem.Acquire(ctx, 1)
		check(err)
	}
	kinds := []func(){
		func() { check(bare.Exec(never, c, []string{"k"}, nil).Error()) },
		func() { acquire(never) },
		func() { acquire(cancellable) },
	}
	took := make([][]time.Duration, len(kinds))
	for i := range rounds * 3000 * len(kinds) {
		kind := (i + i/len(kinds)) % len(kinds) // each comes after each
		start := time.Now()
		kinds[kind]()
		took[kind] = append(took[kind], time.Since(start))
		if held != nil {
			held.Release(penstock.Success)
			held = nil
		}
		check(c.Do(never, c.B().Ping().Build()).Error())
		check(c.Do(never, c.B().Ping().Build()).Error())
	}
	for _, list := range took {
		slices.Sort(list)
	}
	for _, q := range []int{50, 90, 99} {
		at := func(kind int) time.Duration { return took[kind][len(took[kind])*q/100] }
		ratio := func(kind int) float64 { return float64(at(kind)) / float64(at(0)) }
		fmt.Fprintf(os.Stdout, "no contention, p%d: bare EVALSHA %v; acquire %v, ratio %.2f; with a context that can end %v, ratio %.2f\n",
			q, at(0), at(1), ratio(1), at(2), ratio(2))
	}
	fmt.Fprintln(os.Stdout)
}

// rates compares a Rate that admits all with a bare small script, each by 300
// goroutines.
func rates(rounds int, length time.Duration) {
	srv := startServer()
	defer srv.stop()
	c := client(srv.addr)
	defer c.Close()
	s, err := redislimit.Open("redis://"+srv.addr, redislimit.Options{Lease: time.Second})
	check(err)
	defer s.Close()
	r, err := s.Rate("fast", rate.Rate{Count: 1_000_000_000, Per: time.Second, Burst: 1_000_000_000})
	check(err)
	ctx := context.Background()
	var ours, theirs []float64
	for range rounds {
		theirs = append(theirs, perSecond(length/2, func() error { return small.Exec(ctx, c, []string{"n"}, nil).Error() }))
		ours = append(ours, perSecond(length/2, func() error { _, err := r.Acquire(ctx, 1); return err }))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	a, b := ours[rounds/2], theirs[rounds/2]
	fmt.Fprintf(os.Stdout, "a rate, 300 goroutines: %.0f/s, rueidis' bare small script %.0f/s, ratio %.2f\n", a, b, a/b)
}

func perSecond(length time.Duration, f func() error) float64 {
	var n atomic.Int64
	var all sync.WaitGroup
	end := time.Now().Add(length)
	for range 300 {
		all.Go(func() {
			for time.Now().Before(end) {
				check(f())
				n.Add(1)
			}
		})
	}
	all.Wait()
	return float64(n.Load()) / length.Seconds()
}
