package redislimit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/limitertest"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/rate"
	"github.com/penstock-go/penstock/redislimit"
)

// seen returns a Settle: it waits until Redis has so many in the queue, and
// nothing is on its way there any more.
func seen(t *testing.T, srv *redistest.Server, name string, stats func() redislimit.Stats) func(int) {
	observer := open(t, srv.URL(), quick)
	return func(waiting int) {
		t.Helper()
		eventually(t, patience, "those who wait are in the queue", func() bool {
			info, err := observer.Look(t.Context(), name)
			return err == nil && info.Waiting == waiting && stats().Waiting == waiting
		})
	}
}

// TestConformance runs what every Limiter promises, over a real server.
func TestConformance(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	day := rate.Rate{Count: 1, Per: 24 * time.Hour, Burst: 5}
	for kind, f := range map[string]func(t *testing.T, s *redislimit.Store, name string) (penstock.Limiter, func() redislimit.Stats){
		"Semaphore": func(t *testing.T, s *redislimit.Store, name string) (penstock.Limiter, func() redislimit.Stats) {
			l := semaphore(t, s, name, 5)
			return l, l.Stats
		},
		"Rate": func(t *testing.T, s *redislimit.Store, name string) (penstock.Limiter, func() redislimit.Stats) {
			l, err := s.Rate(name, day)
			if err != nil {
				t.Fatal(err)
			}
			return l, l.Stats
		},
		"Both": func(t *testing.T, s *redislimit.Store, name string) (penstock.Limiter, func() redislimit.Stats) {
			l, err := s.Semaphore(name, 7, day)
			if err != nil {
				t.Fatal(err)
			}
			return l, l.Stats
		},
		"Adaptive": func(t *testing.T, s *redislimit.Store, name string) (penstock.Limiter, func() redislimit.Stats) {
			l, err := s.Adaptive(name, redislimit.AdaptiveOptions{Min: 5, Start: 5, Max: 5})
			if err != nil {
				t.Fatal(err)
			}
			return l, func() redislimit.Stats { return l.Stats().Stats }
		},
	} {
		t.Run(kind, func(t *testing.T) {
			limitertest.Test(t, limitertest.Kind{
				Run: func(t *testing.T, f func(t *testing.T)) { f(t) },
				New: func(t *testing.T) limitertest.Fixture {
					name := strings.ReplaceAll(t.Name(), "/", ".")
					l, stats := f(t, open(t, srv.URL(), quick), name)
					return limitertest.Fixture{Limiter: l, Room: 5, Over: 8, Settle: seen(t, srv, name, stats)}
				},
			})
		})
	}
}
