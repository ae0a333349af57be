package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// A scenario is what is asked for, and of what.
type scenario struct {
	name, about string
	server      string // nginx, or what ours is to do
	urls        int
	conns       int
	hosts       int // 1 unless said
	tls         bool
	big         bool // bodies of 1 MB
	perHost     int  // where a command knows such a limit
	retries     bool // the server refuses
	delay       time.Duration
	others      bool // tell when the hosts that are not slow were done
}

func scenarios() []scenario {
	return []scenario{
		{name: "small-100", about: "100,000 small responses, 100 connections", server: "nginx", urls: 100_000, conns: 100},
		{name: "small-10", about: "100,000 small responses, 10 connections", server: "nginx", urls: 100_000, conns: 10},
		{name: "small-1000", about: "100,000 small responses, 1,000 connections", server: "nginx", urls: 100_000, conns: 1000},
		{
			name: "delay", about: "20,000 responses after 50 ms each, 100 connections: 2,000/s is all there is",
			server: "delay", urls: 20_000, conns: 100, delay: 50 * time.Millisecond,
		},
		{name: "tls", about: "100,000 small responses over TLS, 100 connections", server: "nginx", urls: 100_000, conns: 100, tls: true},
		{name: "big", about: "2,000 bodies of 1 MB, 100 connections", server: "big", urls: 2000, conns: 100, big: true},
		{
			name: "hosts", about: "100 hosts, 1,000 small responses each, 1,000 connections, 10 a host",
			server: "nginx", urls: 100_000, conns: 1000, hosts: 100, perHost: 10,
		},
		{
			name: "slow-host", about: "ten hosts, one of which does 200 requests a second and no more; 10,000 requests, 100 connections, 10 a host",
			server: "slow", urls: 10_000, conns: 100, hosts: 10, perHost: 10, others: true,
		},
		{
			name: "quota", about: "a host that answers 1,000 requests a second, and the others with 429 and Retry-After: 1; 5,000 requests, 50 connections",
			server: "quota", urls: 5000, conns: 50, retries: true,
		},
	}
}

// run measures the commands in turn and writes the table.
func (s scenario) run(ctx context.Context, o options, dir, bin string, out, progress io.Writer) error {
	dir = filepath.Join(dir, s.name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.quick {
		s.urls = max(s.urls/100, 2*s.conns)
		if s.big {
			s.urls, s.conns = 20, 4
		}
	}
	srv, err := startServer(ctx, s, dir)
	if err != nil {
		return err
	}
	defer srv.stop()
	var peers []*peer
	results := map[string][]result{}
	for _, p := range peersFor(s) {
		if o.only.MatchString(p.name) && p.installed(bin) {
			peers = append(peers, p)
		}
	}
	lists := map[int]string{}
	for round := range o.rounds {
		for _, p := range peers {
			n := s.urls / max(1, p.share)
			if o.quick {
				n = s.urls
			}
			list := lists[n]
			if list == "" {
				list = filepath.Join(dir, fmt.Sprintf("urls-%d.txt", n))
				if err := s.writeList(list, srv, n); err != nil {
					return err
				}
				lists[n] = list
			}
			fmt.Fprintf(progress, "%s %d/%d %s\n", s.name, round+1, o.rounds, p.name)
			work := filepath.Join(dir, "work")
			r, err := p.measure(ctx, job{s: s, dir: work, bin: bin, list: list, n: n, first: srv.url(0) + "/item/0"}, srv)
			if err != nil && (p.ours() || ctx.Err() != nil) {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			if err != nil { // its row says so
				fmt.Fprintf(progress, "%s: %v\n", p.name, err)
			}
			results[p.name] = append(results[p.name], r)
		}
	}
	return s.table(out, peers, results)
}

// writeList writes a URL a line; the hosts take turns.
func (s scenario) writeList(name string, srv *server, n int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for i := range n {
		fmt.Fprintf(w, "%s/item/%d\n", srv.url(i%max(1, s.hosts)), i)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
