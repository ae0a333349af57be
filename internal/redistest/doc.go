// Package redistest starts and stops real Redis servers for tests: alone, as a
// Cluster, or watched by Sentinels, on free ports of the loopback, in folders of
// their own. They end with the test, and on Linux also when its process is
// killed.
//
// Without a redis-server the test that asks for one is skipped, and fails if
// PENSTOCK_REQUIRE in the environment names it.
package redistest

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a server may take for what it does at once on a machine
// that has nothing else to do.
const patience = time.Minute

// Require skips the test, or fails it, if there is no redis-server.
func Require(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err == nil {
		return
	}
	if strings.Contains(os.Getenv("PENSTOCK_REQUIRE"), "redis-server") {
		t.Fatal("no redis-server, though PENSTOCK_REQUIRE names it")
	}
	t.Skip("no redis-server; on Debian: sudo apt-get install redis-server")
}

// Eventually waits until ok, looking often: what is waited for happens in
// another process, so there is no clock to stop.
func Eventually(t testing.TB, most time.Duration, what string, ok func() bool) {
	t.Helper()
	if !within(most, ok) {
		t.Fatalf("not within %v: %s", most, what)
	}
}

func within(most time.Duration, ok func() bool) bool {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(most); !ok(); <-tick.C {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// Hear takes the connections to l until the test ends, and gives each to hear in a
// goroutine of its own. The other sides have to be gone by then: what starts them
// after this is cleaned up before.
func Hear(t testing.TB, l net.Listener, hear func(net.Conn)) {
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { hear(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
}
