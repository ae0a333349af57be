package gather

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/sourcegraph/conc/stream"
	"golang.org/x/sync/errgroup"

	"github.com/penstock-go/penstock"
)

// streamers hand out the results of f over in while they go on.
var streamers = []struct {
	name string
	run  func(limit int, in []int, f func(int) (int, error)) (sum int)
}{
	{"ours-map", func(limit int, in []int, f func(int) (int, error)) (sum int) {
		task := func(_ context.Context, i int) (int, error) { return f(i) }
		for v, err := range penstock.Map(context.Background(), limit, slices.Values(in), task) {
			if err == nil {
				sum += v
			}
		}
		return sum
	}},
	{"ours-completed", func(limit int, in []int, f func(int) (int, error)) (sum int) {
		task := func(_ context.Context, i int) (int, error) { return f(i) }
		for c, err := range penstock.AsCompleted(context.Background(), limit, slices.Values(in), task) {
			if err == nil {
				sum += c.Out
			}
		}
		return sum
	}},
	{"ours-foreach", func(limit int, in []int, f func(int) (int, error)) (sum int) {
		out := make([]int, len(in))
		_ = penstock.ForEach(context.Background(), limit, slices.Values(in), func(_ context.Context, i int) (err error) {
			out[i], err = f(i)
			return err
		})
		for _, v := range out {
			sum += v
		}
		return sum
	}},
	{"conc", func(limit int, in []int, f func(int) (int, error)) (sum int) {
		s := stream.New().WithMaxGoroutines(limit)
		for _, i := range in {
			s.Go(func() stream.Callback {
				v, err := f(i)
				return func() {
					if err == nil {
						sum += v
					}
				}
			})
		}
		s.Wait()
		return sum
	}},
	{"errgroup", func(limit int, in []int, f func(int) (int, error)) (sum int) {
		var g errgroup.Group
		g.SetLimit(limit)
		out := make([]int, len(in))
		for _, i := range in {
			g.Go(func() (err error) {
				out[i], err = f(i)
				return err
			})
		}
		_ = g.Wait()
		for _, v := range out {
			sum += v
		}
		return sum
	}},
}

func BenchmarkStream(b *testing.B) {
	const n = 100_000
	in := make([]int, n)
	for i := range in {
		in[i] = i
	}
	for _, task := range []struct {
		name string
		f    func(int) (int, error)
	}{{"tiny", tiny}, {"yield", yielding}} {
		for _, limit := range []int{10, 1000} {
			for _, s := range streamers {
				b.Run(fmt.Sprintf("%s/n=%d/limit=%d/%s", task.name, n, limit, s.name), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if sum := s.run(limit, in, task.f); sum != n*(n-1) {
							b.Fatal("wrong result", sum)
						}
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/task")
				})
			}
		}
	}
}
