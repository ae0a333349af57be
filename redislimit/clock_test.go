package redislimit_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/rate"
	"github.com/penstock-go/penstock/redislimit"
)

func clockGap(a, b string) time.Duration {
	x, _ := strconv.Atoi(a)
	y, _ := strconv.Atoi(b)
	return time.Duration(max(x-y, y-x)) * time.Second
}

// TestLongClockJumps moves the server's clock by more than a lease, an hour on (at
// which the keys expire) and two back: no lease ends of it, and nobody waits
// for it.
func TestLongClockJumps(t *testing.T) {
	long(t)
	t.Parallel()
	lib := filepath.Join(t.TempDir(), "clock.so")
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-o", lib, filepath.Join("testdata", "clock.c")).CombinedOutput(); err != nil {
		t.Skipf("no C compiler: %v %s", err, out)
	}
	stamp := filepath.Join(t.TempDir(), "stamp")
	jump := func(by string) {
		t.Helper()
		if err := os.WriteFile(stamp+".new", []byte(by), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(stamp+".new", stamp); err != nil {
			t.Fatal(err)
		}
	}
	jump("0")
	srv := redistest.New(t)
	srv.Env = []string{"LD_PRELOAD=" + lib, "CLOCK_OFFSET=" + stamp}
	srv.Start()
	srv.Age(quick.Lease)
	hour := func() string { return srv.Must("EVAL", "return redis.call('TIME')[1]", "0") }
	long := redislimit.Options{Lease: 2 * time.Second}
	a := semaphore(t, open(t, srv.URL(), long), "clock", 1)
	b := semaphore(t, open(t, srv.URL(), long), "clock", 1)
	r, err := open(t, srv.URL(), long).Rate("paced", rate.Rate{Count: 20, Per: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() {
		q, err := b.Acquire(t.Context(), 1)
		if err == nil {
			q.Release(penstock.Success)
		}
		got <- err
	}()
	eventually(t, patience, "b waits", func() bool { return srv.Must("ZCARD", "penstock:{clock}:queue") == "1" })
	for _, by := range []string{"5", "3600", "-3600"} {
		before := hour()
		jump(by)
		if after := hour(); clockGap(before, after) < 4*time.Second {
			t.Fatalf("the clock has not jumped: %s and %s", before, after)
		}
		start := time.Now()
		for range 10 {
			if _, err := r.Acquire(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took > 500*time.Millisecond+stall {
			t.Errorf("%s: ten calls at 20/s took %v", by, took)
		}
		pause(t, 2500*time.Millisecond) // longer than a lease
		select {
		case err := <-got:
			t.Fatalf("%s: b has it while a holds it: %v", by, err)
		default:
		}
		if err := p.Context().Err(); err != nil {
			t.Fatalf("%s: a has lost it", by)
		}
	}
	p.Release(penstock.Success)
	if err := <-got; err != nil {
		t.Fatal(err)
	}
}
