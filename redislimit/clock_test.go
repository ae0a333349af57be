package redislimit_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/rate"
	"github.com/penstock-go/penstock/redislimit"
)

// TestClockJumps moves the server's clock an hour on and then two back: no
// lease ends of it, and nobody waits for it.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("faketime"); err != nil {
		if strings.Contains(os.Getenv("PENSTOCK_REQUIRE"), "faketime") {
			t.Fatal("no faketime, though PENSTOCK_REQUIRE names it")
		}
		t.Skip("no faketime; on Debian: sudo apt-get install faketime")
	}
	libs, _ := filepath.Glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
	if len(libs) == 0 {
		t.Skip("no libfaketimeMT.so.1")
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
	jump("+0")
	srv := startServerEnv(t, []string{"LD_PRELOAD=" + libs[0], "FAKETIME_TIMESTAMP_FILE=" + stamp, "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"})
	srv.age()
	hour := func() string { return srv.must("EVAL", "return redis.call('TIME')[1]", "0") }
	long := redislimit.Options{Lease: 2 * time.Second}
	a := semaphore(t, open(t, srv.url(), long), "clock", 1)
	b := semaphore(t, open(t, srv.url(), long), "clock", 1)
	r, err := open(t, srv.url(), long).Rate("paced", rate.Rate{Count: 20, Per: time.Second})
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
	eventually(t, time.Second, "b waits", func() bool { return srv.must("ZCARD", "penstock:{clock}:queue") == "1" })
	for _, by := range []string{"+3600", "-3600"} {
		before := hour()
		jump(by)
		if after := hour(); after[:7] == before[:7] {
			t.Fatalf("the clock has not jumped: %s and %s", before, after)
		}
		start := time.Now()
		for range 10 {
			if _, err := r.Acquire(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took > 4*time.Second {
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
