package redislimit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/redislimit"
)

// handOver has two processes pass a permit back and forth: calls, scripts and
// messages all work.
func handOver(t *testing.T, urls ...string) {
	t.Helper()
	a := semaphore(t, open(t, urls[0], quick), "hand", 1)
	b := semaphore(t, open(t, urls[len(urls)-1], quick), "hand", 1)
	p, err := a.Acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	slow := 0
	for i := range 10 {
		next, got := b, make(chan *redislimit.Permit)
		if i%2 == 1 {
			next = a
		}
		go func() {
			q, err := next.Acquire(t.Context(), 1)
			if err != nil {
				t.Error(err)
			}
			got <- q
		}()
		eventually(t, patience, "one waits", func() bool { return next.Stats().Waiting == 1 })
		pause(t, 5*time.Millisecond)
		start := time.Now()
		p.Release(penstock.Success)
		q := <-got
		if q == nil {
			return
		}
		if time.Since(start) > quick.Lease/8 {
			slow++
		}
		if q.Fence().Compare(p.Fence()) <= 0 {
			t.Errorf("%v after %v", q.Fence(), p.Fence())
		}
		p = q
	}
	p.Release(penstock.Success)
	if slow > 7 {
		t.Errorf("%d of 10 were handed over by a heartbeat, not by a message", slow)
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	nodes := redistest.Cluster(t, 2)
	a, b := nodes[0], nodes[1]
	for _, s := range nodes {
		s.Age(quick.Lease)
	}
	handOver(t, a.URL(), b.URL())
	store := open(t, a.URL(), quick)
	var kept []*redislimit.Permit
	for i := range 10 { // on both nodes
		p, err := semaphore(t, store, fmt.Sprint("name", i), 1).Acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, p)
	}
	if list, err := store.List(t.Context()); err != nil || len(list) != 11 {
		t.Errorf("%v: %+v", err, list)
	}
	if x, y := a.Must("DBSIZE"), b.Must("DBSIZE"); x == "0" || y == "0" {
		t.Errorf("%s and %s keys: not on both nodes", x, y)
	}
	for _, p := range kept {
		p.Release(penstock.Success)
	}
}

// TestACL gives the user what the package's documentation says, and no more.
func TestACL(t *testing.T) {
	srv := aged(t)
	srv.Must("ACL", "SETUSER", "limits", "on", ">secret", "~penstock:*", "&penstock:*",
		"+@read", "+@write", "+@scripting", "+@pubsub", "+@connection", "+info", "+time")
	srv.Must("ACL", "SETUSER", "default", "off")
	handOver(t, "redis://limits:secret@"+srv.Addr)
	t.Setenv("REDIS_USERNAME", "limits")
	t.Setenv("REDISCLI_AUTH", "secret")
	if err := open(t, srv.URL(), quick).Ping(t.Context()); err != nil {
		t.Errorf("user and password from the environment: %v", err)
	}
	if _, err := open(t, srv.URL(), quick).List(t.Context()); err != nil {
		t.Errorf("list: %v", err)
	}
	t.Setenv("REDISCLI_AUTH", "wrong")
	err := open(t, srv.URL(), quick).Ping(t.Context())
	if err == nil || strings.Contains(err.Error(), "wrong") && !strings.HasPrefix(err.Error(), "WRONGPASS") {
		t.Errorf("with a wrong password: %v", err)
	}
}

func TestURLsKeepSecrets(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"redis://u:hunter2@host:port/0", "http://u:hunter2@host", "redis://u:hunter2@host/x/y",
		"redis://u:hunter2@host/hunter2", "redis://u:hun/ter2@host", "redis://u:%zz-hunter2@host", "rediss://u:hunter2@host?ca=/none",
	} {
		_, err := redislimit.Open(url, redislimit.Options{})
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "ter2") || strings.Contains(err.Error(), "hun/") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	srv, addr, cert, key := redistest.TLS(t)
	srv.Age(quick.Lease)
	handOver(t, "rediss://"+addr+"?ca="+cert+"&cert="+cert+"&key="+key)
	if err := open(t, "rediss://"+addr+"?cert="+cert+"&key="+key, quick).Ping(t.Context()); err == nil {
		t.Error("a certificate of nobody's was taken")
	}
}

// TestLongFailover kills the primary of a primary, two replicas and three Sentinels,
// while a fleet works: whole, and after the replicas were cut off for a while,
// so that they miss what was written last.
func TestLongFailover(t *testing.T) {
	long(t)
	for _, lose := range []bool{false, true} {
		t.Run(fmt.Sprintf("WritesLost=%v", lose), func(t *testing.T) {
			t.Parallel()
			primary := redistest.Start(t)
			link := redistest.StartProxy(t, primary.Addr)
			redistest.Replicas(t, primary, link.Addr, 2)
			url := redistest.SentinelURL(redistest.Sentinels(t, primary, 2))
			primary.Age(quick.Lease)
			f := startFleet(t, primary, 3, job{URL: url, Limit: 5, Hold: 20 * time.Millisecond, Lease: 4 * time.Second})
			if lose {
				link.Cut.Store(true)
				pause(t, 800*time.Millisecond)
			}
			before := f.judge.look().newest
			start := time.Now()
			primary.Kill()
			f.judge.goesOn(t, 50, patience, "the failover")
			t.Logf("work went on %v after the primary was killed", time.Since(start))
			f.end(t)
			if after := f.judge.look().newest; after.Compare(before) <= 0 {
				t.Errorf("the fences are at %v, and were at %v before", after, before)
			}
		})
	}
}
