package fetch_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-go/penstock/fetch"
	"github.com/penstock-go/penstock/internal/origin"
)

// What the server sees of a run over real HTTP, in exact time: never more
// than the limits, each request once, the whole slot used.
func TestServerNeverSeesMore(t *testing.T) {
	const hosts, limit, perHost, items = 4, 10, 4, 1000
	inMemory(t, origin.Options{Hosts: hosts}, func(t *testing.T, s *origin.Server, tr *http.Transport) {
		var urls []string
		for i := range items {
			path := fmt.Sprintf("/jitter/1-50/%d", i)
			switch i % 50 {
			case 10:
				path = fmt.Sprintf("/redirect/2/%d", i)
			case 20:
				path = fmt.Sprintf("/redirect-host/%d?id=%d", (i/50)%hosts, i)
			case 30:
				path = fmt.Sprintf("/flaky/1/%d?delay=20", i)
			case 40:
				path = fmt.Sprintf("/drip/10/40/%d", i)
			}
			urls = append(urls, s.URLs()[i%hosts]+path)
		}
		sink := newShelf()
		sum, err := fetch.Run(t.Context(), gets(urls...), sink, fetch.Options{
			Concurrency: limit, PerHost: perHost, Redirects: 3, Retry: fetch.Retry{Max: 1}, Transport: tr,
		})
		if err != nil || sum.OK != items {
			t.Fatalf("%+v: %v", sum, err)
		}
		sink.each(t, items)
		audit := s.Audit()
		if got := audit.Total; got.MaxInFlight != limit || got.MaxOpen > hosts*limit || got.Requests != uint64(items+sum.Redirects+sum.Retries) {
			t.Errorf("the server saw %d requests, %d at once on %d connections; want %d, %d", got.Requests, got.MaxInFlight, got.MaxOpen, items+sum.Redirects+sum.Retries, limit)
		}
		for _, h := range audit.Hosts {
			if h.MaxInFlight != perHost {
				t.Errorf("%s saw %d at once, want %d", h.URL, h.MaxInFlight, perHost)
			}
		}
	})
}

// The server's own judgement of its hints, with real HTTP: nothing came too
// early.
func TestServerSeesItsHintsObeyed(t *testing.T) {
	for _, headers := range []string{"", "?headers=date"} {
		inMemory(t, origin.Options{Hosts: 2}, func(t *testing.T, s *origin.Server, tr *http.Transport) {
			var urls []string
			for i := range 100 {
				path := fmt.Sprintf("/item/%d", i)
				if i%10 == 5 {
					path = fmt.Sprintf("/retry-after/3/1/%d%s", i, headers)
				}
				urls = append(urls, s.URLs()[i%2]+path)
			}
			began := time.Now()
			sum, err := fetch.Run(t.Context(), gets(urls...), newShelf(), fetch.Options{
				Transport: tr, Concurrency: 4, Retry: fetch.Retry{Max: 1},
			})
			if err != nil || sum.OK != 100 || sum.Retries != 10 {
				t.Fatalf("%+v: %v", sum, err)
			}
			if got := s.Audit().Total.TooEarly; got != 0 {
				t.Errorf("%d requests came too early", got)
			}
			if took := time.Since(began); took < 2*time.Second {
				t.Errorf("over after %v, the hosts were on hold for longer", took)
			}
		})
	}
}

// As many connections are kept as are of use: a second round of requests
// needs no new ones, with limits or without.
func TestTransportKeepsItsConnections(t *testing.T) {
	for name, o := range map[string]fetch.TransportOptions{
		"limits":    {MaxConns: 20, MaxConnsPerHost: 20},
		"no limits": {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := &pipes{}
				s, err := origin.Start(origin.Options{Listen: network.listen})
				if err != nil {
					t.Fatal(err)
				}
				tr := fetch.NewTransport(o)
				tr.DialContext = network.dial
				tr.Proxy = nil
				for range 3 {
					out, err := fetch.Run(t.Context(), gets(sprint(s.URL()+"/delay/100/%d", 200)...), newShelf(),
						fetch.Options{Concurrency: 20, Transport: tr})
					if err != nil || out.OK != 200 {
						t.Fatalf("%+v: %v", out, err)
					}
				}
				if got := s.Audit().Total; got.Opened != 20 {
					t.Errorf("%d connections were opened for 20 at a time", got.Opened)
				}
				tr.CloseIdleConnections()
				s.Close()
			})
		})
	}
}

// sprint is n texts with a number in each.
func sprint(format string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(format, i)
	}
	return list
}

// MaxConnsPerHost is held, also by whoever uses the transport by itself.
func TestTransportConnsPerHost(t *testing.T) {
	s := serve(t, origin.Options{})
	tr := fetch.NewTransport(fetch.TransportOptions{MaxConnsPerHost: 3})
	defer tr.CloseIdleConnections()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/delay/5", http.NoBody)
			if err != nil {
				t.Error(err)
				return
			}
			resp, err := tr.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			_, err = io.Copy(io.Discard, resp.Body) // else the connection is closed
			if resp.Body.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := s.Audit().Total; got.MaxOpen > 3 || got.Requests != 20 {
		t.Errorf("%d connections at once, %d requests", got.MaxOpen, got.Requests)
	}
}

func TestTransportMaxHeader(t *testing.T) {
	s := serve(t, origin.Options{})
	for _, tt := range []struct {
		most, size int64
		ok         bool
	}{{0, 900_000, true}, {0, 1_200_000, false}, {10_000, 5_000, true}, {10_000, 20_000, false}, {8 << 20, 2 << 20, true}} {
		r := over(t, fetch.NewTransport(fetch.TransportOptions{MaxHeader: tt.most}),
			fetch.Item{URL: fmt.Sprintf("%s/hugeheader/%d", s.URL(), tt.size)}, fetch.Options{})
		if r.OK != tt.ok || !tt.ok && classOf(r) != fetch.TooLarge {
			t.Errorf("a header of %d bytes, at most %d: %v", tt.size, tt.most, r.Error)
		}
	}
}

// A proxy is used for every request, and is given its own credentials only.
func TestTransportProxy(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.Method+" "+r.URL.String()+" "+r.Header.Get("Proxy-Authorization"))
		fmt.Fprint(w, "by proxy")
	}))
	defer proxy.Close()
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("user", "word")
	tr := fetch.NewTransport(fetch.TransportOptions{Proxy: u})
	defer tr.CloseIdleConnections()
	s := newShelf()
	if _, err := fetch.Run(t.Context(), gets("http://x.invalid/a", "http://127.0.0.1:1/b"), s,
		fetch.Options{Transport: tr, Concurrency: 1, KeepBody: true}); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.each(t, 2) {
		if string(r.Body) != "by proxy" {
			t.Errorf("%s: body %q, %v", r.URL, r.Body, r.Error)
		}
	}
	want := "GET http://x.invalid/a Basic dXNlcjp3b3Jk, GET http://127.0.0.1:1/b Basic dXNlcjp3b3Jk"
	if got := strings.Join(asked, ", "); got != want {
		t.Errorf("the proxy was asked for %s; want %s", got, want)
	}
}

// A server that accepts and never says a word is given up in time, and not
// called the attempt's timeout.
func TestTransportConnectTimeout(t *testing.T) {
	l := listen(t) // its backlog accepts
	r := over(t, fetch.NewTransport(fetch.TransportOptions{ConnectTimeout: 50 * ms}),
		fetch.Item{URL: "https://" + l.Addr().String() + "/"}, fetch.Options{Timeout: time.Minute})
	if r.Error == nil || strings.Contains(r.Error.Message, "1m") || r.Total > 30*time.Second || r.Total < 50*ms {
		t.Errorf("after %v: %v", r.Total, r.Error)
	}
	if c := classOf(r); c != fetch.TLS && c != fetch.Timeout && c != fetch.Connect {
		t.Errorf("class %s", c)
	}
}

// A run with a transport of its own leaves no connection behind, however it
// ends.
func TestRunClosesItsConnections(t *testing.T) {
	for name, cancels := range map[string]bool{"to its end": false, "canceled": true} {
		t.Run(name, func(t *testing.T) {
			var open sync.WaitGroup
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/hang" {
					<-r.Context().Done()
				}
			}))
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				switch state {
				case http.StateNew:
					open.Add(1)
				case http.StateClosed:
					open.Done()
				}
			}
			server.Start()
			defer server.Close()
			urls := sprint(server.URL+"/%d", 50)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if cancels {
				urls = append(urls, server.URL+"/hang")
			}
			var done atomic.Int64
			_, err := fetch.Run(ctx, gets(urls...), fetch.SinkFunc(func(*fetch.Record) error {
				if done.Add(1) == 50 && cancels {
					cancel()
				}
				return nil
			}), fetch.Options{})
			if cancels != (err != nil) {
				t.Errorf("Run: %v", err)
			}
			closed := make(chan struct{})
			go func() { open.Wait(); close(closed) }()
			select {
			case <-closed:
			case <-time.After(10 * time.Second): // an idle connection lives for 30
				t.Error("connections were left open")
			}
		})
	}
}

// A limit that is raised while the run goes on is one that the connections can
// follow, and one that is lowered holds at once.
func TestRaisedLimit(t *testing.T) {
	for name, transport := range map[string]http.RoundTripper{
		"own":  nil,
		"std":  fetch.NewTransport(fetch.TransportOptions{MaxConns: 3, MaxConnsPerHost: 3}),
		"fast": fetch.NewFastTransport(fetch.TransportOptions{MaxConns: 3, MaxConnsPerHost: 3}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, err := origin.Start(origin.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer srv.Close()
			urls := make([]string, 3000)
			for i := range urls {
				urls[i] = fmt.Sprintf("%s/delay/20?id=%d", srv.URL(), i)
			}
			e, err := fetch.New(fetch.Options{Concurrency: 3, Transport: transport})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = e.Run(ctx, fetch.URLs(slices.Values(urls)), fetch.SinkFunc(func(*fetch.Record) error { return nil }))
			}()
			defer func() { cancel(); <-ended }()
			await := func(what string, ok func(a origin.Counts) bool) {
				t.Helper()
				for deadline := time.Now().Add(time.Minute); !ok(srv.Audit().Total); time.Sleep(5 * ms) {
					if time.Now().After(deadline) {
						t.Fatalf("in vain waited for %s: %+v", what, srv.Audit().Total)
					}
				}
			}
			await("three at once", func(a origin.Counts) bool { return a.MaxInFlight == 3 && a.Requests > 20 })
			if err := e.SetConcurrency(9); err != nil {
				t.Fatal(err)
			}
			await("nine at once", func(a origin.Counts) bool { return a.MaxInFlight == 9 })
			before := srv.Audit().Total
			await("200 more", func(a origin.Counts) bool { return a.Requests >= before.Requests+200 })
			if a := srv.Audit().Total; a.MaxInFlight > 9 {
				t.Errorf("%d in flight under 9", a.MaxInFlight)
			} else if more := a.Opened - before.Opened; more > 60 {
				t.Errorf("%d new connections for 200 requests: they are not kept", more)
			}
			if err := e.SetConcurrency(2); err != nil {
				t.Fatal(err)
			}
			await("two at once", func(a origin.Counts) bool { return a.InFlight <= 2 })
			srv.Reset()
			await("some more", func(a origin.Counts) bool { return a.Requests > 40 })
			if a := srv.Audit().Total; a.MaxInFlight > 2 {
				t.Errorf("%d in flight under 2", a.MaxInFlight)
			}
		})
	}
}
