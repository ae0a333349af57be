package redislimit_test

import (
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/redislimit"
)

// quick is a lease short enough that a fresh server's grace is over soon, and
// long enough that a machine that stalls for a second ends none.
var quick = redislimit.Options{Lease: 3 * time.Second}

// patience is for what takes no time on a machine that has nothing else to do,
// and stall for how late a test may be to see what it measures.
const (
	patience = time.Minute
	stall    = 5 * time.Second
)

func TestAcquire(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	s := semaphore(t, open(t, srv.URL(), quick), "a", 2)
	start := time.Now()
	p, err := s.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("first", time.Since(start))
	for range 5 {
		start = time.Now()
		q, err := s.Acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(q.Fence(), time.Since(start))
		q.Release(penstock.Success)
	}
	p.Release(penstock.Success)
}
