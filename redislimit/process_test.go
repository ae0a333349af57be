package redislimit_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/redistest"
)

// A fleet is worker processes under one limit, and their judge.
type fleet struct {
	srv     *redistest.Server
	judge   *judge
	job     job
	workers []*worker
}

// startFleet starts so many processes of four callers each, and returns when
// they have filled the limit.
func startFleet(t *testing.T, srv *redistest.Server, processes int, j job) *fleet {
	t.Helper()
	f := &fleet{srv: srv, judge: startJudge(t), job: j}
	if f.job.URL == "" {
		f.job.URL = srv.URL()
	}
	if f.job.Lease == 0 {
		f.job.Lease = quick.Lease
	}
	if f.job.Callers == 0 {
		f.job.Callers = 4
	}
	if f.job.Name == "" {
		f.job.Name = "work"
	}
	f.job.Judge = f.judge.addr
	for range processes {
		f.workers = append(f.workers, f.job.start(t))
	}
	f.judge.goesOn(t, 2*f.job.Limit, patience, "the start")
	return f
}

func (f *fleet) end(t *testing.T) {
	t.Helper()
	f.judge.verdict(t, f.job.Limit)
}

// long skips a test that takes over a few seconds, unless they are asked for.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("PENSTOCK_LONG") == "" {
		t.Skip("takes long: PENSTOCK_LONG=1 runs it")
	}
}

// TestKilledHolders kills a process that holds the whole limit: it is back
// within a lease and a heartbeat.
func TestKilledHolders(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	f := &fleet{srv: srv, judge: startJudge(t)}
	f.job = job{URL: srv.URL(), Name: "khold", Judge: f.judge.addr, Limit: 3, Callers: 3, Hold: time.Hour, Lease: quick.Lease}
	holder := f.job.start(t)
	eventually(t, patience, "the holder holds all", func() bool { return f.judge.look().working == 3 })
	next := f.job
	next.Hold = 10 * time.Millisecond
	next.start(t)
	eventually(t, patience, "another waits", func() bool { return srv.Must("ZCARD", "penstock:{khold}:queue") == "3" })
	start := time.Now()
	holder.kill()
	eventually(t, patience, "the capacity is back", func() bool { return f.judge.look().done > 0 })
	if took := time.Since(start); took > quick.Lease*5/4+stall {
		t.Errorf("the capacity was back after %v, which is more than a lease and a heartbeat", took)
	} else {
		t.Logf("the capacity was back after %v", took)
	}
	f.end(t)
}

// TestPausedHolder stops a process past its lease. It does not work with what
// it has lost: the moment it goes on it is told so.
func TestPausedHolder(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	f := &fleet{srv: srv, judge: startJudge(t)}
	f.job = job{URL: srv.URL(), Name: "paused", Judge: f.judge.addr, Limit: 1, Callers: 1, Hold: time.Hour, Lease: quick.Lease}
	holder := f.job.start(t)
	eventually(t, patience, "the holder holds", func() bool { return f.judge.look().working == 1 })
	before := f.judge.look().newest
	_ = holder.cmd.Process.Signal(syscall.SIGSTOP)
	next := f.job
	next.Hold = 10 * time.Millisecond
	other := next.start(t)
	f.judge.goesOn(t, 5, patience, "the stop")
	after := f.judge.look().newest
	if after.Compare(before) <= 0 {
		t.Errorf("the fence of the next holder is %v, that of the paused one %v", after, before)
	}
	other.kill()
	start := time.Now()
	_ = holder.cmd.Process.Signal(syscall.SIGCONT)
	eventually(t, patience, "the paused one knows", func() bool { return f.judge.look().lost == 1 })
	t.Logf("told %v after it went on", time.Since(start))
}

// pause lets a fault last.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// TestKilledWaiters kills a process with 250 waiters: they hold up nobody for
// longer than a lease and a heartbeat.
func TestKilledWaiters(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	sem := semaphore(t, open(t, srv.URL(), quick), "kwait", 2)
	p, err := sem.Acquire(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	jd := startJudge(t)
	crowd := job{URL: srv.URL(), Name: "kwait", Judge: jd.addr, Limit: 2, Callers: 250, Hold: time.Hour, Lease: quick.Lease}.start(t)
	eventually(t, patience, "250 wait", func() bool { return srv.Must("ZCARD", "penstock:{kwait}:queue") == "250" })
	got := make(chan error)
	go func() {
		q, err := sem.Acquire(t.Context(), 1)
		if err == nil {
			q.Release(penstock.Success)
		}
		got <- err
	}()
	eventually(t, patience, "one more waits", func() bool { return srv.Must("ZCARD", "penstock:{kwait}:queue") == "251" })
	crowd.kill()
	start := time.Now()
	p.Release(penstock.Success)
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > quick.Lease*5/4+stall {
		t.Errorf("held up for %v", took)
	}
	if n := srv.Must("ZCARD", "penstock:{kwait}:queue"); n != "0" {
		t.Errorf("%s still wait", n)
	}
}

// TestLongCrowd has a thousand callers in four processes want ten permits, one of
// the processes killed and one paused meanwhile.
func TestLongCrowd(t *testing.T) {
	long(t)
	t.Parallel()
	srv := aged(t)
	f := startFleet(t, srv, 4, job{Limit: 10, Callers: 250, Hold: 5 * time.Millisecond, Lease: 2 * time.Second})
	f.judge.goesOn(t, 1000, patience, "all are there")
	f.workers[0].kill()
	f.judge.goesOn(t, 1000, patience, "a quarter was killed")
	f.end(t)
	_ = f.workers[1].cmd.Process.Signal(syscall.SIGSTOP)
	f.judge.goesOn(t, 1000, patience, "a quarter is paused")
	_ = f.workers[1].cmd.Process.Signal(syscall.SIGCONT)
	f.judge.goesOn(t, 500, patience, "it goes on")
	// What the paused one held it could not work with, but only now has it
	// said that it lost it: the judge starts afresh.
	f.judge.mu.Lock()
	f.judge.most = f.judge.working
	f.judge.mu.Unlock()
	f.judge.goesOn(t, 1000, patience, "all is as before")
	f.end(t)
}
