package redislimit_test

import (
	"context"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock-go/penstock"
	"github.com/penstock-go/penstock/internal/redistest"
	"github.com/penstock-go/penstock/redislimit"
)

// fastText is fast.lua as it is for a limit of that name.
func fastText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("fast.lua")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "-- " + name + "\n"
}

// TestFastAsksBeforeItGrantsToOthers calls fast.lua where somebody waits: with the state
// of this server it hands the permit on, to another process. With that of another
// server it changes nothing, says nothing to anybody, and leaves word that the script is
// known here.
func TestFastAsksBeforeItGrantsToOthers(t *testing.T) {
	t.Parallel()
	srv := redistest.Shared(t)
	const state = "penstock:{asks}"
	const a, b = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"
	_, run, _ := strings.Cut(srv.Must("INFO", "server"), "run_id:")
	for _, c := range []struct{ server, answer, held, waits string }{
		{strings.TrimSpace(run[:40]), "100\n0", "2 7 0 -", "0"},
		{strings.Repeat("f", 40), "-1", "", "1"},
	} {
		srv.Must("DEL", state, state+":queue")
		srv.Must("EVAL", `redis.call('HSET', KEYS[1], 'i', ARGV[1], 'l', '2', 'r', '',
			'm', struct.pack('<dddddddddddd', 5, 6, 2, 0, 0, 0, 0, 0, 100, 2, 0, 1),
			'p:' .. ARGV[2], struct.pack('<dd', 1e9, 1) .. 'a:1', 'p:' .. ARGV[3], struct.pack('<dd', 1e9, 1) .. 'b:1',
			'h:' .. ARGV[2] .. ':1', '2 6 0 -')
			redis.call('ZADD', KEYS[1] .. ':queue', 100, ARGV[3] .. ':4:2')`, "1", state, c.server, a, b)
		got := srv.Must("EVAL", fastText(t, "asks"), "2", state, state+":queue", a, "2", "5", c.server, "0", "1", "1")
		if got != c.answer {
			t.Errorf("%s: it answers %q", c.server, got)
		}
		if held := srv.Must("HGET", state, "h:"+b+":4"); held != c.held {
			t.Errorf("%s: who waits has %q", c.server, held)
		}
		if n := srv.Must("ZCARD", state+":queue"); n != c.waits {
			t.Errorf("%s: %s wait", c.server, n)
		}
		if gone := srv.Must("HEXISTS", state, "h:"+a+":1") == "0"; gone != (c.waits == "0") {
			t.Errorf("%s: what was to be freed is gone: %v", c.server, gone)
		}
		if i := srv.Must("HGET", state, "i"); c.waits == "1" && i != "" {
			t.Errorf("the state is still that of %q", i)
		}
	}
	srv.Must("DEL", state, state+":queue")
}

// A switchboard is a proxy that keeps its clients' connections while it goes over to
// another server.
type switchboard struct {
	addr  string
	heard atomic.Int64 // how often a client has said something

	mu    sync.Mutex // held while nothing is passed on
	to    string
	conns []net.Conn
}

func newSwitchboard(t *testing.T, to string) *switchboard {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &switchboard{addr: l.Addr().String(), to: to}
	redistest.Hear(t, l, b.serve)
	t.Cleanup(func() { // before Hear waits for them
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, c := range b.conns {
			c.Close()
		}
	})
	return b
}

// serve passes on what a client says, to the server of now.
func (b *switchboard) serve(client net.Conn) {
	var answering sync.WaitGroup
	defer answering.Wait()
	b.mu.Lock()
	b.conns = append(b.conns, client)
	b.mu.Unlock()
	var server net.Conn
	at := ""
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			break
		}
		b.heard.Add(1)
		b.mu.Lock()
		if at != b.to {
			at = b.to
			if server, err = net.Dial("tcp", at); err != nil {
				b.mu.Unlock()
				break
			}
			b.conns = append(b.conns, server)
			answers := server
			answering.Go(func() { _, _ = io.Copy(client, answers) })
		}
		_, err = server.Write(buf[:n])
		b.mu.Unlock()
		if err != nil {
			break
		}
	}
	client.Close()
	if server != nil {
		server.Close()
	}
}

// TestServerMovedBehindAProxy has a process's connection go over to a replica without
// its being told, one that was the primary before and knows the script; the latest
// writes are lost. What is held by their leave is not given out a second time.
func TestServerMovedBehindAProxy(t *testing.T) {
	t.Parallel()
	lease := redislimit.Options{Lease: 8 * time.Second}
	first := redistest.Start(t)
	first.Age(lease.Lease)
	link := redistest.StartProxy(t, first.Addr)
	second := redistest.Replicas(t, first, link.Addr, 1)[0]
	second.Must("SCRIPT", "LOAD", fastText(t, "moved"))
	board := newSwitchboard(t, first.Addr)
	moved := semaphore(t, open(t, "redis://"+board.addr, lease), "moved", 2)
	stays := semaphore(t, open(t, first.URL(), lease), "moved", 2)
	hold := func(s *redislimit.Semaphore) *redislimit.Permit {
		p, err := s.Acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	hold(stays).Release(penstock.Success)
	hold(moved).Release(penstock.Success)
	p := hold(moved) // by the short script
	eventually(t, patience, "one is in use, also at the replica", func() bool {
		return inUse(t, first, "moved") == 1 && inUse(t, second, "moved") == 1
	})
	link.Cut.Store(true)
	mine := hold(stays) // of which the replica does not hear
	defer mine.Release(penstock.Success)
	second.Must("REPLICAOF", "NO", "ONE")

	// While one call is under way, and the connection goes over, three ask. They go
	// in one call, for more than there is, and it grants to others, too.
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	board.mu.Lock()
	board.to = second.Addr
	heard := board.heard.Load()
	p.Release(penstock.Success)
	eventually(t, patience, "a call is under way", func() bool { return board.heard.Load() > heard })
	for range 3 {
		all.Go(func() {
			if q, err := moved.Acquire(ctx, 1); err == nil {
				<-ctx.Done()
				q.Release(penstock.Success)
			}
		})
	}
	eventually(t, patience, "three ask", func() bool { return moved.Stats().Waiting == 3 })
	board.mu.Unlock()
	eventually(t, patience, "the replica has been asked", func() bool {
		return moved.Stats().InUse > 1 || second.Must("ZCARD", "penstock:{moved}:queue") == "3"
	})
	if n := moved.Stats().InUse; n > 1 && mine.Context().Err() == nil {
		t.Errorf("%d at work, and one that the new server has not heard of: the limit is 2", n)
	}
	stop()
	all.Wait()
}
