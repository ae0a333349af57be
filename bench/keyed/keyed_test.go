// Package keyed_test compares penstock's keyed with what people write today: a
// sync.Map of golang.org/x/time/rate limiters.
//
// The keys are host names of 23 bytes, asked for in random order. All calls are
// admitted.
package keyed_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/keyed"
	"github.com/penstock-go/penstock/rate"
	xrate "golang.org/x/time/rate"
)

func hosts(n int) []string {
	hosts := make([]string, n)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("www.host%07d.example", i)
	}
	return hosts
}

// order returns 2^16 hosts to ask for.
func order(hosts []string) []string {
	r := rand.New(rand.NewPCG(1, 2))
	order := make([]string, 1<<16)
	for i := range order {
		order[i] = hosts[r.IntN(len(hosts))]
	}
	return order
}

func limiter(tb testing.TB, maxIdle int) *keyed.Limiter[string, *rate.Limiter] {
	tb.Helper()
	list, err := rate.Parse("1000000000/s burst 1000000000")
	if err != nil {
		tb.Fatal(err)
	}
	first, err := rate.New(list...)
	if err != nil {
		tb.Fatal(err)
	}
	return keyed.New(func(string) *rate.Limiter { return first.Fresh() }, keyed.Options{MaxIdle: maxIdle})
}

type allower struct {
	name  string
	allow func(host string) bool
}

func allowers(tb testing.TB, hosts []string) []allower {
	tb.Helper()
	allow, permit := limiter(tb, len(hosts)), limiter(tb, len(hosts))
	var m sync.Map
	list := []allower{
		{"by=penstock", func(host string) bool { return allow.Allow(host, 1) }},
		{"by=penstock-permit", func(host string) bool {
			p, ok := permit.TryAcquirePermit(host, 1)
			if ok {
				p.Release(penstock.Success)
			}
			return ok
		}},
		{"by=syncmap-xtime", func(host string) bool {
			l, ok := m.Load(host)
			if !ok {
				l, _ = m.LoadOrStore(host, xrate.NewLimiter(1e9, 1e9))
			}
			return l.(*xrate.Limiter).Allow()
		}},
	}
	for _, a := range list {
		for _, h := range hosts {
			if !a.allow(h) {
				tb.Fatal("refused")
			}
		}
	}
	return list
}

func BenchmarkAllow(b *testing.B) {
	for _, n := range []int{100, 100_000, 1_000_000} {
		hosts := hosts(n)
		order := order(hosts)
		for _, a := range allowers(b, hosts) {
			b.Run(fmt.Sprintf("keys=%d/%s", n, a.name), func(b *testing.B) {
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					if !a.allow(order[i&(1<<16-1)]) {
						b.Fatal("refused")
					}
					i++
				}
			})
		}
	}
}

func BenchmarkAllowParallel(b *testing.B) {
	const n = 100_000
	hosts := hosts(n)
	order := order(hosts)
	for _, a := range allowers(b, hosts) {
		b.Run(fmt.Sprintf("keys=%d/%s", n, a.name), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				i := rand.IntN(1 << 16)
				for pb.Next() {
					if !a.allow(order[i&(1<<16-1)]) {
						b.Error("refused")
						return
					}
					i++
				}
			})
		})
	}
}

// A key that was never seen, under a limit of idle ones: make one, drop one.
func BenchmarkChurn(b *testing.B) {
	l := keyed.New(func(string) *penstock.Semaphore { return penstock.NewSemaphore(1) }, keyed.Options{MaxIdle: 10_000})
	hosts := hosts(1_000_000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if !l.Allow(hosts[i%len(hosts)], 1) {
			b.Fatal("refused")
		}
		i++
	}
}
