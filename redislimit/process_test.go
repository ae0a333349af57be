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
		f.job.Lease = time.Second
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
	f.judge.goesOn(t, 2*f.job.Limit, 10*time.Second, "the start")
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
	f.job = job{URL: srv.URL(), Name: "khold", Judge: f.judge.addr, Limit: 3, Callers: 3, Hold: time.Hour, Lease: time.Second}
	holder := f.job.start(t)
	eventually(t, 5*time.Second, "the holder holds all", func() bool { n, _, _, _, _ := f.judge.look(); return n == 3 })
	next := f.job
	next.Hold = 10 * time.Millisecond
	next.start(t)
	eventually(t, 5*time.Second, "another waits", func() bool { return srv.Must("ZCARD", "penstock:{khold}:queue") == "3" })
	start := time.Now()
	holder.kill()
	eventually(t, 3*time.Second, "the capacity is back", func() bool { _, _, done, _, _ := f.judge.look(); return done > 0 })
	if took := time.Since(start); took > time.Second+time.Second/4+200*time.Millisecond {
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
	f.job = job{URL: srv.URL(), Name: "paused", Judge: f.judge.addr, Limit: 1, Callers: 1, Hold: time.Hour, Lease: time.Second}
	holder := f.job.start(t)
	eventually(t, 5*time.Second, "the holder holds", func() bool { n, _, _, _, _ := f.judge.look(); return n == 1 })
	_, _, _, _, before := f.judge.look()
	_ = holder.cmd.Process.Signal(syscall.SIGSTOP)
	next := f.job
	next.Hold = 10 * time.Millisecond
	other := next.start(t)
	f.judge.goesOn(t, 5, 3*time.Second, "the stop")
	_, _, _, _, after := f.judge.look()
	if after.Compare(before) <= 0 {
		t.Errorf("the fence of the next holder is %v, that of the paused one %v", after, before)
	}
	other.kill()
	start := time.Now()
	_ = holder.cmd.Process.Signal(syscall.SIGCONT)
	eventually(t, time.Second, "the paused one knows", func() bool { _, _, _, lost, _ := f.judge.look(); return lost == 1 })
	t.Logf("told %v after it went on", time.Since(start))
}

// storm is what can happen to a fleet at work. After each the work goes on,
// and never are there more at work than the limit.
func TestStorm(t *testing.T) {
	for _, c := range []struct {
		name  string
		quick bool
		args  []string // of the server
		fault func(t *testing.T, f *fleet)
		back  time.Duration // within which work goes on
		lost  int           // permits that may be lost
	}{
		{"KilledWithoutData", true, nil, func(t *testing.T, f *fleet) {
			f.srv.Kill()
			f.srv.Start()
		}, 3 * time.Second, 0},
		{"RestartWithAOF", false, []string{"--appendonly", "yes", "--appendfsync", "always"}, func(t *testing.T, f *fleet) {
			f.srv.Kill()
			f.srv.Start()
		}, 3 * time.Second, 0},
		{"FlushAll", true, nil, func(t *testing.T, f *fleet) { f.srv.Must("FLUSHALL") }, 3 * time.Second, 0},
		{"ScriptFlush", false, nil, func(t *testing.T, f *fleet) { f.srv.Must("SCRIPT", "FLUSH") }, time.Second, 0},
		{"KilledSubscriptions", true, nil, func(t *testing.T, f *fleet) {
			for range 20 {
				f.srv.Must("CLIENT", "KILL", "TYPE", "pubsub")
				f.judge.goesOn(t, 1, 2*time.Second, "a kill")
			}
		}, time.Second, 0},
		{"KilledConnections", false, nil, func(t *testing.T, f *fleet) {
			for range 5 {
				f.srv.Must("CLIENT", "KILL", "TYPE", "normal")
				f.judge.goesOn(t, 1, 2*time.Second, "a kill")
			}
		}, time.Second, 0},
		{"OutOfMemory", false, nil, func(t *testing.T, f *fleet) {
			f.srv.Must("CONFIG", "SET", "maxmemory", "1")
			f.judge.goesOn(t, 20, time.Second, "the memory is full")
			f.srv.Must("CONFIG", "SET", "maxmemory", "0")
		}, time.Second, 0},
		{"ReadOnly", false, nil, func(t *testing.T, f *fleet) {
			f.srv.Must("CONFIG", "SET", "min-replicas-to-write", "1")
			pause(t, 300*time.Millisecond)
			f.srv.Must("CONFIG", "SET", "min-replicas-to-write", "0")
			f.judge.goesOn(t, 5, time.Second, "no writes")
			f.srv.Must("REPLICAOF", "127.0.0.1", "1")
			pause(t, 300*time.Millisecond)
			f.srv.Must("REPLICAOF", "NO", "ONE")
		}, time.Second, 0},
		{"Loading", false, []string{"--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", "no"}, func(t *testing.T, f *fleet) {
			f.srv.Must("EVAL", "for i=1,2000 do redis.call('SET','k'..i,string.rep('x',2000)) end", "0")
			f.srv.Kill()
			args := f.srv.Args
			f.srv.Args = append(args, "--key-load-delay", "300", "--loading-process-events-interval-bytes", "1024")
			f.srv.Start()
		}, 4 * time.Second, 0},
		{"Sleep", false, nil, func(t *testing.T, f *fleet) { f.srv.Must("DEBUG", "SLEEP", "0.6") }, time.Second, 0},
		{"SleepPastTheLease", false, nil, func(t *testing.T, f *fleet) { f.srv.Must("DEBUG", "SLEEP", "3") }, 2 * time.Second, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !c.quick {
				long(t)
			}
			t.Parallel()
			srv := aged(t, append([]string{"--enable-debug-command", "yes"}, c.args...)...)
			f := startFleet(t, srv, 3, job{Limit: 5, Hold: 20 * time.Millisecond})
			_, _, _, _, before := f.judge.look()
			c.fault(t, f)
			f.judge.goesOn(t, 50, c.back+time.Second, c.name)
			f.end(t)
			_, _, _, lost, after := f.judge.look()
			if lost > c.lost {
				t.Errorf("%d permits were lost", lost)
			}
			if after.Compare(before) <= 0 {
				t.Errorf("the fences are at %v, and were at %v before", after, before)
			}
		})
	}
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
	eventually(t, 5*time.Second, "250 wait", func() bool { return srv.Must("ZCARD", "penstock:{kwait}:queue") == "250" })
	got := make(chan error)
	go func() {
		q, err := sem.Acquire(t.Context(), 1)
		if err == nil {
			q.Release(penstock.Success)
		}
		got <- err
	}()
	eventually(t, 5*time.Second, "one more waits", func() bool { return srv.Must("ZCARD", "penstock:{kwait}:queue") == "251" })
	crowd.kill()
	start := time.Now()
	p.Release(penstock.Success)
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > quick.Lease*5/4+200*time.Millisecond {
		t.Errorf("held up for %v", took)
	}
	if n := srv.Must("ZCARD", "penstock:{kwait}:queue"); n != "0" {
		t.Errorf("%s still wait", n)
	}
}

// TestCrowd has a thousand callers in four processes want ten permits, one of
// the processes killed and one paused meanwhile.
func TestCrowd(t *testing.T) {
	long(t)
	t.Parallel()
	srv := aged(t)
	f := startFleet(t, srv, 4, job{Limit: 10, Callers: 250, Hold: 5 * time.Millisecond, Lease: 2 * time.Second})
	f.judge.goesOn(t, 1000, 20*time.Second, "all are there")
	f.workers[0].kill()
	f.judge.goesOn(t, 1000, 20*time.Second, "a quarter was killed")
	f.end(t)
	_ = f.workers[1].cmd.Process.Signal(syscall.SIGSTOP)
	f.judge.goesOn(t, 1000, 20*time.Second, "a quarter is paused")
	_ = f.workers[1].cmd.Process.Signal(syscall.SIGCONT)
	f.judge.goesOn(t, 500, 20*time.Second, "it goes on")
	// What the paused one held it could not work with, but only now has it
	// said that it lost it: the judge starts afresh.
	f.judge.mu.Lock()
	f.judge.most = f.judge.working
	f.judge.mu.Unlock()
	f.judge.goesOn(t, 1000, 20*time.Second, "all is as before")
	f.end(t)
}
