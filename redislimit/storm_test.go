package redislimit_test

import (
	"testing"
	"time"
)

// A fault is what can happen to a fleet at work. After it the work goes on, and
// never are there more at work than the limit.
type fault struct {
	name  string
	args  []string      // of the server
	lease time.Duration // longer than the outage: nothing is to be lost
	do    func(t *testing.T, f *fleet)
}

// withData is a server that keeps its data through a kill -9.
var withData = []string{"--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", "no"}

// TestStorm has the faults that take no time.
func TestStorm(t *testing.T) {
	t.Parallel()
	weather(t, []fault{
		{name: "KilledWithoutData", do: func(_ *testing.T, f *fleet) {
			f.srv.Kill()
			f.srv.Start()
		}},
		{name: "KilledSubscriptions", do: func(t *testing.T, f *fleet) {
			for range 20 {
				f.srv.Must("CLIENT", "KILL", "TYPE", "pubsub")
				f.judge.goesOn(t, 1, patience, "a kill")
			}
		}},
	})
}

// TestLongStorm has the others.
func TestLongStorm(t *testing.T) {
	long(t)
	weather(t, []fault{
		{name: "FlushAll", do: func(_ *testing.T, f *fleet) { f.srv.Must("FLUSHALL") }},
		{name: "ScriptFlush", do: func(_ *testing.T, f *fleet) { f.srv.Must("SCRIPT", "FLUSH") }},
		{name: "RestartWithAOF", args: withData, do: func(_ *testing.T, f *fleet) {
			f.srv.Kill()
			f.srv.Start()
		}},
		{name: "KilledConnections", do: func(t *testing.T, f *fleet) {
			for range 5 {
				f.srv.Must("CLIENT", "KILL", "TYPE", "normal")
				f.judge.goesOn(t, 1, patience, "a kill")
			}
		}},
		{name: "OutOfMemory", do: func(t *testing.T, f *fleet) {
			f.srv.Must("CONFIG", "SET", "maxmemory", "1")
			f.judge.goesOn(t, 20, patience, "the memory is full")
			f.srv.Must("CONFIG", "SET", "maxmemory", "0")
		}},
		{name: "ReadOnly", do: func(t *testing.T, f *fleet) {
			f.srv.Must("CONFIG", "SET", "min-replicas-to-write", "1")
			pause(t, 300*time.Millisecond)
			f.srv.Must("CONFIG", "SET", "min-replicas-to-write", "0")
			f.judge.goesOn(t, 5, patience, "no writes")
			f.srv.Must("REPLICAOF", "127.0.0.1", "1")
			pause(t, 300*time.Millisecond)
			f.srv.Must("REPLICAOF", "NO", "ONE")
		}},
		{name: "Loading", args: withData, lease: 6 * time.Second, do: func(_ *testing.T, f *fleet) {
			f.srv.Must("EVAL", "for i=1,2000 do redis.call('SET','k'..i,string.rep('x',2000)) end", "0")
			f.srv.Kill()
			f.srv.Args = append(f.srv.Args, "--key-load-delay", "300", "--loading-process-events-interval-bytes", "1024")
			f.srv.Start() // it answers that it is loading
		}},
		{name: "Sleep", lease: 10 * time.Second, do: func(_ *testing.T, f *fleet) { f.srv.Must("DEBUG", "SLEEP", "3") }},
	})
}

// weather lets each fault happen to a fleet of its own.
func weather(t *testing.T, faults []fault) {
	for _, c := range faults {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.lease == 0 {
				c.lease = quick.Lease
			}
			srv := aged(t, append([]string{"--enable-debug-command", "yes"}, c.args...)...)
			f := startFleet(t, srv, 3, job{Limit: 5, Hold: 20 * time.Millisecond, Lease: c.lease})
			before := f.judge.look()
			c.do(t, f)
			f.judge.goesOn(t, 50, patience, c.name)
			f.end(t)
			after := f.judge.look()
			if after.lost > 0 {
				t.Errorf("%d permits were lost", after.lost)
			}
			if after.newest.Compare(before.newest) <= 0 {
				t.Errorf("the fences are at %v, and were at %v before", after.newest, before.newest)
			}
		})
	}
}

// TestLongFences has one permit, and Redis lose its data, keep it, and lose it
// again: each fence is larger than the one before.
func TestLongFences(t *testing.T) {
	long(t)
	t.Parallel()
	srv := aged(t)
	f := startFleet(t, srv, 2, job{Limit: 1, Hold: 5 * time.Millisecond, Lease: 2 * time.Second})
	for _, args := range [][]string{nil, withData, withData, nil} {
		f.judge.goesOn(t, 20, patience, "a restart")
		srv.Kill()
		srv.Args = args
		srv.Start()
	}
	f.judge.goesOn(t, 20, patience, "the last restart")
	f.end(t)
}

// TestLongSleepPastTheLease has Redis say nothing for longer than a lease: all
// that is held is lost before anybody else has it.
func TestLongSleepPastTheLease(t *testing.T) {
	long(t)
	t.Parallel()
	srv := aged(t, "--enable-debug-command", "yes")
	f := &fleet{srv: srv, judge: startJudge(t)}
	f.job = job{URL: srv.URL(), Name: "work", Judge: f.judge.addr, Limit: 5, Callers: 4, Hold: time.Hour, Lease: quick.Lease}
	for range 2 {
		f.job.start(t)
	}
	full := func() bool { return f.judge.look().working == 5 }
	eventually(t, patience, "all is held", full)
	before := f.judge.look()
	srv.Must("DEBUG", "SLEEP", "5")
	eventually(t, patience, "all is lost", func() bool { return f.judge.look().lost == 5 })
	eventually(t, patience, "all is held again", full)
	f.end(t)
	if after := f.judge.look(); after.newest.Compare(before.newest) <= 0 {
		t.Errorf("the fences are at %v, and were at %v before", after.newest, before.newest)
	}
}
