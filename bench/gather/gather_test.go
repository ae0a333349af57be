// Package gather measures penstock.Gather and its kin beside what others use
// for the same work.
package gather

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/sourcegraph/conc/iter"
	"golang.org/x/sync/errgroup"

	"github.com/penstock-go/penstock"
)

// The tasks. Each peer is given the same one, in the shape it asks for.
func tiny(i int) (int, error) { return 2 * i, nil }

func yielding(i int) (int, error) {
	runtime.Gosched()
	return 2 * i, nil
}

// peers map f over in with at most limit at once.
var peers = []struct {
	name string
	run  func(limit int, in []int, f func(int) (int, error)) ([]int, error)
}{
	{"ours", func(limit int, in []int, f func(int) (int, error)) ([]int, error) {
		return penstock.Gather(context.Background(), limit, in, func(_ context.Context, i int) (int, error) { return f(i) })
	}},
	{"conc", func(limit int, in []int, f func(int) (int, error)) ([]int, error) {
		return iter.Mapper[int, int]{MaxGoroutines: limit}.MapErr(in, func(i *int) (int, error) { return f(*i) })
	}},
	{"errgroup", func(limit int, in []int, f func(int) (int, error)) ([]int, error) {
		g, ctx := errgroup.WithContext(context.Background())
		g.SetLimit(limit)
		out := make([]int, len(in))
		for i, v := range in {
			g.Go(func() (err error) {
				if err = ctx.Err(); err == nil {
					out[i], err = f(v)
				}
				return err
			})
		}
		return out, g.Wait()
	}},
}

func BenchmarkGather(b *testing.B) {
	for _, task := range []struct {
		name   string
		f      func(int) (int, error)
		counts []int
	}{
		{"tiny", tiny, []int{10, 100, 1_000_000}},
		{"yield", yielding, []int{100_000}},
	} {
		for _, n := range task.counts {
			in := make([]int, n)
			for i := range in {
				in[i] = i
			}
			limits := []int{10, 1000}
			if n < 1000 {
				limits = limits[:1]
			}
			for _, limit := range limits {
				for _, peer := range peers {
					b.Run(fmt.Sprintf("%s/n=%d/limit=%d/%s", task.name, n, limit, peer.name), func(b *testing.B) {
						b.ReportAllocs()
						for b.Loop() {
							out, err := peer.run(limit, in, task.f)
							if err != nil || len(out) != n || out[n-1] != 2*(n-1) {
								b.Fatal("wrong result", err)
							}
						}
						b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/task")
					})
				}
			}
		}
	}
}
