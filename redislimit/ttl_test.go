package redislimit_test

import (
	"context"
	"testing"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/redislimit"
)

// TestAllKeysExpire uses limits for less than a heartbeat: nothing of them stays in
// Redis for ever.
func TestAllKeysExpire(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	s := open(t, srv.URL(), quick)
	a := adaptiveOf(t, s, "brief", redislimit.AdaptiveOptions{})
	for range 3 {
		if err := a.Do(t.Context(), 1, func(context.Context) (penstock.Outcome, error) { return penstock.Success, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"", ":queue", ":set", ":seen", ":lead"} {
		if ttl := srv.Must("TTL", "penstock:{brief}"+key); ttl == "-1" {
			t.Errorf("penstock:{brief}%s never expires", key)
		}
	}
}

// TestQueueExpires looks at a queue right after the first has come to it: if all were
// killed now, it would not stay in Redis for ever.
func TestQueueExpires(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	sem := semaphore(t, open(t, srv.URL(), quick), "line", 1)
	p, err := sem.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // also one that is made anew
		got := acquiring(t, sem, 1)
		eventually(t, patience, "one waits", func() bool { return srv.Must("ZCARD", "penstock:{line}:queue") == "1" })
		if ttl := srv.Must("TTL", "penstock:{line}:queue"); ttl == "-1" {
			t.Error("the queue never expires")
		}
		p.Release(penstock.Success)
		p = <-got
	}
	p.Release(penstock.Success)
}
